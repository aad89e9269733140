import collections
import datetime as dt
import hashlib
import io
import logging
import re
import threading
import zipfile
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import pytest
from pydantic import TypeAdapter
from sentinelsat.products import make_path_filter
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    ReliefscopeError,
    SourceError,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.settings import Settings
from reliefscope.sources import _hub
from reliefscope.sources._base import Keeps, Source
from reliefscope.sources._products import KINDS, parse_name
from reliefscope.sources.dhus import DhusSource, access
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.dhus_server import PASSWORD, USER, DhusHub, Product, Replayer
from tests.servers import app_server
from tests.sources.safe.make import START, Radar, zipped
from tests.stage import Stage

# sentinelsat 1.2.1 lags behind Python 3.12 (utcfromtimestamp) and 3.13 (count of re.sub)

FAST = Retry(attempts=3, first_s=0.01, deadline_s=5)
WHEN = dt.datetime(2023, 10, 7, 5, 24, 59, 858000, tzinfo=dt.UTC)
WINDOW = Window(start=WHEN - dt.timedelta(days=1), end=WHEN + dt.timedelta(days=1))
HERE = Area.from_bbox(11, 51.5, 12, 52)
FOOTPRINT = "POLYGON ((13.7 51.1,10.0 51.5,10.5 53.2,14.3 52.8,13.7 51.1))"
S1 = "S1A_IW_GRDH_1SDV_20231007T052459_20231007T052528_050649_061A2B_1751"


def _archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("product.SAFE/manifest.safe"), "a product" * 5000)
    return out.getvalue()


def _product(number=0, **fields):
    """One Sentinel-1 product, each number a minute later."""
    defaults = {
        "uuid": f"83754a0e-b390-4c77-9866-{number:012d}",
        "name": S1.replace("_1751", f"_{number:04X}").replace("061A2B", f"{number:06X}"),
        "start": WHEN + dt.timedelta(seconds=number),
        "footprint": FOOTPRINT,
        "content": _archive(),
        "kind": dict(KINDS["sentinel-1-grd"].dhus),
    }
    return Product(**{**defaults, **fields})


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    with app_server(stage) as stage.url:
        yield stage


@pytest.fixture
def hub(stage):
    hub = DhusHub([_product()])
    stage.app = hub.app
    return hub


@pytest.fixture
def url(stage, hub):
    assert stage.app is hub.app
    return f"{stage.url}/dhus"


def _source(url, folder, *, password=PASSWORD, retry=FAST, **options):
    settings = Settings(
        cache=folder,
        offline=options.pop("offline", False),
        netrc=folder / "none",
        secrets={"DHUS_USERNAME": USER, "DHUS_PASSWORD": password},
    )
    return DhusSource(url=url, transport=Transport(settings, retry=retry), **options)


@pytest.fixture
def source(url, tmp_path):
    return _source(url, tmp_path)


def _search(source):
    return source.search(HERE, WINDOW, ["vv"])


# finding


def test_a_search_finds_what_lies_here_and_now(source, hub):
    """One of four products fits in place, time and kind; its record becomes a granule."""
    hub.products |= {
        p.uuid: p
        for p in (
            _product(1, footprint="POLYGON ((100 0,101 0,101 1,100 0))"),
            _product(2, start=WINDOW.end),
            _product(3, kind={"platformname": "Sentinel-1", "producttype": "SLC"}),
        )
    }
    (granule,) = _search(source)
    assert granule.id == _product().name
    assert granule.acquired == WHEN
    assert (granule.relative_orbit, granule.orbit_state) == (168, "descending")
    assert set(granule.assets) == {"vv", "vh", "incidence_deg"}
    # the address is built from the identifier, whatever links the hub hands out
    (href,) = {a.href for a in granule.assets.values()}
    assert href == f"{source.url}/odata/v1/Products('{_product().uuid}')/$value"


