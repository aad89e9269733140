"""What strangers send: paths, ids, texts and bodies made to do harm."""

import json
import re
import shutil
from dataclasses import replace

import pytest
from starlette.websockets import WebSocketDisconnect

from reliefscope.serve.area import read_area
from reliefscope.serve.config import Serving
from reliefscope.serve.front import Pace
from reliefscope.serve.shelf import Shelf
from reliefscope.views.map import BUNDLE
from tests.products.scene import lonlat, pixels
from tests.serve.conftest import EVIL, PLAIN, SCRIPT, visiting

EVIL_UNIT = "<svg onload=alert(2)>"
SWATCH = (
    '<svg width="26" height="16" aria-hidden="true">'
    '<rect width="26" height="16" fill="#[0-9a-f]{6}"/></svg>'
)
"""What stands in a legend of ours."""
TRICKS = (
    "..%2fitem.json", "%2e%2e/item.json", "%2e%2e%2fcatalog.json",
    "..\\item.json", "/etc/passwd", "%2fetc%2fpasswd", "state.tif%00.png", "state.tif/",
    f"..%2f{EVIL}%2ffacts.json", "....//facts.json", ".locks",
    "%252e%252e%252fcatalog.json", "state.tif%20", "STATE.TIF", "item.json/../facts.json%2f",
    "facts.json?x/../../", "file:%2f%2f%2fetc%2fpasswd", "%c0%ae%c0%ae/", "con", "~",
)  # fmt: skip


@pytest.mark.parametrize("trick", [t for t in TRICKS if "?" not in t])
@pytest.mark.parametrize(
    "route", ["/files/{p}/{t}", "/tiles/{t}/state/0/0/0.webp", "/tiles/{p}/{t}/0/0/0.webp",
              "/pictures/{t}/event.webp", "/pictures/{p}/{t}.webp", "/outlines/{p}/{t}.geojson",
              "/vectors/{p}/{t}.geojson", "/lite/{t}", "/export/{t}.html"],
)  # fmt: skip
def test_tricks_with_paths_find_nothing(visitor, route, trick):
    """No path leads out of the list of published files, to another product's, or to an error."""
    answer = visitor.get(route.format(p=PLAIN, t=trick))
    assert answer.status_code in {404, 307}, answer.text[:200]
    assert b"root:" not in answer.content


def test_a_link_inside_a_package_is_not_followed(catalog, tmp_path):
    """A file that is a symbolic link is not there, wherever it leads; one not listed neither."""
    copy = tmp_path / "catalog"
    shutil.copytree(catalog, copy)
    folder = copy / "flood" / "EMSR771" / PLAIN
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (folder / "statistics.csv").unlink()
    (folder / "statistics.csv").symlink_to(secret)
    (folder / "extra.txt").write_text("not listed")
    shelf = Shelf(copy)
    assert shelf.asset(PLAIN, "statistics.csv") is None
    assert shelf.asset(PLAIN, "extra.txt") is None
    assert shelf.asset(PLAIN, "facts.json") is not None


def test_an_item_that_points_elsewhere_is_not_believed(catalog, tmp_path):
    """Assets with paths or addresses are not served, even from a damaged Item."""
    copy = tmp_path / "catalog"
    shutil.copytree(catalog, copy)
    path = copy / "flood" / "EMSR771" / PLAIN / "item.json"
    item = json.loads(path.read_text())
    item["assets"]["evil"] = {"href": f"../{EVIL}/facts.json"}
    item["assets"]["worse"] = {"href": "/etc/passwd"}
    item["assets"]["far"] = {"href": "https://example.org/facts.json"}
    path.write_text(json.dumps(item))
    shown = Shelf(copy).get(PLAIN)
    assert "passwd" not in shown.assets
    assert all(a.path.parent == path.parent for a in shown.assets.values())


@pytest.mark.parametrize("path", ["/lite?lang=en", f"/lite/{EVIL}?lang=ar", f"/export/{EVIL}.html"])
def test_scripts_in_texts_are_shown_as_text(visitor, path):
    """Titles, places and names of units reach the reader as they are written, and do nothing."""
    page = visitor.get(path).text
    if path.startswith("/export"):  # it has two scripts: our map, and what the map shows
        page = page.replace(BUNDLE.read_text(encoding="utf-8"), "")
        shown = re.search(r'<script type="application/json" id="map-state">([^<]*)</script>', page)
        assert EVIL_UNIT in json.dumps(json.loads(shown[1]))
        page = page.replace(shown[0], "").replace('<script type="module"></script>', "")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "<svg" not in re.sub(SWATCH, "", page)
    assert "&lt;script&gt;alert(" in page


def test_a_search_is_shown_as_text(visitor):
    """What is looked for comes back in the form, harmless; nor does a language do anything."""
    page = visitor.get("/lite", params={"q": SCRIPT, "lang": '"><script>'}).text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


