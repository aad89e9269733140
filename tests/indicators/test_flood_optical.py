"""Optical water that was not there before; what clouds hide is neither flood nor dry."""

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.flood_optical import flood_optical
from reliefscope.model.cube import Advisory, Exclusion, State, WaterClass, describe
from reliefscope.numerics.agreement import confusion

SHAPE = (60, 60)
GRID = GeoBox.from_bbox((500_000, 4_400_000, 501_200, 4_401_200), "EPSG:32629", shape=SHAPE)
COORDS = xr_coords(GRID, dims=("y", "x"))
LAND = {"blue": 0.04, "green": 0.07, "red": 0.05, "nir": 0.36, "swir16": 0.20, "swir22": 0.10}
WATER = {"blue": 0.07, "green": 0.10, "red": 0.11, "nir": 0.06, "swir16": 0.016, "swir22": 0.01}
PARTLY = {"blue": 0.05, "green": 0.07, "red": 0.06, "nir": 0.13, "swir16": 0.08, "swir22": 0.05}
FLOOD, RIVER = np.s_[10:30, 10:40], np.s_[10:30, 18:22]


def cube(**layers):
    return xr.Dataset(
        {
            name: describe(name, xr.DataArray(values, dims=("y", "x"), coords=COORDS))
            for name, values in layers.items()
        }
    )


def image(wet=FLOOD, *, spectrum=WATER, scl=None):
    bands = {name: np.full(SHAPE, value, "float32") for name, value in LAND.items()}
    for name, value in spectrum.items():
        bands[name][wet] = value
    return cube(**bands, scl=np.full(SHAPE, 4.0, "float32") if scl is None else scl)


def known():
    months = np.zeros(SHAPE, "float32")
    months[RIVER] = 12
    return cube(water_seasonality=months)


def test_water_is_flood_but_for_the_river():
    """600 pixels of water, 80 of them known: 520 of flood, with high confidence."""
    out = flood_optical(image(), known())
    assert (out["state"] == State.EVENT).sum() == 520
    assert (out["state"].values[RIVER] == State.REFERENCE).all()
    assert (out["water_class"].values[FLOOD] == WaterClass.HIGH).all()
    assert (out["likelihood"].values[FLOOD] == 95).all()
    assert int(out["advisory"]) == 0


def test_water_under_cloud_keeps_its_class_and_is_not_observed():
    """Half of the flood under what the quality band calls cloud: known as such, counted as not
    observed, with no likelihood. Peer defect: water under cloud thrown away, or counted dry.
    """
    scl = np.full(SHAPE, 4.0, "float32")
    cloud = np.s_[0:60, 25:60]
    scl[cloud] = 9
    out = flood_optical(image(scl=scl), known())
    assert (out["state"].values[cloud] == State.NOT_OBSERVED).all()
    assert (out["water_class"].values[10:30, 25:40] == WaterClass.HIGH_UNDER_CLOUD).all()
    assert (out["likelihood"].values[cloud] == 255).all()
    assert Advisory.LOW_COVERAGE in Advisory(int(out["advisory"]))


def test_gaps_are_not_observed_even_where_the_quality_band_says_clear():
    """NaN in one band alone hides the pixel."""
    scene = image()
    scene["swir16"].values[0:5] = np.nan
    out = flood_optical(scene)
    assert (out["state"].values[0:5] == State.NOT_OBSERVED).all()
    assert (out["water_class"].values[0:5] == WaterClass.NOT_OBSERVED).all()


def test_partly_water_counts_unless_told_otherwise():
    """A marsh of the conservative class: flood by default, none with partly=0."""
    scene = image(spectrum=PARTLY)
    assert (flood_optical(scene)["water_class"].values[FLOOD] == WaterClass.PARTIAL).all()
    assert (flood_optical(scene)["state"].values[FLOOD] == State.EVENT).all()
    strict = flood_optical(scene, partly=0.0)
    assert (strict["state"].values[FLOOD] == State.NO_EVENT).all()
    assert (strict["likelihood"].values[FLOOD] == 55).all()


def test_roofs_slopes_and_snow_are_excluded_with_their_reasons():
    """Dark roofs, shadow on a steep slope, and snow: the sensor cannot tell."""
    cover = np.full(SHAPE, 40.0, "float32")
    cover[10:30, 10:15] = 50
    height = np.zeros(SHAPE, "float32")
    height[:, 35:] = np.arange(25) * 20.0
    scl = np.full(SHAPE, 4.0, "float32")
    scl[40:60] = 11
    out = flood_optical(image(scl=scl), known(), cube(elevation=height), cube(land_cover=cover))
    state, reason = out["state"].values, out["exclusion"].values
    for where, why in (
        (np.s_[10:30, 10:15], Exclusion.URBAN),
        (np.s_[10:30, 37:40], Exclusion.STEEP_TERRAIN),
        (np.s_[40:60, 0:30], Exclusion.AMBIGUOUS),
    ):
        assert (state[where] == State.EXCLUDED).all()
        assert (reason[where] & why.value > 0).all()
    assert Advisory.FROZEN in Advisory(int(out["advisory"]))


