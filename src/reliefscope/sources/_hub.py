"""Ask a DHuS hub by sentinelsat, with our patience, our guard and our errors."""

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from sentinelsat import SentinelAPI
from sentinelsat.exceptions import (
    InvalidChecksumError,
    InvalidKeyError,
    LTAError,
    QueryLengthError,
    QuerySyntaxError,
    SentinelAPIError,
    UnauthorizedError,
)

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    ReliefscopeError,
    UnavailableError,
)
from reliefscope.sources._products import ArchivedError
from reliefscope.transport.answers import answer_key, keep_answer, kept_answer
from reliefscope.transport.client import CHUNK, CONNECT_S, MAX_ANSWER, READ_S, Transport
from reliefscope.transport.content import too_deep
from reliefscope.transport.credentials import Access
from reliefscope.transport.guard import guarded_adapter
from reliefscope.transport.retry import TransientError

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_SHOWN = 200
_PROBE = "bytes=0-1"
"""Asked for by sentinelsat to see whether a product is there, or to order it; not to have it."""
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


class Hub:
    """One hub, asked by sentinelsat.

    Parameters
    ----------
    url : str
        Root of the hub.
    wire : Transport
        Trusts the hub; its patience, cache and secrets are used.
    access : Access
        What the account is called; looked up unless offline.
    """

    def __init__(self, url: str, wire: Transport, access: Access) -> None:
        self._url, self._wire = url, wire
        user, password = None, None
        if not wire.settings.offline:
            found = wire.credentials(access)
            user, password = (found[name].get_secret_value() for name in access.names)
            if urlsplit(url).scheme == "http":
                log.warning("%s: user and password are sent unencrypted; ask for https", url)
        self._api = SentinelAPI(user, password, api_url=url, show_progressbars=False)
        for scheme in ("http://", "https://"):
            self._api.session.mount(scheme, _HubAdapter(wire))

    def asked(self, call: Callable[[SentinelAPI], _T]) -> _T:
        """Return what ``call`` returns of sentinelsat.

        Raises
        ------
        AccessError, ArchivedError, InputError, NothingFoundError, UnavailableError
            As the hub says.
        IntegrityError
            The hub does not answer as hubs do.
        """
        try:
            return call(self._api)
        except ReliefscopeError:
            raise
        except SentinelAPIError as error:
            raise self._translated(error) from error
        except requests.RequestException as error:
            raise UnavailableError(
                f"{self._wire.shown(self._url)} could not be asked: {type(error).__name__}"
            ) from error
        except _WRONG_ANSWER as error:
            raise IntegrityError(
                f"{self._wire.shown(self._url)} did not answer as a DHuS hub does: a field is "
                f"missing or wrong ({type(error).__name__})"
            ) from error

    def _translated(self, error: SentinelAPIError) -> Exception:
        """Return our error for one of sentinelsat's."""
        said = self._wire.scrub(" ".join(str(error.msg).split()))[:_SHOWN]
        where = self._wire.shown(self._url)
        for theirs, ours, text in _TRANSLATED:
            if isinstance(error, theirs):
                return ours(text.format(where=where, said=said))
        status = getattr(error.response, "status_code", 0)
        ours, text = _BY_STATUS.get(status, (UnavailableError, _ILL))
        return ours(text.format(where=where, said=said, status=status))


_WRONG_ANSWER = (
    InvalidChecksumError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    SyntaxError,
    RecursionError,
    OverflowError,
    OSError,
)
"""What sentinelsat lets through when a hub's answer is not as it trusts it to be; SyntaxError is
that of XML, OSError that of dates before or after all years."""

_ILL = "{where} is not well, perhaps under maintenance: {said!r}; try again later"
_REFUSED = "{where} refused the request with {status}: {said!r}"
_TOO_LONG = "{where} finds the question too long; simplify the area"

_TRANSLATED: Sequence[tuple[type[SentinelAPIError], type[ReliefscopeError], str]] = (
    (
        UnauthorizedError,
        AccessError,
        "{where} refuses DHUS_USERNAME and DHUS_PASSWORD; `reliefscope doctor` says what it needs",
    ),
    (QueryLengthError, InputError, _TOO_LONG),
    (QuerySyntaxError, InputError, "{where} does not understand the question: {said!r}"),
    (InvalidKeyError, NothingFoundError, "{where} has no such product: {said!r}; search again"),
    (LTAError, ArchivedError, "{where} takes no more orders from its archive now: {said!r}"),
)
"""What sentinelsat raises, what we raise, and what is said; the first that fits."""

