"""The ground of the exercise: hills carved by rain, a valley, a winding river on its plain."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from reliefscope.sources.simulated.hills import hills
from reliefscope.sources.simulated.noise import Field, enlarge, fractal, stream
from reliefscope.sources.simulated.valley import BASE_M, GRADIENT, PIXEL_M, Scale, Valley, scale_of

_BANK_M = 3.2
_ON_PLAIN = 0.95
_OXBOWS = 0.7
_WRING = np.float32(4.5)
_STRIP = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """Ground and river, each array (y, x)."""

    elevation: Field
    """Ground, and the low-water surface on the river [m]."""
    level: Field
    """Height of the plain, falling down the valley [m]."""
    down_valley: Field
    """Distance down the valley [m]."""
    plain: Field
    """Share of the plain in the ground, 1 on the plain, 0 in the hills [1]."""
    river_distance: Field
    """Distance to the middle of the river [m]."""
    lakes: NDArray[np.bool_]
    """Water left behind in old bends."""
    course: NDArray[np.float64]
    """Middle of the river from above to below, (point, [row, column]) [pixel]."""
    scale: Scale


def make_relief(size: int, seed: int) -> Relief:
    """Return the ground of a world."""
    scale = scale_of(size)
    valley = Valley(scale, seed)
    coarse = hills(size, seed, scale, valley)
    fine = _wrung(coarse, size, seed, scale)
    axis = np.arange(size, dtype=np.float32) * np.float32(PIXEL_M)
    y, x = np.meshgrid(axis, axis, indexing="ij", copy=False)
    along, off = valley.coordinates(x, y)
    level = BASE_M - np.float32(GRADIENT) * along
    share = _plain_share(off, valley.half_width(along), scale)
    course = valley.river(seed)
    distance = _river_distance(course, size, scale)
    plain = level + _plain_profile(seed, distance, off, valley.half_width(along), scale)
    rough = fractal(stream(seed, "rough"), (size, size), longest=60, roughness=1.7)
    ground = fine + rough * np.float32(0.004 * scale.relief) * (1 - share)
    ground = share * plain + (1 - share) * np.maximum(ground, level + np.float32(0.5))
    water = level - np.float32(_BANK_M)
    bank = np.clip((distance - np.float32(scale.river)) / np.float32(18), 0, 1)
    ground = np.where(bank < 1, water + (ground - water) * bank * bank * (3 - 2 * bank), ground)
    lakes = _old_bends(seed, valley, distance, scale) & (share > _ON_PLAIN)
    ground = np.where(lakes, water + np.float32(0.8), ground)
    return Relief(
        elevation=np.asarray(ground, np.float32),
        level=np.asarray(level, np.float32),
        down_valley=np.asarray(along, np.float32),
        plain=np.asarray(share, np.float32),
        river_distance=distance,
        lakes=lakes,
        course=course / PIXEL_M,
        scale=scale,
    )


def _wrung(coarse: Field, size: int, seed: int, scale: Scale) -> Field:
    """Return the hills on fine pixels, wrung a little so that no line keeps to the coarse grid."""
    shape = (size, size)
    bend = {"longest": 60.0, "shortest": 14.0, "roughness": 2.2}
    down = fractal(stream(seed, "wring down"), shape, **bend)
    right = fractal(stream(seed, "wring right"), shape, **bend)
    smooth = ndimage.spline_filter(coarse, output=np.float32)
    fine = np.empty(shape, np.float32)
    columns = np.arange(size, dtype=np.float32)[None, :]
    for top in range(0, size, _STRIP):
        part = slice(top, min(top + _STRIP, size))
        rows = np.arange(part.start, part.stop, dtype=np.float32)[:, None]
        at = np.stack([rows + _WRING * down[part], columns + _WRING * right[part]])
        at = (at + np.float32(0.5)) / np.float32(scale.coarse) - np.float32(0.5)
        fine[part] = ndimage.map_coordinates(smooth, at, prefilter=False, mode="nearest")
    return fine


def _old_bends(seed: int, valley: Valley, distance: Field, scale: Scale) -> NDArray[np.bool_]:
    """Return oxbow lakes: short arcs of an older river, away from today's."""
    course = valley.river(seed, "old")
    rng = stream(seed, "oxbow")
    size = distance.shape[0]
    length = int(15 * scale.river / 4)
    water = np.zeros(distance.shape, bool)
    reach = int(np.ceil(scale.river / PIXEL_M)) + 1
    for start in range(0, len(course) - length, int(1.6 * length)):
        arc = course[start : start + int(length * rng.uniform(0.5, 1))]
        if arc.min() < 0 or arc.max() >= size * PIXEL_M:
            continue
        row, column = (arc / PIXEL_M).astype(int).T
        if rng.random() > _OXBOWS or distance[row, column].min() < 3 * scale.river:
            continue
        top, left = max(row.min() - reach, 0), max(column.min() - reach, 0)
        box = np.s_[top : min(row.max() + reach, size), left : min(column.max() + reach, size)]
        y, x = np.mgrid[box] + 0.5
        gap, at = cKDTree(arc).query(np.stack([y, x], axis=-1).reshape(-1, 2) * PIXEL_M)
        width = 0.75 * scale.river * np.sqrt(np.sin(np.pi * (at + 1) / (len(arc) + 1)))
        water[box] |= (gap < width).reshape(y.shape)
    return water


def _plain_share(off: Field, half_width: NDArray[Any], scale: Scale) -> Field:
    """Return 1 on the plain, falling to 0 over its foot."""
    foot = np.float32(0.16 * scale.plain)
    t = np.clip((half_width - np.abs(off)) / foot + np.float32(0.5), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _plain_profile(
    seed: int, distance: Field, off: Field, half_width: NDArray[Any], scale: Scale
) -> Field:
    """Return the height of levees, swales, back swamps and terraces over the plain's level [m]."""
    shape = distance.shape
    broad = fractal(stream(seed, "terrace"), shape, longest=scale.plain / PIXEL_M, shortest=6)
    bend = fractal(stream(seed, "swale"), shape, longest=scale.plain / PIXEL_M, shortest=6)
    from_river = distance - np.float32(scale.river)
    levee = 0.9 * np.exp(-from_river / np.float32(2.5 * scale.river))
    swale = 0.35 * np.sin(from_river * np.float32(2 * math.pi / 95) + 1.6 * bend)
    swale *= np.clip(1.4 - from_river / np.float32(0.8 * scale.plain), 0, 1)
    rise = np.clip(np.abs(off) / half_width, 0, 1.3) ** 3
    return np.asarray(levee + swale + 0.75 * broad + 2.4 * rise - 0.3, np.float32)


def _river_distance(course: NDArray[np.float64], size: int, scale: Scale) -> Field:
    """Return the distance to the river's middle, exact near it, up to 2.5 plains [m]."""
    tree = cKDTree(course)
    factor = scale.coarse
    cells = -(-size // factor)
    centre = (np.arange(cells) + 0.5) * factor * PIXEL_M
    grid = np.stack(np.meshgrid(centre, centre, indexing="ij"), axis=-1)
    reach = 2.5 * scale.plain
    coarse = tree.query(grid.reshape(-1, 2), distance_upper_bound=reach)[0]
    coarse = np.minimum(coarse, reach).reshape(cells, cells)
    distance = enlarge(coarse, factor, (size, size), 1)
    rows, columns = np.nonzero(distance < scale.river + 2 * factor * PIXEL_M + 60)
    near = np.stack([(rows + 0.5) * PIXEL_M, (columns + 0.5) * PIXEL_M], axis=1)
    distance[rows, columns] = tree.query(near)[0]
    return distance
