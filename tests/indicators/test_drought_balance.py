import re

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from scipy import special

from reliefscope.errors import CubeError
from reliefscope.indicators._drought import standardized_index
from reliefscope.indicators.drought_balance import drought_balance, potential_evaporation
from reliefscope.model.cube import Advisory, DroughtClass, State
from reliefscope.numerics import evaporation
from reliefscope.numerics.standardize import Fit
from tests.drought_cubes import DEKADS, MONTHS, cube, noise, refuse, season

YEARS = (1991, 2020)


def _rain(seed=0):
    return cube(precipitation=noise(seed=seed))


def _demand():
    swing = (80 + 40 * np.sin(season()))[:, None, None]
    return cube(potential_evaporation=swing + noise(seed=1, spread=5.0))


def test_three_hot_dry_months_are_an_extreme_drought_here_and_nowhere_else():
    """The struck cell is an event of the worst class; its neighbours keep their own index."""
    rain, demand = _rain(), _demand()
    normal = drought_balance(rain, demand)
    rain["precipitation"][-3:, 0, 0] = 0
    demand["potential_evaporation"][-3:, 0, 0] *= 1.5
    out = drought_balance(rain, demand)
    assert out["spei"][0, 0] < -2
    assert out["drought_class"][0, 0] == DroughtClass.EXTREMELY_DRY
    assert out["state"][0, 0] == State.EVENT
    np.testing.assert_array_equal(out["spei"][1:], normal["spei"][1:])


def test_demand_alone_makes_a_drought_that_rain_does_not_show():
    """Usual rain and twice the usual demand: dry by the balance."""
    rain, demand = _rain(), _demand()
    before = drought_balance(rain, demand)["spei"]
    demand["potential_evaporation"][-3:] *= 2
    assert (drought_balance(rain, demand)["spei"] < before - 1).all()


def test_a_month_that_either_lacks_is_a_gap():
    """No demand or no rain in the last three months: not observed, never no drought."""
    rain, demand = _rain(), _demand()
    demand["potential_evaporation"][-2, 0, 0] = np.nan
    rain["precipitation"][-1, 1, 1] = np.nan
    out = drought_balance(rain, demand)
    assert out["state"][0, 0] == out["state"][1, 1] == State.NOT_OBSERVED
    assert out["drought_class"][0, 0] == DroughtClass.NOT_OBSERVED
    assert (np.isnan(out["spei"])).sum() == 2
    shorter = drought_balance(rain, demand.isel(time=slice(None, -1)))
    assert (shorter["state"] == State.NOT_OBSERVED).all()


def test_blocks_and_types_do_not_change_the_answer():
    """In pieces, lazily, in double precision: the same index; and lazy until asked."""
    rain, demand = _rain(), _demand()
    whole = drought_balance(rain, demand)["spei"]
    pieces = [c.chunk(time=100, y=1, x=3) for c in (rain, demand)]
    with dask.config.set(scheduler=refuse):
        lazy = drought_balance(*pieces)["spei"]
    np.testing.assert_array_equal(lazy.compute(), whole)
    double = drought_balance(rain.astype("float64"), demand.astype("float64"))["spei"]
    np.testing.assert_allclose(double, whole, atol=1e-5)


def test_years_outside_the_record_are_refused():
    """A reference that the series does not touch is an error that names both."""
    with pytest.raises(CubeError, match=r"1950 to 1980 hold nothing.* 1985 to 2020"):
        drought_balance(_rain(), _demand(), first_year=1950, last_year=1980)


def test_a_short_record_is_said():
    """Twenty years to compare with carry a flag."""
    out = drought_balance(_rain(), _demand(), first_year=2001)
    assert out["advisory"] == Advisory.SHORT_RECORD


def test_ten_days_and_months_do_not_mix():
    """Rain by dekads and demand by months is refused, and how to help is said."""
    dekads = cube(DEKADS, precipitation=noise(DEKADS))
    with pytest.raises(CubeError, match="36 steps a year and the demand in 12"):
        drought_balance(dekads, _demand())


