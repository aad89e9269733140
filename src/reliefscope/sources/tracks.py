"""Tracks of tropical cyclones, from a file: where the eye was, and how strong the wind.

No feed that is asked tells them: GDACS gives its fixes as rings, without the wind at each.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule
from reliefscope.sources._track import PROVIDES, Track, read_fixes


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSource:
    """One track in a CSV file, a row for each fix, oldest first or not.

    Columns: ``time`` (ISO 8601, UTC), ``lat``, ``lon`` [degree], ``wind_kt`` (strongest sustained
    wind [knot]); where known ``pressure_hpa`` (in the eye), ``outside_hpa`` and ``rmw_km`` (radius
    of the strongest wind). Between fixes it is interpolated, every half hour. A table of IBTrACS
    (https://www.ncei.noaa.gov/products/international-best-track-archive, version 4, CSV) is read
    as it is.
    """

    file: Path
    storm: str = ""
    """Name or number (SID) of the storm, in a table of many."""
    licence: str = ""
    exercise: bool = False
    """Whether the storm is simulated."""

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables of the storm."""
        return PROVIDES

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the steps within ``window`` that are near ``area``, oldest first.

        Raises
        ------
        InputError
            The file is not there, or is no track.
        """
        return self._track().search(area, window, variables)

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units; see `Source`."""
        return self._track().load(granules, grid, variables)

    def _track(self) -> Track:
        return Track(
            file=self.file,
            fixes=read_fixes(self.file, self.storm),
            source="tracks",
            platform="track of the storm",
            licence=self.licence,
            exercise=self.exercise,
        )
