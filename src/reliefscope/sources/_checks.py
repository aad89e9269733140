"""Do the pixels say what the metadata say? Judged from a small sample, never from the metadata.

A judgement is a sentence for the product, or None. It is made to stay silent on honest scenes
(deserts, snow, cloud, water) rather than to catch every error: it cannot replace right metadata.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.model.cube import VARIABLES
from reliefscope.sources._units import RADAR, converter

Floats = NDArray[np.float32]

OPTICAL = frozenset({"blue", "green", "red", "nir", "nir08", "swir16", "swir22"})
"""Variables that are reflectance."""
VISIBLE = ("red", "blue", "green")
"""Those in which land is dark, the darkest first."""

FEWEST = 500
"""Fewer valid pixels are not judged."""
_EDGE = 2
"""Pixels beside a gap are left out: overviews mix what was seen with what was not."""

_SHARE = 0.01
"""Of the pixels beyond what is possible, more than this is not noise."""

_OFFSET_DN, _SCALE = 1000.0, 1e-4
"""Sentinel-2 Level-2A since processing baseline 04.00: reflectance = (DN - 1000) / 10000."""
_NEGATIVE, _NEGATIVE_SHARE = -0.03, 0.02
"""Atmospheric correction takes water and shadow a little below 0, and never much of a scene."""
_FLOOR_DN = (950.0, 1350.0)
"""With the offset still in them the darkest pixels lie here: reflectance -0.005 to 0.035, that is
water, shadow, dense vegetation. Over deserts without them, one in a thousand lies below or one in
a hundred lies above."""


def judge(
    variable: str, stored: Floats, *, scale: float = 1.0, offset: float = 0.0, units: str = ""
) -> str | None:
    """Return what is doubtful about ``variable``, or None.

    Parameters
    ----------
    variable : str
        Canonical name.
    stored : array, (y, x)
        Sample of the stored values; NaN where nothing was observed.
    scale, offset : float
        Stated: value = scale * stored + offset.
    units : str
        Stated units of the value, as `reliefscope.sources._units.stored_units` returns them.
    """
    values = stored * np.float32(scale) + np.float32(offset)
    if variable in RADAR:
        return check_backscatter(values, units=units)
    doubt = None
    if variable in OPTICAL and np.isclose(scale, _SCALE):
        doubt = check_offset(stored, offset_dn=offset / scale)
    elif variable in OPTICAL and offset < 0:
        doubt = check_negative(values)
    return doubt or check_range(variable, converter(variable, units)(values))


def check_offset(stored: Floats, *, offset_dn: float) -> str | None:
    """Return why the stated offset of a Sentinel-2 band is doubtful, or None.

    Scenes of processing baseline 04.00 (25 January 2022) and later, also older scenes processed
    again, have 1000 added to each value. Some catalogues have taken it off, some say so.

    Parameters
    ----------
    stored : array, (y, x)
        Digital numbers, 10000 for a reflectance of 1; NaN where nothing was observed.
    offset_dn : float
        Offset stated for them: -1000, or 0 if none is.
    """
    if offset_dn < 0:
        return check_negative((stored + np.float32(offset_dn)) * np.float32(_SCALE))
    seen = _seen(stored)
    if seen is None or offset_dn > 0:
        return None
    darkest, dark = np.quantile(seen, [0.001, 0.01])
    if _FLOOR_DN[0] <= darkest and dark <= _FLOOR_DN[1]:
        return (
            f"no offset is stated, yet the darkest pixels are {darkest:.0f} to {dark:.0f}, as if "
            f"an offset of -{_OFFSET_DN:.0f} were still to be applied"
        )
    return None


def check_negative(reflectance: Floats) -> str | None:
    """Return why an offset is doubtful with which ``reflectance``, (y, x), is negative, or None."""
    seen = _seen(reflectance)
    if seen is None:
        return None
    share = float((seen < _NEGATIVE).mean())
    if share <= _NEGATIVE_SHARE:
        return None
    return (
        f"with the stated offset {share:.0%} of the pixels reflect less than {_NEGATIVE:g}: it "
        f"seems to have been applied already"
    )


def check_backscatter(values: Floats, *, units: str) -> str | None:
    """Return why backscatter, (y, x), is doubtful in the stated units ("1" or "dB"), or None.

    Land lies between -25 and 0 dB: linear power between 0.003 and 1, never below 0.
    """
    seen = _seen(values)
    if seen is None:
        return None
    middle, below = float(np.median(seen)), float((seen < 0).mean())
    if units == "dB":
        if middle < 0:
            return None
        return f"decibels are stated, but the median is {middle:.3g}: it looks like linear power"
    if below > _SHARE:
        return f"linear power is stated, but {below:.0%} of the pixels are negative, like decibels"
    if middle > 1:
        return (
            f"linear power is stated, but the median is {middle:.3g}, brighter than land can be: "
            f"it looks uncalibrated"
        )
    return None


def check_range(variable: str, values: Floats) -> str | None:
    """Return why ``values``, (y, x), in canonical units cannot be the variable, or None."""
    limits, seen = VARIABLES[variable].valid_range, _seen(values)
    if limits is None or seen is None:
        return None
    low, high = limits
    share = float(((seen < low) | (seen > high)).mean())
    if share <= _SHARE:
        return None
    return (
        f"{share:.0%} of the pixels lie outside {low:g} to {high:g} {VARIABLES[variable].units} "
        f"(found {seen.min():g} to {seen.max():g}): units, scale, offset or nodata are not as "
        f"stated"
    )


def _seen(values: Floats) -> Floats | None:
    """Return the observed values away from gaps, or None if they are too few."""
    known = np.isfinite(values)
    if known.sum() < FEWEST:
        return None
    inner = ndimage.binary_erosion(known, iterations=_EDGE, border_value=1)
    seen: Floats = values[inner if inner.sum() >= FEWEST else known]
    return seen
