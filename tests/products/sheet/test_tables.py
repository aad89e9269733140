"""What the tables say, taken from facts."""

import dataclasses as dc
import datetime as dt

import pytest

from reliefscope.model.context import Context
from reliefscope.products.facts import Fact
from reliefscope.products.sheet.document import describe, remarks
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.products.sheet.map_frame import Drawn
from reliefscope.products.sheet.tables import _capitals, consequences, fact_text, images, units
from reliefscope.products.telling import as_text
from reliefscope.words import words_in
from tests.products.scene import make_granule, make_product
from tests.products.sheet.conftest import make_content, unseen_product


def test_missing_fact_is_not_available(content):
    """A number nobody stated is not invented."""
    assert fact_text(content, "no_such_fact") == "not available"


def test_worst_units_come_first(content):
    """Units are ranked by people exposed, with range, cannot tell and upper bound."""
    got = units(content)
    table = content.by_admin.set_index("name")
    assert [r["name"] for r in got["rows"]] == sorted(
        ["Nordhausen", "Südhausen"], key=lambda n: -table.loc[n, "exposed"]
    )
    assert got["note"].startswith("Event seen in 2 of 2 units of the area.")
    assert set(got["rows"][0]) == {
        "name", "event", "exposed", "range", "cannot_tell", "upper"
    }  # fmt: skip


def test_units_from_facts_alone(content):
    """Without the table of units, the rows of the facts serve."""
    assert units(dc.replace(content, by_admin=None))["rows"] == units(content)["rows"]


def test_units_without_event_are_not_called_affected():
    """Where nothing was found no unit is listed, and the note says so."""
    got = units(make_content(unseen_product(0.5)))
    assert got["rows"] == []
    assert got["note"].startswith("Event seen in 0 of 2 units")


@pytest.mark.parametrize(
    ("language", "some", "less"),
    [("en", "5-12", "<1"), ("fr", "5 à 12", "<1"), ("es", "5 a 12", "<1"),
     ("ar", "من 5 إلى 12", "أقل من 1")],
)  # fmt: skip
def test_ranges_of_people_are_told_in_the_readers_language(content, language, some, less):
    """From none to less than one is "less than one", not a range of words."""
    table = content.by_admin.query("unit >= 0").assign(
        exposed=[8.0, 0.1], exposed_low=[5.0, 0.0], exposed_high=[12.0, 0.4], event_km2=1.0
    )
    there = dc.replace(content, by_admin=table, words=words_in(language))
    assert [r["range"] for r in units(there)["rows"]] == [some, less]
    fact = Fact(key="", value=0.1, low=0.0, high=0.4, unit="people", display="people")
    assert as_text(fact, words_in(language)) == less


def test_a_note_of_the_indicator_is_in_the_readers_language(content):
    """What the catalogs have is translated, and nothing is lost of what they have not."""
    drawn = (
        "flood_sar: drawn by analysts; what they left blank inside their area of interest counts "
        "as observed, not flooded"
    )
    told = (drawn, "flood_sar: of today")
    there = dc.replace(content, product=dc.replace(content.product, notes=told))
    assert remarks(there)[0].text.startswith("Drawn by analysts;")
    french = remarks(dc.replace(there, words=words_in("fr")))
    assert french[0].text.startswith("Tracé par des analystes")
    assert [n.told for n in french] == [True, False]
    assert french[1].text == "Of today"


def test_three_numbers_of_people_go_together(content):
    """Seen, cannot tell and upper bound stand in this order, with source and rounding."""
    got = consequences(content, ("Flooded area", "", ""))
    assert [r["value"] for r in got["people"][:3]] == [
        content.facts.text(k)
        for k in ("exposed_population", "population_cannot_tell", "population_upper_bound")
    ]
    assert "Hand-made 2024" in got["people_note"]


def test_no_people_no_numbers():
    """Without a population there is a sentence instead of numbers."""
    got = consequences(make_content(context=Context()), ("Flooded area", "", ""))
    assert got["people"] == []
    assert "not available" in got["people_note"]


