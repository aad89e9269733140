import numpy as np
import pytest

from reliefscope.errors import CubeError
from reliefscope.sources._units import converter, stored_units


def test_backscatter_without_units_is_refused():
    """Linear and decibel look alike to a program: it asks instead of guessing."""
    with pytest.raises(CubeError, match="never guessed"):
        stored_units("vv", None)


@pytest.mark.parametrize("text", ["dB", "db", "Decibel"])
def test_decibels_become_linear_power(text):
    """-10 dB is 0.1, 0 dB is 1, NaN stays NaN."""
    convert = converter("vv", stored_units("vv", text))
    out = convert(np.array([-10, 0, np.nan], "float32"))
    np.testing.assert_allclose(out, [0.1, 1, np.nan], rtol=1e-6)


def test_linear_power_passes_unchanged():
    """Canonical units need no conversion."""
    values = np.array([0.1, 0.2], "float32")
    assert converter("vv", stored_units("vv", "linear"))(values) is values


def test_wrong_units_name_the_allowed_ones():
    """Metres are no backscatter."""
    with pytest.raises(CubeError, match=r"'m'; allowed are \['1', 'dB'\]"):
        stored_units("vh", "m")


def test_heights_without_units_are_metres():
    """Every global terrain model is in metres; only backscatter is ambiguous."""
    assert stored_units("elevation", None) == "m"
