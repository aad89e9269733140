import datetime as dt
import json

import pytest

from reliefscope.errors import AccessError, IntegrityError
from reliefscope.feeds.reliefweb import MAX_PAGES, PAGE, ReliefWeb
from reliefscope.model.event import Extent, Hazard, Window
from tests.feeds.replay import loopback

HOME = "/v2/disasters"
AGES = Window(
    start=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
)
SPAIN = {"iso3": "esp", "name": "Spain", "shortname": "Spain", "location": {"lat": 40, "lon": -4}}


def record(number=52_000, code="FL", **said):
    """One disaster, as ReliefWeb writes it."""
    fields = {
        "id": number,
        "name": "Spain: Floods - Oct 2024",
        "status": "ongoing",
        "glide": "FL-2024-000199-ESP",
        "primary_country": SPAIN,
        "country": [SPAIN],
        "primary_type": {"code": code, "name": "Flood"},
        "type": [{"code": code, "primary": True}],
        "url_alias": "https://reliefweb.int/disaster/fl-2024-000199-esp",
        "date": {"event": "2024-10-29T00:00:00+00:00", "changed": "2024-11-05T00:00:00+00:00"},
    }
    return {"id": str(number), "fields": fields | said}


@pytest.fixture
def reliefweb(replay, transport):
    return ReliefWeb(transport=transport, url=replay.url + HOME)


def test_a_disaster_is_somewhere_in_its_country(replay, reliefweb):
    """GLIDE number, code of the country, and a circle that says that it is no finding."""
    replay.give(HOME, {"data": [record()]})
    (event,) = reliefweb.events(AGES)
    assert event.id == "FL-2024-000199-ESP"
    assert event.ids == {"reliefweb": "52000", "glide": "FL-2024-000199-ESP"}
    assert event.countries == ("ESP",)
    assert event.area.centre == pytest.approx((-4, 40), abs=0.1)
    assert event.reports[0].extent is Extent.COUNTRY
    ((_, asked, body),) = replay.asked
    assert asked == {"appname": "tests"}
    assert json.loads(body)["filter"]["conditions"][0]["field"] == "date.event"


def test_without_a_name_of_application_nothing_is_asked(replay, tmp_path, monkeypatch):
    """The message says where to get one."""
    monkeypatch.setattr("reliefscope.transport.credentials.keyring.get_password", lambda *_: None)
    transport = loopback(tmp_path, secrets={}, netrc=tmp_path / "none")
    feed = ReliefWeb(transport=transport, url=replay.url + HOME)
    with pytest.raises(AccessError, match=r"RELIEFWEB_APPNAME.*apidoc\.reliefweb\.int"):
        feed.events(AGES)
    assert replay.asked == []
    assert feed.find("gdacs", "FL1") == []


def test_a_refused_application_is_an_access_error_without_its_name(replay, reliefweb):
    """403: the name is a secret, and no message holds it."""
    replay.give(HOME, {"error": "not approved"}, status=403)
    with pytest.raises(AccessError) as caught:
        reliefweb.events(AGES)
    assert "appname=" not in str(caught.value)


def test_what_still_goes_on_counts_whenever_it_began(replay, reliefweb):
    """A drought since 2019 that is not over belongs to the list of this month."""
    month = Window(
        start=dt.datetime(2025, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2025, 2, 1, tzinfo=dt.UTC)
    )
    data = [record(1), record(2, status="past")]
    replay.give(HOME, {"data": data})
    assert [event.ids["reliefweb"] for event in reliefweb.events(month)] == ["1"]


@pytest.mark.parametrize(
    ("code", "hazard"),
    [
        ("FF", Hazard.FLOOD),
        ("TC", Hazard.STORM),
        ("ST", Hazard.STORM),
        ("LS", Hazard.LANDSLIDE),
        ("WF", Hazard.FIRE),
        ("HT", Hazard.HEAT),
        ("VO", Hazard.VOLCANO),
        ("EP", None),
        ("CW", None),
        ("AC", None),
    ],
)
def test_kinds_become_hazards(replay, reliefweb, code, hazard):
    """Epidemics, cold waves and accidents are passed over."""
    replay.give(HOME, {"data": [record(code=code, glide="")]})
    assert [event.hazard for event in reliefweb.events(AGES)] == ([hazard] if hazard else [])