def test_leaves_over_water_are_not_partly_water():
    """Woods that reflect much infrared: partly water there is leaves."""
    cover = np.full(SHAPE, 10.0, "float32")
    out = flood_optical(image(spectrum=PARTLY), land=cube(land_cover=cover))
    assert (out["state"] == State.EVENT).sum() == 0


def test_a_second_date_fills_what_clouds_hid():
    """The first clear date counts; clouds on both stay not observed."""
    scl = np.full(SHAPE, 4.0, "float32")
    scl[:, 25:] = 9
    later = np.full(SHAPE, 4.0, "float32")
    later[:, 50:] = 8
    times = np.array(["2030-05-02", "2030-05-04"], "datetime64[ns]")
    both = xr.concat([image(scl=scl), image(scl=later)], xr.DataArray(times, dims="time"))
    for name in both:
        both[name].attrs = image()[name].attrs
    state = flood_optical(both)["state"].values
    assert (state[FLOOD] == State.EVENT).all()
    assert (state[:, 50:] == State.NOT_OBSERVED).all()
    assert (state[:, 41:50] == State.NO_EVENT).all()


def test_small_specks_are_no_flood_and_small_gaps_are_filled():
    """Under a tenth of a hectare, that is two pixels of 400 m2."""
    scene = image(np.s_[50:51, 50:51])
    assert (flood_optical(scene)["state"] == State.EVENT).sum() == 0
    holed = image()
    for name, value in LAND.items():
        holed[name].values[20, 30] = value
    assert (flood_optical(holed)["state"].values[FLOOD] == State.EVENT).all()


def test_lazy_stays_lazy_and_equal():
    """Nothing is computed while it is set up; blocks do not change the answer."""
    whole = flood_optical(image(), known())
    with dask.config.set(scheduler=_refuse):
        lazy = flood_optical(image().chunk(y=16, x=25), known().chunk(y=16, x=25))
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])


def _refuse(*_, **__):
    raise AssertionError("something was computed")


def test_what_cannot_be_judged_is_refused():
    """A missing band, digital numbers, and a sky of cloud."""
    with pytest.raises(CubeError, match="swir16"):
        flood_optical(image().drop_vars("swir16"))
    wrong = image()
    wrong["green"].attrs["units"] = "1e-4"
    with pytest.raises(CubeError, match="green"):
        flood_optical(wrong)
    with pytest.raises(InsufficientDataError, match="use radar"):
        flood_optical(image(scl=np.full(SHAPE, 9.0, "float32"))).compute()


@pytest.mark.realdata
def test_labelled_water_in_spain(shared_data):
    """The whole indicator on a real chip, defaults untouched: IoU with the hand label over 0.7."""
    folder = shared_data / "flood" / "sen1floods11"
    with rasterio.open(folder / "Spain_7370579_S2Hand.tif") as raster:
        bands = raster.read([2, 3, 4, 8, 12, 13]).astype("float32") / 10_000
        grid = GeoBox(raster.shape, raster.transform, "EPSG:4326")
    with rasterio.open(folder / "Spain_7370579_LabelHand.tif") as raster:
        label = raster.read(1)
    coords = xr_coords(grid)
    scene = xr.Dataset(
        {
            name: describe(name, xr.DataArray(band, dims=tuple(coords)[:2], coords=coords))
            for name, band in zip(LAND, bands, strict=True)
        }
    ).rename(dict(zip(tuple(coords)[:2], ("y", "x"), strict=True)))
    state = flood_optical(scene, partly=0.0)["state"].values
    found = np.isin(state, (State.EVENT, State.REFERENCE))
    assert confusion(found, label == 1, label >= 0).iou > 0.70


def test_dark_slopes_that_turn_from_a_low_sun_are_excluded_and_the_plain_is_not():
    """Sun at 30 degrees in the south: water on the plain stays, on the north slope of a hill of
    12 degrees it may be shadow; without the sun's place the slope is not judged by it."""
    north = np.arange(SHAPE[0])[:, None] * np.ones(SHAPE)
    height = np.where(north < 30, np.tan(np.radians(12)) * 20 * north, 0).astype("float32")
    hill, plain = np.s_[5:15, 10:40], np.s_[40:50, 10:40]
    wet = np.zeros(SHAPE, bool)
    wet[hill] = wet[plain] = True
    after, terrain = image(wet), cube(elevation=height)
    assert (flood_optical(after, terrain=terrain)["state"].values[hill] == State.EVENT).all()
    after.attrs |= {"sun_azimuth": 180.0, "sun_elevation": 30.0}
    out = flood_optical(after, terrain=terrain)
    assert (out["state"].values[hill] == State.EXCLUDED).all()
    assert (out["exclusion"].values[hill] == Exclusion.TERRAIN_SHADOW).all()
    assert (out["state"].values[plain] == State.EVENT).all()
    after.attrs["sun_azimuth"] = 0.0
    lit = flood_optical(after, terrain=terrain)
    assert not (lit["exclusion"].values & Exclusion.TERRAIN_SHADOW).any()
