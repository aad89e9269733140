"""The catalog as news: valid Atom with places, CAP messages as the standard wants them."""

import datetime as dt
import re
import uuid

import defusedxml.ElementTree
import pytest
import shapely

from reliefscope.products.catalog import publish
from reliefscope.products.newsfeed import write_feeds
from reliefscope.products.sheet import Policy
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED, make_context, make_granule, make_product

A, G, C = (
    "{http://www.w3.org/2005/Atom}",
    "{http://www.georss.org/georss}",
    "{urn:oasis:names:tc:emergency:cap:1.2}",
)
POLICY = Policy(
    producer="Office & Co", disclaimer="d", contact="desk@example.org",
    catalog_url="https://maps.example/c/",
)  # fmt: skip
# fmt: off
ALERT = ["identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction",
         "addresses", "code", "note", "references", "incidents", "info"]
INFO = ["language", "category", "event", "responseType", "urgency", "severity", "certainty",
        "audience", "eventCode", "effective", "onset", "expires", "senderName", "headline",
        "description", "instruction", "web", "contact", "parameter", "resource", "area"]
# fmt: on
ALLOWED = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": {
        "Geo",
        "Met",
        "Safety",
        "Security",
        "Rescue",
        "Fire",
        "Health",
        "Env",
        "Transport",
        "Infra",
        "CBRNE",
        "Other",
    },
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}  # fmt: skip
"""Elements in the order of the schema, and its closed lists (CAP 1.2, section 3.2)."""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A catalog with a first product, one that monitors, and an exercise."""
    catalog = tmp_path_factory.mktemp("news")
    later = make_product(parameters={"n": 2.0})
    trial = make_product(granules={"after": (make_granule(exercise=True),)})
    context = make_context(population=None)
    with pytest.MonkeyPatch.context() as patch:
        draw_bare(patch)
        hour = dt.timedelta(hours=1)
        publish(make_product(), catalog, context=make_context(), released=RELEASED,
                languages=("en", "ar"))  # fmt: skip
        publish(later, catalog, context=context, released=RELEASED + hour, monitoring=1)
        publish(trial, catalog, context=context, released=RELEASED + 2 * hour, aoi=2)
    paths = [catalog / name for name in write_feeds(catalog, POLICY)]
    return catalog, {p.name: defusedxml.ElementTree.parse(p).getroot() for p in paths}


def text(node, name):
    return node.findtext(name)


def test_the_feed_has_what_atom_demands(written):
    """RFC 4287: one id, title and updated each, an author, links; the newest first."""
    _, roots = written
    feed = roots["atom.xml"]
    entries = feed.findall(f"{A}entry")
    assert len(entries) == 3
    for node in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert len(node.findall(A + name)) == 1
        assert uuid.UUID(text(node, f"{A}id").removeprefix("urn:uuid:"))
        assert dt.datetime.fromisoformat(text(node, f"{A}updated")).tzinfo
    assert len({text(e, f"{A}id") for e in entries}) == 3
    moments = [text(e, f"{A}updated") for e in entries]
    assert moments == sorted(moments, reverse=True)
    assert text(feed, f"{A}updated") == moments[0]
    assert text(feed.find(f"{A}author"), f"{A}name") == "Office & Co"
    for entry in entries:
        link = entry.find(f"{A}link[@rel='alternate']").get("href")
        assert link.startswith("https://maps.example/c/flood/EMSR771/EMSR771_AOI0")


def test_places_are_closed_rings_of_latitude_and_longitude(written):
    """GeoRSS Simple: pairs, latitude first, the first pair again at the end, around the area."""
    _, roots = written
    for place in roots["atom.xml"].iter(f"{G}polygon"):
        numbers = [float(n) for n in place.text.split()]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        assert pairs[0] == pairs[-1]
        assert len(pairs) >= 4
        assert all(44 < lat < 46 and 14 < lon < 16 for lat, lon in pairs)


def test_messages_follow_the_schema_of_cap(written):
    """Order, closed lists, times without Z, an info in each language, closed polygons."""
    _, roots = written
    messages = [root for name, root in roots.items() if name.endswith(".cap.xml")]
    assert len(messages) == 3
    for alert in messages:
        assert alert.tag == f"{C}alert"
        names = [n.tag.removeprefix(C) for n in alert]
        assert names == sorted(names, key=ALERT.index)
        assert {"identifier", "sender", "sent", "status", "msgType", "scope"} <= set(names)
        for name in ("identifier", "sender"):
            assert not set(text(alert, C + name)) & set(" ,<&")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00", text(alert, f"{C}sent"))
        for info in alert.findall(f"{C}info"):
            parts = [n.tag.removeprefix(C) for n in info]
            assert parts == sorted(parts, key=INFO.index)
            assert {"category", "event", "urgency", "severity", "certainty"} <= set(parts)
            assert info.find(f"{C}area/{C}areaDesc").text
            for ring in info.iter(f"{C}polygon"):
                pairs = [tuple(map(float, p.split(","))) for p in ring.text.split()]
                assert pairs[0] == pairs[-1]
                assert len(pairs) >= 4
                assert shapely.Polygon(pairs).is_valid
        for node in alert.iter():
            allowed = ALLOWED.get(node.tag.removeprefix(C))
            assert allowed is None or node.text in allowed


def test_a_monitoring_product_is_an_update_and_an_exercise_says_so(written):
    """The update names the first message by sender, identifier and time; each language once."""
    _, roots = written
    first = roots["EMSR771_AOI01_DEL_PRODUCT_r1_v1.cap.xml"]
    update = roots["EMSR771_AOI01_DEL_MONIT01_r1_v1.cap.xml"]
    trial = roots["EMSR771_AOI02_DEL_PRODUCT_r1_v1.cap.xml"]
    assert text(first, f"{C}msgType") == "Alert"
    assert [text(i, f"{C}language") for i in first.findall(f"{C}info")] == ["ar", "en"]
    assert text(update, f"{C}msgType") == "Update"
    wanted = ",".join(text(first, C + name) for name in ("sender", "identifier", "sent"))
    assert text(update, f"{C}references") == wanted
    assert text(trial, f"{C}status") == "Exercise"
    assert text(trial.find(f"{C}info"), f"{C}headline").startswith("EXERCISE")


def test_written_again_nothing_changes(written):
    """The same catalog gives the same bytes."""
    catalog, _ = written
    before = {p.name: p.read_bytes() for p in (catalog / "feed").iterdir()}
    write_feeds(catalog, POLICY)
    assert {p.name: p.read_bytes() for p in (catalog / "feed").iterdir()} == before