def test_a_flood_with_related_numbers_is_linked(replay, reliefweb):
    """Other GLIDE numbers are relations; a single EMSR number in the text is a name."""
    there = record(
        description="Mapped as EMSR773.", related_glide=["TC-2024-000001-ESP", "x", None]
    )
    replay.give(HOME, {"data": [there]})
    (event,) = reliefweb.events(AGES)
    assert event.related == ("glide:TC-2024-000001-ESP",)
    assert event.ids["emsr"] == "EMSR773"


def test_endless_pages_end(replay, reliefweb, caplog):
    """A service that ignores offsets is asked twice; one that never ends is cut off."""
    replay.give(HOME, {"data": [record(n) for n in range(PAGE)]})
    assert len(reliefweb.events(AGES)) == PAGE
    assert len(replay.asked) == 2
    replay.clear()
    replay.give(
        HOME,
        lambda _, body: {"data": [record(json.loads(body)["offset"] + n) for n in range(PAGE)]},
    )
    assert len(reliefweb.events(AGES)) == PAGE * MAX_PAGES
    assert "cut off" in caplog.text


@pytest.mark.parametrize(
    "bad",
    [
        record("x"),
        record(primary_type=None, type=[]),
        record(date={}),
        record(primary_country={}),
        record(primary_country={**SPAIN, "location": {"lat": 400, "lon": 0}}),
        {"id": "5"},
        None,
        [],
    ],
)
def test_a_bad_record_loses_no_other(replay, reliefweb, bad, caplog):
    """It is logged; alone, it is an error of the feed."""
    replay.give(HOME, {"data": [bad, record(2)]})
    assert [event.ids["reliefweb"] for event in reliefweb.events(AGES)] == ["2"]
    assert "a record is left out" in caplog.text
    replay.give(HOME, {"data": [bad]})
    with pytest.raises(IntegrityError, match="none of 1 records"):
        reliefweb.events(AGES)


def test_one_disaster_by_glide_number(replay, reliefweb):
    """Looked up by a filter, as by its own number; nothing found is nothing."""
    replay.give(HOME, {"data": [record()]})
    assert reliefweb.find("glide", "FL-2024-000199-ESP")[0].id == "FL-2024-000199-ESP"
    asked = json.loads(replay.asked[-1][2])["filter"]
    assert asked == {"field": "glide", "value": "FL-2024-000199-ESP"}
    assert reliefweb.find("reliefweb", "52000")
    replay.give(HOME, {"data": []})
    assert reliefweb.find("reliefweb", "1") == []
    assert reliefweb.find("glide", "no") == []


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "glide", "iso3", "day"),
    [
        ("disasters-25846.json", "FF-2015-000115-MKD", "MKD", (2015, 8, 3)),
        ("disasters-25466.json", "FL-2015-000106-BFA", "BFA", (2015, 8, 7)),
    ],
)
def test_recorded_disasters(replay, reliefweb, shared_data, name, glide, iso3, day):
    """Two floods of 2015 with their GLIDE numbers, countries and days."""
    folder = shared_data / "responses" / "reliefweb_hdx" / "tests" / "fixtures" / "input"
    replay.give(HOME, (folder / name).read_bytes())
    (event,) = reliefweb.events(AGES)
    assert (event.ids["glide"], event.countries) == (glide, (iso3,))
    assert event.onset == dt.datetime(*day, tzinfo=dt.UTC)
    assert event.hazard is Hazard.FLOOD


@pytest.mark.realdata
def test_recorded_list_with_too_few_fields(replay, reliefweb, shared_data):
    """A thousand records without dates and countries are an error of the feed, not no disaster."""
    folder = shared_data / "responses" / "reliefweb_hdx" / "tests" / "fixtures" / "input"
    replay.give(HOME, next(folder.glob("v1-disasters-*")).read_bytes())
    with pytest.raises(IntegrityError, match="none of 1000 records can be read"):
        reliefweb.events(AGES)
