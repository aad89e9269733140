"""Active fires from FIRMS: detections in time and space, and a key that is never shown."""

import datetime as dt
import logging

import pytest

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    PartialCoverageWarning,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.settings import Settings
from reliefscope.sources.tables import firms
from reliefscope.transport.client import Transport

KEY = "k3y0fn0body"
AREA = Area.from_bbox(-8.4, 39.8, -7.9, 40.2, name="Pedrogao")
WINDOW = Window(
    start=dt.datetime(2017, 6, 17, tzinfo=dt.UTC), end=dt.datetime(2017, 6, 24, tzinfo=dt.UTC)
)
HEAD = "latitude,longitude,acq_date,acq_time,frp,confidence,satellite,instrument,daynight\n"
ROWS = (
    "39.95,-8.15,2017-06-18,203,80.7,n,N,VIIRS,N\n"
    "39.96,-8.16,2017-06-17,1304,86.4,h,N,VIIRS,D\n"
    "45.00,-8.16,2017-06-17,1304,1.0,h,N,VIIRS,D\n"
    "39.96,-8.16,2017-06-30,1304,1.0,h,N,VIIRS,D\n"
    "x,-8.16,2017-06-18,1304,1.0,h,N,VIIRS,D\n"
)


LISTED = "data_id,min_date,max_date\nVIIRS_SNPP_SP,2012-01-20,2025-01-31\n"
LISTED += "MODIS_SP,2000-11-01,2025-01-31\nMODIS_NRT,2025-02-01,2025-05-30\nodd line\n"
AREA_BOX = "-8.4000,39.8000,-7.9000,40.2000"


def serve(replay, text, box=AREA_BOX):
    """Answer the list of days, and the same detections for whatever is asked of the window."""
    replay.clear()
    replay.give(f"/api/data_availability/csv/{KEY}/ALL", LISTED)
    for product in ("VIIRS_SNPP_SP", "MODIS_SP"):
        for days in ("5/2017-06-17", "2/2017-06-22"):
            replay.give(f"/api/area/csv/{KEY}/{product}/{box}/{days}", text)


def ask(replay, transport, sensors=("VIIRS_SNPP_SP",)):
    return firms.active_fires(AREA, WINDOW, transport, sensors=sensors, url=replay.url)


def test_detections_in_order_of_time(replay, transport):
    """Times in UTC, power in MW; what is outside area or window, or no row at all, is left out."""
    serve(replay, HEAD + ROWS)
    table = ask(replay, transport)
    assert table["frp_mw"].drop_duplicates().tolist() == [86.4, 80.7]
    assert table["time"].iloc[0].isoformat() == "2017-06-17T13:04:00+00:00"
    assert table["time"].iloc[-1].isoformat() == "2017-06-18T02:03:00+00:00"
    assert set(table["confidence"]) == {"h", "n"}
    assert table.crs.to_epsg() == 4326


def test_long_windows_are_asked_in_pieces(replay, transport):
    """Seven days are five and two; each sensor is asked."""
    serve(replay, HEAD)
    assert len(ask(replay, transport, ("VIIRS_SNPP", "MODIS"))) == 0
    ends = [p.split("/")[-2:] for p, *_ in replay.asked[1:]]
    assert ends == [["5", "2017-06-17"], ["2", "2017-06-22"]] * 2


def test_the_key_is_in_no_error_log_or_kept_answer(replay, transport, caplog):
    """It is part of the address: neither failures nor the cache show it."""
    caplog.set_level(logging.DEBUG)
    for answer, status in (("no", 500), ("Invalid MAP_KEY.", 400), ("no", 403), ("x", 200)):
        replay.always(answer, status)
        with pytest.raises((UnavailableError, InputError, AccessError, IntegrityError)) as raised:
            ask(replay, transport)
        assert KEY not in str(raised.value)
        assert KEY not in repr(raised.value)
    serve(replay, HEAD + ROWS)
    ask(replay, transport)
    assert KEY not in caplog.text
    for path in transport.settings.cache.rglob("*"):
        assert KEY not in str(path)
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
    assert any(KEY in p for p, *_ in replay.asked)


