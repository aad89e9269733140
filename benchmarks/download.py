"""What interruptions cost: a download killed at random points and resumed.

    python benchmarks/download.py [--megabytes 200] [--kills 50]

Each trial is killed once (SIGKILL) at a random point and then finished; another download is killed
again and again. Prints the bytes the server sent against the bytes of the file.
"""

import argparse
import hashlib
import multiprocessing
import os
import platform
import random
import signal
import socket
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.download import Expected

BLOCK = 1 << 16


class Server(ThreadingHTTPServer):
    """Serves one file of random bytes with ranges, and counts what the network took of it."""

    daemon_threads = True

    def __init__(self, size: int) -> None:
        """Make the file and listen."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = random.Random(1).randbytes(size)  # noqa: S311 - bytes to send, no secret
        self.sent = 0
        # what waits in the kernel when a client dies counts as sent: keep it small
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BLOCK)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""


class Handler(BaseHTTPRequestHandler):
    """Answers in whole or from where it is asked for."""

    server: Server

    def do_GET(self) -> None:
        """Send the file."""
        body, start = self.server.body, 0
        if (span := self.headers.get("Range")) and self.headers.get("If-Range") == '"1"':
            start = int(span.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        for at in range(start, len(body), BLOCK):
            piece = body[at : at + BLOCK]
            self.wfile.write(piece)
            self.server.sent += len(piece)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def fetch(url: str, cache: Path, sha256: str) -> None:
    """Fetch the file, in a process of its own."""
    transport = Transport(Settings(cache=cache)).at(url)
    transport.fetch(Ask(url=f"{url}/file"), Expected(checksums=(f"1220{sha256}",)))


def killed_at(share: float, url: str, cache: Path, server: Server, sha256: str) -> bool:
    """Start a fetch and kill it when ``share`` of the file has arrived."""
    process = multiprocessing.get_context("fork").Process(target=fetch, args=(url, cache, sha256))
    process.start()
    part = Transport(Settings(cache=cache)).store.place(f"{url}/file") / "content.part"
    while process.is_alive():
        if part.exists() and part.stat().st_size >= share * len(server.body):
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            return True
        time.sleep(0.001)
    process.join()
    return False


def main() -> None:
    """Run both trials and print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    args = parser.parse_args()
    server = Server(args.megabytes * 1_000_000)
    sha256 = hashlib.sha256(server.body).hexdigest()
    chance = random.Random(7)  # noqa: S311 - repeatable
    print(platform.platform(), platform.python_version(), f"{args.megabytes} MB")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as folder:
        extra, right, kills = [], 0, 0
        for trial in range(args.kills):
            cache, server.sent = Path(folder) / str(trial), 0
            kills += killed_at(chance.random(), url, cache, server, sha256)
            fetch(url, cache, sha256)
            held = Transport(Settings(cache=cache)).store.find(f"{url}/file")
            right += held is not None and held.read_bytes() == server.body
            extra.append(server.sent / len(server.body) - 1)
            for path in cache.rglob("*"):
                if path.is_file():
                    path.unlink()
        print(
            f"killed once, {kills} of {args.kills} trials: right {right}, extra bytes "
            f"mean {sum(extra) / len(extra):.2%}, largest {max(extra):.2%}"
        )
        cache, server.sent, kills = Path(folder) / "again", 0, 0
        for share in sorted(chance.random() for _ in range(args.kills)):
            kills += killed_at(share, url, cache, server, sha256)
        fetch(url, cache, sha256)
        held = Transport(Settings(cache=cache)).store.find(f"{url}/file")
        right = held is not None and held.read_bytes() == server.body
        print(
            f"one download killed {kills} times: {'right' if right else 'WRONG'}, extra bytes "
            f"{server.sent / len(server.body) - 1:.2%}"
        )


if __name__ == "__main__":
    main()
