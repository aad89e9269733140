"""Commands on what is published: verify, explain, and the catalog's own."""

import argparse
import dataclasses
import datetime as dt
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.jobs.push import push
from reliefscope.products.bundle import unpacked
from reliefscope.products.catalog import fetch, find, find_package, prunable
from reliefscope.products.lineage import explain as chain_of
from reliefscope.products.qa import Gate
from reliefscope.products.sheet import load_policy
from reliefscope.products.store import Catalog, catalog_at, store_of
from reliefscope.products.verify import verify as check_package
from reliefscope.settings import Settings

_MARKS = {True: "[green]ok[/]", False: "[bold red]WRONG[/]", None: "note"}


def verify(args: argparse.Namespace, settings: Settings) -> None:
    """Check a package, every package of a catalog, or every package of a bundle."""
    if zipfile.is_zipfile(args.package):
        with unpacked(Path(args.package)) as folders:
            _verify(folders, as_json=args.json)
    else:
        _verify(_packages(args.package, settings), as_json=args.json)


def verify_catalog(args: argparse.Namespace, settings: Settings) -> None:
    """Check every package of the catalog."""
    _verify(_all(catalog_at(args.catalog, settings)), as_json=args.json)


def _verify(folders: list[Path], *, as_json: bool) -> None:
    results = {folder: check_package(folder) for folder in folders}
    if as_json:
        found = {f.name: [_gate(g) for g in gates] for f, gates in results.items()}
        sys.stdout.write(json.dumps(found, default=float) + "\n")
    else:
        for folder, gates in results.items():
            _show_gates(folder, gates)
    wrong = [f.name for f, gates in results.items() if any(g.passed is False for g in gates)]
    if wrong:
        raise IntegrityError(
            f"{len(wrong)} of {len(results)} package(s) are not as they claim: {', '.join(wrong)}; "
            f"fetch them again, or publish anew"
        )


def _packages(place: str, settings: Settings) -> list[Path]:
    """Return the folder of a package, or those of a catalog."""
    catalog = catalog_at(place, settings)
    if isinstance(catalog, Path) and not (catalog / "catalog.json").is_file():
        return [catalog]
    return _all(catalog)


def _all(catalog: Catalog) -> list[Path]:
    found = [fetch(catalog, entry) for entry in find(catalog)]
    if not found:
        raise NothingFoundError(f"the catalog {catalog} holds no package")
    return found


def _gate(gate: Gate) -> dict[str, Any]:
    return {"check": gate.name, "passed": gate.passed, "message": gate.message}


def _show_gates(folder: Path, gates: list[Gate]) -> None:
    table = Table("check", "", "what was found", title=escape(folder.name), title_justify="left")
    for gate in gates:
        table.add_row(gate.name, _MARKS[gate.passed], escape(gate.message))
    Console().print(table)


def explain(args: argparse.Namespace, settings: Settings) -> None:
    """Trace a number of a package."""
    package = find_package(catalog_at(args.catalog, settings), args.product)
    if args.fact is None:
        _list_facts(package.facts, as_json=args.json)
        return
    chain = chain_of(package, args.fact)
    if args.json:
        sys.stdout.write(json.dumps(chain) + "\n")
        return
    say = Console(highlight=False, soft_wrap=True).print
    fact, layer = chain["fact"], chain["layer"]
    say(f"[bold]{fact['key']}[/]: {escape(fact['reads'])}")
    say(f"  exactly   {fact['value']} {fact['unit']}  (low {fact['low']}, high {fact['high']})")
    say(f"  method    {escape(fact['method'])}")
    if layer:
        say(f"  counted on {layer['name']}, SHA-256 {layer['sha256']}")
    indicator = chain["indicator"]
    say(f"  made by   {indicator['name']}: {escape(indicator['method'])}")
    say(f"            {escape(indicator['reference'])}; parameters {indicator['parameters']}")
    for granule in chain["granules"]:
        say(
            f"  from      {escape(granule['id'])} ({granule['role']}, {granule['collection']}, "
            f"{granule['acquired'] or 'no date'})"
        )
        for name, asset in granule["assets"].items():
            known = asset["checksum"] or "no checksum stated by the provider"
            say(f"              {name}: {escape(asset['href'])}, {asset['size']} bytes, {known}")
    for name in chain["other_inputs"]:
        say(f"  from      {escape(name)}; reference data, SHA-256 {chain['context']['sha256']}")
    code = ", ".join(f"{name} {version}" for name, version in chain["code"].items())
    say(f"  software  {code}")
    say(f"  product   {chain['product']['id']}, run {chain['product']['fingerprint']}")


