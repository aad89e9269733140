import numpy as np
import odc.geo.xr
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.indicators.flood_sar import layers
from reliefscope.model.cube import describe

GRID = GeoBox.from_bbox((5e5, 4e6, 5e5 + 60, 4e6 + 40), crs="EPSG:32633", shape=(4, 6))


def cube(name, values):
    array = odc.geo.xr.wrap_xr(np.asarray(values, np.float32).reshape(4, 6), GRID)
    return xr.Dataset({name: describe(name, array)})


def test_coordinates_within_a_hundredth_of_a_pixel_are_the_same_grid():
    """Rounding in a file's transform is forgiven, and the coordinates become the image's."""
    after = cube("vv", np.ones(24))
    shifted = after.assign_coords(x=after["x"] + 0.05)
    np.testing.assert_array_equal(layers.on_grid(shifted, after, "water")["x"], after["x"])


@pytest.mark.parametrize(("name", "limit"), [("water_seasonality", 10), ("water_occurrence", 84)])
def test_permanent_water_starts_at_ten_months(name, limit):
    """10 of 12 months, or 84 % of observations; NaN is not known to be permanent."""
    values = np.zeros(24)
    values[:3] = [limit, limit - 1, np.nan]
    got = layers.permanent(cube(name, values), 10).to_numpy().ravel()
    assert got[:3].tolist() == [1, 0, 0]


def test_unknown_terrain_forbids_nothing():
    """255 where neither slope nor height is known; a half at each limit, the less of both."""
    hand, slope = np.zeros(24), np.zeros(24)
    hand[:4] = [np.nan, 15, 40, np.nan]
    slope[:4] = [np.nan, 0, 0, 10]
    terrain = cube("hand", hand).assign(slope_deg=cube("slope_deg", slope)["slope_deg"])
    got = layers.plausible(terrain, None, (10, 10), (2.5, 2.5), (15, 10)).to_numpy().ravel()
    assert got[:5].tolist() == [255, 50, 0, 50, 100]


def test_land_cover_not_known_is_no_class():
    """NaN becomes code 0, which WorldCover does not use."""
    values = np.full(24, 40)
    values = values.astype(np.float32)
    values[0] = np.nan
    got = layers.land_cover(cube("land_cover", values))
    assert got.dtype == np.uint8
    assert got.to_numpy().ravel()[:2].tolist() == [0, 40]


def test_the_filter_follows_the_size_of_pixels():
    """25 m are 2.5 pixels of 10 m and 1.25 of 20 m; a block needs twice the kernel around it."""
    speckle = layers.speckle_filter(25, 10, (20, 10))
    assert speckle.coarse == (1.25, 2.5)
    assert speckle.fine == (0.5, 1.0)
    assert speckle.halo == (8, 16)


def test_detail_is_never_coarser_than_the_smoothing():
    """A smoothing of 5 m leaves nothing for edges to sharpen."""
    speckle = layers.speckle_filter(5, 10, (10, 10))
    assert speckle.fine == speckle.coarse
    assert speckle.noise == pytest.approx(0)
