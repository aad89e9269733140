"""Quality gates: each sees the fault it is there for."""

import dataclasses
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import typst

from reliefscope.model.context import Context
from reliefscope.model.cube import Advisory
from reliefscope.model.granule import Asset
from reliefscope.products import qa
from reliefscope.products.exposure import assess
from reliefscope.products.facts import Fact, Facts, state_facts
from reliefscope.products.layers import Grading, compute_layers
from reliefscope.products.rasters import write_rasters
from reliefscope.products.vectors import build_vectors, write_vectors
from tests.products.scene import GRID, make_granule, make_product
from tests.products.test_facts import facts_of


@pytest.fixture
def layers():
    return compute_layers(make_product())


def gates_of(layers):
    exposure = assess(layers, Context())
    facts = state_facts(make_product(), layers, exposure, Context())
    return {g.name: g for g in qa.check_layers(layers, facts)}


def test_the_hand_made_scene_passes(layers):
    """Nothing is wrong with it, and each check says what it saw."""
    gates = gates_of(layers)
    assert qa.failed(list(gates.values())) == ()
    assert gates["observed share"].value == pytest.approx(59 / 64, rel=1e-5)
    assert gates["negative control"].value == 1.0


def with_pixel(layer, value):
    def change(layers):
        array = getattr(layers, layer).copy()
        array[5, 5] = value
        return {layer: array}

    return change


def mostly_unseen(layers):
    state = layers.state.copy()
    state[:30] = 255
    return {"state": state}


def missed_water(layers):
    likelihood = layers.likelihood.copy()
    likelihood[:8, 10:15] = 20
    return {"likelihood": likelihood}


def wild_threshold(_):
    return {"scalars": MappingProxyType({"threshold_vv_db": -9.0})}


def no_reason(layers):
    return {"exclusion": np.zeros_like(layers.exclusion)}


@pytest.mark.parametrize(
    ("fault", "gate"),
    [
        (with_pixel("state", 7), "class codes legal"),
        (with_pixel("likelihood", 101), "class codes legal"),
        (mostly_unseen, "observed share"),
        (missed_water, "negative control"),
        (wild_threshold, "threshold_vv_db in bounds"),
        (no_reason, "reasons agree with exclusion"),
    ],
)
def test_a_fault_in_the_pixels_fails_its_gate(layers, fault, gate):
    """One fault, one gate."""
    gates = gates_of(dataclasses.replace(layers, **fault(layers)))
    assert qa.failed(list(gates.values())) == (gate,)


def test_a_default_threshold_is_declared_not_failed(layers):
    """Out of bounds but flagged as a default: the flag is the reader's warning."""
    flagged = dataclasses.replace(
        layers, **wild_threshold(layers), advisory=Advisory.DEFAULT_THRESHOLD
    )
    gate = gates_of(flagged)["threshold_vv_db in bounds"]
    assert gate.passed
    assert gate.message == "default threshold"


def test_without_reference_water_there_is_no_control(layers):
    """Not applicable is neither passed nor failed."""
    state = np.where(layers.state == 2, 0, layers.state).astype(np.uint8)
    gate = gates_of(dataclasses.replace(layers, state=state))["negative control"]
    assert gate.passed is None


def test_rasters_are_checked(layers, tmp_path):
    """A plain striped TIFF without CRS or units is neither valid nor labelled."""
    paths = write_rasters(layers, tmp_path, {})
    assert qa.failed(qa.check_rasters(paths)) == ()
    large = np.zeros((1100, 1100), np.uint8)
    with rasterio.open(
        tmp_path / "bad.tif",
        "w",
        driver="GTiff",
        width=1100,
        height=1100,
        count=1,
        dtype="uint8",
        transform=GRID.affine,
    ) as file:
        file.write(large, 1)
    gates = qa.check_rasters({"bad": tmp_path / "bad.tif"})
    assert qa.failed(gates) == ("COG valid", "units and CRS present")


