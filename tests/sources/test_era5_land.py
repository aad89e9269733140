import datetime as dt
import logging

import dask
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from pydantic import TypeAdapter
from starlette.responses import HTMLResponse, JSONResponse, Response

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.cube import VARIABLES, require
from reliefscope.model.event import Window
from reliefscope.model.granule import group_passes
from reliefscope.model.grid import grid_for
from reliefscope.settings import Settings
from reliefscope.sources import _cds
from reliefscope.sources._base import Keeps, Source
from reliefscope.sources._era5_files import ROWS, moments_of
from reliefscope.sources._fields import Step
from reliefscope.sources.era5_land import ACCESS, Era5LandSource
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server
from tests.sources.cds_server import KEY, LEVELS, SUMS, Store, in_hour, level, tilt
from tests.sources.field_files import utc
from tests.stage import Stage

FAST = Retry(attempts=3, first_s=0.01, deadline_s=5)
AREA = Area.from_bbox(30, -2, 31, -1)
GRID = GeoBox((9, 9), Affine(0.1, 0, 30.05, 0, -0.1, -1.05), "EPSG:4326")
LAT = np.arange(-1.1, -1.95, -0.1)
"""Pixels are the cells of ERA5-Land, whose centres lie on tenths of a degree."""
YEAR = Window(start=utc(2023), end=utc(2024))
NAME = {row.name: name for name, row in ROWS.items()}
CANONICAL = {"tp": 1.0, "ssrd": 3600.0, "pev": 1.0}
"""What the first hour of a month brings, in canonical units: mm, J m-2, mm of evaporation."""


@pytest.fixture(scope="module")
def stage():
    stage = Stage()
    with app_server(stage) as stage.url:
        yield stage


@pytest.fixture
def store(stage, monkeypatch):
    monkeypatch.setattr(_cds, "FIRST_S", 0.01)
    monkeypatch.setattr(_cds, "LONGEST_S", 0.02)
    store = Store(stage.url)
    stage.app = store.app
    return store


@pytest.fixture
def source_of(store, tmp_path):
    def made(*, offline=False, key=KEY, cache="cache", **options):
        settings = Settings(
            cache=tmp_path / cache,
            offline=offline,
            netrc=tmp_path / "none",
            secrets={"CDSAPI_KEY": key} if key else {},
        )
        return Era5LandSource(url=store.url, transport=Transport(settings, retry=FAST), **options)

    return made


def _rows(cube, name):
    """Values by step and row: all columns are alike."""
    values = cube[name].transpose("time", "y", "x").values
    np.testing.assert_allclose(values, values[:, :, :1] + 0 * values, rtol=1e-5)
    return values[:, :, 0]


# known answers


@pytest.mark.parametrize("name", sorted(SUMS))
def test_monthly_totals_are_means_of_days_times_days(source_of, name):
    """Stored as the mean of daily totals: February 2024 has 29 days; evaporation is positive."""
    variable = NAME[name]
    window = Window(start=utc(2024, 1), end=utc(2024, 5))
    source = source_of()
    found = source.search(AREA, window, [variable])
    assert [g.acquired for g in found] == [utc(2024, m) for m in (1, 2, 3, 4)]
    cube = source.load(found, GRID, [variable])
    require(cube, variable)
    days = np.array([31, 29, 31, 30]) * np.array([1, 2, 3, 4])
    np.testing.assert_allclose(
        _rows(cube, variable), CANONICAL[name] * days[:, None] * tilt(LAT), rtol=1e-5
    )
    assert cube[variable].attrs["statistic"] == "total over step"
    assert cube[variable].attrs["step"] == "month"
    assert str(cube.time.values[1])[:10] == "2024-02-01"


@pytest.mark.parametrize("name", sorted(LEVELS))
def test_monthly_means_are_as_they_are(source_of, name):
    """Kelvin, metres per second, parts of volume."""
    variable = NAME[name]
    source = source_of()
    cube = source.load(source.search(AREA, YEAR, [variable]), GRID, [variable])
    wanted = (LEVELS[name] + np.arange(1, 13))[:, None] * tilt(LAT)
    np.testing.assert_allclose(_rows(cube, variable), wanted, rtol=1e-5)
    assert cube[variable].attrs["statistic"] == "mean over step"
    assert cube[variable].attrs["units"] == VARIABLES[variable].units


