"""What every feed of the table promises, whatever the service answers."""

import copy
import datetime as dt
import json
import random
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    ReliefscopeError,
    UnavailableError,
)
from reliefscope.feeds import ACCESS, FEEDS
from reliefscope.feeds.merge import merge
from reliefscope.jobs.events import EventList, as_geojson, as_json
from reliefscope.model.event import Event, Hazard, Window
from reliefscope.settings import Settings
from reliefscope.transport.client import Transport

AGES = Window(
    start=dt.datetime(1990, 1, 1, tzinfo=dt.UTC), end=dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
)
NAMES = {
    "gdacs": ("gdacs", "FL1102983"),
    "eonet": ("eonet", "EONET_15547"),
    "usgs": ("usgs", "us6000pi9w"),
    "cems": ("emsr", "EMSR842"),
    "reliefweb": ("glide", "FF-2015-000115-MKD"),
}
LISTS = {"gdacs": "features", "eonet": "events", "usgs": "features", "cems": "results"}


def feed_at(name, url, transport):
    return FEEDS[name](transport=transport, url=url)


@pytest.mark.parametrize("name", FEEDS)
class TestFeed:
    """One feed of the table."""

    def test_it_says_what_it_is_and_what_it_needs(self, name, transport):
        """Its key, a frozen class with a real address, and what the doctor asks."""
        feed = FEEDS[name](transport=transport)
        assert feed.name == name
        assert feed.url.startswith("https://")
        assert ACCESS[name].probe.startswith("https://")
        assert urlsplit(ACCESS[name].probe).hostname == urlsplit(feed.url).hostname
        with pytest.raises(AttributeError):
            feed.url = "http://127.0.0.1"

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, InputError),
            (403, AccessError),
            (404, NothingFoundError),
            (429, UnavailableError),
            (500, UnavailableError),
            (503, UnavailableError),
        ],
    )
    def test_refusals_are_errors_of_their_kind(self, name, replay, transport, status, error):
        """A service that does not answer is never a world without disasters."""
        replay.always("no", status)
        with pytest.raises(error):
            feed_at(name, replay.url, transport).events(AGES)

    @pytest.mark.parametrize(
        "answer",
        [
            "<!doctype html><html><title>Maintenance</title></html>",
            "{",
            "null",
            "[]",
            "{}",
            "7",
            '"no"',
            '{"features": null, "events": {}, "results": 1, "data": "x"}',
            "[" * 10_000 + "]" * 10_000,
            '{"features": ' * 20_000,
            "NaN",
            "\x00\xff",
        ],
    )
    def test_garbage_is_an_integrity_error(self, name, replay, transport, answer):
        """HTML with status 200, half an answer, answers of another form, nests 10,000 deep."""
        replay.always(answer)
        with pytest.raises(IntegrityError):
            feed_at(name, replay.url, transport).events(AGES)

    def test_an_empty_list_is_no_disaster(self, name, replay, transport):
        """And no error."""
        replay.always({LISTS.get(name, "data"): []})
        assert list(feed_at(name, replay.url, transport).events(AGES)) == []

    def test_a_flood_of_bad_records_is_logged_in_short(self, name, replay, transport, caplog):
        """Ten thousand records that are none fail the feed; the log has a few lines."""
        replay.always({LISTS.get(name, "data"): [None, 7, "x", []] * 2500})
        with pytest.raises(IntegrityError, match="none of 10000 records"):
            feed_at(name, replay.url, transport).events(AGES, hazards=[Hazard.EARTHQUAKE])
        assert len(caplog.records) < 20

    def test_offline_the_last_answer_counts(self, name, replay, transport):
        """What was asked once is answered from the cache, with no service there."""
        replay.always({LISTS.get(name, "data"): []})
        feed_at(name, replay.url, transport).events(AGES)
        asked = len(replay.asked)
        given_ = transport.settings
        kept = Settings(cache=given_.cache, secrets=given_.secrets, offline=True)
        assert list(feed_at(name, replay.url, Transport(kept)).events(AGES)) == []
        assert len(replay.asked) == asked

    def test_hazards_are_kept_apart(self, name, replay, transport):
        """A feed asked for explosions alone gives nothing else."""
        replay.always({LISTS.get(name, "data"): []})
        found = feed_at(name, replay.url, transport).events(AGES, hazards=[Hazard.EXPLOSION])
        assert list(found) == []

    def test_names_of_no_scheme_are_not_asked_for(self, name, replay, transport):
        """Nothing leaves the machine for a name that this feed cannot look up."""
        feed = feed_at(name, replay.url, transport)
        assert list(feed.find("charter", "996")) == []
        scheme = NAMES[name][0]
        assert list(feed.find(scheme, "../../etc/passwd?x=1&y=2")) == []
        assert replay.asked == []


