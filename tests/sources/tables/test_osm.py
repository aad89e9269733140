"""OpenStreetMap by Overpass: a service that gave up is never a land without roads."""

import json
from urllib.parse import parse_qs

import pytest

from reliefscope.errors import InputError, IntegrityError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.sources.tables import osm

AREA = Area.from_bbox(7.1, 50.7, 7.3, 50.8, name="Bonn")


def node(ident, lon, lat, **tags):
    return {"type": "node", "id": ident, "lon": lon, "lat": lat, "tags": tags}


def found(*elements, **more):
    return {
        "osm3s": {"timestamp_osm_base": "2026-03-01T00:00:00Z"},
        "elements": list(elements),
        **more,
    }


def line(ident, *points, **tags):
    return {
        "type": "way",
        "id": ident,
        "geometry": [{"lon": lon, "lat": lat} for lon, lat in points],
        "tags": tags,
    }


def test_roads_have_their_class(replay, transport):
    """Slip roads belong to their road; ways outside, and ways of one point, are left out."""
    replay.always(
        found(
            line(1, (7.15, 50.72), (7.2, 50.74), highway="primary", name="B 9"),
            line(2, (7.15, 50.72), (7.16, 50.74), highway="motorway_link"),
            line(3, (7.15, 50.72), highway="primary"),
            line(4, (9, 52), (9.1, 52), highway="primary"),
            {"type": "way", "id": 5, "geometry": [None, {"lon": "x"}], "tags": None},
            "not an element",
        )
    )
    layer = osm.roads(AREA, transport, url=replay.url)
    assert layer.data["class"].tolist() == ["primary", "motorway"]
    assert layer.data["name"].tolist() == ["B 9", ""]
    assert "ODbL" in layer.source
    assert "2026-03-01" in layer.source
    query = parse_qs(replay.asked[0][2].decode())["data"][0]
    assert "50.700000,7.100000,50.800000,7.300000" in query


def test_facilities_are_named_by_their_use(replay, transport):
    """Points and the middles of buildings; a name is plain text."""
    middle = {"type": "way", "id": 2, "center": {"lon": 7.2, "lat": 50.75}}
    replay.always(
        found(
            node(1, 7.2, 50.75, amenity="hospital", name="<b>St.\u202e Anna</b>\n"),
            {**middle, "tags": {"office": "diplomatic"}},
            node(3, 7.2, 50.75, amenity="bench"),
            node(4, 181, 50.75, amenity="school"),
            {"type": "way", "id": 5, "center": {}, "tags": {"amenity": "school"}},
        )
    )
    table = osm.facilities(AREA, transport, url=replay.url).data
    assert table["kind"].tolist() == ["hospital", "mission"]
    assert table["name"].tolist() == ["<b>St. Anna</b>", ""]


def test_places_know_their_people_where_it_is_tagged(replay, transport):
    """A number, a number with commas, and a word."""
    replay.always(
        found(
            node(1, 7.12, 50.75, place="city", name="Bonn", population="330,579"),
            node(2, 7.2, 50.75, place="village", name="Dorf", population="many"),
            node(3, 7.2, 50.75, place="village"),
        )
    )
    table = osm.places(AREA, transport, url=replay.url).data
    assert table["name"].tolist() == ["Bonn", "Dorf"]
    assert table["population"].tolist()[0] == 330_579
    assert table["population"].isna().tolist() == [False, True]


def test_large_areas_are_asked_in_boxes_and_nothing_is_counted_twice(replay, transport):
    """One degree by one: four questions; a way in two of them is one road."""
    way = line(1, (7.4, 50.2), (7.6, 50.2), highway="trunk")
    replay.always(found(way))
    area = Area.from_bbox(7, 50, 8, 51)
    assert len(osm.roads(area, transport, url=replay.url).data) == 1
    assert len(replay.asked) == 4
    with pytest.raises(InputError, match="at most 64"):
        osm.roads(Area.from_bbox(0, 40, 10, 50), transport, url=replay.url)


def test_nothing_there_is_an_empty_table(replay, transport):
    """No roads at all, said by a service that is well."""
    replay.always(found())
    layer = osm.roads(AREA, transport, url=replay.url)
    assert len(layer.data) == 0
    assert layer.data.crs.to_epsg() == 4326


def test_answers_are_kept_for_work_without_a_network(replay, transport, offline):
    """The question is sent by POST: its answer is kept by what was asked."""
    replay.always(found(node(1, 7.12, 50.75, place="city", name="Bonn")))
    online = osm.places(AREA, transport, url=replay.url).data
    assert osm.places(AREA, offline, url=replay.url).data.equals(online)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (
            found(remark='runtime error: Query timed out in "query" at line 4'),
            200,
            UnavailableError,
        ),
        ("<html>rate limited</html>", 429, UnavailableError),
        ("<html>gateway</html>", 504, UnavailableError),
        ("<html>", 200, IntegrityError),
        ({"elements": 7}, 200, IntegrityError),
        ({}, 200, IntegrityError),
    ],
)
def test_failures_are_not_emptiness(replay, transport, answer, status, error):
    """Whatever goes wrong is an error of its kind."""
    replay.always(answer, status)
    with pytest.raises(error):
        osm.roads(AREA, transport, url=replay.url)


@pytest.mark.realdata
def test_recorded_answers(shared_data, replay, transport):
    """All 18 answers that were recorded: errors are errors, the others tables; bad questions are
    refused with what the service says."""
    home = shared_data / "responses" / "overpass_overpy" / "tests"
    outcomes = {}
    for path in sorted((home / "json").glob("*.json")):
        replay.always(json.loads(path.read_text(encoding="utf-8")))
        for ask in (osm.roads, osm.facilities, osm.places):
            area = Area.from_bbox(7.1, 50.7, 7.1 + 1e-3 * (1 + len(outcomes)), 50.8)
            try:
                outcomes[path.stem, ask.__name__] = len(ask(area, transport, url=replay.url).data)
            except UnavailableError:
                outcomes[path.stem, ask.__name__] = "gave up"
    gave_up = {name for (name, _), what in outcomes.items() if what == "gave up"}
    assert gave_up == {"remark-runtime-error-01"}
    assert len(outcomes) == 18 * 3
    for path in (home / "response").glob("*.html"):
        replay.always(path.read_bytes(), 400)
        with pytest.raises(InputError, match="refused the request with 400"):
            osm.roads(AREA, transport, url=replay.url)
