"""What the indicators of trend share: years made of months, the test, the statement."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds
from reliefscope.indicators._drought import (
    COMMON,
    Series,
    Years,
    means,
    over_time,
    record_flags,
    statement,
    switch_notes,
    totals,
)
from reliefscope.model.cube import State, TrendClass, elementwise
from reliefscope.numerics.significance import false_discovery
from reliefscope.numerics.standardize import anomaly
from reliefscope.numerics.trend import Dependence, mann_kendall
from reliefscope.numerics.yearly import yearly_means, yearly_totals

RECORD_DAYS = (-14_975, 31)
"""Forty-one years up to the day of the event, which is the day up to which a trend is told."""

_MONTHS = 12

Start = Annotated[float, Bounds("month", 1, 12)]
Months = Annotated[float, Bounds("month", 1, 12)]
Year = Annotated[float, Bounds("year", 1900, 2100)]
LeastYears = Annotated[float, Bounds("year", 8, 60)]
Rate = Annotated[float, Bounds("1", 0.001, 0.5)]
"""What all of them can be asked for."""


def gives(name: str) -> tuple[str, ...]:
    """Return the layers of an indicator whose slope is called ``name``."""
    ends = (f"{name}_low", f"{name}_high")
    return (name, "trend_class", "year_anomaly", "p_trend", *ends, *COMMON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """The part of the year that is looked at, and how years are made of it."""

    start: int = 1
    """First month, 1 to 12; a season that runs over the new year belongs to the year it ends in."""
    months: int = _MONTHS
    """Length."""
    least: float = 0.75
    """Least share of its months, or ten days, that must have been seen; totals need all."""

    def __post_init__(self) -> None:
        """Refuse what is no season."""
        if not (1 <= self.start <= _MONTHS and 1 <= self.months <= _MONTHS):
            raise CubeError(
                f"a season of {self.months} months from month {self.start}; both must be 1 to 12"
            )

    def years(self, series: Series) -> NDArray[np.int64]:
        """Return the year of each step of ``series``; -1 for those outside the season."""
        month = series.season // series.steps_a_month
        inside = (month - (self.start - 1)) % _MONTHS < self.months
        ends = (self.start + self.months - 2) // _MONTHS  # 1 where it runs over the new year
        year = series.years + np.where(month >= self.start - 1, ends, 0)
        return np.where(inside, year, -1)


def yearly(
    series: xr.DataArray,
    *,
    start: int = 1,
    months: int = _MONTHS,
    total: bool = False,
    least: float = 0.75,
) -> xr.DataArray:
    """Return one value a year of a series: the mean of its season, or the total.

    Parameters
    ----------
    series : DataArray, (time, ...)
        Of months or ten days; others are averaged over months first.
    start : int
        First month of the season; one that runs over the new year belongs to the year it ends in.
    months : int
        Length of the season.
    total : bool
        Whether to add up: a year with a gap is then missing. Means are freed of which months were
        seen: each counts by how far it lies from the mean of its month.
    least : float
        Least share of the season that a mean needs [1].

    Returns
    -------
    DataArray, (year, ...)
        The whole years from the first to the last, NaN where not observed.

    Raises
    ------
    CubeError
        There is no time, no such season, or no whole one.
    """
    regular = totals(series) if total else means(series)
    year = Season(start=start, months=months, least=least).years(regular)
    steps = months * regular.steps_a_month
    needed = steps if total else int(np.ceil(least * steps))
    there, times = np.unique(year[year >= 0], return_counts=True)
    whole = there[times >= needed]
    if not whole.size:
        raise CubeError(
            f"the series from {regular.years[0]} to {regular.years[-1]} holds no whole season of "
            f"{months} months from month {start}; give a longer one"
        )
    first, count = int(whole[0]), int(whole[-1] - whole[0] + 1)
    place = np.where((year >= first) & (year < first + count), year - first, -1)
    if total:
        of_block = partial(yearly_totals, year=place, count=count, steps=steps)
    else:
        of_block = partial(
            yearly_means, season=regular.season, year=place, count=count, least=needed
        )
    out = _reduced(of_block, regular.values, "time", "year", count)
    return out.assign_coords(year=np.arange(first, first + count))


def trend_of(
    values: xr.DataArray, *, confidence: float = 0.95, dependence: Dependence = Dependence.AR1
) -> xr.Dataset:
    """Return the trend of yearly values: Mann-Kendall test and Theil-Sen slope with interval.

    Parameters
    ----------
    values : DataArray, (year, ...)
        One value a year, as from `yearly`; NaN is left out.
    confidence : float
        Of the interval of the slope.
    dependence : Dependence
        How persistence is allowed for, which otherwise passes for trend.

    Returns
    -------
    Dataset, (...)
        ``slope``, ``low`` and ``high`` [unit of the values a year], ``s`` (rises less falls) and
        ``p_trend`` [1]; NaN where fewer than 8 years were seen.

    Raises
    ------
    CubeError
        There are no years.
    """
    if "year" not in values.dims:
        raise CubeError(f"a trend needs a year dimension; there are {values.dims}: use yearly()")

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        cells = np.moveaxis(block, -1, 0)
        found = mann_kendall(cells, dependence=dependence, confidence=confidence)
        layers = (found.slope, found.low, found.high, found.s, found.p)
        return np.stack(layers, axis=-1).astype(np.float32)

    names = ("slope", "low", "high", "s", "p_trend")
    stacked = _reduced(of_block, values, "year", "layer", len(names))
    return xr.Dataset({n: stacked.isel(layer=i, drop=True) for i, n in enumerate(names)})


def anomalies(series: xr.DataArray, *, reference: Years = (1991, 2020)) -> xr.DataArray:
    """Return how far each value lies from the mean of its time of the year in the reference years.

    Parameters
    ----------
    series : DataArray, (time, ...)
        Of months or ten days; others are averaged over months first.
    reference : tuple of int
        First and last year of the period to compare with.

    Returns
    -------
    DataArray, (time, ...)
        In the unit of the series; NaN where not observed.

    Raises
    ------
    CubeError
        There is no time, or nothing in the reference years.
    """
    regular = means(series)
    judged, season = regular.within(reference), regular.season

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        out = np.full(block.shape, np.nan, np.float32)
        for s in np.unique(season):
            here, base = np.flatnonzero(season == s), block[..., judged & (season == s)]
            seen = (~np.isnan(base)).sum(axis=-1)
            mean = np.nansum(base, axis=-1, dtype=np.float64) / np.maximum(seen, 1)
            out[..., here] = block[..., here] - np.where(seen > 0, mean, np.nan)[..., None]
        return out

    return over_time(of_block, regular.values)


def trend_statement(
    name: str,
    series: xr.DataArray,
    *,
    season: tuple[Start, Months],
    reference: tuple[Year, Year],
    min_years: LeastYears,
    rate: Rate,
    total: bool = False,
    least: float = 0.75,
) -> xr.Dataset:
    """Return what an indicator of trend states of a series, (y, x)."""
    start, months = map(round, season)
    reference = round(reference[0]), round(reference[1])
    values = yearly(series, start=start, months=months, total=total, least=least)
    years = values["year"].values
    judged = (years >= reference[0]) & (years <= reference[1])
    if not judged.any():
        raise CubeError(
            f"the reference years {reference[0]} to {reference[1]} hold nothing of the series, "
            f"which runs from {years[0]} to {years[-1]}; give years that it covers as first_year "
            f"and last_year"
        )
    count = values.notnull().sum("year")
    enough = count >= round(min_years)
    found = trend_of(values).where(enough)
    classes = _classified(found["p_trend"], found["s"], rate)
    layers = {
        name: found["slope"],
        "trend_class": classes,
        "year_anomaly": _last_year(values, judged, round(min_years)),
        "p_trend": found["p_trend"],
        f"{name}_low": found["low"],
        f"{name}_high": found["high"],
    }
    state = elementwise(_state, classes, dtype="uint8")
    flags = record_flags(series, reference)
    return statement(layers, state, count > 0, flags, switch_notes(series))


def _reduced(
    function: Callable[..., NDArray[np.float32]],
    values: xr.DataArray,
    dim: str,
    new: str,
    size: int,
) -> xr.DataArray:
    """Apply a function of (..., dim) arrays that gives (..., new), lazily where lazy."""
    whole = values.chunk({dim: -1}) if values.chunks else values
    out: xr.DataArray = xr.apply_ufunc(
        function,
        whole,
        input_core_dims=[[dim]],
        output_core_dims=[[new]],
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={"output_sizes": {new: size}},
    )
    return out.transpose(new, ...)


def _last_year(values: xr.DataArray, judged: NDArray[np.bool_], min_years: int) -> xr.DataArray:
    """Return how far the last year lies from those of the reference, in their spreads."""

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        return anomaly(block[..., -1], block[..., judged], min_years=min_years)[..., None]

    return _reduced(of_block, values, "year", "one", 1).isel(one=0, drop=True)


def _classified(p: xr.DataArray, s: xr.DataArray, rate: float) -> xr.DataArray:
    """Return the `TrendClass` of each pixel: false discoveries are counted over the whole map."""
    plane = ["y", "x"]
    out: xr.DataArray = xr.apply_ufunc(
        partial(_classes, rate=rate),
        p,
        s,
        input_core_dims=[plane, plane],
        output_core_dims=[plane],
        dask="parallelized",
        output_dtypes=["uint8"],
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return out


def _classes(p: NDArray[np.floating], s: NDArray[np.floating], *, rate: float) -> NDArray[np.uint8]:
    holds = false_discovery(p, rate)
    codes = np.full(p.shape, TrendClass.NONE, np.uint8)
    codes[holds & (s > 0)] = TrendClass.INCREASE
    codes[holds & (s < 0)] = TrendClass.DECREASE
    codes[np.isnan(p)] = TrendClass.NOT_OBSERVED
    return codes


def _state(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    codes = np.where(classes == TrendClass.NONE, State.NO_EVENT, State.EVENT)
    unseen = classes == TrendClass.NOT_OBSERVED
    return np.where(unseen, State.NOT_OBSERVED, codes).astype("uint8")
