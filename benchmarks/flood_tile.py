"""Time and memory of a published flood map of one full Sentinel-1 tile, beside decoding it.

    python benchmarks/flood_tile.py [--size 10980] [--runs 3] [--folder DIR] [--languages en fr]

A two-polarisation cloud-optimized GeoTIFF of simulated backscatter is written once. Each run is a
process of its own, decode and publish in turn; time is wall clock, memory the largest resident set
of the whole process, first-run compilation is reported apart.
"""

import argparse
import datetime as dt
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from numpy.typing import NDArray
from rasterio.warp import transform_bounds
from scipy import ndimage

PATCH = 2048
LIBRARIES = ("numpy", "scipy", "numba", "dask", "xarray", "rasterio", "odc-geo")


def make_tile(path: Path, size: int) -> None:
    """Write a tile of rivers, lakes and fields with gamma speckle of 4.4 looks."""
    rng = np.random.default_rng(7)
    profile = {
        "driver": "GTiff",
        "width": size,
        "height": size,
        "count": 2,
        "dtype": "float32",
        "crs": "EPSG:32631",
        "transform": rasterio.Affine(10, 0, 600_000, 0, -10, 5_000_000),
        "nodata": float("nan"),
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "deflate",
        "predictor": 3,
        "bigtiff": "yes",
    }
    raw = path.with_suffix(".raw.tif")
    with rasterio.open(raw, "w", **profile) as raster:
        for row in range(0, size, PATCH):
            for column in range(0, size, PATCH):
                height, width = min(PATCH, size - row), min(PATCH, size - column)
                window = rasterio.windows.Window(column, row, width, height)
                raster.write(_patch(rng)[:, :height, :width], window=window)
    options = {
        "blocksize": "512",
        "compress": "deflate",
        "predictor": "3",
        "num_threads": "all_cpus",
    }
    rasterio.shutil.copy(raw, path, driver="COG", bigtiff="yes", **options)
    raw.unlink()


def _patch(rng: np.random.Generator) -> NDArray[np.float32]:
    relief = ndimage.gaussian_filter(rng.standard_normal((PATCH, PATCH)), 40, mode="wrap")
    fields = ndimage.zoom(rng.standard_normal((PATCH // 32, PATCH // 32)), 32, order=0)
    wet = relief < np.quantile(relief, 0.2)
    vv = np.where(wet, -19.0, -10 + 1.5 * fields)
    vh = np.where(wet, -26.0, -16.5 + 1.5 * fields)
    speckle = rng.gamma(4.4, 1 / 4.4, (2, PATCH, PATCH))
    return (10 ** (np.stack([vv, vh]) / 10) * speckle).astype(np.float32)


def decode(path: Path) -> None:
    """Read every pixel once."""
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"), rasterio.open(path) as raster:
        for band in (1, 2):
            raster.read(band)


def publish(path: Path, languages: list[str]) -> None:
    """Read, map, count, draw and publish the tile by the road of every product."""
    import reliefscope as rs  # noqa: PLC0415 - counted as part of the run

    taken = dt.datetime(2024, 3, 2, tzinfo=dt.UTC)
    bands = [
        rs.RasterFile(path=path, variable=name, band=band, units="1", acquired=taken)
        for band, name in ((1, "vv"), (2, "vh"))
    ]
    with rasterio.open(path) as raster:
        bounds = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    event = rs.Event(
        id="TILE",
        title="Benchmark: simulated tile",
        hazard=rs.Hazard.FLOOD,
        area=rs.Area.from_bbox(*bounds),
        onset=taken - dt.timedelta(days=1),
    )
    request = rs.Request(
        event=event,
        indicator="flood_sar",
        resolution=10,
        sources={"tile": rs.FilesSource(files=tuple(bands))},
    )
    with tempfile.TemporaryDirectory(dir=path.parent) as catalog:
        rs.carry_out(request, Path(catalog), released=taken, languages=languages)


def measure(task: str, path: Path, languages: list[str]) -> dict[str, float]:
    """Run one task in a process of its own."""
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, __file__, "--task", task, "--tile", str(path), "--languages", *languages],
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_task(task: str, path: Path, languages: list[str]) -> None:
    """Carry out one task and print what it took."""
    start = time.perf_counter()
    if task == "decode":
        decode(path)
    else:
        publish(path, languages)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": round(seconds, 2), "peak_gb": round(peak, 2)}))


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=10_980)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--languages", nargs="+", default=["en"])
    parser.add_argument("--task", choices=("decode", "publish"), help=argparse.SUPPRESS)
    parser.add_argument("--tile", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        run_task(arguments.task, arguments.tile, arguments.languages)
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "tile.tif"
        make_tile(path, arguments.size)
        told = arguments.languages
        print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(", ".join(f"{name} {version(name)}" for name in LIBRARIES))
        print(
            f"{arguments.size} x {arguments.size} x 2, {path.stat().st_size / 1e6:.0f} MB on disk"
        )
        print(f"first run, may compile: {measure('publish', path, told)}")
        found: dict[str, list[dict[str, float]]] = {"decode": [], "publish": []}
        for _ in range(arguments.runs):
            for task, results in found.items():
                results.append(measure(task, path, told))
    medians = {}
    for task, results in found.items():
        seconds = [r["seconds"] for r in results]
        medians[task] = statistics.median(seconds)
        peak = max(r["peak_gb"] for r in results)
        print(
            f"{task:7} median {medians[task]:6.1f} s, min {min(seconds):.1f}, "
            f"max {max(seconds):.1f}, peak {peak:.2f} GB"
        )
    print(f"ratio publish / decode: {medians['publish'] / medians['decode']:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
