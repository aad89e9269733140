"""Drought indices of a forty-year monthly cube, beside their peers.

    python benchmarks/drought.py [--cells 4096] [--slow 64] [--runs 3]

SPI-3 and SPEI-3 of 480 months, the whole record as reference, every month; and the stages of the
Combined Drought Indicator from its four inputs. Two dask threads. Peers, when installed (they are
no dependencies): climate-indices; xclim, gamma by its fastest method (APP), log-logistic by
probability weighted moments (lmoments3), on a few cells since it is slow; for the stages, the same
table looked up with NumPy month by month. Runs are interleaved; medians, extremes, cells a second
and the largest difference within 3 are printed. The rain is simulated and never dry, so that all
count zeros alike.
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
from dataclasses import dataclass
from importlib.metadata import version

import dask
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators.drought_rain import standardized_index
from reliefscope.numerics import combined_drought as cdi
from reliefscope.numerics.standardize import Fit

YEARS = (1981, 2020)
MONTHS = np.arange("1981-01", "2021-01", dtype="datetime64[M]").astype("datetime64[ns]")
_WITHIN = 3.0
Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """One computation, by us and by peers."""

    name: str
    cube: xr.DataArray
    runs: dict[str, Callable[[xr.DataArray], Floats]]
    """By name; the first is ours. A name that ends in * runs on the few cells of ``slow`` only."""
    slow: int
    """Rows of the cube for slow peers."""


def cube(cells: int, shift: float) -> xr.DataArray:
    """Return monthly totals of simulated rain less ``shift``, (time, y, x), in quarters."""
    side = round(cells**0.5)
    values = np.random.default_rng(3).gamma(2.0, 30.0, (480, side, side)) - shift
    array = xr.DataArray(
        values,
        dims=("time", "y", "x"),
        coords={"time": MONTHS, "y": np.arange(side), "x": np.arange(side)},
        attrs={"units": "mm/month", "standard_name": "precipitation_flux"},
    )
    half = -(-side // 2)
    return array.chunk(time=-1, y=half, x=half)


def spi(amounts: xr.DataArray) -> Floats:
    """Return our SPI."""
    return standardized_index(amounts, months=3, reference=YEARS, limit=np.inf).values


def spei(amounts: xr.DataArray) -> Floats:
    """Return our SPEI."""
    return standardized_index(
        amounts, months=3, reference=YEARS, fit=Fit.LOG_LOGISTIC, limit=np.inf
    ).values


def spi_by_xclim(amounts: xr.DataArray) -> Floats:
    """Return the SPI of xclim."""
    import xclim.indices  # noqa: PLC0415 - a peer, not a dependency

    index = xclim.indices.standardized_precipitation_index(
        amounts, freq="MS", window=3, dist="gamma", method="APP", fitkwargs={"floc": 0},
        cal_start=f"{YEARS[0]}-01-01", cal_end=f"{YEARS[1]}-12-31",
    )  # fmt: skip
    return index.transpose("time", "y", "x").values


def spei_by_xclim(amounts: xr.DataArray) -> Floats:
    """Return the SPEI of xclim, log-logistic by probability weighted moments."""
    import xclim.indices  # noqa: PLC0415 - a peer, not a dependency
    from lmoments3.distr import glo  # noqa: PLC0415 - as above

    balance = amounts.assign_attrs(standard_name="water_budget")
    index = xclim.indices.standardized_precipitation_evapotranspiration_index(
        balance, freq="MS", window=3, dist=glo, method="PWM", fitkwargs={},
        cal_start=f"{YEARS[0]}-01-01", cal_end=f"{YEARS[1]}-12-31",
    )  # fmt: skip
    return index.transpose("time", "y", "x").values


def spi_by_climate_indices(amounts: xr.DataArray) -> Floats:
    """Return the SPI of climate-indices, by its path for xarray and dask."""
    import climate_indices  # noqa: PLC0415 - a peer, not a dependency
    from climate_indices import compute, indices  # noqa: PLC0415 - as above

    index = climate_indices.spi(
        amounts.assign_attrs(units="mm"), scale=3, distribution=indices.Distribution.gamma,
        data_start_year=YEARS[0], calibration_year_initial=YEARS[0],
        calibration_year_final=YEARS[1], periodicity=compute.Periodicity.monthly,
    )  # fmt: skip
    return index.transpose("time", "y", "x").values


def spei_by_climate_indices(amounts: xr.DataArray) -> Floats:
    """Return the SPEI of climate-indices, log-logistic, for rain and a demand of nothing."""
    import climate_indices  # noqa: PLC0415 - a peer, not a dependency
    from climate_indices import compute, indices  # noqa: PLC0415 - as above

    rain = amounts.assign_attrs(units="mm")
    # it wants rain and demand: the shift that makes the balance is the demand
    least = float(amounts.min())
    index = climate_indices.spei(
        rain - least, xr.full_like(rain, -least), scale=3,
        distribution=indices.Distribution.loglogistic, data_start_year=YEARS[0],
        calibration_year_initial=YEARS[0], calibration_year_final=YEARS[1],
        periodicity=compute.Periodicity.monthly,
    )  # fmt: skip
    return index.transpose("time", "y", "x").values


def stages(anomalies: xr.DataArray) -> Floats:
    """Return our stages of the original scheme; four stretches of one cube are the inputs."""
    found = cdi.combined_drought(*_inputs(anomalies), scheme=cdi.Scheme.ORIGINAL)
    return np.moveaxis(found.stage, -1, 0).astype(float)


def stages_by_numpy(anomalies: xr.DataArray) -> Floats:
    """Return the stages of the original scheme by NumPy, a month at a time."""
    spi_3, spi_1, soil, plants = _inputs(anomalies)
    table = cdi.lookup(cdi.ORIGINAL)
    rain = ((spi_3 < cdi.DRY_SPI_3) | (spi_1 < cdi.DRY_SPI_1)).astype(np.intp)
    dry, poor = (soil < cdi.DRY_SOIL).astype(np.intp), (plants < cdi.POOR_PLANTS).astype(np.intp)
    out = np.empty((rain.shape[-1], *rain.shape[:-1]))
    for i in range(rain.shape[-1]):
        ago = rain[..., i - 1] if i else np.zeros_like(rain[..., 0])
        out[i] = table[ago, rain[..., i], dry[..., i], poor[..., i]]
    return out


def _inputs(anomalies: xr.DataArray) -> list[NDArray[np.float32]]:
    """Return four series a cell, (y, x, time): the cube and itself a few rows further."""
    values = np.moveaxis(anomalies.values, 0, -1).astype("float32")
    return [np.ascontiguousarray(np.roll(values, n, axis=0)) for n in range(4)]


def contests(cells: int, slow: int) -> list[Contest]:
    """Return what is compared, with the peers that are installed."""
    there = {m for m in ("xclim", "climate_indices", "lmoments3") if importlib.util.find_spec(m)}
    rows = max(1, slow // round(cells**0.5))
    peers: list[tuple[str, dict[str, Callable[[xr.DataArray], Floats]]]] = [
        ("SPI-3", {"reliefscope": spi}),
        ("SPEI-3", {"reliefscope": spei}),
    ]
    if "climate_indices" in there:
        peers[0][1]["climate-indices"] = spi_by_climate_indices
        peers[1][1]["climate-indices"] = spei_by_climate_indices
    if "xclim" in there:
        peers[0][1]["xclim APP"] = spi_by_xclim
    if {"xclim", "lmoments3"} <= there:
        peers[1][1]["xclim PWM*"] = spei_by_xclim
    normal = cube(cells, 60.0) / 42.0
    return [
        Contest(name="SPI-3", cube=cube(cells, 0.0), runs=peers[0][1], slow=rows),
        Contest(name="SPEI-3", cube=cube(cells, 60.0), runs=peers[1][1], slow=rows),
        Contest(
            name="CDI",
            cube=normal.compute(),
            runs={"reliefscope": stages, "NumPy": stages_by_numpy},
            slow=rows,
        ),
    ]


def compare(contest: Contest, runs: int) -> None:
    """Run all in turn and print the comparison."""
    few = contest.cube.isel(y=slice(contest.slow))
    seconds: dict[str, list[float]] = {name: [] for name in contest.runs}
    answers: dict[str, Floats] = {}
    for _ in range(runs):
        for name, run in contest.runs.items():
            cells = few if name.endswith("*") else contest.cube
            start = time.perf_counter()
            answers[name] = run(cells)
            seconds[name].append(time.perf_counter() - start)
    own = answers["reliefscope"]
    best = 0.0
    for name, taken in seconds.items():
        count = answers[name][0].size
        middle = statistics.median(taken)
        best = best or count / middle
        # two months have no sum, and peers clip beyond 3.09
        theirs, ours = (np.clip(a[2:, : len(answers[name][0])], -_WITHIN, _WITHIN)
                        for a in (answers[name], own))  # fmt: skip
        if contest.name == "CDI":
            theirs, ours = answers[name], own
        both = np.isfinite(theirs) & np.isfinite(ours)
        print(
            f"{contest.name:7}{name:16} median {middle:7.3f} s ({min(taken):.3f} to "
            f"{max(taken):.3f}), {count} cells, {count / middle:11,.0f} cells/s, ours is "
            f"{best * middle / count:6.1f} x, largest difference "
            f"{np.abs(theirs - ours)[both].max():.1e}"
        )


def main() -> None:
    """Print machine, versions and all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=4096)
    parser.add_argument("--slow", type=int, default=64, help="cells for the slow peers")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    print(platform.platform(), "Python", platform.python_version())
    peers = [n for n in ("xclim", "climate_indices", "lmoments3") if importlib.util.find_spec(n)]
    print(*(f"{name} {version(name)}" for name in ("numpy", "numba", "xarray", "dask", *peers)))
    with dask.config.set(scheduler="threads", num_workers=2):
        start = time.perf_counter()
        for contest in contests(16, 16):
            contest.runs["reliefscope"](contest.cube)
        print(f"first run, compilation or its cache included: {time.perf_counter() - start:.1f} s")
        for contest in contests(args.cells, args.slow):
            compare(contest, args.runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{args.cells} cells x 480 months, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
