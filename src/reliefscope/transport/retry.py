"""When and how long to try again."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from reliefscope.errors import UnavailableError

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class TransientError(UnavailableError):
    """A failure that may pass: connection, 408, 425, 429, 5xx. The only one that is retried."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s
        """What the service asked for with Retry-After [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How patient to be: exponential back-off with full jitter, within a total deadline."""

    attempts: int = 6
    first_s: float = 0.5
    """Longest wait before the second attempt [s]; doubles each time."""
    longest_s: float = 60.0
    deadline_s: float = 300.0
    """No attempt starts later than this after the first [s]."""

    def __call__(self, call: Callable[[], _T]) -> _T:
        """Return what ``call`` returns, tried again while it raises `TransientError`.

        Raises
        ------
        UnavailableError
            It never worked.
        """
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(self.attempts)
            | tenacity.stop_before_delay(self.deadline_s),
            wait=self._wait,
            before_sleep=_say,
            reraise=True,
        )(call)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        asked = getattr(state.outcome and state.outcome.exception(), "after_s", None)
        if asked is not None:
            return float(asked)
        longest: float = min(self.first_s * 2 ** (state.attempt_number - 1), self.longest_s)
        return random.uniform(0, longest)  # noqa: S311 - spreads load, guards nothing


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.info(
        "attempt %d failed, again in %.1f s: %s", state.attempt_number, state.upcoming_sleep, error
    )
