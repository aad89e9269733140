"""Which services answer, what is missing on this machine: looked at before it matters."""

import importlib.util
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from reliefscope.errors import InputError, ReliefscopeError, UnavailableError
from reliefscope.jobs.quarantine import Quarantine
from reliefscope.pipeline.engine import THREADS, check_engine
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access, credentials_kept_in
from reliefscope.transport.retry import Retry

_ONCE = Retry(attempts=1)
_WORKERS = 8
_LEAST_FREE = 5_000_000_000
"""A package with its scenes may need this much [bytes]."""
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one service is, as seen from here."""

    service: str
    answers: bool | None
    """None: not asked, because offline or without an address to ask."""
    detail: str
    """How quickly it answered [s], or why it did not."""
    credentials: str
    """``not needed``, ``missing``, or where they are kept: never what they are."""
    how: str
    """How to get credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one thing of this machine is."""

    name: str
    well: bool
    detail: str


def examine_machine(settings: Settings) -> list[Finding]:
    """Look at what a run needs of this machine: folders, space, engine, damaged files."""
    set_aside = Quarantine(cache=settings.cache).listed()
    names = ", ".join(evidence.granule for evidence in set_aside[-_SHOWN:])
    where = Quarantine(cache=settings.cache).folder
    return [
        _folder("catalog", settings.catalog),
        _folder("cache", settings.cache),
        _engine(settings.engine),
        Finding(
            name="damaged files",
            well=not set_aside,
            detail=f"{len(set_aside)} set aside ({names}); remove a record in {where} to try again"
            if set_aside
            else "none",
        ),
    ]


def _folder(name: str, folder: Path) -> Finding:
    """Say whether a folder, or the nearest above it that exists, can be written, and has space."""
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    writable = os.access(there, os.W_OK)
    detail = f"{folder}: {free / 1e9:,.0f} GB free"
    return Finding(
        name=name,
        well=writable and free > _LEAST_FREE,
        detail=detail if writable else f"{detail}; it cannot be written",
    )


def _engine(where: str) -> Finding:
    try:
        check_engine(where)
    except InputError as error:
        return Finding(name="engine", well=False, detail=str(error))
    if where != THREADS and importlib.util.find_spec("distributed") is None:
        missing = f"{where} needs the package distributed: pip install 'reliefscope[cluster]'"
        return Finding(name="engine", well=False, detail=missing)
    return Finding(name="engine", well=True, detail=where)


def examine(services: Sequence[Access], settings: Settings) -> list[Health]:
    """Ask each service once, all at the same time; nothing secret is sent or returned."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(lambda access: _examine(access, settings), services))


def _examine(access: Access, settings: Settings) -> Health:
    answers, detail = _ask(access, settings)
    kept = credentials_kept_in(access, settings)
    missing = "missing, works without" if access.optional else "missing"
    return Health(
        service=access.service,
        answers=answers,
        detail=detail,
        credentials=(kept or missing) if access.names else "not needed",
        how=access.how,
    )


def _ask(access: Access, settings: Settings) -> tuple[bool | None, str]:
    if settings.offline or not access.probe:
        return None, "offline" if settings.offline else "no address to ask"
    start = time.perf_counter()
    try:
        with Transport(settings, retry=_ONCE).open(Ask(url=access.probe)):
            pass
    except UnavailableError as error:
        return False, str(error)
    except ReliefscopeError:
        pass  # 401, 403, 404: somebody is there and answers
    return True, f"{time.perf_counter() - start:.1f} s"
