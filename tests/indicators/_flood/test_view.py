import numpy as np
import pytest

from reliefscope.indicators._flood import view
from reliefscope.indicators.flood_sar import flood_extent
from reliefscope.model.cube import Advisory, Exclusion, State
from reliefscope.numerics.radar import water_db
from tests.flood_series import DRY, LAKE, WHEN, X, Y, image, layer, share

ROWS, COLUMNS = np.mgrid[:160, :160]


def swath(azimuth, per_km=0.07, pixel=10.0):
    """Incidence angle that grows towards ``azimuth``."""
    east, north = COLUMNS * pixel, -ROWS * pixel
    along = east * np.sin(np.radians(azimuth)) + north * np.cos(np.radians(azimuth))
    return 38 + per_km / 1000 * along


@pytest.mark.parametrize("azimuth", [78.0, 282.0, 10.0, 190.0])
def test_the_radar_looks_to_where_the_angle_grows(azimuth):
    """Found to a degree, with noise of a thousandth and a gap."""
    angle = swath(azimuth) + np.random.default_rng(0).normal(0, 1e-3, ROWS.shape)
    angle[40:80, 40:90] = np.nan
    assert view.look_azimuth(angle, 10, 10) == pytest.approx(azimuth, abs=1)


@pytest.mark.parametrize(
    "angle",
    [np.full((160, 160), 38.0), np.full((160, 160), np.nan), swath(78) + 5 * np.sin(COLUMNS / 3),
     swath(78, per_km=5)],
    ids=["flat", "unknown", "local angles", "too steep"],
)  # fmt: skip
def test_an_angle_that_grows_in_no_direction_tells_nothing(angle):
    """No direction is guessed."""
    assert view.look_azimuth(angle, 10, 10) is None


def ridge(slope_deg):
    """A ridge from north to south, its sides as steep as that."""
    return np.tan(np.radians(slope_deg)) * (300 - 10.0 * np.abs(X - 48)).clip(0)


EAST, WEST = (X > 55) & (X < 72), (X > 24) & (X < 41)


@pytest.mark.parametrize(("orbit", "facing"), [("ascending", WEST), ("descending", EAST)])
def test_slopes_towards_the_radar_lay_over_and_those_behind_lie_in_shadow(orbit, facing):
    """Sides of 60 degrees at 38: towards the radar layover, away shadow; an ascending satellite
    looks east. Excluded with the reason, whatever they look like; flat ground is not."""
    now = image(DRY, 0, WHEN).assign_attrs(orbit_state=orbit)
    hidden = flood_extent(now, terrain=layer("elevation", ridge(60)))
    both = EAST | WEST
    assert share(hidden["state"], State.EXCLUDED, both) == 1
    assert (hidden["exclusion"].to_numpy()[both] & Exclusion.LAYOVER_SHADOW).all()
    assert not (hidden["exclusion"].to_numpy()[X > 88] & Exclusion.LAYOVER_SHADOW).any()
    gentle = flood_extent(now, terrain=layer("elevation", ridge(41)))
    bits = gentle["exclusion"].to_numpy() & Exclusion.LAYOVER_SHADOW
    # 41 degrees: above the angle of 38 on one side, 79 degrees of incidence on the other
    assert bits[facing].all()
    assert not bits[(EAST | WEST) & ~facing].any()


def test_a_grazing_angle_hides_and_a_steeper_one_does_not():
    """Behind a ridge of 43 degrees the beam meets the ground at 81 degrees, of 40 at 78."""
    now = image(DRY, 0, WHEN).assign_attrs(orbit_state="ascending")
    masks = [
        flood_extent(now, terrain=layer("elevation", ridge(angle)))["exclusion"].to_numpy()
        & Exclusion.LAYOVER_SHADOW
        for angle in (43, 36)
    ]
    assert masks[0][EAST].all()
    assert not masks[1].any()


def test_the_incidence_angle_tells_the_direction_too():
    """The same mask from the angle alone, and its size counts: at 45 degrees a side of 43 facing
    the radar is seen."""
    elevation = layer("elevation", ridge(43))
    for start, seen in ((38.0, False), (46.0, True)):
        angle = layer("incidence_deg", start + 7e-4 * X)
        now = image(DRY, 0, WHEN).assign(incidence_deg=angle["incidence_deg"])
        bits = flood_extent(now, terrain=elevation)["exclusion"].to_numpy()
        assert (bits & Exclusion.LAYOVER_SHADOW)[WEST].any() != seen
        assert (bits & Exclusion.LAYOVER_SHADOW)[EAST].all()


def test_without_direction_nothing_is_hidden():
    """Terrain alone says nothing of what a radar sees."""
    out = flood_extent(image(DRY, 0, WHEN), terrain=layer("elevation", ridge(60)))
    assert not (out["exclusion"].to_numpy() & Exclusion.LAYOVER_SHADOW).any()


def test_known_water_brighter_than_water_is_at_its_angle_is_rough():
    """A lake 3.5 dB above the model of its incidence angle: flagged; at the model it is not."""
    water = layer("water_seasonality", 12 * LAKE)
    for rise, rough in ((3.5, True), (0.5, False)):
        now = image(LAKE, 0, WHEN)
        level = float(water_db(np.float32(40))) + rise + 0.5
        flat = now["vv"].where(~layer("hand", LAKE)["hand"].astype(bool), 10 ** (level / 10))
        now = now.assign(vv=flat.assign_attrs(now["vv"].attrs))
        now = now.assign(incidence_deg=layer("incidence_deg", 40.0)["incidence_deg"])
        flags = Advisory(int(flood_extent(now, water=water)["advisory"]))
        assert (Advisory.ROUGH_WATER in flags) == rough


def test_rows_and_columns_are_not_confused():
    """A ridge from east to west is neither towards nor away from a radar that looks east."""
    now = image(DRY, 0, WHEN).assign_attrs(orbit_state="ascending")
    out = flood_extent(now, terrain=layer("elevation", ridge(60).T))
    bits = out["exclusion"].to_numpy() & Exclusion.LAYOVER_SHADOW
    assert not bits[(Y > 55) & (Y < 72) & (X > 10) & (X < 86)].any()
