"""Roads and facilities: lengths and counts by what the map says of their ground."""

import dataclasses as dc
import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from reliefscope.model.context import Context
from reliefscope.model.event import Hazard
from reliefscope.products.assets import STATUSES, Status, find_assets, harmed_by, status_at
from reliefscope.products.exposure import assess
from reliefscope.products.facts import state_facts
from reliefscope.products.layers import compute_layers
from tests.products.scene import GRID, LEFT, PIXEL, TOP, lonlat, make_context, make_product


def place(column, row):
    """Return the middle of a pixel in degrees."""
    return lonlat(shapely.Point(LEFT + (column + 0.5) * PIXEL, TOP - (row + 0.5) * PIXEL))


def line(*corners):
    """Return a line through places given as (column, row) from the grid's corner [pixels]."""
    return lonlat(shapely.LineString([(LEFT + c * PIXEL, TOP - r * PIXEL) for c, r in corners]))


def roads(*lines, kind="primary"):
    return gpd.GeoDataFrame({"class": [kind] * len(lines)}, geometry=list(lines), crs="EPSG:4326")


@pytest.fixture(scope="module")
def layers():
    return compute_layers(make_product())


def test_length_of_a_road_by_what_it_crosses(layers):
    """A straight road across every class: each piece counts for the class it lies on."""
    found = find_assets(layers, Context(roads=roads(line((0, 20.5), (64, 20.5)))))
    km = found.road_km["primary"]
    piece = PIXEL / 4 / 1000
    assert km[Status.AFFECTED] == pytest.approx(1.0, abs=piece)
    assert km[Status.POSSIBLY] == pytest.approx(0.1, abs=piece)
    assert km[Status.CANNOT_TELL] == pytest.approx(0.5, abs=piece)
    assert km[Status.NOT_OBSERVED] == pytest.approx(0.5, abs=piece)
    assert sum(km.values()) == pytest.approx(6.4, rel=1e-3)
    assert found.roads["status"].to_list() == [
        "affected", "possibly affected", "not affected", "cannot tell", "not observed",
        "not affected",
    ]  # fmt: skip


@given(
    st.lists(
        st.tuples(st.floats(0.5, 63.5), st.floats(0.5, 47.5)), min_size=2, max_size=6, unique=True
    )
)
def test_no_metre_is_lost_or_told_twice(corners):
    """Pieces put together have the length of the line on the ellipsoid, and of their shapes."""
    table = roads(line(*corners))
    found = find_assets(compute_layers(make_product()), Context(roads=table))
    whole = Geod(ellps="WGS84").geometry_length(table.geometry.iloc[0]) / 1000
    inside = sum(found.road_km["primary"].values())
    drawn = sum(Geod(ellps="WGS84").geometry_length(g) for g in found.roads.geometry) / 1000
    assert inside == pytest.approx(whole, rel=1e-6, abs=1e-9)
    assert drawn == pytest.approx(inside, rel=1e-6, abs=1e-9)
    assert math.fsum(found.roads["length_km"]) == pytest.approx(inside)


def test_road_beyond_the_area_is_not_counted(layers):
    """Only what lies in the area counts, though the line goes on; far lines are no trouble."""
    table = roads(line((-500, 20.5), (600, 20.5)), shapely.LineString([(-150, 10), (-151, 11)]))
    km = find_assets(layers, Context(roads=table)).road_km["primary"]
    assert sum(km.values()) == pytest.approx(6.4, rel=1e-2)
    only_far = find_assets(layers, Context(roads=table.iloc[1:]))
    assert only_far.roads is None
    assert only_far.road_km == {}


def test_a_file_with_nothing_near_is_no_trouble(layers):
    """Of a table without rows, whose columns hold texts, there are no things, and no error."""
    table = gpd.GeoDataFrame(
        {"name": ["Far"], "kind": ["hospital"], "class": ["primary"]},
        geometry=[shapely.Point(0, 0)],
        crs="EPSG:4326",
    )
    table = table.astype({"name": "string[pyarrow]", "kind": "string[pyarrow]"}).iloc[:0]
    found = find_assets(layers, Context(places=table, facilities=table, roads=table))
    assert (found.places, found.facilities, found.roads) == (None, None, None)


