"""The same numbers by other packages: indices of rain on forty real years, and of spectra.

    python benchmarks/second_opinions.py [--rain FOLDER] [--step 8]

Peers, where they are installed (they are no dependencies): xclim (method APP) and climate-indices
on the 480 monthly CHIRPS rasters of the folder, every ``step``-th pixel; spyndex on simulated
reflectance. Dry months are not counted alike by all of them: months of a place that are sometimes
dry are compared apart from the others.
"""

import argparse
import importlib.util
import logging
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from spi import PEERS, ours

from reliefscope.numerics.burn import nbr
from reliefscope.numerics.snow import ndsi
from reliefscope.numerics.standardize import LIMIT

_RAIN = Path("../shared/data/drought/chirps_java/Data/Input_TIF")


def real_rain(folder: Path, step: int) -> xr.DataArray:
    """Return monthly totals of the rasters of a folder, sorted by name, (time, y, x) [mm]."""
    layers = []
    for file in sorted(folder.glob("java_chirps-v2.0.*.tif")):
        with rasterio.open(file) as raster:
            layer = raster.read(1)[::step, ::step].astype("float64")
        layers.append(np.where(layer < 0, np.nan, layer))
    months = np.arange("1981-01", "2021-01", dtype="datetime64[M]").astype("datetime64[ns]")
    rows, columns = layers[0].shape
    return xr.DataArray(
        np.stack(layers),
        dims=("time", "y", "x"),
        coords={"time": months, "y": np.arange(rows), "x": np.arange(columns)},
        attrs={"units": "mm/month", "standard_name": "precipitation_flux"},
    ).chunk(time=-1, y=-1, x=-1)


def compare_rain(folder: Path, step: int) -> None:
    """Print how far apart the indices lie, in months that are always wet and in others."""
    cube = real_rain(folder, step)
    totals = cube.values[2:] + cube.values[1:-1] + cube.values[:-2]
    land = np.isfinite(totals).all(axis=0)
    dry = np.zeros(totals.shape, bool)
    for month in range(12):
        dry[month::12] = (totals[month::12] <= 0).any(axis=0)
    print(f"{land.sum()} cells of land, {dry[:, land].mean():.1%} of their months sometimes dry")
    own = np.clip(ours(cube)[2:], -LIMIT, LIMIT)
    for name, (module, run) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name}: not installed")
            continue
        theirs = np.clip(run(cube)[2:], -LIMIT, LIMIT)
        apart = np.abs(theirs - own)
        for label, where in (("always wet", land & ~dry), ("sometimes dry", land & dry)):
            told = where & np.isfinite(apart)
            if told.any():
                print(
                    f"{name} {version(name)}, {label}: largest difference "
                    f"{apart[told].max():.1e} over {told.sum():,} values"
                )


def compare_spectra() -> None:
    """Print how far apart spectral indices lie."""
    if importlib.util.find_spec("spyndex") is None:
        print("spyndex: not installed")
        return
    import spyndex  # noqa: PLC0415 - a peer, not a dependency

    rng = np.random.default_rng(1)
    band = {name: rng.uniform(0.01, 0.8, 10_000) for name in ("G", "R", "N", "S1", "S2")}
    mine = {
        "NBR": nbr(band["N"].astype("float32"), band["S2"].astype("float32")),
        "NDSI": ndsi(band["G"], band["S1"]),
    }
    for name, values in mine.items():
        theirs = np.asarray(spyndex.computeIndex([name], params=band)).squeeze()
        print(f"spyndex {version('spyndex')} {name}: {np.abs(theirs - values).max():.1e}")


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rain", type=Path, default=_RAIN)
    parser.add_argument("--step", type=int, default=8)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    compare_spectra()
    if args.rain.is_dir():
        compare_rain(args.rain, args.step)
    else:
        print(f"no rasters of rain in {args.rain}")


if __name__ == "__main__":
    main()
