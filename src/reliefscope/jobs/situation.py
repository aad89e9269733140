"""One request becomes one published package: the road every face takes."""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from reliefscope.errors import IntegrityError
from reliefscope.indicators import INDICATORS
from reliefscope.jobs.event_file import Request
from reliefscope.jobs.quarantine import Quarantine, at_fault
from reliefscope.pipeline.plan import Plan, plan
from reliefscope.pipeline.run import Selection, run, search
from reliefscope.products.catalog import Package, publish
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog
from reliefscope.sources.layers import read_context
from reliefscope.words import SOURCE

log = logging.getLogger(__name__)

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
    catalog: Catalog,
    *,
    released: dt.datetime,
    policy: Policy | None = None,
    languages: Sequence[str] = (SOURCE,),
    paper: str | None = None,
    progress: Progress = _silent,
    todo: Plan | None = None,
) -> Package:
    """Search, map and publish ``request`` in ``catalog``.

    A file that proves to be damaged, twice, is set aside (`Quarantine`), and the next best pass
    is mapped in its place; the product says so.

    Parameters
    ----------
    request : Request
        What to map.
    catalog : Path or S3Catalog
        Folder of the catalog; made when absent.
    released : datetime
        Moment of release, UTC.
    policy : Policy, optional
        What the office states on each sheet.
    languages : sequence of str
        Of sheet and brief.
    paper : str, optional
        Of the sheets, A3 or A4; that of the policy by default.
    progress : callable
        Told each step in a few words.
    todo : Plan, optional
        The plan to carry out, where it is not the one of the request: one pass of several.

    Raises
    ------
    ReliefscopeError
        See `reliefscope.errors`; nothing half-written is left.
    """
    todo = plan_request(request) if todo is None else todo
    issue = partial(
        publish,
        catalog=catalog,
        released=released,
        policy=policy,
        languages=languages,
        paper=paper,
        progress=progress,
    )
    quarantine = Quarantine(cache=request.transport.settings.cache)
    avoid: set[str] = set()
    suspected: set[str] = set()
    while True:
        progress("Searching")
        selection: Selection = {}
        try:
            selection = search(todo, request.sources, avoid=avoid)
            if known := quarantine.among(selection) - avoid:
                avoid |= known
                continue
            progress("Opening images")
            return _make(todo, selection, request, issue)
        except IntegrityError as error:
            href, granule = at_fault(selection, error)
            if not href or href in avoid:
                raise
            if quarantine.holds(href):
                avoid.add(href)
            elif href in suspected:  # twice the same: it is the file, not the line
                log.warning("%s is set aside: %s", granule.id if granule else "a file", error)
                quarantine.set_aside(
                    href, granule, error, now=released, transport=request.transport
                )
                avoid.add(href)
            suspected.add(href)


def _make(
    todo: Plan, selection: Selection, request: Request, issue: Callable[..., Package]
) -> Package:
    product = run(todo, request.sources, selection=selection)
    context = read_context(request.context, request.event.area, transport=request.transport)
    product = replace(product, notes=(*product.notes, *context.notes))
    return issue(
        product,
        context=context,
        stage=request.stage,
        aoi=request.aoi,
        monitoring=request.monitoring,
    )
