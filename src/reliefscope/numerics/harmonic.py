"""Flood against the season: what a place looks like on this day of the year, and what water does.

Bauer-Marschallinger et al. (2022, doi:10.3390/rs14153673): the harmonic model of land, the model of
water by incidence angle, the posterior, and the masks where the posterior says nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reliefscope.errors import InputError
from reliefscope.numerics import _harmonic
from reliefscope.numerics.denial import Denial
from reliefscope.numerics.radar import WATER_SPREAD_DB, water_db

ORDER = _harmonic.ORDER
"""Harmonics of the year."""

PARAMETERS = _harmonic.PARAMETERS

MIN_OBSERVATIONS = 32
"""Fewest observations a model is fitted to."""

INCIDENCE_DEG = (27.0, 48.0)
"""Angles over which the water model was fitted [degree]."""

OUTLIER_SPREADS = 3.0
"""What lies farther from land, and above water, belongs to neither [1]."""

CONFLICT_SPREADS = 0.5
"""Land must be this many spreads of water brighter than water [1]."""

DENIED = 0.2
"""A posterior this far from both 0 and 1 states nothing [1]."""

_YEAR_DAYS = 365.0


class Season(NamedTuple):
    """What is usual for a place."""

    coefficients: NDArray[np.float32]
    """Mean, then sine and cosine of each harmonic, (7, ...) [dB]."""
    spread: NDArray[np.float32]
    """Standard deviation of the residuals, ``sqrt(SSE / (N - 7))``, (...) [dB]."""
    images: NDArray[np.int32]
    """Observations it rests on, (...)."""


def design(day_of_year: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the values of the harmonics, (time, 7): 1, then sine and cosine of each."""
    angle = 2 * np.pi * np.asarray(day_of_year, dtype=np.float64) / _YEAR_DAYS
    waves = [f(i * angle) for i in range(1, ORDER + 1) for f in (np.sin, np.cos)]
    return np.stack([np.ones_like(angle), *waves], axis=-1)


def fit(
    series: NDArray[np.floating],
    day_of_year: NDArray[np.floating],
    *,
    least: int = MIN_OBSERVATIONS,
    robust: bool = True,
) -> Season:
    """Fit the season of each pixel by least squares.

    Normal equations; neighbours seen by the same images share their factorisation. If ``robust``,
    a fit with Huber's weights (1964, doi:10.1214/aoms/1177703732) finds what is much darker than
    the season, suspected floods; these are left out and the rest is fitted again, so that a flood
    of last year neither lowers the mean nor widens the spread.

    Parameters
    ----------
    series : array, (time, ...)
        Backscatter of one relative orbit [dB]; NaN is not observed.
    day_of_year : array, (time,)
        1 to 366.
    least : int
        Fewest observations, suspected floods included; three quarters must be left without them.
    robust : bool
        Whether suspected floods are left out.

    Returns
    -------
    Season
        NaN where a pixel has fewer than ``least`` observations, or they do not span the year.

    Raises
    ------
    InputError
        ``least`` leaves no degree of freedom, or the days do not fit the series.
    """
    waves = design(day_of_year)
    if waves.ndim != 2 or len(waves) != len(series):  # noqa: PLR2004 - a matrix
        raise InputError(f"{len(series)} images and {np.shape(day_of_year)} days; give one each")
    if least <= PARAMETERS:
        raise InputError(f"least is {least}; a season has {PARAMETERS} parameters, so at least 8")
    shape = series.shape[1:]
    flat = np.ascontiguousarray(series, dtype=np.float32).reshape(len(series), -1)
    coefficients = np.full((PARAMETERS, flat.shape[1]), np.nan, dtype=np.float32)
    spread = np.full(flat.shape[1], np.nan, dtype=np.float32)
    images = np.zeros(flat.shape[1], dtype=np.int32)
    _harmonic.fit(flat, waves, least, robust, coefficients, spread, images)
    return Season(
        coefficients.reshape(PARAMETERS, *shape), spread.reshape(shape), images.reshape(shape)
    )


def expected(season: Season, day_of_year: float) -> NDArray[np.float32]:
    """Return the backscatter of land on a day of the year, (...) [dB]."""
    waves = design(np.asarray(day_of_year)).astype(np.float32)
    level: NDArray[np.float32] = np.tensordot(waves, season.coefficients, axes=1)
    return level


def posterior(
    after: NDArray[np.floating],
    land: NDArray[np.floating],
    land_spread: NDArray[np.floating],
    incidence_deg: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Return the probability of flood: water or land, each as likely before the look.

    ``N(x; w, 2.754) / (N(x; w, 2.754) + N(x; h, STD))``, each class with its own spread, by way of
    the logarithms so that nothing underflows.

    Parameters
    ----------
    after : array, (...)
        Backscatter [dB].
    land, land_spread : array, (...)
        Expected backscatter of land and its standard deviation [dB].
    incidence_deg : array, (...)
        Incidence angle [degree].
    """
    odds = log_density(after, water_db(incidence_deg), np.float32(WATER_SPREAD_DB)) - log_density(
        after, land, land_spread
    )
    return np.asarray(special.expit(odds), dtype=np.float32)


def log_density(
    x: NDArray[np.floating], mean: NDArray[np.floating], spread: NDArray[np.floating] | np.float32
) -> NDArray[np.float32]:
    """Return the logarithm of the density of a normal distribution at ``x``."""
    spread = np.maximum(spread, np.float32(_harmonic.LEAST_SPREAD_DB))
    z = (x - mean) / spread
    return np.asarray(-0.5 * z * z - np.log(spread * np.sqrt(2 * np.pi)), dtype=np.float32)


def denials(
    after: NDArray[np.floating],
    land: NDArray[np.floating],
    land_spread: NDArray[np.floating],
    incidence_deg: NDArray[np.floating],
    probability: NDArray[np.floating],
) -> NDArray[np.uint8]:
    """Return the reasons why the posterior states nothing, bits of `Denial`; 0 where it does.

    Arrays as for `posterior`, (...), and its result (smoothed or not). Where ``after`` is NaN
    nothing was observed, and there is nothing to deny: 0.
    """
    water = water_db(incidence_deg)
    low, high = INCIDENCE_DEG
    near_land = np.abs(after - land) <= OUTLIER_SPREADS * land_spread
    waterlike = after < water + np.float32(OUTLIER_SPREADS * WATER_SPREAD_DB)
    holds = {
        Denial.ANGLE: ~((incidence_deg >= low) & (incidence_deg <= high)),
        Denial.CONFLICT: ~(land > water + np.float32(CONFLICT_SPREADS * WATER_SPREAD_DB)),
        Denial.OUTLIER: ~(near_land | waterlike),
        Denial.UNDECIDED: ~(np.minimum(probability, 1 - probability) < np.float32(DENIED)),
    }
    short = ~np.isfinite(land_spread)
    bits = np.zeros(np.shape(after), dtype=np.uint8)
    for flag, condition in holds.items():
        bits[condition & ~short] |= np.uint8(flag)
    bits[short] |= np.uint8(Denial.SHORT)
    bits[np.isnan(after)] = 0
    return bits


def median(values: NDArray[np.floating], radius: int = 2) -> NDArray[np.float32]:
    """Return the median of what is known within a square around each known pixel.

    Parameters
    ----------
    values : array, (y, x)
        NaN is not known, stays so, and counts for nothing.
    radius : int
        Half of the side of the square: 2 is 5 x 5 [pixel].
    """
    out: NDArray[np.float32] = _harmonic.median(
        np.ascontiguousarray(values, dtype=np.float32), radius
    )
    return out
