"""Classes can be told apart by every kind of sight, and in grey."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import rgb2lab

from reliefscope.model.cube import BurnSeverity, ChangeClass, DepthBand, DroughtClass
from reliefscope.products.pictures import class_colours
from reliefscope.products.sheet import raster

# Linear sRGB as seen without red, green or blue cones (Machado et al. 2009, severity 1.0).
SIGHTS = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
LEAST = 10.0
"""Least difference of two colours [CIE 1976 dE]; about 2 can just be seen side by side."""
LEAST_STEP = 6.0
"""Least difference in lightness of neighbours on a scale [CIE L*]."""


def seen(colour, sight):
    """Return the CIE Lab of an sRGB colour to a kind of sight."""
    values = np.asarray(colour, float) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    felt = np.clip(SIGHTS[sight] @ linear, 0, 1)
    coded = np.where(felt <= 0.0031308, felt * 12.92, 1.055 * felt ** (1 / 2.4) - 0.055)
    return rgb2lab(coded.reshape(1, 1, 3)).ravel()


def hexed(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


BASE = {
    "event": raster.PALETTE[raster.EVENT][:3],
    "reference": raster.PALETTE[raster.REFERENCE][:3],
    "excluded": raster.PALETTE[raster.EXCLUDED_LINE][:3],
    "not observed": raster.PALETTE[raster.UNSEEN_LINE][:3],
    "ground": (raster.LIGHTEST_GREY,) * 3,
}
SCALES = {
    BurnSeverity: (3, 7),
    DepthBand: (1, 6),
    ChangeClass: (1, 3),
    DroughtClass: (0, 3),
}
"""Members of each scale that an event can be of, first and one past the last."""


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("water", [True, False])
def test_states_differ_for_every_sight(sight, water):
    """No two states of the map look alike; hatches differ in pattern as well."""
    event = raster.palette_of(water=water)[raster.EVENT][:3]
    for (a, x), (b, y) in combinations((BASE | {"event": event}).items(), 2):
        assert np.linalg.norm(seen(x, sight) - seen(y, sight)) > LEAST, (a, b)


@pytest.mark.parametrize("flags", SCALES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("sight", SIGHTS)
def test_scales_differ_and_are_ordered_in_grey(flags, sight):
    """Classes of an event differ for every sight, and grow darker step by step in print."""
    first, last = SCALES[flags]
    colours = [hexed(c) for c in list(class_colours(flags).values())[first:last]]
    labs = [seen(c, sight) for c in colours]
    for a, b in combinations(labs, 2):
        assert np.linalg.norm(a - b) > LEAST
    steps = np.diff([lab[0] for lab in labs])
    assert (np.abs(steps) > LEAST_STEP).all(), steps
    assert len(set(np.sign(steps))) == 1
