"""Flags of the commands that run jobs: batch, watch, bundle, feed, metrics."""

import argparse
from pathlib import Path


def add_engine_flag(parser: argparse.ArgumentParser) -> None:
    """Let a command be computed elsewhere."""
    parser.add_argument(
        "--engine",
        metavar="WHERE",
        help="threads, processes, processes:N, or a dask scheduler such as tcp://host:8786 "
        "(default: RELIEFSCOPE_ENGINE, or threads)",
    )


def add_job_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands that run with nobody watching."""
    _add_batch(commands)
    _add_watch(commands)
    _add_sharing(commands)


def _add_batch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    batching = commands.add_parser(
        "batch", help="map all events of a manifest; what was published is skipped"
    )
    what = batching.add_mutually_exclusive_group(required=True)
    what.add_argument("manifest", nargs="?", type=Path, metavar="MANIFEST", help="TOML file")
    what.add_argument("--template", action="store_true", help="print a manifest to start from")
    what.add_argument("--schema", action="store_true", help="print the JSON Schema of manifests")
    _publishing(batching, "DIR|s3://...")
    batching.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="default: .runs/RUN in the catalog; reliefscope-runs/RUN here if it is no folder",
    )
    batching.add_argument("--json", action="store_true", help="print the report as JSON")
    batching.set_defaults(module="jobs", function="batch")


def _add_watch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    watching = commands.add_parser(
        "watch", help="map what the feeds report, by rules, pass after pass, until each event ends"
    )
    watching.add_argument("rules", nargs="?", type=Path, metavar="RULES", help="TOML file")
    watching.add_argument("--template", action="store_true", help="print rules to start from")
    watching.add_argument("--once", action="store_true", help="look once and end: for cron")
    watching.add_argument(
        "--every", type=float, default=15.0, metavar="MINUTES", help="between looks (default 15)"
    )
    _publishing(watching)
    watching.add_argument(
        "--state", type=Path, metavar="DIR", help="default: .watch in the catalog"
    )
    watching.set_defaults(module="jobs", function="watch")


def _add_sharing(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    bundling = commands.add_parser(
        "bundle", help="put all products of an event into one file, to be opened with no network"
    )
    bundling.add_argument("event", help="id of the event, as `reliefscope catalog list` shows it")
    bundling.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: EVENT.zip")
    bundling.add_argument("--catalog", metavar="DIR", help="where it is published")
    bundling.set_defaults(module="jobs", function="bundle")

    feeding = commands.add_parser(
        "feed", help="write the Atom feed of the catalog, and a CAP message of each product"
    )
    feeding.add_argument("--catalog", metavar="DIR", help="where products are published")
    feeding.set_defaults(module="jobs", function="feed")

    measuring = commands.add_parser(
        "metrics", help="print metrics of catalog, cache and runs for Prometheus"
    )
    measuring.add_argument("--catalog", metavar="DIR", help="where products are")
    measuring.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="a .prom file, replaced in one step"
    )
    measuring.set_defaults(module="jobs", function="metrics")


def _publishing(parser: argparse.ArgumentParser, where: str = "DIR") -> None:
    parser.add_argument("--languages", nargs="+", metavar="LANG", help="of sheet and brief")
    parser.add_argument("--catalog", metavar=where, help="default: RELIEFSCOPE_CATALOG")
    parser.add_argument(
        "--released", metavar="MOMENT", help="moment of release, ISO 8601, UTC (default: now)"
    )
    parser.add_argument(
        "--notify", type=Path, metavar="FILE", help="TOML file: whom to tell of each product"
    )
    parser.add_argument(
        "--feed",
        action="store_true",
        help="keep Atom feed and CAP messages of the catalog up to date, as `reliefscope feed`",
    )
    add_engine_flag(parser)