@pytest.mark.parametrize("name", sorted(SUMS))
def test_hours_are_differences_of_sums_since_midnight(source_of, name):
    """Across midnight and the end of a month: hour h of day d brings (h + 1) times d."""
    variable = NAME[name]
    window = Window(start=utc(2023, 1, 30, 22), end=utc(2023, 2, 1, 2))
    source = source_of(step=Step.HOUR)
    found = source.search(AREA, window, [variable])
    assert len(found) == 28
    assert len(group_passes(found)) == 28
    cube = source.load(found, GRID, [variable])
    amounts = np.array([in_hour(g.acquired) for g in found])
    np.testing.assert_allclose(
        _rows(cube, variable), CANONICAL[name] * amounts[:, None] * tilt(LAT), rtol=2e-4
    )


@pytest.mark.parametrize("name", sorted(SUMS))
def test_days_are_the_sums_at_the_next_midnight(source_of, store, name):
    """The last of January is in the first field of February: 300 times the day."""
    variable = NAME[name]
    source = source_of(step=Step.DAY)
    window = Window(start=utc(2023, 1, 30), end=utc(2023, 2, 2))
    cube = source.load(source.search(AREA, window, [variable]), GRID, [variable])
    wanted = CANONICAL[name] * np.array([9000, 9300, 300])[:, None] * tilt(LAT)
    np.testing.assert_allclose(_rows(cube, variable), wanted, rtol=1e-5)
    assert [q["day"] for q in store.submitted] == [["31"], ["01", "02"]]
    assert {tuple(q["time"]) for q in store.submitted} == {("00:00",)}


def test_hours_of_temperature_are_moments_and_days_are_means(source_of):
    """The value at the hour; the mean of 24 of them."""
    window = Window(start=utc(2023, 1, 31), end=utc(2023, 2, 2))
    hours = source_of(step=Step.HOUR)
    cube = hours.load(hours.search(AREA, window, ["air_temperature"]), GRID, ["air_temperature"])
    moments = [utc(2023, 1, 31) + dt.timedelta(hours=h) for h in range(48)]
    wanted = np.array([level("t2m", m) for m in moments])[:, None] * tilt(LAT)
    np.testing.assert_allclose(_rows(cube, "air_temperature"), wanted, rtol=1e-5)
    assert cube["air_temperature"].attrs["statistic"] == "value at the start of the step"
    days = source_of(step=Step.DAY)
    cube = days.load(days.search(AREA, window, ["air_temperature"]), GRID, ["air_temperature"])
    np.testing.assert_allclose(
        _rows(cube, "air_temperature"), wanted.reshape(2, 24, 9).mean(axis=1), rtol=1e-5
    )
    assert cube["air_temperature"].attrs["statistic"] == "mean over step"


def test_a_day_with_an_hour_missing_has_no_mean(source_of, store):
    """NaN in one of 24 hours: the mean of 23 would not be that of the day."""

    def holed(cube):
        cube["t2m"][7] = np.nan
        return cube

    store.shape = holed
    source = source_of(step=Step.DAY)
    window = Window(start=utc(2023, 1, 1), end=utc(2023, 1, 2))
    cube = source.load(source.search(AREA, window, ["air_temperature"]), GRID, ["air_temperature"])
    assert np.isnan(cube["air_temperature"]).all()


def test_the_sea_is_not_observed(source_of, store):
    """ERA5-Land has no values over water: NaN stays NaN, in sums too."""

    def coast(cube):
        return cube.where(cube.longitude < 30.5)

    store.shape = coast
    source = source_of()
    names = ["precipitation", "air_temperature"]
    cube = source.load(source.search(AREA, YEAR, names), GRID, names).compute()
    for name in names:
        assert np.isfinite(cube[name].sel(x=slice(30, 30.4))).all()
        assert np.isnan(cube[name].sel(x=slice(30.6, 31))).all()


