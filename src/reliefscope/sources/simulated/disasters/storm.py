"""A cyclone that crosses the country and weakens over it: its wind, its rain, and its track.

The wind is a modified Rankine vortex (Hughes 1952), stronger on one side as Schwerdt et al. (1979,
NOAA Technical Report NWS 23) have it, faster over hills and slower over woods and towns. None of
this is what `storm_footprint` computes with: the two may differ as a model differs from the world.
"""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from reliefscope.sources._fields import Statistic, Step
from reliefscope.sources.simulated.disasters._base import Disaster, Fix
from reliefscope.sources.simulated.fields import Series, Weather
from reliefscope.sources.simulated.noise import Field, enlarge, fractal, stream
from reliefscope.sources.simulated.world import BUILT, TREE, World

PIXEL_M = 250.0
"""Size of a pixel of the world in a storm [m]."""
CELL = 40
"""Pixels of the world per cell of the record of rain: 10 km."""
_FIRST_YEAR = 1989
_GRAIN = 4
"""Pixels per cell on which the wind is computed."""
_HOURS, _CROSSING = 18.0, 18.0
"""From the onset that the track is known, and that it takes from edge to edge [h]."""
_STEP_H, _FIX_H = 0.25, 3.0
_KNOT = 0.514444
_DAMAGE = 50 * _KNOT
"""Wind from which it is an event [m s-1]."""
_STRONGEST, _LEFT, _DECAY_H = 52.0, 14.0, 34.0
"""Wind before it reaches land, what would remain in the end [m s-1], and how fast it falls there
to 1/e [h]."""
_EYE = 1 / 20
"""Radius of the strongest wind [side of the world], so that small worlds have small storms."""
_OUTER = 0.5
"""Exponent of the wind outside that radius [1]."""
_AIR, _OUTSIDE_HPA = 1.15, 1010.0
_RAIN_MM_H, _RAIN_REACH = 17.0, 6.0
"""Rain at the eye of a storm of `_STRONGEST`, and where it falls to 1/e [radius of the eye]."""
_WET, _USUAL_MM, _TAIL = 0.3, 8.0, 1.25
"""Share of days with rain, their scale, and how heavy the rarest of them are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """The course of one storm over a world of one size; positions and lengths in pixels."""

    size: int
    heading: float
    """Clockwise from north [radian]."""
    bend: float
    """How much it turns on its way [radian]."""
    aside: float
    """How far from the middle of the world it passes [side]."""

    @property
    def radius(self) -> float:
        """Of the strongest wind [pixel]."""
        return _EYE * self.size

    @property
    def speed(self) -> float:
        """Of the eye [pixel h-1]."""
        return self.size / _CROSSING

    def course(self, hours: float) -> float:
        """Return the heading at a time from the onset, clockwise from north [radian]."""
        return self.heading + self.bend * hours / _HOURS

    def place(self, hours: float) -> tuple[float, float]:
        """Return where the eye is, to the right and down from the corner of the world."""
        turn = self.bend / _HOURS
        # the integral of a heading that turns evenly: an arc
        right = (math.cos(self.heading) - math.cos(self.course(hours))) / turn
        up = (math.sin(self.course(hours)) - math.sin(self.heading)) / turn
        off = self.aside * self.size
        x = self.size / 2 + self.speed * right + off * math.cos(self.heading)
        return x, self.size / 2 - self.speed * up + off * math.sin(self.heading)

    def wind(self, hours: float) -> float:
        """Return the strongest wind at the ground [m s-1]."""
        inland = max(hours + _CROSSING / 2, 0)
        return _LEFT + (_STRONGEST - _LEFT) * math.exp(-inland / _DECAY_H)

    def deficit(self, hours: float) -> float:
        """Return how much lower the pressure is in the eye [hPa]: it balances the vortex.

        The integral of the square of the wind over the distance, inside and outside the ring.
        """
        return _AIR * self.wind(hours) ** 2 * (0.5 + 0.5 / _OUTER) / 100


def storm(world: World, onset: dt.datetime) -> Disaster:
    """Return the storm of a world: what its wind and rain were, and what was published of it."""
    rng = stream(world.seed, "storm")
    course = Storm(
        size=world.size,
        heading=rng.uniform(-0.5, 1.1),
        bend=rng.uniform(0.15, 0.4),
        aside=rng.uniform(-0.12, 0.12),
    )
    cells = -(-world.size // _GRAIN)
    blown, fallen = _passage(course, cells, _GRAIN)
    shape = (world.size, world.size)
    wind = enlarge(blown, _GRAIN, shape, 1) * _exposure(world)
    event = (wind >= _DAMAGE) & ~world.permanent
    rain = enlarge(fallen.sum(axis=0), _GRAIN, shape, 1)
    return Disaster(
        event=event,
        truth={
            "wind": (np.where(event, wind, 0).astype(np.float32), "m s-1"),
            "rain": (np.where(event, rain, 0).astype(np.float32), "mm"),
        },
        weather=_record(world, course, onset),
        fixes=_fixes(course, stream(world.seed, "fixes")),
    )


def _passage(course: Storm, cells: int, grain: int) -> tuple[Field, Field]:
    """Return the strongest wind [m s-1], (y, x), and the rain of each step [mm], (step, y, x)."""
    at = (np.arange(cells, dtype=np.float32) + np.float32(0.5)) * grain
    steps = np.arange(-_HOURS, _HOURS, _STEP_H)
    wind = np.zeros((cells, cells), np.float32)
    rain = np.zeros((len(steps), cells, cells), np.float32)
    for step, hours in enumerate(steps):
        x, y = course.place(hours)
        right, down = at[None, :] - np.float32(x), at[:, None] - np.float32(y)
        far = np.hypot(right, down) / np.float32(course.radius)
        np.maximum(wind, _blow(course, hours, right, down, far), out=wind)
        rain[step] = _pour(course, hours, np.arctan2(right, -down), far) * _STEP_H
    return wind, rain


def _blow(course: Storm, hours: float, right: Field, down: Field, far: Field) -> Field:
    """Return the wind of one moment [m s-1]; ``far`` in radii of the strongest wind."""
    metres = course.speed * PIXEL_M / 3600
    gain = 1.5 * (metres / _KNOT) ** 0.63 * _KNOT
    profile = np.where(far < 1, far, np.maximum(far, 1) ** -_OUTER)
    ahead = course.course(hours)
    # north of the equator the wind is stronger to the right of the way
    side = (right * math.cos(ahead) + down * math.sin(ahead)) / (far * course.radius + 1e-6)
    return np.asarray(profile * (course.wind(hours) - gain + gain * side), np.float32)


def _pour(course: Storm, hours: float, bearing: Field, far: Field) -> Field:
    """Return the rain of one moment [mm h-1]: two bands that wind around the eye."""
    bands = 1 + 0.4 * np.cos(2 * bearing + 0.8 * far - 0.7 * hours) * np.minimum(far, 1)
    strength = course.wind(hours) / _STRONGEST
    return np.asarray(_RAIN_MM_H * strength * bands * np.exp(-far / _RAIN_REACH), np.float32)


def _exposure(world: World) -> Field:
    """Return what the ground makes of the wind [1]: hills speed it up, woods slow it down."""
    broad = ndimage.gaussian_filter(world.elevation, 4)
    high = np.clip((broad - broad.mean()) / max(float(broad.std()), 1e-6), -2, 2)
    rough = np.isin(world.land_cover, (TREE, BUILT)).astype(np.float32)
    return np.asarray(1 + 0.035 * high - 0.08 * ndimage.gaussian_filter(rough, 2), np.float32)


def _fixes(course: Storm, rng: np.random.Generator) -> tuple[Fix, ...]:
    """Return the track as published: every three hours, a tenth of an eye off, in steps of 5 kt."""
    fixes = []
    for hours in np.arange(-_HOURS, _HOURS + 0.1, _FIX_H):
        x, y = np.asarray(course.place(hours)) + rng.normal(0, 0.1 * course.radius, 2)
        deficit = course.deficit(hours) * rng.normal(1, 0.05)
        fixes.append(
            Fix(
                hours=float(hours),
                x=float(x),
                y=float(y),
                wind_kt=5 * round(course.wind(hours) / _KNOT * rng.normal(1, 0.03) / 5),
                pressure_hpa=round(_OUTSIDE_HPA - deficit),
                outside_hpa=_OUTSIDE_HPA,
                rmw_km=round(course.radius * PIXEL_M / 1000 * rng.normal(1, 0.1), 1),
            )
        )
    return tuple(fixes)


def _record(world: World, course: Storm, onset: dt.datetime) -> Weather:
    """Return the rain of each day since four decades, the storm's at its end."""
    start = dt.datetime(_FIRST_YEAR, 1, 1, tzinfo=dt.UTC)
    first = (onset - start).days
    cells = -(-world.size // CELL)
    rng = stream(world.seed, "rain")
    count = first + 4
    region = rng.standard_normal((count, 1, 1), np.float32)
    local = rng.standard_normal((count, cells, cells), np.float32)
    rarity = special.ndtr(-(0.8 * region + 0.6 * local))
    share = np.minimum(rarity / _WET, 1)
    wetter = 1 + 0.2 * fractal(rng, (cells, cells), longest=cells, shortest=3)
    rain = _USUAL_MM * np.clip(wetter, 0.5, 1.6) * (-np.log(share)) ** _TAIL
    _, fallen = _passage(course, cells, CELL)
    moments = (onset - start) / dt.timedelta(days=1) + np.arange(-_HOURS, _HOURS, _STEP_H) / 24
    np.add.at(rain, np.floor(moments).astype(np.int64), fallen)
    total = Series(values=_plain(rain), statistic=Statistic.TOTAL)
    return Weather(start=start, step=Step.DAY, cell=CELL, series={"precipitation": total})


def _plain(values: NDArray[np.floating]) -> Field:
    return np.asarray(values, np.float32)
