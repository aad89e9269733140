"""Fields of rain and weather: one for each step of time, on cells between meridians and parallels.

What all of them share: the calendar of steps, and a lazy cube with one time per step.
"""

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import dask.array as da
import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr

from reliefscope.errors import InputError, SourceError
from reliefscope.model.cube import describe
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule
from reliefscope.sources._lattice import Floats, nothing

log = logging.getLogger(__name__)

CHUNK = 2048
"""Pixels a side of a lazy block."""
_BLOCK_BYTES = 64_000_000
"""Steps that lie in one file are read together up to this size."""
MAX_STEPS = 20_000
"""More than this is a slip in the window: 40 years have 14,610 days."""
WORKERS = 4
"""Files fetched at the same time: public servers are shared."""


class Step(StrEnum):
    """How long one field lasts."""

    HALF_HOUR = "half-hour"
    HOUR = "hour"
    DAY = "day"
    DEKAD = "dekad"
    """Days 1 to 10, 11 to 20, 21 to the end of each month."""
    MONTH = "month"


class Statistic(StrEnum):
    """What a value says of its step."""

    TOTAL = "total over step"
    MEAN = "mean over step"
    POINT = "value at the start of the step"
    HIGHEST = "highest of step"
    LOWEST = "lowest of step"


_CELL_METHODS: Mapping[Statistic, str] = {
    Statistic.TOTAL: "time: sum",
    Statistic.MEAN: "time: mean",
    Statistic.POINT: "time: point",
    Statistic.HIGHEST: "time: maximum",
    Statistic.LOWEST: "time: minimum",
}
_LENGTHS: Mapping[Step, dt.timedelta] = {
    Step.HALF_HOUR: dt.timedelta(minutes=30),
    Step.HOUR: dt.timedelta(hours=1),
    Step.DAY: dt.timedelta(days=1),
}
_DEKADS = (1, 11, 21)


