import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from reliefscope.numerics.depth import (
    HIGHEST_LEVEL_M,
    Shore,
    best_levels,
    from_hand,
    from_shoreline,
    nearest,
    shoreline,
)

RULES = Shore(passes=10, slope_percent=0.5, keep_steeper=True)
N = 201
Y, X = np.indices((N, N)) - N // 2


def _bowl(level=5.0):
    """A round bowl of 10 m pixels, one metre deeper for each 20 m, filled to ``level``."""
    ground = (np.hypot(Y, X) * 0.5).astype("float32")
    return ground, ground < level


def _slope(ground, pixel=10.0):
    dy, dx = np.gradient(ground, pixel)
    return np.degrees(np.arctan(np.hypot(dy, dx))).astype("float32")


def test_a_bowl_has_the_depth_of_its_filling():
    """By the shore and by the height above drainage, to a step of the ground (0.5 m)."""
    ground, flood = _bowl(level=20.0)
    seen = np.ones(flood.shape, bool)
    truth = np.where(flood, 20.0 - ground, np.nan)
    by_shore = from_shoreline(flood, seen, ground, _slope(ground), RULES)
    inner = (truth > 1) & (truth < 19)  # the mean of 3 x 3 pixels rounds the tip of the cone
    np.testing.assert_allclose(by_shore[inner], truth[inner], atol=0.5)
    ground, flood = _bowl(level=10.0)
    by_hand = from_hand(flood.astype("int32"), seen, ground, reach=20)
    np.testing.assert_allclose(by_hand[flood], (10.0 - ground)[flood], atol=0.5)
    assert np.isnan(by_hand[~flood]).all()


def test_a_river_on_a_tilted_plain_follows_the_plain():
    """Level falls with the valley: the shore beside a pixel decides, not the whole outline."""
    ground = (np.abs(X) * 0.2 + Y * 0.05 + 50).astype("float32")
    flood = np.abs(X) < 20
    depth = from_shoreline(flood, np.ones(flood.shape, bool), ground, _slope(ground), RULES)
    truth = (20 - np.abs(X)) * 0.2
    inner = np.abs(Y) < 80
    np.testing.assert_allclose(depth[flood & inner], truth[flood & inner], atol=0.5)


def test_two_lakes_at_two_levels_do_not_mix():
    """Each body of water has its own level."""
    hand = np.full((60, 120), 9.0, "float32")
    labels = np.zeros(hand.shape, "int32")
    for number, (column, level) in enumerate(((30, 2.0), (90, 6.0)), start=1):
        distance = np.hypot(*(np.indices(hand.shape) - np.array([30, column])[:, None, None]))
        near = distance < 25
        hand[near] = distance[near] * 0.4
        labels[distance * 0.4 <= level] = number
    depth = from_hand(labels, np.ones(hand.shape, bool), hand, reach=10)
    assert np.nanmax(depth[labels == 1]) == pytest.approx(2.0, abs=0.4)
    assert np.nanmax(depth[labels == 2]) == pytest.approx(6.0, abs=0.4)


@pytest.mark.parametrize("where", [(slice(0, N), slice(0, 90)), (slice(60, 90), slice(0, N))])
def test_the_edge_of_what_was_seen_is_no_shore(where):
    """A cloud over half of the bowl does not lower the level of the rest.

    Peer defect: the edge of the grid, of the data or of a cloud taken for a shore (FwDET).
    """
    ground, flood = _bowl(level=20.0)
    seen = np.ones(flood.shape, bool)
    seen[where] = False
    shore = shoreline(flood & seen, seen)
    assert shore.any()
    assert not (shore & ndimage.binary_dilation(~seen, iterations=1)).any()
    depth = from_shoreline(flood & seen, seen, ground, _slope(ground), RULES)
    deep = flood & seen & (20 - ground > 2)
    np.testing.assert_allclose(depth[deep], (20 - ground)[deep], atol=1.0)
    assert np.isnan(depth[~seen]).all()


