import numpy as np
import pandas as pd
import pytest
import xarray as xr

from reliefscope.errors import CubeError
from reliefscope.indicators._flood.weather import weather_flags
from reliefscope.indicators.flood_sar import flood_extent
from reliefscope.model.cube import Advisory
from tests.flood_series import DRY, WHEN, X, image, joined, layer

NOW = image(DRY, 0, WHEN)


def wind(u, v):
    return layer("wind_u10", u).assign(wind_v10=layer("wind_v10", v)["wind_v10"])


@pytest.mark.parametrize(
    ("weather", "want"),
    [
        (layer("air_temperature", 290), Advisory(0)),
        (layer("air_temperature", 272), Advisory.FROZEN),
        (layer("air_temperature", np.where(X < 12, 270, 290)), Advisory.FROZEN),
        (layer("air_temperature", np.where(X < 5, 270, 290)), Advisory(0)),
        (layer("air_temperature", np.where(X < 12, 270, np.nan)), Advisory.FROZEN),
        (layer("air_temperature", np.nan), Advisory(0)),
        (wind(3, 4), Advisory(0)),
        (wind(-5, 4), Advisory.ROUGH_WATER),
        (layer("wind_u10", 20), Advisory(0)),
    ],
)
def test_frost_and_wind_are_flagged(weather, want):
    """Below freezing or above 6 m/s in a tenth of what is known; one component of wind is none."""
    assert int(weather_flags(weather, NOW)) == want


def test_the_weather_of_the_image_counts():
    """Frost two days later does not; without a time of the image, the mean does."""
    warm, cold = (layer("air_temperature", t) for t in (280, 265))
    days = pd.Timedelta(days=2)
    both = joined([warm.assign_coords(time=WHEN), cold.assign_coords(time=WHEN + days)])
    assert int(weather_flags(both, NOW)) == 0
    assert int(weather_flags(both, NOW.drop_vars("time"))) == Advisory.FROZEN


def test_flags_reach_the_map_and_change_nothing_else():
    """The same pixels with one more flag."""
    plain, cold = flood_extent(NOW), flood_extent(NOW, weather=layer("air_temperature", 260))
    assert int(cold["advisory"]) == int(plain["advisory"]) | Advisory.FROZEN
    xr.testing.assert_identical(cold.drop_vars("advisory"), plain.drop_vars("advisory"))
    assert cold["advisory"].dtype == np.uint16


def test_degrees_celsius_are_refused():
    """Units must be those of the table."""
    weather = layer("air_temperature", 15)
    weather["air_temperature"].attrs["units"] = "degC"
    with pytest.raises(CubeError, match="must be in 'K'"):
        weather_flags(weather, NOW)
