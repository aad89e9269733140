"""Depth of a flood from its outline and the terrain under it."""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

HIGHEST_LEVEL_M = 15.0
"""A flood this high above its drainage is a fault of the terrain or of the outline [m]."""

_EIGHT = np.ones((3, 3), dtype=bool)
_SEA_REACH = 5


def shoreline(flood: Mask, seen: Mask) -> Mask:
    """Return the flooded pixels next to land that was seen dry.

    What borders unseen ground or the edge of the array is no shore: the water may go on there.
    """
    dry = ndimage.binary_dilation(seen & ~flood, structure=_EIGHT)
    hidden = ndimage.binary_dilation(~seen, structure=_EIGHT)
    shore: Mask = flood & dry & ~hidden
    shore[[0, -1], :] = False
    shore[:, [0, -1]] = False
    return shore


class Shore(NamedTuple):
    """How the level of the water is read off its shore."""

    passes: int
    """How often heights are averaged along the shore, 5 x 5 pixels each."""
    slope_percent: float
    """Slope that divides steep from flat shore [percent]."""
    keep_steeper: bool
    """Whether the steeper shore is believed (there an error in the outline moves the level most,
    yet flat shores are often vegetation), or the flatter."""


def from_shoreline(
    flood: Mask, seen: Mask, elevation: Floats, slope_deg: Floats, rules: Shore
) -> Floats:
    """Return the depth by the nearest shore: the Floodwater Depth Estimation Tool.

    Cohen et al. (2018, doi:10.1111/1752-1688.12609), version 2 (Cohen et al. 2019,
    doi:10.5194/nhess-19-2053-2019) with a rule for slopes: heights are averaged along the shore,
    shores of the sea and shores on the wrong side of the slope are dropped, each flooded pixel
    takes the level of the nearest shore left, and depths are averaged over 3 x 3 pixels.

    Parameters
    ----------
    flood, seen : array of bool, (y, x)
        Where there is water, and where anything was seen.
    elevation : array, (y, x)
        Height of the ground [m]; NaN where not known.
    slope_deg : array, (y, x)
        Slope [degree].
    rules : Shore
        How the level is read.

    Returns
    -------
    array, (y, x)
        Depth [m], above zero; NaN outside the flood, and where no depth can be told.
    """
    known = np.isfinite(elevation)
    lowest = ndimage.minimum_filter(np.where(known, elevation, np.inf), size=_SEA_REACH)
    shore = shoreline(flood, seen) & known & (lowest > 0)
    del lowest  # whole scenes: what is done with makes room for what comes
    with np.errstate(invalid="ignore"):
        steep = slope_deg > np.degrees(np.arctan(rules.slope_percent / 100.0))
    chosen = shore & (steep if rules.keep_steeper else ~steep)
    if not chosen.any():
        chosen = shore  # all of the shore lies on the wrong side: better than no level
    if not chosen.any():
        return np.full(flood.shape, np.nan, dtype="float32")
    level = _along(elevation, shore, rules.passes)
    wet = flood & known
    depth = _below(level, elevation, wet, nearest(chosen))
    del level
    smooth = _mean_of_wet(depth, wet)
    smooth[~(smooth > 0)] = np.nan
    return smooth


@numba.njit(cache=True)
def nearest(targets: Mask) -> NDArray[np.int32]:
    """Return the nearest target of each pixel, counted row by row; -1 where there is none at all.

    Exact Euclidean distances in one pass down and up the columns and one along the rows (Meijster
    et al. 2000, doi:10.1007/0-306-47025-X_36). Of targets equally near any may be returned.
    """
    height, width = targets.shape
    out = _in_column(targets)
    row = np.empty(width, np.int64)
    best, since = np.empty(width, np.int64), np.empty(width, np.int64)
    for y in range(height):
        row[:] = out[y]
        top = _lower_envelope(row, y, best, since)
        for x in range(width - 1, -1, -1):
            if top < 0:
                break  # no target anywhere
            out[y, x] = row[best[top]] * width + best[top]
            if x == since[top]:
                top -= 1
    return out


@numba.njit(cache=True)
def _in_column(targets: Mask) -> NDArray[np.int32]:
    """Return the row of the nearest target in the column of each pixel; -1 where there is none."""
    height, width = targets.shape
    out = np.full((height, width), -1, np.int32)
    for y in range(height):
        for x in range(width):
            if targets[y, x]:
                out[y, x] = y
            elif y > 0:
                out[y, x] = out[y - 1, x]
    for y in range(height - 2, -1, -1):
        for x in range(width):
            below = out[y + 1, x]
            if below >= 0 and (out[y, x] < 0 or below - y < y - out[y, x]):
                out[y, x] = below
    return out


