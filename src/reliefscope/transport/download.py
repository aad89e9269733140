"""Whole files: resumed, verified, opened before they are trusted, renamed at the end."""

import contextlib
import errno
import json
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3.exceptions

from reliefscope.errors import InputError, IntegrityError, UnavailableError
from reliefscope.transport.checksums import verify
from reliefscope.transport.content import Content, check_content
from reliefscope.transport.retry import TransientError

if TYPE_CHECKING:
    import requests

    from reliefscope.transport.client import Ask, Transport

__all__ = ["ANYTHING", "Content", "Expected", "Progress", "fetch", "unseen"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Told bytes done, and bytes in all (0 when not known)."""

CHUNK = 65_536
"""Small, so that little is on its way from the network to the disk when the process dies."""
SLOW_S, SLOW_BYTES = 30.0, 30_000
"""A connection that brings less than this in this time is given up, and the file resumed."""
MAX_PIECES = 10_000
"""More interruptions than this, each with a little progress, are a hostile server."""

_PART, _STATE = "content.part", "content.part.json"
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PLAIN_NAME = re.compile(r"[^A-Za-z0-9._+=-]+")
_PARTIAL = 206
_PAGES = ("text/html", "application/xhtml")


def unseen(done: int, total: int) -> None:
    """Show nothing."""
    del done, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was promised of a file."""

    name: str = ""
    """File name to keep it under; that of the address by default. Its suffix matters to readers."""
    size: int | None = None
    """Bytes."""
    checksums: tuple[str, ...] = ()
    """Multihash in hexadecimal (``1220...`` is SHA-256), or ``md5:...``, ``sha256:...``,
    ``sha3-256:...``; all must agree."""
    content: Content = Content.ANY
    cap: int = 20_000_000_000
    """A larger file is refused [bytes]."""


ANYTHING = Expected()


def fetch(
    transport: "Transport", ask: "Ask", expected: Expected, *, identity: str, progress: Progress
) -> Path:
    """Return the path of the file in the cache; see `Transport.fetch`."""
    identity = identity or transport.scrub(ask.full_url)
    held = _held(transport, identity, expected)
    if held is not None:
        return held
    if transport.settings.offline:
        raise UnavailableError(
            f"offline, and {transport.shown(ask.url)} is not in the cache; run the same command "
            f"once with a network, or `reliefscope fetch`"
        )
    with _disk_full_is_said(transport), transport.store.lock(identity) as place:
        held = _held(transport, identity, expected)  # another process may have been faster
        if held is not None:
            return held
        job = _Download(transport, ask, expected, place, progress)
        sha256 = job.bring()
        return transport.store.keep(identity, job.part, _name(ask.url, expected), sha256)


def _held(transport: "Transport", identity: str, expected: Expected) -> Path | None:
    """Return a file fetched before, unless the provider has issued another since."""
    path = transport.store.find(identity)
    if path is None or (expected.size is not None and path.stat().st_size != expected.size):
        return None
    sha256 = transport.store.sha256(identity)
    stated = [c.lower() for c in expected.checksums]
    same = all(c in {f"1220{sha256}", f"sha256:{sha256}"} for c in stated if _is_sha256(c))
    return path if same else None


def _is_sha256(checksum: str) -> bool:
    return checksum.startswith(("1220", "sha256:"))


def _name(url: str, expected: Expected) -> str:
    """Return a file name that is nothing but a file name."""
    name = expected.name or unquote(urlsplit(url).path).rstrip("/").rsplit("/", 1)[-1]
    plain = _PLAIN_NAME.sub("_", name).lstrip(".")[-120:]
    return plain or "file"


@contextlib.contextmanager
def _disk_full_is_said(transport: "Transport"):  # type: ignore[no-untyped-def] # noqa: ANN202 - generator
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise UnavailableError(
            f"the disk of the cache {transport.settings.cache} is full; what has arrived is kept: "
            f"free some space, or set RELIEFSCOPE_CACHE to another disk, and run again"
        ) from error


class _Download:
    """One file on its way; what has arrived survives this process."""

    def __init__(
        self,
        transport: "Transport",
        ask: "Ask",
        expected: Expected,
        place: Path,
        progress: Progress,
    ) -> None:
        self.transport, self.ask, self.expected = transport, ask, expected
        self.progress = progress
        self.part, self.state = place / _PART, place / _STATE
        self.where = transport.shown(ask.url)

    def bring(self) -> str:
        """Return the SHA-256 of the whole, verified part; a bad one is fetched once more."""
        try:
            self._arrive()
            return self._verified()
        except IntegrityError as error:
            log.info("%s: %s; fetched once more from its start", self.where, error)
            self._discard()
        self._arrive()
        try:
            return self._verified()
        except IntegrityError:
            self._discard()
            raise

    def _arrive(self) -> None:
        """Ask until all has arrived. Attempts are counted anew after each that brought some."""
        for _ in range(MAX_PIECES):
            if self.transport.retry(self._attempt):
                return
        raise UnavailableError(
            f"{self.where} broke off {MAX_PIECES} times; what has arrived is kept: try again later"
        )

    def _attempt(self) -> bool:
        """Send one request; return whether the file is whole now.

        Raises
        ------
        TransientError
            It failed and brought nothing.
        """
        before = self._size()
        if self.expected.size is not None and before == self.expected.size:
            return True
        try:
            with self.transport.open(replace(self.ask, headers=self._headers(before))) as answer:
                self._receive(answer, before)
        except (TransientError, urllib3.exceptions.HTTPError) as error:
            if self._size() > before:
                return False
            if isinstance(error, TransientError):
                raise
            raise TransientError(
                f"{self.where} broke off: {type(error).__name__}; try again later"
            ) from error
        except InputError:
            if not before:
                raise
            self._discard()  # 416: what is there is not the start of what the server has
            return False
        return True

    def _headers(self, have: int) -> Mapping[str, str]:
        headers = {**self.ask.headers, "Accept-Encoding": "identity"}
        validator = self._validator()
        if have and validator:
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        return headers

    def _receive(self, answer: "requests.Response", have: int) -> None:
        page = answer.headers.get("content-type", "").lower().startswith(_PAGES)
        if page and self.expected.content is not Content.ANY:
            raise TransientError(f"{self.where} answered with a web page in place of the file")
        resumed = answer.status_code == _PARTIAL and have > 0
        start, total = self._span(answer) if resumed else (0, _length(answer))
        if start != have and resumed:
            self._discard()
            raise TransientError(f"{self.where} answered with another part than asked for")
        self._check_total(total)
        if not resumed:
            self._discard()
            self._note(_validator_of(answer))
        with self.part.open("ab", buffering=0) as file:
            self._pour(answer, file, total)
        done = self._size()
        if total is not None and done != total:
            if done > total:
                self._discard()
            raise TransientError(f"{self.where} sent {done:,} of {total:,} bytes")

    def _span(self, answer: "requests.Response") -> tuple[int, int | None]:
        """Return where a partial answer starts, and the bytes of the whole."""
        span = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        if span is None:
            return -1, None
        start, end, total = int(span[1]), int(span[2]), span[3]
        known = self.expected.size
        if total == "*" or end + 1 != int(total) or (known is not None and known != int(total)):
            return -1, None
        return start, int(total)

    def _check_total(self, total: int | None) -> None:
        if total is None:
            return
        if total > self.expected.cap:
            raise IntegrityError(
                f"{self.where} has {total:,} bytes; at most {self.expected.cap:,} are accepted"
            )
        if self.expected.size is not None and total != self.expected.size:
            raise TransientError(
                f"{self.where} has {total:,} bytes; {self.expected.size:,} were promised"
            )

    def _pour(self, answer: "requests.Response", file: Any, total: int | None) -> None:  # noqa: ANN401 - raw file
        done = self._size()
        since, then = done, time.monotonic()
        # with a length the raw bytes count; without one, unpacking is the server's choice
        raw = answer.raw
        unpack = answer.headers.get("content-encoding", "identity").lower() != "identity"
        while block := raw.read1(CHUNK, decode_content=unpack):
            if total is not None and not unpack:
                block = block[: max(0, total - done + 1)]
            file.write(block)
            done += len(block)
            self.progress(done, total or 0)
            if done > self.expected.cap:
                self._discard()
                raise IntegrityError(
                    f"{self.where} sent more than {self.expected.cap:,} bytes; nothing is kept"
                )
            now = time.monotonic()
            if now - then > SLOW_S:
                if done - since < SLOW_BYTES:
                    raise TransientError(f"{self.where} has all but stopped")
                since, then = done, now

    def _verified(self) -> str:
        size = self._size()
        if self.expected.size is not None and size != self.expected.size:
            raise IntegrityError(
                f"{self.where} has {size:,} bytes; {self.expected.size:,} were promised"
            )
        sha256, vouched = verify(self.part, self.expected.checksums)
        check_content(self.part, self.expected.content, thorough=not vouched)
        self.state.unlink(missing_ok=True)
        with self.part.open("rb") as file:
            os.fsync(file.fileno())
        return sha256

    def _size(self) -> int:
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def _discard(self) -> None:
        for path in (self.part, self.state):
            path.unlink(missing_ok=True)

    def _note(self, validator: str) -> None:
        """Remember which version of the file the part belongs to, before its first byte."""
        draft = self.state.with_suffix(".new")
        draft.write_text(json.dumps({"validator": validator}), encoding="utf-8")
        draft.replace(self.state)

    def _validator(self) -> str:
        try:
            return str(json.loads(self.state.read_text(encoding="utf-8"))["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def _length(answer: "requests.Response") -> int | None:
    """Return the bytes of the whole; None when packed or not stated."""
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return None
    text = answer.headers.get("content-length", "")
    return int(text) if text.isdigit() else None


def _validator_of(answer: "requests.Response") -> str:
    """Return what tells this version of the file from another: a strong ETag, or its date.

    None of a packed answer: its bytes are not those of the file.
    """
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return ""
    etag = answer.headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return str(etag)
    return str(answer.headers.get("last-modified", ""))
