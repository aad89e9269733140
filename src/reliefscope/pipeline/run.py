"""Carry out a plan: search, choose, load, compute. Lazy, and nothing is written."""

import datetime as dt
import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import dask
import numpy as np
import xarray as xr

from reliefscope.errors import (
    FallbackWarning,
    NothingFoundError,
    PartialCoverageWarning,
    SourceError,
)
from reliefscope.model.cube import OPTICAL, PROVENANCE_NOTES, Advisory, describe
from reliefscope.model.granule import PASS_GAP, Granule, group_passes
from reliefscope.model.product import SET_ASIDE, Product
from reliefscope.pipeline.chunks import side_here
from reliefscope.pipeline.clouds import clear_share
from reliefscope.pipeline.plan import Plan, Role
from reliefscope.pipeline.select import (
    Choice,
    Pass,
    clearest,
    everything,
    first_after,
    latest_before,
    whole_series,
)
from reliefscope.sources._base import Source
from reliefscope.sources._raster_blocks import CHUNK_KEY

log = logging.getLogger(__name__)

LATE = dt.timedelta(days=3)
"""An image later than this after the onset may have missed the peak."""

_WHOLE = 0.99

Selection = Mapping[str, Choice]


def search(plan: Plan, sources: Mapping[str, Source], *, avoid: Collection[str] = ()) -> Selection:
    """Return what will be read for each role, and why; a role without granules is not read.

    The sources of a role are asked in order. One that fails gives way to the next, with a
    `FallbackWarning`; so does an optional role that none can serve.

    Parameters
    ----------
    plan : Plan
        From `reliefscope.pipeline.plan.plan`.
    sources : mapping of str to Source
        Those the plan was made for.
    avoid : collection of str
        Files, as their granules name them, that have proved to be damaged: a pass that needs one
        gives way to the next best.

    Raises
    ------
    NothingFoundError
        No granule for a role that the indicator cannot do without.
    SourceError
        No source of such a role could be asked; see `reliefscope.errors`.
    """
    found = {role.name: _find(role, plan, sources, frozenset(avoid)) for role in plan.roles}
    passes = {name: group_passes(f.granules) for name, f in found.items()}
    before = [p for r in plan.roles if _is_before(r, plan) for p in passes[r.name]]
    chosen: dict[str, Choice] = {}
    for role in plan.roles:
        here = found[role.name]
        if not here.granules:
            chosen[role.name] = Choice(passes=(), cover=0.0, reason=here.note)
            continue
        choice = _choose(role, plan, passes[role.name], before, chosen, sources[here.source])
        reason = f"{choice.reason}; {here.note}" if here.note else choice.reason
        chosen[role.name] = replace(choice, source=here.source, reason=reason)
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    granules: Sequence[Granule] = ()
    source: str = ""
    note: str = ""


def _find(role: Role, plan: Plan, sources: Mapping[str, Source], avoid: frozenset[str]) -> _Found:
    """Ask the sources of a role one after the other, until one has something."""
    failures: dict[str, SourceError] = {}
    damaged = ""
    for name in role.sources:
        wanted = _variables(role, sources[name])
        try:
            granules = sources[name].search(plan.event.area, role.window, wanted)
        except SourceError as error:
            failures[name] = error
            continue
        log.info("%s: %d granules from %s", role.name, len(granules), name)
        whole = _whole_passes(granules, avoid)
        if len(whole) < len(granules):
            left = ", ".join(sorted({g.id for g in granules} - {g.id for g in whole}))
            damaged = f"{SET_ASIDE}: {left}"
            warnings.warn(f"{role.name}: {damaged}", FallbackWarning, stacklevel=3)
        if whole:
            note = _gave_way(role, failures, f"served by {name} instead")
            said = "; ".join(filter(None, (damaged, note)))
            return _Found(granules=whole, source=name, note=said)
    if role.optional:
        note = _gave_way(role, failures, "computed without it")
        said = "; ".join(filter(None, (damaged, note)))
        return _Found(note=said or "nothing found; computed without it")
    # one that failed may hold what the others lack: that is not "nothing there"
    raise next(iter(failures.values()), None) or _nothing(role, plan)


def _whole_passes(granules: Sequence[Granule], avoid: frozenset[str]) -> Sequence[Granule]:
    """Return the granules of the passes in which no file is damaged."""
    if not avoid:
        return granules
    return [
        g
        for group in group_passes(granules)
        if not any(a.href in avoid for member in group for a in member.assets.values())
        for g in group
    ]


def _gave_way(role: Role, failures: Mapping[str, SourceError], instead: str) -> str:
    if not failures:
        return ""
    said = "; ".join(f"{name} failed ({error})" for name, error in failures.items())
    text = f"{said}; {instead}"
    warnings.warn(f"{role.name}: {text}", FallbackWarning, stacklevel=4)
    return text


def _variables(role: Role, source: Source) -> tuple[str, ...]:
    return tuple(v for v in role.variables if v in source.provides)


def _is_before(role: Role, plan: Plan) -> bool:
    return role.window is not None and role.window.end <= plan.event.onset


def _choose(
    role: Role,
    plan: Plan,
    passes: Sequence[Pass],
    before: Sequence[Pass],
    chosen: Selection,
    source: Source,
) -> Choice:
    area = plan.event.area
    if role.window is None:
        return everything([g for group in passes for g in group], area)
    if role.series:
        return whole_series(_comparable(passes, plan, chosen), area)
    if OPTICAL & set(role.variables):
        return clearest(
            passes,
            area,
            lambda group: clear_share(source, group, area),
            latest=_is_before(role, plan),
        )
    first = next((c for n, c in chosen.items() if c.passes and not _static(n, plan)), None)
    if first is not None:
        return latest_before(passes, first, area)
    return first_after(passes, area, before)


