"""Whole files: resumed, verified, opened before they are trusted, renamed at the end."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reliefscope.transport.client import Ask, Transport

Progress = Callable[[int, int], None]
"""Told bytes done, and bytes in all (0 when not known)."""


def unseen(done: int, total: int) -> None:
    """Show nothing."""
    del done, total


class Content(StrEnum):
    """What a file must turn out to be."""

    ANY = "any"
    RASTER = "raster"
    ZIP = "zip"
    JSON = "json"
    TABLE = "table"
    """Text with columns: CSV."""
    VECTOR = "vector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was promised of a file."""

    name: str = ""
    """File name to keep it under; that of the address by default. Its suffix matters to readers."""
    size: int | None = None
    """Bytes."""
    checksums: tuple[str, ...] = ()
    """Multihash in hexadecimal (``1220...`` is SHA-256), or ``md5:...``, ``blake3:...``,
    ``sha256:...``, ``sha3-256:...``; all must agree."""
    content: Content = Content.ANY
    cap: int = 20_000_000_000
    """A larger file is refused [bytes]."""


ANYTHING = Expected()


def fetch(
    transport: "Transport", ask: "Ask", expected: Expected, *, identity: str, progress: Progress
) -> Path:
    """Return the path of the file in the cache; see `Transport.fetch`."""
    identity = identity or transport.shown(ask.url)
    held = transport.store.find(identity)
    if held is not None:
        return held
    content = transport.content(ask, keep=False, cap=expected.cap)
    key = hashlib.sha256(identity.encode()).hexdigest()
    name = expected.name or Path(ask.url).name
    path = transport.store.folder / "files" / key / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    progress(len(content), len(content))
    return path
