"""From feed to map with nobody watching, on a bad line, killed at random."""

import json
import os
from collections import Counter

import pytest
from shapely.geometry import shape

from reliefscope.jobs.ledger import mapped
from reliefscope.products.verify import verify
from tests.rehearsal.place import ONSET, World, make_disasters
from tests.rehearsal.recorded import SEEN, UNSEEN, Recorded, make_recorded
from tests.rehearsal.stage import driving, facts, moments

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="kills forked processes, and this system cannot fork"
)
DAYS = moments(ONSET, (0, 2, 3, 15, 43))
"""Of disasters that began on the first, second and third of these days."""
STAGES = {"flood": ("REF", "FEP", "DEL"), "fire": ("FEP", "DEL"), "landslide": ("DEL",)}
FEW_STAGES = {"flood": ("REF", "FEP", "DEL"), "fire": ("DEL",), "landslide": ("DEL",)}


def wanted(disasters, stages):
    """Return the ids of all products that must be there: each stage, and floods seen again."""
    return {
        f"EONET-{900 + d.number}_AOI01_{kind}_r1_v1"
        for d in disasters
        for kind in kinds(str(d.event.hazard), stages)
    }


def kinds(hazard, stages):
    """Return the kinds of products of a disaster."""
    again = ["DEL_MONIT01"] if hazard == "flood" else []
    return [f"{stage}_PRODUCT" for stage in stages[hazard]] + again


def check(folder, products, *, undisturbed):
    """Nothing lost, nothing twice, every package whole, every fact as it would have been."""
    catalog = folder / "catalog"
    found = facts(catalog)
    assert set(found) == products
    assert found == undisturbed
    looked = Counter((m.event["id"], m.stage, m.monitoring, m.moment) for m in mapped(catalog))
    assert max(looked.values()) == 1
    assert not list(catalog.rglob("*.partial"))
    for path in catalog.glob("[!.]*/[!.]*/[!.]*/item.json"):
        wrong = [g.name for g in verify(path.parent) if g.passed is False]
        assert wrong == [], path


def states(folder):
    """Return what is known of each disaster that was accepted, by its identifier."""
    paths = (folder / "state" / "events").glob("*.json")
    return {path.stem: json.loads(path.read_text()) for path in paths}


def done(said):
    """Return the products that were made, in order."""
    return [product for _, _, outcome, product, _ in said["rows"] if outcome == "done"]


@pytest.fixture(scope="module")
def disasters(tmp_path_factory):
    """A flood, a fire and a landslide, in places of their own."""
    hazards = ["flood", "fire", "landslide"]
    return make_disasters(tmp_path_factory.mktemp("worlds"), hazards)


