"""The ``reliefscope`` command: each flag is an argument of the library.

Each command imports what it needs when it runs, so that ``--help`` is there at once.
"""

import argparse
import contextlib
import datetime as dt
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from reliefscope.errors import (
    InputError,
    InsufficientDataError,
    NothingFoundError,
    PublishError,
    ReliefscopeError,
    ReliefscopeWarning,
    SourceError,
)
from reliefscope.settings import Settings

if TYPE_CHECKING:
    from reliefscope.products.catalog import Package

EXIT_CODES: Mapping[type[ReliefscopeError], int] = {
    InputError: 2,
    NothingFoundError: 3,
    InsufficientDataError: 4,
    SourceError: 5,
    PublishError: 5,
}
"""Looked up in this order; anything else is our bug and exits with 1."""

_EXERCISES = ("flood",)
_HEADLINE = {
    "event_area_km2": "flooded area",
    "exposed_population": "people inside",
    "population_cannot_tell": "cannot tell",
    "observed_fraction": "observed",
    "advisory": "advisory",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 2 usage or input, 3 nothing found, 4 insufficient data, 5 source or catalog
    unavailable, 1 a bug of ours.
    """
    args = _parser().parse_args(argv)
    _log(args.verbose)
    errors = Console(stderr=True)
    settings = Settings.from_environment()
    try:
        with _warnings_shown(errors):
            args.command(args, settings)
    except ReliefscopeError as error:
        errors.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}", soft_wrap=True)
        return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
    except KeyboardInterrupt:
        errors.print("stopped; nothing half-written is left")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reliefscope",
        description="Turn open satellite data into disaster and climate answers.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('reliefscope')}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    exercise = commands.add_parser(
        "exercise", help="map a simulated disaster with known truth: offline, no account"
    )
    exercise.add_argument("hazard", choices=_EXERCISES)
    _catalog_flag(exercise)
    exercise.add_argument("--size", type=int, default=1280, metavar="N", help="pixels a side")
    exercise.add_argument("--seed", type=int, default=7, metavar="S", help="which world")
    exercise.set_defaults(command=_exercise)

    mapping = commands.add_parser("map", help="map the event of a file and publish the package")
    mapping.add_argument("event", type=Path, metavar="EVENT.toml")
    _catalog_flag(mapping)
    mapping.set_defaults(command=_map)

    planning = commands.add_parser("plan", help="show what would be read, and why")
    planning.add_argument("event", type=Path, metavar="EVENT.toml")
    planning.set_defaults(command=_plan)

    validating = commands.add_parser("validate", help="compare a map with a reference")
    validating.add_argument("candidate", type=Path)
    validating.add_argument("reference", type=Path, help="raster or vectors, in any CRS")
    validating.add_argument(
        "--event-class",
        type=int,
        action="append",
        metavar="N",
        help="value that means event (default 1); may be given more than once",
    )
    validating.add_argument(
        "--reference-class", type=int, action="append", metavar="N", help="where it differs"
    )
    validating.add_argument("--json", action="store_true", help="print JSON")
    validating.set_defaults(command=_validate)
    return parser


def _catalog_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--catalog",
        type=Path,
        metavar="DIR",
        help="where to publish (default: RELIEFSCOPE_CATALOG)",
    )


def _exercise(args: argparse.Namespace, settings: Settings) -> None:
    from reliefscope.jobs.exercise import exercise_request, run_exercise  # noqa: PLC0415
    from reliefscope.model.event import Hazard  # noqa: PLC0415
    from reliefscope.products.sheet import load_policy  # noqa: PLC0415

    with _progress() as progress:
        progress("Making the world")
        request, world = exercise_request(
            Hazard(args.hazard), size=args.size, seed=args.seed, cache=settings.cache
        )
        package, agreement = run_exercise(
            request,
            world,
            args.catalog or settings.catalog,
            released=dt.datetime.now(dt.UTC),
            policy=load_policy(settings.policy),
            progress=progress,
        )
    _show_package(package)
    c = agreement.counts
    Console().print(
        f"{'against the truth:':<19}IoU {c.iou:.3f}, F1 {c.f1:.3f} on the "
        f"{agreement.compared_fraction:.0%} of the pixels where the map states something"
    )


def _map(args: argparse.Namespace, settings: Settings) -> None:
    from reliefscope.jobs.event_file import read_event_file  # noqa: PLC0415
    from reliefscope.jobs.situation import carry_out  # noqa: PLC0415
    from reliefscope.products.sheet import load_policy  # noqa: PLC0415

    request = read_event_file(args.event, settings)
    with _progress() as progress:
        package = carry_out(
            request,
            args.catalog or settings.catalog,
            released=dt.datetime.now(dt.UTC),
            policy=load_policy(settings.policy),
            progress=progress,
        )
    _show_package(package)


def _plan(args: argparse.Namespace, settings: Settings) -> None:
    from reliefscope.jobs.event_file import read_event_file  # noqa: PLC0415
    from reliefscope.jobs.situation import plan_request  # noqa: PLC0415
    from reliefscope.pipeline.run import search  # noqa: PLC0415

    request = read_event_file(args.event, settings)
    todo = plan_request(request)
    rows, columns = todo.grid.shape
    console = Console()
    console.print(
        f"[bold]{escape(request.event.title)}[/]: {request.indicator} over "
        f"{escape(request.event.area.name)}, {columns} x {rows} pixels of "
        f"{request.resolution:g} m in {todo.grid.crs}, "
        f"up to {todo.peak_bytes / 1e9:.1f} GB of memory"
    )
    selection = search(todo, request.sources)
    table = Table("role", "from", "granules", "acquired (UTC)", "why")
    for role in todo.roles:
        choice = selection.get(role.name)
        granules = choice.granules if choice else ()
        table.add_row(
            role.name,
            role.source,
            "\n".join(escape(g.id) for g in granules) or "none",
            "\n".join(f"{g.acquired:%Y-%m-%d %H:%M}" if g.acquired else "-" for g in granules),
            choice.reason if choice else "nothing found; computed without it",
        )
    console.print(table)


def _validate(args: argparse.Namespace, settings: Settings) -> None:
    del settings
    from reliefscope.products.validate import validate  # noqa: PLC0415

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


def _show_package(package: "Package") -> None:
    say = Console().print
    if not package.created:
        say("already published, nothing to do: same inputs, parameters and code")
    for key, words in _HEADLINE.items():
        if key in package.facts:
            say(f"{words + ':':<18}{escape(package.facts.text(key))}", soft_wrap=True)
    for name, words in (("sheet.en.pdf", "map"), ("sheet.en.png", "map as image")):
        say(f"{words + ':':<18}{package.folder / name}", soft_wrap=True, highlight=False)
    say(f"{'package:':<18}{package.folder}", soft_wrap=True, highlight=False)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        running: list[TaskID] = []

        def finish() -> None:
            while running:
                bar.update(running.pop(), completed=1)

        def step(text: str) -> None:
            finish()
            running.append(bar.add_task(escape(text), total=1))

        yield step
        finish()


@contextlib.contextmanager
def _warnings_shown(console: Console) -> Iterator[None]:
    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        if issubclass(category, ReliefscopeWarning):
            console.print(f"[yellow]{category.__name__}[/]: {escape(str(message))}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ReliefscopeWarning)
        warnings.showwarning = show  # type: ignore[assignment] # the rest is not shown
        yield


def _log(verbose: bool) -> None:  # noqa: FBT001 - the flag as given
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
    )


if __name__ == "__main__":
    sys.exit(main())
