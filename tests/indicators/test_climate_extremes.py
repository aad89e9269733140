import dask
import numpy as np
import pytest

from reliefscope.errors import CubeError, InputError
from reliefscope.indicators.climate_extremes import climate_extremes
from reliefscope.numerics.days import Days
from reliefscope.numerics.extremes import INDICES, Daily, index
from tests.weather_cubes import DAYS, SIDE, cube, refuse, summers

RECORD = Days(first_year=1991, last_year=2021)


@pytest.fixture(scope="module")
def weather():
    """Thirty years and eight months of temperature and rain."""
    rain = np.random.default_rng(1).gamma(0.4, 9, (len(DAYS), SIDE, SIDE))
    mean = summers()
    return cube(air_temperature_max=mean + 5, air_temperature_min=mean - 5, precipitation=rain)


def test_a_cube_gives_what_each_of_its_series_gives(weather):
    """All 27 of one pixel equal the kernel on its degrees Celsius; the unfinished year has none."""
    out = climate_extremes(weather)
    assert set(out) == set(INDICES)
    assert out.sizes["time"] == 31
    one = weather.isel(y=1, x=0)
    whole = {
        n: np.pad(one[v].values.astype(float), (0, 122), constant_values=np.nan)
        for n, v in (("tmax", "air_temperature_max"), ("tmin", "air_temperature_min"),
                     ("rain", "precipitation"))
    }  # fmt: skip
    celsius = {n: v if n == "rain" else np.round(v - 273.15, 4) for n, v in whole.items()}
    daily = Daily(days=RECORD, base=(1991, 2020), **celsius)
    for name in INDICES:
        want = index(name, daily).astype("float32")
        np.testing.assert_array_equal(out[name].isel(y=1, x=0), want, err_msg=name)
        assert np.isnan(want[-1])
        assert np.isfinite(want[:-1]).all(), name
    assert out["tx90p"].attrs["units"] == "percent"


def test_lazy_in_lazy_out_in_any_blocks(weather):
    """Nothing is computed until asked; pieces give the same."""
    names = ("tx90p", "wsdi", "cdd", "txx")
    whole = climate_extremes(weather, *names)
    with dask.config.set(scheduler=refuse):
        lazy = climate_extremes(weather.chunk(time=500, y=1, x=1), *names)
    for name in names:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])


def test_months_are_those_of_the_indices_that_have_them(weather):
    """One value a month; by default only of indices of months, of the variables there are."""
    out = climate_extremes(weather[["precipitation"]], monthly=True)
    assert set(out) == {"rx1day", "rx5day"}
    assert out.sizes["time"] == 31 * 12
    july = weather["precipitation"].sel(time="2000-07").max("time")
    np.testing.assert_array_equal(out["rx1day"].sel(time="2000-07-01"), july)


def test_what_cannot_be_computed_is_refused(weather):
    """An unknown name, a variable that is not there, years outside of the record."""
    with pytest.raises(InputError, match="no indices"):
        climate_extremes(weather, "heat")
    with pytest.raises(CubeError, match="air_temperature_max"):
        climate_extremes(weather[["precipitation"]], "txx")
    with pytest.raises(InputError, match="1961 to 1990 must lie within the record"):
        climate_extremes(weather, "tx90p", reference=(1961, 1990))
