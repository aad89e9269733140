import datetime as dt

import dask
import numpy as np
import pytest
import rasterio

from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.sources._safe import load_safe, open_safe
from tests.sources.safe.make import Optical, Radar, zipped


@pytest.fixture(autouse=True)
def _one_thread():
    """Rasterio silences its own warnings in a way that fails, now and then, in threads."""
    with dask.config.set(scheduler="synchronous"):
        yield


def values(cube, name):
    return cube[name].isel(time=0).to_numpy()


def test_granule_is_what_the_product_says(tmp_path):
    """Mission, time, orbit, cloud and one file per variable at its native pixel size."""
    granule = open_safe(Optical().write(tmp_path))
    assert granule.id == "S2B_MSIL2A_20230810T094549_N0509_R079_T33TWM_20230810T130104"
    assert granule.collection == "sentinel-2-l2a"
    assert granule.acquired == dt.datetime(2023, 8, 10, 9, 45, 49, 24000, tzinfo=dt.UTC)
    assert (granule.platform, granule.instrument) == ("sentinel-2b", "msi")
    assert (granule.relative_orbit, granule.orbit_state) == (79, "descending")
    assert granule.cloud_cover == 70.63
    assert granule.properties["processing_baseline"] == "05.09"
    sizes = {name: asset.href[-7:-4] for name, asset in granule.assets.items()}
    assert sizes == dict.fromkeys(("blue", "green", "red", "nir"), "10m") | dict.fromkeys(
        ("nir08", "swir16", "swir22", "scl"), "20m"
    )
    red = granule.assets["red"]
    assert (red.scale, red.offset, red.nodata, red.units) == (1e-4, -0.1, 0, "1")
    assert (granule.assets["scl"].scale, granule.assets["scl"].offset) == (1, 0)
    assert granule.footprint.area > 0


@pytest.mark.parametrize("level", ["1C", "2A"])
def test_scenes_with_and_without_offset_have_the_same_reflectance(tmp_path, level):
    """DN 3000 less 1000 is DN 2000 of old: 0.2, at the top of the atmosphere and at the ground."""
    new = Optical(level=level)
    old = Optical(
        level=level,
        baseline="02.14",
        offsets={},
        day="20200810",
        numbers={band: np.full((32, 32), 2000) for band in ("B02", "B03", "B04", "B08")}
        | {band: np.full((16, 16), 2000) for band in ("B8A", "B11", "B12")},
    )
    granules = [open_safe(product.write(tmp_path)) for product in (new, old)]
    bands = ["blue", "green", "red", "nir", "nir08", "swir16", "swir22"]
    cube = load_safe(granules, new.grid, bands)
    for band in bands:
        np.testing.assert_allclose(cube[band], 0.2, rtol=1e-5)
    assert {g.collection for g in granules} == {f"sentinel-2-l{level.lower()}"}


def test_offsets_are_told_by_band_identifier(tmp_path):
    """B8A is 8, B11 is 11 and B12 is 12: each band takes its own offset, not its neighbour's."""
    product = Optical(offsets={number: -100 * number for number in range(13)})
    granule = open_safe(product.write(tmp_path))
    got = {name: round(asset.offset, 6) for name, asset in granule.assets.items()}
    assert got == {
        "blue": -0.01,
        "green": -0.02,
        "red": -0.03,
        "nir": -0.07,
        "nir08": -0.08,
        "swir16": -0.11,
        "swir22": -0.12,
        "scl": 0,
    }


def test_quantification_is_the_products_own(tmp_path):
    """A product that counts in 20000ths is read so."""
    product = Optical(quantification=20_000, offsets={})
    with pytest.raises(IntegrityError, match="no BOA_ADD_OFFSET"):
        open_safe(product.write(tmp_path))
    product = Optical(quantification=20_000, baseline="03.01", offsets={})
    cube = load_safe([open_safe(product.write(tmp_path))], product.grid, ["red"])
    np.testing.assert_allclose(cube["red"], 0.15, rtol=1e-6)


def test_no_data_and_saturation_are_not_reflectance(tmp_path):
    """DN 0 is NaN and not -0.1; DN 65535 says only that there was more: NaN and not 6.45."""
    numbers = np.full((32, 32), 3000)
    numbers[:8], numbers[10, 10] = 0, 65535
    product = Optical(numbers={"B04": numbers, "SCL": np.zeros((16, 16))})
    cube = load_safe([open_safe(product.write(tmp_path))], product.grid, ["red", "scl"])
    red = values(cube, "red")
    assert np.isnan(red[:8]).all()
    assert np.isnan(red[10, 10])
    assert np.nanmin(red) == pytest.approx(0.2)
    assert np.nanmax(red) == pytest.approx(0.2)
    assert np.isnan(values(cube, "scl")).all()


