"""Where water ends and land begins: histograms, tests for two classes, scene thresholds."""

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.numerics.radar import (
    DEFAULT_THRESHOLD_DB,
    LAND_SPREAD_DB,
    MISSING,
    THRESHOLD_BOUNDS_DB,
    WATER_DB,
    WATER_SPREAD_DB,
)

BIN_DB = 0.2
"""Width of a histogram bin [dB]."""

LOW_DB, HIGH_DB = -40.0, 5.0
"""Ends of the histograms; what lies beyond counts in the last bins [dB]."""

BINS = round((HIGH_DB - LOW_DB) / BIN_DB)

CELL = 32
"""Side of the cells that tiles are made of: half of the smallest tile [pixel]."""

TILES = (2, 4, 8)
"""Sides of the tiles [cell]: 64, 128 and 256 pixels, each with half a side of overlap."""

REGION = 16
"""Side of a region that has a threshold of its own [cell]: 512 pixels, 5 km at 10 m."""

Number = TypeVar("Number", float, NDArray[np.float64])

CO, CROSS = 0, 1
"""Index of a polarisation in the constants of `reliefscope.numerics.radar`."""

_CENTRES: NDArray[np.float64] = np.asarray(
    LOW_DB + (np.arange(BINS) + 0.5) * BIN_DB, dtype=np.float64
)
_MODE_SMOOTHING = 0.5 / BIN_DB
_LEAST_PART = 0.02
_MOST_LAND_SPREAD_DB = 3.0
_QUANTILE = 0.32
_PRIOR_TILES = 40.0
_WATERLIKE = 2.0
_LEAST_SHARE = 0.1
_ASHMAN = 2.0
_BETWEEN = 0.7
_VALLEY = 0.8
_LEAST_KNOWN = 1 / 3


class Split(NamedTuple, Generic[Number]):
    """A histogram cut in two; or many, when the fields are arrays."""

    threshold: Number
    """Upper edge of the last bin of the dark class [dB]."""
    share: Number
    """Share of the dark class [1]."""
    dark: Number
    """Mean of the dark class [dB]."""
    bright: Number
    """Mean of the bright class [dB]."""
    ashman: Number
    """Distance of the means in units of the spreads, Ashman's D [1]."""
    between: Number
    """Share of the variance between the classes [1]."""
    valley: Number
    """Lowest bin between the peaks over the lower peak [1]; 1 is no valley."""


class Land(NamedTuple):
    """The land class of a histogram."""

    mode: float
    """Most frequent backscatter [dB]."""
    spread: float
    """Standard deviation, from the narrower flank [dB]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneThreshold:
    """Thresholds of one polarisation over one scene."""

    field: NDArray[np.float32]
    """Threshold of each region, array, (row, column) [dB]."""
    tiles: int
    """How many tiles showed water beside land."""

    @property
    def median(self) -> float:
        """Middle of the regions' thresholds [dB]."""
        return float(np.median(self.field))


