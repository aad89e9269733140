"""Odd answers cost a record or a layer, never the map; nothing is lost at 180 degrees."""

import functools
from urllib.parse import parse_qs

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox

from reliefscope.errors import FallbackWarning, IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.products.exposure import People
from reliefscope.sources import layers
from reliefscope.sources._population import read_population
from reliefscope.sources.layers import ContextFiles, read_context
from reliefscope.sources.tables import TABLES, cod_ab, geoboundaries, ghsl, osm, worldpop
from reliefscope.sources.tables._base import iso3_of
from tests.sources.tables.test_population import ARC, DATASET, LIECHTENSTEIN, packed, raster

BONN = Area.from_bbox(7.1, 50.7, 7.3, 50.8, name="Bonn")
FIJI = Area.from_bbox(179.4, -17, -179.5, -16.4, name="Fiji")


@pytest.mark.parametrize("odd", [{"files": 7}, {"files": True}, {"popyear": "²"}, {"date": "²025"}])
def test_a_malformed_record_of_worldpop_is_skipped(replay, transport, odd):
    """The next one is taken."""
    good = {"popyear": "2020", "date": "2025-01-01", "files": [f"{replay.url}/x.tif"]}
    replay.give(DATASET, {"data": [{**good, **odd}, good]})
    replay.give("/x.tif", raster(9.4, 47.3, np.ones((360, 300))))
    found = worldpop.population(LIECHTENSTEIN, transport, url=f"{replay.url}/rest/data")
    assert "WorldPop 2020" in found.source


def test_a_country_without_figures_is_named(replay, transport):
    """One of three has none: the source says so beside the figures of the others."""
    replay.give("/x.tif", raster(9.4, 47.3, np.ones((360, 300))))
    good = {"popyear": "2020", "date": "2025-01-01", "files": [f"{replay.url}/x.tif"]}
    replay.give(DATASET, lambda asked, _: {"data": [] if asked["iso3"] == "LIE" else [good]})
    found = worldpop.population(LIECHTENSTEIN, transport, url=f"{replay.url}/rest/data")
    assert found.source.endswith("nobody counted in LIE")


@pytest.mark.parametrize("ident", ["x", None, [1], 1e400])
def test_an_element_without_a_number_is_skipped(replay, transport, ident):
    """The next one is taken."""
    node = {"type": "node", "lon": 7.2, "lat": 50.75, "tags": {"place": "city", "name": "B"}}
    replay.always({"elements": [{**node, "id": ident}, {**node, "id": 2}]})
    assert len(osm.places(BONN, transport, url=replay.url).data) == 1


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_vectors_cannot_point_to_another(replay, transport, tmp_path, zipped):
    """A virtual dataset under the name of a GeoJSON would read any file of this machine."""
    secret = tmp_path / "secret.gpkg"
    columns = {"adm1_name": ["SECRET"], "adm1_pcode": ["S"]}
    outline = [shapely.box(9, 47, 10, 48)]
    gpd.GeoDataFrame(columns, geometry=outline, crs=4326).to_file(secret, layer="secret")
    body = (
        f'<OGRVRTDataSource><OGRVRTLayer name="x_adm1"><SrcDataSource>{secret}</SrcDataSource>'
        f"<SrcLayer>secret</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
    ).encode()
    name = "x.zip" if zipped else "x_adm1.geojson"
    replay.give(f"/{name}", packed("x_adm1.geojson", body) if zipped else body)
    resource = {"format": "GeoJSON", "download_url": f"{replay.url}/{name}"}
    replay.give("/show", {"result": {"dataset_date": "x", "resources": [resource]}})
    with pytest.raises(IntegrityError, match="no layer of a level"):
        cod_ab.admin(LIECHTENSTEIN, transport, url=f"{replay.url}/show")


def test_geojson_with_p_codes_is_still_read(replay, transport):
    """What holds its vectors itself is read as before."""
    columns = {"adm1_name": ["Plaine"], "adm1_pcode": ["LI01"]}
    text = gpd.GeoDataFrame(columns, geometry=[shapely.box(9, 47, 10, 48)], crs=4326).to_json()
    replay.give("/x.zip", packed("x_adm1.geojson", text))
    resource = {"format": "GeoJSON", "download_url": f"{replay.url}/x.zip"}
    replay.give("/show", {"result": {"dataset_date": "x", "resources": [resource]}})
    found = cod_ab.admin(LIECHTENSTEIN, transport, url=f"{replay.url}/show").data
    assert set(found["pcode"]) == {"LI01"}


