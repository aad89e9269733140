import json

import numpy as np
import pytest
import rasterio

from reliefscope.model.cube import VARIABLES
from reliefscope.sources._checks import (
    FEWEST,
    VISIBLE,
    check_backscatter,
    check_offset,
    check_range,
    judge,
)

SENTINEL_2 = {
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "nir": "B08",
    "nir08": "B8A",
    "swir16": "B11",
    "swir22": "B12",
}
LANDSAT = {f"SR_B{n + 2}": v for n, v in enumerate(("blue", "green", "red", "nir08", "swir16"))}
LANDSAT |= {"SR_B7": "swir22"}


def _samples(path, nodata=0):
    """The whole image and each of its overviews, as a glance would see them."""
    with rasterio.open(path) as raster:
        levels = range(len(raster.overviews(1)))
        yield _clean(raster.read(1), nodata)
    for level in levels:
        with rasterio.open(path, overview_level=level) as raster:
            yield _clean(raster.read(1), nodata)


def _clean(pixels, nodata):
    values = pixels.astype("float32")
    values[pixels == nodata] = np.nan
    return values


def _slovenia(shared_data):
    """Earth Search items of baseline 05.09 whose pixels have had the offset taken off."""
    home = shared_data / "scenes" / "earth_search_s2_slovenia_2023" / "sentinel-2-l2a"
    scenes = sorted({path.parent for path in home.glob("*/B02.tif")})
    assert len(scenes) == 3
    for scene in scenes:
        item = json.loads((scene / f"{scene.name}.json").read_text(encoding="utf-8"))
        assert item["properties"]["earthsearch:boa_offset_applied"] is True
    return scenes


@pytest.mark.realdata
def test_real_scenes_with_the_right_offset_are_silent(shared_data):
    """Three dates over Slovenia (clear, half and mostly cloud) and a desert of 2020: no alarm,
    neither as they are nor with 1000 put back and stated."""
    desert = shared_data / "scenes" / "s2_l2a_29RKH_20200219"
    looked = 0
    for scene in (*_slovenia(shared_data), desert):
        for variable, name in SENTINEL_2.items():
            if not (scene / f"{name}.tif").exists():
                continue
            for stored in _samples(scene / f"{name}.tif"):
                looked += 1
                assert judge(variable, stored, scale=1e-4, units="1") is None
                assert judge(variable, stored + 1000, scale=1e-4, offset=-0.1, units="1") is None
    assert looked >= 50


@pytest.mark.realdata
def test_real_scenes_with_the_offset_taken_off_twice_warn(shared_data):
    """The item states -0.1 though its pixels have had it: all visible bands say so, at any
    overview, under 1 % or 71 % cloud."""
    for scene in _slovenia(shared_data):
        for variable in VISIBLE:
            for stored in _samples(scene / f"{SENTINEL_2[variable]}.tif"):
                doubt = judge(variable, stored, scale=1e-4, offset=-0.1, units="1")
                assert "applied already" in doubt


@pytest.mark.realdata
def test_real_scenes_with_the_offset_left_in_and_not_stated_warn(shared_data):
    """With 1000 put back and nothing stated the darkest pixels sit just above 1000."""
    for scene in _slovenia(shared_data):
        for variable in ("red", "blue"):
            for stored in _samples(scene / f"{SENTINEL_2[variable]}.tif"):
                assert "still to be applied" in judge(variable, stored + 1000, scale=1e-4)


@pytest.mark.realdata
def test_real_landsat_is_silent_and_unscaled_landsat_is_not(shared_data):
    """Surface reflectance and temperature, two thirds under cloud: right with the scale of
    Collection 2, impossible without it."""
    scene = shared_data / "scenes" / "landsat_c2l2_017036"
    for name, variable in LANDSAT.items():
        (stored,) = _samples(next(scene.glob(f"*_{name}.TIF")))
        assert judge(variable, stored, scale=2.75e-5, offset=-0.2, units="1") is None
        assert "outside -0.2 to 2" in judge(variable, stored, units="1")
    (stored,) = _samples(next(scene.glob("*_ST_B10.TIF")))
    assert judge("lst", stored, scale=0.00341802, offset=149.0, units="K") is None
    assert "outside 150 to 400 K" in judge("lst", stored, units="K")


