"""Floods in coarse daily images: water seen on more than one day, as a cloud's shadow is not."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._optical import QUALITY, hidden, known_water, near_infrared
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    Exclusion,
    State,
    describe,
    elementwise,
    require,
)
from reliefscope.model.event import Hazard
from reliefscope.numerics.water import UNSEEN, coarse_water, composite

_HALF_SEEN = 0.5


def flood_coarse(
    after: xr.Dataset,
    water: xr.Dataset | None = None,
    *,
    least: Annotated[float, Bounds("d", 1, 10)] = 2.0,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
) -> xr.Dataset:
    """Map water in daily images of MODIS or VIIRS that is not there in other years.

    The test of NASA's near real-time flood product on each day, and water only where at least
    ``least`` days show it: the shadow of a cloud moves on (MCDWD User Guide: 2 of 2 or of 3 days).

    Parameters
    ----------
    after : Dataset, (time, y, x)
        Reflectance [1] of two or three days: ``red``, ``nir`` or ``nir08``, ``swir22``, and a
        quality band ``scl``, ``qa_pixel`` or ``fmask`` where there is one.
    water : Dataset, (y, x), optional
        ``water_seasonality`` [month] or ``water_occurrence`` [percent].
    least : float
        Days that must show water; where fewer saw the ground nothing is stated [d].
    permanent : float
        Months per year from which water counts as permanent [month].

    Returns
    -------
    Dataset, (y, x)
        ``observations`` (days that saw the ground), ``state``, and ``likelihood`` (none is
        stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        Bands are missing, or in other units, or there are no days.
    """
    if "time" not in after.dims:
        raise CubeError("the images have no time dimension; give every day of the window")
    nir = near_infrared(after)
    require(after, "red", nir, "swir22")
    days = elementwise(coarse_water, after["red"], after[nir], after["swir22"], dtype="uint8")
    veil = hidden(after)
    days = days if veil is None else days.where(~veil, np.uint8(UNSEEN))
    days = days.chunk(time=-1) if days.chunks else days
    wet = _over_days(days, lambda d: composite(np.moveaxis(d, -1, 0), round(least)), "uint8")
    seen = _over_days(days, lambda d: (d != UNSEEN).sum(axis=-1).astype("uint16"), "uint16")
    state = elementwise(_state, wet, known_water(water, permanent, wet), dtype="uint8")
    unseen = state == State.NOT_OBSERVED
    layers = {
        "observations": seen,
        "state": state,
        "likelihood": xr.full_like(state, NO_LIKELIHOOD),
        "exclusion": (unseen * np.uint16(Exclusion.LOW_COVERAGE)).astype("uint16"),
        "advisory": _flags(unseen, known=water is not None),
    }
    cube = xr.Dataset({name: describe(name, layer) for name, layer in layers.items()})
    located: xr.Dataset = cube.odc.assign_crs(after.odc.crs)
    return located


def _over_days(
    days: xr.DataArray, function: Callable[..., NDArray[np.generic]], dtype: str
) -> xr.DataArray:
    out: xr.DataArray = xr.apply_ufunc(
        function,
        days,
        input_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=[dtype],
    )
    return out


def _state(wet: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    state = np.where(wet == 1, State.EVENT, State.NO_EVENT)
    state = np.where(known, State.REFERENCE, state)
    return np.where(wet == UNSEEN, State.NOT_OBSERVED, state).astype("uint8")


def _flags(unseen: xr.DataArray, *, known: bool) -> xr.DataArray:
    low = (unseen.mean(("y", "x")) > _HALF_SEEN) * np.uint16(Advisory.LOW_COVERAGE)
    always = Advisory(0) if known else Advisory.NO_REFERENCE_WATER
    return (low.astype("uint16") | np.uint16(always)).astype("uint16")


INDICATOR = Indicator(
    name="flood_coarse",
    title="Water on at least two days of coarse optical images, less the water of other years",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(
                any_of=("red", "nir", "nir08", "swir22", *QUALITY), days=(0, 3), series=True
            ),
            "water": Need(any_of=("water_seasonality", "water_occurrence"), optional=True),
        }
    ),
    gives=("observations", "state", "likelihood", "exclusion", "advisory"),
    reference="https://doi.org/10.5067/MODIS/MCDWD_L3_NRT.061",
    compute=flood_coarse,
)
