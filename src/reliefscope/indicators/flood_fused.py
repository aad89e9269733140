"""Several maps of one flood, by radar and by optical sensors, as one that says who decided."""

from functools import partial
from types import MappingProxyType
from typing import Annotated

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    Exclusion,
    State,
    describe,
)
from reliefscope.model.event import Hazard

_SURE = (State.NO_EVENT, State.EVENT, State.REFERENCE)
_HALF_SEEN = 0.5
_MOST = 254


def flood_fused(
    maps: xr.Dataset,
    *,
    conflict_hours: Annotated[float, Bounds("hour", 0, 240)] = 12.0,
) -> xr.Dataset:
    """Fuse maps of several dates and sensors: the newest that can tell decides each pixel.

    What was excluded or not observed never overrides what was seen. Maps so close in time that
    water had no chance to move, and that disagree, make the pixel ambiguous.

    Parameters
    ----------
    maps : Dataset, (time, y, x)
        ``state`` of each map, and ``likelihood`` where there is one; dates in any order.
    conflict_hours : float
        Maps less than this apart must agree [hour].

    Returns
    -------
    Dataset, (y, x)
        ``state``, ``likelihood``, ``exclusion``, ``advisory``, and ``decided_by``: the number of
        the map, from 1 in order of time; its attribute ``times`` lists the dates. ``maps_wet`` and
        ``maps_seen`` count the maps with water and those that could tell.

    Raises
    ------
    CubeError
        No ``state`` with a ``time`` dimension, or more than 254 maps.
    """
    if "state" not in maps or "time" not in maps["state"].dims:
        raise CubeError(
            f"maps has {sorted(map(str, maps))}; it needs 'state' with a time dimension"
        )
    if not 0 < maps.sizes["time"] <= _MOST:
        raise CubeError(f"{maps.sizes['time']} maps were given; 1 to {_MOST} can be fused")
    ordered = maps.sortby("time")
    hours = _hours(ordered["time"])
    likelihood = (
        ordered["likelihood"]
        if "likelihood" in ordered
        else xr.full_like(ordered["state"], NO_LIKELIHOOD)
    )
    single = ["time"]
    results = xr.apply_ufunc(
        partial(_fuse, hours=hours, apart=conflict_hours),
        _whole(ordered["state"]),
        _whole(likelihood),
        input_core_dims=[single, single],
        output_core_dims=[[]] * 6,
        output_dtypes=["uint8", "uint8", "uint16", "uint8", "uint8", "uint8"],
        dask="parallelized",
    )
    names = ("state", "likelihood", "exclusion", "decided_by", "maps_wet", "maps_seen")
    cube = xr.Dataset({n: describe(n, r) for n, r in zip(names, results, strict=True)})
    seen = (cube["state"] != State.NOT_OBSERVED).mean(("y", "x"))
    flags = (seen < _HALF_SEEN) * np.uint16(Advisory.LOW_COVERAGE)
    cube["advisory"] = describe("advisory", flags.astype("uint16"))
    times = [str(t)[:19] for t in ordered["time"].to_numpy()]
    cube["decided_by"] = cube["decided_by"].assign_attrs(times=times)
    located: xr.Dataset = cube.odc.assign_crs(maps.odc.crs)
    return located


def _whole(layer: xr.DataArray) -> xr.DataArray:
    return layer.chunk(time=-1) if layer.chunks else layer


def _hours(time: xr.DataArray) -> NDArray[np.float64]:
    stamps = time.to_numpy().astype("datetime64[s]").astype("int64")
    hours: NDArray[np.float64] = stamps / 3600.0
    return hours


def _fuse(
    states: NDArray[np.generic],
    likelihoods: NDArray[np.generic],
    *,
    hours: NDArray[np.float64],
    apart: float,
) -> tuple[NDArray[np.generic], ...]:
    """Fuse along the last axis, from the oldest map to the newest."""
    shape = states.shape[:-1]
    state = np.full(shape, State.NOT_OBSERVED, "uint8")
    likelihood = np.full(shape, NO_LIKELIHOOD, "uint8")
    decided, wet, seen = (np.zeros(shape, "uint8") for _ in range(3))
    when = np.full(shape, -np.inf)
    conflict = np.zeros(shape, bool)
    for index in range(states.shape[-1]):
        here = states[..., index]
        sure = np.isin(here, _SURE)
        event = here == State.EVENT
        was_sure = np.isin(state, _SURE)
        close = hours[index] - when < apart
        conflict = np.where(
            sure,
            was_sure & close & ((state == State.EVENT) != event) & _about(here, state),
            conflict,
        )
        shown = sure | (~was_sure & (here == State.EXCLUDED))
        state[shown] = here[shown]
        likelihood[shown] = likelihoods[..., index][shown]
        decided[shown] = index + 1
        when[sure] = hours[index]
        wet += event
        seen += sure
    exclusion = np.where(state == State.NOT_OBSERVED, Exclusion.LOW_COVERAGE.value, 0)
    exclusion[(state == State.EXCLUDED) | conflict] = Exclusion.AMBIGUOUS.value
    state[conflict] = State.EXCLUDED
    return state, likelihood, exclusion.astype("uint16"), decided, wet, seen


def _about(here: NDArray[np.generic], state: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where both speak of flood or none: known water is no contradiction."""
    apart: NDArray[np.bool_] = (here != State.REFERENCE) & (state != State.REFERENCE)
    return apart


INDICATOR = Indicator(
    name="flood_fused",
    title="Several maps of one flood as one: the newest that can tell decides each pixel, and the "
    "map that decided is kept",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {"maps": Need(any_of=("state", "likelihood"), days=(0, 30), series=True)}
    ),
    gives=(
        "state",
        "likelihood",
        "exclusion",
        "advisory",
        "decided_by",
        "maps_wet",
        "maps_seen",
    ),
    reference="https://doi.org/10.3390/rs12132128",
    compute=flood_fused,
)
