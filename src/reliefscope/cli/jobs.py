"""Commands that run with nobody watching: batch, watch, bundle, feed, metrics."""

import argparse
import contextlib
import datetime as dt
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from reliefscope.cli.show import steps
from reliefscope.errors import InputError, PublishError
from reliefscope.jobs.batch import Batch, run_batch
from reliefscope.jobs.manifest import TEMPLATE, read_manifest, schema
from reliefscope.jobs.metrics import metrics_text
from reliefscope.jobs.notify import Notifier, read_recipients
from reliefscope.jobs.outlets import Outlets
from reliefscope.jobs.report import Outcome, Report, write_report
from reliefscope.jobs.rules import TEMPLATE as RULES
from reliefscope.jobs.rules import read_rules
from reliefscope.jobs.watch import Watch, look
from reliefscope.products.bundle import bundle_event
from reliefscope.products.newsfeed import write_feeds
from reliefscope.products.sheet import load_policy
from reliefscope.products.staging import replaced
from reliefscope.products.store import Catalog, catalog_at
from reliefscope.settings import Settings

PARTIAL = 6
"""Exit code when a product that was asked for is not in the catalog."""
_COLOURS = {
    Outcome.DONE: "green",
    Outcome.SKIPPED: "green",
    Outcome.FAILED: "bold red",
}


def batch(args: argparse.Namespace, settings: Settings) -> int:
    """Carry out a manifest, or print what one looks like."""
    if args.template or args.schema:
        sys.stdout.write(TEMPLATE if args.template else json.dumps(schema(), indent=1) + "\n")
        return 0
    manifest = read_manifest(args.manifest)
    catalog = catalog_at(args.catalog, settings)
    folder = args.report or _runs_of(catalog) / args.run_id
    outlets = _outlets(args, settings)
    with _bar() as progress:
        todo = Batch(
            settings=settings,
            catalog=catalog,
            base=args.manifest.parent,
            released=_released(args.released),
            run_id=args.run_id,
            engine=args.engine,
            policy=load_policy(settings.policy),
            languages=args.languages or settings.languages,
            progress=progress,
        )
        (report,) = deque(_written(run_batch(manifest, todo), folder, outlets, args), maxlen=1)
    _show(report, folder, as_json=args.json)
    return PARTIAL if report.partial else 0


def watch(args: argparse.Namespace, settings: Settings) -> int:
    """Map what the feeds report, by rules; once, or until it is stopped."""
    if args.template:
        sys.stdout.write(RULES)
        return 0
    if args.rules is None:
        raise InputError("give a file of rules; `reliefscope watch --template` prints some")
    if args.released and not args.once:
        raise InputError("--released fixes the moment of one look: give --once with it")
    catalog = catalog_at(args.catalog, settings)
    outlets = _outlets(args, settings)
    with steps() as progress:
        todo = Watch(
            settings=settings,
            rules=read_rules(args.rules),
            base=args.rules.parent,
            catalog=catalog,
            state=args.state or _state_of(catalog),
            policy=load_policy(settings.policy),
            languages=args.languages or settings.languages,
            progress=progress,
        )
        while True:
            now = _released(args.released)
            partial = _look(todo, outlets, now, args)
            if args.once:
                return PARTIAL if partial else 0
            progress(f"Waiting {args.every:g} minutes")
            time.sleep(args.every * 60)


def _runs_of(catalog: Catalog) -> Path:
    return catalog / ".runs" if isinstance(catalog, Path) else Path("reliefscope-runs")


def _state_of(catalog: Catalog) -> Path:
    return catalog / ".watch" if isinstance(catalog, Path) else Path("reliefscope-watch")


def _look(todo: Watch, outlets: Outlets | None, now: dt.datetime, args: Any) -> bool:  # noqa: ANN401
    """Look once, tell whom it concerns, write the report; return whether something failed."""
    results = []
    started = now.isoformat(timespec="seconds")
    say = Console(highlight=False, soft_wrap=True).print
    for result in look(todo, now):
        results.append(result)
        say(
            f"{result.event} {result.stage} [bold]{result.outcome}[/] "
            f"{escape(result.product or result.reason)}"
        )
        if outlets is not None and result.outcome.well:
            outlets.tell(now)
    report = Report(run_id=args.run_id, started=started, engine=args.engine, results=tuple(results))
    if results:
        _write(report, todo.state / "report")
    if outlets is not None:
        outlets.tell(now)
    return any(r.outcome is Outcome.FAILED for r in results)


