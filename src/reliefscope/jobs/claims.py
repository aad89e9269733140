"""Claims: which process works on what, on any file system, with an end if it dies.

A claim is a file that only one process can make (``O_EXCL``, which network file systems honour).
Its owner renews it; one that was not renewed for its whole term is taken over, under a lock that
a dead process does not hold. The claim saves double work; that nothing is published twice is the
catalog's own lock and ledger.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

TERM_S = 300.0
"""A claim that was not renewed for so long is free [s]: longer than clocks of machines differ."""
_RENEWALS = 4
"""Per term."""


@contextlib.contextmanager
def claimed(folder: Path, name: str, *, term_s: float = TERM_S) -> Iterator[bool]:
    """Yield whether ``name`` is ours for the ``with`` block; renewed until it ends.

    Parameters
    ----------
    folder : Path
        Where claims are kept; made when absent. All processes must use the same.
    name : str
        What is claimed; fit for a file name.
    term_s : float
        After so long without renewal a claim is free [s].
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.claim"
    token = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(8)}"
    if not _take(path, token, term_s):
        yield False
        return
    over = threading.Event()
    renewing = threading.Thread(
        target=_renew, args=(path, token, term_s / _RENEWALS, over), daemon=True
    )
    renewing.start()
    try:
        yield True
    finally:
        over.set()
        renewing.join()
        if _owner(path) == token:
            path.unlink(missing_ok=True)


def _take(path: Path, token: str, term_s: float) -> bool:
    """Make the claim, or take over one that has ended; one at a time looks and takes over."""
    if _create(path, token):
        return True
    with FileLock(path.with_name(f".{path.name}.lock")):
        try:
            idle_s = time.time() - path.stat().st_mtime
        except FileNotFoundError:  # given up this moment
            return _create(path, token)
        if idle_s <= term_s and not _dead(path):
            return False
        path.unlink(missing_ok=True)
        return _create(path, token)


def _create(path: Path, token: str) -> bool:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"owner": token}, file)
    return True


def _owner(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["owner"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _dead(path: Path) -> bool:
    """Say whether the owner was a process of this machine that is no more."""
    host, _, rest = _owner(path).partition(" ")
    number = rest.partition(" ")[0]
    if host != socket.gethostname() or not number.isdigit() or os.name == "nt":
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, as somebody else
        return False
    return False


def _renew(path: Path, token: str, every_s: float, over: threading.Event) -> None:
    while not over.wait(every_s):
        if _owner(path) != token:  # taken over: this process slept for too long
            return
        with contextlib.suppress(OSError):
            os.utime(path)