@numba.njit(cache=True)
def _lower_envelope(
    row: NDArray[np.int64], y: int, best: NDArray[np.int64], since: NDArray[np.int64]
) -> int:
    """Write which columns are nearest along a row, and from where on; return the last's place."""
    top = -1
    for u in range(row.size):
        if row[u] < 0:
            continue
        rise = (row[u] - y) ** 2
        while top >= 0:
            at, owner = since[top], best[top]
            if (at - owner) ** 2 + (row[owner] - y) ** 2 <= (at - u) ** 2 + rise:
                break
            top -= 1
        if top < 0:
            top, best[0], since[0] = 0, u, 0
            continue
        owner = best[top]
        gain = u**2 - owner**2 + rise - (row[owner] - y) ** 2
        begins = 1 + gain // (2 * (u - owner))
        if begins < row.size:
            top += 1
            best[top], since[top] = u, begins
    return top


@numba.njit(cache=True)
def _below(level: Floats, elevation: Floats, wet: Mask, shore: NDArray[np.int32]) -> Floats:
    """Return how far wet pixels lie below the level at their nearest shore [m]; 0 elsewhere."""
    out = np.zeros(wet.shape, dtype=np.float32)
    levels = level.ravel()
    for y in range(wet.shape[0]):
        for x in range(wet.shape[1]):
            if wet[y, x]:
                out[y, x] = max(levels[shore[y, x]] - elevation[y, x], np.float32(0.0))
    return out


def from_hand(labels: NDArray[np.int32], seen: Mask, hand: Floats, *, reach: int) -> Floats:
    """Return the depth by one level above the drainage for each body of water.

    The level of a body is the one whose filling, among the body and the land within ``reach`` of
    it, agrees best with what was seen: the exact maximiser of the critical success index, found
    by sorting heights once. Levels go up to `HIGHEST_LEVEL_M`.

    Parameters
    ----------
    labels : array of int, (y, x)
        Number of the body of water, from 1; 0 is none.
    seen : array of bool, (y, x)
        Where anything was seen.
    hand : array, (y, x)
        Height above the nearest drainage [m]; NaN where not known.
    reach : int
        How far around a body dry land is compared [pixel].

    Returns
    -------
    array, (y, x)
        Depth [m], at least zero; NaN outside the water, and where no height is known.
    """
    body, wet, height = _surroundings(labels, seen, hand, reach)
    levels = best_levels(body, wet, height, int(labels.max(initial=0)))
    del body, wet, height  # whole scenes: what is done with makes room for what comes
    depth = levels[labels]
    depth -= hand
    np.maximum(depth, 0, out=depth)
    depth[labels == 0] = np.nan
    return depth


def best_levels(
    body: NDArray[np.int32], wet: Mask, height: Floats, bodies: int
) -> NDArray[np.float32]:
    """Return for each body the level that agrees best with what was seen, array, (body + 1,) [m].

    Parameters
    ----------
    body : array, (pixel,)
        Which body a pixel belongs to or lies next to, from 1.
    wet : array of bool, (pixel,)
        Whether it was seen flooded.
    height : array, (pixel,)
        Height above drainage [m].
    bodies : int
        How many bodies there are.

    Returns
    -------
    array
        By number of the body; NaN where no height is known. Of levels that agree equally well the
        lowest.
    """
    body, wet, height = _grouped(body, wet, height, bodies)
    return _highest_scores(body, wet, height, bodies)


@numba.njit(cache=True)
def _grouped(
    body: NDArray[np.int32], wet: Mask, height: Floats, bodies: int
) -> tuple[NDArray[np.int32], Mask, Floats]:
    """Return the pixels sorted by body, then by height: counted out first, then sorted each."""
    ends = np.zeros(bodies + 2, dtype=np.int64)
    for i in range(body.size):
        ends[body[i] + 1] += 1
    ends = np.cumsum(ends)
    place = ends[:-1].copy()
    groups, wets, heights = np.empty_like(body), np.empty_like(wet), np.empty_like(height)
    for i in range(body.size):
        at = place[body[i]]
        groups[at], wets[at], heights[at] = body[i], wet[i], height[i]
        place[body[i]] += 1
    for group in range(bodies + 1):
        first, end = ends[group], ends[group + 1]
        if end - first > 1:
            order = np.argsort(heights[first:end])
            wets[first:end] = wets[first:end][order]
            heights[first:end] = heights[first:end][order]
    return groups, wets, heights


