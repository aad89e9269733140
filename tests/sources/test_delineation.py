"""Vector packages of analysts on pixels: what they drew, and nowhere more."""

import datetime as dt
import shutil

import dask
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from reliefscope.errors import InputError
from reliefscope.indicators.flood_ready import flood_ready
from reliefscope.model.area import Area
from reliefscope.model.cube import State
from reliefscope.model.event import Window
from reliefscope.sources.delineation import DelineationSource
from tests.products.scene import COLUMNS, GRID, ROWS, lonlat, pixels
from tests.weather_cubes import refuse

TAKEN = dt.datetime(2018, 11, 3, 17, 5, tzinfo=dt.UTC)
WINDOW = Window(start=TAKEN - dt.timedelta(days=5), end=TAKEN + dt.timedelta(days=5))
AREA = Area.from_geometry(lonlat(pixels(0, ROWS, 0, COLUMNS)), name="plain")
WANTED = ["delineation"]


def save(folder, name, shapes, **columns):
    columns = {k: [v] * len(shapes) if isinstance(v, str) else v for k, v in columns.items()}
    table = gpd.GeoDataFrame(columns, geometry=[lonlat(s) for s in shapes], crs="EPSG:4326")
    table.to_file(folder / name, engine="pyogrio")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Looked at: 40 columns. Floods of two images, a lake under one of them, and a blind spot."""
    folder = tmp_path_factory.mktemp("package")
    drawn = [pixels(5, 10, 0, 10), pixels(20, 30, 10, 20)]
    save(folder, "E1_DEL_area_of_interest_a.shp", [pixels(0, ROWS, 0, 40)], map_type="Delineation")
    save(
        folder, "E1_DEL_observed_event_a.shp", drawn,
        det_method="Photo-interpretation", dmg_src_id=[2, 3],
    )  # fmt: skip
    save(folder, "E1_DEL_hydrography_a.shp", [pixels(0, 8, 0, 20)], obj_type="Lake")
    save(folder, "E1_DEL_notObservedA.geojson", [pixels(40, 48, 0, 20)], obj_desc="Not observed")
    rows = [
        ("Open Street Map", "Not Applicable", "Not Applicable", "Not Applicable", 994),
        ("Sentinel-2", "09/11/2018", "10:17:00", "10 m", 1),
        ("Sentinel-1", "02/11/2018", "T05:18:16Z", "10.0 m", 2),
        ("Sentinel-1", "03/11/2018", "17:05:00", "10 m", 3),
    ]
    names = ["source_nam", "src_date", "source_tm", "sensor_gsd", "src_id"]
    sources = pd.DataFrame(rows, columns=names)
    pyogrio.write_dataframe(sources, folder / "E1_DEL_source.dbf", driver="ESRI Shapefile")
    return folder


def test_every_pixel_has_the_code_of_what_was_drawn(folder):
    """Event over lake over ground; a blind spot and what lies outside are not seen; all lazy."""
    source = DelineationSource(folder=folder, product="E1_DEL")
    (granule,) = source.search(AREA, WINDOW, WANTED)
    want = np.full((ROWS, COLUMNS), np.nan)
    want[:, :40] = State.NO_EVENT
    want[0:8, 0:20] = State.REFERENCE
    want[40:48, 0:20] = np.nan
    want[5:10, 0:10] = want[20:30, 10:20] = State.EVENT
    with dask.config.set(scheduler=refuse):
        cube = source.load([granule], GRID, WANTED)
        state = flood_ready(cube)["state"]
    np.testing.assert_array_equal(cube["delineation"].isel(time=0), want)
    np.testing.assert_array_equal(state, np.nan_to_num(want, nan=State.NOT_OBSERVED))


def test_what_no_image_shows_of_the_area_is_not_observed(folder, tmp_path):
    """Footprints end at column 25: the 15 columns beyond are unknown, and not dry."""
    shutil.copytree(folder, tmp_path / "package")
    save(tmp_path / "package", "E1_DEL_imageFootprintA.geojson",
         [pixels(0, ROWS, 0, 15), pixels(0, ROWS, 12, 25)])  # fmt: skip
    source = DelineationSource(folder=tmp_path / "package", product="E1_DEL")
    (granule,) = source.search(AREA, WINDOW, WANTED)
    state = flood_ready(source.load([granule], GRID, WANTED))["state"].to_numpy()
    assert (state[:, 25:] == State.NOT_OBSERVED).all()
    assert (state[30:40, :25] == State.NO_EVENT).all()
    assert (state[20:30, 10:20] == State.EVENT).all()
    assert granule.footprint.area == pytest.approx(lonlat(pixels(0, ROWS, 0, 25)).area, rel=1e-3)


def test_the_granule_says_what_was_drawn_on_which_image(folder):
    """The latest image that a polygon was drawn on, who drew how, and each file by its checksum."""
    (granule,) = DelineationSource(folder=folder, product="E1_DEL").search(AREA, WINDOW, WANTED)
    assert (granule.acquired, granule.platform, granule.resolution) == (TAKEN, "Sentinel-1", 10)
    assert granule.properties["det_method"] == "Photo-interpretation"
    assert len(granule.assets) == 4
    assert all(a.checksum.startswith("1220") and a.size for a in granule.assets.values())
    looked_at = lonlat(pixels(0, ROWS, 0, 40))
    assert granule.footprint.symmetric_difference(looked_at).area < 1e-6 * looked_at.area


def test_only_where_and_when_it_is_asked_for(folder):
    """Another time, another place, another variable: nothing."""
    source = DelineationSource(folder=folder, product="E1_DEL")
    early = Window(start=TAKEN - dt.timedelta(days=9), end=TAKEN - dt.timedelta(days=8))
    assert source.search(AREA, early, WANTED) == []
    assert source.search(AREA, None, WANTED) == []
    assert source.search(AREA, WINDOW, ["vv"]) == []
    assert source.search(Area.from_bbox(0, 0, 1, 1, name="far"), WINDOW, WANTED) == []
    said = DelineationSource(folder=folder, acquired=TAKEN.replace(tzinfo=None), platform="Aerial")
    (granule,) = said.search(AREA, WINDOW, WANTED)
    assert (granule.acquired, granule.platform) == (TAKEN, "Aerial")


def test_what_is_no_delineation_is_refused(tmp_path):
    """No folder, no layers, no day, two products in one folder: each error says what to do."""
    with pytest.raises(InputError, match="is not a folder"):
        DelineationSource(folder=tmp_path / "none").search(AREA, WINDOW, WANTED)
    with pytest.raises(InputError, match="holds no observedevent and no areaofinterest"):
        DelineationSource(folder=tmp_path).search(AREA, WINDOW, WANTED)
    save(tmp_path, "A_observedEventA.geojson", [pixels(5, 10, 0, 10)])
    save(tmp_path, "A_areaOfInterestA.geojson", [pixels(0, ROWS, 0, 40)])
    with pytest.raises(InputError, match="acquired ="):
        DelineationSource(folder=tmp_path).search(AREA, WINDOW, WANTED)
    save(tmp_path, "B_observedEventA.geojson", [pixels(5, 10, 0, 10)])
    with pytest.raises(InputError, match="which product is meant"):
        DelineationSource(folder=tmp_path).search(AREA, WINDOW, WANTED)
    (tmp_path / "B_observedEventA.geojson").write_text("no polygons", encoding="utf-8")
    (tmp_path / "B_areaOfInterestA.geojson").write_text("neither", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        DelineationSource(folder=tmp_path, product="B").search(AREA, WINDOW, WANTED)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("01VERONA_DEL_v1", "2018-11-02T05:18:00"),
        ("08PORDENONE_DEL_MONIT01_v1", "2018-11-03T17:05:00"),
    ],
)
def test_official_packages_are_read(shared_data, name, day):
    """Layers are found by name among those of many products, and the image by the table."""
    source = DelineationSource(
        folder=shared_data / "flood" / "emsr332_veneto", product=f"EMSR332_{name}"
    )
    area = Area.from_bbox(10.8, 45.1, 12.8, 46.3, name="Veneto")
    (granule,) = source.search(area, WINDOW, WANTED)
    assert granule.acquired.isoformat().startswith(day)
    assert granule.platform == "Sentinel-1"
    assert shapely.area(granule.footprint) > 0.2
