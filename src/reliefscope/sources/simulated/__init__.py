"""A country that does not exist, seen by simulated satellites; all truth of it is known."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.model.area import Area
from reliefscope.model.cube import State
from reliefscope.model.event import Event, Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._profiles import PROFILES
from reliefscope.sources._raster import load_granules
from reliefscope.sources._stac import search_granules
from reliefscope.sources._track import PROVIDES, Track, read_fixes
from reliefscope.sources.simulated.exercise import Exercise, write_exercise
from reliefscope.sources.simulated.fields import load_weather, starts_of
from reliefscope.sources.simulated.items import LICENCE
from reliefscope.transport.client import Transport

__all__ = ["Exercise", "SimulatedSource", "write_exercise"]

_WEATHER, _TRACK, _TRUTH = "weather", "track", "state"
_SCENES = frozenset({"sentinel-1-rtc", "sentinel-2-l2a"})
_LAYERS = frozenset({"cop-dem-glo-30", "jrc-gsw", "esa-worldcover"})
_REAL = PROFILES["planetary-computer"]
_PROFILE = replace(
    _REAL, collections={name: _REAL.collections[name] for name in sorted(_SCENES | _LAYERS)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSource:
    """The scenes of an exercise, written on first use and read as any other catalog."""

    event: Event
    """As `reliefscope.feeds.exercise` gives them."""
    folder: Path
    """Where exercises are kept."""
    size: int
    """Pixels of 10 m a side."""
    seed: int

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables of the simulated sensors and layers, and of the weather."""
        seen = frozenset({_TRUTH}).union(*(h.variables for h in _PROFILE.collections.values()))
        exercise = self.exercise()
        if exercise.track is not None:
            seen |= PROVIDES
        return seen if exercise.weather is None else seen | starts_of(exercise.weather)[1]

    def exercise(self) -> Exercise:
        """Return where everything is, the truth included; write it first if need be.

        Raises
        ------
        InputError
            As `write_exercise`.
        """
        return write_exercise(self.folder, self.event, size=self.size, seed=self.seed)

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the simulated granules that hold any of ``variables``, oldest first.

        Raises
        ------
        InputError
            As `write_exercise`.
        """
        exercise = self.exercise()
        if _TRUTH in variables:
            return [_true_extent(exercise, self.event, window)]
        if exercise.track is not None and PROVIDES & set(variables):
            return _followed(exercise.track).search(area, window, variables)
        if exercise.weather is not None and window is not None:
            return _recorded(exercise.weather, self.event, window, variables)
        home = str(exercise.catalog.resolve())
        found = search_granules(Transport(), home, _PROFILE, area, window, variables)
        wanted = [g for g in found if (g.collection in _SCENES) is (window is not None)]
        return [
            replace(g, source="simulated", acquired=g.acquired if window is not None else None)
            for g in wanted
        ]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units; see `Source`."""
        followed = [g for g in granules if g.collection == _TRACK]
        if followed:
            track = _followed(Path(next(iter(followed[0].assets.values())).href))
            return track.load(followed, grid, variables)
        recorded = [g for g in granules if g.collection == _WEATHER]
        if not recorded:
            return load_granules(granules, grid, variables)
        held = [v for v in variables if v in recorded[0].assets]
        starts = [g.acquired for g in recorded if g.acquired is not None]
        return load_weather(Path(recorded[0].assets[held[0]].href), starts, held, grid)


def _true_extent(exercise: Exercise, event: Event, window: Window | None) -> Granule:
    """Return where the disaster struck, for what is computed from a finished map."""
    path = exercise.truth_extent.resolve()
    asset = Asset(href=str(path), units="1", nodata=float(State.NOT_OBSERVED))
    return Granule(
        id=f"EXERCISE_truth_{event.id}",
        source="simulated",
        collection="truth",
        acquired=None if window is None else event.onset,
        footprint=event.area.geometry.buffer(1),
        assets={_TRUTH: asset},
        platform="EXERCISE truth",
        licence=LICENCE,
        exercise=True,
    )


def _followed(path: Path) -> Track:
    """Return the track of the storm as it was published."""
    return Track(
        file=path,
        fixes=read_fixes(path),
        source="simulated",
        platform="EXERCISE track of the storm",
        licence=LICENCE,
        exercise=True,
    )


def _recorded(
    path: Path, event: Event, window: Window, variables: Collection[str]
) -> Sequence[Granule]:
    """Return the steps of a file of weather that start within ``window``, oldest first."""
    starts, names = starts_of(path)
    held = sorted(names & set(variables))
    if not held:
        return []
    with path.open("rb") as file:
        checksum = "1220" + hashlib.file_digest(file, "sha256").hexdigest()
    asset = Asset(href=str(path.resolve()), size=path.stat().st_size, checksum=checksum)
    footprint = event.area.geometry.buffer(1)
    return [
        Granule(
            id=f"EXERCISE_weather_{start:%Y%m%d}",
            source="simulated",
            collection=_WEATHER,
            acquired=start,
            footprint=footprint,
            assets=dict.fromkeys(held, asset),
            platform="EXERCISE weather service",
            licence=LICENCE,
            exercise=True,
        )
        for start in starts
        if window.start <= start < window.end
    ]