@numba.njit(cache=True)
def _highest_scores(
    body: NDArray[np.int32], wet: Mask, height: Floats, bodies: int
) -> NDArray[np.float32]:
    """Return the level of each body; pixels are sorted by body, then by height."""
    levels = np.full(bodies + 1, np.nan, dtype=np.float32)
    start = 0
    while start < body.size:
        end, total = start, 0
        while end < body.size and body[end] == body[start]:
            total += wet[end]
            end += 1
        best, hits, misses = -1.0, 0, 0
        level = np.float32(HIGHEST_LEVEL_M)
        for i in range(start, end):
            hits += wet[i]
            misses += not wet[i]
            # a level floods all pixels of its height: only the last of equal heights is a level
            if (i + 1 < end and height[i + 1] == height[i]) or height[i] > HIGHEST_LEVEL_M:
                continue
            score = hits / (total + misses) if total + misses else 0.0
            if score > best:
                best, level = score, height[i]
        if total:
            levels[body[start]] = level
        start = end
    return levels


def _surroundings(
    labels: NDArray[np.int32], seen: Mask, hand: Floats, reach: int
) -> tuple[NDArray[np.int32], Mask, Floats]:
    """Return body, wetness and height of all pixels in or near a body of water."""
    water = labels > 0
    if not water.any():
        return np.empty(0, np.int32), np.empty(0, bool), np.empty(0, np.float32)
    return _owned(labels, nearest(water), seen, hand, reach)


@numba.njit(cache=True)
def _owned(
    labels: NDArray[np.int32],
    water: NDArray[np.int32],
    seen: Mask,
    hand: Floats,
    reach: int,
) -> tuple[NDArray[np.int32], Mask, Floats]:
    """Return owner, wetness and height of the pixels whose nearest water is within reach."""
    count = 0
    for turn in range(2):
        if turn == 1:
            owner = np.empty(count, dtype=np.int32)
            wet = np.empty(count, dtype=np.bool_)
            height = np.empty(count, dtype=np.float32)
            count = 0
        for y in range(labels.shape[0]):
            for x in range(labels.shape[1]):
                row, column = divmod(water[y, x], labels.shape[1])
                if (y - row) ** 2 + (x - column) ** 2 > reach * reach:
                    continue
                body = labels[row, column]
                if not seen[y, x] or not np.isfinite(hand[y, x]):
                    continue
                if turn == 1:
                    owner[count], wet[count] = body, labels[y, x] > 0
                    height[count] = hand[y, x]
                count += 1
    return owner, wet, height


def _along(elevation: Floats, where: Mask, passes: int) -> Floats:
    """Return the heights of the shore averaged along it, 5 x 5 pixels at a time; 0 elsewhere."""
    rows, columns = np.nonzero(where)
    number = np.full(where.shape, -1, dtype="int32")
    number[rows, columns] = np.arange(rows.size, dtype="int32")
    smooth = _smoothed(elevation[rows, columns].astype("float64"), number, rows, columns, passes)
    out = np.zeros(where.shape, dtype="float32")
    out[rows, columns] = smooth
    return out


@numba.njit(cache=True)
def _smoothed(
    values: NDArray[np.float64],
    number: NDArray[np.int32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    passes: int,
) -> NDArray[np.float64]:
    """Return the values of numbered pixels averaged over their numbered neighbours."""
    for _ in range(passes):
        out = np.empty_like(values)
        for i in range(rows.size):
            total, count = 0.0, 0
            for row in range(max(rows[i] - 2, 0), min(rows[i] + 3, number.shape[0])):
                for column in range(max(columns[i] - 2, 0), min(columns[i] + 3, number.shape[1])):
                    other = number[row, column]
                    if other >= 0:
                        total += values[other]
                        count += 1
            out[i] = total / count
        values = out
    return values


@numba.njit(cache=True)
def _mean_of_wet(depth: Floats, wet: Mask) -> Floats:
    """Return the mean over the wet pixels of 3 x 3; 0 where it is dry."""
    rows, columns = depth.shape
    out = np.zeros((rows, columns), dtype=np.float32)
    for row in range(rows):
        for column in range(columns):
            if not wet[row, column]:
                continue
            total, count = 0.0, 0
            for y in range(max(row - 1, 0), min(row + 2, rows)):
                for x in range(max(column - 1, 0), min(column + 2, columns)):
                    if wet[y, x]:
                        total += depth[y, x]
                        count += 1
            out[row, column] = total / count
    return out
