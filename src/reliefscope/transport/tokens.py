"""What services want to see with each request: a user and password, or a token that expires."""

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, Field, SecretStr, ValidationError

from reliefscope.errors import AccessError, InputError, IntegrityError
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

log = logging.getLogger(__name__)

MARGIN_S = 60.0
"""A token is renewed so long before it expires, or a tenth of its life if that is shorter [s]."""
MAX_TOKEN = 100_000
"""A longer answer is not a token [bytes]."""


class BasicAuth:
    """User name and password with each request (RFC 7617).

    Parameters
    ----------
    user, password : SecretStr
        Sent to the host that is asked, never to one it redirects to.
    """

    def __init__(self, user: SecretStr, password: SecretStr) -> None:
        self._user, self._password = user, password

    def headers(self) -> Mapping[str, str]:
        """Return the header that names the user."""
        pair = f"{self._user.get_secret_value()}:{self._password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def renew(self) -> None:
        """Do nothing: a password does not expire."""


class BearerToken:
    """A token that its owner made by hand: with each request, never sent on to another host."""

    __slots__ = ("_token",)

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def headers(self) -> Mapping[str, str]:
        """Return the header that carries it."""
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def renew(self) -> None:
        """Do nothing: only its owner can renew it."""


class _Answer(BaseModel):
    """What is read of a token endpoint's answer (RFC 6749, section 5.1)."""

    access_token: SecretStr
    expires_in: float = Field(default=0.0, ge=0)
    refresh_token: SecretStr | None = None
    refresh_expires_in: float = Field(default=0.0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """One access token, and the one that renews it."""

    access: SecretStr
    until: float
    refresh: SecretStr | None
    refresh_until: float


class OidcToken:
    """A bearer token of an OpenID Connect service, renewed before it expires.

    The first token is had with user name and password (RFC 6749, section 4.3), later ones with
    the refresh token (section 6) as long as that is accepted. Tokens live in memory only: they
    are not kept in the cache, logged or shown. One instance may serve several threads.

    Parameters
    ----------
    transport : Transport
        Asks the token endpoint.
    url : str
        The token endpoint.
    client_id : str
        Name of the public client.
    access : Access
        What the credentials are called; looked up when the first token is needed.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        url: str,
        client_id: str,
        access: Access,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport, self._url, self._client_id = transport, url, client_id
        self._access, self._clock = access, clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._stale = False
        self._given = threading.local()

    def __repr__(self) -> str:
        """Name the service, not the token."""
        return f"OidcToken({self._access.service})"

    def headers(self) -> Mapping[str, str]:
        """Return the header with a token that is valid now.

        Raises
        ------
        AccessError
            There are no credentials, or the service refuses them.
        IntegrityError
            The answer holds no token.
        UnavailableError
            The service or the network failed.
        """
        with self._lock:
            token = self._token
            if token is None or self._stale or self._clock() >= token.until:
                token = self._token = self._fresh(token)
                self._stale = False
            self._given.token = token
        return {"Authorization": f"Bearer {token.access.get_secret_value()}"}

    def renew(self) -> None:
        """Forget the token this thread was given, unless another thread has renewed it already."""
        with self._lock:
            self._stale = self._stale or getattr(self._given, "token", None) is self._token

    def _fresh(self, token: _Token | None) -> _Token:
        if token and token.refresh and self._clock() < token.refresh_until:
            try:
                return self._ask(
                    grant_type="refresh_token", refresh_token=token.refresh.get_secret_value()
                )
            except (AccessError, InputError):  # 400 invalid_grant: the session has ended
                log.info("%s: session has ended, signing in again", self._access.service)
        found = self._transport.credentials(self._access)
        user, password = (found[name].get_secret_value() for name in self._access.names)
        try:
            return self._ask(grant_type="password", username=user, password=password)
        except (AccessError, InputError):
            # the answer is left out: it may repeat what was sent
            raise AccessError(
                f"{self._access.service} refuses {' and '.join(self._access.names)}: they are "
                f"wrong, or the account needs a second factor, or is locked; {self._access.how}"
            ) from None

    def _ask(self, **form: str) -> _Token:
        ask = Ask(url=self._url, form={"client_id": self._client_id, **form})
        now = self._clock()
        answer = self._transport.content(ask, cap=MAX_TOKEN, keep=False)
        try:
            read = _Answer.model_validate_json(answer)
        except ValidationError:  # whose text may quote the token
            raise IntegrityError(
                f"{self._transport.shown(self._url)} did not answer with a token; the service may "
                f"be under maintenance"
            ) from None
        return _Token(
            access=_printable(read.access_token, self._access.service),
            until=now + read.expires_in - min(MARGIN_S, read.expires_in / 10),
            refresh=read.refresh_token,
            # 0 means that it does not expire by itself
            refresh_until=now + (read.refresh_expires_in or float("inf")),
        )


def _printable(token: SecretStr, service: str) -> SecretStr:
    """Return a token that may stand in a header."""
    text = token.get_secret_value()
    if text and text.isascii() and text.isprintable() and " " not in text:
        return token
    raise IntegrityError(f"{service} answered with a token that cannot be sent back")
