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
    """Identifiers given by others, by scheme: ``glide``, ``gdacs``, ``emsr``."""

    def __post_init__(self) -> None:
        """Refuse identifiers unfit for file names, and naive onsets."""
        if not _ID.fullmatch(self.id):
            raise InputError(
                f"event id {self.id!r} must be 1 to 64 letters, digits or hyphens, "
                f"starting with a letter or digit"
            )
        if self.onset.tzinfo is None:
            raise InputError(f"onset {self.onset.isoformat()} has no time zone; write it as UTC")
        object.__setattr__(self, "ids", MappingProxyType(dict(self.ids)))

    def window(self, first_day: float, last_day: float) -> Window:
        """Return the window between two offsets from the onset [days]."""
        return Window(
            start=self.onset + dt.timedelta(days=first_day),
            end=self.onset + dt.timedelta(days=last_day),
        )
