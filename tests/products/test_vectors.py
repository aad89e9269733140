"""The product as polygons, lines and points."""

import dataclasses
import json

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.xr import xr_coords
from pyproj import Geod
from rasterio.features import rasterize

from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.cube import State, describe
from reliefscope.model.event import Event, Hazard
from reliefscope.model.grid import grid_for
from reliefscope.products import vectors
from reliefscope.products.exposure import People, assess
from reliefscope.products.layers import compute_layers
from reliefscope.products.vectors import (
    build_vectors,
    reasons,
    vector_area_m2,
    write_parquet,
    write_vectors,
)
from tests.products.scene import (
    COLUMNS,
    GRID,
    ONSET,
    ROWS,
    make_context,
    make_dataset,
    make_product,
)


def build(product=None, context=None, layers=None):
    product, context = product or make_product(), context or make_context()
    layers = layers or compute_layers(product)
    people = None
    if context.population is not None:
        people = People.over(layers.grid, context.population)
    exposure = assess(layers, context, people)
    return build_vectors(product, layers, exposure, context, people), layers


def with_state(state):
    return dataclasses.replace(compute_layers(make_product()), state=state)


def true_area(layers, mask):
    return float(layers.cell_area_m2.sum(where=mask, dtype="float64"))


def test_layers_in_the_order_of_the_vocabulary():
    """What there is, in the names of Copernicus EMS; no facilities or classes are given here."""
    tables, _ = build()
    assert list(tables) == [
        n for n in vectors.LAYERS if n not in {"facilitiesP", "floodDepthA", "gradingA", "builtUpA"}
    ]
    assert {t.crs.to_epsg() for t in tables.values()} == {4326}


def test_the_observed_event_and_its_fields():
    """One polygon of 480 hectares; likelihood and people follow from its pixels."""
    tables, layers = build()
    (row,) = tables["observedEventA"].to_dict(orient="records")
    assert row["event_type"] == "5-Flood"
    assert row["area_ha"] * 1e4 == pytest.approx(true_area(layers, layers.state == 1), rel=1e-6)
    assert row["likelihood"] == pytest.approx((4 * 90 + 6 * 60) / 10, rel=1e-5)
    assert (row["pop_low"], row["pop_best"], row["pop_high"]) == pytest.approx((1920, 4800, 4800))
    assert row["dmg_src_id"] == "S1A_20240915"


def test_polygons_lie_on_pixel_edges():
    """Drawn back onto the grid, the polygons give the very same pixels."""
    random = np.random.default_rng(4)
    state = (random.random((ROWS, COLUMNS)) < 0.4).astype(np.uint8)
    tables, _ = build(layers=with_state(state))
    shapes = tables["observedEventA"].to_crs(GRID.crs.proj).geometry
    back = rasterize(shapes, out_shape=state.shape, transform=GRID.affine)
    np.testing.assert_array_equal(back, state)


def test_pixels_that_touch_at_a_corner_are_two_polygons():
    """So that every ring is valid."""
    state = np.zeros((ROWS, COLUMNS), np.uint8)
    state[10, 10] = state[11, 11] = State.EVENT
    tables, _ = build(layers=with_state(state))
    assert len(tables["observedEventA"]) == 2


def test_islands_stay_islands():
    """A hole in the event is a hole in its polygon."""
    state = np.zeros((ROWS, COLUMNS), np.uint8)
    state[10:20, 10:20] = State.EVENT
    state[13:15, 13:15] = State.NO_EVENT
    tables, layers = build(layers=with_state(state))
    (polygon,) = tables["observedEventA"].geometry
    assert len(polygon.interiors) == 1
    assert vector_area_m2([polygon]) == pytest.approx(true_area(layers, state == 1), rel=1e-4)


