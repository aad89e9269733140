"""A product in memory."""

import dask
import numpy as np
import pytest
import xarray as xr
from odc.geo.xr import xr_coords
from rasterio.errors import RasterioIOError

from reliefscope.errors import CubeError, InsufficientDataError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.cube import Advisory, describe
from reliefscope.products import layers as module
from reliefscope.products.layers import compute_layers, inside
from tests.products.scene import (
    COLUMNS,
    GRID,
    ROWS,
    layer,
    lonlat,
    make_dataset,
    make_product,
    pixels,
)


def test_layers_are_what_the_product_says():
    """Codes, flags and thresholds arrive unchanged, in their types."""
    got = compute_layers(make_product())
    assert got.state.dtype == np.uint8
    assert got.exclusion.dtype == np.uint16
    assert np.bincount(got.state.ravel())[[0, 1, 2, 3, 255]].tolist() == [
        ROWS * n for n in (39, 10, 5, 5, 5)
    ]
    assert got.advisory == Advisory.SINGLE_POLARISATION
    assert got.scalars["threshold_vv_db"] == -15.25
    assert got.background_name == "vv_db"
    assert np.isnan(got.background[:, 20:25]).all()


def test_blocks_are_computed_once():
    """One pass: however many layers share a block, it is made once."""
    calls = []

    def block(values):
        calls.append(1)
        return values

    data = make_dataset()
    source = data["state"].data.map_blocks(block, dtype="uint8", meta=np.empty((0, 0), "uint8"))
    data["state"] = describe("state", data["state"].copy(data=source))
    data["likelihood"] = describe("likelihood", data["likelihood"].copy(data=source * 0))
    calls.clear()
    compute_layers(make_product(data=data))
    assert len(calls) == source.npartitions


def test_without_lazy_arrays_and_without_optional_layers():
    """A product of plain numpy with only a state has no likelihood and no reasons."""
    data = xr.Dataset({"state": layer("state", np.ones((ROWS, COLUMNS), np.uint8))})
    got = compute_layers(make_product(data=data))
    assert (got.likelihood == 255).all()
    assert (got.exclusion == 0).all()
    assert got.background is None


def test_terrain_is_the_background_where_there_is_no_image():
    """A plane that rises to the south-east faces the light from the north-west: brighter."""
    x, y = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    data = make_dataset().drop_vars("vv_db")
    shades = []
    for slope in (10.0, 0.0, -10.0):
        plane = layer("elevation", (slope * (x + y)).astype("float32"))
        images = {"terrain": xr.Dataset({"elevation": plane})}
        shades.append(compute_layers(make_product(data=data, images=images)).background.mean())
    assert shades[0] > shades[1] > shades[2]
    assert shades[1] == pytest.approx(np.sqrt(0.5), rel=1e-6)


def test_a_large_grid_gets_a_coarser_background(monkeypatch):
    """The picture for orientation is thinned by a whole factor, the state is not."""
    monkeypatch.setattr(module, "_BACKGROUND_SIDE", 30)
    got = compute_layers(make_product())
    assert got.background.shape == (16, 22)
    assert got.state.shape == (ROWS, COLUMNS)


def test_the_area_is_drawn_by_pixel_centres():
    """A rectangle over 5 x 7 pixels takes these; a speck smaller than a pixel takes one."""
    mask = inside(Area.from_geometry(lonlat(pixels(3, 8, 10, 17))), GRID)
    assert np.argwhere(mask).min(axis=0).tolist() == [3, 10]
    assert mask.sum() == 35
    speck = inside(Area.from_geometry(lonlat(pixels(3.1, 3.2, 10.1, 10.2))), GRID)
    assert np.argwhere(speck).tolist() == [[3, 10]]


def test_no_state_or_another_grid_is_an_error():
    """A product must state every pixel of its own grid."""
    with pytest.raises(CubeError, match="no 'state'"):
        compute_layers(make_product(data=make_dataset().drop_vars("state")))
    with pytest.raises(CubeError, match="the product's grid is"):
        compute_layers(make_product(data=make_dataset().isel(y=slice(0, 10))))


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (InsufficientDataError("too little", observed_fraction=0.01), InsufficientDataError),
        (RasterioIOError("gone"), UnavailableError),
    ],
)
def test_errors_while_computing_keep_their_meaning(raised, seen):
    """Too little data stays that; an input that went away is said to be unavailable."""

    def block(_):
        raise raised

    data = make_dataset()
    broken = data["state"].data.map_blocks(block, dtype="uint8", meta=np.empty((0, 0), "uint8"))
    data["state"] = data["state"].copy(data=broken)
    with dask.config.set(scheduler="synchronous"), pytest.raises(seen):
        compute_layers(make_product(data=data))


def test_depth_is_kept_as_a_measure():
    """Quantities beside the state are carried as float32."""
    data = make_dataset()
    depth = np.full((ROWS, COLUMNS), 1.5, np.float64)
    coords = xr_coords(GRID, dims=("y", "x"))
    data["depth_m"] = describe("depth_m", xr.DataArray(depth, dims=("y", "x"), coords=coords))
    got = compute_layers(make_product(data=data))
    assert got.measures["depth_m"].dtype == np.float32
