"""When satellites are likely to see an area next: an estimate from their orbits, no promise."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reliefscope.errors import SourceError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule, group_passes
from reliefscope.pipeline.plan import Plan
from reliefscope.pipeline.select import cover
from reliefscope.sources._base import Source

REPEAT_DAYS: Mapping[str, int] = {
    "sentinel-1": 12,  # Sentinel-1 SAR User Guide: repeat cycle of each satellite
    "sentinel-2": 10,  # Sentinel-2 User Handbook
    "landsat": 16,  # Landsat 8-9 Collection 2 Level 2 Science Product Guide
}
"""Days after which a satellite flies over the same ground again, by start of its name."""

LOOK_BACK = dt.timedelta(days=40)
"""Acquisitions older than this say little: a satellite may have been retired since."""

_MISSED = 2
"""Cycles without an image after which a satellite is taken to have stopped imaging here."""

_WORTH = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPass:
    """A pass that repeats an earlier one; whether it will be imaged is the operator's choice."""

    platform: str
    relative_orbit: int
    expected: dt.datetime
    """UTC."""
    cover: float
    """Share of the area that the same orbit covered last time [0-1]."""
    seen: int
    """Acquisitions this rests on."""
    last: dt.datetime
    """The latest of them, UTC."""


def expected_passes(
    plan: Plan,
    sources: Mapping[str, Source],
    *,
    now: dt.datetime,
    days: float = 12,
) -> list[ExpectedPass]:
    """Return the passes to be expected over the plan's area within ``days``, soonest first.

    An estimate: each orbit seen within `LOOK_BACK` is taken to repeat after its cycle.

    Raises
    ------
    SourceError
        No source that sees change could be searched.
    """
    roles = [r for r in plan.roles if r.window is not None]
    if not roles:
        return []
    role, window = roles[0], Window(start=now - LOOK_BACK, end=now)
    granules: list[Granule] = []
    failures: list[SourceError] = []
    for name in role.sources:
        wanted = tuple(v for v in role.variables if v in sources[name].provides)
        try:
            granules += sources[name].search(plan.event.area, window, wanted)
        except SourceError as error:
            failures.append(error)
    if len(failures) == len(role.sources):
        raise failures[0]
    return repeats(granules, plan.event.area, now=now, days=days)


def repeats(
    granules: Sequence[Granule], area: Area, *, now: dt.datetime, days: float
) -> list[ExpectedPass]:
    """Return when the orbits of past ``granules`` come again, soonest first; pure."""
    horizon = now + dt.timedelta(days=days)
    by_orbit: dict[tuple[str, int], list[tuple[Granule, ...]]] = {}
    for group in group_passes([g for g in granules if g.acquired is not None]):
        orbit = group[0].relative_orbit
        if orbit is not None and _cycle(group[0].platform) is not None:
            by_orbit.setdefault((group[0].platform.lower(), orbit), []).append(group)
    found = []
    for (platform, orbit), groups in by_orbit.items():
        cycle, last = _cycle(platform), groups[-1][0].acquired
        share = cover(groups[-1], area)
        if cycle is None or last is None or share < _WORTH or now - last > _MISSED * cycle:
            continue
        moment = last + cycle * max(1, math.ceil((now - last) / cycle))
        while moment <= horizon:
            found.append(
                ExpectedPass(
                    platform=platform,
                    relative_orbit=orbit,
                    expected=moment,
                    cover=share,
                    seen=len(groups),
                    last=last,
                )
            )
            moment += cycle
    return sorted(found, key=lambda p: (p.expected, p.platform))


def _cycle(platform: str) -> dt.timedelta | None:
    days = next((d for start, d in REPEAT_DAYS.items() if platform.lower().startswith(start)), None)
    return None if days is None else dt.timedelta(days=days)
