"""Commands that make maps: exercise, map, plan, fetch, validate."""

import argparse
import datetime as dt
import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reliefscope.cli.show import byte_bar, in_words, show_package, steps
from reliefscope.errors import NothingFoundError
from reliefscope.jobs.event_file import Request, parse_event, read_event_file
from reliefscope.jobs.events import event_by_id, event_file_text
from reliefscope.jobs.exercise import exercise_request, run_exercise
from reliefscope.jobs.fetching import fetch_request
from reliefscope.jobs.planning import ESTIMATE, Outlook, look_ahead
from reliefscope.jobs.situation import carry_out
from reliefscope.model.event import Hazard
from reliefscope.products.sheet import load_policy
from reliefscope.products.store import catalog_at, folder_at
from reliefscope.products.validate import validate
from reliefscope.settings import Settings


def exercise(args: argparse.Namespace, settings: Settings) -> None:
    """Map a simulated disaster."""
    with steps() as progress:
        progress("Making the world")
        request, world = exercise_request(
            Hazard(args.hazard), size=args.size, seed=args.seed, cache=settings.cache
        )
        package, agreement = run_exercise(
            request,
            world,
            catalog_at(args.catalog, settings),
            released=dt.datetime.now(dt.UTC),
            policy=load_policy(settings.policy),
            languages=args.languages or settings.languages,
            paper=args.paper or settings.paper,
            progress=progress,
        )
    show_package(package)
    c = agreement.counts
    Console().print(
        f"{'against the truth:':<19}IoU {c.iou:.3f}, F1 {c.f1:.3f} on the "
        f"{agreement.compared_fraction:.0%} of the pixels where the map states something"
    )
    if args.serve:
        serving = importlib.import_module("reliefscope.cli.serving")
        serving.serve_catalog(folder_at(args.catalog, settings), settings)


def map_event(args: argparse.Namespace, settings: Settings) -> None:
    """Map an event and publish the package."""
    request = request_of(args.event, settings)
    with steps() as progress:
        package = carry_out(
            request,
            catalog_at(args.catalog, settings),
            released=dt.datetime.now(dt.UTC),
            policy=load_policy(settings.policy),
            languages=args.languages or settings.languages,
            paper=args.paper or settings.paper,
            progress=progress,
        )
    show_package(package)


def plan(args: argparse.Namespace, settings: Settings) -> None:
    """Show what would be read, and why, and what is expected next."""
    request = request_of(args.event, settings)
    outlook = look_ahead(request, now=dt.datetime.now(dt.UTC))
    if args.json:
        sys.stdout.write(json.dumps(outlook.as_json()) + "\n")
    else:
        _show_outlook(request, outlook)
    if outlook.problem:
        raise NothingFoundError(outlook.problem)


def _show_outlook(request: Request, outlook: Outlook) -> None:
    console = Console()
    rows, columns = outlook.plan.grid.shape
    console.print(
        f"[bold]{escape(request.event.title)}[/]: {request.indicator} over "
        f"{escape(request.event.area.name)}, {columns} x {rows} pixels of "
        f"{request.resolution:g} m in {outlook.plan.grid.crs}, "
        f"up to {outlook.plan.peak_bytes / 1e9:.1f} GB of memory"
    )
    if outlook.granules:
        table = Table("role", "from", "granule", "acquired (UTC)", "age", "covers", "size")
        for g in outlook.granules:
            table.add_row(
                g.role,
                escape(g.source),
                escape(g.id),
                (g.acquired or "-")[:16].replace("T", " "),
                "-" if g.age_hours is None else in_words(dt.timedelta(hours=g.age_hours)),
                f"{g.cover:.0%}",
                "not stated" if g.size is None else f"{g.size / 1e6:,.0f} MB",
            )
        console.print(table)
    for role, reason in outlook.reasons.items():
        console.print(f"[bold]{role}[/]: {escape(reason)}", soft_wrap=True)
    if outlook.expected:
        coming = Table("expected (UTC)", "satellite", "orbit", "covers", "last seen", "rests on")
        for p in outlook.expected:
            coming.add_row(
                f"{p.expected:%Y-%m-%d %H:%M}",
                escape(p.platform),
                str(p.relative_orbit),
                f"{p.cover:.0%}",
                f"{p.last:%Y-%m-%d}",
                f"{p.seen} pass(es)",
            )
        console.print("[bold]Next expected passes[/]")
        console.print(coming)
        console.print(ESTIMATE, soft_wrap=True)


def fetch(args: argparse.Namespace, settings: Settings) -> None:
    """Bring what an event needs into the cache."""
    request = request_of(args.event, settings)
    with byte_bar() as (step, progress):
        fetched = fetch_request(request, step=step, progress=progress)
    Console().print(
        f"{fetched.files} file(s), {fetched.size / 1e6:,.0f} MB, are in {settings.cache}; "
        f"RELIEFSCOPE_OFFLINE=1 reliefscope map {escape(str(args.event))} now works with no "
        f"network",
        soft_wrap=True,
        highlight=False,
    )


def request_of(event: str, settings: Settings) -> Request:
    """Return the request of an event file, or of an event that a feed reports under this id."""
    path = Path(event)
    if path.suffix == ".toml" or path.exists():
        return read_event_file(path, settings)
    found = event_by_id(settings, event, dt.datetime.now(dt.UTC))
    return parse_event(event_file_text(found), settings, base=Path(), name=event)


def validate_map(args: argparse.Namespace, settings: Settings) -> None:
    """Compare a map with a reference."""
    del settings

    result = validate(
        args.candidate,
        args.reference,
        event_classes=args.event_class or (1,),
        reference_classes=args.reference_class,
    )
    c, area = result.counts, result.area
    scores = {
        "tp": c.tp,
        "fp": c.fp,
        "fn": c.fn,
        "tn": c.tn,
        "iou": c.iou,
        "f1": c.f1,
        "precision": c.precision,
        "recall": c.recall,
        "bias": c.bias,
        "mcc": c.mcc,
        "compared_fraction": result.compared_fraction,
        "area_km2": area._asdict(),
    }
    if args.json:
        sys.stdout.write(json.dumps(scores, default=float) + "\n")
        return
    table = Table("score", "value")
    for name, value in scores.items():
        if isinstance(value, dict):
            text = f"{area.area:.2f} ({area.low:.2f} to {area.high:.2f}, 95 %)"
        else:
            text = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        table.add_row(name, text)
    Console().print(table)
