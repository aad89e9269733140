"""The dashboards, mounted beside everything else, each page with scripts of its own only."""

import asyncio
import gc
import hashlib
import re
import secrets
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import panel as pn
from fastapi import FastAPI
from panel.io.fastapi import add_applications
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reliefscope.jobs.desk import Desk
from reliefscope.pipeline.engine import give_back
from reliefscope.serve import pages, wording
from reliefscope.serve.config import Serving
from reliefscope.serve.front import NONCE, route_path
from reliefscope.serve.routes import is_slow
from reliefscope.settings import Settings
from reliefscope.views import apps as views
from reliefscope.views.map import BUNDLE
from reliefscope.views.store import Routes

HOME = "/briefing"
_SWEEP_S = 10.0
_CHECK_MS = 5_000
_MAP = "/components/reliefscope.views.map/Map/_bundle_path/bundle.js"
_SCRIPTS = ("/static/", "/components/")
_HIDDEN = ["cookie", "authorization"]
"""Headers that do not go into the token that a page carries."""


def mount(app: FastAPI, serving: Serving) -> "Dashboards":
    """Add the dashboards, and return their keeper."""
    applications: dict[str, Any] = {**_pages(serving)}
    pn.config.reconnect = True
    bokeh = add_applications(
        applications,
        app=app,
        title={path: f"ReliefScope {path[1:]}" for path in applications},
        websocket_origin=[urlsplit(o).netloc for o in serving.origins],
        secret_key=secrets.token_bytes(32),
        sign_sessions=True,
        check_unused_sessions_milliseconds=_CHECK_MS,
        unused_session_lifetime_milliseconds=serving.limits.unused_session_s * 1000,
        exclude_headers=_HIDDEN,
        include_cookies=[],
    )
    return Dashboards(bokeh, serving, frozenset(applications))


def _pages(serving: Serving) -> dict[str, Any]:
    """Return what makes a new page for each visitor, by path; the gate knows who may have it."""
    settings = replace(
        Settings.from_environment(), catalog=serving.catalog, catalog_url="", cache=serving.cache
    )
    publishing = replace(settings, catalog_url=serving.catalog_url)
    routes = routes_of(serving)
    return {
        HOME: lambda: views.briefing(settings, query=_query(), routes=routes),
        "/explorer": lambda: views.explorer(Desk(settings=publishing), query=_query()),
        "/climate": lambda: views.climate(settings, query=_query(), routes=routes),
    }


def routes_of(serving: Serving) -> Routes:
    """Return the addresses of the server's own routes."""
    kinds = ("tiles", "files", "pictures", "outlines", "vectors")
    return Routes(**{kind: f"{serving.root}/{kind}/" for kind in kinds})


def _query() -> str:
    """Return the query of the address that is being opened."""
    return str(pn.state.location.search) if pn.state.location else ""


class Dashboards:
    """Counts the open pages, and forgets those whose visitor has left."""

    def __init__(self, bokeh: Any, serving: Serving, paths: frozenset[str]) -> None:  # noqa: ANN401 - untyped in bokeh-fastapi
        self._bokeh, self._serving = bokeh, serving
        self.paths = paths

    @property
    def open_pages(self) -> int:
        """How many sessions there are."""
        return sum(len(c._sessions) for c in self._bokeh._applications.values())  # noqa: SLF001 - it has no other name

    @property
    def full(self) -> bool:
        """Whether no more pages may be opened."""
        return self.open_pages >= self._serving.limits.sessions

    def sweep(self) -> None:
        """Detach connections that are closed; the library leaves them attached for ever."""
        for connection in list(self._bokeh._clients):  # noqa: SLF001 - likewise
            socket = connection._socket._socket  # noqa: SLF001 - likewise
            if socket.client_state.name == "DISCONNECTED":
                self._bokeh.client_lost(connection)

    async def keep(self) -> None:
        """Sweep now and then, for ever; what pages held goes back when the last one is closed."""
        while True:
            before = self.open_pages
            await asyncio.sleep(_SWEEP_S)
            self.sweep()
            if before and not self.open_pages:
                gc.collect()
                give_back()