@pytest.mark.realdata
def test_real_backscatter_is_told_from_the_other_scale(shared_data):
    """Eight scenes of Sen1Floods11 in both polarisations: silent in the right units, a doubt in
    the wrong ones; a scene without any pixel is not judged."""
    judged = 0
    for path in sorted((shared_data / "flood" / "sen1floods11").glob("*_S1Hand.tif")):
        with rasterio.open(path) as raster:
            for decibels in raster.read():
                power = 10 ** (decibels / 10)
                assert check_backscatter(decibels, units="dB") is None
                assert check_backscatter(power, units="1") is None
                wrong = (
                    check_backscatter(decibels, units="1"),
                    check_backscatter(power, units="dB"),
                )
                if np.isfinite(decibels).any():
                    assert "like decibels" in wrong[0]
                    assert "linear power" in wrong[1]
                    judged += 1
                else:
                    assert wrong == (None, None)
    assert judged == 14


@pytest.mark.realdata
def test_real_uncalibrated_radar_is_not_taken_for_power(shared_data):
    """Digital numbers of a GRD, some hundreds, stated as linear power."""
    path = shared_data / "scenes" / "s1_grd_gcps" / "measurement" / "iw-vv.tiff"
    with rasterio.open(path) as raster:
        stored = _clean(raster.read(1), 0)
    assert "uncalibrated" in judge("vv", stored, units="1")


@pytest.mark.realdata
def test_real_codes_and_heights_are_silent(shared_data):
    """Scene classes, quality bits, water months and a coast's heights lie within their ranges."""
    scenes = shared_data / "scenes"
    files = [(path, "scl", 0) for path in scenes.glob("**/SCL.tif")]
    files += [(path, "qa_pixel", None) for path in scenes.glob("**/*_QA_PIXEL.TIF")]
    files += [(path, "water_seasonality", None) for path in scenes.glob("**/seasonality-*.tif")]
    files += [(path, "water_occurrence", None) for path in scenes.glob("**/occurrence-*.tif")]
    files += [
        (path, "elevation", None)
        for path in (shared_data / "flood" / "dem").glob("Copernicus*.tif")
    ]
    assert {variable for _, variable, _ in files} >= {"scl", "qa_pixel", "elevation"}
    for path, variable, nodata in files:
        for stored in _samples(path, nodata):
            assert judge(variable, stored, units=VARIABLES[variable].units) is None


def test_snow_and_cloud_without_anything_dark_are_silent():
    """A bright floor is not a floor at 1000: nothing can be said."""
    bright = np.random.default_rng(0).normal(8000, 900, (100, 100)).astype("float32")
    assert check_offset(bright, offset_dn=0) is None
    assert check_offset(bright, offset_dn=-1000) is None


def test_water_a_little_below_zero_is_silent():
    """A lake of which atmospheric correction took a hundredth too much."""
    lake = np.random.default_rng(0).normal(900, 60, (100, 100)).astype("float32")
    assert check_offset(lake, offset_dn=-1000) is None


def test_edges_of_gaps_are_not_judged():
    """Overviews mix the last pixels with the gap beside them: those values were never seen."""
    land = np.random.default_rng(0).uniform(1060, 1500, (100, 100)).astype("float32")
    land[:, :50] = np.nan
    land[:, 50:52] = 40
    assert "still to be applied" in check_offset(land, offset_dn=0)


@pytest.mark.parametrize(
    ("variable", "value", "units"),
    [
        ("lst", 25.0, "K"),
        ("elevation", -32768.0, "m"),
        ("precipitation", -9999.0, "mm"),
        ("water_seasonality", 255.0, "month"),
        ("red", 2500.0, "1"),
    ],
)
def test_values_that_cannot_be_are_named_with_their_share(variable, value, units):
    """A fiftieth of the pixels in Celsius, voids, unmarked nodata, unscaled: 2 % are outside."""
    low, high = VARIABLES[variable].valid_range
    values = np.full((50, 50), max(low, min(high, (low + high) / 2)), "float32")
    values.ravel()[::50] = value
    assert check_range(variable, values).startswith("2% of the pixels lie outside")
    assert units in check_range(variable, values)
    values.ravel()[::50] = values[0, 1]
    assert check_range(variable, values) is None


def test_stray_pixels_and_too_few_pixels_are_not_judged():
    """One in a thousand is noise; a few hundred pixels are no sample."""
    values = np.full((100, 100), 0.2, "float32")
    values.ravel()[::1000] = 50
    assert check_range("red", values) is None
    few = np.full((1, FEWEST - 1), 50, "float32")
    assert check_range("red", few) is None
    assert check_range("red", np.full((1, FEWEST), 50, "float32")) is not None


def test_units_are_converted_before_they_are_judged():
    """A fraction of 0.8 stated in "1" is 80 percent, not a doubtful 0.8."""
    share = np.full((50, 50), 0.8, "float32")
    assert judge("water_occurrence", share, units="1") is None
    assert "outside" in judge("water_occurrence", share * 200, units="1")
