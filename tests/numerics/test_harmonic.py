import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats

from reliefscope.errors import InputError
from reliefscope.numerics import harmonic
from reliefscope.numerics.denial import Denial
from reliefscope.numerics.radar import WATER_SPREAD_DB, water_db

DAYS = (np.arange(60) * 12 + 5) % 365 + 1.0
TRUTH = np.array([-10, 1, 0.5, 0.3, -0.2, 0.1, 0.1])


def series(noise=1.0, pixels=(20, 30), seed=0):
    level = harmonic.design(DAYS) @ TRUTH
    values = level[:, None, None] + np.random.default_rng(seed).normal(0, noise, (60, *pixels))
    return values.astype(np.float32)


def test_the_harmonics_are_those_of_the_year():
    """Constant, and sine and cosine of one, two and three turns in 365 days."""
    row = harmonic.design(np.array([365 / 4]))[0]
    np.testing.assert_allclose(row, [1, 1, 0, 0, -1, -1, 0], atol=1e-12)


def test_a_season_without_noise_is_found_again():
    """To the precision of float32, spread at nothing, and what is expected on any day."""
    season = harmonic.fit(series(noise=0), DAYS)
    np.testing.assert_allclose(season.coefficients[:, 3, 4], TRUTH, atol=2e-5)
    assert season.spread.max() < 1e-4
    want = harmonic.design(np.array([200.0])) @ TRUTH
    np.testing.assert_allclose(harmonic.expected(season, 200.0), want[0], atol=3e-5)


def test_least_squares_is_that_of_numpy_with_any_gaps():
    """Each pixel has its own gaps; coefficients and sqrt(SSE / (N - 7)) pixel by pixel."""
    values = series()
    values[np.random.default_rng(1).random(values.shape) < 0.25] = np.nan
    values[:, :5] = np.where(np.isnan(values[:, :1, :1]), np.nan, series()[:, :5])
    season = harmonic.fit(values, DAYS, robust=False)
    waves = harmonic.design(DAYS)
    for y, x in np.ndindex(20, 30):
        seen = np.isfinite(values[:, y, x])
        want, rest, *_ = np.linalg.lstsq(waves[seen], values[seen, y, x].astype(float), rcond=None)
        assert season.images[y, x] == seen.sum()
        np.testing.assert_allclose(season.coefficients[:, y, x], want, atol=1e-5)
        spread = np.sqrt(rest[0] / (seen.sum() - 7))
        assert season.spread[y, x] == pytest.approx(spread, rel=1e-5)


def test_order_and_company_of_pixels_do_not_matter():
    """A pixel alone has the bits that it has among neighbours with other gaps."""
    values = series()
    values[:, ::2, ::3][::7] = np.nan
    whole = harmonic.fit(values, DAYS)
    for y, x in ((0, 0), (1, 1), (4, 6), (19, 29)):
        alone = harmonic.fit(values[:, y : y + 1, x : x + 1], DAYS)
        np.testing.assert_array_equal(alone.coefficients[:, 0, 0], whole.coefficients[:, y, x])
        assert alone.spread[0, 0] == whole.spread[y, x]


def test_thirty_one_observations_are_too_few():
    """NaN and the count, and 32 are enough; a record of one season is no year."""
    values = series()
    values[31:, 0] = np.nan
    values[32:, 1] = np.nan
    season = harmonic.fit(values, DAYS)
    assert np.isnan(season.spread[0]).all()
    assert np.isnan(season.coefficients[:, 0]).all()
    assert (season.images[0] == 31).all()
    assert np.isfinite(season.spread[1]).all()
    monsoon = harmonic.fit(values, 150 + np.arange(60) % 3.0)
    assert np.isnan(monsoon.spread).all()


@pytest.mark.parametrize("floods", [1, 3, 6])
def test_old_floods_change_neither_mean_nor_spread(floods):
    """Up to six of sixty images 10 dB darker: the plain fit falls by their share, ours does not."""
    values = series(seed=floods)
    values[np.random.default_rng(floods).choice(60, floods, replace=False)] -= 10
    plain, ours = (harmonic.fit(values, DAYS, robust=r) for r in (False, True))
    assert np.mean(plain.coefficients[0]) < -10 - 0.8 * floods * 10 / 60
    assert np.mean(ours.coefficients[0]) == pytest.approx(-10, abs=0.05)
    assert np.mean(ours.spread) == pytest.approx(1, abs=0.05)
    assert np.mean(plain.spread) > 1.4


