"""Whole files fetched once and shared by all runs and processes."""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from reliefscope.errors import UnavailableError

log = logging.getLogger(__name__)

IN_USE_S = 600
"""A file used this recently is not removed, whatever the quota [s]."""
LOCK_S = 6 * 3600
"""How long to wait for another process that fetches the same file [s]."""

_ENTRY = "entry.json"


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of files known by what they are called and by what they hold, with a quota.

    ``files/KEY`` holds one file under its own name, since readers look at suffixes, and what is
    known of it; the same content under two names is stored once (``objects/SHA256``).
    """

    folder: Path
    quota: int
    """Bytes beyond which the least recently used files are removed."""

    def place(self, identity: str) -> Path:
        """Return the folder of the file known by ``identity``; it may not exist."""
        key = hashlib.sha256(identity.encode()).hexdigest()
        return self.folder / "files" / key[:2] / key

    def find(self, identity: str) -> Path | None:
        """Return the path of the file known by ``identity``, or None; marks it as used.

        A file whose size is not what was noted when it was stored is not returned.
        """
        place = self.place(identity)
        entry = _read_entry(place)
        if entry is None:
            return None
        path = place / entry.name
        try:
            whole = path.stat().st_size == entry.size
            if whole:
                os.utime(place / _ENTRY)
        except OSError:
            return None
        return path if whole else None

    def sha256(self, identity: str) -> str | None:
        """Return the checksum noted when the file was stored, hexadecimal."""
        entry = _read_entry(self.place(identity))
        return None if entry is None else entry.sha256

    @contextlib.contextmanager
    def lock(self, identity: str) -> Iterator[Path]:
        """Let one process at a time work in the folder of ``identity``, and yield it.

        Raises
        ------
        UnavailableError
            Another process has held it for hours.
        """
        place = self.place(identity)
        place.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self._lock_file(place), timeout=LOCK_S):
                place.mkdir(parents=True, exist_ok=True)
                yield place
        except filelock.Timeout as error:
            raise UnavailableError(
                f"another process has been fetching the same file for {LOCK_S // 3600} hours; "
                f"stop it, or try again later"
            ) from error

    def keep(self, identity: str, part: Path, name: str, sha256: str) -> Path:
        """Move a verified ``part`` to its place under ``name``: whole or not at all."""
        place = self.place(identity)
        known = self.folder / "objects" / sha256[:2] / sha256
        known.parent.mkdir(parents=True, exist_ok=True)
        size = part.stat().st_size
        path = place / name
        try:
            if known.exists() and known.stat().st_size == size:
                part.unlink()
            else:
                os.replace(part, known)  # noqa: PTH105 - atomic over a torn object
            path.unlink(missing_ok=True)
            path.hardlink_to(known)
        except OSError:  # no hard links here: one copy more
            shutil.move(str(known if known.exists() else part), path)
        entry = {"identity": identity, "name": name, "size": size, "sha256": sha256}
        _write_json(place / _ENTRY, entry)
        self.clean(self.quota)
        return path

    def usage(self) -> int:
        """Return the bytes of all files; what is stored once counts once."""
        return sum(size for _, _, size in self._entries())

    def clean(self, quota: int) -> int:
        """Remove the least recently used files until ``quota`` bytes are left; return how many.

        Files used within `IN_USE_S`, and those another process works on, are left alone.
        """
        entries = sorted(self._entries())
        excess = sum(size for _, _, size in entries) - quota
        removed = 0
        for used, place, size in entries:
            if excess <= 0:
                break
            if time.time() - used > IN_USE_S and self._remove(place):
                excess -= size
                removed += 1
        if excess > 0:
            log.info("the cache is %.1f GB over its quota; all of it is in use", excess / 1e9)
        return removed

    def _entries(self) -> Iterator[tuple[float, Path, int]]:
        """Yield when each file was last used, its folder and its bytes."""
        seen: set[int] = set()
        for entry_file in (self.folder / "files").glob(f"*/*/{_ENTRY}"):
            entry = _read_entry(entry_file.parent)
            with contextlib.suppress(OSError):
                used = entry_file.stat().st_mtime
                inode = (entry_file.parent / (entry.name if entry else _ENTRY)).stat()
                size = 0 if inode.st_ino in seen else inode.st_size
                seen.add(inode.st_ino)
                yield used, entry_file.parent, size

    def _remove(self, place: Path) -> bool:
        try:
            with filelock.FileLock(self._lock_file(place), timeout=0):
                entry = _read_entry(place)
                if entry is not None:
                    known = self.folder / "objects" / entry.sha256[:2] / entry.sha256
                    if known.exists() and known.stat().st_nlink <= 2:  # noqa: PLR2004 - this one's
                        known.unlink()
                shutil.rmtree(place, ignore_errors=True)
        except filelock.Timeout:
            return False
        return True

    def _lock_file(self, place: Path) -> Path:
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{place.name}.lock"


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    size: int
    sha256: str


def _read_entry(place: Path) -> _Entry | None:
    """Return what is known of a file; None if that is torn, or was tampered with."""
    try:
        found = json.loads((place / _ENTRY).read_text(encoding="utf-8"))
        entry = _Entry(str(found["name"]), int(found["size"]), str(found["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    plain = Path(entry.name).name == entry.name and entry.name not in {"", ".", ".."}
    checksum = len(entry.sha256) == 64 and entry.sha256.isalnum()  # noqa: PLR2004 - SHA-256
    return entry if plain and checksum else None


def _write_json(path: Path, content: object) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content), encoding="utf-8")
    os.replace(draft, path)  # noqa: PTH105 - atomic
