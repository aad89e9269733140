"""From event feeds to published maps with nobody watching.

The catalog is the ledger: what it holds is not mapped again, whoever looks, and after whatever
interruption. What it cannot hold (which disasters were accepted, which passes came to nothing)
lies in a folder of state, one file a disaster, each replaced in one step.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from reliefscope.errors import (
    InputError,
    InsufficientDataError,
    NothingFoundError,
    PublishError,
    ReliefscopeError,
    SourceError,
)
from reliefscope.feeds._base import Feed
from reliefscope.jobs import watched as files
from reliefscope.jobs.attention import attention, timings
from reliefscope.jobs.claims import claimed
from reliefscope.jobs.event_file import Request
from reliefscope.jobs.events import list_events, open_feeds
from reliefscope.jobs.ledger import Mapped, main_pass, mapped, next_number
from reliefscope.jobs.report import Outcome, Result
from reliefscope.jobs.rules import Rules
from reliefscope.jobs.situation import carry_out, plan_request
from reliefscope.jobs.watched import Watched
from reliefscope.model.event import Event, Window
from reliefscope.model.granule import Granule
from reliefscope.pipeline.monitor import look_at, moment_of, passes_within, shows
from reliefscope.pipeline.plan import Plan
from reliefscope.pipeline.select import Pass, cover
from reliefscope.products.catalog import Package
from reliefscope.products.nearby import people_within
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog
from reliefscope.settings import Settings
from reliefscope.sources.layers import ContextFiles, read_context
from reliefscope.transport.client import Transport

log = logging.getLogger(__name__)

BEFORE = dt.timedelta(days=60)
"""How far back an image for the reference product is looked for."""
COARSER = 3
"""Pixels of the first estimate are so many times larger."""
_REFERENCE = "REF"
_CLAIMS = "claims"


def _silent(text: str) -> None:
    del text


def _untold(package: Package) -> None:
    del package


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Everything that holds for one look and the next."""

    settings: Settings
    rules: Rules
    base: Path
    """Folder of the rules: relative paths start there."""
    catalog: Catalog
    state: Path
    """All processes of one watch use the same."""
    policy: Policy | None = None
    languages: Sequence[str] = ("en",)
    feeds: Mapping[str, Feed] | None = None
    """Those of the settings by default."""
    progress: Callable[[str], None] = field(default=_silent, repr=False)
    published: Callable[[Package], None] = field(default=_untold, repr=False)


def look(watch: Watch, now: dt.datetime) -> Iterator[Result]:
    """Poll the feeds, then map every pass that has come since; yield a row for each product.

    Several processes may look at the same time: each disaster is served by one of them.

    Parameters
    ----------
    watch : Watch
        What to look for and where to publish.
    now : datetime
        Moment of looking, and of release, UTC: nothing later is asked for.

    Raises
    ------
    PublishError
        The catalog or the state cannot be written: to go on would be of no use.
    """
    try:
        with claimed(watch.state / _CLAIMS, "feeds") as ours:
            if ours:
                yield from _poll(watch, now)
        for disaster in files.pending(files.load(watch.state), now):
            with claimed(watch.state / _CLAIMS, disaster.id) as ours:
                if ours:
                    yield from _serve(watch, disaster.id, now)
    except OSError as error:
        raise PublishError(
            f"the watch cannot go on ({error}); free disk space, raise the quota, or make "
            f"{watch.state} and {watch.catalog} writable, then run it again"
        ) from error


def _serve(watch: Watch, id_: str, now: dt.datetime) -> Iterator[Result]:
    """Serve one disaster; a bug that it meets does not keep the others waiting."""
    try:
        yield from _Server(watch, files.read(watch.state, id_), now).serve()
    except (PublishError, OSError):
        raise
    except Exception as error:  # one disaster's failure becomes its row in the report
        log.exception("%s failed by a bug of ours", id_)
        yield _row(id_, Outcome.FAILED, reason=f"a bug of ours: {type(error).__name__}: {error}")


def _poll(watch: Watch, now: dt.datetime) -> Iterator[Result]:
    """Accept what is new, and note the ends that are reported; a feed that fails is a row."""
    watch.progress("Asking the feeds")
    since = now - dt.timedelta(days=watch.rules.days)
    try:
        found = list_events(watch.settings, now=now, since=since, feeds=_feeds(watch))
    except SourceError as error:  # what was accepted before is served all the same
        log.warning("no feed answers: %s", error)
        yield _row("feeds", Outcome.FAILED, reason=f"{type(error).__name__}: {error}")
        return
    for name, why in found.failures.items():
        yield _row(f"feed {name}", Outcome.FAILED, reason=why)
    known = files.load(watch.state)
    for event in sorted(found.events, key=lambda e: (e.onset, e.id)):
        before = files.same(event, known)
        if before is None:
            accepted = _decide(event, watch, now)
            known += accepted
            unsure = bool(accepted and accepted[0].unsure_since)
        else:
            unsure = before.unsure_since is not None and not _settle(event, before, watch)
            if event.end != before.end:
                _note_end(event, before, watch)
        if unsure:
            yield _row(
                event.id,
                Outcome.FAILED,
                reason="its outline could not be asked for; the next look asks again, and after a "
                "day it is mapped where the feeds said at first",
            )


