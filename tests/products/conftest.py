"""Fixtures of the package's tests."""

from pathlib import Path

import pytest
import typst

from reliefscope.products import package
from reliefscope.products.sheet import SheetFiles


def bare_sheet(content, folder: Path):
    """Write a sheet of bare text."""
    words = [content.product_id]
    words += ["EXERCISE"] * content.product.exercise + ["DRAFT"] * bool(content.draft)
    files = SheetFiles(pdf=folder / "sheet.en.pdf", png=folder / "sheet.en.png")
    source = '#"{}"'.format(" ".join(words))
    files.pdf.write_bytes(typst.compile(source.encode(), format="pdf"))
    files.png.write_bytes(b"\x89PNG")
    return files


@pytest.fixture
def plain_sheet(monkeypatch):
    """Draw a sheet of bare text, so that tests of everything else stay quick."""
    monkeypatch.setattr(package, "draw_sheet", bare_sheet)
