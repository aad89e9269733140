"""Days counted into years and months: how many, the highest of each, how many are missing.

Each in one pass over the days of a place. Arrays are (cell, time); ``starts`` says where periods
begin; what is returned is (cell, period).
"""

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TILE = 16
"""Cells turned at a time, so that what is read and what is written both stay near."""
_DECIMALS = 1e4


def count_above(values: Floats, starts: Ints, edge: float) -> Ints:
    """Return how many values of each period are above ``edge``."""
    return np.asarray(_count(values, starts, edge, 1.0))


def count_below(values: Floats, starts: Ints, edge: float) -> Ints:
    """Return how many values of each period are below ``edge``."""
    return np.asarray(_count(values, starts, edge, -1.0))


@numba.njit(cache=True, nogil=True)
def _count(values: Floats, starts: Ints, edge: float, sign: float) -> Ints:
    """Return how many values of each period lie beyond ``edge``, upwards or with -1 downwards."""
    ends = np.append(starts[1:], values.shape[1])
    out = np.zeros((values.shape[0], len(starts)), np.int64)
    for cell in range(values.shape[0]):
        for period in range(len(starts)):
            for i in range(starts[period], ends[period]):
                out[cell, period] += sign * values[cell, i] > sign * edge
    return out


@numba.njit(cache=True, nogil=True)
def highest(values: Floats, starts: Ints, sign: float) -> Floats:
    """Return the highest value of each period, or the lowest with ``sign`` -1; NaN where none."""
    ends = np.append(starts[1:], values.shape[1])
    out = np.full((values.shape[0], len(starts)), np.nan)
    for cell in range(values.shape[0]):
        for period in range(len(starts)):
            most = -np.inf
            for i in range(starts[period], ends[period]):
                if sign * values[cell, i] > most:  # noqa: PLR1730 - max() may take NaN
                    most = sign * values[cell, i]
            if most > -np.inf:
                out[cell, period] = sign * most
    return out


@numba.njit(cache=True, nogil=True)
def means(values: Floats, starts: Ints) -> Floats:
    """Return the mean of what there is of each period, NaN where there is nothing."""
    ends = np.append(starts[1:], values.shape[1])
    out = np.full((values.shape[0], len(starts)), np.nan)
    for cell in range(values.shape[0]):
        for period in range(len(starts)):
            total, count = 0.0, 0
            for i in range(starts[period], ends[period]):
                if not np.isnan(values[cell, i]):
                    total += values[cell, i]
                    count += 1
            if count:
                out[cell, period] = total / count
    return out


@numba.njit(cache=True, nogil=True)
def gaps(values: Floats, starts: Ints) -> Ints:
    """Return how many values of each period are NaN."""
    ends = np.append(starts[1:], values.shape[1])
    out = np.zeros((values.shape[0], len(starts)), np.int64)
    for cell in range(values.shape[0]):
        for period in range(len(starts)):
            for i in range(starts[period], ends[period]):
                out[cell, period] += np.isnan(values[cell, i])
    return out


def by_cell(values: NDArray[np.floating], *, less: float | None = None) -> Floats:
    """Return values in double precision with the days of a place side by side, (..., time).

    Parameters
    ----------
    values : array, (..., time)
        In any order in memory.
    less : float, optional
        Taken off; the difference is rounded to a ten-thousandth.
    """
    given = np.asarray(values)
    if less is None and given.dtype == np.float64 and given.flags.c_contiguous:
        return given
    by_day = np.moveaxis(given, -1, 0).reshape(given.shape[-1], -1)
    turned: Floats = _turned(by_day, 0.0 if less is None else less, less is not None)
    return turned.reshape(given.shape)


@numba.njit(cache=True, nogil=True)
def _turned(by_day: NDArray[np.floating], less: float, rounded: bool) -> Floats:  # noqa: FBT001
    """Return (time, cell) as (cell, time)."""
    days, cells = by_day.shape
    out = np.empty((cells, days))
    for first in range(0, cells, _TILE):
        for day in range(days):
            for cell in range(first, min(first + _TILE, cells)):
                value = np.float64(by_day[day, cell])
                if rounded:
                    value = np.rint((value - less) * _DECIMALS) / _DECIMALS
                out[cell, day] = value
    return out