def _feeds(watch: Watch) -> Mapping[str, Feed]:
    feeds = open_feeds(watch.settings) if watch.feeds is None else watch.feeds
    wanted = watch.rules.feeds or tuple(feeds)
    if set(wanted) - set(feeds):
        raise InputError(f"no feed {sorted(set(wanted) - set(feeds))}; there are {sorted(feeds)}")
    return {name: feeds[name] for name in wanted}


def _note_end(event: Event, before: Watched, watch: Watch) -> None:
    with claimed(watch.state / _CLAIMS, before.id) as ours:
        if ours:  # else the next look notes it
            current = files.read(watch.state, before.id)
            files.save(replace(current, end=event.end, closed=False), watch.state)


def _settle(event: Event, before: Watched, watch: Watch) -> bool:
    """Give a disaster its outline, once the feeds say it and before anything is mapped."""
    with claimed(watch.state / _CLAIMS, before.id) as ours:
        if not ours:
            return False
        if mapped(watch.catalog, before.id):  # where it was said to be at first
            files.save(replace(before, unsure_since=None), watch.state)
            return True
        if files.unsure(event):
            return False
        accepted = files.accept(replace(event, id=before.id), before.rule, watch.rules)
        files.save(replace(accepted, names=accepted.names | before.names), watch.state)
    return True


def _decide(event: Event, watch: Watch, now: dt.datetime) -> list[Watched]:
    """Accept an event that meets a rule; one whose file was lost as it was mapped."""
    rule = watch.rules.fitting(event, partial(_people, watch=watch))
    if rule is None:
        return []
    names = files.names_of(event.ids)
    lost = [m for m in mapped(watch.catalog) if files.names_of(m.event["ids"]) & names]
    accepted = (
        files.readopt(lost[0], event, rule, watch.rules)
        if lost
        else files.accept(event, rule, watch.rules)
    )
    if files.unsure(event) and not lost:
        accepted = replace(accepted, unsure_since=now)
    log.info("accepted %s by rule %r", accepted.id, rule.name)
    files.save(accepted, watch.state)
    return [accepted]


def _people(event: Event, *, watch: Watch) -> float | None:
    given = watch.rules.context.population
    if given is None:
        return None
    path = watch.base / given
    where = ContextFiles(population=path if path.exists() else given)
    try:
        context = read_context(where, event.area, transport=Transport(watch.settings))
    except ReliefscopeError as error:
        log.warning("people near %s cannot be counted: %s", event.id, error)
        return None
    return None if context.population is None else people_within(context.population, event.area)


