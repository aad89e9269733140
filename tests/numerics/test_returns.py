import numpy as np
import pytest
from scipy import stats

from reliefscope.numerics import returns
from reliefscope.numerics.returns import Fitted

SHAPES = (-0.3, -0.1, 0.0, 0.1, 0.25)


@pytest.mark.parametrize("shape", SHAPES)
def test_levels_and_years_are_those_of_scipy(shape):
    """To 1e-9; the sign of SciPy's shape of a GEV is the other way round."""
    fitted = Fitted(np.array(40.0), np.array(12.0), np.array(shape))
    years = np.array([2.0, 10.0, 100.0, 1000.0])
    want = stats.genextreme.isf(1 / years, -shape, 40, 12)
    np.testing.assert_allclose(returns.gev_level(fitted, years), want, rtol=1e-9)
    np.testing.assert_allclose(returns.gev_years(fitted, want), years, rtol=1e-7)
    fitted = Fitted(np.array(0.0), np.array(12.0), np.array(shape))
    want = 30 + stats.genpareto.isf(1 / (3 * years), shape, 0, 12)
    np.testing.assert_allclose(returns.gpd_level(fitted, 30.0, 3.0, years), want, rtol=1e-9)
    np.testing.assert_allclose(returns.gpd_years(fitted, 30.0, 3.0, want), years, rtol=1e-7)
    assert np.isnan(returns.gpd_years(fitted, np.array(30.0), 3.0, np.array(29.0)))


@pytest.mark.parametrize("shape", SHAPES)
def test_fits_find_the_distribution_that_the_sample_is_of(shape):
    """From 200,000 values, parameters to two percent of the scale (Hosking's own error is 9e-4)."""
    rng = np.random.default_rng(5)
    maxima = stats.genextreme.rvs(-shape, 40, 12, size=200_000, random_state=rng)
    found = returns.fit_gev(maxima)
    np.testing.assert_allclose(found.location, 40, atol=0.24)
    np.testing.assert_allclose(found.scale, 12, atol=0.24)
    np.testing.assert_allclose(found.shape, shape, atol=0.02)
    excess = stats.genpareto.rvs(shape, 0, 12, size=200_000, random_state=rng)
    found = returns.fit_gpd(excess)
    np.testing.assert_allclose(found.scale, 12, atol=0.24)
    np.testing.assert_allclose(found.shape, shape, atol=0.02)


def test_l_moments_are_the_mean_over_all_samples_of_the_sample():
    """Half the mean difference of pairs; a third of x3 - 2 x2 + x1 over triples; NaN left out."""
    x = np.array([3.0, 1.0, 7.0, np.nan, 4.5, 20.0])
    mean, l2, skew, n = returns.l_moments(x)
    known = np.sort(x[~np.isnan(x)])
    pairs = [known[j] - known[i] for i in range(5) for j in range(i + 1, 5)]
    triples = [
        known[k] - 2 * known[j] + known[i]
        for i in range(5) for j in range(i + 1, 5) for k in range(j + 1, 5)
    ]  # fmt: skip
    assert mean == pytest.approx(known.mean())
    assert l2 == pytest.approx(np.mean(pairs) / 2)
    assert skew == pytest.approx(np.mean(triples) / 3 / (np.mean(pairs) / 2))
    assert n == 5


@pytest.mark.parametrize("shape", [-0.1, 0.15])
def test_intervals_hold_the_true_level_as_often_as_they_say(shape):
    """90 percent intervals of the 50-year level, 40 years, 1,000 samples: 85 to 94 percent."""
    truth = Fitted(np.array(40.0), np.array(12.0), np.array(shape))
    rng = np.random.default_rng(8)
    maxima = stats.genextreme.rvs(-shape, 40, 12, size=(1000, 40), random_state=rng)
    fitted = returns.fit_gev(maxima)
    low, high = returns.gev_interval(fitted, np.full(1000, 40), 50.0)
    level = returns.gev_level(truth, 50.0)
    known = ~np.isnan(fitted.shape)
    assert known.mean() > 0.99
    held = ((low <= level) & (level <= high))[known].mean()
    assert 0.85 <= held <= 0.94
    assert (low < returns.gev_level(fitted, 50.0))[known].mean() > 0.99


