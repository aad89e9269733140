import gzip
import itertools
import re

import dask
import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from reliefscope.errors import (
    AccessError,
    CubeError,
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
from reliefscope.sources._base import Keeps, Source
from reliefscope.sources._chirps_files import check_packed
from reliefscope.sources._fields import Step
from reliefscope.sources.chirps import ACCESS, ChirpsSource
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server, file_server
from tests.sources.field_files import packed, rain_tiff, tiff, utc
from tests.stage import Stage

FAST = Retry(attempts=3, first_s=0.01, deadline_s=5)
RAIN = ["precipitation"]
EAST = Area.from_bbox(10, -20, 40, 20)
GRID = GeoBox.from_bbox((-20, -20, 40, 20), "EPSG:4326", shape=(8, 12))
YEAR = Window(start=utc(2023, 1), end=utc(2024, 1))
COGS = "CHIRPS-2.0/global_monthly/cogs"
TIFS = "CHIRPS-2.0/global_monthly/tifs"
PRELIM = "CHIRPS-2.0/prelim/global_monthly/tifs"


_NUMBERS = itertools.count()


class Center:
    """The server of the Climate Hazards Center: files in folders that it lists, or not."""

    def __init__(self):
        self.files, self.asked, self.faults = {}, [], {}
        self.ranges, self.sent = 0, 0
        # GDAL remembers what it read of an address: each test has its own
        self.root = f"/{next(_NUMBERS)}/products"
        self.app = Starlette(routes=[Route(f"{self.root}/{{path:path}}", self.answer)])

    def put(self, folder, names, content):
        self.files |= {f"{folder}/{name}": content for name in names}

    async def answer(self, request):
        path = request.path_params["path"]
        self.asked.append(path)
        fault = self.faults.get(path.rsplit("/", 1)[-1])
        if fault is not None:
            return fault()
        if path.endswith("/"):
            return self.listing(path)
        content = self.files.get(path)
        if content is None:
            return Response("Not Found", 404)
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if span is None:
            self.sent += len(content) * (request.method == "GET")
            return Response(content, headers={"accept-ranges": "bytes"})
        self.ranges += 1
        first, last = int(span[1]), min(int(span[2] or len(content)), len(content) - 1)
        self.sent += last + 1 - first
        return Response(
            content[first : last + 1],
            206,
            headers={"content-range": f"bytes {first}-{last}/{len(content)}"},
        )

    def listing(self, folder):
        names = [p.removeprefix(folder) for p in self.files if p.startswith(folder)]
        if not names:
            return Response("Not Found", 404)
        rows = "".join(
            f'<tr><td><a href="{n}">{n[:18]}..&gt;</a></td></tr>' for n in names if "/" not in n
        )
        head = '<a href="?C=N;O=D">Name</a><a href="/products/">Parent Directory</a>'
        return HTMLResponse(f"<html><h1>Index</h1><table>{head}{rows}</table></html>")


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    with app_server(stage) as stage.url:
        yield stage


@pytest.fixture
def center(stage):
    center = Center()
    stage.app = center.app
    return center


@pytest.fixture
def source_of(stage, center, tmp_path):
    def made(*, offline=False, **options):
        transport = Transport(Settings(cache=tmp_path / "cache", offline=offline), retry=FAST)
        return ChirpsSource(url=f"{stage.url}{center.root}", transport=transport, **options)

    return made


def _names(months, suffix, version="2.0"):
    return [f"chirps-v{version}.2023.{m:02d}.{suffix}" for m in months]


def _months(granules):
    return [g.acquired.month for g in granules]


# finding


def test_one_listing_tells_which_months_are_out(source_of, center):
    """Final months 1 to 9 and preliminary 10 and 11: eleven granules, three requests."""
    center.put(COGS, _names(range(1, 10), "cog"), b"")
    center.put(TIFS, _names(range(1, 10), "tif.gz"), b"")
    center.put(PRELIM, _names(range(8, 12), "tif"), b"")
    found = source_of().search(EAST, YEAR, RAIN)
    assert _months(found) == list(range(1, 12))
    assert [g.properties["stage"] for g in found] == ["final"] * 9 + ["preliminary"] * 2
    assert {g.properties["step"] for g in found} == {"month"}
    assert found[0].acquired == utc(2023, 1)
    assert found[0].assets["precipitation"].href.endswith(f"{COGS}/chirps-v2.0.2023.01.cog")
    assert center.asked == [f"{COGS}/", f"{TIFS}/", f"{PRELIM}/"]


def test_forty_years_of_days_need_one_listing_a_year(source_of, center):
    """14,610 days are found with 40 requests, and not one per day."""
    starts = [utc(1981) + (utc(1981, 1, 2) - utc(1981)) * n for n in range(14_610)]
    for start in starts:
        folder = f"CHIRPS-2.0/global_daily/cogs/p05/{start:%Y}"
        center.put(folder, [f"chirps-v2.0.{start:%Y.%m.%d}.cog"], b"")
    source = source_of(step=Step.DAY)
    found = source.search(EAST, Window(start=utc(1981), end=utc(2021)), RAIN)
    assert [g.acquired for g in found] == starts
    assert len(center.asked) == 40
    assert len(group_passes(found)) == 14_610


def test_the_latest_that_is_out_is_said(source_of, center, caplog):
    """Fewer granules are no error, and the log says how far the record reaches."""
    center.put(COGS, _names([1, 2], "cog"), b"")
    assert len(source_of().search(EAST, YEAR, RAIN)) == 2
    assert "CHIRPS 2.0: 2 of 12 months are out, the latest of 2023-02-01" in caplog.text


def test_preliminary_fields_can_be_left_out(source_of, center):
    """A record for statistics may want final fields alone."""
    center.put(COGS, _names([1], "cog"), b"")
    center.put(PRELIM, _names([2], "tif"), b"")
    found = source_of(preliminary=False).search(EAST, YEAR, RAIN)
    assert _months(found) == [1]


def test_packed_files_stand_in_where_there_are_no_better(source_of, center):
    """Months that are out as .tif.gz only."""
    center.put(COGS, _names([1], "cog"), b"")
    center.put(TIFS, _names([1, 2], "tif.gz"), b"")
    found = source_of().search(EAST, YEAR, RAIN)
    assert [g.assets["precipitation"].href[-4:] for g in found] == [".cog", "f.gz"]


@pytest.mark.parametrize(
    ("options", "paths", "starts"),
    [
        (
            {"step": Step.DEKAD},
            ["CHIRPS-2.0/global_dekad/tifs/chirps-v2.0.2023.02.3.tif.gz"],
            [utc(2023, 2, 21)],
        ),
        (
            {"step": Step.DAY},
            [
                "CHIRPS-2.0/global_daily/tifs/p05/2023/chirps-v2.0.2023.02.03.tif.gz",
                "CHIRPS-2.0/prelim/global_daily/tifs/p05/2023/chirps-v2.0.2023.02.04.tif.gz",
            ],
            [utc(2023, 2, 3), utc(2023, 2, 4)],
        ),
        (
            {"version": "3.0"},
            [
                "CHIRPS/v3.0/monthly/global/cogs/chirps-v3.0.2023.01.cog",
                "CHIRPS/v3.0/prelim/monthly/global/tifs/chirps-v3.0.2023.02.tif",
            ],
            [utc(2023, 1), utc(2023, 2)],
        ),
        (
            {"version": "3.0", "step": Step.DAY},
            [
                "CHIRPS/v3.0/daily/final/sat/2023/chirps-v3.0.sat.2023.01.31.tif",
                "CHIRPS/v3.0/daily/prelim/sat/2023/chirps-v3.0.prelim.2023.02.01.tif",
            ],
            [utc(2023, 1, 31), utc(2023, 2, 1)],
        ),
        (
            {"version": "3.0", "step": Step.DAY, "days_by": "rnl"},
            ["CHIRPS/v3.0/daily/final/rnl/2023/chirps-v3.0.rnl.2023.01.31.tif"],
            [utc(2023, 1, 31)],
        ),
        (
            {"version": "3.0", "step": Step.DEKAD},
            ["CHIRPS/v3.0/dekads/global/tifs/chirps-v3.0.2023.12.2.tif"],
            [utc(2023, 12, 11)],
        ),
    ],
)
def test_files_are_where_the_center_keeps_them(source_of, center, options, paths, starts):
    """Folders and names of each version and step, as public programs use them."""
    center.files = dict.fromkeys(paths, b"")
    found = source_of(**options).search(EAST, YEAR, RAIN)
    assert [g.acquired for g in found] == starts
    assert [g.assets["precipitation"].href.split("/products/")[1] for g in found] == paths


@pytest.mark.parametrize("refusal", [404, 403])
def test_a_mirror_without_listings_is_searched_by_halves(source_of, center, refusal):
    """The newest of 480 months is found with a dozen requests, and none of them reads a file."""
    months = [(y, m) for y in range(1981, 2021) for m in range(1, 13)]
    center.faults[""] = lambda: Response("", refusal)
    center.put(COGS, [f"chirps-v2.0.{y}.{m:02d}.cog" for y, m in months[:471]], b"x" * 1000)
    source = source_of()
    found = source.search(EAST, Window(start=utc(1981), end=utc(2021)), RAIN)
    assert len(found) == 471
    assert len(center.asked) < 20


def test_where_nothing_is_there_is_nothing(source_of, center):
    """Not over the poles, not before 1981, not in a window between two steps, not static."""
    center.put(COGS, _names(range(1, 13), "cog"), b"")
    source = source_of()
    arctic = Area.from_bbox(10, 70, 40, 80)
    between = Window(start=utc(2023, 1, 2), end=utc(2023, 1, 30))
    assert source.search(arctic, YEAR, RAIN) == []
    assert source.search(EAST, between, RAIN) == []
    assert source.search(EAST, Window(start=utc(1950), end=utc(1960)), RAIN) == []
    assert source.search(EAST, None, RAIN) == []
    assert source.search(EAST, YEAR, ["vv"]) == []
    assert center.asked == []


def test_a_service_that_fails_is_not_an_empty_one(source_of, center):
    """500 for the listing is an error, not "no rain files"."""
    center.faults[""] = lambda: Response("", 500)
    with pytest.raises(UnavailableError, match="500"):
        source_of().search(EAST, YEAR, RAIN)


# reading


def _hung(center, months, suffix="cog", folder=COGS):
    """Month m has m mm of rain everywhere on land."""
    for month in months:
        content = rain_tiff(float(month))
        content = packed(content) if suffix == "tif.gz" else content
        center.put(folder, _names([month], suffix), content)


KINDS = {
    "read in place": ("cog", COGS, {}),
    "fetched whole": ("cog", COGS, {"in_place": False}),
    "packed": ("tif.gz", TIFS, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rain_is_rain_and_the_sea_is_not_dry(source_of, center, kind):
    """Millimetres per month on land; west of Greenwich nothing was observed, and 0 mm is 0."""
    suffix, folder, options = KINDS[kind]
    _hung(center, [1, 2, 3], suffix, folder)
    dry = rain_tiff(0.0)
    center.put(folder, _names([4], suffix), packed(dry) if suffix == "tif.gz" else dry)
    source = source_of(**options)
    cube = source.load(source.search(EAST, YEAR, RAIN), GRID, RAIN)
    rain = cube["precipitation"].compute()
    require(cube, "precipitation")
    assert rain.dims == ("time", "y", "x")
    assert [str(t)[:10] for t in rain.time.values] == [f"2023-0{m}-01" for m in (1, 2, 3, 4)]
    assert np.isnan(rain.sel(x=slice(-20, 0))).all()
    for month, value in zip((1, 2, 3, 4), (1, 2, 3, 0), strict=True):
        assert (rain.isel(time=month - 1).sel(x=slice(0, 40)) == value).all()
    assert rain.attrs["step"] == "month"
    assert rain.attrs["statistic"] == "total over step"


def test_it_is_a_source_that_keeps_and_an_option_of_event_files(source_of):
    """The protocols, what it provides, and its fields as pydantic reads them."""
    source = source_of()
    assert isinstance(source, Source)
    assert isinstance(source, Keeps)
    assert source.provides == {"precipitation"}
    read = TypeAdapter(ChirpsSource).validate_python({"version": "3.0", "step": "day"})
    assert read.step is Step.DAY
    assert ACCESS.probe.startswith(read.url)


def test_a_search_reads_no_file_and_a_load_no_pixel(source_of, center):
    """Packed files are fetched by the load; in place, only headers are read until the compute."""
    _hung(center, [1, 2])
    source = source_of()
    found = source.search(EAST, YEAR, RAIN)
    assert not set(center.asked) & set(center.files)

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        cube = source.load(found, GRID, RAIN)
        assert dask.is_dask_collection(cube["precipitation"].data)


def test_only_the_blocks_that_are_needed_are_read_in_place(source_of, center):
    """Of a raster of 26 MB, a small grid takes less than a tenth, by ranges."""
    values = np.random.default_rng(1).random((1800, 3600)).astype("float32")
    center.put(COGS, _names([1], "cog"), tiff(values, cell=0.1, north=90.0))
    source = source_of()
    grid = GeoBox.from_bbox((20, 10, 22, 12), "EPSG:4326", shape=(20, 20))
    cube = source.load(source.search(EAST, YEAR, RAIN), grid, RAIN).compute()
    np.testing.assert_array_equal(cube["precipitation"][0], values[780:800, 2000:2020])
    assert center.ranges > 0
    assert center.sent < 2_600_000


def test_kept_files_are_read_with_no_network(source_of, center):
    """After `keep`, search and load work offline, from the cache."""
    _hung(center, [1, 2])
    source = source_of()
    done = []
    paths = source.keep(source.search(EAST, YEAR, RAIN), RAIN, lambda *seen: done.append(seen))
    assert len(paths) == 2
    assert done
    center.app.router.routes.clear()
    away = source_of(offline=True)
    cube = away.load(away.search(EAST, YEAR, RAIN), GRID, RAIN).compute()
    assert float(cube["precipitation"][1].max()) == 2.0


def test_offline_what_was_not_kept_is_said(source_of, center):
    """No socket is opened to read in place, and no hole is left."""
    _hung(center, [1])
    found = source_of().search(EAST, YEAR, RAIN)
    with pytest.raises(UnavailableError, match=r"chirps-v2.0.2023.01.*offline"):
        source_of(offline=True).load(found, GRID, RAIN)


@pytest.mark.parametrize("bbox", [(178, -20, -178, -10), (-180, -20, -176, -10)])
def test_an_area_across_180_is_whole(source_of, center, bbox):
    """Fiji: rain of 7 mm on both sides of the line, in its own projection."""
    content = tiff(np.full((20, 72), 7.0), cell=5.0)
    center.put(COGS, _names([1], "cog"), content)
    area = Area.from_bbox(*bbox)
    source = source_of()
    cube = source.load(source.search(area, YEAR, RAIN), grid_for(area, 5000), RAIN)
    assert (cube["precipitation"] == 7.0).all()


# faults


def _page():
    return HTMLResponse("<!DOCTYPE html><html><body>Maintenance</body></html>")


FAULTS = {
    "gone": (lambda: Response("", 404), NothingFoundError),
    "forbidden": (lambda: Response("", 403), AccessError),
    "too many": (lambda: Response("", 429), UnavailableError),
    "broken": (lambda: Response("", 500), UnavailableError),
    "page": (_page, (IntegrityError, UnavailableError)),
    "page as binary": (
        lambda: Response(_page().body, media_type="application/gzip"),
        IntegrityError,
    ),
    "empty": (lambda: Response(b""), IntegrityError),
    "another kind": (lambda: Response(gzip.compress(b"not a raster" * 99)), IntegrityError),
    "cut off": (lambda: Response(packed(rain_tiff(1.0))[:-300]), IntegrityError),
    "damaged": (
        lambda: Response(packed(rain_tiff(1.0)).replace(b"\0", b"\1", 3)),
        IntegrityError,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("suffix", ["tif.gz", "cog"])
def test_one_bad_file_of_three_is_named(source_of, center, fault, suffix):
    """A typed error that names the month; once the service is well, the same load works."""
    folder = TIFS if suffix == "tif.gz" else COGS
    _hung(center, [1, 2, 3], suffix, folder)
    answer, kind = FAULTS[fault]
    source = source_of(in_place=False)
    found = source.search(EAST, YEAR, RAIN)
    center.faults[_names([2], suffix)[0]] = answer
    with pytest.raises(kind, match=r"chirps-v2\.0\.2023\.02"):
        source.load(found, GRID, RAIN)
    center.faults.clear()
    cube = source.load(found, GRID, RAIN)
    assert [float(v) for v in cube["precipitation"].max(("y", "x"))] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("fault", ["gone", "forbidden", "page as binary", "empty"])
def test_one_bad_file_in_place_is_named(source_of, center, fault):
    """Reading in place, the load itself fails: no silent hole in the series."""
    _hung(center, [1, 2, 3])
    source = source_of()
    found = source.search(EAST, YEAR, RAIN)
    center.faults[_names([2], "cog")[0]] = FAULTS[fault][0]
    with pytest.raises(
        (IntegrityError, UnavailableError, AccessError), match=r"chirps-v2\.0\.2023\.02"
    ):
        source.load(found, GRID, RAIN)


def test_a_gzip_bomb_does_not_go_off(tmp_path):
    """Unpacked, the file has 3 MB where 1 MB is allowed: refused without storing any of it."""
    path = tmp_path / "bomb.tif.gz"
    path.write_bytes(gzip.compress(b"II*\0" + bytes(3_000_000)))
    with pytest.raises(IntegrityError, match="unpacks to more than 1,000,000 bytes"):
        check_packed(path, cap=1_000_000)
    check_packed(path, cap=4_000_000)
    assert [p.name for p in tmp_path.iterdir()] == ["bomb.tif.gz"]


def test_a_raster_on_other_cells_is_refused(source_of, center):
    """A file in metres is not CHIRPS."""
    content = tiff(np.ones((9, 9)), west=0.0, north=9000.0, cell=1000.0, crs="EPSG:32633")
    center.put(COGS, _names([1], "cog"), content)
    source = source_of()
    with pytest.raises(CubeError, match="not in rows and columns of latitude"):
        source.load(source.search(EAST, YEAR, RAIN), GRID, RAIN)


def test_without_granules_there_is_nothing_to_load(source_of):
    """Typed, with what was given."""
    with pytest.raises(NothingFoundError, match="0 granules were given"):
        source_of().load([], GRID, RAIN)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"version": "1.8"}, "there is no CHIRPS 1.8 by month"),
        ({"step": Step.HOUR}, "there is no CHIRPS 2.0 by hour"),
        ({"version": "3.0", "step": Step.DAY, "days_by": "x"}, "days of 3.0 by 'sat' or 'rnl'"),
        ({"url": "file:///etc"}, "must begin with https"),
    ],
)
def test_what_there_is_not_is_refused_at_once(options, says):
    """The message says what there is."""
    with pytest.raises(InputError, match=says):
        ChirpsSource(**options)


# folders


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path):
    """Months, packed or not, under any prefix; days and other files in it are not months."""
    files = {
        "java_chirps-v2.0.2023.01.tif": rain_tiff(1.0),
        "sub/chirps-v2.0.2023.02.tif.gz": packed(rain_tiff(2.0)),
        "chirps-v2.0.2023.03.05.tif": rain_tiff(9.0),
        "chirps-v2.0.2023.13.tif": rain_tiff(9.0),
        "notes.2023.04.txt": b"",
        "readme.tif": b"",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    source = ChirpsSource(folder=tmp_path)
    found = source.search(EAST, YEAR, RAIN)
    cube = source.load(found, GRID, RAIN)
    assert [float(v) for v in cube["precipitation"].max(("y", "x"))] == [1.0, 2.0]
    days = ChirpsSource(folder=tmp_path, step=Step.DAY).search(EAST, YEAR, RAIN)
    assert [g.acquired for g in days] == [utc(2023, 3, 5)]
    assert source.search(Area.from_bbox(0, 60, 9, 70), YEAR, RAIN) == []
    assert source.keep(found, RAIN, lambda *_: None) == [
        tmp_path / "java_chirps-v2.0.2023.01.tif",
        tmp_path / "sub/chirps-v2.0.2023.02.tif.gz",
    ]
    assert not list(tmp_path.rglob("*.properties"))


def test_files_of_another_area_are_named(tmp_path):
    """A folder is of one area: what lies elsewhere is not put in its place."""
    (tmp_path / "a.2023.01.tif").write_bytes(rain_tiff(1.0))
    (tmp_path / "a.2023.02.tif").write_bytes(tiff(np.ones((9, 9)), west=20.0, north=9.0))
    source = ChirpsSource(folder=tmp_path)
    cube = source.load(source.search(EAST, YEAR, RAIN), GRID, RAIN)
    with pytest.raises(IntegrityError, match=r"a\.2023\.02.* has other cells"):
        cube.compute()


def test_a_folder_that_is_not_there_is_said(tmp_path):
    """At once, not at the search."""
    with pytest.raises(InputError, match="does not exist"):
        ChirpsSource(folder=tmp_path / "none")


def test_a_plain_file_server_serves_as_a_mirror(tmp_path):
    """Ranges, no listings: the files of a folder behind it are found and read in place."""
    place = tmp_path / "served" / COGS
    place.mkdir(parents=True)
    for month in (1, 2, 3):
        (place / _names([month], "cog")[0]).write_bytes(rain_tiff(float(month)))
    with file_server(tmp_path / "served") as url:
        transport = Transport(Settings(cache=tmp_path / "cache"), retry=FAST)
        source = ChirpsSource(url=url, transport=transport)
        found = source.search(EAST, YEAR, RAIN)
        assert _months(found) == [1, 2, 3]
        cube = source.load(found, GRID, RAIN).compute()
    assert [float(v) for v in cube["precipitation"].max(("y", "x"))] == [1.0, 2.0, 3.0]


# real rasters


@pytest.mark.realdata
def test_forty_years_over_java(shared_data):
    """480 real months: values bit for bit those of the files, and the sea is not observed."""
    import rasterio  # noqa: PLC0415 - to look at the files without our reader

    folder = shared_data / "drought" / "chirps_java" / "Data" / "Input_TIF"
    source = ChirpsSource(folder=folder)
    window = Window(start=utc(1981), end=utc(2021))
    found = source.search(Area.from_bbox(106, -8, 115, -6), window, RAIN)
    assert len(found) == 480
    grid = GeoBox.from_bbox((105.05, -8.8, 116.25, -5.05), "EPSG:4326", shape=(75, 224))
    cube = source.load(found, grid, RAIN)
    rain = cube["precipitation"].compute()
    for number in (0, 239, 479):
        with rasterio.open(found[number].assets["precipitation"].href) as raster:
            stored = raster.read(1, masked=True).filled(np.nan)
        assert np.array_equal(rain[number], stored, equal_nan=True)
    assert float(np.isnan(rain).mean()) == pytest.approx(0.708, abs=0.001)
