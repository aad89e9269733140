"""What the indicators of heat and rain share: days of whole years, periods to judge."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._drought import Years
from reliefscope.model.cube import State
from reliefscope.numerics import periods
from reliefscope.numerics.days import Days

ZERO_C = 273.15
SEEN = 0.8
"""Share of the days of a period that must be there for its extremes to be stated."""
_DAY = np.timedelta64(1, "D")

Judge = Callable[..., tuple[NDArray[np.floating], ...]]
"""Takes series (..., time), gives layers (...)."""


@dataclass(frozen=True, slots=True, eq=False)
class Daily:
    """One value a day for whole years, NaN where there is none."""

    values: xr.DataArray
    """(time, y, x)"""
    days: Days
    last: int
    """Place of the last day that there is."""

    def base(self, years: Years) -> Years:
        """Return the part of the reference years that the record has.

        Raises
        ------
        CubeError
            It has none.
        """
        first, last = max(years[0], self.days.first_year), min(years[1], self.days.last_year)
        if last < first:
            raise CubeError(
                f"the reference years {years[0]} to {years[1]} hold nothing of the series, which "
                f"runs from {self.days.first_year} to {self.days.last_year}; give years that it "
                f"covers as first_year and last_year"
            )
        return first, last

    def period(self, count: int) -> slice:
        """Return where the last ``count`` days stand."""
        return slice(max(self.last - count + 1, 0), self.last + 1)

    def seen(self, count: int) -> xr.DataArray:
        """Return where most of the last ``count`` days are there, (y, x)."""
        here = self.values.isel(time=self.period(count))
        return here.notnull().mean("time") >= SEEN


def daily(series: xr.DataArray) -> Daily:
    """Return a series of days on whole years.

    Raises
    ------
    CubeError
        There is no time, it is empty, or has more than one value a day.
    """
    if "time" not in series.dims:
        raise CubeError(f"a series needs a time dimension; there are {series.dims}")
    stamps = series["time"].values.astype("datetime64[D]")
    if len(stamps) == 0:
        raise CubeError("the series is empty; widen its window")
    if len(np.unique(stamps)) != len(stamps):
        raise CubeError(
            f"{len(stamps)} values for {len(np.unique(stamps))} days; make one of each day first, "
            f"for example with .resample(time='1D').max()"
        )
    years = stamps.astype("datetime64[Y]").astype(int) + 1970
    days = Days(first_year=int(years.min()), last_year=int(years.max()))
    whole = series.assign_coords(time=stamps.astype("datetime64[ns]")).reindex(
        time=days.dates.astype("datetime64[ns]")
    )
    last = int((stamps.max() - days.dates[0]) / _DAY)
    return Daily(whole.transpose("time", ...), days, last)


def celsius(kelvin: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return degrees Celsius to a ten-thousandth, so that 298.15 K in single precision are 25."""
    return periods.by_cell(kelvin, less=ZERO_C)


def from_days(function: Judge, count: int, *series: xr.DataArray) -> tuple[xr.DataArray, ...]:
    """Apply a function of (..., time) arrays that gives ``count`` of (...); lazily where lazy."""
    whole = [s.chunk(time=-1) if s.chunks else s for s in series]

    def single(*blocks: NDArray[np.floating]) -> tuple[NDArray[np.float32], ...]:
        return tuple(np.asarray(part, np.float32) for part in function(*blocks))

    out = xr.apply_ufunc(
        single,
        *whole,
        input_core_dims=[["time"]] * len(whole),
        output_core_dims=[[]] * count,
        dask="parallelized",
        output_dtypes=["float32"] * count,
    )
    return tuple(out)


def state_from(edge: float) -> Callable[[NDArray[np.floating]], NDArray[np.uint8]]:
    """Return a function that gives the `State` of values that are an event from ``edge`` on."""

    def state(values: NDArray[np.floating]) -> NDArray[np.uint8]:
        codes = np.where(values >= edge, State.EVENT, State.NO_EVENT)
        return np.where(np.isnan(values), State.NOT_OBSERVED, codes).astype("uint8")

    return state


def steps(
    edges: tuple[float, ...], first: int, unknown: int
) -> Callable[[NDArray[np.floating]], NDArray[np.uint8]]:
    """Return a function that gives codes from ``first`` on, one more from each edge."""
    bounds = np.asarray(edges, np.float32)

    def classes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
        codes = np.digitize(values, bounds) + first
        return np.where(np.isnan(values), unknown, codes).astype("uint8")

    return classes