def test_every_layer_is_geoparquet_too(tmp_path):
    """GeoParquet 1.1 with a box per feature and the product's tags."""
    tables, _ = build()
    write_parquet(tables, tmp_path, {"product_id": "X"})
    assert {p.stem for p in tmp_path.iterdir()} == set(tables)
    meta = pq.read_schema(tmp_path / "observedEventA.parquet").metadata
    geo = json.loads(meta[b"geo"])
    assert geo["version"] == "1.1.0"
    assert set(geo["columns"]["geometry"]["covering"]["bbox"]) == {"xmin", "ymin", "xmax", "ymax"}
    assert meta[b"product_id"] == b"X"
    back = gpd.read_parquet(tmp_path / "observedEventA.parquet")
    assert back.crs == "EPSG:4326"
    assert back["area_ha"].sum() == tables["observedEventA"]["area_ha"].sum()


def test_built_up_land_by_what_is_seen_of_it():
    """A town over all columns is told in three states, with the areas of the raster."""
    layers = compute_layers(make_product())
    cover = np.zeros(layers.state.shape, np.uint8)
    cover[10:20] = 50
    seen = dataclasses.replace(layers, land_cover=cover)
    table = build(layers=seen)[0]["builtUpA"]
    area = table.groupby("status")["area_ha"].sum()
    assert set(area.index) == {"affected", "cannot tell", "not observed", "not affected"}
    for state, status in ((1, "affected"), (3, "cannot tell"), (255, "not observed")):
        mask = (cover == 50) & (layers.state == state)
        assert area[status] == pytest.approx(true_area(layers, mask) / 1e4, rel=1e-3)
    assert table.geometry.is_valid.all()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.95))
def test_vector_and_raster_areas_agree(seed, share):
    """Whatever the pattern: valid polygons, area within a thousandth of the pixels' true area."""
    state = np.random.default_rng(seed).random((ROWS, COLUMNS)) < share
    tables, layers = build(layers=with_state(state.astype(np.uint8)), context=Context())
    table = tables["observedEventA"]
    assert table.is_valid.all()
    want = true_area(layers, state)
    assert vector_area_m2(table.geometry) == pytest.approx(want, rel=1e-3)
    assert table["area_ha"].sum() * 1e4 == pytest.approx(want, rel=1e-5)


def test_area_agrees_with_geodesy():
    """The area by equal-area projection is the geodesic one to a hundred-thousandth."""
    tables, _ = build()
    polygons = tables["observedEventA"].geometry
    geod = Geod(ellps="WGS84")
    want = sum(abs(geod.geometry_area_perimeter(p)[0]) for p in polygons)
    assert vector_area_m2(polygons) == pytest.approx(want, rel=1e-5)


def test_no_area_is_lost_when_there_are_too_many_polygons(monkeypatch):
    """Beyond the cap the smallest become parts of one feature; sums stay."""
    random = np.random.default_rng(5)
    state = (random.random((ROWS, COLUMNS)) < 0.3).astype(np.uint8)
    whole, _ = build(layers=with_state(state))
    monkeypatch.setattr(vectors, "MAX_FEATURES", 20)
    capped, _ = build(layers=with_state(state))
    many, few = whole["observedEventA"], capped["observedEventA"]
    assert len(few) == 20 < len(many)
    for column in ("area_ha", "pop_best", "pop_low"):
        assert few[column].sum() == pytest.approx(many[column].sum(), rel=1e-9)
    assert vector_area_m2(few.geometry) == pytest.approx(vector_area_m2(many.geometry), rel=1e-9)
    assert few.is_valid.all()


def test_what_was_not_seen_and_why():
    """Not observed and excluded pixels have their polygons, the latter with the reason."""
    tables, layers = build()
    unseen, shut = tables["notObservedA"], tables["exclusionA"]
    want = true_area(layers, layers.state == State.NOT_OBSERVED)
    assert unseen["area_ha"].sum() * 1e4 == pytest.approx(want, rel=1e-4)
    assert shut["reason"].to_list() == ["urban"]
    assert reasons(5) == "layover_shadow, urban"
    assert reasons(0) == "unspecified"


def test_points_say_what_is_known_of_them():
    """Inside, one pixel beside, dry, unseen, shut; the place outside of the area is left out."""
    tables, _ = build()
    places = tables["populatedPlacesP"].set_index("name")["status"]
    assert places.to_dict() == {
        "Wet": "affected",
        "Edge": "possibly affected",
        "Dry": "not affected",
        "Dark": "not observed",
        "Shut": "cannot tell",
    }


