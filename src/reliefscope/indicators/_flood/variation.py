"""Flood by a test of the whole series of images, with a stated rate of false discoveries."""

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._flood import decide, scene
from reliefscope.indicators._flood import layers as layering
from reliefscope.indicators._flood.darkening import fallen
from reliefscope.indicators._flood.decide import Decided, Rules
from reliefscope.indicators._flood.layers import POLARISATIONS, with_halo
from reliefscope.indicators._flood.series import along_time, always_dark, blocks, filtered
from reliefscope.indicators._flood.setting import Setting, over_scene
from reliefscope.model.cube import Exclusion, require
from reliefscope.numerics import despeckle, radar
from reliefscope.numerics.change import DEFAULT_CHANGE_DB, Direction, effective_looks, sequential
from reliefscope.numerics.fuzzy import NONE
from reliefscope.numerics.significance import false_discovery

GIVES = {
    "state": "uint8",
    "likelihood": "uint8",
    "exclusion": "uint8",
    "advisory": "uint16",
}
"""Types of what `classify` returns."""


def tested(
    here: Setting, series: xr.Dataset, *, looks: float, window: float, alpha: float
) -> dict[str, xr.DataArray]:
    """Return the outcome of the test for each pixel, lazily.

    Parameters
    ----------
    here : Setting
        The image after.
    series : Dataset, (time, y, x)
        Passes of its relative orbit, oldest first.
    looks : float
        Equivalent number of looks of one pixel.
    window : float
        Standard deviation of the Gaussian weights of the mean in power [m].
    alpha : float
        Probability of a false alarm of each test.
    """
    names = [n for n in POLARISATIONS if n in here.after and n in series]
    if not names:
        raise CubeError(
            f"the after image has {sorted(map(str, here.after))} and the series "
            f"{sorted(map(str, series))}; they need vv or vh in common"
        )
    require(series, *names)
    require(here.after, *names)
    sigma = (window / here.size[0], window / here.size[1])
    weights = (_kernel(sigma[0]), _kernel(sigma[1]))
    means = [blocks(_averaged(_joined(series[name], here.after[name]), sigma)) for name in names]
    results = along_time(
        partial(_tested, looks=effective_looks(looks, weights, here.size), alpha=alpha),
        *means,
        dtypes=("float32", "float32", "int16", "uint8", "uint16"),
    )
    keys = ("p_value", "p_value_series", "last_ratio", "changes", "observations")
    return dict(zip(keys, results, strict=True))


def _joined(series: xr.DataArray, after: xr.DataArray) -> xr.DataArray:
    """Return the series with the image after at its end."""
    return xr.concat(
        [series.drop_vars("time"), after.expand_dims("time")],
        dim="time",
        coords="minimal",
        compat="override",
        join="override",
    ).transpose("time", "y", "x")


def _kernel(sigma: float) -> NDArray[np.float64]:
    """Return the weights of `despeckle.smooth` along one axis."""
    if sigma <= 0:
        return np.ones(1)
    reach = despeckle.radius(sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def _averaged(power: xr.DataArray, sigma: tuple[float, float]) -> xr.DataArray:
    """Average power, not decibels: the test is of sums of power."""
    halo = (0, despeckle.radius(sigma[0]), despeckle.radius(sigma[1]))
    return with_halo(partial(_smooth, sigma=sigma), power, halo, "float32")


def _smooth(power: NDArray[Any], *, sigma: tuple[float, float]) -> NDArray[np.float32]:
    out = np.empty(power.shape, dtype=np.float32)
    for i, image in enumerate(power):
        known = radar.power(radar.decibel(image))  # refuses decibels, drops what is no power
        out[i] = despeckle.smooth(known, *sigma)
    return out


def _tested(*means: NDArray[np.float32], looks: float, alpha: float) -> tuple[NDArray[Any], ...]:
    power = np.stack([np.moveaxis(m, -1, 0) for m in means], axis=1)
    found = sequential(power, looks=looks, alpha=alpha)
    changes = np.minimum((found.steps != Direction.NONE).sum(axis=0), 255)
    return (
        found.p_last,
        found.p_any,
        radar.encode(found.last_ratio_db),
        changes.astype(np.uint8),
        found.images.astype(np.uint16),
    )


def by_test(
    outcome: dict[str, xr.DataArray], here: Setting, series: xr.Dataset, rate: float
) -> dict[str, xr.DataArray]:
    """Map flood from the outcome of the test and the image after; lazily."""
    layers = layering.encoded(here.after, here.speckle, "after") | dict(here.ground)
    layers |= {name: outcome[name] for name in ("p_value", "last_ratio")}
    if "vv" in series:
        layers["dark"] = always_dark(filtered(series[["vv"]], here.speckle)["vv"])
    return over_scene(classify, layers, GIVES, rules=here.rules, rate=rate)


def classify(*arrays: NDArray[Any], names: tuple[str, ...], rules: Rules, rate: float) -> Decided:
    """Tell the state of every pixel of a scene.

    Likelihood is the less of that of water and of the membership of the fall. Where the fall is not
    significant it stays below what may start a region: flood grows from pixels of which at most the
    share ``rate`` may be chance, into what looks like water and fell beside them.
    """
    layers = dict(zip(names, arrays, strict=True))
    decide.require_observed(scene.seen(layers), rules)
    after = scene.water(layers, "", rules)
    significant = false_discovery(layers["p_value"], rate) & (layers["last_ratio"] < 0)
    unusual = fallen(layers["last_ratio"], DEFAULT_CHANGE_DB)
    told = (after.percent != NONE) & np.isfinite(layers["p_value"])
    percent = np.minimum(after.percent, unusual)
    doubtful = np.minimum(percent, np.uint8(max(0, int(np.ceil(rules.core)) - 1)))
    percent = np.where(told, np.where(significant, percent, doubtful), NONE).astype(np.uint8)
    return decide.of_change(
        percent,
        layers,
        rules,
        seen=after.percent != NONE,
        own=np.full((1, 1), Exclusion.LOW_COVERAGE.value, dtype=np.uint8),
        water=after.percent,
        flags=scene.radar_flags(after),
    )
