import numpy as np
import pytest

from reliefscope.numerics import periods

STARTS = np.array([0, 4, 9])


def _mean(row):
    there = row[~np.isnan(row)]
    return there.mean() if there.size else np.nan


@pytest.fixture
def values():
    rng = np.random.default_rng(4)
    made = rng.normal(0, 10, (5, 12)).round(1)
    made[rng.random(made.shape) < 0.2] = np.nan
    made[2, 4:9] = np.nan
    return made


def test_each_is_what_numpy_says_of_each_piece(values):
    """Counts, highest, lowest and gaps of three periods of five places, one of them empty."""
    pieces = np.split(values, STARTS[1:], axis=1)
    wanted = {
        "above": [(p > 3).sum(axis=1) for p in pieces],
        "below": [(p < -2).sum(axis=1) for p in pieces],
        "gaps": [np.isnan(p).sum(axis=1) for p in pieces],
        "highest": [np.fmax.reduce(p, axis=1) for p in pieces],
        "lowest": [np.fmin.reduce(p, axis=1) for p in pieces],
        "mean": [[_mean(row) for row in p] for p in pieces],
    }
    found = {
        "above": periods.count_above(values, STARTS, 3.0),
        "below": periods.count_below(values, STARTS, -2.0),
        "gaps": periods.gaps(values, STARTS),
        "highest": periods.highest(values, STARTS, 1.0),
        "lowest": periods.highest(values, STARTS, -1.0),
        "mean": periods.means(values, STARTS),
    }
    for name, want in wanted.items():
        np.testing.assert_allclose(found[name], np.stack(want, axis=1), rtol=1e-14, err_msg=name)
    assert np.isnan(found["highest"][2, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_days_of_a_place_lie_side_by_side_whatever_the_order_was(dtype):
    """A cube by day, seen as (y, x, time): the same numbers, in double precision and in a row."""
    cube = np.random.default_rng(1).normal(290, 9, (30, 5, 7)).astype(dtype)
    cube[3, 1, 1] = np.nan
    seen = np.moveaxis(cube, 0, -1)
    out = periods.by_cell(seen)
    assert out.flags.c_contiguous
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out, seen.astype(np.float64))
    rounded = np.round(seen.astype(np.float64) - 273.15, 4)
    np.testing.assert_array_equal(periods.by_cell(seen, less=273.15), rounded)
