"""Roads of the exercise: cheapest ways between places, shared where they run together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import Delaunay
from scipy.spatial.distance import cdist
from shapely.geometry import LineString
from skimage.graph import route_through_array

_CLASSES = ("primary", "secondary", "track")
_PRIMARY_PEOPLE, _SECONDARY_PEOPLE = 1500, 350
_DETOUR = 1.7
_REUSE = 0.3
_ALONG_EDGE = 20.0
_MIN_FOR_DELAUNAY = 4

Cell = tuple[int, int]
Mark = tuple[float, float, float]
"""Row, column and people of a place [coarse cell]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One stretch of road between junctions."""

    kind: str
    """primary, secondary or track."""
    line: LineString
    """In pixels of the world."""


def make_roads(
    cost: NDArray[np.float64], places: Sequence[Mark], factor: int, rng: np.random.Generator
) -> tuple[Road, ...]:
    """Join the places, and the first of them with the world outside."""
    cost = cost * (1 + 0.15 * rng.random(cost.shape))
    fresh = cost.copy()
    cost[[0, -1]] *= _ALONG_EDGE
    cost[:, [0, -1]] *= _ALONG_EDGE
    used: dict[tuple[Cell, Cell], int] = {}
    for start, end, rank in _journeys(cost.shape[0], places):
        path = _route(cost, start, end)
        for a, b in pairwise(path):
            key = (min(a, b), max(a, b))
            used[key] = min(rank, used.get(key, rank))
        for cell in set(path):
            cost[cell] = min(cost[cell], max(fresh[cell] * _REUSE, _REUSE))
    return tuple(
        Road(kind=_CLASSES[rank], line=_drawn(chain, factor)) for chain, rank in _chains(used)
    )


def _journeys(side: int, places: Sequence[Mark]) -> list[tuple[Cell, Cell, int]]:
    """Return which places are joined and by what class of road, the great roads first."""
    cells = [(int(r), int(c)) for r, c, _ in places]
    people = [p for _, _, p in places]
    far = cdist(cells, cells)
    tree = minimum_spanning_tree(far).toarray() > 0
    pairs = {(int(a), int(b)) for a, b in np.argwhere(tree)}
    pairs = {(min(p), max(p)) for p in pairs}
    if len(places) >= _MIN_FOR_DELAUNAY:
        span = _spans(far, pairs)
        for simplex in Delaunay(cells).simplices:
            for a, b in ((0, 1), (1, 2), (0, 2)):
                i, j = sorted((int(simplex[a]), int(simplex[b])))
                if span[i, j] > _DETOUR * far[i, j] and far[i, j] < side / 3:
                    pairs.add((i, j))
    journeys = []
    row, column = cells[0]
    for exit_ in ((0, column), (side - 1, column), (row, 0), (row, side - 1)):
        near = (min(max(exit_[0], 0), side - 1), min(max(exit_[1], 0), side - 1))
        journeys.append((cells[0], near, 0))
    for i, j in sorted(pairs):
        least = min(people[i], people[j])
        rank = 0 if least >= _PRIMARY_PEOPLE else 1 if least >= _SECONDARY_PEOPLE else 2
        journeys.append((cells[i], cells[j], rank))
    return sorted(journeys, key=lambda j: j[2])


def _spans(far: NDArray[np.float64], pairs: set[tuple[int, int]]) -> NDArray[np.float64]:
    """Return distances along the joined pairs (Floyd & Warshall)."""
    span = np.full_like(far, np.inf)
    np.fill_diagonal(span, 0)
    for i, j in pairs:
        span[i, j] = span[j, i] = far[i, j]
    for k in range(len(far)):
        span = np.minimum(span, span[:, k, None] + span[None, k, :])
    return span


def _route(cost: NDArray[np.float64], start: Cell, end: Cell) -> list[Cell]:
    """Return the cheapest way, searched in the surroundings of both ends."""
    margin = 12 + int(0.4 * max(abs(start[0] - end[0]), abs(start[1] - end[1])))
    top = max(min(start[0], end[0]) - margin, 0)
    left = max(min(start[1], end[1]) - margin, 0)
    bottom = max(start[0], end[0]) + margin + 1
    right = max(start[1], end[1]) + margin + 1
    path, _ = route_through_array(
        cost[top:bottom, left:right],
        (start[0] - top, start[1] - left),
        (end[0] - top, end[1] - left),
        fully_connected=True,
        geometric=True,
    )
    return [(int(r) + top, int(c) + left) for r, c in path]


def _chains(used: dict[tuple[Cell, Cell], int]) -> list[tuple[list[Cell], int]]:
    """Cut the network at junctions and where the class changes."""
    at: dict[Cell, list[tuple[Cell, int]]] = {}
    for (a, b), rank in used.items():
        at.setdefault(a, []).append((b, rank))
        at.setdefault(b, []).append((a, rank))
    nodes = {c for c, n in at.items() if len(n) != 2 or n[0][1] != n[1][1]}  # noqa: PLR2004
    done: set[tuple[Cell, Cell]] = set()
    chains = []
    for start in sorted(nodes):
        for step, rank in at[start]:
            if (min(start, step), max(start, step)) in done:
                continue
            chain = [start, step]
            done.add((min(start, step), max(start, step)))
            while chain[-1] not in nodes:
                onward = next(c for c, _ in at[chain[-1]] if c != chain[-2])
                done.add((min(chain[-1], onward), max(chain[-1], onward)))
                chain.append(onward)
            chains.append((chain, rank))
    return chains


def _drawn(chain: Sequence[Cell], factor: int) -> LineString:
    """Return a smooth line through cells (Chaikin's corner cutting), ends kept."""
    xy = np.array([(c + 0.5, r + 0.5) for r, c in chain], float) * factor
    xy = np.asarray(LineString(xy).simplify(0.75 * math.sqrt(2) * factor).coords)
    for _ in range(3):
        a, b = xy[:-1], xy[1:]
        cut = np.empty((2 * len(a), 2))
        cut[0::2], cut[1::2] = 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b
        xy = np.vstack([xy[:1], cut, xy[-1:]])
    return LineString(xy)
