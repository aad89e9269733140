import datetime as dt
import json
import re
import tomllib

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.feeds import FEEDS
from reliefscope.feeds._base import reported
from reliefscope.feeds._shapes import circle
from reliefscope.jobs.event_file import read_event_file
from reliefscope.jobs.events import (
    HEADER,
    EventList,
    as_geojson,
    as_json,
    event_by_id,
    event_file_text,
    list_events,
    open_feeds,
    rows,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Extent, Hazard, Report, Window
from reliefscope.settings import Settings

NOW = dt.datetime(2024, 11, 10, tzinfo=dt.UTC)
ONSET = dt.datetime(2024, 10, 29, 12, tzinfo=dt.UTC)


def flood(feed="gdacs", id_="FL1", *, lon=-0.4, lat=39.4, names=(), countries=(), **said):
    given_ = {
        "title": "Flood in Spain",
        "url": "https://example.org/",
        "hazard": Hazard.FLOOD,
        "area": circle(lon, lat, 50, name="Valencia"),
        "onset": ONSET,
    } | said
    scheme = {"cems": "emsr"}.get(feed, feed)
    return reported(Report(feed=feed, id=id_, **given_), [(scheme, id_), *names], countries)


class Told:
    """A feed that says what it is told to."""

    def __init__(self, *events, error=None):
        self.events_, self.error, self.asked = events, error, []

    name = "told"

    def events(self, window, *, hazards=None, area=None):
        self.asked.append((window, hazards, area))
        if self.error:
            raise self.error
        return [e for e in self.events_ if hazards is None or e.hazard in hazards]

    def find(self, scheme, value):
        self.asked.append((scheme, value))
        if self.error:
            raise self.error
        return [e for e in self.events_ if value in e.known_as(scheme)]


def listed(*events, failures=None):
    window = Window(start=NOW - dt.timedelta(days=30), end=NOW)
    return EventList(events=events, window=window, failures=failures or {})


def ask(feeds, **said):
    return list_events(Settings(), now=NOW, feeds=feeds, **said)


def test_all_feeds_are_asked_and_put_together():
    """One flood of two feeds, the latest event first, thirty days back."""
    one = Told(flood(), flood(id_="FL2", lon=100, onset=NOW - dt.timedelta(days=1)))
    two = Told(flood("cems", "EMSR773", lon=-0.5))
    found = ask({"one": one, "two": two})
    assert [event.id for event in found.events] == ["GDACS-FL-2", "EMSR773"]
    assert found.failures == {}
    window = Window(start=NOW - dt.timedelta(days=30), end=NOW)
    assert one.asked == two.asked == [(window, None, None)]


def test_a_feed_that_fails_does_not_lose_the_others():
    """Its failure is told, in words without secrets."""
    feeds = {"well": Told(flood()), "ill": Told(error=UnavailableError("no network"))}
    found = ask(feeds)
    assert len(found.events) == 1
    assert found.failures == {"ill": "UnavailableError: no network"}


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([UnavailableError("a"), IntegrityError("b")], UnavailableError),
        ([AccessError("a"), AccessError("b")], AccessError),
        ([IntegrityError("a"), IntegrityError("b")], IntegrityError),
        ([NothingFoundError("a"), AccessError("b")], UnavailableError),
    ],
)
def test_if_all_feeds_fail_there_is_an_error(errors, kind):
    """It names each; an empty list would say that there is no disaster."""
    feeds = {f"feed{n}": Told(error=error) for n, error in enumerate(errors)}
    with pytest.raises(kind, match="feed0: a; feed1: b"):
        ask(feeds)


def test_our_own_bugs_are_not_hidden():
    """Anything else than an error of this package goes through."""
    with pytest.raises(ZeroDivisionError):
        ask({"one": Told(flood()), "two": Told(error=ZeroDivisionError())})


def test_no_feeds_give_no_events():
    """Nobody asked, nobody failed."""
    assert ask({}).events == ()


