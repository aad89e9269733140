import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats

from reliefscope.numerics import standardize as kernels
from reliefscope.numerics._distributions import (
    TABLE,
    gamma_cdf,
    gamma_cdfs,
    normal_quantile,
    normal_quantiles,
)
from reliefscope.numerics.standardize import Fit, Zeros, anomaly

MONTHS = np.arange(480) % 12
ALWAYS = np.ones(480, dtype=bool)


def standardize(values, *args, **options):
    """Return the index with time first, as the tables here have it."""
    return kernels.standardize(np.moveaxis(values, 0, -1), *args, **options).T


def _rain(seed=0, cells=50):
    return np.random.default_rng(seed).gamma(2, 30, (480, cells))


def test_the_normal_quantile_is_that_of_scipy():
    """Middle, shoulders and tails down to 1e-300, to a few units in the last place."""
    p = np.concatenate([np.logspace(-300, -1, 2000), np.linspace(0.1, 0.9, 1001), [0.0, 1.0]])
    ours = np.array([normal_quantile(q) for q in p])
    np.testing.assert_allclose(ours, special.ndtri(p), rtol=2e-15, atol=1e-15)
    assert np.isnan(normal_quantile(-0.1))
    many = np.empty_like(p)
    normal_quantiles(p, many)
    np.testing.assert_allclose(many, ours, rtol=5e-16, atol=1e-16)


def test_the_gamma_distribution_is_that_of_scipy():
    """Shapes from 0.01 to 10,000, on both sides of the mean."""
    rng = np.random.default_rng(1)
    a = 10 ** rng.uniform(-2, 4, 5000)
    x = a * 10 ** rng.uniform(-2, 0.7, 5000)
    ours = np.array([gamma_cdf(v, s, special.gammaln(s)) for v, s in zip(x, a, strict=True)])
    np.testing.assert_allclose(ours, special.gammainc(a, x), rtol=0, atol=1e-11)


@pytest.mark.parametrize("a", [0.3, 3.0, 50.0, 199.0, 201.0, 1e4, 5e7, 1e11])
def test_prepared_terms_give_the_same_distribution(a):
    """Within five deviations of the mean: as SciPy, whether terms are prepared or not."""
    x = np.clip(a + np.sqrt(a) * np.linspace(-4, 4, 81), a * 1e-3, None)
    log_gamma, ours = special.gammaln(a), np.empty_like(x)
    gamma_cdfs(x, np.log(x), a, np.empty(TABLE), np.empty_like(x), ours)
    # what rounding of the amount itself is worth
    exact = 5e-12 + 1e-15 * np.sqrt(a)
    np.testing.assert_allclose(ours, special.gammainc(a, x), rtol=0, atol=exact)
    plain = [gamma_cdf(v, a, log_gamma) for v in x]
    np.testing.assert_allclose(plain, ours, rtol=0, atol=5e-12)


@given(
    arrays(np.float64, 480, elements=st.integers(0, 1000).map(float) | st.just(np.nan)),
    st.integers(1, 24),
)
def test_sums_are_the_sums_of_their_steps_or_missing(values, length):
    """Adding up inside gives what adding up before gives; a gap makes every sum over it missing."""
    sums = np.full(480, np.nan)
    for end in range(length - 1, 480):
        sums[end] = values[end + 1 - length : end + 1].sum()
    inside = standardize(values, MONTHS, ALWAYS, length=length)
    np.testing.assert_array_equal(inside, standardize(sums, MONTHS, ALWAYS))
    assert np.isnan(inside[np.isnan(sums)]).all()


@pytest.mark.parametrize("fit", list(Fit))
def test_the_reference_period_becomes_standard_normal(fit):
    """Mean 0 and deviation 1 in every month, and the shape of the normal distribution."""
    # a log-logistic without skew is a logistic distribution
    logistic = np.random.default_rng(0).logistic(0, 30, (480, 50))
    amounts = logistic if fit is Fit.LOG_LOGISTIC else _rain()
    z = standardize(amounts, MONTHS, ALWAYS, fit=fit)
    by_month = z.reshape(40, 12, 50)
    assert np.abs(by_month.mean(axis=(0, 2))).max() < 0.05
    assert np.abs(by_month.std(axis=0).mean(axis=1) - 1).max() < 0.05
    assert abs(stats.kstest(z.ravel(), "norm").statistic) < 0.02


@pytest.mark.parametrize("fit", [Fit.GAMMA_THOM, Fit.GAMMA_LMOMENTS, Fit.PEARSON3])
def test_the_order_of_amounts_is_kept(fit):
    """More rain in the same month is never drier."""
    rain, z = _rain(cells=1)[:, 0], standardize(_rain(cells=1), MONTHS, ALWAYS, fit=fit)[:, 0]
    for month in range(12):
        order = np.argsort(rain[month::12])
        assert (np.diff(z[month::12][order]) >= 0).all()


