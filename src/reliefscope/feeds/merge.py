"""One event for each disaster: what several feeds report is put together. Nothing is asked here.

Two reports are of one disaster when they are of the same hazard and

1. share a name: a GLIDE number, the number of GDACS, of the USGS ..., or, where neither says so,
2. lie near in time and place (`NEAR`), and no feed that speaks of both tells them apart.

The second half of rule 2 is what keeps chains short: a feed has sorted its own disasters, so
nearness never joins two of the same feed. Where a report could join several, the nearest in time
takes it, then the nearest in place.

A cyclone and its flood are two disasters. They are linked (`Event.related`, `cascades`), never
merged.
"""

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely
from shapely.affinity import scale, translate

from reliefscope.feeds._ids import SCHEMES, event_id
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Extent, Hazard, Report

_KM_PER_DEGREE = 111.2
_FULL_TURN = 360.0
_LEAST_COSINE = 0.05
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """How far apart two reports on one disaster may lie."""

    days: float
    """Between the end of one and the onset of the other."""
    km: float
    """Between their areas."""


NEAR: Mapping[Hazard, Nearness] = {
    Hazard.CLIMATE: Nearness(days=365, km=300),
    Hazard.DROUGHT: Nearness(days=60, km=100),
    Hazard.EARTHQUAKE: Nearness(days=1 / 24, km=20),
    Hazard.EXPLOSION: Nearness(days=1, km=5),
    Hazard.FIRE: Nearness(days=3, km=5),
    Hazard.FLOOD: Nearness(days=7, km=25),
    Hazard.HEAT: Nearness(days=5, km=100),
    Hazard.LANDSLIDE: Nearness(days=2, km=10),
    Hazard.STORM: Nearness(days=2, km=50),
    Hazard.VOLCANO: Nearness(days=14, km=20),
}
"""How near is near, by hazard; our choice, as the feeds' own times and places scatter. A time at
midnight sharp is a date: it stands for the whole day."""
_MAGNITUDES_APART = 1.0
"""Magnitudes of one earthquake by several agencies seldom differ by more; those of a shock and its
aftershocks mostly do (the largest is about 1.2 weaker: Bath's law)."""

CASCADES: Mapping[Hazard, frozenset[Hazard]] = {
    Hazard.STORM: frozenset({Hazard.FLOOD, Hazard.LANDSLIDE}),
    Hazard.FLOOD: frozenset({Hazard.LANDSLIDE}),
    Hazard.EARTHQUAKE: frozenset({Hazard.LANDSLIDE, Hazard.FIRE}),
    Hazard.VOLCANO: frozenset({Hazard.LANDSLIDE, Hazard.FIRE}),
    Hazard.DROUGHT: frozenset({Hazard.FIRE}),
    Hazard.HEAT: frozenset({Hazard.FIRE, Hazard.DROUGHT}),
}
"""What a hazard may bring."""
_CASCADE = dt.timedelta(days=7)
"""How long after the end of the cause [days]."""

_TITLES = ("reliefweb", "cems", "gdacs", "eonet", "usgs")
"""Whose title is taken: those that people write come first."""
_FEED_OF = {"emsr": "cems"}
"""Schemes whose feed is called otherwise."""