SQUARE = lonlat(pixels(10, 20, 5, 15)).__geo_interface__
CIRCLE = {"type": "Polygon", "coordinates": [[[15.0 + i * 1e-7, 45.0] for i in range(60_000)]]}
BAD_AREAS = {
    "not JSON": (b"\x00\xff", "no JSON"),
    "a bomb of brackets": (b"[" * 50_000, "no JSON"),
    "a larger bomb": (b"[" * 4_000_000, "vertices"),
    "no object": (b"[1, 2]", "no JSON object"),
    "no polygon": (b'{"type": "Point", "coordinates": [1, 2]}', "none of Polygon"),
    "a line": (b'{"type":"Feature","geometry":{"type":"LineString","coordinates":[[0,0],[1,1]]}}',
               "no polygon"),
    "not a number": (b'{"type":"Polygon","coordinates":[[[NaN,0],[1,1],[1,0],[NaN,0]]]}', "finite"),
    "infinite": (b'{"type":"Polygon","coordinates":[[[1e999,0],[1,1],[1,0],[0,0]]]}', "finite"),
    "huge integer": (b'{"type":"Polygon","coordinates":[[[' + b"9" * 400 + b",0],[1,1],[1,0]]]}",
                     "EPSG:4326"),
    "metres": (b'{"type":"Polygon","coordinates":[[[500000,5000000],[500100,5000000],[0,0]]]}',
               "EPSG:4326"),
    "another CRS": (json.dumps({**SQUARE, "crs": {"type": "name", "properties": {
        "name": "urn:ogc:def:crs:EPSG::32633"}}}).encode(), "EPSG:4326"),
    "too many vertices": (json.dumps(CIRCLE).encode(), "60002 vertices"),
    "texts": (b'{"type":"Polygon","coordinates":[[["a","b"],["c","d"]]]}', "finite"),
    "a corner": (b'{"type":"Polygon","coordinates":[[[0,0],[1,1]]]}', "valid GeoJSON|no polygon"),
    "nothing": (b'{"type":"Polygon","coordinates":[]}', "nested lists"),
    "no feature": (b'{"type":"FeatureCollection","features":[]}', "1 to"),
    "elsewhere": (b'{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}', "not meet"),
    "a unit of nowhere": (b'{"unit": "nope"}', "no admin unit"),
    "a unit that is none": (b'{"unit": {"$gt": ""}}', "code of an admin unit"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_AREAS)
def test_areas_that_cannot_be_are_refused_with_a_sentence(visitor, name):
    """Never a crash, never a number: one sentence that says what to send instead."""
    body, words = BAD_AREAS[name]
    answer = visitor.post(f"/area/{PLAIN}", content=body)
    assert answer.status_code == 422, answer.text[:300]
    assert re.search(words, answer.json()["error"])


def test_a_hundred_megabytes_are_not_read(visitor):
    """The size that is stated is refused before a byte is read; one that is hidden, soon after."""
    stated = visitor.post(f"/area/{PLAIN}", headers={"content-length": "100000000"}, content=b"")
    assert stated.status_code == 413
    assert "bytes" in stated.text

    sent = []

    def chunks():
        for _ in range(100):
            sent.append(1)
            yield b" " * 1_000_000

    hidden = visitor.post(f"/area/{PLAIN}", content=chunks())
    assert hidden.status_code == 413


def test_a_million_vertices_are_refused():
    """Before a polygon is made of them."""
    ring = b"[10.5,45.0]," * 999_999 + b"[10.5,45.0]"
    body = b'{"type":"Polygon","coordinates":[[' + ring + b"]]}"
    with pytest.raises(ValueError, match="some 1000002 vertices"):
        read_area(body, 50_000)


def test_other_sites_may_not_send_or_connect(visitor):
    """Forms and websockets of other origins are refused; so is another name for this host."""
    body = b'{"unit": "T01"}'
    evil = {"origin": "https://evil.example"}
    assert visitor.post(f"/area/{PLAIN}", content=body, headers=evil).status_code == 403
    assert visitor.get("/lite", headers={"host": "evil.example"}).status_code == 421
    for headers, protocols in (
        (evil, ["bokeh", "token"]),
        ({}, ["bokeh", "token"]),
        ({"origin": "http://127.0.0.1:5006"}, ["other"]),
    ):
        with pytest.raises(WebSocketDisconnect):  # noqa: SIM117 - refused while connecting
            with visitor.websocket_connect("/briefing/ws", subprotocols=protocols, headers=headers):
                pass


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_reading_is_offered(visitor, method):
    """Other methods are refused everywhere."""
    assert visitor.request(method, "/lite").status_code == 405


def test_a_visitor_who_asks_too_often_is_told_to_wait(catalog, tmp_path):
    """429 with the time to wait, after the burst that a page needs."""
    serving = Serving(catalog=catalog, cache=tmp_path)
    slow = replace(serving, limits=replace(serving.limits, requests_per_s=0.001, burst=5))
    with visiting(slow) as client:
        answers = [client.get("/healthz").status_code for _ in range(8)]
    assert answers == [200] * 5 + [429] * 3


def test_a_pace_fills_up_again():
    """Ten a second, three at once: after the burst, one more each tenth of a second."""
    now = [0.0]
    pace = Pace(10, 3, clock=lambda: now[0])
    assert [pace.allows("a") for _ in range(4)] == [True, True, True, False]
    assert pace.allows("b")
    now[0] = 0.11
    assert [pace.allows("a"), pace.allows("a")] == [True, False]


def test_the_shelf_survives_a_damaged_neighbour(catalog, tmp_path):
    """A page on one product is not lost because another's provenance is gone."""
    copy = tmp_path / "catalog"
    shutil.copytree(catalog, copy)
    (copy / "flood" / "EVIL" / EVIL / "provenance.json").unlink()
    with visiting(Serving(catalog=copy, cache=tmp_path)) as client:
        assert client.get(f"/lite/{PLAIN}").status_code == 200
        assert client.get("/lite?lang=en").status_code == 200
