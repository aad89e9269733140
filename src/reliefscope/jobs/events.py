"""What is going on: all feeds asked at once, one event of each disaster, lists and event files."""

import datetime as dt
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import shapely
import tomlkit
from shapely.geometry import mapping

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    ReliefscopeError,
    UnavailableError,
)
from reliefscope.feeds import FEEDS
from reliefscope.feeds._base import Feed
from reliefscope.feeds._ids import identify
from reliefscope.feeds._plain import plain
from reliefscope.feeds.merge import cascades, merge
from reliefscope.jobs.event_file import DEFAULT_SOURCES
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Extent, Hazard, Report, Window
from reliefscope.settings import Settings
from reliefscope.sources.places import area_from_name
from reliefscope.transport.client import Transport

log = logging.getLogger(__name__)

DAYS = 30
"""How far back a list goes, unless it is told [days]."""
HEADER = ("onset", "hazard", "alert", "title", "countries", "id", "feeds")
"""What the cells of `rows` are."""
_MOST_NAMES = 12
_SOURCE = "planetary-computer"
_CONTEXT = {
    "population": "worldpop",
    "admin": "geoboundaries",
    "places": "osm",
    "roads": "osm",
    "facilities": "osm",
}

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """The disasters of a time, and the feeds that could not be asked."""

    events: tuple[Event, ...]
    """The latest first."""
    window: Window
    failures: Mapping[str, str]
    """Feeds that failed, and why: what they alone know is missing from ``events``."""


def open_feeds(settings: Settings) -> Mapping[str, Feed]:
    """Return all feeds, each with its own way out."""
    return {name: feed(transport=Transport(settings)) for name, feed in FEEDS.items()}


def list_events(
    settings: Settings,
    *,
    now: dt.datetime,
    hazard: Hazard | str | None = None,
    country: str | None = None,
    since: dt.datetime | None = None,
    bbox: Box | None = None,
    feeds: Mapping[str, Feed] | None = None,
) -> EventList:
    """Return the disasters that went on between ``since`` and ``now``, as all feeds report them.

    Parameters
    ----------
    settings : Settings
        Cache, credentials, trusted hosts; offline, the answers of the last time are read again.
    now : datetime
        The moment of asking, with a time zone.
    hazard : Hazard or str, optional
        Only this kind.
    country : str, optional
        Only those in it: a name or a code of ISO 3166-1 alpha-3. Where no feed names a country,
        those whose area touches it.
    since : datetime, optional
        `DAYS` before ``now`` by default.
    bbox : (float, float, float, float), optional
        West, south, east, north; only those whose area touches it [degrees].
    feeds : mapping of str to Feed, optional
        All by default.

    Raises
    ------
    InputError
        The hazard or the box is unknown, or ``since`` is not before ``now``.
    NothingFoundError
        No country of that name.
    AccessError, IntegrityError, UnavailableError
        All feeds failed. If some do, ``failures`` says which.
    """
    wanted = None if hazard is None else frozenset({_hazard(hazard)})
    window = Window(start=since or now - dt.timedelta(days=DAYS), end=now)
    box = None if bbox is None else Area.from_bbox(*bbox)
    within = None if country is None else area_from_name(country)
    asked = open_feeds(settings) if feeds is None else feeds
    found, failures = _ask(asked, lambda feed: feed.events(window, hazards=wanted))
    if failures and len(failures) == len(asked):
        raise _together(failures)
    countries = _Countries()
    merged = merge(countries.outlined(event) for event in found)
    chosen = [
        event
        for event in merged
        if (box is None or event.area.geometry.intersects(box.geometry))
        and (within is None or countries.holds(within, event))
    ]
    chosen.sort(key=lambda event: (event.onset, event.id), reverse=True)
    said = {name: f"{type(e).__name__}: {e}" for name, e in sorted(failures.items())}
    return EventList(events=tuple(chosen), window=window, failures=MappingProxyType(said))


