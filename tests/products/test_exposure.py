"""Areas and people by class and by admin unit."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError
from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.cube import Exclusion, State, describe
from reliefscope.model.event import Event, Hazard
from reliefscope.model.grid import cell_area_m2, grid_for
from reliefscope.products.exposure import OUTSIDE, assess
from reliefscope.products.layers import compute_layers
from tests.products.scene import (
    COLUMNS,
    GRID,
    LEFT,
    ONSET,
    PIXEL,
    ROWS,
    TOP,
    lonlat,
    make_context,
    make_dataset,
    make_product,
    pixels,
)


def raster(values, box):
    return xr.DataArray(values, dims=("y", "x"), coords=xr_coords(box, dims=("y", "x")))


def whole_state(area, resolution, value=1):
    """Return layers over ``area`` with one class everywhere."""
    grid = grid_for(area, resolution)
    state = raster(np.full(grid.shape, value, np.uint8), grid)
    event = Event(id="E1", title="t", hazard=Hazard.FLOOD, area=area, onset=ONSET)
    data = xr.Dataset({"state": describe("state", state)})
    return compute_layers(make_product(event=event, grid=grid, data=data))


def test_areas_by_class_are_those_of_the_scene():
    """Ten columns of event, four of them sure, and three doubtful columns beside."""
    got = assess(compute_layers(make_product()), Context()).whole
    scale = float(cell_area_m2(GRID).mean()) / PIXEL**2
    want = {
        "event": 10,
        "event_low": 4,
        "event_high": 13,
        "reference": 5,
        "excluded": 5,
        "not_observed": 5,
        "no_event": 39,
        "total": 64,
        "cannot_tell": 10,
        "upper_bound": 20,
    }  # columns of 48 pixels of one hectare
    for name, columns in want.items():
        assert got.km2(name) == pytest.approx(columns * 0.48 * scale, rel=1e-5), name
    assert got.people is None


def test_people_by_class_are_those_of_the_scene():
    """Ten people stand on each pixel: the three numbers and the range follow by counting."""
    got = assess(compute_layers(make_product()), make_context()).whole
    want = {
        "event": 4800,
        "event_low": 1920,
        "event_high": 6240,
        "cannot_tell": 4800,
        "upper_bound": 9600,
        "total": 30720,
    }
    for name, people in want.items():
        assert got.heads(name) == pytest.approx(people, rel=1e-9), name


def test_admin_units_and_what_is_outside_hold_everybody():
    """North and south have the same, four columns belong to no unit, and the sums close."""
    found = assess(compute_layers(make_product()), make_context())
    table = found.by_admin.set_index("name")
    assert list(table.index) == [OUTSIDE, "Nordhausen", "Südhausen"]
    assert table["exposed"].to_list() == pytest.approx([0, 2400, 2400])
    assert table["cannot_tell"].to_list() == pytest.approx([0, 2400, 2400])
    assert table["upper_bound"].to_list() == pytest.approx([0, 4800, 4800])
    assert table["population"].to_list() == pytest.approx([1920, 14400, 14400])
    assert table["population"].sum() == pytest.approx(found.whole.heads("total"), rel=1e-9)
    assert table["area_km2"].sum() == pytest.approx(found.whole.km2("total"), rel=1e-9)
    assert table.loc["Nordhausen", "pcode"] == "T01"


def test_each_level_closes_on_its_own():
    """A country over all and a district over half: each level with its rest is the total."""
    admin = gpd.GeoDataFrame(
        {"name": ["Land", "Kreis"], "pcode": ["A", "B"], "level": [0, 1]},
        geometry=[lonlat(pixels(-9, 99, -9, 99)), lonlat(pixels(0, ROWS, 0, 32))],
        crs="EPSG:4326",
    )
    found = assess(compute_layers(make_product()), make_context(admin=admin))
    sums = found.by_admin.groupby("level")["population"].sum()
    assert sums.to_list() == pytest.approx([30720, 30720], rel=1e-9)
    assert OUTSIDE not in found.by_admin[found.by_admin["level"] == 0]["name"].to_list()


def test_only_the_area_counts():
    """Pixels of the grid outside the event's area are in no figure."""
    area = Area.from_geometry(lonlat(pixels(0, ROWS, 0, 5)), name="strip")
    event = Event(id="E1", title="t", hazard=Hazard.FLOOD, area=area, onset=ONSET)
    found = assess(compute_layers(make_product(event=event)), make_context())
    assert found.whole.heads("total") == pytest.approx(2400, rel=1e-9)
    assert found.whole.km2("event") == pytest.approx(found.whole.km2("total"))


