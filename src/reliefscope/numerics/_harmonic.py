"""Kernels of `reliefscope.numerics.harmonic`, compiled."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

ORDER = 3
PARAMETERS = 2 * ORDER + 1
LEAST_SPREAD_DB = 0.1

_HUBER = 1.345
"""95 % efficient on normal residuals."""
_ROUNDS = 4
_FAR = -2.5
_SUSPECT = -3.0
"""Residuals below so many spreads are suspected floods."""
_LEFT = 0.75
"""Share of the fewest observations that must be left without suspected floods."""
_MAD = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


@njit(cache=True, nogil=True)
def median(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    rows, columns = values.shape
    out = np.full((rows, columns), np.float32(np.nan), dtype=np.float32)
    window = np.empty((2 * radius + 1) ** 2, dtype=np.float32)
    for y in range(rows):
        for x in range(columns):
            if np.isnan(values[y, x]):
                continue
            n = 0
            for i in range(max(0, y - radius), min(rows, y + radius + 1)):
                for j in range(max(0, x - radius), min(columns, x + radius + 1)):
                    v = values[i, j]
                    if v == v:  # noqa: PLR0124 - False for NaN alone
                        k = n
                        while k > 0 and window[k - 1] > v:
                            window[k] = window[k - 1]
                            k -= 1
                        window[k] = v
                        n += 1
            half = n // 2
            out[y, x] = window[half] if n % 2 else (window[half - 1] + window[half]) / 2
    return out


@njit(cache=True, nogil=True)
def fit(
    series: NDArray[np.float32],
    waves: NDArray[np.float64],
    least: int,
    robust: bool,  # noqa: FBT001 - numba: by position
    coefficients: NDArray[np.float32],
    spread: NDArray[np.float32],
    images: NDArray[np.int32],
) -> None:
    times, pixels = series.shape
    values = np.zeros(times)
    weight, shared = np.zeros(times), np.full(times, -1.0)
    factor = np.zeros((PARAMETERS, PARAMETERS))
    solution = np.zeros(PARAMETERS)
    whole = False
    for pixel in range(pixels):
        n, same = _gather(series, pixel, values, weight, shared)
        images[pixel] = n
        if n < least:
            continue
        if not same:
            shared[:] = weight
            whole = _factorise(waves, weight, factor)
        if not whole:
            continue
        _solve(waves, weight, values, factor, solution)
        rest = _residual_spread(waves, weight, values, solution, n)
        if robust and _any_far(waves, weight, values, solution, rest):
            kept = _without_floods(waves, weight, values, solution)
            images[pixel] = kept
            if kept < max(_LEFT * least, PARAMETERS + 1):
                continue
            rest = _residual_spread(waves, weight, values, solution, kept)
        for i in range(PARAMETERS):
            coefficients[i, pixel] = solution[i]
        spread[pixel] = rest


@njit(cache=True, nogil=True)
def _gather(
    series: NDArray[np.float32],
    pixel: int,
    values: NDArray[np.float64],
    weight: NDArray[np.float64],
    shared: NDArray[np.float64],
) -> tuple[int, bool]:
    """Fill values and weights of a pixel; return how many it has, and whether as ``shared``."""
    n, same = 0, True
    for t in range(len(weight)):
        v = series[t, pixel]
        seen = v == v  # noqa: PLR0124 - False for NaN alone
        values[t] = v if seen else 0.0
        weight[t] = 1.0 if seen else 0.0
        same &= weight[t] == shared[t]
        n += seen
    return n, same


@njit(cache=True, nogil=True)
def _factorise(
    waves: NDArray[np.float64], weight: NDArray[np.float64], factor: NDArray[np.float64]
) -> bool:
    """Fill the Cholesky factor of the weighted normal equations; return whether there is one."""
    for i in range(PARAMETERS):
        for j in range(i + 1):
            total = 0.0
            for t in range(len(weight)):
                total += weight[t] * waves[t, i] * waves[t, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not total > 1e-6 * len(weight):  # days do not span the year
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return True


@njit(cache=True, nogil=True)
def _solve(
    waves: NDArray[np.float64],
    weight: NDArray[np.float64],
    values: NDArray[np.float64],
    factor: NDArray[np.float64],
    solution: NDArray[np.float64],
) -> None:
    solution[:] = 0.0
    for t in range(len(weight)):
        for i in range(PARAMETERS):
            solution[i] += weight[t] * values[t] * waves[t, i]
    for i in range(PARAMETERS):
        for k in range(i):
            solution[i] -= factor[i, k] * solution[k]
        solution[i] /= factor[i, i]
    for i in range(PARAMETERS - 1, -1, -1):
        for k in range(i + 1, PARAMETERS):
            solution[i] -= factor[k, i] * solution[k]
        solution[i] /= factor[i, i]


@njit(cache=True, nogil=True)
def _residual(
    waves: NDArray[np.float64], values: NDArray[np.float64], solution: NDArray[np.float64], t: int
) -> float:
    level = 0.0
    for i in range(PARAMETERS):
        level += waves[t, i] * solution[i]
    return float(values[t] - level)


@njit(cache=True, nogil=True)
def _residual_spread(
    waves: NDArray[np.float64],
    weight: NDArray[np.float64],
    values: NDArray[np.float64],
    solution: NDArray[np.float64],
    n: int,
) -> float:
    """Return ``sqrt(SSE / (N - 7))`` of what has weight [dB]."""
    squares = 0.0
    for t in range(len(weight)):
        if weight[t] > 0:
            squares += _residual(waves, values, solution, t) ** 2
    return float(np.sqrt(squares / (n - PARAMETERS)))


@njit(cache=True, nogil=True)
def _any_far(
    waves: NDArray[np.float64],
    weight: NDArray[np.float64],
    values: NDArray[np.float64],
    solution: NDArray[np.float64],
    spread: float,
) -> bool:
    """Return whether anything is dark enough to be worth a second fit."""
    for t in range(len(weight)):
        if weight[t] > 0 and _residual(waves, values, solution, t) < _FAR * spread:
            return True
    return False


@njit(cache=True, nogil=True)
def _without_floods(
    waves: NDArray[np.float64],
    weight: NDArray[np.float64],
    values: NDArray[np.float64],
    solution: NDArray[np.float64],
) -> int:
    """Fit again without suspected floods: ``weight`` is set to 0 on them; return what is left."""
    times = len(weight)
    soft = weight.copy()
    factor = np.zeros((PARAMETERS, PARAMETERS))
    scale = 0.0
    for _ in range(_ROUNDS):
        scale = _mad(waves, weight, values, solution)
        for t in range(times):
            if weight[t] > 0:
                far = abs(_residual(waves, values, solution, t))
                soft[t] = 1.0 if far <= _HUBER * scale else _HUBER * scale / far
        if not _factorise(waves, soft, factor):
            return 0
        _solve(waves, soft, values, factor, solution)
    scale = _mad(waves, weight, values, solution)
    kept = 0
    for t in range(times):
        if weight[t] > 0 and _residual(waves, values, solution, t) < _SUSPECT * scale:
            weight[t] = 0.0
        kept += weight[t] > 0
    if not _factorise(waves, weight, factor):
        return 0
    _solve(waves, weight, values, factor, solution)
    return kept


@njit(cache=True, nogil=True)
def _mad(
    waves: NDArray[np.float64],
    weight: NDArray[np.float64],
    values: NDArray[np.float64],
    solution: NDArray[np.float64],
) -> float:
    """Return the spread of the residuals by their median absolute value [dB]."""
    sizes = np.empty(len(weight))
    n = 0
    for t in range(len(weight)):
        if weight[t] > 0:
            sizes[n] = abs(_residual(waves, values, solution, t))
            n += 1
    return float(max(_MAD * np.median(sizes[:n]), LEAST_SPREAD_DB))