def test_roads_are_cut_at_the_area():
    """A road of 25 km crosses the area on 6.4 km, in pieces that tell what they cross."""
    tables, _ = build()
    pieces = tables["transportationL"]
    assert pieces.to_crs("EPSG:32633").length.sum() == pytest.approx(6400, rel=0.01)
    assert pieces["length_km"].sum() == pytest.approx(6.4, rel=0.01)
    assert set(pieces["status"]) >= {"affected", "cannot tell", "not observed", "not affected"}


def test_admin_units_carry_their_statistics():
    """The numbers of the table stand beside the outlines."""
    tables, _ = build()
    units = tables["administrativeA"].set_index("name")
    assert units["exposed"].to_list() == pytest.approx([2400, 2400])
    assert units["upper_bound"].to_list() == pytest.approx([4800, 4800])


def test_nothing_found_makes_no_layer():
    """No event, no exclusion, all seen: no empty layers, and no error."""
    tables, _ = build(layers=with_state(np.zeros((ROWS, COLUMNS), np.uint8)), context=Context())
    assert list(tables) == ["areaOfInterestA", "imageFootprintA"]


def test_the_geopackage_holds_what_was_built(tmp_path):
    """Layers, counts and geometry types survive the file; the file is alone."""
    tables, _ = build()
    path = tmp_path / "v.gpkg"
    write_vectors(tables, path, {"EXERCISE": "yes"})
    assert [p.name for p in tmp_path.iterdir()] == ["v.gpkg"]
    assert [str(n) for n, _ in pyogrio.list_layers(path)] == list(tables)
    for name, table in tables.items():
        back = gpd.read_file(path, layer=name)
        assert len(back) == len(table)
    info = pyogrio.read_info(path, layer="observedEventA")
    assert info["geometry_type"] == "MultiPolygon"
    assert info["layer_metadata"]["EXERCISE"] == "yes"


def test_long_edges_stay_where_they_are():
    """A rectangle of pixels far from the central meridian keeps its area in degrees."""
    data = make_dataset(state=np.ones((ROWS, COLUMNS), np.uint8))
    tables, layers = build(make_product(data=data))
    (polygon,) = tables["observedEventA"].geometry
    assert shapely.get_num_coordinates(polygon) > 8
    want = true_area(layers, layers.inside)
    assert vector_area_m2([polygon]) == pytest.approx(want, rel=1e-6)


def test_polygons_are_cut_at_the_antimeridian():
    """A patch across 180 degrees becomes two parts, each on its side, of the same area."""
    area = Area.from_bbox(179.8, -17.0, -179.8, -16.8, name="Fiji")
    grid = grid_for(area, 500.0)
    coords = xr_coords(grid, dims=("y", "x"))
    state = xr.DataArray(np.ones(grid.shape, np.uint8), dims=("y", "x"), coords=coords)
    event = Event(id="E1", title="t", hazard=Hazard.FLOOD, area=area, onset=ONSET)
    product = make_product(
        event=event, grid=grid, data=xr.Dataset({"state": describe("state", state)})
    )
    tables, layers = build(product, Context())
    (patch,) = tables["observedEventA"].geometry
    assert sorted(round(p.bounds[0], 1) for p in patch.geoms) == [-180.0, 179.8]
    assert patch.is_valid
    want = true_area(layers, layers.inside)
    assert vector_area_m2([patch]) == pytest.approx(want, rel=1e-3)


def test_untidy_tables_are_taken():
    """Places without geometry, with lists as values and a column named fid do no harm."""
    places = make_context().places.assign(fid=1, tags=[["a", "b"]] * 6)
    places.loc[2, "geometry"] = None
    tables, _ = build(context=make_context(places=places))
    kept = tables["populatedPlacesP"]
    assert kept["name"].to_list() == ["Wet", "Edge", "Dark", "Shut"]
    assert "fid" not in kept
    assert kept["tags"].iloc[0] == "['a', 'b']"
