"""Decades of days for the tests of heat and rain, made up."""

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.model.cube import describe

SIDE = 2
GRID = GeoBox.from_bbox((36.0, -1.0, 36.2, -0.8), crs="EPSG:4326", shape=(SIDE, SIDE))
DAYS = np.arange("1991-01-01", "2021-09-01", dtype="datetime64[D]").astype("datetime64[ns]")


def cube(times=DAYS, **series):
    """Return a cube of (time, y, x) arrays, or of one value a step, with units and a CRS."""
    layers = {}
    for name, values in series.items():
        filled = np.asarray(values, dtype="float32")
        if filled.ndim == 1:
            filled = np.broadcast_to(filled[:, None, None], (len(times), SIDE, SIDE)).copy()
        coords = {"time": times, **xr_coords(GRID, dims=("y", "x"))}
        layers[name] = describe(name, xr.DataArray(filled, dims=("time", "y", "x"), coords=coords))
    return xr.Dataset(layers)


def summers(seed=0):
    """Return the mean temperature of each day and pixel [K]."""
    day = (DAYS - DAYS[0]).astype("timedelta64[D]").astype(int)
    season = 288 - 9 * np.cos(2 * np.pi * (day - 15) / 365.25)
    scatter = np.random.default_rng(seed).normal(0, 2.5, (len(DAYS), SIDE, SIDE))
    return np.round(season[:, None, None] + scatter, 1)


def refuse(*_, **__):
    """Stand in for a scheduler: nothing may be computed."""
    raise AssertionError
