"""Two weeks of heat in midsummer, after three decades of days to compare with."""

import datetime as dt

import numpy as np

from reliefscope.sources._fields import Statistic, Step
from reliefscope.sources.simulated.disasters._base import Disaster
from reliefscope.sources.simulated.fields import Series, Weather
from reliefscope.sources.simulated.noise import Field, enlarge, fractal, stream
from reliefscope.sources.simulated.world import World

PIXEL_M = 250.0
"""Size of a pixel of the world in a heat wave [m]."""
CELL = 40
"""Pixels of the world per cell of the fields: 10 km."""
_FIRST_YEAR = 1989
_DAYS = 14
"""Days of heat from the onset."""
_STRONGEST_K = 11.0
_MEMORY = 0.72
"""Correlation of one day's departure with the next day's [1]."""


def heat(world: World, onset: dt.datetime) -> Disaster:
    """Return the heat wave of a world: daily temperatures, and by how much it was too hot."""
    cells = -(-world.size // CELL)
    start = dt.datetime(_FIRST_YEAR, 1, 1, tzinfo=dt.UTC)
    first = (onset - start).days
    count = first + _DAYS + 10
    shape = fractal(stream(world.seed, "dome"), (cells, cells), longest=cells, shortest=3)
    excess = np.asarray(np.clip(4.2 + 3.5 * shape, 0, _STRONGEST_K), np.float32)
    rng = stream(world.seed, "days")
    departure = _departures(rng, count, cells)
    wave = np.zeros(count, np.float32)
    wave[first : first + _DAYS] = np.sin(np.linspace(0.5, np.pi - 0.5, _DAYS))
    dome = wave[:, None, None] * excess
    departure *= 1 - 0.8 * (wave[:, None, None] > 0)
    day = np.arange(count)[:, None, None]
    season = 291.5 + 9.5 * np.sin(2 * np.pi * (day - 115) / 365.25) + 0.03 * day / 365.25
    swing = 5.5 + rng.normal(0, 0.8, (count, 1, 1)) + 0.6 * dome / _STRONGEST_K
    mean = season + departure + dome
    felt = enlarge(excess, CELL, (world.size, world.size), 0)
    event = (felt >= 5) & ~world.permanent  # noqa: PLR2004 - kelvin above the season
    return Disaster(
        event=event,
        truth={"excess": (np.where(event, felt, 0).astype(np.float32), "K")},
        weather=Weather(
            start=start,
            step=Step.DAY,
            cell=CELL,
            series={
                "air_temperature_max": _daily(mean + swing, Statistic.HIGHEST),
                "air_temperature_min": _daily(mean - swing, Statistic.LOWEST),
            },
        ),
    )


def _daily(values: Field, statistic: Statistic) -> Series:
    return Series(values=np.asarray(values, np.float32), statistic=statistic)


def _departures(rng: np.random.Generator, count: int, cells: int) -> Field:
    """Return how far each day is from its season [K]; one day is like the next, as places are."""
    fresh = rng.standard_normal((count, 1, 1)) + 0.5 * rng.standard_normal((count, cells, cells))
    fresh *= 2.4 * np.sqrt(1 - _MEMORY**2)
    out = np.empty(fresh.shape, np.float32)
    out[0] = fresh[0]
    for step in range(1, count):
        out[step] = _MEMORY * out[step - 1] + fresh[step]
    return out
