"""All that a share link restores, read strictly: what is not understood is told and left out."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from reliefscope.errors import InputError
from reliefscope.model.event import Hazard
from reliefscope.words import SOURCE, languages

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,159}")
_LAYER = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,39}):([01])(?::(\d{1,3}))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_CORNERS, _LONGEST_SEARCH, _LONGEST = 400, 80, 16_000
_THEMES = ("light", "dark")
_LATITUDE, _LONGITUDE, _ZOOM, _PERCENT = 90.0, 180.0, 20.0, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a page shows."""

    product: str = ""
    lang: str = SOURCE
    theme: str = "light"
    hazard: str = ""
    text: str = ""
    """Country, place or title that is searched for."""
    since: str = ""
    """Images from this day on, ISO 8601."""
    view: tuple[float, float, float] | None = None
    """Longitude, latitude [degree], zoom."""
    swipe: float = 0.5
    layers: Mapping[str, tuple[bool, float]] = field(default_factory=dict)
    """Visible, opacity 0 to 1, of the layers that were changed."""
    area: tuple[tuple[float, float], ...] = ()
    """Corners of the drawn area: longitude, latitude [degree]."""
    unit: str = ""
    """P-code of the chosen admin unit."""
    fact: str = ""
    """Whose origin is shown."""

    @property
    def geometry(self) -> dict[str, Any]:
        """The drawn area as GeoJSON; empty where none is drawn."""
        if not self.area:
            return {}
        ring = [list(corner) for corner in (*self.area, self.area[0])]
        return {"type": "Polygon", "coordinates": [ring]}


def as_query(state: State) -> str:
    """Return ``state`` as the query of an address; what is as usual is left out."""
    told: dict[str, str] = {}
    for name in ("product", "lang", "theme", "hazard", "text", "since", "unit", "fact"):
        value, usual = getattr(state, name), getattr(State(), name)
        if value != usual:
            told[name] = value
    if state.view is not None:
        lon, lat, zoom = state.view
        told["at"] = f"{lon:.5f},{lat:.5f},{zoom:.5g}"
    if state.swipe != State().swipe:
        told["swipe"] = str(round(state.swipe * _PERCENT))
    if state.layers:
        told["layers"] = ",".join(
            f"{name}:{int(visible)}:{round(opacity * _PERCENT)}"
            for name, (visible, opacity) in sorted(state.layers.items())
        )
    if state.area:
        told["area"] = ",".join(f"{x:.6f} {y:.6f}" for x, y in state.area)
    return urlencode(told)


def from_query(query: str) -> tuple[State, tuple[str, ...]]:
    """Return the state of an address, and the names of what could not be understood."""
    state, refused = State(), []
    if len(query) > _LONGEST:
        return state, ("?",)
    for name, value in parse_qsl(query.removeprefix("?"), max_num_fields=40):
        reader = _READERS.get(name)
        if reader is None:
            continue  # of someone else, such as a mail program's marks
        try:
            state = replace(state, **reader(value))
        except (InputError, ValueError):
            refused.append(name)
    return state, tuple(refused)


def corners(geometry: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    """Return the corners of a polygon that a browser sent, GeoJSON.

    Raises
    ------
    InputError
        It is no plain polygon on Earth, or has too many corners.
    """
    try:
        ring = geometry["coordinates"][0]
        points = [(float(x), float(y)) for x, y, *_ in ring]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError("the area is no polygon; draw it again") from error
    if points and points[0] == points[-1]:
        points = points[:-1]
    if not 3 <= len(points) <= _MOST_CORNERS:  # noqa: PLR2004 - a triangle
        raise InputError(f"the area has {len(points)} corners; draw one with 3 to {_MOST_CORNERS}")
    return tuple(_corner(*point) for point in points)


def _corner(lon: float, lat: float) -> tuple[float, float]:
    if not (math.isfinite(lon) and abs(lon) <= _LONGITUDE and abs(lat) <= _LATITUDE):
        raise InputError(
            f"({lon}, {lat}) is no place on Earth; give longitude -180 to 180, latitude -90 to 90"
        )
    return round(lon, 6), round(lat, 6)


def _matching(name: str, pattern: re.Pattern[str]) -> Callable[[str], dict[str, Any]]:
    def read(value: str) -> dict[str, Any]:
        if pattern.fullmatch(value) is None:
            raise InputError(name)
        return {name: value}

    return read


def _among(name: str, allowed: tuple[str, ...]) -> Callable[[str], dict[str, Any]]:
    def read(value: str) -> dict[str, Any]:
        if value not in allowed:
            raise InputError(name)
        return {name: value}

    return read


def _text(value: str) -> dict[str, Any]:
    return {"text": "".join(c for c in value if c.isprintable())[:_LONGEST_SEARCH]}


def _view(value: str) -> dict[str, Any]:
    lon, lat, zoom = (float(part) for part in value.split(","))
    if not 0 <= zoom <= _ZOOM:
        raise InputError("at")
    return {"view": (*_corner(lon, lat), zoom)}


def _swipe(value: str) -> dict[str, Any]:
    percent = int(value)
    if not 0 <= percent <= _PERCENT:
        raise InputError("swipe")
    return {"swipe": percent / _PERCENT}


def _layers(value: str) -> dict[str, Any]:
    found = {}
    for part in value.split(","):
        match = _LAYER.fullmatch(part)
        percent = int(match[3] or _PERCENT) if match else _PERCENT + 1
        if match is None or percent > _PERCENT:
            raise InputError("layers")
        found[match[1]] = (match[2] == "1", percent / _PERCENT)
    return {"layers": found}


def _area(value: str) -> dict[str, Any]:
    points = [part.split(" ") for part in value.split(",")]
    return {"area": corners(json.loads(json.dumps({"coordinates": [points]})))}


_READERS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "product": _matching("product", _ID),
    "unit": _matching("unit", _ID),
    "fact": _matching("fact", _ID),
    "since": _matching("since", _DATE),
    "lang": _among("lang", languages()),
    "theme": _among("theme", _THEMES),
    "hazard": _among("hazard", ("", *map(str, Hazard))),
    "text": _text,
    "at": _view,
    "swipe": _swipe,
    "layers": _layers,
    "area": _area,
}
