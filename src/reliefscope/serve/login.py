"""Pages for signing in and out."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.serve import pages
from reliefscope.serve.config import Serving
from reliefscope.serve.front import Pace, same_origin
from reliefscope.serve.gate import Sessions, cookie_of
from reliefscope.serve.oidc import Client
from reliefscope.serve.users import User, check
from reliefscope.words import mark

_START_COOKIE = "reliefscope-start"
_WRONG = mark("This name and password do not fit together.")
_SLOWER = mark("Too many attempts. Wait a minute, then try again.")
_FAILED = mark("Signing in did not work: {reason}.")


def login_routes(serving: Serving, sessions: Sessions) -> APIRouter:
    """Return the routes of signing in and out."""
    login, router = _Login(serving, sessions), APIRouter()
    router.add_api_route("/login", login.show, methods=["GET"])
    router.add_api_route("/login", login.enter, methods=["POST"])
    router.add_api_route("/login/start", login.start, methods=["GET"])
    router.add_api_route("/login/back", login.come_back, methods=["GET"])
    router.add_api_route("/logout", login.leave, methods=["POST"])
    return router


class _Login:
    """Answers to those who come and go."""

    def __init__(self, serving: Serving, sessions: Sessions) -> None:
        self._serving, self._sessions = serving, sessions
        back = f"{_base(serving)}/login/back"
        self._client = None if serving.provider is None else Client(serving.provider, back)
        most = serving.limits.logins_per_minute
        self._pace = Pace(most / 60, most)

    def _page(self, request: Request, message: str = "", status: int = HTTPStatus.OK) -> Response:
        return pages.page(
            request, "login.html", pages.words_for(request), status=status, form=True,
            message=message, by_password=self._client is None,
            target=_target(request, self._serving),
        )  # fmt: skip

    def _let_in(self, user: User, target: str) -> Response:
        answer = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
        cookie = self._sessions.set_cookie(self._sessions.begin(user))
        answer.headers.append("set-cookie", cookie)
        return answer

    async def show(self, request: Request) -> Response:
        """Ask who it is."""
        if not self._serving.signed_in:
            return RedirectResponse(f"{self._serving.root}/", status_code=HTTPStatus.SEE_OTHER)
        return self._page(request)

    async def enter(self, request: Request) -> Response:
        """Take a name and a password."""
        words = pages.words_for(request)
        if self._serving.users is None:
            return self._page(request, status=HTTPStatus.NOT_FOUND)
        form = _form(await request.body())
        name = form.get("name", "")
        visitor = request.client.host if request.client else "unknown"
        if not (self._pace.allows(f"address {visitor}") and self._pace.allows(f"name {name[:64]}")):
            return self._page(request, words(_SLOWER), HTTPStatus.TOO_MANY_REQUESTS)
        password = form.get("password", "")
        user = await asyncio.to_thread(check, self._serving.users, name, password)
        if user is None:
            return self._page(request, words(_WRONG), HTTPStatus.UNAUTHORIZED)
        return self._let_in(user, _safe(form.get("next", ""), self._serving))

    async def start(self, request: Request) -> Response:
        """Send the visitor to the provider."""
        if self._client is None:
            return self._page(request, status=HTTPStatus.NOT_FOUND)
        target = _target(request, self._serving)
        try:
            address, browser = await asyncio.to_thread(self._client.start, target)
        except UnavailableError as error:
            return self._failed(request, error, HTTPStatus.BAD_GATEWAY)
        answer = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            _START_COOKIE, browser, max_age=600, httponly=True, samesite="lax",
            secure=self._serving.secure, path=f"{self._serving.root}/login",
        )  # fmt: skip
        return answer

    async def come_back(self, request: Request) -> Response:
        """Take the provider's answer."""
        if self._client is None:
            return self._page(request, status=HTTPStatus.NOT_FOUND)
        browser = cookie_of(request.headers, _START_COOKIE)
        query = dict(request.query_params)
        try:
            user, target = await asyncio.to_thread(self._client.finish, query, browser)
        except (AccessError, UnavailableError) as error:
            return self._failed(request, error, HTTPStatus.UNAUTHORIZED)
        answer = self._let_in(user, target)
        answer.delete_cookie(_START_COOKIE, path=f"{self._serving.root}/login")
        return answer

    def _failed(self, request: Request, error: Exception, status: int) -> Response:
        words = pages.words_for(request)
        return self._page(request, words(_FAILED, reason=str(error)), status)

    async def leave(self, request: Request) -> Response:
        """End the session."""
        self._sessions.end(request.headers)
        root = self._serving.root
        answer = RedirectResponse(f"{root}/login", status_code=HTTPStatus.SEE_OTHER)
        answer.headers.append("set-cookie", self._sessions.set_cookie(""))
        return answer


def _base(serving: Serving) -> str:
    return serving.public_url.rstrip("/") or f"http://{serving.host}:{serving.port}{serving.root}"


def _form(body: bytes) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10))
    except ValueError:
        return {}


def _target(request: Request, serving: Serving) -> str:
    return _safe(request.query_params.get("next", ""), serving)


def _safe(target: str, serving: Serving) -> str:
    """Return where to go on: a path of this server, its first page otherwise."""
    home = f"{serving.root}/"
    return target if same_origin(target) and target.startswith(home) else home
