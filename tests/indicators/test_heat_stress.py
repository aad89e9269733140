import dask
import numpy as np
import pytest

from reliefscope.errors import CubeError
from reliefscope.indicators.heat_stress import heat_stress
from reliefscope.model.cube import HeatStress, State
from reliefscope.numerics import comfort
from tests.weather_cubes import SIDE, cube, refuse

HOURS = np.arange("2026-07-01T00", "2026-07-03T00", dtype="datetime64[h]").astype("datetime64[ns]")
SHAPE = (len(HOURS), SIDE, SIDE)


def _weather(peak=311.15, **more):
    """Two days whose afternoons reach ``peak``, with 20 degrees of dewpoint."""
    phase = 2 * np.pi * (np.arange(len(HOURS)) - 15) / 24
    air = peak - 6 + 6 * np.cos(phase)
    sun = np.clip(900 * np.cos(phase), 0, None) * 3600
    given = {
        "air_temperature": air,
        "dewpoint_temperature": np.full(len(HOURS), 293.15),
        "wind_u10": np.full(len(HOURS), 1.2),
        "wind_v10": np.full(len(HOURS), -1.6),
        "solar_radiation": sun,
    }
    return cube(HOURS, **{**given, **more})


def test_the_hottest_hour_is_the_one_that_counts():
    """38 degrees, 900 W/m2, 2 m/s: UTCI of that hour by the kernel itself, extreme heat stress."""
    out = heat_stress(_weather())
    vapour = comfort.vapour_pressure(np.array(20.0))
    radiant = comfort.mean_radiant(np.array(38.0), np.array(900.0), vapour)
    want = comfort.utci(np.array(38.0), radiant, np.array(2.0), vapour)
    np.testing.assert_allclose(out["utci"], want, atol=0.01)
    assert (out["heat_stress_class"] == HeatStress.EXTREME).all()
    assert (out["state"] == State.EVENT).all()


def test_without_sun_and_wind_the_heat_index_decides():
    """90 degrees Fahrenheit at 70 percent feel like 106: danger, so very strong; no UTCI."""
    air = np.full(len(HOURS), (90 - 32) / 1.8 + 273.15)
    dew = np.full(len(HOURS), 273.15 + 26.07)
    out = heat_stress(cube(HOURS, air_temperature=air, dewpoint_temperature=dew))
    assert "utci" not in out
    np.testing.assert_allclose(out["heat_index"] * 1.8 + 32, 106, atol=1)
    assert (out["heat_stress_class"] == HeatStress.VERY_STRONG).all()
    worst = heat_stress(cube(HOURS, air_temperature=air, dewpoint_temperature=dew), least=4)
    assert (worst["state"] == State.NO_EVENT).all()


def test_hours_not_seen_are_not_cool_hours():
    """A third of the hours missing: not observed, not "no stress"."""
    air = np.full(SHAPE, 295.0)
    air[:16, 0, 0] = np.nan
    out = heat_stress(_weather(air_temperature=air))
    assert out["state"][0, 0] == State.NOT_OBSERVED
    assert out["heat_stress_class"][0, 0] == HeatStress.NOT_OBSERVED
    assert (out["state"].values.ravel()[1:] != State.NOT_OBSERVED).all()


def test_blocks_and_types_do_not_change_the_answer():
    """In pieces, lazily, in double precision: the same; and lazy until asked."""
    weather = _weather()
    whole, exact = heat_stress(weather), heat_stress(weather.astype("float64"))
    with dask.config.set(scheduler=refuse):
        lazy = heat_stress(weather.chunk(time=10, y=1, x=1))
    for name in ("utci", "wbgt", "humidex", "apparent_temperature", "state"):
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])
        np.testing.assert_allclose(exact[name], whole[name], atol=1e-4)


def test_radiation_of_one_step_alone_is_refused():
    """Over how long it was added up is not known."""
    with pytest.raises(CubeError, match="give a series"):
        heat_stress(_weather().isel(time=[14]))
