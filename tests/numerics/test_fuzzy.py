import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reliefscope.numerics import fuzzy, radar

CODES = hnp.arrays(
    np.int16,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.one_of(st.just(radar.MISSING), st.integers(-4000, 500)),
)


def test_z_at_its_corners():
    """1 up to a, 7/8 at a quarter, one half midway, 1/8 at three quarters, 0 from b on."""
    got = fuzzy.z_shaped([0, 1, 2, 3, 4, 5, 6, np.nan], 1, 5)
    np.testing.assert_allclose(got, [1, 1, 0.875, 0.5, 0.125, 0, 0, np.nan])


def test_s_is_the_complement_of_z():
    """What is not Z is S."""
    x = np.linspace(-3, 9, 50)
    np.testing.assert_allclose(fuzzy.s_shaped(x, 1, 5) + fuzzy.z_shaped(x, 1, 5), 1, atol=1e-6)


def field(*values):
    return np.array(values, np.float32).reshape(1, -1)


@settings(deadline=None)
@given(CODES)
def test_nothing_known_has_no_percentage(co):
    """255 exactly where neither polarisation was seen, 0 to 100 elsewhere."""
    cross = np.where(np.arange(co.size).reshape(co.shape) % 2, co, radar.MISSING).astype(np.int16)
    got = fuzzy.water_percent(co, cross, field(-14), field(-21), softness=4)
    np.testing.assert_array_equal(got == fuzzy.NONE, co == radar.MISSING)
    assert got[got != fuzzy.NONE].max(initial=0) <= 100


def test_percent_is_the_mean_membership():
    """At its threshold each polarisation gives a half; one seen alone decides alone."""
    co = radar.encode(np.array([[-14, -18, -10, -14, np.nan]], np.float32))
    cross = radar.encode(np.array([[-21, -25, -17, np.nan, -25]], np.float32))
    got = fuzzy.water_percent(co, cross, field(-14), field(-21), softness=4)
    np.testing.assert_array_equal(got, [[50, 100, 0, 50, 100]])


def test_percent_agrees_with_z():
    """The compiled kernel is the Z function."""
    db = np.linspace(-25, -5, 81, dtype=np.float32)[None, :]
    code = radar.encode(db)
    got = fuzzy.water_percent(code, code, field(-14), field(-14), softness=3)
    np.testing.assert_allclose(got, 100 * fuzzy.z_shaped(db, -17, -11), atol=0.51)


def test_thresholds_are_interpolated_between_regions():
    """Midway between regions of -12 and -16 dB the threshold is -14, at the rim the region's."""
    code = np.full((1, 200), -1400, np.int16)
    got = fuzzy.water_percent(code, code, field(-12, -16), field(-12, -16), softness=4)[0]
    assert got[100] == pytest.approx(50, abs=1)
    assert got[0] == got[49] == 88
    assert got[199] == 12
    assert np.all(np.diff(got.astype(int)) <= 0)
