import datetime as dt
import json

import pytest
import shapely

from reliefscope.errors import IntegrityError, NothingFoundError
from reliefscope.feeds.gdacs import MAX_EPISODES, MAX_PAGES, PAGE, Gdacs
from reliefscope.feeds.merge import merge
from reliefscope.model.event import Alert, Extent, Hazard, Window

LIST = "/gdacsapi/api/events/geteventlist/SEARCH"
DATA = "/gdacsapi/api/events/geteventdata"
GEOMETRY = "/gdacsapi/api/polygons/getgeometry"
RSS = "/xml/rss_7d.xml"
AGES = Window(
    start=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
)


def feature(code="FL", number=1, *, lon=-2.6, lat=39.4, **said):
    """One feature of the list, as GDACS writes it."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            "eventtype": code,
            "eventid": number,
            "episodeid": 1,
            "name": "Flood in Spain",
            "glide": "",
            "alertlevel": "Green",
            "fromdate": "2024-10-27T15:00:00",
            "todate": "2024-11-04T11:00:00",
            "iso3": "ESP",
            "country": "Spain",
            "url": {"report": "https://www.gdacs.org/report.aspx?eventid=1"},
        }
        | said,
    }


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.fixture
def gdacs(replay, transport):
    return Gdacs(transport=transport, url=replay.url)


def test_each_kind_of_disaster_is_asked_for_by_itself(replay, gdacs):
    """Six lists of all alerts; an empty answer (204) means that there is none."""
    replay.give(LIST, lambda q, _: collection(feature()) if q["eventlist"] == "FL" else "")
    (event,) = gdacs.events(AGES)
    asked = [q for path, q, _ in replay.asked if path == LIST]
    assert sorted(q["eventlist"] for q in asked) == ["DR", "EQ", "FL", "TC", "VO", "WF"]
    assert {q["alertlevel"] for q in asked} == {"green;orange;red"}
    assert {(q["fromdate"], q["todate"]) for q in asked} == {("1990-01-01", "2030-01-01")}
    assert (event.id, event.title, event.hazard) == ("GDACS-FL-1", "Flood in Spain", Hazard.FLOOD)
    assert event.onset == dt.datetime(2024, 10, 27, 15, tzinfo=dt.UTC)
    assert event.end == dt.datetime(2024, 11, 4, 11, tzinfo=dt.UTC)
    assert event.severity is Alert.GREEN
    assert event.countries == ("ESP",)


def test_only_the_hazards_wanted_are_asked_for(replay, gdacs):
    """Floods alone take one request; a hazard that GDACS does not know takes none."""
    replay.give(LIST, collection())
    assert gdacs.events(AGES, hazards=[Hazard.FLOOD]) == []
    assert [q["eventlist"] for _, q, _ in replay.asked] == ["FL"]
    assert gdacs.events(AGES, hazards=[Hazard.HEAT]) == []
    assert len(replay.asked) == 1


def test_pages_are_read_until_one_is_short(replay, gdacs):
    """A page holds 100; 250 floods take three pages."""

    def page(asked, _):
        first = (int(asked["pagenumber"]) - 1) * PAGE
        return collection(*(feature(number=n) for n in range(first, min(first + PAGE, 250))))

    replay.give(LIST, page)
    assert len(gdacs.events(AGES, hazards=[Hazard.FLOOD])) == 250
    assert len(replay.asked) == 3


def test_endless_pages_end(replay, gdacs, caplog):
    """A service that ignores paging is asked twice; one that never ends is cut off, and logged."""
    replay.give(LIST, collection(*(feature(number=n) for n in range(PAGE))))
    assert len(gdacs.events(AGES, hazards=[Hazard.FLOOD])) == PAGE
    assert len(replay.asked) == 2
    replay.clear()
    replay.give(
        LIST,
        lambda q, _: collection(
            *(feature(number=n + int(q["pagenumber"]) * PAGE) for n in range(PAGE))
        ),
    )
    assert len(gdacs.events(AGES, hazards=[Hazard.FLOOD])) == PAGE * MAX_PAGES
    assert "cut off" in caplog.text


def test_grave_floods_get_their_outlines(replay, transport):
    """Orange and red alerts do, the latest first, as many as are wanted; earthquakes never."""
    ring = [[[-1, 39], [0, 39], [0, 40], [-1, 40], [-1, 39]]]
    outline = {"type": "Polygon", "coordinates": ring}
    replay.give(
        LIST,
        lambda q, _: collection(
            *(
                feature(q["eventlist"], n, alertlevel=a, fromdate=f"2024-10-{n + 10}T00:00:00")
                for n, a in enumerate(["Green", "Orange", "Red", "Orange"])
            )
        ),
    )
    replay.give(
        GEOMETRY,
        collection({"geometry": outline, "properties": {"Class": "Poly_Affected"}}),
    )
    feed = Gdacs(transport=transport, url=replay.url, polygons=2)
    found = feed.events(AGES, hazards=[Hazard.FLOOD, Hazard.EARTHQUAKE])
    mapped = {e.reports[0].id for e in found if e.reports[0].extent is Extent.MAPPED}
    assert mapped == {"FL3", "FL2"}
    assert {e.area.bbox for e in found if e.reports[0].id in mapped} == {(-1, 39, 0, 40)}
    assert len(found) == 8


def test_outlines_are_not_asked_for_once_the_service_is_out(replay, gdacs, caplog):
    """The events come as circles; one failure is enough, as each is waited for."""
    replay.give(LIST, collection(*(feature(number=n, alertlevel="Red") for n in "123")))
    replay.give(GEOMETRY, "out", status=503)
    replay.give(DATA, feature(alertlevel="Red"))
    found = gdacs.events(AGES, hazards=[Hazard.FLOOD])
    assert {event.reports[0].extent for event in found} == {Extent.CIRCLE}
    assert len({q["eventid"] for path, q, _ in replay.asked if path == GEOMETRY}) == 1
    assert "no more outlines" in caplog.text
    (event,) = gdacs.find("gdacs", "FL1")
    assert event.reports[0].extent is Extent.CIRCLE
    assert all(e.reports[0].incomplete for e in [event, *found])


@pytest.mark.parametrize(
    ("answer", "incomplete"),
    [("<html>", True), ({}, True), ({"features": []}, False), ({"features": [7]}, False),
     ("", False)],
)  # fmt: skip
def test_a_broken_outline_leaves_the_circle(replay, gdacs, answer, incomplete):
    """Garbage, no polygon, no content: the event is there all the same; after garbage it is said
    that there may be an outline."""
    replay.give(LIST, collection(feature(alertlevel="Red")))
    replay.give(GEOMETRY, answer)
    (event,) = gdacs.events(AGES, hazards=[Hazard.FLOOD])
    assert event.reports[0].extent is Extent.CIRCLE
    assert event.reports[0].incomplete is incomplete


def test_a_cyclone_is_where_its_wind_blew():
    """Wind fields labelled with a speed count; moments, forecasts and cones do not."""
    from reliefscope.feeds.gdacs import read_feature, read_geometry  # noqa: PLC0415 - one test

    def polygon(kind, label, west):
        ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
        said = {"Class": kind, "polygonlabel": label}
        return {"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": said}

    (event,) = read_feature(feature("TC", 5))
    answer = collection(
        polygon("Poly_Green", "60 km/h", 0),
        polygon("Poly_Orange", "90 km/h", 0.5),
        polygon("Poly_Red", "01/10 12:00", 20),
        polygon("Poly_Cones", "Uncertainty Cones", 40),
    )
    assert read_geometry(event, answer).area.bbox == (0, 0, 1.5, 1)


def test_an_earthquake_names_the_one_of_the_usgs(replay, gdacs):
    """GDACS takes earthquakes from NEIC and gives its name; the circle follows the magnitude."""
    said = {"severity": 7.1, "severitytext": "Magnitude 7.1M", "severityunit": "M"}
    quake = feature("EQ", 7, source="NEIC", sourceid="us6000pi9w", severitydata=said)
    replay.give(LIST, collection(quake))
    (event,) = gdacs.events(AGES, hazards=[Hazard.EARTHQUAKE])
    assert event.ids == {"gdacs": "EQ7", "usgs": "us6000pi9w"}
    assert event.reports[0].details["magnitude"] == "7.1"
    assert event.area.bbox[3] - event.area.bbox[1] == pytest.approx(2 * 75.9 / 111, rel=0.02)


def test_a_flood_with_the_glide_number_of_a_cyclone_is_not_that_cyclone(replay, gdacs):
    """The number of another hazard is kept as a relation, not as a name."""
    replay.give(LIST, collection(feature(glide="TC-2024-000111-PHL")))
    (event,) = gdacs.events(AGES, hazards=[Hazard.FLOOD])
    assert "glide" not in event.ids
    assert event.related == ("glide:TC-2024-000111-PHL",)


def test_the_rss_stands_in_for_lists_that_fail(replay, gdacs, shared_data, caplog):
    """Where the list of one kind fails, that kind comes from the RSS, and the log says so."""
    rss = shared_data / "responses" / "gdacs_rss" / "samples" / "gdacs-rss-7d.xml"
    replay.give(LIST, lambda q, _: "<html>" if q["eventlist"] == "TC" else collection())
    replay.give(RSS, rss.read_bytes())
    found = gdacs.events(AGES)
    assert {event.hazard for event in found} == {Hazard.STORM}
    assert len(found) == 3
    assert "the RSS holds seven days" in caplog.text


def test_without_list_and_rss_there_is_an_error(replay, gdacs):
    """The first failure is told; nothing found would be a lie."""
    with pytest.raises(NothingFoundError, match="SEARCH answered 404"):
        gdacs.events(AGES)
    replay.give(LIST, {"features": {}})
    with pytest.raises(IntegrityError, match="without a list of 'features'"):
        gdacs.events(AGES)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("samples/gdacs-rss.xml", 16),
        ("samples/gdacs-rss-24h.xml", 21),
        ("samples/gdacs-rss-7d.xml", 115),
        ("tests/fixtures/gdacs-1.xml", 4),
    ],
)
def test_recorded_rss(replay, gdacs, shared_data, name, count):
    """Every item becomes an event, with a name, an alert and a place on the globe."""
    replay.give(RSS, (shared_data / "responses" / "gdacs_rss" / name).read_bytes())
    found = gdacs.events(AGES)
    assert len(found) == count
    assert all(event.severity for event in found)
    named = {event.ids.get("glide") for event in found} - {None}
    assert named <= {"TC-2019-000176-PHL"}


@pytest.mark.realdata
def test_recorded_rss_without_a_place(replay, gdacs, shared_data):
    """The one item of this file has no place and no kind: the feed fails, it is not empty."""
    path = shared_data / "responses" / "gdacs_rss" / "tests" / "fixtures" / "gdacs-2.xml"
    replay.give(RSS, path.read_bytes())
    with pytest.raises(NothingFoundError):
        Gdacs(transport=gdacs.transport, url=f"{replay.url}/nowhere").events(AGES)
    with pytest.raises(IntegrityError, match="none of 1 records can be read"):
        gdacs.events(AGES)


def _recorded(replay, folder, key):
    main = folder / f"{key}-event.json"
    main = main if main.exists() else folder / f"{key}-ep1-event.json"
    said = json.loads(main.read_text())
    said["properties"]["episodes"] = said["properties"]["episodes"][:7]
    replay.give(DATA, said)

    def geometry(asked, _):
        path = folder / f"{key}-ep{asked['episodeid']}-geometry.json"
        return path.read_bytes() if path.exists() else ""

    replay.give(GEOMETRY, geometry)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("key", "episodes", "box"),
    [
        ("fl-1102983", "12", (-7.5, 36.0, 0.7, 41.3)),
        ("wf-1028649", "1", (127.0, 47.6, 127.1, 47.7)),
        ("tc-1001253", "1", (168.7, -27.5, 175.1, -15.6)),
        ("dr-1016449", "1234567", (-78.0, -9.0, -44.0, 12.0)),
    ],
)
def test_recorded_episodes(replay, gdacs, shared_data, key, episodes, box):
    """Each recorded episode becomes a report with its own outline; merged they are one event."""
    folder = shared_data / "responses" / "gdacs_monty" / "tests" / "data-files" / "gdacs"
    _recorded(replay, folder, key)
    found = gdacs.find("gdacs", key.upper().replace("-", ""))
    assert "".join(event.reports[0].episode for event in found) == episodes
    (event,) = merge(found)
    assert [report.episode for report in event.episodes] == list(episodes)
    assert event.area.bbox == pytest.approx(box, abs=0.1)
    assert all(report.extent is Extent.MAPPED for report in event.reports)


@pytest.mark.realdata
def test_recorded_flood_in_spain(replay, gdacs, shared_data):
    """The second episode is a small part of the first; its alert is told, the event's stays."""
    folder = shared_data / "responses" / "gdacs_monty" / "tests" / "data-files" / "gdacs"
    _recorded(replay, folder, "fl-1102983")
    (event,) = merge(gdacs.find("gdacs", "FL1102983"))
    first, second = event.episodes
    assert event.id == "FL-2024-000199-ESP"
    assert event.ids == {"glide": "FL-2024-000199-ESP", "gdacs": "FL1102983"}
    assert event.severity is Alert.ORANGE
    assert (first.details["episode_alert"], second.details["episode_alert"]) == ("orange", "green")
    overlap = shapely.intersection(first.area.geometry, second.area.geometry).area
    assert overlap == pytest.approx(second.area.geometry.area, rel=0.05)
    assert second.area.geometry.area < first.area.geometry.area / 100


