"""Radar power, decibels, and what calm water looks like to a C-band radar."""

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import CubeError

WATER_DB = (-19.1, -26.0)
"""Backscatter of open water, co- and cross-polarised [dB].

Co-pol: -0.394181 theta - 4.142015 at theta = 38 degrees, the middle of the Sentinel-1 IW swath
(Bauer-Marschallinger et al. 2022, doi:10.3390/rs14153673). Cross-pol: calm water lies at the noise
floor, which the mission requires to be below -22 dB and which is some dB better in practice (Torres
et al. 2012, doi:10.1016/j.rse.2011.05.028); -26 dB is our choice within that."""

WATER_SPREAD_DB = 2.754
"""Standard deviation of open water (Bauer-Marschallinger et al. 2022) [dB]."""

DEFAULT_THRESHOLD_DB = (-14.3, -21.0)
"""Water threshold where a scene shows no land, co- and cross-polarised [dB].

Midway between open water and vegetated land as C band usually sees it (-9.5 and -16 dB), within
1 dB of the co-polarised default of Twele et al. (2016, doi:10.1080/01431161.2016.1192304)."""

LAND_SPREAD_DB = 2.0
"""Least standard deviation of land between places and seasons [dB]."""

THRESHOLD_BOUNDS_DB = ((-28.0, -11.0), (-28.0, -18.0))
"""Where a water threshold may lie, co- and cross-polarised, as in OPERA DSWx-S1 [dB]."""

MISSING = -32768
"""Code of what was not observed in `encode`."""

_NOT_POWER = -0.05
_FLAT_DB = (-0.05, 1.55)
_ENOUGH = 100


def decibel(power: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return ``power`` in decibels [dB]; NaN where it is not positive.

    Parameters
    ----------
    power : array, any shape
        Linear power [1].

    Returns
    -------
    array, shape of ``power``
        ``10 log10(power)`` [dB].

    Raises
    ------
    CubeError
        A value is below -0.05: power is never negative but for a trace of subtracted noise, so
        these are decibels or something else.
    """
    power = np.asarray(power, dtype=np.float32)
    if power.size and np.nanmin(power, initial=np.inf) < _NOT_POWER:
        low = float(np.nanmin(power))
        raise CubeError(
            f"backscatter declared as linear power goes down to {low:.3g}, and power is never "
            f"negative; if these are decibels, convert them with 10**(dB/10) first"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log10(np.where(power > 0, power, np.float32(np.nan)))
    out *= np.float32(10)
    return out


def power(db: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return ``db`` [dB] as linear power [1]; NaN stays NaN."""
    out: NDArray[np.float32] = np.power(np.float32(10), np.asarray(db, np.float32) / np.float32(10))
    return out


def encode(db: NDArray[np.floating]) -> NDArray[np.int16]:
    """Return decibels in hundredths as int16, half the memory; NaN becomes `MISSING`."""
    seen = np.isfinite(db)
    hundredths = np.rint(np.where(seen, np.clip(db, -99, 99), 0) * np.float32(100))
    return np.where(seen, hundredths, MISSING).astype(np.int16)


def decode(hundredths: NDArray[np.int16]) -> NDArray[np.float32]:
    """Undo `encode`, to a hundredth of a decibel."""
    db = hundredths.astype(np.float32) / np.float32(100)
    return np.where(hundredths == MISSING, np.float32(np.nan), db)


def check_scale(db: NDArray[np.floating]) -> None:
    """Raise if decibels look like linear power that was taken for decibels.

    Linear backscatter lies mostly between 0 and 1. Read as decibels and converted, it becomes a
    power between 1.0 and 1.4, so that nearly everything falls between 0 and 1.5 dB; land and
    water of a real scene spread over 10 dB and more, below 0.

    Parameters
    ----------
    db : array, any shape
        Backscatter [dB].

    Raises
    ------
    CubeError
        At least 100 pixels are known and 98 % of them lie between 0 and 1.5 dB.
    """
    known = db[np.isfinite(db)]
    if known.size < _ENOUGH:
        return
    low, high = np.percentile(known, [1, 99])
    if _FLAT_DB[0] <= low and high <= _FLAT_DB[1]:
        raise CubeError(
            f"98 % of the backscatter lies between {low:.2f} and {high:.2f} dB, which no scene on "
            f"earth does: linear power seems to have been declared as decibels; correct its units"
        )


def water_db(incidence_deg: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the co-polarised backscatter of open water at C band [dB].

    Linear in the incidence angle, fitted over oceans and inland waters of the whole globe
    (Bauer-Marschallinger et al. 2022, doi:10.3390/rs14153673); valid from 27 to 48 degrees.

    Parameters
    ----------
    incidence_deg : array, any shape
        Projected local incidence angle [degree].
    """
    angle = np.asarray(incidence_deg, dtype=np.float32)
    return np.float32(-0.394181) * angle + np.float32(-4.142015)
