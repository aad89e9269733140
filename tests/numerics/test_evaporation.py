import numpy as np
import pandas as pd
import pytest

from reliefscope.numerics import evaporation as ev

LATITUDE, HEIGHT = 37.6475, 402.6
DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MIDDLE = np.array([15, 46, 74, 105, 135, 166, 196, 227, 258, 288, 319, 349])

# FAO-56, figure 18: Cabinda, 5.33 S, 20 m; Tmin, Tmax [C], humidity [%], wind [m s-1],
# solar radiation [MJ m-2 d-1], published evaporation [mm a month]
CABINDA = np.array(
    [
        (22.8, 29.6, 81, 0.903, 15.7, 105.4),
        (22.7, 30.3, 82, 0.799, 16.9, 103.6),
        (23.0, 30.6, 80, 0.903, 17.4, 117.8),
        (23.0, 30.2, 82, 0.799, 16.4, 105.0),
        (22.0, 28.6, 84, 0.799, 13.5, 89.9),
        (19.2, 26.5, 81, 0.799, 12.2, 78.0),
        (17.6, 25.1, 78, 0.903, 12.3, 80.6),
        (18.6, 25.3, 78, 0.903, 12.4, 80.6),
        (20.5, 26.5, 78, 1.204, 12.4, 84.0),
        (22.5, 28.0, 79, 1.505, 12.9, 96.1),
        (23.0, 28.7, 80, 1.203, 14.4, 99.0),
        (23.0, 29.1, 82, 1.100, 15.2, 105.4),
    ]
).T


@pytest.mark.parametrize(
    ("latitude", "day", "above", "hours"),
    [(-20.0, 246, 32.2, 11.7), (0.0, 15, 36.2, 12.0), (45.72, 196, 40.6, None)],
)
def test_the_sun_is_that_of_fao_56(latitude, day, above, hours):
    """Examples 8, 9 and 20 and annex 2: to the digit that is printed there."""
    assert ev.extraterrestrial_radiation(latitude, day) == pytest.approx(above, abs=0.1)
    if hours is not None:
        assert ev.day_length(latitude, day) == pytest.approx(hours, abs=0.05)


def test_beyond_the_polar_circle_the_sun_stays_or_does_not_rise():
    """24 hours in June, none in December, no radiation then, and no NaN."""
    assert ev.day_length(80.0, 172) == 24.0
    assert ev.day_length(80.0, 355) == 0.0
    assert ev.extraterrestrial_radiation(80.0, 355) == pytest.approx(0.0, abs=1e-9)
    assert ev.solar_from_sunshine(0.0, 0.0, 0.0) == 0.0
    assert np.isnan(ev.solar_from_sunshine(np.nan, 0.0, 0.0))
    dark = ev.net_radiation(
        np.float64(0), np.float64(0), np.float64(-20), np.float64(-10), np.float64(0.1)
    )
    assert np.isfinite(dark)
    assert dark < 0


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (ev.pressure_at(1800.0), 81.8),  # example 2
        (ev.saturation_pressure(24.5), 3.075),  # example 3
        (ev.saturation_pressure(15.0), 1.705),  # example 3
        (ev.vapour_from_humidity((82 * 2.064 + 54 * 3.168) / 2 / 2.616, 18.0, 25.0), 1.70),  # 5
        (ev.wind_at_2m(3.2), 2.4),  # example 14
        (ev.solar_from_sunshine(220 / 31, 10.9, 25.1), 14.5),  # example 10
    ],
)
def test_parts_are_those_of_the_worked_examples(given, want):
    """FAO-56, chapters 2 and 3: to a percent, as printed."""
    assert given == pytest.approx(want, rel=0.01)


def test_penman_monteith_gives_the_worked_example_of_bangkok():
    """FAO-56 example 17, April: 5.72 mm a day, to 0.05."""
    low, high, vapour = np.float64(25.6), np.float64(34.8), np.float64(2.85)
    above = ev.extraterrestrial_radiation(13.73, 105)
    solar = ev.solar_from_sunshine(8.5, ev.day_length(13.73, 105), above)
    net = ev.net_radiation(solar, above, low, high, vapour, 2.0)
    assert net == pytest.approx(14.33, abs=0.15)
    rate = ev.penman_monteith(low, high, np.float64(2.0), vapour, net, soil_heat=0.14)
    assert rate == pytest.approx(5.72, abs=0.05)