def test_the_source_keeps_the_contract_and_is_read_from_an_event_file(url, tmp_path):
    """It answers the questions of a source, and its fields validate like options."""
    transport = Transport(Settings(cache=tmp_path))
    options = {"url": url, "collections": ["sentinel-2-l2a"], "max_cloud": 20}
    source = TypeAdapter(DhusSource).validate_python({**options, "transport": transport})
    assert isinstance(source, Source)
    assert isinstance(source, Keeps)
    assert source.provides == KINDS["sentinel-2-l2a"].variables
    assert source.search(HERE, None, ["red"]) == []
    assert source.search(HERE, WINDOW, ["vv", "elevation"]) == []


@pytest.mark.parametrize(
    "options",
    [
        {"url": "hub.example.org"},
        {"url": "ftp://hub.example.org"},
        {"url": f"https://{USER}:{PASSWORD}@hub.example.org/dhus"},
        {"url": "https://hub.example.org/dhus", "collections": ("sentinel-3",)},
        {"url": "https://hub.example.org/dhus", "max_cloud": -1},
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(options):
    """No hub, a password in the address, an unknown collection: and the password is not shown."""
    with pytest.raises(InputError) as refused:
        DhusSource(**options)
    assert PASSWORD not in str(refused.value)


def test_clouds_are_left_out_by_the_hub(url, hub, tmp_path):
    """The question holds the share of cloud, for optical scenes only."""
    _source(url, tmp_path, max_cloud=30).search(HERE, WINDOW, ["vv", "red"])
    assert len(hub.queries) == 2
    assert [("cloudcoverpercentage" in q) for q in hub.queries] == [False, True]
    assert 'cloudcoverpercentage:["0" TO "30' in hub.queries[1]


def test_pages_are_followed_to_the_end(source, hub):
    """250 products come in three pages, in order, each once."""
    hub.products = {p.uuid: p for p in map(_product, range(250))}
    assert [g.id for g in _search(source)] == [_product(n).name for n in range(250)]
    assert len(hub.asked) == 3


def test_paging_that_never_ends_ends(source, hub):
    """A hub that states a billion products and sends none is asked a bounded number of times."""
    hub.total = 10**9
    assert len(_search(source)) == 1
    assert len(hub.asked) <= 21


def test_more_products_than_anyone_reads_are_refused(source, hub, monkeypatch):
    """The message says what to narrow."""
    monkeypatch.setattr("reliefscope.sources.dhus.MAX_PRODUCTS", 100)
    hub.products = {p.uuid: p for p in map(_product, range(150))}
    with pytest.raises(InputError, match="narrow"):
        _search(source)


def test_wrong_records_are_skipped_and_said(source, hub, caplog):
    """A path for a name, a condition for an identifier, no footprint, 300 % cloud: no crash."""
    wrong = [
        {**_product(1).__dict__, "name": "../../../etc/passwd"},
        {**_product(2).__dict__, "uuid": "x') or 1 eq 1"},
        {**_product(3).__dict__, "footprint": "POLYGON((nan nan))"},
    ]
    hub.extra = [hub.entry(Product(**w)) for w in wrong]
    cloudy = hub.entry(_product(4))
    cloudy["double"]["content"] = "300"
    hub.extra.append(cloudy)
    assert [g.id for g in _search(source)] == [_product().name]
    assert caplog.text.count("skipped") == 4


@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        ({"title": "no id"}, None),
        ({"id": 5, "str": [{"content": "x"}]}, None),
        ({"id": "x", "date": [{"name": "beginposition", "content": "yesterday"}]}, None),
        ({"id": "x", "int": [{"name": "n", "content": None}]}, None),
        ("x", None),
        (None, "[" * 100_000),
        (None, '{"feed": {"opensearch:totalResults": null}}'),
        (None, '{"feed": {"opensearch:totalResults": "1", "entry": 5}}'),
        (None, "[]"),
    ],
)
def test_answers_that_are_not_those_of_a_hub_are_integrity_errors(source, hub, entry, answer):
    """Whatever trips the library is one typed error, not a KeyError."""
    hub.extra = [entry]
    if answer is not None:
        hub.faults = [Response(answer, media_type="application/json")]
    with pytest.raises(IntegrityError, match="not answer as a DHuS hub"):
        _search(source)


# failures


