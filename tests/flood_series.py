"""Years of radar images of a valley with a lake that floods, made by hand."""

import numpy as np
import odc.geo.xr
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.model.cube import describe
from reliefscope.numerics.radar import power

SIZE = 96
Y, X = np.mgrid[:SIZE, :SIZE]
LAKE = (Y - 48) ** 2 + (X - 48) ** 2 < 14**2
FLOOD = (Y - 48) ** 2 + (X - 48) ** 2 < 30**2
DRY = np.zeros((SIZE, SIZE), bool)
NEW = FLOOD & ~LAKE
GRID = GeoBox.from_bbox((5e5, 4e6, 5e5 + SIZE * 10, 4e6 + SIZE * 10), crs="EPSG:32633", shape=SIZE)
WHEN = pd.Timestamp("2023-05-10T05:30")
LAND, WATER = {"vv": -10.0, "vh": -16.5}, {"vv": -19.2, "vh": -26.0}


def near(mask, pixels=5):
    """Ring around the outline of a disc where smoothing blurs the answer."""
    return np.abs(np.hypot(Y - 48, X - 48) - np.sqrt(mask.sum() / np.pi)) < pixels


CLEAR = ~near(LAKE) & ~near(FLOOD)


def layer(name, values):
    """One variable on the grid, with its units."""
    array = odc.geo.xr.wrap_xr(np.broadcast_to(np.asarray(values, np.float32), (SIZE, SIZE)), GRID)
    return xr.Dataset({name: describe(name, array)})


def season(when):
    """Two decibels up and down in the year."""
    return 2 * np.sin(2 * np.pi * when.day_of_year / 365)


def image(wet, seed, when=None, *, land=LAND, shift=0.0, names=("vv", "vh"), looks=4.4):
    """Backscatter with speckle, linear power; ``shift`` is added to the land, dB."""
    rng = np.random.default_rng(seed)
    cubes = {}
    for name in names:
        db = np.where(wet, WATER[name], land[name] + np.asarray(shift)).astype(np.float32)
        speckle = rng.gamma(looks, 1 / looks, db.shape)
        cubes[name] = layer(name, (power(db) * speckle).astype(np.float32))[name]
    cube = xr.Dataset(cubes)
    return cube if when is None else cube.assign_coords(time=when)


def series(count, *, wet=LAKE, step=12, end=WHEN, shift=season, **options):
    """Images before ``end``, one each ``step`` days, oldest first."""
    times = [end - pd.Timedelta(days=step * k) for k in range(count, 0, -1)]
    images = [image(wet, 100 + i, t, shift=shift(t), **options) for i, t in enumerate(times)]
    return joined(images)


def joined(images):
    """Several images or series along time."""
    return xr.concat(images, dim="time", coords="minimal", compat="override", join="exact")


def after(wet=FLOOD, *, angle=38.0, **options):
    """The image of the flood, with time and incidence angle."""
    cube = image(wet, 0, WHEN, shift=options.pop("shift", season(WHEN)), **options)
    return cube.assign(incidence_deg=layer("incidence_deg", angle)["incidence_deg"])


def share(state, code, where):
    """Part of ``where`` that has the code."""
    return float(np.mean(np.asarray(state)[where] == code))


def only(where):
    """A mask for ``.where``, with its dimensions."""
    return xr.DataArray(where, dims=("y", "x"))
