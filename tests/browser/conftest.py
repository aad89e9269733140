"""A real browser before real pages: everything is served on loopback, nothing else may be asked."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from PIL import Image

from reliefscope.jobs.desk import Desk
from reliefscope.serve import apps
from reliefscope.serve.config import Serving
from reliefscope.serve.server import build
from tests.exercises import publish_exercises
from tests.servers import free_port

_PATIENCE_MS = 180_000
"""Of a machine that is busy with everything else; what is waited for is a state, not a time."""
_PICTURES = os.environ.get("RELIEFSCOPE_README_PICTURES") == "yes"
_HERE = ("http://127.0.0.1:", "http://localhost:", "ws://127.0.0.1:", "ws://localhost:",
         "data:", "blob:")  # fmt: skip


def run_server(serving):
    """Start the server of the product; return what stops it, and the keeper of its pages."""
    app, _, dashboards = build(serving)
    config = uvicorn.Config(
        app, host=serving.host, port=serving.port, log_level="error",
        forwarded_allow_ips="127.0.0.1", timeout_graceful_shutdown=1,
        ws_max_size=serving.limits.message_bytes, ws_ping_timeout=120,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)

    def stop():
        server.should_exit = True
        thread.join(10)

    return stop, dashboards


@contextlib.contextmanager
def serving_catalog(catalog, cache):
    """Serve a catalog to this machine; yield the address."""
    port = free_port()
    stop, _ = run_server(Serving(catalog=catalog, port=port, cache=cache))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop()


@pytest.fixture(scope="session")
def catalog(browser_path, tmp_path_factory):
    """A flood and a drought, for all tests that only read."""
    assert browser_path
    size = 512 if _PICTURES else 256
    return publish_exercises(tmp_path_factory, "drought", "flood", size=size)


@pytest.fixture(scope="session")
def site(catalog, tmp_path_factory):
    """Address of the server of the product, open on this machine."""
    with serving_catalog(catalog, tmp_path_factory.mktemp("site")) as address:
        yield address


@pytest.fixture
def own_site(catalog, tmp_path, monkeypatch):
    """Address of a server, and its catalog, that a test may change; ask for it before pages.

    Exercises that are run there are as small as the published ones.
    """
    monkeypatch.setattr(apps, "Desk", partial(Desk, size=512 if _PICTURES else 256))
    copy = shutil.copytree(catalog, tmp_path / "catalog")
    with serving_catalog(copy, tmp_path / "cache") as address:
        yield address, copy


@pytest.fixture
def scripts_site(catalog, root, tmp_path):
    """Address of `panel serve dashboards/*.py`."""
    port = free_port()
    scripts = sorted(str(p) for p in (root / "dashboards").glob("*.py"))
    env = {
        **os.environ,
        "RELIEFSCOPE_CATALOG": str(catalog),
        "RELIEFSCOPE_CACHE": str(tmp_path / "cache"),
        "RELIEFSCOPE_OFFLINE": "yes",
    }
    command = [sys.executable, "-m", "panel", "serve", *scripts, "--port", str(port)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log) as server,  # noqa: S603 - our own pages
    ):
        try:
            address = f"http://localhost:{port}"
            _wait(f"{address}/briefing", server, tmp_path / "log")
            yield address
        finally:
            server.terminate()


def _wait(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait for the first page, which loads all libraries."""
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()}")
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=120):  # noqa: S310 - loopback
            return
        time.sleep(0.2)
    pytest.fail("the server did not answer")


def live(page):
    """Wait until the page has taken the place of the plain one that comes first."""
    page.locator("#first").wait_for(state="detached", timeout=_PATIENCE_MS)


def drawn(page):
    """Wait until the map is drawn, and the picture before it is gone."""
    live(page)
    page.wait_for_selector(".rs-map[data-drawn=yes]", timeout=_PATIENCE_MS)
    page.locator(".rs-still").wait_for(state="detached", timeout=_PATIENCE_MS)


@pytest.fixture
def open_page(chromium, site):
    """Open pages that fail the test on any error, and on any request that leaves the host."""
    errors, contexts = [], []

    def asked(request):
        if not request.url.startswith(_HERE):
            errors.append(f"left the host: {request.url}")

    def watch(page):
        page.on("pageerror", lambda error: errors.append(f"page error: {error}"))
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None,
        )
        page.on("request", asked)
        page.on("websocket", asked)
        page.on("dialog", lambda shown: errors.append(f"dialog: {shown.message}"))

    def go(path, **given):
        size = given.pop("size", (1360, 1000))
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, **given
        )
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(path if path.startswith("http") else f"{site}/{path}")
        if given.get("java_script_enabled", True):
            live(page)
        return page

    yield go
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Where screenshots go: a folder of the environment's choice, to be looked at."""
    chosen = os.environ.get("RELIEFSCOPE_SCREENSHOTS")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="session")
def keep_picture(root, pictures):
    """Keep what the window shows as a picture for README.md, in its folder where that is asked."""
    folder = root / "docs" / "pictures" if _PICTURES else pictures
    folder.mkdir(parents=True, exist_ok=True)

    def keep(page, name, at="header"):
        page.locator(at).first.evaluate("e => e.scrollIntoView()")
        with Image.open(io.BytesIO(page.screenshot())) as shown:
            shown.convert("RGB").save(folder / f"{name}.webp", quality=70, method=6)

    return keep
