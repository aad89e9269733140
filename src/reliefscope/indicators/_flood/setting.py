"""What every flood indicator is given beside its images, checked once and put on one grid."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import odc.geo.xr  # noqa: F401 - the .odc accessor
import pandas as pd
import xarray as xr

from reliefscope.indicators._flood import layers as layering
from reliefscope.indicators._flood.decide import Rules
from reliefscope.indicators._flood.passes import time_of
from reliefscope.indicators._flood.view import hidden, incidence
from reliefscope.indicators._flood.weather import weather_flags
from reliefscope.model.cube import describe
from reliefscope.model.grid import ground_size_m

_HECTARE_M2 = 10_000.0
_OF_TIME = ("time", "relative_orbit")
_POINTS = frozenset({"advisory", "threshold_vv_db", "threshold_vh_db", "threshold_change_db"})
"""Results that are one number for the scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Parameters that the flood indicators share, with their defaults."""

    smoothing: float = 25.0
    """Standard deviation of the Gaussian weights against speckle [m]."""
    detail: float = 5.0
    """The same at edges [m]."""
    softness: float = 4.0
    """Half of the width over which likelihood falls around a threshold [dB]."""
    core: float = 60.0
    """Likelihood at which a region may start [percent]."""
    margin: float = 45.0
    """Likelihood down to which it may grow [percent]."""
    min_area: float = 0.1
    """Smallest region and smallest hole [ha]."""
    max_hand: float = 15.0
    """Height above drainage at which standing water is as likely as not [m]."""
    max_slope: float = 10.0
    """The same for slope [degree]."""
    permanent: float = 10.0
    """Months per year from which water counts as permanent [month]."""
    min_observed: float = 0.05
    """Least share of the scene that must be observed [1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The image after, and what is known of the ground under it."""

    after: xr.Dataset
    """Without its time."""
    when: pd.Timestamp | None
    size: tuple[float, float]
    """Of a pixel, along y and x [m]."""
    speckle: layering.Filter
    rules: Rules
    ground: Mapping[str, xr.DataArray]
    """Layers of the ground by the names of `reliefscope.indicators._flood.decide.Layers`."""
    weather: xr.DataArray | None
    """Flags that follow from the weather."""

    def on_grid(self, cube: xr.Dataset, role: str) -> xr.Dataset:
        """Return ``cube`` with the coordinates of the image, or raise if its grid is another."""
        return layering.on_grid(cube, self.after, role)


def setting(
    after: xr.Dataset,
    terrain: xr.Dataset | None,
    water: xr.Dataset | None,
    land: xr.Dataset | None,
    weather: xr.Dataset | None,
    choices: Choices,
) -> Setting:
    """Check what was given and prepare the layers of the ground."""
    dy, dx = ground_size_m(after, "the after image")
    when = time_of(after)
    image = after.drop_vars(_OF_TIME, errors="ignore")
    speckle = layering.speckle_filter(choices.smoothing, choices.detail, (dy, dx))
    ground: dict[str, xr.DataArray] = {}
    if water is not None:
        month = None if when is None else when.month
        on_grid = layering.on_grid(water, image, "water")
        ground["permanent"] = layering.reference_water(on_grid, choices.permanent, month)
    if terrain is not None:
        on_grid = layering.on_grid(terrain, image, "terrain")
        limits = (choices.max_hand, choices.max_slope)
        ground["plausible"] = layering.plausible(
            on_grid, ground.get("permanent"), (dy, dx), speckle.coarse, limits
        )
        if "elevation" in on_grid:
            unseen = hidden(on_grid["elevation"], image, (dy, dx), speckle)
            ground |= {} if unseen is None else {"hidden": unseen}
    if land is not None:
        ground["land_cover"] = layering.land_cover(layering.on_grid(land, image, "land"))
    angle = incidence(image)
    if angle is not None and water is not None:
        ground["incidence"] = angle
    rules = Rules(
        softness=choices.softness,
        core=choices.core,
        margin=choices.margin,
        min_size=max(1, round(choices.min_area * _HECTARE_M2 / (dx * dy))),
        min_observed=choices.min_observed,
    )
    return Setting(
        after=image,
        when=when,
        size=(dy, dx),
        speckle=speckle,
        rules=rules,
        ground=ground,
        weather=None if weather is None else weather_flags(weather, after),
    )


def over_scene(
    function: Callable[..., tuple[Any, ...]],
    layers: Mapping[str, xr.DataArray],
    gives: Mapping[str, str],
    **options: Any,  # noqa: ANN401 - handed on
) -> dict[str, xr.DataArray]:
    """Apply ``function`` to the whole planes of ``layers`` at once, lazily if they are lazy.

    Parameters
    ----------
    function : callable
        Takes the arrays, and ``names`` beside ``options``; returns what ``gives`` names.
    layers : mapping of str to DataArray, (y, x)
        By name.
    gives : mapping of str to str
        Type of each result by name, in order; planes, but for the numbers of the scene.
    **options
        Handed on to ``function``.
    """
    plane = ["y", "x"]
    results = xr.apply_ufunc(
        partial(function, names=tuple(layers), **options),
        *layers.values(),
        input_core_dims=[plane] * len(layers),
        output_core_dims=[[] if name in _POINTS else plane for name in gives],
        output_dtypes=list(gives.values()),
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return dict(zip(gives, results, strict=True))


def described(results: Mapping[str, xr.DataArray], here: Setting) -> xr.Dataset:
    """Return the results as one cube: types, units, codes, flags of the weather, and a CRS."""
    out = dict(results)
    out["exclusion"] = out["exclusion"].astype("uint16")
    if here.weather is not None:
        out["advisory"] = out["advisory"] | here.weather
    named = {name: describe(name, layer) for name, layer in out.items()}
    cube = xr.Dataset(named).drop_vars(_OF_TIME, errors="ignore")
    located: xr.Dataset = cube.odc.assign_crs(here.after.odc.crs)
    return located
