import re

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from scipy import special

from reliefscope.errors import CubeError
from reliefscope.indicators.drought_rain import drought_rain, standardized_index
from reliefscope.model.cube import Advisory, DroughtClass, Exclusion, State, describe

TIMES = np.arange("1985-01", "2021-01", dtype="datetime64[M]").astype("datetime64[ns]")


def _rain(side=4, seed=0):
    values = np.random.default_rng(seed).gamma(2, 30, (len(TIMES), side, side)).astype("float32")
    cube = xr.DataArray(values, dims=("time", "y", "x"), coords={"time": TIMES})
    return xr.Dataset({"precipitation": describe("precipitation", cube)})


def test_three_months_without_rain_are_an_extreme_drought_here_and_nowhere_else():
    """The dry cell is an event of the worst class; its neighbours keep their own index."""
    rain = _rain()
    normal = drought_rain(rain)
    rain["precipitation"][-3:, 0, 0] = 0.1
    out = drought_rain(rain)
    assert out["spi"][0, 0] == pytest.approx(-3.09, abs=1e-6)
    assert out["drought_class"][0, 0] == DroughtClass.EXTREMELY_DRY
    assert out["state"][0, 0] == State.EVENT
    np.testing.assert_array_equal(out["spi"][1:], normal["spi"][1:])
    assert set(np.unique(out["state"])) <= {State.NO_EVENT, State.EVENT}


def test_a_month_that_is_missing_is_a_gap_and_not_dry():
    """Missing in the last three months: not observed; a missing month long ago changes little."""
    rain = _rain()
    rain["precipitation"][-2, 0, 0] = np.nan
    out = drought_rain(rain.isel(time=[i for i in range(len(TIMES)) if i != 100]))
    assert np.isnan(out["spi"][0, 0])
    assert out["state"][0, 0] == State.NOT_OBSERVED
    assert out["drought_class"][0, 0] == DroughtClass.NOT_OBSERVED
    assert np.isfinite(out["spi"].values.ravel()[1:]).all()
    assert np.abs(out["spi"] - drought_rain(_rain())["spi"]).max() < 0.15


def test_a_season_without_rain_is_excluded_with_its_reason():
    """Always dry here in these months: no index, not "no drought", and not "not observed"."""
    rain = _rain()
    rain["precipitation"][:, 0, 0] = 0
    rain["precipitation"][-1, 1, 1] = np.nan
    out = drought_rain(rain)
    assert np.isnan(out["spi"][0, 0])
    assert out["state"][0, 0] == State.EXCLUDED
    assert out["exclusion"][0, 0] == Exclusion.NO_COMPARISON
    assert out["state"][1, 1] == State.NOT_OBSERVED
    assert out["exclusion"][1, 1] == Exclusion.LOW_COVERAGE
    assert (out["exclusion"] == 0).sum() == 14


def test_ten_days_are_summed_over_their_months_and_compared_with_their_kind():
    """Nine dekads make three months; the last one is judged among the last ones of the years."""
    days = np.array([0, 10, 20], dtype="timedelta64[D]")
    months = np.arange("1985-01", "2021-01", dtype="datetime64[M]").astype("datetime64[D]")
    times = (months[:, None] + days).ravel().astype("datetime64[ns]")
    values = np.random.default_rng(4).gamma(2, 10, (len(times), 2, 2))
    cube = xr.DataArray(values, dims=("time", "y", "x"), coords={"time": times})
    ours = standardized_index(cube, months=3, reference=(1985, 2020), last_only=True)
    sums = np.stack([values[i - 8 : i + 1].sum(axis=0) for i in range(35, len(times), 36)])
    a = np.log(sums.mean(axis=0)) - np.log(sums).mean(axis=0)
    alpha = (1 + np.sqrt(1 + 4 * a / 3)) / (4 * a)
    below = special.gammainc(alpha, sums[-1] * alpha / sums.mean(axis=0))
    np.testing.assert_allclose(ours, special.ndtri(below), atol=1e-6)
    torn = cube.isel(time=[i for i in range(len(times)) if i != len(times) - 4])
    assert np.isnan(
        standardized_index(torn, months=3, reference=(1985, 2020), last_only=True)
    ).all()


def test_years_outside_the_record_are_refused():
    """A reference that the series does not touch is an error that names both."""
    with pytest.raises(CubeError, match=r"1900 to 1950 hold nothing.* 1985 to 2020"):
        drought_rain(_rain(), first_year=1900, last_year=1950)


