import numpy as np
import odc.geo.xr
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import CubeError
from reliefscope.indicators._flood import layers
from reliefscope.model.cube import describe
from reliefscope.numerics import terrain as relief

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
    got = layers.reference_water(cube(name, values), 10, None).to_numpy().ravel()
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


def months(values):
    """Recurrence of each month of the year."""
    planes = [cube("water_monthly_recurrence", np.full(24, v, float)) for v in values]
    return xr.concat(planes, dim="month", coords="minimal", compat="override").assign_coords(
        month=np.arange(1, 13)
    )


def test_water_of_every_other_year_in_this_month_is_seasonal():
    """Half of the years in May and not in April; permanent water stays permanent."""
    water = months([0, 0, 0, 49, 50, 100, 0, 0, 0, 0, 0, 0])
    codes = [int(layers.reference_water(water, 10, m)[0, 0]) for m in (4, 5, 6, 7)]
    assert codes == [0, layers.SEASONAL, layers.SEASONAL, 0]
    values = np.zeros(24)
    values[0] = 12
    both = water.assign(water_seasonality=cube("water_seasonality", values)["water_seasonality"])
    got = layers.reference_water(both, 10, 5).to_numpy().ravel()
    assert got[:2].tolist() == [layers.PERMANENT, layers.SEASONAL]


def test_without_a_month_the_seasonality_counts_alone():
    """And where there is none, the caller is told to choose the month."""
    water = months([100] * 12)
    both = water.assign(
        water_seasonality=cube("water_seasonality", np.zeros(24))["water_seasonality"]
    )
    assert not layers.reference_water(both, 10, None).any()
    with pytest.raises(CubeError, match="no time"):
        layers.reference_water(water, 10, None)
    one = water.sel(month=5, drop=True)
    assert (layers.reference_water(one, 10, None) == layers.SEASONAL).all()


def test_equal_scales_are_one_filter():
    """As wide at edges as elsewhere: a plain mean, and not a division of nothing by nothing."""
    speckle = layers.speckle_filter(10, 10, (10, 10))
    flat = layers.encoded(cube("vv", np.full(24, 0.1)), speckle, "after")["vv"]
    assert (flat == -1000).all()


def test_a_divide_on_flat_ground_is_not_steep():
    """Two rivers, one ten metres above the other, on a plain that tilts by half a degree.

    Peer defect: slope taken from the height above drainage, which jumps at the divide where the
    ground does not. By the ground alone water may stand there.
    """
    side = 80
    grid = GeoBox.from_bbox(
        (5e5, 4e6, 5e5 + 30 * side, 4e6 + 30 * side), "EPSG:32633", shape=(side, side)
    )
    column = np.arange(side) * np.ones((side, 1))
    ground = (100 + 0.25 * column).astype("float32")
    rivers = np.isin(column, (0, 40))
    height = xr.Dataset({"elevation": describe("elevation", odc.geo.xr.wrap_xr(ground, grid))})
    hand = relief.hand(ground, dx=30, dy=30, water=rivers)
    jump = relief.slope_deg(hand, 30, 30)
    assert np.nanmax(jump) > 3 * relief.slope_deg(ground, 30, 30).max()
    got = layers.plausible(height, None, (30, 30), (7.5, 7.5), (1000, 1)).to_numpy()
    assert (got[:, 30:50] > 50).all()
