"""A real Chromium against a real server; skipped with the reason where there is no browser."""

import pytest

from reliefscope.serve import users
from reliefscope.serve.config import Limits, Serving
from tests.browser.conftest import run_server
from tests.servers import free_port

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def exercise(catalog):
    """The catalog that is served."""
    return catalog


@pytest.fixture(scope="session")
def guarded_site(exercise, tmp_path_factory):
    """The server with users; its address."""
    port = free_port()
    folder = tmp_path_factory.mktemp("guarded")
    users.add(folder / "users", "vera", users.Role.VIEWER, PASSWORD)
    serving = Serving(catalog=exercise, port=port, cache=folder, users=folder / "users",
                      limits=Limits(logins_per_minute=60))  # fmt: skip
    stop, _ = run_server(serving)
    yield f"http://127.0.0.1:{port}"
    stop()


@pytest.fixture
def opened(chromium):
    """Open pages that are watched: what leaves the host, breaks a policy or fails is kept."""
    contexts = []

    def make(base, **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.weights = []

        def asked(request):
            if not request.url.startswith((base, "data:", "blob:", f"ws{base[4:]}")):
                page.faults.append(f"left the host: {request.url}")

        def said(message):
            if message.type in {"error", "warning"}:
                page.faults.append(f"console: {message.text}")

        page.on("request", asked)
        page.on("console", said)
        page.on("pageerror", lambda error: page.faults.append(f"error: {error}"))
        page.on("websocket", lambda s: asked(type("W", (), {"url": s.url})))
        page.on("requestfinished", lambda r: page.weights.append(r.sizes()["responseBodySize"]))
        return page

    yield make
    for context in contexts:
        context.close()
