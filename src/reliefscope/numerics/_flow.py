"""Compiled kernels of drainage: depression handling, flow directions, accumulation, base level.

All work on flat views of an elevation padded by one ring of NaN, so that no kernel checks bounds.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_OUTLET = 8
_OUTSIDE = 9
_OPEN = 10
_DONE = 255


@numba.njit(cache=True)
def _offsets(width: int) -> NDArray[np.int64]:
    """Return the steps to the eight neighbours; the opposite of step k is step 7 - k."""
    return np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])


@numba.njit(cache=True)
def _push(
    keys: NDArray[np.float32], cells: NDArray[np.int32], size: int, key: float, cell: int
) -> None:
    """Sift a new entry up the binary heap, smallest key first."""
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if keys[above] <= key:
            break
        keys[i] = keys[above]
        cells[i] = cells[above]
        i = above
    keys[i] = key
    cells[i] = cell


@numba.njit(cache=True)
def _pop(keys: NDArray[np.float32], cells: NDArray[np.int32], size: int) -> int:
    """Take the smallest entry of a heap of ``size`` and close the gap."""
    first = cells[0]
    last = size - 1
    key, cell = keys[last], cells[last]
    i = 0
    below = 1
    while below < last:
        if below + 1 < last and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[i] = keys[below]
        cells[i] = cells[below]
        i = below
        below = 2 * i + 1
    keys[i] = key
    cells[i] = cell
    return int(first)


@numba.njit(cache=True)
def _seed(
    z: NDArray[np.float32],
    step: NDArray[np.int64],
    direction: NDArray[np.uint8],
    keys: NDArray[np.float32],
    cells: NDArray[np.int32],
) -> int:
    """Start from the cells beside NaN: water can leave there. Return how many there are."""
    size = 0
    for cell in range(z.size):
        if np.isnan(z[cell]):
            direction[cell] = _OUTSIDE
            continue
        direction[cell] = _OPEN
        for k in range(8):
            if np.isnan(z[cell + step[k]]):
                direction[cell] = _OUTLET
                _push(keys, cells, size, z[cell], cell)
                size += 1
                break
    return size


@numba.njit(cache=True)
def _sweep(
    z: NDArray[np.float32],
    step: NDArray[np.int64],
    direction: NDArray[np.uint8],
    rise: NDArray[np.int32],
    tail: int,
    keys: NDArray[np.float32],
    cells: NDArray[np.int32],
    size: int,
) -> int:
    """Reach all ground that rises from ``rise``; put on the heap where it falls again."""
    head = 0
    while head < tail:
        cell = rise[head]
        head += 1
        spills = False
        for k in range(8):
            near = cell + step[k]
            if direction[near] != _OPEN:
                continue
            if z[near] > z[cell]:
                direction[near] = 7 - k
                rise[tail] = near
                tail += 1
            else:
                spills = True
        if spills:
            _push(keys, cells, size, z[cell], cell)
            size += 1
    return size


@numba.njit(cache=True)
def flood(z: NDArray[np.float32], width: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Fill depressions to their spill level and remember from where each cell was reached.

    Priority flood (Barnes et al. 2014, doi:10.1016/j.cageo.2013.04.024) in which rising ground is
    swept without the heap (Zhou et al. 2016, doi:10.1016/j.cageo.2016.02.021).
    """
    step = _offsets(width)
    filled = z.copy()
    direction = np.empty(z.size, np.uint8)
    keys = np.empty(z.size, np.float32)
    cells = np.empty(z.size, np.int32)
    pit = np.empty(z.size, np.int32)
    rise = np.empty(z.size, np.int32)
    size = _seed(z, step, direction, keys, cells)
    pits = pit_tail = 0
    while size > 0 or pits < pit_tail:
        if pits < pit_tail:
            cell = pit[pits]
            pits += 1
        else:
            pits = pit_tail = 0
            cell = _pop(keys, cells, size)
            size -= 1
        tail = 0
        for k in range(8):
            near = cell + step[k]
            if direction[near] != _OPEN:
                continue
            direction[near] = 7 - k
            if z[near] <= filled[cell]:
                filled[near] = filled[cell]
                pit[pit_tail] = near
                pit_tail += 1
            else:
                rise[tail] = near
                tail += 1
        size = _sweep(z, step, direction, rise, tail, keys, cells, size)
    return filled, direction


