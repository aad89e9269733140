"""One request becomes one published package: the road every face takes."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reliefscope.indicators import INDICATORS
from reliefscope.jobs.event_file import Request
from reliefscope.pipeline.plan import Plan, plan
from reliefscope.pipeline.run import run, search
from reliefscope.products.catalog import Package, publish
from reliefscope.products.sheet import Policy
from reliefscope.sources.layers import read_context
from reliefscope.words import SOURCE

Progress = Callable[[str], None]


def _silent(step: str) -> None:
    del step


def plan_request(request: Request) -> Plan:
    """Return the plan of ``request``; nothing is read.

    Raises
    ------
    InputError
        See `reliefscope.pipeline.plan.plan`.
    """
    return plan(
        request.event,
        INDICATORS[request.indicator],
        request.sources,
        resolution=request.resolution,
        parameters=request.parameters,
    )


def carry_out(
    request: Request,
    catalog: Path,
    *,
    released: dt.datetime,
    policy: Policy | None = None,
    languages: Sequence[str] = (SOURCE,),
    progress: Progress = _silent,
) -> Package:
    """Search, map and publish ``request`` in ``catalog``.

    Parameters
    ----------
    request : Request
        What to map.
    catalog : Path
        Folder of the catalog; made when absent.
    released : datetime
        Moment of release, UTC.
    policy : Policy, optional
        What the office states on each sheet.
    languages : sequence of str
        Of sheet and brief.
    progress : callable
        Told each step in a few words.

    Raises
    ------
    ReliefscopeError
        See `reliefscope.errors`; nothing half-written is left.
    """
    todo = plan_request(request)
    progress("Searching")
    selection = search(todo, request.sources)
    progress("Opening images")
    product = run(todo, request.sources, selection=selection)
    context = read_context(request.context, request.event.area, transport=request.transport)
    product = replace(product, notes=(*product.notes, *context.notes))
    return publish(
        product,
        catalog,
        context=context,
        stage=request.stage,
        released=released,
        policy=policy,
        languages=languages,
        progress=progress,
    )
