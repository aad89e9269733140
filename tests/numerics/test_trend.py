import numpy as np
import pymannkendall
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reliefscope.numerics.significance import false_discovery
from reliefscope.numerics.trend import Dependence, mann_kendall


def _persistent(rho, cells, steps=40, seed=0):
    noise = np.random.default_rng(seed).normal(size=(steps + 50, cells))
    x = np.zeros_like(noise)
    for i in range(1, len(x)):
        x[i] = rho * x[i - 1] + noise[i]
    return x[50:]


@pytest.mark.parametrize(
    ("dependence", "test", "cells"),
    [
        (Dependence.NONE, pymannkendall.original_test, _persistent(0.6, 30)),
        (Dependence.NONE, pymannkendall.original_test, np.round(_persistent(0.3, 30))),
        (Dependence.HAMED_RAO, pymannkendall.hamed_rao_modification_test, _persistent(0.6, 30)),
    ],
    ids=["independent", "with ties", "Hamed and Rao"],
)
def test_agrees_with_a_second_implementation(dependence, test, cells):
    """Thirty series: statistic, variance, probability and slope."""
    ours = mann_kendall(cells, dependence=dependence)
    compared = 0
    for i in range(30):
        with np.errstate(invalid="ignore"):
            theirs = test(cells[:, i])
        if not theirs.var_s > 0:  # its correction can turn the variance negative
            assert ours.variance[i] > 0
            continue
        compared += 1
        assert ours.s[i] == theirs.s
        assert ours.variance[i] == pytest.approx(theirs.var_s, rel=1e-9)
        assert ours.p[i] == pytest.approx(theirs.p, abs=1e-9)
        assert ours.slope[i] == pytest.approx(theirs.slope, abs=1e-12)
    assert compared >= 25


def test_the_interval_of_the_slope_is_that_of_scipy():
    """Theil-Sen with its interval, to one step in rank."""
    cells = _persistent(0.0, 20)
    ours = mann_kendall(cells)
    for i in range(20):
        pairs = np.sort(
            [(cells[k, i] - cells[j, i]) / (k - j) for j in range(40) for k in range(j + 1, 40)]
        )
        want = stats.theilslopes(cells[:, i], alpha=0.95)
        for end, value in ((ours.low[i], want[2]), (ours.high[i], want[3])):
            assert abs(np.searchsorted(pairs, end) - np.searchsorted(pairs, value)) <= 1


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_persistence_alone_does_not_pass_for_trend(rho):
    """Of 2,000 series without trend about 5 % are called one, however persistent they are."""
    false_alarms = (mann_kendall(_persistent(rho, 2000)).p < 0.05).mean()
    assert 0.02 < false_alarms < 0.08


def test_what_the_plain_test_makes_of_persistence():
    """Peer defect: the plain test calls more than a quarter of persistent series a trend."""
    plain = mann_kendall(_persistent(0.6, 2000), dependence=Dependence.NONE)
    assert (plain.p < 0.05).mean() > 0.25


@given(st.floats(-5, 5), st.floats(-100, 100))
@settings(max_examples=30)
def test_a_straight_line_has_its_slope(slope, start):
    """Exactly, whatever the level, with a gap."""
    line = start + slope * np.arange(20.0)[:, None]
    line[7] = np.nan
    found = mann_kendall(line)
    assert found.slope[0] == pytest.approx(slope, abs=1e-9)
    assert np.sign(found.s[0]) == np.sign(slope) or abs(slope) < 1e-9


def test_too_few_values_say_nothing():
    """Seven values: NaN; eight: a trend."""
    values = np.arange(20.0)[:, None].repeat(2, axis=1)
    values[7:, 0], values[8:, 1] = np.nan, np.nan
    found = mann_kendall(values)
    assert np.isnan(found.p[0])
    assert np.isnan(found.slope[0])
    assert found.p[1] < 0.01


def test_a_map_of_noise_holds_nothing():
    """False discoveries: of 200 maps without any trend at most one in ten has one that holds."""
    rng = np.random.default_rng(3)
    maps = [false_discovery(rng.uniform(size=500), 0.1).any() for _ in range(200)]
    assert np.mean(maps) <= 0.15


def test_agrees_with_scipy_on_false_discovery():
    """The same tests hold as by adjusted probabilities; NaN never holds."""
    rng = np.random.default_rng(4)
    p = np.concatenate([rng.uniform(size=400), rng.uniform(0, 1e-3, 60)])
    want = stats.false_discovery_control(p) <= 0.1
    np.testing.assert_array_equal(false_discovery(p, 0.1), want)
    assert not false_discovery(np.array([np.nan, 1e-9]), 0.1)[0]
    assert false_discovery(np.array([np.nan, 1e-9]), 0.1)[1]
