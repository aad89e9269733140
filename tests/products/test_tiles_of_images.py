"""Images of the ground as map tiles: shown as they are, not as a measure."""

from pathlib import Path

import numpy as np
import pytest

from reliefscope.products.tiles import painted


@pytest.mark.parametrize("name", ["before", "after"])
def test_a_grey_image_stays_grey(name):
    """One band gives three equal colours of the same brightness; what lies beside it is clear."""
    band = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    there = np.ones((16, 16), bool)
    there[0, 0] = False
    shown = painted(Path(f"{name}.tif"), name, band, there)
    assert all(np.array_equal(shown[1:, :, c], band[0, 1:]) for c in range(3))
    assert shown[0, 0].tolist() == [0, 0, 0, 0]
    assert (shown[1:, :, 3] == 255).all()


def test_a_coloured_image_keeps_its_colours():
    """Three bands are red, green and blue as they are."""
    bands = np.stack([np.full((4, 4), value, np.uint8) for value in (10, 120, 240)])
    shown = painted(Path("after.tif"), "after", bands, np.ones((4, 4), bool))
    assert shown[2, 2].tolist() == [10, 120, 240, 255]
