import datetime as dt

import geopandas as gpd
import numpy as np
import pytest
import shapely

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.jobs.event_file import read_event_file
from reliefscope.settings import Settings
from tests.scenes import write_raster

GOOD = """
[event]
id = "E1"
hazard = "flood"
onset = 2024-03-01

[area]
bbox = [10.0, 45.0, 10.1, 45.1]

[sources.api]
type = "stac"
url = "http://127.0.0.1:1"

[context]
population = "people.tif"
"""


def _read(tmp_path, text):
    path = tmp_path / "event.toml"
    path.write_text(text, encoding="utf-8")
    return read_event_file(path, Settings(allow_hosts=frozenset({"a.local"})))


def test_a_short_file_is_enough(tmp_path):
    """Defaults: UTC, the hazard's indicator, 20 m; paths start at the file's folder."""
    request = _read(tmp_path, GOOD)
    assert request.event.onset == dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    assert (request.indicator, request.resolution, request.stage) == ("flood_sar", 20, "DEL")
    assert request.context.population == tmp_path / "people.tif"
    assert request.sources["api"].transport.settings.allow_hosts == {"a.local"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id = ", "id ", "not valid TOML.*line 3"),
        ('hazard = "flood"', 'hazard = "flod"', r"line 4, event.hazard: .*'flood'"),
        ("bbox = ", "box = ", r"line 8, area.box: Extra inputs"),
        ("[10.0, 45.0, 10.1, 45.1]", "[10.0, 45.0, 10.1]", r"line 8, area.bbox"),
        ("bbox = ", 'country = "France"\nbbox = ', r"line 7, area: .*give one of"),
        (
            'type = "stac"',
            'type = "ftp"',
            r"type 'ftp' is unknown; choose of \[.*'stac'.*\]",
        ),
        ("url = ", "uri = ", r"sources.api: unknown \['uri'\]"),
        ("http://127.0.0.1:1", 'http://x"\ncollections = "radar', r"sources.api.collections"),
        ("[context]", "[contxt]", r"line 14, contxt: Extra"),
        ("[context]", "[map]\nindicator = 'magic'\n[context]", "'magic' is unknown"),
        ("[context]", "[map]\nresolution = -3\n[context]", r"line 15, map.resolution"),
        ("10.1, 45.1", "10.1, 44.1", "must rise from south to north"),
    ],
)
def test_mistakes_name_the_key_and_the_line(tmp_path, old, new, message):
    """What was given, where, and what is allowed."""
    with pytest.raises(InputError, match=f"(?s){message}"):
        _read(tmp_path, GOOD.replace(old, new))


def _area(tmp_path, line):
    return _read(tmp_path, GOOD.replace("bbox = [10.0, 45.0, 10.1, 45.1]", line)).event.area


def test_area_may_be_a_file_or_a_country(tmp_path):
    """Polygons in any projection become one area; names match without case and accents."""
    frame = gpd.GeoDataFrame(geometry=[shapely.box(5e5, 5e6, 6e5, 5.1e6)], crs="EPSG:32632")
    frame.to_file(tmp_path / "aoi.gpkg")
    area = _area(tmp_path, "file = 'aoi.gpkg'")
    assert area.name == "aoi"
    assert area.bbox == pytest.approx((9, 45.14, 10.29, 46.06), abs=0.02)
    assert _area(tmp_path, "country = 'FIJI'").crosses_antimeridian
    with pytest.raises(NothingFoundError, match=r"did you mean .*Spain"):
        _area(tmp_path, "country = 'Spane'")


def test_files_source_is_relative_to_the_event_file(tmp_path):
    """A folder beside the file is found from anywhere."""
    write_raster(tmp_path / "scenes" / "20240302_vv.tif", np.ones((4, 4), "f4"))
    api = 'type = "stac"\nurl = "http://127.0.0.1:1"'
    text = GOOD.replace(api, 'type = "files"\nfolder = "scenes"')
    assert _read(tmp_path, text).sources["api"].provides == {"vv"}


def test_track_is_relative_to_the_event_file(tmp_path):
    """As folders are: a file of fixes beside it is found from anywhere."""
    api = 'type = "stac"\nurl = "http://127.0.0.1:1"'
    text = GOOD.replace(api, 'type = "track"\nfile = "track.csv"')
    assert _read(tmp_path, text).sources["api"].file == tmp_path / "track.csv"


def test_missing_file_is_named(tmp_path):
    """No traceback for a slip of the pen."""
    with pytest.raises(InputError, match=r"nope.toml does not exist"):
        read_event_file(tmp_path / "nope.toml", Settings())