def test_what_is_asked_for_can_be_narrowed():
    """By hazard, time and box; what cannot be is refused."""
    storm = flood(id_="TC1", hazard=Hazard.STORM)
    told = Told(flood(), storm, flood("cems", "EMSR111", lon=100))
    feeds = {"told": told}
    assert [e.id for e in ask(feeds, hazard="storm").events] == ["GDACS-TC-1"]
    assert told.asked[-1][1] == {Hazard.STORM}
    assert [e.id for e in ask(feeds, bbox=(95, 35, 105, 45)).events] == ["EMSR111"]
    since = NOW - dt.timedelta(days=3)
    ask(feeds, since=since)
    assert told.asked[-1][0].start == since
    with pytest.raises(InputError, match=r"hazard 'plague' is unknown; choose of \['flood'"):
        ask(feeds, hazard="plague")
    with pytest.raises(InputError, match="the end must come after the start"):
        ask(feeds, since=NOW)
    with pytest.raises(InputError, match="time zone"):
        ask(feeds, since=dt.datetime(2024, 1, 1))  # noqa: DTZ001 - the fault under test
    with pytest.raises(InputError, match="west south east north"):
        ask(feeds, bbox=(0, 50, 1, 40))


@pytest.mark.parametrize("country", ["Spain", "spain", "ESP", "esp"])
def test_countries_match_by_name_code_or_place(country):
    """Feeds give codes, names, or nothing but a place; the border counts where nothing is named."""
    events = [
        flood(id_="FL1", countries=["ESP"]),
        flood(id_="FL2", countries=["Spain"]),
        flood(id_="FL3"),
        flood(id_="FL4", countries=["PRT", "ESP"]),
        flood(id_="FL5", countries=["Off the coast"]),
        flood(id_="FL6", countries=["PRT"]),
        flood(id_="FL7", lon=10, lat=51),
    ]
    found = ask({"told": Told(*events)}, country=country).events
    assert sorted(event.id[-1] for event in found) == ["1", "2", "3", "4", "5"]


def test_an_unknown_country_is_told_with_its_neighbours_in_spelling():
    """Before any feed is asked."""
    told = Told(flood())
    with pytest.raises(NothingFoundError, match=r"did you mean .*Spain"):
        ask({"told": told}, country="Spane")
    assert told.asked == []


def test_a_country_is_outlined_where_a_feed_says_no_more():
    """A circle of ReliefWeb becomes Chile; with a better report, the better area stays."""
    vague = {"extent": Extent.COUNTRY, "countries": ["CHL"], "lon": -71, "lat": -30}
    (event,) = ask({"told": Told(flood("reliefweb", "7", **vague))}).events
    assert event.area.bbox[1] < -50
    assert event.area.bbox[3] > -18
    assert event.area.name == "Chile"
    south = flood(lon=-73, lat=-45, onset=ONSET + dt.timedelta(days=1))
    (event,) = ask({"a": Told(flood("reliefweb", "7", **vague)), "b": Told(south)}).events
    assert {report.feed for report in event.reports} == {"gdacs", "reliefweb"}
    assert event.area == south.area


def test_feeds_are_those_of_the_table():
    """All of them, each with its own transport."""
    feeds = open_feeds(Settings())
    assert list(feeds) == list(FEEDS)
    assert len({id(feed.transport) for feed in feeds.values()}) == len(FEEDS)


def test_one_disaster_by_any_of_its_names():
    """What one feed knows leads to the others; the names of all are followed."""
    feeds = {
        "gdacs": Told(flood(names=[("glide", "FL-2024-000199-ESP")]), flood(id_="FL2")),
        "reliefweb": Told(flood("reliefweb", "7", names=[("glide", "FL-2024-000199-ESP")])),
        "ill": Told(error=UnavailableError("no network")),
    }
    for id_ in ("GDACS:FL-1", "FL1", "glide:fl-2024-000199-esp", "RELIEFWEB:7"):
        event = event_by_id(Settings(), id_, NOW, feeds=feeds)
        assert event.id == "FL-2024-000199-ESP"
        assert {report.feed for report in event.reports} == {"gdacs", "reliefweb"}


