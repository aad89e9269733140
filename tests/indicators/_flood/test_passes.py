import numpy as np
import pandas as pd
import pytest
import xarray as xr

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators._flood.passes import (
    day_of_year,
    passes_before,
    same_orbit,
    time_of,
)
from reliefscope.model.cube import Advisory

WHEN = pd.Timestamp("2024-05-10T05:30")
ORBITS = 175
"""Orbits of Sentinel-1 in its cycle of twelve days."""


def stack(times):
    times = pd.DatetimeIndex(times)
    return xr.Dataset({"vv": ("time", np.arange(len(times)))}, coords={"time": times})


def image(when=WHEN):
    return xr.Dataset(coords={} if when is None else {"time": when})


def kept(series, after=None):
    passes, matched = same_orbit(series, image() if after is None else after)
    return passes["vv"].to_numpy().tolist(), matched


def test_multiples_of_six_days_are_one_orbit():
    """6, 12 and 60 days before, to minutes; not 5, 7 or 6.5."""
    days = [60.002, 12, 7, 6.5, 6, 5]
    got, matched = kept(stack([WHEN - pd.Timedelta(days=d) for d in days]))
    assert got == [0, 1, 4]
    assert matched


def test_no_other_orbit_of_the_cycle_passes_for_the_same():
    """Of all passes of a year, at whatever place, only those of the same orbit, or of the orbit
    half a cycle on that the second satellite flies, are kept."""
    step = pd.Timedelta(days=12) / ORBITS
    numbers = np.arange(1, 30 * ORBITS)
    series = stack([WHEN - n * step for n in numbers])
    got, _ = kept(series)
    assert sorted(numbers[got] % ORBITS) == [0] * 29


def test_the_order_given_does_not_matter():
    """Oldest first comes out."""
    times = [WHEN - pd.Timedelta(days=d) for d in (12, 36, 24)]
    assert kept(stack(times))[0] == [1, 2, 0]


def test_a_window_and_nothing_before():
    """Only the last twenty days; an empty series is an error, not an empty map."""
    series = stack([WHEN - pd.Timedelta(days=d) for d in (36, 24, 12)])
    passes, flag = passes_before(series, image(), days=20)
    assert passes["vv"].to_numpy().tolist() == [2]
    assert flag == 0
    with pytest.raises(InsufficientDataError) as caught:
        passes_before(stack([WHEN + pd.Timedelta(days=12)]), image())
    assert caught.value.observed_fraction == 0


def test_without_a_time_all_passes_are_taken_as_given():
    """Nothing tells the orbit, so nothing is flagged either."""
    series = stack([WHEN - pd.Timedelta(days=d) for d in (11, 5)])
    passes, flag = passes_before(series, image(None))
    assert passes.sizes["time"] == 2
    assert flag == 0
    assert time_of(image(None)) is None


def test_another_orbit_is_flagged():
    """All passes, and the flag."""
    passes, flag = passes_before(stack([WHEN - pd.Timedelta(days=5)]), image())
    assert passes.sizes["time"] == 1
    assert flag == Advisory.ORBIT_MISMATCH


def test_days_of_the_year_count_from_one():
    """1 January at noon is 1.5, 31 December of a leap year 366."""
    times = pd.DatetimeIndex(["2024-01-01T12:00", "2024-12-31"])
    assert day_of_year(times).tolist() == [1.5, 366]


@pytest.mark.parametrize("broken", [lambda s: s.isel(time=0), lambda s: s.drop_vars("time")])
def test_a_series_has_times(broken):
    """One image, or steps without times."""
    with pytest.raises(CubeError):
        same_orbit(broken(stack([WHEN])), image())
