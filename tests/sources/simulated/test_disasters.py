"""What disasters do to the world, and how it shows."""

import numpy as np
import pytest
from scipy import ndimage

from reliefscope.feeds.exercise import exercise_event
from reliefscope.model.cube import State
from reliefscope.numerics import burn, terrain
from reliefscope.sources.simulated.disasters import DISASTERS, extent
from reliefscope.sources.simulated.sensors import sentinel1, sentinel2
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import BUILT, CROP, GRASS, SHRUB, TREE, make_world

SIZE = 320
ONSET = exercise_event().onset


@pytest.fixture(scope="module", params=[3, 7])
def world(request):
    return make_world(SIZE, request.param)


@pytest.mark.parametrize("hazard", DISASTERS)
def test_each_strikes_part_of_the_land_and_the_same_each_time(world, hazard):
    """Some of it, not most of it, never permanent water, and equal for equal seeds."""
    one, again = DISASTERS[hazard](world, ONSET), DISASTERS[hazard](world, ONSET)
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
    disaster = DISASTERS[hazard](world, ONSET)
    for passes in (disaster.radar, disaster.optical):
        days = [day for day, _ in passes]
        assert len({seen.name for _, seen in passes}) == len(days)
    days = [d for d, _ in (*disaster.radar, *disaster.optical)]
    if disaster.weather is None:
        assert min(days) < 0 < max(days)
    else:
        assert disaster.weather.start.year < 1991


def _bands(world, passes, last):
    return sentinel2(world, passes[-1 if last else 0][1])[0]


def test_a_fire_is_one_scar_that_lowers_the_burn_ratio(world):
    """Nine tenths of it hang together; where it was severe the ratio falls by over 270."""
    fire = DISASTERS["fire"](world, ONSET)
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
    quake = DISASTERS["earthquake"](world, ONSET)
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
    slides = DISASTERS["landslide"](world, ONSET)
    slope = terrain.slope_deg(world.elevation, PIXEL_M, PIXEL_M)
    assert np.median(slope[slides.event]) > 1.4 * np.median(slope)
    index = []
    for last in (False, True):
        bands = _bands(world, slides.optical, last)
        index.append((bands["B08"] - bands["B04"]) / (bands["B08"] + bands["B04"]))
    fall = index[0] - index[1]
    assert np.median(fall[slides.event]) > 0.3
    assert abs(np.median(fall[~slides.event])) < 0.05


def _monthly(world, name):
    drought = DISASTERS["drought"](world, ONSET)
    return drought, drought.weather.series[name].values


def test_a_drought_is_a_lack_of_rain_against_four_decades(world):
    """Where it strikes hardest, the last three months lie deep in the dry tail."""
    drought, rain = _monthly(world, "precipitation")
    assert rain.shape[0] == 41 * 12 + 4
    season = np.stack([rain[k : k + 3].sum(axis=0) for k in range(1, rain.shape[0] - 2, 12)])
    rank = (season[:-1] < season[-1]).mean(axis=0)
    deficit = drought.truth["deficit"][0][10::20, 10::20]
    hardest = rank[deficit >= deficit.max() - 0.3]
    assert np.median(hardest) < 0.1
    assert np.median(rank[deficit == 0]) > np.median(hardest)


def test_vegetation_and_soil_follow_the_rain(world):
    """Months of much rain are followed by moist soil and green land, within physical bounds."""
    _, rain = _monthly(world, "precipitation")
    _, soil = _monthly(world, "soil_moisture")
    _, green = _monthly(world, "ndvi")
    assert soil.min() >= 0
    assert soil.max() <= 0.5
    assert -1 <= green.min() <= green.max() <= 1
    for later in (soil, green):
        lagged = np.corrcoef(rain[:-1].mean(axis=(1, 2)), later[1:].mean(axis=(1, 2)))[0, 1]
        assert lagged > 0.4


def test_a_heat_wave_is_hotter_than_any_july_before(world):
    """At its height it exceeds nearly every July day of the reference years where it strikes."""
    onset = exercise_event().onset.replace(month=7, day=8)
    heat = DISASTERS["heat"](world, onset)
    hot, cold = (heat.weather.series[f"air_temperature_{k}"].values for k in ("max", "min"))
    assert (hot > cold).all()
    start = np.datetime64("1989-01-01")
    dates = start + np.arange(len(hot))
    month = dates.astype("datetime64[M]").astype(int) % 12 + 1
    year = dates.astype("datetime64[Y]").astype(int) + 1970
    usual = hot[(month == 7) & (year <= 2020)]
    peak = hot[(dates >= np.datetime64("2030-07-12")) & (dates <= np.datetime64("2030-07-18"))]
    cell = heat.weather.cell
    struck = heat.truth["excess"][0][cell // 2 :: cell, cell // 2 :: cell] > 0
    assert struck.any()
    beaten = (usual[:, None] < peak.mean(axis=0)).mean(axis=0)[0][struck]
    assert beaten.min() > 0.95


def test_a_storm_blows_hardest_to_the_right_of_its_track_and_weakens(world):
    """Its ring of strongest wind is the track's to a tenth; right of the way beats the left."""
    storm = DISASTERS["storm"](world, ONSET)
    wind = storm.truth["wind"][0]
    start, middle, end = storm.fixes[3], storm.fixes[6], storm.fixes[9]
    assert start.wind_kt > middle.wind_kt > end.wind_kt > 34
    assert wind.max() == pytest.approx(start.wind_kt * 0.514444, rel=0.15)
    heading = np.arctan2(end.x - start.x, start.y - end.y)
    y, x = np.indices(wind.shape)
    right = (x - middle.x) * np.cos(heading) + (y - middle.y) * np.sin(heading)
    ahead = (x - middle.x) * np.sin(heading) - (y - middle.y) * np.cos(heading)
    near = (np.abs(ahead) < 0.2 * SIZE) & (wind > 0)
    ring = middle.rmw_km * 1000 / 250
    beside = [np.median(wind[near & (np.abs(right - side) < ring / 3)]) for side in (ring, -ring)]
    assert beside[0] > beside[1] + 1


def test_the_storm_brings_more_rain_than_any_day_of_four_decades(world):
    """Where it blew, its wettest two days beat nearly all before; the record is whole."""
    storm = DISASTERS["storm"](world, ONSET)
    rain = storm.weather.series["precipitation"].values
    assert np.isfinite(rain).all()
    assert rain.min() == 0
    assert 0.6 < (rain == 0).mean() < 0.8
    pairs = rain[:-1] + rain[1:]
    cell = storm.weather.cell
    struck = storm.event[cell // 2 :: cell, cell // 2 :: cell]
    last = pairs[-6:].max(axis=0)
    assert np.median((pairs[:-8] < last).mean(axis=0)[struck]) > 0.999