def merge(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return one event for each disaster, oldest first.

    The order of ``events`` does not matter, and merging again what was merged changes nothing.
    Of the reports put together, an event has

    * all names, countries and reports; of one report in several versions the latest,
    * the earliest onset (where a feed gives a date alone, the earliest time on that day), the
      latest end, the gravest severity,
    * the most exact kind of area: outlines as their union, else tracks as theirs, else the
      smallest circle,
    * the title of the feed whose titles people write, and the identifier of the best known name.

    Parameters
    ----------
    events : iterable of Event
        Of several feeds, each from one report, or merged before. An event without reports
        counts as a report of its own.
    """
    nodes = sorted((_with_report(event) for event in events), key=_event_key)
    sets = _Sets(len(nodes))
    _join_named(nodes, sets)
    _join_near(nodes, sets)
    groups: dict[int, list[Event]] = defaultdict(list)
    for index, node in enumerate(nodes):
        groups[sets.find(index)].append(node)
    made = [_one(group) for group in groups.values()]
    return tuple(sorted(_told_apart(made), key=lambda event: (event.onset, event.id)))


def cascades(events: Sequence[Event]) -> Mapping[str, tuple[str, ...]]:
    """Return, by identifier, the events that may belong to an event without being the same.

    One may have brought the other (`CASCADES`): their areas touch, and the second began while the
    first went on or within a week after; or a feed names the one with the other.
    """
    linked: dict[str, set[str]] = defaultdict(set)
    named = {f"{s}:{n}": e.id for e in events for s in e.ids for n in e.known_as(s)}
    for event in events:
        for other in (named.get(name) for name in event.related):
            if other is not None and other != event.id:
                linked[event.id].add(other)
                linked[other].add(event.id)
    for cause, effect in _touching(events):
        ends = (cause.end or cause.onset) + _CASCADE
        brings = effect.hazard in CASCADES.get(cause.hazard, frozenset())
        if brings and cause.onset - _DAY <= effect.onset <= ends:
            linked[cause.id].add(effect.id)
            linked[effect.id].add(cause.id)
    return {id_: tuple(sorted(others)) for id_, others in linked.items()}


def _touching(events: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    geometries = np.array([event.area.geometry for event in events], dtype=object)
    tree = shapely.STRtree(geometries)
    for first, second in tree.query(geometries, predicate="intersects").T:
        if first != second:
            yield events[first], events[second]


class _Sets:
    """Disjoint sets of numbers."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def find(self, item: int) -> int:
        """Return the number that stands for the set."""
        while self._above[item] != item:
            self._above[item] = self._above[self._above[item]]
            item = self._above[item]
        return item

    def join(self, one: int, other: int) -> int:
        """Make one set of two and return the number that stands for it."""
        low, high = sorted((self.find(one), self.find(other)))
        self._above[high] = low
        return low


def _join_named(nodes: Sequence[Event], sets: _Sets) -> None:
    first: dict[Hashable, int] = {}
    for index, node in enumerate(nodes):
        names = [(node.hazard, s, n) for s in node.ids for n in _names(node, s)]
        names += [(node.hazard, f"feed {r.feed}", r.id) for r in node.reports]
        for name in names:
            sets.join(index, first.setdefault(name, index))


def _join_near(nodes: Sequence[Event], sets: _Sets) -> None:
    """Join the nearest first, and no two sets that hold reports of the same feed."""
    feeds: dict[int, set[str]] = defaultdict(set)
    for index, node in enumerate(nodes):
        feeds[sets.find(index)] |= {r.feed for r in node.reports if r.feed}
    numbered = [(report, index) for index, node in enumerate(nodes) for report in node.reports]
    numbered.sort(key=lambda pair: _report_key(pair[0]))
    owners = [index for _, index in numbered]
    links: list[tuple[float, int, int]] = []
    for hazard in Hazard:
        chosen = [n for n, (report, _) in enumerate(numbered) if report.hazard is hazard]
        links += _links([numbered[n][0] for n in chosen], chosen, NEAR[hazard])
    for _, here, there in sorted(links):
        one, other = sets.find(owners[here]), sets.find(owners[there])
        if one != other and not feeds[one] & feeds[other]:
            both = feeds[one] | feeds[other]
            feeds[sets.join(one, other)] = both


def _links(
    reports: Sequence[Report], numbers: Sequence[int], near: Nearness
) -> Iterator[tuple[float, int, int]]:
    """Yield how far apart two reports are, and their numbers, for those that are near."""
    geometries = np.array([report.area.geometry for report in reports], dtype=object)
    tree = shapely.STRtree(geometries)
    found: set[tuple[int, int]] = set()
    for turn in (-_FULL_TURN, 0.0, _FULL_TURN):
        reaches = shapely.box(*_reach(geometries, near.km, turn).T)
        found |= {(int(a), int(b)) for a, b in tree.query(reaches).T if a < b}
    for a, b in found:
        one, other = reports[a], reports[b]
        if (
            _alike(one, other)
            and _same_time(one, other, near.days)
            and _apart_km(one.area, other.area) <= near.km
        ):
            yield _distance(one, other, near), numbers[a], numbers[b]


def _reach(geometries: npt.NDArray[np.object_], km: float, turn: float) -> npt.NDArray[np.float64]:
    """Return the boxes around geometries, wider by ``km``, moved by ``turn`` in longitude."""
    west, south, east, north = shapely.bounds(geometries).T
    high = km / _KM_PER_DEGREE
    widest = np.maximum(abs(south), abs(north)) + high
    wide = high / np.maximum(np.cos(np.radians(np.minimum(widest, 90))), _LEAST_COSINE)
    return np.column_stack([west - wide + turn, south - high, east + wide + turn, north + high])


def _alike(one: Report, other: Report) -> bool:
    """Say whether nothing that both state tells the two apart: country, magnitude."""
    here, there = (set(r.details.get("countries", "").split()) for r in (one, other))
    if here and there and not here & there:
        return False
    sizes = [size for r in (one, other) if (size := _magnitude(r)) is not None]
    return max(sizes, default=0.0) - min(sizes, default=0.0) <= _MAGNITUDES_APART


def _magnitude(report: Report) -> float | None:
    try:
        return float(report.details["magnitude"])
    except (KeyError, ValueError):
        return None


def _same_time(one: Report, other: Report, days: float) -> bool:
    (start, end), (begin, last) = _span(one), _span(other)
    return max(start, begin) - min(end, last) <= dt.timedelta(days=days)


def _span(report: Report) -> tuple[dt.datetime, dt.datetime]:
    end = report.end or report.onset
    return report.onset, max(end, report.onset + _DAY) if _is_date(report.onset) else end


def _is_date(moment: dt.datetime) -> bool:
    return moment == moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _distance(one: Report, other: Report, near: Nearness) -> float:
    """Return how far apart two reports are in time and place, as shares of what is near."""
    (lon, lat), (to_lon, to_lat) = one.area.centre, other.area.centre
    aside = (to_lon - lon + _FULL_TURN / 2) % _FULL_TURN - _FULL_TURN / 2
    aside *= math.cos(math.radians((lat + to_lat) / 2))
    km = _KM_PER_DEGREE * math.hypot(aside, to_lat - lat)
    days = abs(one.onset - other.onset) / _DAY
    return round(km / near.km + days / near.days, 9)


def _apart_km(one: Area, other: Area) -> float:
    """Return about how far two areas lie apart, as seen on a map true to scale between them."""
    if one.geometry.intersects(other.geometry):
        return 0.0
    nearest = math.inf
    middle = math.radians((one.centre[1] + other.centre[1]) / 2)
    squeeze = max(math.cos(middle), _LEAST_COSINE)
    here = scale(one.geometry, squeeze, origin=(0, 0))
    for turn in (-_FULL_TURN, 0.0, _FULL_TURN):
        there = scale(translate(other.geometry, turn), squeeze, origin=(0, 0))
        nearest = min(nearest, float(shapely.distance(here, there)))
    return nearest * _KM_PER_DEGREE


def _one(group: Sequence[Event]) -> Event:
    """Return the event of one disaster."""
    if len(group) == 1 and _nobodys(group[0].reports):
        return replace(group[0], reports=())
    versions: dict[tuple[str, str, str], list[Report]] = defaultdict(list)
    for report in (r for event in group for r in event.reports):
        versions[report.feed, report.id, report.episode].append(report)
    reports = sorted((max(same, key=_version_key) for same in versions.values()), key=_report_key)
    ids = _ids(group, reports)
    ends = [r.end for r in reports if r.end is not None]
    onset = _onset(reports)
    return Event(
        id=(event_id(ids) if any(r.feed for r in reports) else "") or min(e.id for e in group),
        title=min(reports, key=_title_key).title,
        hazard=reports[0].hazard,
        area=_area(reports),
        onset=onset,
        ids=ids,
        end=max(*ends, onset) if ends else None,
        severity=max((r.severity for r in reports if r.severity), key=_rank, default=None),
        countries=tuple(sorted({c for event in group for c in event.countries})),
        reports=() if _nobodys(reports) else tuple(reports),
    )


def _nobodys(reports: Sequence[Report]) -> bool:
    """Say whether the only report is one that we made of an event without any."""
    return [report.feed for report in reports] == [""]


def _names(event: Event, scheme: str) -> tuple[str, ...]:
    """Return the names of one scheme; those of schemes we do not know may hold blanks."""
    return event.known_as(scheme) if scheme in SCHEMES else (event.ids[scheme],)


def _rank(alert: object) -> int:
    return getattr(alert, "rank", -1)


def _ids(group: Sequence[Event], reports: Sequence[Report]) -> dict[str, str]:
    """Return all names by scheme; those by which the feeds themselves go come first."""
    names: dict[str, set[str]] = defaultdict(set)
    for event in group:
        for scheme in event.ids:
            names[scheme] |= set(_names(event, scheme))
    own = {(r.feed, r.id) for r in reports}
    schemes = sorted(names, key=lambda s: ([*SCHEMES, s].index(s), s))
    return {
        s: " ".join(sorted(names[s], key=lambda n: ((_FEED_OF.get(s, s), n) not in own, n)))
        for s in schemes
    }


def _onset(reports: Sequence[Report]) -> dt.datetime:
    """Return the earliest onset; a date alone gives way to a time on that day."""
    onsets = {report.onset for report in reports}
    timed = {moment.date() for moment in onsets if not _is_date(moment)}
    return min(m for m in onsets if not (_is_date(m) and m.date() in timed))


def _area(reports: Sequence[Report]) -> Area:
    extent = min((report.extent for report in reports), key=lambda e: e.rank)
    chosen = [report.area for report in reports if report.extent is extent]
    if extent in {Extent.CIRCLE, Extent.COUNTRY}:
        return min(chosen, key=lambda area: (area.geometry.area, area.geometry.wkb))
    if len(chosen) == 1:
        return chosen[0]
    union = shapely.union_all([area.geometry for area in chosen])
    return Area.from_geometry(union, name=chosen[0].name)


def _with_report(event: Event) -> Event:
    """Return the event with a report of its own, if it has none."""
    if event.reports:
        return event
    own = Report(
        feed="",
        id=event.id,
        title=event.title,
        url="",
        hazard=event.hazard,
        area=event.area,
        onset=event.onset,
        end=event.end,
        severity=event.severity,
        extent=Extent.MAPPED,
    )
    return replace(event, reports=(own,))


def _told_apart(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events; those of one identifier, which are of several hazards, with the hazard.

    What people wrote down keeps its identifier.
    """
    often = Counter(event.id for event in events)
    for event in events:
        if often[event.id] > 1 and event.reports:
            yield replace(event, id=f"{event.id[:50]}-{event.hazard.value}")
        else:
            yield event


_Key = tuple[str | int, ...]


def _event_key(event: Event) -> tuple[object, ...]:
    return (
        event.id,
        event.hazard,
        [_report_key(r) for r in event.reports],
        sorted(event.ids.items()),
    )


def _report_key(report: Report) -> _Key:
    """Order by feed, name and episode; equal for equal reports alone, as far as texts tell."""
    episode = int(report.episode) if report.episode.isascii() and report.episode.isdigit() else -1
    return (report.feed, report.id, episode, report.episode, *_version_key(report))


def _version_key(report: Report) -> _Key:
    """Order by age, the oldest version first; then by whatever differs."""
    return (
        report.updated.isoformat() if report.updated else "",
        -report.extent.rank,
        report.onset.isoformat(),
        report.end.isoformat() if report.end else "",
        report.severity or "",
        report.title,
        report.url,
        report.area.geometry.wkb_hex,
        repr(sorted(report.details.items())),
    )


def _title_key(report: Report) -> tuple[object, ...]:
    feed = _TITLES.index(report.feed) if report.feed in _TITLES else len(_TITLES)
    return (feed, *_report_key(report))
