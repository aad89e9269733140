"""Terrain: gradient, slope, radar layover and shadow, flow accumulation and HAND.

Elevations are north-up: rows go south, columns go east. Cell sizes are positive lengths in metres
on the ground. NaN is not known and stays NaN.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliefscope.errors import InputError
from reliefscope.numerics import _flow

DRAINAGE_AREA_M2 = 100 * 30.0**2
"""Catchment from which a channel starts: 100 cells of 30 m [m^2]."""


SUN_INCIDENCE_DEG = 40.0
"""Angle between the sun and the upright on a slope from which it may be too dark [degree]."""
BACK_SLOPE_DEG = 5.0
"""Slope that turns away from the sun: flat ground never counts, however low the sun [degree]."""


class LayoverShadow(NamedTuple):
    """Where a side-looking radar cannot see the ground, each bool array, (y, x)."""

    layover: NDArray[np.bool_]
    shadow: NDArray[np.bool_]


def gradient(
    elevation: ArrayLike, dx: float, dy: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the rise towards the east and towards the north.

    A plane is fitted by weighted least squares to the finite cells of each 3x3 window; with all
    nine there this is the operator of Horn (1981, doi:10.1109/PROC.1981.11918), and beside gaps
    and edges it is still exact on any plane.

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].

    Returns
    -------
    east, north : array, (y, x)
        Rise over run [1]; NaN where the cell is NaN or its finite neighbours lie in one line.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional or a cell size is not positive.
    """
    padded = _padded(elevation, dx, dy)
    shape = padded.shape[0] - 2, padded.shape[1] - 2
    east, south = np.empty(shape, np.float32), np.empty(shape, np.float32)
    _flow.gradient(padded, east, south)
    east /= np.float32(dx)
    south /= np.float32(-dy)
    return east, south


def slope_deg(elevation: ArrayLike, dx: float, dy: float) -> NDArray[np.float32]:
    """Return the steepest slope of each cell [degree].

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].

    Returns
    -------
    array, (y, x)
        Slope [degree], 0 to 90; NaN as in `gradient`, never 0 for want of data.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional or a cell size is not positive.
    """
    east, north = gradient(elevation, dx, dy)
    return np.degrees(np.arctan(np.hypot(east, north)))


def sun_shadow(
    elevation: ArrayLike, dx: float, dy: float, *, azimuth_deg: float, elevation_deg: float
) -> NDArray[np.bool_]:
    """Find slopes that turn away from a low sun: in optical images as dark as water.

    Where the sun falls in at more than `SUN_INCIDENCE_DEG` from the upright on the slope, and the
    ground rises towards the sun by more than `BACK_SLOPE_DEG`: OPERA DSWx-HLS (JPL D-107395).
    Ground behind a steep slope that lies in its cast shadow is not found.

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].
    azimuth_deg : float
        Where the sun stands, clockwise from the grid's north [degree].
    elevation_deg : float
        How high it stands above the horizon [degree].

    Returns
    -------
    bool array, (y, x)
        False where the slope is not known.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional or a cell size is not positive.
    """
    east, north = gradient(elevation, dx, dy)
    azimuth, height = math.radians(azimuth_deg), math.radians(elevation_deg)
    rise = east * math.sin(azimuth) + north * math.cos(azimuth)
    upright = math.sin(height) - rise * math.cos(height)
    incidence = upright / np.sqrt(1 + east**2 + north**2)
    low = incidence < math.cos(math.radians(SUN_INCIDENCE_DEG))
    dark: NDArray[np.bool_] = low & (rise > math.tan(math.radians(BACK_SLOPE_DEG)))
    return dark


def shadow_layover(
    elevation: ArrayLike,
    dx: float,
    dy: float,
    *,
    incidence_deg: ArrayLike,
    look_azimuth_deg: float,
) -> LayoverShadow:
    """Find slopes that face the radar too steeply (layover) or turn away from it (shadow).

    With the slope in the looking direction alpha, positive where ground rises away from the
    radar, and the incidence angle theta on flat ground: layover where alpha > theta, shadow where
    alpha < -(90 - theta) (Vollrath et al. 2020, doi:10.3390/rs12111867). Slopes are judged each by
    itself; ground behind a steep slope that lies in its cast shadow is not found.

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].
    incidence_deg : float or array, (y, x)
        Incidence angle on flat ground [degree].
    look_azimuth_deg : float
        Direction from the radar to the ground, clockwise from north [degree].

    Returns
    -------
    LayoverShadow
        Two masks; False where the slope is not known.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional or a cell size is not positive.
    """
    alpha = range_slope_deg(elevation, dx, dy, look_azimuth_deg=look_azimuth_deg)
    theta = np.asarray(incidence_deg, np.float32)
    return LayoverShadow(layover=alpha > theta, shadow=alpha < theta - np.float32(90))


