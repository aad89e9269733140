"""The questions every feed answers, and what all feeds share."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from reliefscope.errors import InputError, IntegrityError
from reliefscope.feeds._ids import event_id, sorted_out
from reliefscope.feeds._plain import told
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard, Report, Window
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.content import parse_json

log = logging.getLogger(__name__)

MAX_RECORDS = 20_000
"""Records of one feed that are looked at."""

NOTHING: Final = object()
"""An answer without content (204)."""
_TOLD = 3
"""Records left out that are logged one by one."""
_ONGOING = frozenset({"alert", "current", "ongoing"})
"""What ReliefWeb calls a disaster that is not over, of which it gives no end."""


class Feed(Protocol):
    """A service that reports disasters."""

    @property
    def name(self) -> str:
        """Its key in ``FEEDS``."""
        ...

    def events(
        self,
        window: Window,
        *,
        hazards: Collection[Hazard] | None = None,
        area: Area | None = None,
    ) -> Sequence[Event]:
        """Return the disasters that went on within ``window``, each from one report.

        Parameters
        ----------
        window : Window
            A disaster that began earlier and went on into it counts.
        hazards : collection of Hazard, optional
            Kinds to ask for; all by default.
        area : Area, optional
            Those that touch it alone.

        Raises
        ------
        AccessError, IntegrityError, NothingFoundError, InputError, UnavailableError
            The feed did not answer, or not as it promises. No disaster is an empty answer.
        """
        ...

    def find(self, scheme: str, value: str) -> Sequence[Event]:
        """Return the reports on the disaster of that name; empty if names of ``scheme`` or this
        very one are not known here.

        Parameters
        ----------
        scheme, value : str
            ``"gdacs"`` and ``"FL1102983"``: a key of ``Event.ids`` and one name.

        Raises
        ------
        AccessError, IntegrityError, InputError, UnavailableError
            See `events`.
        """  # noqa: D205 - the sentence is as short as it can be
        ...


class OpenFeed(Protocol):
    """How feeds are opened: with their way out."""

    def __call__(self, *, transport: Transport) -> Feed:
        """Return the feed."""
        ...


def answered(transport: Transport, ask: Ask) -> object:
    """Return an answer in JSON; `NOTHING` for an empty one, with which some services say that.

    Raises
    ------
    IntegrityError
        It is not JSON.
    """
    content = transport.content(ask)
    if not content.strip():
        return NOTHING
    try:
        answer: object = parse_json(content)
    except ValueError as error:
        text = content.decode("utf-8", errors="replace")
        raise IntegrityError(
            f"{transport.shown(ask.url)} did not answer in JSON: it begins with "
            f"{transport.scrub(text[:60])!r}; "
            f"the service may be under maintenance, or a proxy answered in its place"
        ) from error
    return answer


def promised(node: object, where: str, key: str) -> list[object]:
    """Return the list under ``key`` that an answer must hold.

    Raises
    ------
    IntegrityError
        There is none: no disaster is an empty list, and this is not one.
    """
    found = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(found, list):
        raise IntegrityError(
            f"{where} answered without a list of {key!r}; its interface may have changed: look "
            f"for a newer version of this program"
        )
    return found[:MAX_RECORDS]


def read_each(
    feed: str, records: Iterable[object], read: Callable[[object], Sequence[Event]]
) -> list[Event]:
    """Return the events of all records that can be read; the others are logged and left out.

    Raises
    ------
    IntegrityError
        There are records, and not one can be read.
    """
    events: list[Event] = []
    good, bad = 0, []
    for record in records:
        try:
            events += read(record)
            good += 1
        except InputError as error:
            bad.append(str(error))
    for message in bad[:_TOLD]:
        log.warning("%s: a record is left out: %s", feed, message)
    if len(bad) > _TOLD:
        log.warning("%s: %d more records are left out", feed, len(bad) - _TOLD)
    if bad and not good:
        raise IntegrityError(f"{feed}: none of {len(bad)} records can be read; first: {bad[0]}")
    return events


def all_pages(
    feed: str,
    page: Callable[[int], Sequence[object]],
    name: Callable[[object], object],
    *,
    size: int,
    most: int,
) -> list[object]:
    """Return the records of all pages, asked for one by one.

    Parameters
    ----------
    feed : str
        What the log calls the feed.
    page : callable
        Returns the records of a page, by its number from 0.
    name : callable
        Returns what tells a record from others.
    size : int
        Records of a full page; one with fewer is the last.
    most : int
        Pages asked for; a service that goes on is cut off, and the log says so.
    """
    records: list[object] = []
    seen: set[str] = set()
    for number in range(most):
        found = page(number)
        names = {told(name(record)) for record in found}
        if names <= seen:  # a service that knows no pages gives the first again and again
            break
        records += found
        seen |= names
        if len(found) < size:
            break
    else:
        log.warning("%s: cut off after %d pages, %d records", feed, most, len(records))
    return records


def incomplete(event: Event) -> Event:
    """Return an event whose outline could not be asked for."""
    return replace(event, reports=tuple(replace(r, incomplete=True) for r in event.reports))


def reported(
    report: Report, names: Iterable[tuple[str, str]], countries: Iterable[str] = ()
) -> Event:
    """Return the event of one report.

    Parameters
    ----------
    report : Report
        What the feed said.
    names : iterable of (str, str)
        Schemes and names that it gave; those that state another hazard become ``related``.
    countries : iterable of str
        Codes or names.
    """
    ids, related = sorted_out(names, report.hazard)
    if related:
        known = report.details.get("related", "").split()
        details = {**report.details, "related": " ".join(dict.fromkeys([*known, *related]))}
        report = replace(report, details=details)
    return Event(
        id=event_id(ids),
        title=report.title,
        hazard=report.hazard,
        area=report.area,
        onset=report.onset,
        ids=ids,
        end=report.end,
        severity=report.severity,
        countries=tuple(sorted({c for c in countries if c})),
        reports=(report,),
    )


def _goes_on(event: Event) -> bool:
    return any(report.details.get("status") in _ONGOING for report in event.reports)


def fitting(
    events: Iterable[Event],
    window: Window,
    hazards: Collection[Hazard] | None,
    area: Area | None,
) -> list[Event]:
    """Return the events of those hazards that went on within the window and touch the area."""
    return [
        event
        for event in events
        if (hazards is None or event.hazard in hazards)
        and event.onset < window.end
        and (_goes_on(event) or (event.end or event.onset) >= window.start)
        and (area is None or event.area.geometry.intersects(area.geometry))
    ]
