"""Commands that show what is published: serve, export, users."""

import argparse
import datetime as dt
import getpass
import logging
import sys
import threading
import time
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm

from reliefscope.cli.show import steps
from reliefscope.errors import InputError, ReliefscopeError
from reliefscope.jobs.exercise import exercise_request, run_exercise
from reliefscope.model.event import Hazard
from reliefscope.products.bucket import S3Catalog
from reliefscope.products.catalog import find, find_package
from reliefscope.products.mirror import Mirror
from reliefscope.products.sheet import load_policy
from reliefscope.products.store import catalog_at
from reliefscope.serve.config import Limits, Provider, Serving
from reliefscope.serve.export import export_page, shown_in
from reliefscope.serve.server import run
from reliefscope.serve.users import Role, add
from reliefscope.settings import Settings
from reliefscope.words import words_in

_log = logging.getLogger(__name__)
_SIZE, _SEED = 640, 7
_LOOK_S = 60.0
"""How often an object store is asked for new products."""
_SECRET = "RELIEFSCOPE_OIDC_SECRET"  # noqa: S105 - the name of a variable


def serve(args: argparse.Namespace, settings: Settings) -> None:
    """Serve a catalog until stopped."""
    where = catalog_at(args.catalog, settings)
    catalog = where if isinstance(where, Path) else _mirrored(where)
    provider = None
    if args.oidc_issuer:
        provider = Provider(
            issuer=args.oidc_issuer,
            client_id=args.oidc_client or "",
            client_secret=settings.secrets.get(_SECRET, ""),
            role_claim=args.oidc_role_claim,
            analyst=args.oidc_analyst,
            viewer=args.oidc_viewer,
        )
    serving = Serving(
        catalog=catalog,
        catalog_url="" if isinstance(where, Path) else where.url,
        host=args.host,
        port=args.port,
        prefix=args.prefix,
        public_url=args.public_url,
        users=args.users,
        provider=provider,
        limits=Limits(sessions=args.max_sessions),
        cache=settings.cache,
    )
    if isinstance(where, Path) and not find(catalog) and _wants_exercise(catalog, args):
        _exercise(catalog, settings)
    run(serving, ready=_say_where)


def _mirrored(catalog: S3Catalog) -> Path:
    """Return a folder with the products of an object store, and keep it like them."""
    mirror = Mirror(catalog, catalog.root.with_name(f"{catalog.root.name}-served"))
    with steps() as progress:
        progress(f"Fetching the products of {catalog.url}")
        mirror.update()

    def keep() -> None:
        while True:
            time.sleep(_LOOK_S)
            try:
                mirror.update()
            except ReliefscopeError as error:
                _log.warning("%s; what was fetched before is shown", error)

    threading.Thread(target=keep, name="mirror", daemon=True).start()
    return mirror.folder


def serve_catalog(catalog: Path, settings: Settings) -> None:
    """Serve a catalog on this machine only, until stopped."""
    run(Serving(catalog=catalog, cache=settings.cache), ready=_say_where)


def _say_where(address: str) -> None:
    Console().print(f"ReliefScope is at {address} (stop it with Ctrl+C)", soft_wrap=True)


def _wants_exercise(catalog: Path, args: argparse.Namespace) -> bool:
    if args.exercise:
        return True
    if not sys.stdin.isatty():
        return False
    return Confirm.ask(f"{catalog} holds no products. Map an exercise to look at, offline?")


def _exercise(catalog: Path, settings: Settings) -> None:
    with steps() as progress:
        progress("Making the world")
        request, world = exercise_request(
            Hazard.FLOOD, size=_SIZE, seed=_SEED, cache=settings.cache
        )
        run_exercise(
            request,
            world,
            catalog,
            released=dt.datetime.now(dt.UTC),
            policy=load_policy(settings.policy),
            languages=settings.languages,
            progress=progress,
        )


def export(args: argparse.Namespace, settings: Settings) -> None:
    """Write a briefing as one HTML file."""
    package = find_package(catalog_at(args.catalog, settings), args.product)
    words = words_in(args.language or settings.languages[0])
    text = export_page(shown_in(package.folder), words, dt.datetime.now(dt.UTC))
    target = args.output or Path(f"{package.product_id}.{words.language}.html")
    target.write_text(text, encoding="utf-8")
    Console().print(
        f"{target}, {len(text.encode()) / 1000:,.0f} kB", soft_wrap=True, highlight=False
    )


def add_user(args: argparse.Namespace, settings: Settings) -> None:
    """Add a user, or change a password."""
    del settings
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {args.name}: ")
        if password != getpass.getpass("Once more: "):
            raise InputError("the two passwords differ; nothing was changed")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    add(args.file, args.name, Role(args.role), password)
    Console().print(f"{args.name} may sign in as {args.role}: {args.file}", soft_wrap=True)
