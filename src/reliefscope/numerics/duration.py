"""How long something lasted, seen only now and then."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError

DRY, WET, UNKNOWN = 0, 1, 255
"""Codes of a series."""


class Duration(NamedTuple):
    """What a series of looks tells of each pixel, each array, (...)."""

    low: NDArray[np.float32]
    """Days between looks next to each other that both saw it wet."""
    middle: NDArray[np.float32]
    """Days that are nearer to a wet look than to a dry one."""
    high: NDArray[np.float32]
    """Days of the series but those between looks next to each other that both saw it dry."""
    looks: NDArray[np.uint16]
    """How many looks saw the pixel."""
    wet: NDArray[np.uint16]
    """How many of them saw it wet."""


def duration(codes: NDArray[np.uint8], days: NDArray[np.floating]) -> Duration:
    """Bound how long each pixel was wet within a series of looks.

    What no look saw is neither dry nor wet: it widens the bounds. ``low <= middle <= high``.

    Parameters
    ----------
    codes : array, (time, ...)
        `DRY`, `WET` or `UNKNOWN`.
    days : array, (time,)
        Time of each look, increasing [day].

    Returns
    -------
    Duration
        Days are NaN where no look saw the pixel.

    Raises
    ------
    InputError
        The times do not fit the looks, or do not increase.
    """
    when = np.asarray(days, dtype=np.float64)
    gaps = np.diff(when).astype(np.float32)
    if when.shape != codes.shape[:1] or np.any(gaps <= 0) or not when.size:
        raise InputError(
            f"{len(codes)} looks at {when.shape} times; give one time a look, each later than the "
            f"one before"
        )
    wet, seen = codes == WET, codes != UNKNOWN
    shape = codes.shape[1:]
    low = np.zeros(shape, dtype=np.float32)
    dry = np.zeros(shape, dtype=np.float32)
    for i, gap in enumerate(gaps):
        low += gap * (wet[i] & wet[i + 1])
        dry += gap * (seen[i] & ~wet[i] & seen[i + 1] & ~wet[i + 1])
    looks = seen.sum(axis=0, dtype=np.uint16)
    never = looks == 0
    out = [low, _nearest(wet, seen, when), np.float32(when[-1] - when[0]) - dry]
    low, middle, high = (np.where(never, np.float32(np.nan), a) for a in out)
    return Duration(low, middle, high, looks, wet.sum(axis=0, dtype=np.uint16))


def _nearest(
    wet: NDArray[np.bool_], seen: NDArray[np.bool_], days: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the days that are nearer to a wet look than to a dry one."""
    shape = wet.shape[1:]
    total = np.zeros(shape, dtype=np.float32)
    last = np.full(shape, days[0])
    first, state = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for i, day in enumerate(days):
        now = seen[i]
        # up to the first look all is as that look saw it
        share = np.where(first, wet[i] * 1.0, (wet[i] * 1.0 + state) / 2)
        total += np.where(now, (day - last) * share, 0).astype(np.float32)
        last = np.where(now, day, last)
        state = np.where(now, wet[i], state)
        first &= ~now
    total += ((days[-1] - last) * state).astype(np.float32)
    return total
