"""Memberships between 0 and 1, and how they are put together."""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from reliefscope.numerics.radar import MISSING

NONE = 255
"""Code of a percentage where nothing is known."""


def z_shaped(x: ArrayLike, full: ArrayLike, none: ArrayLike) -> NDArray[np.float32]:
    """Return 1 up to ``full``, 0 from ``none`` on, one half midway, smooth between.

    The standard Z function of Zadeh, as used for water by Martinis et al. (2015,
    doi:10.1016/j.isprsjprs.2014.07.014).

    Parameters
    ----------
    x : array
        Any quantity, NaN where it is not known.
    full, none : float or array
        Where membership begins to fall and where it has gone, ``full < none``.

    Returns
    -------
    array
        NaN where ``x`` is NaN.
    """
    x, full, none = (np.asarray(a, dtype=np.float32) for a in (x, full, none))
    u = np.clip((x - full) / (none - full), np.float32(0), np.float32(1))
    low = 1 - 2 * u * u
    u -= 1
    u *= u
    u *= 2
    return np.where(low >= np.float32(0.5), low, u)


def s_shaped(x: ArrayLike, none: ArrayLike, full: ArrayLike) -> NDArray[np.float32]:
    """Return 0 up to ``none``, 1 from ``full`` on: one minus `z_shaped`."""
    return np.float32(1) - z_shaped(x, none, full)


def water_percent(
    co: NDArray[np.int16],
    cross: NDArray[np.int16],
    co_threshold: NDArray[np.float32],
    cross_threshold: NDArray[np.float32],
    *,
    softness: float,
) -> NDArray[np.uint8]:
    """Return how sure the radar is of water, the mean over the polarisations it was seen in.

    Each polarisation has the membership ``z_shaped(dB, t - softness, t + softness)``, one half at
    its threshold t. Thresholds are interpolated bilinearly between the centres of the regions.

    Parameters
    ----------
    co, cross : array, (y, x)
        Backscatter as of `reliefscope.numerics.radar.encode`; give one twice if it is alone.
    co_threshold, cross_threshold : array, (row, column)
        Thresholds of equal regions that cover the scene [dB].
    softness : float
        Half of the width over which membership falls from one to zero [dB].

    Returns
    -------
    array, (y, x)
        Percent, 0 to 100; `NONE` where neither was seen.
    """
    out: NDArray[np.uint8] = _percent(
        np.ascontiguousarray(co),
        np.ascontiguousarray(cross),
        co_threshold.astype(np.float32),
        cross_threshold.astype(np.float32),
        np.float32(softness),
    )
    return out


@njit(cache=True, nogil=True)
def _percent(
    co: NDArray[np.int16],
    cross: NDArray[np.int16],
    co_field: NDArray[np.float32],
    cross_field: NDArray[np.float32],
    softness: np.float32,
) -> NDArray[np.uint8]:
    rows, columns = co.shape
    out = np.empty((rows, columns), dtype=np.uint8)
    co_row = np.empty(columns, dtype=np.float32)
    cross_row = np.empty(columns, dtype=np.float32)
    for y in range(rows):
        _interpolate(co_field, y, rows, co_row)
        _interpolate(cross_field, y, rows, cross_row)
        for x in range(columns):
            total, count = np.float32(0), 0
            if co[y, x] != MISSING:
                total += _membership(co[y, x], co_row[x], softness)
                count += 1
            if cross[y, x] != MISSING:
                total += _membership(cross[y, x], cross_row[x], softness)
                count += 1
            out[y, x] = np.uint8(np.rint(100 * total / count)) if count else NONE
    return out


@njit(cache=True, nogil=True)
def _membership(hundredths: int, threshold: np.float32, softness: np.float32) -> np.float32:
    u = (np.float32(hundredths) / np.float32(100) - threshold + softness) / (2 * softness)
    u = min(max(u, np.float32(0)), np.float32(1))
    return np.float32(1 - 2 * u * u if u < np.float32(0.5) else 2 * (1 - u) * (1 - u))


@njit(cache=True, nogil=True)
def _interpolate(field: NDArray[np.float32], y: int, rows: int, row: NDArray[np.float32]) -> None:
    """Fill ``row`` with the field along pixel row ``y``."""
    down, across = field.shape
    columns = row.size
    fy = min(max((y + 0.5) / rows * down - 0.5, 0.0), down - 1.0)
    r = min(int(fy), max(down - 2, 0))
    s = min(r + 1, down - 1)
    wy = fy - r
    for x in range(columns):
        fx = min(max((x + 0.5) / columns * across - 0.5, 0.0), across - 1.0)
        c = min(int(fx), max(across - 2, 0))
        d = min(c + 1, across - 1)
        wx = fx - c
        upper = field[r, c] * (1 - wx) + field[r, d] * wx
        lower = field[s, c] * (1 - wx) + field[s, d] * wx
        row[x] = np.float32(upper * (1 - wy) + lower * wy)
