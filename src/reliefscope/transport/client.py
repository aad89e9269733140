"""Ask services: typed errors, size caps, guarded hosts, retries, replay without a network."""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import requests
import urllib3.exceptions
from defusedxml.common import DefusedXmlException
from pydantic import SecretStr
from pydantic_core import CoreSchema, core_schema

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.settings import Settings
from reliefscope.transport.answers import answer_key, keep_answer, kept_answer
from reliefscope.transport.content import parse_json
from reliefscope.transport.credentials import Access, find_credentials, require_credentials
from reliefscope.transport.download import ANYTHING, Expected, Progress, fetch, unseen
from reliefscope.transport.guard import guarded_adapter
from reliefscope.transport.retry import Retry, TransientError
from reliefscope.transport.store import Store

log = logging.getLogger(__name__)

MAX_ANSWER = 64_000_000
"""A longer answer to a search is a mistake, or hostile [bytes]."""
MAX_REDIRECTS = 5
CONNECT_S, READ_S, WHOLE_S = 15, 60, 300
"""Patience with a connection, between two packets, and with a whole answer [s]."""
CHUNK = 262_144

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403, 407})
_MISSING = frozenset({404, 410})
_REDIRECT = frozenset({301, 302, 303, 307, 308})


class Authorizer(Protocol):
    """Adds what a service wants to see with each request."""

    def headers(self) -> Mapping[str, str]:
        """Return headers that are valid now."""
        ...

    def renew(self) -> None:
        """Forget what was refused, so that the next headers are fresh."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    """Sent by POST unless ``verb`` says otherwise: bytes as they are, anything else as JSON."""
    form: Mapping[str, str] | None = field(default=None, repr=False)
    """Sent as a form by POST."""
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Authorizer | None = None
    verb: Literal["", "POST", "PUT", "DELETE"] = ""
    """Method of what changes something; a redirect never turns it into a GET."""

    @property
    def method(self) -> str:
        """``verb``, or POST where something is sent along, GET otherwise."""
        if self.verb:
            return self.verb
        return "GET" if self.body is None and self.form is None else "POST"

    @property
    def full_url(self) -> str:
        """The address with its parameters. InputError: it is none."""
        try:
            prepared = requests.Request("GET", self.url, params=dict(self.params)).prepare()
        except (requests.RequestException, ValueError) as error:
            raise InputError(f"{self.url[:80]!r} is not an address that can be asked") from error
        return str(prepared.url)


class Transport:
    """The one way out: every source and feed asks through it.

    Parameters
    ----------
    settings : Settings
        Cache, quota, offline, trusted hosts, credentials.
    retry : Retry
        How patient to be.
    trusted : collection of str
        Hosts that may be private besides ``settings.allow_hosts``.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        retry: Retry | None = None,
        trusted: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings or Settings()
        self.retry = retry or Retry()
        self.trusted = self.settings.allow_hosts | trusted
        self.store = Store(self.settings.cache, self.settings.cache_quota)
        self._secrets = set(self.settings.secrets.values())
        # it prints whole addresses, and some services want their key in one
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        self._session = requests.Session()
        self._session.trust_env = True  # proxies of locked-down networks
        self._session.auth = _no_netrc
        self._session.headers["User-Agent"] = "reliefscope"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, guarded_adapter(self.trusted))

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> CoreSchema:
        """Let validated dataclasses hold a transport."""
        return core_schema.is_instance_schema(cls)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel to another process without open connections."""
        return (partial(Transport, self.settings, retry=self.retry, trusted=self.trusted), ())

    def at(self, home: str) -> "Transport":
        """Return a transport that also trusts the host of ``home``, which the user named."""
        host = urlsplit(home).hostname
        if host is None or host in self.trusted:
            return self
        return Transport(self.settings, retry=self.retry, trusted=self.trusted | {host})

    def credentials(self, access: Access) -> Mapping[str, SecretStr]:
        """Return the credentials of a service; from now on they are struck out of messages.

        Raises
        ------
        AccessError
            There are none, though the service needs them.
        """
        if access.optional:
            found = find_credentials(access, self.settings) or {}
        else:
            found = require_credentials(access, self.settings)
        self._secrets |= {value.get_secret_value() for value in found.values()}
        return found

    def shown(self, url: str) -> str:
        """Return ``url`` as it may be printed: no query, no user, no secret."""
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return self.scrub(f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}")

    def scrub(self, text: str) -> str:
        """Return ``text`` with every known secret struck out."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret:
                text = text.replace(secret, "***")
        return text

    def content(self, ask: Ask, *, cap: int = MAX_ANSWER, keep: bool = True) -> bytes:
        """Return the answer to ``ask``, at most ``cap`` bytes.

        Each answer is kept in the cache unless ``keep`` is false (tokens); with
        ``settings.offline`` it comes from there, and no socket is opened.

        Raises
        ------
        NothingFoundError
            404 or 410.
        AccessError
            401 or 403, or the address is private.
        InputError
            Another refusal of the request: 400, 405, 413, 422 ...
        IntegrityError
            The answer is too long.
        UnavailableError
            The service or the network failed, several times; or offline and never asked.
        """
        key = answer_key(ask.method, self.scrub(ask.full_url), ask.body or ask.form, ask.headers)
        folder = self.settings.cache
        if self.settings.offline:
            kept = kept_answer(folder, key)
            if kept is None:
                raise UnavailableError(
                    f"offline, and no answer of {self.shown(ask.url)} is kept for this request; "
                    f"run the same command once with a network"
                )
            return kept

        def once() -> bytes:
            with self.open(ask) as answer:
                return _read(answer, cap, self.shown(ask.url))

        try:
            content = self.retry(once)
        except NothingFoundError:
            if keep:
                keep_answer(folder, key, None)
            raise
        if keep:
            keep_answer(folder, key, content)
        return content

    def text(self, ask: Ask, *, cap: int = MAX_ANSWER, keep: bool = True) -> str:
        """Return the answer as text; see `content`."""
        return self.content(ask, cap=cap, keep=keep).decode("utf-8", errors="replace")

    def json(self, ask: Ask, *, cap: int = MAX_ANSWER, keep: bool = True) -> Any:  # noqa: ANN401 - JSON
        """Return the answer as parsed JSON; see `content`. IntegrityError: it is not JSON."""
        content = self.content(ask, cap=cap, keep=keep)
        try:
            return parse_json(content)
        except ValueError as error:
            raise self._garbled(ask, "JSON", content) from error

    def xml(self, ask: Ask, *, cap: int = MAX_ANSWER, keep: bool = True) -> Element:
        """Return the answer as parsed XML, entities refused; see `content`."""
        content = self.content(ask, cap=cap, keep=keep)
        try:
            root: Element = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
            raise self._garbled(ask, "XML", content) from error
        return root

    def location(self, ask: Ask) -> str:
        """Return where a request is sent on to, without going there; its own address if nowhere.

        Services that guard their files answer an authorised request with a link that is signed
        for a while: that link needs no secret of ours.

        Raises
        ------
        AccessError, NothingFoundError, InputError, UnavailableError
            See `content`.
        """
        if self.settings.offline:
            raise UnavailableError(f"offline: {self.shown(ask.url)} is not asked")

        def once() -> str:
            url = ask.full_url
            headers = {**ask.headers, **(ask.auth.headers() if ask.auth else {})}
            with self._one(ask, ask.method, url, headers) as answer:
                if answer.status_code in _REDIRECT and "location" in answer.headers:
                    return urljoin(url, answer.headers["location"])
                self._judge(answer, ask)
                return url

        return self.retry(once)

    def fetch(
        self,
        ask: Ask,
        expected: Expected = ANYTHING,
        *,
        identity: str = "",
        progress: Progress = unseen,
    ) -> Path:
        """Return the path of a whole file in the cache, fetched unless it is there already.

        Parameters
        ----------
        ask : Ask
            Where the file is; its address may be signed.
        expected : Expected
            Name, size, checksums and kind of content that were promised.
        identity : str
            What the file is known by, when its address changes from day to day (signatures).
        progress : callable
            Told bytes done and bytes in all (0 when not known).

        Raises
        ------
        IntegrityError
            What arrived is not what was promised, and is not kept.
        NothingFoundError, AccessError, InputError, UnavailableError
            See `content`; what has arrived so far is kept and not asked for again.
        """
        return fetch(self, ask, expected, identity=identity, progress=progress)

    def held(self, identity: str) -> Path | None:
        """Return the path of a file fetched earlier, or None; nothing is asked."""
        return self.store.find(identity)

    def _garbled(self, ask: Ask, kind: str, content: bytes) -> IntegrityError:
        start = self.scrub(content[:60].decode("utf-8", errors="replace"))
        return IntegrityError(
            f"{self.shown(ask.url)} did not answer in {kind}: it begins with {start!r}; the "
            f"service may be under maintenance, or a proxy answered in its place"
        )

    @contextlib.contextmanager
    def open(self, ask: Ask) -> Iterator[requests.Response]:
        """Send one request once and yield the answer, unread; redirects are checked one by one.

        Raises
        ------
        TransientError
            A failure that may pass.
        AccessError, NothingFoundError, InputError
            See `content`.
        UnavailableError
            Offline.
        """
        if self.settings.offline:
            raise UnavailableError(f"offline: {self.shown(ask.url)} is not asked")
        answer = self._send(ask)
        if answer.status_code in _DENIED and ask.auth is not None:
            answer.close()
            ask.auth.renew()
            answer = self._send(ask)
        try:
            self._judge(answer, ask)
            yield answer
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._broken(ask, error) from error
        finally:
            answer.close()

    def _send(self, ask: Ask) -> requests.Response:
        url, method = ask.full_url, ask.method
        headers = {**ask.headers, **(ask.auth.headers() if ask.auth else {})}
        for _ in range(MAX_REDIRECTS + 1):
            if urlsplit(url).scheme not in {"http", "https"}:
                raise AccessError(f"{self.shown(url)}: only http and https are asked")
            answer = self._one(ask, method, url, headers)
            if answer.status_code not in _REDIRECT or "location" not in answer.headers:
                return answer
            answer.close()
            before, url = url, urljoin(url, answer.headers["location"])
            if urlsplit(before).netloc != urlsplit(url).netloc:
                headers = {k: v for k, v in headers.items() if k in ask.headers}
            method = "GET" if answer.status_code in {302, 303} and not ask.verb else method
        raise IntegrityError(f"{self.shown(ask.url)} redirects more than {MAX_REDIRECTS} times")

    def _one(
        self, ask: Ask, method: str, url: str, headers: Mapping[str, str]
    ) -> requests.Response:
        sent = method in {"POST", "PUT"}
        raw = ask.body if isinstance(ask.body, bytes) else None
        form = None if ask.form is None else dict(ask.form)
        try:
            return self._session.request(
                method,
                url,
                json=ask.body if sent and raw is None else None,
                data=(raw or form) if sent else None,
                headers=dict(headers),
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                stream=True,
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
            raise InputError(f"{self.shown(url)} is not an address that can be asked") from error
        except (requests.RequestException, OSError) as error:
            raise self._broken(ask, error) from error

    def _judge(self, answer: requests.Response, ask: Ask) -> None:
        status, where = answer.status_code, self.shown(ask.url)
        if status < 300:  # noqa: PLR2004 - the codes of success
            return
        if status in _TRANSIENT:
            raise TransientError(
                f"{where} answered {status}; try again later", after_s=_retry_after(answer)
            )
        if status in _DENIED:
            raise AccessError(
                f"{where} answered {status}: credentials are missing, wrong or not entitled; "
                f"`reliefscope doctor` says what each service needs"
            )
        if status in _MISSING:
            raise NothingFoundError(f"{where} answered {status}: there is nothing at this address")
        said = self.scrub(_read(answer, 2000, where, cut=True).decode("utf-8", errors="replace"))
        raise InputError(f"{where} refused the request with {status}: {said[:300]!r}")

    def _broken(self, ask: Ask, error: Exception) -> TransientError:
        return TransientError(
            f"{self.shown(ask.url)} could not be reached: {_cause(error)}; check the network, or "
            f"try again later"
        )


def _read(answer: requests.Response, cap: int, where: str, *, cut: bool = False) -> bytes:
    """Read a whole answer, within its cap and within the patience."""
    parts, size, start = [], 0, time.monotonic()
    for part in answer.iter_content(CHUNK):
        parts.append(part)
        size += len(part)
        if size > cap:
            if cut:
                break
            raise IntegrityError(f"{where} answered with more than {cap:,} bytes; nothing is kept")
        if time.monotonic() - start > WHOLE_S:
            raise TransientError(f"{where} took more than {WHOLE_S} s to answer; try again later")
    return b"".join(parts)


def _retry_after(answer: requests.Response) -> float | None:
    """Return what Retry-After asks for, seconds or a date [s]."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _cause(error: Exception) -> str:
    """Name the root of a chain of errors, without its text: that may quote addresses."""
    root: BaseException = error
    while (below := root.__cause__ or root.__context__) is not None:
        root = below
    return type(root).__name__


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave requests as they are: credentials are sent where a source says so, nowhere else."""
    return request
