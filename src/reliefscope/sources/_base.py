"""The questions every source answers."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule
from reliefscope.transport.download import Progress


@runtime_checkable
class Source(Protocol):
    """A place that has granules and can make cubes of them."""

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables this source can deliver."""
        ...

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the granules over ``area`` that hold any of ``variables``, oldest first.

        They were acquired within ``window``; ``window=None`` asks for static layers.
        """
        ...

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return one lazy cube in canonical names and units on ``grid``.

        Granules acquired within one pass are mosaicked: (time, y, x), one time per pass, in
        order; static layers come as (y, x). Pixels nobody saw are NaN.
        """
        ...


@runtime_checkable
class Keeps(Protocol):
    """A source whose files can be brought into the cache, to be read with no network later."""

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress
    ) -> Sequence[Path]:
        """Fetch whole every file that `Source.load` would read; return where they are."""
        ...
