import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import reconstruction

from reliefscope.errors import InputError
from reliefscope.numerics import _flow, terrain

DX, DY = 30.0, 20.0


def axes(rows, columns):
    """Metres east and north of the centre of each cell."""
    x = (np.arange(columns) - (columns - 1) / 2) * DX
    y = ((rows - 1) / 2 - np.arange(rows)) * DY
    return np.meshgrid(x, y)


def plane(angle_deg, azimuth_deg, rows=12, columns=11):
    """Ground that rises by ``angle_deg`` towards ``azimuth_deg`` (clockwise from north)."""
    x, y = axes(rows, columns)
    a = np.radians(azimuth_deg)
    return np.tan(np.radians(angle_deg)) * (x * np.sin(a) + y * np.cos(a)) + 500


def rough(seed, rows=60, columns=70, smooth=2):
    """Hills with many pits."""
    noise = np.random.default_rng(seed).standard_normal((rows, columns))
    return (ndimage.gaussian_filter(noise, smooth) * 100).astype("float32")


@pytest.mark.parametrize("azimuth", range(0, 360, 15))
@pytest.mark.parametrize("angle", [0, 0.5, 10, 45, 80])
def test_slope_of_a_plane_is_its_angle_whatever_way_it_faces(angle, azimuth):
    """On a plane the fit is exact, at edges and corners too, with oblong cells."""
    np.testing.assert_allclose(terrain.slope_deg(plane(angle, azimuth), DX, DY), angle, atol=2e-3)


def test_slope_of_a_cone_is_the_same_all_around():
    """The operator favours no direction: a cone of 20 degrees is 20 degrees in every azimuth."""
    x, y = np.meshgrid(np.arange(-100, 101), np.arange(-100, 101))
    r = np.hypot(x, y)
    slope = terrain.slope_deg(-np.tan(np.radians(20)) * r * 10, 10, 10)
    ring = (r > 50) & (r < 95)
    assert np.abs(slope[ring] - 20).max() < 0.01


def test_slope_beside_gaps_is_exact_and_in_gaps_unknown():
    """A missing cell makes itself NaN and leaves its neighbours on the plane right, not flat."""
    z = plane(15, 70, rows=20, columns=20)
    z[5, 6] = z[12, 3] = z[12, 4] = z[0, 19] = np.nan
    slope = terrain.slope_deg(z, DX, DY)
    np.testing.assert_array_equal(np.isnan(slope), np.isnan(z))
    np.testing.assert_allclose(slope[~np.isnan(z)], 15, atol=1e-3)


@pytest.mark.parametrize("keep", [np.s_[2:3, 2:3], np.s_[2:3, 1:4]])
def test_slope_is_unknown_where_neighbours_span_no_plane(keep):
    """One cell, or three in a line, say nothing of the slope: NaN, never 0."""
    z = np.full((5, 5), np.nan)
    z[keep] = 7.0
    assert np.isnan(terrain.slope_deg(z, DX, DY)).all()


def test_gradient_points_east_and_north():
    """Ground rising 1 in 10 to the east and falling 1 in 5 to the north says so."""
    x, y = axes(6, 7)
    east, north = terrain.gradient(0.1 * x - 0.2 * y, DX, DY)
    np.testing.assert_allclose(east, 0.1, rtol=1e-5)
    np.testing.assert_allclose(north, -0.2, rtol=1e-5)


@pytest.mark.parametrize(
    ("facing", "angle", "layover", "shadow"),
    [
        (90, 40, True, False),
        (90, 38, False, False),
        (270, 52, False, True),
        (270, 50, False, False),
        (0, 70, False, False),
    ],
)
def test_layover_and_shadow_start_where_geometry_says(facing, angle, layover, shadow):
    """Looking east at 39 degrees: layover above 39 degrees facing west, shadow above 51 away."""
    masks = terrain.shadow_layover(
        plane(angle, facing), DX, DY, incidence_deg=39, look_azimuth_deg=90
    )
    assert (masks.layover == layover).all()
    assert (masks.shadow == shadow).all()


