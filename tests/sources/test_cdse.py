import contextlib
import datetime as dt
import io
import json
import logging
import random
import zipfile

import numpy as np
import pytest
from pydantic import TypeAdapter
from shapely.geometry import box, mapping
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    SourceError,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.settings import Settings
from reliefscope.sources import cdse
from reliefscope.sources._base import Keeps, Source
from reliefscope.sources._products import KINDS, parse_name
from reliefscope.sources.cdse import CdseSource
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.cdse_server import PASSWORD, USER, DataSpace, Item, record
from tests.servers import app_server
from tests.sources.safe.make import Optical, zipped
from tests.stage import Stage

FAST = Retry(attempts=3, first_s=0.01, deadline_s=5)
WHEN = dt.datetime(2023, 10, 7, 10, 30, 21, 24000, tzinfo=dt.UTC)
WINDOW = Window(start=WHEN - dt.timedelta(days=1), end=WHEN + dt.timedelta(days=1))
HERE = Area.from_bbox(10.2, 50.2, 10.8, 50.8)
S2 = "S2A_MSIL2A_20231007T103021_N0509_R108_T32UQD_20231007T145612"
S1 = "S1A_IW_GRDH_1SDV_20231007T052459_20231007T052528_050649_061A2B_1751"


def _archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("product.SAFE/manifest.safe"), "a product" * 5000)
    return out.getvalue()


def _item(number=0, **fields):
    """One Sentinel-2 product, each number a second later."""
    defaults = {
        "uuid": f"05edf2bb-d103-49f1-a677-{number:012d}",
        "name": f"{S2.replace('32UQD', f'{number:05d}')}.SAFE",
        "start": WHEN + dt.timedelta(seconds=number),
        "footprint": mapping(box(10, 50, 11, 51)),
        "type": "S2MSI2A",
        "content": _archive(),
    }
    return Item(**{**defaults, **fields})


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    with app_server(stage) as stage.url:
        yield stage


@pytest.fixture
def space(stage):
    space = DataSpace([_item()])
    stage.app = space.app
    return space


def _source(stage, folder, *, password=PASSWORD, retry=FAST, offline=False, **options):
    settings = Settings(
        cache=folder,
        offline=offline,
        netrc=folder / "none",
        secrets={"CDSE_USERNAME": USER, "CDSE_PASSWORD": password},
    )
    return CdseSource(
        catalogue=f"{stage.url}/odata/v1",
        download=f"{stage.url}/odata/v1",
        tokens=f"{stage.url}/token",
        transport=Transport(settings, retry=retry),
        **options,
    )


@pytest.fixture
def source(stage, space, tmp_path):
    assert stage.app is space.app
    return _source(stage, tmp_path)


def _search(source):
    return source.search(HERE, WINDOW, ["red"])


# finding


def test_a_search_finds_what_lies_here_and_now(source, space):
    """Of five products one fits in place, time, level and cloud; it becomes a whole granule."""
    others = (
        _item(1, footprint=mapping(box(100, 0, 101, 1))),
        _item(2, start=WINDOW.end),
        _item(3, type="S2MSI1C"),
        _item(4, name=f"{S1}.SAFE", type="IW_GRDH_1S"),
    )
    space.items |= {i.uuid: i for i in others}
    (granule,) = _search(source)
    assert granule.id == _item().name.removesuffix(".SAFE")
    assert granule.acquired == WHEN
    assert (granule.relative_orbit, granule.orbit_state) == (45, "descending")
    assert granule.cloud_cover == 12.5
    assert set(granule.assets) == KINDS["sentinel-2-l2a"].variables
    (asset,) = set(granule.assets.values())
    assert asset.href == f"{source.download}/Products({_item().uuid})/$value"
    assert asset.size == len(_item().content)
    assert asset.checksum.startswith("d50110")
    assert granule.properties["processing_baseline"] == "0509"
    both = source.search(HERE, WINDOW, ["red", "vv"])
    assert [g.collection for g in both] == ["sentinel-2-l2a", "sentinel-1-grd"]


