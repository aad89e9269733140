"""Compiled loops of `zonal`."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Lattice = tuple[NDArray[np.float64], NDArray[np.float64], int, int, float]
"""Columns and rows among the cells at the nodes, pixels per node, points per pixel, period."""


@njit(cache=True, nogil=True)
def zone_sums(
    zones: NDArray[np.int32],
    classes: NDArray[np.uint8],
    weights: NDArray[np.float32],
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


@njit(cache=True, nogil=True, inline="always")
def _index(v: float, u: float, rows: int, columns: int, period: float) -> int:
    """Return the flat index of the cell at a place, or -1 beyond the raster."""
    if period < math.inf and not 0.0 <= u < columns:
        u -= math.floor(u / period) * period
    if 0.0 <= v < rows and 0.0 <= u < columns:
        return int(v) * columns + int(u)
    return -1


@njit(cache=True, nogil=True)
def count(lattice: Lattice, rows: int, columns: int, counts: NDArray[np.int64]) -> None:
    """Count the points of the padded lattice in each cell."""
    u, v, step, split, period = lattice
    row_u, row_v = np.empty(u.shape[1]), np.empty(v.shape[1])
    flat = counts.ravel()
    size = step * split
    for i in range(rows * split):
        _row(u, (i + 0.5) / size, row_u)
        _row(v, (i + 0.5) / size, row_v)
        for j in range(columns * split):
            x = (j + 0.5) / size
            cell = _index(
                _place(row_v, x), _place(row_u, x), counts.shape[0], counts.shape[1], period
            )
            if cell >= 0:
                flat[cell] += 1


@njit(cache=True, nogil=True)
def spread(
    lattice: Lattice,
    origin: tuple[int, int],
    per_point: NDArray[np.float64],
    zones: NDArray[np.int32],
    classes: NDArray[np.uint8],
    out: NDArray[np.float64],
    points: NDArray[np.int64],
) -> None:
    """Add the people of each point to its pixel's zone and class."""
    u, v, step, split, period = lattice
    row_u, row_v = np.empty(u.shape[1]), np.empty(v.shape[1])
    flat = per_point.ravel()
    size = step * split
    for k in range(zones.shape[0] * split):
        i = k // split
        y = (origin[0] * split + k + 0.5) / size
        _row(u, y, row_u)
        _row(v, y, row_v)
        for j in range(zones.shape[1]):
            zone, kind = zones[i, j], classes[i, j]
            if zone < 0 or kind >= out.shape[1]:
                continue
            for m in range(split):
                x = ((origin[1] + j) * split + m + 0.5) / size
                cell = _index(
                    _place(row_v, x),
                    _place(row_u, x),
                    per_point.shape[0],
                    per_point.shape[1],
                    period,
                )
                points[0] += 1
                if cell < 0 or math.isnan(flat[cell]):
                    points[1] += 1
                else:
                    out[zone, kind] += flat[cell]