def test_unknown_ground_is_neither_layover_nor_shadow():
    """Where the slope is unknown nothing is claimed."""
    masks = terrain.shadow_layover(
        np.full((4, 4), np.nan), DX, DY, incidence_deg=39, look_azimuth_deg=90
    )
    assert not masks.layover.any()
    assert not masks.shadow.any()


def valley(rows=81, columns=81, across=0.1, along=0.01):
    """A straight valley along the columns, falling south, with its river in the middle."""
    x, y = axes(rows, columns)
    return across * np.abs(x) + along * (y - y.min()) + 100, across * np.abs(x)


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_hand_of_a_tilted_valley_is_the_height_over_the_river(turn, mirror):
    """In a V-valley HAND is slope times distance to the river, however the map is turned."""
    z, above = (np.rot90(a, turn) for a in valley())
    z, above = (a[::-1] if mirror else a for a in (z, above))
    size = (DX, DY) if turn % 2 == 0 else (DY, DX)
    hand = terrain.hand(z, dx=size[0], dy=size[1], min_area=200 * DX * DY)
    core = np.rot90(np.arange(81)[:, None] * np.ones(81) > 3, turn)
    core = core[::-1] if mirror else core
    np.testing.assert_allclose(hand[core], above[core], atol=1e-3)


def test_hand_is_measured_from_known_water():
    """A given river is drainage however small its catchment."""
    z, above = valley()
    river = above == above.min()
    hand = terrain.hand(z, dx=DX, dy=DY, min_area=1e12, water=river)
    np.testing.assert_allclose(hand, above, atol=1e-3)


def test_hand_without_any_drainage_is_unknown_unless_outlets_drain():
    """Ground that drains out of the map before a channel starts has no base: NaN, not 0."""
    z = plane(5, 0)
    assert np.isnan(terrain.hand(z, dx=DX, dy=DY, min_area=1e12)).all()
    hand = terrain.hand(z, dx=DX, dy=DY, min_area=1e12, outlets_drain=True)
    _, y = axes(*z.shape)
    np.testing.assert_allclose(hand, np.tan(np.radians(5)) * (y - y.min()), atol=1e-3)


def test_ground_below_its_drainage_has_zero_hand():
    """A pit cut into the river bed stands at 0, and the bank above keeps its height."""
    z, above = valley()
    z[40, 40] -= 30
    hand = terrain.hand(z, dx=DX, dy=DY, min_area=200 * DX * DY)
    assert hand[39, 40] == 0
    assert hand[40, 40] == 0
    np.testing.assert_allclose(hand[20, :], above[20, :], atol=1e-3)


def test_nan_stays_nan_and_takes_water_away():
    """Unknown cells stay unknown; the slope beside them drains into them, not across."""
    z = plane(5, 0, rows=30, columns=10)
    z[15] = np.nan
    area = terrain.flow_accumulation(z, DX, DY)
    hand = terrain.hand(z, dx=DX, dy=DY, min_area=5 * DX * DY)
    assert np.isnan(area[15]).all()
    assert np.isnan(hand[15]).all()
    np.testing.assert_allclose(area[14], 15 * DX * DY)
    np.testing.assert_allclose(area[29], 14 * DX * DY)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), gaps=st.floats(0, 0.3))
def test_all_rain_leaves_the_map_once(seed, gaps):
    """The catchments of the cells where water leaves add up to the whole area: no loops."""
    z = rough(seed)
    z[np.random.default_rng(seed).random(z.shape) < gaps] = np.nan
    padded = terrain._padded(z, DX, DY)
    direction = terrain._drained(padded, DX, DY)[1]
    count = _flow.accumulate(direction, padded.shape[1])
    assert count[direction == _flow._OUTLET].sum() == np.isfinite(z).sum()
    assert count.max() <= np.isfinite(z).sum()


@pytest.mark.parametrize("seed", range(4))
def test_depressions_fill_to_their_spill_level(seed):
    """The flood equals morphological reconstruction by erosion from the border."""
    z = rough(seed)
    z = np.round(z) if seed % 2 else z
    padded = terrain._padded(z, DX, DY)
    filled, _ = _flow.flood(padded.ravel(), padded.shape[1])
    start = np.full_like(z, z.max())
    start[[0, -1]], start[:, [0, -1]] = z[[0, -1]], z[:, [0, -1]]
    want = reconstruction(start, z, method="erosion", footprint=np.ones((3, 3)))
    np.testing.assert_array_equal(filled.reshape(padded.shape)[1:-1, 1:-1], want)