def _outlets(args: argparse.Namespace, settings: Settings) -> Outlets | None:
    """Return who hears of publications, ready to hear; None if nobody does."""
    if args.notify is None and not args.feed:
        return None
    catalog = catalog_at(args.catalog, settings)
    policy = load_policy(settings.policy)
    notifier = None
    if args.notify is not None:
        recipients = read_recipients(args.notify)
        notifier = Notifier(
            settings=settings, catalog=catalog, recipients=recipients, policy=policy
        )
    outlets = Outlets(catalog=catalog, policy=policy, feed=args.feed, notifier=notifier)
    outlets.begin()
    return outlets


def bundle(args: argparse.Namespace, settings: Settings) -> None:
    """Put all products of an event into one file."""
    path = args.output or Path(f"{args.event}.zip")
    made = bundle_event(catalog_at(args.catalog, settings), args.event, path)
    Console(highlight=False, soft_wrap=True).print(
        f"{made.products} product(s), {made.size / 1e6:,.1f} MB: {path}\n"
        f"`reliefscope verify {path}` checks it on the other side; unpacked, index.html opens with "
        f"no network"
    )


def feed(args: argparse.Namespace, settings: Settings) -> None:
    """Write the Atom feed of the catalog, and a CAP message of each product."""
    catalog = catalog_at(args.catalog, settings)
    names = write_feeds(catalog, load_policy(settings.policy))
    where = catalog if isinstance(catalog, Path) else catalog.url
    Console(highlight=False, soft_wrap=True).print(
        f"{len(names)} file(s); the feed is {where}/{names[0]}"
    )


def metrics(args: argparse.Namespace, settings: Settings) -> None:
    """Print metrics for Prometheus, or write them where a collector finds them."""
    catalog = catalog_at(args.catalog, settings)
    text = metrics_text(catalog, settings, runs=_runs_of(catalog), state=_state_of(catalog))
    if args.output is None:
        sys.stdout.write(text)
        return
    with replaced(args.output) as part:
        part.write_text(text, encoding="utf-8")


def _written(
    reports: Iterator[Report], folder: Path, outlets: Outlets | None, args: argparse.Namespace
) -> Iterator[Report]:
    """Write each report as it comes, and tell of what is new: a killed run leaves what it did."""
    told = -1
    for report in reports:
        _write(report, folder)
        done = report.counts.get(Outcome.DONE, 0)
        if outlets is not None and done != told:
            outlets.tell(_released(args.released))
            told = done
        yield report


def _write(report: Report, folder: Path) -> None:
    try:
        write_report(report, folder)
    except OSError as error:
        raise PublishError(
            f"the report could not be written to {folder} ({error.strerror}); free disk space, "
            f"or choose another folder"
        ) from error


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, of: int, step: str) -> None:
            bar.update(task, completed=done, total=of, description=escape(step))

        yield progress


def _show(report: Report, folder: Path, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
        return
    table = Table("event", "area", "indicator", "outcome", "product, or why not")
    for r in report.results:
        colour = _COLOURS.get(r.outcome, "yellow")
        cells = map(escape, (r.event, r.area, r.indicator))
        table.add_row(*cells, f"[{colour}]{r.outcome}[/]", escape(r.product or r.reason))
    say = Console(highlight=False, soft_wrap=True).print
    Console().print(table)
    for r in report.results:
        for text in r.attention:
            say(f"[yellow]look at[/] {escape(r.product)}: {escape(text)}")
    say(f"report: {folder / 'report.html'}")


def _released(text: str | None) -> dt.datetime:
    if text is None:
        return dt.datetime.now(dt.UTC)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--released is {text!r}; write 2030-05-02T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
