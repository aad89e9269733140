import numpy as np
import pytest

from reliefscope.numerics import comfort


@pytest.fixture(scope="module")
def cases(shared_data):
    """Fifty cases of ECMWF's library, and what it makes of them [degree Celsius]."""
    folder = shared_data / "heat" / "thermofeel"
    given = np.genfromtxt(folder / "thermofeel_testcases.csv", delimiter=",", names=True)
    assert len(given) == 50
    air, dew, radiant = (given[n] - comfort.ZERO_C for n in ("t2m", "td", "mrt"))

    def want(name):
        return np.genfromtxt(folder / f"{name}.csv") - comfort.ZERO_C

    return air, dew, radiant, given["va"], want


def _vapour(air, dew):
    return comfort.saturation_hardy(air) * comfort.relative_humidity(air, dew) / 100


@pytest.mark.realdata
def test_fifty_cases_of_ecmwf(cases):
    """UTCI to 0.04 K, WBGT to 0.03 K, globe to 0.06 K, heat index to 0.02 K, others to 0.02 K.

    What is left is the formula for vapour pressure, of which the reference uses a different one in
    each index; and the constants rounded otherwise.
    """
    air, dew, radiant, wind, want = cases
    humidity, vapour = comfort.relative_humidity(air, dew), comfort.vapour_pressure(dew)
    globe = comfort.globe_temperature(air, radiant, comfort.wind_at(wind, 1.1))
    for name, ours, tolerance in (
        ("utci", comfort.utci(air, radiant, wind, _vapour(air, dew)), 0.04),
        ("wbt", comfort.wet_bulb_stull(air, humidity), 0.01),
        ("bgt", globe, 0.06),
        ("wbgt", comfort.wet_bulb_globe(air, humidity, globe), 0.03),
        ("wbgts", comfort.wet_bulb_globe_simple(air, vapour), 0.03),
        ("hia", comfort.heat_index(air, humidity), 0.02),
        ("humidex", comfort.humidex(air, dew), 0.01),
        ("at", comfort.apparent_temperature(air, vapour, wind), 0.02),
    ):
        np.testing.assert_allclose(ours, want(name), rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.realdata
def test_saturation_is_that_of_the_reference(cases, shared_data):
    """Vapour pressure over water after Hardy is equal to 1e-12."""
    air, *_ = cases
    want = np.genfromtxt(shared_data / "heat" / "thermofeel" / "es.csv")
    np.testing.assert_allclose(comfort.saturation_hardy(air), want, rtol=1e-12)


def test_in_the_reference_conditions_utci_is_the_air_temperature():
    """No sun, 0.5 m/s, 50 percent humidity: the index is the temperature, by its definition."""
    air = np.arange(-20.0, 29.0)
    felt = comfort.utci(air, air, np.full(air.shape, 0.5), 0.5 * comfort.saturation_hardy(air))
    np.testing.assert_allclose(felt, air, atol=1.3)  # the error of the polynomial


def test_utci_says_nothing_outside_of_what_it_was_fitted_for():
    """A storm, an oven, a furnace beside: NaN; still air counts as half a metre a second."""
    air, vapour = np.array([30.0]), np.array([20.0])
    assert np.isnan(comfort.utci(air, air, np.array([17.1]), vapour)).all()
    assert np.isnan(comfort.utci(air + 20.1, air + 20.1, np.array([1.0]), vapour)).all()
    assert np.isnan(comfort.utci(air, air + 70.1, np.array([1.0]), vapour)).all()
    still = comfort.utci(air, air, np.array([0.0]), vapour)
    assert still == comfort.utci(air, air, np.array([0.5]), vapour)


def test_a_globe_in_air_as_warm_as_its_surroundings_is_as_warm():
    """Then nothing is gained or lost, in any wind; the sun makes it warmer, the wind cooler."""
    air = np.linspace(-20, 45, 14)
    for wind in (0.0, 0.3, 5.0):
        np.testing.assert_allclose(comfort.globe_temperature(air, air, wind), air, atol=1e-9)
    calm, breezy = (comfort.globe_temperature(air, air + 40, w) for w in (0.3, 5.0))
    assert (air < breezy).all()
    assert (breezy < calm).all()
    assert (calm < air + 40).all()
    # what it gains it loses
    kelvin = calm + comfort.ZERO_C
    gained = 0.95 * ((air + 40 + comfort.ZERO_C) ** 4 - kelvin**4)
    np.testing.assert_allclose(gained, 1.1e8 * 0.3**0.6 / 0.15**0.4 * (calm - air), rtol=1e-9)


def test_the_heat_index_is_that_of_the_table_of_the_weather_service():
    """90 F at 70 percent is 106 F, 100 F at 55 percent 124 F, 84 F at 90 percent 98 F."""
    table = ((90, 70, 106), (100, 55, 124), (84, 90, 98))
    for fahrenheit, humidity, felt in table:
        ours = comfort.heat_index(np.array([(fahrenheit - 32) / 1.8]), np.array([humidity * 1.0]))
        assert round(float(ours[0] * 1.8 + 32)) == felt


def test_the_sun_warms_more_than_the_sky_cools():
    """At night the open sky takes some kelvins, at noon the sun adds tens."""
    air, vapour = np.array([30.0]), np.array([20.0])
    night = comfort.mean_radiant(air, np.array([0.0]), vapour) - air
    noon = comfort.mean_radiant(air, np.array([900.0]), vapour) - air
    assert -15 < night < 0
    assert 25 < noon < 45


def test_nothing_in_nothing_out():
    """NaN in any input is NaN in every index."""
    nan, ok = np.array([np.nan]), np.array([25.0])
    assert np.isnan(comfort.utci(ok, ok, nan, ok)).all()
    assert np.isnan(comfort.wet_bulb_globe(ok, nan, ok)).all()
    assert np.isnan(comfort.globe_temperature(ok, nan, ok)).all()
    assert np.isnan(comfort.heat_index(nan, ok)).all()
    assert np.isnan(comfort.heat_index(ok, nan)).all()
    assert np.isnan(comfort.humidex(ok, nan)).all()
    assert np.isnan(comfort.apparent_temperature(ok, ok, nan)).all()
    assert np.isnan(comfort.mean_radiant(ok, nan, ok)).all()