@pytest.mark.parametrize("seed", range(3))
def test_hand_hardly_changes_when_the_map_is_turned(seed):
    """Turning or mirroring rough ground moves HAND only where flat pits leave the way open."""
    z = rough(seed, 150, 150, smooth=4)
    hand = terrain.hand(z, dx=30, dy=30)
    for turn in (np.rot90, np.flipud, np.transpose):
        back = {np.rot90: lambda a: np.rot90(a, 3)}.get(turn, turn)
        turned = back(terrain.hand(turn(z), dx=30, dy=30))
        both = ~np.isnan(hand) & ~np.isnan(turned)
        assert both.sum() > 0.95 * (~np.isnan(hand)).sum()
        assert np.mean(np.abs(hand - turned)[both] < 0.01) > 0.95


def test_flat_ground_drains():
    """A plain without any slope still drains everywhere and has no height over its drainage."""
    hand = terrain.hand(np.zeros((40, 40)), dx=30, dy=30, min_area=900, outlets_drain=True)
    np.testing.assert_array_equal(hand, 0)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((2, 2, 2))])
def test_elevation_must_be_a_map(bad):
    """Anything but rows and columns is refused."""
    with pytest.raises(InputError, match="must be"):
        terrain.slope_deg(bad, 10, 10)


@pytest.mark.parametrize("call", [terrain.slope_deg, terrain.flow_accumulation])
@pytest.mark.parametrize("size", [(0, 10), (10, -1), (np.nan, 10)])
def test_cells_must_have_a_size(call, size):
    """A cell size of zero, less, or NaN is refused."""
    with pytest.raises(InputError, match="cell size"):
        call(np.zeros((4, 4)), *size)


def test_hand_refuses_a_mask_of_another_shape_and_an_area_of_nothing():
    """Water must lie on the same grid, and a channel needs a catchment."""
    with pytest.raises(InputError, match="shape"):
        terrain.hand(np.zeros((4, 4)), dx=1, dy=1, water=np.zeros((4, 5)))
    with pytest.raises(InputError, match="min_area"):
        terrain.hand(np.zeros((4, 4)), dx=1, dy=1, min_area=0)


@pytest.mark.realdata
def test_mapped_water_lies_low_on_real_ground(shared_data):
    """On a real DEM, water mapped by others stands within 2 m of the drainage found from heights.

    Nine in ten of its pixels; ground beside it stands higher in the median.
    """
    folder = shared_data / "flood" / "s1_dem_jrc"
    with rasterio.open(folder / "ayt12_nasadem.tif") as raster:
        hand = terrain.hand(raster.read(1), dx=10, dy=10)
    with rasterio.open(folder / "ayt12_jrc_extent.tif") as raster:
        water = raster.read(1) == 1
    assert np.nanpercentile(hand[water], 90) <= 2
    assert np.nanmedian(hand[~water]) > np.nanmedian(hand[water])
    assert np.isnan(hand).mean() < 0.1


@pytest.mark.parametrize(
    ("slope", "height", "dark"),
    [(0, 5, False), (4, 20, False), (12, 30, True), (12, 70, False), (-12, 30, False)],
)
def test_shadow_of_the_sun_on_planes(slope, height, dark):
    """A plane that rises to the north, sun in the north: incidence 90 - height + slope degrees.

    Flat ground is never shadow, however low the sun; a slope that faces it neither.
    """
    rows = -np.arange(9.0)[:, None] * np.ones((9, 9))
    plane = rows * 10 * np.tan(np.radians(slope))
    found = terrain.sun_shadow(plane, 10, 10, azimuth_deg=0, elevation_deg=height)
    assert (found == dark).all()
    turned = terrain.sun_shadow(plane.T, 10, 10, azimuth_deg=270, elevation_deg=height)
    assert (turned == dark).all()
