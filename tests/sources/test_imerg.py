import datetime as dt
import hashlib
import json
import logging

import dask
import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.cube import require
from reliefscope.model.event import Window
from reliefscope.model.granule import group_passes
from reliefscope.model.grid import grid_for
from reliefscope.settings import Settings
from reliefscope.sources import imerg as module
from reliefscope.sources._base import Keeps, Source
from reliefscope.sources._fields import Step, step_end
from reliefscope.sources.imerg import ACCESS, ImergSource
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server
from tests.sources.field_files import imerg, smooth, utc
from tests.stage import Stage

FAST = Retry(attempts=3, first_s=0.01, deadline_s=5)
RAIN = ["precipitation"]
AREA = Area.from_bbox(5, 5, 15, 15)
GRID = GeoBox.from_bbox((5, 5, 15, 15), "EPSG:4326", shape=(10, 10))
TOKEN = "eyJ0eXAi.not-a-real-token"
DAYS = Window(start=utc(2023, 9, 1), end=utc(2023, 9, 4))

_PREFIX = {
    "GPM_3IMERGHHE": "3B-HHR-E",
    "GPM_3IMERGHHL": "3B-HHR-L",
    "GPM_3IMERGHH": "3B-HHR",
    "GPM_3IMERGDL": "3B-DAY-L",
    "GPM_3IMERGDF": "3B-DAY",
    "GPM_3IMERGM": "3B-MO",
}
_SUFFIX = {Step.HALF_HOUR: "HDF5", Step.DAY: "nc4", Step.MONTH: "HDF5"}


class Earthdata:
    """The Common Metadata Repository, and an archive that wants a token."""

    def __init__(self, stage, product="GPM_3IMERGDF", step=Step.DAY):
        self.stage, self.product, self.step = stage, product, step
        self.records, self.files = [], {}
        self.asked, self.faults, self.seen = [], {}, []
        self.app = Starlette(
            routes=[
                Route("/search/granules.umm_json", self.search),
                Route("/data/{name}", self.data),
                Route("/store/{name}", self.store),
            ]
        )

    def put(self, start, content, *, build="V07B", lie=None, size=True, checksum=True):
        end = step_end(start, self.step) - dt.timedelta(seconds=1)
        stamp = f"{start:%Y%m%d}-S{start:%H%M%S}-E{end:%H%M%S}"
        prefix, suffix = _PREFIX[self.product], _SUFFIX[self.step]
        name = f"{prefix}.MS.MRG.3IMERG.{stamp}.{build}.{suffix}"
        self.files[name] = content
        file = {"Name": name, "SizeUnit": "MB", "Size": 1.5}
        if size:
            file["SizeInBytes"] = len(content)
        if checksum:
            file["Checksum"] = {"Value": hashlib.md5(content).hexdigest(), "Algorithm": "MD5"}  # noqa: S324 - as the archive states
        umm = {
            "GranuleUR": f"{self.product}.07:{name}",
            "TemporalExtent": {
                "RangeDateTime": {
                    "BeginningDateTime": f"{start:%Y-%m-%dT%H:%M:%S}.000Z",
                    "EndingDateTime": f"{end:%Y-%m-%dT%H:%M:%S}.999Z",
                }
            },
            "DataGranule": {"ArchiveAndDistributionInformation": [file]},
            "RelatedUrls": [
                {"URL": "s3://gesdisc-cumulus-prod-protected/x", "Type": "GET DATA"},
                {"URL": f"{self.stage.url}/data/{name}", "Type": "GET DATA"},
                {"URL": "https://example.org/opendap", "Type": "USE SERVICE API"},
            ],
        }
        self.records.append({"meta": {"concept-id": "G1"}, "umm": {**umm, **(lie or {})}})
        return name

    async def search(self, request):
        query = dict(request.query_params)
        self.asked.append(query)
        if "search" in self.faults:
            return self.faults["search"]()
        if query["short_name"] != self.product or query["version"] != "07":
            return JSONResponse({"hits": 0, "took": 5, "items": []})
        size, page = int(query["page_size"]), int(query["page_num"])
        items = self.records[size * (page - 1) : size * page]
        return JSONResponse({"hits": len(self.records), "took": 5, "items": items})

    async def data(self, request):
        name = request.path_params["name"]
        if name in self.faults:
            return self.faults[name]()
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response("HTTP Basic: Access denied.", 401)
        if name not in self.files:
            return Response("", 404)
        host = self.stage.url.replace("127.0.0.1", "localhost")
        return RedirectResponse(f"{host}/store/{name}?A-userid=me", 303)

    async def store(self, request):
        self.seen.append(request.headers.get("authorization"))
        return Response(self.files[request.path_params["name"]])


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    with app_server(stage) as stage.url:
        yield stage