_BY_STATUS: Mapping[int, tuple[type[ReliefscopeError], str]] = {
    400: (InputError, _REFUSED),
    403: (AccessError, _REFUSED),
    404: (NothingFoundError, "{where} answered 404: check the address of the hub"),
    405: (InputError, _REFUSED),
    407: (AccessError, _REFUSED),
    410: (NothingFoundError, _REFUSED),
    413: (InputError, _TOO_LONG),
    414: (InputError, _TOO_LONG),
}


class _HubAdapter(BaseAdapter):
    """Carries sentinelsat's requests as ours are carried.

    Guarded hosts, patience with an end, retries of failures that pass, a cap on the length of
    answers, and answers kept for work without a network.
    """

    def __init__(self, wire: Transport) -> None:
        super().__init__()
        self._wire = wire
        self._inner = guarded_adapter(wire.trusted)

    def send(
        self,
        request: requests.PreparedRequest,
        *_: object,
        **options: Any,  # noqa: ANN401 - as the base
    ) -> requests.Response:
        url, method = str(request.url), str(request.method)
        folder = self._wire.settings.cache
        key = answer_key(method, self._wire.scrub(url), None, {})
        if self._wire.settings.offline:
            kept = kept_answer(folder, key)
            if kept is None:
                raise UnavailableError(
                    f"offline, and no answer of {self._wire.shown(url)} is kept for this request; "
                    f"run the same command once with a network"
                )
            return _whole(request, requests.Response(), kept, status=requests.codes.ok)
        answer = self._wire.retry(lambda: self._once(request, options))
        listing = method == "GET" and not urlsplit(url).path.endswith("$value")
        if listing and answer.status_code == requests.codes.ok:
            if too_deep(answer.content):
                raise IntegrityError(
                    f"{self._wire.shown(url)} did not answer as a DHuS hub does: brackets without "
                    f"end"
                )
            keep_answer(folder, key, answer.content)
        return answer

    def close(self) -> None:
        self._inner.close()

    def _once(
        self, request: requests.PreparedRequest, options: Mapping[str, Any]
    ) -> requests.Response:
        where = self._wire.shown(str(request.url))
        patient = {**options, "stream": True, "timeout": (CONNECT_S, READ_S)}
        try:
            with self._inner.send(request, **patient) as answer:
                seen = answer.ok and request.headers.get("Range") == _PROBE
                content = b"" if seen else _read(answer, where)
        except (requests.RequestException, OSError) as error:
            raise TransientError(
                f"{where} could not be reached: {type(error).__name__}; check the network, or try "
                f"again later"
            ) from error
        # where it states a cause the hub's software answers: sentinelsat knows what it means
        if answer.status_code in _TRANSIENT and "cause-message" not in answer.headers:
            after = answer.headers.get("retry-after", "")
            raise TransientError(
                f"{where} answered {answer.status_code}; try again later",
                after_s=float(after) if after.isdecimal() else None,
            )
        if not answer.ok:  # sentinelsat logs what it is told, and hubs tell the user's name
            content = self._wire.scrub(content.decode("utf-8", errors="replace")).encode()
            for name, value in answer.headers.items():
                answer.headers[name] = self._wire.scrub(value)
        return _whole(request, answer, content, status=answer.status_code)


def _read(answer: requests.Response, where: str) -> bytes:
    parts, size = [], 0
    for part in answer.iter_content(CHUNK):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER:
            raise IntegrityError(
                f"{where} answered with more than {MAX_ANSWER:,} bytes; nothing is kept"
            )
    return b"".join(parts)


def _whole(
    request: requests.PreparedRequest, sent: requests.Response, content: bytes, *, status: int
) -> requests.Response:
    """Return an answer that has arrived whole, as requests hands it out."""
    answer = requests.Response()
    answer.status_code, answer.reason = status, sent.reason
    answer.headers, answer.request = sent.headers, request
    answer.url = str(request.url)
    answer.raw = io.BytesIO(content)
    return answer
