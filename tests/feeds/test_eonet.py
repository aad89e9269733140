import datetime as dt
import json

import pytest
import shapely

from reliefscope.errors import IntegrityError
from reliefscope.feeds.eonet import Eonet
from reliefscope.model.event import Extent, Hazard, Window

AGES = Window(
    start=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
)


def record(number=1, category="wildfires", *, points=((10.0, 45.0),), **said):
    """One event, as EONET writes it."""
    return {
        "id": f"EONET_{number}",
        "title": "Wildfire in Italy",
        "description": None,
        "link": f"https://eonet.gsfc.nasa.gov/api/v3/events/EONET_{number}",
        "closed": None,
        "categories": [{"id": category, "title": category}],
        "sources": [],
        "geometry": [
            {
                "magnitudeValue": None,
                "magnitudeUnit": None,
                "date": f"2024-03-{day:02}T06:00:00Z",
                "type": "Point",
                "coordinates": list(point),
            }
            for day, point in enumerate(points, start=1)
        ],
    } | said


@pytest.fixture
def eonet(replay, transport):
    return Eonet(transport=transport, url=f"{replay.url}/events")


def test_a_fire_is_a_circle_around_its_point(replay, eonet):
    """One point, ten kilometres; all categories that are hazards are asked for."""
    replay.give("/events", {"events": [record()]})
    (event,) = eonet.events(AGES)
    assert (event.id, event.hazard, event.end) == ("EONET-1", Hazard.FIRE, None)
    assert event.area.centre == pytest.approx((10, 45), abs=0.01)
    assert event.reports[0].extent is Extent.CIRCLE
    ((_, asked, _),) = replay.asked
    assert (asked["start"], asked["end"], asked["status"]) == ("1990-01-01", "2030-01-01", "all")
    assert "wildfires" in asked["category"].split(",")
    assert "seaLakeIce" not in asked["category"]


@pytest.mark.parametrize(
    ("category", "title", "hazard"),
    [
        ("drought", "Drought", Hazard.DROUGHT),
        ("earthquakes", "Quake", Hazard.EARTHQUAKE),
        ("floods", "Floods", Hazard.FLOOD),
        ("landslides", "Slide", Hazard.LANDSLIDE),
        ("severeStorms", "Storm", Hazard.STORM),
        ("volcanoes", "Etna", Hazard.VOLCANO),
        ("wildfires", "Fire", Hazard.FIRE),
        ("manmade", "Beirut Explosion", Hazard.EXPLOSION),
        ("manmade", "Oil spill", None),
        ("tempExtremes", "Heat wave in India", Hazard.HEAT),
        ("tempExtremes", "Cold wave in India", None),
        ("seaLakeIce", "Iceberg A23A", None),
        ("dustHaze", "Dust", None),
    ],
)
def test_categories_become_hazards(replay, eonet, category, title, hazard):
    """Ice and dust are no hazard here; cold is no heat."""
    replay.give("/events", {"events": [record(category=category, title=title)]})
    assert [event.hazard for event in eonet.events(AGES)] == ([hazard] if hazard else [])


def test_a_series_of_points_is_a_track(replay, eonet):
    """In the order of their dates; the first is the onset, the last the end."""
    there = record(category="severeStorms", points=[(175, -15), (178, -16), (-178, -18)])
    there["geometry"].reverse()
    replay.give("/events", {"events": [there]})
    (event,) = eonet.events(AGES)
    assert event.area.crosses_antimeridian
    assert event.area.width_deg < 12
    assert (event.onset.day, event.end.day) == (1, 3)
    assert event.reports[0].extent is Extent.TRACK


def test_outlines_are_kept(replay, eonet):
    """A polygon is not made a circle."""
    ring = [[10, 45], [11, 45], [11, 46], [10, 46], [10, 45]]
    shape = {"date": "2024-03-01T00:00:00Z", "type": "Polygon", "coordinates": [ring]}
    replay.give("/events", {"events": [record(geometry=[shape])]})
    (event,) = eonet.events(AGES)
    assert event.area.bbox == (10, 45, 11, 46)
    assert event.reports[0].extent is Extent.MAPPED


