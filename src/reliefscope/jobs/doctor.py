"""Which services answer, and which credentials are missing: looked at before it matters."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from reliefscope.errors import ReliefscopeError, UnavailableError
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access, credentials_kept_in
from reliefscope.transport.retry import Retry

_ONCE = Retry(attempts=1)
_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one service is, as seen from here."""

    service: str
    answers: bool | None
    """None: not asked, because offline or without an address to ask."""
    detail: str
    """How quickly it answered [s], or why it did not."""
    credentials: str
    """``not needed``, ``missing``, or where they are kept: never what they are."""
    how: str
    """How to get credentials."""


def examine(services: Sequence[Access], settings: Settings) -> list[Health]:
    """Ask each service once, all at the same time; nothing secret is sent or returned."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(lambda access: _examine(access, settings), services))


def _examine(access: Access, settings: Settings) -> Health:
    answers, detail = _ask(access, settings)
    kept = credentials_kept_in(access, settings)
    missing = "missing, works without" if access.optional else "missing"
    return Health(
        service=access.service,
        answers=answers,
        detail=detail,
        credentials=(kept or missing) if access.names else "not needed",
        how=access.how,
    )


def _ask(access: Access, settings: Settings) -> tuple[bool | None, str]:
    if settings.offline or not access.probe:
        return None, "offline" if settings.offline else "no address to ask"
    start = time.perf_counter()
    try:
        with Transport(settings, retry=_ONCE).open(Ask(url=access.probe)):
            pass
    except UnavailableError as error:
        return False, str(error)
    except ReliefscopeError:
        pass  # 401, 403, 404: somebody is there and answers
    return True, f"{time.perf_counter() - start:.1f} s"