def _comparable(passes: Sequence[Pass], plan: Plan, chosen: Selection) -> Sequence[Pass]:
    """Return the passes on the orbit of the one image they are held against, if there is one."""
    single = {role.name for role in plan.roles if not role.series and role.window is not None}
    image = next((c for n, c in chosen.items() if n in single and c.passes), None)
    orbit = None if image is None else image.passes[0][0].relative_orbit
    same = [p for p in passes if p[0].relative_orbit == orbit]
    return same if same and orbit is not None else passes


def _static(name: str, plan: Plan) -> bool:
    return next(r for r in plan.roles if r.name == name).window is None


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
    found, selection, cubes = selection, {}, {}
    with dask.config.set({CHUNK_KEY: side_here(plan, found)}):
        for name, choice in ((n, c) for n, c in found.items() if c.passes):
            selection[name], cubes[name] = _load(roles[name], choice, plan, sources)
    reasons = {name: c.reason for name, c in {**found, **selection}.items()}
    notes = _notes(plan, selection, reasons)
    whole = {role.name for role in plan.roles if role.series}
    cubes = {n: _single(c) if n == "after" and n not in whole else c for n, c in cubes.items()}
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
        notes=(*notes, *_provenance({**cubes, plan.indicator.name: data})),
        version=version("reliefscope"),
    )


def _single(cube: xr.Dataset) -> xr.Dataset:
    if "time" not in cube.dims:
        return cube
    return cube.isel(time=0)


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


def _notes(plan: Plan, selection: Selection, reasons: Mapping[str, str]) -> tuple[str, ...]:
    after = selection.get("after")
    if after is not None and after.cover < _WHOLE:
        text = f"images cover {after.cover:.0%} of the area"
        warnings.warn(text, PartialCoverageWarning, stacklevel=3)
    return tuple(f"{role.name}: {reasons[role.name]}" for role in plan.roles)


def _load(
    role: Role, choice: Choice, plan: Plan, sources: Mapping[str, Source]
) -> tuple[Choice, xr.Dataset]:
    """Open what was chosen; if its source cannot deliver, the same passes from another one.

    The same pass is one of the same satellite at the same time; another provider may have
    processed it otherwise, so the exchange is said.
    """
    try:
        return choice, _open(role, choice, plan, sources)
    except SourceError as error:
        for name in role.sources[role.sources.index(choice.source) + 1 :]:
            mirrored = _mirror(role, choice, name, plan, sources[name])
            if mirrored is None:
                continue
            note = _gave_way(role, {choice.source: error}, f"the same passes come from {name}")
            mirrored = replace(mirrored, reason=f"{choice.reason}; {note}")
            return mirrored, _open(role, mirrored, plan, sources)
        raise


def _open(role: Role, choice: Choice, plan: Plan, sources: Mapping[str, Source]) -> xr.Dataset:
    source = sources[choice.source]
    cube = source.load(choice.granules, plan.grid, _variables(role, source))
    firsts = [group[0] for group in choice.passes]
    if len({g.orbit_state for g in firsts}) == 1 and firsts[0].orbit_state:
        cube.attrs["orbit_state"] = firsts[0].orbit_state
    if len(firsts) == 1 and None not in {firsts[0].sun_azimuth, firsts[0].sun_elevation}:
        cube.attrs["sun_azimuth"] = firsts[0].sun_azimuth
        cube.attrs["sun_elevation"] = firsts[0].sun_elevation
    orbits = [g.relative_orbit for g in firsts]
    # one time a pass: then each says from which orbit it looked
    if "time" not in cube.dims or cube.sizes["time"] != len(orbits) or None in orbits:
        return cube
    return cube.assign_coords(relative_orbit=("time", orbits))


def _mirror(role: Role, choice: Choice, name: str, plan: Plan, source: Source) -> Choice | None:
    """Return the passes of ``choice`` as another source has them; None if any is missing."""
    try:
        found = source.search(plan.event.area, role.window, _variables(role, source))
    except SourceError:
        return None
    offered = group_passes(found)
    passes = [next((p for p in offered if _same(p, wanted)), None) for wanted in choice.passes]
    whole = tuple(p for p in passes if p is not None)
    return replace(choice, passes=whole, source=name) if len(whole) == len(passes) else None


def _same(one: Pass, other: Pass) -> bool:
    a, b = one[0], other[0]
    if a.acquired is None or b.acquired is None:
        return a.acquired is b.acquired
    near = abs(a.acquired - b.acquired) <= PASS_GAP
    return near and a.platform.lower() == b.platform.lower()


def _provenance(cubes: Mapping[str, xr.Dataset]) -> tuple[str, ...]:
    """Return where the metadata and the pixels of an input disagree."""
    return tuple(
        f"{name}: {note}" for name, c in cubes.items() for note in c.attrs.get(PROVENANCE_NOTES, ())
    )


def _nothing(role: Role, plan: Plan) -> NothingFoundError:
    when = "" if role.window is None else f" from {role.window.start} to {role.window.end}"
    west, south, east, north = plan.event.area.bbox
    return NothingFoundError(
        f"{' and '.join(role.sources)}: no {' or '.join(role.variables)} {role.name} the onset "
        f"over {west:.3f} {south:.3f} {east:.3f} {north:.3f}{when}; "
        f"check area and dates, or add another source"
    )
