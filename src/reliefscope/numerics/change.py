"""What changed between radar images: log ratio, z-score, and tests with a known rate of alarms."""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from reliefscope.errors import InputError
from reliefscope.numerics import _omnibus
from reliefscope.numerics.despeckle import SPECKLE_SPREAD_M
from reliefscope.numerics.threshold import cut_tiles, is_bimodal

DEFAULT_CHANGE_DB = -3.0
"""Halving of the backscatter: the usual threshold when the scene suggests none [dB]."""

CHANGE_BOUNDS_DB = (-12.0, -2.0)
"""Where a change threshold may lie [dB]."""

MIN_OBSERVATIONS = 8
"""Fewer observations say too little of the usual spread of a place."""

SPREAD_FLOOR_DB = 0.5
"""Least standard deviation of a place: calmer ones are luck of a short series [dB]."""

_LEAST_IMAGES = 2


class Direction(IntEnum):
    """How the channels of a radar changed between two images."""

    NONE = 0
    """No significant change."""
    DARKER = 1
    """Every channel fell."""
    BRIGHTER = 2
    """Every channel rose."""
    MIXED = 3
    """Some fell and some rose."""


class Changes(NamedTuple):
    """What a series of images tells of each pixel."""

    steps: NDArray[np.uint8]
    """`Direction` of the change that ended with each image but the first, (time - 1, ...)."""
    images: NDArray[np.int32]
    """How many images saw the pixel, (...)."""
    p_any: NDArray[np.float32]
    """Probability of as much variation by speckle alone, all images together, (...) [1]."""
    p_last: NDArray[np.float32]
    """The same for the last image against those since the change before it, (...) [1]."""
    last_ratio_db: NDArray[np.float32]
    """The last image over the mean of those, average of the channels, (...) [dB]."""


def change_threshold(counts: NDArray[np.uint16]) -> tuple[float, int]:
    """Return the log ratio at or below which a place darkened.

    Parameters
    ----------
    counts : array, (row, column, bin)
        Histograms of the log ratio, `reliefscope.numerics.threshold.cell_histograms`.

    Returns
    -------
    threshold : float
        Midway between what darkened and what stayed, the median over all tiles that show both,
        inside `CHANGE_BOUNDS_DB`; `DEFAULT_CHANGE_DB` if no tile does [dB].
    tiles : int
        How many such tiles there were.
    """
    tiles = cut_tiles(counts)
    both = is_bimodal(tiles) & (tiles.dark < DEFAULT_CHANGE_DB) & (tiles.bright > DEFAULT_CHANGE_DB)
    if not both.any():
        return DEFAULT_CHANGE_DB, 0
    middle = np.median((tiles.dark[both] + tiles.bright[both]) / 2)
    low, high = CHANGE_BOUNDS_DB
    return float(np.clip(middle, low, high)), int(np.count_nonzero(both))


def z_score(
    after: NDArray[np.floating],
    series: NDArray[np.floating],
    *,
    least: int = MIN_OBSERVATIONS,
    floor: float = SPREAD_FLOOR_DB,
) -> NDArray[np.float32]:
    """Return how far ``after`` lies from the mean of ``series``, in standard deviations.

    Parameters
    ----------
    after : array, (...)
        Backscatter [dB]; NaN is not observed.
    series : array, (time, ...)
        Backscatter of the same relative orbit without flood [dB].
    least : int
        Fewest observations of a pixel.
    floor : float
        Least standard deviation [dB].

    Returns
    -------
    array, (...)
        NaN where ``after`` was not observed, or a pixel has fewer than ``least`` observations.
    """
    known = np.isfinite(series)
    count = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, series, 0).sum(axis=0, dtype=np.float64) / count
        squares = np.where(known, (series - mean) ** 2, 0).sum(axis=0, dtype=np.float64)
        spread = np.maximum(np.sqrt(squares / (count - 1)), floor)
        z = (after - mean) / spread
    return np.where(count >= max(least, 2), z, np.nan).astype(np.float32)


def effective_looks(
    looks: float,
    weights: tuple[NDArray[np.floating], NDArray[np.floating]],
    size: tuple[float, float],
) -> float:
    """Return the equivalent number of looks of a weighted mean of neighbours that share speckle.

    The variance of the mean is that of one pixel times the mean correlation of all pairs, which is
    ``exp(-d^2 / 4 s^2)`` at the distance d, s = 7.75 m for a resolution of about 20 m.

    Parameters
    ----------
    looks : float
        Of one pixel: 4.4 for Sentinel-1 IW GRD at high resolution.
    weights : tuple of array, (pixel,)
        Weights along y and along x; each sums to 1.
    size : tuple of float
        Size of a pixel along y and x [m].
    """
    correlation = 1.0
    for weight, step in zip(weights, size, strict=True):
        place = np.arange(len(weight)) * step
        shared = np.exp(-((place[:, None] - place) ** 2) / (4 * SPECKLE_SPREAD_M**2))
        correlation *= float(weight @ shared @ weight)
    return looks / correlation


