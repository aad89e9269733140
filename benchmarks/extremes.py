"""Indices of extremes of forty years of days over a grid, beside xclim.

    python benchmarks/extremes.py [--cells 1024] [--runs 3] [--bootstrap-cells 4]

All 27 indices of the ETCCDI on a gridded cube, then one by one those that xclim has as well, on two
dask threads. Runs are interleaved; medians, their ratio and the largest difference are printed. The
percentile indices with bootstrap are compared on four cells, twenty years and fifteen of reference,
in memory: xclim's refits percentiles for each pair of years, and did not end on thirty years of
blocks. Where the two mean different things they differ: xclim cuts dry and wet spells at New Year,
counts five days of rain on the last of them, has percentiles of 366 days, and compares single
precision in kelvin (a day at the very threshold may count or not). xclim is no dependency; without
it ours runs alone.
"""

import argparse
import importlib.util
import platform
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import dask
import numpy as np
import xarray as xr

from reliefscope.indicators.climate_extremes import climate_extremes
from reliefscope.model.cube import describe

YEARS, FEW_YEARS = (1981, 2020), (1981, 2000)
BASE, FEW_BASE = (1981, 2010), (1981, 1995)
Years = tuple[int, int]
BOOTSTRAPPED = ("tx90p", "tn10p")
Run = Callable[[], xr.DataArray]


def weather(cells: int, years: Years = YEARS) -> xr.Dataset:
    """Return daily weather of some years, (time, y, x), in blocks of a quarter."""
    side = max(round(cells**0.5), 2)
    days = np.arange(f"{years[0]}-01-01", f"{years[1] + 1}-01-01", dtype="datetime64[D]")
    rng = np.random.default_rng(3)
    shape = (len(days), side, side)
    season = 12 - 10 * np.cos(2 * np.pi * np.arange(len(days)) / 365.25)[:, None, None]
    mean = season + 3 * rng.standard_normal(shape, dtype="float32")
    rain = rng.standard_gamma(0.5, shape, dtype="float32") * 8
    rain[rng.random(shape, dtype="float32") < 0.6] = 0  # noqa: PLR2004 - dry days
    coords = {"time": days.astype("datetime64[ns]"), "y": np.arange(side), "x": np.arange(side)}
    layers = {
        "air_temperature_max": mean + 278.15,
        "air_temperature_min": mean + 268.15,
        "precipitation": rain,
    }
    cube = xr.Dataset(
        {
            n: describe(
                n, xr.DataArray(v.astype("float32"), dims=("time", "y", "x"), coords=coords)
            )
            for n, v in layers.items()
        }
    )
    half = -(-side // 2)
    return cube.chunk(time=-1, y=half, x=half)


def peer(cube: xr.Dataset, reference: Years) -> dict[str, Run]:
    """Return what xclim has of the indices, by our names."""
    import xclim.indices as xi  # noqa: PLC0415 - a peer, not a dependency
    from xclim.core.calendar import percentile_doy  # noqa: PLC0415 - as above

    tx, tn = cube["air_temperature_max"], cube["air_temperature_min"]
    pr = cube["precipitation"].assign_attrs(units="mm/d")

    def beyond(series: xr.DataArray, share: float, index: Callable[..., Any]) -> xr.DataArray:
        base = series.sel(time=slice(str(reference[0]), str(reference[1])))
        limit = percentile_doy(base, window=5, per=share)
        days = index(series, limit, freq="YS", bootstrap=True).squeeze(drop=True)
        return 100 * days / days["time"].dt.days_in_year

    return {
        "fd": lambda: xi.frost_days(tn),
        "su": lambda: xi.tx_days_above(tx, "25 degC"),
        "id": lambda: xi.ice_days(tx),
        "tr": lambda: xi.tn_days_above(tn, "20 degC"),
        "txx": lambda: xi.tx_max(tx) - 273.15,
        "tnn": lambda: xi.tn_min(tn) - 273.15,
        "dtr": lambda: xi.daily_temperature_range(tn, tx),
        "rx1day": lambda: xi.max_1day_precipitation_amount(pr),
        "rx5day": lambda: xi.max_n_day_precipitation_amount(pr, 5),
        "sdii": lambda: xi.daily_pr_intensity(pr, "1 mm/d"),
        "r10mm": lambda: xi.wetdays(pr, "10 mm/d"),
        "cdd": lambda: xi.maximum_consecutive_dry_days(pr, "1 mm/d"),
        "cwd": lambda: xi.maximum_consecutive_wet_days(pr, "1 mm/d"),
        "tx90p": lambda: beyond(tx, 90, xi.tx90p),
        "tn10p": lambda: beyond(tn, 10, xi.tn10p),
    }


def _timed(run: Run) -> tuple[float, np.ndarray[Any, Any]]:
    start = time.perf_counter()
    values = run().transpose("time", "y", "x").to_numpy()
    return time.perf_counter() - start, values


def _compare(name: str, cube: xr.Dataset, theirs: Run, runs: int, reference: Years) -> None:
    seconds: dict[str, list[float]] = {"ours": [], "xclim": []}
    for _ in range(runs):
        taken, own = _timed(lambda: climate_extremes(cube, name, reference=reference)[name])
        seconds["ours"].append(taken)
        taken, other = _timed(theirs)
        seconds["xclim"].append(taken)
    ours, others = (statistics.median(s) for s in seconds.values())
    apart = np.nanmax(np.abs(own - other))
    print(
        f"{name:8} ours {ours:7.2f} s, xclim {others:7.2f} s: {others / ours:6.1f} x ours, "
        f"largest difference {apart:.2g}"
    )


def main() -> None:
    """Run all in turn and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=1024)
    parser.add_argument("--bootstrap-cells", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    has_peer = importlib.util.find_spec("xclim") is not None
    print(platform.platform(), "Python", platform.python_version())
    print(*(f"{n} {version(n)}" for n in ("numpy", "numba", "xarray", *["xclim"] * has_peer)))
    cube = weather(args.cells)
    few = weather(args.bootstrap_cells, FEW_YEARS).load()
    cells = cube.sizes["y"] * cube.sizes["x"]
    with dask.config.set(scheduler="threads", num_workers=2):
        climate_extremes(weather(4), reference=BASE).compute()  # compilation, or its cache
        start = time.perf_counter()
        climate_extremes(cube, reference=BASE).compute()
        taken = time.perf_counter() - start
        print(f"all 27 of {cells} cells, {YEARS[0]} to {YEARS[1]}: {taken:.1f} s, "
              f"{cells / taken:.0f} cells/s")  # fmt: skip
        if has_peer:
            for name, run in peer(cube, BASE).items():
                if name not in BOOTSTRAPPED:
                    _compare(name, cube, run, args.runs, BASE)
            for name in BOOTSTRAPPED:
                print(f"on {few.sizes['y'] * few.sizes['x']} cells, {FEW_YEARS[0]} to "
                      f"{FEW_YEARS[1]}, with bootstrap:")  # fmt: skip
                _compare(name, few, peer(few, FEW_BASE)[name], 1, FEW_BASE)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
