import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reliefscope.numerics.agreement import confusion
from reliefscope.numerics.water import classify, coarse_water, composite, diagnose

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")


def _pixel(*values):
    return {name: np.array([value], "float32") for name, value in zip(BANDS, values, strict=True)}


@pytest.mark.parametrize(
    ("values", "code", "kind"),
    [
        ((0.05, 0.06, 0.04, 0.02, 0.01, 0.005), 0b11111, 1),  # clear lake
        ((0.04, 0.06, 0.05, 0.35, 0.20, 0.12), 0b00000, 0),  # crops
        ((0.15, 0.20, 0.25, 0.32, 0.40, 0.35), 0b00000, 0),  # dry soil
        ((0.04, 0.06, 0.05, 0.14, 0.085, 0.05), 0b11000, 3),  # reeds in water
    ],
)
def test_known_surfaces(values, code, kind):
    """A lake passes all tests, crops and soil none, a reed bed the two for partly water."""
    assert diagnose(_pixel(*values))[0] == code
    assert classify(diagnose(_pixel(*values)))[0] == kind


def test_classes_of_all_codes():
    """Four or five tests high, three moderate, two aggressive but for 11000, one only 10000."""
    kinds = classify(np.arange(32, dtype="uint8"))
    assert [format(c, "05b") for c in range(32) if kinds[c] == 1] == [
        "01111", "10111", "11011", "11101", "11110", "11111",
    ]  # fmt: skip
    assert (kinds == 2).sum() == 10
    assert [c for c in range(32) if kinds[c] == 3] == [0b11000]
    assert (kinds == 4).sum() == 10
    assert kinds[0b10000] == 4


@given(st.sampled_from(BANDS))
def test_one_band_missing_is_not_observed(name):
    """Never "no water"."""
    pixel = _pixel(0.05, 0.06, 0.04, 0.02, 0.01, 0.005)
    pixel[name][:] = np.nan
    assert classify(diagnose(pixel))[0] == 255


def test_a_coarse_image():
    """Dark in the infrared is water, bright is land, NaN is neither."""
    red, nir, swir = (
        np.array(v, "float32") for v in ([0.05, 0.05, np.nan], [0.02, 0.3, 0], [0] * 3)
    )
    assert coarse_water(red, nir, swir).tolist() == [1, 0, 255]


@given(arrays(np.uint8, (3, 20), elements=st.sampled_from([0, 1, 255])))
def test_two_of_three_days(days):
    """Water twice is water; not twice, but twice seen, is none; else it cannot be told.

    Peer defect: the shadow of a cloud on one day taken for water.
    """
    out = composite(days, 2)
    for column, value in zip(days.T, out, strict=True):
        wet, seen = (column == 1).sum(), (column != 255).sum()
        assert value == (1 if wet >= 2 else 0 if seen >= 2 else 255)


@pytest.mark.realdata
def test_labelled_water_in_spain(shared_data):
    """High and moderate confidence against the hand label: IoU at least 0.74."""
    folder = shared_data / "flood" / "sen1floods11"
    with rasterio.open(folder / "Spain_7370579_S2Hand.tif") as raster:
        image = raster.read().astype("float32") / 10_000
    with rasterio.open(folder / "Spain_7370579_LabelHand.tif") as raster:
        label = raster.read(1)
    # order of the 13 bands: B1, B2, ... B8, B8A, B9, B10, B11, B12
    bands = dict(zip(BANDS, image[[1, 2, 3, 7, 11, 12]], strict=True))
    water = np.isin(classify(diagnose(bands)), (1, 2))
    assert confusion(water, label == 1, label >= 0).iou > 0.74