def test_a_wrong_key_is_an_access_error_whatever_the_status(replay, transport):
    """The service says so with 200 and with 400; without a key nothing is asked."""
    for status in (200, 400):
        replay.always("Invalid MAP_KEY.", status)
        with pytest.raises(AccessError, match="refuses FIRMS_MAP_KEY"):
            ask(replay, transport)
    asked = len(replay.asked)
    with pytest.raises(AccessError, match="map_key"):
        ask(replay, Transport(Settings(cache=transport.settings.cache)))
    assert len(replay.asked) == asked


def test_detections_once_asked_need_no_network(replay, transport):
    """The same table offline, also where there is no key."""
    serve(replay, HEAD + ROWS)
    online = ask(replay, transport)
    for secrets in ({"FIRMS_MAP_KEY": KEY}, {}):
        settings = Settings(cache=transport.settings.cache, offline=True, secrets=secrets)
        assert ask(replay, Transport(settings)).equals(online)


def test_days_without_data_are_not_days_without_fires(replay, transport):
    """The standard product, then near real time; a gap is said, and nothing at all is an error."""
    serve(replay, HEAD)
    spans = {}
    for start, end in (("2025-01-30", "2025-02-02"), ("2025-05-29", "2025-06-02")):
        days = Window(
            start=dt.datetime.fromisoformat(f"{start}T00:00Z"),
            end=dt.datetime.fromisoformat(f"{end}T00:00Z"),
        )
        spans[start] = firms._plan(("MODIS",), firms._days_of(days), firms._served(LISTED))
    assert {n: len(d) for n, d in spans["2025-01-30"].items()} == {"MODIS_SP": 2, "MODIS_NRT": 1}
    assert {n: len(d) for n, d in spans["2025-05-29"].items()} == {"MODIS_NRT": 2}
    replay.give(f"/api/area/csv/{KEY}/MODIS_NRT/{AREA_BOX}/2/2025-05-29", HEAD)
    with pytest.warns(PartialCoverageWarning, match="2 of 4 days"):
        firms.active_fires(AREA, days, transport, sensors=("MODIS",), url=replay.url)
    with pytest.raises(NothingFoundError, match="not the same as no fires"):
        ask(replay, transport, ("VIIRS_NOAA21",))


def test_a_key_that_is_answered_back_is_not_repeated(replay, transport):
    """A service that quotes the request in its message."""
    replay.always(f"Request {KEY} was refused", 200)
    with pytest.raises(IntegrityError) as raised:
        ask(replay, transport)
    assert KEY not in str(raised.value)


def test_both_sides_of_180_degrees_are_asked(replay, transport):
    """One box each: a box whose west lies east of its east holds nothing."""
    fiji = Area.from_bbox(179.4, -17, -179.5, -16.4, name="Fiji")
    for box in ("179.4000,-17.0000,180.0000,-16.4000", "-180.0000,-17.0000,-179.5000,-16.4000"):
        at = box.split(",")[0]
        row = f"-16.5,{float(at) + 0.1},2017-06-18,0203,1,n,N,VIIRS,N\n"
        for days in ("5/2017-06-17", "2/2017-06-22"):
            text = HEAD + (row if days[0] == "5" else "")
            replay.give(f"/api/area/csv/{KEY}/MODIS_SP/{box}/{days}", text)
    replay.give(f"/api/data_availability/csv/{KEY}/ALL", LISTED)
    found = firms.active_fires(fiji, WINDOW, transport, sensors=("MODIS",), url=replay.url)
    assert sorted(found.geometry.x) == [-179.9, 179.5]


@pytest.mark.realdata
def test_a_file_of_the_archive(shared_data, tmp_path):
    """457 MODIS detections of June 2017 in Portugal."""
    table = firms.active_fires_from_file(shared_data / "fire" / "Portugal_firms_June_2017.csv")
    assert len(table) == 457
    assert set(table["instrument"]) == {"MODIS"}
    assert table["frp_mw"].min() >= 0
    with pytest.raises(InputError, match="does not exist"):
        firms.active_fires_from_file(tmp_path / "none.csv")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="lacks"):
        firms.active_fires_from_file(other)