@pytest.mark.parametrize(
    ("days", "least"), [(DAYS[:50], 32), (np.float64(3), 32), (DAYS, 7)], ids=str
)
def test_what_cannot_be_fitted_is_refused(days, least):
    """Days that do not fit the images; no degree of freedom."""
    with pytest.raises(InputError):
        harmonic.fit(series(), days, least=least)


@pytest.mark.parametrize(("mean", "spread"), [(-17.0, WATER_SPREAD_DB), (-9.0, 0.8), (-9.0, 4.0)])
def test_densities_integrate_to_one(mean, spread):
    """And are those of the normal distribution."""

    def density(x):
        return float(np.exp(harmonic.log_density(np.float64(x), mean, np.float64(spread))))

    area, _ = integrate.quad(density, mean - 12 * spread, mean + 12 * spread, limit=200)
    assert area == pytest.approx(1, abs=1e-6)
    assert density(mean + 1) == pytest.approx(stats.norm.pdf(1, 0, spread), rel=1e-6)


@pytest.mark.parametrize("spread", [0.6, 1.5, 4.0])
@pytest.mark.parametrize("after", [-22.0, -14.0, -9.0, 0.0])
def test_each_class_has_its_own_spread(after, spread):
    """Water 2.754 dB, land that of its residuals.

    Peer defect: spreads swapped or shared (dask-flood-mapper), which give other numbers.
    """
    water = float(water_db(np.float32(38)))
    got = harmonic.posterior(np.array([after]), np.array([-9.0]), np.array([spread]),
                             np.array([38.0]))  # fmt: skip
    flood = stats.norm.pdf(after, water, WATER_SPREAD_DB)
    land = stats.norm.pdf(after, -9, spread)
    assert got[0] == pytest.approx(flood / (flood + land), abs=1e-5)
    for w, h in ((spread, WATER_SPREAD_DB), (WATER_SPREAD_DB,) * 2, (spread, spread)):
        wrong = stats.norm.pdf(after, water, w)
        wrong /= wrong + stats.norm.pdf(after, -9, h)
        if after == -14.0 and spread != 4.0:
            assert abs(got[0] - wrong) > 0.02


def test_far_out_nothing_underflows():
    """60 dB from both classes the ratio of two zeros would be NaN; log odds are not."""
    far = harmonic.posterior(*(np.array([v]) for v in (-80.0, -9.0, 0.3, 38.0)))
    assert far[0] == 1.0


def deny(after, land=-9.0, spread=1.0, angle=38.0):
    args = [np.array([v]) for v in (after, land, spread, angle)]
    return Denial(int(harmonic.denials(*args, harmonic.posterior(*args))[0]))


def test_reasons_to_state_nothing():
    """Angle outside of 27 to 48; land as dark as water; neither; undecided; too few; and none."""
    water = float(water_db(np.float32(38)))
    assert deny(-9.0) == Denial(0)
    assert deny(-20.0) == Denial(0)
    assert deny(-9.0, angle=26.9) == deny(-9.0, angle=48.1) == Denial.ANGLE
    assert deny(-9.0, angle=27.0) == deny(-9.0, angle=48.0) == Denial(0)
    assert Denial.CONFLICT in deny(water, land=water + 1.3)
    assert Denial.CONFLICT not in deny(water, land=water + 1.4)
    assert deny(-4.0) == Denial.OUTLIER
    assert deny(-30.0) == Denial(0)
    assert Denial.UNDECIDED in deny(-12.05)
    assert deny(-9.0, land=np.nan, spread=np.nan) == Denial.SHORT


def test_what_was_not_seen_is_not_denied():
    """A gap has no reason: it is a gap."""
    assert deny(np.nan) == Denial(0)
    assert deny(np.nan, land=np.nan, spread=np.nan) == Denial(0)


@given(
    hnp.arrays(np.float32, (9, 7), elements=st.sampled_from([np.nan, 0.0, 0.25, 0.5, 1.0])),
    st.integers(0, 3),
)
def test_the_median_is_that_of_what_is_known(values, radius):
    """Against numpy, window by window; gaps stay gaps and count for nothing, 0 least of all."""
    got = harmonic.median(values, radius)
    for y, x in np.ndindex(values.shape):
        window = values[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        known = window[~np.isnan(window)]
        want = np.nan if np.isnan(values[y, x]) else np.median(known)
        np.testing.assert_equal(got[y, x], np.float32(want))
