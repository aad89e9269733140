"""Rules of the watch: which disasters meet them."""

import datetime as dt
import tomllib

import pytest

from reliefscope.errors import InputError
from reliefscope.jobs.rules import TEMPLATE, Rule, Rules, meets, read_rules
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Hazard


def event(**over):
    fields = {
        "id": "E1",
        "title": "t",
        "hazard": Hazard.FLOOD,
        "area": Area.from_bbox(34, -20, 35, -19),  # Mozambique
        "onset": dt.datetime(2024, 3, 1, tzinfo=dt.UTC),
        "severity": Alert.ORANGE,
        "countries": ("MOZ",),
    }
    return Event(**fields | over)


def met(the_event, counted=lambda _: None, **rule):
    return meets(the_event, Rule(**{"hazards": ["flood"]} | rule), counted)


@pytest.mark.parametrize(
    ("severity", "asked", "answer"),
    [
        (Alert.ORANGE, "orange", True),
        (Alert.RED, "orange", True),
        (Alert.GREEN, "orange", False),
        (None, "green", False),
        (None, None, True),
    ],
)
def test_alert_levels_are_at_least(severity, asked, answer):
    """As grave or graver; without a level only a rule that asks for none is met."""
    assert met(event(severity=severity), alert=asked) is answer


def test_hazards_are_those_named():
    assert not met(event(hazard=Hazard.FIRE))
    assert met(event(hazard=Hazard.FIRE), hazards=["fire", "flood"])


@pytest.mark.parametrize(
    ("countries", "said", "answer"),
    [
        (["Mozambique"], ("MOZ",), True),
        (["MOZ"], ("Mozambique",), True),
        (["Madagascar"], ("MOZ",), False),
        (["Mozambique"], (), True),
        (["Madagascar"], (), False),
    ],
)
def test_countries_by_name_code_or_place(countries, said, answer):
    """A name or a code; where no feed names a country, the area tells."""
    assert met(event(countries=said), countries=countries) is answer


@pytest.mark.parametrize(("near", "answer"), [(9_999, False), (10_000, True), (None, False)])
def test_people_must_be_known_to_be_enough(near, answer):
    """At least so many; a number that cannot be told is not enough."""
    assert met(event(), lambda _: near, people=10_000) is answer


def test_people_are_counted_last():
    """A service that counts is not asked about a disaster that is out for another reason."""

    def refuse(_):
        raise AssertionError("asked")

    assert not met(event(severity=Alert.GREEN), refuse, alert="red", people=1)
    assert met(event(), refuse)


def test_the_first_rule_that_fits_counts():
    rules = Rules(
        rules=[
            {"name": "red", "hazards": ["flood"], "alert": "red"},
            {"name": "any", "hazards": ["flood"]},
        ]
    )
    assert rules.fitting(event(severity=Alert.RED), lambda _: None).name == "red"
    assert rules.fitting(event(), lambda _: None).name == "any"
    assert rules.fitting(event(hazard=Hazard.FIRE), lambda _: None) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rules]]\nhazards = ['floood']", "hazards"),
        ("[[rules]]\nhazards = ['flood']\nalrt = 'red'", "line 3"),
        ("[[rules]]\nhazards = ['flood']\ncountries = ['Atlantis']", "no country is named"),
        ("[[rules]]\nhazards = ['flood']\nindicator = 'x'", "no indicator"),
        ("[[rules]]\nhazards = ['flood']\npeople = 5", "context.population"),
        ("rules = []", "at least 1"),
    ],
)
def test_slips_are_named(tmp_path, text, message):
    """A hazard, a key, a country or an indicator that is none; people without a count of them."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_rules(path)


def test_the_template_is_a_file_of_rules():
    assert Rules.model_validate(tomllib.loads(TEMPLATE)).rules[0].name == "grave floods"
