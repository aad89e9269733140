import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.numerics import burn

RULES = burn.Rules(seed=270, growth=100, reach=20, ring=(3, 20), min_size=4)


def test_the_burn_ratio_of_healthy_and_of_burned_land():
    """(0.4 - 0.1) / 0.5 = 0.6 and (0.1 - 0.3) / 0.4 = -0.5."""
    ratio = burn.nbr(np.array([0.4, 0.1], "float32"), np.array([0.1, 0.3], "float32"))
    np.testing.assert_allclose(ratio, [0.6, -0.5], atol=1e-6)


def test_what_has_no_ratio_is_not_observed():
    """NaN, zero and negative reflectance: an offset gone wrong never becomes a fire."""
    nir = np.array([np.nan, 0.0, -0.02, 0.3], "float32")
    swir = np.array([0.1, 0.0, 0.1, -0.01], "float32")
    assert np.isnan(burn.nbr(nir, swir)).all()


def test_classes_are_those_of_key_and_benson():
    """Edges belong to the class above; NaN is not observed."""
    dnbr = np.array([-300, -250, -101, -100, 99, 100, 269, 270, 439, 440, 659, 660, np.nan])
    assert burn.severity(dnbr.astype("float32")).tolist() == [
        1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 255,
    ]  # fmt: skip


@given(st.floats(-1, 1), st.floats(-1000, 1000))
def test_relative_forms_keep_the_sign_and_stay_finite(before, dnbr):
    """Even where the ratio before is near nothing."""
    b, d = np.float32([before]), np.float32([dnbr])
    for value in (burn.relative_dnbr(d, b)[0], burn.relativized_burn_ratio(d, b)[0]):
        assert np.isfinite(value)
        assert np.sign(value) == np.sign(d[0])


def test_relative_forms_of_a_known_pixel():
    """dNBR 500 on land of ratio 0.64: 625 relative, 304.7 relativized."""
    d, b = np.float32([500]), np.float32([0.64])
    assert burn.relative_dnbr(d, b)[0] == pytest.approx(625)
    assert burn.relativized_burn_ratio(d, b)[0] == pytest.approx(500 / 1.641)


def _scene(offset=0.0):
    """A burned square of 20 x 20 with a mild rim, far from a lone mild patch, on green land."""
    before = np.full((100, 100), 0.6, "float32")
    after = before - np.float32(offset)
    after[40:60, 40:60] -= 0.5
    after[38:62, 38:62] -= np.where(before[38:62, 38:62] == after[38:62, 38:62] + offset, 0.15, 0)
    after[90:95, 5:10] -= 0.15
    return before, after


@pytest.mark.parametrize("offset", [0.0, 0.12, -0.08])
def test_what_the_season_does_to_all_land_is_no_fire(offset):
    """The same perimeter whatever changed everywhere; the offset is found.

    Peer defect: classes without an offset, which the season shifts.
    """
    before, after = _scene(offset)
    found = burn.delimit(before, after, np.zeros(before.shape, bool), RULES)
    assert found.offset == pytest.approx(offset * 1000, abs=1)
    assert found.burned[40:60, 40:60].all()
    assert not found.burned[90:95, 5:10].any()
    assert found.burned.sum() == 24 * 24


def test_unseen_land_neither_burns_nor_is_an_island():
    """A cloud inside the fire stays unseen, an island of unburned land smaller than 4 is closed."""
    before, after = _scene()
    after[50, 50] = 0.6
    after[45:48, 45:48] = np.nan
    found = burn.delimit(before, after, np.zeros(before.shape, bool), RULES)
    assert found.burned[50, 50]
    assert not found.burned[45:48, 45:48].any()
    assert np.isnan(found.dnbr[45:48, 45:48]).all()


def test_land_that_greened_did_not_burn():
    """A harvest elsewhere with fresh growth is left out."""
    before, after = _scene()
    greener = np.zeros(before.shape, bool)
    greener[40:60, 40:50] = True
    found = burn.delimit(before, after, greener, RULES)
    assert not found.burned[40:60, 40:50].any()
    assert found.burned[40:60, 52:60].all()


def test_without_unburned_vegetation_no_offset_is_made_up():
    """Bare land all around: the offset is not known."""
    before = np.zeros((20, 20), "float32")
    found = burn.delimit(before, before - 0.4, np.zeros(before.shape, bool), RULES)
    assert np.isnan(found.offset)
