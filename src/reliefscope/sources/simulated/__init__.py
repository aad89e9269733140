"""A country that does not exist, seen by simulated satellites; the truth of its disasters is known."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.model.area import Area
from reliefscope.model.event import Event, Window
from reliefscope.model.granule import Granule
from reliefscope.sources._profiles import PROFILES
from reliefscope.sources._raster import load_granules
from reliefscope.sources._stac import search_granules
from reliefscope.sources.simulated.exercise import Exercise, write_exercise
from reliefscope.transport.client import Transport

__all__ = ["Exercise", "SimulatedSource", "write_exercise"]

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
        """Canonical variables of the simulated sensors and layers."""
        return frozenset().union(*(held.assets for held in _PROFILE.collections.values()))

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
        home = str(self.exercise().catalog.resolve())
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
        return load_granules(granules, grid, variables)