@pytest.mark.parametrize(
    ("faults", "error", "times"),
    [
        ([Response(status_code=503)] * 9, UnavailableError, 3),
        ([Response(status_code=429, headers={"retry-after": "0"})] * 9, UnavailableError, 3),
        ([Response(status_code=504)] * 2, None, 3),
        ([Response("<h1>The hub will be back soon!</h1>", 200)], UnavailableError, 1),
        ([Response("<h1>The hub will be back soon!</h1>", 502)] * 2, None, 3),
        ([Response("no", 400)], InputError, 1),
        ([Response("no", 403)], AccessError, 1),
        ([Response("no", 404)], NothingFoundError, 1),
        ([Response("no", 414)], InputError, 1),
        ([Response("no", 418)], UnavailableError, 1),
        (
            [Response(status_code=500, headers={"cause-message": "413: Request Entity Too Large"})],
            InputError,
            1,
        ),
        ([JSONResponse({"feed": {"error": {"message": "undefined field"}}})], InputError, 1),
        ([JSONResponse({"feed": {}})], UnavailableError, 1),
    ],
)
def test_each_failure_has_its_error_and_only_passing_ones_are_tried_again(
    source, hub, faults, error, times
):
    """Storms are outlived within the patience; refusals are asked once; maintenance is said."""
    hub.faults = list(faults)
    if error is None:
        assert len(_search(source)) == 1
    else:
        with pytest.raises(error):
            _search(source)
    assert len(hub.asked) == times


def test_a_wrong_password_is_an_access_error_that_does_not_show_it(url, tmp_path, caplog):
    """Neither the message nor the log holds user or password."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AccessError, match="DHUS_USERNAME and DHUS_PASSWORD") as refused:
        _search(_source(url, tmp_path, password="wr0ng-one"))
    assert "wr0ng-one" not in f"{refused.value}{caplog.text}"


def test_without_an_account_it_is_said_how_to_get_one(url, tmp_path):
    """Nothing is asked before there are credentials."""
    settings = Settings(cache=tmp_path, netrc=tmp_path / "none")
    with pytest.raises(AccessError, match=r"register with the hub at 127\.0\.0\.1"):
        _search(DhusSource(url=url, transport=Transport(settings)))


def test_several_hubs_have_their_accounts_in_netrc(url, tmp_path):
    """The account is looked up under the host of the hub."""
    netrc = tmp_path / "netrc"
    netrc.write_text(
        f"machine other.example.org login bob password nope\n"
        f"machine 127.0.0.1 login {USER} password {PASSWORD}\n"
    )
    netrc.chmod(0o600)
    source = DhusSource(
        url=url, transport=Transport(Settings(cache=tmp_path, netrc=netrc), retry=FAST)
    )
    assert len(_search(source)) == 1
    assert access("https://other.example.org/dhus").host == "other.example.org"


def test_a_hub_that_hangs_is_given_up(tmp_path, monkeypatch):
    """sentinelsat itself waits for ever: the patience is ours."""
    monkeypatch.setattr(_hub, "READ_S", 0.2)
    given_up = threading.Event()

    def hang(_):
        given_up.wait(60)
        return PlainTextResponse("")

    with app_server(Starlette(routes=[Route("/{p:path}", hang)])) as address:
        source = _source(address, tmp_path, retry=Retry(attempts=1))
        with pytest.raises(UnavailableError, match="could not be reached"):
            _search(source)
        given_up.set()


def test_an_answer_without_end_is_cut_off(source, monkeypatch):
    """More than the cap is an integrity error."""
    monkeypatch.setattr(_hub, "MAX_ANSWER", 500)
    with pytest.raises(IntegrityError, match="more than 500 bytes"):
        _search(source)


def test_redirects_do_not_lead_to_private_places_and_take_no_password_along(tmp_path):
    """Another name of this machine is another host: it is not connected to."""
    seen = []

    async def there(request):
        seen.append(request.headers.get("authorization"))
        return JSONResponse({"feed": {"opensearch:totalResults": "0"}})

    with app_server(Starlette(routes=[Route("/there", there)])) as elsewhere:
        other = elsewhere.replace("127.0.0.1", "localhost")
        app = Starlette(routes=[Route("/{p:path}", lambda _: RedirectResponse(f"{other}/there"))])
        with app_server(app) as address:
            with pytest.raises(AccessError, match="private address"):
                _search(_source(address, tmp_path))
            trusting = DhusSource(
                url=address,
                transport=Transport(
                    Settings(
                        cache=tmp_path,
                        netrc=tmp_path / "none",
                        allow_hosts=frozenset({"localhost"}),
                        secrets={"DHUS_USERNAME": USER, "DHUS_PASSWORD": PASSWORD},
                    )
                ),
            )
            assert _search(trusting) == []
    assert seen == [None]


def test_offline_a_search_is_answered_as_before_with_no_socket(url, tmp_path, monkeypatch):
    """The same question has the same answer; another one says that it was never asked."""
    before = _search(_source(url, tmp_path))
    monkeypatch.setattr("socket.socket", None)
    offline = _source(url, tmp_path, offline=True)
    assert _search(offline) == before
    assert before
    with pytest.raises(UnavailableError, match="run the same command once with a network"):
        offline.search(Area.from_bbox(0, 0, 1, 1), WINDOW, ["vv"])
    with pytest.raises(UnavailableError, match="offline"):
        offline.fetch(before)


# fetching


def test_a_product_is_fetched_once_whole_and_under_its_own_name(source, hub):
    """The bytes are the hub's, the name is not; the second time nothing is asked."""
    found = _search(source)
    steps = []
    (path,) = source.fetch(found, lambda done, total: steps.append((done, total)))
    assert path.read_bytes() == _product().content
    assert path.name == f"{_product().name}.zip"
    assert steps[-1][0] == len(_product().content)
    asked = len(hub.asked)
    assert source.keep(found, ["vv"], lambda *_: None) == [path]
    assert len(hub.asked) == asked
    assert not list(path.parents[3].rglob("*evil*"))