def test_reasons_of_exclusion_are_told_apart():
    """All that is excluded in the scene is urban."""
    found = assess(compute_layers(make_product()), Context())
    reasons = {k: v for k, v in found.excluded_km2.items() if v}
    assert list(reasons) == ["urban"]
    assert reasons["urban"] == pytest.approx(found.whole.km2("excluded"), rel=1e-6)


@pytest.mark.parametrize("size", [20.0, 50.0, 730.0, 2900.0])
def test_size_and_position_of_cells_do_not_matter(size):
    """An even population gives the same figures from cells far smaller or larger than pixels."""
    left, top = LEFT - 1.37 * size - 300, TOP + 2.11 * size + 300
    n = int(9000 / size) + 4
    box = GeoBox.from_bbox(
        (left, top - n * size, left + n * size, top), crs="EPSG:32633", shape=(n, n)
    )
    people = np.full((n, n), size**2 * 10 / PIXEL**2)
    found = assess(compute_layers(make_product()), make_context(population=raster(people, box)))
    assert found.whole.heads("total") == pytest.approx(30720, rel=0.01)
    assert found.whole.heads("event") == pytest.approx(4800, rel=0.03)
    assert found.unknown_share == 0


def test_population_in_degrees_under_a_grid_in_metres():
    """People spread evenly over the ground are found in proportion to area, in any projection."""
    box = GeoBox.from_bbox((14.9, 45.0, 15.2, 45.3), crs="EPSG:4326", resolution=1 / 120)
    people = cell_area_m2(box).astype(float) / 1000.0
    found = assess(compute_layers(make_product()), make_context(population=raster(people, box)))
    want = found.whole.km2("total") * 1000
    assert found.whole.heads("total") == pytest.approx(want, rel=0.005)


def test_nobody_is_lost_between_projections():
    """An island of people in a sea of none, wholly in the grid, is counted to the last one."""
    box = GeoBox.from_bbox((14.9, 45.0, 15.2, 45.3), crs="EPSG:4326", resolution=1 / 240)
    people = np.zeros(box.shape)
    middle = ~box.affine * (15.04, 45.13)
    column, row = int(middle[0]), int(middle[1])
    people[row - 2 : row + 3, column - 4 : column + 5] = np.arange(45).reshape(5, 9)
    found = assess(compute_layers(make_product()), make_context(population=raster(people, box)))
    assert found.whole.heads("total") == pytest.approx(people.sum(), rel=1e-6)


def test_across_the_antimeridian():
    """A grid over 180 degrees takes its people from both ends of a global raster."""
    area = Area.from_bbox(179.5, -17.0, -179.5, -16.0, name="Fiji")
    box = GeoBox.from_bbox((-180, -18, 180, -15), crs="EPSG:4326", resolution=0.05)
    people = cell_area_m2(box).astype(float) / 1e6
    found = assess(whole_state(area, 500.0), Context(population=raster(people, box)))
    assert found.whole.heads("event") == pytest.approx(found.whole.km2("event"), rel=0.01)
    assert found.unknown_share == 0


def test_unknown_population_is_said_not_guessed():
    """Where the raster has no number nobody is counted, and the share of such land is given."""
    context = make_context()
    people = context.population.copy()
    people[:, :8] = np.nan
    found = assess(compute_layers(make_product()), make_context(population=people))
    assert found.unknown_share == pytest.approx(0.5)
    assert found.whole.heads("event") == 0
    assert found.whole.heads("total") == pytest.approx(15360, rel=1e-9)


def test_likelihood_none_makes_no_end_of_a_range():
    """255 is no likelihood: it neither makes an event sure nor a dry pixel doubtful."""
    data = make_dataset(likelihood=np.full((ROWS, COLUMNS), 255, np.uint8))
    got = assess(compute_layers(make_product(data=data)), Context()).whole
    assert got.km2("event_low") == 0
    assert got.km2("event_high") == got.km2("event")


def test_a_population_without_crs_is_refused():
    """Cells that lie nowhere on the earth cannot be counted."""
    bare = xr.DataArray(np.ones((4, 4)), dims=("y", "x"))
    with pytest.raises(CubeError, match="no CRS"):
        assess(compute_layers(make_product()), make_context(population=bare))


