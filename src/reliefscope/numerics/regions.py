"""Connected regions: grow from sure cores, drop specks, close pinholes."""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.errors import InputError

_EIGHT = np.ones((3, 3), dtype=bool)
_FOUR = ndimage.generate_binary_structure(2, 1)


def grow(
    candidate: NDArray[np.bool_], core: NDArray[np.bool_], *, min_size: int = 1
) -> NDArray[np.bool_]:
    """Return the 8-connected regions of ``candidate`` that hold a pixel of ``core``.

    Parameters
    ----------
    candidate : array of bool, (y, x)
        Where the looser threshold holds.
    core : array of bool, (y, x)
        Where the stricter one holds.
    min_size : int
        Smaller regions are dropped [pixel].

    Returns
    -------
    array of bool, (y, x)

    Raises
    ------
    InputError
        The shapes differ.
    """
    if candidate.shape != core.shape:
        raise InputError(f"candidate is {candidate.shape} and core {core.shape}; make them alike")
    labels, count = ndimage.label(candidate, structure=_EIGHT)
    sizes, cored = _measure(labels, np.ascontiguousarray(core), count)
    chosen: NDArray[np.bool_] = _choose(labels, cored & (sizes >= min_size))
    return chosen


def small_holes(
    region: NDArray[np.bool_], fillable: NDArray[np.bool_], min_size: int
) -> NDArray[np.bool_]:
    """Return the pixels that close holes of ``region`` smaller than ``min_size``.

    A hole is a 4-connected set of pixels outside ``region``. One that reaches the edge of the
    array, or holds a pixel that is not ``fillable``, is left open: nobody saw that it is whole.

    Parameters
    ----------
    region : array of bool, (y, x)
        What may have holes.
    fillable : array of bool, (y, x)
        Pixels that may change: observed and not excluded.
    min_size : int
        Holes of this many pixels and more stay.

    Returns
    -------
    array of bool, (y, x)
        True on the pixels to add to ``region``.
    """
    labels, count = ndimage.label(~region, structure=_FOUR)
    sizes, fixed = _measure(labels, np.ascontiguousarray(~fillable), count)
    close = ~fixed & (sizes < min_size)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        close[edge] = False
    chosen: NDArray[np.bool_] = _choose(labels, close)
    return chosen


def tally(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count how often each code from 0 to 255 occurs, array, (256,), without a copy."""
    counts: NDArray[np.int64] = _tally(np.ascontiguousarray(codes).ravel())
    return counts


@njit(cache=True, nogil=True)
def _tally(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    counts = np.zeros(256, dtype=np.int64)
    for code in codes:
        counts[code] += 1
    return counts


@njit(cache=True, nogil=True)
def _measure(
    labels: NDArray[np.int32], mark: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the size of each region and whether it holds a marked pixel; no copy of the scene."""
    sizes = np.zeros(count + 1, dtype=np.int64)
    marked = np.zeros(count + 1, dtype=np.bool_)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            sizes[label] += 1
            if mark[y, x]:
                marked[label] = True
    return sizes, marked


@njit(cache=True, nogil=True)
def _choose(labels: NDArray[np.int32], keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return True on the regions to keep, never on label 0."""
    out = np.empty(labels.shape, dtype=np.bool_)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            out[y, x] = label != 0 and keep[label]
    return out
