"""Time and memory of a batch as it grows: 1, 4, 16 scenes, one product each.

    python benchmarks/batch.py [--size 2048] [--counts 1 4 16] [--engine threads]

Each batch is a process of its own. Every scene has files of its own, or dask would read one and
count it as many. The first product of a process compiles and imports; one that is not counted, of
a smaller scene, comes before. Printed are seconds a scene, by the wall and of the processor (which
says more on a machine that is shared), their ratio to the smallest batch, the largest resident set
of the process, and how many processors a thousand scenes a day would need at that rate.
"""

import argparse
import datetime as dt
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.warp import transform_bounds
from scipy import ndimage

ONSET = "2024-03-01T00:00:00Z"
RELEASED = dt.datetime(2024, 3, 9, tzinfo=dt.UTC)
DAY_S, BUSY = 86_400, 0.7
"""A processor that is planned to be busy for more than this share of the day has no reserve."""
_WARM_UP = 1024


def make_scene(folder: Path, size: int, seed: int) -> tuple[float, float, float, float]:
    """Write two polarisations of water and fields with speckle; return their bounds [degrees]."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    ground = ndimage.zoom(rng.normal(size=(size // 64, size // 64)), 64, order=1)[:size, :size]
    rows, columns = ground.shape
    profile = {
        "driver": "GTiff",
        "width": columns,
        "height": rows,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:32631",
        "transform": rasterio.Affine(10, 0, 600_000, 0, -10, 5_000_000),
        "nodata": float("nan"),
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "deflate",
    }
    for name, water, land in (("vv", 0.008, 0.1), ("vh", 0.002, 0.02)):
        mean = np.where(ground < -1, water, land * np.exp(0.1 * ground))
        values = rng.standard_gamma(4.4, ground.shape, dtype="float32")
        values *= (mean / 4.4).astype("float32")
        path = folder / f"20240302T060000_{name}.tif"
        with rasterio.open(path, "w", **profile) as raster:
            raster.write(values, 1)
            bounds = raster.bounds
    return transform_bounds("EPSG:32631", "EPSG:4326", *bounds)


def manifest(
    folder: Path, names: list[str], boxes: list[tuple[float, float, float, float]]
) -> Path:
    """Write the manifest of scenes."""
    parts = ["[defaults]\nresolution = 10"]
    parts += [
        f"""
[[events]]
event = {{ id = "{name}", hazard = "flood", onset = {ONSET} }}
areas = [{{ bbox = {[round(v, 4) for v in box]}, name = "{name}" }}]
sources.mine = {{ type = "files", folder = "{name}", units = {{ vv = "1", vh = "1" }} }}
"""
        for name, box in zip(names, boxes, strict=False)
    ]
    path = folder / f"manifest-{len(names)}.toml"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def run(path: Path, engine_name: str) -> dict[str, float]:
    """Carry out a manifest, its first row uncounted; return seconds and peak memory."""
    from reliefscope.jobs.batch import Batch, run_batch  # noqa: PLC0415 - timed apart
    from reliefscope.jobs.manifest import read_manifest  # noqa: PLC0415
    from reliefscope.pipeline.engine import engine  # noqa: PLC0415
    from reliefscope.settings import Settings  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as catalog, engine(engine_name):
        batch = Batch(
            settings=Settings(cache=Path(catalog) / "cache"),
            catalog=Path(catalog) / "catalog",
            base=path.parent,
            released=RELEASED,
            run_id="benchmark",
        )
        reports = run_batch(read_manifest(path), batch)
        next(reports)  # before the first row
        next(reports)  # after the one that is not counted
        start, busy = time.perf_counter(), time.process_time()
        report = list(reports)[-1]
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
        wrong = [r.reason for r in report.results if not r.outcome.well]
    if wrong:
        raise SystemExit("\n".join(wrong))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    count = len(report.results) - 1
    return {"scenes": count, "seconds": seconds, "cpu": cpu, "peak_bytes": peak}


def cores(cpu_s: float, scenes: int = 1000) -> int:
    """Return how many such processors map so many scenes a day, with reserve."""
    return math.ceil(scenes * cpu_s / (DAY_S * BUSY))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=2048, help="pixels a side")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--engine", default="threads")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        print(json.dumps(run(args.run, args.engine)))
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        names = [f"S{i}" for i in range(max(args.counts) + 1)]
        sizes = [min(args.size, _WARM_UP)] + [args.size] * max(args.counts)
        boxes = [
            make_scene(folder / name, size, i)
            for i, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]
        first = None
        for count in args.counts:
            path = manifest(folder, names[: count + 1], boxes)
            done = subprocess.run(  # noqa: S603 - this script
                [sys.executable, __file__, "--run", str(path), "--engine", args.engine],
                capture_output=True,
                text=True,
                check=True,
            )
            found = json.loads(done.stdout.splitlines()[-1])
            each, cpu = found["seconds"] / found["scenes"], found["cpu"] / found["scenes"]
            first = first or cpu
            print(
                f"{count:>3} scenes of {args.size}^2: {each:.1f} s each, of which {cpu:.1f} s of "
                f"processor ({cpu / first:.2f} x); {found['peak_bytes'] / 1e9:.2f} GB; "
                f"1,000 a day: {cores(cpu)} processor(s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
