import datetime as dt

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from reliefscope.feeds._base import reported
from reliefscope.feeds._shapes import circle, earthquake_radius_km
from reliefscope.feeds.merge import NEAR, cascades, merge
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Extent, Hazard, Report

DAY0 = dt.datetime(2024, 10, 27, 15, tzinfo=dt.UTC)


def at(days=0.0, hours=0.0, minutes=0.0):
    return DAY0 + dt.timedelta(days=days, hours=hours, minutes=minutes)


CODES = {
    Hazard.DROUGHT: "DR",
    Hazard.EARTHQUAKE: "EQ",
    Hazard.FIRE: "WF",
    Hazard.FLOOD: "FL",
    Hazard.STORM: "TC",
    Hazard.VOLCANO: "VO",
}


def report(feed="gdacs", id_="FL1", *, lon=-0.4, lat=39.4, km=50.0, names=(), **said):
    """An event of one report; a flood near Valencia unless it is said otherwise."""
    countries = said.pop("countries", ())
    if feed == "gdacs":
        id_ = CODES.get(said.get("hazard", Hazard.FLOOD), "TS") + id_[2:]
    given_ = {
        "title": f"{feed} {id_}",
        "url": "",
        "hazard": Hazard.FLOOD,
        "area": circle(lon, lat, km, name="place"),
        "onset": DAY0,
    } | said
    scheme = {"cems": "emsr"}.get(feed, feed)
    return reported(Report(feed=feed, id=id_, **given_), [(scheme, id_), *names], countries)


def quake(feed, id_, magnitude, **said):
    radius = earthquake_radius_km(magnitude)
    details = {"magnitude": str(magnitude)}
    return report(feed, id_, km=radius, hazard=Hazard.EARTHQUAKE, details=details, **said)


def groups(events):
    """The reports that were put together, by feed and name."""
    return sorted(sorted({f"{r.feed} {r.id}" for r in e.reports}) for e in merge(events))


def test_a_shared_name_makes_one_disaster():
    """The same GLIDE number, far apart in time and place: one flood, with all its names."""
    glide = ("glide", "FL-2024-000199-ESP")
    events = [
        report("gdacs", "FL1", names=[glide]),
        report("reliefweb", "7", lon=-4, lat=36, onset=at(days=30), names=[glide]),
        report("eonet", "EONET_9", lon=100, names=[("gdacs", "FL1")]),
    ]
    (event,) = merge(events)
    assert event.id == "FL-2024-000199-ESP"
    assert event.ids == {
        "glide": "FL-2024-000199-ESP",
        "gdacs": "FL1",
        "reliefweb": "7",
        "eonet": "EONET_9",
    }
    assert [r.feed for r in event.reports] == ["eonet", "gdacs", "reliefweb"]


@pytest.mark.parametrize("hazard", Hazard)
def test_near_reports_of_two_feeds_are_one_disaster(hazard):
    """At the edge of what is near in time, and touching: one; a little later or farther: two."""
    near = NEAR[hazard]
    first = report("gdacs", "FL1", hazard=hazard, lon=0, lat=0, km=20)

    def other(days, km):
        east = (40 + km) / 111.32
        return report("cems", "EMSR111", hazard=hazard, lon=east, lat=0, km=20, onset=at(days))

    assert len(merge([first, other(near.days * 0.99, near.km * 0.9)])) == 1
    assert len(merge([first, other(-near.days * 0.99, near.km * 0.9)])) == 1
    assert len(merge([first, other(near.days * 1.5, 0)])) == 2
    assert len(merge([first, other(0, near.km * 1.1 + 0.5)])) == 2


def test_the_same_place_in_another_year_is_another_disaster():
    """Also when the title is the same; but the time between counts from the end."""
    title = {"title": "Flood in Spain"}
    events = [report("gdacs", "FL1", **title), report("cems", "EMSR111", onset=at(366), **title)]
    assert len(merge(events)) == 2
    long_ago = report("gdacs", "DR1", hazard=Hazard.DROUGHT, onset=at(-700), end=at(-10), **title)
    assert len(merge([long_ago, report("cems", "EMSR111", hazard=Hazard.DROUGHT, **title)])) == 1


def test_a_feed_has_sorted_its_own_disasters():
    """Two floods of one feed in one place stay two; another feed's joins the nearer one."""
    events = [
        report("gdacs", "FL1", lon=0),
        report("gdacs", "FL2", lon=0.2),
        report("reliefweb", "7", lon=0.15),
    ]
    assert groups(events) == [["gdacs FL1"], ["gdacs FL2", "reliefweb 7"]]


