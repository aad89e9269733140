"""A river over its plain, seen once by radar and once through clouds."""

import datetime as dt

from reliefscope.sources.simulated.disasters._base import Disaster
from reliefscope.sources.simulated.sensors import OpticalPass, RadarPass
from reliefscope.sources.simulated.world import World

_RADAR = (
    (-35, RadarPass(name="S1A", flooded=False, moisture_db=0.0, wind_db=0.4)),
    (-23, RadarPass(name="S1B", flooded=False, moisture_db=0.4, wind_db=0.0)),
    (-11, RadarPass(name="S1C", flooded=False, moisture_db=-0.3, wind_db=0.8)),
    (1, RadarPass(name="S1D", flooded=True, moisture_db=0.8, wind_db=1.0)),
)
"""Every twelve days the satellite comes back on the same orbit."""
_OPTICAL = (
    (-18, OpticalPass(name="S2A", flooded=False, cloud_share=0.03)),
    (2, OpticalPass(name="S2B", flooded=True, cloud_share=0.22)),
)


def flood(world: World, onset: dt.datetime) -> Disaster:
    """Return the flood of a world."""
    del onset  # passes are counted from it
    return Disaster(
        event=world.flooded,
        truth={"depth": (world.depth, "m")},
        radar=_RADAR,
        optical=_OPTICAL,
    )
