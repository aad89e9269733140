"""What every request passes first: host, origin, size and pace; and what every answer carries."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reliefscope.serve.config import Serving

NONCE = "reliefscope.nonce"
"""Key of a request's scope: what scripts and styles of its page must carry."""
_STRICT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_KNOWN_VISITORS = 10_000
_SUBPROTOCOLS = 2
_METHODS = frozenset({"GET", "HEAD", "POST"})
Refusal = tuple[HTTPStatus, str]


class Pace:
    """Allows each visitor so many requests a second on average, and some at once."""

    def __init__(
        self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, visitor: str) -> bool:
        """Return whether one more request is within the pace, and count it."""
        now = self._clock()
        left, then = self._left.pop(visitor, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._per_s)
        allowed = left >= 1
        self._left[visitor] = (left - allowed, now)
        while len(self._left) > _KNOWN_VISITORS:
            self._left.popitem(last=False)
        return allowed


class Front:
    """The outermost layer: nothing reaches the application without it."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self._app, self._serving = app, serving
        limits = serving.limits
        self._pace = Pace(limits.requests_per_s, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope[NONCE] = secrets.token_urlsafe(18)
        scope = _under(scope, self._serving.root)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, receive, send, refusal)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            weighed = _Weighed(receive, self._serving.limits.body_bytes)
            await self._app(scope, weighed, _Dressed(send, secure=self._serving.secure))

    def _too_large(self) -> Refusal:
        most = self._serving.limits.body_bytes
        return (
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the request is larger than {most:,} bytes; simplify or cut what you send",
        )

    def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        if headers.get("host", "").lower() not in self._serving.hosts and not self._probed(scope):
            return HTTPStatus.MISDIRECTED_REQUEST, "this server does not go by that name"
        visitor = (scope.get("client") or ("unknown", 0))[0]
        if not self._pace.allows(visitor):
            return HTTPStatus.TOO_MANY_REQUESTS, "too many requests at once; wait a few seconds"
        socket = scope["type"] == "websocket"
        return (
            self._socket_refusal(scope, headers) if socket else self._size_refusal(scope, headers)
        )

    def _size_refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        if scope["method"] not in _METHODS:
            return HTTPStatus.METHOD_NOT_ALLOWED, "only reading, and counting of areas, is offered"
        origin = headers.get("origin")
        if scope["method"] == "POST" and origin and origin.lower() not in self._serving.origins:
            return HTTPStatus.FORBIDDEN, "another site may not send forms here"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._serving.limits.body_bytes:
            return self._too_large()
        return None

    def _probed(self, scope: Scope) -> bool:
        """Return whether it is the question for health, which a balancer asks by address."""
        return scope["type"] == "http" and str(scope["path"]).endswith("/healthz")

    def _socket_refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        if headers.get("origin", "").lower() not in self._serving.origins:
            return HTTPStatus.FORBIDDEN, "another site may not connect here"
        asked = scope.get("subprotocols") or []
        if len(asked) != _SUBPROTOCOLS or asked[0] != "bokeh":
            return HTTPStatus.BAD_REQUEST, "this is no connection of a page of ours"
        return None


class _Dressed:
    """Adds to every answer what guards it."""

    def __init__(self, send: Send, *, secure: bool) -> None:
        self._send, self._secure = send, secure

    async def __call__(self, message: Message) -> None:
        """Pass a message of the answer on."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", _STRICT)
            headers.setdefault("cache-control", "no-store")
            if self._secure:
                headers["strict-transport-security"] = "max-age=31536000"
        await self._send(message)


class _Weighed:
    """Lets a body through up to a size, whatever its headers say."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def __call__(self) -> Message:
        """Return the next part; pretend that the visitor left when there is too much."""
        message = await self._receive()
        self._left -= len(message.get("body") or b"")
        if self._left < 0:
            return {"type": "http.disconnect"}
        return message


def _under(scope: Scope, root: str) -> Scope:
    """Return the scope with its path below ``root``, whether or not the proxy cut it off."""
    if not root:
        return scope
    path = str(scope["path"])
    if path != root and not path.startswith(f"{root}/"):
        path = f"{root}{path}"
    return {**scope, "path": path, "root_path": root, "raw_path": path.encode()}


def route_path(scope: Scope) -> str:
    """Return the path of a request below the server's own root."""
    path, root = str(scope["path"]), str(scope.get("root_path") or "")
    return path.removeprefix(root) or "/"


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    status, words = refusal
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words})
        return
    answer = PlainTextResponse(f"{words}\n", status_code=status, headers={
        "retry-after": "5", "cache-control": "no-store", "content-security-policy": _STRICT,
        **_HEADERS,
    })  # fmt: skip
    await answer(scope, receive, send)


def same_origin(target: str) -> bool:
    """Return whether a path leads to this server and nowhere else."""
    parts = urlsplit(target)
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    return plain and not parts.scheme and not parts.netloc and target.isprintable()
