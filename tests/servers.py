"""Real servers that we did not write, on loopback: STAC API and byte ranges over HTTP."""

import contextlib
import json
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pystac
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

_RUSTAC = Path(sysconfig.get_path("scripts")) / "rustac"
_PATIENCE_S = 180


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Serve ``folder`` with range requests; yield its address."""
    with app_server(Starlette(routes=[Mount("/", StaticFiles(directory=folder))])) as url:
        yield url


@contextlib.contextmanager
def app_server(app: Starlette) -> Iterator[str]:
    """Serve an application; yield its address."""
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _wait(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)


@contextlib.contextmanager
def stac_server(
    folder: Path, collection: pystac.Collection, items: Sequence[pystac.Item]
) -> Iterator[str]:
    """Serve ``items`` behind a STAC API; yield its landing page."""
    port = free_port()
    files = []
    for name, content in (
        ("collection.json", collection.to_dict(include_self_link=False, transform_hrefs=False)),
        (
            "items.json",
            {
                "type": "FeatureCollection",
                "features": [
                    i.to_dict(include_self_link=False, transform_hrefs=False) for i in items
                ],
            },
        ),
    ):
        path = folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        files.append(str(path))
    command = [str(_RUSTAC), "serve", "-a", f"127.0.0.1:{port}", *files]
    with subprocess.Popen(  # noqa: S603 - a server from a package, on loopback
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(lambda: _answers(url))
            yield url
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait(ready) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("a loopback server did not start")
        time.sleep(0.05)


_ONE_AT_A_TIME = """
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
app = DomainDispatcherApplication(create_backend_app)
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=False)
"""
"""Moto looks at a condition and then writes: only one request at a time makes that one step, as a
real store does it."""


@contextlib.contextmanager
def object_store(bucket: str) -> Iterator[str]:
    """Run an object store that speaks S3, with a bucket; yield its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _ONE_AT_A_TIME, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def made() -> bool:
        made = urllib.request.Request(f"{url}/{bucket}", method="PUT")  # noqa: S310 - loopback
        with contextlib.suppress(OSError), urllib.request.urlopen(made, timeout=30):  # noqa: S310
            return True
        return False

    try:
        _wait(made)
        yield url
    finally:
        server.terminate()
        server.wait(_PATIENCE_S)
