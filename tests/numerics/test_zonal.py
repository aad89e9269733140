"""Sums over zones, and people of cells counted under pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import InputError
from reliefscope.numerics import zonal


def overlay(shape, cells, scale, offset=(0.0, 0.0), *, step=4, pad=2, period=math.inf):
    """Cells of ``1 / scale`` pixels; ``offset`` is the cell position of the map's corner."""
    rows, columns = (math.ceil((n + 2 * pad) / step) + 1 for n in shape)
    x = offset[1] + scale * (np.arange(columns) * step - pad)
    y = offset[0] + scale * (np.arange(rows) * step - pad)
    u, v = np.meshgrid(x, y)
    return zonal.Overlay(u=u, v=v, step=step, pad=pad, shape=shape, cells=cells, period=period)


def spread(lattice, people, zones=None, classes=None, sizes=(1, 1)):
    zones = np.zeros(lattice.shape, np.int32) if zones is None else zones
    classes = np.zeros(lattice.shape, np.uint8) if classes is None else classes
    per_point = zonal.people_per_point(people, zonal.points_per_cell(lattice))
    return zonal.spread(lattice, per_point, zones, classes, sizes)


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
    lattice = overlay((8, 8), (2, 2), 0.25)
    zones = np.zeros((8, 8), np.int32)
    zones[:, 3:] = 1
    people, points = spread(lattice, np.full((2, 2), 160.0), zones, sizes=(2, 1))
    np.testing.assert_allclose(people[:, 0], [240.0, 400.0], rtol=1e-12)
    assert points[1] == 0


def test_a_cell_cut_by_the_edge_of_the_map_gives_its_covered_part():
    """Of a cell of 8 pixels of which 6 lie outside, a quarter of its people is counted."""
    lattice = overlay((8, 8), (1, 2), 0.125, offset=(0.0, 0.75), pad=10)
    people, _ = spread(lattice, np.array([[100.0, 800.0]]))
    assert people[0, 0] == pytest.approx(25.0 + 600.0, rel=1e-12)


def test_cells_smaller_than_pixels_all_count():
    """Four cells under each pixel: the pixel has the people of all four, not of one."""
    random = np.random.default_rng(2)
    cells = random.integers(0, 100, (12, 16)).astype(float)
    lattice = overlay((6, 8), (12, 16), 2.0)
    zones = np.arange(48, dtype=np.int32).reshape(6, 8)
    people, _ = spread(lattice, cells, zones, sizes=(48, 1))
    want = cells.reshape(6, 2, 8, 2).sum(axis=(1, 3)).ravel()
    np.testing.assert_allclose(people[:, 0], want, rtol=1e-12)
    assert lattice.split == 20


def test_unknown_cells_add_nobody_and_are_counted_as_unknown():
    """NaN and negative cells, and what lies beyond the raster, are unknown and not zero."""
    lattice = overlay((4, 8), (1, 1), 0.25)
    people, points = spread(lattice, np.array([[160.0]]))
    assert people[0, 0] == pytest.approx(160.0, rel=1e-12)
    assert points[1] / points[0] == 0.5
    for value in (np.nan, -9999.0):
        people, points = spread(lattice, np.array([[value]]))
        assert people[0, 0] == 0.0
        assert points[1] == points[0]


def test_columns_repeat_after_the_period():
    """A map across the antimeridian finds its cells at both ends of the raster."""
    cells = np.arange(1.0, 9.0)[None, :]
    lattice = overlay((2, 4), (1, 8), 0.5, offset=(0.0, 7.0), period=8.0)
    zones = np.repeat(np.arange(4, dtype=np.int32)[None], 2, axis=0)
    people, points = spread(lattice, cells, zones, sizes=(4, 1))
    np.testing.assert_allclose(people[:, 0], [4.0, 4.0, 0.5, 0.5], rtol=1e-12)
    assert points[1] == 0


@given(
    scale=st.floats(0.03, 3.0),
    offset=st.tuples(st.floats(0.0, 0.99), st.floats(0.0, 0.99)),
    seed=st.integers(0, 2**32 - 1),
)
def test_people_are_conserved(scale, offset, seed):
    """However cells and pixels lie, zones and classes together hold each person once."""
    random = np.random.default_rng(seed)
    cells = (max(1, int(3 * scale)), max(1, int(4 * scale)))
    pad = math.ceil(2 / scale) + 1
    shape = tuple(math.ceil((n + 1) / scale) + 1 for n in cells)
    lattice = overlay(shape, cells, scale, tuple(-o for o in offset), pad=pad)
    people = random.integers(0, 1000, cells).astype(float)
    zones = random.integers(0, 4, shape).astype(np.int32)
    classes = random.integers(0, 3, shape).astype(np.uint8)
    got, _ = spread(lattice, people, zones, classes, (4, 3))
    assert got.sum() == pytest.approx(people.sum(), rel=1e-9)


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_blocks_of_rows_add_up_to_the_whole(rows):
    """Counting block by block gives what counting at once gives."""
    lattice = overlay((8, 8), (3, 3), 0.37)
    cells = np.arange(9.0).reshape(3, 3)
    per_point = zonal.people_per_point(cells, zonal.points_per_cell(lattice))
    zones = (np.arange(64, dtype=np.int32) % 3).reshape(8, 8)
    classes = np.zeros((8, 8), np.uint8)
    whole, _ = zonal.spread(lattice, per_point, zones, classes, (3, 1))
    parts = [
        zonal.spread(lattice, per_point, zones[i : i + rows], classes[i : i + rows], (3, 1), i)[0]
        for i in range(0, 8, rows)
    ]
    np.testing.assert_allclose(np.sum(parts, axis=0), whole, rtol=1e-12)


def test_what_does_not_fit_is_refused():
    """Arrays of different shapes, zones beyond the table and rows beyond the map are errors."""
    zones, classes = np.zeros((2, 2), np.int32), np.zeros((2, 2), np.uint8)
    weights = np.ones((2, 2), np.float32)
    with pytest.raises(InputError, match="must agree"):
        zonal.zone_sums(zones, classes[:1], weights, 1, 1)
    with pytest.raises(InputError, match="zone 5"):
        zonal.zone_sums(zones + 5, classes, weights, 1, 1)
    lattice = overlay((2, 2), (1, 1), 0.5)
    with pytest.raises(InputError, match="outside of the map"):
        zonal.spread(lattice, np.ones((1, 1)), zones, classes, (1, 1), 1)
    with pytest.raises(InputError, match="lattice"):
        zonal.Overlay(
            u=np.zeros((2, 2)), v=np.zeros((2, 2)), step=1, pad=0, shape=(9, 9), cells=(1, 1)
        )