def test_chains_do_not_grow_through_several_feeds():
    """Five floods a week apart each, by turns of two feeds: pairs, not one of five weeks."""
    events = [
        report("gdacs" if n % 2 else "cems", f"{'FL' if n % 2 else 'EMSR70'}{n}", onset=at(7 * n))
        for n in range(5)
    ]
    assert all(len(group) <= 2 for group in groups(events))


def test_an_aftershock_is_not_the_main_shock():
    """The second feed's report of each joins the right one, minutes apart and on one spot."""
    events = [
        quake("usgs", "us1", 7.8),
        quake("usgs", "us2", 6.7, onset=at(minutes=11)),
        quake("gdacs", "EQ1", 7.8, onset=at(minutes=0.2)),
        quake("gdacs", "EQ2", 6.6, onset=at(minutes=11.1)),
    ]
    assert groups(events) == [["gdacs EQ1", "usgs us1"], ["gdacs EQ2", "usgs us2"]]


def test_a_weak_shock_of_another_feed_is_not_the_strong_one():
    """Magnitudes that differ by more than one are of two earthquakes."""
    events = [quake("usgs", "us1", 7.8), quake("gdacs", "EQ2", 5.2, onset=at(minutes=20))]
    assert len(merge(events)) == 2
    assert len(merge([quake("usgs", "us1", 7.8), quake("gdacs", "EQ2", 7.1)])) == 1


def test_a_date_stands_for_its_day():
    """ReliefWeb gives a day: the earthquake of that afternoon is meant, and its time is kept."""
    midnight = DAY0.replace(hour=0)
    events = [
        quake("usgs", "us1", 7.8),
        report("reliefweb", "7", hazard=Hazard.EARTHQUAKE, onset=midnight, km=300),
    ]
    (event,) = merge(events)
    assert event.onset == DAY0
    earlier = report("gdacs", "FL1", onset=midnight - dt.timedelta(days=1))
    (event,) = merge([earlier, report("cems", "EMSR111")])
    assert event.onset == earlier.onset


def test_reports_from_different_countries_are_not_put_together():
    """Circles overlap across a border; the codes of countries tell them apart."""

    def flood(feed, id_, codes):
        return report(feed, id_, details={"countries": codes})

    assert len(merge([flood("gdacs", "FL1", "ESP"), flood("reliefweb", "7", "PRT")])) == 2
    assert len(merge([flood("gdacs", "FL1", "ESP PRT"), flood("reliefweb", "7", "PRT")])) == 1
    assert len(merge([flood("gdacs", "FL1", "ESP"), flood("reliefweb", "7", "")])) == 1


@pytest.mark.parametrize("lon", [179.9, -179.9, 180.0])
def test_the_antimeridian_parts_nothing(lon):
    """A fire on each side of it, a kilometre apart."""
    events = [
        report("gdacs", "WF1", hazard=Hazard.FIRE, lon=lon, lat=-17, km=1),
        report("eonet", "EONET_1", hazard=Hazard.FIRE, lon=-179.99, lat=-17, km=10),
    ]
    assert len(merge(events)) == 1


def test_near_the_poles_degrees_are_short():
    """At 80 degrees north, a degree of longitude is 19 km, at the equator 111."""

    def both(lat):
        return [
            report("gdacs", "WF1", hazard=Hazard.FIRE, lon=0, lat=lat, km=8),
            report("eonet", "EONET_1", hazard=Hazard.FIRE, lon=1, lat=lat, km=8),
        ]

    assert len(merge(both(80))) == 1
    assert len(merge(both(0))) == 2


def test_a_cyclone_and_its_flood_stay_two_and_are_linked():
    """By place and time, or because a feed names one with the other."""
    storm = report("gdacs", "TC5", hazard=Hazard.STORM, km=300, end=at(3))
    flood = report("cems", "EMSR111", onset=at(2))
    far = report("gdacs", "FL9", lon=90, onset=at(2), names=[("gdacs", "TC5")])
    late = report("reliefweb", "7", onset=at(60))
    merged = merge([storm, flood, far, late])
    assert len(merged) == 4
    linked = cascades(merged)
    assert linked["GDACS-TC-5"] == ("EMSR111", "GDACS-FL-9")
    assert linked["EMSR111"] == ("GDACS-TC-5",)
    assert linked["GDACS-FL-9"] == ("GDACS-TC-5",)
    assert "RELIEFWEB-7" not in linked
    by_id = {event.id: event for event in merged}
    assert by_id["GDACS-FL-9"].related == ("gdacs:TC5",)
    assert cascades(()) == {}