@pytest.fixture(scope="module")
def driver(tmp_path_factory, root):
    """What drives the watchers of all worlds."""
    with driving(root, tmp_path_factory.mktemp("driver") / "log") as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, disasters, driver):
    """What a watch does that nothing disturbs: its words, and its catalog."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return driver.rehearse(folder, World(disasters), DAYS, FEW_STAGES), folder


def test_every_pass_becomes_its_product_once(disasters, undisturbed):
    """Reference before, first estimate and delineation of the first pass, then monitoring."""
    said, folder = undisturbed
    products = wanted(disasters, FEW_STAGES)
    assert sorted(done(said)) == sorted(products)
    check(folder, products, undisturbed=facts(folder / "catalog"))


def test_the_watch_ends_with_the_event(disasters, undisturbed):
    """After the last day of monitoring each disaster is closed."""
    _, folder = undisturbed
    assert [s["closed"] for s in states(folder).values()] == [True] * len(disasters)


def test_killed_at_random_on_a_bad_line(tmp_path, disasters, undisturbed, driver):
    """Two watchers, killed time and again: the facts of the undisturbed one, to the last byte."""
    calm, folder = undisturbed
    said = driver.rehearse(
        tmp_path,
        World(disasters),
        DAYS,
        FEW_STAGES,
        calm=calm,
        kills=9,
        watchers=2,
        seed=3,
        faulty=True,
    )
    assert said["kills"] >= 8
    check(tmp_path, wanted(disasters, FEW_STAGES), undisturbed=facts(folder / "catalog"))


def test_what_time_off_missed_is_caught_up(tmp_path, disasters, undisturbed, driver):
    """Off for all days but the last but one: the same products of the flood, of the same passes."""
    _, folder = undisturbed
    flood = disasters[:1]
    driver.rehearse(tmp_path, World(flood), DAYS[-2:-1], FEW_STAGES)
    late = {(m.product, m.moment) for m in mapped(tmp_path / "catalog")}
    assert {product for product, _ in late} == wanted(flood, FEW_STAGES)
    assert late <= {(m.product, m.moment) for m in mapped(folder / "catalog")}


def wanted_of_recorded(stages):
    """Return the ids of what must come of the disasters that were recorded.

    GDACS states the end of the flood in Spain, before it was seen again.
    """
    found = {
        f"{id_}_AOI01_{kind}_r1_v1"
        for id_, (_, hazard, _) in SEEN.items()
        for kind in kinds(str(hazard), stages)
    }
    return found - {"FL-2024-000199-ESP_AOI01_DEL_MONIT01_r1_v1"}


def days_of_recorded():
    """Return days around the onsets that were recorded, and one after all has ended."""
    days = {day for _, _, onset in SEEN.values() for day in moments(onset, (0, 2, 3, 15, 41))}
    return sorted({*days, *moments(ONSET, (140,))})


@pytest.mark.realdata
def test_recorded_answers_of_two_feeds_become_maps(tmp_path, driver, shared_data):
    """GDACS and Copernicus as recorded: what scenes show is mapped within its outline, what none
    shows is closed with nothing, and cyclones and droughts meet no rule."""
    seen = make_recorded(tmp_path / "worlds", 0)
    recorded = Recorded(shared_data, seen)
    world = World(seen.values(), {"gdacs": recorded.gdacs, "cems": recorded.cems})
    stages = {"flood": ("DEL",), "fire": ("DEL",)}
    said = driver.rehearse(tmp_path, world, days_of_recorded(), stages)
    products = wanted_of_recorded(stages)
    assert sorted(done(said)) == sorted(products)
    assert [row for row in said["rows"] if row[2] == "failed"] == []
    check(tmp_path, products, undisturbed=facts(tmp_path / "catalog"))
    for m in mapped(tmp_path / "catalog"):
        box = shape(m.event["area"]["geometry"]).bounds
        assert box == pytest.approx(seen[m.event["id"]].event.area.bbox, abs=3e-4)
    assert {id_ for id_, s in states(tmp_path).items() if s["closed"]} == set(SEEN) | UNSEEN


@pytest.mark.realdata
@pytest.mark.rehearsal
def test_thirty_disasters_and_fifty_kills(tmp_path, driver, shared_data):
    """The whole rehearsal, on demand: ``pytest -m rehearsal``."""
    made = make_disasters(tmp_path / "worlds", ["flood", "fire", "landslide"] * 9)
    seen = make_recorded(tmp_path / "worlds", len(made))
    recorded = Recorded(shared_data, seen)
    days = sorted({*DAYS, *days_of_recorded()})

    def world():
        feeds = {"gdacs": recorded.gdacs, "cems": recorded.cems}
        return World([*made, *seen.values()], feeds)

    calm = driver.rehearse(tmp_path / "calm", world(), days, STAGES, watchers=2)
    products = wanted(made, STAGES) | wanted_of_recorded(STAGES)
    assert sorted(done(calm)) == sorted(products)
    wild = driver.rehearse(
        tmp_path / "wild",
        world(),
        days,
        STAGES,
        calm=calm,
        kills=56,
        watchers=2,
        seed=5,
        faulty=True,
    )
    said = [{k: run[k] for k in ("kills", "looks", "cpu_s")} for run in (calm, wild)]
    print(said, len(products), "products")  # noqa: T201 - asked for by hand
    assert wild["kills"] >= 50
    check(tmp_path / "wild", products, undisturbed=facts(tmp_path / "calm" / "catalog"))
    accepted = states(tmp_path / "wild")
    assert set(accepted) == {f"EONET-{900 + d.number}" for d in made} | set(SEEN) | UNSEEN
    assert all(s["closed"] for s in accepted.values())