def event_by_id(
    settings: Settings, id_: str, now: dt.datetime, *, feeds: Mapping[str, Feed] | None = None
) -> Event:
    """Return one disaster as all feeds that know it report it, with its episodes.

    Parameters
    ----------
    settings : Settings
        See `list_events`.
    id_ : str
        Any of its names: a GLIDE number, ``EMSR847``, ``GDACS:FL-1102983``, ``EONET:15547``,
        ``USGS:us6000pi9w``, ``RELIEFWEB:52108``, or the identifier of an event in a list.
    now : datetime
        The moment of asking, with a time zone.
    feeds : mapping of str to Feed, optional
        All by default.

    Raises
    ------
    InputError
        It is written like no name of a disaster.
    NothingFoundError
        No feed knows it.
    AccessError, IntegrityError, UnavailableError
        Feeds that may know it failed.
    """
    scheme, name = identify(id_)
    asked = open_feeds(settings) if feeds is None else feeds
    found, failures = _ask(asked, lambda feed: feed.find(scheme, name))
    others = {(s, n) for event in found for s in event.ids for n in event.known_as(s)}
    for other in sorted(others - {(scheme, name)})[:_MOST_NAMES]:
        more, _ = _ask(asked, lambda feed, other=other: feed.find(*other))  # type: ignore[misc] # bound now
        found += more
    if scheme == "glide" and not found:  # the feeds cannot look one up, but their lists hold them
        found, failures = _ask(asked, lambda feed: feed.events(_year(name, now)))
    countries = _Countries()
    for event in merge(countries.outlined(event) for event in found):
        if name in event.known_as(scheme):
            return event
    if failures:
        raise _together(failures)
    raise NothingFoundError(
        f"no feed knows {id_!r}; `reliefscope events` lists the disasters of the last {DAYS} days"
    )


def _hazard(name: Hazard | str) -> Hazard:
    try:
        return Hazard(name)
    except ValueError as error:
        raise InputError(f"hazard {name!r} is unknown; choose of {[*map(str, Hazard)]}") from error


def _year(glide: str, now: dt.datetime) -> Window:
    """Return the year that a GLIDE number names, up to now."""
    year = int(glide.split("-")[1])
    if not 1900 < year <= now.year:  # noqa: PLR2004 - numbers are given out since the 1930s
        raise NothingFoundError(f"GLIDE number {glide} is of the year {year}, which no feed covers")
    start = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    return Window(start=start, end=min(now, start.replace(year=year + 1)))


def _ask(
    feeds: Mapping[str, Feed], question: Callable[[Feed], Sequence[Event]]
) -> tuple[list[Event], dict[str, ReliefscopeError]]:
    """Ask all feeds at the same time; one that fails does not lose the answers of the others."""
    found: list[Event] = []
    failures: dict[str, ReliefscopeError] = {}
    with ThreadPoolExecutor(max(len(feeds), 1)) as pool:
        answers = {name: pool.submit(question, feed) for name, feed in feeds.items()}
        for name, answer in answers.items():
            try:
                found += answer.result()
            except ReliefscopeError as error:
                log.warning("feed %s failed: %s", name, error)
                failures[name] = error
    return found, failures


def _together(failures: Mapping[str, ReliefscopeError]) -> ReliefscopeError:
    """Return one error for several: of their kind if they are of one, otherwise the passing one."""
    said = "; ".join(f"{name}: {error}" for name, error in sorted(failures.items()))
    for kind in (AccessError, IntegrityError, NothingFoundError, InputError):
        if all(isinstance(error, kind) for error in failures.values()):
            return kind(said)
    return UnavailableError(said)


