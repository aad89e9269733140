import numpy as np
import pytest
from scipy import ndimage

from reliefscope.numerics import radar, threshold
from reliefscope.numerics.threshold import CO, CROSS

EDGES = threshold.LOW_DB + threshold.BIN_DB * np.arange(threshold.BINS + 1)


def histogram(*classes, n=200_000):
    """Histogram of Gaussian classes, each (share, mean, spread)."""
    rng = np.random.default_rng(0)
    values = [rng.normal(mean, spread, round(n * share)) for share, mean, spread in classes]
    return np.histogram(np.concatenate(values), EDGES)[0]


def scene(size, wet, *, land=-10.0, water=-19.0, spread=1.0, texture=0):
    """Decibels of a scene, encoded: land around, water where ``wet``."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, spread, (size, size))
    if texture:
        noise = ndimage.gaussian_filter(noise, texture)
        noise *= spread / noise.std()
    return radar.encode((np.where(wet, water, land) + noise).astype(np.float32))


def disc(size, radius):
    y, x = np.mgrid[:size, :size] - size // 2
    return y**2 + x**2 < radius**2


def test_cells_count_every_pixel_once():
    """Counts add up to the pixels that were seen, in the cell and the bin they belong to."""
    field = np.full((70, 40), -12.05, np.float32)
    field[0, 0] = np.nan
    field[69, 39] = 20
    counts = threshold.cell_histograms(radar.encode(field))
    assert counts.shape == (3, 2, threshold.BINS)
    assert counts.sum() == 70 * 40 - 1
    bin_ = int((-12.05 - threshold.LOW_DB) / threshold.BIN_DB)
    assert counts[0, 0, bin_] == 32 * 32 - 1
    assert counts[2, 1, -1] == 1


def test_cells_agree_with_numpy():
    """The compiled count is numpy's histogram, cell by cell."""
    field = np.random.default_rng(3).normal(-15, 6, (64, 64)).astype(np.float32)
    code = radar.encode(field)
    counts = threshold.cell_histograms(code)
    clipped = np.clip(code[32:, :32] / 100 + 0.001, -39.99, 4.99)
    np.testing.assert_array_equal(counts[1, 0], np.histogram(clipped, EDGES)[0])


@pytest.mark.parametrize("cut", [threshold.otsu, threshold.minimum_error])
def test_equal_classes_are_cut_midway(cut):
    """Two equal Gaussians at -20 and -10 dB part at -15, whichever criterion cuts."""
    split = cut(histogram((0.5, -20, 1.5), (0.5, -10, 1.5)))
    assert split.threshold == pytest.approx(-15, abs=0.4)
    assert split.dark == pytest.approx(-20, abs=0.1)
    assert split.bright == pytest.approx(-10, abs=0.1)
    assert split.share == pytest.approx(0.5, abs=0.01)
    assert split.ashman == pytest.approx(np.sqrt(2) * 10 / np.sqrt(2 * 1.5**2), rel=0.05)
    assert threshold.is_bimodal(split)


def test_minimum_error_yields_to_the_wider_class():
    """With a wide dark class the cut moves towards the narrow bright one; Otsu's does not."""
    counts = histogram((0.5, -20, 3), (0.5, -10, 1))
    assert threshold.minimum_error(counts).threshold == pytest.approx(-12.7, abs=0.5)
    assert threshold.otsu(counts).threshold == pytest.approx(-15, abs=0.5)


def test_otsu_cuts_a_single_class_and_the_gate_refuses_it():
    """Half a Gaussian on each side explains 64 % of the variance and has no valley.

    Peer defect: Otsu taken as its own proof that there are two classes.
    """
    split = threshold.otsu(histogram((1, -12, 2)))
    assert split.between == pytest.approx(2 / np.pi, abs=0.01)
    assert not threshold.is_bimodal(split)


def test_a_class_below_a_tenth_is_no_class():
    """5 % of water is too little for a tile to speak."""
    assert not threshold.is_bimodal(threshold.otsu(histogram((0.05, -20, 1), (0.95, -10, 1))))


