import json
import tempfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from reliefscope.errors import InputError
from reliefscope.views.upload import area_of

BOX = shapely.box(10, 20, 11, 21)


def _geojson(geometry, **more):
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(geometry)}
    return json.dumps({"type": "FeatureCollection", "features": [feature], **more}).encode()


def _kml(ring):
    points = " ".join(f"{x},{y},0" for x, y in ring)
    return (
        '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Polygon>'
        f"<outerBoundaryIs><LinearRing><coordinates>{points}</coordinates></LinearRing>"
        "</outerBoundaryIs></Polygon></Placemark></kml>"
    ).encode()


def _gpkg(crs):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        gpd.GeoDataFrame(geometry=[BOX], crs="EPSG:4326").to_crs(crs).to_file(path)
        return path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [_geojson(BOX), _kml(BOX.exterior.coords), _gpkg("EPSG:4326"), _gpkg("EPSG:3857")],
    ids=["geojson", "kml", "gpkg", "gpkg in metres"],
)
def test_outline_arrives_in_degrees(content):
    """Each format, and any projection that is stated, gives the same box."""
    found = shapely.geometry.shape(area_of("a", content))
    assert found.symmetric_difference(BOX).area < 1e-6


def _many():
    ring = [(x / 1e6, (x % 2) / 1e6) for x in range(150_000)]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GIF89a", "neither GeoJSON"),
        (b"{", "cannot be read as GeoJSON"),
        (b"{" + b'"a":[' * 5000, "nested too deeply"),
        (_geojson(shapely.Point(1, 2)), "no polygon"),
        (_geojson(shapely.box(500000, 4e6, 500100, 4000100)), "no degrees"),
        (_geojson(BOX, crs={"properties": {"name": "EPSG:32633"}}), "another projection"),
        (b"<kml><!DOCTYPE x>", "cannot be read as KML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><kml>&b;</kml>', "cannot be read as KML"),
        (b"SQLite format 3\x00" + b"\x00" * 100, "cannot be read as GeoPackage"),
        (b"{" + b" " * 9_000_000, "at most 8 MB"),
        (_many(), "over 100,000 vertices"),
        (json.dumps({"type": "Polygon", "coordinates": "x"}).encode(), "cannot be read"),
        (b'{"features": [7]}', "cannot be read"),
    ],
    ids=range(13),
)
def test_files_of_nobody_are_refused_with_a_sentence(content, said):
    with pytest.raises(InputError, match=said):
        area_of("x.geojson", content)


def test_long_outlines_are_simplified_for_the_link():
    """What remains fits a share link, and keeps the shape."""
    round_ = shapely.Point(5, 5).buffer(1, quad_segs=2000)
    found = shapely.geometry.shape(area_of("a", _geojson(round_)))
    assert shapely.get_num_coordinates(found) <= 300
    assert found.symmetric_difference(round_).area < 0.01 * round_.area
