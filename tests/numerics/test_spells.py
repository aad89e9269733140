import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reliefscope.numerics.spells import Edge, current, spells


def test_a_drought_begins_below_zero_and_ends_above_it():
    """McKee: from the first negative month to the positive one that follows -1 or less."""
    index = np.array([0.5, -0.2, -1.4, -0.9, -0.1, 0.3, -0.8, -0.9, 0.2])
    (drought,) = spells(index)
    assert (drought.start, drought.stop, drought.duration) == (1, 5, 4)
    assert drought.magnitude == pytest.approx(2.6)
    assert drought.intensity == pytest.approx(0.65)
    assert (drought.peak, drought.peak_at) == (-1.4, 2)
    assert (drought.before, drought.after) == (Edge.NORMAL, Edge.NORMAL)


def test_minus_one_is_enough_and_zero_goes_on():
    """-1 itself makes a drought; a zero within neither begins nor ends one."""
    (drought,) = spells(np.array([0.0, -0.3, 0.0, -1.0, 0.0, 0.1]))
    assert (drought.start, drought.stop) == (1, 5)
    assert spells(np.array([0.1, -0.99, 0.1])) == []


def test_a_gap_ends_what_is_known_and_says_so():
    """One run with a hole is two droughts with an open end each, not one and not none."""
    first, second = spells(np.array([0.4, -1.2, -0.5, np.nan, -0.1, -1.1]))
    assert (first.start, first.stop, first.after) == (1, 3, Edge.GAP)
    assert (second.start, second.stop) == (4, 6)
    assert (second.before, second.after) == (Edge.GAP, Edge.RECORD)
    assert spells(np.array([-2.0]))[0].before == Edge.RECORD


def test_a_gap_may_hide_that_a_drought_was_one():
    """What is left of the gap never reached -1: no drought is claimed."""
    assert spells(np.array([-0.5, np.nan, -0.6, 0.2])) == []


@given(arrays(np.float64, 40, elements=st.integers(-3, 3).map(float) | st.just(np.nan)))
def test_the_current_drought_is_the_last_of_all(index):
    """The map of the present says what the list of events says of its last one."""
    found = current(index[None])
    last = spells(index)[-1:]
    now = [d for d in last if d.stop == len(index)]
    if np.isnan(index[-1]):
        assert np.isnan(found.duration[0])
        assert np.isnan(found.magnitude[0])
    elif now:
        assert found.duration[0] == now[0].duration
        assert found.magnitude[0] == pytest.approx(now[0].magnitude)
        assert found.peak[0] == now[0].peak
        assert found.before[0] == (now[0].before is not Edge.NORMAL)
    else:
        assert found.duration[0] == found.magnitude[0] == 0
        assert np.isnan(found.peak[0])


@given(arrays(np.float64, 60, elements=st.floats(-4, 4) | st.just(np.nan)))
def test_droughts_do_not_overlap_and_miss_nothing_severe(index):
    """Every value of -1 or less lies in exactly one drought; no positive one lies in any."""
    inside = np.zeros(60, int)
    for drought in spells(index):
        inside[drought.start : drought.stop] += 1
        assert drought.magnitude >= -drought.peak - 1e-12
    assert inside.max(initial=0) <= 1
    assert (inside[index <= -1] == 1).all()
    assert (inside[index > 0] == 0).all()
    assert (inside[np.isnan(index)] == 0).all()


def test_maps_keep_their_shape():
    """(y, x, time) in, (y, x) out."""
    index = np.full((3, 2, 12), -1.5)
    found = current(index)
    assert found.duration.shape == (3, 2)
    assert (found.duration == 12).all()
    assert (found.before == 1).all()
