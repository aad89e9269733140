"""Choose among the granules found, and say why."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import shapely

from reliefscope.model.area import Area
from reliefscope.model.granule import Granule

MAX_BEFORE = 5
"""Passes averaged into the image before: more add little and cost much."""

WORTH_WAITING = dt.timedelta(days=2)
"""How much later an image may be, if only that one can be compared with its own orbit."""

MAX_LOOKS = 8
"""Optical passes whose clouds are looked at: those with the least cloud over the whole image."""

_NEARLY = 0.9

Pass = tuple[Granule, ...]
ClearShare = Callable[[Pass], float | None]
"""Says what share of the area a pass shows without cloud [0-1]; None if it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Granules chosen for one role, with the reason in words."""

    passes: tuple[Pass, ...]
    reason: str
    cover: float
    """Share of the area inside the footprints, or seen without cloud [0-1]."""
    same_orbit: bool = True
    source: str = ""
    """Name of the source among those of the plan."""

    @property
    def granules(self) -> tuple[Granule, ...]:
        """All granules of the chosen passes."""
        return tuple(g for group in self.passes for g in group)

    @property
    def size(self) -> int | None:
        """Bytes of all files, each counted once; None where a provider does not say."""
        files = {a.href: a.size for g in self.granules for a in g.assets.values()}
        sizes = [size for size in files.values() if size is not None]
        return sum(sizes) if len(sizes) == len(files) else None


def cover(granules: Sequence[Granule], area: Area) -> float:
    """Return the share of ``area`` inside the footprints [0-1], on the plane of degrees."""
    # days of weather share one footprint: a union of fifteen thousand takes seconds
    seen = shapely.union_all(list({g.footprint for g in granules}))
    return float(shapely.intersection(seen, area.geometry).area / area.geometry.area)


def first_after(passes: Sequence[Pass], area: Area, before: Sequence[Pass] = ()) -> Choice:
    """Choose the earliest pass that covers nearly as much of ``area`` as the best one.

    One up to `WORTH_WAITING` later is preferred if only that one has an image ``before`` on its
    own relative orbit: change is then seen from the same direction.
    """
    covers = [cover(p, area) for p in passes]
    fit = [i for i, c in enumerate(covers) if c >= _NEARLY * max(covers)]
    index, why = fit[0], ""
    paired = [i for i in fit if _has_pair(passes[i], before, area, covers[i])]
    if paired and paired[0] != index:
        later = _moment(passes[paired[0]]) - _moment(passes[index])
        if later <= WORTH_WAITING:
            index = paired[0]
            hours = later.total_seconds() / 3600
            why = f"; {hours:.0f} h later than the first, which has no image before on its orbit"
    skipped = f"; {fit[0]} earlier pass(es) covered less" if fit[0] else ""
    first = "earliest" if index == fit[0] else "comparable"
    return Choice(
        passes=(passes[index],),
        cover=covers[index],
        reason=f"{first} of {len(passes)} pass(es), covers {covers[index]:.0%} of the area"
        f"{skipped}{why}",
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


def clearest(passes: Sequence[Pass], area: Area, clear: ClearShare, *, latest: bool) -> Choice:
    """Choose the pass that shows most of ``area`` without cloud; of equals the nearest in time.

    Parameters
    ----------
    passes : sequence of Pass
        Oldest first.
    area : Area
        What must be seen: clouds elsewhere on the image do not count.
    clear : callable
        Looks at the pixels of one pass.
    latest : bool
        Whether the latest (before an event) or the earliest (after) of equals is wanted.
    """
    looked = sorted(passes, key=_stated_cloud)[:MAX_LOOKS]
    shares = [(p, clear(p)) for p in sorted(looked, key=_moment, reverse=latest)]
    # a pass without a quality band is judged by its outline and the provider's own figure
    known = [(p, _by_statement(p, area) if share is None else share) for p, share in shares]
    best = max(share for _, share in known)
    chosen, share = next((p, s) for p, s in known if s >= _NEARLY * best)
    which = "latest" if latest else "earliest"
    known_cloud = any(g.cloud_cover is not None for g in chosen)
    stated = f"; its whole image has {_stated_cloud(chosen):.0f} %" if known_cloud else ""
    return Choice(
        passes=(chosen,),
        cover=share,
        reason=f"{which} of the clearest among {len(passes)} pass(es): shows {share:.0%} of the "
        f"area without cloud{stated}",
    )


def whole_series(passes: Sequence[Pass], area: Area) -> Choice:
    """Take every pass, oldest first."""
    share = cover([g for p in passes for g in p], area)
    return Choice(
        passes=tuple(passes),
        cover=share,
        reason=f"all {len(passes)} pass(es) of the window, together cover {share:.0%} of the area",
    )


def everything(granules: Sequence[Granule], area: Area) -> Choice:
    """Take all granules: static layers are mosaicked."""
    share = cover(granules, area)
    return Choice(
        passes=(tuple(granules),),
        cover=share,
        reason=f"{len(granules)} file(s), cover {share:.0%} of the area",
    )


def _has_pair(after: Pass, before: Sequence[Pass], area: Area, covered: float) -> bool:
    orbit = after[0].relative_orbit
    return orbit is not None and any(
        p[0].relative_orbit == orbit and cover(p, area) >= _NEARLY * covered for p in before
    )


def _moment(group: Pass) -> dt.datetime:
    moment = group[0].acquired
    if moment is None:
        raise AssertionError("static layers have no order")  # they are taken whole
    return moment


def _stated_cloud(group: Pass) -> float:
    """Return the mean cloud of the images as stated [percent]; unstated counts as half."""
    return sum(50.0 if g.cloud_cover is None else g.cloud_cover for g in group) / len(group)


def _by_statement(group: Pass, area: Area) -> float:
    return cover(group, area) * (1 - _stated_cloud(group) / 100)