def test_dry_months_count_half_their_share_or_all_of_it():
    """With 20 of 40 Januaries dry, dry is the quantile of 0.25, or of 0.5 in McKee's way.

    Peer defect: dry months all given the whole share (xclim), a bias to the wet side.
    """
    rain = _rain(cells=1)
    rain[:240:12] = 0
    centred = standardize(rain, MONTHS, ALWAYS)
    upper = standardize(rain, MONTHS, ALWAYS, zeros=Zeros.UPPER)
    assert centred[0, 0] == pytest.approx(stats.norm.ppf(0.25), abs=1e-12)
    assert upper[0, 0] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_array_equal(centred[240:], upper[240:])


def test_what_cannot_be_fitted_is_not_stated():
    """Always dry, always the same, or too few years: NaN, never 0."""
    rain = _rain(cells=4)
    rain[MONTHS == 0, 0] = 0
    rain[MONTHS == 0, 1] = 17.0
    rain[(MONTHS == 0) & (np.arange(480) > 36), 2] = np.nan
    january = standardize(rain, MONTHS, ALWAYS)[MONTHS == 0]
    assert np.isnan(january[:, :2]).all()
    assert np.isfinite(january[:4, 2]).all()
    assert np.isnan(january[4:, 2]).all()
    assert np.isnan(standardize(rain, MONTHS, ALWAYS, min_sample=5)[MONTHS == 0, 2]).all()
    assert np.isfinite(january[:, 3]).all()


def test_only_the_reference_period_is_fitted():
    """Values after it change nothing before it, and are judged by it."""
    rain, reference = _rain(), np.arange(480) < 360
    wetter = rain.copy()
    wetter[360:] *= 3
    before, after = (standardize(r, MONTHS, reference) for r in (rain, wetter))
    np.testing.assert_array_equal(before[:360], after[:360])
    assert after[360:].mean() > 1


def test_one_map_is_the_same_as_that_step_of_all():
    """Only the wanted steps are evaluated, to the same bits."""
    wanted = np.arange(480) >= 468
    some = standardize(_rain(), MONTHS, ALWAYS, wanted=wanted)
    np.testing.assert_array_equal(some[wanted], standardize(_rain(), MONTHS, ALWAYS)[wanted])
    assert np.isnan(some[~wanted]).all()


def test_values_are_clipped_at_the_limit_and_nowhere_else():
    """A flood without precedent is 3.09, or more where more is asked for.

    Peer defect: indices up to 8.21 (xclim), which samples of some decades cannot support.
    """
    rain = _rain(cells=1)
    rain[5] = 5000
    reference = np.arange(480) != 5
    assert standardize(rain, MONTHS, reference)[5, 0] == 3.09
    assert standardize(rain, MONTHS, reference, limit=99)[5, 0] > 6


def test_nothing_is_clipped_at_the_ends_of_double_precision():
    """Without a limit the index goes where the distribution does, not to 8.21 and no further."""
    rain = _rain(cells=1)
    rain[5] = 4000
    index = standardize(rain, MONTHS, np.arange(480) != 5, limit=np.inf)
    assert index[5, 0] > 8.21
    dry = _rain(cells=1)
    dry[5] = 1e-30
    index = standardize(dry, MONTHS, np.arange(480) != 5, limit=np.inf)
    assert index[5, 0] < -8.21


def test_the_first_steps_of_a_sum_are_missing():
    """Twelve months cannot be added up in the first eleven."""
    index = standardize(_rain(cells=3), MONTHS, ALWAYS, length=12)
    assert np.isnan(index[:11]).all()
    assert np.isfinite(index[11:]).all()


@pytest.mark.parametrize("fit", list(Fit))
def test_a_balance_that_never_changes_has_no_index(fit):
    """A constant series is NaN under every distribution, never 0."""
    flat = np.full((480, 2), 12.5)
    assert np.isnan(standardize(flat, MONTHS, ALWAYS, fit=fit)).all()


def test_a_balance_beyond_the_bound_is_the_limit_and_not_missing():
    """Below the least the log-logistic allows, probability is 0: the driest there is."""
    balance = np.random.default_rng(2).gamma(2, 30, (480, 1)) - 100
    balance[7] = -10_000
    index = standardize(balance, MONTHS, np.arange(480) != 7, fit=Fit.LOG_LOGISTIC)
    assert index[7, 0] == -3.09
    free = standardize(balance, MONTHS, np.arange(480) != 7, fit=Fit.LOG_LOGISTIC, limit=np.inf)
    assert free[7, 0] == -np.inf


