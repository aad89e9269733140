"""Images for looking at: files that any viewer lays over each other, with nothing invented."""

import dataclasses as dc

import numpy as np
import pytest
import rasterio
import xarray as xr

from reliefscope.products import qa
from reliefscope.products.looks import UNSEEN, look_errors, views, write_looks
from tests.products.scene import COLUMNS, GRID, ROWS, make_granule, make_product

TAGS = {"product_id": "X_v1", "RELIEFSCOPE_EXERCISE": "YES"}
GRANULES = {"before": (make_granule(id="b"),), "after": (make_granule(),)}


def bands(level, names=("vv",)):
    """Return an image of one level, its right half unseen and one pixel bright."""
    values = np.full((ROWS, COLUMNS), level, np.float32)
    values[:, COLUMNS // 2 :] = np.nan
    values[0, 0] = 1.0
    return xr.Dataset(dict.fromkeys(names, (("y", "x"), values)))


def pair(names=("vv",)):
    images = {"before": bands(0.1, names), "after": bands(0.01, names)}
    return make_product(images=images, granules=GRANULES)


@pytest.mark.parametrize(("names", "count"), [(("vv",), 1), (("red", "green", "blue"), 3)])
def test_both_are_written_with_nodata_where_nothing_was_seen(tmp_path, names, count):
    """Radar is one band of grey, optical three; unseen ground is nodata and dark ground is not."""
    paths = write_looks(views(pair(names)), GRID, tmp_path, TAGS)
    assert sorted(p.name for p in paths.values()) == ["after.tif", "before.tif"]
    for path in paths.values():
        with rasterio.open(path) as file:
            assert (file.count, file.nodata, set(file.dtypes)) == (count, UNSEEN, {"uint8"})
            assert file.transform.almost_equals(GRID.affine)
            assert file.tags()["RELIEFSCOPE_EXERCISE"] == "YES"
            tones = file.read()
        assert (tones[:, :, : COLUMNS // 2] != UNSEEN).all()
        assert (tones[:, :, COLUMNS // 2 :] == UNSEEN).all()
    (gate,) = qa.check_looks(paths, GRID)
    assert gate.passed is True


def test_large_images_are_coarser_over_the_same_ground(tmp_path):
    """Thinned to a third, a file has pixels three times as large from the same corner."""
    shown = views(pair(), side=-(-COLUMNS // 3))
    path = write_looks(shown, GRID, tmp_path, TAGS)["after"]
    with rasterio.open(path) as file:
        assert file.shape == (-(-ROWS // 3), -(-COLUMNS // 3))
        assert file.transform.a == 3 * GRID.affine.a
        assert (file.transform.c, file.transform.f) == (GRID.affine.c, GRID.affine.f)
    assert look_errors(path, GRID) == ""


def test_an_image_that_lies_elsewhere_does_not_pass(tmp_path):
    """Shifted by half a pixel, or of another type, the gate says which file is wrong."""
    paths = write_looks(views(pair()), GRID, tmp_path, TAGS)
    moved = GRID.translate_pix(0.5, 0)
    (gate,) = qa.check_looks(paths, moved)
    assert gate.passed is False
    assert "before.tif" in gate.message
    assert qa.check_looks({}, GRID) == []


def test_views_are_thinned_by_means_of_what_was_seen():
    """A block half of 100 and half unseen is 100, not half of it; an unseen block stays unseen."""
    (view,) = views(make_product(images={"after": bands(0.1)}))
    pixels = np.full((4, 6), 100, np.uint8)
    seen = np.ones((4, 6), bool)
    seen[:, 1] = seen[:, 4:] = False
    pixels[:, 1] = 7
    small = dc.replace(view, pixels=pixels, seen=seen).at_most(3)
    assert small.pixels[:, :2].tolist() == [[100, 100], [100, 100]]
    assert small.seen.tolist() == [[True, True, False]] * 2
    assert small.step == 2
