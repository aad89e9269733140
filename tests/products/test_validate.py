import json

import geopandas as gpd
import numpy as np
import pytest
import shapely

from reliefscope.cli import main
from reliefscope.errors import CubeError, InputError, NothingFoundError
from reliefscope.products.validate import validate
from tests.scenes import EPSG, NORTH, WEST, write_raster


@pytest.fixture
def reference(tmp_path):
    """Ten by ten pixels, the left four columns event, the top row unknown."""
    values = np.zeros((10, 10), "uint8")
    values[:, :4] = 1
    values[0] = 255
    return write_raster(tmp_path / "reference.tif", values, nodata=255)


def test_counts_of_a_shifted_map(tmp_path, reference):
    """Mapped columns 2 to 5 against true columns 0 to 3 on nine known rows: 18, 18, 18, 36."""
    values = np.zeros((10, 10), "uint8")
    values[:, 2:6] = 1
    path = write_raster(tmp_path / "map.tif", values, nodata=255)
    result = validate(path, reference)
    c = result.counts
    assert (c.tp, c.fp, c.fn, c.tn) == (18, 18, 18, 36)
    assert result.compared_fraction == pytest.approx(0.9)
    assert result.area.area == pytest.approx(36 * 100 / 1e6, rel=1e-3)
    assert result.area.low < result.area.area < result.area.high


def test_excluded_and_not_observed_pixels_of_our_own_maps_do_not_count(tmp_path, reference):
    """A state layer is known by its tag; its codes 3 and 255 leave the comparison."""
    values = np.zeros((10, 10), "uint8")
    values[:, 0], values[:, 1], values[:, 2] = 1, 3, 255
    tagged = write_raster(tmp_path / "state.tif", values, nodata=255, flag_meanings="x")
    c = validate(tagged, reference).counts
    assert (c.tp, c.fp, c.fn, c.tn) == (9, 0, 9, 54)
    plain = write_raster(tmp_path / "plain.tif", values, nodata=255)
    assert validate(plain, reference).counts.fn == 18


def test_a_map_in_another_projection_is_brought_onto_the_reference(tmp_path, reference):
    """A finer map of the same half plane, elsewhere aligned: nearest neighbour, no new values."""
    values = np.zeros((60, 60), "uint8")
    values[:, :30] = 1
    path = write_raster(
        tmp_path / "fine.tif", values, nodata=255, west=WEST - 110, north=NORTH + 50, pixel=5.0
    )
    c = validate(path, reference).counts
    assert (c.tp, c.fp, c.fn, c.tn) == (36, 0, 0, 54)


def test_beyond_a_map_without_nodata_nothing_is_compared(tmp_path, reference):
    """A map of the left half only is not a map of "no event" on the right."""
    path = write_raster(tmp_path / "half.tif", np.ones((10, 5), "uint8"), nodata=None)
    c = validate(path, reference).counts
    assert (c.tp, c.fp, c.fn, c.tn) == (36, 9, 0, 0)


def test_polygons_are_drawn_on_the_map(tmp_path):
    """A vector reference in degrees: inside is event, outside is none."""
    values = np.zeros((10, 10), "uint8")
    values[:, :5] = 1
    path = write_raster(tmp_path / "map.tif", values, nodata=255)
    box = shapely.box(WEST, NORTH - 100, WEST + 40, NORTH)
    frame = gpd.GeoDataFrame(geometry=[box], crs=f"EPSG:{EPSG}").to_crs("EPSG:4326")
    frame.to_file(tmp_path / "reference.gpkg")
    c = validate(path, tmp_path / "reference.gpkg").counts
    assert (c.tp, c.fp, c.fn, c.tn) == (40, 10, 0, 50)


def test_mistakes_are_named(tmp_path, reference):
    """No file, no CRS, no overlap, no raster."""
    with pytest.raises(NothingFoundError, match="does not exist"):
        validate(tmp_path / "x.tif", reference)
    bare = write_raster(tmp_path / "bare.tif", np.ones((4, 4), "uint8"), nodata=None, epsg=None)
    with pytest.raises(CubeError, match="has no CRS"):
        validate(bare, reference)
    far = write_raster(tmp_path / "far.tif", np.ones((4, 4), "uint8"), nodata=255, west=WEST + 9e4)
    with pytest.raises(InputError, match="no pixel where both are known"):
        validate(far, reference)
    (tmp_path / "text.tif").write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match="cannot read"):
        validate(tmp_path / "text.tif", reference)


@pytest.mark.realdata
def test_published_confusion_matrix_of_a_peer_is_reproduced(shared_data, capsys):
    """Two public flood maps in two projections: each cell within 10 pixels of the publication."""
    folder = shared_data / "flood" / "gval_fim"
    candidate = folder / "candidate_map_two_class_categorical.tif"
    benchmark = folder / "benchmark_map_two_class_categorical.tif"
    assert main(["validate", str(candidate), str(benchmark), "--event-class", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    published = {"tp": 2_473_405, "fp": 512_277, "fn": 639_227, "tn": 10_345_720}
    assert {k: abs(found[k] - v) <= 10 for k, v in published.items()} == dict.fromkeys(
        published, True
    )
    assert found["iou"] == pytest.approx(0.682336, abs=1e-5)
    assert all(isinstance(found[k], int) for k in published)
