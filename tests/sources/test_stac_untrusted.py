"""Catalogs that lie, loop, flood and point where no link may lead: none is followed or believed."""

import datetime as dt
import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from reliefscope.errors import AccessError, InputError, IntegrityError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.settings import Settings
from reliefscope.sources import _stac_io
from reliefscope.sources.stac import StacSource
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server

AREA = Area.from_bbox(10, 45, 11, 46)
WHEN = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
WINDOW = Window(start=WHEN - dt.timedelta(days=1), end=WHEN + dt.timedelta(days=1))
CONFORMS = [
    f"https://api.stacspec.org/v1.0.0/{part}" for part in ("core", "collections", "item-search")
]


def _item(name="good", href="https://data.example.org/vv.tif", **changes):
    ring = [[10, 45], [11, 45], [11, 46], [10, 46], [10, 45]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "c",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [10, 45, 11, 46],
        "properties": {"datetime": "2024-03-01T00:00:00Z"},
        "links": [],
        "assets": {"vv": {"href": href}},
    } | changes


class Catalog:
    """An API that answers each search with what it is told, page after page where told."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0
        self.app = Starlette(
            routes=[
                Route("/", self.landing),
                Route("/search", self.search, methods=["GET", "POST"]),
                Route("/collections/{name}", lambda _: PlainTextResponse("no", 404)),
            ]
        )

    async def landing(self, request):
        base = str(request.base_url)
        links = [
            {"rel": "self", "href": base},
            {"rel": "data", "href": f"{base}collections", "type": "application/json"},
            {
                "rel": "search",
                "href": f"{base}search",
                "method": "POST",
                "type": "application/geo+json",
            },
        ]
        return JSONResponse(
            {"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x",
             "conformsTo": CONFORMS, "links": links}
        )  # fmt: skip

    async def search(self, request):
        self.asked += 1
        answer = self.answer(str(request.base_url), self.asked)
        return answer if not isinstance(answer, dict) else JSONResponse(answer)


def _search(answer, tmp_path, **settings):
    catalog = Catalog(answer)
    with app_server(catalog.app) as url:
        transport = Transport(
            Settings(cache=tmp_path, **settings), retry=Retry(attempts=2, first_s=0.01)
        )
        source = StacSource(url=url, units={"vv": "1"}, transport=transport)
        return source.search(AREA, WINDOW, {"vv"}), catalog


def _page(*items, **more):
    return {"type": "FeatureCollection", "features": list(items), "links": []} | more


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"id": None},
        {"geometry": {"type": "Polygon", "coordinates": "everywhere"}},
        {"geometry": {"type": "Polygon", "coordinates": [[[10, 45]]]}},
        {"geometry": {"type": "Blob"}},
        {"geometry": None, "bbox": None},
        {"geometry": None, "bbox": [1]},
        {"geometry": None, "bbox": [float("nan")] * 4},
        {"properties": {"datetime": "yesterday"}},
        {"properties": {}},
        {"properties": {"datetime": "2024-03-01T00:00:00Z", "sat:relative_orbit": "left"}},
        {"properties": {"datetime": "2024-03-01T00:00:00Z", "instruments": 7}},
        {"assets": None},
        {"assets": {"vv": {}}},
        {"assets": {"vv": {"href": "https://x.example/v.tif", "raster:bands": "many"}}},
        {"assets": {"vv": {"href": "https://x.example/v.tif", "raster:bands": [{"scale": "x"}]}}},
        {"links": None},
        {"stac_version": 12},
    ],
    ids=str,
)
def test_one_bad_item_does_not_lose_the_good_ones(bad, tmp_path):
    """It is left out, or read as far as it makes sense; the good one is found."""
    broken = _item("bad") | bad if bad else {}
    text = json.dumps(_page(broken, _item()))  # json with NaN, as careless servers write it
    found, _ = _search(lambda *_: PlainTextResponse(text, media_type="application/json"), tmp_path)
    assert "good" in [g.id for g in found]


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/vv.tif",
        "http://[::ffff:10.0.0.1]/vv.tif",
        "http://10.0.0.1/vv.tif",
        "ftp://data.example.org/vv.tif",
        "/vsicurl/http://10.0.0.1/vv.tif",
        "gopher://x/1",
    ],
)
def test_an_asset_leads_nowhere_it_may_not(href, tmp_path):
    """Files, private addresses, metadata services and other schemes stop the search."""
    with pytest.raises(AccessError):
        _search(lambda *_: _page(_item(href=href)), tmp_path)


def test_pages_without_end_come_to_an_end(tmp_path):
    """A next link on every page, always more items: the search stops and says how to narrow it."""

    def page(base, number):
        items = [_item(f"{number}-{i}") for i in range(100)]
        more = {"rel": "next", "href": f"{base}search?page={number + 1}", "method": "GET"}
        return _page(*items, links=[more])

    with pytest.raises(InputError, match="narrow the area or the window"):
        _search(page, tmp_path)


def test_pages_of_nothing_new_come_to_an_end(tmp_path, monkeypatch):
    """The same item again and again: the requests are counted."""
    monkeypatch.setattr(_stac_io, "MAX_REQUESTS", 30)

    def page(base, _):
        return _page(
            _item(geometry=None, bbox=[50, 50, 51, 51]),
            links=[{"rel": "next", "href": f"{base}search", "method": "GET"}],
        )

    with pytest.raises(InputError, match="more than 30 requests"):
        _search(page, tmp_path)


def test_a_next_page_on_a_private_address_is_not_asked(tmp_path):
    """The next link is a link like any other."""
    link = {"rel": "next", "href": "http://localhost:1/steal", "method": "GET"}
    with pytest.raises(AccessError, match="private address"):
        _search(lambda *_: _page(_item(), links=[link]), tmp_path)


def test_huge_answers_are_refused(tmp_path, monkeypatch):
    """More than the cap: nothing of it is believed."""
    monkeypatch.setattr(
        "reliefscope.transport.client.Transport.text.__kwdefaults__", {"cap": 1000, "keep": True}
    )
    with pytest.raises(IntegrityError, match="more than"):
        _search(lambda *_: _page(*[_item(str(i)) for i in range(100)]), tmp_path)


def test_brackets_without_end_are_refused(tmp_path):
    """Nested a hundred thousand deep: not a crash."""
    text = '{"features": ' + "[" * 100_000
    with pytest.raises((InputError, IntegrityError, UnavailableError)):
        _search(lambda *_: PlainTextResponse(text, media_type="application/json"), tmp_path)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HTMLResponse("<html>Sign in to the network</html>"), UnavailableError),
        (PlainTextResponse("no", 401), AccessError),
        (PlainTextResponse("no", 404), InputError),
        (PlainTextResponse("slow down", 429, headers={"retry-after": "0"}), UnavailableError),
        (PlainTextResponse("boom", 500), UnavailableError),
        (JSONResponse([1, 2, 3]), InputError),
        (JSONResponse({"features": {"a": 1}}), IntegrityError),
    ],
    ids=["page", "401", "404", "429", "500", "list", "features is no list"],
)
def test_each_failure_of_a_service_has_its_error(answer, error, tmp_path):
    """Never "nothing there"."""
    with pytest.raises(error):
        _search(lambda *_: answer, tmp_path)


def test_nothing_there_is_an_empty_list(tmp_path):
    """An empty answer is no failure."""
    found, _ = _search(lambda *_: _page(), tmp_path)
    assert found == []


def test_a_catalog_on_disk_leads_only_into_its_own_folder(tmp_path):
    """A child link that climbs out, and one to itself."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(_item("secret")))

    def write(*links):
        (folder / "catalog.json").write_text(
            json.dumps({"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x",
                        "links": list(links)})
        )  # fmt: skip
        return StacSource(
            url=str(folder / "catalog.json"), transport=Transport(Settings(cache=tmp_path / "c"))
        )

    source = write({"rel": "item", "href": "../secret.json"})
    with pytest.raises(AccessError, match="outside its own folder"):
        source.search(AREA, WINDOW, {"vv"})
    source = write({"rel": "item", "href": "file:///etc/passwd"})
    with pytest.raises(AccessError):
        source.search(AREA, WINDOW, {"vv"})
    source = write({"rel": "child", "href": "./catalog.json"})
    with pytest.raises((InputError, UnavailableError)):
        source.search(AREA, WINDOW, {"vv"})
    assert Path(secret).exists()
