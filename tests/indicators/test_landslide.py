"""Green that has gone from steep ground; flat fields, clouds and rock are something else."""

import dask
import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.landslide import INDICATOR, landslide
from reliefscope.model.cube import Advisory, Exclusion, State, describe

SHAPE = (80, 80)
GRID = GeoBox.from_bbox((500_000, 4_200_000, 500_800, 4_200_800), "EPSG:32636", shape=SHAPE)
COORDS = xr_coords(GRID, dims=("y", "x"))
SLIDE, FIELD = np.s_[10:30, 20:26], np.s_[60:75, 20:40]


def cube(**layers):
    return xr.Dataset(
        {
            name: describe(name, xr.DataArray(values, dims=("y", "x"), coords=COORDS))
            for name, values in layers.items()
        }
    )


def image(*bare, scl=None):
    red, nir = np.full(SHAPE, 0.04, "float32"), np.full(SHAPE, 0.34, "float32")
    for where in bare:
        red[where], nir[where] = 0.13, 0.19
    quality = np.full(SHAPE, 4.0, "float32") if scl is None else scl
    return cube(red=red, nir=nir, scl=quality)


def ground():
    """A slope of 20 degrees down to row 45, then a plain."""
    rows = np.arange(80)[:, None] * np.ones(80)
    height = np.where(rows < 45, (45 - rows) * 10 * np.tan(np.radians(20)), 0)
    return cube(elevation=height.astype("float32"))


def test_bare_tracks_on_the_slope_are_slides_and_ploughed_fields_are_not():
    """The same loss of green on the slope and on the plain: only the first is a slide."""
    out = landslide(image(SLIDE, FIELD), image(), ground())
    state = out["state"].values
    assert (state[SLIDE] == State.EVENT).all()
    assert (state == State.EVENT).sum() == 120
    assert (state[FIELD] == State.NO_EVENT).all()
    assert (out["likelihood"].values[FIELD] == 0).all()
    assert Advisory(int(out["advisory"])) == Advisory.NOT_CONFIRMED
    assert float(out["slope_deg"][20, 22]) == pytest.approx(20, abs=0.1)


def test_under_clouds_nothing_is_known():
    """On either image; a second date before fills a cloud of the first."""
    scl = np.full(SHAPE, 4.0, "float32")
    scl[:, :23] = 9
    hidden = landslide(image(SLIDE, scl=scl), image(), ground())["state"].values
    assert (hidden[:, :23] == State.NOT_OBSERVED).all()
    assert (hidden[10:30, 23:26] == State.EVENT).all()
    times = np.array(["2030-03-01", "2030-03-11"], "datetime64[ns]")
    earlier = xr.concat([image(scl=scl), image()], xr.DataArray(times, dims="time"))
    for name in earlier:
        earlier[name].attrs = image()[name].attrs
    assert (landslide(image(SLIDE), earlier, ground())["state"].values[SLIDE] == 1).all()


def test_cropland_on_slopes_cannot_be_told():
    """Terraced fields are harvested: excluded, with the reason."""
    cover = np.full(SHAPE, 10.0, "float32")
    cover[:, 20:23] = 40
    out = landslide(image(SLIDE), image(), ground(), cube(land_cover=cover))
    steep = np.s_[12:28, 20:23]
    assert (out["state"].values[steep] == State.EXCLUDED).all()
    assert (out["exclusion"].values[steep] == Exclusion.AMBIGUOUS).all()


def test_rock_had_nothing_to_lose():
    """Bare before and bare after: no slide, and no division by nothing."""
    out = landslide(image(np.s_[:, :]), image(np.s_[:, :]), ground())
    assert not (out["state"] == State.EVENT).any()
    assert np.isfinite(out["rdndvi"].values).all()


def test_a_slide_runs_out_on_gentler_ground_but_starts_on_steep():
    """A track that ends on 7 degrees is followed; one that lies there alone is none."""
    rows = np.arange(80)[:, None] * np.ones(80)
    tilt = np.where(rows < 40, np.tan(np.radians(20)), np.tan(np.radians(7)))
    height = np.cumsum(tilt[::-1] * 10, axis=0)[::-1].astype("float32")
    track, alone = np.s_[20:60, 30:36], np.s_[50:70, 60:66]
    state = landslide(image(track, alone), image(), cube(elevation=height))["state"].values
    assert (state[44:60, 30:36] == State.EVENT).all()
    assert not (state[alone] == State.EVENT).any()


def test_lazy_stays_lazy_and_equal():
    """Nothing is computed while it is set up; blocks do not change the answer."""

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    whole = landslide(image(SLIDE), image(), ground())
    blocks = {"y": 17, "x": 40}
    with dask.config.set(scheduler=refuse):
        lazy = landslide(image(SLIDE).chunk(blocks), image().chunk(blocks), ground().chunk(blocks))
    for name in whole:
        np.testing.assert_allclose(lazy[name].compute(), whole[name], rtol=1e-6)


def test_what_cannot_be_judged_is_refused():
    """No near infrared, no heights in metres, a sky of cloud."""
    with pytest.raises(CubeError, match="nir"):
        landslide(image().drop_vars("nir"), image(), ground())
    with pytest.raises(CubeError, match="elevation"):
        landslide(image(), image(), ground().rename(elevation="height"))
    cloud = np.full(SHAPE, 9.0, "float32")
    with pytest.raises(InsufficientDataError, match="other dates"):
        landslide(image(scl=cloud), image(), ground()).compute()


def test_it_says_probable_everywhere():
    """Not confirmed: in the title."""
    assert "not confirmed" in INDICATOR.title
