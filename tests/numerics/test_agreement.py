import math

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import InputError
from reliefscope.numerics.agreement import Confusion, adjusted_area, confusion

COUNTS = st.integers(0, 10**7)


def test_counts_leave_out_what_either_does_not_know():
    """One pixel of each kind, and one of each that is not valid."""
    candidate = np.array([1, 1, 0, 0, 1, 1, 0, 0], bool)
    reference = np.array([1, 0, 1, 0, 1, 0, 1, 0], bool)
    valid = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    assert confusion(candidate, reference, valid) == Confusion(1, 1, 1, 1)


def test_scores_of_a_published_matrix():
    """The inundation benchmark of the gval project: critical success index 0.682336."""
    scores = Confusion(tp=2_473_405, fp=512_277, fn=639_227, tn=10_345_720)
    assert scores.iou == pytest.approx(0.682336, abs=5e-7)


def test_scores_of_a_matrix_worked_by_hand():
    """tp 6, fp 2, fn 1, tn 11: each score from its definition."""
    scores = Confusion(6, 2, 1, 11)
    assert scores.iou == pytest.approx(6 / 9)
    assert scores.f1 == pytest.approx(12 / 15)
    assert scores.precision == pytest.approx(6 / 8)
    assert scores.recall == pytest.approx(6 / 7)
    assert scores.bias == pytest.approx(8 / 7)
    assert scores.false_alarm_rate == pytest.approx(2 / 13)
    assert scores.accuracy == pytest.approx(17 / 20)
    assert scores.mcc == pytest.approx((66 - 2) / math.sqrt(8 * 7 * 13 * 12))
    chance = (8 * 7 + 12 * 13) / 400
    assert scores.kappa == pytest.approx((17 / 20 - chance) / (1 - chance))


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_scores_stay_in_their_ranges(tp, fp, fn, tn):
    """Shares lie in 0 to 1, correlations in -1 to 1, or have no meaning; F1 follows from IoU."""
    scores = Confusion(tp, fp, fn, tn)
    for name in ("iou", "f1", "precision", "recall", "false_alarm_rate", "accuracy"):
        value = getattr(scores, name)
        assert math.isnan(value) or 0 <= value <= 1
    for name in ("mcc", "kappa"):
        value = getattr(scores, name)
        assert math.isnan(value) or abs(value) <= 1 + 1e-9
    if tp:
        assert scores.f1 == pytest.approx(2 * scores.iou / (1 + scores.iou))


def test_no_pixels_have_no_scores():
    """Nothing to compare is NaN, not 0 or 1."""
    assert all(
        math.isnan(getattr(Confusion(0, 0, 0, 0), name))
        for name in ("iou", "f1", "precision", "recall", "bias", "mcc", "false_alarm_rate")
    )


def test_pooling_adds_counts():
    """Pooled scores come from pooled counts."""
    assert Confusion(1, 2, 3, 4) + Confusion(10, 20, 30, 40) == Confusion(11, 22, 33, 44)


def test_grids_that_differ_are_refused():
    """Counting unlike grids against each other is an error, not a broadcast."""
    with pytest.raises(InputError, match="one grid"):
        confusion(np.ones((2, 2), bool), np.ones((2, 3), bool), np.ones((2, 2), bool))


def test_adjusted_area_of_the_published_example():
    """Table 8 of Olofsson et al. (2014): 18,000 ha mapped as deforested, 21,158 +- 6,158 ha
    estimated, and three more classes."""
    counts = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
    pixels = np.array([200_000, 150_000, 3_200_000, 6_450_000])
    hectares = pixels * 0.09
    loss, gain, forest, other = adjusted_area(counts, hectares)
    assert loss.area == pytest.approx(21_158, abs=1)
    assert (loss.high - loss.low) / 2 == pytest.approx(6_158, abs=3)
    assert gain.area == pytest.approx(11_686, abs=1)
    assert forest.area == pytest.approx(285_770, abs=1)
    assert other.area == pytest.approx(581_386, abs=1)


def test_a_perfect_map_needs_no_correction():
    """Without errors the area stays and the interval has no width."""
    event, rest = adjusted_area([[50, 0], [0, 50]], [12.5, 87.5])
    assert (event.area, event.low, event.high) == (12.5, 12.5, 12.5)
    assert rest.area == 87.5


@pytest.mark.parametrize(
    ("counts", "areas"), [([[1, 0], [0, 50]], [1, 1]), ([[5, 5]], [1]), ([5, 5], [1, 1])]
)
def test_samples_that_cannot_estimate_are_refused(counts, areas):
    """A class with one sample has no variance; a matrix must be square."""
    with pytest.raises(InputError):
        adjusted_area(counts, areas)


@pytest.mark.realdata
def test_open_water_of_opera_against_planet(shared_data):
    """DSWx-HLS open water against an independent map of 3 m, half of a cell being water: the
    published intersection over union of 0.696 and accuracy of 0.974, to 0.004 and 0.001."""
    folder = shared_data / "flood" / "opera_dswx_validation"
    with rasterio.open(next(folder.glob("OPERA_*_WTR.tif"))) as raster:
        codes, coarse = raster.read(1), raster.transform
    with rasterio.open(next(folder.glob("site_*.tif"))) as raster:
        label, fine = raster.read(1), raster.transform
    rows, columns = np.arange(label.shape[0]) + 0.5, np.arange(label.shape[1]) + 0.5
    row = np.floor(((fine.f + rows * fine.e) - coarse.f) / coarse.e).astype(int)
    column = np.floor(((fine.c + columns * fine.a) - coarse.c) / coarse.a).astype(int)
    cell = (row[:, None] * codes.shape[1] + column).ravel()
    seen = np.bincount(cell, (label != 255).ravel(), codes.size).reshape(codes.shape)
    wet = np.bincount(cell, (label == 1).ravel(), codes.size).reshape(codes.shape)
    whole = (seen >= 50) & np.isin(codes, (0, 1, 2))
    scores = confusion(codes == 1, wet >= 0.5 * np.maximum(seen, 1), whole)
    assert scores.iou == pytest.approx(0.696, abs=0.004)
    assert scores.accuracy == pytest.approx(0.974, abs=0.001)