def test_rounding_does_not_make_negative_rain(source_of, store):
    """Packed files have sums a little below zero; evaporation may be negative: dew."""

    def dry(cube):
        return cube * 0 - 1e-8

    def keep_units(cube):
        out = dry(cube)
        for name in out.data_vars:
            out[name].attrs = cube[name].attrs
        return out

    store.shape = keep_units
    names = ["precipitation", "potential_evaporation"]
    source = source_of()
    cube = source.load(source.search(AREA, YEAR, names), GRID, names)
    assert (cube["precipitation"] == 0).all()
    assert (cube["potential_evaporation"] > 0).all()


def test_several_variables_share_requests(source_of, store):
    """Two kinds, one year: two requests, whatever the number of variables."""
    names = sorted(ROWS)
    source = source_of()
    cube = source.load(source.search(AREA, YEAR, names), GRID, names)
    assert set(cube) == set(names)
    assert len(store.submitted) == 2


# the ways files are stored


def _upside_down(cube):
    return cube.sortby("latitude")


def _east_of_greenwich(cube):
    return cube.assign_coords(longitude=cube.longitude % 360).sortby("longitude")


def _old(cube):
    return cube.rename(valid_time="time")


def _members(cube):
    return cube.assign_coords(number=0, expver=("valid_time", ["0001"] * cube.sizes["valid_time"]))


def _experiments(cube):
    """Half of the fields are preliminary, as in the old store's files."""
    late = xr.DataArray(np.arange(cube.sizes["valid_time"]) > 0, dims="valid_time")
    both = xr.concat([cube.where(~late), cube.where(late)], dim="expver")
    both = both.assign_coords(expver=[1, 5])
    for name in cube.data_vars:
        both[name].attrs = cube[name].attrs
    return both


QUIRKS = {
    "rows from the south": _upside_down,
    "longitudes 0 to 360": _east_of_greenwich,
    "time": _old,
    "number and expver": _members,
    "two expver": _experiments,
    "transposed": lambda cube: cube.transpose("longitude", "latitude", "valid_time"),
}


@pytest.mark.parametrize(
    ("quirk", "suffix"),
    [*((quirk, "nc") for quirk in QUIRKS), ("time", "nc3"), ("two expver", "nc3"), ("time", "zip")],
)
def test_the_way_a_file_is_stored_does_not_matter(source_of, store, quirk, suffix):
    """Six ways round, two of them in netCDF-3 and one in an archive: the same rain."""
    window = Window(start=utc(2023, 5), end=utc(2023, 8))
    area = Area.from_bbox(-10, 10, -8, 11)
    grid = GeoBox.from_bbox((-10, 10, -8, 11), "EPSG:4326", shape=(4, 8))
    names = ["precipitation"]
    wanted = source_of(cache="plain")
    wanted = wanted.load(wanted.search(area, window, names), grid, names).compute()
    store.shape, store.suffix = QUIRKS[quirk], suffix
    source = source_of()
    found = source.load(source.search(area, window, names), grid, names).compute()
    assert np.isfinite(found["precipitation"]).all()
    xr.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("bbox", [(179, -18, -179, -16), (-180, 65, -178, 67)])
def test_an_area_across_180_is_asked_for_in_two_boxes(source_of, store, bbox):
    """Fiji and Chukotka: whole, in the projection of the area, none of the boxes across 180."""
    area = Area.from_bbox(*bbox)
    source = source_of()
    found = source.search(area, YEAR, ["air_temperature"])
    cube = source.load(found, grid_for(area, 5000), ["air_temperature"]).compute()
    boxes = [q["area"] for q in store.submitted]
    assert len(boxes) == 2
    assert all(-180 <= west < east <= 180 for _, west, _, east in boxes)
    assert np.isfinite(cube["air_temperature"]).all()
    assert float(np.abs(cube["air_temperature"].diff("x")).max()) < 1.0


@pytest.mark.parametrize(
    ("bbox", "boxes"),
    [
        ((30, -2, 31, -1), ["-0.8 29.8 -2.2 31.2"]),
        ((30.04, -2.04, 30.96, -1.04), ["-0.8 29.8 -2.3 31.2"]),
        ((179.9, 0, 180, 1), ["1.2 179.7 -0.2 180", "1.2 -180 -0.2 -179.8"]),
        ((170, 80, -170, 90), ["90 150 78 180", "90 -180 78 -150"]),
        ((20, 59, 22, 60), ["60.2 19.6 58.8 22.4"]),
        ((-180, -90, 180, 90), ["90 -180 -90 180"]),
        ((-175, -10, 175, 10), ["45 -180 -45 180"]),
    ],
)
def test_boxes_reach_around_the_area(source_of, bbox, boxes):
    """By two cells or a tenth of its longer side, more where degrees are short, on the globe."""
    window = Window(start=utc(2023, 1), end=utc(2023, 2))
    (found,) = source_of().search(Area.from_bbox(*bbox), window, ["precipitation"])
    assert found.properties["boxes"].split(";") == boxes