def range_slope_deg(
    elevation: ArrayLike, dx: float, dy: float, *, look_azimuth_deg: float
) -> NDArray[np.float32]:
    """Return the slope in the looking direction of a radar [degree].

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].
    look_azimuth_deg : float
        Direction from the radar to the ground, clockwise from north [degree].

    Returns
    -------
    array, (y, x)
        Slope [degree], positive where ground faces the radar; NaN as in `gradient`.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional or a cell size is not positive.
    """
    east, north = gradient(elevation, dx, dy)
    azimuth = math.radians(look_azimuth_deg)
    rise = east * np.float32(math.sin(azimuth)) + north * np.float32(math.cos(azimuth))
    return np.degrees(np.arctan(rise))


def flow_accumulation(elevation: ArrayLike, dx: float, dy: float) -> NDArray[np.float64]:
    """Return the area that drains through each cell, itself included [m^2].

    Depressions are filled to where they spill, then all water of a cell goes to its steepest lower
    neighbour (D8, O'Callaghan & Mark 1984, doi:10.1016/S0734-189X(84)80011-0); across flats it
    goes the way a rising flood would have come. Water leaves at the edge and into NaN.

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].

    Returns
    -------
    array, (y, x)
        Area [m^2]; NaN where ``elevation`` is NaN.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional or a cell size is not positive.
    """
    padded = _padded(elevation, dx, dy)
    _, direction = _drained(padded, dx, dy)
    count = _flow.accumulate(direction, padded.shape[1])
    area = _inner(count, padded) * (dx * dy)
    return np.where(np.isnan(_inner(padded, padded)), np.nan, area)


def hand(
    elevation: ArrayLike,
    *,
    dx: float,
    dy: float,
    min_area: float = DRAINAGE_AREA_M2,
    water: ArrayLike | None = None,
    outlets_drain: bool = False,
) -> NDArray[np.float32]:
    """Return the height above the nearest drainage [m].

    Height of a cell over the first drainage cell that its water meets on the D8 way down, as
    defined by Nobre et al. (2011, doi:10.1016/j.jhydrol.2011.03.051). A cell is drainage if at
    least ``min_area`` drains through it or if it is known water. In a depression the drainage
    stands at the spill level, so the ground in it has 0 whichever way water crosses it.

    Parameters
    ----------
    elevation : array, (y, x)
        Height [m].
    dx, dy : float
        Cell size to the east and to the south [m].
    min_area : float
        Catchment from which a channel starts [m^2].
    water : array of bool, (y, x), optional
        Known rivers and lakes, drainage whatever their catchment.
    outlets_drain : bool
        Take cells where water leaves the array as drainage too, as beside the sea. By default the
        ground that drains out before it meets a channel has no known base and is NaN.

    Returns
    -------
    array, (y, x)
        Height [m], at least 0; NaN where ``elevation`` is NaN or no drainage is met.

    Raises
    ------
    InputError
        ``elevation`` is not two-dimensional, a cell size or ``min_area`` is not positive, or
        ``water`` has another shape.
    """
    if not min_area > 0:
        raise InputError(f"min_area is {min_area} m2; give the catchment of a channel, > 0")
    padded = _padded(elevation, dx, dy)
    width = padded.shape[1]
    filled, direction = _drained(padded, dx, dy)
    drainage = _flow.accumulate(direction, width) >= min_area / (dx * dy)
    if water is not None:
        _inner(drainage, padded)[...] |= _matching(water, padded)
    base = _flow.base_level(filled, direction, drainage, width, outlets_drain)
    above: NDArray[np.float32] = _inner(padded, padded) - _inner(base, padded)
    return np.maximum(above, np.float32(0), out=above)


def _padded(elevation: ArrayLike, dx: float, dy: float) -> NDArray[np.float32]:
    """Return the elevation as float32 in a ring of NaN."""
    z = np.asarray(elevation)
    if z.ndim != 2:  # noqa: PLR2004
        raise InputError(f"elevation has shape {z.shape}; it must be (y, x)")
    if not (dx > 0 and dy > 0):
        raise InputError(f"cell size is {dx} by {dy} m; both must be positive lengths")
    padded = np.full((z.shape[0] + 2, z.shape[1] + 2), np.nan, np.float32)
    padded[1:-1, 1:-1] = np.where(np.isfinite(z), z, np.nan)
    return padded


def _drained(
    padded: NDArray[np.float32], dx: float, dy: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the ground with its depressions filled, and for each cell the step of its water."""
    filled, direction = _flow.flood(padded.ravel(), padded.shape[1])
    _flow.steepest(filled, direction, padded.shape[1], dx, dy)
    return filled, direction


def _inner(flat: NDArray[Any], padded: NDArray[np.float32]) -> NDArray[Any]:
    """Return a view without the ring."""
    return flat.reshape(padded.shape)[1:-1, 1:-1]


def _matching(water: ArrayLike, padded: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the water mask where the elevation is known."""
    mask = np.array(water, bool)
    z = _inner(padded, padded)
    if mask.shape != z.shape:
        raise InputError(f"water has shape {mask.shape}, elevation {z.shape}; they must be equal")
    mask &= ~np.isnan(z)
    return mask
