"""Disasters of the exercise. To add one: one file, one line here."""

from collections.abc import Callable, Mapping

from reliefscope.model.event import Hazard
from reliefscope.sources.simulated.disasters._base import Disaster, extent
from reliefscope.sources.simulated.disasters.earthquake import earthquake
from reliefscope.sources.simulated.disasters.fire import fire
from reliefscope.sources.simulated.disasters.flood import flood
from reliefscope.sources.simulated.disasters.landslide import landslide
from reliefscope.sources.simulated.world import World

__all__ = ["DISASTERS", "Disaster", "extent"]

DISASTERS: Mapping[Hazard, Callable[[World], Disaster]] = {
    Hazard.EARTHQUAKE: earthquake,
    Hazard.FIRE: fire,
    Hazard.FLOOD: flood,
    Hazard.LANDSLIDE: landslide,
}
