"""What a disaster does to the world, and when it was looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from reliefscope.model.cube import State
from reliefscope.sources.simulated.fields import Weather
from reliefscope.sources.simulated.noise import Field
from reliefscope.sources.simulated.sensors import OpticalPass, RadarPass
from reliefscope.sources.simulated.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Where the eye of a storm was said to be, and how strong the storm."""

    hours: float
    """From the onset [h]."""
    x: float
    y: float
    """[pixel], from the western and the northern edge of the world."""
    wind_kt: float
    pressure_hpa: float
    outside_hpa: float
    rmw_km: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Disaster:
    """The truth of one disaster, and the passes of satellites over it."""

    event: NDArray[np.bool_]
    """Where it struck, (y, x)."""
    truth: Mapping[str, tuple[Field, str]] = field(default_factory=lambda: MappingProxyType({}))
    """How strongly: name, values (y, x) and their units."""
    radar: tuple[tuple[int, RadarPass], ...] = ()
    """Days from the onset, and what was seen."""
    optical: tuple[tuple[int, OpticalPass], ...] = ()
    weather: Weather | None = None
    """What weather services recorded, up to it."""
    fixes: tuple[Fix, ...] = ()
    """What was published of the track of a storm, oldest first."""


def extent(world: World, event: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return what is true of each pixel in the codes of products, (y, x)."""
    codes = np.full(event.shape, int(State.NO_EVENT), np.uint8)
    codes[world.permanent] = int(State.REFERENCE)
    codes[event] = int(State.EVENT)
    return codes
