"""Rains that fail two seasons in a row, and what grows on them."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reliefscope.sources._fields import Statistic, Step
from reliefscope.sources.simulated.disasters._base import Disaster
from reliefscope.sources.simulated.fields import Series, Weather, months
from reliefscope.sources.simulated.noise import Field, enlarge, fractal, stream
from reliefscope.sources.simulated.world import World

PIXEL_M = 250.0
"""Size of a pixel of the world in a drought, which takes whole provinces [m]."""
CELL = 20
"""Pixels of the world per cell of the fields: 5 km."""
_FIRST_YEAR = 1989
_RAIN_MM = (22, 34, 78, 142, 104, 34, 16, 20, 32, 86, 118, 54)
"""Mean of each month where two rainy seasons share the year [mm]."""
_SHAPE = (1.1, 1.3, 2.4, 3.6, 3.0, 1.3, 0.9, 0.9, 1.2, 2.4, 2.8, 1.6)
"""Of the gamma distribution of each month [1]."""
_FAILED = 8
"""Months of failing rain before the event is declared."""
_DRIZZLE_MM = 2.0
_STRONGEST = 1.6
"""Largest deficit [standard deviation]."""
_DRY = 0.6
"""Deficit of each month that makes three of them a drought [standard deviation]."""
_KEPT = 0.35
"""Share of the usual scatter that is left within the drought."""


def drought(world: World, onset: dt.datetime) -> Disaster:
    """Return the drought of a world: four decades of months, and the deficit at their end."""
    cells = -(-world.size // CELL)
    deficit = _deficit(world, cells)
    year = months(_FIRST_YEAR, onset)
    lack = np.zeros((len(year), cells, cells), np.float32)
    ramp = np.clip(np.arange(1, _FAILED + 1) / 3, 0, 1)
    lack[-_FAILED:] = ramp[:, None, None] * deficit
    series = _series(world, year, lack)
    felt = enlarge(deficit, CELL, (world.size, world.size), 0)
    event = (felt >= _DRY) & ~world.permanent
    return Disaster(
        event=event,
        truth={"deficit": (np.where(event, felt, 0).astype(np.float32), "1")},
        weather=Weather(
            start=dt.datetime(_FIRST_YEAR, 1, 1, tzinfo=dt.UTC),
            step=Step.MONTH,
            cell=CELL,
            series=series,
        ),
    )


def _deficit(world: World, cells: int) -> Field:
    """Return how many standard deviations of rain are missing, (row, column), 0 where none."""
    shape = fractal(stream(world.seed, "deficit"), (cells, cells), longest=cells / 1.5, shortest=4)
    return np.asarray(np.clip(0.25 + 0.75 * shape, 0, _STRONGEST), np.float32)


def _series(world: World, year: NDArray[np.int64], lack: Field) -> Mapping[str, Series]:
    """Return all variables month by month; ``lack`` is the deficit at each step and cell."""
    count, cells = len(year), lack.shape[1]
    rng = stream(world.seed, "climate")
    scatter = _scatter(rng, count, cells)
    struck = np.minimum(lack, 1)
    normal = scatter * (1 - (1 - _KEPT) * struck) - lack
    wetter = 1 + 0.25 * fractal(rng, (cells, cells), longest=cells, shortest=3)
    shape = np.asarray(_SHAPE)[year][:, None, None]
    mean = np.asarray(_RAIN_MM)[year][:, None, None] * np.clip(wetter, 0.4, 1.8)
    rain = special.gammaincinv(shape, special.ndtr(normal)) * (mean / shape)
    rain = np.where(rain < _DRIZZLE_MM, 0, rain)
    age = np.arange(count)[:, None, None] / 12
    warmth = 295.5 + 2.5 * np.cos(2 * np.pi * (year[:, None, None] - 1) / 12) + 0.025 * age
    temperature = warmth - 0.5 * scatter + 0.9 * lack + 0.2 * _scatter(rng, count, cells)
    thirst = np.clip(4.4 * (temperature - 278), 0, None)
    soil = _soil(rain, thirst)
    green = _green(rng, soil, cells)
    heat = temperature + 14 * (0.75 - green) + 0.4 * _scatter(rng, count, cells)
    total, mean_of = Statistic.TOTAL, Statistic.MEAN
    return {
        name: Series(values=np.asarray(values, np.float32), statistic=statistic)
        for name, values, statistic in (
            ("precipitation", rain, total),
            ("potential_evaporation", thirst, total),
            ("air_temperature", temperature, mean_of),
            ("soil_moisture", soil, mean_of),
            ("ndvi", green, mean_of),
            ("fapar", np.clip(1.24 * green - 0.1, 0, 1), mean_of),
            ("lst", heat, mean_of),
        )
    }


def _scatter(rng: np.random.Generator, count: int, cells: int) -> Field:
    """Return standard normal weather, alike over some hundred kilometres, each month its own."""
    region = rng.standard_normal((count, 1, 1))
    local = np.stack(
        [fractal(rng, (cells, cells), longest=cells / 2, shortest=3) for _ in range(count)]
    )
    return np.asarray(0.6 * region + 0.8 * local, np.float32)


def _soil(rain: NDArray[np.floating], thirst: NDArray[np.floating]) -> Field:
    """Return the moisture of the top soil [m3 m-3]: a bucket that rain fills and heat empties."""
    moisture = np.empty(rain.shape, np.float32)
    level = np.full(rain.shape[1:], 0.2)
    for step in range(len(rain)):
        level = level + (rain[step] - 1.6 * thirst[step] * level) / 420
        level = np.clip(level, 0.04, 0.44)
        moisture[step] = level
    return moisture


def _green(rng: np.random.Generator, soil: Field, cells: int) -> Field:
    """Return the vegetation index, which follows the moisture of this month and the last."""
    lush = 1 + 0.15 * fractal(rng, (cells, cells), longest=cells / 3, shortest=2)
    last = np.concatenate([soil[:1], soil[:-1]])
    wet = 0.4 * soil + 0.6 * last
    noise = rng.normal(0, 0.015, soil.shape)
    return np.asarray(np.clip((0.12 + 1.9 * wet) * lush + noise, 0.05, 0.92), np.float32)