class Canned(Transport):
    """A transport that gives answers by the end of the path, without a socket."""

    def __init__(self, answers):
        super().__init__(Settings(secrets={"RELIEFWEB_APPNAME": "tests"}))
        self._answers = answers

    def content(self, ask, *, cap=0, keep=True):
        del cap, keep
        path = urlsplit(ask.url).path
        for end, answer in self._answers.items():
            if path.endswith(end):
                return answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        raise NothingFoundError(path)


def deep(levels):
    nest = "end"
    for _ in range(levels):
        nest = [nest]
    return nest


ODD = [
    *(None, True, False, 0, -1, 1.5, 10**30, 1e308, float("nan"), float("inf"), [], {}, [[]]),
    *([1, 2], [[1, 2]], [["a"]], {"a": {"b": 1}}, deep(60), "", " ", "x" * 5000, "0", "NaN"),
    *("2024-99-99", "9999-12-31T23:59:59", "0001-01-01", "<script>", "\x1b[31m\u202e\x00"),
    *("POLYGON ((0 0))", "POINT (1e999 0)", "EMSR847", "TC1", "FL", "../../x", "Flood", "\ud800"),
]


def nodes(tree):
    """Every place in a tree: its container and the key or index there."""
    places, heap = [], [tree]
    while heap:
        node = heap.pop()
        keys = (
            node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        )
        for key in keys:
            places.append((node, key))
            heap.append(node[key])
    return places


