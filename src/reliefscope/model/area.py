"""Where to look: a named region of the earth, whole across the antimeridian and the poles."""

from dataclasses import dataclass
from typing import Self

import shapely
from odc.geo.geom import Geometry
from shapely.affinity import translate
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError

_HALF_TURN, _FULL_TURN, _POLE = 180.0, 360.0, 90.0
_GLOBE = shapely.box(-_HALF_TURN, -_POLE, _HALF_TURN, _POLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A region in geographic coordinates.

    Build one with `from_bbox` or `from_geometry`; reading a file or a country's outline is
    `reliefscope.sources.places`.
    """

    name: str
    geometry: BaseGeometry
    """Polygon or MultiPolygon, EPSG:4326, longitudes in [-180, 180]; split where it crosses
    the antimeridian."""

    def __post_init__(self) -> None:
        """Refuse what is not a valid polygon on the globe."""
        geometry = self.geometry
        if geometry.is_empty or geometry.geom_type not in {"Polygon", "MultiPolygon"}:
            raise InputError(
                f"area {self.name!r} is {geometry.geom_type}; give a polygon with an interior"
            )
        west, south, east, north = geometry.bounds
        if west < -_HALF_TURN or east > _HALF_TURN or south < -_POLE or north > _POLE:
            raise InputError(
                f"area {self.name!r} spans {west:.4f} {south:.4f} {east:.4f} {north:.4f}; "
                f"longitudes go from -180 to 180 and latitudes from -90 to 90 (EPSG:4326)"
            )

    @classmethod
    def from_bbox(
        cls, west: float, south: float, east: float, north: float, *, name: str = "area"
    ) -> Self:
        """Return the box between two meridians and two parallels [degrees].

        ``west > east`` means that the box crosses the antimeridian.

        Raises
        ------
        InputError
            South is not below north, or a number is off the globe.
        """
        if not (-_POLE <= south < north <= _POLE):
            raise InputError(
                f"bbox latitudes {south} to {north} must rise from south to north within -90..90; "
                f"the order is west south east north"
            )
        if not all(-_HALF_TURN <= v <= _HALF_TURN for v in (west, east)) or west == east:
            raise InputError(
                f"bbox longitudes {west} to {east} must differ and lie within -180..180"
            )
        if west < east:
            return cls(name=name, geometry=shapely.box(west, south, east, north))
        parts = [
            shapely.box(w, south, e, north)
            for w, e in ((west, _HALF_TURN), (-_HALF_TURN, east))
            if w < e
        ]
        return cls(name=name, geometry=shapely.union_all(parts))

    @classmethod
    def from_geometry(cls, geometry: BaseGeometry, *, name: str = "area") -> Self:
        """Return the area of polygons in EPSG:4326, mended and split at the antimeridian.

        Longitudes may run past 180 (a shape drawn across the antimeridian).

        Raises
        ------
        InputError
            The geometry holds no polygon, or lies off the globe.
        """
        valid = shapely.make_valid(shapely.force_2d(geometry))
        polygons = [
            part
            for part in shapely.get_parts(shapely.get_parts([valid]))
            if part.geom_type == "Polygon" and not part.is_empty
        ]
        if not polygons:
            raise InputError(f"area {name!r} holds no polygon, only {geometry.geom_type}")
        return cls(name=name, geometry=_wrapped(shapely.union_all(polygons)))

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the area touches both sides of longitude 180."""
        west, _, east, _ = self.geometry.bounds
        return bool(
            west == -_HALF_TURN and east == _HALF_TURN and self._east_positive_span() < _HALF_TURN
        )

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north [degrees]; west > east across the antimeridian (RFC 7946)."""
        west, south, east, north = self.geometry.bounds
        if self.crosses_antimeridian:
            shifted = self._east_positive().bounds
            west, east = shifted[0], shifted[2] - _FULL_TURN
        return (west, south, east, north)

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle [degrees]."""
        geometry = self._east_positive() if self.crosses_antimeridian else self.geometry
        west, south, east, north = geometry.bounds
        lon = (west + east) / 2
        return (lon - _FULL_TURN if lon > _HALF_TURN else lon, (south + north) / 2)

    @property
    def width_deg(self) -> float:
        """Extent in longitude [degrees]."""
        west, _, east, _ = self.bbox
        return east - west + (_FULL_TURN if east < west else 0.0)

    @property
    def boxes(self) -> tuple[tuple[float, float, float, float], ...]:
        """One or two boxes that services without antimeridian support understand."""
        west, south, east, north = self.bbox
        if west <= east:
            return ((west, south, east, north),)
        return ((west, south, _HALF_TURN, north), (-_HALF_TURN, south, east, north))

    def to_geometry(self) -> Geometry:
        """Return the area as an odc-geo geometry in EPSG:4326."""
        return Geometry(mapping(self.geometry), "EPSG:4326")

    def _east_positive(self) -> BaseGeometry:
        return shapely.union_all(
            [
                translate(p, _FULL_TURN) if p.bounds[2] <= 0 else p
                for p in shapely.get_parts(self.geometry)
            ]
        )

    def _east_positive_span(self) -> float:
        west, _, east, _ = self._east_positive().bounds
        return float(east - west)


def _wrapped(geometry: BaseGeometry) -> BaseGeometry:
    """Return ``geometry`` with longitudes beyond 180 moved to the other side."""
    west, _, east, _ = geometry.bounds
    if west >= -_HALF_TURN and east <= _HALF_TURN:
        return geometry
    parts = []
    for shift in (-_FULL_TURN, 0.0, _FULL_TURN):
        inside = shapely.intersection(translate(geometry, shift), _GLOBE)
        parts += [
            p for p in shapely.get_parts(inside) if p.geom_type == "Polygon" and not p.is_empty
        ]
    if not parts:
        return geometry
    whole: BaseGeometry = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
    return whole