def test_a_download_that_breaks_off_goes_on_where_it_stopped(source, hub):
    """What arrived before the line was cut is not sent a second time."""
    content = _product().content
    hub.cut = len(content) // 2
    (path,) = source.fetch(_search(source))
    assert path.read_bytes() == content
    assert hub.sent == len(content)


@pytest.mark.parametrize(
    "lies",
    [
        {"ContentLength": "7"},
        {"ContentLength": str(10**9)},
        {"Checksum": {"Algorithm": "MD5", "Value": "0" * 32}},
        {"Checksum": {"Algorithm": "SHA3-256", "Value": "0" * 64}},
    ],
)
def test_an_archive_of_another_size_or_checksum_is_refused(source, hub, lies):
    """What was promised and what arrived differ: an error, and no file by that name."""
    hub.products[_product().uuid].lies = lies
    found = _search(source)
    with pytest.raises(SourceError, match=r"promised|checksum"):
        source.fetch(found)
    assert not list(source.transport.settings.cache.rglob("*.zip"))


def test_the_other_checksum_of_newer_hubs_is_verified(source, hub):
    """SHA3-256 agrees: the file is there."""
    digest = hashlib.sha3_256(_product().content).hexdigest()
    hub.products[_product().uuid].lies = {"Checksum": {"Algorithm": "SHA3-256", "Value": digest}}
    (path,) = source.fetch(_search(source))
    assert path.exists()


@pytest.mark.parametrize(
    "lies",
    [
        {"ContentLength": "many"},
        {"ContentLength": None},
        {"Checksum": None},
        {"ContentGeometry": "<a>"},
        {"Name": None},
        {"Name": "another product"},
        {"Online": "perhaps"},
        {"CreationDate": "/Date(99999999999999999)/"},
    ],
)
def test_a_record_that_makes_no_sense_is_an_integrity_error(source, hub, lies):
    """Nothing is fetched on the word of a broken record."""
    hub.products[_product().uuid].lies = lies
    found = _search(source)
    with pytest.raises(IntegrityError):
        source.fetch(found)
    assert hub.sent == 0


def test_a_product_withdrawn_since_the_search_is_not_found(source, hub):
    """404 with the hub's cause says to search again."""
    found = _search(source)
    hub.products.clear()
    with pytest.raises(NothingFoundError, match="search again"):
        source.fetch(found)