def test_a_number_shared_by_two_hazards_makes_two_identifiers():
    """A GLIDE number of no hazard that we know, on a flood and on its landslide."""
    glide = ("glide", "OT-2024-000001-ESP")
    events = [
        report("gdacs", "FL1", names=[glide]),
        report("cems", "EMSR111", hazard=Hazard.LANDSLIDE, names=[glide]),
    ]
    ids = {event.id for event in merge(events)}
    assert ids == {"OT-2024-000001-ESP-flood", "OT-2024-000001-ESP-landslide"}
    assert {event.id for event in merge(merge(events))} == ids


def test_the_best_of_each_report_is_kept():
    """Outlines before circles, the gravest alert, the latest end, titles of people."""
    box = Area.from_bbox(-1, 39, 0, 40, name="outline")
    events = [
        report("gdacs", "FL1", severity=Alert.ORANGE, end=at(5), countries=["ESP"], km=100),
        report("cems", "EMSR111", area=box, extent=Extent.MAPPED, countries=["Spain"]),
        report(
            "reliefweb", "7", severity=None, end=at(2), title="Spain: Floods", countries=["ESP"]
        ),
        report("eonet", "EONET_1", severity=Alert.GREEN, onset=at(-1)),
    ]
    (event,) = merge(events)
    assert event.area.bbox == (-1, 39, 0, 40)
    assert event.severity is Alert.ORANGE
    assert event.end == at(5)
    assert event.onset == at(-1)
    assert event.countries == ("ESP", "Spain")
    assert event.title == "Spain: Floods"
    assert event.id == "EMSR111"


def test_outlines_are_united_and_the_smallest_circle_is_taken():
    """Two outlines make one area; of circles, the most telling."""
    boxes = [Area.from_bbox(w, 39, w + 1, 40, name="o") for w in (-1, 0)]
    mapped = [
        report("gdacs", "FL1", area=boxes[0], extent=Extent.MAPPED),
        report("cems", "EMSR111", area=boxes[1], extent=Extent.MAPPED),
    ]
    assert merge(mapped)[0].area.bbox == (-1, 39, 1, 40)
    circles = [report("gdacs", "FL1", km=100), report("cems", "EMSR111", km=10)]
    assert merge(circles)[0].area == circles[1].area


def test_episodes_are_a_series_and_versions_are_not():
    """Episodes come in the order of their numbers; of one episode, the latest version."""
    episodes = [
        report("gdacs", "FL1", episode=str(n), updated=at(u), title=f"{n} at {u}")
        for n, u in ((10, 0), (2, 1), (2, 3), (2, 2), (1, 0))
    ]
    (event,) = merge(episodes)
    assert [(r.episode, r.title) for r in event.episodes] == [
        ("1", "1 at 0"),
        ("2", "2 at 3"),
        ("10", "10 at 0"),
    ]


def test_what_people_wrote_down_is_merged_too():
    """Events without reports stay as they are alone, and count as a report among others."""

    def own(id_, **said):
        given_ = {
            "id": id_,
            "title": id_,
            "hazard": Hazard.FLOOD,
            "onset": DAY0,
            "countries": ("X",),
        }
        return Event(**given_ | {"area": Area.from_bbox(-1, 39, 0, 40)} | said)

    alone = own("E1", ids={"exercise": "size=1 seed=7"})
    assert merge([alone]) == (alone,)
    assert merge([alone, alone]) == (alone,)
    assert len(merge([alone, own("E2")])) == 1
    assert len(merge([alone, own("E2", onset=at(100))])) == 2
    (event,) = merge([own("E1"), report("gdacs", "FL1")])
    assert event.id == "GDACS-FL-1"
    assert {r.feed for r in event.reports} == {"", "gdacs"}


def test_nothing_makes_nothing():
    """No events, no disasters."""
    assert merge([]) == ()