# asking


def test_the_request_is_one_the_store_knows(source_of, store):
    """Names and forms of the store's own examples; the area around the grid by two cells."""
    source = source_of()
    source.load(source.search(AREA, YEAR, ["precipitation"]), GRID, ["precipitation"])
    (asked,) = store.submitted
    assert asked == {
        "product_type": ["monthly_averaged_reanalysis"],
        "variable": ["total_precipitation"],
        "year": ["2023"],
        "month": [f"{m:02d}" for m in range(1, 13)],
        "time": ["00:00"],
        "data_format": "netcdf",
        "download_format": "unarchived",
        "area": [-0.8, 29.8, -2.2, 31.2],
    }


def test_forty_years_are_asked_for_by_decade(source_of, store):
    """From the middle of 1981 to 2020: six requests, 474 months in order."""
    window = Window(start=utc(1981, 7), end=utc(2021))
    source = source_of()
    found = source.search(AREA, window, ["precipitation"])
    cube = source.load(found, GRID, ["precipitation"])
    assert cube.sizes["time"] == 474
    assert len(store.submitted) == 6
    assert (np.diff(cube.time.values) > np.timedelta64(0)).all()
    values = _rows(cube, "precipitation")[:, 0]
    days = [(g.acquired.replace(day=28) + dt.timedelta(days=4)).replace(day=1) for g in found]
    wanted = [
        (end - g.acquired).days * g.acquired.month for g, end in zip(found, days, strict=True)
    ]
    np.testing.assert_allclose(values, np.array(wanted) * tilt(LAT[0]), rtol=1e-5)


def test_what_is_not_out_yet_is_left_out(source_of, store, caplog):
    """One question to the catalogue, without the key; how far it reaches is said."""
    store.latest = "2023-09-01T00:00:00Z"
    found = source_of(key="").search(AREA, YEAR, ["precipitation"])
    assert len(found) == 9
    assert "9 of 12 months are out, the latest of 2023-09-01" in caplog.text
    assert store.asked == ["collection reanalysis-era5-land-monthly-means"]


def test_a_day_is_out_when_its_last_hour_is(source_of, store):
    """The total of a day needs the field at the next midnight, its mean the one at 23 UTC."""
    store.latest = "2023-01-02T23:00:00Z"
    window = Window(start=utc(2023, 1, 1), end=utc(2023, 1, 5))
    source = source_of(step=Step.DAY)
    assert len(source.search(AREA, window, ["precipitation"])) == 1
    assert len(source.search(AREA, window, ["air_temperature"])) == 2


def test_nothing_asked_nothing_found(source_of, store):
    """Static layers, other variables and windows between two steps need no request."""
    source = source_of()
    between = Window(start=utc(2023, 1, 2), end=utc(2023, 1, 30))
    assert source.search(AREA, None, ["precipitation"]) == []
    assert source.search(AREA, YEAR, ["vv"]) == []
    assert source.search(AREA, between, ["precipitation"]) == []
    assert store.asked == []


def test_nothing_is_sent_by_a_search_and_nothing_computed_by_a_load(source_of, store):
    """The load fetches; pixels are read when they are computed."""
    source = source_of()
    found = source.search(AREA, YEAR, ["precipitation"])
    assert store.submitted == []

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        cube = source.load(found, GRID, ["precipitation"])
    assert dask.is_dask_collection(cube["precipitation"].data)


# the queue


def test_the_same_request_is_sent_once(source_of, store):
    """Asked again, also by another process, the file comes from the cache."""
    for _ in range(2):
        source = source_of()
        source.load(source.search(AREA, YEAR, ["precipitation"]), GRID, ["precipitation"])
    assert len(store.submitted) == 1
    assert store.asked.count("file") == 1


