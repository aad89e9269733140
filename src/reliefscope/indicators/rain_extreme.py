"""Extreme rain: once in how many years so much falls in so many days."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import COMMON, Years, record_flags, statement
from reliefscope.indicators._weather import SEEN, Daily, Judge, daily, from_days, state_from, steps
from reliefscope.model.cube import RainReturn, elementwise, require
from reliefscope.numerics import returns

Values = NDArray[np.floating]

_LAYERS = ("rain_total", "return_years", "rain_level", "rain_level_low", "rain_level_high")
_EDGES = (2.0, 5.0, 10.0, 25.0, 50.0)
_APART = 3
"""Days between the peaks of two storms, at least."""
_MOST_YEARS = 1000.0
"""Longer return periods are given as this: no record tells them apart."""


def rain_extreme(
    rain: xr.Dataset,
    *,
    days: Annotated[float, Bounds("day", 1, 30)] = 3.0,
    span: Annotated[float, Bounds("day", 1, 366)] = 15.0,
    years: Annotated[float, Bounds("year", 2, 200)] = 10.0,
    storms: Annotated[float, Bounds("1/year", 0, 6)] = 0.0,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
) -> xr.Dataset:
    """Map how rare the most rain of so many days in a row is, among the last days of a series.

    A generalized extreme value distribution of each year's most, or a generalized Pareto
    distribution of the largest storms of all years, by L-moments (Hosking and Wallis 1997);
    intervals by a parametric bootstrap, 90 percent. Calendar years.

    Parameters
    ----------
    rain : Dataset, (time, y, x)
        ``precipitation``, one total a day [mm]; a day that is missing is a gap, not dry.
    days : float
        Days in a row whose rain is added up [day].
    span : float
        Last days of the series in which the most is looked for [day].
    years : float
        Return period from which it is an event, and whose level is given [year].
    storms : float
        0 fits the most of each year; otherwise so many storms a year in the mean are fitted, the
        largest of the whole period, each once: steadier where a year holds several great ones, or
        none. Return periods are then means between storms, and never below that of those fitted
        [1/year].
    first_year, last_year : float
        Period to compare with.

    Returns
    -------
    Dataset, (y, x)
        ``rain_total`` [mm], ``return_years`` [year], ``rain_level`` with ``rain_level_low`` and
        ``rain_level_high`` [mm], ``rain_class``, ``state``, and ``likelihood`` (none is stated),
        ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        The variable or its unit is missing, there are several values a day, or none is in the
        period.
    """
    require(rain, "precipitation")
    record = daily(rain["precipitation"])
    reference = (round(first_year), round(last_year))
    base = record.base(reference)
    tail = _by_storms(record, base, years, round(days), round(storms))
    if not round(storms):
        tail = _by_years(record, base, years)
    judge = _judge(record, tail, round(days), round(span))
    found = from_days(judge, len(_LAYERS), record.values)
    layers = dict(zip(_LAYERS, found, strict=True))
    classes = steps(_EDGES, RainReturn.UNDER_2, RainReturn.NOT_OBSERVED)
    layers["rain_class"] = elementwise(classes, layers["return_years"], dtype="uint8")
    state = elementwise(state_from(years), layers["return_years"], dtype="uint8")
    seen = layers["rain_total"].notnull()
    return statement(layers, state, seen, record_flags(rain["precipitation"], reference))


Tail = Callable[[Values, Values], tuple[Values, Values, Values, Values]]
"""Takes running totals (..., time) and the most of now (...); gives return period and level of that
period, with its lower and upper end."""


def _judge(record: Daily, tail: Tail, length: int, count: int) -> Judge:
    """Return a function that gives `_LAYERS` of daily rain, (..., time)."""
    period = record.period(count)

    def judge(amounts: Values) -> tuple[Values, ...]:
        totals = returns.running_total(amounts, length)
        here = totals[..., period]
        known = (~np.isnan(here)).mean(axis=-1) >= SEEN
        most = np.where(known, np.fmax.reduce(here, axis=-1), np.nan)
        rarity, level, low, high = tail(totals, most)
        return most, np.minimum(rarity, _MOST_YEARS), level, low, high

    return judge


def _by_years(record: Daily, base: Years, years: float) -> Tail:
    starts = record.days.starts()
    inside = slice(base[0] - record.days.first_year, base[1] - record.days.first_year + 1)

    def tail(totals: Values, most: Values) -> tuple[Values, Values, Values, Values]:
        maxima = returns.yearly_maxima(totals, starts)[..., inside]
        fitted = returns.fit_gev(maxima)
        number = (~np.isnan(maxima)).sum(axis=-1)
        low, high = returns.gev_interval(fitted, number, years)
        return returns.gev_years(fitted, most), returns.gev_level(fitted, years), low, high

    return tail


def _by_storms(record: Daily, base: Years, years: float, length: int, storms: int) -> Tail:
    starts = np.append(record.days.starts(), len(record.days.dates))
    inside = slice(*(starts[year - record.days.first_year] for year in (base[0], base[1] + 1)))
    whole = base[1] - base[0] + 1

    def tail(totals: Values, most: Values) -> tuple[Values, Values, Values, Values]:
        past = totals[..., inside]
        seen = (~np.isnan(past)).mean(axis=-1) * whole
        number = np.rint(seen * storms).astype(int)
        tops = returns.peaks(past, np.zeros(past.shape[:-1]), apart=max(length, _APART))
        excess, threshold = returns.largest(tops, number)
        fitted = returns.fit_gpd(excess)
        low, high = returns.gpd_interval(fitted, number, threshold, storms, years)
        rarity = returns.gpd_years(fitted, threshold, np.asarray(storms), most)
        rarity = np.where(most < threshold, 1 / storms, rarity)
        level = returns.gpd_level(fitted, threshold, np.asarray(storms), years)
        return np.where(np.isnan(level), np.nan, rarity), level, low, high

    return tail


INDICATOR = Indicator(
    name="rain_extreme",
    title="Most rain of some days in a row against return levels of the reference years, "
    "generalized extreme value or Pareto distribution",
    hazard=None,
    needs=MappingProxyType(
        {"rain": Need(any_of=("precipitation",), days=(-14_975, 15), series=True)}
    ),
    gives=(*_LAYERS, "rain_class", *COMMON),
    reference="https://doi.org/10.1017/CBO9780511529443",
    compute=rain_extreme,
)
