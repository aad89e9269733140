"""A landscape drawn on demand, for pictures of methods that no exercise has the data for.

A lake that shrinks over the years and floods at the onset, under mountains with ever less snow; the
days after it are hot, and the plain away from the lake is hotter than it usually is.
Nothing is written; the numbers are for show, and the mark of an exercise goes with them.
"""

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr

from reliefscope.model.area import Area
from reliefscope.model.cube import describe
from reliefscope.model.event import Event, Window
from reliefscope.model.granule import Granule

_RADAR = frozenset({"vv", "vh", "incidence_deg"})
_READY = frozenset({"gfm_flood", "gfm_likelihood", "gfm_exclusion", "gfm_reference_water"})
_STATIC = frozenset({"water_seasonality", "elevation"})
_WEATHER = frozenset(
    {"air_temperature", "dewpoint_temperature", "wind_u10", "wind_v10", "solar_radiation"}
)
_SURFACE = frozenset({"lst", "qa_pixel"})
_GROUND: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "blue": (0.05, 0.06, 0.80),
        "green": (0.08, 0.06, 0.80),
        "red": (0.07, 0.04, 0.80),
        "nir": (0.35, 0.02, 0.70),
        "swir16": (0.25, 0.01, 0.10),
        "swir22": (0.15, 0.01, 0.08),
    }
)
"""Reflectance of plants, of water and of snow [1]."""
_CLEAR = 4
_CLEAR_QA = 21_824
"""Of Landsat Collection 2: clear, no cloud or shadow (USGS LSDS-1619, table 6-2)."""
_HOT_DAYS, _HOURS = 3, 24
_NOON_SUN = 3.2e6
"""Sunshine of an hour at noon [J m-2]."""
_LAPSE_K = 0.0065
"""Cooling with height [K m-1]."""
_YEAR = 365.25
_LONG_DAYS = 1500
"""A window longer than this is looked at month by month, a shorter one day by day."""
_REPEAT_DAYS = 12
_LOOKS_YEARS = 22
_LAKE, _FLOOD, _SHRINKS, _VARIES = 0.20, 0.12, 0.006, 0.03
"""Radius of the lake at the onset, what the flood adds, a year takes, a month varies [side]."""
_FOOT_M, _HIGH_M = 60.0, 700.0
"""Where the mountains begin, and from where on a radar is said to see nothing [m]."""
_SNOW_FROM, _SNOW_RISES, _SNOW_SWINGS, _SNOW_VARIES = 500.0, 25.0, 450.0, 150.0
"""Height of the snow line at the onset, its rise a year, its swing over the year, its scatter
from month to month [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IllustrationSource:
    """Whatever is asked for, over the area of an event of the exercise."""

    event: Event
    seed: int = 7

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables that can be drawn."""
        return _RADAR | _READY | _STATIC | _WEATHER | _SURFACE | frozenset(_GROUND) | {"scl"}

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return granules at the times at which a satellite might have passed."""
        del area
        if not self.provides & set(variables):
            return []
        times = [None] if window is None else self._times(window, set(variables))
        return [self._granule(moment, variables) for moment in times]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a cube in canonical names and units; see `Source`."""
        moments = [g.acquired for g in granules if g.acquired is not None]
        names = [v for v in variables if v in self.provides]
        rng = np.random.default_rng(self.seed)
        layers = {
            name: np.stack([self._draw(name, m, grid, rng) for m in moments or [self.event.onset]])
            for name in names
        }
        times = np.array([m.replace(tzinfo=None) for m in moments], "datetime64[ns]")
        cube = {}
        for name, stack in layers.items():
            drawn = wrap_xr(stack, grid, time=times) if moments else wrap_xr(stack[0], grid)
            cube[name] = describe(name, drawn.astype("float32"))
        return xr.Dataset(cube)

    def _times(self, window: Window, variables: set[str]) -> list[dt.datetime]:
        length = (window.end - window.start).days
        if variables & _READY:
            days = [1.0]
        elif variables & _WEATHER:
            days = [n / _HOURS for n in range(_HOT_DAYS * _HOURS)]
        elif variables & _RADAR:
            days = [1.0 - _REPEAT_DAYS * n for n in range(length // _REPEAT_DAYS + 1)]
        elif length > _LONG_DAYS:
            days = [-_YEAR / 12 * n for n in range(12 * _LOOKS_YEARS)]
        else:
            days = [n + 0.4 for n in range(length)]
        moments = sorted(self.event.onset + dt.timedelta(days=d) for d in days)
        return [m for m in moments if m in window]

    def _granule(self, moment: dt.datetime | None, variables: Collection[str]) -> Granule:
        stamp = "always" if moment is None else f"{moment:%Y%m%dT%H%M}"
        return Granule(
            id=f"EXERCISE_drawn_{stamp}_{'_'.join(sorted(self.provides & set(variables)))}"[:120],
            source="simulated",
            collection="illustration",
            acquired=moment,
            footprint=self.event.area.geometry.buffer(1),
            assets={},
            platform="EXERCISE illustration",
            relative_orbit=44 if _RADAR & set(variables) else None,
            licence="CC0-1.0",
            exercise=True,
        )

    def _draw(
        self, name: str, moment: dt.datetime, grid: GeoBox, rng: np.random.Generator
    ) -> NDArray[np.floating]:
        rows, columns = grid.shape
        y, x = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
        turn = np.arctan2(y - 0.62, x - 0.45)
        shore = 1 + 0.12 * np.sin(2 * turn + 1) + 0.06 * np.sin(3 * turn)
        far = np.hypot(x - 0.45, y - 0.62) * shore
        height = 1800 * np.clip(0.5 - y, 0, None) + 120 * far
        age = (moment - self.event.onset).total_seconds() / 86_400 / _YEAR
        chance = np.random.default_rng([self.seed, int(moment.timestamp())])
        rise, late = chance.normal(size=2)  # of this look: a wet month, a late winter
        lake = far < _LAKE
        flooded = (far < _LAKE + _FLOOD) & (age >= 0)
        before = far < _LAKE - _SHRINKS * age + _VARIES * rise
        wet = before if age < 0 else lake | flooded
        winter = math.cos(2 * math.pi * (age + self.event.onset.timetuple().tm_yday / _YEAR))
        line = _SNOW_FROM + _SNOW_RISES * age - _SNOW_SWINGS * winter + _SNOW_VARIES * late
        white = (height > line) & (height > _FOOT_M)
        noise = rng.normal(size=far.shape)
        if name in {"vv", "vh"}:
            season = 1.2 * math.sin(2 * math.pi * age)
            level = np.where(wet, -19.5, -8.5 + season) + (0 if name == "vv" else -6.5)
            return np.asarray(10 ** (level / 10) * rng.gamma(8, 1 / 8, far.shape))
        if name in _GROUND:
            plants, water, snow = _GROUND[name]
            ground = np.where(wet, water, np.where(white, snow, plants))
            return np.asarray(np.clip(ground + 0.003 * noise, 0.001, 1))
        if name in _WEATHER | _SURFACE:
            return _hot(name, moment, age, winter, far, height, rise + 0.5 * noise)
        made = {
            "scl": np.full(far.shape, _CLEAR),
            "incidence_deg": 30 + 14 * x,
            "elevation": height,
            "water_seasonality": np.where(lake, 12, 0),
            "gfm_flood": (flooded & ~lake).astype(int),
            "gfm_likelihood": np.where(flooded, 85, 12) + np.clip(4 * noise, -10, 10),
            "gfm_exclusion": (height > _HIGH_M).astype(int),
            "gfm_reference_water": lake.astype(int),
        }
        return np.asarray(made[name], dtype=float)


def _hot(
    name: str,
    moment: dt.datetime,
    age: float,
    winter: float,
    far: NDArray[np.float64],
    height: NDArray[np.float64],
    chance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weather of an hour, or the temperature of the ground: dry heat off the lake."""
    day = math.sin(math.pi * (moment.hour + moment.minute / 60 - 6) / 12)  # from six to six
    dry = np.clip((far - _LAKE) / 0.5, 0, 1)
    air = 288 + 18 * dry + 7 * day - _LAPSE_K * height
    bare = np.where(far < _LAKE, -8.0, 4 + 10 * dry) - 14 * winter - _LAPSE_K * height
    made = {
        "air_temperature": air,
        "dewpoint_temperature": np.minimum(288 + 2 * dry, air - 1),
        "wind_u10": 1 + 3 * np.clip(height / 900, 0, 1),
        "wind_v10": 1 + 5 * (1 - dry),
        "solar_radiation": np.full(far.shape, _NOON_SUN * max(day, 0.0)),
        "lst": 298 + bare + chance + (9 * dry if age >= 0 else 0),
        "qa_pixel": np.full(far.shape, float(_CLEAR_QA)),
    }
    return made[name]
