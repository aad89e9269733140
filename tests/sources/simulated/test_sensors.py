import dataclasses

import numpy as np
import pytest

from reliefscope.sources.simulated import sensors
from reliefscope.sources.simulated import world as worlds
from reliefscope.sources.simulated.sensors import (
    OpticalPass,
    RadarPass,
    sentinel1,
    sentinel2,
    speckle,
)
from reliefscope.sources.simulated.world import make_world

SIZE = 256


@pytest.fixture(scope="module")
def world():
    return make_world(SIZE, 1)


def radar(name, *, flooded):
    return RadarPass(name=name, flooded=flooded, moisture_db=0.0, wind_db=0.0)


@pytest.fixture(scope="module")
def before(world):
    return sentinel1(world, radar("before", flooded=False))


@pytest.fixture(scope="module")
def after(world):
    return sentinel1(world, radar("after", flooded=True))


def decibel(power, mask):
    """Mean over a mask, in linear power, as decibels."""
    return 10 * np.log10(np.nanmean(power[mask]))


def test_speckle_keeps_the_mean_and_has_the_looks_of_the_sensor():
    """Mean 1 within 1 %, and mean^2 / variance is 4.4 within 3 %: a gamma of 4.4 looks."""
    noise = speckle(np.random.default_rng(0), (1000, 1000)).astype("float64")
    assert noise.mean() == pytest.approx(1, abs=0.01)
    assert noise.mean() ** 2 / noise.var() == pytest.approx(4.4, rel=0.03)
    skew = ((noise - noise.mean()) ** 3).mean() / noise.std() ** 3
    assert skew == pytest.approx(2 / np.sqrt(4.4), rel=0.05)
    assert noise.min() > 0


