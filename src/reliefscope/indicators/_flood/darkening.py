"""Flood by how much the ground darkened, against a few images before and a year of them."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.indicators._flood import decide, scene
from reliefscope.indicators._flood.decide import BUILT_UP, CANOPY, Layers, Rules
from reliefscope.indicators._flood.series import always_dark, counted, filtered, z_scores
from reliefscope.indicators._flood.setting import Setting, over_scene
from reliefscope.model.cube import Exclusion, PossibleFlood, State
from reliefscope.numerics.change import change_threshold
from reliefscope.numerics.fuzzy import NONE, z_shaped
from reliefscope.numerics.radar import MISSING
from reliefscope.numerics.regions import grow
from reliefscope.numerics.threshold import cell_histograms

LATEST = 5
"""Images before that are averaged for the ratio."""

BRIGHTER_DB = 3.0
"""Rise of the co-polarised echo that double bounce must make [dB]."""

NEAR_M = 100.0
"""Flood this near makes flood under plants or between buildings possible [m]."""

GIVES = {
    "state": "uint8",
    "likelihood": "uint8",
    "exclusion": "uint8",
    "possible_flood": "uint8",
    "threshold_change_db": "float32",
    "advisory": "uint16",
}
"""Types of what `classify` returns."""

_ALL = np.arange(-32768, 32768, dtype=np.int32)


class Darkened(NamedTuple):
    """What `classify` returns, in the order of its fields."""

    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]
    possible_flood: NDArray[np.uint8]
    threshold_change_db: np.float32
    advisory: np.uint16


def change_layers(here: Setting, series: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return what `classify` is computed from, lazily.

    Parameters
    ----------
    here : Setting
        The image after.
    series : Dataset, (time, y, x)
        Passes of its relative orbit, oldest first.
    """
    latest = series.isel(time=slice(-LATEST, None))
    layers = scene.scene_layers(here, latest)
    past = filtered(series, here.speckle)
    for name in past:
        if name in layers:
            layers[f"z_{name}"] = z_scores(layers[name], past[name])
    layers["observations"] = counted(past)
    if "vv" in past:
        layers["dark"] = always_dark(past["vv"])
    return layers


def by_change(
    layers: dict[str, xr.DataArray], here: Setting, fall: float
) -> dict[str, xr.DataArray]:
    """Map flood from the layers of `change_layers`; lazily."""
    reach = max(1, round(NEAR_M / min(here.size)))
    results = over_scene(classify, layers, GIVES, rules=here.rules, fall=fall, reach=reach)
    return {**results, "observations": layers["observations"]}


def classify(
    *arrays: NDArray[Any], names: tuple[str, ...], rules: Rules, fall: float, reach: int
) -> Darkened:
    """Tell the state of every pixel of a scene.

    Likelihood is the less of how much the image looks like water now and how unusual that is: the
    mean of the memberships of the log ratio, one half at the threshold, and of the z-scores, one
    half at ``fall``.

    Parameters
    ----------
    *arrays : array, (y, x)
        Layers in the order of ``names``.
    names : tuple of str
        Those of `change_layers`.
    rules : Rules
        Parameters.
    fall : float
        z-score below which a fall is unusual, negative [1].
    reach : int
        How near a flood must be to make one under cover possible [pixel].
    """
    layers = dict(zip(names, arrays, strict=True))
    decide.require_observed(scene.seen(layers), rules)
    after = scene.water(layers, "", rules)
    threshold, _ = change_threshold(cell_histograms(layers["log_ratio"]))
    unusual = _unusual(layers, threshold, fall)
    told = (after.percent != NONE) & (unusual != NONE)
    percent = np.where(told, np.minimum(after.percent, unusual), NONE).astype(np.uint8)
    done = decide.of_change(
        percent,
        layers,
        rules,
        seen=after.percent != NONE,
        own=np.full((1, 1), Exclusion.LOW_COVERAGE.value, dtype=np.uint8),
        water=after.percent,
        flags=scene.radar_flags(after),
    )
    return Darkened(
        done.state,
        done.likelihood,
        done.exclusion,
        under_cover(done.state, layers, rules, reach),
        np.float32(threshold),
        done.advisory,
    )


def fallen(hundredths: NDArray[np.int16], half: float) -> NDArray[np.uint8]:
    """Return the membership of a fall: none at 0, one half at ``half``, whole at twice that.

    Parameters
    ----------
    hundredths : array, (y, x)
        Log ratio [dB] or z-score [1], as of `reliefscope.numerics.radar.encode`.
    half : float
        Negative.

    Returns
    -------
    array, (y, x)
        Percent; `NONE` where not known.
    """
    percent = np.rint(100 * z_shaped(_ALL / np.float32(100), 2 * half, 0)).astype(np.uint8)
    percent[_ALL == MISSING] = NONE
    table: NDArray[np.uint8] = percent[hundredths.astype(np.int32) + 32768]
    return table


def _unusual(layers: Layers, threshold: float, fall: float) -> NDArray[np.uint8]:
    """Return the mean membership of the log ratio and, where known, of the z-scores [percent]."""
    ratio = fallen(layers["log_ratio"], threshold)
    scores = [fallen(layers[n], fall) for n in ("z_vv", "z_vh") if n in layers]
    count = np.zeros(ratio.shape, dtype=np.uint8)
    total = np.zeros(ratio.shape, dtype=np.uint16)
    for score in scores:
        count += score != NONE
        total += np.where(score == NONE, 0, score)
    mean = total / np.maximum(count, 1)
    both = np.where(count > 0, (ratio + mean) / 2, ratio)
    return np.where(ratio == NONE, NONE, np.rint(both)).astype(np.uint8)


def under_cover(
    state: NDArray[np.uint8], layers: Layers, rules: Rules, reach: int
) -> NDArray[np.uint8]:
    """Return where a brighter echo beside water may be water under plants or between buildings.

    Stems and walls above water send the echo back twice: VV rises by `BRIGHTER_DB` and more. What
    stands alone may be wind, growth or building work, so flood must be near. Possible, not flood.
    """
    out = np.full(state.shape, PossibleFlood.NONE, dtype=np.uint8)
    out[state == State.NOT_OBSERVED] = PossibleFlood.NOT_OBSERVED
    if not {"vv", "before_vv", "land_cover"} <= set(layers):
        return out
    late, early, cover = layers["vv"], layers["before_vv"], layers["land_cover"]
    risen = (late != MISSING) & (early != MISSING)
    risen &= late.astype(np.int32) - early >= round(100 * BRIGHTER_DB)
    event = state == State.EVENT
    if not (event.any() and risen.any()):
        return out
    near = ndimage.distance_transform_edt(~event) <= reach
    for codes, kind in ((CANOPY, PossibleFlood.VEGETATION), ((BUILT_UP,), PossibleFlood.URBAN)):
        here = risen & near & np.isin(cover, codes) & ~event
        out[grow(here, here, min_size=rules.min_size)] = kind
    return out
