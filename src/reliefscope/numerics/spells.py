"""Droughts as events of a standardised index: when, how long, how much (McKee et al. 1993).

A drought is a run of an index that falls below zero, reaches -1 or less, and ends with the first
value above zero. It begins where the run does. Nothing is known of a gap: a run ends there, and
says so.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

REACHED = -1.0
"""A run that never falls so low is no drought (McKee et al. 1993)."""


class Edge(StrEnum):
    """What lies beyond an end of a drought."""

    NORMAL = "normal"
    """A value above zero: the drought is known to begin or to end here."""
    GAP = "gap"
    """A value is missing: it may be longer."""
    RECORD = "record"
    """The record begins or ends: it may be longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One drought."""

    start: int
    """First step below zero."""
    stop: int
    """The step after the last."""
    magnitude: float
    """Sum of the index, sign changed [steps]."""
    peak: float
    """Lowest value."""
    peak_at: int
    """Step of the lowest value."""
    before: Edge
    after: Edge

    @property
    def duration(self) -> int:
        """Steps it lasted."""
        return self.stop - self.start

    @property
    def intensity(self) -> float:
        """Magnitude per step."""
        return self.magnitude / self.duration


class Current(NamedTuple):
    """The drought that a series ends in, one value per cell."""

    duration: NDArray[np.float32]
    """Steps so far; 0 without drought, NaN where the last value is missing."""
    magnitude: NDArray[np.float32]
    """Sum of the index so far, sign changed [steps]; as above."""
    peak: NDArray[np.float32]
    """Lowest index so far; NaN without drought."""
    before: NDArray[np.uint8]
    """1 where a gap or the beginning of the record hides when it began."""


def spells(index: Floats, *, reached: float = REACHED) -> list[Spell]:
    """Return the droughts of one series, oldest first.

    Parameters
    ----------
    index : array, (time,)
        Standard normal units; NaN is missing.
    reached : float
        How low a run must fall to be a drought.
    """
    found: list[Spell] = []
    start: int | None = None
    for i in range(len(index) + 1):
        inside = i < len(index) and (index[i] < 0.0 or (start is not None and index[i] <= 0.0))
        if inside:
            start = i if start is None else start
        elif start is not None:
            run = index[start:i]
            if run.min() <= reached:
                found.append(_spell(index, start, i))
            start = None
    return found


def _spell(index: Floats, start: int, stop: int) -> Spell:
    run = np.asarray(index[start:stop], dtype=np.float64)
    return Spell(
        start=start,
        stop=stop,
        magnitude=-float(run.sum()),
        peak=float(run.min()),
        peak_at=start + int(run.argmin()),
        before=_edge(index, start - 1),
        after=_edge(index, stop),
    )


def _edge(index: Floats, step: int) -> Edge:
    if not 0 <= step < len(index):
        return Edge.RECORD
    return Edge.GAP if np.isnan(index[step]) else Edge.NORMAL


def current(index: Floats, *, reached: float = REACHED) -> Current:
    """Return the drought that each series is in at its last step.

    Parameters
    ----------
    index : array, (..., time)
        Standard normal units; NaN is missing.
    reached : float
        How low a run must fall to be a drought.

    Returns
    -------
    Current
        Arrays of shape (...).
    """
    cells = np.ascontiguousarray(index, dtype=np.float64).reshape(-1, index.shape[-1])
    out = np.zeros((4, len(cells)))
    _current(cells, reached, out)
    shape = index.shape[:-1]
    duration, magnitude, peak = (layer.reshape(shape).astype(np.float32) for layer in out[:3])
    return Current(duration, magnitude, peak, out[3].reshape(shape).astype(np.uint8))


@numba.njit(cache=True, nogil=True)
def _current(cells: NDArray[np.float64], reached: float, out: NDArray[np.float64]) -> None:
    last = cells.shape[1] - 1
    for cell in range(cells.shape[0]):
        x = cells[cell]
        out[2, cell] = math.nan
        if math.isnan(x[last]):
            out[0, cell] = out[1, cell] = math.nan
            continue
        # back to the value above zero, the gap or the record's end that the run follows
        start = last + 1
        while start > 0 and x[start - 1] <= 0.0:
            start -= 1
        while start <= last and x[start] == 0.0:  # zero goes on with a run, but begins none
            start += 1
        total, lowest = 0.0, math.inf
        for i in range(start, last + 1):
            total += x[i]
            lowest = min(lowest, x[i])
        if lowest <= reached:
            out[0, cell] = last + 1 - start
            out[1, cell] = -total
            out[2, cell] = lowest
            out[3, cell] = 1.0 if start == 0 or math.isnan(x[start - 1]) else 0.0
