"""Admin units from services: names, codes and levels, and nothing that is not text."""

import io
import json
import zipfile

import geopandas as gpd
import pytest
import shapely

from reliefscope.errors import AccessError, IntegrityError, NothingFoundError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.sources.tables import cod_ab, geoboundaries, natural_earth

AREA = Area.from_bbox(9.49, 47.06, 9.53, 47.15, name="Liechtenstein")
BOX, FAR = shapely.box(9.4, 47.0, 9.7, 47.3), shapely.box(60, 0, 61, 1)


def collection(**columns):
    frame = gpd.GeoDataFrame({k: [v, v] for k, v in columns.items()}, geometry=[BOX, FAR], crs=4326)
    return frame.to_json()


@pytest.fixture
def boundaries(replay):
    """Level 1 of three countries; level 2 of none."""
    for code in ("LIE", "CHE", "AUT"):
        replay.give(
            f"/{code}/ADM1/",
            {
                "simplifiedGeometryGeoJSON": f"{replay.url}/{code}.geojson",
                "boundaryYearRepresented": "2021",
                "boundaryLicense": "CC BY 4.0\n<script>",
            },
        )
        text = collection(shapeName=f"<b>{code}\u202e\x1b[31m", shapeID=f"{code}-1")
        replay.give(f"/{code}.geojson", text)
    return replay.url


def test_units_have_names_codes_and_levels(boundaries, transport):
    """Those that touch the area, as plain text; a level that is missing is not an error."""
    layer = geoboundaries.admin(AREA, transport, url=boundaries)
    units = layer.data
    assert set(units["pcode"]) <= {"LIE-1", "CHE-1", "AUT-1"}
    assert (units["level"] == 1).all()
    assert all("\x1b" not in name and "\u202e" not in name for name in units["name"])
    assert units.crs.to_epsg() == 4326
    assert "2021" in layer.source
    assert "\n" not in layer.source


def test_units_are_kept_for_work_without_a_network(boundaries, transport, offline):
    """The same table with no socket."""
    online = geoboundaries.admin(AREA, transport, url=boundaries).data
    again = geoboundaries.admin(AREA, offline, url=boundaries).data
    assert online.equals(again)


@pytest.mark.parametrize(
    ("about", "status", "error"),
    [
        ({}, 200, IntegrityError),
        ("<html>", 200, IntegrityError),
        ("no", 404, NothingFoundError),
        ("no", 403, AccessError),
        ("no", 503, UnavailableError),
        ({"simplifiedGeometryGeoJSON": "file:///etc/passwd"}, 200, AccessError),
    ],
)
def test_failures_of_geoboundaries(replay, transport, about, status, error):
    """Each is an error of its kind."""
    replay.always(about, status)
    with pytest.raises(error):
        geoboundaries.admin(AREA, transport, url=replay.url)


def test_a_file_without_boundaries_is_refused(boundaries, replay, transport):
    """GeoJSON with other columns, and GeoJSON that is none."""
    for text in (collection(other="x"), json.dumps({"type": "FeatureCollection"})):
        for code in ("LIE", "CHE", "AUT"):
            replay.give(f"/{code}.geojson", text)
        with pytest.raises(IntegrityError):
            geoboundaries.admin(AREA, transport, url=boundaries)
        transport.settings.cache.rename(transport.settings.cache.with_name(f"old{len(text)}"))


def shapefiles(tmp_path, **layers):
    """A zip archive of shapefiles as OCHA publishes them."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, columns in layers.items():
            folder = tmp_path / name
            folder.mkdir()
            shape = BOX.boundary if name.endswith("lines") else BOX
            frame = gpd.GeoDataFrame(
                {k: [v] for k, v in columns.items()}, geometry=[shape], crs=4326
            )
            frame.to_file(folder / f"{name}.shp")
            for file in sorted(folder.iterdir()):
                archive.write(file, f"data/{file.name}")
    return memory.getvalue()


def listed(url, *kinds):
    formats = {"SHP": "x.zip", "XLSX": "x.xlsx", "GeoJSON": "x.geojson"}
    resources = [{"format": k, "download_url": f"{url}/{formats[k]}"} for k in kinds]
    return {
        "success": True,
        "result": {"dataset_date": "[2023-01-01 TO *]", "resources": [None, *resources]},
    }


def test_p_codes_by_level_in_any_language(replay, transport, tmp_path):
    """Names in French, codes of the first two levels; lines of the same level are not units."""
    content = shapefiles(
        tmp_path,
        xyz_admbnda_adm1_2023={"ADM1_FR": "Plaine", "ADM1_PCODE": "LI01"},
        xyz_admbnda_adm2_2023={"adm2_name": "Vaduz", "adm2_pcode": "LI0101"},
        xyz_admbndl_adm1_lines={"ADM1_FR": "x", "ADM1_PCODE": "x"},
    )
    replay.give("/x.zip", content)
    replay.give("/show", lambda *_: listed(replay.url, "XLSX", "SHP"))
    layer = cod_ab.admin(AREA, transport, url=f"{replay.url}/show")
    units = layer.data.drop_duplicates("pcode").sort_values("level")
    assert units[["name", "pcode", "level"]].to_numpy().tolist() == [
        ["Plaine", "LI01", 1],
        ["Vaduz", "LI0101", 2],
    ]
    assert "cod-ab-lie" in layer.source


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ("no", 404, NothingFoundError),
        ({"success": True, "result": {"resources": []}}, 200, IntegrityError),
        ({"success": True, "result": {}}, 200, IntegrityError),
        ([], 200, IntegrityError),
        ("no", 500, UnavailableError),
        (
            {"result": {"resources": [{"format": "SHP", "url": "file:///etc/passwd"}]}},
            200,
            IntegrityError,
        ),
    ],
)
def test_failures_of_hdx(replay, transport, answer, status, error):
    """Nothing published, nothing usable, or nobody there."""
    replay.always(answer, status)
    with pytest.raises(error):
        cod_ab.admin(AREA, transport, url=f"{replay.url}/show")


def test_an_archive_without_codes_is_refused(replay, transport, tmp_path):
    """A layer with names alone has no P-codes."""
    replay.give("/x.zip", shapefiles(tmp_path, some_adm1={"NAME": "x"}))
    replay.give("/show", lambda *_: listed(replay.url, "SHP"))
    with pytest.raises(IntegrityError, match="no layer of a level"):
        cod_ab.admin(AREA, transport, url=f"{replay.url}/show")


def test_countries_need_no_network(offline):
    """Natural Earth is part of the installation."""
    units = natural_earth.admin(AREA, offline).data
    assert "LIE" in set(units["pcode"])
    with pytest.raises(NothingFoundError):
        natural_earth.admin(Area.from_bbox(-39, 38, -38.9, 38.1), offline)
