import dask
import numpy as np
import pytest
import rasterio
import xarray as xr

from reliefscope.errors import CubeError
from reliefscope.indicators._trend import anomalies, trend_of, yearly
from reliefscope.indicators.trend_rain import trend_rain
from reliefscope.indicators.trend_snow import trend_snow
from reliefscope.indicators.trend_temperature import trend_temperature
from reliefscope.indicators.trend_vegetation import trend_vegetation
from reliefscope.indicators.trend_water import trend_water
from reliefscope.model.cube import Advisory, Exclusion, State, TrendClass, describe
from tests.drought_cubes import MONTHS, SIDE, cube

YEARS = np.arange(1985, 2021)
_AGE = np.arange(len(MONTHS)) / 12


def _noise(seed=1):
    return np.random.default_rng(seed).normal(size=(len(MONTHS), SIDE, SIDE))


def _warming(slope=0.05, seed=1):
    """Months of a warm and a cold season, slowly warmer everywhere but in the first row."""
    wave = 290 + 8 * np.cos(2 * np.pi * _AGE)
    values = wave[:, None, None] + 0.5 * _noise(seed=seed)
    values[:, 1:] += slope * _AGE[:, None, None]
    return cube(air_temperature=values)


def test_air_that_warms_is_found_with_its_slope_and_the_rest_is_left():
    """0.05 K a year lies in the interval of every warming cell; where nothing rises, no trend."""
    out = trend_temperature(_warming())
    assert (out["trend_class"][1:] == TrendClass.INCREASE).all()
    assert (out["trend_class"][0] == TrendClass.NONE).all()
    assert (out["state"][1:] == State.EVENT).all()
    assert (out["state"][0] == State.NO_EVENT).all()
    np.testing.assert_allclose(out["temperature_trend"][1:], 0.05, atol=0.015)
    inside = (out["temperature_trend_low"] <= 0.05) & (out["temperature_trend_high"] >= 0.05)
    assert inside[1:].mean() > 0.8
    assert out["temperature_trend"].attrs["units"] == "K year-1"
    assert out["year_anomaly"][1:].mean() > 1 > abs(out["year_anomaly"][0].mean())


def test_years_without_their_winters_do_not_pass_for_warming():
    """In the later years no winter is seen: a plain mean would rise by 4 K, and nothing rises."""
    warm = _warming(slope=0.0)
    late_winter = (np.datetime64("2008") <= MONTHS) & np.isin(
        np.arange(len(MONTHS)) % 12, [0, 1, 11]
    )
    warm["air_temperature"][late_winter] = np.nan
    out = trend_temperature(warm)
    assert (out["trend_class"] == TrendClass.NONE).all()
    assert float(np.abs(out["temperature_trend"]).max()) < 0.02


def test_a_missing_month_of_rain_is_a_missing_year_and_not_a_dry_one():
    """One gap a year in the second half: those years are gone, and there is no drying."""
    rain = cube(precipitation=60 + 10 * _noise())
    rain["precipitation"][12 * 18 + 5 :: 12, 0, 0] = np.nan
    totals = yearly(rain["precipitation"], total=True)
    assert np.isnan(totals[18:, 0, 0]).all()
    assert np.isfinite(totals[:18]).all()
    np.testing.assert_allclose(totals[0, 1, 1], rain["precipitation"][:12, 1, 1].sum(), rtol=1e-6)
    out = trend_rain(rain)
    assert out["state"][0, 0] == State.EXCLUDED  # 18 years are fewer than 20
    assert out["exclusion"][0, 0] == Exclusion.NO_COMPARISON
    assert out["trend_class"][0, 0] == TrendClass.NOT_OBSERVED
    assert np.isnan(out["rain_trend"][0, 0])


def test_never_seen_is_not_observed_and_never_no_trend():
    """All NaN: not observed, with its reason, and no slope."""
    green = cube(ndvi=0.5 + 0.02 * _noise())
    green["ndvi"][:, 2, 2] = np.nan
    out = trend_vegetation(green)
    assert out["state"][2, 2] == State.NOT_OBSERVED
    assert out["exclusion"][2, 2] == Exclusion.LOW_COVERAGE
    assert (out["likelihood"] == 255).all()
    assert np.isfinite(out["vegetation_trend"].values.ravel()).sum() == SIDE**2 - 1