@st.composite
def some_events(draw):
    """Events of a small world, where names, places and times meet often."""
    events = []
    for _ in range(draw(st.integers(0, 7))):
        hazard = draw(st.sampled_from([Hazard.FLOOD, Hazard.STORM, Hazard.EARTHQUAKE]))
        feed = draw(st.sampled_from(["gdacs", "usgs", "cems", "reliefweb", "eonet", ""]))
        number = draw(st.integers(111, 114))
        id_ = {
            "gdacs": f"{CODES[hazard]}{number}",
            "usgs": f"us{number}",
            "cems": f"EMSR{number}",
            "eonet": f"EONET_{number}",
        }.get(feed, str(number))
        onset = at(days=draw(st.sampled_from([0, 0.01, 1, 5, 9, 400])))
        if draw(st.booleans()):
            onset = onset.replace(hour=0, minute=0, second=0)
        area = circle(draw(st.sampled_from([-179.9, 0, 0.5, 179.8])), 10, 40, name="place")
        if not feed:
            events.append(
                Event(id=f"E{number}-{hazard}", title="own", hazard=hazard, area=area, onset=onset)
            )
            continue
        names = draw(
            st.lists(
                st.sampled_from(
                    [("glide", "OT-2024-000001-ESP"), ("gdacs", "TC7"), ("usgs", "us999")]
                ),
                max_size=1,
            )
        )
        said = Report(
            feed=feed,
            id=id_,
            title=draw(st.sampled_from(["a", "b"])),
            url="",
            hazard=hazard,
            area=area,
            onset=onset,
            end=draw(st.none() | st.just(onset + dt.timedelta(days=3))),
            updated=draw(st.none() | st.just(DAY0)),
            severity=draw(st.none() | st.sampled_from(Alert)),
            episode=draw(st.sampled_from(["", "1", "2"])),
            extent=draw(st.sampled_from(Extent)),
            details=draw(st.sampled_from([{}, {"countries": "ESP"}, {"magnitude": "5"}])),
        )
        scheme = {"cems": "emsr"}.get(feed, feed)
        codes = draw(st.lists(st.sampled_from(["ESP", "FRA"]), max_size=1))
        events.append(reported(said, [(scheme, id_), *names], codes))
    return events


@settings(max_examples=60, deadline=None)
@given(events=some_events(), data=st.data())
def test_the_order_of_events_does_not_matter(events, data):
    """Every order gives the same events, to the last field."""
    assert merge(data.draw(st.permutations(events))) == merge(events)


@settings(max_examples=60, deadline=None)
@given(events=some_events())
def test_merging_again_changes_nothing(events):
    """What is merged is final; it takes its own parts in without a change."""
    once = merge(events)
    assert merge(once) == once
    assert merge([*events, *once]) == once
    assert merge([*events, *events]) == once


@settings(max_examples=60, deadline=None)
@given(events=some_events())
def test_nothing_is_lost_and_nothing_mixed(events):
    """All names and reports are there once; nearness joins no two disasters of one feed."""
    merged = merge(events)
    said = [r for event in merged for r in event.reports]
    keys = {(r.hazard, r.feed, r.id, r.episode) for e in events for r in e.reports}
    assert keys <= {(r.hazard, r.feed, r.id, r.episode) for r in said}
    assert all(r.hazard is event.hazard for event in merged for r in event.reports)
    names = {(e.hazard, s, n) for e in events for s in e.ids for n in e.known_as(s)}
    kept = [(e.hazard, s, n) for e in merged for s in e.ids for n in e.known_as(s)]
    assert names == set(kept)
    assert len(kept) == len(set(kept))
    assert len({event.id for event in merged}) == len(merged)
    for event in merged:
        own = {(r.feed, r.id) for r in event.reports if r.feed}
        feeds = [feed for feed, _ in own]
        shared = {n for s in ("glide", "gdacs", "usgs") for n in event.known_as(s)}
        assert len(feeds) == len(set(feeds)) or shared & {
            "OT-2024-000001-ESP",
            "TC7",
            "us999",
        }


@pytest.mark.timeout(300)
def test_a_busy_year_does_not_take_minutes():
    """Two thousand reports of three feeds all over the world."""
    rng = np.random.default_rng(5)
    hazards = [Hazard.FIRE, Hazard.FLOOD, Hazard.EARTHQUAKE]
    disc = circle(0, 0, 10, name="place").geometry
    events = []
    for n in range(2000):
        feed, id_ = [("gdacs", f"FL{n}"), ("usgs", f"us{n}"), ("eonet", f"EONET_{n}")][n % 3]
        east, north = rng.uniform(-170, 170), rng.uniform(-60, 60)
        area = Area(name="place", geometry=shapely.affinity.translate(disc, east, north))
        days = float(rng.uniform(0, 365))
        events.append(report(feed, id_, hazard=hazards[n % 2], area=area, onset=at(days)))
    merged = merge(events)
    assert 1500 < len(merged) <= 2000
