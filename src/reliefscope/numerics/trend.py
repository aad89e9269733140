"""Is there a trend, how steep is it, and would chance alone show as much somewhere on the map."""

from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

MIN_YEARS = 8
"""The normal approximation of Mann-Kendall is poor for fewer values (Kendall 1975)."""


_AR1, _HAMED_RAO = 1, 2
_SIGNIFICANT = 1.959963984540054
"""Normal quantile of 0.975."""
_STRONGEST = 0.95
"""More persistence than this cannot be told from a trend in decades of data."""


class Dependence(IntEnum):
    """How serial dependence is allowed for: without it, persistence passes for trend."""

    NONE = 0
    AR1 = 1
    """Effective sample size of a first-order autoregression (Yue and Wang 2004,
    doi:10.1023/B:WARM.0000043140.61082.60), its coefficient freed of the bias that the detrended
    short series gives it (van Giersbergen 2005): keeps false alarms near their nominal rate."""
    HAMED_RAO = 2
    """The significant autocorrelations of the ranks (Hamed and Rao 1998,
    doi:10.1016/S0022-1694(97)00125-X): as in other packages; on forty persistent values it still
    raises four times too many alarms."""


class Trend(NamedTuple):
    """A monotonic trend per cell, each array (cell,)."""

    slope: Floats
    """Theil-Sen slope, units a step."""
    low: Floats
    high: Floats
    """Ends of the interval of confidence of the slope."""
    s: Floats
    """Mann-Kendall statistic: rises less falls among all pairs."""
    variance: Floats
    """Of the statistic, ties and autocorrelation considered."""
    p: Floats
    """Two-sided probability of as much without a trend."""


def mann_kendall(
    values: NDArray[np.floating],
    *,
    dependence: Dependence = Dependence.AR1,
    confidence: float = 0.95,
) -> Trend:
    """Test each cell of evenly spaced ``values`` for a monotonic trend.

    Mann-Kendall with ties (Kendall 1975), its variance widened for serial dependence; Theil-Sen
    slope with the interval of Gilbert (1987).

    Parameters
    ----------
    values : array, (time, cell)
        One value a step; NaN is left out of every pair.
    dependence : Dependence
        How serial dependence is allowed for.
    confidence : float
        Of the interval of the slope.

    Returns
    -------
    Trend
        NaN where a cell has fewer than `MIN_YEARS` values.
    """
    series = np.ascontiguousarray(values.reshape(len(values), -1).T, dtype=np.float64)
    quantile = float(special.ndtri(0.5 + confidence / 2))
    out = np.full((len(series), 5), np.nan)
    _trends(series, quantile, int(dependence), out)
    slope, low, high, s, variance = out.T
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (s - np.sign(s)) / np.sqrt(variance), 0.0)
    p = np.where(np.isnan(s), np.nan, 2 * special.ndtr(-np.abs(z)))
    shape = values.shape[1:]
    return Trend(*(a.reshape(shape) for a in (slope, low, high, s, variance, p)))


@numba.njit(cache=True, nogil=True)
def _trends(series: Floats, quantile: float, dependence: int, out: Floats) -> None:
    steps = series.shape[1]
    slopes = np.empty(steps * (steps - 1) // 2)
    for cell in range(series.shape[0]):
        x = series[cell]
        n = steps - np.isnan(x).sum()
        if n < MIN_YEARS:
            continue
        s, count = 0.0, 0
        for i in range(steps - 1):
            for j in range(i + 1, steps):
                if not (np.isnan(x[i]) or np.isnan(x[j])):
                    s += np.sign(x[j] - x[i])
                    slopes[count] = (x[j] - x[i]) / (j - i)
                    count += 1
        ordered = np.sort(slopes[:count])
        slope = _middle(ordered)
        plain = _variance(x, n)
        half = quantile * np.sqrt(plain)
        out[cell, 0] = slope
        out[cell, 1] = _at(ordered, (count - half) / 2.0 - 1.0)
        out[cell, 2] = _at(ordered, (count + half) / 2.0)
        out[cell, 3] = s
        out[cell, 4] = plain * _inflation(x - slope * np.arange(steps), n, dependence)


@numba.njit(cache=True)
def _middle(ordered: Floats) -> float:
    half = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[half])
    return float((ordered[half - 1] + ordered[half]) / 2.0)


@numba.njit(cache=True)
def _at(ordered: Floats, rank: float) -> float:
    """Return the value at a fractional rank, counted from 0, within the ends."""
    rank = min(max(rank, 0.0), len(ordered) - 1.0)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (rank - low) * (ordered[high] - ordered[low]))


@numba.njit(cache=True)
def _variance(x: Floats, n: int) -> float:
    """Return the variance of the statistic of an independent series with ties."""
    total = n * (n - 1.0) * (2.0 * n + 5.0)
    ordered = np.sort(x[~np.isnan(x)])
    run = 1
    for i in range(1, n + 1):
        if i < n and ordered[i] == ordered[i - 1]:
            run += 1
        else:
            total -= run * (run - 1.0) * (2.0 * run + 5.0)
            run = 1
    return total / 18.0


@numba.njit(cache=True)
def _inflation(residuals: Floats, n: int, dependence: int) -> float:
    """Return by how much serial dependence widens the variance."""
    if dependence == _AR1:
        return _effective(residuals, n)
    if dependence == _HAMED_RAO:
        return _significant_lags(_ranks(residuals), n)
    return 1.0


@numba.njit(cache=True)
def _effective(residuals: Floats, n: int) -> float:
    """Return the size of a sample over its effective size, first-order autoregression."""
    centred = residuals - np.nanmean(residuals)
    power = np.nansum(centred**2)
    if power == 0.0:
        return 1.0
    r = np.nansum(centred[1:] * centred[:-1]) / power
    rho = min(max((n * r + 2.0) / (n - 4.0), 0.0), _STRONGEST)
    total, weight = 0.0, 1.0
    for lag in range(1, n):
        weight *= rho
        total += (1.0 - lag / n) * weight
    return 1.0 + 2.0 * total


@numba.njit(cache=True)
def _significant_lags(ranks: Floats, n: int) -> float:
    """Return the correction of Hamed and Rao (1998), equation 10."""
    centred = ranks - np.nanmean(ranks)
    power = np.nansum(centred**2)
    if power == 0.0:
        return 1.0
    total = 0.0
    for lag in range(1, n - 1):
        r = np.nansum(centred[lag:] * centred[:-lag]) / power
        if abs(r) > _SIGNIFICANT / np.sqrt(n):
            total += (n - lag) * (n - lag - 1.0) * (n - lag - 2.0) * r
    return max(1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * total, 1.0 / n)


@numba.njit(cache=True)
def _ranks(x: Floats) -> Floats:
    """Return ranks from 1, ties sharing their mean, NaN staying NaN."""
    ranks = np.full(len(x), np.nan)
    order = np.argsort(x)  # NaN come last
    n = len(x) - np.isnan(x).sum()
    i = 0
    while i < n:
        j = i
        while j + 1 < n and x[order[j + 1]] == x[order[i]]:
            j += 1
        for k in range(i, j + 1):
            ranks[order[k]] = (i + j) / 2.0 + 1.0
        i = j + 1
    return ranks
