"""Decades of monthly weather for the tests of drought, made up."""

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.model.cube import describe

SIDE = 4
GRID = GeoBox.from_bbox((36.0, -1.0, 36.4, -0.6), crs="EPSG:4326", shape=(SIDE, SIDE))
MONTHS = np.arange("1985-01", "2021-01", dtype="datetime64[M]").astype("datetime64[ns]")
_DAYS = np.array([0, 10, 20], dtype="timedelta64[D]")
DEKADS = np.sort(
    (
        np.arange("1985-01", "2021-01", dtype="datetime64[M]").astype("datetime64[D]")[:, None]
        + _DAYS
    ).ravel()
).astype("datetime64[ns]")


def cube(times=MONTHS, **series):
    """Return a cube of (time, y, x) arrays, or of one value a step, with units and a CRS."""
    layers = {}
    for name, values in series.items():
        filled = np.asarray(values, dtype="float32")
        if filled.ndim == 1:
            filled = np.broadcast_to(filled[:, None, None], (len(times), SIDE, SIDE)).copy()
        layers[name] = describe(
            name,
            xr.DataArray(
                filled,
                dims=("time", "y", "x"),
                coords={"time": times, **xr_coords(GRID, dims=("y", "x"))},
            ),
        )
    return xr.Dataset(layers)


def season(times=MONTHS):
    """Return the time of the year in radians."""
    return (times.astype("datetime64[M]").astype(int) % 12) / 12 * 2 * np.pi


def noise(times=MONTHS, seed=0, **kind):
    """Return gamma weather, or normal of a given spread, for each step and pixel."""
    rng = np.random.default_rng(seed)
    shape = (len(times), SIDE, SIDE)
    return rng.normal(0, kind["spread"], shape) if kind else rng.gamma(2, 30, shape)


def refuse(*_, **__):
    """Stand in for a scheduler: nothing may be computed."""
    raise AssertionError
