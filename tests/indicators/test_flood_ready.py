"""Products of others in our codes: nothing they did not say is made up."""

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.windows import Window

from reliefscope.errors import CubeError
from reliefscope.indicators.flood_ready import flood_ready
from reliefscope.model.cube import Advisory, Exclusion, State, describe

GRID = GeoBox.from_bbox((500_000, 4_400_000, 501_200, 4_401_200), "EPSG:32629", shape=(1, 12))


def cube(**layers):
    arrays = {n: np.atleast_2d(np.asarray(v)) for n, v in layers.items()}
    shape = next(iter(arrays.values())).shape
    coords = xr_coords(GRID.zoom_to(shape), dims=("y", "x"))
    return xr.Dataset(
        {n: describe(n, xr.DataArray(v, dims=("y", "x"), coords=coords)) for n, v in arrays.items()}
    )


def test_gfm_says_flood_dry_excluded_reference_and_unseen():
    """Each combination of its layers has one meaning; excluded ones carry no flood label."""
    out = flood_ready(
        cube(
            gfm_flood=np.uint8([0, 1, 255, 255, 255, 255, 1, 255]),
            gfm_exclusion=np.uint8([0, 0, 1, 0, 0, 255, 0, 255]),
            gfm_reference_water=np.uint8([0, 0, 0, 1, 2, 1, 1, 0]),
            gfm_likelihood=np.uint8([3, 97, 255, 255, 255, 255, 80, 255]),
        )
    )
    assert out["state"].values[0].tolist() == [
        State.NO_EVENT,
        State.EVENT,
        State.EXCLUDED,
        State.REFERENCE,
        State.REFERENCE,
        State.NOT_OBSERVED,
        State.EVENT,
        State.NOT_OBSERVED,
    ]
    assert out["likelihood"].values[0].tolist() == [3, 97, 255, 255, 255, 255, 80, 255]
    reasons = out["exclusion"].values[0]
    assert reasons[2] == Exclusion.AMBIGUOUS
    assert reasons[5] == reasons[7] == Exclusion.LOW_COVERAGE
    assert (reasons[[0, 1, 3, 4, 6]] == 0).all()


