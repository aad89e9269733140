"""The exercise: a simulated disaster mapped and published by the same road as a real one."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

from reliefscope.feeds.exercise import exercise_event
from reliefscope.indicators import INDICATORS
from reliefscope.jobs.event_file import Request
from reliefscope.jobs.situation import carry_out
from reliefscope.model.cube import State
from reliefscope.model.event import Hazard
from reliefscope.products.catalog import Package
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog
from reliefscope.products.validate import Agreement, validate
from reliefscope.sources.layers import ContextFiles
from reliefscope.sources.simulated import Exercise, SimulatedSource
from reliefscope.words import SOURCE

_RESOLUTION_M = {Hazard.DROUGHT: 5000.0, Hazard.HEAT: 5000.0, Hazard.STORM: 1000.0}
"""Size of a pixel of the map where it is not 10 m [m]."""


def exercise_request(
    hazard: Hazard, *, size: int, seed: int, cache: Path
) -> tuple[Request, Exercise]:
    """Return what an exercise asks for, and where its truth is; the world is made if need be.

    Parameters
    ----------
    hazard : Hazard
        Kind of disaster.
    size : int
        Pixels of 10 m a side.
    seed : int
        Which world.
    cache : Path
        Where worlds are kept.

    Raises
    ------
    InputError
        No exercise of that hazard, or a number is out of range.
    """
    event = exercise_event(hazard, size=size, seed=seed)
    source = SimulatedSource(event=event, folder=cache / "exercises", size=size, seed=seed)
    world = source.exercise()
    request = Request(
        event=event,
        indicator=next(n for n, i in INDICATORS.items() if i.speaks_of(hazard)),
        resolution=_RESOLUTION_M.get(hazard, 10.0),
        sources={"exercise": source},
        context=ContextFiles(
            population=world.population,
            population_source="EXERCISE: simulated population",
            admin=world.admin,
            admin_source="EXERCISE: simulated boundaries",
            places=world.places,
            roads=world.roads,
            facilities=world.facilities,
        ),
    )
    return request, world


def run_exercise(
    request: Request,
    world: Exercise,
    catalog: Catalog,
    *,
    released: dt.datetime,
    policy: Policy | None = None,
    languages: Sequence[str] = (SOURCE,),
    paper: str | None = None,
    progress: Callable[[str], None],
) -> tuple[Package, Agreement]:
    """Map and publish an exercise, and compare the map with the known truth.

    Parameters
    ----------
    request, world
        From `exercise_request`.
    catalog : Path or S3Catalog
        Folder of the catalog.
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

    Raises
    ------
    ReliefscopeError
        See `reliefscope.errors`.
    """
    package = carry_out(
        request,
        catalog,
        released=released,
        policy=policy,
        languages=languages,
        paper=paper,
        progress=progress,
    )
    progress("Comparing with the truth")
    agreement = validate(
        package.folder / "state.tif", world.truth_extent, event_classes=(State.EVENT,)
    )
    return package, agreement