def test_a_search_needs_no_account_and_asks_nobody_for_a_token(stage, space, tmp_path):
    """Without credentials the catalogue still answers."""
    settings = Settings(cache=tmp_path, netrc=tmp_path / "none")
    source = CdseSource(
        catalogue=f"{stage.url}/odata/v1", transport=Transport(settings, retry=FAST)
    )
    assert len(_search(source)) == 1
    assert space.identity.grants == []


def test_the_question_is_that_of_the_documentation(source, space):
    """Collection, product type, footprint, time, written as the catalogue's manual writes them."""
    _search(source)
    (asked,) = space.asked
    assert asked["$filter"] == (
        "Collection/Name eq 'SENTINEL-2' and "
        "Attributes/OData.CSC.StringAttribute/any(att:att/Name eq 'productType' and "
        "att/OData.CSC.StringAttribute/Value eq 'S2MSI2A') and "
        "OData.CSC.Intersects(area=geography'SRID=4326;"
        "POLYGON ((10.8 50.2, 10.8 50.8, 10.2 50.8, 10.2 50.2, 10.8 50.2))') and "
        "ContentDate/Start ge 2023-10-06T10:30:21.024000Z and "
        "ContentDate/Start lt 2023-10-08T10:30:21.024000Z"
    )
    assert asked["$orderby"] == "ContentDate/Start asc"
    assert asked["$expand"] == "Attributes"


def test_clouds_are_left_out_by_the_catalogue(stage, space, tmp_path):
    """12.5 % is found below 30 and not below 10; radar is not asked for clouds."""
    assert len(_search(_source(stage, tmp_path, max_cloud=30))) == 1
    strict = _source(stage, tmp_path, max_cloud=10)
    assert strict.search(HERE, WINDOW, ["red", "vv"]) == []
    assert ["cloudCover" in q["$filter"] for q in space.asked] == [True, False, True]


def test_the_source_keeps_the_contract_and_is_read_from_an_event_file(tmp_path):
    """It answers the questions of a source, and its fields validate like options."""
    options = {"collections": ["sentinel-1-grd"], "transport": Transport(Settings(cache=tmp_path))}
    source = TypeAdapter(CdseSource).validate_python(options)
    assert isinstance(source, Source)
    assert isinstance(source, Keeps)
    assert source.provides == {"vv", "vh", "incidence_deg"}
    assert source.search(HERE, None, ["vv"]) == []
    assert source.search(HERE, WINDOW, ["red", "elevation"]) == []
    assert source.download == cdse.DOWNLOAD
    with pytest.raises(InputError, match="choose of"):
        CdseSource(collections=("sentinel-5p",))


def test_pages_are_followed_to_the_end_on_our_own_way(source, space):
    """250 products come in three pages; the link the catalogue gives is not followed."""
    space.items = {i.uuid: i for i in map(_item, range(250))}
    found = _search(source)
    assert [g.id for g in found] == [_item(n).name.removesuffix(".SAFE") for n in range(250)]
    assert [q["$skip"] for q in space.asked] == ["0", "100", "200"]


def test_paging_that_never_ends_ends(source, space):
    """A catalogue that promises more and repeats itself, or sends nothing, is asked twice."""
    space.endless = True
    with pytest.raises(IntegrityError, match="repeats itself"):
        _search(source)
    assert len(space.asked) == 2
    space.items.clear()
    with pytest.raises(IntegrityError, match="repeats itself"):
        _search(source)
    assert len(space.asked) == 3


def test_more_products_than_anyone_reads_are_refused(source, space, monkeypatch):
    """The message says what to narrow."""
    monkeypatch.setattr(cdse, "MAX_PRODUCTS", 150)
    space.items = {i.uuid: i for i in map(_item, range(250))}
    with pytest.raises(InputError, match="narrow"):
        _search(source)
    assert len(space.asked) == 2


