"""Time and memory of reading an area of interest from COGs behind HTTP, beside its peers.

    python benchmarks/cog_read.py [--size 10980] [--area 6000] [--runs 5] [--delay-ms 0 50]
                                  [--cases radar optical warped] [--folder DIR]

Cloud-optimized GeoTIFFs (deflate, blocks of 512, overviews) like Sentinel-1 (float32) and
Sentinel-2 (uint16) are written once and served by nginx, or by a small server in Python where
there is none. With a delay each request waits that long before it is answered, as on a network
(nginx needs its echo module for that). Peers read the same files onto the same grid: odc-stac and
stackstac called directly, odc-stac with its numbers masked and scaled as ours are, and rasterio
alone. stackstac is left out where it is not installed.

Each run is a process of its own, in turn; time is wall clock without imports, from metadata to
array; cpu is what the process's threads were busy for, which a machine shared with others disturbs
less; memory is the largest resident set of the process.
"""

import argparse
import contextlib
import datetime as dt
import importlib
import importlib.util
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from scipy import ndimage

PATCH = 1024
CRS, WEST, NORTH, PIXEL = "EPSG:32631", 600_000, 5_000_000, 10
BESIDE = "EPSG:32632"
LIBRARIES = ("numpy", "dask", "xarray", "rasterio", "odc-stac", "stackstac")
BANDS = {"vv": "float32", "vh": "float32", "red": "uint16", "nir": "uint16", "swir22": "uint16"}
CASES = {"radar": ("vv", "vh"), "optical": ("red", "nir", "swir22"), "warped": ("red", "nir")}
WHEN = dt.datetime(2024, 3, 2, tzinfo=dt.UTC)
ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
TUNED = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_NUM_THREADS": "ALL_CPUS"}
WARM_BYTES = 1_500_000_000


def make_cog(path: Path, dtype: str, size: int) -> None:
    """Write one band of relief with speckle (float32) or with sensor noise (uint16)."""
    rng = np.random.default_rng(len(path.stem))
    profile = {
        "driver": "GTiff",
        "width": size,
        "height": size,
        "count": 1,
        "dtype": dtype,
        "crs": CRS,
        "transform": rasterio.Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH),
        "nodata": float("nan") if dtype == "float32" else 0,
        "tiled": True,
        "bigtiff": "yes",
    }
    raw = path.with_suffix(".raw.tif")
    with rasterio.open(raw, "w", **profile) as raster:
        for row in range(0, size, PATCH):
            for column in range(0, size, PATCH):
                height, width = min(PATCH, size - row), min(PATCH, size - column)
                window = Window(column, row, width, height)
                raster.write(_patch(rng, dtype)[:height, :width], 1, window=window)
    options = {"blocksize": "512", "compress": "deflate", "num_threads": "all_cpus"}
    predictor = "3" if dtype == "float32" else "2"
    rasterio.shutil.copy(raw, path, driver="COG", predictor=predictor, **options)
    raw.unlink()


def _patch(rng: np.random.Generator, dtype: str) -> NDArray[Any]:
    relief = ndimage.gaussian_filter(rng.standard_normal((PATCH, PATCH)), 20, mode="wrap")
    relief /= relief.std()
    if dtype == "float32":
        speckle = rng.gamma(4.4, 1 / 4.4, relief.shape)
        return np.asarray(10 ** ((-10 + 3 * relief) / 10) * speckle, "float32")
    noise = rng.normal(0, 60, relief.shape)
    return np.clip(1500 + 400 * relief + noise, 1, 15_000).astype("uint16")


# ---------------------------------------------------------------- what is read


def grid_of(case: str, size: int, area: int) -> GeoBox:
    """Return the grid of a case: on the files' pixels, or turned into the neighbouring zone."""
    column, row = (size - area) // 4, (size - area) // 3  # off the files' own blocks
    west, north = WEST + column * PIXEL, NORTH - row * PIXEL
    box = (west, north - area * PIXEL, west + area * PIXEL, north)
    grid = GeoBox.from_bbox(box, crs=CRS, shape=(area, area))
    return grid.to_crs(BESIDE, resolution=PIXEL) if case == "warped" else grid


