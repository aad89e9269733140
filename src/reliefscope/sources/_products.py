"""Whole SAFE products, as hubs list and deliver them: shared by every hub of Sentinel data.

A product is one archive: all its variables point to the same download. Its name is trusted only
after it has been read letter by letter: what does not fit the naming conventions of ESA
(Sentinel-1 Product Specification S1-RS-MDA-52-7441, Sentinel-2 Products Specification Document
S2-PDGS-TAS-DI-PSD) is not a product of ours, and never becomes part of a path.
"""

import datetime as dt
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._safe import load_safe, open_safe
from reliefscope.transport.archive import unpack
from reliefscope.transport.client import Transport
from reliefscope.transport.download import Content, Expected

log = logging.getLogger(__name__)

MAX_PRODUCTS = 2000
"""More than this over one area and window is a mistake in the request, or in the hub."""
MAX_VERTICES = 10_000
"""A footprint with more vertices was not drawn by a satellite."""

_POLYGON = re.compile(r"\s*(MULTI)?POLYGON\s*\(", re.IGNORECASE)
_TURN = 360.0
_QUERY_VERTICES = 60
"""Outlines up to this size fit into an address; larger ones are asked for by their boxes."""
_LICENCE = "Copernicus Sentinel data, free, full and open: Delegated Regulation (EU) No 1159/2013"
_SHOWN = 100


class ArchivedError(UnavailableError):
    """A product lies in the hub's archive and is not to be had yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of product, and what hubs call it."""

    variables: frozenset[str]
    instrument: str
    resolution: float
    """Pixel size [m]."""
    cdse: Mapping[str, str]
    """Name of the collection and value of the attribute ``productType``."""
    dhus: Mapping[str, str]
    """Keywords of an OpenSearch query."""


KINDS: Mapping[str, Kind] = {
    "sentinel-1-grd": Kind(
        variables=frozenset({"vv", "vh", "incidence_deg"}),
        instrument="c-sar",
        resolution=10.0,
        cdse={"collection": "SENTINEL-1", "type": "IW_GRDH_1S"},
        dhus={"platformname": "Sentinel-1", "producttype": "GRD", "sensoroperationalmode": "IW"},
    ),
    "sentinel-2-l2a": Kind(
        variables=frozenset(
            {"blue", "green", "red", "nir", "nir08", "swir16", "swir22", "scl"},
        ),
        instrument="msi",
        resolution=10.0,
        cdse={"collection": "SENTINEL-2", "type": "S2MSI2A"},
        dhus={"platformname": "Sentinel-2", "producttype": "S2MSI2A"},
    ),
}
"""What can be read of a SAFE product, by collection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What the name of a product says."""

    stem: str
    """The name without ``.SAFE``; letters, digits and underscores only."""
    collection: str
    """Key of `KINDS`."""
    platform: str
    variables: frozenset[str]
    scene: str
    """What stays the same when the scene is processed anew or packed otherwise."""
    baseline: str = ""
    """Processing baseline of Sentinel-2, four digits."""


_SUFFIX = re.compile(r"\.(SAFE|zip|SAFE\.zip)$")
_S1 = re.compile(
    r"(?P<scene>(?P<platform>S1[A-D])_IW_GRDH_1S(?P<polarisation>[SD][HV])"
    r"_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6})_[0-9A-F]{4}(_COG)?",
    re.ASCII,
)
_S2 = re.compile(
    r"(?P<platform>S2[A-D])_MSIL2A_(?P<start>\d{8}T\d{6})_N(?P<baseline>\d{4})_R\d{3}"
    r"_T(?P<tile>[0-9A-Z]{5})_\d{8}T\d{6}",
    re.ASCII,
)
_POLARISATIONS: Mapping[str, frozenset[str]] = {
    "SV": frozenset({"vv", "incidence_deg"}),
    "DV": frozenset({"vv", "vh", "incidence_deg"}),
}
"""Canonical variables of the polarisations; there are none for HH and HV."""


