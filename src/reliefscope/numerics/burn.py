"""Burned land from reflectance before and after: indices, severity, perimeter."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.numerics.regions import grow, small_holes

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SEVERITY_EDGES = (-250.0, -100.0, 100.0, 270.0, 440.0, 660.0)
"""Between high regrowth, low regrowth, unburned, low, moderate-low, moderate-high and high
severity, dNBR x 1000 (Key and Benson 2006, FIREMON, RMRS-GTR-164-CD; derived on Landsat)."""

RELATIVE_EDGES = (69.0, 316.0, 641.0)
"""Between unchanged, low, moderate and high severity, RdNBR (Miller and Thode 2007,
doi:10.1016/j.rse.2006.12.006)."""

_LEAST_NBR = 0.001
_SCALE = np.float32(1000)


def nbr(nir: Floats, swir22: Floats) -> Floats:
    """Return the normalized burn ratio [-1, 1] (Key and Benson 2006).

    NaN where either band is, where their sum is not above zero, and where one is negative: an
    offset wrongly applied, or deep shadow, has no ratio.
    """
    total = nir + swir22
    usable = (total > 0) & (nir >= 0) & (swir22 >= 0)
    ratio = np.where(usable, (nir - swir22) / np.where(usable, total, 1), np.nan)
    return ratio.astype("float32")


def relative_dnbr(dnbr: Floats, before: Floats) -> Floats:
    """Return dNBR over the root of the burn ratio before (Miller and Thode 2007).

    Parameters
    ----------
    dnbr : array
        x 1000, offset removed.
    before : array
        Normalized burn ratio before the fire, unscaled; its size is at least 0.001 here.
    """
    root = np.sqrt(np.maximum(np.abs(before), _LEAST_NBR))
    return (dnbr / root).astype("float32")


def relativized_burn_ratio(dnbr: Floats, before: Floats) -> Floats:
    """Return the relativized burn ratio x 1000 (Parks et al. 2014, doi:10.3390/rs6031827)."""
    ratio: Floats = dnbr / (before + np.float32(1.001))
    return ratio


def severity(dnbr: Floats) -> NDArray[np.uint8]:
    """Return classes 1 (high regrowth) to 7 (high severity); 255 where not observed."""
    codes = np.digitize(dnbr, SEVERITY_EDGES) + 1
    return np.where(np.isnan(dnbr), 255, codes).astype("uint8")


class Rules(NamedTuple):
    """How a burned area is delimited."""

    seed: float
    """dNBR x 1000 above which a fire may start on the map."""
    growth: float
    """Down to which it may grow."""
    reach: int
    """How far from a seed [pixel]."""
    ring: tuple[int, int]
    """Inner and outer distance of the unburned ring from the fire [pixel]."""
    min_size: int
    """Smallest fire and smallest island [pixel]."""


def perimeter(dnbr: Floats, greener: Mask, rules: Rules) -> Mask:
    """Return where the land burned: grown from sure seeds, without specks and pinholes.

    Parameters
    ----------
    dnbr : array, (y, x)
        x 1000; NaN where not observed.
    greener : array of bool, (y, x)
        Where vegetation increased: that is no fire.
    rules : Rules
        Thresholds and distances.
    """
    seeds = (dnbr > rules.seed) & ~greener
    near = _within(seeds, rules.reach)
    candidate = (dnbr > rules.growth) & ~greener & near
    burned = grow(candidate, seeds, min_size=rules.min_size)
    return burned | small_holes(burned, ~np.isnan(dnbr), rules.min_size)


def unburned_offset(dnbr: Floats, vegetated: Mask, rules: Rules) -> float:
    """Return how much the burn ratio changed where nothing burned, dNBR x 1000.

    The median over vegetated land in a ring around the first, rough perimeter; over all vegetated
    land when there is no fire or no such ring. It removes what the season and the two images do
    to all land alike (Key and Benson 2006). NaN if no unburned vegetation was seen.
    """
    rough = perimeter(dnbr, np.zeros(dnbr.shape, dtype=bool), rules)
    usable = vegetated & np.isfinite(dnbr) & ~_within(rough, rules.ring[0])
    ring = usable & _within(rough, rules.ring[1])
    chosen = ring if np.count_nonzero(ring) >= rules.min_size else usable
    return float(np.median(dnbr[chosen])) if chosen.any() else float("nan")


def _within(mask: Mask, distance: int) -> Mask:
    """Return the pixels at most ``distance`` rows and columns from ``mask``: a square reach."""
    near = mask.astype("uint8")
    for axis in (0, 1):
        near = ndimage.maximum_filter1d(near, 2 * distance + 1, axis=axis, mode="constant")
    return near.astype(bool)


class Burned(NamedTuple):
    """What is known of each pixel after a fire."""

    dnbr: Floats
    """x 1000, offset removed."""
    burned: Mask
    offset: float


def delimit(before: Floats, after: Floats, greener: Mask, rules: Rules) -> Burned:
    """Return the change of the burn ratio without its offset, and the land that burned.

    Parameters
    ----------
    before, after : array, (y, x)
        Normalized burn ratio; NaN where not observed.
    greener : array of bool, (y, x)
        Where vegetation increased.
    rules : Rules
        Thresholds and distances.
    """
    raw = (before - after) * _SCALE
    offset = unburned_offset(raw, before > _VEGETATED, rules)
    dnbr = raw - np.float32(0 if np.isnan(offset) else offset)
    return Burned(dnbr=dnbr, burned=perimeter(dnbr, greener, rules), offset=offset)


_VEGETATED = 0.1
"""Burn ratio above which land carries vegetation that could burn."""