def _items(case: str, url: str, size: int) -> list[Any]:
    import pystac  # noqa: PLC0415 - a peer's input

    shape, affine = [size, size], [PIXEL, 0, WEST, 0, -PIXEL, NORTH]
    bounds = (WEST, NORTH - size * PIXEL, WEST + size * PIXEL, NORTH)
    lonlat = transform_bounds(CRS, "EPSG:4326", *bounds)
    place = {"proj:epsg": int(CRS[5:]), "proj:code": CRS}
    place |= {"proj:shape": shape, "proj:transform": affine}
    item = pystac.Item(
        id="benchmark",
        geometry=shapely.box(*lonlat).__geo_interface__,
        bbox=list(lonlat),
        datetime=WHEN,
        properties=dict(place),
        stac_extensions=[
            "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        ],
    )
    for name in CASES[case]:
        band = {
            "data_type": BANDS[name],
            "nodata": "nan" if BANDS[name] == "float32" else 0,
        }
        asset = pystac.Asset(
            href=f"{url}/{name}.tif",
            media_type=pystac.MediaType.COG,
            roles=["data"],
            extra_fields={"raster:bands": [band], **place},
        )
        item.add_asset(name, asset)
    return [item]


def read_reliefscope(case: str, url: str, size: int, grid: GeoBox) -> NDArray[Any]:
    """Read by `load_granules`: headers, a look at the pixels, then reflectance or power."""
    from reliefscope.model.granule import Asset, Granule  # noqa: PLC0415 - one peer per process
    from reliefscope.sources._raster import load_granules  # noqa: PLC0415 - one peer per process

    assets = {
        name: Asset(
            href=f"{url}/{name}.tif", units="1", scale=1.0 if BANDS[name] == "float32" else 1e-4
        )
        for name in CASES[case]
    }
    granule = Granule(
        id=f"benchmark-{size}",
        source="benchmark",
        collection="benchmark",
        acquired=WHEN,
        footprint=shapely.box(0, 0, 1, 1),
        assets=assets,
    )
    loaded = load_granules([granule], grid, CASES[case]).compute(scheduler="threads")
    return np.asarray(loaded[CASES[case][0]])


def _odc_stac(case: str, url: str, size: int, grid: GeoBox) -> xr.Dataset:
    import odc.stac  # noqa: PLC0415 - one peer per process

    loaded: xr.Dataset = odc.stac.load(
        _items(case, url, size),
        bands=list(CASES[case]),
        geobox=grid,
        chunks={"y": 2048, "x": 2048},
        resampling="bilinear" if case == "warped" else "nearest",
    )
    return loaded


def read_odc_stac(case: str, url: str, size: int, grid: GeoBox) -> NDArray[Any]:
    """Read by `odc.stac.load`: the stored numbers."""
    loaded = _odc_stac(case, url, size, grid).compute(scheduler="threads")
    return np.asarray(loaded[CASES[case][0]])


def read_odc_scaled(case: str, url: str, size: int, grid: GeoBox) -> NDArray[Any]:
    """Read by `odc.stac.load`, then mask and scale: the same numbers as ours."""
    stored = _odc_stac(case, url, size, grid)
    scale = np.float32(1 if case == "radar" else 1e-4)
    loaded = (stored.where(stored != 0).astype("float32") * scale).compute(scheduler="threads")
    return np.asarray(loaded[CASES[case][0]])


def read_stackstac(case: str, url: str, size: int, grid: GeoBox) -> NDArray[Any]:
    """Read by `stackstac.stack`: the stored numbers as float32."""
    import stackstac  # noqa: PLC0415 - one peer per process

    loaded = stackstac.stack(
        _items(case, url, size),
        assets=list(CASES[case]),
        bounds=tuple(grid.boundingbox),
        epsg=grid.crs.epsg,
        resolution=PIXEL,
        dtype="float32",
        fill_value=np.float32("nan"),
        rescale=False,
        chunksize=2048,
        resampling=Resampling.bilinear if case == "warped" else Resampling.nearest,
    ).compute(scheduler="threads")
    return np.asarray(loaded[0, 0])


def read_rasterio(case: str, url: str, size: int, grid: GeoBox) -> NDArray[Any]:
    """Read one window per file, decoded by all processors: the stored numbers."""
    assert size > 0  # noqa: S101 - the same signature for all
    rows, columns = grid.shape
    read = []
    for name in CASES[case]:
        with rasterio.Env(**TUNED), rasterio.open(f"{url}/{name}.tif") as raster:
            if case == "warped":
                options = {"crs": BESIDE, "transform": grid.affine, "width": columns}
                options |= {"height": rows, "resampling": Resampling.bilinear}
                with WarpedVRT(raster, num_threads=os.cpu_count(), **options) as warped:
                    read.append(warped.read(1))
                continue
            column, row = ~raster.transform * (grid.affine.c, grid.affine.f)
            window = Window(round(column), round(row), columns, rows)
            read.append(raster.read(1, window=window))
    return np.asarray(read[0])


READERS = {
    "reliefscope": read_reliefscope,
    "odc-stac": read_odc_stac,
    "odc-scaled": read_odc_scaled,
    "stackstac": read_stackstac,
    "rasterio": read_rasterio,
}
IMPORTS = {
    "reliefscope": "reliefscope.sources._raster",
    "odc-stac": "odc.stac",
    "odc-scaled": "odc.stac",
    "stackstac": "stackstac",
    "rasterio": "rasterio",
}


def run_task(reader: str, case: str, url: str, size: int, area: int) -> None:
    """Carry out one reading and print what it took."""
    importlib.import_module(IMPORTS[reader])
    grid = grid_of(case, size, area)
    start, busy = time.perf_counter(), time.process_time()
    pixels = READERS[reader](case, url, size, grid)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    peak = _peak_gb()
    seen = np.isfinite(pixels) & (pixels != 0)
    mean = float(pixels[seen].mean(dtype="float64"))
    print(json.dumps({"seconds": seconds, "cpu": busy, "peak_gb": peak, "mean": mean}))


def _peak_gb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    lines = status.read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e6


# ---------------------------------------------------------------- serving


@contextlib.contextmanager
def serve(folder: Path, delay_ms: int) -> Iterator[str]:
    """Serve the files with ranges; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    command = [sys.executable, __file__, "--serve", str(port), str(delay_ms), str(folder)]
    if nginx and (not delay_ms or ECHO.exists()):
        config = folder / f"nginx{port}.conf"
        config.write_text(_nginx(folder, port, delay_ms), encoding="utf-8")
        command = [nginx, "-c", str(config)]
    with subprocess.Popen(  # noqa: S603 - a server on loopback
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _nginx(folder: Path, port: int, delay_ms: int) -> str:
    scratch = " ".join(
        f"{kind}_temp_path {folder};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    files = f"alias {folder}/;"
    place = f"location / {{ {files} }}"
    if delay_ms:
        place = (
            f"location / {{ echo_sleep {delay_ms / 1000}; echo_exec /later$uri; }}"
            f"location /later/ {{ internal; {files} }}"
        )
    user = "user root;" if os.geteuid() == 0 else ""  # a scratch folder is its owner's alone
    return f"""
        {f"load_module {ECHO};" if delay_ms else ""} {user}
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
        events {{ worker_connections 512; }}
        http {{
            access_log off; sendfile on; keepalive_requests 100000; {scratch}
            server {{ listen 127.0.0.1:{port}; {place} }}
        }}"""


def _serve_in_python(port: int, delay_ms: int, folder: Path) -> None:
    import asyncio  # noqa: PLC0415 - the stand-in server alone

    import uvicorn  # noqa: PLC0415 - the stand-in server alone
    from starlette.staticfiles import StaticFiles  # noqa: PLC0415 - the stand-in server alone

    files = StaticFiles(directory=folder)

    async def later(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await asyncio.sleep(delay_ms / 1000)
        await files(scope, receive, send)

    uvicorn.run(later, host="127.0.0.1", port=port, log_level="error", lifespan="off")


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


# ---------------------------------------------------------------- measuring


def measure(reader: str, case: str, url: str, size: int, area: int) -> dict[str, float]:
    """Run one reading in a process of its own."""
    if area > PATCH:
        # the first touch of a virtual machine's memory is slow, whoever does it
        warm = f"import numpy; numpy.ones({WARM_BYTES}, 'uint8')"
        subprocess.run([sys.executable, "-c", warm], check=True)  # noqa: S603 - ourselves
    sizes = ["--size", str(size), "--area", str(area)]
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, __file__, "--task", reader, case, url, *sizes],
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(case: str, found: Mapping[str, list[dict[str, float]]]) -> None:
    """Print medians, extremes, memory and our ratio to each peer."""
    medians = {r: statistics.median(run["seconds"] for run in runs) for r, runs in found.items()}
    for reader, runs in found.items():
        seconds = [run["seconds"] for run in runs]
        cpu = statistics.median(run["cpu"] for run in runs)
        ratio = medians["reliefscope"] / medians[reader]
        peak, mean = max(run["peak_gb"] for run in runs), runs[0]["mean"]
        print(
            f"  {case:8} {reader:12} median {medians[reader]:6.2f} s, min {min(seconds):6.2f}, "
            f"max {max(seconds):6.2f}, cpu {cpu:5.2f} s, peak {peak:.2f} GB, mean {mean:.5g}, "
            f"ours/this {ratio:.2f}"
        )


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=10_980, help="pixels a side of each file")
    parser.add_argument("--area", type=int, default=6_000, help="pixels a side of what is read")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--delay-ms", type=int, nargs="+", default=[0, 50])
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--folder", type=Path, help="keeps the files for the next run")
    parser.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        port, delay, folder = arguments.serve
        _serve_in_python(int(port), int(delay), Path(folder))
        return 0
    if arguments.task:
        run_task(*arguments.task, arguments.size, arguments.area)
        return 0
    with contextlib.ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        _compare(arguments, folder)
    return 0


def _compare(arguments: argparse.Namespace, folder: Path) -> None:
    size, area = arguments.size, arguments.area
    cogs = folder / f"cogs{size}"
    cogs.mkdir(exist_ok=True)
    for name in sorted({band for case in arguments.cases for band in CASES[case]}):
        if not (cogs / f"{name}.tif").exists():
            make_cog(cogs / f"{name}.tif", BANDS[name], size)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(", ".join(f"{name} {_version(name)}" for name in LIBRARIES), end="")
    print(f", GDAL {rasterio.__gdal_version__}, load {os.getloadavg()[0]:.1f}")
    readers = [r for r in READERS if importlib.util.find_spec(IMPORTS[r].partition(".")[0])]
    for delay in arguments.delay_ms:
        with serve(cogs, delay) as url:
            for case in arguments.cases:
                disk = sum((cogs / f"{name}.tif").stat().st_size for name in CASES[case]) / 1e6
                print(
                    f"{case}: {area} x {area} of {len(CASES[case])} files of {size} x {size} "
                    f"({disk:.0f} MB), {delay} ms per request, {arguments.runs} runs in turn"
                )
                found: dict[str, list[dict[str, float]]] = {reader: [] for reader in readers}
                for _ in range(arguments.runs):
                    for reader, runs in found.items():
                        runs.append(measure(reader, case, url, size, area))
                report(case, found)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
