"""Speckle filters that leave what was not observed alone."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

TRUNCATE = 3.0
"""Kernels are cut at this many standard deviations."""

SPECKLE_VARIANCE_DB2 = 4.82
"""Variance of log-speckle of 4.4 looks [dB^2]."""

SPECKLE_SPREAD_M = 7.75
"""Width of the correlation of speckle between neighbours [m]."""


def radius(sigma: float) -> int:
    """Return how many pixels `smooth` looks to each side at ``sigma`` [pixel]."""
    return math.ceil(TRUNCATE * sigma)


def smooth(values: NDArray[np.floating], sigma_y: float, sigma_x: float) -> NDArray[np.float32]:
    """Return the weighted mean of the observed neighbours of each observed pixel.

    On decibels this is a homomorphic filter: the logarithm makes speckle additive and as strong
    in dark places as in bright ones (Arsenault & April 1976, doi:10.1364/JOSA.66.001160), so that
    a bright bank or ship does not swamp the water beside it. The mean of the logarithms lies
    below the logarithm of the mean by the same amount on land and water (0.5 dB at 4.4 looks).

    Parameters
    ----------
    values : array, (y, x)
        Backscatter [dB]; NaN is not observed.
    sigma_y, sigma_x : float
        Standard deviations of the Gaussian weights [pixel]; 0 leaves the axis alone.

    Returns
    -------
    array, (y, x)
        NaN exactly where ``values`` is NaN. Each pixel depends on its neighbours within `radius`
        alone and always in the same order of summation: blocks with that halo give the same bits.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    out: NDArray[np.float32] = _smooth(values, _half_kernel(sigma_y), _half_kernel(sigma_x))
    return out


def adaptive(
    values: NDArray[np.floating],
    fine: tuple[float, float],
    coarse: tuple[float, float],
    noise: float,
) -> NDArray[np.float32]:
    """Return a coarse mean where there is nothing but speckle and a fine one at edges.

    ``c + w (f - c)`` with ``w = max(0, 1 - 2 noise / v)``, v the local mean of ``(f - c)^2``: the
    minimum mean square error weight of Lee (1980, doi:10.1109/TPAMI.1980.4766994) between two
    scales, on logarithms. What differs between them must reach twice what speckle alone makes
    before any of it is believed.

    Parameters
    ----------
    values : array, (y, x)
        Backscatter [dB]; NaN is not observed.
    fine, coarse : tuple of float
        Standard deviations of the Gaussian weights along y and x [pixel].
    noise : float
        Variance of ``f - c`` over homogeneous ground, see `speckle_contrast` [dB^2].

    Returns
    -------
    array, (y, x)
        NaN exactly where ``values`` is NaN; depends on neighbours within twice the `radius` of
        ``coarse``.
    """
    smooth_coarse = smooth(values, *coarse)
    detail = smooth(values, *fine)
    detail -= smooth_coarse
    weight = smooth(detail * detail, *coarse)
    with np.errstate(divide="ignore", over="ignore"):
        np.divide(np.float32(-2 * noise), weight, out=weight)
    weight += np.float32(1)
    np.maximum(weight, np.float32(0), out=weight)
    detail *= weight
    smooth_coarse += detail
    return smooth_coarse


def speckle_contrast(fine: float, coarse: float) -> float:
    """Return the variance that speckle makes between a fine and a coarse mean [dB^2].

    Log-speckle of L looks has the variance ``(10/ln 10)^2 psi1(L)``, 4.8 dB^2 for the 4.4 looks of
    Sentinel-1 IW GRD, and a Gaussian autocorrelation ``exp(-d^2 / 4 s^2)`` with s = 7.75 m, the
    resolution of about 20 m; Gaussian means of it are Gaussian integrals.

    Parameters
    ----------
    fine, coarse : float
        Standard deviations of the weights [m].
    """
    s = SPECKLE_SPREAD_M**2
    f, c = fine**2, coarse**2
    return SPECKLE_VARIANCE_DB2 * s * (1 / (s + f) + 1 / (s + c) - 4 / (2 * s + f + c))


