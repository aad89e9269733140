import datetime as dt
import json

import pytest
import shapely

from reliefscope.errors import IntegrityError, NothingFoundError
from reliefscope.feeds.cems import MAX_PAGES, Cems
from reliefscope.feeds.merge import merge
from reliefscope.model.event import Extent, Hazard, Window

LIST, DETAIL = "/public-activations-info/", "/public-activations/"
AGES = Window(
    start=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
)


def entry(number=700, category="Flood", **said):
    """One entry of the list, as Copernicus EMS writes it."""
    return {
        "code": f"EMSR{number}",
        "countries": ["Spain"],
        "eventTime": "2024-10-29T12:00:00",
        "name": "Flood in Valencia",
        "centroid": "POINT (-0.4 39.4)",
        "activationTime": "2024-10-29T20:00:00",
        "category": category,
        "lastUpdate": "2024-11-06T11:41:14.133381",
        "closed": False,
        "gdacsId": None,
    } | said


def listing(*entries, following=None):
    return {"count": len(entries), "next": following, "previous": None, "results": list(entries)}


def square(west, south=39.0):
    return str(shapely.box(west, south, west + 0.1, south + 0.1))


@pytest.fixture
def cems(replay, transport):
    return Cems(transport=transport, url=replay.url)


def test_activations_without_details_are_circles(replay, cems):
    """Where the details fail, the list alone gives code, time, countries and a circle."""
    replay.give(LIST, listing(entry()))
    (event,) = cems.events(AGES)
    assert (event.id, event.hazard, event.countries) == ("EMSR700", Hazard.FLOOD, ("Spain",))
    assert event.onset == dt.datetime(2024, 10, 29, 12, tzinfo=dt.UTC)
    assert event.reports[0].extent is Extent.CIRCLE
    assert event.reports[0].details["status"] == "open"
    assert event.reports[0].url.endswith("copernicus.eu/EMSR700")


def test_areas_of_interest_by_rounds_of_monitoring(replay, cems):
    """Each round is a report on the areas that it mapped, with what was delivered."""

    def product(kind, round_, status="F"):
        version = {"statusCode": status, "deliveryTime": f"2024-11-0{round_ + 1}T00:00:00"}
        return {"type": kind, "monitoringNumber": round_, "version": version}

    aois = [
        {"extent": square(0), "products": [product("DEL", 0), product("DEL", 1, "N")]},
        {"extent": square(5), "products": [product("DEL", 0), product("GRA", 0, "W")]},
        {"extent": "POLYGON ((", "products": [product("DEL", 1)]},
    ]
    replay.give(LIST, listing(entry()))
    replay.give(DETAIL, listing(entry(aois=aois, extent=square(0), relatedevents=["EMSR699"])))
    first, second = cems.events(AGES)
    assert first.area.bbox == pytest.approx((0, 39, 5.1, 39.1))
    assert second.area.bbox == pytest.approx((0, 39, 0.1, 39.1))
    said = [event.reports[0] for event in (first, second)]
    assert [report.episode for report in said] == ["0", "1"]
    assert [report.details["products"] for report in said] == ["DEL 2/2, GRA 0/1", "DEL 1/2"]
    assert [report.updated.day for report in said] == [1, 2]
    assert first.related == ("emsr:EMSR699",)
    (event,) = merge([second, first])
    assert [report.episode for report in event.episodes] == ["0", "1"]


def test_the_number_of_gdacs_joins_cyclones_not_their_floods(replay, cems):
    """A storm is the cyclone of that number; a flood came with it."""
    there = [entry(1001, "Storm", gdacsId="TC1001230"), entry(1002, "Flood", gdacsId="TC1001230")]
    replay.give(LIST, listing(*there))
    storm, flood = sorted(cems.events(AGES), key=lambda event: event.hazard, reverse=True)
    assert storm.ids == {"emsr": "EMSR1001", "gdacs": "TC1001230"}
    assert flood.ids == {"emsr": "EMSR1002"}
    assert flood.related == ("gdacs:TC1001230",)


