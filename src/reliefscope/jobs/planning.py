"""What would be read for a request, how old and how large it is, and what comes next."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reliefscope.errors import NothingFoundError, SourceError
from reliefscope.jobs.event_file import Request
from reliefscope.jobs.situation import plan_request
from reliefscope.model.granule import Granule
from reliefscope.pipeline.passes import ExpectedPass, expected_passes
from reliefscope.pipeline.plan import Plan
from reliefscope.pipeline.run import search
from reliefscope.pipeline.select import Choice, cover

ESTIMATE = (
    "Estimated from the repeat cycle of each orbit and its past images; operators may change plans."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGranule:
    """One granule that would be read."""

    role: str
    source: str
    id: str
    collection: str
    acquired: str | None
    """ISO 8601, UTC; None for static layers."""
    age_hours: float | None
    """Since the acquisition."""
    size: int | None
    """Bytes of its files, where the provider says; reading an area needs only a part."""
    cover: float
    """Share of the area inside its footprint [0-1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a request would read now, why, and which passes are expected next."""

    plan: Plan
    granules: tuple[PlannedGranule, ...]
    reasons: dict[str, str]
    """By role."""
    expected: tuple[ExpectedPass, ...]
    """Estimates; see `ESTIMATE`."""
    problem: str = ""
    """Why nothing can be mapped yet; empty when it can."""

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain JSON values."""
        rows, columns = self.plan.grid.shape
        return {
            "event": self.plan.event.id,
            "indicator": self.plan.indicator.name,
            "grid": {"crs": str(self.plan.grid.crs), "columns": columns, "rows": rows},
            "peak_memory_bytes": self.plan.peak_bytes,
            "granules": [asdict(g) for g in self.granules],
            "reasons": self.reasons,
            "expected_passes": {
                "note": ESTIMATE,
                "passes": [
                    {**asdict(p), "expected": p.expected.isoformat(), "last": p.last.isoformat()}
                    for p in self.expected
                ],
            },
            "problem": self.problem,
        }


def look_ahead(request: Request, *, now: dt.datetime) -> Outlook:
    """Search for ``request`` and say what would be read; no pixel but a look at clouds is read.

    Raises
    ------
    InputError
        The request cannot be planned.
    SourceError
        No source could be searched. That nothing was found is no error here: the passes expected
        next are then the answer.
    """
    todo = plan_request(request)
    problem, selection = "", {}
    try:
        selection = dict(search(todo, request.sources))
    except NothingFoundError as error:
        problem = str(error)
    return Outlook(
        plan=todo,
        granules=tuple(
            _planned(name, choice, granule, request, now)
            for name, choice in selection.items()
            for granule in choice.granules
        ),
        reasons={name: choice.reason for name, choice in selection.items()},
        expected=tuple(_expected(todo, request, now)),
        problem=problem,
    )


def _planned(
    role: str, choice: Choice, granule: Granule, request: Request, now: dt.datetime
) -> PlannedGranule:
    age = None if granule.acquired is None else (now - granule.acquired).total_seconds() / 3600
    alone = Choice(passes=((granule,),), reason="", cover=0.0)
    return PlannedGranule(
        role=role,
        source=choice.source,
        id=granule.id,
        collection=granule.collection,
        acquired=granule.acquired.isoformat() if granule.acquired else None,
        age_hours=age,
        size=alone.size,
        cover=cover([granule], request.event.area),
    )


def _expected(todo: Plan, request: Request, now: dt.datetime) -> Sequence[ExpectedPass]:
    try:
        return expected_passes(todo, request.sources, now=now)
    except SourceError:  # the outlook without it is still worth having
        return ()
