"""How plants stand between the worst and the best of other years at the same time of the year.

Vegetation, temperature and health condition (Kogan 1995, doi:10.1016/0273-1177(95)00079-T), and the
share of cropland under stress.
"""

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError

Floats = NDArray[np.floating]

LEAST_NDVI = 0.05
"""Vegetation that never varies by more is bare or evergreen: no condition can be told [1]."""
LEAST_LST = 1.0
"""The same for the temperature of the surface [K]."""
POOR_SEASON = 35.0
"""A season of less health on average is one of stress (FAO, Agricultural Stress Index) [%]."""


def condition(
    value: Floats, others: Floats, *, least: float, min_years: int, falling: bool = False
) -> NDArray[np.float32]:
    """Return where ``value`` stands between the extremes of ``others`` [%].

    Parameters
    ----------
    value : array, (...)
        Now.
    others : array, (..., year)
        The same time of the year in the reference years; NaN was not seen.
    least : float
        Where best and worst differ by less, nothing is stated.
    min_years : int
        Fewer years seen, and nothing is stated.
    falling : bool
        Whether high is bad, as it is for temperatures.

    Returns
    -------
    array, (...)
        0 the worst known or beyond, 100 the best known or beyond; NaN where ``value`` is.
    """
    low, high = np.fmin.reduce(others, axis=-1), np.fmax.reduce(others, axis=-1)
    enough = (~np.isnan(others)).sum(axis=-1) >= min_years
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.where(enough & (high - low >= least), high - low, np.nan)
        from_worst = (high - value) if falling else (value - low)
        percent = np.clip(100.0 * from_worst / spread, 0.0, 100.0)
    return np.asarray(percent, dtype=np.float32)


def health(vci: Floats, tci: Floats, weight: float = 0.5) -> NDArray[np.float32]:
    """Return the vegetation health index [%]; ``weight`` is that of the vegetation condition."""
    return np.asarray(weight * vci + (1.0 - weight) * tci, dtype=np.float32)


def stressed(season_health: Floats, cropland: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return 1 for stressed cropland, 0 for other cropland, NaN for the rest and the unseen.

    Parameters
    ----------
    season_health : array, (...)
        Vegetation health index, mean of the season [%].
    cropland : array, (...)
    """
    known = cropland & ~np.isnan(season_health)
    return np.where(known, season_health < POOR_SEASON, np.nan).astype(np.float32)


def stressed_share_by_zone(
    season_health: Floats,
    cropland: NDArray[np.bool_],
    zones: NDArray[np.integer],
    n_zones: int,
    weights: Floats | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Agricultural Stress Index of each zone, and what share of its cropland was seen.

    Parameters
    ----------
    season_health : array, (y, x)
        Vegetation health index, mean of the season [%].
    cropland : array, (y, x)
    zones : array, (y, x)
        0 to ``n_zones - 1``; negative pixels belong to none.
    n_zones : int
        Size of the answer.
    weights : array, (y, x), optional
        Area of the pixels; all alike by default.

    Returns
    -------
    share : array, (zone,)
        Stressed part of the cropland seen [%]; NaN where none was.
    seen : array, (zone,)
        Seen part of the cropland [0-1]; NaN where there is none.

    Raises
    ------
    InputError
        The arrays differ in shape, or a zone is not below ``n_zones``.
    """
    if not season_health.shape == cropland.shape == zones.shape:
        raise InputError(
            f"health {season_health.shape}, cropland {cropland.shape} and zones {zones.shape} "
            f"must have one shape; load all on one grid"
        )
    if zones.size and int(zones.max()) >= n_zones:
        raise InputError(f"zone {int(zones.max())} is not below the number of zones, {n_zones}")
    inside = cropland & (zones >= 0)
    flat = stressed(season_health, cropland)[inside]
    zone = zones[inside]
    size = np.ones(len(zone)) if weights is None else weights[inside].astype(np.float64)
    known = ~np.isnan(flat)
    total = np.bincount(zone, size, n_zones)
    observed = np.bincount(zone, size * known, n_zones)
    poor = np.bincount(zone, size * np.where(known, flat, 0.0), n_zones)
    share, seen = np.full(n_zones, np.nan), np.full(n_zones, np.nan)
    np.divide(100.0 * poor, observed, out=share, where=observed > 0)
    np.divide(observed, total, out=seen, where=total > 0)
    return share, seen
