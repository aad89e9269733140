"""The Standardised Precipitation Index of a forty-year monthly cube, beside its peers.

    python benchmarks/spi.py [--cells 4096] [--runs 3]

SPI-3 of 480 months, gamma distribution, the whole record as reference, every month, on two
dask threads. Peers, when installed (they are no dependencies): xclim (method APP) and
climate-indices. Runs are interleaved; medians, extremes, cells a second and the largest difference
are printed. Forty years of simulated rain, never dry, so that all count zeros alike.
"""

import argparse
import importlib.util
import logging
import platform
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import dask
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators.drought_rain import standardized_index

YEARS = (1981, 2020)
Run = Callable[[xr.DataArray], NDArray[np.float64]]


def rain(cells: int) -> xr.DataArray:
    """Return monthly totals of simulated rain, (time, y, x), in blocks of a quarter."""
    side = round(cells**0.5)
    values = np.random.default_rng(3).gamma(2.0, 30.0, (480, side, side))
    months = np.arange("1981-01", "2021-01", dtype="datetime64[M]").astype("datetime64[ns]")
    cube = xr.DataArray(
        values,
        dims=("time", "y", "x"),
        coords={"time": months, "y": np.arange(side), "x": np.arange(side)},
        attrs={"units": "mm/month", "standard_name": "precipitation_flux"},
    )
    half = -(-side // 2)
    return cube.chunk(time=-1, y=half, x=half)


def ours(cube: xr.DataArray) -> NDArray[np.float64]:
    """Return the index of this package."""
    return standardized_index(cube, months=3, reference=YEARS, limit=np.inf).values


def by_xclim(cube: xr.DataArray) -> NDArray[np.float64]:
    """Return the index of xclim, by its fastest method."""
    import xclim.indices  # noqa: PLC0415 - a peer, not a dependency

    index = xclim.indices.standardized_precipitation_index(
        cube, freq="MS", window=3, dist="gamma", method="APP", fitkwargs={"floc": 0},
        cal_start=f"{YEARS[0]}-01-01", cal_end=f"{YEARS[1]}-12-31",
    )  # fmt: skip
    return index.transpose("time", "y", "x").values


def by_climate_indices(cube: xr.DataArray) -> NDArray[np.float64]:
    """Return the index of climate-indices, by its path for xarray and dask."""
    import climate_indices  # noqa: PLC0415 - a peer, not a dependency
    from climate_indices import compute, indices  # noqa: PLC0415 - as above

    index = climate_indices.spi(
        cube.assign_attrs(units="mm"), scale=3, distribution=indices.Distribution.gamma,
        data_start_year=YEARS[0], calibration_year_initial=YEARS[0],
        calibration_year_final=YEARS[1], periodicity=compute.Periodicity.monthly,
    )  # fmt: skip
    return index.transpose("time", "y", "x").values


PEERS: dict[str, tuple[str, Run]] = {
    "xclim": ("xclim", by_xclim),
    "climate-indices": ("climate_indices", by_climate_indices),
}


def main() -> None:
    """Run all in turn and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=4096)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    here = {n: run for n, (m, run) in PEERS.items() if importlib.util.find_spec(m)}
    runs: dict[str, Run] = {"reliefscope": ours, **here}
    print(platform.platform(), "Python", platform.python_version())
    print(*(f"{name} {version(name)}" for name in ("numpy", "numba", "xarray", "dask", *here)))
    cube = rain(args.cells)
    cells = cube.sizes["y"] * cube.sizes["x"]
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    answers: dict[str, NDArray[np.float64]] = {}
    with dask.config.set(scheduler="threads", num_workers=2):
        start = time.perf_counter()
        ours(rain(16))
        print(f"first run, compilation or its cache included: {time.perf_counter() - start:.1f} s")
        for _ in range(args.runs):
            for name, run in runs.items():
                start = time.perf_counter()
                answers[name] = run(cube)
                seconds[name].append(time.perf_counter() - start)
    best = statistics.median(seconds["reliefscope"])
    for name, taken in seconds.items():
        middle = statistics.median(taken)
        # one of the peers clips at 3.09, so all are compared within
        theirs, own = (np.clip(answers[n][2:], -3.09, 3.09) for n in (name, "reliefscope"))
        apart = np.nanmax(np.abs(theirs - own))
        print(
            f"{name:16} median {middle:7.2f} s ({min(taken):.2f} to {max(taken):.2f}), "
            f"{cells / middle:9,.0f} cells/s, {middle / best:6.1f} x ours, "
            f"largest difference {apart:.1e}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{cells} cells x 480 months, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
