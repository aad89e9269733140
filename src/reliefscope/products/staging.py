"""Folders that are whole or absent: written beside their place, then renamed into it."""

import contextlib
import filecmp
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from reliefscope.errors import PublishError
from reliefscope.products.facts import plain

_LOCKS = ".locks"
_SUFFIX = ".partial"


@contextlib.contextmanager
def locked(catalog: Path, name: str, *, wait_s: float = 900.0) -> Iterator[None]:
    """Hold the lock ``name`` of ``catalog``; a dead process holds none.

    Raises
    ------
    PublishError
        Another process keeps it for too long, or the folder cannot be written.
    """
    lock = FileLock(catalog / _LOCKS / f"{name}.lock")
    try:
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait_s)
    except Timeout:
        raise PublishError(
            f"another run has been publishing {name!r} for {wait_s:.0f} s; let it finish, or stop "
            f"it and run again"
        ) from None
    except OSError as error:
        raise PublishError(
            f"cannot write to the catalog {catalog} ({error.strerror}); choose another with "
            f"--catalog or make it writable"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a hidden folder beside ``target`` that becomes it when the block ends well.

    Call it with the lock of the parent held. On any error nothing is left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_SUFFIX}")
    folder.mkdir()
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            sync(path)
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sync(target.parent)


def sweep(folder: Path) -> None:
    """Remove what runs that died have left in ``folder``; call it with its lock held."""
    for left in folder.glob(f".*{_SUFFIX}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a folder as a whole: killed at any instant, it is there or gone."""
    gone = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}{_SUFFIX}")
    folder.rename(gone)
    sync(folder.parent)
    shutil.rmtree(gone)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a hidden file beside ``path`` that replaces it in one step when the block ends well.

    One that holds the same already is left alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        yield part
        if path.exists() and filecmp.cmp(part, path, shallow=False):
            part.unlink()
            return
        sync(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Replace ``path`` by ``document`` in one step, unless it says the same already."""
    text = json.dumps(plain(document), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    with replaced(path) as part:
        part.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Make sure that a file or the entries of a folder are on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
