"""Exercises: disasters in a country that does not exist, for training and for tests.

The country lies in the open Atlantic, where there is no land, so that no real place is ever shown
as struck; its disasters happen in 2030.
"""

import datetime as dt
import math

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard

SIZE = 1280
"""Pixels a side, by default."""
SEED = 7
HAZARDS = (
    Hazard.FLOOD,
    Hazard.FIRE,
    Hazard.DROUGHT,
    Hazard.HEAT,
    Hazard.EARTHQUAKE,
    Hazard.LANDSLIDE,
    Hazard.STORM,
)
"""Disasters that can be rehearsed."""
_LON, _LAT = -39.0, 38.0
_ONSET = dt.datetime(2030, 5, 1, tzinfo=dt.UTC)
_ONSETS = {
    Hazard.HEAT: dt.datetime(2030, 7, 8, tzinfo=dt.UTC),
    Hazard.STORM: dt.datetime(2030, 9, 12, 15, tzinfo=dt.UTC),
}
_PIXEL_M = {Hazard.DROUGHT: 250.0, Hazard.HEAT: 250.0, Hazard.STORM: 250.0}
"""Size of a pixel of the world where it is not 10 m [m]."""
_INSIDE = 0.94
_METRES_PER_DEGREE = 111_200.0
_SIZES = (128, 10_980)


def exercise_event(hazard: Hazard = Hazard.FLOOD, *, size: int = SIZE, seed: int = SEED) -> Event:
    """Return the event of one exercise; the same numbers always give the same event.

    Parameters
    ----------
    hazard : Hazard
        Kind of disaster, of `HAZARDS`.
    size : int
        Pixels a side of the world in which it happens, 128 to 10,980, of 10 m, or of 250 m in
        droughts, heat waves and storms. The area of the event lies a little inside.
    seed : int
        Which world, 0 or more.

    Raises
    ------
    InputError
        No exercise of that hazard, or a number is out of range.
    """
    if hazard not in HAZARDS:
        raise InputError(f"no exercise for {hazard.value!r}; choose of {list(map(str, HAZARDS))}")
    if not _SIZES[0] <= size <= _SIZES[1]:
        raise InputError(f"size is {size} pixels; it must be {_SIZES[0]} to {_SIZES[1]}")
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be 0 or more")
    half = _INSIDE * size * _PIXEL_M.get(hazard, 10.0) / 2 / _METRES_PER_DEGREE
    aside = half / math.cos(math.radians(_LAT))
    box = (_LON - aside, _LAT - half, _LON + aside, _LAT + half)
    area = Area.from_bbox(*(round(v, 4) for v in box), name="Exercise country")
    return Event(
        id=f"EXERCISE-{hazard.value.upper()}-{size}-{seed}",
        title=f"EXERCISE: {hazard.value} in a country that does not exist",
        hazard=hazard,
        area=area,
        onset=_ONSETS.get(hazard, _ONSET),
        ids={"exercise": f"size={size} seed={seed}"},
    )
