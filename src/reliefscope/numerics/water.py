"""Surface water from optical reflectance: the five tests of Dynamic Surface Water Extent.

Tests, thresholds and classes: USGS, Landsat Dynamic Surface Water Extent (DSWE) Algorithm
Description Document (LSDS-1325); the same in OPERA DSWx-HLS (JPL D-107395).
"""
# ruff: noqa: PLR2004 - the thresholds are the method, written where its document writes them

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

UNSEEN = 255

_CLASSES = np.zeros(32, dtype="uint8")
for _code in range(32):
    _passed = _code.bit_count()
    _CLASSES[_code] = {5: 1, 4: 1, 3: 2, 2: 4}.get(_passed, 0)
_CLASSES[0b11000] = 3
_CLASSES[0b10000] = 4
_CLASSES.setflags(write=False)


def diagnose(bands: Mapping[str, Floats]) -> NDArray[np.uint8]:
    """Return which of the five tests of DSWE each pixel passes, as bits; 255 where unseen.

    Bit 0: MNDWI > 0.124. Bit 1: visible brighter than infrared (MBSRV > MBSRN). Bit 2: AWEsh > 0.
    Bits 3 and 4: partly water, conservative and aggressive.

    Parameters
    ----------
    bands : mapping of str to array
        ``blue``, ``green``, ``red``, ``nir``, ``swir16`` and ``swir22``, reflectance [1].
    """
    blue, green, red, nir, swir1, swir2 = (
        np.asarray(bands[name], dtype="float32")
        for name in ("blue", "green", "red", "nir", "swir16", "swir22")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mndwi = (green - swir1) / (green + swir1)
        ndvi = (nir - red) / (nir + red)
    awesh = blue + 2.5 * green - 1.5 * (nir + swir1) - 0.25 * swir2
    tests = (
        mndwi > 0.124,
        green + red > nir + swir1,
        awesh > 0,
        (mndwi > -0.44) & (swir1 < 0.09) & (nir < 0.15) & (ndvi < 0.7),
        (mndwi > -0.5) & (blue < 0.1) & (swir1 < 0.3) & (swir2 < 0.1) & (nir < 0.25),
    )
    code = np.zeros(blue.shape, dtype="uint8")
    for bit, passed in enumerate(tests):
        code |= passed.astype("uint8") << np.uint8(bit)
    unseen = np.isnan(blue + green + red + nir + swir1 + swir2)
    return np.where(unseen, np.uint8(UNSEEN), code)


def classify(code: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 0 not water, 1 high and 2 moderate confidence, 3 and 4 partly water, 255 unseen.

    3 is the conservative, 4 the aggressive class of partly water.
    """
    seen = code != UNSEEN
    return np.where(seen, _CLASSES[np.where(seen, code, 0)], np.uint8(UNSEEN))


def coarse_water(red: Floats, nir: Floats, swir22: Floats) -> NDArray[np.uint8]:
    """Return where a 250 m image shows water: 1, 0, or 255 unseen.

    The test of NASA's near real-time flood product for MODIS and VIIRS (MCDWD User Guide, from
    the Dartmouth Flood Observatory): (NIR + 0.00135) / (red + 0.10811) < 0.7, red < 0.2027 and
    SWIR < 0.06757.
    """
    water = (nir + 0.00135) / (red + 0.10811) < 0.7
    water &= (red < 0.2027) & (swir22 < 0.06757)
    unseen = np.isnan(red + nir + swir22)
    return np.where(unseen, UNSEEN, water).astype("uint8")


def composite(days: NDArray[np.uint8], least: int) -> NDArray[np.uint8]:
    """Return water seen on at least ``least`` of several days, (time, ...) to (...).

    One day may mistake the shadow of a cloud for water. 255 where fewer than ``least`` days saw
    the ground: there it cannot be told.
    """
    wet, seen = (days == 1).sum(axis=0), (days != UNSEEN).sum(axis=0)
    told = (wet >= least) | (seen >= least)
    return np.where(told, wet >= least, UNSEEN).astype("uint8")
