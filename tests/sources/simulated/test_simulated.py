import hashlib
import json
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation import validate_dict
from rio_cogeo.cogeo import cog_validate

from reliefscope.errors import InputError
from reliefscope.feeds.exercise import exercise_event
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard
from reliefscope.sources._base import Source
from reliefscope.sources.simulated import SimulatedSource, write_exercise
from reliefscope.sources.simulated import exercise as exercises
from reliefscope.sources.simulated.world import make_world

SIZE, SEED = 200, 3
EVENT = exercise_event(size=SIZE, seed=SEED)
STATIC = {"elevation", "water_seasonality", "water_occurrence", "land_cover"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercises")
    return SimulatedSource(event=EVENT, folder=folder, size=SIZE, seed=SEED)


@pytest.fixture(scope="module")
def exercise(source):
    return source.exercise()


@pytest.fixture(scope="module")
def items(exercise):
    catalog = pystac.Catalog.from_file(str(exercise.catalog))
    return list(catalog.get_items(recursive=True))


@pytest.fixture(scope="module")
def world():
    return make_world(SIZE, SEED)


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(1)


def test_the_catalog_holds_the_promised_scenes(items):
    """Three passes before, one after on the same orbit; two optical dates; static layers."""
    radar = [i for i in items if i.collection_id == "sentinel-1-rtc"]
    days = sorted((i.datetime - EVENT.onset).days for i in radar)
    assert days == [-35, -23, -11, 1]
    assert {i.properties["sat:relative_orbit"] for i in radar} == {118}
    optical = [i for i in items if i.collection_id == "sentinel-2-l2a"]
    assert sorted((i.datetime - EVENT.onset).days for i in optical) == [-18, 2]
    assert {i.collection_id for i in items} == {
        "sentinel-1-rtc",
        "sentinel-2-l2a",
        "cop-dem-glo-30",
        "jrc-gsw",
        "esa-worldcover",
    }


def test_everything_is_marked_as_an_exercise(exercise, items):
    """Each item says so in a property and in its name, each raster in a tag, the truth too."""
    assert all(i.properties["reliefscope:exercise"] is True for i in items)
    assert all(i.id.startswith("EXERCISE") for i in items)
    paths = [a.get_absolute_href() for i in items for a in i.assets.values()]
    for path in [*paths, exercise.population, exercise.truth_extent, exercise.truth["depth"]]:
        with rasterio.open(path) as raster:
            assert raster.tags()["RELIEFSCOPE_EXERCISE"] == "YES"


def test_items_describe_their_files_truly(items):
    """Checksum, size, shape, transform, projection, type, unit and nodata equal the file's own."""
    assert len(items) == 9
    for asset in (a for i in items for a in i.assets.values()):
        path = asset.get_absolute_href()
        with open(path, "rb") as file:  # noqa: PTH123 - read whole, once
            content = file.read()
        extra = asset.extra_fields
        assert extra["file:size"] == len(content)
        assert extra["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
        band = extra["raster:bands"][0]
        with rasterio.open(path) as raster:
            assert extra["proj:shape"] == [raster.height, raster.width]
            assert extra["proj:transform"] == list(raster.transform)[:6]
            assert asset.owner.properties["proj:code"] == raster.crs.to_string() == "EPSG:32624"
            assert band["data_type"] == raster.dtypes[0]
            assert band["unit"] == raster.units[0]
            assert band["nodata"] == raster.nodata


def test_stac_is_well_formed(items, exercise):
    """Items and collections survive a round trip and have what the specification requires."""
    for item in items:
        again = pystac.Item.from_dict(item.to_dict(include_self_link=False))
        assert again.id == item.id
        assert item.geometry["type"] == "Polygon"
        west, south, east, north = item.bbox
        assert -40 < west < east < -38
        assert 37 < south < north < 39
        assert item.get_collection().id == item.collection_id
        assert all(url.startswith("https://stac-extensions") for url in item.stac_extensions)
        assert all(a.media_type == pystac.MediaType.COG for a in item.assets.values())
    for path in exercise.catalog.parent.rglob("collection.json"):
        text = json.loads(path.read_text(encoding="utf-8"))
        assert text["type"] == "Collection"
        assert text["license"] == "CC0-1.0"
        assert {"extent", "description", "links", "id", "stac_version"} <= set(text)


def test_stac_keeps_the_core_schemas(exercise):
    """Catalog, collections and items are valid by the schemas of STAC itself."""
    catalog = pystac.Catalog.from_file(str(exercise.catalog))
    for entry in (catalog, *catalog.get_children(), *catalog.get_items(recursive=True)):
        validate_dict({**entry.to_dict(), "stac_extensions": []})


def test_links_stay_inside_the_folder(items, exercise):
    """The catalog can be moved or served: every link is relative and resolves inside."""
    home = exercise.catalog.parent.resolve()
    for item in items:
        for asset in item.assets.values():
            assert asset.href.startswith("./")
            assert (home / item.collection_id / item.id / asset.href).is_file()


def test_rasters_are_cloud_optimised(exercise, items):
    """rio-cogeo finds no error in any of them."""
    paths = [a.get_absolute_href() for i in items for a in i.assets.values()]
    paths += [exercise.population, exercise.truth_extent, exercise.truth["depth"]]
    for path in paths:
        valid, errors, _ = cog_validate(str(path))
        assert valid, errors


def test_truth_is_the_flood_of_the_world(exercise, world):
    """Extent is 1 exactly where depth is above 0, and both are those of the world."""
    extent, depth = read(exercise.truth_extent), read(exercise.truth["depth"])
    np.testing.assert_array_equal(extent == 1, depth > 0)
    np.testing.assert_array_equal(extent == 2, world.permanent)
    np.testing.assert_array_equal(depth, world.depth)


def test_nobody_is_lost_on_the_way_to_the_population_grid(exercise, world):
    """The geographic grid of 3 seconds of arc holds everyone, and no cell is negative."""
    with rasterio.open(exercise.population) as raster:
        counts = raster.read(1, masked=True)
        assert raster.crs.to_epsg() == 4326
        assert raster.res == pytest.approx((1 / 1200, 1 / 1200))
        assert raster.transform.c * 1200 == pytest.approx(round(raster.transform.c * 1200))
    assert counts.min() >= 0
    total = world.country.people.sum(dtype="float64")
    assert counts.sum(dtype="float64") == pytest.approx(total, rel=1e-5)


def test_the_population_grid_lies_where_the_people_are(exercise):
    """The fullest cell is the middle of the largest town, within two cells."""
    with rasterio.open(exercise.population) as raster:
        counts = raster.read(1, masked=True)
        row, column = np.unravel_index(np.argmax(counts.filled(-1)), counts.shape)
        lon, lat = raster.xy(row, column)
    towns = gpd.read_file(exercise.places).sort_values("population")
    town = towns.geometry.iloc[-1]
    assert abs(town.x - lon) < 3 / 1200
    assert abs(town.y - lat) < 3 / 1200


def test_vectors_carry_the_fields_that_readers_ask_for(exercise, world):
    """Admin, roads, places and facilities in EPSG:4326 with their columns, inside the world."""
    want = {
        exercise.admin: {"name", "pcode", "level", "parent"},
        exercise.roads: {"class"},
        exercise.places: {"name", "population"},
        exercise.facilities: {"name", "kind"},
    }
    for path, columns in want.items():
        frame = gpd.read_file(path)
        assert set(frame.columns) == columns | {"geometry"}
        assert frame.crs.to_epsg() == 4326
        assert len(frame) > 0
        west, south, east, north = frame.total_bounds
        assert -39.1 < west <= east < -38.9
        assert 37.9 < south <= north < 38.1
    assert len(gpd.read_file(exercise.places)) == len(world.country.places)


def test_the_source_keeps_the_contract(source):
    """It is a Source and provides what flood mapping needs."""
    assert isinstance(source, Source)
    assert {"vv", "vh", "red", "nir", "scl"} | STATIC <= source.provides


def test_windows_part_before_from_after(source):
    """Nothing of the flood is found before the onset, and nothing earlier after it."""
    before = source.search(EVENT.area, EVENT.window(-60, 0), {"vv"})
    after = source.search(EVENT.area, EVENT.window(0, 10), {"vv"})
    assert [g.acquired < EVENT.onset for g in before] == [True] * 3
    assert [g.acquired > EVENT.onset for g in after] == [True]
    granule = after[0]
    assert granule.exercise
    assert granule.source == "simulated"
    assert (granule.relative_orbit, granule.orbit_state) == (118, "descending")
    assert granule.assets["vv"].units == "1"


def test_static_layers_have_no_time(source):
    """Without a window only static layers are found, and none of them is dated."""
    found = source.search(EVENT.area, None, STATIC | {"vv"})
    assert {v for g in found for v in g.assets} == STATIC
    assert all(g.acquired is None for g in found)


def test_elsewhere_nothing_is_found(source):
    """Another place on earth has no exercise."""
    elsewhere = Area.from_bbox(10, 45, 10.1, 45.1)
    assert source.search(elsewhere, EVENT.window(-60, 10), {"vv"}) == []


def test_cubes_are_the_world_as_the_sensors_saw_it(source, world):
    """Loaded on the world's own grid, power, heights and classes are those of the world."""
    grid = exercises.world_grid(EVENT.area, SIZE, 10)
    radar = source.search(EVENT.area, EVENT.window(0, 10), {"vv", "vh"})
    cube = source.load(radar, grid, ["vv", "vh"]).compute()
    assert cube.vv.dims == ("time", "y", "x")
    power = cube.vv.values[0]
    dark = np.nanmedian(power[world.permanent])
    assert np.nanmedian(power[world.land_cover == 50]) > 30 * dark
    assert 0.002 < np.isnan(power).mean() < 0.03
    static = source.load(source.search(EVENT.area, None, STATIC), grid, sorted(STATIC)).compute()
    np.testing.assert_array_equal(static.land_cover.values, world.land_cover)
    np.testing.assert_array_equal(static.water_seasonality.values, world.water_seasonality)
    inner = np.s_[6:-6, 6:-6]
    error = (static.elevation.values - world.elevation)[inner]
    assert abs(np.median(error)) < 0.2
    assert np.abs(error).mean() < 1.5


def test_optical_numbers_come_back_as_reflectance(source):
    """Scale and offset of the items undo the stored numbers: woods are dark red, bright nir."""
    grid = exercises.world_grid(EVENT.area, SIZE, 10)
    found = source.search(EVENT.area, EVENT.window(-60, 0), {"red", "nir"})
    cube = source.load(found, grid, ["red", "nir", "scl"]).compute().isel(time=0)
    green = cube.scl == 4
    assert 0.02 < float(cube.red.where(green).median()) < 0.08
    assert 0.2 < float(cube.nir.where(green).median()) < 0.45


def test_a_written_exercise_is_used_again(source, exercise):
    """The second call writes nothing and gives the same paths."""
    stamps = {p: p.stat().st_mtime_ns for p in exercise.catalog.parent.rglob("*")}
    assert source.exercise() == exercise
    assert stamps == {p: p.stat().st_mtime_ns for p in exercise.catalog.parent.rglob("*")}


@pytest.fixture
def quick(monkeypatch):
    """Write only the catalog's name, so that tests of the folder take no time."""

    def catalog(root, *_):
        (root / "catalog.json").write_text("{}", encoding="utf-8")

    for name in ("make_world", "write_truth", "write_people", "write_vectors"):
        monkeypatch.setattr(exercises, name, lambda *_: None)
    monkeypatch.setattr(exercises, "write_catalog", catalog)
    monkeypatch.setattr(
        exercises, "DISASTERS", {Hazard.FLOOD: lambda *_: SimpleNamespace(weather=None, fixes=())}
    )


@pytest.mark.usefixtures("quick")
def test_a_damaged_exercise_is_written_anew(tmp_path):
    """A file cut short is noticed and everything is made again."""
    catalog = write_exercise(tmp_path, EVENT, size=SIZE, seed=SEED).catalog
    catalog.write_text("", encoding="utf-8")
    assert write_exercise(tmp_path, EVENT, size=SIZE, seed=SEED).catalog == catalog
    assert catalog.read_text(encoding="utf-8") == "{}"


@pytest.mark.usefixtures("quick")
def test_exercises_live_side_by_side(tmp_path):
    """Another seed or size gets its own folder."""
    homes = {
        write_exercise(tmp_path, EVENT, size=SIZE + more, seed=seed).catalog
        for more, seed in ((0, 1), (0, 2), (8, 1))
    }
    assert len(homes) == 3


@pytest.mark.usefixtures("quick")
def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    """When the disk fills half-way there is neither an exercise nor a draft of one."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exercises, "write_people", full)
    with pytest.raises(OSError, match="No space"):
        write_exercise(tmp_path, EVENT, size=SIZE, seed=SEED)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []


def test_an_area_larger_than_the_world_is_refused(tmp_path):
    """The world must hold the event's area."""
    with pytest.raises(InputError, match="larger size"):
        write_exercise(tmp_path, EVENT, size=128, seed=SEED)


def test_disasters_that_nobody_wrote_are_refused(tmp_path):
    """An event of another hazard is refused before anything is made."""
    other = Event(id="V", title="v", hazard=Hazard.VOLCANO, area=EVENT.area, onset=EVENT.onset)
    with pytest.raises(InputError, match="there are exercises of"):
        write_exercise(tmp_path, other, size=SIZE, seed=SEED)
