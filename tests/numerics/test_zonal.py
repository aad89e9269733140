"""Sums over zones, and people of cells counted under pixels."""

import math

import numpy as np
import pytest
import shapely
from exactextract import exact_extract
from exactextract.feature import JSONFeatureSource
from exactextract.raster import NumPyRasterSource
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import InputError
from reliefscope.numerics import zonal


def overlay(shape, cells, scale, offset=(0.0, 0.0), *, step=4, period=math.inf, turn=0.0):
    """Cells of ``1 / scale`` pixels; ``offset`` is the cell position of the map's corner."""
    rows, columns = (math.ceil(n / step) + 1 for n in shape)
    x, y = np.meshgrid(np.arange(columns) * step * scale, np.arange(rows) * step * scale)
    u = offset[1] + x * math.cos(turn) - y * math.sin(turn)
    v = offset[0] + x * math.sin(turn) + y * math.cos(turn)
    return zonal.Overlay(u=u, v=v, step=step, shape=shape, cells=cells, period=period)


def people_under(lattice, people):
    return zonal.pixel_people(lattice, people, 0, lattice.shape[0])


def ring(*polygons):
    """Return polygons as one zone."""
    faces = shapely.orient_polygons(list(polygons))
    xy, index = shapely.get_coordinates(shapely.get_rings(faces), return_index=True)
    begins = np.flatnonzero(np.diff(index, prepend=-1, append=index[-1] + 1))
    return xy, begins.astype("int64")


def by_exactextract(polygon, values):
    """Return the sum of values under a polygon in pixels, counted from the top, by exactextract."""
    rows, columns = values.shape
    source = NumPyRasterSource(values, xmin=0, xmax=columns, ymin=-rows, ymax=0)
    flipped = shapely.transform(polygon, lambda xy: xy * [1, -1])
    feature = {
        "type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(flipped),
    }  # fmt: skip
    done = exact_extract(source, JSONFeatureSource([feature]), ["sum"])
    return done[0]["properties"]["sum"]


def test_sums_are_those_of_numpy():
    """Every pixel adds to its own zone and class, negative zones and NaN weights to none."""
    random = np.random.default_rng(1)
    zones = random.integers(-1, 3, (20, 30)).astype(np.int32)
    classes = random.integers(0, 5, (20, 30)).astype(np.uint8)
    weights = random.random((20, 30)).astype(np.float32)
    weights[3, 4] = np.nan
    want = np.zeros((3, 4))
    keep = (zones >= 0) & (classes < 4) & np.isfinite(weights)
    np.add.at(want, (zones[keep], classes[keep]), weights[keep])
    np.testing.assert_allclose(zonal.zone_sums(zones, classes, weights, 3, 4), want, rtol=1e-12)


def test_aligned_cells_are_shared_by_area():
    """A cell of 4 x 4 pixels with 160 people gives 10 to each pixel."""
    people, unknown = people_under(overlay((8, 8), (2, 2), 0.25), np.full((2, 2), 160.0))
    np.testing.assert_allclose(people, 10.0, rtol=1e-12)
    assert not unknown.any()


def test_a_cell_cut_by_the_edge_of_the_map_gives_its_covered_part():
    """Of a cell of 8 pixels of which 6 lie outside, a quarter of its people is counted."""
    lattice = overlay((8, 8), (1, 2), 0.125, offset=(0.0, 0.75))
    people, _ = people_under(lattice, np.array([[100.0, 800.0]]))
    assert people.sum() == pytest.approx(25.0 + 600.0, rel=1e-12)


def test_cells_smaller_than_pixels_all_count():
    """Four cells under each pixel: the pixel has the people of all four, not of one."""
    cells = np.random.default_rng(2).integers(0, 100, (12, 16)).astype(float)
    people, _ = people_under(overlay((6, 8), (12, 16), 2.0), cells)
    np.testing.assert_allclose(people, cells.reshape(6, 2, 8, 2).sum(axis=(1, 3)), rtol=1e-12)