class Pages:
    """Gives each page of a dashboard its own content security policy."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self._app, self._serving = app, serving
        self.dashboards: Dashboards | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; a page is held back until its scripts are marked."""
        board, path = self.dashboards, route_path(scope) if "path" in scope else ""
        if path == _MAP and scope["type"] == "http":
            await _map_script(Request(scope))(scope, receive, send)
        elif path.startswith(_SCRIPTS):
            await self._app(scope, receive, _kept(send, versioned=b"v=" in scope["query_string"]))
        elif board is None or path.removesuffix("/ws") not in board.paths:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            try:
                await self._app(_rootless(scope), receive, send)
            finally:
                board.sweep()
        elif scope["type"] == "http":
            await self._open(board, scope, receive, send)

    async def _open(self, board: Dashboards, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if is_slow(request) and request.query_params.get("lite") != "0":
            target = f"{self._serving.root}/lite"
            if product := request.query_params.get("product", ""):
                target += (
                    f"/{product}" if product.replace("_", "").replace("-", "").isalnum() else ""
                )
            await RedirectResponse(target, HTTPStatus.SEE_OTHER)(scope, receive, send)
        elif board.full:
            words = pages.words_for(request)
            answer = pages.page(
                request, "message.html", words, status=HTTPStatus.SERVICE_UNAVAILABLE, form=True,
                heading=words(wording.FULL), text=words(wording.FULL_TEXT),
            )  # fmt: skip
            await answer(scope, receive, send)
        else:
            await self._app(_rootless(scope), receive, _Marked(send, scope[NONCE], self._serving))


@cache
def _map_body() -> tuple[bytes, str]:
    """Return the map's script and its mark; Panel itself would give it without one."""
    body = BUNDLE.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _map_script(request: Request) -> Response:
    body, etag = _map_body()
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, HTTPStatus.OK, headers, "text/javascript")


def _kept(send: Send, *, versioned: bool) -> Send:
    """Return what sends a script that the browser keeps: for good where its address names it."""
    age = "private, max-age=31536000, immutable" if versioned else "private, no-cache"

    async def pass_on(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < HTTPStatus.BAD_REQUEST:
            MutableHeaders(raw=message["headers"])["cache-control"] = age
        await send(message)

    return pass_on


def _rootless(scope: Scope) -> Scope:
    """Return the scope without the path of a proxy: Panel's addresses are relative to the page."""
    path = route_path(scope)
    return {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}


class _Marked:
    """Holds a page back, and marks its scripts."""

    def __init__(self, send: Send, nonce: str, serving: Serving) -> None:
        self._send, self._nonce, self._serving = send, nonce, serving
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        """Take a message of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        text = self._body.decode()
        body = marked(text, self._nonce).encode()
        headers = MutableHeaders(raw=self._start["headers"])
        headers["content-length"] = str(len(body))
        headers["content-security-policy"] = policy(self._nonce, self._serving)
        headers["accept-ch"] = "Save-Data, ECT, RTT, Downlink"
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})


def policy(nonce: str, serving: Serving) -> str:
    """Return the policy of a dashboard: scripts of this server that carry the page's number.

    Bokeh compiles the callbacks it is sent ('unsafe-eval'), and sets styles on elements; Panel
    loads components from addresses of its own making (blob:).
    """
    sockets = " ".join(o.replace("http", "ws", 1) for o in sorted(serving.origins) if "[" not in o)
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval' blob:; "
        f"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        f"connect-src 'self' blob: data: {sockets}; worker-src 'self' blob:; "
        f"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def marked(text: str, nonce: str) -> str:
    """Return a page whose script elements carry ``nonce``; texts inside them are not touched."""
    out, last = [], 0
    for script in _SCRIPT.finditer(text):
        out += [text[last : script.end(1)], f' nonce="{nonce}"']
        last = script.end(1)
    return "".join([*out, text[last:]])


_SCRIPT = re.compile(r"(<script)(?=[\s/>]).*?</script", re.IGNORECASE | re.DOTALL)
"""A script from its beginning to its end, whatever stands between."""
