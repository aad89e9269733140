"""Kernels of the sequential omnibus test in `reliefscope.numerics.change`, compiled."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def search(
    power: NDArray[np.float32],
    looks: float,
    critical_q: NDArray[np.float64],
    critical_r: NDArray[np.float64],
    steps: NDArray[np.uint8],
    images: NDArray[np.int32],
    found: NDArray[np.float32],
) -> None:
    """Fill the changes of each pixel; ``found``: -2 rho ln Q, the last -2 rho ln R, images, dB."""
    times, channels, pixels = power.shape
    x, logs = np.empty((times, channels)), np.empty((times, channels))
    when = np.empty(times, dtype=np.int64)
    total = np.empty(channels)
    for pixel in range(pixels):
        k = _gather(power, pixel, x, logs, when)
        images[pixel] = k
        start = 0
        while start < k - 1:
            statistic = _statistic(x[start:k], logs[start:k], looks)
            if start == 0:
                found[0, pixel] = statistic
            alike = statistic <= critical_q[k - start - 2]
            total[:] = x[start]
            changed = k
            for at in range(start + 1, k):
                last = when[at] == times - 1
                if alike and not last:
                    total += x[at]
                    continue
                value = factor(total, x[at], logs[at], at - start + 1, looks)
                if last:
                    found[1, pixel] = value
                    found[2, pixel] = at - start + 1
                    found[3, pixel] = _mean_ratio(total, x[at], at - start)
                if not alike and value > critical_r[at - start - 1]:
                    steps[when[at] - 1, pixel] = _direction(total, x[at], at - start)
                    changed = at
                    break
                total += x[at]
            start = changed


@njit(cache=True, nogil=True)
def _gather(
    power: NDArray[np.float32],
    pixel: int,
    x: NDArray[np.float64],
    logs: NDArray[np.float64],
    when: NDArray[np.int64],
) -> int:
    """Collect the images that saw a pixel in every channel; return how many."""
    k = 0
    for t in range(power.shape[0]):
        whole = True
        for c in range(power.shape[1]):
            x[k, c] = power[t, c, pixel]
            whole &= x[k, c] > 0 and x[k, c] < np.inf
        if whole:
            for c in range(power.shape[1]):
                logs[k, c] = np.log(x[k, c])
            when[k] = t
            k += 1
    return k


@njit(cache=True, nogil=True)
def _statistic(x: NDArray[np.float64], logs: NDArray[np.float64], looks: float) -> float:
    """Return ``-2 rho ln Q`` of images, (time, channel)."""
    k, channels = x.shape
    ln_q = channels * k * np.log(k)
    for c in range(channels):
        total = 0.0
        for i in range(k):
            total += x[i, c]
            ln_q += logs[i, c]
        ln_q -= k * np.log(total)
    return float(-2 * (1 - (k + 1) / (6 * k * looks)) * looks * ln_q)


@njit(cache=True, nogil=True)
def factor(
    total: NDArray[np.float64],
    x: NDArray[np.float64],
    logs: NDArray[np.float64],
    j: int,
    looks: float,
) -> float:
    """Return ``-2 rho ln R_j`` of an image against the sum of the ``j - 1`` before it."""
    channels = x.size
    ln_r = channels * (j * np.log(j) - (j - 1) * np.log(j - 1))
    for c in range(channels):
        ln_r += (j - 1) * np.log(total[c]) + logs[c] - j * np.log(total[c] + x[c])
    return float(-2 * (1 - (1 + 1 / (j * (j - 1))) / (6 * looks)) * looks * ln_r)


@njit(cache=True, nogil=True)
def _mean_ratio(total: NDArray[np.float64], x: NDArray[np.float64], count: int) -> float:
    ratio = 0.0
    for c in range(x.size):
        ratio += 10 * np.log10(x[c] * count / total[c])
    return ratio / x.size


@njit(cache=True, nogil=True)
def _direction(total: NDArray[np.float64], x: NDArray[np.float64], count: int) -> int:
    """Return the code of `Direction`."""
    rises = 0
    for c in range(x.size):
        rises += x[c] * count > total[c]
    if rises == 0:
        return 1
    return 2 if rises == x.size else 3
