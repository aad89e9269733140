"""Searches replayed: what real catalogues answered becomes granules, page by page."""

import csv
import datetime as dt
import json
import re
from urllib.parse import urlsplit

import pytest

from reliefscope.errors import InputError, IntegrityError, SourceError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.settings import Settings
from reliefscope.sources._profiles import PROFILES
from reliefscope.sources._stac import as_granule, search_granules, search_items
from reliefscope.transport.client import Transport
from tests.feeds.replay import FAST, replaying

WORLD = Area.from_bbox(-180, -90, 180, 90)
EVER = Window(
    start=dt.datetime(1980, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2035, 1, 1, tzinfo=dt.UTC)
)
HOSTS = {
    "planetarycomputer.microsoft.com": "planetary-computer",
    "earth-search.aws.element84.com": "earth-search",
}
pytestmark = pytest.mark.realdata


@pytest.fixture
def replay():
    with replaying() as server:
        yield server


@pytest.fixture
def transport(tmp_path):
    allowed = frozenset({"127.0.0.1"})
    return Transport(Settings(cache=tmp_path, allow_hosts=allowed), retry=FAST)


def recorded(shared_data, kind):
    """Yield (host, address, body) of the recorded answers of one type that are STAC."""
    home = shared_data / "responses" / "extracted_responses"
    with (home / "index.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = home / row["file"].replace("B_extracted_responses/", "")
            host = urlsplit(row["url"]).hostname
            if host not in HOSTS or path.suffix != ".json" or row["status"] != "200":
                continue
            body = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(body, dict) and body.get("type") == kind:
                yield host, row["url"], body


def api(replay, pages, collections=()):
    """Serve a landing page, collections, and pages of a search, each with a link to the next."""
    conforms = [
        "https://api.stacspec.org/v1.0.0/core",
        "https://api.stacspec.org/v1.0.0/item-search",
        "https://api.stacspec.org/v1.0.0/collections",
    ]
    root = {"rel": "root", "href": f"{replay.url}/", "type": "application/json"}
    replay.give(
        "/",
        {
            "type": "Catalog",
            "id": "replayed",
            "description": "recorded answers",
            "stac_version": "1.0.0",
            "conformsTo": conforms,
            "links": [
                root,
                {"rel": "self", "href": f"{replay.url}/", "type": "application/json"},
                *(
                    {
                        "rel": "search",
                        "href": f"{replay.url}/search",
                        "method": method,
                        "type": "application/geo+json",
                    }
                    for method in ("GET", "POST")
                ),
                {"rel": "data", "href": f"{replay.url}/collections"},
            ],
        },
    )
    replay.give("/collections", {"collections": list(collections), "links": [root]})
    for name in collections:
        replay.give(f"/collections/{name['id']}", name)

    def page(asked, _):
        number = int(asked.get("page", 0))
        body = {**pages[number], "links": []}
        if number + 1 < len(pages):
            href = f"{replay.url}/search?page={number + 1}"
            body["links"] = [{"rel": "next", "href": href, "method": "GET"}]
        return body

    replay.give("/search", page)


def _stac_pages(shared_data):
    by_host = {}
    for host, _, body in recorded(shared_data, "FeatureCollection"):
        items = [f for f in body["features"] if "stac_version" in f]
        if items and len(items) == len(body["features"]):
            by_host.setdefault(host, []).append(body)
    return by_host


def test_every_recorded_search_becomes_granules(shared_data, replay, transport):
    """47 pages of Planetary Computer and Earth Search with items, followed from page to page as one
    search each: every item of a collection that is read comes through with its place and time."""
    counts = {}
    for host, pages in _stac_pages(shared_data).items():
        replay.clear()
        api(replay, pages)
        offered = {(f.get("collection"), f["id"]) for p in pages for f in p["features"]}
        items = search_items(transport, f"{replay.url}/", [], WORLD, EVER)
        timed = {(i.collection_id, i.id) for i in items}
        profile = PROFILES[HOSTS[host]]
        granules = [
            as_granule(i, profile=profile, home=f"{replay.url}/", transport=transport)
            for i in items
            if i.collection_id in profile.collections
        ]
        counts[host] = (len(pages), len(offered), len(timed), len(granules))
        searches = [path for path, *_ in replay.asked if path == "/search"]
        assert len(searches) == len(pages)
        assert timed <= offered
        # static layers bear no single time that a window could hold
        missing = {c for c, _ in offered - timed}
        assert missing <= {"cop-dem-glo-30", "esa-worldcover", "nasadem", None, "mtbs", "io-lulc"}
        assert all(g.assets for g in granules)
        assert all(g.acquired is not None and g.footprint.area > 0 for g in granules)
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    assert total[0] == 47
    assert total[1] > 200
    assert total[3] == 66


def test_a_recorded_page_without_items_is_nothing_there(shared_data, replay, transport):
    """An empty list of features is no error, and no granule."""
    empty = [b for _, _, b in recorded(shared_data, "FeatureCollection") if not b["features"]]
    assert empty
    for body in empty:
        replay.clear()
        api(replay, [body])
        assert search_items(transport, f"{replay.url}/", [], WORLD, EVER) == []


def test_recorded_catalogs_and_items_in_place_of_a_search_are_refused(
    shared_data, replay, transport
):
    """A search that answers with something else is never an empty result."""
    wrong = [b for kind in ("Catalog", "Collection") for _, _, b in recorded(shared_data, kind)]
    assert len(wrong) >= 8
    for body in wrong:
        replay.clear()
        api(replay, [body])
        with pytest.raises((InputError, IntegrityError)):
            search_items(transport, f"{replay.url}/", [], WORLD, EVER)


@pytest.mark.parametrize(("status", "body"), [(401, "no"), (404, "{}"), (429, "slow"), (500, "{}")])
def test_refusals_of_a_search_are_errors(replay, transport, status, body):
    """Each status is an error of its kind."""
    api(replay, [{"type": "FeatureCollection", "features": []}])
    replay.give("/search", body, status)
    with pytest.raises((SourceError, InputError)):
        search_items(transport, f"{replay.url}/", [], WORLD, EVER)


def test_a_search_is_replayed_without_a_network(shared_data, replay, transport):
    """The same granules offline, from the answers that were kept."""
    pages = _stac_pages(shared_data)["earth-search.aws.element84.com"]
    api(replay, pages)
    asked = (f"{replay.url}/", PROFILES["earth-search"], WORLD, EVER, ["red"])
    online = search_granules(transport, *asked)
    kept = Transport(Settings(cache=transport.settings.cache, offline=True), retry=FAST)
    count = len(replay.asked)
    assert [g.id for g in search_granules(kept, *asked)] == [g.id for g in online]
    assert len(replay.asked) == count


def test_recorded_hls_of_nasa_becomes_a_granule(shared_data, transport, replay):
    """An item of CMR-STAC: each band by its key, scaled, from the archive, not from its cloud."""
    home = shared_data / "responses" / "cmr_stac_lpdaac"
    bodies = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(home.rglob("*.json"))]
    items = [b for b in bodies if b.get("type") == "Feature"]
    items += [f for b in bodies if b.get("type") == "FeatureCollection" for f in b["features"]]
    hls = [i for i in items if re.match(r"HLS\.[SL]30", i["id"])]
    assert hls
    api(replay, [{"type": "FeatureCollection", "features": hls}])
    found = search_granules(
        transport, f"{replay.url}/", PROFILES["nasa-hls"], WORLD, EVER, ["red", "nir08", "fmask"]
    )
    assert {g.id for g in found} == {i["id"] for i in hls}
    for granule in found:
        red = granule.assets["red"]
        assert red.href.startswith("https://data.lpdaac.earthdatacloud.nasa.gov/lp-prod-protected")
        assert red.href.endswith(".B04.tif")
        assert (red.scale, red.nodata) == (0.0001, -9999.0)


