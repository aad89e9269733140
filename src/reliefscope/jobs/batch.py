"""Carry out a manifest: one product after the other, each with a row in the report."""

import datetime as dt
import errno
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reliefscope.errors import (
    InsufficientDataError,
    NothingFoundError,
    PublishError,
    ReliefscopeError,
)
from reliefscope.jobs.attention import attention, timings
from reliefscope.jobs.event_file import Request
from reliefscope.jobs.manifest import Manifest, Resolver, Row, rows
from reliefscope.jobs.report import Outcome, Report, Result
from reliefscope.jobs.situation import carry_out
from reliefscope.products.catalog import Package
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog
from reliefscope.settings import Settings

log = logging.getLogger(__name__)

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS})

Told = Callable[[int, int, str], None]
Published = Callable[[Package], None]


def _unheard(done: int, of: int, step: str) -> None:
    del done, of, step


def _alone(package: Package) -> None:
    del package


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that holds for all rows of a run."""

    settings: Settings
    catalog: Catalog
    base: Path
    """Folder of the manifest."""
    released: dt.datetime
    """Moment of release that the products state, UTC."""
    run_id: str
    engine: str = "threads"
    """Where it is computed: for the report."""
    policy: Policy | None = None
    languages: Sequence[str] = ("en",)
    """Where the manifest names none."""
    progress: Told = _unheard
    """Told rows done, rows in all, and the step at hand."""
    published: Published = _alone
    """Told of each new package: to notify."""


def run_batch(manifest: Manifest, batch: Batch) -> Iterator[Report]:
    """Carry out every row; yield the report as it stands after each.

    A row that fails does not stop the others, but a catalog that cannot be written does: the rows
    after it are ``not run``. Run again, what was published is skipped.
    """
    asked = tuple(rows(manifest, batch.languages))
    resolver = Resolver(settings=batch.settings, base=batch.base, now=batch.released)
    results = [_result(row, Outcome.NOT_RUN) for row in asked]
    report = Report(
        run_id=batch.run_id,
        started=batch.released.astimezone(dt.UTC).isoformat(timespec="seconds"),
        engine=batch.engine,
        results=tuple(results),
    )
    yield report
    for number, row in enumerate(asked):
        results[number], stop = _one(row, number, len(asked), resolver, batch)
        if stop:
            why = f"the run stopped before it: {results[number].reason}"
            results[number + 1 :] = [replace(r, reason=why) for r in results[number + 1 :]]
        yield replace(report, results=tuple(results))
        if stop:
            return


def _one(
    row: Row, number: int, count: int, resolver: Resolver, batch: Batch
) -> tuple[Result, bool]:
    """Return how a row went, and whether the run must stop."""
    start = time.perf_counter()
    asked: Request | None = None
    try:
        batch.progress(number, count, f"{row.event}: looking it up")
        asked = resolver.request(row)
        name = asked.event.id
        package = carry_out(
            asked,
            batch.catalog,
            released=batch.released,
            policy=batch.policy,
            languages=row.languages,
            paper=batch.settings.paper,
            progress=lambda step: batch.progress(number, count, f"{name}: {step}"),
        )
        if package.created:
            batch.published(package)
        result = _made(_result(row, Outcome.DONE, asked), package, batch.catalog)
        return replace(result, seconds=time.perf_counter() - start), False
    except Exception as error:  # one row's failure becomes its row in the report
        result = replace(
            _result(row, _outcome(error), asked),
            reason=_reason(error),
            seconds=time.perf_counter() - start,
        )
        if not isinstance(error, ReliefscopeError) and not _disk(error):
            log.exception("row %d of %d failed by a bug of ours", number + 1, count)
        return result, isinstance(error, PublishError) or _disk(error)


def _made(result: Result, package: Package, catalog: Catalog) -> Result:
    """Return the row of a package; one that another machine made is not fetched to judge it."""
    here = (package.folder / "provenance.json").is_file()
    place = str(package.folder)
    if not isinstance(catalog, Path):
        place = f"{catalog.url}/{package.folder.relative_to(catalog.root).as_posix()}"
    return replace(
        result,
        outcome=Outcome.DONE if package.created else Outcome.SKIPPED,
        product=package.product_id,
        folder=place,
        steps=timings(package.folder) if package.created else {},
        attention=attention(package) if here else (),
    )


def _result(row: Row, outcome: Outcome, asked: Request | None = None) -> Result:
    return Result(
        event=asked.event.id if asked else row.event,
        area=asked.event.area.name if asked else row.area,
        indicator=asked.indicator if asked else row.indicator,
        stage=asked.stage if asked else row.options.stage or "",
        languages=row.languages,
        outcome=outcome,
    )


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, NothingFoundError):
        return Outcome.NO_DATA
    return Outcome.INSUFFICIENT if isinstance(error, InsufficientDataError) else Outcome.FAILED


def _disk(error: Exception) -> bool:
    """Say whether a disk is full, a quota is used up, or a folder may not be written."""
    return isinstance(error, OSError) and error.errno in _DISK


def _reason(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, ReliefscopeError):
        return said
    if _disk(error):
        return f"{said}; free disk space, raise the quota or make it writable, then run again"
    return f"a bug of ours: {said}"
