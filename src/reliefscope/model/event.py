"""A disaster: what, where and when."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from reliefscope.errors import InputError
from reliefscope.model.area import Area

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class Hazard(StrEnum):
    """Kind of disaster."""

    FLOOD = "flood"
    FIRE = "fire"
    DROUGHT = "drought"
    HEAT = "heat"
    STORM = "storm"
    EARTHQUAKE = "earthquake"
    LANDSLIDE = "landslide"
    EXPLOSION = "explosion"
    VOLCANO = "volcano"
    CLIMATE = "climate"
    """No disaster with an onset: what changes over decades, up to the day given as onset."""


class Alert(StrEnum):
    """How grave a feed holds a disaster to be, in the words of GDACS."""

    GREEN = "green"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """Place in the order green, orange, red."""
        return tuple(Alert).index(self)


class Extent(StrEnum):
    """What the area of a report is, from the most to the least exact."""

    MAPPED = "mapped"
    """Outlines that somebody drew or computed."""
    TRACK = "track"
    """A strip around the points that the disaster went through."""
    CIRCLE = "circle"
    """A circle around one point; its radius is for display, not a finding."""
    COUNTRY = "country"
    """Somewhere in a country."""

    @property
    def rank(self) -> int:
        """Place in the order from exact to vague."""
        return tuple(Extent).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open span of time ``[start, end)``, both aware."""

    start: dt.datetime
    end: dt.datetime

    def __post_init__(self) -> None:
        """Refuse naive times and empty or inverted windows."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InputError(f"window {self.start} to {self.end} needs a time zone; give UTC")
        if self.end <= self.start:
            raise InputError(
                f"window runs from {self.start:%Y-%m-%dT%H:%MZ} to {self.end:%Y-%m-%dT%H:%MZ}; "
                f"the end must come after the start"
            )

    def __contains__(self, moment: dt.datetime) -> bool:
        """Say whether ``moment`` lies in the window."""
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one feed said of a disaster at one time: the lineage of an event."""

    feed: str
    """Name of the feed, as in ``FEEDS``."""
    id: str
    """What the feed calls the disaster."""
    title: str
    """Plain text."""
    url: str
    """Page for people, http or https; empty when there is none."""
    hazard: Hazard
    area: Area
    onset: dt.datetime
    """First moment of the disaster, UTC."""
    end: dt.datetime | None = None
    """Last moment of the disaster that is reported, UTC."""
    updated: dt.datetime | None = None
    """When the feed last changed its report, UTC."""
    severity: Alert | None = None
    episode: str = ""
    """Which of a series of reports on the same disaster; empty when there is no series."""
    extent: Extent = Extent.CIRCLE
    incomplete: bool = False
    """Whether the feed could not be asked where exactly: the area is what it said at first."""
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What else the feed said, as plain text. ``related`` holds the identifiers of other
    disasters that belong to this one, as ``scheme:value``, blanks between."""

    def __post_init__(self) -> None:
        """Refuse naive times and an end before the onset."""
        _check_times(self.onset, self.end, self.updated)
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One disaster to look at."""

    id: str
    """Short identifier of letters, digits and hyphens; used in file names."""
    title: str
    """What people call it. Text from feeds is untrusted: show it, never run it."""
    hazard: Hazard
    area: Area
    onset: dt.datetime
    """First moment of the disaster, UTC."""
    ids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Identifiers given by others, by scheme: ``glide``, ``gdacs``, ``emsr``, ``usgs``, ``eonet``,
    ``reliefweb``. Where there are several of one scheme, blanks stand between, the best first."""
    end: dt.datetime | None = None
    """Last moment of the disaster that is reported, UTC; None when nothing was said."""
    severity: Alert | None = None
    countries: tuple[str, ...] = ()
    """Codes of ISO 3166-1 alpha-3, or names where a feed gives no codes."""
    reports: tuple[Report, ...] = ()
    """What the feeds said, one by one; empty for an event that a person wrote down."""

    def __post_init__(self) -> None:
        """Refuse identifiers unfit for file names, naive times and an end before the onset."""
        if not _ID.fullmatch(self.id):
            raise InputError(
                f"event id {self.id!r} must be 1 to 64 letters, digits or hyphens, "
                f"starting with a letter or digit"
            )
        _check_times(self.onset, self.end)
        object.__setattr__(self, "ids", MappingProxyType(dict(self.ids)))

    @property
    def episodes(self) -> tuple[Report, ...]:
        """The reports that belong to a series, feed by feed, in the order of their episodes."""
        return tuple(report for report in self.reports if report.episode)

    @property
    def related(self) -> tuple[str, ...]:
        """Other disasters that belong to this one, as ``scheme:value``: a cyclone's flood."""
        named = {name for r in self.reports for name in r.details.get("related", "").split()}
        return tuple(sorted(named))

    def known_as(self, scheme: str) -> tuple[str, ...]:
        """Return all identifiers of one scheme, the best first."""
        return tuple(self.ids.get(scheme, "").split())

    def window(self, first_day: float, last_day: float) -> Window:
        """Return the window between two offsets from the onset [days]."""
        return Window(
            start=self.onset + dt.timedelta(days=first_day),
            end=self.onset + dt.timedelta(days=last_day),
        )


def _check_times(onset: dt.datetime, *later: dt.datetime | None) -> None:
    if onset.tzinfo is None:
        raise InputError(f"onset {onset.isoformat()} has no time zone; write it as UTC")
    for moment in later:
        if moment is not None and moment.tzinfo is None:
            raise InputError(f"{moment.isoformat()} has no time zone; write it as UTC")
    end = later[0]
    if end is not None and end < onset:
        raise InputError(
            f"the end {end:%Y-%m-%dT%H:%MZ} lies before the onset {onset:%Y-%m-%dT%H:%MZ}"
        )
