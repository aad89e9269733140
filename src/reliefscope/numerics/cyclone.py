"""Wind and rain around a tropical cyclone, from what its track says."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]

AIR_DENSITY = 1.15
"""[kg m-3]"""
_E = np.e
_SHAPES = (1.0, 2.5)
"""Of the profile that storms have (Holland 1980)."""
_USUAL_SHAPE = 1.5
_ROTATION = 7.292e-5
_MOVES, _TURNED_DEG = 0.55, 20.0
"""Share of the storm's motion that the wind on the ground has, and how far it is turned towards the
eye (Lin and Chavas 2012, doi:10.1029/2011JD017126)."""
_INFLOW_DEG = 20.0
_TO_THE_GROUND = 0.9
"""Wind at the ground over the wind above the boundary layer, near the eye (Franklin et al. 2003,
doi:10.1175/1520-0434(2003)018<0032:GDWPIH>2.0.CO;2)."""
_KNOT = 0.514444
_INCH_MM = 25.4


def radius_of_maximum_wind(wind: Values, latitude: Values) -> Values:
    """Return the usual radius of the strongest wind [m] of a storm of which it is not told.

    Willoughby et al. (2006, doi:10.1175/MWR3106.1), equation 7a, which asks for the wind where the
    ground does not slow it down. The constants are those of the R package stormwindmodel too.

    Parameters
    ----------
    wind : array
        Strongest, at the ground [m s-1].
    latitude : array
        [degree]
    """
    return 46_400 * np.exp(-0.0155 * wind / _TO_THE_GROUND + 0.0169 * np.abs(latitude))


def profile_shape(wind: Values, deficit: Values) -> Values:
    """Return Holland's B [1] from the strongest wind [m s-1] and the fall of pressure [hPa].

    Holland (1980, doi:10.1175/1520-0493(1980)108<1212:AAMOTW>2.0.CO;2), within 1 to 2.5; 1.5 where
    the pressure is NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = AIR_DENSITY * _E * np.square(wind) / (100 * deficit)
    return np.where(np.isfinite(shape), np.clip(shape, *_SHAPES), _USUAL_SHAPE)


def pressure_wind(
    distance: Values, radius: Values, deficit: Values, shape: Values, latitude: Values
) -> Values:
    """Return the gradient wind [m s-1] of Holland (1980), eq. 5, with the turning of the Earth.

    Parameters
    ----------
    distance, radius : array
        From the eye, and of the strongest wind [m].
    deficit : array
        Pressure outside less pressure in the eye [hPa].
    shape : array
        Holland's B [1].
    latitude : array
        [degree]
    """
    with np.errstate(divide="ignore", over="ignore"):
        inside = (radius / np.maximum(distance, 1.0)) ** shape
    turn = distance * 2 * _ROTATION * np.abs(np.sin(np.radians(latitude))) / 2
    square = shape * 100 * deficit / AIR_DENSITY * inside * np.exp(-inside)
    return np.sqrt(square + turn**2) - turn


def wind_speed(
    distance: Values, radius: Values, strongest: Values, shape: Values, *, exponent: float = 0.5
) -> Values:
    """Return the wind of a storm that stands still [m s-1] (Holland et al. 2010).

    doi:10.1175/2010MWR3317.1, equation 10. ``strongest`` at ``radius``, whatever the shape; with
    the exponent 0.5 it is the cyclostrophic profile of Holland (1980).

    Parameters
    ----------
    distance, radius : array
        From the eye, and of the strongest wind [m].
    strongest : array
        [m s-1]
    shape : array
        Holland's B [1].
    exponent : float
        0.5; smaller for storms whose wind reaches far [1].
    """
    with np.errstate(divide="ignore", over="ignore"):
        inside = (radius / np.maximum(distance, 1.0)) ** shape
    return np.asarray(strongest * (inside * np.exp(1 - inside)) ** exponent)


def wind_with_motion(
    east: Values,
    north: Values,
    still: Values,
    motion: tuple[Values, Values],
    *,
    southern: NDArray[np.bool_] | bool,
) -> Values:
    """Return the wind on the ground [m s-1]: around the eye, plus a share of the storm's motion.

    Stronger to the right of the track in the northern half, to the left in the southern.

    Parameters
    ----------
    east, north : array
        Of a place, from the eye [m].
    still : array
        Wind of the storm if it stood still [m s-1].
    motion : pair of array
        Of the eye, to the east and to the north [m s-1].
    southern : array of bool
        Whether it turns clockwise.
    """
    sense = np.where(southern, -1.0, 1.0)
    distance = np.maximum(np.hypot(east, north), 1.0)
    # counter-clockwise around the eye, turned inwards
    inflow = np.radians(_INFLOW_DEG)
    along_e, along_n = -sense * north / distance, sense * east / distance
    in_e, in_n = -east / distance, -north / distance
    u = still * (np.cos(inflow) * along_e + np.sin(inflow) * in_e)
    v = still * (np.cos(inflow) * along_n + np.sin(inflow) * in_n)
    turn = sense * np.radians(_TURNED_DEG)
    ahead_e = motion[0] * np.cos(turn) - motion[1] * np.sin(turn)
    ahead_n = motion[0] * np.sin(turn) + motion[1] * np.cos(turn)
    return np.asarray(np.hypot(u + _MOVES * ahead_e, v + _MOVES * ahead_n))


def stationary_part(strongest: Values, motion: tuple[Values, Values]) -> Values:
    """Return the strongest wind of the storm without what its motion adds [m s-1], at least 0."""
    return np.maximum(strongest - _MOVES * np.hypot(*motion), 0.0)


def rain_rate(distance: Values, strongest: Values) -> Values:
    """Return the mean rain [mm h-1] at a distance from the eye: R-CLIPER.

    The same all around, and blind to mountains: Tuleya et al. (2007, doi:10.1175/WAF972.1), from
    rates that satellites measured (Lonfat et al. 2004, Monthly Weather Review 132, 1645). The
    constants are those of its Table 2 (NHC) as CLIMADA has them, whose rates these are; CLIMADA
    does not hold weak storms at 35 knots.

    Parameters
    ----------
    distance : array
        From the eye [m].
    strongest : array
        Wind of the storm [m s-1]; below 35 knots the rates of 35 knots are used.
    """
    u = 1 + (np.maximum(strongest / _KNOT, 35) - 35) / 33
    centre, peak = -1.10 + 3.96 * u, -1.60 + 4.80 * u  # inch a day
    at, fall = 64.5 - 13.0 * u, 150.0 - 16.0 * u  # km
    r = distance / 1000
    rate = np.where(r < at, centre + (peak - centre) * r / at, peak * np.exp(-(r - at) / fall))
    return np.asarray(rate * _INCH_MM / 24)
