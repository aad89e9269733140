"""Sums over zones, and the people of coarse cells counted under fine pixels.

Counts are never resampled. The people of a cell stand evenly spread on points inside it; each
point lies in one pixel of the map, and takes that pixel's zone and class. Because every cell is
divided by the number of its own points, nothing is lost or invented: whatever the projection of
the cells, the sums over zones and classes give back the sum over cells.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError
from reliefscope.numerics import _zonal

POINTS_ACROSS = 10
"""A cell narrower than ten pixels is sampled by at least this many points along a side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """How a raster of cells lies under a lattice of pixels.

    The position of a pixel among the cells is interpolated between nodes. Node (0, 0) stands on
    the outer corner of the pixel ``(-pad, -pad)``, and nodes follow every ``step`` pixels.
    """

    u: NDArray[np.float64]
    """Column among the cells at the nodes, (node y, node x); cell j covers [j, j + 1)."""
    v: NDArray[np.float64]
    """Row among the cells at the nodes, (node y, node x)."""
    step: int
    """Pixels between nodes."""
    pad: int
    """Pixels that the lattice reaches beyond each side of the map."""
    shape: tuple[int, int]
    """Rows and columns of pixels, without the padding."""
    cells: tuple[int, int]
    """Rows and columns of cells."""
    period: float = math.inf
    """Columns after which the cells repeat: 360 degrees on geographic grids."""

    def __post_init__(self) -> None:
        """Refuse a lattice that does not reach over all pixels."""
        for axis, size in enumerate(self.shape):
            need = math.ceil((size + 2 * self.pad) / self.step) + 1
            if self.u.shape[axis] < need or self.v.shape != self.u.shape:
                raise InputError(
                    f"lattice is {self.u.shape} and {self.v.shape}; {self.shape} pixels with "
                    f"{self.pad} around and a node every {self.step} need {need} along axis {axis}"
                )

    @property
    def split(self) -> int:
        """Points along each side of a pixel, so that no cell has fewer than ten across."""
        across = max(
            float(np.abs(np.diff(a, axis=axis)).max(initial=0.0))
            for a in (self.u, self.v)
            for axis in (0, 1)
        )
        return max(1, math.ceil(POINTS_ACROSS * across / self.step - 1e-6))


def zone_sums(
    zones: NDArray[np.int32],
    classes: NDArray[np.uint8],
    weights: NDArray[np.float32],
    n_zones: int,
    n_classes: int,
) -> NDArray[np.float64]:
    """Return the sum of ``weights`` in each class of each zone.

    Parameters
    ----------
    zones : array, (y, x)
        0 to ``n_zones - 1``; negative pixels are not counted.
    classes : array, (y, x)
        0 to ``n_classes - 1``; larger codes are not counted.
    weights : array, (y, x)
        What to add up, such as the area of the pixel; NaN adds nothing.
    n_zones, n_classes : int
        Size of the answer.

    Returns
    -------
    array, (zone, class)

    Raises
    ------
    InputError
        The arrays differ in shape, or a zone is not below ``n_zones``.
    """
    _same_shape(zones, classes, weights.shape)
    _zones_below(zones, n_zones)
    out = np.zeros((n_zones, n_classes))
    _zonal.zone_sums(zones, classes, weights, out)
    return out


def points_per_cell(overlay: Overlay) -> NDArray[np.int64]:
    """Return how many points of the padded lattice fall in each cell.

    A cell is whole, and its people may be divided by its points, only where the padding reaches
    beyond it.

    Returns
    -------
    array, (cell y, cell x)
    """
    counts = np.zeros(overlay.cells, np.int64)
    rows, columns = (size + 2 * overlay.pad for size in overlay.shape)
    lattice = (overlay.u, overlay.v, overlay.step, overlay.split, overlay.period)
    _zonal.count(lattice, rows, columns, counts)
    return counts


def people_per_point(people: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the people who stand on each point of a cell.

    Parameters
    ----------
    people : array, (cell y, cell x)
        People per cell; NaN or negative where nobody counted.
    counts : array, (cell y, cell x)
        Points per cell.

    Returns
    -------
    array, (cell y, cell x)
        NaN where unknown or without points.
    """
    known = (people >= 0) & (counts > 0)
    each = np.full(people.shape, np.nan)
    np.divide(people, counts, out=each, where=known)
    return each


def spread(
    overlay: Overlay,
    per_point: NDArray[np.float64],
    zones: NDArray[np.int32],
    classes: NDArray[np.uint8],
    sizes: tuple[int, int],
    first_row: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the people in each class of each zone of a block of rows.

    Parameters
    ----------
    overlay : Overlay
        Where the pixels lie among the cells.
    per_point : array, (cell y, cell x)
        From `people_per_point`.
    zones, classes : array, (y, x)
        As in `zone_sums`; whole rows of the map.
    sizes : (int, int)
        Number of zones and of classes.
    first_row : int
        Row of the map at which the block begins.

    Returns
    -------
    people : array, (zone, class)
    points : array, (2,)
        Points looked at, and those among them whose cell is unknown.

    Raises
    ------
    InputError
        The block does not fit the map, or a zone is not below ``sizes[0]``.
    """
    _same_shape(zones, classes, (zones.shape[0], overlay.shape[1]))
    if first_row < 0 or first_row + zones.shape[0] > overlay.shape[0]:
        raise InputError(
            f"rows {first_row} to {first_row + zones.shape[0]} are outside of the map, "
            f"which has {overlay.shape[0]}"
        )
    _zones_below(zones, sizes[0])
    out, points = np.zeros(sizes), np.zeros(2, np.int64)
    lattice = (overlay.u, overlay.v, overlay.step, overlay.split, overlay.period)
    origin = (first_row + overlay.pad, overlay.pad)
    _zonal.spread(lattice, origin, per_point, zones, classes, out, points)
    return out, points


def _same_shape(
    zones: NDArray[np.int32], classes: NDArray[np.uint8], shape: tuple[int, ...]
) -> None:
    if not zones.shape == classes.shape == shape:
        raise InputError(
            f"zones {zones.shape}, classes {classes.shape} and the map {shape} must agree"
        )


def _zones_below(zones: NDArray[np.int32], n_zones: int) -> None:
    top = int(zones.max(initial=-1))
    if top >= n_zones:
        raise InputError(f"zone {top} is not below the number of zones, {n_zones}")
