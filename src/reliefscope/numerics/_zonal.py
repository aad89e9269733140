"""Compiled loops of `zonal`."""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_TINY = 1e-9
"""Shares of a pixel below this are rounding."""
Lattice = tuple[NDArray[np.float64], NDArray[np.float64], int, float]
"""Columns and rows among the cells at the nodes, pixels per node, period of the columns."""


@njit(cache=True, nogil=True)
def zone_sums(
    zones: NDArray[np.int32],
    classes: NDArray[np.uint8],
    weights: NDArray[np.floating[Any]],
    out: NDArray[np.float64],
) -> None:
    """Add each pixel's weight to its zone and class."""
    for i in range(zones.shape[0]):
        for j in range(zones.shape[1]):
            zone, kind, weight = zones[i, j], classes[i, j], weights[i, j]
            if zone >= 0 and kind < out.shape[1] and not math.isnan(weight):
                out[zone, kind] += weight


@njit(cache=True, nogil=True)
def _row(nodes: NDArray[np.float64], y: float, out: NDArray[np.float64]) -> None:
    """Interpolate ``nodes`` at ``y``, given in nodes, along each of their columns."""
    i = min(int(y), nodes.shape[0] - 2)
    f = y - i
    for j in range(out.size):
        out[j] = nodes[i, j] * (1.0 - f) + nodes[i + 1, j] * f


@njit(cache=True, nogil=True, inline="always")
def _place(row: NDArray[np.float64], x: float) -> float:
    """Interpolate a row of nodes at ``x``, given in nodes."""
    j = min(int(x), row.size - 2)
    here: float = row[j] + (row[j + 1] - row[j]) * (x - j)
    return here


@njit(cache=True, nogil=True)
def _half(
    x: NDArray[np.float64], y: NDArray[np.float64], n: int, limit: float, sign: float,
    to_x: NDArray[np.float64], to_y: NDArray[np.float64],
) -> int:  # fmt: skip
    """Keep the part of a polygon where ``sign * (x - limit) >= 0``; return its corners."""
    m = 0
    for i in range(n):
        j = i + 1 if i + 1 < n else 0
        here, there = sign * (x[i] - limit), sign * (x[j] - limit)
        if here >= 0.0:
            to_x[m], to_y[m] = x[i], y[i]
            m += 1
        if (here > 0.0 and there < 0.0) or (here < 0.0 and there > 0.0):
            f = here / (here - there)
            to_x[m], to_y[m] = limit, y[i] + f * (y[j] - y[i])
            m += 1
    return m


@njit(cache=True, nogil=True, inline="always")
def _area(x: NDArray[np.float64], y: NDArray[np.float64], n: int) -> float:
    total = 0.0
    for i in range(1, n - 1):
        total += (x[i] - x[0]) * (y[i + 1] - y[0]) - (x[i + 1] - x[0]) * (y[i] - y[0])
    return abs(total) / 2.0


@njit(cache=True, nogil=True, inline="always")
def _people(cells: NDArray[np.float64], v: int, u: int, period: float) -> float:
    """Return the people of a cell, NaN where nobody counted or beyond the raster."""
    if period < math.inf and not 0 <= u < cells.shape[1]:
        u -= math.floor(math.floor(u / period) * period + 0.5)
    if 0 <= v < cells.shape[0] and 0 <= u < cells.shape[1] and cells[v, u] >= 0.0:
        return float(cells[v, u])
    return math.nan


@njit(cache=True, nogil=True)
def _quad(
    x: NDArray[np.float64], y: NDArray[np.float64], cells: NDArray[np.float64], period: float,
    room: NDArray[np.float64],
) -> tuple[float, float, float]:  # fmt: skip
    """Return people in a quadrilateral, its size, and how much of that is unknown [cells]."""
    left, right = math.floor(x[:4].min()), math.ceil(x[:4].max())
    top, bottom = math.floor(y[:4].min()), math.ceil(y[:4].max())
    size = _area(x, y, 4)
    if right - left <= 1 and bottom - top <= 1:
        people = _people(cells, top, left, period)
        return (0.0, size, size) if math.isnan(people) else (people * size, size, 0.0)
    heads, unknown = 0.0, 0.0
    for row in range(top, bottom):
        n = _half(y, x, 4, float(row), 1.0, room[1], room[0])
        n = _half(room[1], room[0], n, row + 1.0, -1.0, room[3], room[2])
        if n < 3:  # noqa: PLR2004 - no area
            continue
        first, last = math.floor(room[2, :n].min()), math.ceil(room[2, :n].max())
        for column in range(first, last):
            m = _half(room[2], room[3], n, float(column), 1.0, room[4], room[5])
            m = _half(room[4], room[5], m, column + 1.0, -1.0, room[6], room[7])
            part = _area(room[6], room[7], m)
            people = _people(cells, row, column, period)
            if math.isnan(people):
                unknown += part
            else:
                heads += people * part
    return heads, size, unknown


