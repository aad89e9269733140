"""How the radar looks at the ground: its direction, and what it cannot see."""

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators._flood.layers import Filter, whole
from reliefscope.model.cube import elementwise, require
from reliefscope.numerics import despeckle
from reliefscope.numerics import terrain as relief
from reliefscope.numerics.radar import encode

LOOK_AZIMUTH_DEG = {"ascending": 78.0, "descending": 282.0}
"""Direction from a right-looking satellite on a sun-synchronous orbit to the ground, at middle
latitudes; within a few degrees elsewhere below 60 degrees [degree]."""

MIDDLE_INCIDENCE_DEG = 38.0
"""Middle of the Sentinel-1 IW swath, where the angle is not given [degree]."""

GRAZING_DEG = 80.0
"""Ground that the beam meets flatter than this returns next to nothing, as water does [degree]."""

_SWATH_DEG_PER_M = (3e-5, 2e-4)
_STRAIGHT = 0.9
_STEP = 16


def incidence(after: xr.Dataset) -> xr.DataArray | None:
    """Return the incidence angle of the image in hundredths of a degree, if it is given."""
    if "incidence_deg" not in after:
        return None
    require(after, "incidence_deg")
    return elementwise(encode, after["incidence_deg"], dtype="int16")


def hidden(
    elevation: xr.DataArray,
    after: xr.Dataset,
    size: tuple[float, float],
    speckle: Filter,
) -> xr.DataArray | None:
    """Return 1 where layover, shadow or a grazing angle hides the ground, 0 elsewhere.

    The direction is that of ``orbit_state`` among the attributes of ``after``, otherwise that in
    which its ``incidence_deg`` grows; with neither there is no answer (None), and with an angle
    that grows in no direction nothing is hidden.
    """
    dy, dx = size
    azimuth = LOOK_AZIMUTH_DEG.get(str(after.attrs.get("orbit_state", "")).lower())
    angle = after.get("incidence_deg")
    if azimuth is None and angle is None:
        return None
    function = partial(_hidden, dx=dx, dy=dy, azimuth=azimuth, sigma=speckle.coarse)
    return whole(function, elevation.transpose("y", "x"), angle, dtype="uint8")


def _hidden(
    elevation: NDArray[Any],
    angle: NDArray[Any] | None = None,
    *,
    dx: float,
    dy: float,
    azimuth: float | None,
    sigma: tuple[float, float],
) -> NDArray[np.uint8]:
    if azimuth is None and angle is not None:
        azimuth = look_azimuth(angle, dx, dy)
    if azimuth is None:
        return np.zeros(elevation.shape, dtype=np.uint8)
    theta: Any = MIDDLE_INCIDENCE_DEG if angle is None else np.asarray(angle, np.float32)
    ground = despeckle.smooth(elevation, *sigma)
    masks = relief.shadow_layover(ground, dx, dy, incidence_deg=theta, look_azimuth_deg=azimuth)
    facing = relief.range_slope_deg(ground, dx, dy, look_azimuth_deg=azimuth)
    out: NDArray[np.uint8] = (masks.layover | masks.shadow | (theta - facing > GRAZING_DEG)).astype(
        np.uint8
    )
    return out


def look_azimuth(angle: NDArray[Any], dx: float, dy: float) -> float | None:
    """Return the direction in which the incidence angle grows, away from the radar [degree].

    Parameters
    ----------
    angle : array, (y, x)
        Incidence angle on flat ground [degree]; rows go south, columns east.
    dx, dy : float
        Size of a pixel [m].

    Returns
    -------
    float or None
        Clockwise from north; None where the angle does not grow along a line as it does across a
        swath, 0.03 to 0.2 degrees in a kilometre.
    """
    part = np.asarray(angle, dtype=np.float64)[::_STEP, ::_STEP]
    y, x = np.nonzero(np.isfinite(part))
    values = part[y, x]
    if np.unique(y).size < 2 or np.unique(x).size < 2:  # noqa: PLR2004 - a plane
        return None
    columns = np.stack([np.ones(values.size), x * dx * _STEP, -y * dy * _STEP], axis=1)
    plane, *_ = np.linalg.lstsq(columns, values, rcond=None)
    steepness = float(np.hypot(plane[1], plane[2]))
    low, high = _SWATH_DEG_PER_M
    rest = values - columns @ plane
    if not low <= steepness <= high or np.var(rest) > (1 - _STRAIGHT) * np.var(values):
        return None
    return float(np.degrees(np.arctan2(plane[1], plane[2])) % 360)
