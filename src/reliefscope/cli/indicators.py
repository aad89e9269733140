"""The command that says what can be computed."""

import argparse
import json
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from reliefscope.cli.maps import request_of
from reliefscope.cli.show import steps
from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS, Indicator
from reliefscope.jobs.reference import (
    describe,
    find_indicator,
    hazards,
    need_in_words,
    write_pages,
)
from reliefscope.settings import Settings


def indicators(args: argparse.Namespace, settings: Settings) -> None:
    """List the indicators, tell all about one, or write the reference pages."""
    if args.pages is not None:
        _pages(args, settings)
    elif args.json:
        chosen = [find_indicator(args.name)] if args.name else list(INDICATORS.values())
        sys.stdout.write(json.dumps([describe(i) for i in chosen]) + "\n")
    elif args.name:
        _show(find_indicator(args.name))
    else:
        table = Table(Column("indicator", no_wrap=True), "hazard", "method", "needs")
        for one in INDICATORS.values():
            needs = (name + (" (optional)" if n.optional else "") for name, n in one.needs.items())
            table.add_row(one.name, hazards(one), escape(one.title), ", ".join(needs))
        Console().print(table)


def _pages(args: argparse.Namespace, settings: Settings) -> None:
    examples = {}
    for given in args.example:
        name, equals, event = given.partition("=")
        if not equals:
            raise InputError(f"--example {given!r}: give INDICATOR=EVENT")
        examples[name] = request_of(event, settings)
    with steps() as progress:
        index = write_pages(args.pages, cache=settings.cache, examples=examples, progress=progress)
    Console().print(f"{index}", soft_wrap=True, highlight=False)


def _show(indicator: Indicator) -> None:
    say = Console().print
    told = describe(indicator)
    say(f"[bold]{indicator.name}[/]: {escape(indicator.title)}", soft_wrap=True)
    say(f"hazard: {hazards(indicator)}; reference: {escape(indicator.reference)}")
    say("[bold]needs[/]")
    for name, need in indicator.needs.items():
        say(f"  {name}: {escape(need_in_words(need))}", soft_wrap=True)
    if told["parameters"]:
        table = Table("parameter", "default", "unit", "range", "meaning")
        for name, p in told["parameters"].items():
            table.add_row(
                name,
                f"{p['default']:g}",
                p["unit"],
                f"{p['low']:g} to {p['high']:g}",
                escape(p["meaning"]),
            )
        say(table)
    gives = Table("layer", "unit", "meaning")
    for name, g in told["gives"].items():
        gives.add_row(name, g["units"], escape(g["long_name"]))
    say(gives)