def test_vectors_are_checked(layers, tmp_path):
    """A missing layer, an invalid polygon and a lost area are each seen."""
    tables = build_vectors(make_product(), layers, assess(layers, Context()), Context())
    write_vectors(tables, tmp_path / "good.gpkg", {})
    assert qa.failed(qa.check_vectors(tmp_path / "good.gpkg", list(tables), layers)) == ()
    bow = shapely.Polygon([(15, 45), (15.01, 45.01), (15.01, 45), (15, 45.01)])
    bad = {"observedEventA": gpd.GeoDataFrame({"a": [1]}, geometry=[bow], crs="EPSG:4326")}
    write_vectors(bad, tmp_path / "bad.gpkg", {})
    gates = qa.check_vectors(tmp_path / "bad.gpkg", list(tables), layers)
    assert qa.failed(gates) == (
        "GeoPackage has its layers",
        "polygons valid",
        "vector and raster area agree",
    )


def test_the_sheet_is_checked(tmp_path):
    """All furniture present, or the missing piece is named; too large a file fails."""
    path = tmp_path / "s.pdf"
    path.write_bytes(typst.compile(b"EMSR771 released", format="pdf"))
    assert qa.check_sheet(path, ["EMSR771"]).passed
    gate = qa.check_sheet(path, ["EMSR771", "EXERCISE"])
    assert not gate.passed
    assert "EXERCISE" in gate.message


def test_classes_have_the_areas_of_their_pixels(layers, tmp_path):
    """A class, or the unseen, drawn too small by two in a hundred is named."""
    codes = np.where(layers.state == 1, 1 + np.arange(64) % 3, 255).astype(np.uint8)
    graded = dataclasses.replace(layers, grading=Grading(name="depth_band", codes=codes))
    tables = build_vectors(make_product(), graded, assess(graded, Context()), Context())
    write_vectors(tables, tmp_path / "good.gpkg", {})
    assert qa.failed(qa.check_vectors(tmp_path / "good.gpkg", list(tables), graded)) == ()
    for name in ("floodDepthA", "notObservedA"):
        less = tables[name].copy()
        less.geometry = less.geometry.scale(1, 0.98, origin="centroid")
        write_vectors({**tables, name: less}, tmp_path / f"{name}.gpkg", {})
        gates = {g.name: g for g in qa.check_vectors(tmp_path / f"{name}.gpkg", [], graded)}
        assert name in gates["vector and raster area agree"].message


def test_a_threshold_without_two_classes(layers):
    """Low contrast fails where the threshold came from the scene, not where it is a default."""
    assert gates_of(layers)["histogram bimodal"].passed is True
    poor = dataclasses.replace(layers, advisory=Advisory.LOW_CONTRAST)
    assert gates_of(poor)["histogram bimodal"].passed is False
    flags = Advisory.LOW_CONTRAST | Advisory.DEFAULT_THRESHOLD
    assert gates_of(dataclasses.replace(layers, advisory=flags))["histogram bimodal"].passed is None


def test_facts_are_told_in_every_language():
    """A fact that reads as nothing, or as no moment, is named with its language."""
    facts = facts_of()
    languages = ("en", "fr", "es", "ar")
    assert qa.check_told(facts, languages).passed
    bad = Fact(key="odd", value="not a moment", display="time")
    gate = qa.check_told(Facts({**facts.items_by_key, "odd": bad}), languages)
    assert gate.passed is False
    assert "ar: odd" in gate.message


def test_inputs_without_checksums_are_reported():
    """All stated passes; one that is not is a note, as it cannot be checked here."""
    assert qa.check_inputs(make_product()).passed is True
    bare = make_granule(assets={"vv": Asset(href="vv.tif")})
    gate = qa.check_inputs(make_product(granules={"after": (bare,)}))
    assert gate.passed is None
    assert gate.message == "0 of 1 files"
