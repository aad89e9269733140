import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reliefscope.errors import InputError
from reliefscope.numerics.vegetation import (
    LEAST_NDVI,
    condition,
    health,
    stressed,
    stressed_share_by_zone,
)

YEARS = np.array([0.2, 0.3, 0.4, 0.5, 0.6])


def _vci(value, others=YEARS, **options):
    return condition(np.float64(value), others, **{"least": LEAST_NDVI, "min_years": 5, **options})


def test_condition_is_the_place_between_worst_and_best():
    """0 at the worst, 100 at the best, linear between, and clipped beyond (Kogan 1995)."""
    assert [_vci(v) for v in (0.2, 0.3, 0.6)] == pytest.approx([0, 25, 100], abs=1e-4)
    assert _vci(0.1) == 0
    assert _vci(0.9) == 100


def test_heat_counts_the_other_way():
    """TCI: the hottest year is 0, the coolest 100."""
    others = np.array([290.0, 295, 300, 305, 310])
    assert _vci(310, others, falling=True) == 0
    assert _vci(290, others, falling=True) == 100


def test_ground_that_never_changes_has_no_condition():
    """Best less worst under 0.05: NaN, not infinity and not 0; at 0.05 there is one.

    Peer defect: a condition divided by next to nothing.
    """
    assert np.isnan(_vci(0.30, np.array([0.30, 0.31, 0.32, 0.33, 0.34])))
    assert np.isnan(_vci(0.3, np.full(5, 0.3)))
    assert _vci(0.05, np.array([0.0, 0.05, 0.05, 0.0, 0.05])) == 100


def test_few_years_and_missing_ones_state_nothing():
    """Four of five years seen are too few; a value that is missing stays so."""
    assert np.isnan(_vci(0.3, np.array([0.2, np.nan, 0.4, 0.5, 0.6])))
    assert np.isfinite(_vci(0.3, np.array([0.2, np.nan, 0.4, 0.5, 0.6]), min_years=4))
    assert np.isnan(_vci(np.nan))
    assert np.isnan(_vci(0.3, np.full(5, np.nan)))


@given(
    arrays(np.float64, (7, 6), elements=st.floats(0, 1) | st.just(np.nan)),
    arrays(np.float64, 7, elements=st.floats(0, 1) | st.just(np.nan)),
)
def test_condition_is_a_percentage_or_nothing(others, values):
    """Within 0 to 100, and NaN wherever the value is."""
    out = condition(values, others, least=LEAST_NDVI, min_years=3)
    seen = out[~np.isnan(out)]
    assert ((seen >= 0) & (seen <= 100)).all()
    assert np.isnan(out[np.isnan(values)]).all()


def test_health_is_the_mean_of_both_and_needs_both():
    """Half and half; NaN where either is."""
    out = health(np.array([20.0, np.nan, 50.0]), np.array([40.0, 30.0, np.nan]))
    assert out[0] == 30
    assert np.isnan(out[1:]).all()


def test_only_seen_cropland_can_be_stressed():
    """34.9 is stressed, 35 not; no cropland and not seen are NaN."""
    season = np.array([34.9, 35.0, 10.0, np.nan])
    crop = np.array([True, True, False, True])
    np.testing.assert_array_equal(stressed(season, crop), [1, 0, np.nan, np.nan])


def test_stress_of_districts_counts_cropland_by_area_and_says_what_was_seen():
    """One of three seen fields, twice as large as the others: 50 %; a fourth was not seen."""
    season = np.array([[20.0, 60.0, 60.0, np.nan, 20.0, 20.0]])
    crop = np.array([[True, True, True, True, False, True]])
    zones = np.array([[0, 0, 0, 0, 1, -1]])
    area = np.array([[2.0, 1.0, 1.0, 4.0, 1.0, 1.0]])
    share, seen = stressed_share_by_zone(season, crop, zones, 3, area)
    assert share[0] == 50
    assert seen[0] == 0.5
    assert np.isnan(share[1:]).all()
    assert np.isnan(seen[1:]).all()
    share, _ = stressed_share_by_zone(season, crop, zones, 3)
    assert share[0] == pytest.approx(100 / 3)


def test_arrays_that_do_not_fit_are_refused():
    """Another shape, or a zone too many: said, not broadcast."""
    season, crop = np.zeros((2, 2)), np.ones((2, 2), bool)
    with pytest.raises(InputError, match="one shape"):
        stressed_share_by_zone(season, crop, np.zeros(2, int), 1)
    with pytest.raises(InputError, match="not below"):
        stressed_share_by_zone(season, crop, np.full((2, 2), 3), 3)