def test_a_season_over_the_new_year_belongs_to_the_year_it_ends_in():
    """December to February: 1986 holds December 1985, and the first January is no whole season."""
    values = np.arange(len(MONTHS), dtype=float)
    level = cube(air_temperature=values)["air_temperature"]
    winters = yearly(level, start=12, months=3, total=False, least=1.0)
    assert winters["year"].values.tolist() == list(range(1986, 2021))
    steps = np.diff(winters[:, 0, 0])
    np.testing.assert_allclose(steps, 12, atol=1e-4)
    rain = cube(precipitation=np.ones(len(MONTHS)))["precipitation"]
    np.testing.assert_allclose(yearly(rain, start=6, months=4, total=True), 4)


def test_a_year_that_has_not_ended_is_left_out():
    """With four months of 2020, the last year is 2019."""
    rain = cube(precipitation=50 + _noise()).isel(time=slice(None, -8))
    assert int(yearly(rain["precipitation"], total=True)["year"][-1]) == 2019
    with pytest.raises(CubeError, match="no whole season of 12 months"):
        yearly(rain["precipitation"].isel(time=slice(0, 5)), total=True)


def test_persistence_over_a_map_is_not_called_a_trend():
    """Peer defect, plain Mann-Kendall: of 20 maps of persistent noise (0.6) few show a trend
    anywhere at a rate of false discoveries of 10 percent."""
    rng = np.random.default_rng(5)
    shown = 0
    for _ in range(20):
        noise = rng.normal(size=(90, SIDE, SIDE))
        for i in range(1, 90):
            noise[i] += 0.6 * noise[i - 1]
        months = np.repeat(noise[50:86], 12, axis=0)
        out = trend_temperature(cube(air_temperature=290 + months))
        shown += bool((out["state"] == State.EVENT).any())
    assert shown <= 4


def test_anomalies_are_against_the_same_month_of_the_reference():
    """A wave of seasons leaves nothing; a rise of 1 K after 2010 is there, less its own share."""
    wave = 290 + 8 * np.cos(2 * np.pi * _AGE)
    wave[np.datetime64("2011") <= MONTHS] += 1
    found = anomalies(cube(air_temperature=wave)["air_temperature"], reference=(1991, 2010))
    np.testing.assert_allclose(found[: 12 * 26], 0, atol=1e-4)
    np.testing.assert_allclose(found[12 * 26 :], 1, atol=1e-4)
    with pytest.raises(CubeError, match="hold nothing"):
        anomalies(cube(air_temperature=wave)["air_temperature"], reference=(1900, 1910))


_WATER = {"blue": 0.06, "green": 0.06, "red": 0.04, "nir": 0.02, "swir16": 0.01, "swir22": 0.01}
_LAND = {"blue": 0.05, "green": 0.08, "red": 0.07, "nir": 0.35, "swir16": 0.25, "swir22": 0.15}
_SNOW = {"blue": 0.8, "green": 0.8, "red": 0.8, "nir": 0.7, "swir16": 0.1, "swir22": 0.08}


def _looks(event, as_event, seed=2):
    """One look a month: the land, or what ``event`` (time, y, x) says; a third under cloud."""
    bands = {n: np.where(event, as_event[n], _LAND[n]) for n in _LAND}
    cloud = np.random.default_rng(seed).uniform(size=event.shape) < 0.3
    return cube(**bands, scl=np.where(cloud, 9, 4))


def test_a_lake_that_vanishes_is_a_decrease_and_clouds_are_not_land():
    """Water for fewer months each year in one cell; all year or never elsewhere: one decrease."""
    month, year = np.arange(len(MONTHS)) % 12, np.arange(len(MONTHS)) // 12
    wet = np.zeros((len(MONTHS), SIDE, SIDE), bool)
    wet[:, 0, 0] = month < 12 - year / 3
    wet[:, 1, 1] = True
    out = trend_water(_looks(wet, _WATER))
    assert out["trend_class"][0, 0] == TrendClass.DECREASE
    assert (out["state"] == State.EVENT).sum() == 1
    assert out["water_trend"][0, 0] == pytest.approx(-100 / 36, abs=0.6)
    assert out["water_trend"][1, 1] == pytest.approx(0)


def test_snow_is_not_water():
    """Less snow each winter on dry ground passes the tests for water, and is no lake that dries."""
    month, year = np.arange(len(MONTHS)) % 12, np.arange(len(MONTHS)) // 12
    lies = np.zeros((len(MONTHS), SIDE, SIDE), bool)
    lies[:, 0] = (month < 5 - year / 12)[:, None]
    out = trend_water(_looks(lies, _SNOW))
    assert (out["state"] == State.NO_EVENT).all()
    assert float(np.abs(out["water_trend"]).max()) == 0


