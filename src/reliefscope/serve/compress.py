"""Compression of what packs well; files that stay the same are packed once."""

import gzip
import threading
from collections import OrderedDict

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SMALLEST = 600
_LARGEST = 32_000_000
_KEPT_BYTES = 64_000_000
_PACKS = ("text/", "application/javascript", "application/json", "application/geo+json",
          "image/svg+xml", "application/manifest+json")  # fmt: skip
_QUALITY = {"kept": 9, "made": 4}


class Store:
    """Packed bodies by what they are of, the least used dropped first."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._size = most_bytes, 0
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> bytes | None:
        """Return what is kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple[object, ...], body: bytes) -> None:
        """Keep a body."""
        with self._lock:
            if key in self._kept or len(body) > self._most:
                return
            self._kept[key] = body
            self._size += len(body)
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1])


class Compress:
    """Packs answers by brotli or gzip; keeps what carries an ETag."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._store = app, Store(_KEPT_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with a packed answer where the visitor takes one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        coding = _coding(Headers(scope=scope).get("accept-encoding", ""))
        if coding:
            scope = _known_as_plain(scope, coding)
        await self._app(scope, receive, _Packed(send, coding, self._store, scope["path"]))


class _Packed:
    """Holds back an answer until all of it is there, then sends it packed."""

    def __init__(self, send: Send, coding: str, store: Store, path: str) -> None:
        self._send, self._coding, self._store, self._path = send, coding, store, path
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take a message of the answer."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if not _packs(message["status"], headers):
                await self._send(message)
                return
            headers.add_vary_header("Accept-Encoding")
            if not self._coding or message["status"] != 200:  # noqa: PLR2004 - OK
                _mark(headers, self._coding)
                await self._send(message)
                return
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        headers = MutableHeaders(raw=start["headers"])
        body = bytes(self._body)
        if len(body) >= _SMALLEST:
            etag = headers.get("etag", "")
            key = (self._path, etag, self._coding)
            packed = self._store.get(key) if etag else None
            if packed is None:
                packed = pack(body, self._coding, _QUALITY["kept" if etag else "made"])
                if etag:
                    self._store.put(key, packed)
            body = packed
            headers["content-encoding"] = self._coding
            _mark(headers, self._coding)
        headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def pack(body: bytes, coding: str, quality: int) -> bytes:
    """Return ``body`` packed."""
    if coding == "br":
        packed: bytes = brotli.compress(body, quality=quality)
        return packed
    return gzip.compress(body, compresslevel=min(quality, 6), mtime=0)


def _coding(accepted: str) -> str:
    """Return the best coding that the visitor takes, or nothing."""
    offered = {}
    for part in accepted.split(","):
        name, _, weight = part.strip().partition(";q=")
        offered[name.strip().lower()] = weight.strip() not in {"0", "0.0", "0.00", "0.000"}
    return next((c for c in ("br", "gzip") if offered.get(c)), "")


def _packs(status: int, headers: MutableHeaders) -> bool:
    """Return whether an answer is of a kind that packs well, and whole."""
    if status == 304:  # noqa: PLR2004 - not modified
        return "etag" in headers
    kind = headers.get("content-type", "").partition(";")[0]
    size = headers.get("content-length", "0")
    return (
        status == 200  # noqa: PLR2004 - OK
        and "content-encoding" not in headers
        and kind.startswith(_PACKS)
        and int(size) <= _LARGEST
    )


def _mark(headers: MutableHeaders, coding: str) -> None:
    """Tell the packed form apart from the plain one."""
    etag = headers.get("etag", "")
    if coding and etag.endswith('"'):
        headers["etag"] = f'{etag[:-1]}-{coding}"'


def _known_as_plain(scope: Scope, coding: str) -> Scope:
    """Return the scope with the marks of packed forms, which the application does not know, cut."""
    ending = f'-{coding}"'.encode()
    headers = [
        (name, value.replace(ending, b'"') if name == b"if-none-match" else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}
