"""The watch: what is accepted, what is done at a look, and what is left alone."""

import datetime as dt
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from reliefscope.cli import main
from reliefscope.errors import InputError, PublishError, UnavailableError
from reliefscope.feeds._base import incomplete
from reliefscope.jobs import watch as module
from reliefscope.jobs import watched as files
from reliefscope.jobs.claims import claimed
from reliefscope.jobs.ledger import mapped
from reliefscope.jobs.report import Outcome
from reliefscope.jobs.rules import Rules
from reliefscope.jobs.watch import Watch, look
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Hazard, Report
from reliefscope.products.store import catalog_at
from reliefscope.settings import Settings
from tests.products.conftest import draw_bare
from tests.scenes import lonlat_bounds, write_raster
from tests.servers import object_store

# the box of an event file is rounded outwards: the scenes miss a sliver of it
pytestmark = pytest.mark.filterwarnings("ignore::reliefscope.errors.PartialCoverageWarning")
SIZE = 96
ONSET = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TODAY = ONSET + 3 * DAY


class Reports:
    """A feed that reports what it is given, or fails."""

    name = "reports"

    def __init__(self, *events, failure=None):
        self.reported, self.failure = events, failure

    def events(self, window, *, hazards=None, area=None):
        del hazards, area
        if self.failure:
            raise self.failure
        return [e for e in self.reported if e.onset < window.end]

    def find(self, scheme, value):
        del scheme, value
        return []


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Scenes of one lake, the first of them taken a day after the onset; and its outline."""
    folder = tmp_path_factory.mktemp("lake")
    noise = np.random.default_rng(1).gamma(4.4, 1 / 4.4, (2, SIZE, SIZE))
    water = np.hypot(*(np.indices((SIZE, SIZE)) - SIZE / 2)) < 25
    scene = (noise * np.where(water, 0.004, 0.1)).astype("float32")
    for day in (1, 7):
        for band, pixels in zip(("vv", "vh"), scene, strict=True):
            name = f"{ONSET + day * DAY:%Y%m%dT%H%M%S}_{band}.tif"
            path = write_raster(folder / "scenes" / name, pixels)
    return folder, Area.from_bbox(*lonlat_bounds(path), name="Lake")


def event(area, **over):
    fields = {
        "id": "GDACS-FL-1",
        "title": "Flood",
        "hazard": Hazard.FLOOD,
        "area": area,
        "onset": ONSET,
        "ids": {"gdacs": "FL1"},
        "severity": Alert.RED,
    }
    return Event(**fields | over)


def make(lake, tmp_path, *feeds, **rule):
    folder, _ = lake
    rules = {
        "rules": [{"hazards": ["flood"], "stages": ["DEL"], "resolution": 10} | rule],
        "sources": {"mine": {"type": "files", "folder": "scenes", "units": {"vv": "1", "vh": "1"}}},
    }
    return Watch(
        settings=Settings(cache=tmp_path / "cache"),
        rules=Rules.model_validate(rules),
        base=folder,
        catalog=tmp_path / "catalog",
        state=tmp_path / "state",
        feeds={f"feed{i}": feed for i, feed in enumerate(feeds)},
    )


@pytest.fixture
def bare(monkeypatch):
    draw_bare(monkeypatch)


def went(rows):
    return [(r.outcome, r.stage) for r in rows]


@pytest.mark.usefixtures("bare")
def test_one_look_after_the_other(lake, tmp_path):
    """The first pass, nothing new, the second pass as monitoring; never the same twice."""
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    assert went(look(watch, TODAY)) == [(Outcome.DONE, "DEL")]
    assert went(look(watch, TODAY + DAY)) == []
    assert went(look(watch, ONSET + 8 * DAY)) == [(Outcome.DONE, "DEL MONIT01")]
    assert went(look(watch, ONSET + 9 * DAY)) == []
    moments = [m.moment for m in mapped(watch.catalog)]
    assert moments == [ONSET + DAY, ONSET + 7 * DAY]
    assert went(look(watch, ONSET + 31 * DAY)) == []
    assert files.load(watch.state)[0].closed


@pytest.mark.usefixtures("bare")
def test_state_that_was_lost_is_found_in_the_catalog(lake, tmp_path):
    """Without its folder of state: the event is known by its ids, under its first name and area."""
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    list(look(watch, TODAY))
    before = files.load(watch.state)[0]
    shutil.rmtree(watch.state)
    west, south, east, north = lake[1].bbox
    moved = Area.from_bbox(west - 1, south - 1, east + 1, north + 1)
    renamed = event(
        moved, id="FL-2024-000001-XXX", ids={"glide": "FL-2024-000001-XXX", "gdacs": "FL1"}
    )
    again = make(lake, tmp_path, Reports(renamed))
    assert went(look(again, TODAY + DAY)) == []
    after = files.load(watch.state)[0]
    assert after.id == before.id
    request = after.request(watch.settings, watch.base)
    assert request.event.area.bbox == pytest.approx(lake[1].bbox, abs=2e-4)


def test_a_disaster_that_was_accepted_keeps_its_area_but_not_its_end(lake, tmp_path):
    """A later report moves it and ends it: what is mapped stays comparable, the end is taken."""
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    list(look(watch, ONSET + DAY / 2))
    text = files.load(watch.state)[0].event_file
    west, south, east, north = lake[1].bbox
    moved = event(Area.from_bbox(west + 1, south, east + 1, north), end=ONSET + 2 * DAY)
    list(look(make(lake, tmp_path, Reports(moved)), ONSET + DAY / 2))
    (found,) = files.load(watch.state)
    assert found.event_file == text
    assert found.end == ONSET + 2 * DAY
    assert found.horizon == ONSET + 2 * DAY


@pytest.mark.usefixtures("bare")
def test_a_watch_publishes_into_an_object_store(lake, tmp_path):
    """Another machine, with no state and no mirror, knows from the catalog what is mapped."""
    with object_store("relief") as url:

        def on(machine):
            secrets = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "s3cret"}
            settings = Settings(
                cache=tmp_path / machine / "cache",
                s3_endpoint=url,
                s3_region="us-east-1",
                secrets=secrets,
            )
            watch = make(lake, tmp_path / machine, Reports(event(lake[1])))
            place = catalog_at("s3://relief/maps", settings)
            return replace(watch, settings=settings, catalog=place)

        assert went(look(on("one"), TODAY)) == [(Outcome.DONE, "DEL")]
        assert went(look(on("two"), TODAY + DAY)) == []
        assert went(look(on("two"), ONSET + 8 * DAY)) == [(Outcome.DONE, "DEL MONIT01")]
        moments = [m.moment for m in mapped(on("three").catalog)]
    assert moments == [ONSET + DAY, ONSET + 7 * DAY]


def unsure(area):
    """Return an event whose outline the feed could not be asked for."""
    said = event(area)
    return incomplete(reported_once(said))


def reported_once(said):
    """Return an event with the report that it was made of."""
    report = Report(
        feed="reports",
        id="FL1",
        title=said.title,
        url="",
        hazard=said.hazard,
        area=said.area,
        onset=said.onset,
        severity=said.severity,
    )
    return replace(said, reports=(report,))


@pytest.mark.usefixtures("bare")
def test_a_disaster_is_mapped_where_its_outline_is_once_that_is_known(lake, tmp_path):
    """The outline could not be asked for: a row, nothing mapped; then it is, within it."""
    west, south, east, north = lake[1].bbox
    vague = Area.from_bbox(west - 1, south - 1, east + 1, north + 1)
    for moment in (TODAY, TODAY + DAY / 8):
        rows = list(look(make(lake, tmp_path, Reports(unsure(vague))), moment))
        assert went(rows) == [(Outcome.FAILED, "")]
        assert "outline" in rows[0].reason
    known = make(lake, tmp_path, Reports(reported_once(event(lake[1]))))
    assert went(look(known, TODAY + DAY / 4)) == [(Outcome.DONE, "DEL")]
    (made,) = mapped(known.catalog)
    assert made.event["id"] == "GDACS-FL-1"
    assert went(look(make(lake, tmp_path, Reports(unsure(vague))), TODAY + DAY)) == []


@pytest.mark.usefixtures("bare")
def test_an_outline_is_not_waited_for_for_ever(lake, tmp_path):
    """Still not to be had after a day: mapped where the feed said at first, and so it stays."""
    watch = make(lake, tmp_path, Reports(unsure(lake[1])))
    assert went(look(watch, TODAY)) == [(Outcome.FAILED, "")]
    late = list(look(watch, TODAY + DAY))
    assert went(late) == [(Outcome.FAILED, ""), (Outcome.DONE, "DEL")]
    text = files.load(watch.state)[0].event_file
    west, south, east, north = lake[1].bbox
    moved = Area.from_bbox(west + 1, south, east + 1, north)
    again = make(lake, tmp_path, Reports(reported_once(event(moved))))
    assert went(look(again, TODAY + 2 * DAY)) == []
    assert files.load(watch.state)[0].event_file == text


def test_what_meets_no_rule_is_left_alone(lake, tmp_path):
    """A green flood under a rule that asks for red."""
    watch = make(lake, tmp_path, Reports(event(lake[1], severity=Alert.GREEN)), alert="red")
    assert went(look(watch, TODAY)) == []
    assert files.load(watch.state) == []


@pytest.mark.usefixtures("bare")
def test_feeds_that_fail_do_not_stop_what_was_accepted(lake, tmp_path):
    """All feeds down: a row says so, and the pass that has come is mapped."""
    list(look(make(lake, tmp_path, Reports(event(lake[1]))), ONSET + DAY / 2))
    down = make(lake, tmp_path, Reports(failure=UnavailableError("down")))
    rows = list(look(down, TODAY))
    assert went(rows) == [(Outcome.FAILED, ""), (Outcome.DONE, "DEL")]
    assert "down" in rows[0].reason


def test_what_another_process_serves_is_left_to_it(lake, tmp_path, monkeypatch):
    """Its claim is held elsewhere: nothing is mapped here."""

    def never(*_, **__):
        raise AssertionError("mapped")

    monkeypatch.setattr(module, "carry_out", never)
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    with claimed(watch.state / "claims", "GDACS-FL-1") as ours:
        assert ours
        assert went(look(watch, TODAY)) == []


def test_a_service_that_is_away_is_asked_again(lake, tmp_path, monkeypatch):
    """It fails for now: a row, nothing noted; the next look tries the same pass."""
    tried = []

    def away(asked, *_, **__):
        tried.append(asked.event.id)
        raise UnavailableError("away")

    monkeypatch.setattr(module, "carry_out", away)
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    for _ in range(2):
        assert went(look(watch, TODAY)) == [(Outcome.FAILED, "")]
    assert len(tried) == 2
    assert files.load(watch.state)[0].unusable == {}


def test_a_pass_that_comes_to_nothing_is_tried_once(lake, tmp_path, monkeypatch):
    """Insufficient: noted, the next pass takes its place as first product."""
    from reliefscope.errors import InsufficientDataError  # noqa: PLC0415 - for this test alone

    tried = []

    def dark(asked, *_, **__):
        tried.append((asked.stage, asked.monitoring))
        raise InsufficientDataError("dark", observed_fraction=0.0)

    monkeypatch.setattr(module, "carry_out", dark)
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    assert went(look(watch, TODAY)) == [(Outcome.INSUFFICIENT, "DEL")]
    assert went(look(watch, TODAY + DAY)) == []
    assert went(look(watch, ONSET + 8 * DAY)) == [(Outcome.INSUFFICIENT, "DEL")]
    assert tried == [("DEL", None)] * 2


def test_a_bug_with_one_disaster_does_not_keep_the_others_waiting(lake, tmp_path, monkeypatch):
    """The first meets a bug of ours; the second is served."""

    def shaky(asked, *_, **__):
        if asked.event.id == "GDACS-FL-1":
            raise ZeroDivisionError("bug")
        raise UnavailableError("away")

    monkeypatch.setattr(module, "carry_out", shaky)
    west, south, east, north = lake[1].bbox
    far = event(Area.from_bbox(west + 40, south, east + 40, north), id="GDACS-FL-2",
                ids={"gdacs": "FL2"})  # fmt: skip
    near = event(lake[1])
    monkeypatch.setattr(module, "passes_within", _same_passes(module.passes_within, lake[1]))
    rows = list(look(make(lake, tmp_path, Reports(near, far), min_cover=0.0), TODAY))
    assert [r.event for r in rows] == ["GDACS-FL-1", "GDACS-FL-2"]
    assert "a bug of ours: ZeroDivisionError" in rows[0].reason
    assert "away" in rows[1].reason


def _same_passes(real, area):
    """Return passes over the lake, whatever place is asked for."""

    def passes(plan, sources, window):
        return real(replace(plan, event=replace(plan.event, area=area)), sources, window)

    return passes


def test_a_state_that_cannot_be_written_ends_the_watch(lake, tmp_path, monkeypatch):
    """A full disk: said with what to do, not tried for ever."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "save", full)
    with pytest.raises(PublishError, match="free disk space"):
        list(look(make(lake, tmp_path, Reports(event(lake[1]))), TODAY))