def test_gfm_advisories_are_passed_on():
    """Rough water and low backscatter, where they cover a share of the scene that matters."""
    flags = np.uint8([3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    out = flood_ready(cube(gfm_flood=np.zeros(12, "uint8"), gfm_advisory=flags))
    assert Advisory(int(out["advisory"])) == Advisory.ROUGH_WATER | Advisory.LOW_CONTRAST


CODES = np.uint8([0, 1, 1, 1, 250, 251, 252, 253, 254, 255, 0, 1])
EARLIER = np.uint8([0, 0, 1, 255, 0, 0, 0, 0, 0, 0, 255, 253])


def test_dswx_water_is_flood_only_where_it_was_dry_before():
    """Wet now and dry before is flood; wet both is reference; unknown before cannot be told."""
    out = flood_ready(cube(dswx_wtr=CODES), cube(dswx_wtr=EARLIER))
    assert out["state"].values[0].tolist() == [
        State.NO_EVENT,
        State.EVENT,
        State.REFERENCE,
        State.EXCLUDED,
        State.EXCLUDED,
        State.EXCLUDED,
        State.EXCLUDED,
        State.NOT_OBSERVED,
        State.REFERENCE,
        State.NOT_OBSERVED,
        State.NO_EVENT,
        State.EXCLUDED,
    ]
    reasons = out["exclusion"].values[0]
    assert reasons[4:7].tolist() == [
        Exclusion.STEEP_TERRAIN,
        Exclusion.LAYOVER_SHADOW,
        Exclusion.AMBIGUOUS,
    ]
    assert reasons[3] == reasons[11] == Exclusion.LOW_COVERAGE
    assert (out["likelihood"] == 255).all()


def test_the_water_of_other_years_stands_in_for_an_image_before():
    """With a map of seasonality, all water now is either flood or known."""
    months = np.float32([0, 0, 12, 3, 0, 0, 0, 0, 0, 0, 0, 11])
    out = flood_ready(cube(dswx_bwtr=CODES), None, cube(water_seasonality=months))
    state = out["state"].values[0]
    assert state[[1, 3]].tolist() == [State.EVENT] * 2
    assert state[[2, 11]].tolist() == [State.REFERENCE] * 2
    assert Advisory.NO_REFERENCE_WATER not in Advisory(int(out["advisory"]))


def test_without_anything_before_water_is_not_called_flood():
    """DSWx alone maps water; that nobody knows what was there is an advisory."""
    out = flood_ready(cube(dswx_bwtr=CODES))
    assert not (out["state"] == State.EVENT).any()
    assert Advisory.NO_REFERENCE_WATER in Advisory(int(out["advisory"]))


def test_several_dates_before_count_together():
    """Water on any of them was there before; one that saw the ground is enough to tell."""
    times = np.array(["2030-04-01", "2030-04-13"], "datetime64[ns]")
    dates = [cube(dswx_wtr=np.uint8([255, 1, 0])), cube(dswx_wtr=np.uint8([0, 0, 255]))]
    before = xr.concat(dates, xr.DataArray(times, dims="time"))
    out = flood_ready(cube(dswx_wtr=np.uint8([1, 1, 1])), before)
    assert out["state"].values[0].tolist() == [State.EVENT, State.REFERENCE, State.EVENT]


def test_lazy_stays_lazy():
    """Nothing is computed while it is set up."""

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    lazy = {"x": 5}
    with dask.config.set(scheduler=refuse):
        out = flood_ready(cube(dswx_wtr=CODES).chunk(lazy), cube(dswx_wtr=EARLIER).chunk(lazy))
        ready = flood_ready(cube(gfm_flood=CODES).chunk(lazy))
    now = flood_ready(cube(dswx_wtr=CODES), cube(dswx_wtr=EARLIER))
    np.testing.assert_array_equal(out["state"].compute(), now["state"])
    assert ready["state"].compute().shape == (1, 12)


def test_other_products_are_refused():
    """A cube with neither product, and products on two grids."""
    with pytest.raises(CubeError, match="dswx_wtr or dswx_bwtr"):
        flood_ready(cube(gfm_likelihood=CODES))
    with pytest.raises(CubeError, match="different grids"):
        flood_ready(cube(dswx_wtr=CODES), cube(dswx_wtr=CODES[:6]))


def _dswx(folder, date):
    (path,) = folder.glob(f"*_{date}T*_BWTR.tif")
    with rasterio.open(path) as raster:
        grid = GeoBox(raster.shape, raster.transform, raster.crs.to_wkt())
        values = raster.read(1)
    array = xr.DataArray(values, dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")))
    return xr.Dataset({"dswx_bwtr": describe("dswx_bwtr", array)})


@pytest.mark.realdata
def test_new_water_in_viet_nam(shared_data):
    """OPERA DSWx-S1, 7 to 15 October 2023: 71.4 km2 of new water on the 49 % of the tile that both
    dates can tell."""
    folder = shared_data / "flood" / "opera_dswx_s1_vietnam"
    before, after = _dswx(folder, "20231007"), _dswx(folder, "20231015")
    state = flood_ready(after, before)["state"].values
    told = np.isin(state, (State.NO_EVENT, State.EVENT, State.REFERENCE))
    both = told & np.isin(before["dswx_bwtr"].values, (0, 1))
    assert both.mean() == pytest.approx(0.49, abs=0.01)
    assert (state[both] == State.EVENT).sum() * 900 / 1e6 == pytest.approx(71.4, abs=0.1)
    assert not (state[~both] == State.EVENT).any()


_AROUND = Window(3300, 1000, 2700, 4000)
"""The part of the tile that holds all of its flood, and of everything else some."""


@pytest.mark.realdata
def test_a_flood_of_gfm_on_the_costa_blanca(shared_data):
    """Its 534 flooded pixels are ours, its excluded and sea pixels are neither dry nor unseen."""
    folder = shared_data / "flood" / "gfm_costablanca"
    names = {
        "gfm_flood": "ENSEMBLE_FLOOD",
        "gfm_exclusion": "ENSEMBLE_EXCLAYER",
        "gfm_water": "ENSEMBLE_OBSWATER",
        "gfm_advisory": "ADVFLAG",
    }
    layers = {}
    for name, part in names.items():
        (path,) = folder.glob(f"*_{part}_*.tif")
        with rasterio.open(path) as raster:
            layers[name] = raster.read(1, window=_AROUND)
            if name == "gfm_flood":
                assert (raster.read(1) == 1).sum() == (layers[name] == 1).sum()
    out = flood_ready(cube(**layers))
    state = out["state"].values
    assert (state == State.EVENT).sum() == (layers["gfm_flood"] == 1).sum() == 534
    unseen = layers["gfm_exclusion"] == 255
    assert unseen.sum() > 500_000
    np.testing.assert_array_equal(state == State.NOT_OBSERVED, unseen)
    sea = (layers["gfm_water"] == 1) & (layers["gfm_flood"] != 1)
    assert (state[sea] == State.REFERENCE).all()
    excluded = (layers["gfm_exclusion"] == 1) & ~sea & (layers["gfm_flood"] != 1)
    assert (state[excluded] == State.EXCLUDED).all()