@pytest.mark.parametrize(("scale", "turn"), [(0.093, 0.05), (0.31, -0.4), (1.7, 0.3), (4.2, 0.0)])
def test_shares_of_cells_are_those_of_exactextract(scale, turn):
    """Pixels that lie askew over cells have the people that exactextract finds in them."""
    random = np.random.default_rng(4)
    cells = random.integers(0, 1000, (40, 40)).astype(float)
    lattice = overlay((5, 6), cells.shape, scale, (11.3, 9.7), step=2, turn=turn)
    people, unknown = people_under(lattice, cells)
    assert not unknown.any()
    x, y = np.meshgrid(np.arange(7) * scale, np.arange(6) * scale)
    u = 9.7 + x * math.cos(turn) - y * math.sin(turn)
    v = 11.3 + x * math.sin(turn) + y * math.cos(turn)
    for i in range(5):
        for j in range(6):
            corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
            pixel = shapely.Polygon([(u[c], v[c]) for c in corners])
            # exactextract keeps its shares in single precision
            assert people[i, j] == pytest.approx(by_exactextract(pixel, cells), rel=1e-5)


def test_unknown_cells_add_nobody_and_are_counted_as_unknown():
    """NaN and negative cells, and what lies beyond the raster, are unknown and not zero."""
    lattice = overlay((4, 8), (1, 1), 0.25)
    people, unknown = people_under(lattice, np.array([[160.0]]))
    assert people.sum() == pytest.approx(160.0, rel=1e-12)
    assert unknown.mean() == 0.5
    for value in (np.nan, -9999.0):
        people, unknown = people_under(lattice, np.array([[value]]))
        assert not people.any()
        assert unknown.all()


def test_columns_repeat_after_the_period():
    """A map across the antimeridian finds its cells at both ends of the raster."""
    cells = np.arange(1.0, 9.0)[None, :]
    lattice = overlay((2, 4), (1, 8), 0.5, offset=(0.0, 7.0), period=8.0)
    people, unknown = people_under(lattice, cells)
    np.testing.assert_allclose(people.sum(axis=0), [4.0, 4.0, 0.5, 0.5], rtol=1e-12)
    assert not unknown.any()


