import csv

import numpy as np
import pytest
import rdata

from reliefscope.errors import InputError
from reliefscope.numerics.days import Days
from reliefscope.numerics.extremes import INDICES, Daily, index
from reliefscope.numerics.percentiles import day_percentile, sample_percentile, share_beyond

BASE = (1981, 1990)
"""Reference period of the exemplar: the only one of 1959 to 2004 that gives its r95ptot, r99ptot,
wsdi and csdi, found by trying all."""
PERCENT = ("tn10p", "tx10p", "tn90p", "tx90p")


def _read(path, days):
    values = np.full(len(days.dates), np.nan)
    with path.open(encoding="ascii") as file:
        for row in csv.reader(file):
            if row[0].isdigit() and row[2] not in {"", "NA"}:
                date = np.datetime64(f"{row[0]}-01-01") + int(row[1]) - 1
                values[(date - days.dates[0]).astype(int)] = float(row[2])
    return values


@pytest.fixture(scope="module")
def station(shared_data):
    """46 years of one station, and what the reference R package makes of them."""
    folder = shared_data / "heat" / "climdex_station_1018935"
    days = Days(first_year=1959, last_year=2004)
    daily = Daily(
        days=days,
        base=BASE,
        tmax=_read(folder / "1018935_MAX_TEMP.csv", days),
        tmin=_read(folder / "1018935_MIN_TEMP.csv", days),
        rain=_read(folder / "1018935_ONE_DAY_PRECIPITATION.csv", days),
    )
    found = rdata.read_rda(folder / "exemplar_data.rda")
    return daily, {n.removeprefix("ec.1018935."): np.asarray(v, float) for n, v in found.items()}


@pytest.mark.realdata
@pytest.mark.parametrize("name", [n for n in INDICES if n not in PERCENT])
def test_each_index_is_that_of_the_r_package(station, name):
    """Counts are equal, means and sums to 1e-12; the same years and months are missing."""
    daily, want = station
    want = want["rnnmm" if name == "r1mm" else name]
    ours = index(name, daily, monthly=len(want) > 46)
    np.testing.assert_allclose(ours, want, rtol=0, atol=1e-12 * np.nanmax(np.abs(want)))
    assert np.isfinite(want).sum() >= 28


@pytest.mark.realdata
@pytest.mark.parametrize("name", PERCENT)
def test_days_beyond_percentiles_are_those_of_the_r_package(station, name):
    """To 1e-9 of a percent; but the R package counts a missing day of its base as one within."""
    daily, want = station
    ours = index(name, daily, monthly=True)
    gaps = np.isnan(daily.cells("tmax" if name[1] == "x" else "tmin")[0])
    counts = np.bincount(daily.days.month)
    missing = np.bincount(daily.days.month, weights=gaps & daily.days.within(BASE))
    np.testing.assert_allclose(ours * (1 - missing / counts), want[name], rtol=0, atol=1e-9)
    assert np.isfinite(ours).sum() > 500
    assert (missing[np.isfinite(ours)] > 0).any()


@pytest.mark.realdata
def test_growing_seasons_of_the_south_run_from_july(station):
    """Equal to the R package's, which there lets pass a June of which seven days are missing."""
    daily, want = station
    south = Daily(days=daily.days, base=BASE, tmax=daily.tmax, tmin=daily.tmin, south=True)
    expected = want["gsl.sh"].copy()
    assert expected[1992 - 1959] == 184
    expected[1992 - 1959] = np.nan
    np.testing.assert_array_equal(index("gsl", south), expected)


DAYS = Days(first_year=1991, last_year=2000)


def _weather(cells=3, seed=0):
    rng = np.random.default_rng(seed)
    season = 12 - 10 * np.cos(2 * np.pi * DAYS.of_year / 365)
    warm = season + rng.normal(0, 3, (cells, len(DAYS.dates)))
    wet = rng.gamma(0.4, 9, warm.shape)
    return {"tmax": np.round(warm + 5, 1), "tmin": np.round(warm - 5, 1), "rain": np.round(wet, 1)}


def _by_hand(values, share):
    """Judge each day of the reference by every other year in its place, the slow way."""
    usual = values[~DAYS.leap]
    years, count = len(DAYS.years), 365
    out = np.full(len(values), np.nan)
    for year in range(years):
        for other in set(range(years)) - {year}:
            padded = np.pad(usual, 2, mode="edge")
            stand_in = usual[other * count : (other + 1) * count]
            padded[year * count + 2 : (year + 1) * count + 2] = stand_in
            for step in np.flatnonzero(DAYS.year == year):
                day = DAYS.of_year[step]
                pool = np.concatenate(
                    [padded[y * count + day : y * count + day + 5] for y in range(years)]
                )
                edge = np.nanquantile(pool, share, method="median_unbiased")
                beyond = values[step] > edge if share > 0.5 else values[step] < edge
                out[step] = np.nan_to_num(out[step]) + beyond / (years - 1)
            out[np.isnan(values)] = np.nan
    return out


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_no_day_is_judged_by_its_own_year(share, monkeypatch):
    """The compiled bootstrap equals one that swaps whole years, with days missing too."""
    monkeypatch.setattr("tests.numerics.test_extremes.DAYS", Days(first_year=1991, last_year=1993))
    values = np.random.default_rng(1).normal(0, 3, len(DAYS.dates))
    values[::17] = np.nan
    ours = share_beyond(values, DAYS, (1991, 1993), share)
    np.testing.assert_allclose(ours, _by_hand(values, share), atol=1e-12)