def test_penman_monteith_gives_the_published_year_of_cabinda():
    """FAO-56, figure 18: the year to 3 %, each month to 6 % (it prints a digit of each day)."""
    low, high, humidity, wind, solar, want = CABINDA
    above = ev.extraterrestrial_radiation(-5.33, MIDDLE)
    vapour = ev.vapour_from_humidity(humidity, low, high)
    net = ev.net_radiation(solar, above, low, high, vapour, 20.0)
    heat = ev.soil_heat_of_months((low + high) / 2)
    rate = ev.penman_monteith(
        low, high, wind, vapour, net, soil_heat=heat, pressure=ev.pressure_at(20.0)
    )
    assert (rate * DAYS).sum() == pytest.approx(want.sum(), rel=0.03)
    np.testing.assert_allclose(rate * DAYS, want, rtol=0.06)


def test_hargreaves_knows_no_negative_evaporation():
    """Deep frost, no daily range, more rain than range: 0, not NaN and not below."""
    frost = ev.hargreaves(np.array([-40.0, 5.0]), np.array([-30.0, 5.0]), np.array([5.0, 30.0]))
    np.testing.assert_array_equal(frost, 0)
    wet = ev.hargreaves(np.float64(20), np.float64(22), np.float64(35), np.float64(400))
    assert wet == 0
    assert np.isnan(ev.hargreaves(np.float64(np.nan), np.float64(22), np.float64(35)))


def test_heat_index_comes_from_the_reference_alone():
    """A hotter present does not change the past; a missing month stays missing."""
    month = np.arange(240) % 12
    warm = 15 + 10 * np.sin(month / 12 * 2 * np.pi)
    hotter = np.where(np.arange(240) >= 120, warm + 3, warm)
    hotter[130] = np.nan
    reference = np.arange(240) < 120
    days = DAYS[month]
    before = ev.thornthwaite(warm, month, np.float64(12), days, reference)
    after = ev.thornthwaite(hotter, month, np.float64(12), days, reference)
    np.testing.assert_array_equal(before[:120], after[:120])
    assert np.isnan(after[130])
    assert np.nansum(after[120:]) > np.nansum(before[120:])
    cold = ev.thornthwaite(warm - 60, month, np.float64(12), days, reference)
    assert np.isnan(cold).all()


@pytest.fixture(scope="module")
def wichita(shared_data):
    """Station data and evaporation by the R package SPEI, January 1980 on."""
    folder = shared_data / "drought" / "r_spei"
    station = pd.read_csv(folder / "wichita.csv")

    def want(name):
        return pd.read_csv(folder / f"{name}.csv").to_numpy(float)[:, 0]

    return station, want


def _calendar(station, *, leap):
    month, year = station.MONTH.to_numpy() - 1, station.YEAR.to_numpy()
    longer = (year % 4 == 0) & leap
    days = DAYS[month] + (longer & (month == 1))
    # with leap years R takes the 14th for the middle of a short February
    day = MIDDLE[month] + (longer & (month > 1)) - ((month == 1) & leap & ~longer)
    return month, days, day


def _sun_of_icid(day):
    """Radiation above the air with the rounded constants of Allen et al. (1994)."""
    latitude = np.radians(LATITUDE)
    near, delta = 1 + 0.033 * np.cos(0.0172 * day), 0.409 * np.sin(0.0172 * day - 1.39)
    half = np.arccos(-np.tan(latitude) * np.tan(delta))
    up = half * np.sin(latitude) * np.sin(delta) + np.cos(latitude) * np.cos(delta) * np.sin(half)
    return 37.6 * near * up


@pytest.mark.realdata
@pytest.mark.parametrize("leap", [False, True])
def test_hargreaves_is_that_of_the_r_package(wichita, leap):
    """382 months: to 1e-9 under its sun, to 0.4 % under that of FAO-56."""
    station, want = wichita
    want = want("hargreaves_out_ts" if leap else "hargreaves_out_lat")
    _, days, day = _calendar(station, leap=leap)
    low, high = station.TMIN.to_numpy(), station.TMAX.to_numpy()
    same = ev.hargreaves(low, high, _sun_of_icid(day)) * days
    np.testing.assert_allclose(same, want, rtol=1e-9)
    ours = ev.hargreaves(low, high, ev.extraterrestrial_radiation(LATITUDE, day)) * days
    np.testing.assert_allclose(ours, want, rtol=4e-3)