def test_an_archived_product_is_ordered_once_and_fetched_when_it_is_there(source, hub):
    """202: it is said that it is being retrieved; the rest is fetched; later the order is there."""
    archived, online = _product(1, online=False, triggers_to_online=2), _product(2)
    hub.products = {p.uuid: p for p in (archived, online)}
    found = _search(source)
    for _ in range(2):
        with pytest.raises(UnavailableError, match=r"1 of 2 .*is being retrieved"):
            source.fetch(found)
    assert hub.sent == len(online.content)
    paths = source.fetch(found)
    assert [p.stem for p in paths] == [archived.name, online.name]
    assert hub.sent == len(online.content) + len(archived.content)


def test_an_exceeded_quota_is_said_without_the_users_name(source, hub, caplog):
    """The hub names the user in its answer; sentinelsat logs it; neither reaches anyone."""
    caplog.set_level(logging.DEBUG)
    hub.quota = 0
    hub.products[_product().uuid].online = False
    found = _search(source)
    with pytest.raises(UnavailableError, match="quota exceeded") as refused:
        source.fetch(found)
    assert f"User '{USER}'" not in f"{refused.value}{caplog.text}"
    assert "quota exceeded" in caplog.text


def test_too_many_downloads_at_a_time_are_waited_for(source, hub):
    """403 because of concurrent flows is no lack of rights: it is tried again."""
    hub.busy = 2
    (path,) = source.fetch(_search(source))
    assert path.read_bytes() == _product().content
    hub.products = {_product(1).uuid: _product(1)}
    hub.busy = 10**6
    with pytest.raises(UnavailableError, match="no more downloads at the same time"):
        source.fetch(_search(source))


# reading


def test_a_cube_is_made_of_what_was_fetched(source, hub):
    """From a search to backscatter: the archive is fetched once and unpacked once."""
    radar = Radar()
    folder = source.transport.settings.cache / "made"
    folder.mkdir()
    content = zipped(radar.write(folder)).read_bytes()
    place = radar.grid().extent.to_crs("EPSG:4326").geom
    product = _product(name=radar.name, start=START, footprint=place.wkt, content=content)
    hub.products = {product.uuid: product}
    window = Window(start=START - dt.timedelta(days=1), end=START + dt.timedelta(days=1))
    found = source.search(Area.from_geometry(place), window, ["vh"])
    for _ in range(2):
        vh = source.load(found, radar.grid(), ["vh"])["vh"]
        assert vh.chunks is not None
        seen = vh.to_numpy()[np.isfinite(vh.to_numpy())]
        np.testing.assert_allclose(seen, (100**2 - 1600) / 400**2, rtol=1e-6)
    assert hub.sent == len(content)


# the recorded hub


@pytest.fixture(scope="module")
def recorded(shared_data):
    folder = shared_data / "responses" / "sentinelsat_cassettes" / "tests" / "fixtures"
    return folder / "vcr_cassettes"


def _ordered(text):
    parts = (part.split() for part in text.split(","))
    return ",".join(("-" if way == "desc" else "+") + name for name, way in parts)


def _search_call(query):
    if query["rows"] == "0":
        return lambda api: api.count(raw=query["q"])
    order = query.get("orderby")
    return lambda api: api.query(
        raw=query["q"],
        limit=int(query["rows"]),
        offset=int(query["start"]),
        order_by=order and _ordered(order),
    )


def _product_call(uuid, sort, player, folder):
    def resumed(api):
        name = next(iter(api.check_files(ids=[uuid], directory=folder))).rpartition("/")[2]
        (folder / f"{name}.incomplete").write_bytes((player.data / name).read_bytes()[:25])
        return api.download(uuid, folder)

    kml = make_path_filter("*preview/*.kml")
    return {
        "record": lambda api: api.get_product_odata(uuid),
        "full record": lambda api: api.get_product_odata(uuid, full=True),
        "online": lambda api: api.is_online(uuid),
        "quicklook": lambda api: api.download_quicklook(uuid, folder),
        "file name": lambda api: api.check_files(ids=[uuid], directory=folder),
        "nodes": lambda api: api.download(uuid, folder, nodefilter=kml),
        "order": lambda api: api.trigger_offline_retrieval(uuid),
        "resumed": resumed,
        "whole": lambda api: api.download(uuid, folder),
    }[sort]


