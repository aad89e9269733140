"""Runs of days: how many lie in long ones, the longest of each year, the growing season."""

import numba
import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def days_in_runs(holds: Flags, starts: Ints, least: int) -> Ints:
    """Return how many days of each group lie in runs of at least ``least`` days within it.

    ``holds`` is (cell, time), ``starts`` says where groups begin; returns (cell, group).
    """
    out = np.zeros((holds.shape[0], len(starts)), np.int64)
    for cell in range(holds.shape[0]):
        for g in range(len(starts)):
            stop = starts[g + 1] if g + 1 < len(starts) else holds.shape[1]
            length = 0
            for i in range(starts[g], stop + 1):
                if i < stop and holds[cell, i]:
                    length += 1
                    continue
                if length >= least:
                    out[cell, g] += length
                length = 0
    return out


@numba.njit(cache=True, nogil=True)
def longest_runs(holds: Flags, starts: Ints) -> Ints:
    """Return the longest run of each group, counted in the group in which it ends.

    A run may begin long before; one that fills a whole group and goes on gives -1 there, for its
    length is not known yet. ``holds`` is (cell, time); returns (cell, group).
    """
    out = np.zeros((holds.shape[0], len(starts)), np.int64)
    for cell in range(holds.shape[0]):
        length = 0
        for g in range(len(starts)):
            stop = starts[g + 1] if g + 1 < len(starts) else holds.shape[1]
            whole = True
            for i in range(starts[g], stop):
                length = length + 1 if holds[cell, i] else 0
                whole = whole and holds[cell, i]
                ends = i + 1 == holds.shape[1] or not holds[cell, i + 1]
                if ends and length > out[cell, g]:
                    out[cell, g] = length
            if whole and out[cell, g] == 0:
                out[cell, g] = -1
    return out


@numba.njit(cache=True, nogil=True)
def _first_run(holds: Flags, begin: int, stop: int, least: int) -> int:
    """Return where the first run of at least ``least`` days begins, or -1."""
    length = 0
    for i in range(begin, stop):
        length = length + 1 if holds[i] else 0
        if length == least:
            return i - least + 1
    return -1


@numba.njit(cache=True, nogil=True)
def growing_seasons(warm: Flags, cold: Flags, starts: Ints, middles: Ints, least: int) -> Ints:
    """Return the days from the first warm run of each year to the first cold run after its middle.

    ``warm`` and ``cold`` are (cell, time); without a cold run the season lasts to the end of the
    year, without a warm one before the middle there is none. Returns (cell, year).
    """
    out = np.zeros((warm.shape[0], len(starts)), np.int64)
    for cell in range(warm.shape[0]):
        for g in range(len(starts)):
            stop = starts[g + 1] if g + 1 < len(starts) else warm.shape[1]
            begin = _first_run(warm[cell], starts[g], middles[g], least)
            if begin < 0:
                continue
            end = _first_run(cold[cell], middles[g], stop, least)
            out[cell, g] = (end if end >= 0 else stop) - begin
    return out