def test_the_sea_has_no_level():
    """A coast at height zero is dropped; the shore inland decides."""
    ground = np.clip(X * 0.1, 0, None).astype("float32") + np.where(X > 5, 1, 0).astype("float32")
    flood = (X > -60) & (X < 40)
    depth = from_shoreline(flood, np.ones(flood.shape, bool), ground, _slope(ground), RULES)
    inland = flood & (X > 8)  # the shore stands at 4.9 m, the ground rises from 1.9 to 4.9 m
    assert np.nanmedian(depth[inland]) == pytest.approx(4.9 - 3.4, abs=0.1)


def test_which_shore_is_believed_is_said():
    """On a lake with one steep and one gentle shore, the two rules give two levels.

    Peer defect: the ports of FwDET keep opposite sides of the slope filter, unsaid.
    """
    ground = np.where(X < 0, -X * 0.5, X * 0.02).astype("float32") + 10
    flood = (X > -12) & (X < 100)
    seen, slope = np.ones(flood.shape, bool), _slope(ground)
    steep = from_shoreline(flood, seen, ground, slope, RULES)
    flat = from_shoreline(flood, seen, ground, slope, RULES._replace(keep_steeper=False))
    middle = flood & (np.abs(X) < 5)
    assert np.nanmean(steep[middle]) > np.nanmean(flat[middle]) + 2


def test_without_a_shore_no_depth_is_made_up():
    """Water from edge to edge: not known."""
    flood = np.ones((20, 20), bool)
    depth = from_shoreline(flood, flood, np.ones((20, 20), "float32"), np.zeros((20, 20)), RULES)
    assert np.isnan(depth).all()


@given(st.integers(0, 2**32 - 1))
def test_the_level_is_the_exact_maximiser(seed):
    """Against trying every height of every body.

    Peer defect: a random search (basin hopping) that may miss the maximum, and gives another one
    each time.
    """
    rng = np.random.default_rng(seed)
    n, bodies = 60, 4
    body = rng.integers(1, bodies + 1, n).astype("int32")
    height = rng.choice(np.arange(0, 18, 0.5), n).astype("float32")
    wet = rng.random(n) < 0.5
    levels = best_levels(body, wet, height, bodies)
    for number in range(1, bodies + 1):
        h, w = height[body == number], wet[body == number]
        if not w.any():
            assert np.isnan(levels[number])
            continue
        tried = {
            level: (w & (h <= level)).sum() / (w.sum() + (~w & (h <= level)).sum())
            for level in np.unique(h[h <= HIGHEST_LEVEL_M])
        }
        if not tried:
            assert levels[number] == HIGHEST_LEVEL_M
            continue
        best = max(tried.values())
        assert levels[number] == min(level for level, score in tried.items() if score == best)


def test_unknown_heights_stay_unknown():
    """No height, no depth; and no level where no pixel of a body has a height."""
    labels = np.array([[1, 1, 0, 2]], "int32")
    hand = np.array([[0.5, np.nan, 3.0, np.nan]], "float32")
    depth = from_hand(labels, np.ones(labels.shape, bool), hand, reach=2)
    assert depth[0, 0] == 0
    assert np.isnan(depth[0, 1:]).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 23), st.integers(1, 31), st.floats(0.01, 0.9))
def test_the_nearest_target_is_as_near_as_scipy_says(seed, rows, columns, share):
    """A target, at the exact distance; none where there is none."""
    targets = np.random.default_rng(seed).random((rows, columns)) < share
    found = nearest(targets)
    if not targets.any():
        assert (found == -1).all()
        return
    assert targets.ravel()[found].all()
    y, x = np.indices(targets.shape)
    far = np.hypot(found // columns - y, found % columns - x)
    np.testing.assert_allclose(far, ndimage.distance_transform_edt(~targets), rtol=1e-12)