@pytest.mark.realdata
def test_hargreaves_with_other_inputs_is_that_of_the_r_package(wichita):
    """With given radiation, and with rain: to 1e-9."""
    station, want = wichita
    _, days, day = _calendar(station, leap=False)
    low, high = station.TMIN.to_numpy(), station.TMAX.to_numpy()
    given = np.maximum(ev.hargreaves(low, high, high) * days, 0)
    # the reference was made with the highest temperature in place of radiation, and of rain
    np.testing.assert_allclose(given, np.maximum(want("hargreaves_out_ra"), 0), rtol=1e-9)
    damped = ev.hargreaves(low, high, _sun_of_icid(day), high) * days
    np.testing.assert_allclose(damped, want("hargreaves_out_pre"), rtol=1e-9)


@pytest.mark.realdata
@pytest.mark.parametrize("leap", [False, True])
def test_thornthwaite_is_that_of_the_r_package(wichita, leap):
    """382 months: to 1e-9 with its length of the day, to 0.5 % with that of FAO-56."""
    station, want = wichita
    want = want("thornthwaite_out_ts" if leap else "thornthwaite_out")
    month, days, day = _calendar(station, leap=leap)
    tilt = 0.4093 * np.sin(2 * np.pi * day / 365 - 1.405)
    hours = 24 / np.pi * np.arccos(-np.tan(np.radians(LATITUDE)) * np.tan(tilt))
    every = np.ones(len(month), bool)
    warmth = station.TMED.to_numpy()
    same = ev.thornthwaite(warmth, month, hours, days, every)
    # the middle of February differs by a day in leap years
    compared = (month != 1) | (not leap)
    np.testing.assert_allclose(same[compared], want[compared], rtol=1e-9, atol=1e-9)
    ours = ev.thornthwaite(warmth, month, ev.day_length(LATITUDE, day), days, every)
    np.testing.assert_allclose(ours, want, rtol=5e-3)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("fao", 0.003),
        ("asce", 0.003),
        # by the older constants of Allen et al. (1994): a different slope and net radiation
        ("tsun", 0.025),
        ("ts", 0.025),
        ("tsun_ts", 0.025),
        ("u2", 0.025),
        ("cc", 0.025),
        ("co2", 0.025),
        ("co2ts", 0.025),
    ],
)
def test_penman_monteith_is_that_of_the_r_package(wichita, name, tolerance):
    """FAO-56 to 0.3 %, the variant of 1994 to 2.5 %, where sunshine fits into the day."""
    station, want = wichita
    want = want(f"penman_out_{name}")
    _, days, day = _calendar(station, leap=name in {"ts", "tsun_ts"})
    low, high = station.TMIN.to_numpy(), station.TMAX.to_numpy()
    above = ev.extraterrestrial_radiation(LATITUDE, day)
    hours = ev.day_length(LATITUDE, day)
    sunshine = station.TSUN.to_numpy(float)
    cloud = station.ACSH.to_numpy(float)
    solar = ev.solar_from_sunshine(sunshine, hours, above)
    solar = ev.solar_from_cloud(cloud, above) if name == "cc" else solar
    wind = 2.0 if name == "u2" else station.AWND.to_numpy(float)
    vapour = ev.saturation_pressure(low)
    net = ev.net_radiation(solar, above, low, high, vapour, HEIGHT)
    co2 = {"co2": 450.0, "co2ts": np.linspace(300, 450, len(low))}.get(name, 300.0)
    rate = ev.penman_monteith(
        low,
        high,
        wind,
        vapour,
        net,
        soil_heat=ev.soil_heat_of_months((low + high) / 2),
        pressure=ev.pressure_at(HEIGHT),
        co2_ppm=co2,
    )
    possible = (sunshine <= hours) if name != "cc" else np.ones(len(low), bool)
    both = possible & np.isfinite(want)
    assert both.sum() > 100
    assert np.isfinite(rate[both]).all()
    np.testing.assert_allclose((rate * days)[both], want[both], rtol=tolerance)


@pytest.mark.realdata
def test_cabinda_is_that_of_the_r_package(wichita):
    """Twelve months by the variant of 1994: to 3 %."""
    low, high, humidity, wind, solar, _ = CABINDA
    above = ev.extraterrestrial_radiation(-5.33, MIDDLE)
    vapour = ev.vapour_from_humidity(humidity, low, high)
    net = ev.net_radiation(solar, above, low, high, vapour, 20.0)
    rate = ev.penman_monteith(
        low,
        high,
        wind,
        vapour,
        net,
        soil_heat=ev.soil_heat_of_months((low + high) / 2),
        pressure=ev.pressure_at(20.0),
    )
    _, want = wichita
    np.testing.assert_allclose(rate * DAYS, want("penman_out_cabinda"), rtol=0.03)