def test_areas_across_longitude_180_are_asked_for_on_both_sides(source, space):
    """Fiji: two questions, and a product seen from both sides is found once."""
    space.items = {
        i.uuid: i
        for i in (
            _item(1, footprint=mapping(box(178, -18, 179, -17))),
            _item(2, footprint=mapping(box(-179, -18, -178.5, -17))),
        )
    }
    found = source.search(Area.from_bbox(177, -20, -178, -15), WINDOW, ["red"])
    assert len(found) == 2
    assert len(space.asked) == 2


def test_wrong_records_are_skipped_and_said(source, space, caplog):
    """Each field that is not what it should be costs one record, never the search."""
    good = record(_item(7))
    wrong = [
        5,
        {},
        {**good, "Id": "7') or true", "Name": "a"},
        {**good, "Id": _item(1).uuid, "Name": "../../etc/passwd"},
        {**good, "Id": _item(2).uuid, "Name": None},
        {**good, "Id": _item(3).uuid, "ContentLength": -1},
        {**good, "Id": _item(4).uuid, "ContentDate": {"Start": "yesterday"}},
        {**good, "Id": _item(5).uuid, "ContentDate": {"Start": "0001-01-01T00:00:00+14:00"}},
        {**good, "Id": _item(6).uuid, "GeoFootprint": {"type": "Polygon", "coordinates": [[[]]]}},
        {**good, "Id": _item(8).uuid, "Attributes": 5},
        {**good, "Id": _item(9).uuid, "Checksum": [5]},
    ]
    space.extra = wrong
    assert [g.id for g in _search(source)] == [_item().name.removesuffix(".SAFE")]
    assert caplog.text.count("skipped") == len(wrong) - 1


def test_what_the_catalogue_does_not_know_is_not_made_up(source, space):
    """Length 0, no checksum, strange attributes, as older records have them."""
    space.items[_item().uuid].lies = {
        "ContentLength": 0,
        "Checksum": [],
        "Attributes": [
            {"Name": "relativeOrbitNumber", "Value": "4" * 5000},
            {"Name": "orbitDirection", "Value": {"a": 1}},
            {"Name": "cloudCover", "Value": "NaN"},
        ],
    }
    (granule,) = _search(source)
    (asset,) = set(granule.assets.values())
    assert (asset.size, asset.checksum) == (None, None)
    assert (granule.orbit_state, granule.cloud_cover) == (None, None)
    (path,) = source.fetch([granule])
    assert path.read_bytes() == _item().content


@pytest.mark.parametrize(
    ("faults", "error", "times"),
    [
        ([Response(status_code=503)] * 9, UnavailableError, 3),
        ([Response(status_code=429, headers={"retry-after": "0"})] * 2, None, 3),
        ([Response("<h1>Maintenance</h1>", 200)], IntegrityError, 1),
        ([Response("[]")], IntegrityError, 1),
        ([JSONResponse({"value": 5})], IntegrityError, 1),
        ([JSONResponse({"value": [{}] * 1001})], IntegrityError, 1),
        ([Response("[" * 100_000)], IntegrityError, 1),
        ([JSONResponse({"detail": "Invalid field"}, 400)], InputError, 1),
        ([Response(status_code=404)], NothingFoundError, 1),
    ],
)
def test_each_failure_has_its_error_and_only_passing_ones_are_tried_again(
    source, space, faults, error, times
):
    """Storms are outlived within the patience; what is no list of products is said to be none."""
    space.faults = list(faults)
    if error is None:
        assert len(_search(source)) == 1
    else:
        with pytest.raises(error):
            _search(source)
    assert len(space.asked) == times