@pytest.mark.parametrize("lean", [0.0, 1e-7, -1e-7, 1e-3, -1e-3])
def test_a_sample_without_skew_is_as_good_as_normal(lean):
    """Pearson III of a symmetric season is the deviation from its mean, in its own spread."""
    z = np.concatenate([-np.linspace(2, 0.05, 20), np.linspace(0.05, 2, 20)])
    rain = 500 + 30 * (z + lean * z**2)
    index = standardize(np.repeat(rain, 12)[:, None], MONTHS, ALWAYS, fit=Fit.PEARSON3)[::12, 0]
    slope, offset = np.polyfit(rain, index, 1)
    np.testing.assert_allclose(index, slope * rain + offset, atol=6 * abs(lean) + 3e-6)
    assert abs(index.mean()) < abs(lean) + 1e-6


def test_an_anomaly_is_in_spreads_of_the_other_years():
    """Mean 3 and deviation 2 by hand; years that were not seen are left out, not counted as 0."""
    others = np.array([[1.0, 3.0, 5.0, np.nan]])
    assert anomaly(np.array([7.0]), others, min_years=3)[0] == 2
    assert anomaly(np.array([3.0]), others, min_years=3)[0] == 0
    assert np.isnan(anomaly(np.array([7.0]), others, min_years=4)[0])
    assert np.isnan(anomaly(np.array([np.nan]), others, min_years=3)[0])


def test_years_that_do_not_differ_make_nothing_unusual():
    """Always the same, to rounding: NaN, not infinity."""
    for level in (0.0, 0.2, 300.0):
        others = np.float32(level) * (1 + np.linspace(-1, 1, 9, dtype="float32") * 1e-7)
        assert np.isnan(anomaly(np.array([level + 1]), others[None], min_years=5)[0])


@pytest.fixture(scope="module")
def r_spei(shared_data):
    """Inputs and outputs of the R package SPEI."""

    def read(name):
        return pd.read_csv(shared_data / "drought" / "r_spei" / f"{name}.csv").to_numpy(float)

    return read


@pytest.mark.realdata
@pytest.mark.parametrize("steps", [1, 12])
def test_spei_is_that_of_the_r_package(r_spei, steps):
    """Eleven stations, 108 years, to 1e-10; what lies beyond the bound is infinite in both."""
    balance, want = r_spei("balance"), r_spei(f"spei_{steps}_matrix")
    every = np.ones(len(balance), dtype=bool)
    ours = standardize(
        balance,
        np.arange(len(balance)) % 12,
        every,
        length=steps,
        fit=Fit.LOG_LOGISTIC,
        limit=np.inf,
    )
    assert np.isfinite(want).sum() > 13_000
    np.testing.assert_allclose(ours, want, rtol=0, atol=1e-10)


@pytest.mark.realdata
def test_spi_12_is_that_of_the_r_package(r_spei):
    """Wichita 1980 to 2011, gamma by L-moments, to 1e-6."""
    rain = r_spei("wichita")[:, [2]]
    ours = standardize(
        rain,
        np.arange(len(rain)) % 12,
        np.ones(len(rain), dtype=bool),
        length=12,
        fit=Fit.GAMMA_LMOMENTS,
    )
    np.testing.assert_allclose(ours, r_spei("spi_12_vector"), rtol=0, atol=1e-6)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("fit", "name"), [(Fit.GAMMA_LMOMENTS, "spi_gamma"), (Fit.PEARSON3, "spi_pe3")]
)
def test_spi_1_is_that_of_the_r_package_where_no_month_is_dry(r_spei, fit, name):
    """Months that are sometimes dry differ by how zeros are counted; the others to 1e-6."""
    rain, want = r_spei("wichita")[:, [2]], r_spei(name)
    months = np.arange(len(rain)) % 12
    ours = standardize(rain, months, np.ones(len(rain), dtype=bool), fit=fit, limit=np.inf)
    wet = ~np.isin(months, np.unique(months[rain[:, 0] == 0]))
    assert wet.sum() > 200
    np.testing.assert_allclose(ours[wet], want[wet], rtol=0, atol=1e-6)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("spei_12_vector", 0, 382),
        ("spei_refst", 108, 382),
        ("spei_refend", 0, 109),
        ("spei_refst_refend", 108, 300),
    ],
)
def test_reference_periods_are_those_of_the_r_package(r_spei, name, first, last):
    """Wichita, rain less its Thornthwaite evaporation, four reference periods: to 1e-10."""
    rain, demand = r_spei("wichita")[:, [2]], r_spei("thornthwaite_out")
    steps = np.arange(len(rain))
    ours = standardize(
        rain - demand,
        steps % 12,
        (steps >= first) & (steps < last),
        length=12,
        fit=Fit.LOG_LOGISTIC,
        limit=np.inf,
    )
    want = r_spei(name)
    assert np.isfinite(want).sum() > 300
    np.testing.assert_allclose(ours, want, rtol=0, atol=1e-10)