@pytest.fixture
def earthdata(stage):
    earthdata = Earthdata(stage)
    stage.app = earthdata.app
    return earthdata


@pytest.fixture
def source_of(stage, tmp_path):
    def made(*, offline=False, token=TOKEN, **options):
        settings = Settings(
            cache=tmp_path / "cache",
            offline=offline,
            netrc=tmp_path / "none",
            allow_hosts=frozenset({"localhost"}),
            secrets={"EARTHDATA_TOKEN": token} if token else {},
        )
        transport = Transport(settings, retry=FAST)
        return ImergSource(url=f"{stage.url}/search", transport=transport, **options)

    return made


@pytest.fixture(scope="session")
def daily(tmp_path_factory):
    """A day with 24 mm/day in the east and nothing seen in the west."""
    path = tmp_path_factory.mktemp("imerg") / "day.nc4"

    def rate(lon, lat):
        return np.where(lon > 0, 24.0, np.nan) + 0 * lat

    return imerg(path, rate, units="mm/day", group="").read_bytes()


def _content(tmp_path, **options):
    return imerg(tmp_path / "made.h5", smooth, **options).read_bytes()


# finding


def test_days_are_found_with_their_size_and_checksum(source_of, earthdata, daily, caplog):
    """Three days, oldest first, though the answer is not in order; how far they reach is said."""
    for day in (3, 1, 2):
        earthdata.put(utc(2023, 9, day), daily)
    with caplog.at_level(logging.WARNING):
        found = source_of().search(AREA, DAYS, RAIN)
    assert not caplog.records
    assert [g.acquired for g in found] == [utc(2023, 9, d) for d in (1, 2, 3)]
    asset = found[0].assets["precipitation"]
    assert asset.href.startswith("http")
    assert asset.size == len(daily)
    assert asset.checksum == f"md5:{hashlib.md5(daily).hexdigest()}"  # noqa: S324 - as stated
    assert found[0].properties["step"] == "day"
    (asked,) = earthdata.asked
    assert asked["temporal[]"] == "2023-09-01T00:00:00Z,2023-09-04T00:00:00Z"
    later = Window(start=utc(2023, 9, 1), end=utc(2023, 9, 9))
    assert len(source_of().search(AREA, later, RAIN)) == 3
    assert "3 of 8 days are out, the latest of 2023-09-03T00:00Z" in caplog.text


@pytest.mark.parametrize(
    ("step", "run", "product"),
    [
        (Step.HALF_HOUR, "early", "GPM_3IMERGHHE"),
        (Step.HALF_HOUR, "late", "GPM_3IMERGHHL"),
        (Step.HALF_HOUR, "final", "GPM_3IMERGHH"),
        (Step.DAY, "late", "GPM_3IMERGDL"),
        (Step.MONTH, "final", "GPM_3IMERGM"),
    ],
)
def test_each_run_has_its_product(source_of, earthdata, step, run, product):
    """Steps follow each other and are not one pass."""
    earthdata.product, earthdata.step = product, step
    starts = [utc(2023, 9, 1)]
    while len(starts) < 4:
        starts.append(step_end(starts[-1], step))
    for start in starts:
        earthdata.put(start, b"")
    window = Window(start=starts[0], end=step_end(starts[-1], step))
    found = source_of(step=step, run=run).search(AREA, window, RAIN)
    assert [g.acquired for g in found] == starts
    assert len(group_passes(found)) == 4


def test_of_two_builds_the_later_counts(source_of, earthdata):
    """V07B replaced V07A; both may still be listed."""
    for build in ("V07A", "V07B", "V07A"):
        earthdata.put(utc(2023, 9, 1), b"", build=build)
    (found,) = source_of().search(AREA, DAYS, RAIN)
    assert "V07B" in found.id


def test_what_overlaps_the_window_does_not_begin_in_it(source_of, earthdata):
    """The repository also returns the day before."""
    earthdata.put(utc(2023, 8, 31), b"")
    earthdata.put(utc(2023, 9, 4), b"")
    assert source_of().search(AREA, DAYS, RAIN) == []


def test_pages_are_followed_to_the_end(source_of, earthdata, monkeypatch):
    """Five days in pages of two."""
    monkeypatch.setattr(module, "PAGE", 2)
    for day in range(1, 6):
        earthdata.put(utc(2023, 9, day), b"")
    window = Window(start=utc(2023, 9, 1), end=utc(2023, 9, 6))
    assert len(source_of().search(AREA, window, RAIN)) == 5
    assert [q["page_num"] for q in earthdata.asked] == ["1", "2", "3"]