def test_the_copernicus_catalogue_states_its_scaling(shared_data, replay, transport):
    """An item made of the recorded description of its collection: bands by key, offset and scale
    as stated, links into the object store."""
    path = shared_data / "responses/stac_openeo_cdse/tests/data/stac/collections"
    about = json.loads((path / "cdse-sentinel-2-l2a.json").read_text(encoding="utf-8"))
    base = "s3://eodata/Sentinel-2/MSI/L2A/2025/06/17/X.SAFE/GRANULE/IMG_DATA"
    assets = {
        key: {**asset, "href": f"{base}/{key}.jp2"} for key, asset in about["item_assets"].items()
    }
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "S2A_X",
        "collection": "sentinel-2-l2a",
        "bbox": [9, 45, 10, 46],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[9, 45], [10, 45], [10, 46], [9, 46], [9, 45]]],
        },
        "properties": {"datetime": "2025-06-17T10:00:00Z", "platform": "sentinel-2a"},
        "assets": assets,
        "links": [],
    }
    api(replay, [{"type": "FeatureCollection", "features": [item]}])
    profile = PROFILES["cdse"]
    (granule,) = search_granules(
        transport, f"{replay.url}/", profile, WORLD, EVER, ["red", "nir08", "scl"]
    )
    red = granule.assets["red"]
    assert red.href == f"{base}/B04_10m.jp2"
    assert (red.scale, red.offset, red.nodata) == (0.0001, -0.1, 0)
    assert granule.assets["scl"].scale == 1
    assert set(granule.assets) == profile.collections["sentinel-2-l2a"].variables


@pytest.mark.parametrize(
    ("profile", "collection", "files"),
    [
        (
            "opera-dswx-hls",
            "OPERA_L3_DSWX-HLS_V1_1.0",
            {"dswx_wtr": "v1.0_B01_WTR.tif", "dswx_conf": "v1.0_B03_CONF.tif"},
        ),
        ("opera-dist", "OPERA_L3_DIST-ALERT-HLS_V1_1", {"dist_status": "v1_VEG-DIST-STATUS.tif"}),
        ("opera-rtc-s1", "OPERA_L2_RTC-S1_V1_1", {"vv": "v1.0_VV.tif", "vh": "v1.0_VH.tif"}),
    ],
)
def test_opera_products_are_known_by_the_ends_of_their_names(
    replay, transport, profile, collection, files
):
    """Whatever keys the catalogue gives them; the copy inside the archive's own cloud is not
    taken."""
    base = "https://archive.podaac.earthdata.nasa.gov/podaac-ops-cumulus-protected/X"
    assets = {}
    for number, name in enumerate(["v1.0_B10_CLOUD.tif", *files.values()]):
        assets[f"s3_{number}"] = {"href": f"s3://podaac/X_{name}"}
        assets[f"{number}_x"] = {"href": f"{base}_{name}"}
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "OPERA_X",
        "collection": collection,
        "bbox": [9, 45, 10, 46],
        "geometry": {"type": "Point", "coordinates": [9.5, 45.5]},
        "properties": {"datetime": "2023-10-15T11:05:23Z"},
        "assets": assets,
        "links": [],
    }
    api(replay, [{"type": "FeatureCollection", "features": [item]}])
    (granule,) = search_granules(
        transport, f"{replay.url}/", PROFILES[profile], WORLD, EVER, list(files)
    )
    assert {v: a.href for v, a in granule.assets.items()} == {
        v: f"{base}_{name}" for v, name in files.items()
    }
