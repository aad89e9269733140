import dask
import numpy as np
import pytest

from reliefscope.errors import CubeError
from reliefscope.indicators.land_temperature import land_temperature
from reliefscope.model.cube import Advisory, Exclusion, LandHeat, State, describe
from tests.weather_cubes import SIDE, cube, refuse

SUMMERS = np.array(
    [f"{y}-{d}" for y in range(2016, 2026) for d in ("07-02", "07-18")], "datetime64[ns]"
)
NOW = np.array(["2026-07-10", "2026-07-26"], "datetime64[ns]")
CLEAR, CLOUD = 21824, 22280


def _before(value=300.0):
    spread = np.linspace(-3, 3, len(SUMMERS))
    quality = np.full((len(SUMMERS), SIDE, SIDE), CLEAR)
    cubes = cube(SUMMERS, lst=value + spread)
    return cubes.assign(qa_pixel=describe("qa_pixel", cubes["lst"].copy(data=quality)))


def _after(values, quality=CLEAR):
    cubes = cube(NOW, lst=values)
    codes = np.broadcast_to(quality, cubes["lst"].shape)
    return cubes.assign(qa_pixel=describe("qa_pixel", cubes["lst"].copy(data=codes.copy())))


def test_seven_kelvins_over_the_median_of_other_summers():
    """307 against a median of 300: 7 K, an event of its class; winters do not count."""
    winter = cube(np.array(["2020-01-10"], "datetime64[ns]"), lst=[265.0])
    before = _before().merge(winter, join="outer", compat="no_conflicts")
    before["lst"].attrs["units"] = "K"
    out = land_temperature(_after([307.0, 350.0]), before)
    np.testing.assert_allclose(out["lst_anomaly"], 7.0, atol=1e-4)
    assert (out["land_heat_class"] == LandHeat.FROM_5K).all()
    assert (out["state"] == State.EVENT).all()
    assert out["advisory"] == 0


def test_clouds_are_not_cool_ground():
    """The first clear date counts; cloud on both is not observed; no past is excluded."""
    quality = np.full((2, SIDE, SIDE), CLEAR)
    quality[0, 0, 0] = quality[:, 0, 1] = CLOUD
    before = _before()
    before["lst"][:, 1, 1] = np.nan
    out = land_temperature(_after([301.0, 312.0], quality), before)
    assert out["lst_anomaly"][0, 0] == pytest.approx(12, abs=1e-3)
    assert out["land_heat_class"][0, 0] == LandHeat.FROM_10K
    assert out["state"][0, 1] == State.NOT_OBSERVED
    assert out["land_heat_class"][0, 1] == LandHeat.NOT_OBSERVED
    assert out["state"][1, 1] == State.EXCLUDED
    assert out["exclusion"][1, 1] == Exclusion.NO_COMPARISON
    assert out["state"][1, 0] == State.NO_EVENT


def test_lazy_in_lazy_out():
    """Nothing is computed until asked, and then it is the same."""
    whole = land_temperature(_after([307.0, 350.0]), _before())
    with dask.config.set(scheduler=refuse):
        lazy = land_temperature(
            _after([307.0, 350.0]).chunk(time=1, y=1), _before().chunk(time=3, x=1)
        )
    np.testing.assert_array_equal(lazy["lst_anomaly"].compute(), whole["lst_anomaly"])
    np.testing.assert_array_equal(lazy["state"].compute(), whole["state"])


def test_few_images_are_said_and_none_of_the_season_refused():
    """Under ten images of the season raise a flag; none is an error that says how to go on."""
    few = _before().isel(time=slice(0, 8))
    assert land_temperature(_after([307.0, 350.0]), few)["advisory"] == Advisory.SHORT_RECORD
    winter = few.assign_coords(time=few["time"] + np.timedelta64(180, "D"))
    with pytest.raises(CubeError, match="within 30 days of the season"):
        land_temperature(_after([307.0, 350.0]), winter)
