import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reliefscope.indicators._flood.scene import Rules, classify
from reliefscope.model.cube import NO_LIKELIHOOD, Exclusion, State
from reliefscope.numerics.radar import MISSING

SHAPE = (9, 11)
RULES = Rules(softness=4, core=60, margin=45, min_size=3, min_observed=0)
DECIBELS = hnp.arrays(np.int16, SHAPE, elements=st.sampled_from([MISSING, -800, -1500, -2100]))
RATIOS = hnp.arrays(np.int16, SHAPE, elements=st.sampled_from([MISSING, -900, -200, 0]))
PERCENT = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 49, 50, 100, 255]))
PERMANENT = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 0, 1, 2]))
FLAGS = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 0, 0, 1]))
COVER = hnp.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 10, 40, 50, 60, 80, 90]))


@settings(max_examples=80)
@given(
    vv=DECIBELS,
    before=DECIBELS,
    ratio=RATIOS,
    stand=PERCENT,
    always=PERMANENT,
    cover=COVER,
    hidden=FLAGS,
    dark=FLAGS,
)
def test_layers_never_contradict_each_other(vv, before, ratio, stand, always, cover, hidden, dark):
    """Not seen is 255 in state and likelihood and nowhere else; excluded has a reason and no
    likelihood; event is likely; what is always water is reference; inputs stay as they were."""
    vv[0, 0] = -800
    names = ("vv", "before_vv", "log_ratio", "plausible", "permanent", "land_cover", "hidden",
             "dark")  # fmt: skip
    arrays = (vv, before, ratio, stand, always, cover, hidden, dark)
    copies = [a.copy() for a in arrays]
    got = classify(*arrays, names=names, rules=RULES)
    unseen, excluded = vv == MISSING, got.state == State.EXCLUDED
    np.testing.assert_array_equal(got.state == State.NOT_OBSERVED, unseen)
    np.testing.assert_array_equal(got.exclusion != 0, excluded)
    np.testing.assert_array_equal(got.likelihood == NO_LIKELIHOOD, unseen | excluded)
    event, dry = got.state == State.EVENT, got.state == State.NO_EVENT
    assert (got.likelihood[event] >= 50).all()
    assert (got.likelihood[dry] < 50).all()
    assert (got.state[(always == 1) & ~unseen] == State.REFERENCE).all()
    assert not event[always == 2].any()
    blind = (hidden == 1) & (always != 1) & ~unseen
    assert (got.exclusion[blind] & Exclusion.LAYOVER_SHADOW).all()
    assert not event[(dark == 1) | (hidden == 1)].any()
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