def test_classes_are_those_of_the_wmo():
    """Each edge belongs to the more unusual side."""
    from reliefscope.indicators._drought import classes  # noqa: PLC0415 - a rule of its own

    index = np.array([-2.5, -2, -1.99, -1.5, -1.49, -1, -0.99, 0.99, 1, 1.5, 2, np.nan], "float32")
    assert classes(index).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 255]


def test_a_short_record_is_said():
    """Thirty years to compare with carry no flag, twenty do."""
    assert drought_rain(_rain())["advisory"] == 0
    short = drought_rain(_rain(), first_year=2001)
    assert short["advisory"] == Advisory.SHORT_RECORD


def test_blocks_and_types_do_not_change_the_answer():
    """In pieces, in double precision, lazily: the same index; and lazy until asked."""
    rain = _rain()
    whole = drought_rain(rain)["spi"]

    def refuse(*_, **__):
        raise AssertionError

    pieces = rain.chunk(time=100, y=1, x=3)
    with dask.config.set(scheduler=refuse):
        lazy = drought_rain(pieces)["spi"]
    np.testing.assert_array_equal(lazy.compute(), whole)
    np.testing.assert_allclose(drought_rain(rain.astype("float64"))["spi"], whole, atol=1e-6)


def test_the_last_month_alone_is_the_end_of_the_series():
    """One map costs less and says the same."""
    rain = _rain()["precipitation"]
    series = standardized_index(rain, months=6, reference=(1991, 2020))
    last = standardized_index(rain, months=6, reference=(1991, 2020), last_only=True)
    np.testing.assert_array_equal(series.isel(time=-1), last)
    assert np.isnan(series[:5]).all()


def test_two_totals_in_a_month_are_refused():
    """Days must be added up first, and that is said."""
    days = _rain()["precipitation"].assign_coords(
        time=TIMES[0] + np.arange(len(TIMES)) * 864 * 10**11
    )
    with pytest.raises(CubeError, match="add up days to months"):
        standardized_index(days, months=3, reference=(1991, 2020))


@pytest.mark.realdata
def test_forty_years_of_java_agree_with_a_second_implementation(shared_data):
    """SPI-3 of 480 CHIRPS months, gamma by Thom, written a second time with SciPy: to 1e-5."""
    folder = shared_data / "drought" / "chirps_java" / "Data" / "Input_TIF"
    files = sorted(folder.glob("java_chirps-v2.0.*.tif"))
    stamps = [re.search(r"(\d{4})\.(\d{2})\.tif", f.name).groups() for f in files]
    assert len(files) == 480
    layers = []
    for file in files:
        with rasterio.open(file) as raster:
            layer = raster.read(1)[20:40, 100:130].astype("float64")
        layers.append(np.where(layer < 0, np.nan, layer))
    values = np.stack(layers)
    times = np.array([f"{y}-{m}" for y, m in stamps], "datetime64[M]").astype("datetime64[ns]")
    rain = xr.DataArray(values, dims=("time", "y", "x"), coords={"time": times})
    ours = standardized_index(rain, months=3, reference=(1991, 2020)).values

    totals = np.full_like(values, np.nan)
    totals[2:] = values[2:] + values[1:-1] + values[:-2]
    want = np.full_like(values, np.nan)
    years, months = times.astype("datetime64[Y]").astype(int) + 1970, np.arange(480) % 12
    for month in range(12):
        here = months == month
        base = totals[here & (years >= 1991)]
        wet = np.where(base > 0, base, np.nan)
        share = (base == 0).sum(axis=0) / (~np.isnan(base)).sum(axis=0).clip(1)
        mean = np.nanmean(np.where(np.isnan(wet).all(axis=0), 1, wet), axis=0)
        logs = np.nanmean(np.where(np.isnan(wet).all(axis=0), 0, np.log(wet)), axis=0)
        a = np.log(mean) - logs
        with np.errstate(all="ignore"):
            alpha = (1 + np.sqrt(1 + 4 * a / 3)) / (4 * a)
            below = share + (1 - share) * special.gammainc(alpha, totals[here] * alpha / mean)
        below = np.where(totals[here] == 0, share / 2, below)
        want[here] = np.clip(special.ndtri(below), -3.09, 3.09)
    seen = ~np.isnan(totals)
    assert seen.mean() > 0.4  # the rest is sea
    np.testing.assert_allclose(ours[seen], want[seen], rtol=0, atol=1e-5)
    assert np.isnan(ours[~seen]).all()
