import dask
import numpy as np
import pytest

from reliefscope.indicators.rain_extreme import rain_extreme
from reliefscope.model.cube import Exclusion, RainReturn, State
from reliefscope.numerics import returns
from tests.weather_cubes import DAYS, SIDE, cube, refuse


def _rain(seed=0):
    rng = np.random.default_rng(seed)
    shape = (len(DAYS), SIDE, SIDE)
    return np.where(rng.random(shape) < 0.3, rng.gamma(0.8, 12, shape), 0)


def test_a_storm_such_as_comes_once_in_a_century_is_found_here_and_nowhere_else():
    """Three days of the 100-year level of the place: a return period of 100 years; others calm."""
    rain = _rain()
    rain[-15:] = 0
    calm = rain_extreme(cube(precipitation=rain), years=100)
    level = float(calm["rain_level"][0, 0])
    rain[-6:-3, 0, 0] = level / 3
    out = rain_extreme(cube(precipitation=rain))
    assert out["return_years"][0, 0] == pytest.approx(100, rel=0.01)
    assert out["rain_class"][0, 0] == RainReturn.FROM_50
    assert out["state"][0, 0] == State.EVENT
    assert out["rain_total"][0, 0] == pytest.approx(level, rel=1e-5)
    assert (out["state"].values.ravel()[1:] == State.NO_EVENT).all()
    assert (out["rain_class"].values.ravel()[1:] == RainReturn.UNDER_2).all()


def test_levels_are_those_of_the_largest_totals_of_the_reference_years():
    """The fit of thirty maxima, of which the year of the event is none; the interval holds it."""
    rain = _rain()
    out = rain_extreme(cube(precipitation=rain), years=20)
    single = rain[:, 0, 0].astype("float32").astype(float)
    totals = single[2:] + single[1:-1] + single[:-2]
    year = DAYS[2:].astype("datetime64[Y]").astype(int) + 1970
    maxima = np.array([totals[year == y].max() for y in range(1991, 2021)])
    want = returns.gev_level(returns.fit_gev(maxima), 20.0)
    assert out["rain_level"][0, 0] == pytest.approx(float(want), rel=1e-5)
    assert (out["rain_level_low"] < out["rain_level"]).all()
    assert (out["rain_level"] < out["rain_level_high"]).all()


def test_levels_of_storms_are_those_of_the_largest_of_all_years():
    """Sixty storms of thirty years, three days apart or more, by a Pareto distribution."""
    rain = _rain()
    out = rain_extreme(cube(precipitation=rain), years=20, storms=2)
    single = rain[:, 0, 0].astype("float32").astype(float)
    totals = np.full(len(single), -1.0)
    totals[2:] = single[2:] + single[1:-1] + single[:-2]
    year = DAYS.astype("datetime64[Y]").astype(int) + 1970
    totals = totals[(year >= 1991) & (year <= 2020)]
    tops = sorted(
        (
            v for i, v in enumerate(totals)
            if v > max(totals[max(i - 3, 0) : i], default=-1) and v == totals[i : i + 4].max()
        ),
        reverse=True,
    )  # fmt: skip
    fitted = returns.fit_gpd(np.array(tops[:60]) - tops[60])
    want = returns.gpd_level(fitted, tops[60], np.array(2.0), 20.0)
    assert out["rain_level"][0, 0] == pytest.approx(float(want), rel=1e-5)
    assert (out["rain_level_low"] < out["rain_level"]).all()
    assert (out["rain_level"] < out["rain_level_high"]).all()
    assert (out["return_years"] >= 0.5).all()
    yearly = rain_extreme(cube(precipitation=rain), years=20)["rain_level"]
    assert (abs(out["rain_level"] / yearly - 1) < 0.25).all()


@pytest.mark.parametrize("storms", [0, 2])
def test_a_gap_is_not_dry_and_a_desert_has_no_return_period(storms):
    """Missing days: not observed. Never any rain: excluded with its reason."""
    rain = _rain()
    rain[-10:, 0, 0] = np.nan
    rain[:, 1, 1] = 0
    out = rain_extreme(cube(precipitation=rain), storms=storms)
    assert out["state"][0, 0] == State.NOT_OBSERVED
    assert np.isnan(out["rain_total"][0, 0])
    assert out["rain_class"][0, 0] == RainReturn.NOT_OBSERVED
    assert out["state"][1, 1] == State.EXCLUDED
    assert out["exclusion"][1, 1] == Exclusion.NO_COMPARISON


@pytest.mark.parametrize("storms", [0, 2])
def test_blocks_and_types_do_not_change_the_answer(storms):
    """In pieces, lazily, in double precision: the same; and lazy until asked."""
    rain = cube(precipitation=_rain())
    whole = rain_extreme(rain, storms=storms)
    with dask.config.set(scheduler=refuse):
        lazy = rain_extreme(rain.chunk(time=999, y=1, x=2), storms=storms)
    single = rain_extreme(rain.astype("float64"), storms=storms)
    for name in ("rain_total", "return_years", "rain_level_low", "rain_level_high", "state"):
        np.testing.assert_array_equal(lazy[name].compute(), whole[name], err_msg=name)
        np.testing.assert_array_equal(single[name], whole[name])
