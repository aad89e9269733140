"""Heat waves: how hot for the place, how long, and how new to those who live there."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import COMMON, Years, record_flags, statement
from reliefscope.indicators._weather import (
    SEEN,
    Daily,
    Judge,
    celsius,
    daily,
    from_days,
    state_from,
    steps,
)
from reliefscope.model.cube import HeatWave, elementwise, require
from reliefscope.model.event import Hazard
from reliefscope.numerics import heatwave

_NEEDED = ("air_temperature_max", "air_temperature_min")
_LAYERS = ("hwmid", "heat_wave_days", "hot_days", "ehf", "ehf_severity")
_EXTREME = 3.0
"""Times the severe factor (Nairn and Fawcett 2015)."""


def heat_wave(
    weather: xr.Dataset,
    *,
    span: Annotated[float, Bounds("day", 5, 366)] = 30.0,
    least: Annotated[float, Bounds("1", 0.01, 20)] = 1.0,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
) -> xr.Dataset:
    """Map heat waves of the last days by the excess heat factor and the heat wave magnitude index.

    The excess heat factor (Nairn and Fawcett 2015) says where it is an event: three days against
    all days of the reference, and against the month before. The heat wave magnitude index (Russo et
    al. 2015) adds up hot days of at least three in a row.

    Parameters
    ----------
    weather : Dataset, (time, y, x)
        ``air_temperature_max`` and ``air_temperature_min`` of each day [K].
    span : float
        Last days of the series that are judged [day].
    least : float
        Excess heat factor, over the severe one of the place, from which it is an event: 1 is
        severe, 3 extreme; nearly 0 takes every heat wave [1].
    first_year, last_year : float
        Period to compare with.

    Returns
    -------
    Dataset, (y, x)
        ``hwmid``, ``heat_wave_days`` [d], ``hot_days`` [d], ``ehf`` [K2], ``ehf_severity``,
        ``heat_wave_class``, ``state``, and ``likelihood`` (none is stated), ``exclusion`` and
        ``advisory``.

    Raises
    ------
    CubeError
        A variable or its unit is missing, there are several values a day, or no day is in the
        period.
    """
    require(weather, *_NEEDED)
    highs, lows = (daily(weather[name]) for name in _NEEDED)
    if not np.array_equal(highs.days.dates, lows.days.dates):
        raise CubeError("highest and lowest temperatures are of different years; give both of each")
    years = (round(first_year), round(last_year))
    base, count = highs.base(years), round(span)
    found = from_days(_judge(highs, base, count), len(_LAYERS), highs.values, lows.values)
    layers = dict(zip(_LAYERS, found, strict=True))
    edges = (float(np.finfo("float32").tiny), 1.0, _EXTREME)
    layers["heat_wave_class"] = elementwise(
        steps(edges, HeatWave.NONE, HeatWave.NOT_OBSERVED), layers["ehf_severity"], dtype="uint8"
    )
    state = elementwise(state_from(least), layers["ehf_severity"], dtype="uint8")
    seen = highs.seen(count) & lows.seen(count)
    return statement(layers, state, seen, record_flags(weather[_NEEDED[0]], years))


def _judge(record: Daily, base: Years, count: int) -> Judge:
    """Return a function that gives `_LAYERS` of highest and lowest temperatures, (..., time)."""
    days, period = record.days, record.period(count)
    of_year = days.of_year[period]

    def judge(
        high: NDArray[np.floating], low: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], ...]:
        tmax, tmin = celsius(high), celsius(low)
        scale = heatwave.magnitude_scale(tmax, days, base)
        here = tmax[..., period]
        wave = heatwave.worst_wave(here, scale, of_year)
        hot = (here > scale.threshold[..., of_year]).sum(axis=-1)
        factor, severe = heatwave.excess_heat(tmax, tmin, days, base)
        factor = factor[..., period]
        known = (~np.isnan(factor)).mean(axis=-1) >= SEEN
        peak = np.where(known, np.fmax.reduce(factor, axis=-1), np.nan)
        severity = np.where(known & ~np.isnan(severe), np.maximum(peak, 0) / severe, np.nan)
        return (*wave, np.where(np.isnan(wave.days), np.nan, hot), peak, severity)

    return judge


INDICATOR = Indicator(
    name="heat_wave",
    title="Heat waves: excess heat factor and heat wave magnitude index of the last days, against "
    "the reference years",
    hazard=Hazard.HEAT,
    needs=MappingProxyType({"weather": Need(any_of=_NEEDED, days=(-14_975, 31), series=True)}),
    gives=(*_LAYERS, "heat_wave_class", *COMMON),
    reference="https://doi.org/10.3390/ijerph120100227",
    compute=heat_wave,
)
