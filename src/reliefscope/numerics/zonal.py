"""Sums over zones, and the people of cells counted under pixels, by exact shares of area.

Counts are never resampled. The people of a cell stand evenly spread over it; a pixel has those on
the part of the cell that it covers, however the two lie. Pixels share their corners, so that the
parts of a cell add up to the cell: nothing is lost or invented. Likewise zones share pixels at
their borders in proportion to area, and no pixel is given away more than once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError
from reliefscope.numerics import _zonal


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """How a raster of cells lies under a lattice of pixels.

    The position of a pixel's corner among the cells is interpolated between nodes. Node (0, 0)
    stands on the outer corner of the first pixel, and nodes follow every ``step`` pixels.
    """

    u: NDArray[np.float64]
    """Column among the cells at the nodes, (node y, node x); cell j covers [j, j + 1)."""
    v: NDArray[np.float64]
    """Row among the cells at the nodes, (node y, node x)."""
    step: int
    """Pixels between nodes."""
    shape: tuple[int, int]
    """Rows and columns of pixels."""
    cells: tuple[int, int]
    """Rows and columns of cells."""
    period: float = math.inf
    """Columns after which the cells repeat: 360 degrees on geographic grids."""

    def __post_init__(self) -> None:
        """Refuse a lattice that does not reach over all pixels."""
        for axis, size in enumerate(self.shape):
            need = math.ceil(size / self.step) + 1
            if self.u.shape[axis] < need or self.v.shape != self.u.shape:
                raise InputError(
                    f"lattice is {self.u.shape} and {self.v.shape}; {self.shape} pixels with a "
                    f"node every {self.step} need {need} along axis {axis}"
                )


def zone_sums(
    zones: NDArray[np.int32],
    classes: NDArray[np.uint8],
    weights: NDArray[np.floating[Any]],
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


def pixel_people(
    overlay: Overlay, people: NDArray[np.float64], first_row: int, rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the people on each pixel of a block of rows.

    Parameters
    ----------
    overlay : Overlay
        Where the pixels lie among the cells.
    people : array, (cell y, cell x)
        People per cell; NaN or negative where nobody counted.
    first_row, rows : int
        The block.

    Returns
    -------
    people : array, (y, x)
        Cells times the exact share of each that the pixel covers.
    unknown : array, (y, x)
        Share of the pixel where nobody counted, or that lies beyond the cells [0-1].

    Raises
    ------
    InputError
        The block does not fit the map, or the people do not fit the cells.
    """
    if first_row < 0 or first_row + rows > overlay.shape[0]:
        raise InputError(
            f"rows {first_row} to {first_row + rows} are outside of the map, which has "
            f"{overlay.shape[0]}"
        )
    if people.shape != overlay.cells:
        raise InputError(f"people are {people.shape}, the cells {overlay.cells}")
    out = np.empty((rows, overlay.shape[1]))
    unknown = np.empty(out.shape, np.float32)
    lattice = (overlay.u, overlay.v, overlay.step, overlay.period)
    _zonal.pixel_people(lattice, first_row, people, out, unknown)
    return out, unknown


def covered_sums(
    zones: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]],
    classes: NDArray[np.uint8],
    weights: NDArray[np.float64],
    n_classes: int,
    counted: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the sum of weights in each class of each zone, by exact shares of pixels.

    Where zones overlap, the first has the pixel; what none covers goes to the last row, so that
    the rows add up to the sum of all pixels.

    Parameters
    ----------
    zones : sequence of (array, (corner, 2), array, (ring + 1,))
        Closed rings, x before y in pixels from the outer corner of the first one, all outer rings
        in one direction and all holes in the other; and where each ring begins, and the end.
    classes : array, (y, x)
        0 to ``n_classes - 1``; larger codes are not counted.
    weights : array, (layer, y, x)
        What to add up, such as the area of the pixel; NaN adds nothing.
    n_classes : int
        Size of the answer.
    counted : array, (y, x), optional
        Pixels that count at all.

    Returns
    -------
    array, (zone + 1, layer, class)

    Raises
    ------
    InputError
        The arrays differ in shape.
    """
    shape = classes.shape
    if weights.shape[1:] != shape or (counted is not None and counted.shape != shape):
        raise InputError(f"classes {shape} and weights {weights.shape} must agree")
    left_over = np.ones(shape) if counted is None else counted.astype(np.float64)
    out = np.zeros((len(zones) + 1, len(weights), n_classes))
    for (xy, rings), sums in zip(zones, out, strict=False):
        box = _box(xy, shape)
        if box is not None:
            _zonal.covered_sums(xy, rings, box, classes, weights, left_over, sums)
    _zonal.rest(classes, weights, left_over, out[-1])
    return out


def _box(xy: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left and right of the pixels that a zone may touch, or None."""
    if not len(xy):
        return None
    (left, top), (right, bottom) = np.floor(xy.min(axis=0)), np.ceil(xy.max(axis=0))
    found = (
        max(int(top), 0),
        min(int(bottom), shape[0]),
        max(int(left), 0),
        min(int(right), shape[1]),
    )
    return found if found[0] < found[1] and found[2] < found[3] else None


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
