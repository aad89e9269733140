"""The part of the flood indicator that needs the whole scene at once: arrays in, arrays out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InsufficientDataError
from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, Exclusion, State
from reliefscope.numerics.change import change_threshold
from reliefscope.numerics.fuzzy import NONE, water_percent
from reliefscope.numerics.radar import MISSING, check_scale, decode
from reliefscope.numerics.regions import grow, small_holes, tally
from reliefscope.numerics.threshold import CO, CROSS, cell_histograms, scene_threshold

TREE, BUILT_UP, BARE, HERBACEOUS_WETLAND, MANGROVES = 10, 50, 60, 90, 95
"""Classes of ESA WorldCover (Zanaga et al. 2022, doi:10.5281/zenodo.7254221)."""

CANOPY = (TREE, HERBACEOUS_WETLAND, MANGROVES)
"""Where plants stand above flood water and send the echo back (Tsyganskaya et al. 2018,
doi:10.1080/01431161.2017.1420938)."""

Layers = Mapping[str, NDArray[Any]]
"""Arrays, (y, x), by the names `classify` knows."""

_SURE = 50
_UNLIKELY, _LIKELY = 25, 75
_HALF = 0.5
_ONE_PERCENT = 0.01
_ROUGH_SHARE = 0.3
_FEW = 100
_SAMPLE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Parameters of `classify`."""

    softness: float
    """Half-width of the membership [dB]."""
    core: float
    """Likelihood at which a region may start [percent]."""
    margin: float
    """Likelihood down to which it may grow [percent]."""
    min_size: int
    """Smallest region and smallest hole [pixel]."""
    min_observed: float
    """Least observed share [1]."""


class Classified(NamedTuple):
    """What `classify` returns, in the order of its fields."""

    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]
    threshold_vv_db: np.float32
    threshold_vh_db: np.float32
    threshold_change_db: np.float32
    advisory: np.uint16


class _Radar(NamedTuple):
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
        ``vv``, ``vh``, ``before_vv``, ``before_vh``, ``log_ratio``: hundredths of dB, see
        `reliefscope.numerics.radar.encode`; ``plausible``: whether water can stand [percent], 255
        not known; ``permanent``: 1 is water at all times; ``land_cover``: WorldCover, 0 not known.
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
    _require_observed(layers, rules)
    after = _radar(layers, "", rules)
    observed = after.percent != NONE
    likely = _plausible(after.percent, layers)
    wet = grow(
        observed & (likely >= rules.margin),
        observed & (likely >= rules.core),
        min_size=rules.min_size,
    )
    possible = observed if "plausible" not in layers else observed & (layers["plausible"] >= _SURE)
    wet |= small_holes(wet, possible, rules.min_size)
    np.maximum(likely, _SURE, out=likely, where=wet)
    np.minimum(likely, _SURE - 1, out=likely, where=observed & ~wet)

    there, change_db = _there_before(layers, wet, rules)
    permanent = layers.get("permanent", np.zeros(1, np.uint8)) == 1
    exclusion = _exclusion(after.percent, wet, there, layers, rules)
    exclusion[np.broadcast_to(permanent, exclusion.shape) | ~observed] = 0
    state = np.where(wet, np.uint8(State.EVENT), np.uint8(State.NO_EVENT))
    state[(wet & there) | (observed & permanent)] = State.REFERENCE
    state[exclusion != 0] = State.EXCLUDED
    state[~observed] = State.NOT_OBSERVED
    advisory = _advisory(after, likely, state, exclusion, layers)
    likely[exclusion != 0] = NO_LIKELIHOOD
    return Classified(
        state,
        likely,
        exclusion,
        np.float32(after.thresholds.get("vv", np.nan)),
        np.float32(after.thresholds.get("vh", np.nan)),
        np.float32(change_db),
        np.uint16(advisory),
    )


