"""The 27 indices of extremes of the ETCCDI, year by year, of daily weather."""

from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError, InputError
from reliefscope.indicators._weather import Daily, celsius, daily
from reliefscope.model.cube import require
from reliefscope.numerics import extremes
from reliefscope.numerics.days import Days

_FROM = {"tmax": "air_temperature_max", "tmin": "air_temperature_min", "rain": "precipitation"}


def climate_extremes(
    weather: xr.Dataset,
    *names: str,
    reference: tuple[int, int] = (1991, 2020),
    monthly: bool = False,
    south: bool = False,
) -> xr.Dataset:
    """Return indices of extremes for each year, or each month, of a cube of daily weather.

    The 27 of the Expert Team on Climate Change Detection and Indices (Zhang et al. 2011,
    doi:10.1002/wcc.147), as the R package climdex.pcic computes them.

    Parameters
    ----------
    weather : Dataset, (time, y, x)
        ``air_temperature_max``, ``air_temperature_min`` [K], ``precipitation`` [mm], one value a
        day; those that the indices need.
    *names : str
        Of ``fd su id tr gsl txx tnx txn tnn tn10p tx10p tn90p tx90p wsdi csdi dtr rx1day rx5day
        sdii r10mm r20mm r1mm cdd cwd r95ptot r99ptot prcptot``; by default all for which the
        variables are there.
    reference : tuple of int
        First and last year of the period to compare with; the record must hold it.
    monthly : bool
        Whether months are wanted; then by default those that there are of months.
    south : bool
        Whether growing seasons run from July to June.

    Returns
    -------
    Dataset, (time, y, x)
        ``time`` is where each period begins; NaN where too many days are missing: more than 15 of a
        year or 3 of a month.

    Raises
    ------
    CubeError
        A variable or its unit is missing, or there are several values a day.
    InputError
        No such index, or the record does not hold the reference years.
    """
    there = {short for short, name in _FROM.items() if name in weather}
    chosen = names or tuple(
        n for n, i in extremes.INDICES.items() if {*i.needs} <= there and (i.monthly or not monthly)
    )
    if unknown := [n for n in chosen if n not in extremes.INDICES]:
        raise InputError(f"no indices {unknown}; there are {sorted(extremes.INDICES)}")
    needed = sorted({short for n in chosen for short in extremes.INDICES[n].needs})
    require(weather, *(_FROM[short] for short in needed))
    series = {short: daily(weather[_FROM[short]]) for short in needed}
    days = next(iter(series.values())).days
    if any(not np.array_equal(one.days.dates, days.dates) for one in series.values()):
        raise CubeError("the variables are of different years; give all of each")
    days.within(reference)
    periods = days.dates[days.starts(monthly=monthly)].astype("datetime64[ns]")
    return xr.Dataset(
        {n: _one(n, series, reference, periods, monthly=monthly, south=south) for n in chosen}
    )


def _one(
    name: str,
    series: dict[str, Daily],
    reference: tuple[int, int],
    periods: NDArray[np.datetime64],
    *,
    monthly: bool,
    south: bool,
) -> xr.DataArray:
    row = extremes.INDICES[name]
    inputs = [series[short] for short in row.needs]
    # no closure over the series: dask would write all of it out for a name of the result
    years = inputs[0].days.first_year, inputs[0].days.last_year
    of_block = partial(
        _of_block, name=name, years=years, base=reference, monthly=monthly, south=south
    )
    arrays = [one.values.chunk(time=-1) if one.values.chunks else one.values for one in inputs]
    found: xr.DataArray = xr.apply_ufunc(
        of_block,
        *arrays,
        input_core_dims=[["time"]] * len(arrays),
        output_core_dims=[["period"]],
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={"output_sizes": {"period": len(periods)}},
    )
    found = found.rename(period="time").assign_coords(time=periods).transpose("time", ...)
    return found.rename(name).assign_attrs(units=row.units, long_name=row.long_name)


def _of_block(
    *blocks: NDArray[np.floating],
    name: str,
    years: tuple[int, int],
    base: tuple[int, int],
    monthly: bool,
    south: bool,
) -> NDArray[np.float32]:
    """Return an index of a block, (..., time) to (..., period)."""
    given = {
        short: block if short == "rain" else celsius(block)
        for short, block in zip(extremes.INDICES[name].needs, blocks, strict=True)
    }
    days = Days(first_year=years[0], last_year=years[1])
    weather = extremes.Daily(days=days, base=base, south=south, **given)
    return extremes.index(name, weather, monthly=monthly).astype("float32")