def test_within_the_reference_one_day_in_ten_is_beyond_the_tenth_percentile():
    """Of white noise: 10 percent on average within the period and after it, so without a step."""
    days = Days(first_year=1961, last_year=2010)
    values = np.random.default_rng(2).normal(size=(6, len(days.dates)))
    for share in (0.1, 0.9):
        found = share_beyond(values, days, (1961, 1990), share)
        inside = days.within((1961, 1990))
        assert found[:, inside].mean() == pytest.approx(0.1, abs=0.003)
        assert found[:, ~inside].mean() == pytest.approx(0.1, abs=0.003)


def test_missing_days_beyond_the_rule_leave_no_index():
    """3 days of a month and 15 of a year may be missing, one more and there is none."""
    weather = _weather(1)
    for count, where, known in ((3, 40, True), (4, 40, False)):
        rain = weather["rain"].copy()
        rain[0, where : where + count] = np.nan
        daily = Daily(days=DAYS, base=(1991, 2000), rain=rain)
        assert np.isfinite(index("rx1day", daily)[0, 0]) == known
        assert np.isfinite(index("rx1day", daily, monthly=True)[0, 1]) == known
    spread = weather["rain"].copy()
    spread[0, 5:365:23] = np.nan  # sixteen days, no two in ten
    assert np.isnan(spread[0]).sum() == 16
    assert np.isnan(index("rx1day", Daily(days=DAYS, rain=spread))[0, 0])
    spread[0, 5] = 0
    assert np.isfinite(index("rx1day", Daily(days=DAYS, rain=spread))[0, 0])


def test_nothing_seen_gives_nothing():
    """All days missing: every index is NaN in every year, none is zero."""
    nothing = np.full((2, len(DAYS.dates)), np.nan)
    daily = Daily(days=DAYS, base=(1991, 2000), tmax=nothing, tmin=nothing, rain=nothing)
    for name in INDICES:
        assert np.isnan(index(name, daily)).all(), name


def test_runs_by_hand():
    """Twelve dry days over New Year count in the year they end; six warm days make a spell."""
    rain = np.full(len(DAYS.dates), 5.0)
    rain[358:370] = 0.0
    rain[100:104] = 0.9
    cdd = index("cdd", Daily(days=DAYS, rain=rain))
    assert cdd[:3].tolist() == [4, 12, 0]
    warm = _weather(1)["tmax"]
    limit = day_percentile(warm, DAYS, (1991, 2000), 0.9)[0, DAYS.of_year]
    calm = limit[None] - 1
    for first, length in ((500, 6), (600, 5)):
        spell = calm.copy()
        spell[0, first : first + length] = limit[first : first + length] + 0.1
        daily = Daily(days=DAYS, base=(1991, 2000), tmax=spell)
        threshold = daily.threshold("tmax", 0.9)
        by_hand = (spell > threshold)[0]
        runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], by_hand, [0]])))).tolist()[::2]
        assert index("wsdi", daily).sum() == sum(r for r in runs if r >= 6)


def test_shape_and_type_do_not_change_the_answer():
    """Cells one by one, in a block of two dimensions, in single precision: the same."""
    weather = _weather(4)
    for name in ("tx90p", "wsdi", "gsl", "rx5day", "cdd", "r95ptot"):
        whole = index(name, Daily(days=DAYS, base=(1991, 2000), **weather))
        single = {n: v.astype("float32") for n, v in weather.items()}
        exact = {n: v.astype("float64") for n, v in single.items()}
        square = {n: v.reshape(2, 2, -1) for n, v in weather.items()}
        one = index(
            name, Daily(days=DAYS, base=(1991, 2000), **{n: v[2] for n, v in weather.items()})
        )
        np.testing.assert_array_equal(whole[2], one)
        folded = index(name, Daily(days=DAYS, base=(1991, 2000), **square))
        np.testing.assert_array_equal(folded.reshape(whole.shape), whole)
        np.testing.assert_array_equal(
            index(name, Daily(days=DAYS, base=(1991, 2000), **single)),
            index(name, Daily(days=DAYS, base=(1991, 2000), **exact)),
        )


def test_percentile_of_a_sample_is_the_eighth_definition():
    """As NumPy's, which calls it median-unbiased; NaN is left out."""
    values = np.random.default_rng(3).gamma(1, 5, (5, 40))
    values[0, ::3] = np.nan
    for share in (0.05, 0.5, 0.95, 0.99):
        want = np.nanquantile(values, share, axis=1, method="median_unbiased")
        np.testing.assert_allclose(sample_percentile(values, share), want, rtol=1e-12)


def test_what_does_not_fit_is_refused_with_what_would():
    """An unknown index, a month of an index of years, an input that is not there, other lengths."""
    daily = Daily(days=DAYS, base=(1991, 2000), rain=_weather(1)["rain"])
    with pytest.raises(InputError, match="no index 'xx'"):
        index("xx", daily)
    with pytest.raises(InputError, match="index of years"):
        index("cdd", daily, monthly=True)
    with pytest.raises(InputError, match=r"give \['tmax'\] too"):
        index("txx", daily)
    with pytest.raises(InputError, match="10 values for 3653 days"):
        index("txx", Daily(days=DAYS, tmax=np.zeros(10)))
    with pytest.raises(InputError, match="1961 to 1990 must lie within the record"):
        index("r95ptot", Daily(days=DAYS, rain=_weather(1)["rain"]))
    with pytest.raises(InputError, match="lies before"):
        Days(first_year=2000, last_year=1999)
