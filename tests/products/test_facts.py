"""The numbers: what they are, how they read, where they come from."""

import datetime as dt
import json

import pytest

from reliefscope.errors import InputError
from reliefscope.model.context import Context
from reliefscope.products.exposure import assess
from reliefscope.products.facts import Fact, Facts, images, state_facts
from reliefscope.products.layers import compute_layers
from reliefscope.products.telling import as_text, round_people
from tests.products.scene import make_context, make_dataset, make_granule, make_product


def facts_of(product=None, context=None):
    product, context = product or make_product(), context or Context()
    layers = compute_layers(product)
    head = {"product_id": "X_v1", "exercise": "no"}
    return state_facts(product, layers, assess(layers, context), context, head)


def test_numbers_of_the_scene():
    """Areas by column, people by pixel, time from onset to image."""
    facts = facts_of(context=make_context())
    assert facts["event_area_km2"].value == pytest.approx(4.8, rel=2e-3)
    assert facts["event_area_km2"].low == pytest.approx(1.92, rel=2e-3)
    assert facts["event_area_km2"].high == pytest.approx(6.24, rel=2e-3)
    assert facts["observed_fraction"].value == pytest.approx(59 / 64, rel=1e-5)
    assert facts["exposed_population"].value == 4800
    assert facts["population_cannot_tell"].value == 4800
    assert facts["population_upper_bound"].value == 9600
    assert facts["hours_after_onset"].value == pytest.approx(23.2)
    assert facts["image_acquired"].value == "2024-09-15T05:12:00+00:00"
    assert facts["threshold_vv_db"].value == -15.25
    assert facts["threshold_vv_db"].unit == "dB"
    assert facts["advisory"].value == ("single_polarisation",)


def test_upper_bound_is_the_sum_of_seen_and_unseen():
    """The three numbers always close."""
    facts = facts_of(context=make_context())
    people = [facts[f"population_{k}"].value for k in ("cannot_tell", "upper_bound")]
    assert facts["exposed_population"].value + people[0] == people[1]


def test_every_number_leads_to_a_layer_and_to_granules():
    """From a fact one finds the file it was counted on and the images behind it."""
    facts = facts_of(context=make_context())
    for key in ("event_area_km2", "exposed_population", "observed_fraction"):
        assert facts[key].layer == "state.tif"
        assert "S1A_20240915" in facts[key].inputs
        assert facts[key].method
    assert "Hand-made 2024" in facts["exposed_population"].inputs


def test_json_gives_back_the_same_facts():
    """What is written is what was stated, in the same order, with its admin rows."""
    facts = facts_of(context=make_context())
    again = Facts.from_json(facts.to_json())
    assert list(again) == list(facts)
    assert all(again[k] == facts[k] for k in facts)
    assert [r["name"] for r in again.admin] == [r["name"] for r in facts.admin]
    assert again.head == {"product_id": "X_v1", "exercise": "no"}


def test_json_holds_no_nan():
    """Without a population the admin rows have null, which every reader understands."""
    facts = facts_of(context=make_context(population=None))
    document = json.loads(facts.to_json(), parse_constant=pytest.fail)
    assert document["admin"][0]["population"] is None
    assert "exposed_population" not in document["facts"]


def test_without_population_no_figure_on_people_is_made_up():
    """No people are stated where nobody was counted: not even zero."""
    assert not [k for k in facts_of() if "population" in k]


def test_unused_thresholds_are_not_determined():
    """NaN in the product is null in the facts, and says so in words."""
    data = make_dataset()
    data["threshold_vv_db"] = data["threshold_vv_db"] * float("nan")
    facts = facts_of(make_product(data=data))
    assert facts["threshold_vv_db"].value is None
    assert facts.text("threshold_vv_db") == "not determined"


def test_a_product_without_dated_images_has_no_time():
    """Static layers only: time and delay are not determined."""
    facts = facts_of(make_product(granules={"after": (make_granule(acquired=None),)}))
    assert facts["image_acquired"].value is None
    assert facts.text("hours_after_onset") == "not determined"


def test_images_are_those_after_the_event_in_order():
    """The role ``after`` shows the event; others only where there is none."""
    early = make_granule(id="a", acquired=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    late = make_granule(id="b")
    both = make_product(granules={"before": (early,), "after": (late,)})
    assert [g.id for g in images(both)] == ["b"]
    neither = make_product(granules={"one": (late,), "two": (early,)})
    assert [g.id for g in images(neither)] == ["a", "b"]


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (
            Fact(key="k", value=42.14, low=38.0, high=47.46, unit="km2", display="area"),
            "42.1 km² (38.0-47.5)",
        ),
        (Fact(key="k", value=0.0412, unit="km2", display="area"), "0.041 km²"),
        (
            Fact(key="k", value=0.0, low=0.0, high=0.25, unit="km2", display="area"),
            "0 km² (0-0.250)",
        ),
        (Fact(key="k", value=1234.5, unit="km2", display="area"), "1,234 km²"),
        (Fact(key="k", value=0.0003, unit="km2", display="area"), "<0.001 km²"),
        (
            Fact(key="k", value=0.5, low=0.0001, high=0.7, unit="km2", display="area"),
            "0.500 km² (<0.001-0.700)",
        ),
        (
            Fact(key="k", value=12_345.0, low=9_940.0, high=15_999.0, display="people"),
            "12,000 (9,900-16,000)",
        ),
        (Fact(key="k", value=0.4, display="people"), "<1"),
        (Fact(key="k", value=0.0, display="people"), "0"),
        (Fact(key="k", value=0.998, unit="1", display="share"), ">99 %"),
        (Fact(key="k", value=1.0, unit="1", display="share"), "100 %"),
        (Fact(key="k", value=0.004, unit="1", display="share"), "<1 %"),
        (Fact(key="k", value=0.0, unit="1", display="share"), "0 %"),
        (Fact(key="k", value=23.2, unit="hour", display="hours"), "23 h"),
        (Fact(key="k", value=-15.61, unit="dB", display="number"), "-15.6 dB"),
        (Fact(key="k", value="2024-09-15T07:12:00+02:00", display="time"), "2024-09-15 05:12 UTC"),
        (Fact(key="k", value=(), display="list"), "none"),
        (Fact(key="k", value=("late", "arid"), display="list"), "late, arid"),
    ],
)
def test_what_a_person_reads(fact, text):
    """Each kind of number is rounded by its own rule, and never to a false certainty."""
    assert as_text(fact) == text


@pytest.mark.parametrize(
    ("people", "text"), [(4, "4"), (87, "87"), (123, "120"), (996, "1,000"), (145_603, "150,000")]
)
def test_people_have_two_significant_digits(people, text):
    """A count from a population grid is not known to the person."""
    assert round_people(people) == text


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "else"}'])
def test_other_documents_are_refused(text):
    """Only a facts.json is read as one."""
    with pytest.raises(InputError, match=r"facts\.json"):
        Facts.from_json(text)
