"""From months to years, without taking a gap for a change."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Steps = NDArray[np.integer]


def yearly_totals(values: Floats, year: Steps, count: int, *, steps: int) -> NDArray[np.float32]:
    """Return the total of each year; NaN where any step is missing: a gap is not dry.

    Parameters
    ----------
    values : array, (..., time)
        Amounts.
    year : array, (time,)
        Which year each step belongs to, 0 to ``count - 1``; negative ones are left out.
    count : int
        Number of years.
    steps : int
        Steps of a whole year.

    Returns
    -------
    array, (..., year)
    """
    out = np.full((*values.shape[:-1], count), np.nan, dtype=np.float32)
    for y in range(count):
        here = np.flatnonzero(year == y)
        if len(here) == steps:
            out[..., y] = values[..., here].sum(axis=-1, dtype=np.float64)
    return out


def yearly_means(
    values: Floats, season: Steps, year: Steps, count: int, *, least: int
) -> NDArray[np.float32]:
    """Return the mean of each year, freed of which of its seasons were seen.

    Each value counts by how far it lies from the mean of its season; the mean of all seasons is
    added again. A year without its winter is then no warmer than others.

    Parameters
    ----------
    values : array, (..., time)
        Levels; NaN was not seen.
    season : array, (time,)
        Which steps are comparable: 0 to 11 for months.
    year : array, (time,)
        Which year each step belongs to, 0 to ``count - 1``; negative ones are left out.
    count : int
        Number of years.
    least : int
        Fewer steps seen in a year give NaN.

    Returns
    -------
    array, (..., year)
    """
    usual = np.full(values.shape, np.nan)
    level, seasons = np.zeros(values.shape[:-1]), np.zeros(values.shape[:-1])
    for s in np.unique(season[year >= 0]):
        here = np.flatnonzero((season == s) & (year >= 0))
        mean = _mean(values[..., here])
        usual[..., here] = mean[..., None]
        level += np.nan_to_num(mean)
        seasons += ~np.isnan(mean)
    apart = values - usual
    out = np.full((*values.shape[:-1], count), np.nan, dtype=np.float32)
    level /= np.maximum(seasons, 1)
    for y in range(count):
        part = apart[..., np.flatnonzero(year == y)]
        enough = (~np.isnan(part)).sum(axis=-1) >= max(least, 1)
        out[..., y] = np.where(enough, level + _mean(part), np.nan)
    return out


def _mean(values: Floats) -> NDArray[np.float64]:
    seen = ~np.isnan(values)
    total = np.where(seen, values, 0.0).sum(axis=-1, dtype=np.float64)
    number = seen.sum(axis=-1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