def test_offline_a_search_is_answered_as_before_with_no_socket(
    stage, source, tmp_path, monkeypatch
):
    """The same question has the same answer, and what was fetched is there."""
    before = _search(source)
    paths = source.fetch(before)
    monkeypatch.setattr("socket.socket", None)
    offline = _source(stage, tmp_path, offline=True)
    assert _search(offline) == before
    assert offline.fetch(before) == paths
    with pytest.raises(UnavailableError, match="run the same command once with a network"):
        offline.search(Area.from_bbox(0, 0, 1, 1), WINDOW, ["red"])


# fetching


def test_a_product_is_fetched_once_whole_and_under_its_own_name(source, space):
    """One sign-in, one download; the second time nobody is asked."""
    found = _search(source)
    (path,) = source.fetch(found)
    assert path.read_bytes() == _item().content
    assert path.name == _item().name.replace(".SAFE", ".zip")
    assert source.keep(found, ["red"], lambda *_: None) == [path]
    assert space.identity.grants == ["password"]
    assert space.sent == len(_item().content)


def test_an_expired_token_is_renewed_while_fetching(source, space):
    """Ten minutes are over between two products: 401, a new token, the second product."""
    space.items = {i.uuid: i for i in map(_item, range(2))}
    first, second = _search(source)
    source.fetch([first])
    space.identity.granted.clear()
    source.fetch([second])
    assert space.identity.grants == ["password", "refresh_token"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(source, space):
    """What arrived before the line was cut is not sent a second time."""
    space.cut = len(_item().content) // 2
    (path,) = source.fetch(_search(source))
    assert path.read_bytes() == _item().content
    assert space.sent == len(_item().content)


@pytest.mark.parametrize(
    "lies",
    [
        {"ContentLength": 7},
        {"ContentLength": 10**9},
        {"Checksum": [{"Algorithm": "MD5", "Value": "0" * 32}]},
    ],
)
def test_an_archive_of_another_size_or_checksum_is_refused(stage, space, tmp_path, lies):
    """An error and no file; who must have it all the same can say so."""
    space.items[_item().uuid].lies = lies
    source = _source(stage, tmp_path)
    found = _search(source)
    with pytest.raises(SourceError, match=r"promised|checksum"):
        source.fetch(found)
    assert not list(tmp_path.rglob("*.zip"))
    (path,) = _source(stage, tmp_path, verify=False).fetch(found)
    assert path.read_bytes() == _item().content


def test_what_is_no_archive_is_refused_though_nothing_was_promised(source, space):
    """A page instead of the product, with status 200."""
    space.items[_item().uuid].lies = {"ContentLength": 0, "Checksum": []}
    found = _search(source)
    space.faults = [Response("<html>Sign in", media_type="text/html")] * 9
    with pytest.raises(SourceError, match="web page"):
        source.fetch(found)
    assert not list(source.transport.settings.cache.rglob("*.zip"))


class Storm(DataSpace):
    """A service on a bad day: half of the downloads fail, each in a way of its own."""

    def __init__(self, items, seed):
        super().__init__(items)
        self.dice = random.Random(seed)  # noqa: S311 - a known sequence
        self.weather = True

    async def download(self, request):
        fate = self.dice.choice(["well"] * 5 + ["cut", "ill", "busy", "page", "expired"])
        if not self.weather or fate == "well":
            return await super().download(request)
        if fate == "cut":
            self.cut = self.dice.randrange(1, len(_item().content))
            return await super().download(request)
        if fate == "expired":
            self.identity.granted.clear()
        return {
            "ill": Response(status_code=self.dice.choice([500, 502, 503, 504])),
            "busy": Response(status_code=429, headers={"retry-after": "0"}),
            "page": Response("<html>Sign in", media_type="text/html"),
            "expired": Response(status_code=401),
        }[fate]


@pytest.mark.parametrize("seed", range(25))
def test_in_a_storm_each_file_is_right_or_there_is_an_error(stage, tmp_path, seed):
    """Three products: whatever comes is whole; afterwards the rest comes, and little twice."""
    items = [_item(n) for n in range(3)]
    space = Storm(items, seed)
    stage.app = space.app
    source = _source(stage, tmp_path)
    found = _search(source)
    right = {i.name.replace(".SAFE", ".zip"): i.content for i in items}
    with contextlib.suppress(SourceError):
        source.fetch(found)
    assert all(p.read_bytes() == right[p.name] for p in tmp_path.rglob("*.zip"))
    space.weather = False
    assert {p.name: p.read_bytes() for p in source.fetch(found)} == right
    assert space.sent < 1.2 * sum(map(len, right.values()))


def test_a_product_withdrawn_since_the_search_is_not_found(source, space):
    """404 of the download is that there is nothing."""
    found = _search(source)
    space.items.clear()
    with pytest.raises(NothingFoundError):
        source.fetch(found)


def test_a_product_in_the_archive_is_said_and_the_others_are_fetched(source, space):
    """Online is false: where to order it is said, and nothing is asked for it."""
    space.items = {i.uuid: i for i in (_item(0, online=False), _item(1))}
    found = _search(source)
    with pytest.raises(UnavailableError, match=r"1 of 2 .*browser\.dataspace"):
        source.fetch(found)
    assert space.sent == len(_item(1).content)


def test_secrets_are_neither_kept_nor_shown(stage, space, source, tmp_path, caplog):
    """Wrong password or right one: not in messages, logs, repr, granules or the cache."""
    caplog.set_level(logging.DEBUG)
    found = _search(source)
    source.fetch(found)
    wrong = _source(stage, tmp_path / "other", password="wr0ng-one")
    with pytest.raises(AccessError, match="CDSE_USERNAME and CDSE_PASSWORD") as refused:
        wrong.fetch(_search(wrong))
    kept = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    shown = f"{refused.value!r}{caplog.text}{source!r}{wrong!r}{found!r}{kept!r}"
    assert kept
    for secret in (USER, PASSWORD, "wr0ng-one", *space.identity.granted, *space.identity.sessions):
        assert secret not in shown


def test_the_token_does_not_follow_to_another_host(source, space, stage):
    """A download that is redirected elsewhere leaves the token behind, and is refused there."""
    seen = []

    async def there(request):
        seen.append(request.headers.get("authorization"))
        return Response(status_code=401)

    found = _search(source)
    with app_server(Starlette(routes=[Route("/there", there)])) as elsewhere:
        other = elsewhere.replace("127.0.0.1", "localhost")
        answer = Response(status_code=302, headers={"location": f"{other}/there"})
        space.faults = [answer, answer]
        wide = CdseSource(
            catalogue=source.catalogue,
            download=source.download,
            tokens=source.tokens,
            transport=Transport(
                Settings(
                    cache=source.transport.settings.cache,
                    allow_hosts=frozenset({"localhost", "127.0.0.1"}),
                    secrets={"CDSE_USERNAME": USER, "CDSE_PASSWORD": PASSWORD},
                ),
                retry=FAST,
            ),
        )
        with pytest.raises(AccessError):
            wide.fetch(found)
    assert seen == [None, None]
    assert stage.app is space.app


def test_the_doctor_knows_what_the_service_needs():
    """Names of the credentials, host in netrc, an address that answers without them."""
    assert cdse.ACCESS.names == ("CDSE_USERNAME", "CDSE_PASSWORD")
    assert cdse.ACCESS.host == "identity.dataspace.copernicus.eu"
    assert cdse.ACCESS.probe.startswith(cdse.CATALOGUE)


# reading


def test_a_cube_is_made_of_what_was_fetched(stage, space, tmp_path):
    """From a search to reflectance: the archive is fetched once and unpacked once."""
    product = Optical()
    (tmp_path / "made").mkdir()
    content = zipped(product.write(tmp_path / "made")).read_bytes()
    place = product.grid.extent.to_crs("EPSG:4326").geom
    day = dt.datetime(2023, 8, 10, 9, 45, 49, 24000, tzinfo=dt.UTC)
    item = _item(name=f"{product.name}.SAFE", start=day, footprint=mapping(place), content=content)
    space.items = {item.uuid: item}
    source = _source(stage, tmp_path / "cache")
    window = Window(start=day - dt.timedelta(days=1), end=day + dt.timedelta(days=1))
    found = source.search(Area.from_geometry(place), window, ["red", "scl"])
    for _ in range(2):
        cube = source.load(found, product.grid, ["red", "scl"])
        assert cube["red"].chunks is not None
        np.testing.assert_allclose(cube["red"], 0.2, rtol=1e-5)
        assert set(np.unique(cube["scl"])) == {4.0}
    assert space.sent == len(content)
    assert [p.name for p in (tmp_path / "cache" / "unpacked").iterdir()] == [product.name]


@pytest.mark.parametrize("content", [b"no archive", _archive()])
def test_an_archive_that_holds_no_product_is_an_integrity_error(stage, space, tmp_path, content):
    """Damaged, or whole but without metadata: an error when loading, and no crash."""
    space.items[_item().uuid].content = content
    space.items[_item().uuid].lies = {"ContentLength": 0, "Checksum": []}
    source = _source(stage, tmp_path)
    with pytest.raises(IntegrityError):
        source.load(_search(source), Optical().grid, ["red"])


# the recorded catalogue


def _recorded(shared_data):
    responses = shared_data / "responses"
    pages = [
        *sorted((responses / "cdse_cdsetool/tests/query/mock/sentinel_1").glob("odata_page_*")),
        responses / "cdse_eodag_providers/tests/resources/eodag_search_result_creodias.json",
        responses
        / "cdse_eodag_providers/tests/resources/provider_responses/cop_dataspace_search.json",
        *(responses / "extracted_responses/catalogue.dataspace.copernicus.eu").glob("*"),
    ]
    return [json.loads(page.read_text("utf-8")) for page in pages]


@pytest.mark.realdata
def test_recorded_pages_are_read_to_the_end(shared_data, stage, tmp_path):
    """The five recorded pages of one search hold 47 products, which is what they announce."""
    pages = _recorded(shared_data)[:5]
    asked = []

    async def search(request):
        asked.append(request.query_params["$skip"])
        return JSONResponse(pages[len(asked) - 1])

    stage.app = Starlette(routes=[Route("/odata/v1/Products", search)])
    source = _source(stage, tmp_path)
    products = list(source._products("anything"))
    assert len(products) == pages[0]["@odata.count"] == 47
    assert asked == ["0", "10", "20", "30", "40"]


@pytest.mark.realdata
def test_recorded_products_become_granules(shared_data, caplog):
    """Of 60 recorded products those of our kinds become granules; the rest is skipped."""
    source = CdseSource(collections=("sentinel-1-grd",))
    products = [p for page in _recorded(shared_data) for p in page["value"]]
    granules = [g for p in products if (g := source._granule(p))]
    ours = {p["Name"] for p in products if parse_name(p["Name"])}
    assert {f"{g.id}.SAFE" for g in granules} == ours
    assert len(granules) == 10
    assert all(g.relative_orbit and g.orbit_state for g in granules)
    assert caplog.text.count("skipped") == len(products) - len(granules)


@pytest.mark.realdata
def test_the_token_endpoint_is_the_one_the_service_announces(shared_data):
    """The recorded discovery document names it, with the grants we use."""
    path = shared_data / "responses/cdse_cdsetool/tests/credentials/mock/openid-configuration.json"
    announced = json.loads(path.read_text("utf-8"))
    assert announced["token_endpoint"] == cdse.TOKENS
    assert {"password", "refresh_token"} <= set(announced["grant_types_supported"])
