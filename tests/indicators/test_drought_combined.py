import dask
import numpy as np
import pytest

from reliefscope.errors import CubeError
from reliefscope.indicators.drought_combined import drought_combined
from reliefscope.model.cube import Advisory, CombinedDrought, MissingInput, State
from tests.drought_cubes import DEKADS, MONTHS, cube, noise, refuse, season

SOIL_SPREAD, GREEN_SPREAD = 0.02, 0.05


def _rain(times=MONTHS, seed=0):
    return cube(times, precipitation=noise(times, seed=seed))


def _usual(name, times=MONTHS, level=0.4, swing=0.1, spread=SOIL_SPREAD, seed=6):
    """A level with a season and noise, whose last two years are exactly usual."""
    scatter = noise(times, seed=seed, spread=spread)
    scatter[-len(times) // 18 :] = 0
    return cube(times, **{name: (level + swing * np.sin(season(times)))[:, None, None] + scatter})


def _soil(times=MONTHS):
    return _usual("soil_moisture", times)


def _green(times=MONTHS):
    return _usual("fapar", times, level=0.5, swing=0.2, spread=GREEN_SPREAD, seed=7)


def _quiet_rain(times=MONTHS):
    """Rain whose last two years are the median of their time of the year."""
    rain = _rain(times)
    per_year = 12 if times is MONTHS else 36
    values = rain["precipitation"].values
    for step in range(1, 2 * per_year + 1):
        others = values[-step - 2 * per_year :: -per_year]
        values[-step] = np.median(others, axis=0)
    return rain


def _stage(out, y=0, x=0):
    return CombinedDrought(int(out["cdi"][y, x]))


def test_a_drought_goes_its_way_from_rain_to_plants_and_back():
    """Watch, warning, alert, better plants, and over: each month of one pixel by hand."""
    rain, soil, green = _quiet_rain(), _soil(), _green()
    rain["precipitation"][-7:-3, 0, 0] = 0.5
    soil["soil_moisture"][-6:-1, 0, 0] -= 3 * SOIL_SPREAD
    green["fapar"][-5:-3, 0, 0] -= 3 * GREEN_SPREAD
    green["fapar"][-3:-1, 0, 0] -= 0.3 * GREEN_SPREAD
    stages = []
    for months in range(8, 0, -1):
        upto = slice(None, len(MONTHS) - months + 1)
        parts = [c.isel(time=upto) for c in (rain, soil, green)]
        stages.append(_stage(drought_combined(*parts)).name)
    assert stages == [
        "NONE",
        "WATCH",
        "WARNING",
        "ALERT",
        "ALERT",
        "VEGETATION_RECOVERY",
        "VEGETATION_RECOVERY",
        "RECOVERY",
    ]
    # the neighbour saw nothing of it
    assert _stage(drought_combined(rain, soil, green), 2, 2) == CombinedDrought.NONE


def test_the_original_scheme_forgets():
    """The same weather by the table of 2012: soil wet for a month is a mere watch."""
    rain, soil = _quiet_rain(), _soil()
    rain["precipitation"][-5:, 0, 0] = 0.5
    soil["soil_moisture"][-3, 0, 0] -= 3 * SOIL_SPREAD
    soil["soil_moisture"][-2:, 0, 0] -= 0.3 * SOIL_SPREAD
    revised, original = (drought_combined(rain, soil, scheme=s) for s in (2, 1))
    assert _stage(revised) == CombinedDrought.SOIL_RECOVERY
    assert _stage(original) == CombinedDrought.WATCH


def test_what_is_missing_is_said_and_is_not_normal():
    """No soil, no plants: the bits say so, everywhere; a stage is stated all the same."""
    rain = _quiet_rain()
    rain["precipitation"][-3:, 0, 0] = 0.5
    out = drought_combined(rain)
    assert _stage(out) == CombinedDrought.WATCH
    assert (out["cdi_missing"] == MissingInput.SOIL | MissingInput.VEGETATION).all()
    assert np.isnan(out["soil_moisture_anomaly"]).all()
    soil = _soil()
    soil["soil_moisture"][-1, 1, 1] = np.nan
    out = drought_combined(rain, soil, _green())
    assert out["cdi_missing"][1, 1] == MissingInput.SOIL
    assert out["cdi_missing"].sum() == MissingInput.SOIL


def test_without_rain_nothing_is_stated():
    """A missing month of rain: not observed, never no drought."""
    rain = _quiet_rain()
    rain["precipitation"][-1, 0, 0] = np.nan
    out = drought_combined(rain, _soil(), _green())
    assert _stage(out) == CombinedDrought.NOT_OBSERVED
    assert out["state"][0, 0] == State.NOT_OBSERVED
    assert out["cdi_missing"][0, 0] == MissingInput.RAIN
    assert (out["state"].values.ravel()[1:] != State.NOT_OBSERVED).all()


@pytest.mark.parametrize(
    ("least", "events"), [(1, [1, 2, 3, 5, 6]), (2, [2, 3, 5, 6]), (3, [3, 6])]
)
def test_what_counts_as_drought_is_a_choice(least, events):
    """Watch, warning or alert and above; temporary recoveries count as what they follow."""
    from reliefscope.indicators.drought_combined import _state  # noqa: PLC0415 - a rule of its own

    stages = np.array([s.value for s in CombinedDrought], "uint8")
    state = _state(stages, least)
    assert stages[state == State.EVENT].tolist() == events
    assert state[-1] == State.NOT_OBSERVED


def test_all_by_ten_days_is_followed_by_ten_days():
    """Three dekads of a month are three steps: the last one alone makes the warning."""
    rain, soil, green = _quiet_rain(DEKADS), _soil(DEKADS), _green(DEKADS)
    rain["precipitation"][-9:, 0, 0] = 0.1
    soil["soil_moisture"][-1, 0, 0] -= 1.5 * SOIL_SPREAD
    assert _stage(drought_combined(rain, soil, green)) == CombinedDrought.WARNING
    # a month has a third of that deficit, and spreads less only by the root of three
    monthly = soil.resample(time="MS").mean()
    monthly["soil_moisture"].attrs = soil["soil_moisture"].attrs
    out = drought_combined(rain, monthly, green)
    assert -1 < out["soil_moisture_anomaly"][0, 0] < 0
    assert _stage(out) == CombinedDrought.WATCH


def test_rain_of_ten_days_needs_all_three_of_a_month():
    """Summed to months for the sake of coarser soil: a missing dekad is a gap."""
    rain, soil = _quiet_rain(DEKADS), _soil()
    whole = drought_combined(rain, soil)
    assert (whole["state"] != State.NOT_OBSERVED).all()
    torn = drought_combined(rain.isel(time=slice(None, -1)), soil)
    assert (torn["state"] == State.NOT_OBSERVED).all()


@pytest.mark.parametrize("times", [MONTHS, DEKADS], ids=["months", "dekads"])
@pytest.mark.parametrize("scheme", [1, 2])
def test_blocks_and_types_do_not_change_the_answer(times, scheme):
    """In pieces, lazily, in double precision: the same; and lazy until asked."""
    cubes = _rain(times), _soil(times), _green(times)
    whole = drought_combined(*cubes, scheme=scheme)
    with dask.config.set(scheduler=refuse):
        pieces = [c.chunk(time=90, y=n) for n, c in enumerate(cubes, 1)]
        lazy = drought_combined(*pieces, scheme=scheme)
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name], err_msg=name)
    double = drought_combined(*(c.astype("float64") for c in cubes), scheme=scheme)
    np.testing.assert_array_equal(double["cdi"], whole["cdi"])


def test_a_change_of_sensor_and_a_short_record_are_flagged():
    """Any of the inputs makes the flag; the note says which."""
    green = _green().assign_coords(
        platform=("time", np.where(np.arange(len(MONTHS)) < 300, "terra", "noaa-20"))
    )
    out = drought_combined(_rain(), _soil(), green, first_year=2001)
    assert int(out["advisory"]) == Advisory.SENSOR_SWITCH | Advisory.SHORT_RECORD
    assert "fapar comes from terra" in out.attrs["provenance_notes"][0]


def test_years_outside_the_record_are_refused():
    """Nothing to compare with is an error."""
    with pytest.raises(CubeError, match="hold nothing"):
        drought_combined(_rain(), first_year=1900, last_year=1950)