def _list_facts(facts: Any, *, as_json: bool) -> None:  # noqa: ANN401 - the mapping of facts
    if as_json:
        sys.stdout.write(facts.to_json())
        return
    table = Table("fact", "reads", "counted on")
    for key, fact in facts.items():
        table.add_row(key, escape(facts.text(key)), fact.layer)
    Console().print(table)


def list_products(args: argparse.Namespace, settings: Settings) -> None:
    """List what is published."""
    catalog = catalog_at(args.catalog, settings)
    entries = find(catalog, event=args.event, hazard=args.hazard)
    if args.json:
        rows = [
            {
                "product": e.product_id,
                "hazard": e.hazard,
                "event": e.event,
                "datetime": e.datetime.isoformat(),
                "exercise": e.exercise,
                "superseded": e.superseded,
                "folder": str(e.folder),
            }
            for e in entries
        ]
        sys.stdout.write(json.dumps(rows) + "\n")
    elif entries:
        table = Table("product", "hazard", "image (UTC)", "remark")
        for e in entries:
            remarks = ["exercise"] * e.exercise + ["replaced by a later version"] * e.superseded
            table.add_row(
                e.product_id, e.hazard, f"{e.datetime:%Y-%m-%d %H:%M}", ", ".join(remarks)
            )
        Console().print(table)
    if not entries:
        raise NothingFoundError(f"the catalog {catalog} holds no such product")


def rebuild_lists(args: argparse.Namespace, settings: Settings) -> None:
    """Write the catalog's own files anew."""
    catalog = catalog_at(args.catalog, settings)
    count = store_of(catalog).rebuild()
    Console().print(f"{count} product(s) are listed in {catalog}", soft_wrap=True)


def prune(args: argparse.Namespace, settings: Settings) -> None:
    """Remove what is replaced, or too old."""
    catalog = catalog_at(args.catalog, settings)
    entries = prunable(catalog, before=_moment(args.before))
    say = Console(highlight=False, soft_wrap=True).print
    for entry in entries:
        say(f"{'removed' if args.yes else 'would remove'} {entry.folder}")
    if args.yes:
        store_of(catalog).remove(entries)
    elif entries:
        say("nothing was removed; say --yes to do it")
    else:
        say("there is nothing to remove")


def push_products(args: argparse.Namespace, settings: Settings) -> None:
    """Send products to a STAC API."""
    told = sys.stderr if args.json else sys.stdout
    say = Console(file=told, highlight=False, soft_wrap=True).print
    pushed = push(
        catalog_at(args.catalog, settings),
        args.url,
        settings=settings,
        policy=load_policy(settings.policy),
        event=args.event,
        hazard=args.hazard,
        delete=args.delete,
        progress=lambda line: say(escape(line)),
    )
    if args.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(pushed)) + "\n")
        return
    say(
        f"{len(pushed.created)} created, {len(pushed.replaced)} replaced, "
        f"{len(pushed.unchanged)} unchanged, {len(pushed.deleted)} deleted"
    )
    if pushed.left:
        say(
            f"{len(pushed.left)} there are no longer in the catalog: {', '.join(pushed.left)}; "
            f"say --delete to delete them"
        )


def _moment(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"date {text!r} is none; write 2026-01-31") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