def test_a_glide_number_is_looked_for_in_the_lists_of_its_year():
    """Where no feed looks it up; the year is in the number."""

    class Lists(Told):
        def find(self, scheme, value):
            self.asked.append((scheme, value))
            return []

    told = Lists(flood(names=[("glide", "FL-2024-000199-ESP")]))
    event = event_by_id(Settings(), "FL-2024-000199-ESP", NOW, feeds={"told": told})
    assert event.id == "FL-2024-000199-ESP"
    assert told.asked[-1][0] == Window(start=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), end=NOW)
    with pytest.raises(NothingFoundError, match="of the year 2031"):
        event_by_id(Settings(), "FL-2031-000199-ESP", NOW, feeds={"told": told})


def test_a_name_nobody_knows():
    """Not found if all feeds answered; the failure if one that may know it did not."""
    with pytest.raises(NothingFoundError, match="no feed knows 'FL9'"):
        event_by_id(Settings(), "FL9", NOW, feeds={"told": Told(flood())})
    feeds = {"told": Told(flood()), "ill": Told(error=UnavailableError("no network"))}
    with pytest.raises(UnavailableError, match="ill: no network"):
        event_by_id(Settings(), "FL9", NOW, feeds=feeds)
    with pytest.raises(InputError, match="names no disaster"):
        event_by_id(Settings(), "the flood", NOW, feeds=feeds)


def test_a_table_has_a_row_for_each_event():
    """As many cells as the header names."""
    event = flood(severity=Alert.ORANGE, countries=["ESP", "FRA"])
    (row,) = rows(listed(event))
    assert len(row) == len(HEADER)
    assert row == (
        "2024-10-29 12:00",
        "flood",
        "orange",
        "Flood in Spain",
        "ESP, FRA",
        "GDACS-FL-1",
        "gdacs",
    )


def test_json_holds_the_lineage():
    """Reports, names by scheme, relations, failures; it survives a round trip through text."""
    storm = flood(id_="TC2", hazard=Hazard.STORM, end=ONSET + dt.timedelta(days=2))
    said = as_json(listed(flood(), storm, failures={"usgs": "UnavailableError: x"}))
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    first, second = said["events"]
    assert said["window"] == {"start": "2024-10-11T00:00:00Z", "end": "2024-11-10T00:00:00Z"}
    assert said["failures"] == {"usgs": "UnavailableError: x"}
    assert (first["ids"], first["onset"]) == ({"gdacs": ["FL1"]}, "2024-10-29T12:00:00Z")
    assert (first["related"], second["related"]) == (["GDACS-TC-2"], ["GDACS-FL-1"])
    assert first["reports"][0]["feed"] == "gdacs"
    assert (first["severity"], first["end"]) == (None, None)


def test_geojson_obeys_its_standard():
    """RFC 7946: outer rings anticlockwise, parts beside the antimeridian, boxes west to east."""
    clockwise = Area(name="c", geometry=shapely.box(0, 0, 1, 1, ccw=False))
    fiji = circle(179.9, -17, 100, name="Fiji")
    said = as_geojson(listed(flood(area=clockwise), flood(id_="FL2", area=fiji)))
    assert said["type"] == "FeatureCollection"
    square, across = said["features"]
    assert shapely.geometry.shape(square["geometry"]).exterior.is_ccw
    assert square["bbox"] == [0, 0, 1, 1]
    assert (square["id"], square["properties"]["hazard"]) == ("GDACS-FL-1", "flood")
    assert across["geometry"]["type"] == "MultiPolygon"
    west, _, east, _ = across["bbox"]
    assert west > 178
    assert east < -178
    parts = shapely.get_parts(shapely.geometry.shape(across["geometry"]))
    assert len(parts) == 2
    assert all(part.exterior.is_ccw and not part.is_empty for part in parts)
    assert all(part.bounds[2] - part.bounds[0] < 3 for part in parts)
    json.dumps(said, allow_nan=False)


def _written(tmp_path, event):
    path = tmp_path / "EVENT.toml"
    path.write_text(event_file_text(event), encoding="utf-8")
    return path