def test_pages_without_end_are_an_error(source_of, earthdata, monkeypatch):
    """A server that always answers with a full page."""
    monkeypatch.setattr(module, "PAGE", 1)
    monkeypatch.setattr(module, "MAX_STEPS", 5)
    earthdata.put(utc(2023, 9, 1), b"")
    full = {"hits": 1, "items": earthdata.records}
    earthdata.faults["search"] = lambda: JSONResponse(full)
    with pytest.raises(IntegrityError, match="without end"):
        source_of().search(AREA, DAYS, RAIN)


def test_nothing_asked_nothing_found(source_of, earthdata):
    """Static layers, other variables and windows between two steps need no request."""
    source = source_of(step=Step.MONTH)
    assert source.search(AREA, None, RAIN) == []
    assert source.search(AREA, DAYS, ["vv"]) == []
    between = Window(start=utc(2023, 9, 2), end=utc(2023, 9, 9))
    assert source.search(AREA, between, RAIN) == []
    assert earthdata.asked == []


LIES = {
    "no time": {"TemporalExtent": {}},
    "bad time": {"TemporalExtent": {"RangeDateTime": {"BeginningDateTime": "yesterday"}}},
    "not a day": {
        "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": "2023-09-01T07:00:00Z"}}
    },
    "no file": {"RelatedUrls": []},
    "file elsewhere": {"RelatedUrls": [{"URL": "file:///etc/passwd", "Type": "GET DATA"}]},
    "no name": {"GranuleUR": None},
    "a list": {"DataGranule": []},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_malformed_record_is_skipped(source_of, earthdata, caplog, lie):
    """The others are found, and the log says so."""
    earthdata.put(utc(2023, 9, 1), b"", lie=LIES[lie])
    earthdata.put(utc(2023, 9, 2), b"")
    found = source_of().search(AREA, DAYS, RAIN)
    assert [g.acquired for g in found] == [utc(2023, 9, 2)]
    assert "skipped" in caplog.text


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda: HTMLResponse("<html>maintenance</html>"), IntegrityError),
        (lambda: JSONResponse(["a"]), IntegrityError),
        (lambda: JSONResponse({"items": "many"}), IntegrityError),
        (lambda: Response("", 500), UnavailableError),
        (lambda: Response("", 429), UnavailableError),
        (lambda: JSONResponse({"errors": ["no such parameter"]}, 400), InputError),
    ],
)
def test_a_repository_that_fails_is_not_an_empty_one(source_of, earthdata, answer, kind):
    """A typed error, never "no granules"."""
    earthdata.faults["search"] = answer
    with pytest.raises(kind):
        source_of().search(AREA, DAYS, RAIN)


# reading


def test_days_in_mm_per_day_are_totals(source_of, earthdata, daily):
    """24 mm/day is 24 mm; where nothing was seen nothing is observed."""
    earthdata.put(utc(2023, 9, 1), daily)
    source = source_of()
    wide = GeoBox.from_bbox((-10, 5, 10, 15), "EPSG:4326", shape=(10, 20))
    cube = source.load(source.search(AREA, DAYS, RAIN), wide, RAIN)
    require(cube, "precipitation")
    rain = cube["precipitation"].compute()
    assert rain.dims == ("time", "y", "x")
    assert np.isnan(rain.sel(x=slice(-10, 0))).all()
    assert (rain.sel(x=slice(0, 10)) == 24.0).all()
    assert rain.attrs["statistic"] == "total over step"