@pytest.mark.parametrize("slot", TABLES)
def test_a_malformed_service_costs_its_layer_not_the_map(slot, replay, transport, monkeypatch):
    """The context is made, and the loss is a warning and a note."""
    replay.always({"data": [{"files": 7}], "elements": 7, "simplifiedGeometryGeoJSON": 5})
    name = {"population": "worldpop", "admin": "geoboundaries"}.get(slot, "osm")
    asked = functools.partial(TABLES[slot][name], url=replay.url)
    monkeypatch.setattr(layers, "TABLES", {**TABLES, slot: {name: asked}})
    with pytest.warns(FallbackWarning, match=f"{slot}: {name} failed"):
        context = read_context(ContextFiles(**{slot: name}), BONN, transport=transport)
    assert getattr(context, slot) is None
    assert len(context.notes) == 1


@pytest.mark.parametrize(("at", "code"), [((44.06, 9.56), "SOM"), ((33.6, 35.3), "CYP")])
def test_outlines_are_asked_for_under_codes_of_the_standard(at, code):
    """Letters of Natural Earth's own are known to no service."""
    lon, lat = at
    assert code in iso3_of(Area.from_bbox(lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05))


def test_geoboundaries_has_three_levels_and_a_code_of_its_own(replay, transport):
    """Countries too; Kosovo is filed under XKX."""
    kosovo = Area.from_bbox(20.9, 42.5, 21.1, 42.6, name="Kosovo")
    with pytest.raises(NothingFoundError):
        geoboundaries.admin(kosovo, transport, url=replay.url)
    assert {p for p, *_ in replay.asked} == {f"/XKX/ADM{level}/" for level in (0, 1, 2)}


def test_openstreetmap_is_asked_on_both_sides_of_180_degrees(replay, transport):
    """No box has its west east of its east, and together they are the area."""
    replay.always({"elements": []})
    osm.roads(FIJI, transport, url=replay.url)
    queries = [parse_qs(body.decode())["data"][0] for _, _, body in replay.asked]
    boxes = [[float(v) for v in q.split("](")[1].split(")")[0].split(",")] for q in queries]
    whole = shapely.union_all([shapely.box(w, s, e, n) for s, w, n, e in boxes])
    assert whole.symmetric_difference(FIJI.geometry).area < 1e-6


def test_ghsl_has_tiles_on_both_sides_of_180_degrees(replay, transport):
    """The last column and the first, side by side in one array; people are those of both."""
    name = "GHS_POP_E2025_GLOBE_R2023A_4326_3ss"
    base = f"/GHS_POP_GLOBE_R2023A/{name}/V1-0/tiles/{name}_V1_0"
    seam = -180.0079
    replay.give(
        f"{base}_R11_C36.zip",
        packed("t.tif", raster(seam + 360 - 1200 * ARC, -16, np.ones((1300, 1200)))),
    )
    replay.give(
        f"{base}_R11_C1.zip", packed("t.tif", raster(seam, -16, np.full((1300, 1200), 2.0)))
    )
    found = ghsl.population(FIJI, transport, url=replay.url).data
    assert found.sizes["x"] == pytest.approx(1.1 / ARC, abs=4)
    assert not np.isnan(found.values).any()
    assert set(np.unique(found.values)) == {1.0, 2.0}


def test_a_raster_round_the_world_is_not_read_whole(tmp_path):
    """Both sides of 180 degrees and nothing between; the people under a grid are all there."""
    path = tmp_path / "fji.tif"
    profile = {"driver": "GTiff", "width": 43200, "height": 120, "count": 1, "dtype": "float32"}
    place = rasterio.Affine(1 / 120, 0, -180, 0, -1 / 120, -16.2)
    with rasterio.open(
        path, "w", crs="EPSG:4326", transform=place, nodata=-1, sparse_ok=True, tiled=True,
        **profile,
    ) as raster_:  # fmt: skip
        window = rasterio.windows.Window(0, 0, 120, 120)
        raster_.write(np.full((120, 120), 3.0, "float32"), 1, window=window)
        window = rasterio.windows.Window(43200 - 120, 0, 120, 120)
        raster_.write(np.full((120, 120), 2.0, "float32"), 1, window=window)
    found = read_population(path, FIJI)
    assert found.sizes["x"] < 200
    grid = GeoBox.from_bbox((179.5, -17, 180.5, -16.5), "EPSG:4326", resolution=1 / 120)
    heads = People.over(grid, found).per_pixel(tuple(grid.shape))
    assert heads.sum(dtype="float64") == pytest.approx(60 * 60 * (2 + 3), rel=1e-6)
