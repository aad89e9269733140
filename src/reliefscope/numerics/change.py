"""What darkened between two radar images."""

import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics.threshold import cut_tiles, is_bimodal

DEFAULT_CHANGE_DB = -3.0
"""Halving of the backscatter: the usual threshold when the scene suggests none [dB]."""

CHANGE_BOUNDS_DB = (-12.0, -2.0)
"""Where a change threshold may lie [dB]."""


def change_threshold(counts: NDArray[np.uint16]) -> tuple[float, int]:
    """Return the log ratio at or below which a place darkened.

    Parameters
    ----------
    counts : array, (row, column, bin)
        Histograms of the log ratio, `reliefscope.numerics.threshold.cell_histograms`.

    Returns
    -------
    threshold : float
        Midway between what darkened and what stayed, the median over all tiles that show both,
        inside `CHANGE_BOUNDS_DB`; `DEFAULT_CHANGE_DB` if no tile does [dB].
    tiles : int
        How many such tiles there were.
    """
    tiles = cut_tiles(counts)
    both = is_bimodal(tiles) & (tiles.dark < DEFAULT_CHANGE_DB) & (tiles.bright > DEFAULT_CHANGE_DB)
    if not both.any():
        return DEFAULT_CHANGE_DB, 0
    middle = np.median((tiles.dark[both] + tiles.bright[both]) / 2)
    low, high = CHANGE_BOUNDS_DB
    return float(np.clip(middle, low, high)), int(np.count_nonzero(both))