def omnibus(
    power: NDArray[np.floating], *, looks: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Test whether a series of images shows one and the same backscatter.

    ``ln Q = n sum_c [k ln k + sum_i ln x_ci - k ln sum_i x_ci]``, the likelihood ratio of Wishart
    matrices (Conradsen et al. 2003, doi:10.1109/TGRS.2002.808066, and 2016,
    doi:10.1109/TGRS.2015.2510160) with channels taken as independent, as detected products have
    them: intensities without the phase between them.

    Parameters
    ----------
    power : array, (time, channel, ...)
        Linear power of ``looks`` equivalent looks [1]; an image in which a channel is NaN or not
        positive is left out for that pixel.
    looks : float
        Equivalent number of looks.

    Returns
    -------
    statistic : array, (...)
        ``-2 rho ln Q``; NaN where fewer than two images saw the pixel.
    images : array, (...)
        How many did.
    """
    _check(power, looks)
    known = np.isfinite(power) & (power > 0)
    clean = np.where(known, power, 1.0).astype(np.float64)
    seen = known.all(axis=1)
    k = seen.sum(axis=0).astype(np.int32)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(seen[:, None], np.log(clean), 0).sum(axis=0)
        total = np.log(np.where(seen[:, None], clean, 0).sum(axis=0))
        ln_q = looks * (k * np.log(k) + logs - k * total).sum(axis=0)
        statistic = -2 * _rho(k, looks) * ln_q
    return np.where(k >= _LEAST_IMAGES, np.maximum(statistic, 0), np.nan), k


def omnibus_p(
    statistic: NDArray[np.floating], images: NDArray[np.integer], *, channels: int, looks: float
) -> NDArray[np.float32]:
    """Return the probability of a statistic of `omnibus` at least as large without any change.

    Chi-squared with the second term of Box's expansion (Conradsen et al. 2016, equation 11).

    Parameters
    ----------
    statistic, images : array, (...)
        From `omnibus`.
    channels : int
        How many polarisations.
    looks : float
        Equivalent number of looks.
    """
    k = np.maximum(images, _LEAST_IMAGES)
    return _tail(np.asarray(statistic), channels * (k - 1.0), _rho(k, looks)).astype(np.float32)


def sequential(power: NDArray[np.floating], *, looks: float, alpha: float) -> Changes:
    """Find between which images each pixel changed, and in which direction.

    The omnibus test asks whether the images from one on are all alike; where they are not, the
    first image that differs from all before it is found by the factors R_j of the test, and the
    search starts again from it (Conradsen et al. 2016). Direction by the Loewner order (Nielsen et
    al. 2020), which for intensities is the sign of the change of each channel.

    Parameters
    ----------
    power : array, (time, channel, ...)
        Linear power [1], oldest first; an image in which a channel is NaN is left out.
    looks : float
        Equivalent number of looks.
    alpha : float
        Probability of a false alarm of each test.

    Returns
    -------
    Changes
        The last image is that of the last time: a pixel that it did not see has no ``p_last``.
    """
    _check(power, looks)
    times, channels = power.shape[:2]
    shape = power.shape[2:]
    runs = np.arange(_LEAST_IMAGES, times + 1)
    pixels = int(np.prod(shape))
    steps = np.zeros((times - 1, pixels), dtype=np.uint8)
    images = np.zeros(pixels, dtype=np.int32)
    found = np.full((4, pixels), np.nan, dtype=np.float32)
    _omnibus.search(
        np.ascontiguousarray(power, dtype=np.float32).reshape(times, channels, pixels),
        looks,
        np.array([_critical(alpha, channels * (k - 1), _rho(k, looks)) for k in runs]),
        np.array([_critical(alpha, channels, _rho_factor(j, looks)) for j in runs]),
        steps,
        images,
        found,
    )
    whole, factor, run, ratio = found.reshape((4, *shape))
    with np.errstate(invalid="ignore"):
        p_last = _tail(factor, channels, _rho_factor(run, looks)).astype(np.float32)
    seen = np.reshape(images, shape)
    return Changes(
        steps=steps.reshape((times - 1, *shape)),
        images=seen,
        p_any=omnibus_p(whole, seen, channels=channels, looks=looks),
        p_last=p_last,
        last_ratio_db=ratio,
    )


def _check(power: NDArray[np.floating], looks: float) -> None:
    if power.ndim < 2 or power.shape[0] < _LEAST_IMAGES:  # noqa: PLR2004 - time and channel
        raise InputError(f"power is {power.shape}; give (time, channel, ...) of two images or more")
    if not looks > 0:
        raise InputError(f"looks is {looks}; the equivalent number of looks is positive")


def _rho(k: Any, looks: float) -> Any:  # noqa: ANN401 - a number or an array of them
    """Return the factor that makes ``-2 rho ln Q`` of ``k`` images nearly chi-squared."""
    return 1 - (np.asarray(k) + 1) / (6 * np.maximum(k, 1) * looks)


def _rho_factor(j: Any, looks: float) -> Any:  # noqa: ANN401 - as above
    """Return the same for the factor R_j."""
    j = np.asarray(j, dtype=np.float64)
    return 1 - (1 + 1 / (j * (j - 1))) / (6 * looks)


def _tail(z: Any, freedom: Any, rho: Any) -> NDArray[np.float64]:  # noqa: ANN401 - as above
    """Return the probability above ``z``: chi-squared and the term of second order."""
    second = -freedom / 4 * (1 - 1 / rho) ** 2
    plain = special.chdtrc(freedom, z)
    tail = plain + second * (special.chdtrc(freedom + 4, z) - plain)
    return np.asarray(np.clip(tail, 0, 1), dtype=np.float64)


def _critical(alpha: float, freedom: float, rho: float) -> float:
    """Return the statistic that speckle alone exceeds with the probability ``alpha``."""
    start = float(special.chdtri(freedom, alpha))
    return float(
        optimize.brentq(lambda z: float(_tail(z, freedom, rho)) - alpha, start / 2, start * 2 + 1)
    )
