"""Names and administrative units of the exercise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from skimage.graph import MCP_Geometric

from reliefscope.sources.simulated.noise import Field, fractal, stream

_CELLS = 320
_SNAP = 1e-3
_STARTS = [
    "Al",
    "Bre",
    "Cor",
    "Del",
    "El",
    "Fen",
    "Gar",
    "Hal",
    "Il",
    "Jor",
    "Kel",
    "Lor",
    "Mar",
    "Nor",
    "Or",
    "Pel",
    "Quel",
    "Ren",
    "Sol",
    "Tar",
    "Ul",
    "Ver",
    "Yar",
    "Zel",
]
_ENDS = [
    "abria",
    "adun",
    "esk",
    "ifara",
    "ogond",
    "ivolm",
    "isk",
    "avund",
    "omere",
    "inath",
    "ovar",
    "epont",
    "aquay",
    "orin",
    "asten",
    "etova",
    "una",
    "ovik",
    "awen",
    "iyra",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An administrative unit."""

    name: str
    pcode: str
    level: int
    parent: str
    shape: BaseGeometry


def names(rng: np.random.Generator, count: int) -> list[str]:
    """Return invented names, each once."""
    every = [a + b for a in _STARTS for b in _ENDS]
    return [every[i] for i in rng.permutation(len(every))[:count]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A chief place."""

    name: str
    row: float
    column: float
    side: float
    """Side of the world in which row and column count [pixel]."""


def make_units(
    seats: Sequence[Seat], ground: Field, river: NDArray[np.bool_], side: float, seed: int
) -> tuple[Unit, ...]:
    """Draw districts around seats and join them in provinces.

    Ground belongs to the seat from which it is reached most easily; heights and the river are hard
    to cross, so borders follow them.

    Parameters
    ----------
    seats : sequence of Seat
        Chief places, the largest first.
    ground : array, (y, x)
        Height over the plain on coarse cells [m].
    river : array of bool, (y, x)
        Cells with the river.
    side : float
        Side of the world [pixel].
    seed : int
        Which world.
    """
    shapes = _outlines(_nearest(seats, ground, river, seed), side)
    count = max(2, min(round(math.sqrt(len(seats))), 6))
    points = [(s.row, s.column) for s in seats]
    member = cKDTree(points[:count]).query(points)[1]
    codes = [f"XX{p + 1:02d}" for p in range(count)]
    districts: list[Unit] = []
    for i, seat in enumerate(seats):
        parent = codes[int(member[i])]
        number = sum(u.parent == parent for u in districts) + 1
        pcode = f"{parent}{number:02d}"
        districts.append(
            Unit(name=seat.name, pcode=pcode, level=2, parent=parent, shape=shapes[i + 1])
        )
    provinces = [
        Unit(
            name=f"{name} Province",
            pcode=code,
            level=1,
            parent="XX",
            shape=shapely.union_all(
                [u.shape for u in districts if u.parent == code], grid_size=_SNAP
            ),
        )
        for code, name in zip(codes, names(stream(seed, "provinces"), count), strict=True)
    ]
    return (*provinces, *districts)


def _nearest(
    seats: Sequence[Seat], ground: Field, river: NDArray[np.bool_], seed: int
) -> NDArray[np.int32]:
    """Return for each cell the number of the seat that is reached most easily, from 1."""
    step = -(-ground.shape[0] // _CELLS)
    low = np.maximum(ground[::step, ::step], 0)
    rough = fractal(stream(seed, "borders"), low.shape, longest=20, roughness=1.5)
    cost = (1 + (low / 25) ** 2) * np.exp(0.5 * rough)
    cost += 60 * ndimage.maximum_filter(river, step)[::step, ::step]
    least = np.full(cost.shape, np.inf)
    nearest = np.zeros(cost.shape, np.int32)
    for i, seat in enumerate(seats):
        start = (
            int(seat.row / seat.side * cost.shape[0]),
            int(seat.column / seat.side * cost.shape[1]),
        )
        effort, _ = MCP_Geometric(cost).find_costs([start])
        nearest[effort < least] = i + 1
        least = np.minimum(least, effort)
    return nearest


def _outlines(label: NDArray[np.int32], side: float) -> dict[int, BaseGeometry]:
    """Return the polygon of each label in pixels, borders drawn by hand rather than by cells."""
    parts: dict[int, list[BaseGeometry]] = {}
    for outline, value in rasterio.features.shapes(label):
        parts.setdefault(int(value), []).append(shape(outline))
    keys = sorted(parts)
    merged = [shapely.union_all(parts[k]) for k in keys]
    smooth = shapely.coverage_simplify(merged, 1.5, simplify_boundary=False)
    factor = side / label.shape[0]
    scaled = shapely.transform(np.asarray(smooth, object), lambda xy: xy * factor)
    return dict(zip(keys, scaled, strict=True))
