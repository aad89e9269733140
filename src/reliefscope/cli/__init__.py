"""The ``reliefscope`` command: each flag is an argument of the library.

The module of a command is imported when it runs, so that ``--help`` is there at once.
"""

import argparse
import contextlib
import datetime as dt
import importlib
import logging
import secrets
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from reliefscope.cli.flags import add_engine_flag, add_job_commands
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

EXIT_CODES: Mapping[type[ReliefscopeError], int] = {
    InputError: 2,
    NothingFoundError: 3,
    InsufficientDataError: 4,
    SourceError: 5,
    PublishError: 5,
}
"""Looked up in this order; anything else is our bug and exits with 1."""

_EXERCISES = ("flood", "fire", "drought", "heat", "earthquake", "landslide", "storm")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 2 usage or input, 3 nothing found, 4 insufficient data, 5 source or catalog
    unavailable, 6 part of a batch is missing, 1 a bug of ours.
    """
    args = _parser().parse_args(argv)
    args.run_id = _run_id()
    _log(args)
    errors = Console(stderr=True)
    try:
        settings = Settings.from_environment()
        command = getattr(importlib.import_module(f"reliefscope.cli.{args.module}"), args.function)
        with _warnings_shown(errors), _engine(args, settings):
            code: int | None = command(args, settings)
    except ReliefscopeError as error:
        errors.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}", soft_wrap=True)
        return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
    except KeyboardInterrupt:
        errors.print("stopped; nothing half-written is left")
        return 130
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reliefscope",
        description="Turn open satellite data into disaster and climate answers.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('reliefscope')}")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
    parser.add_argument(
        "--log-json", action="store_true", help="log one JSON object a line, with a run id"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    exercise = commands.add_parser(
        "exercise", help="map a simulated disaster with known truth: offline, no account"
    )
    exercise.add_argument("hazard", choices=_EXERCISES)
    _publish_flags(exercise)
    exercise.add_argument("--size", type=int, default=1280, metavar="N", help="pixels a side")
    exercise.add_argument("--seed", type=int, default=7, metavar="S", help="which world")
    exercise.add_argument("--serve", action="store_true", help="then show it in the browser")
    exercise.set_defaults(module="maps", function="exercise")

    mapping = commands.add_parser(
        "map", aliases=["run"], help="map the event of a file and publish the package"
    )
    _event_argument(mapping)
    _publish_flags(mapping)
    mapping.set_defaults(module="maps", function="map_event")

    planning = commands.add_parser(
        "plan", help="show what would be read, and why, and the next expected passes"
    )
    _event_argument(planning)
    planning.add_argument("--json", action="store_true", help="print JSON")
    planning.set_defaults(module="maps", function="plan")

    fetching = commands.add_parser(
        "fetch", help="bring what an event needs into the cache, to map it with no network"
    )
    _event_argument(fetching)
    fetching.set_defaults(module="maps", function="fetch")

    listing = commands.add_parser("events", help="list the disasters that feeds report")
    listing.add_argument("--hazard", help="flood, fire, storm, earthquake, drought ...")
    listing.add_argument("--country", help="name, or ISO 3166-1 alpha-3 code")
    listing.add_argument("--since", metavar="DATE", help="default: thirty days ago")
    listing.add_argument(
        "--bbox", type=float, nargs=4, metavar=("WEST", "SOUTH", "EAST", "NORTH"), help="degrees"
    )
    listing.add_argument("--format", choices=("table", "json", "geojson"), default="table")
    listing.add_argument(
        "--toml", metavar="ID", help="write the event file of this event instead, to edit"
    )
    listing.set_defaults(module="world", function="events")

    checking = commands.add_parser(
        "doctor", help="say which services answer, and which credentials are missing"
    )
    checking.add_argument("--json", action="store_true", help="print JSON")
    checking.set_defaults(module="world", function="doctor")

    indicating = commands.add_parser(
        "indicators", help="list what can be computed: needs, parameters, references"
    )
    indicating.add_argument("name", nargs="?", help="tell all about this one")
    indicating.add_argument("--json", action="store_true", help="print JSON")
    indicating.add_argument(
        "--pages", type=Path, metavar="DIR", help="write reference pages with pictures instead"
    )
    indicating.add_argument(
        "--example",
        action="append",
        default=[],
        metavar="INDICATOR=EVENT",
        help="an event file to show on the page of an indicator, beside the exercise",
    )
    indicating.set_defaults(module="indicators", function="indicators")

    _published_commands(commands)
    add_job_commands(commands)
    _serving_commands(commands)

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
    validating.set_defaults(module="maps", function="validate_map")
    return parser


def _published_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add what works on packages that are published."""
    verifying = commands.add_parser(
        "verify", help="check packages anew: checksums, files, numbers against rasters"
    )
    verifying.add_argument(
        "package", help="folder of a package, or a catalog or a bundle: then all of it"
    )
    verifying.add_argument("--json", action="store_true", help="print JSON")
    verifying.set_defaults(module="catalog", function="verify")

    explaining = commands.add_parser(
        "explain", help="trace a number to its layer, granules and checksums"
    )
    explaining.add_argument("product", help="folder of a package, or a product id")
    explaining.add_argument("fact", nargs="?", help="key of the fact; without it, list them")
    explaining.add_argument("--catalog", metavar="DIR|s3://...", help="where ids are looked up")
    explaining.add_argument("--json", action="store_true", help="print JSON")
    explaining.set_defaults(module="catalog", function="explain")

    parser = commands.add_parser("catalog", help="list, mend, prune or push what is published")
    tasks = parser.add_subparsers(required=True, metavar="TASK")
    listing = tasks.add_parser("list", help="list the published products")
    listing.add_argument("--hazard", help="only of this kind")
    listing.add_argument("--event", help="only of this event")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(function="list_products")
    checking = tasks.add_parser("verify", help="check every package of the catalog")
    checking.add_argument("--json", action="store_true", help="print JSON")
    checking.set_defaults(function="verify_catalog")
    mending = tasks.add_parser("rebuild", help="write the lists anew from the packages")
    mending.set_defaults(function="rebuild_lists")
    pruning = tasks.add_parser("prune", help="remove what a later version replaces")
    pruning.add_argument("--before", metavar="DATE", help="and all whose image is older")
    pruning.add_argument("--yes", action="store_true", help="remove; without it, only say what")
    pruning.set_defaults(function="prune")
    pushing = tasks.add_parser("push", help="send the products to a STAC API with transactions")
    pushing.add_argument("url", metavar="STAC_API_URL", help="its landing page")
    pushing.add_argument("--hazard", help="only of this kind")
    pushing.add_argument("--event", help="only of this event")
    pushing.add_argument(
        "--delete", action="store_true", help="there, delete what is no longer in the catalog"
    )
    pushing.add_argument("--json", action="store_true", help="print JSON")
    pushing.set_defaults(function="push_products")
    for task in (listing, checking, mending, pruning, pushing):
        task.add_argument("--catalog", metavar="DIR|s3://...", help="default: RELIEFSCOPE_CATALOG")
        task.set_defaults(module="catalog")


