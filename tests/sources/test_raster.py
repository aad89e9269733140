import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox

from reliefscope.errors import CubeError, IntegrityError, NothingFoundError, UnavailableError
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._raster import load_granules, read_header
from tests.scenes import EPSG, NORTH, WEST, WHEN, lonlat_bounds, write_raster

GRID = GeoBox.from_bbox((WEST, NORTH - 80, WEST + 80, NORTH), crs=f"EPSG:{EPSG}", shape=(8, 8))


def _granule(path, *, variable="vv", when=WHEN, name="g", **asset):
    return Granule(
        id=name,
        source="test",
        collection="c",
        acquired=when,
        footprint=shapely.box(*lonlat_bounds(path)),
        assets={variable: Asset(href=str(path), **{"units": "1", **asset})},
    )


def test_aligned_pixels_arrive_unchanged_and_gaps_stay_gaps(tmp_path):
    """On its own grid a raster is read to the letter, lazily; NaN stays NaN."""
    values = np.linspace(0.01, 0.64, 64, dtype="float32").reshape(8, 8)
    values[2, 3] = np.nan
    cube = load_granules([_granule(write_raster(tmp_path / "a.tif", values))], GRID, ["vv"])
    assert cube["vv"].chunks is not None
    assert cube["vv"].dims == ("time", "y", "x")
    assert cube["vv"].attrs["units"] == "1"
    np.testing.assert_array_equal(cube["vv"].isel(time=0), values)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_nodata_becomes_nan_before_scale_and_offset(tmp_path, dtype):
    """A scaled integer band: stored 0 is nodata, the rest is scale * value + offset."""
    stored = np.full((8, 8), 5000, dtype)
    stored[0, 0] = 0
    path = write_raster(tmp_path / "b.tif", stored, nodata=0)
    granule = _granule(path, variable="red", scale=1e-4, offset=-0.1)
    red = load_granules([granule], GRID, ["red"])["red"].isel(time=0).to_numpy()
    assert np.isnan(red[0, 0])
    np.testing.assert_allclose(red[1:], 0.4, rtol=1e-5)


def test_second_band_of_a_file_is_read(tmp_path):
    """Two polarisations in one file, told apart by band number."""
    path = write_raster(
        tmp_path / "two.tif", np.full((8, 8), 0.1, "f4"), np.full((8, 8), 0.02, "f4")
    )
    cube = load_granules([_granule(path, variable="vh", band=2)], GRID, ["vh"])
    np.testing.assert_allclose(cube["vh"], 0.02, rtol=1e-6)


def test_slices_of_one_pass_are_mosaicked_and_gaps_filled(tmp_path):
    """Two half scenes of one pass make one whole; what neither saw is NaN."""
    left, right = np.full((2, 8, 8), np.nan, "float32")
    left[:, :4], right[:, 3:7] = 0.1, 0.3
    granules = [
        _granule(write_raster(tmp_path / f"{n}.tif", v), name=n)
        for n, v in (("a", left), ("b", right))
    ]
    vv = load_granules(granules, GRID, ["vv"])["vv"]
    assert vv.sizes["time"] == 1
    row = vv.isel(time=0, y=0).to_numpy()
    np.testing.assert_allclose(row, [0.1] * 4 + [0.3] * 3 + [np.nan], rtol=1e-6)


def test_outside_the_image_is_not_observed(tmp_path):
    """A scene that covers half the grid leaves the other half NaN, not zero."""
    path = write_raster(tmp_path / "half.tif", np.full((8, 4), 0.1, "f4"), nodata=None)
    vv = load_granules([_granule(path)], GRID, ["vv"])["vv"].isel(time=0).to_numpy()
    assert np.isnan(vv[:, 4:]).all()
    assert np.isfinite(vv[:, :4]).all()


def test_coarser_grids_average_power_but_never_classes(tmp_path):
    """0.1 and 0.3 average to 0.2; classes 10 and 60 never become 35."""
    board = np.indices((8, 8)).sum(axis=0) % 2
    coarse = GeoBox.from_bbox(
        (WEST, NORTH - 80, WEST + 80, NORTH), crs=f"EPSG:{EPSG}", shape=(4, 4)
    )
    power = write_raster(tmp_path / "p.tif", np.where(board, 0.3, 0.1).astype("f4"))
    classes = write_raster(tmp_path / "c.tif", np.where(board, 60, 10).astype("u1"), nodata=0)
    vv = load_granules([_granule(power)], coarse, ["vv"])["vv"]
    np.testing.assert_allclose(vv, 0.2, rtol=1e-5)
    granule = _granule(classes, variable="land_cover", when=None)
    cover = load_granules([granule], coarse, ["land_cover"])["land_cover"]
    assert cover.dims == ("y", "x")
    assert set(np.unique(cover)) <= {10, 60}


def test_raster_without_crs_is_refused(tmp_path):
    """Nobody knows where on earth it lies."""
    path = write_raster(tmp_path / "n.tif", np.ones((8, 8), "f4"), epsg=None)
    with pytest.raises(CubeError, match="has no CRS"):
        read_header(str(path))


def test_error_page_instead_of_a_raster_is_told_apart_from_a_failing_server(tmp_path):
    """HTML in a .tif is an integrity error; a server that refuses connections is unavailable."""
    page = tmp_path / "x.tif"
    page.write_text("<html>503</html>", encoding="utf-8")
    with pytest.raises(IntegrityError):
        read_header(str(page))
    with pytest.raises(IntegrityError):
        read_header(str(tmp_path / "absent.tif"))
    with pytest.raises(UnavailableError, match="try again"):
        read_header("http://127.0.0.1:9/x.tif")


def test_missing_band_and_missing_variable_are_named(tmp_path):
    """The message says how many bands there are, and what the granules hold."""
    path = write_raster(tmp_path / "one.tif", np.ones((8, 8), "f4"))
    with pytest.raises(CubeError, match="has 1 band"):
        read_header(str(path), 2)
    with pytest.raises(NothingFoundError, match=r"hold \['vv'\]"):
        load_granules([_granule(path)], GRID, ["vh"])