@pytest.mark.parametrize(
    ("category", "name", "hazard"),
    [
        ("Wildfire", "Fire", Hazard.FIRE),
        ("EARTHQUAKE", "Quake", Hazard.EARTHQUAKE),
        ("Mass movement", "Landslide", Hazard.LANDSLIDE),
        ("Mass Movement", "Avalanche in the Alps", None),
        ("Industrial accident", "Explosion in Beirut", Hazard.EXPLOSION),
        ("Industrial Accident", "Oil spill", None),
        ({"slug": "volcan", "name": "Volcanic Activity"}, "La Palma", Hazard.VOLCANO),
        ("Humanitarian crisis", "Refugees", None),
        (None, "?", None),
        ([], "?", None),
    ],
)
def test_categories_become_hazards(replay, cems, category, name, hazard):
    """In any case; what is none of ours is passed over."""
    replay.give(LIST, listing(entry(category=category, name=name)))
    assert [event.hazard for event in cems.events(AGES)] == ([hazard] if hazard else [])


def test_pages_follow_offsets_not_links(replay, cems, caplog):
    """The next page is asked for by number; a list without end is cut off."""

    def page(asked, _):
        following = "http://evil.example/" if asked["offset"] == "0" else None
        return listing(entry(700 + int(asked["offset"])), following=following)

    replay.give(LIST, page)
    assert {event.id for event in cems.events(AGES)} == {"EMSR700", "EMSR701"}
    replay.clear()
    replay.give(LIST, listing(entry(), following="http://evil.example/"))
    assert {event.id for event in cems.events(AGES)} == {"EMSR700"}
    assert len([path for path, *_ in replay.asked if path == LIST]) == MAX_PAGES
    assert "cut off" in caplog.text


def test_details_are_looked_up_for_the_latest(replay, transport):
    """As many as are wanted, within the window and of the hazards wanted."""
    days = [entry(700 + day, eventTime=f"2024-10-{day}T00:00:00") for day in range(10, 15)]
    replay.give(LIST, listing(*days, entry(720, "Wildfire")))
    feed = Cems(transport=transport, url=replay.url, details=2)
    assert len(feed.events(AGES, hazards=[Hazard.FLOOD])) == 5
    asked = [said["code"] for path, said, _ in replay.asked if path == DETAIL]
    assert asked == ["EMSR714", "EMSR713"]


def test_details_are_not_asked_for_once_the_service_is_out(replay, cems, caplog):
    """The activations come as circles; one failure is enough, as each is waited for."""
    replay.give(LIST, listing(entry(701), entry(702)))
    replay.give(DETAIL, "out", status=503)
    found = cems.events(AGES)
    assert {event.reports[0].extent for event in found} == {Extent.CIRCLE}
    assert len({said["code"] for path, said, _ in replay.asked if path == DETAIL}) == 1
    assert "no more details" in caplog.text
    assert all(event.reports[0].incomplete for event in found)
    replay.give(DETAIL, "<html>")
    assert all(event.reports[0].incomplete for event in cems.events(AGES))
    replay.give(DETAIL, "there is none", status=404)
    assert not any(event.reports[0].incomplete for event in cems.events(AGES))


@pytest.mark.parametrize(
    ("extent", "kind"), [(square(0), Extent.MAPPED), ("POLYGON ((", Extent.CIRCLE)]
)
def test_without_areas_of_interest_the_frame_or_the_centre_counts(replay, cems, extent, kind):
    """An activation that is new has none yet."""
    replay.give(LIST, listing(entry()))
    replay.give(DETAIL, listing(entry(aois=[], extent=extent)))
    (event,) = cems.events(AGES)
    assert event.reports[0].extent is kind


