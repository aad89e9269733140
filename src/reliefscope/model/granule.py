"""One thing a satellite or a service delivered, and how to know it again."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from shapely.geometry.base import BaseGeometry

EXERCISE_TAG = "RELIEFSCOPE_EXERCISE"
"""Tag of simulated rasters, ``YES``; it travels into whatever is made of them."""

PASS_GAP = dt.timedelta(minutes=10)
"""Acquisitions of one orbit closer than this belong to one pass over an area."""

_TIMELESS = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file of a granule."""

    href: str
    """Where it is; unsigned, without secrets."""
    units: str | None = None
    """Units of the stored values as the provider states them."""
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    band: int = 1
    size: int | None = None
    """Bytes."""
    checksum: str | None = None
    """Multihash, hexadecimal (``1220...`` is SHA-256)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granule:
    """One acquisition, or one static layer, as found by a search."""

    id: str
    source: str
    """Which source found it."""
    collection: str
    acquired: dt.datetime | None
    """Start of acquisition, UTC; None for static layers."""
    footprint: BaseGeometry
    """EPSG:4326."""
    assets: Mapping[str, Asset]
    """Files by canonical variable."""
    platform: str = ""
    instrument: str = ""
    relative_orbit: int | None = None
    orbit_state: str | None = None
    resolution: float | None = None
    """Pixel size [m]."""
    cloud_cover: float | None = None
    """Share of the whole image under cloud, as the provider states it [percent]."""
    sun_azimuth: float | None = None
    """Where the sun stood, clockwise from north [degree]."""
    sun_elevation: float | None = None
    """How high the sun stood above the horizon [degree]."""
    licence: str = ""
    href: str = ""
    """Link to the provider's own record."""
    exercise: bool = False
    """Simulated, not real."""
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def group_passes(granules: Sequence[Granule]) -> list[tuple[Granule, ...]]:
    """Return the granules grouped by pass of the satellite, oldest first.

    Static layers, which have no time, form one group.
    """
    groups: list[list[Granule]] = []
    # satellites may pass within minutes of each other: each group is kept by what flew it
    latest: dict[tuple[object, ...], list[Granule]] = {}
    for granule in sorted(granules, key=lambda g: (g.acquired or _TIMELESS, g.id)):
        key = _flown(granule)
        group = latest.get(key)
        if group is None or not _near(group[-1], granule):
            group = latest[key] = []
            groups.append(group)
        group.append(granule)
    return [tuple(g) for g in groups]


def _flown(granule: Granule) -> tuple[object, ...]:
    if granule.acquired is None:
        return ()
    return (granule.collection, granule.platform, granule.relative_orbit)


def _near(a: Granule, b: Granule) -> bool:
    if a.acquired is None or b.acquired is None:
        return a.acquired is b.acquired
    return b.acquired - a.acquired <= PASS_GAP
