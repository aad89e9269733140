import dask
import geopandas as gpd
import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.vrt import WarpedVRT

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.burn_severity import burn_severity
from reliefscope.model.cube import Advisory, BurnSeverity, State, describe
from reliefscope.model.grid import cell_area_m2
from reliefscope.numerics.agreement import confusion

GRID = GeoBox.from_bbox((500_000, 4_400_000, 504_000, 4_404_000), "EPSG:32629", shape=(200, 200))


def _image(burned=None, *, scl=4, cloud=None):
    """Green land; inside ``burned`` black land; clouds where told."""
    shape = tuple(GRID.shape)
    bands = {
        "nir08": np.full(shape, 0.32, "float32"),
        "swir22": np.full(shape, 0.08, "float32"),
        "red": np.full(shape, 0.04, "float32"),
        "scl": np.full(shape, scl, "float32"),
    }
    if burned is not None:
        bands["nir08"][burned], bands["swir22"][burned], bands["red"][burned] = 0.10, 0.20, 0.06
    if cloud is not None:
        bands["scl"][cloud] = 9
        for name in ("nir08", "swir22", "red"):
            bands[name][cloud] = 0.6
    coords = xr_coords(GRID, dims=("y", "x"))
    return xr.Dataset(
        {
            name: describe(name, xr.DataArray(values, dims=("y", "x"), coords=coords))
            for name, values in bands.items()
        }
    )


FIRE = (slice(60, 120), slice(60, 140))
CLOUD = (slice(90, 110), slice(100, 180))


def test_a_fire_is_mapped_and_what_a_cloud_hides_is_not_observed():
    """60 x 80 pixels burned with high severity; under the cloud neither burned nor unburned."""
    out = burn_severity(_image(FIRE, cloud=CLOUD), _image())
    state = out["state"].values
    assert (state[CLOUD] == State.NOT_OBSERVED).all()
    burned = np.zeros(state.shape, bool)
    burned[FIRE] = True
    hidden = np.zeros(state.shape, bool)
    hidden[CLOUD] = True
    assert ((state == State.EVENT) == (burned & ~hidden)).all()
    assert (out["burn_severity"].values[burned & ~hidden] == BurnSeverity.HIGH).all()
    assert (out["burn_severity"].values[~burned & ~hidden] == BurnSeverity.UNBURNED).all()
    assert (out["likelihood"].values[hidden] == 255).all()
    assert (out["likelihood"].values[burned & ~hidden] == 100).all()
    assert float(out["dnbr"][70, 70]) == pytest.approx(1000 * (0.6 + 1 / 3), abs=0.1)
    assert int(out["advisory"]) == 0


def test_several_dates_fill_each_others_clouds():
    """A second image after, clear where the first is not, leaves nothing unseen."""
    dates = xr.concat([_image(FIRE, cloud=CLOUD), _image(FIRE)], "time")
    out = burn_severity(dates, _image())
    assert (out["state"] != State.NOT_OBSERVED).all()


def test_permanent_water_is_reference():
    """A lake that dried up is no fire."""
    water = _image()[["scl"]].rename(scl="water_seasonality") * 0
    water["water_seasonality"][0:20, 0:20] = 12
    water["water_seasonality"].attrs["units"] = "month"
    out = burn_severity(_image((slice(0, 20), slice(0, 20))), _image(), water)
    assert (out["state"][0:20, 0:20] == State.REFERENCE).all()


def test_too_much_cloud_is_insufficient_data():
    """The share seen is said; nothing is mapped."""
    with pytest.raises(InsufficientDataError) as caught:
        burn_severity(_image(FIRE, scl=9), _image())
    assert caught.value.observed_fraction == 0


def test_bare_land_carries_a_flag():
    """Without unburned vegetation to compare with, the season may pass for fire."""
    bare = _image((slice(None), slice(None)))
    out = burn_severity(bare, bare)
    assert Advisory(int(out["advisory"])) == Advisory.NO_UNBURNED_REFERENCE


def test_lazy_blocks_give_the_same_answer():
    """Nothing is computed until asked, and blocks change nothing."""

    def refuse(*_, **__):
        raise AssertionError

    after, before = _image(FIRE, cloud=CLOUD), _image()
    whole = burn_severity(after, before)
    with dask.config.set(scheduler=refuse):
        lazy = burn_severity(after.chunk(y=64, x=50), before.chunk(y=64, x=50))
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i.drop_vars("swir22"), "needs swir22"),
        (lambda i: i.isel(x=slice(0, 50)), "different grids"),
        (lambda i: i.assign(nir08=i["nir08"].assign_attrs(units="percent")), "percent"),
    ],
)
def test_cubes_that_do_not_fit_are_refused(change, message):
    """Missing bands, other grids and other units are named."""
    with pytest.raises(CubeError, match=message):
        burn_severity(_image(FIRE), change(_image()))


@pytest.mark.realdata
def test_areas_of_an_official_burn_severity_map(shared_data):
    """Fire K52318: our true pixel areas give the published hectares of each class and perimeter."""
    folder = shared_data / "fire" / "bc_k52318"
    maps = folder / "example_output" / "output" / "S2" / "K52318" / "barc"
    with rasterio.open(maps / "BARC_K52318_20220807_20230827_S2_clip.tif") as raster:
        codes = raster.read(1)
        grid = GeoBox(raster.shape, raster.transform, raster.crs.to_wkt())
    hectares = cell_area_m2(grid) / 1e4
    found = [float(hectares[codes == code].sum()) for code in (1, 2, 3, 4)]
    assert found == pytest.approx([1288.7, 4109.1, 7517.4, 842.2], rel=1e-4)
    perimeter = gpd.read_file(folder / "test" / "vectors" / "K52318_Aug28.shp")
    area = perimeter.to_crs("EPSG:6933").area.sum() / 1e4
    assert area == pytest.approx(13_756.8, rel=1e-4)


@pytest.mark.realdata
def test_two_products_of_one_fire_agree_as_published(shared_data):
    """Pedrogao 2017: 100 m burned area against MODIS MCD64A1: 50,297 ha in the same box, 0.89."""
    folder = shared_data / "fire"
    with rasterio.open(folder / "pedrogao2017_firehr" / "ba100m_PT2017_1.tif") as fine:
        burned = fine.read(1) > 0
        grid = GeoBox(fine.shape, fine.transform, fine.crs.to_wkt())
    coarse = np.zeros(burned.shape, bool)
    for path in sorted((folder / "portugal_mcd64a1_2017").glob("*_152.tif")):
        with (
            rasterio.open(path) as raster,
            WarpedVRT(
                raster,
                crs=fine.crs,
                transform=fine.transform,
                width=fine.width,
                height=fine.height,
            ) as aligned,
        ):
            coarse |= aligned.read(1) > 0
    everywhere = np.ones(burned.shape, bool)
    assert confusion(burned, coarse, everywhere).iou == pytest.approx(0.89, abs=0.01)
    hectares = cell_area_m2(grid) / 1e4
    assert float(hectares[coarse].sum()) == pytest.approx(50_297, rel=0.01)
