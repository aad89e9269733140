import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import label

from reliefscope.errors import InputError
from reliefscope.numerics import regions

MASKS = hnp.arrays(np.bool_, (12, 15))


def picture(*rows):
    return np.array([[c != "." for c in row] for row in rows])


def test_regions_grow_from_cores_only():
    """A diagonal neighbour belongs, a region without core does not."""
    candidate = picture("##...", "..#..", ".....", "...##")
    core = picture("#....", ".....", ".....", ".....")
    want = picture("##...", "..#..", ".....", ".....")
    np.testing.assert_array_equal(regions.grow(candidate, core), want)


def test_small_regions_are_dropped():
    """Three connected pixels stay at a minimum of 3 and go at 4."""
    mask = picture("#..", ".#.", "..#")
    assert regions.grow(mask, mask, min_size=3).sum() == 3
    assert regions.grow(mask, mask, min_size=4).sum() == 0


@settings(deadline=None)
@given(MASKS, MASKS)
def test_growing_contains_hysteresis(candidate, core):
    """With diagonal neighbours joined, at least the plain four-connected hysteresis is kept, and
    every region kept holds a core."""
    got = regions.grow(candidate, core)
    level = candidate.astype(float) + (candidate & core)
    assert np.all(got >= apply_hysteresis_threshold(level, 0.5, 1.5))
    labels = label(got, connectivity=2)
    assert set(np.unique(labels[got & core])) == set(range(1, labels.max() + 1))


def test_a_small_hole_is_closed_and_a_bay_is_not():
    """A pinhole inside water closes; dry ground that reaches the edge of the scene stays."""
    water = picture("#####", "#.##.", "#####")
    want = picture(".....", ".#...", ".....")
    np.testing.assert_array_equal(regions.small_holes(water, np.ones((3, 5), bool), 2), want)


def test_a_hole_that_was_not_observed_stays_open():
    """Peer defect: closing a hole in the data would turn "not seen" into water."""
    water = picture("###", "#.#", "###")
    assert not regions.small_holes(water, water, 5).any()


@settings(deadline=None)
@given(MASKS, MASKS)
def test_filling_only_adds_fillable_dry_pixels(water, fillable):
    """What is added was dry, may be filled, and belongs to no hole of four pixels or more."""
    added = regions.small_holes(water, fillable, 4)
    assert not (added & (water | ~fillable)).any()
    labels = label(added, connectivity=1)
    assert np.bincount(labels.ravel())[1:].max(initial=0) < 4


def test_unlike_shapes_are_refused():
    """A core on another grid is an error."""
    with pytest.raises(InputError, match="make them alike"):
        regions.grow(np.ones((2, 2), bool), np.ones((2, 3), bool))


def test_tally_counts_every_code():
    """Counts of codes as numpy finds them."""
    codes = np.array([[0, 1, 1], [255, 0, 0]], np.uint8)
    got = regions.tally(codes)
    assert (got[0], got[1], got[255], got.sum()) == (3, 2, 1, 6)
