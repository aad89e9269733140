"""Carry out a plan: search, choose, load, compute. Lazy, and nothing is written."""

import datetime as dt
import logging
import warnings
from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
import xarray as xr

from reliefscope.errors import NothingFoundError, PartialCoverageWarning
from reliefscope.model.cube import Advisory, describe
from reliefscope.model.granule import group_passes
from reliefscope.model.product import Product
from reliefscope.pipeline.plan import Plan, Role
from reliefscope.pipeline.select import Choice, everything, first_after, latest_before
from reliefscope.sources._base import Source

log = logging.getLogger(__name__)

LATE = dt.timedelta(days=3)
"""An image later than this after the onset may have missed the peak."""

_WHOLE = 0.99

Selection = Mapping[str, Choice]


def search(plan: Plan, sources: Mapping[str, Source]) -> Selection:
    """Return what will be read for each role, and why.

    Raises
    ------
    NothingFoundError
        No granule for a role that the indicator cannot do without.
    SourceError
        A service failed; see `reliefscope.errors`.
    """
    chosen: dict[str, Choice] = {}
    for role in plan.roles:
        granules = sources[role.source].search(plan.event.area, role.window, role.variables)
        log.info("%s: %d granules from %s", role.name, len(granules), role.source)
        if granules:
            passes = group_passes(granules)
            if role.window is None:
                chosen[role.name] = everything(granules, plan.event.area)
            elif "after" in chosen:
                chosen[role.name] = latest_before(passes, chosen["after"], plan.event.area)
            else:
                chosen[role.name] = first_after(passes, plan.event.area)
        elif not role.optional:
            raise _nothing(role, plan)
    return chosen


def run(
    plan: Plan, sources: Mapping[str, Source], *, selection: Selection | None = None
) -> Product:
    """Search, load and compute; lazily: pixels are read when someone looks or publishes.

    Parameters
    ----------
    plan : Plan
        From `reliefscope.pipeline.plan.plan`.
    sources : mapping of str to Source
        Those the plan was made for.
    selection : mapping, optional
        From `search`, to look at the choice before it is carried out.

    Raises
    ------
    NothingFoundError
        Nothing to read for a required role.
    SourceError
        A file or a service failed; see `reliefscope.errors`.
    """
    selection = search(plan, sources) if selection is None else selection
    roles = {r.name: r for r in plan.roles}
    cubes = {
        name: sources[roles[name].source].load(c.granules, plan.grid, roles[name].variables)
        for name, c in selection.items()
    }
    cubes = {n: _single(c) if n == "after" else c for n, c in cubes.items()}
    data = plan.indicator.compute(**cubes, **plan.parameters)
    defaults = {name: default for name, (default, _) in plan.indicator.parameters.items()}
    return Product(
        event=plan.event,
        indicator=plan.indicator.name,
        method=plan.indicator.title,
        reference=plan.indicator.reference,
        grid=plan.grid,
        data=_advise(data, plan, selection),
        granules={name: c.granules for name, c in selection.items()},
        images=cubes,
        parameters={**defaults, **plan.parameters},
        notes=_notes(plan, selection),
        version=version("reliefscope"),
    )


def _single(cube: xr.Dataset) -> xr.Dataset:
    return cube.isel(time=0, drop=True) if "time" in cube.dims else cube


def _advise(data: xr.Dataset, plan: Plan, selection: Selection) -> xr.Dataset:
    """Add the flags that follow from when and from where the images were taken."""
    flags = Advisory(0)
    after = selection["after"].granules[0].acquired if "after" in selection else None
    if after is not None and after - plan.event.onset > LATE:
        flags |= Advisory.LATE
    if any(not c.same_orbit for c in selection.values()):
        flags |= Advisory.ORBIT_MISMATCH
    if "advisory" not in data:
        return data
    advisory = data["advisory"] | np.uint16(flags.value)
    return data.assign(advisory=describe("advisory", advisory))


def _notes(plan: Plan, selection: Selection) -> tuple[str, ...]:
    after = selection.get("after")
    if after is not None and after.cover < _WHOLE:
        text = f"images cover {after.cover:.0%} of the area"
        warnings.warn(text, PartialCoverageWarning, stacklevel=3)
    return tuple(
        f"{role.name}: {selection[role.name].reason}"
        if role.name in selection
        else f"{role.name}: nothing found; computed without it"
        for role in plan.roles
    )


def _nothing(role: Role, plan: Plan) -> NothingFoundError:
    when = "" if role.window is None else f" from {role.window.start} to {role.window.end}"
    west, south, east, north = plan.event.area.bbox
    return NothingFoundError(
        f"source {role.source!r} has no {' or '.join(role.variables)} {role.name} the onset over "
        f"{west:.3f} {south:.3f} {east:.3f} {north:.3f}{when}; "
        f"check area and dates, or add another source"
    )
