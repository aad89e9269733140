"""Where a report says a disaster is: outlines, tracks and points become areas.

Coordinates are untrusted: those off the globe are refused, not mended. An outline that would take
long to mend is replaced by its hull.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError
from reliefscope.feeds._plain import child, listed, number, told
from reliefscope.model.area import Area
from reliefscope.model.event import Hazard

MAX_VERTICES = 300_000
"""An outline with more is refused; the largest seen, a flood of GDACS, has 35,000."""
KEPT_VERTICES = 5_000
"""Outlines are simplified to about this many: an area says where to look, no more."""
_MENDED_PARTS, _MENDED_CROSSINGS, _CROSSINGS_EACH = 500, 200_000, 20
"""Merging and mending take time with the parts that overlap and the edges that cross; beyond
these, and so many for each edge, the hull stands in. A flood of GDACS has four for each edge."""
_SAMPLED_EDGES = 50
_TOLERANCE_DEG = 0.001
_SIDES = 48
_WKT_VERTEX = 40
"""Characters that a vertex may take."""
_KM_PER_DEGREE = 111.2
_LARGEST_KM = 2_000.0
_MAX_POINTS = 2_000
_POLE, _HALF_TURN, _FULL_TURN = 90.0, 180.0, 360.0

RADIUS_KM: Mapping[Hazard, float] = {
    Hazard.FLOOD: 50,
    Hazard.FIRE: 10,
    Hazard.DROUGHT: 300,
    Hazard.HEAT: 300,
    Hazard.STORM: 200,
    Hazard.EARTHQUAKE: 100,
    Hazard.LANDSLIDE: 10,
    Hazard.EXPLOSION: 5,
    Hazard.VOLCANO: 30,
    Hazard.CLIMATE: 300,
}
"""Where a feed gives a point alone: radius to look at [km]. Chosen for display; no finding."""


def earthquake_radius_km(magnitude: float) -> float:
    """Return the radius around an epicentre within which the rupture lies, and 20 km more [km].

    The rupture may run from the epicentre either way, at most its whole length below ground:
    log10(length in km) = -2.44 + 0.59 M (Wells and Coppersmith 1994, Bulletin of the
    Seismological Society of America 84(4), 974-1002, Table 2A, all slip types). The 20 km are
    for display. Shaking is felt, and does damage, farther out than this.
    """
    length: float = 10.0 ** (-2.44 + 0.59 * min(magnitude, 10.0))
    return min(length + 20.0, _LARGEST_KM)


def point(lon: object, lat: object) -> tuple[float, float]:
    """Return longitude in -180..180 and latitude of a point on the globe [degrees].

    Longitudes up to 360 are taken too: tracks across the antimeridian are written so.

    Raises
    ------
    InputError
        Not two numbers, or off the globe: maybe swapped, which cannot be told from here.
    """
    x, y = number(lon), number(lat)
    if x is None or y is None or not (-_HALF_TURN <= x <= _FULL_TURN and -_POLE <= y <= _POLE):
        raise InputError(f"no point on the globe: {told(lon)}, {told(lat)}")
    return (x - _FULL_TURN if x > _HALF_TURN else x, y)


def geojson_point(node: object) -> tuple[float, float]:
    """Return longitude and latitude of a GeoJSON point, the middle of any other geometry.

    Raises
    ------
    InputError
        See `point` and `geojson_polygons`.
    """
    if child(node, "type") == "Point":
        where = listed(node, "coordinates")
        if len(where) not in {2, 3}:
            raise InputError(f"a point has {len(where)} coordinates; it needs longitude, latitude")
        return point(where[0], where[1])
    return area_of(geojson_polygons(node), name="outline").centre


def area_of(geometry: BaseGeometry, *, name: str) -> Area:
    """Return the area of polygons whose longitudes may run past 180, without empty parts.

    Raises
    ------
    InputError
        They hold no polygon, or lie off the globe.
    """
    area = Area.from_geometry(geometry, name=name)
    parts = [part for part in shapely.get_parts(area.geometry) if not part.is_empty]
    return Area(name=name, geometry=parts[0] if len(parts) == 1 else shapely.multipolygons(parts))


def circle(lon: float, lat: float, radius_km: float, *, name: str) -> Area:
    """Return the area within ``radius_km`` of a point, across antimeridian and poles."""
    return area_of(_disc(lon, lat, radius_km), name=name)


def track(points: Sequence[tuple[float, float]], radius_km: float, *, name: str) -> Area:
    """Return the strip within ``radius_km`` of a line through points, in their order.

    Raises
    ------
    InputError
        There is no point, or there are too many.
    """
    if not 0 < len(points) <= _MAX_POINTS:
        raise InputError(f"a track of {len(points)} points; it must have 1 to {_MAX_POINTS}")
    if len(points) == 1:
        return circle(*points[0], radius_km, name=name)
    pieces = []
    for (lon, lat), (other, to_lat) in pairwise(points):
        to_lon = lon + (other - lon + _HALF_TURN) % _FULL_TURN - _HALF_TURN
        ends = shapely.union(_disc(lon, lat, radius_km), _disc(to_lon, to_lat, radius_km))
        pieces.append(area_of(shapely.convex_hull(ends), name=name).geometry)
    return area_of(slim(shapely.union_all(pieces)), name=name)


def _disc(lon: float, lat: float, radius_km: float) -> BaseGeometry:
    radius = min(radius_km, _LARGEST_KM)
    reach = radius / _KM_PER_DEGREE
    if abs(lat) + reach >= _POLE:  # holds the pole: a cap, as a map in degrees shows it
        edge = abs(lat) - reach
        south, north = (edge, _POLE) if lat > 0 else (-_POLE, -edge)
        return shapely.box(-_HALF_TURN, south, _HALF_TURN, north)
    azimuths = np.linspace(0, _FULL_TURN, _SIDES, endpoint=False)
    lons, lats, _ = Geod(ellps="WGS84").fwd(
        np.full(_SIDES, lon), np.full(_SIDES, lat), azimuths, np.full(_SIDES, radius * 1000)
    )
    lons = lon + (np.asarray(lons) - lon + _HALF_TURN) % _FULL_TURN - _HALF_TURN
    return shapely.Polygon(np.column_stack([lons, lats]))


def geojson_polygons(node: object) -> BaseGeometry:
    """Return the polygons of a GeoJSON geometry, valid, with longitudes that may run past 180.

    Raises
    ------
    InputError
        Not a Polygon or MultiPolygon, too many vertices, or coordinates off the globe.
    """
    kind = child(node, "type")
    nested = listed(node, "coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError(f"geometry {told(kind)} is no polygon")
    shapes = [nested] if kind == "Polygon" else nested
    if _count(shapes) > MAX_VERTICES:
        raise InputError(f"an outline of more than {MAX_VERTICES} vertices is refused")
    return merged([_polygon(shape) for shape in shapes])


def wkt_polygons(text: object) -> BaseGeometry:
    """Return the polygons of a geometry in WKT; see `geojson_polygons`.

    Raises
    ------
    InputError
        Not the WKT of polygons, too long, or coordinates off the globe.
    """
    geometry = _from_wkt(text, "POLYGON", "MULTIPOLYGON")
    parts = list(shapely.get_parts([geometry]))
    if shapely.get_num_coordinates(geometry) > MAX_VERTICES:
        raise InputError(f"an outline of more than {MAX_VERTICES} vertices is refused")
    polygons = [p for p in parts if p.geom_type == "Polygon" and not p.is_empty]
    return merged(
        [
            _closed([_checked(shapely.get_coordinates(r)) for r in [p.exterior, *p.interiors]])
            for p in polygons
        ]
    )


def wkt_point(text: object) -> tuple[float, float]:
    """Return longitude and latitude of a point in WKT; InputError when it is none."""
    geometry = _from_wkt(text, "POINT")
    if geometry.is_empty:
        raise InputError("an empty point in WKT")
    return point(float(shapely.get_x(geometry)), float(shapely.get_y(geometry)))


def _from_wkt(text: object, *kinds: str) -> BaseGeometry:
    """Parse WKT of flat kinds only: collections nest, and the parser follows them down."""
    longest = MAX_VERTICES * _WKT_VERTEX
    if not isinstance(text, str) or len(text) > longest or not text.lstrip().startswith(kinds):
        raise InputError(f"{told(text)} is no {' or '.join(kinds)} in WKT, or too long")
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused where vertices are checked
            return shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        raise InputError(f"{told(text)} cannot be read as WKT") from error


def merged(polygons: Sequence[BaseGeometry]) -> BaseGeometry:
    """Return polygons as one valid geometry; their hull where merging them would take long.

    Raises
    ------
    InputError
        There is none.
    """
    parts = [p for p in shapely.get_parts(list(polygons)) if p.geom_type == "Polygon"]
    if not parts:
        raise InputError("an outline holds no polygon")
    whole: BaseGeometry = shapely.multipolygons(parts)
    if whole.is_valid:
        return whole
    if len(parts) > _MENDED_PARTS:
        return whole.convex_hull
    return shapely.union_all(parts)


def slim(geometry: BaseGeometry) -> BaseGeometry:
    """Return the outline with few enough vertices to plan with; the hull where that fails."""
    tolerance = _TOLERANCE_DEG
    while shapely.get_num_coordinates(geometry) > KEPT_VERTICES:
        if tolerance > 1:
            return geometry.convex_hull
        geometry = shapely.simplify(geometry, tolerance)
        tolerance *= 2
    return geometry


def outlined(geometries: Iterable[BaseGeometry], *, name: str) -> Area:
    """Return the area of several outlines, simplified.

    Raises
    ------
    InputError
        They hold no polygon, or lie off the globe.
    """
    return area_of(slim(merged(list(geometries))), name=name)


def _count(node: Sequence[object]) -> int:
    """Return how many vertices three levels of nested lists hold; stops counting in time."""
    total = 0
    for shape in node:
        for ring in shape if isinstance(shape, list) else ():
            total += len(ring) if isinstance(ring, list) else 1
            if total > MAX_VERTICES:
                return total
    return total


def _polygon(node: object) -> BaseGeometry:
    if not isinstance(node, list) or not node:
        raise InputError("a polygon without rings")
    return _closed([_ring(ring) for ring in node])


def _ring(node: object) -> npt.NDArray[np.float64]:
    if not isinstance(node, list):
        raise InputError("a ring that is no list")
    if not all(isinstance(p, list) for p in node):
        raise InputError("a ring with vertices that are no lists")
    try:
        xy = np.array([(float(p[0]), float(p[1])) for p in node], dtype=np.float64)
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise InputError("a ring with vertices that are not pairs of numbers") from error
    return _checked(xy)


def _checked(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the vertices of a ring, without jumps across the antimeridian."""
    if len(xy) < 3:  # noqa: PLR2004 - the corners of a triangle
        raise InputError(f"a ring of {len(xy)} vertices")
    lons, lats = xy[:, 0], xy[:, 1]
    if not (np.isfinite(xy).all() and abs(lons).max() <= _FULL_TURN and abs(lats).max() <= _POLE):
        raise InputError("a ring with vertices off the globe")
    all_around = lons.min() == -_HALF_TURN and lons.max() == _HALF_TURN
    if not all_around and abs(np.diff(lons)).max() > _HALF_TURN:
        lons = np.unwrap(lons, period=_FULL_TURN)
    return np.column_stack([lons, lats])