@pytest.mark.parametrize(
    "bad",
    [
        entry(code="EMSR"),
        entry(centroid="POINT (x y)"),
        entry(centroid=None),
        entry(eventTime=None, activationTime="soon"),
        None,
        [],
    ],
)
def test_a_bad_record_loses_no_other(replay, cems, bad, caplog):
    """It is logged; alone, it is an error of the feed."""
    replay.give(LIST, listing(bad, entry()))
    assert [event.id for event in cems.events(AGES)] == ["EMSR700"]
    assert "a record is left out" in caplog.text
    replay.give(LIST, listing(bad))
    with pytest.raises(IntegrityError, match="none of 1 records"):
        cems.events(AGES)


def test_a_missing_list_is_an_error(cems):
    """404 is not an empty list."""
    with pytest.raises(NothingFoundError):
        cems.events(AGES)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "hazard", "rounds", "aois", "box"),
    [
        ("EMSR842-wildfire", Hazard.FIRE, 1, 2, (-7.00, 41.96, -5.64, 43.05)),
        ("EMSR847-storm", Hazard.STORM, 3, 39, (-78.38, 17.84, -72.26, 20.92)),
        ("EMSR871-flood", Hazard.FLOOD, 3, 6, (14.52, 40.11, 16.84, 42.08)),
    ],
)
def test_recorded_activations(replay, cems, shared_data, name, hazard, rounds, aois, box):
    """Known hazard, rounds of monitoring, and a frame as the service gives it."""
    sources = shared_data / "responses" / "cems_charter_gdacs_montyext" / "docs" / "model"
    path = sources / "sources" / "CEMS" / "api-files" / f"{name}-detail.json"
    said = json.loads(path.read_text())
    replay.give(DETAIL, said)
    found = cems.find("emsr", name[:7])
    (event,) = merge(found)
    assert (event.id, event.hazard, len(found)) == (name[:7], hazard, rounds)
    assert len(said["results"][0]["aois"]) == aois
    assert event.area.bbox == pytest.approx(box, abs=0.01)
    frame = shapely.from_wkt(said["results"][0]["extent"])
    assert event.area.geometry.bounds == pytest.approx(frame.bounds, abs=1e-6)
    assert event.onset == dt.datetime.fromisoformat(said["results"][0]["eventTime"] + "+00:00")


@pytest.mark.realdata
def test_recorded_cyclone_is_known_to_gdacs_and_the_charter(replay, cems, shared_data):
    """Melissa, October 2025: names of GDACS and of the Charter, 48 products in the first round."""
    sources = shared_data / "responses" / "cems_charter_gdacs_montyext" / "docs" / "model"
    path = sources / "sources" / "CEMS" / "api-files" / "EMSR847-storm-detail.json"
    replay.give(DETAIL, path.read_bytes())
    first = cems.find("emsr", "EMSR847")[0]
    assert first.ids == {"emsr": "EMSR847", "gdacs": "TC1001230"}
    assert first.countries == ("Cuba", "Haiti", "Jamaica")
    assert first.reports[0].details["charter"] == "996"
    assert first.reports[0].details["products"] == "DEL 2/15, GRA 25/27, REF 4/4"


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("rapidmapping-activations-list.json", ["EMSR888", "EMSR887", "EMSR886"]),
        ("unified-activations-list.json", ["EMSR888", "EMSR887"]),
    ],
)
def test_recorded_lists(replay, cems, shared_data, name, codes):
    """Both lists of the service are read, the one of rapid mapping and the unified one."""
    sources = shared_data / "responses" / "cems_charter_gdacs_montyext" / "docs" / "model"
    said = json.loads((sources / "sources" / "CEMS" / "api-files" / name).read_text())
    replay.give(LIST, lambda asked, _: said if asked["offset"] == "0" else listing())
    found = cems.events(AGES)
    assert sorted((event.id for event in found), reverse=True) == codes
    assert {event.hazard for event in found} == {Hazard.FIRE}
