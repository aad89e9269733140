"""From how likely water is to what is stated: regions, reasons to state nothing, flags."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InsufficientDataError
from reliefscope.indicators._flood.layers import PERMANENT, SEASONAL
from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, Exclusion, State
from reliefscope.numerics.fuzzy import NONE
from reliefscope.numerics.radar import WATER_SPREAD_DB, decode, water_db
from reliefscope.numerics.regions import grow, small_holes, tally

TREE, BUILT_UP, BARE, HERBACEOUS_WETLAND, MANGROVES = 10, 50, 60, 90, 95
"""Classes of ESA WorldCover (Zanaga et al. 2022, doi:10.5281/zenodo.7254221)."""

CANOPY = (TREE, HERBACEOUS_WETLAND, MANGROVES)
"""Where plants stand above flood water and send the echo back (Tsyganskaya et al. 2018,
doi:10.1080/01431161.2017.1420938)."""

Layers = Mapping[str, NDArray[Any]]
"""Arrays, (y, x), by name: ``vv``, ``vh`` and what was before them, hundredths of dB, see
`reliefscope.numerics.radar.encode`; ``plausible``: whether water can stand [percent], 255 not
known; ``permanent``: codes of reference water; ``land_cover``: WorldCover, 0 not known; ``hidden``:
1 where the radar cannot look; ``dark``: 1 where it is always dark; ``incidence``: hundredths of a
degree."""

SURE = 50
UNLIKELY, LIKELY = 25, 75

_HALF = 0.5
_ONE_PERCENT = 0.01
_ROUGH_SHARE = 0.3
_FEW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Parameters of the decision."""

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


class Extent(NamedTuple):
    """Where the method sees water, each array, (y, x)."""

    likely: NDArray[np.uint8]
    """Percent, at least `SURE` exactly on ``wet``; `NONE` where the method cannot tell."""
    wet: NDArray[np.bool_]


class Decided(NamedTuple):
    """State, likelihood and exclusion, each array, (y, x), and the flags of the scene."""

    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]
    advisory: np.uint16


class Stated(NamedTuple):
    """What can be stated, each array, (y, x)."""

    state: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]


def of_change(
    percent: NDArray[np.uint8],
    layers: Layers,
    rules: Rules,
    *,
    seen: NDArray[np.bool_],
    own: NDArray[np.uint8],
    water: NDArray[np.uint8] | None = None,
    flags: Advisory | None = None,
) -> Decided:
    """Decide on a method that sees change itself: whatever it finds was not there before.

    Parameters
    ----------
    percent : array, (y, x)
        Likelihood of flood by the method [percent]; `NONE` where it cannot tell.
    layers : mapping of str to array
        What is known of the ground.
    rules : Rules
        Parameters.
    seen : array of bool, (y, x)
        What was observed.
    own : array, (y, x) or (1, 1)
        Why the method cannot tell, where it cannot: bits of `Exclusion`.
    water : array, (y, x), optional
        Likelihood of water now, to see whether known water shows [percent].
    flags : Advisory, optional
        Flags of the method.
    """
    found = extent(percent, layers, rules)
    never, always = np.zeros((1, 1), dtype=bool), np.ones((1, 1), dtype=bool)
    stated = state(percent, found, layers, rules, seen=seen, there=never, new=always, own=own)
    advisory = advise(found.likely, stated, layers, water=water) | (flags or Advisory(0))
    found.likely[stated.exclusion != 0] = NO_LIKELIHOOD
    return Decided(stated.state, found.likely, stated.exclusion, np.uint16(advisory))


def require_observed(seen: NDArray[np.bool_], rules: Rules) -> None:
    """Raise if too little of the scene was observed."""
    share = np.count_nonzero(seen) / seen.size
    if share == 0 or share < rules.min_observed:
        raise InsufficientDataError(
            f"{share:.1%} of the scene was observed and at least {rules.min_observed:.1%} is "
            f"needed to state anything; choose another image or a smaller area",
            observed_fraction=share,
        )


def plausible(percent: NDArray[np.uint8], layers: Layers) -> NDArray[np.uint8]:
    """Return the less of radar and terrain: water must be seen and must be able to stand."""
    if "plausible" not in layers:
        return percent.copy()
    return np.where(percent == NONE, NONE, np.minimum(percent, layers["plausible"]))


def extent(percent: NDArray[np.uint8], layers: Layers, rules: Rules) -> Extent:
    """Grow regions from sure cores where water can stand, drop specks, close pinholes.

    Parameters
    ----------
    percent : array, (y, x)
        Likelihood by the method alone [percent]; `NONE` where it cannot tell.
    layers : mapping of str to array
        ``plausible`` is looked at.
    rules : Rules
        Parameters.
    """
    told = percent != NONE
    likely = plausible(percent, layers)
    wet = grow(
        told & (likely >= rules.margin), told & (likely >= rules.core), min_size=rules.min_size
    )
    possible = told if "plausible" not in layers else told & (layers["plausible"] >= SURE)
    wet |= small_holes(wet, possible, rules.min_size)
    np.maximum(likely, SURE, out=likely, where=wet)
    np.minimum(likely, SURE - 1, out=likely, where=told & ~wet)
    return Extent(likely, wet)