@njit(cache=True, nogil=True)
def pixel_people(
    lattice: Lattice,
    first_row: int,
    cells: NDArray[np.float64],
    out: NDArray[np.float64],
    unknown: NDArray[np.float32],
) -> None:
    """Write the people of each pixel of a block, and which share of it is unknown."""
    u, v, step, period = lattice
    row_u, row_v = np.empty(u.shape[1]), np.empty(v.shape[1])
    rows, columns = out.shape
    xs, ys = np.empty((2, columns + 1)), np.empty((2, columns + 1))
    x, y, room = np.empty(16), np.empty(16), np.empty((8, 16))
    for i in range(rows + 1):
        _row(u, (first_row + i) / step, row_u)
        _row(v, (first_row + i) / step, row_v)
        now, before = i % 2, (i + 1) % 2
        for j in range(columns + 1):
            xs[now, j], ys[now, j] = _place(row_u, j / step), _place(row_v, j / step)
        if i == 0:
            continue
        for j in range(columns):
            x[0], x[1], x[2], x[3] = xs[before, j], xs[before, j + 1], xs[now, j + 1], xs[now, j]
            y[0], y[1], y[2], y[3] = ys[before, j], ys[before, j + 1], ys[now, j + 1], ys[now, j]
            heads, size, missing = _quad(x, y, cells, period, room)
            out[i - 1, j] = heads
            unknown[i - 1, j] = missing / size if size > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _edge(row: NDArray[np.float64], x0: float, x1: float, rise: float) -> None:
    """Add what an edge within one row of cells covers to its right, as signed differences."""
    right = row.size - 2
    if x0 > x1:
        x0, x1 = x1, x0
    if x1 <= 0.0:
        row[0] += rise
        return
    if x0 >= right:
        return
    slope = rise / (x1 - x0) if x1 > x0 else 0.0
    if x0 < 0.0:
        row[0] -= slope * x0
        rise += slope * x0
        x0 = 0.0
    if x1 > right:
        rise -= slope * (x1 - right)
        x1 = float(right)
    first, last = int(x0), int(x1)
    if first == last or x1 == x0:
        middle = (x0 + x1) / 2.0 - first
        row[first] += rise * (1.0 - middle)
        row[first + 1] += rise * middle
        return
    for j in range(first, last + 1):
        start, end = max(x0, float(j)), min(x1, j + 1.0)
        part = slope * (end - start)
        middle = (start + end) / 2.0 - j
        row[j] += part * (1.0 - middle)
        row[j + 1] += part * middle


@njit(cache=True, nogil=True)
def _cover(
    xy: NDArray[np.float64], rings: NDArray[np.int64], left: int, top: int,
    cover: NDArray[np.float64],
) -> None:  # fmt: skip
    """Draw rings into ``cover``; the sums along its rows are the covered shares of cells."""
    height = float(cover.shape[0])
    for r in range(rings.size - 1):
        for i in range(rings[r], rings[r + 1] - 1):
            x0, y0 = xy[i, 0] - left, xy[i, 1] - top
            x1, y1 = xy[i + 1, 0] - left, xy[i + 1, 1] - top
            if y0 == y1 or max(y0, y1) <= 0.0 or min(y0, y1) >= height:
                continue
            slope = (x1 - x0) / (y1 - y0)
            upper, lower = max(min(y0, y1), 0.0), min(max(y0, y1), height)
            for row in range(int(upper), math.ceil(lower)):
                a, b = max(upper, float(row)), min(lower, row + 1.0)
                if b <= a:
                    continue
                xa, xb = x0 + (a - y0) * slope, x0 + (b - y0) * slope
                _edge(cover[row], xa, xb, b - a if y1 > y0 else a - b)


@njit(cache=True, nogil=True)
def covered_sums(
    xy: NDArray[np.float64], rings: NDArray[np.int64], box: tuple[int, int, int, int],
    classes: NDArray[np.uint8], weights: NDArray[np.float64], left_over: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add the weights under one zone to its classes, each by the share that the zone covers.

    ``box`` is top, bottom, left, right of the zone in pixels; ``left_over`` is what earlier zones
    have left of each pixel; ``weights`` is (layer, y, x) and ``out`` (layer, class).
    """
    top, bottom, left, right = box
    cover = np.zeros((bottom - top, right - left + 2))
    _cover(xy, rings, left, top, cover)
    for i in range(bottom - top):
        share = 0.0
        for j in range(right - left):
            share += cover[i, j]
            free = left_over[top + i, left + j]
            part = abs(share)
            if part <= _TINY or free <= 0.0:
                continue
            if part > free - _TINY:
                part = free
            left_over[top + i, left + j] = free - part
            kind = classes[top + i, left + j]
            if kind < out.shape[1]:
                for k in range(out.shape[0]):
                    weight = weights[k, top + i, left + j]
                    if not math.isnan(weight):
                        out[k, kind] += part * weight


@njit(cache=True, nogil=True)
def rest(
    classes: NDArray[np.uint8], weights: NDArray[np.float64], left_over: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Add what no zone has taken of each pixel to its class."""
    for i in range(classes.shape[0]):
        for j in range(classes.shape[1]):
            free, kind = left_over[i, j], classes[i, j]
            if free <= 0.0 or kind >= out.shape[1]:
                continue
            for k in range(out.shape[0]):
                weight = weights[k, i, j]
                if not math.isnan(weight):
                    out[k, kind] += free * weight
