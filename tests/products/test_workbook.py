"""The workbook says what the facts say, and nothing in it runs."""

import zipfile

import geopandas as gpd
import pytest
from openpyxl import load_workbook

from reliefscope.products.facts import Facts
from reliefscope.products.workbook import EXERCISE, SHEETS, workbook_errors, write_workbook
from tests.products.scene import lonlat, make_context, make_granule, make_product, pixels
from tests.products.test_facts import facts_of


def stored(facts, tmp_path):
    write_workbook(facts, tmp_path / "s.xlsx")
    return load_workbook(tmp_path / "s.xlsx")


def test_units_classes_facts_about(tmp_path):
    """One sheet each, with the exact numbers of the facts as numbers, read by openpyxl."""
    facts = facts_of(context=make_context())
    book = stored(facts, tmp_path)
    assert tuple(book.sheetnames) == SHEETS
    units = list(book["units"].iter_rows(values_only=True))
    row = dict(zip(units[0], units[2], strict=True))
    assert row["name"] == "Nordhausen"
    assert row["pcode"] == "T01"
    assert row["exposed"] == pytest.approx(2400, rel=1e-6)
    keys = {r[0]: r for r in book["facts"].iter_rows(values_only=True)}
    assert set(facts) <= set(keys)
    assert keys["exposed_population"][2] == facts["exposed_population"].value
    assert keys["image_acquired"][7] == "S1A_20240915"
    classes = [r[0] for r in book["classes"].iter_rows(values_only=True)]
    assert classes[:4] == ["class", "total", "no_event", "event"]


def test_names_are_text_whatever_they_begin_with(tmp_path):
    """No cell is a formula or an error, and control characters do not break the file."""
    names = ["=HYPERLINK(0)", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "#REF!", "a\x0bb"]
    admin = gpd.GeoDataFrame(
        {"name": names, "pcode": ["=1"] * 6, "level": range(6)},
        geometry=[lonlat(pixels(0, 99, 0, 99))] * 6,
        crs="EPSG:4326",
    )
    book = stored(facts_of(context=make_context(admin=admin)), tmp_path)
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row]
    assert {c.data_type for c in cells} <= {"s", "n", "inlineStr"}
    assert {*names[:5], "ab"} <= {c.value for c in cells}
    with zipfile.ZipFile(tmp_path / "s.xlsx") as archive:
        assert not any(b"<f>" in archive.read(n) for n in archive.namelist())


def test_exercise_stands_on_every_sheet(tmp_path):
    """A workbook of a simulated event says so before any number."""
    product = make_product(granules={"after": (make_granule(exercise=True),)})
    facts = facts_of(product=product)
    marked = Facts(facts.items_by_key, facts.admin, {**facts.head, "exercise": "yes"})
    book = stored(marked, tmp_path)
    assert [sheet["A1"].value for sheet in book] == [EXERCISE] * 4
    assert workbook_errors(marked, tmp_path / "s.xlsx") == ""
    assert "row 1" in workbook_errors(facts, tmp_path / "s.xlsx")


def test_a_number_changed_is_found(tmp_path):
    """What was read back is compared cell by cell; a sheet missing or garbage is said too."""
    facts = facts_of(context=make_context())
    book = stored(facts, tmp_path)
    path = tmp_path / "s.xlsx"
    assert workbook_errors(Facts.from_json(facts.to_json()), path) == ""
    book["units"]["D3"] = book["units"]["D3"].value * 1.0001
    book.save(path)
    assert "row 3 of sheet 'units'" in workbook_errors(facts, path)
    del book["units"]
    book.save(path)
    assert "has the sheets" in workbook_errors(facts, path)
    path.write_bytes(b"none")
    assert "no workbook" in workbook_errors(facts, path)
