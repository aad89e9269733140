"""Who may pass: every path is shut unless a table says otherwise."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from reliefscope.serve import pages, wording
from reliefscope.serve.config import Serving
from reliefscope.serve.front import route_path
from reliefscope.serve.users import Role, User, exists

OPEN = frozenset({"/healthz", "/favicon.ico", "/login", "/login/start", "/login/back", "/logout"})
"""Paths that need no sign-in."""
ANALYST = ("/explorer",)
"""Paths, with all below them, that need an analyst."""
USER = "reliefscope.user"
"""Key of a request's scope: who asks."""
_FORWARDED = (b"x-reliefscope-user", b"x-reliefscope-role")
_MOST_SESSIONS = 5000
_HOUR = 3600.0
NOBODY = User(name="", role=Role.ANALYST)
"""Who asks where nobody signs in: the person at this machine."""


@dataclass(slots=True)
class _Session:
    user: User
    began: float
    seen: float


class Sessions:
    """Who is signed in. A cookie is a random number, of which nothing can be forged."""

    def __init__(self, serving: Serving, clock: Callable[[], float] = time.monotonic) -> None:
        self._serving, self._clock = serving, clock
        self._known: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @property
    def cookie(self) -> str:
        """Name of the cookie; the prefix binds it to https and this host."""
        return "__Host-reliefscope" if self._serving.secure else "reliefscope"

    def begin(self, user: User) -> str:
        """Return the cookie's value for a new session."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._known = {k: s for k, s in self._known.items() if self._alive(s, now)}
            while len(self._known) >= _MOST_SESSIONS:
                del self._known[min(self._known, key=lambda k: self._known[k].seen)]
            self._known[token] = _Session(user, now, now)
        return token

    def user(self, headers: Headers) -> User | None:
        """Return who sends these headers, or None."""
        token, now = cookie_of(headers, self.cookie), self._clock()
        with self._lock:
            session = self._known.get(token)
            if session is None:
                return None
            if not self._alive(session, now):
                del self._known[token]
                return None
            session.seen = now
            user = session.user
        if self._serving.users is None:
            return user
        role = exists(self._serving.users, user.name)
        return None if role is None else User(name=user.name, role=role)

    def end(self, headers: Headers) -> None:
        """Forget the session of these headers."""
        with self._lock:
            self._known.pop(cookie_of(headers, self.cookie), None)

    def set_cookie(self, token: str) -> str:
        """Return the header that sets, or with an empty token removes, the cookie."""
        age = int(self._serving.limits.login_hours * _HOUR) if token else 0
        secure = "; Secure" if self._serving.secure else ""
        return f"{self.cookie}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"

    def _alive(self, session: _Session, now: float) -> bool:
        limits = self._serving.limits
        return (
            now - session.began < limits.login_hours * _HOUR
            and now - session.seen < limits.idle_hours * _HOUR
        )


class Gate:
    """Asks everybody, for pages, files and websockets alike."""

    def __init__(self, app: ASGIApp, serving: Serving, sessions: Sessions) -> None:
        self._app, self._serving, self._sessions = app, serving, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the user's name, or refuse."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        path, headers = route_path(scope), Headers(scope=scope)
        user = self._sessions.user(headers) if self._serving.signed_in else NOBODY
        if user is None and path not in OPEN:
            await self._unknown(scope, receive, send)
        elif user and user.role is not Role.ANALYST and needs_analyst(path):
            await self._not_theirs(scope, receive, send, user)
        else:
            await self._app(_named(scope, user), receive, send)

    async def _unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_visit(scope):
            wanted = str(scope["path"])
            if scope["query_string"]:
                wanted += f"?{scope['query_string'].decode('latin-1')}"
            target = f"{self._serving.root}/login?next={quote(wanted, safe='/')}"
            await RedirectResponse(target, status_code=303)(scope, receive, send)
        else:
            await _refused(scope, receive, send, 401, "sign in first")

    async def _not_theirs(self, scope: Scope, receive: Receive, send: Send, user: User) -> None:
        """Tell a viewer, in a page where a page was asked for, and where to go from here."""
        if not _is_visit(scope):
            await _refused(scope, receive, send, HTTPStatus.FORBIDDEN, "this page is for analysts")
            return
        request = Request({**scope, USER: user})
        words = pages.words_for(request)
        answer = pages.page(
            request, "refused.html", words, status=HTTPStatus.FORBIDDEN, form=True,
            heading=words(wording.FOR_ANALYSTS),
            text=words(wording.FOR_ANALYSTS_TEXT, name=user.name),
        )  # fmt: skip
        answer.headers["cache-control"] = "no-store"
        await answer(scope, receive, send)


def needs_analyst(path: str) -> bool:
    """Return whether a path is for analysts."""
    return any(path == p or path.startswith(f"{p}/") for p in ANALYST)


def _is_visit(scope: Scope) -> bool:
    """Return whether a person opens a page, rather than a page asking for something."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return Headers(scope=scope).get("sec-fetch-mode") == "navigate"


def cookie_of(headers: Headers, name: str) -> str:
    """Return the value of a cookie, or nothing."""
    jar: Mapping[str, object] = SimpleCookie()
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    found = jar.get(name)
    return str(getattr(found, "value", ""))


def _named(scope: Scope, user: User | None) -> Scope:
    """Return the scope with who asks, and without what visitors may have claimed."""
    kept = [(n, v) for n, v in scope["headers"] if n.lower() not in _FORWARDED]
    if user is not None:
        kept += zip(_FORWARDED, (user.name.encode(), str(user.role).encode()), strict=True)
    return {**scope, "headers": kept, USER: user}


async def _refused(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words})
    else:
        headers = {"cache-control": "no-store"}
        await JSONResponse({"error": words}, status, headers)(scope, receive, send)
