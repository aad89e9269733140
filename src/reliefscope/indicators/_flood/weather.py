"""What the weather does to radar: wind roughens water, frost and wet snow darken land."""

import xarray as xr

from reliefscope.indicators._flood.passes import time_of
from reliefscope.model.cube import Advisory, require

WEATHER = ("air_temperature", "wind_u10", "wind_v10")

FREEZING_K = 273.15
ROUGH_WIND_M_S = 6.0
"""Wind from which open water may look like land; no sharp limit [m s-1]."""

_SHARE = 0.1


def weather_flags(weather: xr.Dataset, after: xr.Dataset) -> xr.DataArray:
    """Return the flags of `Advisory` that follow from the weather, one number.

    Parameters
    ----------
    weather : Dataset, (y, x) or (time, y, x)
        ``air_temperature`` [K], ``wind_u10`` and ``wind_v10`` [m s-1]; any of them.
    after : Dataset
        The image; the weather nearest to its time counts, the mean if it has no time.
    """
    names = [name for name in WEATHER if name in weather]
    require(weather, *names)
    fields = weather[names]
    if "time" in fields.dims:
        when = time_of(after)
        fields = (
            fields.mean("time")
            if when is None
            else fields.sel(time=when, method="nearest", drop=True)
        )
    flags = xr.zeros_like(fields[names[0]].isel(y=0, x=0, drop=True), dtype="uint16")
    if "air_temperature" in fields:
        temperature = fields["air_temperature"]
        cold = (temperature < FREEZING_K).sum() > _SHARE * temperature.notnull().sum()
        flags = flags | (cold * Advisory.FROZEN.value).astype("uint16")
    if {"wind_u10", "wind_v10"} <= set(names):
        squared = fields["wind_u10"] ** 2 + fields["wind_v10"] ** 2
        rough = (squared > ROUGH_WIND_M_S**2).sum() > _SHARE * squared.notnull().sum()
        flags = flags | (rough * Advisory.ROUGH_WATER.value).astype("uint16")
    return flags.drop_vars("time", errors="ignore")