@pytest.mark.parametrize(("lag", "want"), [(1, 0.66), (2, 0.19), (6, 0.0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_speckle_is_alike_between_neighbours_as_in_real_scenes(lag, want, axis):
    """Correlation falls as measured on homogeneous ground in IW GRD: 0.66, 0.19, none."""
    noise = speckle(np.random.default_rng(1), (800, 800)) - 1
    pairs = np.moveaxis(noise, axis, 0)
    got = (pairs[lag:] * pairs[:-lag]).mean() / noise.var()
    assert got == pytest.approx(want, abs=0.03)


def test_a_pass_is_the_same_each_time_and_passes_differ(world, before):
    """Same seed and name, same bytes; another pass has other speckle."""
    again = sentinel1(world, radar("before", flooded=False))
    other = sentinel1(world, radar("other", flooded=False))
    for band in ("vv", "vh"):
        assert before[band].tobytes() == again[band].tobytes()
        assert before[band].tobytes() != other[band].tobytes()
        assert before[band].dtype == np.float32


def test_backscatter_orders_the_ground_as_radar_does(world, before):
    """Water is darkest, then fields, then woods; buildings are brightest, in both bands."""
    dry = ~world.flooded
    for band in ("vv", "vh"):
        value = {
            code: decibel(before[band], (world.land_cover == code) & dry)
            for code in (worlds.WATER, worlds.CROP, worlds.TREE, worlds.BUILT)
        }
        values = list(value.values())
        assert values == sorted(values)
        assert value[worlds.CROP] - value[worlds.WATER] > 6
    assert decibel(before["vv"], dry) > decibel(before["vh"], dry) + 4


def test_flood_darkens_open_ground_and_brightens_stems_and_walls(world, before, after):
    """Fields fall to water; woods rise by about 3 dB in VV and less in VH; towns rise."""
    cover, wet = world.land_cover, world.flooded & (world.depth > 0.3)
    for band in ("vv", "vh"):
        crop = wet & (cover == worlds.CROP)
        assert decibel(after[band], crop) - decibel(before[band], crop) < -5
    tree = wet & (cover == worlds.TREE)
    rise = {b: decibel(after[b], tree) - decibel(before[b], tree) for b in ("vv", "vh")}
    assert rise["vv"] == pytest.approx(3.2, abs=0.6)
    assert rise["vh"] == pytest.approx(0.7, abs=0.6)
    town = wet & (cover == worlds.BUILT)
    assert decibel(after["vv"], town) > decibel(before["vv"], town) + 1


def test_dry_ground_hardly_changes(world, before, after):
    """Outside the flood the two dates differ by speckle alone."""
    dry = ~world.flooded & ~world.permanent
    for band in ("vv", "vh"):
        assert abs(decibel(after[band], dry) - decibel(before[band], dry)) < 0.1


def test_wind_brightens_water(world):
    """A windy day lifts calm water in VV, less in VH, and leaves land alone."""
    windy = sentinel1(world, RadarPass(name="w", flooded=False, moisture_db=0, wind_db=4))
    calm = sentinel1(world, RadarPass(name="w", flooded=False, moisture_db=0, wind_db=0))
    water = world.permanent
    lift = {b: decibel(windy[b], water) - decibel(calm[b], water) for b in ("vv", "vh")}
    assert lift["vv"] == pytest.approx(4, abs=0.3)
    assert 0.5 < lift["vh"] < 2
    np.testing.assert_array_equal(windy["vv"][~water], calm["vv"][~water])


def test_incidence_grows_away_from_the_radar():
    """Looking west, the east is near; across a full world of 110 km the angle grows by 7.5."""
    theta = sensors.incidence_deg(10_980)
    assert theta.shape == (1, 10_980)
    assert theta[0, 0] - theta[0, -1] == pytest.approx(7.46, abs=0.02)
    assert (np.diff(theta[0]) < 0).all()


def test_steep_slopes_lay_over_and_fall_into_shadow(world):
    """A ridge of 60 degrees is bright towards the radar and black behind."""
    columns = np.arange(SIZE, dtype="float32")
    ridge = np.maximum(0, 300 - np.abs(columns - 128) * 10 * np.tan(np.radians(60)))
    cliff = dataclasses.replace(
        world, elevation=np.broadcast_to(ridge, (SIZE, SIZE)).astype("float32")
    )
    seen = sentinel1(cliff, radar("ridge", flooded=False))["vv"]
    towards, behind = np.s_[:, 135:140], np.s_[:, 116:121]
    assert np.nanmedian(seen[towards]) > 20 * np.nanmedian(seen[behind])
    assert 10 * np.log10(np.nanmean(seen[behind])) == pytest.approx(-31, abs=0.5)


def test_one_corner_lies_outside_the_swath(after):
    """A small corner is not observed in either band, the rest is seen everywhere."""
    missing = np.isnan(after["vv"])
    np.testing.assert_array_equal(missing, np.isnan(after["vh"]))
    assert 0.002 < missing.mean() < 0.03
    corners = [missing[0, 0], missing[0, -1], missing[-1, 0], missing[-1, -1]]
    assert sum(corners) == 1
    assert not missing[40:-40, 40:-40].any()


@pytest.fixture(scope="module")
def optical(world):
    return sentinel2(world, OpticalPass(name="clear", flooded=True, cloud_share=0.0))


def test_water_and_plants_have_their_spectra(world, optical):
    """NDWI is positive on water, and NDVI is high in woods and low on water."""
    bands, _ = optical
    ndwi = (bands["B03"] - bands["B08"]) / (bands["B03"] + bands["B08"])
    ndvi = (bands["B08"] - bands["B04"]) / (bands["B08"] + bands["B04"])
    wood = (world.land_cover == worlds.TREE) & ~world.flooded
    assert np.median(ndwi[world.permanent]) > 0.1
    assert np.median(ndvi[wood]) > 0.7
    deep = world.flooded & (world.depth > 1) & (world.land_cover == worlds.CROP)
    assert np.median(ndvi[deep]) < 0
    assert all(0 < np.median(b) < 1 for b in bands.values())


def test_clear_sky_is_classified_as_ground(world, optical):
    """Without clouds SCL holds plants, soil and water only, and water where it stands."""
    scl = optical[1]
    assert set(np.unique(scl)) == {4, 5, 6}
    assert (scl[world.permanent] == 6).all()
    assert (scl[(world.land_cover == worlds.TREE) & ~world.permanent] == 4).all()


def test_clouds_are_bright_and_throw_shadows(world, optical):
    """The asked share is cloudy; clouds are bright, their shadows dark, each with its class."""
    bands, scl = sentinel2(world, OpticalPass(name="cloudy", flooded=True, cloud_share=0.3))
    assert np.isin(scl, (7, 8, 9)).mean() == pytest.approx(0.3, abs=0.05)
    assert np.median(bands["B02"][scl == 9]) > 0.3
    shadow = scl == 3
    assert shadow.any()
    assert np.median(bands["B08"][shadow]) < 0.7 * np.median(optical[0]["B08"][shadow])
