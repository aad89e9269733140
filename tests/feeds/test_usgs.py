import datetime as dt
import json

import pytest

from reliefscope.errors import IntegrityError
from reliefscope.feeds.usgs import Usgs
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Hazard, Window

AGES = Window(
    start=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
)


def feature(id_="us6000pi9w", *, lon=87.36, lat=28.64, **said):
    """One feature, as the USGS writes it."""
    return {
        "type": "Feature",
        "id": id_,
        "geometry": {"type": "Point", "coordinates": [lon, lat, 10]},
        "properties": {
            "mag": 7.1,
            "place": "2025 Southern Tibetan Plateau Earthquake",
            "time": 1_736_211_916_824,
            "updated": 1_736_442_321_636,
            "url": f"https://earthquake.usgs.gov/earthquakes/eventpage/{id_}",
            "alert": "red",
            "status": "reviewed",
            "ids": f",{id_},",
            "type": "earthquake",
            "title": "M 7.1 - 2025 Southern Tibetan Plateau Earthquake",
        }
        | said,
    }


@pytest.fixture
def usgs(replay, transport):
    return Usgs(transport=transport, url=f"{replay.url}/query")


def test_an_earthquake_of_the_catalogue(replay, usgs):
    """Name, time, alert of PAGER and a circle that follows the magnitude."""
    replay.give("/query", {"features": [feature()]})
    (event,) = usgs.events(AGES)
    assert (event.id, event.severity) == ("USGS-us6000pi9w", Alert.RED)
    assert event.onset == dt.datetime(2025, 1, 7, 1, 5, 16, 824_000, dt.UTC)
    assert event.area.centre == pytest.approx((87.36, 28.64), abs=0.01)
    ((_, asked, _),) = replay.asked
    assert asked["starttime"] == "1990-01-01T00:00:00+00:00"
    assert (asked["eventtype"], asked["minmagnitude"]) == ("earthquake", "5")


def test_other_hazards_are_not_asked_for(replay, usgs):
    """The USGS knows earthquakes."""
    assert usgs.events(AGES, hazards=[Hazard.FLOOD]) == []
    assert replay.asked == []


@pytest.mark.parametrize(
    ("said", "alert"),
    [("green", Alert.GREEN), ("yellow", Alert.ORANGE), ("RED", Alert.RED), (None, None), (7, None)],
)
def test_alerts_of_pager(replay, usgs, said, alert):
    """Yellow is rounded up and kept in the details; no alert is none."""
    replay.give("/query", {"features": [feature(alert=said)]})
    (event,) = usgs.events(AGES)
    assert event.severity is alert
    assert event.reports[0].details.get("pager", "") == str(said or "").lower() or said == 7


def test_what_is_no_earthquake_is_passed_over(replay, usgs):
    """Blasts, and events that were withdrawn."""
    blasts = [feature(type="quarry blast"), feature(status="deleted")]
    replay.give("/query", {"features": blasts})
    assert usgs.events(AGES) == []


@pytest.mark.parametrize(
    "bad",
    [
        feature(mag=None),
        feature(mag=99),
        feature(type=None),
        feature(time="now"),
        feature(lon=4000),
        feature("../x"),
        {**feature(), "geometry": None},
        {"properties": {"type": "earthquake"}},
    ],
)
def test_a_bad_record_loses_no_other(replay, usgs, bad, caplog):
    """It is logged; alone, it is an error of the feed."""
    replay.give("/query", {"features": [bad, feature()]})
    assert [event.id for event in usgs.events(AGES)] == ["USGS-us6000pi9w"]
    assert "a record is left out" in caplog.text
    replay.give("/query", {"features": [bad]})
    with pytest.raises(IntegrityError, match="none of 1 records"):
        usgs.events(AGES)


def test_names_by_other_networks_are_kept(replay, usgs):
    """The preferred one first; what is written unlike a name is dropped."""
    ids = ",us1000778i,at00ogkuoy,<b>,atlas20161113110256,"
    replay.give("/query", {"features": [feature("us1000778i", ids=ids)]})
    (event,) = usgs.events(AGES)
    assert event.known_as("usgs") == ("us1000778i", "at00ogkuoy", "atlas20161113110256")


def test_an_area_may_be_asked_for(replay, usgs):
    """Circles that touch it, also across the antimeridian."""
    replay.give("/query", {"features": [feature(), feature("us2", lon=179.9, lat=-20)]})
    fiji = Area.from_bbox(-180, -25, -175, -15)
    assert [event.id for event in usgs.events(AGES, area=fiji)] == ["USGS-us2"]


@pytest.mark.realdata
def test_recorded_answers(replay, usgs, shared_data):
    """Lists and single earthquakes; those without a magnitude are left out, all others read."""
    home = shared_data / "responses"
    folder = home / "extracted_responses" / "earthquake.usgs.gov"
    paths = sorted(folder.glob("GET_fdsnws_*_query_*.json"))
    paths.append(home / "gdacs_monty" / "tests" / "data" / "usgs" / "details.json")
    sources = home / "cems_charter_gdacs_montyext" / "docs" / "model" / "sources"
    paths.append(sources / "USGS" / "us6000pi9w.geojson")
    count = 0
    for path in paths:
        said = json.loads(path.read_text())
        replay.give("/query", said)
        if said["type"] == "FeatureCollection":
            found = usgs.events(AGES)
            magnitudes = [f for f in said["features"] if f["properties"]["mag"] is not None]
            assert len(found) == len(magnitudes)
        else:
            found = usgs.find("usgs", said["id"])
            assert found[0].reports[0].id == said["id"]
        count += len(found)
    assert (len(paths), count) == (18, 319)


@pytest.mark.realdata
def test_an_answer_of_another_kind_is_refused(replay, usgs, shared_data):
    """A count is not a list of earthquakes."""
    folder = shared_data / "responses" / "extracted_responses" / "earthquake.usgs.gov"
    replay.give("/query", next(folder.glob("*_count_*.json")).read_bytes())
    with pytest.raises(IntegrityError, match="without a list of 'features'"):
        usgs.events(AGES)


def test_one_earthquake_by_name(replay, usgs):
    """Unknown ones are nothing (404, 204); other schemes are not asked for."""
    assert usgs.find("gdacs", "EQ1") == []
    assert usgs.find("usgs", "x&y") == []
    assert replay.asked == []
    assert usgs.find("usgs", "us1") == []
    replay.give("/query", feature())
    assert usgs.find("usgs", "us6000pi9w")[0].id == "USGS-us6000pi9w"
    assert replay.asked[-1][1] == {"format": "geojson", "eventid": "us6000pi9w"}
