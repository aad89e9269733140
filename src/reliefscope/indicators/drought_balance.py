"""Drought of rain and heat: how unusual the rain less what the air would take up is."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import (
    COMMON,
    Series,
    Years,
    classes,
    dry_at,
    latitudes,
    means,
    monthly,
    over_time,
    record_flags,
    standardized_index,
    statement,
    totals,
)
from reliefscope.model.cube import describe, elementwise, require
from reliefscope.model.event import Hazard
from reliefscope.numerics import evaporation
from reliefscope.numerics.standardize import Fit

_ZERO_C = 273.15
_EXTREMES = ("air_temperature_min", "air_temperature_max")
_MIDDLE = 15
"""Day that stands for its month."""


def drought_balance(
    rain: xr.Dataset,
    demand: xr.Dataset,
    *,
    months: Annotated[float, Bounds("month", 1, 48)] = 3.0,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
    dry: Annotated[float, Bounds("1", -3, 0)] = -1.0,
) -> xr.Dataset:
    """Map drought by the Standardised Precipitation Evapotranspiration Index of the last months.

    A log-logistic distribution of the balance per month of the year and place, by unbiased
    probability weighted moments (Vicente-Serrano et al. 2010; Begueria et al. 2014).

    Parameters
    ----------
    rain : Dataset, (time, y, x)
        ``precipitation``, one total a month [mm].
    demand : Dataset, (time, y, x)
        ``potential_evaporation`` [mm], one total a month; or temperatures [K], from which it is
        computed: see `potential_evaporation`.
    months : float
        Months added up: 3 for crops and pasture, 12 for rivers and reservoirs [month].
    first_year, last_year : float
        Period to compare with.
    dry : float
        Index at and below which there is drought: -1 moderate, -1.5 severe, -2 extreme [1].

    Returns
    -------
    Dataset, (y, x)
        ``spei`` [1], ``drought_class``, ``state``, and ``likelihood`` (none is stated),
        ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        A variable or its unit is missing, totals are not of months, or none is in the period.
    """
    require(rain, "precipitation")
    years = (round(first_year), round(last_year))
    supply = totals(rain["precipitation"])
    need = potential_evaporation(demand, reference=years)
    thirst = need.values if need.per_year == supply.per_year else None
    if thirst is None:
        raise CubeError(
            f"rain comes in {supply.per_year} steps a year and the demand in {need.per_year}; add "
            f"up both to months, for example with .resample(time='MS').sum(min_count=1)"
        )
    # months that only one of them has are a gap
    balance = supply.values - thirst.reindex(time=supply.values["time"])
    spei = standardized_index(
        balance, months=round(months), reference=years, fit=Fit.LOG_LOGISTIC, last_only=True
    )
    layers = {"spei": spei, "drought_class": elementwise(classes, spei, dtype="uint8")}
    state = elementwise(dry_at(dry), spei, dtype="uint8")
    seen = Series(balance, supply.per_year).seen(round(months) * supply.steps_a_month)
    return statement(layers, state, seen, record_flags(rain["precipitation"], years))


def potential_evaporation(demand: xr.Dataset, *, reference: Years) -> Series:
    """Return potential evaporation, given or computed from temperatures [mm].

    The first that there is: ``potential_evaporation`` itself; ``air_temperature_min`` and
    ``air_temperature_max``, daily extremes, by Hargreaves and Samani (1985); ``air_temperature`` by
    Thornthwaite (1948), which is too low in dry climates.

    Parameters
    ----------
    demand : Dataset, (time, y, x)
        Totals of months or ten days [mm], or temperatures of any step [K] with a CRS.
    reference : tuple of int
        Years whose means make the heat index of Thornthwaite.

    Raises
    ------
    CubeError
        None of them is there, or a unit is missing.
    """
    if "potential_evaporation" in demand:
        require(demand, "potential_evaporation")
        return totals(demand["potential_evaporation"])
    if all(name in demand for name in _EXTREMES):
        require(demand, *_EXTREMES)
        return _by_hargreaves(demand)
    require(demand, "air_temperature")
    return _by_thornthwaite(demand, reference)


def _by_hargreaves(demand: xr.Dataset) -> Series:
    low, high = (means(demand[name]) for name in _EXTREMES)
    if low.per_year != high.per_year or not low.values["time"].equals(high.values["time"]):
        low, high = (monthly(demand[name]) for name in _EXTREMES)
    days, day = _days(low)

    def of_block(*parts: NDArray[np.floating]) -> NDArray[np.float32]:
        coldest, warmest, latitude, middle, length = parts
        above = evaporation.extraterrestrial_radiation(latitude, middle)
        rate = evaporation.hargreaves(coldest - _ZERO_C, warmest - _ZERO_C, above)
        return (rate * length).astype("float32")

    total = elementwise(of_block, low.values, high.values, latitudes(demand), day, days)
    return Series(describe("potential_evaporation", total.transpose("time", ...)), low.per_year)


def _by_thornthwaite(demand: xr.Dataset, reference: Years) -> Series:
    warmth = monthly(demand["air_temperature"])
    days, day = _days(warmth)
    season, judged, length = warmth.season, warmth.within(reference), days.values

    def of_block(
        block: NDArray[np.floating], latitude: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        hours = evaporation.day_length(latitude[..., None], day.values)
        celsius = block - _ZERO_C
        return evaporation.thornthwaite(celsius, season, hours, length, judged).astype("float32")

    total = over_time(of_block, warmth.values, still=latitudes(demand))
    return Series(describe("potential_evaporation", total), warmth.per_year)


def _days(series: Series) -> tuple[xr.DataArray, xr.DataArray]:
    """Return how many days each step has, and the day of the year in its middle."""
    time = series.values["time"]
    start = time.values.astype("datetime64[D]")
    month = start.astype("datetime64[M]")
    ends = (month + 1).astype("datetime64[D]")
    if series.steps_a_month == 1:
        middle = month.astype("datetime64[D]") + (_MIDDLE - 1)
    else:
        ends = np.where(time.dt.day.values < 21, start + 10, ends)  # noqa: PLR2004 - third ten days
        middle = start + 5
    of_year = (middle - middle.astype("datetime64[Y]")).astype("float64") + 1
    days = (ends - start).astype("float64")
    return (
        xr.DataArray(days.astype("float32"), dims="time", coords={"time": time}),
        xr.DataArray(of_year.astype("float32"), dims="time", coords={"time": time}),
    )


INDICATOR = Indicator(
    name="drought_balance",
    title="Standardised Precipitation Evapotranspiration Index: rain less potential evaporation of "
    "the last months against the same months of the reference years, log-logistic distribution",
    hazard=Hazard.DROUGHT,
    needs=MappingProxyType(
        {
            "rain": Need(any_of=("precipitation",), days=(-14_975, 31), series=True),
            "demand": Need(
                any_of=("potential_evaporation", *_EXTREMES, "air_temperature"),
                days=(-14_975, 31),
                series=True,
            ),
        }
    ),
    gives=("spei", "drought_class", *COMMON),
    reference="https://doi.org/10.1175/2009JCLI2909.1",
    compute=drought_balance,
)
