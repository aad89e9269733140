"""The table of statistics."""

import io

import geopandas as gpd
import pandas as pd
import pytest

from reliefscope.model.context import Context
from reliefscope.products.statistics import WHOLE, statistics, to_csv
from tests.products.scene import lonlat, make_context, pixels
from tests.products.test_facts import facts_of


def test_every_unit_has_every_class():
    """Whole area, two units and the rest: each with five states, total, unclear and bound."""
    table = statistics(facts_of(context=make_context()))
    assert table.groupby("name", sort=False)["class"].count().to_list() == [8, 8, 8, 8]
    assert table["name"].iloc[0] == WHOLE


def test_states_add_up_to_the_total():
    """In each unit the five states hold its area and its people once."""
    table = statistics(facts_of(context=make_context()))
    states = table["class"].isin(["no_event", "event", "reference", "excluded", "not_observed"])
    for column in ("area_km2", "population"):
        parts = table[states].groupby("name")[column].sum()
        total = table[table["class"] == "total"].set_index("name")[column]
        for name, value in total.items():
            assert parts[name] == pytest.approx(value, rel=1e-6)


def test_the_three_numbers_stand_together():
    """Exposed, cannot tell and their sum, as the facts state them."""
    facts = facts_of(context=make_context())
    table = statistics(facts).query("name == @WHOLE").set_index("class")["population"]
    assert table[["event", "cannot_tell", "upper_bound"]].to_list() == [4800, 4800, 9600]


def test_without_population_the_cells_are_empty():
    """Nothing is not zero."""
    table = statistics(facts_of(context=Context()))
    assert table["population"].isna().all()
    assert pd.read_csv(io.StringIO(to_csv(table)))["population"].isna().all()


def test_each_row_says_which_product_it_is_of():
    """A table that travels alone still says what it is and whether it is an exercise."""
    table = statistics(facts_of())
    assert set(table["product_id"]) == {"X_v1"}
    assert set(table["exercise"]) == {"no"}


def test_names_cannot_run_as_formulas():
    """A name that a spreadsheet would run is written as text."""
    admin = gpd.GeoDataFrame(
        {"name": ["=HYPERLINK(0)"], "pcode": ["@x"], "level": [1]},
        geometry=[lonlat(pixels(0, 99, 0, 99))],
        crs="EPSG:4326",
    )
    text = to_csv(statistics(facts_of(context=make_context(admin=admin))))
    names = pd.read_csv(io.StringIO(text))
    assert "'=HYPERLINK(0)" in names["name"].to_list()
    assert "'@x" in names["pcode"].to_list()
