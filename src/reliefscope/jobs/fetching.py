"""Bring what an event needs into the cache, so that it can be mapped with no network."""

from collections.abc import Callable
from dataclasses import dataclass

from reliefscope.jobs.event_file import Request
from reliefscope.jobs.situation import plan_request
from reliefscope.pipeline.run import search
from reliefscope.sources._base import Keeps
from reliefscope.sources.layers import read_context
from reliefscope.transport.download import Progress, unseen

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What is in the cache now."""

    files: int
    size: int
    """Bytes of those files, whether fetched now or before."""


def fetch_request(
    request: Request, *, step: Step = lambda _: None, progress: Progress = unseen
) -> Fetched:
    """Search as `carry_out` would, and keep every file it would read and every answer it needs.

    Afterwards the same request runs with ``RELIEFSCOPE_OFFLINE=1``. Interrupted, it goes on where
    it stopped when called again.

    Raises
    ------
    ReliefscopeError
        See `reliefscope.errors`; what has arrived is kept.
    """
    step("Searching")
    todo = plan_request(request)
    variables = {role.name: role.variables for role in todo.roles}
    kept: dict[str, int] = {}
    for name, choice in search(todo, request.sources).items():
        source = request.sources.get(choice.source)
        if isinstance(source, Keeps):
            step(f"Fetching {name}")
            paths = source.keep(choice.granules, variables[name], progress)
            kept |= {str(path): path.stat().st_size for path in paths}
    step("Fetching reference layers")
    read_context(request.context, request.event.area, transport=request.transport)
    return Fetched(files=len(kept), size=sum(kept.values()))