def test_boundary_is_as_far_from_both_in_their_spreads():
    """-9.1 land with the spread of water lies midway; a narrow land is approached."""
    water = radar.WATER_DB[CO]
    assert threshold.boundary(-9.1, radar.WATER_SPREAD_DB, water) == pytest.approx(-14.1)
    cut = threshold.boundary(-9.1, 1.0, water)
    assert (-9.1 - cut) / 1.0 == pytest.approx((cut - water) / radar.WATER_SPREAD_DB)


def test_land_is_the_bright_peak_whatever_lies_beside_it():
    """Water darkens and a city brightens the histogram; mode and spread of land stay."""
    land = threshold.land_class(histogram((0.5, -19, 2), (0.4, -10, 2.2), (0.1, -2, 3)), CO)
    assert land.mode == pytest.approx(-10, abs=0.5)
    assert land.spread == pytest.approx(2.2, abs=0.5)


@pytest.mark.parametrize("mean", [-19.0, -25.0])
def test_a_scene_of_water_has_no_land(mean):
    """No peak brighter than the default threshold, no land."""
    assert threshold.land_class(histogram((1, mean, 1)), CO) is None
    assert threshold.land_class(np.zeros(threshold.BINS, int), CO) is None


def test_a_scene_of_water_gets_the_default():
    """All water and no tile with two classes: the default, and nobody spoke."""
    counts = threshold.cell_histograms(scene(256, wet=True))
    found = threshold.scene_threshold(counts, CO)
    assert found.tiles == 0
    assert found.median == pytest.approx(radar.DEFAULT_THRESHOLD_DB[CO])


def test_a_lake_moves_nothing_when_it_is_as_dark_as_expected():
    """Tiles speak, say what physics says, and the threshold is the boundary of land and water."""
    found = threshold.scene_threshold(threshold.cell_histograms(scene(256, disc(256, 60))), CO)
    assert found.tiles > 0
    want = threshold.boundary(-10, radar.LAND_SPREAD_DB, radar.WATER_DB[CO])
    assert found.median == pytest.approx(want, abs=0.2)


def test_bright_water_beside_land_raises_the_threshold():
    """Water of -15 dB in many tiles lifts the cut above that of calm water."""
    calm = threshold.scene_threshold(threshold.cell_histograms(scene(512, disc(512, 150))), CO)
    rough = threshold.scene_threshold(
        threshold.cell_histograms(scene(512, disc(512, 150), water=-15)), CO
    )
    assert rough.tiles > 0
    assert rough.median > calm.median + 0.3


@pytest.mark.parametrize(("polarisation", "land"), [(CO, 2.0), (CROSS, -3.0)])
def test_thresholds_stay_inside_their_bounds(polarisation, land):
    """A scene far brighter than any ground cannot push the threshold out of its bounds."""
    counts = threshold.cell_histograms(scene(128, wet=False, land=land))
    found = threshold.scene_threshold(counts, polarisation)
    assert found.median == radar.THRESHOLD_BOUNDS_DB[polarisation][1]


def test_each_region_has_its_own_land():
    """Forest in the west and fields in the east get thresholds of their own."""
    land = np.where(np.arange(1024)[None, :] < 512, -7.0, -11.0)
    rng = np.random.default_rng(2)
    field = (land + rng.normal(0, 1, (512, 1024))).astype(np.float32)
    found = threshold.scene_threshold(threshold.cell_histograms(radar.encode(field)), CO)
    want = [threshold.boundary(m, radar.LAND_SPREAD_DB, radar.WATER_DB[CO]) for m in (-7, -11)]
    np.testing.assert_allclose(found.field, [want], atol=0.2)


def test_a_region_of_water_takes_the_land_of_the_scene():
    """The middle of a lake shows no land; it is held against the land around."""
    wet = np.arange(1024)[None, :] >= 512
    found = threshold.scene_threshold(threshold.cell_histograms(scene(1024, wet)), CO)
    assert np.ptp(found.field) < 0.3
    assert found.field[0, 1] > radar.DEFAULT_THRESHOLD_DB[CO]


def test_tiles_need_a_third_of_their_pixels():
    """Tiles of which most was not seen are not judged."""
    code = scene(64, disc(64, 20))
    assert threshold.cut_tiles(threshold.cell_histograms(code)).dark.size == 1
    code[:, :48] = radar.MISSING
    assert threshold.cut_tiles(threshold.cell_histograms(code)).dark.size == 0