def test_sources_name_the_same_disaster_elsewhere(replay, eonet):
    """Addresses of GDACS, the USGS, ReliefWeb and Copernicus hold names."""
    urls = [
        "https://www.gdacs.org/report.aspx?eventtype=WF&amp;eventid=1023069",
        "https://www.gdacs.org/report.aspx?eventtype=XX&eventid=1",
        "https://reliefweb.int/disaster/wf-2024-000123-ita",
        "https://mapping.emergency.copernicus.eu/activations/EMSR700/",
        "javascript:alert(1)",
        None,
    ]
    sources = [{"id": "x", "url": url} for url in urls]
    replay.give("/events", {"events": [record(sources=sources)]})
    (event,) = eonet.events(AGES)
    assert event.ids == {
        "eonet": "EONET_1",
        "gdacs": "WF1023069",
        "glide": "WF-2024-000123-ITA",
        "emsr": "EMSR700",
    }
    assert event.reports[0].url == urls[0]


def test_closed_events_end_when_they_were_closed(replay, eonet):
    """Status and the largest size are in the details."""
    there = record(closed="2024-03-09T00:00:00Z", points=[(1, 1), (1, 1)])
    there["geometry"][1] |= {"magnitudeValue": 850, "magnitudeUnit": "acres"}
    replay.give("/events", {"events": [there]})
    (event,) = eonet.events(AGES)
    assert event.end == dt.datetime(2024, 3, 9, tzinfo=dt.UTC)
    assert event.reports[0].details == {"status": "closed", "size": "850 acres"}


@pytest.mark.parametrize(
    "bad",
    [
        record(id="x"),
        record(id=None),
        record(geometry=[]),
        record(geometry=None),
        record(points=[(4000, 0)]),
        record(points=[("a", "b")]),
        record(geometry=[{"date": "never", "type": "Point", "coordinates": [1, 1]}]),
        record(geometry=[{"date": "2024-01-01", "type": "Polygon", "coordinates": []}]),
        {},
        [],
        None,
    ],
)
def test_a_bad_record_loses_no_other(replay, eonet, bad, caplog):
    """It is logged; alone, it is an error of the feed."""
    replay.give("/events", {"events": [bad, record(2)]})
    assert [event.id for event in eonet.events(AGES)] == ["EONET-2"]
    assert "a record is left out" in caplog.text
    replay.give("/events", {"events": [bad]})
    with pytest.raises(IntegrityError, match="none of 1 records"):
        eonet.events(AGES)


def test_one_event_by_name(replay, eonet):
    """Unknown ones are nothing; other schemes are not asked for."""
    assert eonet.find("gdacs", "WF1") == []
    assert eonet.find("eonet", "../x") == []
    assert replay.asked == []
    assert eonet.find("eonet", "EONET_1") == []
    replay.give("/events/EONET_1", record())
    assert eonet.find("eonet", "EONET_1")[0].id == "EONET-1"


@pytest.mark.realdata
def test_recorded_answers_of_both_forms(replay, transport, shared_data):
    """Three storms with 45 points as events, with 34 as features: the same storms and tracks."""
    folder = shared_data / "responses" / "eonet_takervare"
    replay.give("/events", (folder / "events.json").read_bytes())
    replay.give("/events/geojson", (folder / "events_geojson.json").read_bytes())
    plain = Eonet(transport=transport, url=f"{replay.url}/events").events(AGES)
    features = Eonet(transport=transport, url=f"{replay.url}/events/geojson").events(AGES)
    titles = ["Tropical Storm Narda", "Super Typhoon Ragasa", "Typhoon Neoguri"]
    assert [event.title for event in plain] == [event.title for event in features] == titles
    assert [event.onset for event in plain] == [event.onset for event in features]
    for one, other in zip(plain, features, strict=True):
        overlap = shapely.intersection(one.area.geometry, other.area.geometry).area
        assert overlap == pytest.approx(other.area.geometry.area, rel=0.01)
    said = json.loads((folder / "events.json").read_text())
    for event, told in zip(plain, said["events"], strict=True):
        points = shapely.points([g["coordinates"] for g in told["geometry"]])
        assert shapely.covers(event.area.geometry, points).all()
