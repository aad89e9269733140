"""Compiled kernels of percentiles of the day of the year, and of days below them.

All look from the lower end: callers change the sign for the upper. The pool of a day of the year
is kept sorted while the window moves on by a day; of a day in question only the few values are
looked at that a year left out, and another put in its place, could bring to the percentile.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pool = tuple[Floats, Ints, Ints]
"""Values in order; the year each belongs to, -1 outside the period; which day of a window."""

_DAYS = 365
_THIRD = 1.0 / 3.0
_FUZZ = 4 * 2.220446049250313e-16
"""Positions nearer to a whole number than this are whole."""


@numba.njit(cache=True, nogil=True)
def percentile_cells(
    padded: Floats, years: int, window: int, share: float, least: float, out: Floats
) -> None:
    """Fill ``out``, (cell, 365), with the percentile of each day of the year."""
    size = years * window
    for cell in range(padded.shape[0]):
        pool, other = _new(size), _new(size)
        fresh = _new(years)
        n = _first(padded[cell], years, window, pool, other, fresh)
        for day in range(_DAYS):
            out[cell, day] = math.nan
            if n >= max(least * size, 1.0):
                out[cell, day] = _quantile(pool[0][:n], share)
            n = _advance(padded[cell], years, window, day, pool, n, other, fresh)
            pool, other = other, pool


@numba.njit(cache=True, nogil=True)
def sample_cells(cells: Floats, share: float, out: Floats) -> None:
    """Fill ``out``, (cell,), with a percentile of each series, NaN left out."""
    kept = np.empty(cells.shape[1])
    for cell in range(cells.shape[0]):
        n = 0
        for x in cells[cell]:
            if not math.isnan(x):
                kept[n] = x
                n += 1
        out[cell] = _quantile(np.sort(kept[:n]), share) if n else math.nan


@numba.njit(cache=True, nogil=True)
def beyond_cells(  # noqa: PLR0913, PLR0917 - compiled code takes arrays, not objects
    cells: Floats,
    padded: Floats,
    of_year: Ints,
    steps: tuple[Ints, Ints],
    year: Ints,
    inside: tuple[int, int],
    size: tuple[int, int],
    share: tuple[float, float],
    out: Floats,
) -> None:
    """Fill ``out``, (cell, time), with whether each day is below its percentile.

    ``steps`` lists the days of the reference period by their day of the year, and where each
    begins; ``inside`` is where the period lies; ``size`` are its years and the window; ``share``
    the percentile and the least share of days.
    """
    years, window = size
    order, starts = steps
    windows, held = np.empty((years, window)), np.empty(years, np.int64)
    threshold = np.empty(_DAYS)
    least = max(share[1] * years * window, 1.0)
    for cell in range(cells.shape[0]):
        pool, other = _new(years * window), _new(years * window)
        fresh = _new(years)
        n = _first(padded[cell], years, window, pool, other, fresh)
        for day in range(_DAYS):
            enough = n >= least
            threshold[day] = _quantile(pool[0][:n], share[0]) if enough else math.nan
            half = window // 2
            at_edge = day < half or day >= _DAYS - half
            _windows(padded[cell], day, windows, held, -half, _DAYS + half)
            for step in order[starts[day] : starts[day + 1]]:
                x = cells[cell, step]
                if at_edge:  # the days across New Year of the first and last year have no other
                    first = 0 if year[step] == years - 1 else -half
                    stop = _DAYS if year[step] == 0 else _DAYS + half
                    _windows(padded[cell], day, windows, held, first, stop)
                out[cell, step] = math.nan
                if enough and not math.isnan(x):
                    out[cell, step] = _left_out(
                        x, year[step], pool, n, windows, held, share[0], least
                    )
            n = _advance(padded[cell], years, window, day, pool, n, other, fresh)
            pool, other = other, pool
        for step in range(cells.shape[1]):
            if inside[0] <= step < inside[1]:
                continue
            x, edge = cells[cell, step], threshold[of_year[step]]
            known = not (math.isnan(x) or math.isnan(edge))
            out[cell, step] = (1.0 if x < edge else 0.0) if known else math.nan


@numba.njit(cache=True)
def _left_out(
    x: float, year: int, pool: Pool, n: int, windows: Floats, held: Ints, share: float, least: float
) -> float:
    """Return how many of the other years, standing in for its own, put a day below: their share."""
    window = windows.shape[1]
    n_kept = n - held[year]
    lowest, _ = _position(max(n_kept, 1), share)
    highest, _ = _position(n_kept + window, share)
    kept, m = _without(year, pool, n, highest + 2)
    # whatever stands in, the percentile lies between these two
    if lowest - window >= 1 and x < kept[lowest - window - 1]:
        return 1.0
    if m > highest and x >= kept[highest]:
        return 0.0
    below, judged = 0, 0
    for stand_in in range(windows.shape[0]):
        if stand_in == year:
            continue
        edge = _joined_quantile(kept[:m], n_kept, windows[stand_in, : held[stand_in]], share, least)
        if not math.isnan(edge):
            judged += 1
            below += x < edge
    return below / judged if judged else math.nan


@numba.njit(cache=True)
def _without(year: int, pool: Pool, n: int, needed: int) -> tuple[Floats, int]:
    """Return the lowest values of a pool that are not of ``year``, at most ``needed``."""
    kept, m = np.empty(needed), 0
    for i in range(n):
        if pool[1][i] != year:
            kept[m] = pool[0][i]
            m += 1
            if m == needed:
                break
    return kept, m


@numba.njit(cache=True)
def _joined_quantile(a: Floats, n_a: int, b: Floats, share: float, least: float) -> float:
    """Return a percentile of two sorted samples together; ``a`` is the lower part of ``n_a``."""
    n = n_a + len(b)
    if n < least:
        return math.nan
    j, h = _position(n, share)
    low = _joined(a, b, max(j, 1))
    if j < 1 or j >= n or h == 0.0:
        return low
    return low + h * (_joined(a, b, j + 1) - low)


@numba.njit(cache=True)
def _joined(a: Floats, b: Floats, place: int) -> float:
    """Return the ``place``-th smallest value, from 1, of two sorted samples together."""
    for i in range(min(len(b), place) + 1):
        from_a = place - i
        if from_a > len(a):
            continue
        fits = i == 0 or from_a == len(a) or b[i - 1] <= a[from_a]
        fits = fits and (from_a == 0 or i == len(b) or a[from_a - 1] <= b[i])
        if fits:
            best = a[from_a - 1] if from_a else -math.inf
            return max(best, b[i - 1]) if i else best
    return math.nan


@numba.njit(cache=True)
def _position(n: int, share: float) -> tuple[int, float]:
    """Return after which value, from 1, a percentile of ``n`` values lies, and how far."""
    place = _THIRD + share * (n + _THIRD)
    j = int(math.floor(place + _FUZZ))  # noqa: RUF046 - in compiled code it is a float
    h = place - j
    return j, (0.0 if abs(h) < _FUZZ else h)


@numba.njit(cache=True)
def _quantile(ordered: Floats, share: float) -> float:
    n = len(ordered)
    j, h = _position(n, share)
    low = ordered[min(max(j, 1), n) - 1]
    if j < 1 or j >= n or h == 0.0:
        return float(low)
    return float(low + h * (ordered[j] - low))


@numba.njit(cache=True)
def _new(size: int) -> Pool:
    return np.empty(size), np.empty(size, np.int64), np.empty(size, np.int64)


@numba.njit(cache=True)
def _windows(padded: Floats, day: int, windows: Floats, held: Ints, first: int, stop: int) -> None:
    """Fill each year's own values around a day of the year, in order, and how many there are.

    Days across New Year are those of the same year: 30 and 31 December beside 1 January. Those
    before ``first`` and from ``stop`` on are left out.
    """
    half = windows.shape[1] // 2
    for year in range(windows.shape[0]):
        n = 0
        for near in range(max(day - half, first), min(day + half + 1, stop)):
            x = padded[year * _DAYS + near % _DAYS + half]
            if math.isnan(x):
                continue
            i = n
            while i > 0 and windows[year, i - 1] > x:
                windows[year, i] = windows[year, i - 1]
                i -= 1
            windows[year, i] = x
            n += 1
        held[year] = n


@numba.njit(cache=True)
def _first(padded: Floats, years: int, window: int, pool: Pool, other: Pool, fresh: Pool) -> int:
    """Fill ``pool`` with the windows around the first day of the year; return how many."""
    n = 0
    for k in range(window):
        m = _gather(padded, years, window // 2, k, fresh)
        n = _merge(pool, n, -1, fresh, m, other)
        for i in range(n):
            pool[0][i], pool[1][i], pool[2][i] = other[0][i], other[1][i], other[2][i]
    return n


@numba.njit(cache=True)
def _advance(
    padded: Floats, years: int, window: int, day: int, pool: Pool, n: int, other: Pool, fresh: Pool
) -> int:
    """Fill ``other`` with the windows around the next day; return how many values there are."""
    if day == _DAYS - 1:
        return 0
    m = _gather(padded, years, window // 2, day + window, fresh)
    return _merge(pool, n, day, fresh, m, other)


@numba.njit(cache=True)
def _gather(padded: Floats, years: int, half: int, day: int, fresh: Pool) -> int:
    """Fill ``fresh`` with the values of one day in all windows, in order; return how many."""
    n = 0
    for year in range(years):
        x = padded[year * _DAYS + day]
        if math.isnan(x):
            continue
        place = year * _DAYS + day - half
        owner = place // _DAYS if 0 <= place < years * _DAYS else -1
        i = n
        while i > 0 and fresh[0][i - 1] > x:
            fresh[0][i], fresh[1][i] = fresh[0][i - 1], fresh[1][i - 1]
            i -= 1
        fresh[0][i], fresh[1][i] = x, owner
        n += 1
    for i in range(n):
        fresh[2][i] = day
    return n


@numba.njit(cache=True)
def _merge(pool: Pool, n: int, dropped: int, fresh: Pool, m: int, out: Pool) -> int:
    """Fill ``out`` with ``pool``, less what is of the day ``dropped``, and ``fresh``, in order."""
    i, j, k = 0, 0, 0
    while i < n or j < m:
        if i < n and pool[2][i] == dropped:
            i += 1
            continue
        if j >= m or (i < n and pool[0][i] <= fresh[0][j]):
            out[0][k], out[1][k], out[2][k] = pool[0][i], pool[1][i], pool[2][i]
            i += 1
        else:
            out[0][k], out[1][k], out[2][k] = fresh[0][j], fresh[1][j], fresh[2][j]
            j += 1
        k += 1
    return k
