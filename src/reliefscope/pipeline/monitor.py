"""One event, pass after pass: which passes there are, and the plan that looks at one of them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from reliefscope.errors import NothingFoundError, SourceError
from reliefscope.model.event import Window
from reliefscope.model.granule import group_passes
from reliefscope.pipeline.plan import Plan, Role
from reliefscope.pipeline.select import Pass
from reliefscope.sources._base import Source

SHOWS = "after"
"""The role whose images show the event."""
_MOMENT = dt.timedelta(seconds=1)


def shows(plan: Plan) -> Role | None:
    """Return the role whose images show the event; None of an indicator that reads series."""
    return next((r for r in plan.roles if r.name == SHOWS and r.window is not None), None)


def passes_within(plan: Plan, sources: Mapping[str, Source], window: Window) -> list[Pass]:
    """Return the passes that could show the event within ``window``, oldest first.

    The sources of the role are asked in order, until one has something.

    Raises
    ------
    SourceError
        No source could be searched.
    """
    role = shows(plan)
    if role is None:
        return []
    failures: list[SourceError] = []
    for name in role.sources:
        wanted = tuple(v for v in role.variables if v in sources[name].provides)
        try:
            found = sources[name].search(plan.event.area, window, wanted)
        except NothingFoundError:
            continue
        except SourceError as error:
            failures.append(error)
            continue
        # a source answers by whole days, or by the end of an acquisition: the window is ours
        within = [g for g in found if g.acquired is not None and g.acquired in window]
        if within:
            return group_passes(within)
    if failures:  # one that failed may hold what the others lack
        raise failures[0]
    return []


def moment_of(group: Pass) -> dt.datetime:
    """Return when a pass began, UTC."""
    moment = group[0].acquired
    if moment is None:
        raise AssertionError("static layers are no pass")
    return moment.astimezone(dt.UTC)


def look_at(plan: Plan, group: Pass) -> Plan:
    """Return the plan of the same product as one pass shows it, and nothing later.

    Inputs from before the event stay those before it; a pass that is itself older (for a
    reference product) is compared with what came before it.
    """
    # exactly this pass: another one within minutes is of another satellite, and another product
    only = Window(start=moment_of(group), end=(group[-1].acquired or moment_of(group)) + _MOMENT)
    return replace(plan, roles=tuple(_narrowed(role, plan, only) for role in plan.roles))


def _narrowed(role: Role, plan: Plan, only: Window) -> Role:
    window = role.window
    if window is None:
        return role
    if role.name == SHOWS:
        start = min(window.start, only.start) if role.series else only.start
        return replace(role, window=Window(start=start, end=only.end))
    before = window.end <= plan.event.onset
    if before and window.end <= only.start:
        return role
    end = only.start if before else only.end
    return replace(role, window=Window(start=end - (window.end - window.start), end=end))
