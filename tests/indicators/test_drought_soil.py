import dask
import numpy as np
import pytest

from reliefscope.errors import CubeError
from reliefscope.indicators._drought import standardized_anomaly
from reliefscope.indicators.drought_soil import drought_soil
from reliefscope.model.cube import PROVENANCE_NOTES, Advisory, DroughtClass, Exclusion, State
from tests.drought_cubes import DEKADS, MONTHS, cube, noise, refuse, season


def _soil(times=MONTHS):
    swing = (0.25 + 0.1 * np.sin(season(times)))[:, None, None]
    return cube(times, soil_moisture=swing + noise(times, spread=0.02))


def _green(times=MONTHS):
    swing = (0.5 + 0.2 * np.sin(season(times)))[:, None, None]
    return cube(times, fapar=swing + noise(times, seed=3, spread=0.05))


def test_the_anomaly_is_that_of_the_same_month_by_hand():
    """December 2020 against thirty Decembers: mean and sample deviation, no other month."""
    soil = _soil()
    values = soil["soil_moisture"].values
    out = drought_soil(soil)
    decembers = values[11::12]
    years = np.arange(1985, 2021)
    same = decembers[(years >= 1991) & (years <= 2020)].astype("float64")
    want = (values[-1] - same.mean(axis=0)) / same.std(axis=0, ddof=1)
    np.testing.assert_allclose(out["soil_moisture_anomaly"], want, rtol=1e-5)


def test_dry_soil_is_a_drought_here_and_nowhere_else():
    """Three deviations below: extreme, an event; the season alone is none."""
    soil = _soil()
    soil["soil_moisture"][-1, 0, 0] -= 0.08
    out = drought_soil(soil)
    assert out["drought_class"][0, 0] == DroughtClass.EXTREMELY_DRY
    assert out["state"][0, 0] == State.EVENT
    assert set(np.unique(out["state"])) <= {State.EVENT, State.NO_EVENT}
    assert (out["state"] == State.EVENT).sum() <= 4


def test_what_is_not_seen_is_not_normal():
    """A missing value is not observed; with too few years of this month nothing is compared."""
    soil = _soil()
    soil["soil_moisture"][-1, 0, 0] = np.nan
    soil["soil_moisture"][11:-80:12, 1, 1] = np.nan
    out = drought_soil(soil)
    assert out["state"][0, 0] == State.NOT_OBSERVED
    assert out["exclusion"][0, 0] == Exclusion.LOW_COVERAGE
    assert out["state"][1, 1] == State.EXCLUDED
    assert out["exclusion"][1, 1] == Exclusion.NO_COMPARISON
    assert np.isnan(out["soil_moisture_anomaly"]).sum() == 2
    assert drought_soil(soil, min_years=6)["state"][1, 1] <= State.EVENT


def test_plants_have_their_own_anomaly_and_do_not_decide():
    """fAPAR beside it; without it no such layer."""
    out = drought_soil(_soil(), _green())
    assert np.isfinite(out["fapar_anomaly"]).all()
    alone = drought_soil(_soil())
    assert "fapar_anomaly" not in alone
    np.testing.assert_array_equal(out["state"], alone["state"])


def test_a_change_of_sensor_is_flagged_and_told():
    """A platform along time that changes: a flag and a sentence with both names and the day."""
    green = _green()
    names = np.where(np.arange(len(MONTHS)) < 400, "terra", "noaa-20")
    switched = green.assign_coords(platform=("time", names))
    out = drought_soil(_soil(), switched)
    assert int(out["advisory"]) & Advisory.SENSOR_SWITCH
    (note,) = out.attrs[PROVENANCE_NOTES]
    assert note == "fapar comes from terra, from 2018-05-01 on from noaa-20"
    same = green.assign_coords(platform=("time", np.full(len(MONTHS), "terra")))
    quiet = drought_soil(_soil(), same)
    assert quiet["advisory"] == 0
    assert PROVENANCE_NOTES not in quiet.attrs


def test_days_become_means_of_months():
    """A value every eight days is averaged over its month before it is compared."""
    days = np.arange("1990-01-01", "2021-01-01", 8, dtype="datetime64[D]").astype("datetime64[ns]")
    soil = cube(days, soil_moisture=noise(days, spread=0.02) + 0.3)
    out = drought_soil(soil)
    averaged = soil["soil_moisture"].resample(time="MS").mean()
    want = standardized_anomaly(averaged, reference=(1991, 2020), min_years=8, last_only=True)
    np.testing.assert_allclose(out["soil_moisture_anomaly"], want, atol=1e-5)


def test_ten_days_are_compared_with_the_same_ten_days():
    """The last dekad of the year against thirty of its kind."""
    soil = _soil(DEKADS)
    out = drought_soil(soil)["soil_moisture_anomaly"]
    same = soil["soil_moisture"].values[35::36][6:].astype("float64")
    want = (same[-1] - same.mean(axis=0)) / same.std(axis=0, ddof=1)
    np.testing.assert_allclose(out, want, rtol=1e-5)


@pytest.mark.parametrize("times", [MONTHS, DEKADS], ids=["months", "dekads"])
def test_blocks_and_types_do_not_change_the_answer(times):
    """In pieces, lazily, in double precision: the same; one step is that step of the series."""
    soil, green = _soil(times), _green(times)
    whole = drought_soil(soil, green)
    with dask.config.set(scheduler=refuse):
        lazy = drought_soil(soil.chunk(time=90, y=1), green.chunk(x=3))
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])
    double = drought_soil(soil.astype("float64"))["soil_moisture_anomaly"]
    np.testing.assert_allclose(double, whole["soil_moisture_anomaly"], atol=1e-5)
    series = standardized_anomaly(soil["soil_moisture"], reference=(1991, 2020), min_years=8)
    np.testing.assert_array_equal(series[-1], whole["soil_moisture_anomaly"])


def test_years_outside_the_record_are_refused():
    """Nothing to compare with is an error, not a map of NaN."""
    with pytest.raises(CubeError, match="hold nothing"):
        drought_soil(_soil(), first_year=1900, last_year=1950)
