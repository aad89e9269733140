"""The benchmark of batches measures what it says."""

from benchmarks.batch import cores, make_scene, manifest
from reliefscope.jobs.manifest import read_manifest, rows


def test_its_manifest_asks_for_one_product_a_scene(tmp_path):
    """Each scene from a folder of its own."""
    box = make_scene(tmp_path / "S0", 128, 0)
    found = list(rows(read_manifest(manifest(tmp_path, ["S0", "S1"], [box, box])), ("en",)))
    assert [r.options.sources["mine"]["folder"] for r in found] == ["S0", "S1"]
    assert len(list((tmp_path / "S0").glob("*_v?.tif"))) == 2


def test_the_planning_figure_is_arithmetic():
    """A thousand scenes of a minute are 16.7 hours, and a processor works for 16.8 at most."""
    assert cores(60) == 1
    assert cores(61) == 2
    assert cores(605) == 11
