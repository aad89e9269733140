import asyncio
import errno
import hashlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from reliefscope.errors import IntegrityError, UnavailableError
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.download import Content, Expected
from reliefscope.transport.retry import Retry
from tests.servers import app_server

BODY = bytes(range(256)) * 8000
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server:
    """Serves one file with ranges, slowly where told, and counts what it sends."""

    def __init__(self, pause=0.0):
        self.sent, self.pause = 0, pause
        self.app = Starlette(routes=[Route("/{name:path}", self.file)])

    async def file(self, request: Request):
        start = 0
        if (span := request.headers.get("range")) and request.headers.get("if-range") == '"v1"':
            start = int(span.removeprefix("bytes=").split("-")[0])
        headers = {"etag": '"v1"', "content-length": str(len(BODY) - start)}
        if start:
            headers["content-range"] = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"

        async def body():
            for at in range(start, len(BODY), 65536):
                block = BODY[at : at + 65536]
                self.sent += len(block)
                yield block
                await asyncio.sleep(self.pause)

        return StreamingResponse(body(), status_code=206 if start else 200, headers=headers)


def _transport(tmp_path, url):
    return Transport(Settings(cache=tmp_path), retry=Retry(attempts=2, first_s=0.01)).at(url)


def test_a_file_is_fetched_once_and_then_held(tmp_path):
    """The second time nothing is sent; offline neither."""
    server, seen = Server(), []
    with app_server(server.app) as url:
        transport = _transport(tmp_path, url)
        expected = Expected(size=len(BODY), checksums=(f"1220{SHA256}",))
        path = transport.fetch(
            Ask(url=f"{url}/x.bin"), expected, progress=lambda d, t: seen.append((d, t))
        )
        again = transport.fetch(Ask(url=f"{url}/x.bin"), expected)
    assert path == again
    assert path.name == "x.bin"
    assert path.read_bytes() == BODY
    assert server.sent == len(BODY)
    assert seen[-1] == (len(BODY), len(BODY))
    offline = Transport(Settings(cache=tmp_path, offline=True))
    assert offline.fetch(Ask(url=f"{url}/x.bin")) == path
    with pytest.raises(UnavailableError, match="offline"):
        offline.fetch(Ask(url=f"{url}/y.bin"))


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Expected(checksums=("1220" + "0" * 64,)), "sha256 checksum"),
        (Expected(checksums=("md5:" + "0" * 32,)), "md5 checksum"),
        (Expected(content=Content.RASTER), "none of"),
        (Expected(content=Content.ZIP), "not a whole zip"),
        (Expected(content=Content.JSON), "not whole JSON"),
        (Expected(cap=1000), "at most 1,000"),
    ],
)
def test_what_is_not_as_promised_is_not_kept(tmp_path, expected, message):
    """Fetched once more, then an error; nothing is left in the cache."""
    server = Server()
    with app_server(server.app) as url:
        transport = _transport(tmp_path, url)
        with pytest.raises(IntegrityError, match=message):
            transport.fetch(Ask(url=f"{url}/x.bin"), expected)
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".lock"] == []


def test_a_file_that_was_issued_again_is_fetched_again(tmp_path):
    """Another size or checksum than the one held: the held one is stale."""
    server = Server()
    with app_server(server.app) as url:
        transport = _transport(tmp_path, url)
        transport.fetch(Ask(url=f"{url}/x.bin"))
        transport.fetch(Ask(url=f"{url}/x.bin"), Expected(checksums=(f"sha256:{SHA256}",)))
        assert server.sent == len(BODY)
        with pytest.raises((IntegrityError, UnavailableError)):
            transport.fetch(Ask(url=f"{url}/x.bin"), Expected(size=5))
    assert server.sent > len(BODY)


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "a b;rm -rf.tif", "", ".."])
def test_a_name_from_outside_is_nothing_but_a_name(tmp_path, name):
    """Whatever a provider calls it, the file lies in its own folder in the cache."""
    with app_server(Server().app) as url:
        transport = _transport(tmp_path, url)
        path = transport.fetch(Ask(url=f"{url}/..%2f..%2fx"), Expected(name=name), identity="x")
    assert path.resolve().is_relative_to(tmp_path.resolve() / "files")
    assert path.parent == transport.store.place("x")


def test_a_full_disk_is_said_and_what_arrived_is_kept(tmp_path, monkeypatch):
    """An error that says what to do; the next run goes on."""
    opened = Path.open
    with app_server(Server().app) as url:
        transport = _transport(tmp_path, url)

        class Full:
            def __init__(self, file):
                self.file, self.left = file, 500_000

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, block):
                self.left -= len(block)
                if self.left < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return self.file.write(block)

        def full(self, *args, **kwargs):
            file = opened(self, *args, **kwargs)
            return Full(file) if self.name == "content.part" and args == ("ab",) else file

        monkeypatch.setattr(Path, "open", full)
        with pytest.raises(UnavailableError, match="is full"):
            transport.fetch(Ask(url=f"{url}/x.bin"))
        monkeypatch.setattr(Path, "open", opened)
        place = transport.store.place(transport.scrub(f"{url}/x.bin"))
        assert (place / "content.part").stat().st_size > 300_000
        assert transport.fetch(Ask(url=f"{url}/x.bin")).read_bytes() == BODY


def _fetch(url, cache):
    Transport(Settings(cache=cache)).at(url).fetch(
        Ask(url=f"{url}/x.bin"), Expected(checksums=(f"1220{SHA256}",))
    )


def test_a_killed_download_goes_on_where_it_stopped(tmp_path):
    """SIGKILL four times on the way; hardly a byte is sent twice, and the file is right."""
    server = Server(pause=0.02)
    context = multiprocessing.get_context("spawn")
    kills = 0
    with app_server(server.app) as url:
        place = Transport(Settings(cache=tmp_path)).store.place(f"{url}/x.bin")
        for share in (0.15, 0.35, 0.55, 0.75):
            process = context.Process(target=_fetch, args=(url, tmp_path))
            process.start()
            part = place / "content.part"
            while process.is_alive():
                if part.exists() and part.stat().st_size > share * len(BODY):
                    os.kill(process.pid, signal.SIGKILL)
                    kills += 1
                    break
                time.sleep(0.005)
            process.join()
        transport = _transport(tmp_path, url)
        path = transport.fetch(Ask(url=f"{url}/x.bin"), Expected(checksums=(f"1220{SHA256}",)))
    assert kills == 4
    assert path.read_bytes() == BODY
    assert server.sent < 1.3 * len(BODY)


def test_a_server_without_validators_is_not_resumed(tmp_path):
    """Nothing tells one version from another: the second attempt starts afresh."""
    asked = []

    async def file(request):
        asked.append(request.headers.get("range"))
        return Response(BODY[: 1000 if len(asked) == 1 else None], headers={"x": "y"})

    with app_server(Starlette(routes=[Route("/x.bin", file)])) as url:
        transport = _transport(tmp_path, url)
        path = transport.fetch(Ask(url=f"{url}/x.bin"), Expected(checksums=(f"1220{SHA256}",)))
    assert path.read_bytes() == BODY
    assert asked == [None, None]
