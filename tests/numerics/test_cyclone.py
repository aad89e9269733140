import numpy as np
import pandas as pd
import pytest

from reliefscope.numerics import cyclone

FAR = np.linspace(2_000.0, 600_000.0, 3000)


@pytest.mark.parametrize("shape", [1.0, 1.5, 2.5])
def test_the_strongest_wind_blows_at_its_radius(shape):
    """There the profile is the strongest wind itself, and nowhere more."""
    at = cyclone.wind_speed(np.array([40_000.0]), 40_000.0, 60.0, shape)
    assert at == pytest.approx(60.0, rel=1e-12)
    along = cyclone.wind_speed(FAR, 40_000.0, 60.0, shape)
    assert along.max() <= 60.0
    assert FAR[along.argmax()] == pytest.approx(40_000, abs=300)
    assert (np.diff(along[FAR > 40_300]) < 0).all()
    assert (np.diff(along[FAR < 39_700]) >= 0).all()


def test_pressure_and_wind_say_the_same_on_the_equator():
    """With B from both, Holland 1980 and 2010 are one profile where the Earth does not turn it."""
    shape = cyclone.profile_shape(np.array([50.0]), np.array([60.0]))
    assert 1 < shape < 2.5
    old = cyclone.pressure_wind(FAR, 35_000.0, 60.0, shape, 0.0)
    new = cyclone.wind_speed(FAR, 35_000.0, 50.0, shape)
    np.testing.assert_allclose(old, new, rtol=1e-9, atol=1e-9)
    assert (cyclone.pressure_wind(FAR, 35_000.0, 60.0, shape, 20.0) < old).all()


def test_shape_without_pressure_is_the_usual_one():
    """NaN gives 1.5; impossible pairs of wind and pressure stay within 1 to 2.5."""
    shapes = cyclone.profile_shape(np.array([50.0, 80.0, 20.0]), np.array([np.nan, 10.0, 90.0]))
    assert shapes.tolist() == [1.5, 2.5, 1.0]


@pytest.mark.parametrize(("southern", "strong"), [(False, "east"), (True, "west")])
def test_a_storm_on_its_way_north_is_stronger_on_one_side(southern, strong):
    """Right of the track in the northern half, left in the southern; a standing one is round."""
    angle = np.radians(np.arange(0, 360, 1.0))
    east, north = 40_000 * np.sin(angle), 40_000 * np.cos(angle)
    still = np.full(angle.shape, 45.0)
    wind = cyclone.wind_with_motion(east, north, still, (0.0, 8.0), southern=southern)
    assert (east[wind.argmax()] > 0) == (strong == "east")
    assert wind.max() == pytest.approx(45 + 0.55 * 8, abs=0.01)
    assert wind.min() == pytest.approx(45 - 0.55 * 8, abs=0.01)
    round_ = cyclone.wind_with_motion(east, north, still, (0.0, 0.0), southern=southern)
    np.testing.assert_allclose(round_, 45.0, rtol=1e-12)


def test_what_the_motion_adds_is_taken_off_first():
    """The strongest wind on the ground is the track's own, to the rounding of the angle."""
    motion = (3.0, 7.0)
    still = cyclone.stationary_part(np.array([50.0]), motion)
    angle = np.radians(np.arange(0, 360, 0.5))
    wind = cyclone.wind_with_motion(
        np.sin(angle) * 3e4, np.cos(angle) * 3e4, still, motion, southern=False
    )
    assert wind.max() == pytest.approx(50.0, abs=0.01)
    assert cyclone.stationary_part(np.array([2.0]), (30.0, 0.0)) == 0


def test_rain_is_most_around_the_eye_and_grows_with_the_storm():
    """Continuous at the ring of most rain; 2.86 inches a day in the eye of 35 knots."""
    weak, strong = (cyclone.rain_rate(FAR, np.array(w * 0.514444)) for w in (35.0, 101.0))
    assert (strong[FAR < 200_000] > weak[FAR < 200_000]).all()
    eye = cyclone.rain_rate(np.array([0.0]), np.array([35 * 0.514444]))
    assert eye * 24 / 25.4 == pytest.approx(2.86, abs=1e-9)
    ring = np.array([51_499.9, 51_500.1])
    assert np.ptp(cyclone.rain_rate(ring, np.array(35 * 0.514444))) < 1e-4
    assert FAR[weak.argmax()] == pytest.approx(51_500, abs=200)


def test_an_unknown_radius_is_smaller_in_strong_storms_and_larger_far_from_the_equator():
    """25 to 30 km for 55 m/s at 20 degrees, north or south."""
    usual = cyclone.radius_of_maximum_wind(np.array([55.0]), np.array([20.0]))
    assert 25_000 < usual < 30_000
    assert usual == cyclone.radius_of_maximum_wind(np.array([55.0]), np.array([-20.0]))
    assert cyclone.radius_of_maximum_wind(np.array([30.0]), np.array([20.0])) > usual
    assert cyclone.radius_of_maximum_wind(np.array([55.0]), np.array([35.0])) > usual


def test_nothing_known_of_the_storm_is_nothing_known_of_its_wind():
    """NaN in, NaN out."""
    assert np.isnan(cyclone.wind_speed(np.array([1e4]), np.nan, 50.0, 1.5)).all()
    assert np.isnan(cyclone.rain_rate(np.array([1e4]), np.array([np.nan]))).all()


@pytest.mark.realdata
@pytest.mark.parametrize(("exponent", "low", "high"), [(0.5, 1.3, 1.65), (0.7, 1.1, 1.4)])
def test_winds_reach_further_than_analysts_drew_them_and_by_how_much(
    shared_data, exponent, low, high
):
    """Seven storms of 2024: the median ratio of the model's radii to those of IBTrACS."""
    folder = shared_data / "responses" / "cems_charter_gdacs_montyext" / "docs" / "model"
    table = pd.read_csv(
        folder / "sources" / "IBTrACS" / "ibtracs.NA.list.v04r01.csv",
        skiprows=[1],
        na_values=[" "],
    )
    motion = table["STORM_SPEED"].to_numpy() * 0.514444
    wind = table["USA_WIND"].to_numpy() * 0.514444
    still = cyclone.stationary_part(wind, (motion, np.zeros(len(motion))))
    radius = table["USA_RMW"].to_numpy() * 1852
    shape = cyclone.profile_shape(still, (table["USA_POCI"] - table["USA_PRES"]).to_numpy())
    along = cyclone.wind_speed(
        FAR[None], radius[:, None], still[:, None], shape[:, None], exponent=exponent
    )
    for knots in (34, 50, 64):
        drawn = table[[f"USA_R{knots}_{q}" for q in ("NE", "SE", "SW", "NW")]].mean(axis=1)
        told = (drawn > 0) & (radius > 0) & (still > 1.02 * knots * 0.514444)
        reach = np.where(along > knots * 0.514444, FAR, 0).max(axis=1)
        ratio = (reach / (drawn * 1852))[told]
        assert told.sum() > 80
        assert low < ratio.median() < high