def cell_histograms(hundredths: NDArray[np.int16]) -> NDArray[np.uint16]:
    """Count decibels in cells of `CELL` pixels.

    Parameters
    ----------
    hundredths : array, (y, x)
        Despeckled backscatter as of `reliefscope.numerics.radar.encode`.

    Returns
    -------
    array, (row, column, bin)
        Cells at the lower and right edge may be smaller.
    """
    rows, columns = (-(-n // CELL) for n in hundredths.shape)
    counts = np.zeros((rows, columns, BINS), dtype=np.uint16)
    _count(np.ascontiguousarray(hundredths), counts)
    return counts


def minimum_error(counts: NDArray[np.integer]) -> Split[float]:
    """Cut a histogram where two Gaussians err least.

    Minimises ``1 + P1 ln v1 + P2 ln v2 - 2 (P1 ln P1 + P2 ln P2)``, v the variances of the classes
    (Kittler & Illingworth 1986, doi:10.1016/0031-3203(86)90030-0).

    Parameters
    ----------
    counts : array, (bin,)
        Histogram on the bins of this module, not empty.
    """
    return Split(*_split(counts.astype(np.float64), _CENTRES, False))  # noqa: FBT003 - numba: by position


def otsu(counts: NDArray[np.integer]) -> Split[float]:
    """Cut a histogram where the variance between the classes is largest.

    Otsu (1979, doi:10.1109/TSMC.1979.4310076). It cuts anything, a single class too: look at
    `is_bimodal` before the threshold is believed.

    Parameters
    ----------
    counts : array, (bin,)
        Histogram on the bins of this module, not empty.
    """
    return Split(*_split(counts.astype(np.float64), _CENTRES, True))  # noqa: FBT003 - numba: by position


def is_bimodal(split: Split[Any]) -> NDArray[np.bool_]:
    """Return whether a cut separates two classes rather than dividing one.

    Each class has a tenth of the pixels, Ashman's D is above 2 (clean separation, Ashman et al.
    1994, doi:10.1086/117248), 70 % of the variance lies between the classes (as in OPERA DSWx-S1),
    and there is a valley between the peaks at most 0.8 times as high as the lower one: a single
    Gaussian cut in half has 64 % and no valley.
    """
    share = np.minimum(split.share, 1 - np.asarray(split.share))
    return np.asarray(
        (share > _LEAST_SHARE)
        & (np.asarray(split.ashman) > _ASHMAN)
        & (np.asarray(split.between) > _BETWEEN)
        & (np.asarray(split.valley) < _VALLEY)
    )


def cut_tiles(counts: NDArray[np.uint16]) -> Split[NDArray[np.float64]]:
    """Cut each tile of 64, 128 and 256 pixels, half a side apart, where two Gaussians err least.

    Parameters
    ----------
    counts : array, (row, column, bin)
        From `cell_histograms`.

    Returns
    -------
    Split
        Its fields are arrays, (tile,): all tiles that are at least one third known.
    """
    table = [_cut_size(counts, side, _CENTRES) for side in TILES]
    return Split(*np.concatenate(table).T)


def boundary(land_db: float, land_spread: float, water_db: float) -> float:
    """Return where water and land are as likely for their spreads [dB].

    The point with the same distance to both modes in units of their spreads,
    ``(l sw + w sl) / (sl + sw)``: where two Gaussians of equal height cross but for a term that is
    small when they are well apart.
    """
    return (land_db * WATER_SPREAD_DB + water_db * land_spread) / (land_spread + WATER_SPREAD_DB)


def land_class(counts: NDArray[np.integer], polarisation: int) -> Land | None:
    """Find the land class of a histogram: its highest peak brighter than the default threshold.

    Parameters
    ----------
    counts : array, (bin,)
        Histogram on the bins of this module.
    polarisation : int
        `CO` or `CROSS`.

    Returns
    -------
    Land or None
        None where less than 2 % of the pixels are brighter than the default threshold or they
        have no peak of their own.
    """
    start = DEFAULT_THRESHOLD_DB[polarisation]
    pixels = counts.astype(np.float64)
    total = pixels.sum()
    if total == 0 or pixels[start < _CENTRES].sum() < _LEAST_PART * total:
        return None
    curve = ndimage.gaussian_filter1d(pixels, _MODE_SMOOTHING)
    peaks = np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:])) + 1
    peaks = peaks[_CENTRES[peaks] > start]
    if peaks.size == 0:
        return None
    peak = int(peaks[np.argmax(curve[peaks])])
    return Land(float(_CENTRES[peak]), _spread(pixels, peak, polarisation))


def scene_threshold(counts: NDArray[np.uint16], polarisation: int) -> SceneThreshold:
    """Return the thresholds of a scene from the histograms of its cells.

    Each region takes land as it finds it and water as physics has it, and lays the threshold
    between (`boundary`). Tiles with two classes, the dark one as dark as water and the bright one
    land, speak up for water that is brighter than calm water should be: each adds one to the forty
    voices of the physical model. A region without land of its own takes the land of the scene; a
    scene without land gets the default threshold. The result stays inside the bounds of
    `reliefscope.numerics.radar`.

    Parameters
    ----------
    counts : array, (row, column, bin)
        From `cell_histograms`.
    polarisation : int
        `CO` or `CROSS`.
    """
    whole = land_class(counts.sum(axis=(0, 1), dtype=np.int64), polarisation)
    rows, columns = (_region_edges(n) for n in counts.shape[:2])
    field = np.empty((rows.size - 1, columns.size - 1), dtype=np.float32)
    voices = 0
    for r, c in np.ndindex(*field.shape):
        part = counts[rows[r] : rows[r + 1], columns[c] : columns[c + 1]]
        field[r, c], heard = _region_threshold(part, whole, polarisation)
        voices += heard
    return SceneThreshold(field=field, tiles=voices)


def _region_threshold(
    counts: NDArray[np.uint16], whole: Land | None, polarisation: int
) -> tuple[float, int]:
    land = land_class(counts.sum(axis=(0, 1), dtype=np.int64), polarisation) or whole
    if land is None:
        return DEFAULT_THRESHOLD_DB[polarisation], 0
    calm = WATER_DB[polarisation]
    cut = boundary(land.mode, land.spread, calm)
    tiles = cut_tiles(counts)
    waterlike = tiles.dark < min(cut, calm + _WATERLIKE * WATER_SPREAD_DB)
    darks = tiles.dark[is_bimodal(tiles) & waterlike & (tiles.bright > cut)]
    voices = darks.size
    if voices:
        heard = (_PRIOR_TILES * calm + voices * float(np.median(darks))) / (_PRIOR_TILES + voices)
        cut = boundary(land.mode, land.spread, max(calm, heard))
    low, high = THRESHOLD_BOUNDS_DB[polarisation]
    return min(max(cut, low), high), voices


