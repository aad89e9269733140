"""Read tokens for providers whose files are open but whose links must be signed."""

import datetime as dt
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reliefscope.errors import UnavailableError
from reliefscope.sources._profiles import PROFILES
from reliefscope.transport.client import Ask, Transport

_HOST_SUFFIX = ".blob.core.windows.net"
_MARGIN = dt.timedelta(minutes=5)
"""A token this near its end is asked for again: reading takes time."""
_LIFE = dt.timedelta(minutes=30)
"""How long a token is believed whose end is not stated."""


@dataclass(slots=True)
class TokenSigner:
    """Adds a shared access token to links into Azure Blob Storage.

    Planetary Computer hands out a token per container, without an account
    (https://planetarycomputer.microsoft.com/docs/concepts/sas/). A signed link is for the reader
    alone: it is never stored, logged or published.
    """

    endpoint: str
    """Where tokens are given: ``{endpoint}/{account}/{container}``."""
    transport: Transport = field(repr=False)
    _tokens: dict[tuple[str, str], tuple[str, dt.datetime]] = field(
        default_factory=dict, repr=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, href: str) -> str:
        """Return ``href`` with a token that is valid now, if it needs one.

        Raises
        ------
        AccessError
            The service refuses to give a token.
        UnavailableError
            The service failed.
        """
        parts = urlsplit(href)
        host = parts.hostname or ""
        if not host.endswith(_HOST_SUFFIX) or parts.query:
            return href
        key = (host.removesuffix(_HOST_SUFFIX), parts.path.strip("/").split("/", 1)[0])
        with self._lock:  # of many threads one asks
            held = self._tokens.get(key)
            if held is None or dt.datetime.now(dt.UTC) >= held[1] - _MARGIN:
                held = self._tokens[key] = self._ask(*key)
        return f"{href}?{held[0]}"

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process without tokens: it asks for its own."""
        return (TokenSigner, (self.endpoint, self.transport))

    def _ask(self, account: str, container: str) -> tuple[str, dt.datetime]:
        access = PROFILES["planetary-computer"].access
        keys = self.transport.credentials(access) if access is not None else {}
        key = next(iter(keys.values()), None)
        headers = {"Ocp-Apim-Subscription-Key": key.get_secret_value()} if key else {}
        where = f"{self.endpoint}/{account}/{container}"
        answer = self.transport.json(Ask(url=where, headers=headers), keep=False, cap=100_000)
        try:
            token, stated = str(answer["token"]), answer.get("msft:expiry")
        except (KeyError, TypeError, AttributeError) as error:
            raise UnavailableError(f"{where} gave no token; try again later") from error
        return token, _end(stated)


def _end(stated: object) -> dt.datetime:
    try:
        end = dt.datetime.fromisoformat(str(stated))
    except ValueError:
        return dt.datetime.now(dt.UTC) + _LIFE
    return end if end.tzinfo else end.replace(tzinfo=dt.UTC)
