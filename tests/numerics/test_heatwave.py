import numpy as np
import pytest

from reliefscope.numerics import heatwave
from reliefscope.numerics.days import Days
from reliefscope.numerics.heatwave import Magnitude

DAYS = Days(first_year=1981, last_year=2011)
BASE = (1981, 2010)


def _summers(seed=0, cells=2):
    rng = np.random.default_rng(seed)
    season = 20 - 10 * np.cos(2 * np.pi * (DAYS.of_year - 15) / 365)
    return season + rng.normal(0, 2.5, (cells, len(DAYS.dates)))


def test_a_day_as_hot_as_the_upper_quarter_of_hottest_days_has_magnitude_one():
    """(T - 25th) / (75th - 25th): 30 to 34 degrees; 0 when not hot, never negative."""
    scale = Magnitude(np.full((1, 365), 28.0), np.array([30.0]), np.array([34.0]))
    days = np.array([[34.0, 30.0, 38.0, 29.0, 27.0, np.nan]])
    found = heatwave.daily_magnitude(days, scale, np.arange(6))
    np.testing.assert_array_equal(found, [[1, 0, 2, 0, 0, np.nan]])


def test_the_worst_wave_by_hand():
    """Two hot days are none; of two waves the larger counts, with its days; a gap ends one."""
    scale = Magnitude(np.full((1, 365), 28.0), np.array([30.0]), np.array([34.0]))
    series = np.full((1, 30), 25.0)
    series[0, 1:3] = 40  # two days: no wave
    series[0, 5:8] = 34  # 3 x 1
    series[0, 12:16] = 32  # 4 x 0.5
    series[0, 20:24] = 36  # 4 x 1.5, but a gap in the middle
    series[0, 22] = np.nan
    wave = heatwave.worst_wave(series, scale, np.arange(30))
    assert (wave.magnitude.item(), wave.days.item()) == (3, 3)
    series[0, 22] = 36
    wave = heatwave.worst_wave(series, scale, np.arange(30))
    assert (wave.magnitude.item(), wave.days.item()) == (6, 4)
    cool = heatwave.worst_wave(np.full((1, 30), 20.0), scale, np.arange(30))
    assert (cool.magnitude.item(), cool.days.item()) == (0, 0)
    unseen = heatwave.worst_wave(np.full((1, 30), np.nan), scale, np.arange(30))
    assert np.isnan(unseen.magnitude).all()


def test_the_scale_is_of_the_hottest_days_of_the_reference_alone():
    """Quarters of thirty yearly maxima; a hotter year after it changes nothing."""
    tmax = _summers()
    later = tmax + np.where(DAYS.year == 30, 9.0, 0)
    scale, again = (heatwave.magnitude_scale(t, DAYS, BASE) for t in (tmax, later))
    hottest = np.array([tmax[:, DAYS.year == y].max(axis=1) for y in range(30)])
    want = np.quantile(hottest, [0.25, 0.75], axis=0, method="median_unbiased")
    np.testing.assert_allclose([scale.low, scale.high], want, rtol=1e-12)
    np.testing.assert_array_equal(scale.threshold[:, 15:-15], again.threshold[:, 15:-15])
    steady = np.random.default_rng(1).normal(size=tmax.shape)  # no season: the share is exact
    limit = heatwave.magnitude_scale(steady, DAYS, BASE).threshold[:, DAYS.of_year]
    assert (steady > limit).mean() == pytest.approx(0.1, abs=0.005)


def test_warming_everything_alike_is_no_heat_wave():
    """Magnitudes are of the place: a shift of all temperatures changes none, nor does a scale."""
    tmax = _summers()
    plain = heatwave.worst_wave(tmax, heatwave.magnitude_scale(tmax, DAYS, BASE), DAYS.of_year)
    warmer = 2 * tmax + 7
    shifted = heatwave.worst_wave(
        warmer, heatwave.magnitude_scale(warmer, DAYS, BASE), DAYS.of_year
    )
    np.testing.assert_allclose(plain.magnitude, shifted.magnitude, rtol=1e-9)
    assert (plain.days >= 3).all()
    assert plain.magnitude.max() > 0


def test_the_excess_heat_factor_by_hand():
    """Three days ten degrees over a cool month: the excess times the surprise."""
    mean = np.full(len(DAYS.dates), 20.0)
    mean[::10] = 24.0  # the hottest tenth: the 95th percentile of all days is 24
    start = 4000
    mean[start - 40 : start] = 20.0
    mean[start : start + 3] = 30.0
    factor, severe = heatwave.excess_heat(mean + 6, mean - 6, DAYS, BASE)
    assert factor[start + 2] == pytest.approx((30 - 24) * (30 - 20))
    # a day before: two of three days are hot
    assert factor[start + 1] == pytest.approx((80 / 3 - 24) * (80 / 3 - 20))
    assert (np.nan_to_num(factor[: start - 1]) <= 0).all()
    positive = factor[DAYS.within(BASE)]
    positive = positive[positive > 0]
    assert severe == pytest.approx(np.quantile(positive, 0.85, method="median_unbiased"))


def test_who_is_used_to_heat_suffers_less():
    """The same three days after a warm month: the factor falls to the excess alone (times 1)."""
    mean = np.full(len(DAYS.dates), 20.0)
    mean[::10] = 24.0
    start = 4000
    mean[start - 40 : start] = 29.8
    mean[start : start + 3] = 30.0
    factor, _ = heatwave.excess_heat(mean, mean, DAYS, BASE)
    assert factor[start + 2] == pytest.approx((30 - 24) * 1)


def test_a_missing_day_leaves_the_factors_of_its_month_unknown():
    """Itself and the thirty-two days after it: NaN; no other but the first of the record."""
    tmax = _summers(cells=1)[0]
    tmax[5000] = np.nan
    factor, severe = heatwave.excess_heat(tmax, tmax - 10, DAYS, BASE)
    unknown = np.flatnonzero(np.isnan(factor))
    assert unknown.tolist() == [*range(32), *range(5000, 5033)]
    assert np.isfinite(severe)
    nothing, _ = heatwave.excess_heat(tmax * np.nan, tmax, DAYS, BASE)
    assert np.isnan(nothing).all()
