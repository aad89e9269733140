"""Products of methods that state no likelihood: no number of theirs has a range, wherever told."""

import dataclasses as dc

import numpy as np
import pandas as pd
import pytest

from reliefscope.products.exposure import assess
from reliefscope.products.facts import state_facts
from reliefscope.products.layers import compute_layers
from reliefscope.products.sheet.tables import units
from reliefscope.products.statistics import statistics
from reliefscope.products.vectors import build_vectors
from reliefscope.products.workbook import sheets
from tests.products.scene import COLUMNS, ROWS, layer, make_context, make_dataset, make_product
from tests.products.sheet.conftest import make_content

COLUMNS_OF_RANGES = ("event_low_km2", "event_high_km2", "exposed_low", "exposed_high")


def unranged_dataset():
    data = make_dataset(likelihood=np.full((ROWS, COLUMNS), 255, np.uint8))
    data["land_cover"] = layer("land_cover", np.full((ROWS, COLUMNS), 40, np.uint8))
    return data


@pytest.fixture(scope="module")
def made():
    product, context = make_product(data=unranged_dataset()), make_context()
    layers = compute_layers(product)
    exposure = assess(layers, context)
    head = {"product_id": "X_v1", "exercise": "no"}
    return product, layers, exposure, state_facts(product, layers, exposure, context, head)


def test_no_fact_has_a_range_but_those_of_things(made):
    """Only roads and facilities keep theirs, which nearness makes and not likelihood."""
    *_, facts = made
    ranged = {key for key, fact in facts.items() if fact.low is not None or fact.high is not None}
    assert all(key.startswith(("roads", "facilities")) for key in ranged)
    assert facts["event_area_km2"].value == pytest.approx(4.8, rel=2e-3)


def test_no_row_of_any_table_has_a_range(made):
    """CSV, workbook, facts and polygons leave the columns of ranges empty."""
    product, layers, exposure, facts = made
    assert facts.admin
    for row in facts.admin:
        assert all(pd.isna(row[c]) for c in COLUMNS_OF_RANGES)
        assert row["exposed"] >= 0
    table = statistics(facts)
    for column in ("area_low_km2", "area_high_km2", "population_low", "population_high"):
        assert table[column].isna().all()
    head, *rows = sheets(facts)["units"]
    assert all(pd.isna(row[head.index(c)]) for row in rows for c in COLUMNS_OF_RANGES)
    vectors = build_vectors(product, layers, exposure, make_context(), None)
    assert not set(COLUMNS_OF_RANGES) & set(vectors["administrativeA"].columns)


def test_sheet_has_no_column_of_ranges():
    """The table of units on the sheet is told without one."""
    content = make_content(make_product(data=unranged_dataset()))
    assert units(content)["ranged"] is False


def test_nothing_found_without_likelihoods_is_no_range_of_zero():
    """Where no event was found and no likelihood is stated, there is no "0 (0-0)" either."""
    state = np.zeros((ROWS, COLUMNS), np.uint8)
    layers = compute_layers(
        make_product(data=unranged_dataset().assign(state=layer("state", state)))
    )
    assert not layers.ranged
    known = dc.replace(layers, likelihood=np.full((ROWS, COLUMNS), 3, np.uint8))
    assert known.ranged