class _Countries:
    """Outlines of countries by the names that feeds use, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[str, Area | None] = {}

    def named(self, name: str) -> Area | None:
        """Return the country of that name or code, or None."""
        if name not in self._known:
            try:
                self._known[name] = area_from_name(name)
            except NothingFoundError:
                self._known[name] = None
        return self._known[name]

    def all_named(self, names: Iterable[str]) -> list[Area]:
        """Return the countries that are known of those names."""
        return [area for name in names if (area := self.named(name)) is not None]

    def holds(self, country: Area, event: Event) -> bool:
        """Say whether an event is in a country: by name, or by its area if it names none."""
        said = {area.name for area in self.all_named(event.countries)}
        if said:
            return country.name in said
        return bool(event.area.geometry.intersects(country.geometry))

    def outlined(self, event: Event) -> Event:
        """Return the event with the outline of its countries where a feed says no more."""
        vague = [r for r in event.reports if r.extent is Extent.COUNTRY]
        struck = self.all_named(event.countries) if vague else []
        if not struck:
            return event
        union = shapely.union_all([area.geometry for area in struck])
        whole = Area.from_geometry(union, name=", ".join(area.name for area in struck[:5]))
        reports = [
            replace(r, area=whole) if r.extent is Extent.COUNTRY else r for r in event.reports
        ]
        vague_only = len(vague) == len(event.reports)
        return replace(event, area=whole if vague_only else event.area, reports=tuple(reports))


def rows(listed: EventList) -> list[tuple[str, ...]]:
    """Return the cells of a table, one row for each event; `HEADER` names them."""
    return [
        (
            f"{event.onset:%Y-%m-%d %H:%M}",
            str(event.hazard),
            str(event.severity or ""),
            event.title,
            ", ".join(event.countries),
            event.id,
            ", ".join(sorted({report.feed for report in event.reports})),
        )
        for event in listed.events
    ]


def as_json(listed: EventList) -> dict[str, Any]:
    """Return a list of events as plain values, with their lineage, for JSON."""
    linked = cascades(listed.events)
    return {
        "window": {"start": _iso(listed.window.start), "end": _iso(listed.window.end)},
        "events": [_as_dict(event, linked) for event in listed.events],
        "failures": dict(listed.failures),
    }


def as_geojson(listed: EventList) -> dict[str, Any]:
    """Return a list of events as a feature collection of RFC 7946.

    Outer rings run anticlockwise, areas across the antimeridian are in two parts, and their box
    has its west east of its east.
    """
    linked = cascades(listed.events)
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": event.id,
                "bbox": list(event.area.bbox),
                "geometry": mapping(shapely.orient_polygons(event.area.geometry)),
                "properties": _as_dict(event, linked),
            }
            for event in listed.events
        ],
        "failures": dict(listed.failures),
    }


def _as_dict(event: Event, linked: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "id": event.id,
        "title": event.title,
        "hazard": str(event.hazard),
        "severity": _text(event.severity),
        "onset": _iso(event.onset),
        "end": _iso(event.end),
        "countries": list(event.countries),
        "ids": {scheme: list(event.known_as(scheme)) for scheme in event.ids},
        "bbox": list(event.area.bbox),
        "related": sorted({*event.related, *linked.get(event.id, ())}),
        "reports": [_report_dict(report) for report in event.reports],
    }


def _report_dict(report: Report) -> dict[str, Any]:
    return {
        "feed": report.feed,
        "id": report.id,
        "episode": report.episode,
        "title": report.title,
        "url": report.url,
        "severity": _text(report.severity),
        "onset": _iso(report.onset),
        "end": _iso(report.end),
        "updated": _iso(report.updated),
        "extent": str(report.extent),
        "bbox": list(report.area.bbox),
        "details": dict(report.details),
    }


def _text(value: str | None) -> str | None:
    return None if value is None else str(value)


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def event_file_text(event: Event) -> str:
    """Return the text of an event file, to be edited and then mapped.

    The area is the box around the event's. All text from feeds is plain text in quotes: none of it
    can become a key, a table or a line of its own.
    """
    document = tomlkit.document()
    for line in _remarks(event):
        document.add(tomlkit.comment(line))
    about = tomlkit.table()
    about.add("id", event.id)
    about.add("title", plain(event.title))
    about.add("hazard", str(event.hazard))
    about.add("onset", event.onset.astimezone(dt.UTC))
    if event.ids:
        ids = tomlkit.table()
        for scheme, name in event.ids.items():
            ids.add(plain(scheme), plain(name))
        about.add("ids", ids)
    document.add("event", about)
    where = tomlkit.table()
    where.add("bbox", list(_round_outwards(event.area)))
    where.add("name", plain(event.area.name))
    document.add("area", where)
    sources = tomlkit.table(is_super_table=True)
    source = tomlkit.table()
    for option, value in DEFAULT_SOURCES[_SOURCE].items():
        source.add(option, value)
    sources.add(_SOURCE, source)
    document.add("sources", sources)
    document.add("context", _context())
    return tomlkit.dumps(document)


def _context() -> tomlkit.items.Table:
    """Return services that cover the world: a map should say how many people."""
    table = tomlkit.table()
    for slot, service in _CONTEXT.items():
        table.add(slot, service)
    return table


def _remarks(event: Event) -> list[str]:
    lines = ["Edit the area and the sources, then run: reliefscope map EVENT.toml"]
    if event.severity or event.countries:
        lines.append(f"{event.severity or 'no'} alert; {plain(', '.join(event.countries))}")
    if any(report.extent is Extent.COUNTRY for report in event.reports):
        lines.append("A feed names countries alone: narrow the box down to what was struck.")
    lines += [plain(f"{r.feed} {r.id} {r.episode} {r.url}") for r in event.reports if r.feed]
    return lines


def _round_outwards(area: Area, digits: int = 4) -> Box:
    """Return the box around an area with few digits, not smaller than the area [degrees]."""
    west, south, east, north = area.bbox
    step = 10**digits
    return (
        max(math.floor(west * step) / step, -180.0),
        max(math.floor(south * step) / step, -90.0),
        min(math.ceil(east * step) / step, 180.0),
        min(math.ceil(north * step) / step, 90.0),
    )
