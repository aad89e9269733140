"""Roads, facilities and places from OpenStreetMap, by the Overpass API."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import geopandas as gpd
import shapely

from reliefscope.errors import InputError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.sources.tables._base import Layer, answer, entries, member, plain
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

URL = "https://overpass-api.de/api/interpreter"
ACCESS = Access(
    service="OpenStreetMap (Overpass)",
    host="overpass-api.de",
    probe="https://overpass-api.de/api/status",
)
_TILE_DEG, _MOST_TILES = 0.5, 64
_PATIENCE_S = 90
_SOURCE = "OpenStreetMap contributors, ODbL, state of {when}"
_WAYS = ("motorway", "trunk", "primary", "secondary", "tertiary")
_KINDS: Mapping[tuple[str, str], str] = {
    ("amenity", "hospital"): "hospital",
    ("amenity", "clinic"): "clinic",
    ("amenity", "doctors"): "clinic",
    ("amenity", "school"): "school",
    ("amenity", "university"): "school",
    ("amenity", "fire_station"): "fire station",
    ("amenity", "police"): "police",
    ("amenity", "embassy"): "mission",
    ("office", "diplomatic"): "mission",
    ("aeroway", "aerodrome"): "airport",
    ("man_made", "bridge"): "bridge",
    ("power", "plant"): "power plant",
}
"""Tag and value, and what we call it."""
_SETTLEMENTS = ("city", "town", "village")


def roads(area: Area, transport: Transport, *, url: str = URL) -> Layer:
    """Return roads of some importance as lines with ``class`` and ``name``.

    Raises
    ------
    InputError
        The area is too large to be asked for.
    UnavailableError
        The service failed, or ran out of time: that is never an area without roads.
    """
    wanted = f'way["highway"~"^({"|".join(_WAYS)})(_link)?$"]({{box}});out geom;'
    return _gather(area, transport, url, wanted, _road)


def facilities(area: Area, transport: Transport, *, url: str = URL) -> Layer:
    """Return hospitals, schools, airports, bridges, missions and the like; see `roads`."""
    parts = "".join(f'nwr["{key}"="{value}"]({{box}});' for key, value in _KINDS)
    return _gather(area, transport, url, f"({parts});out center tags;", _facility)


def places(area: Area, transport: Transport, *, url: str = URL) -> Layer:
    """Return towns and villages with ``name`` and ``population`` where it is known; see `roads`."""
    wanted = f'node["place"~"^({"|".join(_SETTLEMENTS)})$"]({{box}});out tags center;'
    return _gather(area, transport, url, wanted, _place)


_Row = Mapping[str, Any]


def _gather(
    area: Area,
    transport: Transport,
    url: str,
    wanted: str,
    read: Callable[[Mapping[str, Any]], _Row | None],
) -> Layer:
    rows: dict[tuple[str, int], _Row] = {}
    when = set()
    for box in _boxes(area):
        query = f"[out:json][timeout:{_PATIENCE_S}];{wanted.replace('{box}', box)}"
        found = answer(transport, Ask(url=url, form={"data": query}))
        _judge(found)
        for element in entries(member(found, "elements", "Overpass"), "Overpass"):
            row, ident = read(element), element.get("id")
            if row is not None and isinstance(ident, int):
                rows[str(element.get("type")), ident] = row
        state = found.get("osm3s")
        when.add(plain(state.get("timestamp_osm_base"))[:10] if isinstance(state, Mapping) else "")
    names = ["name", "class", "kind", "population"]
    table = gpd.GeoDataFrame(
        {n: [r.get(n) for r in rows.values()] for n in names if any(n in r for r in rows.values())},
        geometry=[r["geometry"] for r in rows.values()],
        crs="EPSG:4326",
    )
    inside = table[shapely.intersects(table.geometry.to_numpy(), area.geometry)]
    return Layer(
        data=inside.reset_index(drop=True), source=_SOURCE.format(when=max(when) or "today")
    )


def _boxes(area: Area) -> Iterator[str]:
    """Yield boxes of half a degree over the area: south, west, north, east."""
    boxes = [tile for box in area.boxes for tile in _tiles(*box)]
    if len(boxes) > _MOST_TILES:
        raise InputError(
            f"area {area.name!r} spans {len(boxes)} boxes of {_TILE_DEG} degrees; at most "
            f"{_MOST_TILES} are asked of OpenStreetMap: give a file, or a smaller area"
        )
    for w, s, e, n in boxes:
        if shapely.intersects(shapely.box(w, s, e, n), area.geometry):
            yield f"{s:.6f},{w:.6f},{n:.6f},{e:.6f}"


def _tiles(west: float, south: float, east: float, north: float) -> list[tuple[float, ...]]:
    rows, columns = (
        max(1, math.ceil(span / _TILE_DEG - 1e-9)) for span in (north - south, east - west)
    )
    return [
        (w, s, min(w + _TILE_DEG, east), min(s + _TILE_DEG, north))
        for s in (south + row * _TILE_DEG for row in range(rows))
        for w in (west + column * _TILE_DEG for column in range(columns))
    ]


def _judge(found: object) -> None:
    """Raise where the service gave up half-way: it says so in an answer that looks whole."""
    said = plain(found.get("remark")) if isinstance(found, Mapping) else ""
    if "error" in said.lower() or "timed out" in said.lower():
        raise UnavailableError(
            f"Overpass gave up ({said}); try again later, or ask for a smaller area"
        )


def _road(element: Mapping[str, Any]) -> _Row | None:
    tags, shape = _tags(element), element.get("geometry")
    if not isinstance(shape, list):
        return None
    points = [p for p in (_point(node) for node in shape) if p is not None]
    if len(points) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    return {
        "class": plain(tags.get("highway")).removesuffix("_link"),
        "name": plain(tags.get("name")),
        "geometry": shapely.LineString(points),
    }


def _facility(element: Mapping[str, Any]) -> _Row | None:
    tags, point = _tags(element), _middle(element)
    kind = next((k for (key, value), k in _KINDS.items() if tags.get(key) == value), None)
    if point is None or kind is None:
        return None
    return {"name": plain(tags.get("name")), "kind": kind, "geometry": shapely.Point(point)}


def _place(element: Mapping[str, Any]) -> _Row | None:
    tags, point = _tags(element), _middle(element)
    name = plain(tags.get("name"))
    if point is None or not name:
        return None
    said = plain(tags.get("population")).replace(",", "").replace(" ", "")
    people = int(said) if said.isdecimal() and len(said) < 10 else None  # noqa: PLR2004 - billions
    return {"name": name, "population": people, "geometry": shapely.Point(point)}


def _tags(element: Mapping[str, Any]) -> Mapping[str, Any]:
    tags = element.get("tags")
    return tags if isinstance(tags, Mapping) else {}


def _middle(element: Mapping[str, Any]) -> tuple[float, float] | None:
    return _point(element) or _point(element.get("center"))


def _point(node: object) -> tuple[float, float] | None:
    if not isinstance(node, Mapping):
        return None
    lon, lat = node.get("lon"), node.get("lat")
    if not isinstance(lon, int | float) or not isinstance(lat, int | float):
        return None
    return (float(lon), float(lat)) if abs(lon) <= 180 and abs(lat) <= 90 else None  # noqa: PLR2004 - the globe
