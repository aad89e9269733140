"""A proxy that breaks what passes through it, on purpose and by a seed."""

import contextlib
import gzip
import http.client
import random
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PAGE = b"<!DOCTYPE html><html><body>Gateway maintenance, please come back later</body></html>"


@dataclass
class Fault:
    """What to do to how many answers before the line is well again."""

    kind: str
    times: int
    seed: int
    token: str = ""
    """With ``kind`` "expired": the only bearer token let through."""
    sent: int = 0
    """Bytes of bodies sent to the client."""
    requests: int = 0
    broken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - repeatable, guards nothing

    def strike(self) -> bool:
        """Whether this answer is to be broken."""
        with self._lock:
            self.requests += 1
            if self.broken >= self.times:
                return False
            self.broken += 1
            return True


@contextlib.contextmanager
def fault_proxy(upstream: str, fault: Fault) -> Iterator[str]:
    """Stand between a client and the server at ``upstream``; yield the proxy's address."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):
                _serve(self, upstream, fault)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _serve(handler, upstream, fault):
    line = handler.rfile.readline().decode().split()
    if not line:  # the client died before it asked
        return
    headers = http.client.parse_headers(handler.rfile)
    sent = handler.rfile.read(int(headers.get("Content-Length", 0))) or None
    strike = fault.strike()
    if strike and fault.kind == "ignores ranges":
        for name in ("Range", "If-Range"):
            del headers[name]
    host = urlsplit(upstream)
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=60)
    passed = {k: v for k, v in headers.items() if k.lower() not in {"host", "connection"}}
    connection.request(line[0], line[1], body=sent, headers=passed)
    answer = connection.getresponse()
    body = answer.read()
    kept = {k.lower(): v for k, v in answer.getheaders()}
    connection.close()
    if fault.kind == "expired token" and headers.get("authorization") != f"Bearer {fault.token}":
        _send(handler, fault, 401, {}, b"who are you")
        return
    if line[0] == "HEAD":
        length = int(kept.get("content-length", 0))
        _send(handler, fault, answer.status, kept, b"", length=length)
        return
    action = _FAULTS[fault.kind] if strike else _well
    action(handler, fault, answer.status, kept, body)


def _send(handler, fault, status, headers, body, *, length=None):
    """Send a head and a body; say another length than it has where told."""
    size = len(body) if length is None else length
    head = {**headers, "connection": "close"}
    if "transfer-encoding" not in head:
        head["content-length"] = str(size)
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in head.items())]
    handler.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    handler.wfile.write(body)
    handler.wfile.flush()
    if status < 300:
        fault.sent += len(body)


def _well(handler, fault, status, headers, body):
    _send(handler, fault, status, headers, body)


def _part(fault, body):
    return body[: fault.random.randrange(len(body) + 1)]


def _cut(handler, fault, status, headers, body):
    _send(handler, fault, status, headers, _part(fault, body), length=len(body))


def _reset(handler, fault, status, headers, body):
    _send(handler, fault, status, headers, _part(fault, body), length=len(body))
    time.sleep(0.02)
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def _stall(handler, fault, status, headers, body):
    _send(handler, fault, status, headers, _part(fault, body), length=len(body))
    time.sleep(0.25)


def _drip(handler, fault, status, headers, body):
    part = _part(fault, body)
    _send(handler, fault, status, headers, part, length=len(body))
    for byte in body[len(part) : len(part) + 15]:
        handler.wfile.write(bytes([byte]))
        fault.sent += 1
        time.sleep(0.02)


def _too_long(handler, fault, status, headers, body):
    _send(handler, fault, status, headers, body, length=len(body) + fault.random.randrange(1, 999))


def _too_short(handler, fault, status, headers, body):
    _send(handler, fault, status, headers, _part(fault, body))


def _flip(handler, fault, status, headers, body):
    spoiled = bytearray(body)
    for _ in range(3):
        if spoiled:
            spoiled[fault.random.randrange(len(spoiled))] ^= 1 << fault.random.randrange(8)
    _send(handler, fault, status, headers, bytes(spoiled))


def _page(handler, fault, status, headers, body):
    del status, body
    headers = {k: v for k, v in headers.items() if k == "date"}
    _send(handler, fault, 200, {**headers, "content-type": "text/html"}, _PAGE)


def _spliced(handler, fault, status, headers, body):
    """A page in the middle of the file, with the length and the type of the file."""
    at = fault.random.randrange(max(1, len(body) - len(_PAGE)))
    spoiled = (body[:at] + _PAGE + body[at + len(_PAGE) :])[: len(body)]
    _send(handler, fault, status, headers, spoiled)


def _refuse(status, **more):
    def refuse(handler, fault, _status, _headers, _body):
        _send(handler, fault, status, more, b"later")

    return refuse


def _wrong_range(handler, fault, status, headers, body):
    if "content-range" in headers:
        headers = {**headers, "content-range": f"bytes 1-{len(body)}/{len(body) + 1}"}
        _send(handler, fault, status, headers, body)
    else:
        _cut(handler, fault, status, headers, body)


def _chunked(handler, fault, status, headers, body):
    headers = {k: v for k, v in headers.items() if k != "content-length"}
    part = _part(fault, body)
    data = b"".join(
        f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        for piece in (part[i : i + 5000] for i in range(0, len(part), 5000))
    )
    end = b"0\r\n\r\n" if len(part) == len(body) else b""
    _send(handler, fault, status, {**headers, "transfer-encoding": "chunked"}, data + end)


def _packed(handler, fault, status, headers, body):
    headers = {**headers, "content-encoding": "gzip"}
    _send(handler, fault, status, headers, gzip.compress(body))


_FAULTS = {
    "cut": _cut,
    "reset": _reset,
    "stall": _stall,
    "drip": _drip,
    "says too much": _too_long,
    "says too little": _too_short,
    "flipped bits": _flip,
    "page": _page,
    "page inside": _spliced,
    "429": _refuse(429, **{"retry-after": "0"}),
    "503": _refuse(503),
    "expired token": _cut,
    "ignores ranges": _cut,
    "wrong range": _wrong_range,
    "chunked": _chunked,
    "packed": _packed,
    "changes": _cut,
}
KINDS = tuple(_FAULTS)
