"""Heat waves: how long, how hot for the place, how new to it.

Two indices. The daily magnitude of Russo et al. (2015, doi:10.1088/1748-9326/10/12/124003), added
up over at least three days above the 90th percentile of 31 days; and the excess heat factor of
Nairn and Fawcett (2015, doi:10.3390/ijerph120100227).
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics.days import Days
from reliefscope.numerics.percentiles import day_percentile, sample_percentile

WINDOW, SHARE, LEAST = 31, 0.9, 3
"""Days around each day of the year, the percentile above which it is hot, days of a heat wave."""
_THREE, _THIRTY = 3, 30
_EHF_SHARE = 0.95
_QUARTERS = (0.25, 0.75)

Values = NDArray[np.floating]
Floats = NDArray[np.float64]


class Magnitude(NamedTuple):
    """What the daily magnitudes of a place are measured by."""

    threshold: Floats
    """Above it a day is hot, (..., 365) [degree Celsius]."""
    low: Floats
    """25th percentile of the hottest days of the years, (...) [degree Celsius]."""
    high: Floats
    """75th percentile, (...) [degree Celsius]."""


def magnitude_scale(tmax: Values, days: Days, base: tuple[int, int]) -> Magnitude:
    """Return the threshold of each day of the year, and the spread of the years' hottest days.

    Parameters
    ----------
    tmax : array, (..., time)
        Highest temperature of the day [degree Celsius]; NaN is missing.
    days : Days
        Their dates.
    base : tuple of int
        First and last year of the reference period.

    Raises
    ------
    InputError
        The period is not within the record.
    """
    threshold = day_percentile(tmax, days, base, SHARE, window=WINDOW)
    first, last = (y - days.first_year for y in base)
    # -inf is passed over by the maximum, and then is no hottest day
    filled = np.where(np.isnan(tmax), -np.inf, tmax)
    hottest = np.maximum.reduceat(filled, days.starts(), axis=-1)[..., first : last + 1]
    hottest = np.where(np.isfinite(hottest), hottest, np.nan)
    low, high = (sample_percentile(hottest, share) for share in _QUARTERS)
    return Magnitude(threshold, low, high)


def daily_magnitude(tmax: Values, scale: Magnitude, of_year: NDArray[np.int64]) -> Floats:
    """Return the magnitude of each day: 0 if it is not hot, NaN where not known, (..., time).

    A day as hot as the upper quarter of the years' hottest days has the magnitude 1.
    """
    spread = (scale.high - scale.low)[..., None]
    hot = tmax > scale.threshold[..., of_year]
    with np.errstate(invalid="ignore", divide="ignore"):
        much = (tmax - scale.low[..., None]) / spread
    much = np.where(hot, np.maximum(much, 0), 0)
    known = ~np.isnan(tmax) & ~np.isnan(scale.threshold[..., of_year]) & (spread > 0)
    return np.where(known, much, np.nan)


class Wave(NamedTuple):
    """The worst heat wave of each place within a span of days."""

    magnitude: Floats
    """Daily magnitudes added up [1]; 0 without a heat wave, NaN where it is not known."""
    days: Floats
    """Hot days of the wave [d]."""


def worst_wave(tmax: Values, scale: Magnitude, of_year: NDArray[np.int64]) -> Wave:
    """Return the heat wave of the largest magnitude among the days given, (...).

    A missing day ends a wave. Nothing is known where more than a fifth of the days are missing.

    Parameters
    ----------
    tmax : array, (..., time)
        Highest temperature of the day [degree Celsius].
    scale : Magnitude
        From `magnitude_scale`.
    of_year : array, (time,)
        Day of the year of each, from 0, as `Days.of_year`.
    """
    daily = daily_magnitude(tmax, scale, of_year)
    hot = tmax > scale.threshold[..., of_year]
    cells = np.ascontiguousarray(daily).reshape(-1, daily.shape[-1])
    out = np.zeros((2, len(cells)))
    _worst(cells, np.ascontiguousarray(hot).reshape(cells.shape), out)
    unknown = np.isnan(cells).mean(axis=1) > 0.2  # noqa: PLR2004 - a fifth
    out[:, unknown] = np.nan
    return Wave(*(layer.reshape(daily.shape[:-1]) for layer in out))


@numba.njit(cache=True, nogil=True)
def _worst(cells: Floats, hot: NDArray[np.bool_], out: Floats) -> None:
    for cell in range(cells.shape[0]):
        total, length = 0.0, 0
        for i in range(cells.shape[1] + 1):
            if i < cells.shape[1] and hot[cell, i] and not np.isnan(cells[cell, i]):
                total += cells[cell, i]
                length += 1
                continue
            longer = total == out[0, cell] and length > out[1, cell]
            if length >= LEAST and (total > out[0, cell] or longer):
                out[0, cell], out[1, cell] = total, length
            total, length = 0.0, 0


def excess_heat(
    tmax: Values, tmin: Values, days: Days, base: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Return the excess heat factor of each day, and its 85th percentile in the reference.

    The mean of a day's highest and lowest temperature, over three days: how far above the 95th
    percentile of all days of the reference, times how far above the thirty days before (at least
    1). The paper takes the lowest temperature of the night that follows.

    Parameters
    ----------
    tmax, tmin : array, (..., time)
        [degree Celsius]
    days : Days
        Their dates.
    base : tuple of int
        First and last year of the reference period.

    Returns
    -------
    array, (..., time)
        [K2]; positive in a heat wave, given to the last of its three days; NaN where one of the
        thirty-three is missing.
    array, (...)
        85th percentile of the positive ones in the reference [K2]: severe above it, extreme above
        three times as much.

    Raises
    ------
    InputError
        The period is not within the record.
    """
    mean = (np.asarray(tmax, np.float64) + tmin) / 2
    now, past = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    now[..., _THREE - 1 :] = _mean_over(mean, _THREE)
    past[..., _THREE - 1 + _THIRTY :] = _mean_over(mean, _THIRTY)[..., :-_THREE]
    inside = days.within(base)
    significant = now - sample_percentile(mean[..., inside], _EHF_SHARE)[..., None]
    acclimatised = now - past
    factor = significant * np.maximum(1.0, acclimatised)
    positive = np.where(factor > 0, factor, np.nan)[..., inside]
    return factor, sample_percentile(positive, 0.85)


def _mean_over(values: Floats, count: int) -> Floats:
    """Return the mean of each day and those that follow, (..., time - count + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(values, count, axis=-1)
    return np.asarray(windows.mean(axis=-1))
