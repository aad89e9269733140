"""People and areas by admin unit on a large population grid, beside exactextract called directly.

    python benchmarks/zonal.py [--size 20000] [--units 3000] [--runs 3]

A population grid of ``size`` x ``size`` cells is cut into ragged units that share their borders.
Ours: `numerics.zonal.covered_sums`, in blocks of rows as exposure does it, gives people and area in
every class of every unit and of what none covers. Peer, when installed: one call of exactextract
that gives the people of each unit. Runs are interleaved, each in this process; medians, the ratio,
and the largest difference of a unit's people are printed.
"""

import argparse
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import shapely
from numpy.typing import NDArray

from reliefscope.numerics import zonal

_ROWS = 512
_CORNERS = 12
_Zone = tuple[NDArray[np.float64], NDArray[np.int64]]


def make_units(size: int, count: int) -> list[shapely.Polygon]:
    """Return ``count`` units in rows and columns, whose borders wander and are shared."""
    random = np.random.default_rng(5)
    across = int(np.sqrt(count))
    down = count // across
    steps_x, steps_y = across * _CORNERS + 1, down * _CORNERS + 1
    x, y = np.meshgrid(np.linspace(0, size, steps_x), np.linspace(0, size, steps_y))
    wander = size / across / _CORNERS * 0.4
    x[:, 1:-1] += random.uniform(-wander, wander, (steps_y, steps_x - 2))
    y[1:-1] += random.uniform(-wander, wander, (steps_y - 2, steps_x))
    units = []
    for i in range(down):
        for j in range(across):
            rows = slice(i * _CORNERS, (i + 1) * _CORNERS + 1)
            columns = slice(j * _CORNERS, (j + 1) * _CORNERS + 1)
            px, py = x[rows, columns], y[rows, columns]
            edge = [
                np.column_stack([a[k], b[k]])
                for a, b, k in (
                    (px, py, np.s_[0, :-1]),
                    (px, py, np.s_[:-1, -1]),
                    (px, py, np.s_[-1, :0:-1]),
                    (px, py, np.s_[:0:-1, 0]),
                )
            ]
            units.append(shapely.Polygon(np.concatenate(edge)))
    return units


def ours(
    people: NDArray[np.float32], kind: NDArray[np.uint8], units: list[shapely.Polygon]
) -> NDArray[np.float64]:
    """Return people and area by unit and class, (unit + 1, 2, class)."""
    zones: list[_Zone] = []
    for unit in shapely.orient_polygons(units):
        xy = shapely.get_coordinates(unit)
        zones.append((xy, np.array([0, len(xy)])))
    tops = np.array([xy[:, 1].min() for xy, _ in zones])
    ends = np.array([xy[:, 1].max() for xy, _ in zones])
    out = np.zeros((len(zones) + 1, 2, 7))
    for first in range(0, len(people), _ROWS):
        rows = slice(first, first + _ROWS)
        heads = people[rows].astype(np.float64)
        weights = np.stack([heads, np.full(heads.shape, 1e4)])
        near = np.flatnonzero((ends > first) & (tops < first + _ROWS))
        moved = [(zones[n][0] - (0.0, first), zones[n][1]) for n in near]
        out[[*near, -1]] += zonal.covered_sums(moved, kind[rows], weights, 7)
    return out


def peer(people: NDArray[np.float32], units: list[shapely.Polygon]) -> NDArray[np.float64]:
    """Return the people of each unit by exactextract."""
    from exactextract import exact_extract  # noqa: PLC0415 - no dependency
    from exactextract.feature import JSONFeatureSource  # noqa: PLC0415
    from exactextract.raster import NumPyRasterSource  # noqa: PLC0415

    rows, columns = people.shape
    source = NumPyRasterSource(people, xmin=0, xmax=columns, ymin=-rows, ymax=0)
    flipped = [shapely.transform(u, lambda xy: xy * [1, -1]) for u in units]
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(u)}
        for u in flipped
    ]
    done = exact_extract(source, JSONFeatureSource(features), ["sum"])
    return np.array([f["properties"]["sum"] for f in done])


def _timed(call: Callable[[], NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--units", type=int, default=3_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    random = np.random.default_rng(3)
    shape = (arguments.size, arguments.size)
    people = random.random(shape, dtype=np.float32)
    kind = random.integers(0, 7, shape, dtype=np.uint8)
    units = make_units(arguments.size, arguments.units)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{arguments.size} x {arguments.size} cells, {len(units)} units; numba {version('numba')}"
    )
    small = people[:64, :64], kind[:64, :64], [shapely.box(1.5, 1.5, 9, 9)]
    print(f"first call, may compile: {_timed(lambda: ours(*small))[0]:.1f} s")
    times: dict[str, list[float]] = {"ours": [], "exactextract": []}
    for _ in range(arguments.runs):
        seconds, table = _timed(lambda: ours(people, kind, units))
        times["ours"].append(seconds)
        try:
            seconds, sums = _timed(lambda: peer(people, units))
        except ImportError:
            print("exactextract is not installed: nothing to compare with")
            continue
        times["exactextract"].append(seconds)
        mine = table[:-1, 0].sum(axis=1)
        print(f"largest difference of a unit's people: {np.abs(mine / sums - 1).max():.1e}")
    total = float(people.sum(dtype=np.float64))
    print(f"units and rest against all people: {table[:, 0].sum() / total - 1:.1e}")
    for name, seconds_all in times.items():
        if seconds_all:
            print(
                f"{name:12} median {statistics.median(seconds_all):6.1f} s, "
                f"min {min(seconds_all):.1f}, max {max(seconds_all):.1f}"
            )
    if times["exactextract"]:
        ratio = statistics.median(times["ours"]) / statistics.median(times["exactextract"])
        print(f"ratio ours / exactextract: {ratio:.2f}")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