def _sort(request, rest, query, status):
    """Say what a recorded request about a product is for."""
    span = "".join(request["headers"].get("Range", ""))
    order = span == "bytes=0-1" or status == 202
    sorts = {
        "": "full record" if "$expand" in query else "record",
        "/Online/$value": "online",
        "/Products('Quicklook')/$value": "quicklook",
        "/Attributes('Filename')/Value/$value": "file name",
        "/$value": "order" if order else "resumed" if span else "whole",
    }
    return "file name" if request["method"] == "HEAD" else sorts.get(rest, "nodes")


def _call(exchange, player, folder):
    """Return the call of sentinelsat that makes a recorded request."""
    request = exchange["request"]
    parts = urlsplit(request["uri"])
    query = dict(parse_qsl(parts.query, encoding="latin-1"))
    path = unquote(parts.path)
    if path.endswith("/search"):
        return _search_call(query)
    if "stub" in path:
        return lambda api: api.dhus_version
    uuid, rest = re.fullmatch(r".*?Products\('(.*?)'\)(.*)", path).groups()
    sort = _sort(request, rest, query, exchange["response"]["status"]["code"])
    return _product_call(uuid, sort, player, folder)


@pytest.mark.realdata
def test_sentinelsat_replays_the_recorded_exchanges_through_our_adapter(recorded, tmp_path):
    """376 of 380 recorded exchanges: each answer becomes data or one of our errors.

    Of the other four three belong to a geocoder, and one is a file of a product whose recorded
    manifest is broken.
    """
    player = Replayer(recorded)
    assert len(player.exchanges) == 380
    outcome = collections.Counter()
    secrets = {"DHUS_USERNAME": USER, "DHUS_PASSWORD": PASSWORD}
    with app_server(player.app) as url:
        wire = Transport(Settings(cache=tmp_path, secrets=secrets), retry=Retry(attempts=1)).at(url)
        for number, (_, exchange) in enumerate(player.exchanges):
            parts = urlsplit(exchange["request"]["uri"])
            if not parts.hostname.endswith("hub.copernicus.eu"):
                continue
            folder = tmp_path / str(number)
            folder.mkdir()
            root = f"{url}/{parts.path.split('/')[1]}/"
            hub = _hub.Hub(root, wire, access(url))
            status = exchange["response"]["status"]["code"]
            try:
                hub.asked(_call(exchange, player, folder))
                outcome[status, "data"] += 1
            except ReliefscopeError as error:
                outcome[status, type(error).__name__] += 1
    assert player.missed == []
    assert len(player.served) == 376
    assert outcome[200, "data"] >= 340
    assert outcome[200, "InputError"] == 10  # syntax errors come with status 200
    assert (outcome[202, "data"], outcome[206, "data"]) == (1, 5)
    assert outcome[401, "AccessError"] == 4
    assert outcome[404, "NothingFoundError"] == 5
    assert outcome[500, "InputError"] == 1  # a question that is too long


@pytest.mark.realdata
def test_recorded_products_become_granules(recorded, tmp_path):
    """Of every recorded list, exactly the products whose names we read become granules."""
    player = Replayer(recorded)
    secrets = {"DHUS_USERNAME": USER, "DHUS_PASSWORD": PASSWORD}
    listed = {}
    with app_server(player.app) as url:
        source = DhusSource(
            url=f"{url}/apihub", transport=Transport(Settings(cache=tmp_path, secrets=secrets))
        )
        for _, exchange in player.exchanges:
            parts = urlsplit(exchange["request"]["uri"])
            if parts.path != "/apihub/search" or "rows=0" in parts.query:
                continue
            try:
                listed |= source._hub.asked(_call(exchange, player, tmp_path))
            except (InputError, AccessError):
                continue  # recorded refusals
        granules = [g for uuid, p in listed.items() if (g := source._granule(uuid, p))]
    assert len(listed) == 946
    ours = {p["identifier"] for p in listed.values() if parse_name(p["identifier"])}
    assert {g.id for g in granules} == ours
    assert len(granules) == 115
    assert all(g.relative_orbit and g.orbit_state and g.footprint.is_valid for g in granules)
