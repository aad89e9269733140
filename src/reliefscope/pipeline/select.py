"""Choose among the granules found, and say why."""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely

from reliefscope.model.area import Area
from reliefscope.model.granule import Granule

MAX_BEFORE = 5
"""Passes averaged into the image before: more add little and cost much."""

_NEARLY = 0.9

Pass = tuple[Granule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Granules chosen for one role, with the reason in words."""

    passes: tuple[Pass, ...]
    reason: str
    cover: float
    """Share of the area inside the footprints [0-1]."""
    same_orbit: bool = True

    @property
    def granules(self) -> tuple[Granule, ...]:
        """All granules of the chosen passes."""
        return tuple(g for group in self.passes for g in group)


def cover(granules: Sequence[Granule], area: Area) -> float:
    """Return the share of ``area`` inside the footprints [0-1], on the plane of degrees."""
    seen = shapely.union_all([g.footprint for g in granules])
    return float(shapely.intersection(seen, area.geometry).area / area.geometry.area)


def first_after(passes: Sequence[Pass], area: Area) -> Choice:
    """Choose the earliest pass that covers nearly as much of ``area`` as the best one."""
    covers = [cover(p, area) for p in passes]
    best = max(covers)
    index = next(i for i, c in enumerate(covers) if c >= _NEARLY * best)
    skipped = f"; {index} earlier pass(es) covered less" if index else ""
    return Choice(
        passes=(passes[index],),
        cover=covers[index],
        reason=f"earliest of {len(passes)} pass(es), covers {covers[index]:.0%} of the area"
        f"{skipped}",
    )


def latest_before(passes: Sequence[Pass], after: Choice, area: Area) -> Choice:
    """Choose the latest passes on the same relative orbit as ``after``; others if none is."""
    orbit = after.passes[0][0].relative_orbit
    same = [p for p in passes if p[0].relative_orbit == orbit]
    chosen = tuple((same or list(passes))[-MAX_BEFORE:])
    matched = bool(same) and orbit is not None
    where = f"relative orbit {orbit}, as after" if matched else "another orbit than after"
    if orbit is None:
        where = "orbits unknown"
    return Choice(
        passes=chosen,
        cover=cover([g for p in chosen for g in p], area),
        reason=f"latest {len(chosen)} of {len(passes)} pass(es); {where}",
        same_orbit=matched or orbit is None,
    )


def everything(granules: Sequence[Granule], area: Area) -> Choice:
    """Take all granules: static layers are mosaicked."""
    share = cover(granules, area)
    return Choice(
        passes=(tuple(granules),),
        cover=share,
        reason=f"{len(granules)} file(s), cover {share:.0%} of the area",
    )
