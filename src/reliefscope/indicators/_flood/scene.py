"""Water on one image, or on one before and one after."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators._flood import decide
from reliefscope.indicators._flood import layers as layering
from reliefscope.indicators._flood.decide import Layers, Rules
from reliefscope.indicators._flood.setting import Setting, over_scene
from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, elementwise
from reliefscope.numerics import radar
from reliefscope.numerics.change import change_threshold
from reliefscope.numerics.fuzzy import NONE, water_percent
from reliefscope.numerics.radar import MISSING, check_scale, decode
from reliefscope.numerics.threshold import CO, CROSS, cell_histograms, scene_threshold

_SAMPLE = 8


class Classified(NamedTuple):
    """What `classify` returns, in the order of its fields."""

    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]
    threshold_vv_db: np.float32
    threshold_vh_db: np.float32
    threshold_change_db: np.float32
    advisory: np.uint16


class Water(NamedTuple):
    """Water on one image."""

    percent: NDArray[np.uint8]
    thresholds: Mapping[str, float]
    tiles: int


def classify(*arrays: NDArray[Any], names: tuple[str, ...], rules: Rules) -> Classified:
    """Tell the state of every pixel of a scene.

    Parameters
    ----------
    *arrays : array, (y, x)
        Layers in the order of ``names``.
    names : tuple of str
        ``vv``, ``vh``, ``before_vv``, ``before_vh``, ``log_ratio``, and those of
        `reliefscope.indicators._flood.decide`.
    rules : Rules
        Parameters.

    Raises
    ------
    InsufficientDataError
        Less than ``rules.min_observed`` of the scene was observed.
    CubeError
        The backscatter is not what its units say.
    """
    layers = dict(zip(names, arrays, strict=True))
    decide.require_observed(seen(layers), rules)
    after = water(layers, "", rules)
    observed = after.percent != NONE
    found = decide.extent(after.percent, layers, rules)
    there, change_db = _there_before(layers, found.wet, rules)
    new = ~there if "log_ratio" in layers else np.zeros((1, 1), dtype=bool)
    stated = decide.state(after.percent, found, layers, rules, seen=observed, there=there, new=new)
    advisory = decide.advise(found.likely, stated, layers, water=found.likely) | radar_flags(after)
    found.likely[stated.exclusion != 0] = NO_LIKELIHOOD
    return Classified(
        stated.state,
        found.likely,
        stated.exclusion,
        np.float32(after.thresholds.get("vv", np.nan)),
        np.float32(after.thresholds.get("vh", np.nan)),
        np.float32(change_db),
        np.uint16(advisory),
    )


def seen(layers: Layers) -> NDArray[np.bool_]:
    """Return where either polarisation of the image was observed."""
    masks = [layers[n] != MISSING for n in ("vv", "vh") if n in layers]
    return np.asarray(masks[0] | masks[-1])


def radar_flags(after: Water) -> Advisory:
    """Return what follows from how water was told on the image."""
    flags = Advisory(0) if after.tiles else Advisory.DEFAULT_THRESHOLD
    return flags | Advisory.SINGLE_POLARISATION if len(after.thresholds) == 1 else flags


def water(layers: Layers, prefix: str, rules: Rules) -> Water:
    """Return the water likelihood of one image from those polarisations it has."""
    found = {}
    for name, polarisation in (("vv", CO), ("vh", CROSS)):
        if prefix + name in layers:
            hundredths = layers[prefix + name]
            check_scale(decode(hundredths[::_SAMPLE, ::_SAMPLE]))
            found[name] = hundredths, scene_threshold(cell_histograms(hundredths), polarisation)
    (co, co_threshold), (cross, cross_threshold) = (
        found.get(name) or next(iter(found.values())) for name in ("vv", "vh")
    )
    percent = water_percent(
        co, cross, co_threshold.field, cross_threshold.field, softness=rules.softness
    )
    thresholds = {name: threshold.median for name, (_, threshold) in found.items()}
    return Water(percent, thresholds, sum(t.tiles for _, t in found.values()))


def _there_before(
    layers: Layers, wet: NDArray[np.bool_], rules: Rules
) -> tuple[NDArray[np.bool_], float]:
    """Find where water of now was there before, and the change threshold [dB].

    What was water must have darkened by the threshold to count as new; what was not, by half of
    it, so that the uncertain margin of an old lake is not news.
    """
    if "log_ratio" not in layers:
        return np.zeros((1, 1), dtype=bool), float("nan")
    log_ratio = layers["log_ratio"]
    threshold, _ = change_threshold(cell_histograms(log_ratio))
    known = log_ratio != MISSING
    before = np.zeros(wet.shape, dtype=bool)
    if known.any():
        percent = water(layers, "before_", rules).percent
        before = (percent >= decide.SURE) & (percent != NONE)
    full, half = round(100 * threshold), round(50 * threshold)
    return known & np.where(before, log_ratio > full, log_ratio > half), threshold


def scene_layers(here: Setting, before: xr.Dataset | None) -> dict[str, xr.DataArray]:
    """Return what `classify` is computed from, lazily: the images, and the ground."""
    layers = layering.encoded(here.after, here.speckle, "after")
    late = dict(layers)
    if before is not None:
        early = layering.encoded(here.on_grid(before, "before"), here.speckle, "before")
        layers |= {f"before_{name}": array for name, array in early.items()}
        layers["log_ratio"] = layering.log_ratio(late, early)
    return {**layers, **here.ground}


GIVES = {
    "state": "uint8",
    "likelihood": "uint8",
    "exclusion": "uint8",
    "threshold_vv_db": "float32",
    "threshold_vh_db": "float32",
    "threshold_change_db": "float32",
    "advisory": "uint16",
}
"""Types of what `classify` returns."""


def by_scene(layers: dict[str, xr.DataArray], here: Setting) -> dict[str, xr.DataArray]:
    """Map water on one image, or on one before and one after; lazily."""
    return over_scene(classify, layers, GIVES, rules=here.rules)


def looks(layers: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Return the layers to look at, in decibels."""
    shown = [name for name in ("vv", "vh", "log_ratio") if name in layers]
    return {f"{name}_db": elementwise(radar.decode, layers[name]) for name in shown}