def test_a_job_that_takes_long_is_taken_up_by_the_next_run(source_of, store, caplog):
    """The first run gives up and says that the job goes on; the second waits for the same one."""
    store.queue = 10_000
    found = source_of().search(AREA, YEAR, ["precipitation"])
    with pytest.raises(UnavailableError, match=r"2023-01 to 2023-12.*still running.*run the same"):
        source_of(patience_hours=0.05 / 3600).load(found, GRID, ["precipitation"])
    assert len(store.submitted) == 1
    store.queue = 0
    with caplog.at_level(logging.INFO):
        cube = source_of().load(found, GRID, ["precipitation"])
    assert len(store.submitted) == 1
    assert "taking up job 9bfc1362" in caplog.text
    assert np.isfinite(cube["precipitation"]).all()


@pytest.mark.parametrize("status", ["failed", "rejected", "dismissed"])
def test_a_job_that_failed_is_sent_anew_by_the_next_run(source_of, store, status):
    """The reason is said; a later run does not take up what has failed."""
    store.status = status
    found = source_of().search(AREA, YEAR, ["precipitation"])
    with pytest.raises(UnavailableError, match=f"2023-01 to 2023-12.* is {status}") as said:
        source_of().load(found, GRID, ["precipitation"])
    assert ("MARS found no data" in str(said.value)) is (status == "failed")
    store.status = "successful"
    source_of().load(found, GRID, ["precipitation"])
    assert len(store.submitted) == 2


def test_a_job_the_store_has_forgotten_is_sent_anew(source_of, store):
    """The store keeps jobs for some weeks."""
    store.queue = 10_000
    found = source_of().search(AREA, YEAR, ["precipitation"])
    with pytest.raises(UnavailableError):
        source_of(patience_hours=0.02 / 3600).load(found, GRID, ["precipitation"])
    store.jobs.clear()
    store.queue = 0
    source_of().load(found, GRID, ["precipitation"])
    assert len(store.submitted) == 2


def test_a_result_the_store_has_removed_is_made_anew(source_of, store):
    """A job of last month is known, but its file has gone: sent again at once."""

    def gone_once():
        store.faults.clear()
        return Response("", 404)

    store.faults["file"] = gone_once
    source = source_of()
    cube = source.load(source.search(AREA, YEAR, ["precipitation"]), GRID, ["precipitation"])
    assert len(store.submitted) == 2
    assert np.isfinite(cube["precipitation"]).all()


def test_kept_files_are_read_with_no_network_and_no_key(source_of, store):
    """After `keep`, search and load work offline."""
    source = source_of()
    names = ["precipitation", "air_temperature"]
    seen = []
    paths = source.keep(source.search(AREA, YEAR, names), names, lambda *s: seen.append(s))
    assert len(paths) == 2
    assert seen
    store.app.router.routes.clear()
    away = source_of(offline=True, key="")
    cube = away.load(away.search(AREA, YEAR, names), GRID, names)
    assert np.isfinite(cube["precipitation"]).all()


def test_offline_what_was_not_kept_is_said(source_of, store):
    """And which part it is."""
    found = source_of().search(AREA, YEAR, ["precipitation"])
    with pytest.raises(UnavailableError, match=r"2023-01 to 2023-12: offline"):
        source_of(offline=True).load(found, GRID, ["precipitation"])
    assert store.submitted == []


# access


def test_the_key_goes_to_the_store_alone(source_of, store, caplog):
    """Not with the file, which is elsewhere; not into logs, representations and messages."""
    source = source_of()
    found = source.search(AREA, YEAR, ["precipitation"])
    with caplog.at_level(logging.DEBUG):
        source.load(found, GRID, ["precipitation"])
    assert [h.get("private-token") for h in store.headers] == [None]
    assert KEY not in caplog.text + repr(source) + repr(found)
    store.faults["submit"] = lambda: JSONResponse({"title": f"no, {KEY}"}, 400)
    with pytest.raises(InputError) as refused:
        source_of(cache="other").load(found, GRID, ["precipitation"])
    assert KEY not in str(refused.value)


