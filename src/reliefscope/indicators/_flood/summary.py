"""A series of flood maps in few layers: how often, how long, how far at most."""

from functools import partial

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.model.cube import State, describe
from reliefscope.numerics.duration import DRY, UNKNOWN, WET, duration

_FIRST = (State.EVENT, State.REFERENCE, State.NO_EVENT, State.EXCLUDED)
"""What one look at it decides, in this order."""

_GIVES = {
    "state": "uint8",
    "observations": "uint16",
    "flood_frequency": "float32",
    "flood_days_low": "float32",
    "flood_days": "float32",
    "flood_days_high": "float32",
}


def summarize_floods(maps: xr.Dataset) -> xr.Dataset:
    """Return how often and how long each place was flooded, and the largest extent.

    Parameters
    ----------
    maps : Dataset, (time, y, x)
        ``state`` of several flood maps of one area, oldest first.

    Returns
    -------
    Dataset, (y, x)
        ``state``: event where any map shows it, no event only where some map could tell;
        ``observations``: maps that could tell; ``flood_frequency``: share of those with flood [1],
        NaN where none could; ``flood_days_low`` and ``flood_days_high``: bounds of the days under
        flood within the series, where passes that did not see the place are neither dry nor wet;
        ``flood_days``: each moment as the nearest observation has it. Lazy if ``maps`` is lazy.

    Raises
    ------
    CubeError
        No ``state`` over time, or times that do not increase.
    """
    if "state" not in maps or "time" not in maps["state"].dims:
        raise CubeError(
            f"the maps have {sorted(map(str, maps))} over {tuple(maps.dims)}; they need state over "
            f"time, for example by xarray.concat(maps, dim='time')"
        )
    if "time" not in maps.indexes or not maps.indexes["time"].is_monotonic_increasing:
        raise CubeError("the maps have no times that increase; sort them, with .sortby('time')")
    times = maps.indexes["time"]
    days = np.asarray((times - times[0]).total_seconds() / 86_400, dtype=np.float64)
    state = maps["state"]
    results = xr.apply_ufunc(
        partial(_summary, days=days),
        state.chunk(time=-1) if state.chunks is not None else state,
        input_core_dims=[["time"]],
        output_core_dims=[[] for _ in _GIVES],
        output_dtypes=list(_GIVES.values()),
        dask="parallelized",
    )
    layers = dict(zip(_GIVES, results, strict=True))
    cube = xr.Dataset({name: describe(name, layer) for name, layer in layers.items()})
    if maps.odc.crs is None:
        return cube
    located: xr.Dataset = cube.odc.assign_crs(maps.odc.crs)
    return located


def _summary(
    states: NDArray[np.uint8], *, days: NDArray[np.float64]
) -> tuple[NDArray[np.generic], ...]:
    states = np.moveaxis(states, -1, 0)
    told = (states == State.EVENT) | (states == State.NO_EVENT) | (states == State.REFERENCE)
    codes = np.where(told, np.where(states == State.EVENT, WET, DRY), UNKNOWN).astype(np.uint8)
    lasted = duration(codes, days)
    largest = np.full(states.shape[1:], State.NOT_OBSERVED, dtype=np.uint8)
    for code in reversed(_FIRST):
        largest[(states == code).any(axis=0)] = code
    with np.errstate(invalid="ignore"):
        frequency = (lasted.wet / lasted.looks.astype(np.float32)).astype(np.float32)
    return largest, lasted.looks, frequency, lasted.low, lasted.middle, lasted.high
