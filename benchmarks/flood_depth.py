"""Depth of a flood with tens of thousands of bodies of water, and what each step takes.

    python benchmarks/flood_depth.py --size 10980

The scene is made: rough hills of 30 m heights, flooded below a level that differs from place to
place, so that the water falls into many bodies of all sizes.
"""

import argparse
import platform
import resource
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr
from scipy import ndimage

from reliefscope.indicators.flood_depth import flood_depth
from reliefscope.model.cube import State
from reliefscope.numerics import depth, terrain

PIXEL_M = 10.0
_CELL, _LEVEL = 5, -0.55


def scene(size: int, seed: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.float32], int]:
    """Return states, heights [m], (y, x), and the number of bodies of water."""
    rng = np.random.default_rng(seed)
    cells = size // _CELL + 2
    coarse = ndimage.gaussian_filter(rng.standard_normal((cells, cells)).astype("float32"), 0.8)
    rough = ndimage.zoom(coarse, _CELL, order=1)[:size, :size]
    broad = rng.standard_normal((size // 240 + 2, size // 240 + 2)).astype("float32")
    hills = ndimage.zoom(broad, 240, order=1)[:size, :size]
    height = (60 + 8 * rough + 20 * hills).astype("float32")
    wet = rough < _LEVEL
    state = np.where(wet, State.EVENT, State.NO_EVENT).astype("uint8")
    _, bodies = ndimage.label(wet, structure=np.ones((3, 3)))
    return state, height, int(bodies)


def cubes(state: NDArray[np.uint8], height: NDArray[np.float32]) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both as an indicator takes them."""
    side = state.shape[0] * PIXEL_M
    grid = GeoBox.from_bbox((5e5, 4e6, 5e5 + side, 4e6 + side), crs="EPSG:32633", shape=state.shape)
    flood = wrap_xr(state, grid).to_dataset(name="state")
    flood["state"].attrs["units"] = "1"
    ground = wrap_xr(height, grid).to_dataset(name="elevation")
    ground["elevation"].attrs["units"] = "m"
    return flood, ground


def timed(label: str, call: Callable[[], object]) -> object:
    """Print how long a step takes, and how long the processor is at it: others may share it."""
    start, busy = time.perf_counter(), time.process_time()
    out = call()
    taken, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"{label:<28}{taken:8.1f} s, of which the processor {busy:8.1f} s", flush=True)
    return out


def main() -> None:
    """Print the machine, the scene, and the time of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=4096, help="pixels a side")
    size = parser.parse_args().size
    print(f"{platform.platform()}, Python {platform.python_version()}")
    print(", ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "scikit-image", "numba")))
    small, low, _ = scene(256)
    flood_depth(*cubes(small, low))  # compiles
    state, height, bodies = scene(size)
    print(f"{size} x {size} pixels of 10 m, {bodies:,} bodies of water")
    timed("flood_depth, all of it", lambda: flood_depth(*cubes(state, height)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.1f} GB; its steps:")
    water, seen = state == State.EVENT, np.ones(state.shape, bool)
    slope = timed("slope", lambda: terrain.slope_deg(height, PIXEL_M, PIXEL_M))
    rules = depth.Shore(passes=10, slope_percent=0.5, keep_steeper=True)
    timed("depth by the shore", lambda: depth.from_shoreline(water, seen, height, slope, rules))
    hand = timed("height above drainage", lambda: terrain.hand(height, dx=PIXEL_M, dy=PIXEL_M))
    labels = ndimage.label(water, structure=np.ones((3, 3)))[0].astype("int32")
    timed("depth by the drainage", lambda: depth.from_hand(labels, seen, hand, reach=30))


if __name__ == "__main__":
    main()