def test_demand_comes_from_the_best_there_is():
    """Given evaporation before daily extremes, extremes before means; none is an error."""
    mean = 293 + 8 * np.sin(season())
    everything = cube(
        potential_evaporation=np.full(len(MONTHS), 70.0),
        air_temperature_min=mean - 6,
        air_temperature_max=mean + 6,
        air_temperature=mean,
    )
    given = potential_evaporation(everything, reference=YEARS)
    assert (given.values == 70).all()
    extremes = potential_evaporation(
        everything.drop_vars("potential_evaporation"), reference=YEARS
    ).values
    day = np.array([15, 46, 74])
    latitude = float(everything["y"][0])
    above = evaporation.extraterrestrial_radiation(latitude, day)
    low, high = mean[:3] - 279.15, mean[:3] - 267.15
    by_hand = evaporation.hargreaves(low, high, above) * np.array([31, 28, 31])
    np.testing.assert_allclose(extremes[:3, 0, 0], by_hand, rtol=1e-4)
    alone = potential_evaporation(everything[["air_temperature"]], reference=YEARS).values
    assert alone.dims == ("time", "y", "x")
    assert 40 < float(alone.mean()) < 120
    with pytest.raises(CubeError, match="air_temperature"):
        potential_evaporation(everything[["air_temperature_min"]], reference=YEARS)
    bare = xr.Dataset(
        {"air_temperature": (("time", "y", "x"), everything["air_temperature"].values)},
        coords={"time": MONTHS},
    )
    bare["air_temperature"].attrs["units"] = "K"
    with pytest.raises(CubeError, match="no CRS"):
        potential_evaporation(bare, reference=YEARS)


@pytest.mark.parametrize(
    "names", [("air_temperature_min", "air_temperature_max"), ("air_temperature",)]
)
def test_demand_from_temperatures_is_lazy_and_the_same_in_pieces(names):
    """Nothing is computed until asked, and blocks change nothing."""
    mean = (293 + 8 * np.sin(season()))[:, None, None] + noise(spread=1.0)
    apart = {"air_temperature_min": -6, "air_temperature_max": 6, "air_temperature": 0}
    heat = cube(**{n: mean + apart[n] for n in names})
    rain = _rain()
    whole = drought_balance(rain, heat)["spei"]
    assert np.isfinite(whole).all()
    with dask.config.set(scheduler=refuse):
        lazy = drought_balance(rain.chunk(y=2), heat.chunk(time=50, y=2, x=1))["spei"]
    np.testing.assert_allclose(lazy.compute(), whole, atol=1e-6)


def _log_logistic(values):
    """The index of one season, written a second time: moments by binomial coefficients."""
    n = values.shape[0]
    ordered = np.sort(values, axis=0)
    rank = np.arange(1, n + 1)
    w = [
        (special.comb(n - rank, s)[:, None] * ordered).sum(axis=0) / (n * special.comb(n - 1, s))
        for s in range(3)
    ]
    beta = (2 * w[1] - w[0]) / (6 * w[1] - w[0] - 6 * w[2])
    both = special.gamma(1 + 1 / beta) * special.gamma(1 - 1 / beta)
    alpha = (w[0] - 2 * w[1]) * beta / both
    bound = w[0] - alpha * both
    ratio = (values - bound) / alpha
    with np.errstate(all="ignore"):
        below = 1 / (1 + ratio ** (-beta))
    edge = np.where(beta > 0, 0.0, 1.0)
    return np.clip(special.ndtri(np.where(ratio > 0, below, edge)), -3.09, 3.09)


@pytest.mark.realdata
def test_forty_years_of_java_agree_with_a_second_implementation(shared_data):
    """SPEI-3 of 480 CHIRPS months and a demand made up, written a second time: to 1e-5."""
    folder = shared_data / "drought" / "chirps_java" / "Data" / "Input_TIF"
    files = sorted(folder.glob("java_chirps-v2.0.*.tif"))
    stamps = [re.search(r"(\d{4})\.(\d{2})\.tif", f.name).groups() for f in files]
    layers = []
    for file in files:
        with rasterio.open(file) as raster:
            layer = raster.read(1)[20:40, 100:130].astype("float64")
        layers.append(np.where(layer < 0, np.nan, layer))
    times = np.array([f"{y}-{m}" for y, m in stamps], "datetime64[M]").astype("datetime64[ns]")
    rng = np.random.default_rng(8)
    demand = 120 + 25 * np.sin(season(times))[:, None, None] + rng.normal(0, 8, (480, 20, 30))
    balance = np.stack(layers) - demand
    array = xr.DataArray(balance, dims=("time", "y", "x"), coords={"time": times})
    ours = standardized_index(
        array, months=3, reference=(1981, 2020), fit=Fit.LOG_LOGISTIC
    ).values.reshape(480, -1)
    totals = np.full((480, 600), np.nan)
    flat = balance.reshape(480, -1)
    totals[2:] = flat[2:] + flat[1:-1] + flat[:-2]
    land = np.flatnonzero(~np.isnan(totals[2:]).any(axis=0))
    assert len(land) > 200  # the rest is sea
    want = np.full((480, len(land)), np.nan)
    for month in range(12):
        steps = np.arange(month, 480, 12)
        steps = steps[steps >= 2]
        want[steps] = _log_logistic(totals[np.ix_(steps, land)])
    np.testing.assert_allclose(ours[2:, land], want[2:], rtol=0, atol=1e-5)
    assert np.isnan(ours[:2]).all()
