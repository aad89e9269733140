"""Compiled kernels of standardised indices: sample, fit, probability, deviate."""

import math

import numba
import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics._distributions import (
    TABLE,
    normal_quantile,
    prepare,
    prepared_gamma_cdf,
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
    sample, series = np.empty(values.shape[1]), np.empty(values.shape[1])
    table = np.empty(TABLE)
    for cell in range(values.shape[0]):
        _accumulate(values[cell], length, series)
        for s in range(len(starts) - 1):
            steps = order[starts[s] : starts[s + 1]]
            if not wanted[steps].any():
                continue
            n, dry = _gather(series, steps, reference, fit, sample)
            if n < min_sample:
                continue
            fitted = _parameters(sample[:n], fit)
            if math.isnan(fitted[0]):
                continue
            share = dry / (n + dry)
            if fit == LOG_LOGISTIC:
                _by_log_logistic(series, steps, wanted, fitted, limit, out[cell])
            else:
                at_zero = share if zeros else share / 2.0
                _by_gamma(
                    series,
                    steps,
                    wanted,
                    fitted,
                    (share, at_zero),
                    limit,
                    table,
                    out[cell],
                )


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
    series: Floats, steps: Steps, reference: Flags, fit: int, sample: Floats
) -> tuple[int, int]:
    """Fill ``sample`` with the usable amounts; return how many there are, and how many dry."""
    n, dry = 0, 0
    for i in steps:
        x = series[i]
        if not reference[i] or math.isnan(x):
            continue
        if fit != LOG_LOGISTIC and x <= 0.0:
            dry += 1
        else:
            sample[n] = x
            n += 1
    return n, dry


@numba.njit(cache=True)
def _by_log_logistic(
    series: Floats, steps: Steps, wanted: Flags, fitted: Parameters, limit: float, out: Floats
) -> None:
    for i in steps:
        if wanted[i] and not math.isnan(series[i]):
            out[i] = _deviate(_log_logistic_cdf(series[i], *fitted), limit)


@numba.njit(cache=True)
def _by_gamma(
    series: Floats,
    steps: Steps,
    wanted: Flags,
    fitted: Parameters,
    dry: tuple[float, float],
    limit: float,
    table: Floats,
    out: Floats,
) -> None:
    """``dry`` is the share of dry steps, and the probability that a dry step is given."""
    shape, scale, location = fitted
    share, at_zero = dry
    log_gamma = math.lgamma(shape)
    top = 0.0
    for i in steps:
        if wanted[i] and series[i] > 0.0:
            top = max(top, (series[i] - location) / scale)
    terms = prepare(shape, top, table)
    for i in steps:
        x = series[i]
        if math.isnan(x) or not wanted[i]:
            continue
        probability = at_zero
        if x > 0.0:
            y = (x - location) / scale
            below = 0.0
            if y > 0.0:
                below = prepared_gamma_cdf(y, math.log(y), shape, log_gamma, table, terms)
            below = below if scale > 0.0 else 1.0 - below
            probability = share + (1.0 - share) * below
        out[i] = _deviate(probability, limit)


@numba.njit(cache=True)
def _deviate(probability: float, limit: float) -> float:
    return min(max(normal_quantile(min(max(probability, 0.0), 1.0)), -limit), limit)


@numba.njit(cache=True)
def _parameters(sample: Floats, fit: int) -> Parameters:
    if fit == GAMMA_THOM:
        return _thom(sample)
    sample.sort()
    if fit == GAMMA_LMOMENTS:
        return _gamma_lmoments(sample)
    if fit == PEARSON3:
        return _pearson3(sample)
    return _log_logistic(sample)


@numba.njit(cache=True)
def _thom(sample: Floats) -> Parameters:
    mean, logs = 0.0, 0.0
    for x in sample:
        mean += x
        logs += math.log(x)
    mean /= len(sample)
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