def test_an_event_file_can_be_read_again(tmp_path):
    """Names, title, hazard and onset as they were; the box around the area; open sources."""
    event = flood(names=[("glide", "FL-2024-000199-ESP")], severity=Alert.RED, countries=["ESP"])
    path = _written(tmp_path, event)
    request = read_event_file(path, Settings())
    again = request.event
    assert (again.id, again.title, again.hazard) == (event.id, event.title, event.hazard)
    assert (again.onset, again.ids) == (event.onset, event.ids)
    assert again.area.geometry.covers(event.area.geometry)
    assert again.area.bbox == pytest.approx(event.area.bbox, abs=2e-4)
    assert again.area.name == event.area.name
    assert list(request.sources) == ["planetary-computer"]
    assert "# gdacs FL1" in path.read_text(encoding="utf-8")


def test_an_event_file_across_the_antimeridian(tmp_path):
    """The box has its west east of its east, and the area is as narrow as it was."""
    path = _written(tmp_path, flood(area=circle(179.9, -17, 100, name="Fiji")))
    area = read_event_file(path, Settings()).event.area
    assert area.crosses_antimeridian
    assert area.width_deg < 3


HOSTILE = [
    'x"\n[sources.evil]\ntype = "files"\nfolder = "/etc"\n#',
    "'''\n\"\"\"\nonset = 1999-01-01",
    "\x00\x1b[31m\x7f\u202e\u2028\ud800",
    "\\u0000 \\ \" '",
    "# comment\rmore",
    "x" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_from_feeds_can_change_an_event_file(tmp_path, text):
    """Quotes, line ends, controls: it stays one value, and the file says what it said."""
    _unharmed(tmp_path, text)


@given(st.text() | st.text(alphabet="\"'\\\n\r#[]=u0\x00\x7f\u2028 x"))
def test_no_text_at_all_can_change_an_event_file(tmp_path_factory, text):
    """The same for any text."""
    _unharmed(tmp_path_factory.getbasetemp(), text)


def _unharmed(tmp_path, text):
    report = Report(
        feed=text,
        id=text,
        title=text,
        url=text,
        hazard=Hazard.FLOOD,
        area=Area.from_bbox(0, 0, 1, 1, name=text),
        onset=ONSET,
        episode=text,
    )
    event = Event(
        id="E1",
        title=text,
        hazard=Hazard.FLOOD,
        area=report.area,
        onset=ONSET,
        ids={"glide": text, "x y": text},
        countries=(text,),
        reports=(report,),
    )
    path = _written(tmp_path, event)
    parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(parsed) == {"event", "area", "sources", "context"}
    assert set(parsed["context"]) == {"population", "admin", "places", "roads", "facilities"}
    assert set(parsed["event"]) == {"id", "title", "hazard", "onset", "ids"}
    assert set(parsed["area"]) == {"bbox", "name"}
    assert set(parsed["sources"]) == {"planetary-computer"}
    assert parsed["event"]["onset"] == ONSET
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", path.read_text(encoding="utf-8"))
    assert read_event_file(path, Settings()).event.id == "E1"


@pytest.mark.realdata
def test_the_flood_in_spain_from_recorded_answers(shared_data, tmp_path):
    """GDACS as recorded: found by its number, with both episodes, written and read again."""
    from tests.feeds.test_feeds import Canned  # noqa: PLC0415 - tests of one layer below

    folder = shared_data / "responses" / "gdacs_monty" / "tests" / "data-files" / "gdacs"
    canned = Canned(
        {
            "geteventdata": (folder / "fl-1102983-ep1-event.json").read_bytes(),
            "getgeometry": (folder / "fl-1102983-ep2-geometry.json").read_bytes(),
        }
    )
    feeds = {"gdacs": FEEDS["gdacs"](transport=canned)}
    event = event_by_id(Settings(), "GDACS:FL-1102983", NOW, feeds=feeds)
    assert event.id == "FL-2024-000199-ESP"
    assert [report.episode for report in event.episodes] == ["1", "2"]
    again = read_event_file(_written(tmp_path, event), Settings()).event
    assert (again.id, again.onset) == (event.id, event.onset)
