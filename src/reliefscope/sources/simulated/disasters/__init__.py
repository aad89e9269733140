"""Disasters of the exercise. To add one: one file, one line here."""

import datetime as dt
from collections.abc import Callable, Mapping

from reliefscope.model.event import Hazard
from reliefscope.sources.simulated.disasters import drought as _drought
from reliefscope.sources.simulated.disasters import heat as _heat
from reliefscope.sources.simulated.disasters import storm as _storm
from reliefscope.sources.simulated.disasters._base import Disaster, Fix, extent
from reliefscope.sources.simulated.disasters.earthquake import earthquake
from reliefscope.sources.simulated.disasters.fire import fire
from reliefscope.sources.simulated.disasters.flood import flood
from reliefscope.sources.simulated.disasters.landslide import landslide
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import World

__all__ = ["DISASTERS", "Disaster", "Fix", "extent", "pixel_m"]

DISASTERS: Mapping[Hazard, Callable[[World, dt.datetime], Disaster]] = {
    Hazard.DROUGHT: _drought.drought,
    Hazard.EARTHQUAKE: earthquake,
    Hazard.FIRE: fire,
    Hazard.FLOOD: flood,
    Hazard.HEAT: _heat.heat,
    Hazard.LANDSLIDE: landslide,
    Hazard.STORM: _storm.storm,
}
"""What each does to a world, given its onset."""

_PIXELS: Mapping[Hazard, float] = {
    Hazard.DROUGHT: _drought.PIXEL_M,
    Hazard.HEAT: _heat.PIXEL_M,
    Hazard.STORM: _storm.PIXEL_M,
}


def pixel_m(hazard: Hazard) -> float:
    """Return the size of a pixel of the world in which a disaster happens [m]."""
    return _PIXELS.get(hazard, PIXEL_M)
