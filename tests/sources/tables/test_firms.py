"""Active fires from FIRMS: detections in time and space, and a key that is never shown."""

import datetime as dt
import logging

import pytest

from reliefscope.errors import AccessError, InputError, IntegrityError, UnavailableError
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


def ask(replay, transport, sensors=("VIIRS_SNPP_SP",)):
    return firms.active_fires(AREA, WINDOW, transport, sensors=sensors, url=replay.url)


def test_detections_in_order_of_time(replay, transport):
    """Times in UTC, power in MW; what is outside area or window, or no row at all, is left out."""
    replay.always(HEAD + ROWS)
    table = ask(replay, transport)
    assert table["frp_mw"].drop_duplicates().tolist() == [86.4, 80.7]
    assert table["time"].iloc[0].isoformat() == "2017-06-17T13:04:00+00:00"
    assert table["time"].iloc[-1].isoformat() == "2017-06-18T02:03:00+00:00"
    assert set(table["confidence"]) == {"h", "n"}
    assert table.crs.to_epsg() == 4326


def test_long_windows_are_asked_in_pieces(replay, transport):
    """Seven days are five and two; each sensor is asked."""
    replay.always(HEAD)
    assert len(ask(replay, transport, ("VIIRS_SNPP_SP", "MODIS_SP"))) == 0
    ends = [p.split("/")[-2:] for p, *_ in replay.asked]
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
    replay.always(HEAD + ROWS)
    ask(replay, transport)
    assert KEY not in caplog.text
    for path in transport.settings.cache.rglob("*"):
        assert KEY not in str(path)
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
    assert any(KEY in p for p, *_ in replay.asked)


def test_a_wrong_key_is_an_access_error_whatever_the_status(replay, transport):
    """The service says so with 200 as well; without a key nothing is asked."""
    replay.always("Invalid MAP_KEY.", 200)
    with pytest.raises(AccessError, match="refuses FIRMS_MAP_KEY"):
        ask(replay, transport)
    asked = len(replay.asked)
    with pytest.raises(AccessError, match="map_key"):
        ask(replay, Transport(Settings(cache=transport.settings.cache)))
    assert len(replay.asked) == asked


def test_detections_once_asked_need_no_network(replay, transport):
    """The same table offline, with the same key."""
    replay.always(HEAD + ROWS)
    online = ask(replay, transport)
    settings = Settings(
        cache=transport.settings.cache, offline=True, secrets={"FIRMS_MAP_KEY": KEY}
    )
    assert ask(replay, Transport(settings)).equals(online)


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