def _closed(rings: Sequence[npt.NDArray[np.float64]]) -> BaseGeometry:
    """Return the valid polygon of an outer ring and its holes."""
    outer, *holes = rings
    middle = outer[:, 0].mean()
    for hole in holes:  # unwrapped by itself, a hole may lie a turn away
        hole[:, 0] += _FULL_TURN * np.round((middle - hole[:, 0].mean()) / _FULL_TURN)
    polygon = shapely.Polygon(outer, holes)
    if _crossings(outer) > max(_MENDED_CROSSINGS, _CROSSINGS_EACH * len(outer)):
        return shapely.convex_hull(polygon)
    if polygon.is_valid:
        return polygon
    return shapely.make_valid(polygon, method="structure", keep_collapsed=False)


def _crossings(ring: npt.NDArray[np.float64]) -> float:
    """Estimate how many pairs of edges of a ring may cross: their boxes overlap."""
    if len(ring) ** 2 <= _MENDED_CROSSINGS:
        return 0.0
    ends = np.stack([ring[:-1], ring[1:]])
    boxes = shapely.box(*ends.min(axis=0).T, *ends.max(axis=0).T)
    sample = boxes[:: max(len(boxes) // _SAMPLED_EDGES, 1)]
    return float(len(shapely.STRtree(boxes).query(sample)[0]) * len(boxes) / len(sample))
