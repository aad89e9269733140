"""Commands that look around: events, doctor."""

import argparse
import datetime as dt
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reliefscope.errors import InputError, NothingFoundError, UnavailableError
from reliefscope.jobs.doctor import examine, examine_machine
from reliefscope.jobs.events import (
    HEADER,
    as_geojson,
    as_json,
    event_by_id,
    event_file_text,
    list_events,
    rows,
)
from reliefscope.jobs.services import SERVICES
from reliefscope.settings import Settings


def events(args: argparse.Namespace, settings: Settings) -> None:
    """List what the feeds report, or write the event file of one of them."""
    now = dt.datetime.now(dt.UTC)
    if args.toml:
        sys.stdout.write(event_file_text(event_by_id(settings, args.toml, now)))
        return
    found = list_events(
        settings,
        now=now,
        hazard=args.hazard,
        country=args.country,
        since=_moment(args.since),
        bbox=tuple(args.bbox) if args.bbox else None,
    )
    if args.format == "table":
        table = Table()
        for name in HEADER:
            table.add_column(name, overflow="fold")
        for row in rows(found):
            table.add_row(*map(escape, row))
        Console().print(table)
    else:
        write = as_geojson if args.format == "geojson" else as_json
        sys.stdout.write(json.dumps(write(found)) + "\n")
    for name, why in found.failures.items():
        Console(stderr=True).print(
            f"[yellow]{name} could not be asked[/]: {escape(why)}", soft_wrap=True
        )
    if not found.events:
        raise NothingFoundError(
            "no feed reports such an event; widen --since, --country or --bbox, or drop --hazard"
        )


def doctor(args: argparse.Namespace, settings: Settings) -> None:
    """Say which services answer, and what is missing here."""
    found = examine(SERVICES, settings)
    machine = examine_machine(settings)
    if args.json:
        said = {"services": list(map(asdict, found)), "machine": list(map(asdict, machine))}
        sys.stdout.write(json.dumps(said) + "\n")
    else:
        table = Table("service", "answers", "credentials")
        table.add_column("how to get them", overflow="fold")
        for h in found:
            well = {True: "[green]yes[/]", False: "[red]no[/]", None: "not asked"}[h.answers]
            missing = h.credentials.startswith("missing")
            table.add_row(
                escape(h.service),
                f"{well}, {escape(h.detail)}",
                h.credentials,
                escape(h.how) if missing else "",
            )
        Console().print(table)
        here = Table("this machine", "", "what was found")
        for f in machine:
            here.add_row(f.name, "[green]ok[/]" if f.well else "[red]look[/]", escape(f.detail))
        Console().print(here)
    if found and all(h.answers is False for h in found):
        raise UnavailableError("no service answers: check the network, or set HTTPS_PROXY")


def _moment(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--since is {text!r}; write a date like 2024-03-01") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
