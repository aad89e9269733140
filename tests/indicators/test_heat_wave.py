import dask
import numpy as np
import pytest

from reliefscope.errors import CubeError
from reliefscope.indicators.heat_wave import heat_wave
from reliefscope.model.cube import Advisory, Exclusion, HeatWave, State
from tests.weather_cubes import cube, refuse, summers


def _weather(mean=None):
    mean = summers() if mean is None else mean
    return cube(air_temperature_max=mean + 6, air_temperature_min=mean - 6)


@pytest.fixture(scope="module")
def struck():
    """A week of ten kelvins too many at one pixel; its neighbours have an ordinary August."""
    mean = summers()
    mean[-12:-5, 0, 0] += 10
    return heat_wave(_weather(mean))


def test_a_week_ten_kelvins_too_hot_is_an_extreme_heat_wave_here_and_nowhere_else(struck):
    """The struck pixel is an event of the worst class; the others are observed, without event."""
    assert struck["heat_wave_class"][0, 0] == HeatWave.EXTREME
    assert struck["state"][0, 0] == State.EVENT
    assert struck["ehf_severity"][0, 0] > 3
    assert struck["hwmid"][0, 0] > 5
    assert struck["heat_wave_days"][0, 0] >= 7
    assert struck["hot_days"][0, 0] >= 7
    calm = struck["state"].values.ravel()[1:]
    assert set(calm) == {State.NO_EVENT}
    assert (struck["likelihood"] == 255).all()
    assert struck["advisory"] == 0


def test_severity_is_the_factor_over_that_of_the_place(struck):
    """Class and state follow severity: from 1 severe and an event, from 3 extreme."""
    severity, classes = struck["ehf_severity"].values, struck["heat_wave_class"].values
    np.testing.assert_array_equal(classes >= HeatWave.SEVERE, severity >= 1)
    np.testing.assert_array_equal(classes == HeatWave.NONE, severity == 0)


def test_days_not_seen_are_not_cool_days():
    """A pixel without the last month is not observed; one without a past is excluded."""
    mean = summers()
    mean[-30:, 0, 0] = np.nan
    mean[:-60, 0, 1] = np.nan
    out = heat_wave(_weather(mean))
    assert out["state"][0, 0] == State.NOT_OBSERVED
    assert out["heat_wave_class"][0, 0] == HeatWave.NOT_OBSERVED
    assert out["exclusion"][0, 0] == Exclusion.LOW_COVERAGE
    assert out["state"][0, 1] == State.EXCLUDED
    assert out["exclusion"][0, 1] == Exclusion.NO_COMPARISON
    assert np.isnan(out["hwmid"].values[0]).all()
    assert set(np.unique(out["state"].values[1])) == {State.NO_EVENT}


def test_blocks_and_types_do_not_change_the_answer():
    """In pieces, lazily, in double precision: the same; and lazy until asked."""
    weather = _weather()
    whole = heat_wave(weather)
    with dask.config.set(scheduler=refuse):
        lazy = heat_wave(weather.chunk(time=1000, y=1, x=1))
    exact = heat_wave(weather.astype("float64"))
    for name in ("hwmid", "ehf", "hot_days", "heat_wave_class", "state"):
        np.testing.assert_array_equal(lazy[name].compute(), whole[name], err_msg=name)
        np.testing.assert_array_equal(exact[name], whole[name], err_msg=name)


def test_what_cannot_be_judged_is_refused():
    """Hours, one temperature alone, years that are not there: each says what to do."""
    weather = _weather()
    with pytest.raises(CubeError, match="make one of each day first"):
        heat_wave(weather.assign_coords(time=weather["time"].values.astype("datetime64[Y]")))
    with pytest.raises(CubeError, match="air_temperature_min"):
        heat_wave(weather.drop_vars("air_temperature_min"))
    with pytest.raises(CubeError, match="1900 to 1950 hold nothing"):
        heat_wave(weather, first_year=1900, last_year=1950)


def test_a_short_record_is_said():
    """Thirty years carry no flag, ten do."""
    short = _weather().sel(time=slice("2011", None))
    assert heat_wave(short)["advisory"] == Advisory.SHORT_RECORD