def test_one_row_per_pass():
    """Two slices of one pass are one row; the image after comes first; static layers last."""
    late = dt.datetime(2024, 9, 15, 5, 12, 25, tzinfo=dt.UTC)
    product = make_product(
        granules={
            "before": (make_granule(id="b", acquired=dt.datetime(2024, 9, 3, 5, tzinfo=dt.UTC)),),
            "elevation": (
                make_granule(id="d", acquired=None, platform="", instrument="", licence="",
                             relative_orbit=None),
            ),
            "after": (make_granule(), make_granule(id="second", acquired=late)),
        }
    )  # fmt: skip
    rows = images(make_content(product))["rows"]
    assert [r["use"] for r in rows] == ["After", "Before", "Terrain"]
    assert rows[0]["acquired"] == "2024-09-15 05:12"
    assert rows[0]["sensor"].replace("\u2011", "-") == "Sentinel-1A C-SAR"
    assert rows[2] == {
        "use": "Terrain", "sensor": "sentinel-1-rtc", "acquired": "static",
        "resolution": "n/a", "orbit": "n/a", "licence": "licence not stated",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("sentinel-1a", "Sentinel-1A"),
        ("c-sar", "C-SAR"),
        ("MSI", "MSI"),
        ("TerraSAR-X", "TerraSAR-X"),
    ],
)
def test_sensor_names(raw, shown):
    """Catalogue spellings become the ones people write."""
    assert _capitals(raw) == shown


def test_legend_keeps_its_order_and_lists_what_is_drawn(content):
    """The five classes always come first, in one order; other marks only where drawn."""
    plan = plan_layout(content.layers.grid)
    bare = [r["swatch"] for r in describe(content, plan, Drawn())["legend"]]
    full = describe(content, plan, Drawn(units=True, roads=True, places=True, facilities=True))
    classes = ["event", "reference", "no_event", "excluded", "not_observed", "area"]
    assert bare == classes
    assert [r["swatch"] for r in full["legend"]] == [*classes, "unit", "road", "place", "facility"]


def test_age_before_onset_is_said_so(content):
    """An image from before the onset is not printed as a negative age."""
    event = dc.replace(content.product.event, onset=dt.datetime(2024, 9, 16, tzinfo=dt.UTC))
    late = make_content(dc.replace(make_product(), event=event))
    plan = plan_layout(late.layers.grid)
    assert describe(late, plan, Drawn())["limits"]["age"] == "19 h before onset"


def test_exercise_is_in_no_real_country(content):
    """A simulated event is never placed in a country; a real one is."""
    plan = plan_layout(content.layers.grid)
    assert describe(content, plan, Drawn())["header"]["place"] == "plain, Croatia"
    played = dc.replace(
        content,
        product=dc.replace(content.product, granules={"after": (make_granule(exercise=True),)}),
    )
    assert describe(played, plan, Drawn())["header"]["place"] == "plain"


def test_what_could_not_be_had_is_told_in_the_readers_language(content):
    """Roles and layers that are lacking make one sentence; why they are is not for the reader."""
    notes = (
        "before: nothing found; computed without it",
        "roads: osm failed (503 Service Unavailable); the map is made without",
    )
    roles = {"after": content.product.granules["after"]}
    there = dc.replace(content, product=dc.replace(content.product, notes=notes, granules=roles))
    english = remarks(there)
    assert [n.text for n in english] == [
        "Nothing found or fetched for: Before, Roads. Made without it."
    ]
    french = remarks(dc.replace(there, words=words_in("fr")))
    assert [(n.text, n.told) for n in french] == [
        ("Rien trouvé ni obtenu pour : Avant, Routes. Fait sans.", True)
    ]


def test_damaged_files_are_not_called_nothing_found(content):
    """A reader is told that there were files, and that they were set aside."""
    notes = ("before: damaged and set aside: S1A_X; computed without it", "dem: nothing found; x")
    roles = {"after": content.product.granules["after"]}
    there = dc.replace(content, product=dc.replace(content.product, notes=notes, granules=roles))
    damaged, lacking = (n.text for n in remarks(there))
    assert damaged == "Damaged files were set aside, and nothing else was found for: Before."
    assert lacking == "Nothing found or fetched for: Terrain. Made without it."
