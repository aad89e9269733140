"""What disasters do to the world, and how it shows."""

import numpy as np
import pytest
from scipy import ndimage

from reliefscope.model.cube import State
from reliefscope.numerics import burn, terrain
from reliefscope.sources.simulated.disasters import DISASTERS, extent
from reliefscope.sources.simulated.sensors import sentinel1, sentinel2
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import BUILT, CROP, GRASS, SHRUB, TREE, make_world

SIZE = 320


@pytest.fixture(scope="module", params=[3, 7])
def world(request):
    return make_world(SIZE, request.param)


@pytest.mark.parametrize("hazard", DISASTERS)
def test_each_strikes_part_of_the_land_and_the_same_each_time(world, hazard):
    """Some of it, not most of it, never permanent water, and equal for equal seeds."""
    one, again = DISASTERS[hazard](world), DISASTERS[hazard](world)
    assert 0.0005 < one.event.mean() < 0.5
    assert not (one.event & world.permanent).any()
    np.testing.assert_array_equal(one.event, again.event)
    codes = extent(world, one.event)
    assert set(np.unique(codes)) == {State.NO_EVENT, State.EVENT, State.REFERENCE}
    for values, _ in one.truth.values():
        np.testing.assert_array_equal(values != 0, one.event)


@pytest.mark.parametrize("hazard", DISASTERS)
def test_each_is_seen_before_and_after(world, hazard):
    """With passes on both sides of the onset, no two alike."""
    disaster = DISASTERS[hazard](world)
    for passes in (disaster.radar, disaster.optical):
        days = [day for day, _ in passes]
        assert len({seen.name for _, seen in passes}) == len(days)
    days = [d for d, _ in (*disaster.radar, *disaster.optical)]
    assert min(days) < 0 < max(days)


def _bands(world, passes, last):
    return sentinel2(world, passes[-1 if last else 0][1])[0]


def test_a_fire_is_one_scar_that_lowers_the_burn_ratio(world):
    """Nine tenths of it hang together; where it was severe the ratio falls by over 270."""
    fire = DISASTERS["fire"](world)
    severity = fire.truth["severity"][0]
    label, count = ndimage.label(ndimage.binary_closing(fire.event, iterations=3))
    assert np.bincount(label.ravel())[1:].max() > 0.9 * (label > 0).sum()
    assert count >= 1
    before, after = (_bands(world, fire.optical, last) for last in (False, True))
    fall = 1000 * (burn.nbr(before["B8A"], before["B12"]) - burn.nbr(after["B8A"], after["B12"]))
    assert np.median(fall[severity > 0.6]) > 400
    assert abs(np.median(fall[(severity == 0) & ~world.permanent])) < 100
    burnable = np.isin(world.land_cover, (TREE, SHRUB, GRASS, CROP))
    assert not fire.event[~burnable].any()


def test_an_earthquake_changes_the_echo_of_buildings_alone(world):
    """Hurt buildings differ by more than speckle once four passes are averaged; others do not."""
    quake = DISASTERS["earthquake"](world)
    change = quake.truth["change"][0]
    assert (world.land_cover[quake.event] == BUILT).all()
    mean = {
        late: np.mean(
            [sentinel1(world, seen)["vv"] for day, seen in quake.radar if (day > 0) is late][-4:],
            axis=0,
        )
        for late in (False, True)
    }
    ratio = np.abs(10 * np.log10(mean[True] / mean[False]))
    assert np.nanmedian(ratio[change > 3]) > 2.5
    unhurt = (world.land_cover == BUILT) & ~quake.event
    assert np.nanmedian(ratio[unhurt]) < 1.5


def test_landslides_start_on_steep_ground_and_bare_it(world):
    """They are 1.4 times as steep as the land, and the vegetation index falls."""
    slides = DISASTERS["landslide"](world)
    slope = terrain.slope_deg(world.elevation, PIXEL_M, PIXEL_M)
    assert np.median(slope[slides.event]) > 1.4 * np.median(slope)
    index = []
    for last in (False, True):
        bands = _bands(world, slides.optical, last)
        index.append((bands["B08"] - bands["B04"]) / (bands["B08"] + bands["B04"]))
    fall = index[0] - index[1]
    assert np.median(fall[slides.event]) > 0.3
    assert abs(np.median(fall[~slides.event])) < 0.05
