"""Areas from files that people bring: nothing in them is trusted.

GeoJSON and KML are read by parsers that follow no reference; only a GeoPackage reaches GDAL, by
its own signature and in memory, so that no file can make GDAL open another.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import pyogrio
import shapely
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError

LARGEST_BYTES = 8_000_000
MOST_VERTICES = 100_000
_KEPT_VERTICES = 300
_GEOPACKAGE = b"SQLite format 3\x00"
_APPLICATION, _APPLICATIONS = slice(68, 72), (b"GPKG", b"GP10", b"GP11")
"""Where a GeoPackage says that it is one (OGC 12-128, the application id of SQLite's header)."""
_DEEPEST = 60
_LONLAT = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326")


def area_of(name: str, content: bytes) -> dict[str, Any]:
    """Return the outline in a file as one simplified GeoJSON polygon in EPSG:4326.

    Parameters
    ----------
    name : str
        Of the file, for messages only.
    content : bytes
        Of a GeoJSON, KML or GeoPackage file.

    Raises
    ------
    InputError
        Too large, too many vertices, another format or projection, or no polygon.
    """
    said = name[:60]
    if len(content) > LARGEST_BYTES:
        raise InputError(
            f"{said} has {len(content) / 1e6:.0f} MB; at most {LARGEST_BYTES / 1e6:.0f} MB are "
            f"read: simplify the outline"
        )
    if content.startswith(_GEOPACKAGE):
        found = _geopackage(said, content)
    elif content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
        found = _geojson(said, content)
    elif content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        found = _kml(said, content)
    else:
        raise InputError(f"{said} is neither GeoJSON, KML nor GeoPackage; save it as one of them")
    return _outline(said, found)


def _outline(said: str, found: list[BaseGeometry]) -> dict[str, Any]:
    if sum(shapely.get_num_coordinates(g) for g in found) > MOST_VERTICES:
        raise InputError(f"{said} has over {MOST_VERTICES:,} vertices; simplify the outline")
    whole = shapely.union_all([shapely.make_valid(g) for g in found])
    parts = [g for g in shapely.get_parts(whole) if g.geom_type == "Polygon" and g.area > 0]
    if not parts:
        raise InputError(f"{said} holds no polygon; draw or export an outline")
    west, south, east, north = whole.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004 - degrees
        raise InputError(
            f"{said} has coordinates up to {max(map(abs, whole.bounds)):.0f}, which are no "
            f"degrees; save it in EPSG:4326 (longitude, latitude)"
        )
    outline = max(parts, key=lambda g: g.area) if len(parts) == 1 else shapely.convex_hull(whole)
    tolerance = 1e-6
    ring: BaseGeometry = shapely.Polygon(shapely.get_exterior_ring(outline))
    while shapely.get_num_coordinates(ring) > _KEPT_VERTICES:
        ring = shapely.simplify(ring, tolerance)
        tolerance *= 2
    return dict(mapping(ring))


def _geojson(said: str, content: bytes) -> list[BaseGeometry]:
    if _depth(content) > _DEEPEST:
        raise InputError(f"{said} is nested too deeply to be an outline")
    try:
        document = json.loads(content)
        crs = (document.get("crs") or {}).get("properties", {}).get("name", _LONLAT[0])
        features = document.get("features", [document])
        found = [shape(f.get("geometry", f)) for f in features if f.get("geometry", f)]
    except (ValueError, AttributeError, KeyError, TypeError, ShapelyError) as error:
        raise InputError(f"{said} cannot be read as GeoJSON; export it again") from error
    if crs not in _LONLAT:
        raise InputError(f"{said} is in another projection; save it in EPSG:4326")
    return found


def _depth(content: bytes) -> int:
    """Return how deeply brackets are nested, at least; strings only make it larger."""
    deepest = depth = 0
    for byte in content:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _kml(said: str, content: bytes) -> list[BaseGeometry]:
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
        rings = [e for e in root.iter() if e.tag.rpartition("}")[2] == "outerBoundaryIs"]
        found: list[BaseGeometry] = []
        for ring in rings:
            text = next(e.text for e in ring.iter() if e.tag.endswith("coordinates")) or ""
            points = [tuple(map(float, p.split(",")[:2])) for p in text.split()]
            found.append(shapely.Polygon(points))
    except (ElementTree.ParseError, DefusedXmlException, StopIteration, ValueError) as error:
        raise InputError(f"{said} cannot be read as KML; export it again") from error
    except ShapelyError as error:
        raise InputError(f"{said} holds a ring that is no polygon; export it again") from error
    return found


def _geopackage(said: str, content: bytes) -> list[BaseGeometry]:
    if content[_APPLICATION] not in _APPLICATIONS:
        raise InputError(f"{said} cannot be read as GeoPackage; export it again")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload.gpkg"
        path.write_bytes(content)
        try:
            frame = pyogrio.read_dataframe(path, columns=[], max_features=10_000)
        except (DataSourceError, DataLayerError, ValueError) as error:
            raise InputError(f"{said} cannot be read as GeoPackage; export it again") from error
    if frame.crs is None:
        raise InputError(f"{said} states no projection; save it in EPSG:4326")
    return [g for g in frame.geometry.to_crs("EPSG:4326") if g is not None]