def _serving_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add what shows packages to people."""
    serving = commands.add_parser(
        "serve", help="show a catalog in the browser: dashboards, light pages, maps, files"
    )
    serving.add_argument("catalog", nargs="?", help="default: RELIEFSCOPE_CATALOG")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serving.add_argument("--port", type=int, default=5006)
    serving.add_argument(
        "--prefix", default="", metavar="PATH", help="path below which a proxy shows it"
    )
    serving.add_argument(
        "--public-url", default="", metavar="URL", help="what visitors type, behind a proxy"
    )
    serving.add_argument(
        "--users", type=Path, metavar="FILE", help="who may sign in (see `reliefscope users`)"
    )
    serving.add_argument("--oidc-issuer", metavar="URL", help="sign in at an OpenID provider")
    serving.add_argument(
        "--oidc-client", metavar="ID", help="its name for this server; RELIEFSCOPE_OIDC_SECRET "
        "holds the secret, if there is one",
    )  # fmt: skip
    serving.add_argument("--oidc-role-claim", default="roles", metavar="CLAIM")
    serving.add_argument("--oidc-analyst", default="analyst", metavar="VALUE")
    serving.add_argument("--oidc-viewer", default="", metavar="VALUE")
    serving.add_argument("--max-sessions", type=int, default=200, metavar="N")
    serving.add_argument(
        "--exercise", action="store_true", help="map the exercise first, if there is no product"
    )
    serving.set_defaults(module="serving", function="serve")

    exporting = commands.add_parser("export", help="write a briefing as one HTML file")
    exporting.add_argument("product", help="folder of a package, or a product id")
    exporting.add_argument("-o", "--output", type=Path, metavar="FILE")
    exporting.add_argument("--language", metavar="LANG", help="en, fr, es or ar")
    exporting.add_argument("--catalog", metavar="DIR|s3://...", help="where ids are looked up")
    exporting.set_defaults(module="serving", function="export")

    users = commands.add_parser("users", help="say who may sign in to `reliefscope serve`")
    tasks = users.add_subparsers(required=True, metavar="TASK")
    adding = tasks.add_parser("add", help="add a user, or give a new password and role")
    adding.add_argument("name")
    adding.add_argument("--file", type=Path, default=Path("reliefscope-users"), metavar="FILE")
    adding.add_argument("--role", choices=("viewer", "analyst"), default="viewer")
    adding.set_defaults(module="serving", function="add_user")


def _event_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "event", metavar="EVENT", help="event file, or an id as `reliefscope events` lists it"
    )


def _publish_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--languages",
        nargs="+",
        metavar="LANG",
        help="of sheet and brief: en, fr, es, ar (default: RELIEFSCOPE_LANGUAGES, or en)",
    )
    parser.add_argument(
        "--paper",
        metavar="SIZE",
        help="of the sheets: A3, or A4 with text on the back (default: RELIEFSCOPE_PAPER, or "
        "that of the policy)",
    )
    parser.add_argument(
        "--catalog",
        metavar="DIR|s3://...",
        help="where to publish (default: RELIEFSCOPE_CATALOG)",
    )
    add_engine_flag(parser)


@contextlib.contextmanager
def _engine(args: argparse.Namespace, settings: Settings) -> Iterator[None]:
    """Compute where the flag says, or the settings; other commands compute on threads."""
    if not hasattr(args, "engine"):
        yield
        return
    module = importlib.import_module("reliefscope.pipeline.engine")
    args.engine = args.engine or settings.engine
    with module.engine(args.engine, memory=settings.memory):
        yield


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


def _run_id() -> str:
    """Return a name for this run: when it began, and a number against collisions."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _log(args: argparse.Namespace) -> None:
    level = logging.INFO if args.verbose or args.log_json else logging.WARNING
    if args.log_json:
        importlib.import_module("reliefscope.cli.logs").log_json(level, args.run_id)
        return
    logging.basicConfig(
        level=level,
        format="%(message)s",
        handlers=[RichHandler(console=Console(stderr=True), show_path=False)],
    )