def test_dark_and_bright_pixels_keep_their_numbers(tmp_path):
    """DN 1 is -0.0999, below no light at all but observed; DN 20000 is 1.9."""
    numbers = np.full((32, 32), 3000)
    numbers[4, 5], numbers[6, 7] = 1, 20000
    product = Optical(numbers={"B08": numbers})
    nir = values(load_safe([open_safe(product.write(tmp_path))], product.grid, ["nir"]), "nir")
    assert nir[4, 5] == pytest.approx(-0.0999, abs=1e-6)
    assert nir[6, 7] == pytest.approx(1.9, abs=1e-5)


def test_scene_classes_are_picked_and_never_scaled(tmp_path):
    """Classes 4 and 9 of 20 m stay 4 and 9 on 10 m pixels."""
    classes = np.full((16, 16), 4)
    classes[:, 8:] = 9
    product = Optical(numbers={"SCL": classes})
    scl = values(load_safe([open_safe(product.write(tmp_path))], product.grid, ["scl"]), "scl")
    np.testing.assert_array_equal(scl, np.kron(classes, np.ones((2, 2))))


def test_own_processing_may_lack_offsets_and_a_list_may_not_lack_bands(tmp_path):
    """Baseline 99.99 is what users made with any version; half a list is a broken product."""
    own = open_safe(Optical(baseline="99.99", offsets={}).write(tmp_path))
    assert own.assets["red"].offset == 0
    with pytest.raises(IntegrityError, match="no BOA_ADD_OFFSET for B12"):
        open_safe(Optical(offsets=dict.fromkeys(range(12), -1000)).write(tmp_path))


def test_zip_file_gives_what_its_folder_gives(tmp_path):
    """JPEG 2000 is read within the archive."""
    numbers = np.arange(1000, 1000 + 32 * 32).reshape(32, 32)
    product = Optical(numbers={"B03": numbers})
    root = product.write(tmp_path)
    packed = open_safe(zipped(root))
    assert packed.assets["green"].href.startswith("/vsizip/")
    got, want = (load_safe([g], product.grid, ["green"]) for g in (packed, open_safe(root)))
    np.testing.assert_array_equal(got["green"], want["green"])
    np.testing.assert_allclose(values(got, "green"), numbers / 1e4 - 0.1, atol=1e-6)


def test_loading_is_lazy(tmp_path):
    """Nothing is decoded until it is asked for."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("computed")

    product = Optical()
    granule = open_safe(product.write(tmp_path))
    with dask.config.set(scheduler=refuse):
        cube = load_safe([granule], product.grid, ["red", "scl"])
    assert cube["red"].chunks is not None


def test_missions_are_loaded_apart(tmp_path):
    """Radar and optical passes share no times."""
    granules = [open_safe(product.write(tmp_path)) for product in (Optical(), Radar())]
    with pytest.raises(InputError, match="apart"):
        load_safe(granules, Optical().grid, ["red", "vv"])
    with pytest.raises(NothingFoundError):
        load_safe(granules[:1], Optical().grid, ["vv"])


def test_several_tiles_are_refused(tmp_path):
    """Products before December 2016 hold many tiles in one."""
    root = Optical().write(tmp_path)
    path = root / "MTD_MSIL2A.xml"
    path.write_text(path.read_text().replace("</Granule>", "</Granule><Granule/>"))
    with pytest.raises(IntegrityError, match="lists 2 tiles"):
        open_safe(root)


@pytest.mark.realdata
def test_real_pixels_of_an_old_baseline_keep_their_reflectance(tmp_path, shared_data):
    """A real red band of baseline 02.14, packed as SAFE, is DN / 10000 to the letter."""
    with rasterio.open(shared_data / "scenes/s2_l2a_29RKH_20200219/B04.tif") as raster:
        numbers = raster.read(1, window=rasterio.windows.Window(100, 100, 64, 64))
    product = Optical(baseline="02.14", offsets={}, size=64, numbers={"B04": numbers})
    red = values(load_safe([open_safe(product.write(tmp_path))], product.grid, ["red"]), "red")
    seen = numbers > 0
    assert seen.any()
    np.testing.assert_allclose(red[seen], numbers[seen] / 1e4, atol=1e-6)
    assert np.isnan(red[~seen]).all()
