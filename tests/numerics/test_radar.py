import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reliefscope.errors import CubeError
from reliefscope.numerics import radar

FIELDS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.one_of(st.just(np.nan), st.floats(np.float32(1e-5), np.float32(10), width=32)),
)


def test_decibel_of_powers_of_ten():
    """A power of 0.1, 1 and 10 is -10, 0 and 10 dB; zero and NaN are not observed."""
    got = radar.decibel(np.array([0.1, 1, 10, 0, np.nan], np.float32))
    np.testing.assert_allclose(got, [-10, 0, 10, np.nan, np.nan], atol=1e-5)
    assert got.dtype == np.float32


@settings(deadline=None)
@given(FIELDS)
def test_power_undoes_decibel(power):
    """Going to decibels and back returns the power, and NaN stays NaN."""
    np.testing.assert_allclose(radar.power(radar.decibel(power)), power, rtol=1e-4)


def test_decibels_declared_as_power_are_refused():
    """Values of -12 cannot be linear power, and the message says what to do.

    Peer defect: a scale that is guessed.
    """
    with pytest.raises(CubeError, match=r"down to -12.*10\*\*\(dB/10\)"):
        radar.decibel(np.array([[0.1, -12.0]], np.float32))


def test_a_trace_of_negative_noise_is_not_observed():
    """Subtracted noise may leave a power just below zero: no error, no value."""
    assert np.isnan(radar.decibel(np.array([-0.004], np.float32)))


def test_power_declared_as_decibels_is_refused():
    """Linear power read as decibels lies between 0 and 1.5 dB, which no scene does.

    Peer defect: Otsu on linear power (autofloods), which flooded 99.95 % of a scene.
    """
    linear = np.random.default_rng(0).gamma(4.4, 0.1 / 4.4, (64, 64)).astype(np.float32)
    taken_for_db = radar.decibel(radar.power(linear))
    with pytest.raises(CubeError, match="declared as decibels"):
        radar.check_scale(taken_for_db)


def test_true_decibels_pass_the_scale_check():
    """Land, all water, and a scene of NaN are all possible."""
    noise = np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32)
    for scene in (noise - 9, noise - 22, noise * np.nan):
        radar.check_scale(scene)


def test_encoding_keeps_a_hundredth_of_a_decibel():
    """int16 hundredths hold decibels to 0.005 dB, and NaN has a code of its own."""
    db = np.array([-31.237, 0.004, 12.3, np.nan], np.float32)
    code = radar.encode(db)
    assert code.dtype == np.int16
    assert code[3] == radar.MISSING
    np.testing.assert_allclose(radar.decode(code), [-31.24, 0.0, 12.3, np.nan], atol=1e-5)


def test_water_model_at_38_degrees():
    """The published line gives -19.12 dB at 38 degrees: -0.394181 x 38 - 4.142015."""
    assert radar.water_db(np.float32(38)) == pytest.approx(-19.120893, abs=1e-5)
    assert radar.WATER_DB[0] == pytest.approx(-19.120893, abs=0.05)