def test_next_to_the_event_is_possibly_affected(layers):
    """A facility may be misplaced by a pixel; what was not seen stays not observed."""
    rows = np.array([20, 20, 20, 20, 20, 20, 999])
    columns = np.array([9, 10, 11, 16, 22, 30, 2])
    told = [STATUSES[c] for c in status_at(layers, rows, columns)]
    assert told == [
        Status.AFFECTED,
        Status.POSSIBLY,
        Status.NOT_AFFECTED,
        Status.CANNOT_TELL,
        Status.NOT_OBSERVED,
        Status.NOT_AFFECTED,
        Status.NOT_OBSERVED,
    ]


def test_facts_of_roads_facilities_and_land(layers):
    """Each has a total, what is affected with its range, and of what nothing can be told."""
    facilities = gpd.GeoDataFrame(
        {"name": list("abcd"), "kind": ["hospital"] * 3 + ["fire station"]},
        geometry=[place(3, 20), place(10, 20), place(22, 20), place(40, 20)],
        crs="EPSG:4326",
    )
    cover = np.full(layers.state.shape, 40, np.uint8)
    cover[:, 5:20] = 50
    seen = dc.replace(layers, land_cover=cover)
    context = make_context(roads=roads(line((0, 20.5), (64, 20.5))), facilities=facilities)
    facts = state_facts(make_product(), seen, assess(seen, context), context, {})
    hospital = facts["facilities_hospital_affected_count"]
    assert (hospital.value, hospital.low, hospital.high) == (1, 1, 2)
    assert facts["facilities_hospital_count"].value == 3
    assert facts["facilities_hospital_cannot_tell_count"].value == 1
    assert facts["facilities_fire_station_affected_count"].value == 0
    assert facts.text("facilities_hospital_affected_count") == "1 (1-2)"
    assert facts["roads_primary_affected_km"].value == facts["roads_affected_km"].value
    assert facts["roads_cannot_tell_km"].value == pytest.approx(1.0, rel=0.025)
    column_km2 = facts["area_km2"].value / 64
    assert facts["cropland_event_area_km2"].value == pytest.approx(5 * column_km2, rel=1e-3)
    assert facts["built_up_event_area_km2"].value == pytest.approx(5 * column_km2, rel=1e-3)
    assert facts["built_up_cannot_tell_area_km2"].value == pytest.approx(5 * column_km2, rel=1e-3)
    assert facts["built_up_area_km2"].value == pytest.approx(15 * column_km2, rel=1e-3)


@pytest.mark.parametrize("hazard", Hazard)
def test_dry_and_hot_weather_closes_no_road(hazard):
    """Roads and bridges are told of where the hazard harms them; hospitals always."""
    table = gpd.GeoDataFrame(
        {"kind": ["hospital", "bridge"]}, geometry=[place(3, 20), place(3, 20)], crs="EPSG:4326"
    )
    context = Context(roads=roads(line((0, 20.5), (64, 20.5))), facilities=table)
    left = harmed_by(hazard, context)
    spared = hazard in {Hazard.DROUGHT, Hazard.HEAT, Hazard.CLIMATE}
    assert (left.roads is None) == spared
    assert list(left.facilities["kind"]) == ["hospital"] + ["bridge"] * (not spared)


def test_land_cover_comes_from_what_the_indicator_read():
    """The cube of the land is looked for among the images; unknown codes are not known."""
    cover = np.full(GRID.shape, 40, np.float32)
    cover[0] = np.nan
    image = xr.Dataset({"land_cover": (("y", "x"), cover)})
    found = compute_layers(dc.replace(make_product(), images={"land": image})).land_cover
    assert found.dtype == np.uint8
    assert (found[0] == 0).all()
    assert (found[1:] == 40).all()