def parse_name(name: str) -> Name | None:
    """Return what the name of a product says, or None if it is none that can be read.

    Sentinel-1 ground range detected in interferometric wide swath, Sentinel-2 level 2A.
    """
    stem = _SUFFIX.sub("", name)
    if match := _S1.fullmatch(stem):
        return Name(
            stem=stem,
            collection="sentinel-1-grd",
            platform=f"sentinel-{match['platform'][1:].lower()}",
            variables=_POLARISATIONS.get(match["polarisation"], frozenset()),
            scene=match["scene"],
        )
    if match := _S2.fullmatch(stem):
        return Name(
            stem=stem,
            collection="sentinel-2-l2a",
            platform=f"sentinel-{match['platform'][1:].lower()}",
            variables=KINDS["sentinel-2-l2a"].variables,
            scene=f"{match['platform']}_{match['start']}_{match['tile']}",
            baseline=match["baseline"],
        )
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One product as a hub lists it, checked field by field."""

    name: str
    start: dt.datetime
    footprint: BaseGeometry
    download: str
    """Address of the archive, without secrets."""
    href: str
    """The hub's own record."""
    size: int | None = None
    """Bytes."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Hexadecimal digests by algorithm, as the hub names it."""
    relative_orbit: int | None = None
    orbit_state: str | None = None
    cloud_cover: float | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


def as_granule(record: Record, source: str) -> Granule | None:
    """Return the granule of a record, or None for a product that cannot be read.

    Every variable has the same asset: the whole archive, with its size and strongest checksum.
    """
    name = parse_name(record.name)
    if name is None:
        log.warning("%s: skipped, not a name of a product: %r", source, record.name[:_SHOWN])
        return None
    asset = Asset(
        href=record.download,
        size=record.size,
        checksum=strongest_checksum(record.checksums),
    )
    kind = KINDS[name.collection]
    state = (record.orbit_state or "").lower()
    said = {"processing_baseline": name.baseline, **record.properties}
    return Granule(
        id=name.stem,
        source=source,
        collection=name.collection,
        acquired=record.start,
        footprint=record.footprint,
        assets=MappingProxyType(dict.fromkeys(sorted(name.variables), asset)),
        platform=name.platform,
        instrument=kind.instrument,
        relative_orbit=record.relative_orbit,
        orbit_state=state if state in {"ascending", "descending"} else None,
        resolution=kind.resolution,
        cloud_cover=record.cloud_cover,
        licence=_LICENCE,
        href=record.href,
        properties=MappingProxyType({k: v for k, v in said.items() if v}),
    )


def chosen(
    granules: Iterable[Granule], area: Area, window: Window, variables: Collection[str]
) -> list[Granule]:
    """Return those that really lie over ``area`` in ``window`` and hold any of ``variables``.

    Each scene once, oldest first: of what was processed anew only the latest baseline, of
    Sentinel-1 scenes in several packings only one. Two Sentinel-2 products of one scene and one
    baseline complete each other, and both stay.
    """
    scenes: dict[str, list[tuple[str, Granule]]] = {}
    for granule in sorted({g.id: g for g in granules}.values(), key=lambda g: g.id):
        name = parse_name(granule.id)
        if name and _wanted(granule, area, window, variables):
            scenes.setdefault(name.scene, []).append((name.baseline, granule))
    kept: list[Granule] = []
    for group in scenes.values():
        latest = max(baseline for baseline, _ in group)
        same = [granule for baseline, granule in group if baseline == latest]
        kept += same if latest else same[:1]
    return sorted(kept, key=lambda g: (str(g.acquired), g.id))


def _wanted(granule: Granule, area: Area, window: Window, variables: Collection[str]) -> bool:
    return bool(
        set(granule.assets) & set(variables)
        and granule.acquired is not None
        and granule.acquired in window
        and shapely.intersects(granule.footprint, area.geometry)
    )


def too_many(where: str) -> InputError:
    """Return the error of a search that does not come to an end."""
    return InputError(
        f"{where} lists more than {MAX_PRODUCTS} products for this area and window; name "
        f"collections, or narrow the area or the window"
    )


def collections_for(allowed: Sequence[str], variables: Collection[str]) -> list[str]:
    """Return the collections of ``allowed`` that hold any of ``variables``."""
    return [name for name in allowed if KINDS[name].variables & set(variables)]


def check_options(collections: Sequence[str], max_cloud: float) -> None:
    """Raise `InputError` unless a hub can be asked for this."""
    unknown = sorted(set(collections) - set(KINDS))
    if unknown or not collections:
        raise InputError(f"collections {unknown} are unknown; choose of {sorted(KINDS)}")
    if not 0 <= max_cloud <= 100:  # noqa: PLR2004 - percent
        raise InputError(f"max_cloud is {max_cloud}; it must lie within 0 to 100 percent")