def mutated(tree, chance, most=8):
    """A copy of ``tree`` with a few nodes taken out, replaced, doubled or swapped."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.randint(1, most)):
        places = nodes(tree)
        if not 0 < len(places) < 20_000:  # swapped into itself, a tree doubles
            return tree
        holder, key = chance.choice(places)
        deed = chance.choice(["take", "odd", "odd", "double", "swap"])
        if deed == "take":
            del holder[key]
        elif deed == "odd":
            holder[key] = copy.deepcopy(chance.choice(ODD))
        elif deed == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            other, there = chance.choice(places)
            holder[key] = copy.deepcopy(other[there])
    return tree


def mutated_xml(content, chance):
    """A copy of a document with a few elements taken out, emptied, renamed, moved or doubled."""
    root = ET.fromstring(content)  # noqa: S314 - recorded by us
    for _ in range(chance.randint(1, 8)):
        holders = [e for e in root.iter() if len(e)]
        holder = chance.choice(holders or [root])
        if not len(holder):
            break
        child = chance.choice(list(holder))
        deed = chance.choice(["take", "text", "tag", "double"])
        if deed == "take":
            holder.remove(child)
        elif deed == "text":
            texts = [odd for odd in ODD if isinstance(odd, str) and odd.isprintable()]
            child.text = chance.choice(texts).replace("\ud800", "")
        elif deed == "tag":
            child.tag = chance.choice(["item", "{http://www.gdacs.org}eventid", "x"])
        else:
            holder.append(copy.deepcopy(child))
    return ET.tostring(root)


def thinned(tree):
    """A copy with lists of at most 24: rings of few vertices, a few features."""
    if isinstance(tree, dict):
        return {key: thinned(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [thinned(value) for value in tree[:24]]
    return tree


class Recorded(dict):
    """Recorded answers by feed; short where tests are told of."""

    def __repr__(self):
        return "recorded"


@pytest.fixture(scope="session")
def recorded(shared_data):
    """Recorded answers by feed and by the end of the path; small ones, as each is read often."""
    home = shared_data / "responses"
    gdacs = home / "gdacs_monty" / "tests" / "data-files" / "gdacs"
    model = home / "cems_charter_gdacs_montyext" / "docs" / "model" / "sources"
    usgs = home / "extracted_responses" / "earthquake.usgs.gov"
    eonet = home / "eonet_takervare"
    relief = home / "reliefweb_hdx" / "tests" / "fixtures" / "input"

    def said(path):
        return json.loads(path.read_text(encoding="utf-8"))

    features = [said(gdacs / f"{key}-event.json") for key in ("wf-1028649", "tc-1001253")]
    features.append(said(gdacs / "fl-1102983-ep1-event.json"))
    two = [said(relief / f"disasters-{n}.json")["data"][0] for n in (25466, 25846)]
    answers = {
        "gdacs": [
            {
                "SEARCH": {"features": features},
                "geteventdata": features[n],
                "getgeometry": thinned(said(gdacs / f"{key}-geometry.json")),
            }
            for n, key in enumerate(["wf-1028649-ep1", "tc-1001253-ep1"])
        ],
        "rss": (home / "gdacs_rss" / "tests" / "fixtures" / "gdacs-1.xml").read_bytes(),
        "eonet": [
            {"": said(eonet / "events.json")},
            {"": said(eonet / "events_geojson.json")},
            {"": said(eonet / "events.json")["events"][0]},
        ],
        "usgs": [
            {"": said(path)}
            for path in sorted(usgs.glob("GET_fdsnws_event_1_query_*.json"))
            if path.stat().st_size < 3000
        ],
        "cems": [
            {
                "info/": said(model / "CEMS" / "api-files" / "rapidmapping-activations-list.json"),
                "activations/": said(model / "CEMS" / "api-files" / "EMSR842-wildfire-detail.json"),
            }
        ],
        "reliefweb": [{"": {"data": two}}],
    }
    return Recorded(answers)


def _examine(name, answers):
    """Ask the feed; events must be fit for merging and for printing, errors must be ours."""
    feed = FEEDS[name](transport=Canned(answers))
    for question in (lambda: feed.events(AGES), lambda: feed.find(*NAMES[name])):
        try:
            found = question()
        except ReliefscopeError:
            continue
        assert all(isinstance(event, Event) for event in found)
        assert all(len(event.reports) == 1 for event in found)
        listed = EventList(events=merge(found), window=AGES, failures={})
        json.dumps([as_json(listed), as_geojson(listed)], allow_nan=False)


FUZZ = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.realdata
@pytest.mark.parametrize("name", FEEDS)
@FUZZ
@given(seed=st.integers(0, 2**32))
def test_broken_answers_give_events_or_our_errors(name, recorded, seed):
    """Recorded answers with nodes taken out, replaced, doubled, swapped: no other exception."""
    chance = random.Random(seed)  # noqa: S311 - repeats itself on purpose
    answers = chance.choice(recorded[name])
    _examine(name, {path: mutated(tree, chance) for path, tree in answers.items()})


@pytest.mark.realdata
@FUZZ
@given(seed=st.integers(0, 2**32))
def test_broken_rss_gives_events_or_our_errors(recorded, seed):
    """The same for the RSS of GDACS, whose lists fail."""
    chance = random.Random(seed)  # noqa: S311 - repeats itself on purpose
    _examine("gdacs", {"rss_7d.xml": mutated_xml(recorded["rss"], chance)})


@pytest.mark.realdata
@pytest.mark.parametrize("name", FEEDS)
def test_one_hostile_record_among_good_ones_is_the_only_one_lost(name, recorded):
    """Every field of one record in turn is made odd: the other records all come through."""
    answers = recorded[name][0]
    (path,) = [end for end in answers if end in {"", "SEARCH", "info/"}]
    key = LISTS.get(name, "data")
    whole = {event.reports[0].id for event in _events(name, answers)}
    first = nodes(answers[path][key][0])[:40]
    for place in range(len(first)):
        for odd in (None, deep(300), "\x1b[31m"):
            there = copy.deepcopy(answers[path][key])
            victim = copy.deepcopy(there[0])
            holder, field = nodes(victim)[place]
            holder[field] = odd
            listed = {**answers[path], key: [victim, *there]}
            assert whole <= {
                event.reports[0].id for event in _events(name, {**answers, path: listed})
            }


WORDS = {"name", "title", "place", "country", "countryname", "shortname", "description", "alert"}
WORDS |= {"source", "severitytext", "status", "subCategory", "episodealertlevel", "magnitudeUnit"}
HOSTILE = "<b onmouseover=x>F\u202e\x1b[31ml\x00o\x9bod\n\r\u2028&lt;script&gt;" + "x" * 1_000_000


@pytest.mark.realdata
@pytest.mark.parametrize("name", FEEDS)
def test_hostile_words_come_out_as_plain_text(name, recorded):
    """A megabyte of markup, escapes, overrides and line ends in every text that people read."""
    answers = copy.deepcopy(recorded[name][0])
    for tree in answers.values():
        for holder, key in nodes(tree):
            if key in WORDS and isinstance(holder[key], str):
                holder[key] = HOSTILE
    found = _events(name, answers)
    assert found
    listed = EventList(events=merge(found), window=AGES, failures={})
    text = json.dumps(as_json(listed), ensure_ascii=False)
    assert text.isprintable()
    assert not any(odd in text for odd in ("<b", "<script", "&lt;", "\u202e", "\\u001b", "\\n"))
    assert len(text) < 20_000 * len(found)


def _events(name, answers):
    feed = FEEDS[name](transport=Canned({**answers, "activations/": b""}))
    return feed.events(AGES)


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><item>&b;</item></rss>',
        '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item>&x;</item></rss>',
        "<rss>" + "<item>" * 50_000,
        "<rss><item></rss>",
        "",
    ],
)
def test_bombs_in_the_rss_are_refused(bomb):
    """Entities, files of this machine, half a document; the list's own error is told."""
    with pytest.raises(NothingFoundError):
        FEEDS["gdacs"](transport=Canned({"rss_7d.xml": bomb.encode()})).events(AGES)
