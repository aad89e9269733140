"""Depth of a flood from its outline and the terrain under it."""

from typing import NamedTuple

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
    slope = 100.0 * np.tan(np.radians(np.nan_to_num(slope_deg)))
    steep = slope > rules.slope_percent
    right = steep if rules.keep_steeper else ~steep
    shore = shoreline(flood, seen) & known & (lowest > 0)
    chosen = shore & right
    if not chosen.any():
        chosen = shore  # all of the shore lies on the wrong side: better than no level
    out = np.full(flood.shape, np.nan, dtype="float32")
    if not chosen.any():
        return out
    level = _along(np.where(shore, elevation, 0.0), shore, rules.passes)
    nearest = ndimage.distance_transform_edt(~chosen, return_distances=False, return_indices=True)
    depth = np.maximum(level[tuple(nearest)] - elevation, 0.0)
    wet = flood & known
    smooth = _mean(np.where(wet, depth, 0.0), wet, 3)
    out[wet & (smooth > 0)] = smooth[wet & (smooth > 0)]
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
    depth = np.maximum(levels[labels] - hand, 0.0)
    return np.where(labels > 0, depth, np.nan).astype("float32")


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
    order = np.lexsort((height, body))
    body, wet, height = body[order], wet[order], height[order]
    starts = np.searchsorted(body, np.arange(1, bodies + 2))
    hits, misses = np.cumsum(wet), np.cumsum(~wet)
    first = starts[body - 1]
    before_hits = np.where(first > 0, hits[first - 1], 0)
    before_misses = np.where(first > 0, misses[first - 1], 0)
    total = np.diff(np.concatenate([[0], hits])[starts])
    score = (hits - before_hits) / np.maximum(total[body - 1] + misses - before_misses, 1)
    # a level floods all pixels of its height: only the last of equal heights is a level
    last = np.ones(len(body), dtype=bool)
    last[:-1] = (body[1:] != body[:-1]) | (height[1:] != height[:-1])
    score = np.where(last & (height <= HIGHEST_LEVEL_M), score, -1.0)
    best = np.lexsort((height, -score, body))
    levels = np.full(bodies + 1, np.nan, dtype="float32")
    present, at = np.unique(body[best], return_index=True)
    chosen = best[at]
    levels[present] = np.where(score[chosen] >= 0, height[chosen], HIGHEST_LEVEL_M)
    levels[1:][total == 0] = np.nan
    return levels


def _surroundings(
    labels: NDArray[np.int32], seen: Mask, hand: Floats, reach: int
) -> tuple[NDArray[np.int32], Mask, Floats]:
    """Return body, wetness and height of all pixels in or near a body of water."""
    far, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    owner = labels[tuple(nearest)]
    chosen = seen & (far <= reach) & np.isfinite(hand) & (owner > 0)
    return owner[chosen], (labels > 0)[chosen], hand[chosen]


def _along(values: NDArray[np.float64], where: Mask, passes: int) -> NDArray[np.float64]:
    for _ in range(passes):
        values = np.where(where, _mean(values, where, 5), 0.0)
    return values


def _mean(values: NDArray[np.floating], where: Mask, size: int) -> NDArray[np.float64]:
    """Return the mean over the pixels of ``where`` in a square; 0 where there is none."""
    total = ndimage.uniform_filter(np.where(where, values, 0.0).astype("float64"), size)
    share = ndimage.uniform_filter(where.astype("float64"), size)
    return np.where(share > 1e-9, total / np.maximum(share, 1e-9), 0.0)  # noqa: PLR2004 - rounding