@given(
    scale=st.floats(0.03, 3.0),
    turn=st.floats(-0.7, 0.7),
    offset=st.tuples(st.floats(0.0, 0.99), st.floats(0.0, 0.99)),
    seed=st.integers(0, 2**32 - 1),
)
def test_people_are_conserved(scale, turn, offset, seed):
    """However cells and pixels lie, the pixels together hold each person once.

    Peer defect: counts resampled like a measurement, which makes or loses people.
    """
    random = np.random.default_rng(seed)
    cells = (max(1, int(3 * scale)), max(1, int(4 * scale)))
    reach = math.hypot(*cells) + 3
    side = math.ceil(2 * reach / scale) + 2
    corner = (cells[0] / 2 - offset[0], cells[1] / 2 - offset[1])
    middle = scale * side / 2
    start = (
        corner[0] - middle * (math.sin(turn) + math.cos(turn)),
        corner[1] - middle * (math.cos(turn) - math.sin(turn)),
    )
    lattice = overlay((side, side), cells, scale, start, turn=turn)
    people = random.integers(0, 1000, cells).astype(float)
    got, _ = people_under(lattice, people)
    assert got.sum() == pytest.approx(people.sum(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_blocks_of_rows_are_parts_of_the_whole(rows):
    """Counting block by block gives what counting at once gives, to the last bit."""
    lattice = overlay((8, 8), (3, 3), 0.37, turn=0.1)
    cells = np.arange(9.0).reshape(3, 3)
    whole, _ = people_under(lattice, cells)
    parts = [zonal.pixel_people(lattice, cells, i, min(rows, 8 - i))[0] for i in range(0, 8, rows)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def star(x, y, radius, seed):
    """Return a polygon with many corners and a hole."""
    random = np.random.default_rng(seed)
    angles = np.sort(random.random(40)) * 2 * np.pi
    radii = radius * (0.5 + 0.5 * random.random(40))
    outer = np.column_stack([x + radii * np.cos(angles), y + radii * np.sin(angles)])
    return shapely.Polygon(outer).buffer(0).difference(shapely.Point(x, y).buffer(radius / 5))


@pytest.mark.parametrize("seed", range(6))
def test_shares_of_zones_are_those_of_exactextract(seed):
    """Ragged zones with holes, partly off the map: the sum under each is exactextract's."""
    random = np.random.default_rng(seed)
    values = random.random((50, 70))
    zone = star(random.uniform(0, 70), random.uniform(0, 50), random.uniform(2, 60), seed)
    classes = np.zeros(values.shape, np.uint8)
    got = zonal.covered_sums([ring(*getattr(zone, "geoms", [zone]))], classes, values[None], 1)
    assert got[0, 0, 0] == pytest.approx(by_exactextract(zone, values), rel=1e-5)
    assert got.sum() == pytest.approx(values.sum(), rel=1e-12)


def test_zones_that_overlap_share_nothing_twice():
    """Three zones over each other and a rest: all weights are given away once, the first first."""
    values = np.ones((2, 30, 30))
    values[1] = np.arange(900).reshape(30, 30)
    zones = [shapely.box(2.5, 2.5, 20, 20), shapely.box(10, 10, 40, 25.25), shapely.box(0, 0, 9, 9)]
    got = zonal.covered_sums([ring(z) for z in zones], np.zeros((30, 30), np.uint8), values, 1)
    np.testing.assert_allclose(got.sum(axis=0)[:, 0], [900, values[1].sum()], rtol=1e-12)
    assert got[0, 0, 0] == pytest.approx(17.5**2)
    assert got[1, 0, 0] == pytest.approx(20 * 15.25 - 100)
    assert got[2, 0, 0] == pytest.approx(81 - 6.5**2)


def test_neighbours_leave_no_gap():
    """A slanted border between two zones leaves nothing for the rest, nor does a hole filled."""
    left = shapely.Polygon([(-5, -5), (11.3, -5), (17.9, 60), (-5, 60)])
    right = shapely.Polygon([(11.3, -5), (60, -5), (60, 60), (17.9, 60)])
    hole = shapely.Polygon([(3.2, 3.1), (8.4, 4.4), (5.5, 9.9)])
    zones = [ring(left.difference(hole)), ring(right), ring(hole)]
    classes = (np.arange(1600) % 3).astype(np.uint8).reshape(40, 40)
    got = zonal.covered_sums(zones, classes, np.ones((1, 40, 40)), 3)
    assert not got[-1].any()
    assert got[2].sum() == pytest.approx(hole.area)
    np.testing.assert_allclose(got.sum(axis=(0, 1)), np.bincount(classes.ravel()), rtol=1e-12)


def test_pixels_that_do_not_count_belong_to_no_zone():
    """Masked pixels, unknown classes and weights without a number add nothing anywhere."""
    classes = np.zeros((10, 10), np.uint8)
    classes[0] = 9
    weights = np.ones((1, 10, 10))
    weights[0, 1] = np.nan
    counted = np.ones((10, 10), bool)
    counted[2] = False
    got = zonal.covered_sums([ring(shapely.box(0, 0, 5, 10))], classes, weights, 2, counted)
    assert got[:, 0, 0].tolist() == [35.0, 35.0]


def test_what_does_not_fit_is_refused():
    """Arrays of different shapes, zones beyond the table and rows beyond the map are errors."""
    zones, classes = np.zeros((2, 2), np.int32), np.zeros((2, 2), np.uint8)
    weights = np.ones((2, 2), np.float32)
    with pytest.raises(InputError, match="must agree"):
        zonal.zone_sums(zones, classes[:1], weights, 1, 1)
    with pytest.raises(InputError, match="zone 5"):
        zonal.zone_sums(zones + 5, classes, weights, 1, 1)
    with pytest.raises(InputError, match="must agree"):
        zonal.covered_sums([], classes, np.ones((1, 3, 2)), 1)
    lattice = overlay((2, 2), (1, 1), 0.5)
    with pytest.raises(InputError, match="outside of the map"):
        zonal.pixel_people(lattice, np.ones((1, 1)), 1, 2)
    with pytest.raises(InputError, match="cells"):
        zonal.pixel_people(lattice, np.ones((2, 1)), 0, 2)
    with pytest.raises(InputError, match="lattice"):
        zonal.Overlay(u=np.zeros((2, 2)), v=np.zeros((2, 2)), step=1, shape=(9, 9), cells=(1, 1))
