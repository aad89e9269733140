"""Areas that others have published, found again by what counts and draws ours."""

import geopandas as gpd
import numpy as np
import pypdf
import pytest
import shapely

from reliefscope.jobs.event_file import parse_event
from reliefscope.jobs.situation import carry_out, plan_request
from reliefscope.model.context import Context
from reliefscope.pipeline.run import run
from reliefscope.products.exposure import assess
from reliefscope.products.layers import compute_layers
from reliefscope.products.vectors import build_vectors, vector_area_m2
from reliefscope.products.verify import verify
from reliefscope.settings import Settings
from tests.products.scene import RELEASED


@pytest.mark.realdata
@pytest.mark.parametrize(("year", "declared"), [(1997, 1992.12), (2009, 1089.29), (2011, 571.53)])
def test_red_river_in_flood(shared_data, year, declared):
    """The extents of three floods in Manitoba have their declared areas within 0.05 %."""
    path = shared_data / "flood" / "red_river_manitoba" / f"red_river_flood_{year}.geojson"
    outline = gpd.read_file(path).geometry.to_list()
    assert vector_area_m2(outline) / 1e6 == pytest.approx(declared, rel=5e-4)


def veneto(shared_data, name, resolution):
    """Return the request of an official delineation, and its area without overlaps [m2]."""
    folder = shared_data / "flood" / "emsr332_veneto"
    official = gpd.read_file(folder / f"EMSR332_{name}_observed_event_a.shp")
    looked_at = gpd.read_file(folder / f"EMSR332_{name}_area_of_interest_a.shp")
    near = shapely.box(*official.total_bounds).buffer(0.01, join_style="mitre")
    box = shapely.intersection(near, shapely.box(*looked_at.total_bounds))
    request = parse_event(
        f"""
        [event]
        id = "EMSR332"
        title = "Floods in Veneto"
        hazard = "flood"
        onset = 2018-10-30T00:00:00Z
        ids = {{ emsr = "EMSR332" }}
        [area]
        bbox = {list(box.bounds)}
        name = "Veneto"
        [map]
        indicator = "flood_ready"
        resolution = {resolution}
        [sources.ems]
        type = "delineation"
        product = "EMSR332_{name}"
        folder = "{folder}"
        licence = "Copernicus EMS"
        """,
        Settings(),
        base=folder,
        name="veneto",
    )
    return request, vector_area_m2([shapely.union_all(official.geometry.to_numpy())])


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name", ["08PORDENONE_DEL_MONIT01_v1", "04BASSANODELGRAPPA_DEL_v1", "01VERONA_DEL_v1"]
)
def test_delineations_of_veneto(shared_data, name):
    """An official delineation read from its package, counted, and turned into polygons again keeps
    its area within 1 %."""
    request, want = veneto(shared_data, name, 20.0)
    product = run(plan_request(request), request.sources)
    layers = compute_layers(product)
    found = assess(layers, Context())
    assert found.whole.km2("event") * 1e6 == pytest.approx(want, rel=0.01)
    drawn = build_vectors(product, layers, found, Context())["observedEventA"]
    assert vector_area_m2(drawn.geometry.to_list()) == pytest.approx(want, rel=0.01)
    assert np.isclose(drawn["area_ha"].sum() * 1e4, want, rtol=0.01)


@pytest.mark.realdata
def test_an_official_delineation_is_published(shared_data, tmp_path):
    """Its package has the official area within 1 % in facts, vectors and on the sheet, which names
    the image it was drawn on; how it was drawn stays with its polygons; all checks hold."""
    request, want = veneto(shared_data, "08PORDENONE_DEL_v1", 30.0)
    package = carry_out(request, tmp_path, released=RELEASED)
    event = package.facts["event_area_km2"]
    assert event.value * 1e6 == pytest.approx(want, rel=0.01)
    drawn = gpd.read_file(package.folder / "vectors.gpkg", layer="observedEventA")
    assert vector_area_m2(drawn.geometry.to_list()) == pytest.approx(want, rel=0.01)
    assert set(drawn["det_method"]) == {"Photo-interpretation"}
    page = pypdf.PdfReader(package.folder / "sheet.en.pdf").pages[0].extract_text()
    said = " ".join(page.split())
    for text in (package.facts.text("event_area_km2"), "Sentinel-1", "2018-11-02 05:18", "EMSR332"):
        assert text in said, text
    assert "Drawn by analysts" in said
    assert not [gate for gate in verify(package.folder) if gate.passed is False]