@numba.njit(cache=True)
def steepest(
    filled: NDArray[np.float32],
    direction: NDArray[np.uint8],
    width: int,
    dx: float,
    dy: float,
) -> None:
    """Point each cell down its steepest descent (D8); flats keep the way the flood came."""
    step = _offsets(width)
    d = np.sqrt(dx * dx + dy * dy)
    near_by = np.array([1 / d, 1 / dy, 1 / d, 1 / dx, 1 / dx, 1 / d, 1 / dy, 1 / d])
    for cell in range(filled.size):
        if direction[cell] == _OUTSIDE:
            continue
        best = 0.0
        for k in range(8):
            near = cell + step[k]
            if direction[near] == _OUTSIDE:
                continue
            drop = (filled[cell] - filled[near]) * near_by[k]
            if drop > best:
                best = drop
                direction[cell] = k


@numba.njit(cache=True)
def accumulate(direction: NDArray[np.uint8], width: int) -> NDArray[np.int32]:
    """Count the cells that drain through each cell, itself included."""
    step = _offsets(width)
    waiting = np.zeros(direction.size, np.uint8)
    count = np.zeros(direction.size, np.int32)
    for cell in range(direction.size):
        if direction[cell] != _OUTSIDE:
            count[cell] = 1
        if direction[cell] < _OUTLET:
            waiting[cell + step[direction[cell]]] += 1
    for start in range(direction.size):
        cell = start
        while waiting[cell] == 0:
            waiting[cell] = _DONE
            if direction[cell] >= _OUTLET:
                break
            below = cell + step[direction[cell]]
            count[below] += count[cell]
            waiting[below] -= 1
            cell = below
    return count


@numba.njit(cache=True)
def base_level(
    filled: NDArray[np.float32],
    direction: NDArray[np.uint8],
    drainage: NDArray[np.bool_],
    width: int,
    outlets_drain: bool,  # noqa: FBT001
) -> NDArray[np.float32]:
    """Give each cell the level of the first drainage cell on its way down, else NaN."""
    step = _offsets(width)
    base = np.full(filled.size, np.inf, np.float32)
    path = np.empty(filled.size, np.int32)
    for start in range(filled.size):
        cell = start
        length = 0
        while base[cell] == np.inf:
            if drainage[cell]:
                base[cell] = filled[cell]
            elif direction[cell] >= _OUTLET:
                base[cell] = filled[cell] if outlets_drain else np.nan
            else:
                path[length] = cell
                length += 1
                cell = cell + step[direction[cell]]
        for i in range(length):
            base[path[i]] = base[cell]
    return base


@numba.njit(cache=True)
def gradient(z: NDArray[np.float32], east: NDArray[np.float32], south: NDArray[np.float32]) -> None:
    """Fit a plane per cell to the finite cells of its 3x3 window, weights [1 2 1] x [1 2 1].

    ``z`` has one ring of padding. Rise per cell goes to ``east`` and ``south``, NaN where the
    cell is NaN or its neighbours do not span a plane.
    """
    for j in range(east.shape[0]):
        for i in range(east.shape[1]):
            east[j, i] = np.nan
            south[j, i] = np.nan
            centre = z[j + 1, i + 1]
            if np.isnan(centre):
                continue
            n = sx = sy = sxx = syy = sxy = sz = sxz = syz = 0.0
            for b in range(-1, 2):
                for a in range(-1, 2):
                    value = z[j + 1 + b, i + 1 + a]
                    if np.isnan(value):
                        continue
                    w = float((2 - abs(a)) * (2 - abs(b)))
                    rise = w * (value - centre)
                    n += w
                    sx += w * a
                    sy += w * b
                    sxx += w * a * a
                    syy += w * b * b
                    sxy += w * a * b
                    sz += rise
                    sxz += rise * a
                    syz += rise * b
            xx = sxx - sx * sx / n
            yy = syy - sy * sy / n
            xy = sxy - sx * sy / n
            det = xx * yy - xy * xy
            if det > 1e-6:  # noqa: PLR2004
                xz = sxz - sx * sz / n
                yz = syz - sy * sz / n
                east[j, i] = (xz * yy - yz * xy) / det
                south[j, i] = (yz * xx - xz * xy) / det
