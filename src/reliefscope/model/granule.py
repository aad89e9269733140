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
    for granule in sorted(granules, key=lambda g: (g.acquired or _TIMELESS, g.id)):
        if groups and _same_pass(groups[-1][-1], granule):
            groups[-1].append(granule)
        else:
            groups.append([granule])
    return [tuple(g) for g in groups]


def _same_pass(a: Granule, b: Granule) -> bool:
    if a.acquired is None or b.acquired is None:
        return a.acquired is b.acquired
    near = b.acquired - a.acquired <= PASS_GAP
    return near and a.relative_orbit == b.relative_orbit and a.platform == b.platform
