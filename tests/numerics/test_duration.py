import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import InputError
from reliefscope.numerics.duration import DRY, UNKNOWN, WET, duration

_CODES = {"w": WET, "d": DRY, "?": UNKNOWN}


def lasted(looks, days=None):
    codes = np.array([_CODES[c] for c in looks], np.uint8)[:, None]
    days = np.arange(len(looks)) * 6.0 if days is None else np.asarray(days, float)
    return [float(v[0]) for v in duration(codes, days)]


@pytest.mark.parametrize(
    ("looks", "low", "middle", "high"),
    [
        ("dwwd", 6, 12, 18),
        ("dwd", 0, 6, 12),
        ("wwww", 18, 18, 18),
        ("dddd", 0, 0, 0),
        ("d?d", 0, 0, 12),
        ("w?w", 0, 12, 12),
        ("d?w", 0, 6, 12),
        ("??w", 0, 12, 12),
        ("w??", 0, 12, 12),
        ("d??", 0, 0, 12),
        ("w", 0, 0, 0),
    ],
)
def test_bounds_by_hand(looks, low, middle, high):
    """Looks each six days: what is sure, what is likely, and what cannot be ruled out."""
    assert lasted(looks)[:3] == [low, middle, high]


def test_never_seen_is_no_duration():
    """NaN and no look; not zero days."""
    low, middle, high, looks, wet = lasted("???")
    assert np.isnan([low, middle, high]).all()
    assert (looks, wet) == (0, 0)


@given(st.text("wd?", min_size=1, max_size=9), st.data())
def test_bounds_hold_whatever_happened_between(looks, data):
    """Any course of water that agrees with what was seen, and does not come and go between looks
    next to each other, lasted no shorter and no longer than the bounds."""
    if "w" not in looks and "d" not in looks:
        return
    low, middle, high, *_ = lasted(looks)
    assert low <= middle <= high
    truth = [data.draw(st.sampled_from("wd")) if c == "?" else c for c in looks]
    days = sum(
        6 * {"ww": 1.0, "dd": 0.0}.get(a + b, data.draw(st.floats(0, 1)))
        for a, b in itertools.pairwise(truth)
    )
    assert low - 1e-6 <= days <= high + 1e-6


@pytest.mark.parametrize("days", [[0, 1], [0, 2, 2], [3, 2, 1]])
def test_times_must_fit(days):
    """One a look, each later than the one before."""
    with pytest.raises(InputError):
        lasted("wdw", days)