def step_of(moment: dt.datetime, step: Step) -> dt.datetime:
    """Return the start of the step that holds ``moment``, UTC."""
    utc = moment.astimezone(dt.UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    if step is Step.MONTH:
        return midnight.replace(day=1)
    if step is Step.DEKAD:
        return midnight.replace(day=max(d for d in _DEKADS if d <= utc.day))
    length = _LENGTHS[step]
    return midnight + (utc - midnight) // length * length


def step_end(start: dt.datetime, step: Step) -> dt.datetime:
    """Return where the step that begins at ``start`` ends: the start of the next."""
    if step in _LENGTHS:
        return start + _LENGTHS[step]
    if step is Step.DEKAD and start.day < _DEKADS[-1]:
        return start + dt.timedelta(days=10)
    return (start.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def step_hours(start: dt.datetime, step: Step) -> float:
    """Return how long the step that begins at ``start`` lasts [h]."""
    return (step_end(start, step) - start) / dt.timedelta(hours=1)


def steps_in(window: Window, step: Step) -> list[dt.datetime]:
    """Return the steps that start within ``window``, oldest first.

    Raises
    ------
    InputError
        More than `MAX_STEPS`.
    """
    starts: list[dt.datetime] = []
    start = step_of(window.start, step)
    if start < window.start:
        start = step_end(start, step)
    while start < window.end:
        if len(starts) == MAX_STEPS:
            raise InputError(
                f"the window {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d} has more than "
                f"{MAX_STEPS:,} {step}s; shorten the window, or choose a longer step"
            )
        starts.append(start)
        start = step_end(start, step)
    return starts


Reader = Callable[[GeoBox, slice], Floats | None]
"""Gives (time, y, x) of some steps of a file on a block; None where it has nothing there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file of one variable: one step, or many."""

    starts: tuple[dt.datetime, ...]
    label: str
    """What errors call it."""
    read: Reader


def field_cube(
    name: str, pieces: Sequence[Piece], grid: GeoBox, *, step: Step, statistic: Statistic
) -> xr.DataArray:
    """Return a lazy cube of one variable in canonical units.

    Parameters
    ----------
    name : str
        Canonical variable.
    pieces : sequence of Piece
        Oldest first.
    grid : GeoBox
        Target pixels.
    step, statistic : Step, Statistic
        Stated in the attributes ``step``, ``statistic`` and ``cell_methods``.

    Returns
    -------
    DataArray, (time, y, x)
        ``time`` is the start of each step, UTC; NaN where nothing was observed.
    """
    rows, columns = (_lengths(side, CHUNK) for side in grid.shape)
    together = max(1, _BLOCK_BYTES // (4 * rows[0] * columns[0]))
    tasks = [
        (piece, slice(first, min(first + together, len(piece.starts))))
        for piece in pieces
        for first in range(0, len(piece.starts), together)
    ]
    reading = _Reading(tasks, grid)
    values = da.map_blocks(  # type: ignore[no-untyped-call]
        reading,
        chunks=(tuple(chosen.stop - chosen.start for _, chosen in tasks), rows, columns),
        dtype="float32",
        meta=np.empty((0, 0, 0), "float32"),
        name=f"field-{name}-{reading.token}",
    )
    starts = [start for piece in pieces for start in piece.starts]
    stamps = [np.datetime64(s.astimezone(dt.UTC).replace(tzinfo=None), "ns") for s in starts]
    dims = ("time", "y", "x")  # on geographic grids too
    array = describe(name, wrap_xr(values, grid, time=stamps, nodata=None, dims=dims))
    return array.assign_attrs(
        step=step.value, statistic=statistic.value, cell_methods=_CELL_METHODS[statistic]
    )


class _Reading:
    """Reads one block of some steps; opaque to dask, which would look into every piece."""

    def __init__(self, tasks: Sequence[tuple[Piece, slice]], grid: GeoBox) -> None:
        self._tasks, self._grid = tasks, grid
        self.token = hashlib.sha256(repr((tasks, grid)).encode()).hexdigest()[:32]

    def __dask_tokenize__(self) -> str:
        return self.token

    def __call__(self, *, block_id: tuple[int, int, int]) -> Floats:
        task, top, left = block_id[0], block_id[1] * CHUNK, block_id[2] * CHUNK
        piece, chosen = self._tasks[task]
        rows, columns = self._grid.shape
        block = self._grid[top : min(top + CHUNK, rows), left : min(left + CHUNK, columns)]
        try:
            values = piece.read(block, chosen)
        except SourceError as error:
            raise type(error)(f"{piece.label}: {error}") from error
        return nothing(chosen.stop - chosen.start, block) if values is None else values


def _lengths(length: int, size: int) -> tuple[int, ...]:
    rest = length % size
    return (size,) * (length // size) + ((rest,) if rest else ())


def in_order(granules: Sequence[Granule]) -> list[Granule]:
    """Return the granules oldest first.

    Raises
    ------
    InputError
        One has no time, or two have the same.
    """
    timed = [g for g in granules if g.acquired is not None]
    ordered = sorted(timed, key=lambda g: str(g.acquired))
    starts = [g.acquired for g in ordered]
    if len(timed) < len(granules) or len(set(starts)) < len(starts):
        raise InputError(
            f"{len(granules)} fields have {len(set(starts))} times; each needs one of its own: "
            f"load those of one search, of one folder with one area"
        )
    return ordered


def say_what_is_out(
    service: str, out: Sequence[dt.datetime], asked: Sequence[dt.datetime], step: Step
) -> None:
    """Log how many of the steps asked for are out, and which is the latest."""
    if len(out) < len(asked):
        latest = f", the latest of {max(out):%Y-%m-%dT%H:%MZ}" if out else ""
        log.warning("%s: %d of %d %ss are out%s", service, len(out), len(asked), step, latest)


def fetch_steps(granules: Sequence[Granule], fetch: Callable[[Granule], Path]) -> list[Path]:
    """Return the file of each granule, in order, several fetched at a time.

    Raises
    ------
    SourceError
        The first failure in order, with the name of its granule; what has arrived is kept.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        asked = [pool.submit(fetch, granule) for granule in granules]
        try:
            return [_result(a.result, g) for a, g in zip(asked, granules, strict=True)]
        finally:
            for each in asked:
                each.cancel()  # after a failure nobody needs the rest


def _result(wait: Callable[[], Path], granule: Granule) -> Path:
    try:
        return wait()
    except SourceError as error:
        raise type(error)(f"{granule.id}: {error}") from error