def test_a_licence_that_was_not_accepted_is_said(source_of, store):
    """With the page where it can be accepted."""
    store.licence = False
    source = source_of()
    found = source.search(AREA, YEAR, ["precipitation"])
    page = "datasets/reanalysis-era5-land-monthly-means.tab=download#manage-licences"
    with pytest.raises(AccessError, match=f"accept its licence once at .*{page}"):
        source.load(found, GRID, ["precipitation"])


def test_a_wrong_key_is_not_a_missing_licence(source_of):
    """The store knows other keys."""
    source = source_of(key="an old one")
    found = source.search(AREA, YEAR, ["precipitation"])
    with pytest.raises(AccessError, match=r"refuses CDSAPI_KEY: it is wrong"):
        source.load(found, GRID, ["precipitation"])


def test_without_a_key_the_way_to_one_is_said(source_of):
    """And where to put it."""
    source = source_of(key="")
    found = source.search(AREA, YEAR, ["precipitation"])
    with pytest.raises(AccessError, match=r"CDSAPI_KEY.*cds\.climate\.copernicus\.eu"):
        source.load(found, GRID, ["precipitation"])


# faults


def _page():
    return HTMLResponse("<!DOCTYPE html><html><body>Maintenance</body></html>")


def _page_as_file():
    return Response(_page().body, media_type="application/x-netcdf")


FAULTS = {
    ("submit", "broken"): (lambda: Response("", 500), UnavailableError),
    ("submit", "too many"): (lambda: Response("", 429), UnavailableError),
    ("submit", "page"): (_page, IntegrityError),
    ("submit", "no job"): (lambda: JSONResponse({"status": "accepted"}, 201), IntegrityError),
    ("submit", "odd job"): (
        lambda: JSONResponse({"status": "accepted", "jobID": "../../x"}, 201),
        IntegrityError,
    ),
    ("submit", "refused"): (lambda: JSONResponse({"title": "no such year"}, 400), InputError),
    ("submit", "unknown"): (lambda: JSONResponse({"title": "no such process"}, 404), InputError),
    ("job", "broken"): (lambda: Response("", 502), UnavailableError),
    ("job", "a list"): (lambda: JSONResponse([]), IntegrityError),
    ("results", "page"): (_page, IntegrityError),
    ("results", "nothing"): (lambda: JSONResponse({"asset": {}}), IntegrityError),
    ("results", "elsewhere"): (
        lambda: JSONResponse({"asset": {"value": {"href": "file:///etc/passwd"}}}),
        AccessError,
    ),
    ("results", "private"): (
        lambda: JSONResponse({"asset": {"value": {"href": "http://10.0.0.1/x.nc"}}}),
        AccessError,
    ),
    ("file", "broken"): (lambda: Response("", 500), UnavailableError),
    ("file", "page"): (_page, UnavailableError),
    ("file", "page as file"): (_page_as_file, UnavailableError),
    ("file", "gone for good"): (lambda: Response("", 404), NothingFoundError),
}


@pytest.mark.parametrize("fault", FAULTS, ids=" ".join)
def test_a_fault_is_typed_and_names_the_part(source_of, store, fault):
    """Whatever fails, the error says which months; once the store is well, the load works."""
    answer, kind = FAULTS[fault]
    store.faults[fault[0]] = answer
    source = source_of()
    found = source.search(AREA, YEAR, ["precipitation"])
    with pytest.raises(kind, match="monthly-means of 2023-01 to 2023-12"):
        source.load(found, GRID, ["precipitation"])
    store.faults.clear()
    assert np.isfinite(source.load(found, GRID, ["precipitation"])["precipitation"]).all()


def _result(content):
    return Response(content, media_type="application/x-netcdf")


@pytest.mark.parametrize("spoil", ["page", "half", "other variable", "other units", "no times"])
def test_a_file_that_is_none_is_not_kept(source_of, store, spoil):
    """Its size is right, its content is not: a typed error, and the next load asks again."""
    shape = store.shape
    changes = {
        "other variable": lambda cube: cube.rename(tp="sd"),
        "other units": lambda cube: cube.assign(tp=cube.tp.assign_attrs(units="inch")),
        "no times": lambda cube: cube.isel(valid_time=0, drop=True),
    }
    if spoil in changes:
        store.shape = changes[spoil]
    else:
        made = store.made
        spoilt = _page().body if spoil == "page" else made("x-monthly-means", _asked())[:3000]
        store.made = lambda *_: spoilt
    source = source_of()
    found = source.search(AREA, YEAR, ["precipitation"])
    with pytest.raises(IntegrityError):
        source.load(found, GRID, ["precipitation"])
    store.shape = shape
    if spoil not in changes:
        store.made = made
    assert np.isfinite(source.load(found, GRID, ["precipitation"])["precipitation"]).all()