@pytest.mark.realdata
@pytest.mark.parametrize("resolution", [100.0, 300.0])
def test_people_of_sao_miguel(shared_data, resolution):
    """All 145,603 people of the island are found in UTM, and the six units have their areas."""
    folder = shared_data / "exposure" / "sao_miguel"
    with rasterio.open(folder / "gpw_v411_2020_count_2020.tif") as file:
        people = file.read(1).astype(float)
        people[people == file.nodata] = np.nan
        box = GeoBox(file.shape, file.transform, file.crs)
    assert np.nansum(people) == pytest.approx(145_603, abs=0.5)
    admin = gpd.read_file(folder / "concelhos.gpkg")
    area = Area.from_bbox(-25.9, 37.6, -25.1, 38.0, name="São Miguel")
    layers = whole_state(area, resolution)
    found = assess(layers, Context(population=raster(people, box), admin=admin))
    assert found.whole.heads("event") == pytest.approx(np.nansum(people), rel=1e-6)
    table = found.by_admin.set_index("name")
    assert table["population"].sum() == pytest.approx(np.nansum(people), rel=1e-6)
    assert len(table) == 7
    assert table.drop(index=OUTSIDE)["population"].sum() > 0.85 * np.nansum(people)
    true = admin.set_index("name").to_crs("EPSG:6933").area / 1e6
    for name, area_km2 in true.items():
        assert table.loc[name, "area_km2"] == pytest.approx(area_km2, rel=0.03)


def test_admin_units_with_gaps_in_their_table():
    """Missing codes and levels are blanks, bow-tie outlines are mended, a missing CRS is said."""
    bow = shapely.Polygon([(14.9, 45.0), (15.2, 45.3), (15.2, 45.0), (14.9, 45.3)])
    admin = gpd.GeoDataFrame(
        {"name": ["A", None], "pcode": [None, "P"], "level": [1, np.nan]},
        geometry=[lonlat(pixels(0, ROWS, 0, COLUMNS)), bow],
        crs="EPSG:4326",
    )
    layers = compute_layers(make_product())
    table = assess(layers, make_context(admin=admin)).by_admin
    assert set(table["name"]) == {"A", "", OUTSIDE}
    assert set(table["pcode"]) == {"", "P"}
    assert table.groupby("level")["population"].sum().to_list() == pytest.approx([30720, 30720])
    with pytest.raises(CubeError, match="no CRS"):
        assess(layers, make_context(admin=admin.set_crs(None, allow_override=True)))


def test_admin_units_on_both_sides_of_the_antimeridian():
    """The two halves of an island at 180 degrees are told apart, each with its area."""
    area = Area.from_bbox(179.5, -17.0, -179.5, -16.5, name="Fiji")
    admin = gpd.GeoDataFrame(
        {"name": ["east of it", "west of it"]},
        geometry=[shapely.box(-180, -20, -175, -10), shapely.box(175, -20, 180, -10)],
        crs="EPSG:4326",
    )
    table = assess(whole_state(area, 500.0), Context(admin=admin)).by_admin.set_index("name")
    assert sorted(table.index) == ["east of it", "west of it"]
    east, west = table["area_km2"]["east of it"], table["area_km2"]["west of it"]
    assert east == pytest.approx(west, rel=0.01)


def test_nodata_named_by_the_raster_is_unknown():
    """A positive no-data value is no people either."""
    people = make_context().population.copy()
    people[:, :8] = 65535.0
    people = people.assign_attrs(nodata=65535.0)
    found = assess(compute_layers(make_product()), make_context(population=people))
    assert found.unknown_share == pytest.approx(0.5)
    assert found.whole.heads("total") == pytest.approx(15360, rel=1e-9)


def test_every_reason_for_exclusion_is_counted():
    """Each bit alone on a pixel of its own: none is lost, however many there are."""
    layers = compute_layers(make_product())
    state = np.full(layers.state.shape, State.NO_EVENT, "uint8")
    exclusion = np.zeros(layers.state.shape, "uint16")
    rows, columns = np.nonzero(layers.inside)
    for row, column, flag in zip(rows, columns, Exclusion, strict=False):
        state[row, column], exclusion[row, column] = State.EXCLUDED, flag.value
    found = assess(replace(layers, state=state, exclusion=exclusion), Context()).excluded_km2
    assert set(found) == {flag.name.lower() for flag in Exclusion}
    assert all(area > 0 for area in found.values()), found
