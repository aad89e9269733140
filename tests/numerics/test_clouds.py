import numpy as np
import pytest

from reliefscope.numerics.clouds import hidden_by_fmask, hidden_by_qa_pixel, hidden_by_scl


def test_scene_classes_that_hide_the_ground():
    """No data, saturated, shadow, cloud, cirrus and NaN hide; water, soil and snow do not."""
    codes = np.array([*range(12), np.nan])
    assert hidden_by_scl(codes).nonzero()[0].tolist() == [0, 1, 3, 8, 9, 10, 12]


@pytest.mark.parametrize(
    ("code", "hidden"),
    [(1, True), (21824, False), (22280, True), (23888, True), (21952, False), (np.nan, True)],
)
def test_landsat_bits(code, hidden):
    """Values of the product guide: fill; clear; high-confidence cloud; shadow; clear water."""
    assert hidden_by_qa_pixel(np.array([code]))[0] == hidden


@pytest.mark.parametrize(
    ("code", "hidden"),
    [(0, False), (0b10, True), (0b100, True), (0b1000, True), (0b10_0000, False), (255, True)],
)
def test_fmask_bits(code, hidden):
    """Cloud, beside cloud and shadow hide, water does not, fill does."""
    assert hidden_by_fmask(np.array([code]))[0] == hidden