def outlines(area: Area) -> list[str]:
    """Return the area as texts (WKT) short enough for an address, none across longitude 180."""
    geometry = area.geometry
    simple = geometry.geom_type == "Polygon" and not shapely.get_num_interior_rings(geometry)
    if simple and shapely.get_num_coordinates(geometry) <= _QUERY_VERTICES:
        shapes = [geometry]
    else:
        shapes = [shapely.box(*box) for box in area.boxes]
    return [shapely.to_wkt(s, rounding_precision=5) for s in shapes]


def read_footprint(stated: object) -> BaseGeometry | None:
    """Return a footprint stated as GeoJSON or as text (WKT), or None if it is none.

    Polygons wider than half the globe were drawn across longitude 180, and are split there.
    """
    try:
        geometry = _drawn(stated)
        if geometry is None or shapely.get_num_coordinates(geometry) > MAX_VERTICES:
            return None
        points = shapely.get_coordinates(geometry)
        if not (np.isfinite(points).all() and (np.abs(points) <= _TURN).all()):
            return None
        return Area.from_geometry(_unrolled(geometry)).geometry
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        log.debug("no footprint: %s", type(error).__name__)
        return None


def _drawn(stated: object) -> BaseGeometry | None:
    """Return what was drawn; collections within collections are not read, they may have no end."""
    if isinstance(stated, Mapping) and stated.get("type") in ("Polygon", "MultiPolygon"):
        return shape(dict(stated))
    if isinstance(stated, str) and _POLYGON.match(stated):
        drawn: BaseGeometry = shapely.from_wkt(stated)
        return drawn
    return None


def _unrolled(geometry: BaseGeometry) -> BaseGeometry:
    west, _, east, _ = geometry.bounds
    if east - west <= _TURN / 2 or geometry.geom_type != "Polygon":
        return geometry

    def eastward(points: np.ndarray) -> np.ndarray:
        return points + np.where(points[:, :1] < 0, [[_TURN, 0.0]], [[0.0, 0.0]])

    whole: BaseGeometry = shapely.transform(geometry, eastward)
    return whole


_MULTIHASH: Mapping[str, tuple[str, int]] = {
    "sha3-256": ("1620", 64),
    "sha256": ("1220", 64),
    "md5": ("d50110", 32),
}
"""Prefix (code and length, https://github.com/multiformats/multicodec) and hexadecimal digits of
each algorithm that can be verified, strongest first. BLAKE3 cannot, without another library."""


def strongest_checksum(stated: Mapping[str, str]) -> str | None:
    """Return the strongest of the digests a hub states as a multihash, by algorithm; or None."""
    plain = {name.lower().replace("sha-256", "sha256"): text for name, text in stated.items()}
    for algorithm, (prefix, digits) in _MULTIHASH.items():
        digest = plain.get(algorithm, "")
        if re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", digest):
            return prefix + digest.lower()
    return None


def expected_archive(granule: Granule, *, size: int | None, checksum: str | None) -> Expected:
    """Return what must arrive: a ZIP of that size and checksum, under the product's own name."""
    name = parse_name(granule.id)
    if name is None:
        raise InputError(f"{granule.id[:_SHOWN]!r} is not the name of a product; search again")
    return Expected(
        name=f"{name.stem}.zip",
        size=size,
        checksums=(checksum,) if checksum else (),
        content=Content.ZIP,
    )


def fetch_each(granules: Sequence[Granule], fetch: Callable[[Granule], Path]) -> list[Path]:
    """Return the archives of all granules; those in a hub's archive do not hold up the others.

    Raises
    ------
    UnavailableError
        Some are in the archive: everything else has been fetched, and will not be fetched again.
    """
    paths, waiting = [], []
    for granule in granules:
        try:
            paths.append(fetch(granule))
        except ArchivedError as error:
            waiting.append(str(error))
    if waiting:
        raise UnavailableError(
            f"{len(waiting)} of {len(granules)} products are not there yet, the others have been "
            f"fetched: {'; '.join(waiting)}. Run the same command again later"
        )
    return paths


def load_products(
    wire: Transport,
    archives: Sequence[Path],
    grid: GeoBox,
    variables: Collection[str],
    *,
    dem: Path | None,
) -> xr.Dataset:
    """Return a lazy cube of products that have been fetched, each unpacked once.

    Raises
    ------
    IntegrityError
        An archive is broken, or is not a SAFE product.
    """
    folder = wire.settings.cache / "unpacked"
    granules = [open_safe(unpack(path, folder / path.stem)) for path in archives]
    return load_safe(granules, grid, variables, dem=dem)