@pytest.mark.realdata
def test_recorded_single_features(shared_data):
    """All recorded answers on single events are read, as are the outlines that go with them."""
    from reliefscope.feeds.gdacs import read_feature, read_geometry  # noqa: PLC0415 - one test

    home = shared_data / "responses"
    folders = [
        home / "gdacs_monty" / "tests" / "data-files" / "gdacs",
        home / "cems_charter_gdacs_montyext" / "docs" / "model" / "sources" / "GDACS",
    ]
    paths = [p for folder in folders for p in sorted(folder.glob("*.json"))]
    events = {}
    for path in paths:
        if "event" in path.name and "bundle" not in path.name:
            (events[path.name],) = read_feature(json.loads(path.read_text()))
    by_id = {event.reports[0].id[2:]: event for event in events.values()}
    outlines = [
        read_geometry(by_id[number], json.loads(path.read_text()))
        for path in paths
        if "geometry" in path.name
        for number in by_id
        if number in path.name
    ]
    assert len(events) == 16
    assert len(outlines) == 12
    assert {event.hazard for event in events.values()} == {
        Hazard.FLOOD,
        Hazard.FIRE,
        Hazard.STORM,
        Hazard.DROUGHT,
    }


def test_the_latest_episodes_are_looked_up(replay, gdacs):
    """Of a hundred episodes of a drought, the last eight; links are read, never followed."""
    episodes = [{"details": f"http://evil.example/?episodeid={n}"} for n in range(1, 101)]
    replay.give(DATA, feature("DR", 5, episodeid=100, episodes=episodes))
    assert len(gdacs.find("gdacs", "DR5")) == 1
    asked = [q["episodeid"] for path, q, _ in replay.asked if path == GEOMETRY]
    assert asked == [str(n) for n in range(101 - MAX_EPISODES, 101)]


def test_names_of_others_are_not_looked_up(replay, gdacs):
    """Only numbers of GDACS are asked for; one that GDACS does not know gives nothing."""
    assert gdacs.find("glide", "FL-2024-000199-ESP") == []
    assert gdacs.find("gdacs", "FL1&x=2") == []
    assert replay.asked == []
    assert gdacs.find("gdacs", "FL1") == []
    replay.give(DATA, "")
    assert gdacs.find("gdacs", "FL2") == []