def _half_kernel(sigma: float) -> NDArray[np.float32]:
    """Return the weights at distance 0, 1, ... `radius`; the sum over both sides is 1."""
    if sigma <= 0:
        return np.ones(1, dtype=np.float32)
    half = np.exp(-0.5 * (np.arange(radius(sigma) + 1) / sigma) ** 2)
    weights: NDArray[np.float32] = (half / (2 * half.sum() - half[0])).astype(np.float32)
    return weights


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(
    values: NDArray[np.float32], ky: NDArray[np.float32], kx: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Filter along y into a row, then along x: one pass over memory.

    Rows that are wholly observed, as are those around them, share their sums of weights: the same
    operations in the same order, done once.
    """
    rows, columns = values.shape
    ry, rx = ky.size - 1, kx.size - 1
    out = np.empty((rows, columns), dtype=np.float32)
    total = np.zeros(columns + 2 * rx, dtype=np.float32)
    weight = np.zeros(columns + 2 * rx, dtype=np.float32)
    shared = np.zeros(columns, dtype=np.float32)
    lower = np.empty(columns, dtype=np.float32)
    gap = _last_gaps(values)
    for y in range(rows):
        top, bottom = max(-ry, -y), min(ry, rows - 1 - y)
        whole = bottom - top == 2 * ry and gap[y + ry] < y - ry
        if whole:
            _add_rows(values, y, ky, total, rx)
        else:
            _add_seen(values, y, top, bottom, ky, total, weight, rx)
        if whole and shared[0] == 0:
            _add_seen(values, y, top, bottom, ky, total, weight, rx)
            _along(weight, kx, shared)
        if not whole:
            _along(weight, kx, lower)
        _along(total, kx, out[y])
        divisor = shared if whole else lower
        for x in range(columns):
            v = values[y, x]
            out[y, x] = out[y, x] / divisor[x] if v == v else np.float32(np.nan)  # noqa: PLR0124
    return out


@njit(cache=True, nogil=True)
def _last_gaps(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return for each row the last row up to it that holds a NaN, -1 if none."""
    rows, columns = values.shape
    gap = np.empty(rows, dtype=np.int64)
    last = -1
    for y in range(rows):
        for x in range(columns):
            if values[y, x] != values[y, x]:
                last = y
                break
        gap[y] = last
    return gap


@njit(cache=True, nogil=True)
def _add_rows(
    values: NDArray[np.float32],
    y: int,
    ky: NDArray[np.float32],
    total: NDArray[np.float32],
    rx: int,
) -> None:
    """Sum the weighted rows around ``y``, all of them wholly observed."""
    columns = values.shape[1]
    total[:] = np.float32(0)
    for d in range(1 - ky.size, ky.size):
        w = ky[abs(d)]
        for x in range(columns):
            total[rx + x] += w * values[y + d, x]


@njit(cache=True, nogil=True)
def _add_seen(
    values: NDArray[np.float32],
    y: int,
    top: int,
    bottom: int,
    ky: NDArray[np.float32],
    total: NDArray[np.float32],
    weight: NDArray[np.float32],
    rx: int,
) -> None:
    """Sum what was seen in the rows around ``y``, and the weights of it."""
    columns = values.shape[1]
    total[:] = np.float32(0)
    weight[:] = np.float32(0)
    for d in range(top, bottom + 1):
        w = ky[abs(d)]
        for x in range(columns):
            v = values[y + d, x]
            seen = v == v  # noqa: PLR0124 - False for NaN alone
            total[rx + x] += w * v if seen else np.float32(0)
            weight[rx + x] += w if seen else np.float32(0)


@njit(cache=True, nogil=True)
def _along(line: NDArray[np.float32], kx: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Filter a line that is padded by the radius on both sides."""
    rx = kx.size - 1
    out[:] = np.float32(0)
    for d in range(-rx, rx + 1):
        w = kx[abs(d)]
        for x in range(out.size):
            out[x] += w * line[rx + x + d]
