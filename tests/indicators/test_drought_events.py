import dask
import numpy as np
import pytest

from reliefscope.indicators.drought_events import current_drought
from reliefscope.indicators.drought_rain import drought_rain, standardized_index
from reliefscope.model.cube import State
from tests.drought_cubes import DEKADS, MONTHS, cube, noise, refuse


def _index(times=MONTHS):
    values = np.full((len(times), 4, 4), 0.5)
    values[-5:, 0, 0] = [-0.4, -1.2, -2.0, -0.6, -0.1]
    values[-5:, 0, 1] = [-0.4, -0.9, -0.9, -0.6, -0.1]
    values[-5:, 0, 2] = [-1.4, -1.2, -2.0, -0.6, 0.1]
    values[-5:, 0, 3] = [-1.4, -1.2, np.nan, -1.6, -0.2]
    values[-5:, 1, 0] = [-1.4, -1.2, -2.0, -0.6, np.nan]
    return cube(times, spi=values)["spi"]


def test_duration_magnitude_and_peak_by_hand():
    """Five months; too mild; over; since a gap; unknown: five pixels by hand."""
    out = current_drought(_index())
    np.testing.assert_array_equal(out["drought_months"][0], [5, 0, 0, 2])
    np.testing.assert_allclose(out["drought_magnitude"][0], [4.3, 0, 0, 1.8], rtol=1e-6)
    np.testing.assert_allclose(out["drought_peak"][0], [-2.0, np.nan, np.nan, -1.6], rtol=1e-6)
    assert np.isnan(out["drought_months"][1, 0])
    assert out["drought_months"][1, 1] == 0
    assert out["drought_months"].attrs["units"] == "month"


def test_ten_days_are_a_third_of_a_month():
    """The same run in dekads lasts 5/3 of a month."""
    out = current_drought(_index(DEKADS))
    assert out["drought_months"][0, 0] == pytest.approx(5 / 3)
    assert out["drought_magnitude"][0, 0] == pytest.approx(4.3 / 3)


def test_a_month_that_is_missing_from_the_series_is_a_gap():
    """A hole in time ends what is known, as NaN does."""
    index = _index().isel(time=[i for i in range(len(MONTHS)) if i != len(MONTHS) - 3])
    out = current_drought(index)
    assert out["drought_months"][0, 0] == 0


def test_an_index_of_rain_leads_to_the_events():
    """Where the map of today says drought, the event has lasted a month at least."""
    rain = cube(precipitation=noise())
    rain["precipitation"][-4:, 1, 1] = 1
    index = standardized_index(rain["precipitation"], months=3, reference=(1991, 2020))
    out = current_drought(index)
    today = drought_rain(rain)["state"] == State.EVENT
    assert (out["drought_months"].values[today.values] >= 1).all()
    assert today[1, 1]
    assert out["drought_months"][1, 1] >= 3


def test_blocks_do_not_change_the_answer():
    """In pieces and lazily the same."""
    index = _index()
    with dask.config.set(scheduler=refuse):
        lazy = current_drought(index.chunk(time=50, y=1, x=3))
    whole = current_drought(index)
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])