@pytest.mark.parametrize(
    ("step", "run", "start", "units", "total"),
    [
        (Step.HALF_HOUR, "late", utc(2023, 9, 1, 0, 30), "mm/hr", 0.5),
        (Step.MONTH, "final", utc(2023, 9, 1), "mm/hr", 720.0),
        (Step.MONTH, "final", utc(2024, 2, 1), "mm/hr", 696.0),
        (Step.DAY, "final", utc(2023, 9, 1), "mm/day", 1.0),
        (Step.DAY, "final", utc(2023, 9, 1), "mm", 1.0),
    ],
)
def test_a_rate_becomes_the_total_of_its_step(
    source_of, earthdata, tmp_path, step, run, start, units, total
):
    """1 mm/hr is 0.5 mm in half an hour, 720 mm in September, 696 mm in a leap February."""
    earthdata.product, earthdata.step = module._PRODUCTS[step, run], step
    path = imerg(tmp_path / "one.h5", lambda lon, lat: 1.0 + 0 * lon * lat, units=units)
    earthdata.put(start, path.read_bytes())
    source = source_of(step=step, run=run)
    found = source.search(AREA, Window(start=start, end=step_end(start, step)), RAIN)
    cube = source.load(found, GRID, RAIN)
    np.testing.assert_allclose(cube["precipitation"], total, rtol=1e-6)
    assert cube["time"].values[0] == np.datetime64(start.replace(tzinfo=None))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"group": ""},
        {"name": "precipitationCal", "units": "mm"},
        {"fill": None},
    ],
    ids=["group", "top", "version 6", "fill value not declared"],
)
def test_rows_and_columns_are_not_mixed_up(source_of, earthdata, tmp_path, options):
    """Stored as (time, lon, lat) from the south; a known function of place comes out."""

    def rate(lon, lat):
        return np.where(lat > 12, np.nan, smooth(lon, lat))

    path = imerg(tmp_path / "one.h5", rate, **{"units": "mm/day", **options})
    earthdata.put(utc(2023, 9, 1), path.read_bytes())
    source = source_of()
    cube = source.load(source.search(AREA, DAYS, RAIN), GRID, RAIN)
    lon, lat = np.arange(5.5, 15), np.arange(14.5, 5, -1)
    wanted = np.where(lat[:, None] > 12, np.nan, smooth(lon[None], lat[:, None]))
    np.testing.assert_allclose(cube["precipitation"][0], wanted, rtol=1e-5)


@pytest.mark.parametrize("bbox", [(178, -20, -178, -10), (-180, 50, -176, 55)])
def test_an_area_across_180_is_whole(source_of, earthdata, tmp_path, bbox):
    """No seam and no hole, in the projection of the area."""
    earthdata.put(utc(2023, 9, 1), _content(tmp_path, units="mm/day"))
    area = Area.from_bbox(*bbox)
    source = source_of()
    grid = grid_for(area, 10_000)
    cube = source.load(source.search(area, DAYS, RAIN), grid, RAIN)
    rain = cube["precipitation"].compute()
    assert np.isfinite(rain).all()
    assert float(np.abs(rain.diff("x")).max()) < 1.0


def test_nothing_is_computed_and_nothing_fetched_too_early(source_of, earthdata, daily):
    """The search reads no file; the load fetches them, and reads no pixel."""
    earthdata.put(utc(2023, 9, 1), daily)
    source = source_of()
    found = source.search(AREA, DAYS, RAIN)
    assert earthdata.seen == []

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        cube = source.load(found, GRID, RAIN)
    assert dask.is_dask_collection(cube["precipitation"].data)
    assert len(earthdata.seen) == 1


def test_the_token_goes_to_the_archive_and_no_further(source_of, earthdata, daily, caplog):
    """Not to the store the archive redirects to, not into messages, logs or representations."""
    earthdata.put(utc(2023, 9, 1), daily)
    earthdata.put(utc(2023, 9, 2), daily)
    source = source_of()
    found = source.search(AREA, DAYS, RAIN)
    with caplog.at_level(logging.DEBUG):
        source.load(found[:1], GRID, RAIN)
    assert earthdata.seen == [None]
    assert TOKEN not in caplog.text + repr(source) + repr(found)
    earthdata.faults[found[1].id] = lambda: Response(f"denied to {TOKEN}", 403)
    with pytest.raises(AccessError) as refused:
        source.load(found, GRID, RAIN)
    assert TOKEN not in str(refused.value)


def test_kept_files_are_read_with_no_network_and_no_token(source_of, earthdata, daily):
    """After `keep`, search and load work offline."""
    earthdata.put(utc(2023, 9, 1), daily)
    source = source_of()
    assert len(source.keep(source.search(AREA, DAYS, RAIN), RAIN, lambda *_: None)) == 1
    earthdata.app.router.routes.clear()
    away = source_of(offline=True, token="")
    cube = away.load(away.search(AREA, DAYS, RAIN), GRID, RAIN)
    assert float(cube["precipitation"].max()) == 24.0


def test_without_a_token_the_way_to_one_is_said(source_of, earthdata, daily):
    """And where to put it."""
    earthdata.put(utc(2023, 9, 1), daily)
    source = source_of(token="")
    found = source.search(AREA, DAYS, RAIN)
    with pytest.raises(AccessError, match=r"EARTHDATA_TOKEN.*urs\.earthdata\.nasa\.gov"):
        source.load(found, GRID, RAIN)


def _page():
    return HTMLResponse("<!DOCTYPE html><html><body>Earthdata Login</body></html>")


