"""Meridians and parallels across the map, with the places where they meet its edges."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from reliefscope.products.sheet import wording
from reliefscope.products.sheet.layout import Layout
from reliefscope.words import ENGLISH, Words

_STEPS_DEG = (
    *(s / 3600 for s in (5, 10, 15, 30)),
    *(m / 60 for m in (1, 2, 5, 10, 15, 20, 30)),
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
)
_SPACING_MM = 46.0
_SAMPLES = 181


class Line(NamedTuple):
    """One meridian or parallel on the map [mm from the lower left of the map]."""

    label: str
    meridian: bool
    x: NDArray[np.float64]
    y: NDArray[np.float64]


class Crossing(NamedTuple):
    """Where a line meets an edge of the map, for its label [mm]."""

    label: str
    side: str
    at: float


def letters(words: Words) -> tuple[str, ...]:
    """Return the letters of north, south, east and west.

    They are the international ones where lines run from right to left: an Arabic letter would turn
    degrees and minutes around.
    """
    if words.rtl:
        words = ENGLISH
    return words(wording.NORTH), words(wording.SOUTH), words(wording.EAST), words(wording.WEST)


def graticule(layout: Layout, crs: CRS, words: Words = ENGLISH) -> list[Line]:
    """Return the lines of a graticule of round steps over the map, labelled in a language."""
    north, south, east, west = letters(words)
    transform = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    left, bottom, right, top = layout.window
    across = np.linspace(0, 1, 25)
    xx, yy = np.meshgrid(left + across * (right - left), bottom + across * (top - bottom))
    lon, lat = transform.transform(xx, yy)
    seen = np.isfinite(lon) & np.isfinite(lat)
    if not seen.any():
        return []
    middle = float(lon[12, 12]) if np.isfinite(lon[12, 12]) else 0.0
    turned = (lon[seen] - middle + 180) % 360 - 180
    lons = middle + float(turned.min()), middle + float(turned.max())
    lats = max(float(lat[seen].min()), -89.0), min(float(lat[seen].max()), 89.0)
    width, height = layout.map_mm
    meridians = _round_values(*lons, width / _SPACING_MM)
    parallels = _round_values(*lats, height / _SPACING_MM)
    lines = []
    for value, step in meridians:
        along = np.linspace(*lats, _SAMPLES)
        label = _degrees((value + 180) % 360 - 180, (east, west), step)
        lines.append(
            _line(label, np.full(_SAMPLES, value), along, layout, transform, meridian=True)
        )
    for value, step in parallels:
        along = np.linspace(*lons, _SAMPLES)
        label = _degrees(value, (north, south), step)
        lines.append(
            _line(label, along, np.full(_SAMPLES, value), layout, transform, meridian=False)
        )
    return lines


def crossings(line: Line, size_mm: tuple[float, float]) -> Iterator[Crossing]:
    """Yield where ``line`` meets the edges on which it is labelled.

    Meridians are labelled at the bottom and the top, parallels at the left and the right.
    """
    width, height = size_mm
    if line.meridian:
        edges = (("bottom", line.y, 0.0, line.x, width), ("top", line.y, height, line.x, width))
    else:
        edges = (("left", line.x, 0.0, line.y, height), ("right", line.x, width, line.y, height))
    for side, across, edge, along, longest in edges:
        order = np.argsort(across)
        if not across[order[0]] <= edge <= across[order[-1]]:
            continue
        at = float(np.interp(edge, across[order], along[order]))
        if 0 <= at <= longest:
            yield Crossing(line.label, side, at)


def _round_values(low: float, high: float, wanted: float) -> list[tuple[float, float]]:
    """Return round values between two angles, about ``wanted`` of them, with their step."""
    target = (high - low) / max(wanted, 1.0)
    step = min(_STEPS_DEG, key=lambda s: abs(math.log(s / max(target, 1e-9))))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(k * step, step) for k in range(first, last + 1)]


def _line(
    label: str,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    layout: Layout,
    transform: Transformer,
    *,
    meridian: bool,
) -> Line:
    # Past the edges of the map, so that each line that can be seen meets two of them.
    along = lat if meridian else lon
    reach = along[0] + np.linspace(-0.15, 1.15, _SAMPLES) * (along[-1] - along[0])
    lon, lat = (lon, np.clip(reach, -90, 90)) if meridian else (reach, lat)
    x, y = transform.transform(lon, lat, direction="INVERSE")
    left, bottom, right, top = layout.window
    width, height = layout.map_mm
    ok = np.isfinite(x) & np.isfinite(y)
    return Line(
        label,
        meridian,
        (np.asarray(x)[ok] - left) / (right - left) * width,
        (np.asarray(y)[ok] - bottom) / (top - bottom) * height,
    )


def _degrees(value: float, ends: tuple[str, str], step: float) -> str:
    """Return an angle in degrees, with minutes and seconds where the step needs them."""
    seconds = round(abs(value) * 3600)
    degrees, rest = divmod(seconds, 3600)
    text = f"{degrees}°"
    if step < 1:
        text += f"{rest // 60:02d}\N{PRIME}"
    if step < 1 / 60:
        text += f"{rest % 60:02d}\N{DOUBLE PRIME}"
    if seconds == 0:
        return text
    return text + ends[0 if value > 0 else 1]
