"""Read tokens for providers whose files are open but whose links must be signed."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from reliefscope.errors import AccessError, UnavailableError

TIMEOUT_S = 30
_HOST_SUFFIX = ".blob.core.windows.net"


@dataclass(slots=True)
class TokenSigner:
    """Adds a shared access token to links into Azure Blob Storage.

    Planetary Computer hands out a token per container, without an account
    (https://planetarycomputer.microsoft.com/docs/concepts/sas/). A signed link is for the reader
    alone: it is never stored, logged or published.
    """

    endpoint: str
    """Where tokens are given: ``{endpoint}/{account}/{container}``."""
    _tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def __call__(self, href: str) -> str:
        """Return ``href`` with a token if it needs one.

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
        key = (host.removesuffix(_HOST_SUFFIX), parts.path.strip("/").split("/")[0])
        if key not in self._tokens:
            self._tokens[key] = self._ask(*key)
        return f"{href}?{self._tokens[key]}"

    def _ask(self, account: str, container: str) -> str:
        where = f"{self.endpoint}/{account}/{container}"
        try:
            answer = requests.get(where, timeout=TIMEOUT_S)
            if answer.status_code in (401, 403, 404):
                raise AccessError(f"{where} gives no token: it answered {answer.status_code}")
            answer.raise_for_status()
            return str(answer.json()["token"])
        except (requests.RequestException, ValueError, KeyError) as error:
            raise UnavailableError(f"{where} gave no token: {type(error).__name__}") from error