class _Server:
    """Maps one disaster as far as it can be mapped now."""

    def __init__(self, watch: Watch, disaster: Watched, now: dt.datetime) -> None:
        self.watch, self.disaster, self.now = watch, disaster, now
        self.known: list[Mapped] = []

    def serve(self) -> Iterator[Result]:
        """Yield a row for each product; one that fails for a while ends the look at this one."""
        try:
            request = self.disaster.request(self.watch.settings, self.watch.base)
            plan = plan_request(request)
            self.known = [
                m
                for m in mapped(self.watch.catalog, self.disaster.id)
                if m.indicator == request.indicator
            ]
            if shows(plan) is None:
                yield from self._whole(request)
            else:
                yield from self._reference(request, plan)
                yield from self._passes(request, plan)
        except PublishError:
            raise
        except ReliefscopeError as error:  # the service may be back at the next look
            log.warning("%s: %s", self.disaster.id, error)
            yield self._lost(error)

    def _whole(self, request: Request) -> Iterator[Result]:
        """Map an event whose indicator reads series: once, when its data have come."""
        if not self.known:
            yield self._map(replace(request, stage="DEL"), None)
        self._close()

    def _reference(self, request: Request, plan: Plan) -> Iterator[Result]:
        """Map the last usable pass before the onset, where it is wanted."""
        role = shows(plan)
        wanted = _REFERENCE in self.disaster.rule.stages and role is not None and not role.series
        if not wanted or any(m.stage == _REFERENCE for m in self.known):
            return
        window = Window(start=self.disaster.onset - BEFORE, end=self.disaster.onset)
        for group in reversed(self._usable(plan, request, window)):
            key = f"{_REFERENCE} {_key(group)}"
            if key not in self.disaster.unusable:
                row = self._try(replace(request, stage=_REFERENCE), look_at(plan, group), key)
                yield row
                if row.outcome.well:
                    return

    def _passes(self, request: Request, plan: Plan) -> Iterator[Result]:
        """Map the first usable pass in all stages, and each later one as monitoring."""
        role = shows(plan)
        if role is None or role.window is None:
            raise AssertionError("asked for a plan with passes")
        first = main_pass(self.known)
        settled = self.now - dt.timedelta(hours=self.disaster.rule.settle_hours)
        until = self.disaster.patience if first is None else self.disaster.horizon
        end = min(settled, until) + dt.timedelta(seconds=1)
        if end > role.window.start:
            window = Window(start=role.window.start, end=end)
            for group in self._usable(plan, request, window):
                first = main_pass(self.known)
                if first is None or moment_of(group) == first:
                    yield from self._first(request, group)
                elif first < moment_of(group) <= self.disaster.horizon:
                    yield from self._again(request, plan, group)
        mapped_once = main_pass(self.known) is not None
        if settled > (self.disaster.horizon if mapped_once else self.disaster.patience):
            self._close()

    def _first(self, request: Request, group: Pass) -> Iterator[Result]:
        """Publish what the rule wants of the first usable pass."""
        for stage in (s for s in self.disaster.rule.stages if s != _REFERENCE):
            key = f"{stage} {_key(group)}"
            done = any(m.stage == stage and m.monitoring is None for m in self.known)
            if done or key in self.disaster.unusable:
                continue
            size = request.resolution * (COARSER if stage == "FEP" else 1)
            asked = replace(request, stage=stage, resolution=size)
            yield self._try(asked, look_at(plan_request(asked), group), key)

    def _again(self, request: Request, plan: Plan, group: Pass) -> Iterator[Result]:
        """Publish a later pass as monitoring product, unless it was."""
        stage = self.disaster.rule.stages[-1]
        key = f"MONIT {_key(group)}"
        moments = {m.moment for m in self.known if m.monitoring is not None}
        if moment_of(group) in moments or key in self.disaster.unusable or stage == _REFERENCE:
            return
        asked = replace(request, stage=stage, monitoring=next_number(self.known))
        yield self._try(asked, look_at(plan, group), key)

    def _usable(self, plan: Plan, request: Request, window: Window) -> list[Pass]:
        least = self.disaster.rule.min_cover
        found = passes_within(plan, request.sources, window)
        return [p for p in found if cover(p, request.event.area) >= least]

    def _try(self, asked: Request, plan: Plan, key: str) -> Result:
        """Map one pass; what cannot become a product is noted, so that it is not tried again."""
        try:
            return self._map(asked, plan)
        except (NothingFoundError, InsufficientDataError) as error:
            unusable = {**self.disaster.unusable, key: f"{type(error).__name__}: {error}"}
            self._note(replace(self.disaster, unusable=unusable))
            return self._lost(error, asked)

    def _map(self, asked: Request, plan: Plan | None) -> Result:
        start = time.perf_counter()
        package = carry_out(
            asked,
            self.watch.catalog,
            released=self.now,
            policy=self.watch.policy,
            languages=self.watch.languages,
            paper=self.watch.settings.paper,
            progress=lambda step: self.watch.progress(f"{self.disaster.id}: {step}"),
            todo=plan,
        )
        self.known = [
            m
            for m in mapped(self.watch.catalog, self.disaster.id)
            if m.indicator == asked.indicator
        ]
        self.watch.published(package)
        return _row(
            self.disaster.id,
            Outcome.DONE if package.created else Outcome.SKIPPED,
            asked,
            product=package.product_id,
            folder=str(package.folder),
            seconds=time.perf_counter() - start,
            steps=timings(package.folder),
            attention=attention(package),
        )

    def _lost(self, error: ReliefscopeError, asked: Request | None = None) -> Result:
        outcome = (
            Outcome.INSUFFICIENT
            if isinstance(error, InsufficientDataError)
            else Outcome.NO_DATA
            if isinstance(error, NothingFoundError)
            else Outcome.FAILED
        )
        return _row(self.disaster.id, outcome, asked, reason=f"{type(error).__name__}: {error}")

    def _close(self) -> None:
        self._note(replace(self.disaster, closed=True))

    def _note(self, disaster: Watched) -> None:
        self.disaster = disaster
        files.save(disaster, self.watch.state)


def _key(group: Pass) -> str:
    """Return what tells a pass: a new image of the same pass makes it worth another look."""
    return " ".join([moment_of(group).isoformat(), *sorted(_names(group))])


def _names(granules: Sequence[Granule]) -> set[str]:
    return {g.id for g in granules}


def _row(event: str, outcome: Outcome, asked: Request | None = None, **more: object) -> Result:
    stage = "" if asked is None else asked.stage
    number = None if asked is None else asked.monitoring
    return Result(
        event=event,
        area="" if asked is None else asked.event.area.name,
        indicator="" if asked is None else asked.indicator,
        stage=stage if number is None else f"{stage} MONIT{number:02d}",
        languages=(),
        outcome=outcome,
        **more,  # type: ignore[arg-type] # the fields of a result
    )
