"""Compiled kernels of standardised indices: sample, fit, probability, deviate."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics._distributions import (
    TABLE,
    gamma_cdfs,
    normal_quantile,
    normal_quantiles,
)

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
Flags = NDArray[np.bool_]
Parameters = tuple[float, float, float]
"""Shape, scale and location; NaN where nothing could be fitted."""

GAMMA_THOM, GAMMA_LMOMENTS, PEARSON3, LOG_LOGISTIC = 0, 1, 2, 3

_NOTHING_VARIES = 1e-12
_HALF = 0.5
_NORMAL = 1e-6
"""Least skew that is told from none: the normal distribution is the limit."""
_NOTHING = (math.nan, math.nan, math.nan)


@numba.njit(cache=True, nogil=True)
def standardize_cells(  # noqa: PLR0913, PLR0917 - compiled code takes arrays, not objects
    values: Floats,
    order: Steps,
    starts: Steps,
    reference: Flags,
    wanted: Flags,
    fit: int,
    zeros: int,
    limit: float,
    min_sample: int,
    length: int,
    out: Floats,
) -> None:
    """Fill ``out``, (cell, time), season by season; ``order`` lists the steps of each season.

    Amounts are added up over ``length`` steps first; what is not written stays as it is.
    """
    steps_at_most = values.shape[1]
    sample, series = np.empty(steps_at_most), np.empty(steps_at_most)
    table, room = np.empty(TABLE), np.empty((5, steps_at_most))
    for cell in range(values.shape[0]):
        _accumulate(values[cell], length, series)
        for s in range(len(starts) - 1):
            steps = order[starts[s] : starts[s + 1]]
            if not wanted[steps].any():
                continue
            n, dry, logs = _gather(series, steps, reference, fit, sample, room[0])
            if n < min_sample:
                continue
            fitted = _parameters(sample[:n], logs, fit)
            if math.isnan(fitted[0]):
                continue
            if fit == LOG_LOGISTIC:
                _by_log_logistic(series, steps, wanted, fitted, limit, out[cell])
            else:
                share = dry / (n + dry)
                at_zero = share if zeros else share / 2.0
                parts = (share, at_zero, limit)
                _by_gamma(series, steps, wanted, fitted, parts, table, room, out[cell])


@numba.njit(cache=True)
def _accumulate(values: Floats, length: int, series: Floats) -> None:
    """Fill ``series`` with sums over ``length`` steps; NaN where any is missing."""
    for i in range(len(values)):
        total = math.nan
        if i >= length - 1:
            total = values[i]
            for j in range(i - length + 1, i):
                total += values[j]
        series[i] = total


@numba.njit(cache=True)
def _gather(
    series: Floats, steps: Steps, reference: Flags, fit: int, sample: Floats, logs: Floats
) -> tuple[int, int, float]:
    """Fill ``sample`` with the usable amounts, ``logs`` with the logarithm of each step's amount.

    Returns how many are usable, how many are dry, and the sum of the logarithms of the former.
    """
    n, dry, total = 0, 0, 0.0
    for k in range(len(steps)):
        i = steps[k]
        x = series[i]
        logs[k] = math.log(x) if fit != LOG_LOGISTIC and x > 0.0 else math.nan
        if not reference[i] or math.isnan(x):
            continue
        if fit != LOG_LOGISTIC and x <= 0.0:
            dry += 1
        else:
            sample[n] = x
            total += logs[k]
            n += 1
    return n, dry, total


@numba.njit(cache=True)
def _by_log_logistic(
    series: Floats, steps: Steps, wanted: Flags, fitted: Parameters, limit: float, out: Floats
) -> None:
    for i in steps:
        if wanted[i] and not math.isnan(series[i]):
            out[i] = _deviate(_log_logistic_cdf(series[i], *fitted), limit)


@numba.njit(cache=True, error_model="numpy")
def _by_gamma(
    series: Floats,
    steps: Steps,
    wanted: Flags,
    fitted: Parameters,
    parts: tuple[float, float, float],
    table: Floats,
    room: Floats,
    out: Floats,
) -> None:
    """``parts``: the share of dry steps, the probability that one is given, and the limit.

    The first row of ``room`` has the logarithms of the amounts; the others are written over.
    """
    shape, scale, location = fitted
    share, at_zero, limit = parts
    log_scale, count = math.log(abs(scale)), 0
    logs, y, log_y, spare, below = room[0], room[1], room[2], room[3], room[4]
    for k in range(len(steps)):
        x = series[steps[k]]
        if not wanted[steps[k]] or math.isnan(x):
            continue
        y[count] = (x - location) / scale if x > 0.0 else math.nan
        if location == 0.0:
            log_y[count] = logs[k] - log_scale
        else:
            log_y[count] = math.log(y[count]) if y[count] > 0.0 else math.nan
        count += 1
    gamma_cdfs(y[:count], log_y[:count], shape, table, spare[:count], below[:count])
    for j in range(count):
        part = below[j] if scale > 0.0 else 1.0 - below[j]
        p = at_zero if math.isnan(y[j]) else share + (1.0 - share) * part
        spare[j] = min(max(p, 0.0), 1.0)
    normal_quantiles(spare[:count], below[:count])
    j = 0
    for k in range(len(steps)):
        if wanted[steps[k]] and not math.isnan(series[steps[k]]):
            out[steps[k]] = min(max(below[j], -limit), limit)
            j += 1


@numba.njit(cache=True)
def _deviate(probability: float, limit: float) -> float:
    return min(max(normal_quantile(min(max(probability, 0.0), 1.0)), -limit), limit)


@numba.njit(cache=True)
def _parameters(sample: Floats, logs: float, fit: int) -> Parameters:
    """Return what fits the sample; ``logs`` is the sum of its logarithms."""
    if fit == GAMMA_THOM:
        return _thom(sample, logs)
    sample.sort()
    if fit == GAMMA_LMOMENTS:
        return _gamma_lmoments(sample)
    if fit == PEARSON3:
        return _pearson3(sample)
    return _log_logistic(sample)


@numba.njit(cache=True)
def _thom(sample: Floats, logs: float) -> Parameters:
    mean = sample.sum() / len(sample)
    a = math.log(mean) - logs / len(sample)
    if not a > _NOTHING_VARIES:
        return _NOTHING
    alpha = (1.0 + math.sqrt(1.0 + 4.0 * a / 3.0)) / (4.0 * a)
    return alpha, mean / alpha, 0.0


@numba.njit(cache=True)
def _lmoments(sample: Floats) -> Parameters:
    """Return the first three L-moments of an ascending sample, unbiased (Hosking 1990)."""
    n = len(sample)
    b0, b1, b2 = 0.0, 0.0, 0.0
    for i in range(n):
        b0 += sample[i]
        b1 += sample[i] * i / (n - 1)
        b2 += sample[i] * i * (i - 1) / ((n - 1) * (n - 2))
    b0, b1, b2 = b0 / n, b1 / n, b2 / n
    return b0, 2.0 * b1 - b0, 6.0 * b2 - 6.0 * b1 + b0


@numba.njit(cache=True)
def _gamma_lmoments(sample: Floats) -> Parameters:
    """Fit by the rational approximation of Hosking (1996), IBM RC 20525, routine PELGAM."""
    l1, l2, _ = _lmoments(sample)
    if not l1 > l2 > _NOTHING_VARIES * l1:
        return _NOTHING
    t = l2 / l1
    if t < _HALF:
        z = math.pi * t * t
        alpha = (1.0 - 0.3080 * z) / (z * (1.0 + z * (-0.05812 + z * 0.01765)))
    else:
        z = 1.0 - t
        alpha = z * (0.7213 - z * 0.5947) / (1.0 + z * (-2.1817 + z * 1.2113))
    return alpha, l1 / alpha, 0.0


@numba.njit(cache=True)
def _pearson3(sample: Floats) -> Parameters:
    """Fit by the rational approximation of Hosking (1996), IBM RC 20525, routine PELPE3.

    Returns shape, signed scale (negative for negative skew) and location.
    """
    l1, l2, l3 = _lmoments(sample)
    if not l2 > _NOTHING_VARIES * max(abs(l1), _NOTHING_VARIES):
        return _NOTHING
    t3 = l3 / l2
    t = abs(t3)
    t = max(t, _NORMAL)
    if t >= 1.0:
        return _NOTHING
    if t < 1.0 / 3.0:
        z = 3.0 * math.pi * t * t
        alpha = (1.0 + 0.2906 * z) / (z * (1.0 + z * (0.1882 + z * 0.0442)))
    else:
        z = 1.0 - t
        alpha = (z * (0.36067 + z * (-0.59567 + z * 0.25361))) / (
            1.0 + z * (-2.78861 + z * (2.56096 - z * 0.77045))
        )
    scale = math.sqrt(math.pi) * l2 * math.exp(math.lgamma(alpha) - math.lgamma(alpha + 0.5))
    scale = math.copysign(scale, t3)
    return alpha, scale, l1 - alpha * scale


@numba.njit(cache=True)
def _log_logistic(sample: Floats) -> Parameters:
    n = len(sample)
    w0, w1, w2 = 0.0, 0.0, 0.0
    for i in range(n):
        above = n - 1 - i
        w0 += sample[i]
        w1 += sample[i] * above / (n - 1)
        w2 += sample[i] * above * (above - 1) / ((n - 1) * (n - 2))
    w0, w1, w2 = w0 / n, w1 / n, w2 / n
    bottom = 6.0 * w1 - w0 - 6.0 * w2
    if bottom == 0.0:
        return _NOTHING
    beta = (2.0 * w1 - w0) / bottom
    if not abs(beta) > 1.0:
        return _NOTHING
    both = math.exp(math.lgamma(1.0 + 1.0 / beta)) * math.exp(math.lgamma(1.0 - 1.0 / beta))
    alpha = (w0 - 2.0 * w1) * beta / both
    if alpha == 0.0 or not math.isfinite(alpha):
        return _NOTHING
    return beta, alpha, w0 - alpha * both


@numba.njit(cache=True)
def _log_logistic_cdf(x: float, beta: float, alpha: float, gamma: float) -> float:
    ratio = (x - gamma) / alpha
    if ratio <= 0.0:  # beyond the bound of the distribution: below it, or above for beta < 0
        return 0.0 if beta > 0.0 else 1.0
    return float(1.0 / (1.0 + ratio ** (-beta)))
