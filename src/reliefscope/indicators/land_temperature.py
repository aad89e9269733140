"""Temperature of the ground: how much hotter than usual in the season."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import COMMON, statement
from reliefscope.indicators._optical import clear, first_seen, same_grid
from reliefscope.indicators._weather import state_from, steps
from reliefscope.model.cube import Advisory, LandHeat, elementwise, require
from reliefscope.model.event import Hazard

_EDGES = (2.0, 5.0, 10.0)
_YEAR = 365.25
_ENOUGH = 10
"""Images to compare with; fewer raise the flag of a short record."""


def land_temperature(
    after: xr.Dataset,
    before: xr.Dataset,
    *,
    hotter: Annotated[float, Bounds("K", 0.5, 40)] = 5.0,
    season: Annotated[float, Bounds("day", 5, 90)] = 30.0,
    images: Annotated[float, Bounds("1", 2, 100)] = 4.0,
) -> xr.Dataset:
    """Map where the ground is hotter than it usually is in the season.

    The first clear temperature after the onset less the median of those of other years within
    ``season`` days of the same day of the year. The ground, not the air: bare and built-up land is
    hotter by day than the air above it by many kelvins.

    Parameters
    ----------
    after : Dataset, (time, y, x) or (y, x)
        ``lst`` [K]; ``qa_pixel`` hides clouds where there is one.
    before : Dataset, (time, y, x)
        The same of the years before.
    hotter : float
        Difference from which it is an event [K].
    season : float
        How many days of the year apart images may be [day].
    images : float
        Clear images that a median takes at least [1].

    Returns
    -------
    Dataset, (y, x)
        ``lst``, ``lst_anomaly`` [K], ``land_heat_class``, ``state``, and ``likelihood`` (none is
        stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        A variable or its unit is missing, there is no time, or the grids differ.
    """
    require(after, "lst")
    require(before, "lst")
    same_grid(after, before, "the temperatures after and before")
    past = _same_season(before, after, season)
    now = first_seen(clear(after, "lst"))
    others = clear(past, "lst")
    others = others.chunk(time=-1) if others.chunks else others

    def middle(block: NDArray[np.floating]) -> NDArray[np.float32]:
        enough = (~np.isnan(block)).sum(axis=-1) >= round(images)
        safe = np.where(enough[..., None], block, 0)
        return np.where(enough, np.nanmedian(safe, axis=-1), np.nan).astype("float32")

    usual = xr.apply_ufunc(
        middle,
        others,
        input_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=["float32"],
    )
    anomaly = (now - usual).astype("float32")
    classes = steps(_EDGES, LandHeat.USUAL, LandHeat.NOT_OBSERVED)
    layers = {
        "lst": now.astype("float32"),
        "lst_anomaly": anomaly,
        "land_heat_class": elementwise(classes, anomaly, dtype="uint8"),
    }
    state = elementwise(state_from(hotter), anomaly, dtype="uint8")
    flags = Advisory(0) if past.sizes["time"] >= _ENOUGH else Advisory.SHORT_RECORD
    return statement(layers, state, now.notnull(), flags)


def _same_season(before: xr.Dataset, after: xr.Dataset, season: float) -> xr.Dataset:
    """Return the images whose day of the year is near that of the first image after the onset.

    Raises
    ------
    CubeError
        There is no time, or no image of the season.
    """
    if "time" not in before["lst"].dims:
        raise CubeError(f"temperatures before need a time dimension; there are {before.sizes}")
    day = before["time"].dt.dayofyear.values
    wanted = after["time"].dt.dayofyear.values.ravel()[:1] if "time" in after.coords else day[-1:]
    apart = np.abs(day - wanted)
    near = np.flatnonzero(np.minimum(apart, _YEAR - apart) <= season)
    if not near.size:
        raise CubeError(
            f"none of the {day.size} images before is within {season:g} days of the season; widen "
            f"season, or the window of images before"
        )
    return before.isel(time=near)


INDICATOR = Indicator(
    name="land_temperature",
    title="Temperature of the ground against the same season of the years before",
    hazard=Hazard.HEAT,
    needs=MappingProxyType(
        {
            "after": Need(any_of=("lst", "qa_pixel"), days=(0, 30), series=True),
            "before": Need(any_of=("lst", "qa_pixel"), days=(-3660, -180), series=True),
        }
    ),
    gives=("lst", "lst_anomaly", "land_heat_class", *COMMON),
    reference="https://doi.org/10.3390/rs12091471",
    compute=land_temperature,
)