def _require_observed(layers: Layers, rules: Rules) -> None:
    first, *others = (layers[n] != MISSING for n in ("vv", "vh") if n in layers)
    for other in others:
        first |= other
    share = np.count_nonzero(first) / first.size
    if share == 0 or share < rules.min_observed:
        raise InsufficientDataError(
            f"{share:.1%} of the scene was observed and at least {rules.min_observed:.1%} is "
            f"needed to state anything; choose another image or a smaller area",
            observed_fraction=share,
        )


def _radar(layers: Layers, prefix: str, rules: Rules) -> _Radar:
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
    return _Radar(percent, thresholds, sum(t.tiles for _, t in found.values()))


def _plausible(percent: NDArray[np.uint8], layers: Layers) -> NDArray[np.uint8]:
    """Return the less of radar and terrain: water must be seen and must be able to stand."""
    if "plausible" not in layers:
        return percent.copy()
    return np.where(percent == NONE, NONE, np.minimum(percent, layers["plausible"]))


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
        percent = _radar(layers, "before_", rules).percent
        before = (percent >= _SURE) & (percent != NONE)
    full, half = round(100 * threshold), round(50 * threshold)
    return known & np.where(before, log_ratio > full, log_ratio > half), threshold


def _exclusion(
    percent: NDArray[np.uint8],
    wet: NDArray[np.bool_],
    there: NDArray[np.bool_],
    layers: Layers,
    rules: Rules,
) -> NDArray[np.uint8]:
    """Set the reasons why radar cannot tell."""
    bits = np.zeros(percent.shape, dtype=np.uint8)
    if "plausible" in layers:
        dark = (percent >= rules.margin) & (layers["plausible"] < _SURE) & ~wet
        bits[dark] |= np.uint8(Exclusion.STEEP_TERRAIN)
    if "land_cover" in layers:
        cover = layers["land_cover"]
        bits[cover == BUILT_UP] |= np.uint8(Exclusion.URBAN)
        bits[np.isin(cover, CANOPY) & ~wet] |= np.uint8(Exclusion.DENSE_VEGETATION)
        new = ~there if "log_ratio" in layers else np.zeros((1, 1), dtype=bool)
        bits[(cover == BARE) & wet & ~new] |= np.uint8(Exclusion.LOW_BACKSCATTER)
    return bits


def _advisory(
    radar: _Radar,
    likely: NDArray[np.uint8],
    state: NDArray[np.uint8],
    exclusion: NDArray[np.uint8],
    layers: Layers,
) -> Advisory:
    """Collect what a reader must know about the whole scene."""
    states, shares = tally(state), tally(likely)
    observed = state.size - int(states[State.NOT_OBSERVED])
    possible = int(shares[_UNLIKELY:NO_LIKELIHOOD].sum())
    sure = int(shares[_LIKELY:NO_LIKELIHOOD].sum())
    bare = "land_cover" in layers and np.count_nonzero(exclusion & Exclusion.LOW_BACKSCATTER)
    reasons = {
        Advisory.DEFAULT_THRESHOLD: radar.tiles == 0,
        Advisory.LOW_COVERAGE: observed < _HALF * state.size,
        Advisory.LOW_CONTRAST: possible > 2 * sure and possible - sure > _ONE_PERCENT * observed,
        Advisory.ARID: bare > _ONE_PERCENT * observed,
        Advisory.NO_REFERENCE_WATER: "permanent" not in layers,
        Advisory.SINGLE_POLARISATION: len(radar.thresholds) == 1,
        Advisory.ROUGH_WATER: _is_rough(likely, layers),
    }
    flags = Advisory(0)
    for flag, holds in reasons.items():
        flags |= flag if holds else Advisory(0)
    return flags


def _is_rough(likely: NDArray[np.uint8], layers: Layers) -> bool:
    """Whether the radar misses more than 30 % of the water that is always there."""
    if "permanent" not in layers:
        return False
    seen = likely[(layers["permanent"] == 1) & (likely != NONE)]
    return bool(seen.size >= _FEW and np.mean(seen < _SURE) > _ROUGH_SHARE)
