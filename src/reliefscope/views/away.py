"""Work that takes a moment, away from the loop that serves all pages."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import panel as pn
from panel.io.state import set_curdoc

from reliefscope.errors import ReliefscopeError

_RESULT = TypeVar("_RESULT")
_running: set["asyncio.Task[None]"] = set()
"""A loop forgets tasks that nobody else holds."""


def run(work: Callable[[], _RESULT], done: Callable[[_RESULT | ReliefscopeError], None]) -> bool:
    """Do ``work`` in a thread and give ``done`` what came of it; at once where no loop runs.

    Returns
    -------
    bool
        Whether the answer is still to come.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        done(_outcome(work))
        return False

    async def later() -> None:
        done(await asyncio.to_thread(_outcome, work))

    task = asyncio.ensure_future(within(pn.state.curdoc, later))
    _running.add(task)
    task.add_done_callback(_running.discard)
    return True


def running() -> tuple["asyncio.Task[None]", ...]:
    """Return the work whose answers are still to come."""
    return tuple(_running)


async def within(document: Any, work: Callable[[], Coroutine[Any, Any, None]]) -> None:  # noqa: ANN401 - a Document
    """Run ``work`` as part of a session, so that what it changes reaches that browser."""
    with set_curdoc(document) if document is not None else contextlib.nullcontext():
        await work()


def _outcome(work: Callable[[], _RESULT]) -> _RESULT | ReliefscopeError:
    try:
        return work()
    except ReliefscopeError as error:
        return error