def _region_edges(cells: int) -> NDArray[np.intp]:
    parts = max(1, round(cells / REGION))
    return np.rint(np.linspace(0, cells, parts + 1)).astype(np.intp)


def _spread(counts: NDArray[np.float64], peak: int, polarisation: int) -> float:
    """Return the standard deviation of land from the narrower flank of its peak.

    Water darkens one flank and cities brighten the other. The dark flank ends at the threshold,
    which depends on the spread: a few rounds settle it.
    """
    mode, spread = float(_CENTRES[peak]), LAND_SPREAD_DB
    for _ in range(4):
        land = counts * (boundary(mode, spread, WATER_DB[polarisation]) < _CENTRES)
        cumulated = np.cumsum(land)
        below, above = cumulated[peak], cumulated[-1] - cumulated[peak]
        dark = mode - np.interp(below * _QUANTILE, cumulated, _CENTRES)
        bright = np.interp(below + above * (1 - _QUANTILE), cumulated, _CENTRES) - mode
        spread = min(max(float(min(dark, bright)), LAND_SPREAD_DB), _MOST_LAND_SPREAD_DB)
    return spread


@njit(cache=True, nogil=True)
def _count(hundredths: NDArray[np.int16], counts: NDArray[np.uint16]) -> None:
    rows, columns = hundredths.shape
    width, low = round(100 * BIN_DB), round(100 * LOW_DB)
    for y in range(rows):
        for x in range(columns):
            value = hundredths[y, x]
            if value != MISSING:
                b = min(max((value - low) // width, 0), BINS - 1)
                counts[y // CELL, x // CELL, b] += 1


@njit(cache=True, nogil=True)
def _cut_size(
    counts: NDArray[np.uint16], side: int, centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a row of `Split` per tile of ``side`` cells."""
    rows, columns = counts.shape[:2]
    step = side // 2
    down, across = max(0, (rows - side) // step + 1), max(0, (columns - side) // step + 1)
    table = np.empty((down * across, 7))
    found = 0
    for i in range(down):
        for j in range(across):
            tile = np.zeros(BINS)
            for r in range(i * step, i * step + side):
                for c in range(j * step, j * step + side):
                    tile += counts[r, c]
            if tile.sum() >= _LEAST_KNOWN * (side * CELL) ** 2:
                table[found] = _split(tile, centres, False)  # noqa: FBT003 - numba: by position
                found += 1
    return table[:found]


@njit(cache=True, nogil=True)
def _split(
    counts: NDArray[np.float64],
    centres: NDArray[np.float64],
    otsu: bool,  # noqa: FBT001
) -> tuple[float, float, float, float, float, float, float]:
    """Try every cut; see `Split`."""
    n, s, q = counts.sum(), (counts * centres).sum(), (counts * centres * centres).sum()
    floor = BIN_DB * BIN_DB / 12
    best, at, n1, s1, q1 = np.inf, -1, 0.0, 0.0, 0.0
    kept = (0.5, 0.0, 0.0, 0.0, 0.0)
    for i in range(BINS - 1):
        n1 += counts[i]
        s1 += counts[i] * centres[i]
        q1 += counts[i] * centres[i] * centres[i]
        p1 = n1 / n
        p2 = 1 - p1
        if min(p1, p2) < _LEAST_PART:
            continue
        m1, m2 = s1 / n1, (s - s1) / (n - n1)
        v1 = max(q1 / n1 - m1 * m1, floor)
        v2 = max((q - q1) / (n - n1) - m2 * m2, floor)
        if otsu:
            cost = -p1 * p2 * (m2 - m1) ** 2
        else:
            cost = 1 + p1 * np.log(v1) + p2 * np.log(v2) - 2 * (p1 * np.log(p1) + p2 * np.log(p2))
        if cost < best:
            best, at, kept = cost, i, (p1, m1, m2, v1, v2)
    p1, m1, m2, v1, v2 = kept
    if at < 0:
        return np.nan, p1, np.nan, np.nan, 0.0, 0.0, 1.0
    total = max(q / n - (s / n) ** 2, floor)
    distance = np.sqrt(2.0) * (m2 - m1) / np.sqrt(v1 + v2)
    between = p1 * (1 - p1) * (m2 - m1) ** 2 / total
    return centres[at] + BIN_DB / 2, p1, m1, m2, distance, between, _valley(counts, at)


@njit(cache=True, nogil=True)
def _valley(counts: NDArray[np.float64], at: int) -> float:
    """Lowest bin between the peaks on both sides of a cut over the lower of the peaks."""
    smooth = np.zeros(BINS)
    for i in range(BINS):
        for d in range(-2, 3):
            if 0 <= i + d < BINS:
                smooth[i] += counts[i + d] * (3 - abs(d)) / 9
    left, right = np.argmax(smooth[: at + 1]), at + 1 + np.argmax(smooth[at + 1 :])
    lower = min(smooth[left], smooth[right])
    return float(smooth[left : right + 1].min() / lower) if lower > 0 else 1.0