@pytest.mark.parametrize(("shape", "rate"), [(-0.1, 1), (0.1, 3)])
def test_intervals_of_storms_hold_the_true_level_as_often_as_they_say(shape, rate):
    """Five storms a year in the mean, 30 years, the largest fitted, 1,000 records: 84 to 94 %."""
    rng = np.random.default_rng(8)
    storms = 20 + stats.genpareto.rvs(shape, 0, 12, size=(1000, 400), random_state=rng)
    storms[np.arange(400) >= rng.poisson(150, 1000)[:, None]] = np.nan
    count = np.full(1000, 30 * rate)
    excess, threshold = returns.largest(storms, count)
    fitted = returns.fit_gpd(excess)
    low, high = returns.gpd_interval(fitted, count, threshold, rate, 50.0)
    level = 20 + stats.genpareto.isf(1 / (5 * 50), shape, 0, 12)
    known = ~np.isnan(fitted.shape)
    assert known.mean() > 0.98
    assert 0.84 <= ((low <= level) & (level <= high))[known].mean() <= 0.94
    found = returns.gpd_level(fitted, threshold, np.array(float(rate)), 50.0)
    assert (low < found)[known].mean() > 0.99


def test_the_largest_values_by_hand():
    """By how much they exceed the next one; too few values, or gaps: nothing."""
    values = np.array([[3.0, 9, np.nan, 5, 1], [3, 9, np.nan, np.nan, np.nan]])
    excess, threshold = returns.largest(values, np.array([2, 2]))
    np.testing.assert_array_equal(excess, [[6, 2], [np.nan, np.nan]])
    np.testing.assert_array_equal(threshold, [3, np.nan])
    excess, threshold = returns.largest(values, np.array([9, 1]))
    np.testing.assert_array_equal(threshold, [np.nan, 3])
    assert excess[1, 0] == 6
    assert np.isnan(excess[0]).all()


def test_short_and_constant_records_give_nothing():
    """Nine years, the same every year, nothing seen: NaN, not a level."""
    ten = np.random.default_rng(0).gumbel(40, 10, (3, 12))
    ten[0, :3] = np.nan
    ten[1] = 7.0
    ten[2] = np.nan
    assert np.isnan(returns.gev_level(returns.fit_gev(ten), 20.0)).all()
    assert np.isnan(returns.fit_gpd(ten).scale).all()
    low, high = returns.gev_interval(returns.fit_gev(ten), np.full(3, 12), 20.0)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_totals_maxima_and_peaks_by_hand():
    """A gap is not dry; a year with too many gaps has no maximum; a storm counts once."""
    rain = np.array([1.0, 2, 3, np.nan, 5, 6, 7, 8])
    np.testing.assert_array_equal(
        returns.running_total(rain, 2), [np.nan, 3, 5, np.nan, np.nan, 11, 13, 15]
    )
    assert np.isnan(returns.running_total(rain, 9)).all()
    assert returns.yearly_maxima(rain, np.array([0, 4]), missing=0.1).tolist()[1] == 8
    assert np.isnan(returns.yearly_maxima(rain, np.array([0, 4]), missing=0.1)[0])
    assert returns.yearly_maxima(rain, np.array([0, 4]), missing=0.3).tolist() == [3, 8]
    storms = np.array([0.0, 12, 15, 15, 0, 0, 0, 0, 11, 0, np.nan, 30])
    found = returns.peaks(storms, np.array(10.0), apart=3)
    assert {i: v for i, v in enumerate(found) if not np.isnan(v)} == {2: 5, 11: 20}
    near = returns.peaks(storms, np.array(10.0), apart=1)
    assert np.flatnonzero(~np.isnan(near)).tolist() == [2, 8, 11]
