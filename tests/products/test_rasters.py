"""The layers as files."""

import dataclasses

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from reliefscope.model.cube import Exclusion, State
from reliefscope.products import rasters
from reliefscope.products.layers import compute_layers
from reliefscope.products.rasters import COLOURS, write_rasters
from tests.products.scene import GRID, LEFT, PIXEL, TOP, make_product

TAGS = {"product_id": "X_v1", "EXERCISE": "yes"}


@pytest.fixture
def layers():
    return compute_layers(make_product())


def test_pixels_and_place_come_back(layers, tmp_path):
    """Each file holds the layer bit for bit, in its type, on the product's grid."""
    paths = write_rasters(layers, tmp_path, TAGS)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "exclusion.tif",
        "likelihood.tif",
        "state.tif",
    ]
    for name, path in paths.items():
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(file.read(1), getattr(layers, name))
            assert file.crs.to_epsg() == 32633
            assert file.transform == GRID.affine
            assert cog_validate(path, strict=True, quiet=True)[0]


def test_files_explain_themselves(layers, tmp_path):
    """Units, meanings of codes, colours, no-data and the product are in the file."""
    paths = write_rasters(layers, tmp_path, TAGS)
    with rasterio.open(paths["state"]) as file:
        assert file.nodata == State.NOT_OBSERVED
        assert file.colormap(1)[1] == COLOURS[State.EVENT]
        assert file.tags(1)["flag_values"] == "0,1,2,3,255"
        assert file.tags(1)["flag_meanings"] == "no_event event reference excluded not_observed"
        assert file.tags()["EXERCISE"] == "yes"
        assert file.tags()["product_id"] == "X_v1"
    with rasterio.open(paths["likelihood"]) as file:
        assert file.nodata == 255
        assert file.tags(1)["units"] == "percent"
    with rasterio.open(paths["exclusion"]) as file:
        assert file.dtypes == ("uint16",)
        assert file.tags(1)["flag_masks"].split(",") == [str(f.value) for f in Exclusion]


def large(state):
    """Return layers of 1100 x 1100 pixels."""
    n = 1100
    grid = GeoBox.from_bbox(
        (LEFT, TOP - n * PIXEL, LEFT + n * PIXEL, TOP), crs="EPSG:32633", shape=(n, n)
    )
    return dataclasses.replace(
        compute_layers(make_product()),
        grid=grid,
        state=state,
        likelihood=np.zeros((n, n), np.uint8),
        exclusion=np.zeros((n, n), np.uint16),
    )


def test_overviews_hold_classes_only(tmp_path):
    """Smaller copies take the class that prevails; no code appears that is no class."""
    random = np.random.default_rng(3)
    state = random.choice([0, 1, 2, 3, 255], size=(1100, 1100)).astype(np.uint8)
    state[:512, :512] = State.REFERENCE
    path = write_rasters(large(state), tmp_path, TAGS)["state"]
    with rasterio.open(path, overview_level=0) as file:
        small = file.read(1)
    assert small.shape == (550, 550)
    assert set(np.unique(small)) <= {s.value for s in State}
    assert (small[:256, :256] == State.REFERENCE).all()


def test_what_was_not_observed_does_not_shrink_in_overviews(tmp_path):
    """Three pixels not observed and one dry: seen from afar, not observed."""
    state = np.full((1100, 1100), State.NOT_OBSERVED, np.uint8)
    state[::2, ::2] = State.NO_EVENT
    path = write_rasters(large(state), tmp_path, TAGS)["state"]
    with rasterio.open(path, overview_level=0) as file:
        assert (file.read(1) == State.NOT_OBSERVED).all()
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2, 4]
        assert file.nodata == State.NOT_OBSERVED


def test_a_file_that_did_not_take_the_pixels_is_noticed(layers, tmp_path, monkeypatch):
    """What is read back must be what was written, or it is an error of the disk."""
    monkeypatch.setattr(rasters, "_write", lambda path, array, *_: _spoilt(path, array))
    with pytest.raises(OSError, match="does not hold"):
        write_rasters(layers, tmp_path, TAGS)


def _spoilt(path, array):
    other = array.copy()
    other[5, 5] += 1
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=array.shape[1],
        height=array.shape[0],
        count=1,
        dtype=array.dtype,
        crs="EPSG:32633",
        transform=GRID.affine,
    ) as file:
        file.write(other, 1)


def test_measures_are_floats_with_nan(layers, tmp_path):
    """Depth keeps its values, and NaN where it is not known."""
    depth = np.full(layers.state.shape, 1.25, np.float32)
    depth[0, :3] = np.nan
    with_depth = dataclasses.replace(layers, measures={"depth_m": depth})
    path = write_rasters(with_depth, tmp_path, TAGS)["depth_m"]
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), depth)
        assert np.isnan(file.nodata)
        assert file.tags(1)["units"] == "m"
