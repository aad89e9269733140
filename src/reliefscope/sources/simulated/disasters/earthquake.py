"""An earthquake near the largest town: buildings whose echo is not what it was."""

import datetime as dt

import numpy as np

from reliefscope.sources.simulated.disasters._base import Disaster
from reliefscope.sources.simulated.noise import Field, parcels, stream
from reliefscope.sources.simulated.sensors import RadarPass
from reliefscope.sources.simulated.world import BUILT, World

_BEFORE = tuple(range(-131, 0, 12))
_AFTER = (1, 13, 25, 37)
"""Days of the passes: one orbit every twelve days."""
_BUILDING = (5.0, 3.0)
"""Usual length and breadth of a block of buildings [pixel]."""
_WORST, _REACH = 0.6, 0.14
"""Share of damaged buildings at the epicentre, and where it falls to 1/e [side of the world]."""


def earthquake(world: World, onset: dt.datetime) -> Disaster:
    """Return the earthquake of a world: passes of half a year, and which buildings it hurt."""
    del onset  # passes are counted from it
    change = _change_db(world)
    passes = []
    for day in (*_BEFORE, *_AFTER):
        weather = stream(world.seed, "weather", f"{day}")
        seen = RadarPass(
            name=f"Q{day}",
            flooded=False,
            moisture_db=float(weather.normal(0, 0.5)),
            wind_db=float(weather.uniform(0, 1.5)),
            change_db=change if day > 0 else None,
        )
        passes.append((day, seen))
    return Disaster(
        event=change != 0, truth={"change": (np.abs(change), "dB")}, radar=tuple(passes)
    )


def _change_db(world: World) -> Field:
    """Return how much brighter or darker each building is after it, (y, x) [dB]; 0 unharmed.

    Walls that fell no longer send the beam back: most get darker; rubble shines on some.
    """
    size = world.size
    building = np.abs(parcels(size, size, 40.0, *_BUILDING, world.seed + 1))
    town = world.country.places[0].point
    y, x = np.indices((size, size), sparse=True)
    near = np.exp(-np.square(np.hypot(x - town.x, y - town.y) / (_REACH * size)))
    hurt = (building < _WORST * near) & (world.land_cover == BUILT)
    rubble = np.mod(building * 1009, 1) < 0.25  # noqa: PLR2004 - a quarter
    strength = 3.5 + 3 * np.mod(building * 7919, 1)
    return np.where(hurt, np.where(rubble, strength, -strength), 0).astype(np.float32)