def state(
    percent: NDArray[np.uint8],
    found: Extent,
    layers: Layers,
    rules: Rules,
    *,
    seen: NDArray[np.bool_],
    there: NDArray[np.bool_],
    new: NDArray[np.bool_],
    own: NDArray[np.uint8] | None = None,
) -> Stated:
    """Tell the state of every pixel, and why it cannot be told; ``found`` loses what is excluded.

    Parameters
    ----------
    percent : array, (y, x)
        Likelihood by the method alone [percent].
    found : Extent
        From `extent`; its ``likely`` becomes `NO_LIKELIHOOD` where nothing is stated.
    layers : mapping of str to array
        ``permanent``, ``plausible``, ``land_cover``, ``hidden`` and ``dark`` are looked at.
    rules : Rules
        Parameters.
    seen : array of bool, (y, x)
        What was observed.
    there, new : array of bool, (y, x) or (1, 1)
        Where an image before shows the same water, and where it shows that there was none.
    own : array, (y, x), optional
        Reasons of the method where it cannot tell, bits of `Exclusion`.
    """
    reference = layers.get("permanent", np.zeros((1, 1), np.uint8))
    exclusion = _exclusion(percent, found.wet, there, new, layers, rules)
    if own is not None:
        exclusion |= np.where(percent == NONE, own, 0).astype(np.uint8)
    always = np.broadcast_to(reference == PERMANENT, exclusion.shape)
    exclusion[always | ~seen] = 0
    states = np.where(found.wet, np.uint8(State.EVENT), np.uint8(State.NO_EVENT))
    states[(found.wet & (there | (reference == SEASONAL))) | (seen & always)] = State.REFERENCE
    states[exclusion != 0] = State.EXCLUDED
    states[~seen] = State.NOT_OBSERVED
    return Stated(states, exclusion)


def _exclusion(
    percent: NDArray[np.uint8],
    wet: NDArray[np.bool_],
    there: NDArray[np.bool_],
    new: NDArray[np.bool_],
    layers: Layers,
    rules: Rules,
) -> NDArray[np.uint8]:
    """Set the reasons why radar cannot tell."""
    bits = np.zeros(percent.shape, dtype=np.uint8)
    if "hidden" in layers:
        bits[layers["hidden"] == 1] |= np.uint8(Exclusion.LAYOVER_SHADOW)
    if "plausible" in layers:
        told = (percent != NONE) & (percent >= rules.margin)
        dark = told & (layers["plausible"] < SURE) & ~wet
        bits[dark] |= np.uint8(Exclusion.STEEP_TERRAIN)
    if "land_cover" in layers:
        cover = layers["land_cover"]
        bits[cover == BUILT_UP] |= np.uint8(Exclusion.URBAN)
        bits[np.isin(cover, CANOPY) & ~wet] |= np.uint8(Exclusion.DENSE_VEGETATION)
        bits[(cover == BARE) & wet & ~new] |= np.uint8(Exclusion.LOW_BACKSCATTER)
    if "dark" in layers:
        bits[(layers["dark"] == 1) & ~(wet & there)] |= np.uint8(Exclusion.LOW_BACKSCATTER)
    return bits


def advise(
    likely: NDArray[np.uint8],
    stated: Stated,
    layers: Layers,
    *,
    water: NDArray[np.uint8] | None = None,
) -> Advisory:
    """Collect what a reader must know about the whole scene, whatever the method.

    Parameters
    ----------
    likely : array, (y, x)
        From `extent` [percent].
    stated : Stated
        From `state`.
    layers : mapping of str to array
        ``land_cover``, ``permanent``, and ``vv`` with ``incidence`` are looked at.
    water : array, (y, x), optional
        Likelihood of water now, for the known water that the image should show [percent].
    """
    states, shares = tally(stated.state), tally(likely)
    observed = stated.state.size - int(states[State.NOT_OBSERVED])
    possible = int(shares[UNLIKELY:NO_LIKELIHOOD].sum())
    sure = int(shares[LIKELY:NO_LIKELIHOOD].sum())
    arid = stated.exclusion & Exclusion.LOW_BACKSCATTER
    bare = "land_cover" in layers and np.count_nonzero(arid)
    reasons = {
        Advisory.LOW_COVERAGE: observed < _HALF * stated.state.size,
        Advisory.LOW_CONTRAST: possible > 2 * sure and possible - sure > _ONE_PERCENT * observed,
        Advisory.ARID: bare > _ONE_PERCENT * observed,
        Advisory.NO_REFERENCE_WATER: "permanent" not in layers,
        Advisory.ROUGH_WATER: _is_missed(water, layers) or _is_bright(layers),
    }
    flags = Advisory(0)
    for flag, holds in reasons.items():
        flags |= flag if holds else Advisory(0)
    return flags


def _is_missed(water: NDArray[np.uint8] | None, layers: Layers) -> bool:
    """Whether the radar misses more than 30 % of the water that is always there."""
    if water is None or "permanent" not in layers:
        return False
    seen = water[(layers["permanent"] == PERMANENT) & (water != NONE)]
    return bool(seen.size >= _FEW and np.mean(seen < SURE) > _ROUGH_SHARE)


def _is_bright(layers: Layers) -> bool:
    """Whether known water is brighter by a spread than water is at its incidence angle."""
    if not {"permanent", "vv", "incidence"} <= set(layers):
        return False
    known = layers["permanent"] == PERMANENT
    excess = decode(layers["vv"][known]) - water_db(decode(layers["incidence"][known]))
    excess = excess[np.isfinite(excess)]
    return bool(excess.size >= _FEW and np.mean(excess) > WATER_SPREAD_DB)