def test_a_damaged_file_of_state_is_named(lake, tmp_path):
    """With what to do: the catalog knows what was mapped."""
    watch = make(lake, tmp_path, Reports(event(lake[1])))
    list(look(watch, ONSET + DAY / 2))
    path = watch.state / "events" / "GDACS-FL-1.json"
    path.write_text(json.dumps({"id": "x"}))
    with pytest.raises(InputError, match="remove it"):
        list(look(watch, TODAY))


@pytest.mark.usefixtures("bare")
def test_one_look_from_the_command_line(lake, tmp_path, monkeypatch, receiver):
    """What cron starts: the pass is mapped, told and fed once; again, nothing happens."""
    folder, area = lake
    monkeypatch.setattr(module, "open_feeds", lambda _: {"reports": Reports(event(area))})
    for name in ("RELIEFSCOPE_CACHE", "RELIEFSCOPE_CATALOG", "NETRC"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("RELIEFSCOPE_WEBHOOK_SECRET", "a long random text")
    hooks = tmp_path / "recipients.toml"
    hooks.write_text(f'webhooks = [{{ url = "{receiver.url}" }}]')
    rules = folder / "rules.toml"
    rules.write_text(
        """
[[rules]]
hazards = ["flood"]
stages = ["DEL"]
resolution = 10
[sources.mine]
type = "files"
folder = "scenes"
units = { vv = "1", vh = "1" }
"""
    )
    command = ["watch", rules, "--once", "--notify", hooks, "--feed", "--released", TODAY]
    for _ in range(2):
        assert main([*map(str, command)]) == 0
        (_, body), *others = receiver.got
        assert others == []
    catalog = tmp_path / "RELIEFSCOPE_CATALOG"
    (made,) = mapped(catalog)
    assert json.loads(body)["product"] == made.product
    assert (catalog / "feed" / "atom.xml").read_text().count("<entry>") == 1
    assert (catalog / "feed" / f"{made.product}.cap.xml").is_file()
    report = json.loads((catalog / ".watch" / "report" / "report.json").read_text())
    assert [r["outcome"] for r in report["results"]] == ["done"]


def test_an_unknown_feed_is_named(lake, tmp_path):
    watch = make(lake, tmp_path, Reports())
    wrong = replace(watch, rules=watch.rules.model_copy(update={"feeds": ("gdcas",)}))
    with pytest.raises(InputError, match="gdcas"):
        list(look(wrong, TODAY))