def test_snow_that_leaves_earlier_is_a_decrease():
    """Snow for fewer months of the winter each year in one row, and as ever in the others."""
    month, year = np.arange(len(MONTHS)) % 12, np.arange(len(MONTHS)) // 12
    lies = np.zeros((len(MONTHS), SIDE, SIDE), bool)
    lies[:, 1:] = (month < 4)[:, None, None]
    lies[:, 0] = (month < 4 - year / 12)[:, None]
    out = trend_snow(_looks(lies, _SNOW), months=6)
    assert (out["trend_class"][0] == TrendClass.DECREASE).all()
    assert (out["trend_class"][1:] == TrendClass.NONE).all()
    with pytest.raises(CubeError, match="nir"):
        trend_snow(_looks(lies, _SNOW).drop_vars("nir"))


def test_blocks_types_and_laziness_do_not_change_the_answer():
    """In pieces, in double precision, lazily: the same trend; and lazy until asked."""
    warm = _warming()
    whole = trend_temperature(warm)

    def refuse(*_, **__):
        raise AssertionError

    with dask.config.set(scheduler=refuse):
        lazy = trend_temperature(warm.chunk(time=100, y=1, x=3))
    computed = lazy.compute()
    for name in whole:
        np.testing.assert_array_equal(computed[name], whole[name])
    double = trend_temperature(warm.astype("float64"))
    np.testing.assert_allclose(double["temperature_trend"], whole["temperature_trend"], atol=1e-5)


def test_a_short_record_and_a_wrong_period_are_said():
    """A reference of fewer than thirty years is flagged; one outside the series is refused."""
    assert trend_temperature(_warming())["advisory"] == 0
    assert trend_temperature(_warming(), first_year=2001)["advisory"] == Advisory.SHORT_RECORD
    with pytest.raises(CubeError, match=r"1900 to 1950 hold nothing.* 1985 to 2020"):
        trend_temperature(_warming(), first_year=1900, last_year=1950)


@pytest.mark.realdata
def test_forty_years_of_rain_on_java(shared_data):
    """480 CHIRPS months: the slope of each cell is SciPy's, and what holds is a part of what
    passes a test of 5 percent without regard to its neighbours."""
    from scipy import stats  # noqa: PLC0415 - a second implementation

    folder = shared_data / "drought" / "chirps_java" / "Data" / "Input_TIF"
    layers = []
    for file in sorted(folder.glob("java_chirps-v2.0.*.tif")):
        with rasterio.open(file) as raster:
            layer = raster.read(1)[20:40, 100:130].astype("float64")
        layers.append(np.where(layer < 0, np.nan, layer))
    times = np.arange("1981-01", "2021-01", dtype="datetime64[M]").astype("datetime64[ns]")
    values = xr.DataArray(np.stack(layers), dims=("time", "y", "x"), coords={"time": times})
    rain = xr.Dataset({"precipitation": describe("precipitation", values)})
    out = trend_rain(rain)
    totals = np.stack(layers).reshape(40, 12, 20, 30).sum(axis=1)
    land = np.isfinite(totals[0])
    assert land.sum() > 100
    for row, column in zip(*np.nonzero(land), strict=True):
        want = stats.theilslopes(totals[:, row, column])[0]
        assert float(out["rain_trend"][row, column]) == pytest.approx(want, abs=1e-3)
    held, alone = out["state"] == State.EVENT, out["p_trend"] < 0.05
    assert not (held & ~(out["p_trend"] < 0.1)).any()
    assert held.sum() <= max(alone.sum(), 1)
    assert (out["state"].values[~land] == State.NOT_OBSERVED).all()


@pytest.mark.realdata
def test_flooded_area_of_bangladesh_by_year(shared_data):
    """Eight-day flooded shares of eight divisions: monsoon anomalies average to nothing over the
    reference, and four years are too few for any trend."""
    import pandas as pd  # noqa: PLC0415 - reads the table alone

    files = sorted((shared_data / "flood" / "bangladesh_division_series").glob("*.csv"))
    assert len(files) == 8
    for file in files:
        table = pd.read_csv(file, index_col=0, parse_dates=True)["Fractional Flooded Area"]
        series = xr.DataArray(
            table.to_numpy(), dims="time", coords={"time": table.index.to_numpy()}
        )
        apart = anomalies(series, reference=(2017, 2020))
        assert abs(float(apart.mean())) < 0.02
        years = yearly(series, start=6, months=5)
        assert years["year"].to_numpy().tolist() == [2017, 2018, 2019, 2020]
        assert ((years > 0) & (years < 1)).all()
        assert np.isnan(float(trend_of(years)["slope"]))