def _asked():
    return {
        "variable": ["total_precipitation"],
        "year": ["2023"],
        "month": ["01", "02"],
        "time": ["00:00"],
        "area": [1, 30, 0, 31],
    }


def test_a_month_that_is_missing_in_a_file_is_named(source_of, store):
    """No silent hole in a series."""
    store.shape = lambda cube: cube.drop_isel(valid_time=4)
    source = source_of()
    found = source.search(AREA, YEAR, ["precipitation"])
    with pytest.raises(IntegrityError, match="month that begins at 2023-05-01"):
        source.load(found, GRID, ["precipitation"])


@pytest.mark.parametrize(
    "answer",
    [
        lambda: JSONResponse({"extent": {"temporal": {"interval": []}}}),
        lambda: JSONResponse({"extent": {"temporal": {"interval": [["a", "b"]]}}}),
        lambda: JSONResponse([]),
    ],
)
def test_a_catalogue_that_does_not_say_how_far_it_reaches(source_of, store, answer):
    """Then nothing is left out."""
    store.faults["collection"] = answer
    assert len(source_of().search(AREA, YEAR, ["precipitation"])) == 12


@pytest.mark.parametrize(
    ("answer", "kind"), [(lambda: Response("", 500), UnavailableError), (_page, IntegrityError)]
)
def test_a_catalogue_that_fails_is_not_an_empty_one(source_of, store, answer, kind):
    """A typed error, never "nothing there"."""
    store.faults["collection"] = answer
    with pytest.raises(kind):
        source_of().search(AREA, YEAR, ["precipitation"])


def test_fields_of_two_areas_are_not_mixed(source_of):
    """They were asked for in different boxes."""
    source = source_of()
    window = Window(start=utc(2023, 1), end=utc(2023, 2))
    later = Window(start=utc(2023, 2), end=utc(2023, 3))
    mixed = [
        *source.search(AREA, window, ["precipitation"]),
        *source.search(Area.from_bbox(0, 0, 1, 1), later, ["precipitation"]),
    ]
    with pytest.raises(InputError, match="of different areas"):
        source.load(mixed, GRID, ["precipitation"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"step": Step.DEKAD}, "there is no ERA5-Land by dekad"),
        ({"patience_hours": 0.0}, "must be above 0"),
    ],
)
def test_what_there_is_not_is_refused_at_once(options, says):
    """The message says what there is."""
    with pytest.raises(InputError, match=says):
        Era5LandSource(**options)


def test_without_granules_there_is_nothing_to_load(source_of):
    """Typed, with what was asked for."""
    with pytest.raises(NothingFoundError, match="hold none of"):
        source_of().load([], GRID, ["precipitation"])


def test_it_is_a_source_that_keeps_and_an_option_of_event_files(source_of):
    """The protocols, what it provides, and its fields as pydantic reads them."""
    source = source_of()
    assert isinstance(source, Source)
    assert isinstance(source, Keeps)
    assert source.provides == set(ROWS) <= set(VARIABLES)
    read = TypeAdapter(Era5LandSource).validate_python({"step": "hour", "patience_hours": 1})
    assert read.step is Step.HOUR
    assert ACCESS.names == ("CDSAPI_KEY",)


def test_the_hour_before_midnight_needs_the_next_day():
    """Sums since 00 UTC: three cases."""
    assert moments_of(Step.HOUR, utc(2023, 1, 1, 0), total=True) == [utc(2023, 1, 1, 1)]
    assert moments_of(Step.HOUR, utc(2023, 1, 1, 23), total=True) == [
        utc(2023, 1, 1, 23),
        utc(2023, 1, 2, 0),
    ]
    assert moments_of(Step.HOUR, utc(2023, 1, 1, 5), total=False) == [utc(2023, 1, 1, 5)]
