"""Links made readable: by read tokens, by an archive that answers with a signed link, by keys."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reliefscope.errors import AccessError, UnavailableError
from reliefscope.sources._profiles import ACCESS_S3, BUCKET, PROFILES, STORE, Profile, Signing
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.tokens import BearerToken

if TYPE_CHECKING:
    from reliefscope.sources._eodata import ObjectStore

NASA_HOSTS = ("earthdatacloud.nasa.gov", "earthdata.nasa.gov", "asf.alaska.edu")
"""Ends of the names of hosts that are shown an Earthdata token; no other host ever is."""
_LOGIN = "urs.earthdata.nasa.gov"
_SERVES = dt.timedelta(minutes=20)
"""How long a signed link is used; archives sign for an hour."""

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


@dataclass(slots=True)
class EarthdataSigner:
    """Turns links into NASA's archives into signed ones, by the user's Earthdata token.

    The archive answers an authorised request with a link that is signed for an hour and needs no
    token. That link alone is handed to the reader: the token goes to NASA's own hosts, in our own
    request, and nowhere else.
    """

    transport: Transport = field(repr=False)
    hosts: tuple[str, ...] = NASA_HOSTS
    login: str = _LOGIN
    _links: dict[str, tuple[str, dt.datetime]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, href: str) -> str:
        """Return a link that can be read now.

        Raises
        ------
        AccessError
            There is no token, or it is refused; or the terms of the data are not accepted.
        UnavailableError
            The archive failed.
        """
        host = urlsplit(href).hostname or ""
        if not any(host == end or host.endswith(f".{end}") for end in self.hosts):
            return href
        with self._lock:  # of many threads one asks
            held = self._links.get(href)
            if held is None or dt.datetime.now(dt.UTC) >= held[1]:
                held = self._links[href] = (self._ask(href), dt.datetime.now(dt.UTC) + _SERVES)
        return held[0]

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process without links: it asks for its own."""
        return (EarthdataSigner, (self.transport, self.hosts, self.login))

    def _ask(self, href: str) -> str:
        access = PROFILES["nasa-hls"].access
        assert access is not None  # noqa: S101 - the profile has one
        token = self.transport.credentials(access)["EARTHDATA_TOKEN"]
        auth = BearerToken(token)
        found = self.transport.location(Ask(url=href, headers={"Range": "bytes=0-0"}, auth=auth))
        if urlsplit(found).hostname == self.login:
            raise AccessError(
                f"{self.transport.shown(href)}: EARTHDATA_TOKEN is refused or has ended, or the "
                f"terms of this data set are not accepted yet; {access.how}"
            )
        return found


@dataclass(slots=True)
class StoreSigner:
    """Signs links into the object store of the Copernicus Data Space with the user's keys."""

    transport: Transport = field(repr=False)
    endpoint: str = STORE
    _store: "ObjectStore | None" = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, href: str) -> str:
        """Return a link that can be read for a day; others than ``s3://eodata/`` as they are.

        Raises
        ------
        AccessError
            There are no keys.
        """
        parts = urlsplit(href)
        if parts.scheme != "s3" or parts.netloc != BUCKET:
            return href
        with self._lock:
            if self._store is None:
                from reliefscope.sources._eodata import (  # noqa: PLC0415 - obstore, for who has keys
                    ObjectStore,
                )

                self._store = ObjectStore(
                    endpoint=self.endpoint, bucket=BUCKET, wire=self.transport, access=ACCESS_S3
                )
        return self._store.link(parts.path.lstrip("/"))

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process without an open store."""
        return (StoreSigner, (self.transport, self.endpoint))


def signer(profile: Profile, transport: Transport) -> Callable[[str], str]:
    """Return what makes the links of a provider readable."""
    makers: Mapping[Signing, Callable[[], Callable[[str], str]]] = {
        Signing.NONE: lambda: str,
        Signing.TOKENS: lambda: TokenSigner(profile.tokens, transport),
        Signing.EARTHDATA: lambda: EarthdataSigner(transport),
        Signing.EODATA: lambda: StoreSigner(transport),
    }
    return makers[profile.signing]()