FAULTS = {
    "gone": (lambda: Response("", 404), NothingFoundError),
    "refused": (lambda: Response("", 403), AccessError),
    "too many": (lambda: Response("", 429), UnavailableError),
    "broken": (lambda: Response("", 500), UnavailableError),
    "login page": (_page, UnavailableError),
    "page as binary": (
        lambda: Response(_page().body, media_type="application/x-hdf5"),
        IntegrityError,
    ),
    "empty": (lambda: Response(b""), IntegrityError),
}
SHORT = {"page as binary", "empty"}
"""Fewer bytes than were promised: the connection may have broken off, so they are asked again."""


@pytest.mark.parametrize("promised", [True, False], ids=["size known", "size unknown"])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_bad_file_of_three_is_named(source_of, earthdata, daily, fault, promised):
    """A typed error that names the day; once the archive is well, the same load works."""
    names = [
        earthdata.put(utc(2023, 9, d), daily, size=promised, checksum=promised) for d in (1, 2, 3)
    ]
    answer, kind = FAULTS[fault]
    earthdata.faults[names[1]] = answer
    source = source_of()
    found = source.search(AREA, DAYS, RAIN)
    kind = UnavailableError if promised and fault in SHORT else kind
    with pytest.raises(kind, match="20230902"):
        source.load(found, GRID, RAIN)
    earthdata.faults.clear()
    assert (source.load(found, GRID, RAIN)["precipitation"] == 24.0).all()


def test_a_refusal_says_what_to_approve(source_of, earthdata, daily):
    """New accounts must approve the archive once."""
    name = earthdata.put(utc(2023, 9, 1), daily)
    earthdata.faults[name] = lambda: Response("", 403)
    source = source_of()
    found = source.search(AREA, DAYS, RAIN)
    with pytest.raises(AccessError, match="NASA GESDISC DATA ARCHIVE"):
        source.load(found, GRID, RAIN)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"units": "inch/day"}, "is in 'inch/day'"),
        ({"name": "temperature"}, "holds none of"),
    ],
)
def test_a_file_that_says_something_else_is_named(source_of, earthdata, tmp_path, options, says):
    """Units are never guessed."""
    earthdata.put(utc(2023, 9, 1), _content(tmp_path, **options))
    source = source_of()
    cube = source.load(source.search(AREA, DAYS, RAIN), GRID, RAIN)
    with pytest.raises(IntegrityError, match=f"20230901.*{says}"):
        cube.compute()


def test_what_there_is_not_is_refused_at_once():
    """Months have no early run."""
    with pytest.raises(InputError, match="there is no IMERG early month"):
        ImergSource(step=Step.MONTH, run="early")
    with pytest.raises(NothingFoundError, match="0 granules"):
        ImergSource().load([], GRID, RAIN)


def test_it_is_a_source_that_keeps_and_an_option_of_event_files(source_of):
    """The protocols, what it provides, its fields as pydantic reads them; netrc has no token."""
    source = source_of()
    assert isinstance(source, Source)
    assert isinstance(source, Keeps)
    assert source.provides == {"precipitation"}
    read = TypeAdapter(ImergSource).validate_python({"step": "half-hour", "run": "late"})
    assert read.step is Step.HALF_HOUR
    assert ACCESS.host == ""


# recorded answers and real files


@pytest.mark.realdata
def test_recorded_answers_of_the_repository_are_understood(shared_data):
    """Every granule that the real repository has listed is read, though none is of IMERG."""
    folder = shared_data / "responses" / "extracted_responses" / "cmr.earthdata.nasa.gov"
    answers = [json.loads(p.read_text()) for p in sorted(folder.glob("GET_search_granules*"))]
    pages = [module._Page.model_validate(answer) for answer in answers]
    records = [module._Record.model_validate(item).umm for page in pages for item in page.items]
    assert len(answers) == 5
    assert len(records) == 164
    assert all(any(map(module._is_data, record.RelatedUrls)) for record in records)
    assert all(record.DataGranule.files for record in records)


@pytest.mark.realdata
def test_real_months_over_java(shared_data):
    """A file of 247 real months, cut out of IMERG by its provider: rows run from the south."""
    path = shared_data / "drought/chirps_java/Data/Input_nc/java_cli_imerg_1months_2000_2020.nc"
    block = GeoBox.from_bbox((106, -8, 112, -6), "EPSG:4326", shape=(20, 60))
    rain = module._Rain(path=path, hours=720.0)(block, slice(0, 1))
    assert rain.shape == (1, 20, 60)
    assert np.isfinite(rain).all()
    assert 1 < rain.mean() < 500
