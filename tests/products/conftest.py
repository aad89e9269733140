"""Fixtures of the package's tests."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typst

from reliefscope.products import package, stac
from reliefscope.products.facts import Facts, plain
from reliefscope.products.qa import Gate
from reliefscope.products.sheet import SheetFiles


def bare_sheets(content, folder: Path, spoken, **_):
    """Write sheets of bare text."""
    return [bare_sheet(replace(content, words=words), folder) for words in spoken]


def bare_sheet(content, folder: Path):
    """Write a sheet of bare text."""
    words = [content.product_id]
    words += ["EXERCISE"] * content.product.exercise + ["DRAFT"] * bool(content.draft)
    files = SheetFiles(pdf=folder / "sheet.en.pdf", png=folder / "sheet.en.png")
    source = '#"{}"'.format(" ".join(words))
    files.pdf.write_bytes(typst.compile(source.encode(), format="pdf"))
    files.png.write_bytes(b"\x89PNG")
    return files


def bare_furniture(*_):
    """Ask nothing of a sheet of bare text."""
    return Gate(name="sheet furniture", passed=True)


LIGHT = ("state.tif", "vectors.gpkg", "facts.json", "sheet.en.pdf", "SHA256SUMS", "item.json")
"""Files of a light package."""


def make_light(maker):
    """Let ``maker``, the class that makes packages, make small ones with a true Item.

    For tests of how packages are stored, which do not care what is in them.
    """

    def count(self):
        return None, None, Facts({}, (), dict(self.head)), None

    def fill(self, folder, counted):
        for name in LIGHT[:-1]:
            (folder / name).write_text(f"{name} of {self.head['product_id']}")
        (folder / "facts.json").write_text(counted[2].to_json())
        item = stac.build_item(self.product, counted[2], folder, self.head, self.version)
        (folder / "item.json").write_text(json.dumps(plain(stac.item_document(item))))

    maker.count, maker.fill = count, fill


@pytest.fixture
def light_package(monkeypatch):
    """Make small packages."""
    monkeypatch.setattr(package.Maker, "count", package.Maker.count)
    monkeypatch.setattr(package.Maker, "fill", package.Maker.fill)
    make_light(package.Maker)


def draw_bare(patch):
    """Let packages have sheets of bare text from now on, through a `pytest.MonkeyPatch`."""
    patch.setattr(package, "draw_sheets", bare_sheets)
    patch.setattr(package, "check_furniture", bare_furniture)


@pytest.fixture
def plain_sheet(monkeypatch):
    """Draw a sheet of bare text, so that tests of everything else stay quick."""
    draw_bare(monkeypatch)
