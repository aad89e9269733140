"""Pixels thinned for print: one dot for many pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from reliefscope.errors import InputError

_CODES = 256


def most_frequent(
    codes: NDArray[np.uint8],
    shape: tuple[int, int],
    known: Sequence[int],
    *,
    favoured: int | None = None,
    share: int = 1,
) -> NDArray[np.uint8]:
    """Return the code that most pixels of each dot have.

    Parameters
    ----------
    codes : array, (y, x)
        Not fewer pixels than dots along either axis.
    shape : tuple of int
        Rows and columns of dots.
    known : sequence of int
        Codes that count; of several as frequent the first wins, which also stands where a dot has
        none of them.
    favoured : int, optional
        One of ``known`` that wins already where it has one in ``share`` of what counts.
    share : int
        See ``favoured``.

    Returns
    -------
    array, ``shape``

    Raises
    ------
    InputError
        There are more dots than pixels, or ``favoured`` is not known.
    """
    _fewer(codes.shape, shape)
    if favoured is not None and favoured not in known:
        raise InputError(f"favoured code {favoured} is none of {list(known)}")
    place = np.full(_CODES, -1, np.int64)
    place[list(known)] = np.arange(len(known))
    wins = -1 if favoured is None else list(known).index(favoured)
    out = np.empty(shape, np.uint8)
    _thin(np.ascontiguousarray(codes), *_edges(codes.shape, shape), place, wins, share, out)
    return np.asarray(known, dtype=np.uint8)[out]


def mean_of_known(image: NDArray[np.floating[Any]], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mean of what is finite in each dot; NaN where nothing is.

    Parameters
    ----------
    image : array, (y, x)
        Not fewer pixels than dots along either axis.
    shape : tuple of int
        Rows and columns of dots.

    Raises
    ------
    InputError
        There are more dots than pixels.
    """
    _fewer(image.shape, shape)
    out = np.empty(shape, np.float32)
    _mean(np.ascontiguousarray(image), *_edges(image.shape, shape), out)
    return out


def _fewer(pixels: tuple[int, ...], dots: tuple[int, int]) -> None:
    if not (0 < dots[0] <= pixels[0] and 0 < dots[1] <= pixels[1]):
        raise InputError(f"{pixels} pixels cannot be thinned to {dots} dots")


def _edges(
    pixels: tuple[int, ...], dots: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first pixel of each row and column of dots, and the end."""
    rows, columns = (
        np.arange(m + 1, dtype=np.int64) * n // m for n, m in zip(pixels, dots, strict=True)
    )
    return rows, columns


@njit(cache=True, nogil=True)
def _thin(
    codes: NDArray[np.uint8], rows: NDArray[np.int64], columns: NDArray[np.int64],
    place: NDArray[np.int64], wins: int, share: int, out: NDArray[np.uint8],
) -> None:  # fmt: skip
    counts = np.zeros((out.shape[1], place.max() + 1), np.int64)
    for i in range(out.shape[0]):
        counts[:] = 0
        for r in range(rows[i], rows[i + 1]):
            for j in range(out.shape[1]):
                for c in range(columns[j], columns[j + 1]):
                    k = place[codes[r, c]]
                    if k >= 0:
                        counts[j, k] += 1
        for j in range(out.shape[1]):
            most = counts[j].argmax()
            if wins >= 0 and counts[j, wins] * share >= counts[j].sum():
                most = wins
            out[i, j] = most


@njit(cache=True, nogil=True)
def _mean(
    image: NDArray[np.floating[Any]], rows: NDArray[np.int64], columns: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:  # fmt: skip
    total = np.empty(out.shape[1])
    count = np.empty(out.shape[1])
    for i in range(out.shape[0]):
        total[:], count[:] = 0.0, 0.0
        for r in range(rows[i], rows[i + 1]):
            for j in range(out.shape[1]):
                for c in range(columns[j], columns[j + 1]):
                    value = image[r, c]
                    if np.isfinite(value):
                        total[j] += value
                        count[j] += 1.0
        for j in range(out.shape[1]):
            out[i, j] = total[j] / count[j] if count[j] > 0.0 else np.nan
