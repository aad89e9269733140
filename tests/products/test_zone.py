"""The numbers of any area of a published product."""

import math

import geopandas as gpd
import pytest
import rasterio
import shapely

from reliefscope.errors import InputError
from reliefscope.products.catalog import publish
from reliefscope.products.zone import table, unit_facts, zone_facts
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED, lonlat, make_context, make_product, pixels

COUNTED = ("area_km2", "event_area_km2", "no_event_area_km2", "reference_area_km2",
           "excluded_area_km2", "not_observed_area_km2", "excluded_urban_area_km2",
           "population_total", "exposed_population", "population_cannot_tell",
           "population_upper_bound")  # fmt: skip


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A published product whose numbers are known by construction."""
    with pytest.MonkeyPatch.context() as patch:
        draw_bare(patch)
        folder = tmp_path_factory.mktemp("zone")
        return publish(make_product(), folder, context=make_context(), released=RELEASED)


def test_the_whole_area_is_counted_as_the_package_counted_it(package):
    """An area around everything gives the facts of the package, ranges and people included."""
    found = zone_facts(package.folder, lonlat(pixels(0, 48, 0, 64)))
    assert set(found) <= set(package.facts)
    for key in COUNTED:
        told, got = package.facts[key], found[key]
        assert got.value == pytest.approx(told.value, rel=1e-6), key
        for ours, theirs in ((got.low, told.low), (got.high, told.high)):
            assert ours == (theirs if theirs is None else pytest.approx(theirs, rel=1e-6)), key
    assert found.head["product_id"] == package.product_id


def test_a_drawn_area_counts_the_pixels_inside_it(package):
    """Rows 10 to 20 of columns 5 to 15: five columns of event, five of reference, no more."""
    found = zone_facts(package.folder, lonlat(pixels(10, 20, 5, 15)), name="drawn")
    assert found["area_km2"].value == pytest.approx(1.0, rel=2e-3)
    assert found["event_area_km2"].value == pytest.approx(0.5, rel=2e-3)
    assert found["reference_area_km2"].value == pytest.approx(0.5, rel=2e-3)
    assert found["excluded_area_km2"].value == 0
    assert found["observed_fraction"].value == 1
    assert found.head["zone"] == "drawn"


def test_people_of_halves_add_up_to_the_whole(package):
    """Nobody is lost or counted twice where an area is cut in two."""
    halves = [zone_facts(package.folder, lonlat(pixels(0, 48, *c))) for c in ((0, 17), (17, 64))]
    both = sum(half["population_total"].value for half in halves)
    assert both == pytest.approx(package.facts["population_total"].value, rel=1e-6)


def test_a_unit_is_told_as_the_table_tells_it(package):
    """Numbers of an admin unit are those of the table, and those of its outline agree."""
    units = gpd.read_file(package.folder / "vectors.gpkg", layer="administrativeA")
    row = next(r for r in package.facts.admin if r["pcode"])
    found = unit_facts(package.folder, row["pcode"])
    assert found["event_area_km2"].value == row["event_km2"]
    assert found["event_area_km2"].low == row["event_low_km2"]
    assert found["exposed_population"].value == row["exposed"]
    outline = units.loc[units["pcode"] == row["pcode"]].union_all()
    drawn = zone_facts(package.folder, outline)
    assert drawn["area_km2"].value == pytest.approx(row["area_km2"], rel=1e-6)
    assert drawn["exposed_population"].value == pytest.approx(row["exposed"], rel=1e-6)


def test_an_area_smaller_than_a_pixel_counts_what_it_touches(package):
    """A dot is not an empty answer."""
    dot = lonlat(pixels(12, 13, 7, 8)).centroid.buffer(1e-6)
    assert zone_facts(package.folder, dot)["event_area_km2"].value == pytest.approx(0.01, rel=2e-3)


def test_without_a_people_layer_nobody_is_invented(package, tmp_path):
    """A package without people.tif tells areas only."""
    for path in package.folder.iterdir():
        if path.name != "people.tif":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    found = zone_facts(tmp_path, lonlat(pixels(0, 48, 0, 64)))
    assert "event_area_km2" in found
    assert not any("population" in k and k != "population_source" for k in found)


def test_people_of_the_layer_are_those_of_the_facts(package):
    """The published layer adds up to the people of the area."""
    with rasterio.open(package.folder / "people.tif") as file:
        people = file.read(1)
        assert file.tags(1)["units"] == "1"
    assert people.shape == (48, 64)
    assert not math.isnan(people.sum())


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (shapely.box(100, 10, 101, 11), "does not meet"),
        (shapely.Point(15, 45), "holds no polygon"),
    ],
)
def test_an_area_elsewhere_is_refused(package, geometry, words):
    """What cannot be counted is said, with where the product is."""
    with pytest.raises(InputError, match=words):
        zone_facts(package.folder, geometry)
    with pytest.raises(InputError, match="no admin unit"):
        unit_facts(package.folder, "nowhere")


def test_the_table_names_its_product(package):
    """A table that travels alone says what it belongs to."""
    rows = table(zone_facts(package.folder, lonlat(pixels(0, 48, 0, 64)), name="all"))
    assert set(rows["product_id"]) == {package.product_id}
    assert set(rows["area"]) == {"all"}
