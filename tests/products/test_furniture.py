"""The gates of the sheet: each is tripped by the fault it is there for."""

import dataclasses as dc

import pypdf
import pytest
import typst
from PIL import Image
from pypdf.generic import NameObject

from reliefscope.products.facts import Fact, Facts
from reliefscope.products.furniture import check_furniture, check_languages
from reliefscope.products.sheet import draw_sheets
from reliefscope.words import ENGLISH, languages, words_in
from tests.products.scene import make_product
from tests.products.sheet.conftest import as_exercise, make_content


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An exercise in English on A4, and in Arabic."""
    content = make_content(as_exercise(make_product()))
    folder = tmp_path_factory.mktemp("made")
    spoken = [ENGLISH, words_in("ar")]
    return content, dict(
        zip(("en", "ar"), draw_sheets(content, folder, spoken, paper="A4"), strict=True)
    )


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_sheet_passes(made, language):
    """Nothing is missing from the sheet that is shipped, in either direction of writing."""
    content, sheets = made
    gate = check_furniture(sheets[language], content, words_in(language))
    assert gate.passed, gate.message
    assert language in gate.name


def test_a_missing_mark_is_seen(made):
    """A sheet that should say DRAFT and does not fails."""
    content, sheets = made
    gate = check_furniture(sheets["en"], dc.replace(content, draft=("x",)), ENGLISH)
    assert not gate.passed
    assert "DRAFT" in gate.message


def test_a_code_that_leads_elsewhere_is_seen(made):
    content, sheets = made
    moved = dc.replace(content, item_href="https://example.org/other.json")
    assert "QR code says" in check_furniture(sheets["en"], moved, ENGLISH).message


def test_a_sheet_without_a_code_is_seen(made, tmp_path):
    content, sheets = made
    Image.new("RGB", (50, 50)).save(tmp_path / "white.png")
    blank = dc.replace(sheets["en"], png=tmp_path / "white.png", back=None)
    assert "QR code says nothing" in check_furniture(blank, content, ENGLISH).message


def test_another_language_is_seen(made):
    """A sheet in English does not pass as one in French."""
    content, sheets = made
    message = check_furniture(sheets["en"], content, words_in("fr")).message
    assert "language en" in message
    assert "LÉGENDE" in message


def test_bare_pages_are_seen(made, tmp_path):
    """Text alone lacks the page size, the headings, the descriptions and the rest."""
    content, sheets = made
    source = f'#set page(width: 100mm, height: 100mm)\n#"{content.product_id}"'
    (tmp_path / "bare.pdf").write_bytes(typst.compile(source.encode(), format="pdf"))
    bare = dc.replace(sheets["en"], pdf=tmp_path / "bare.pdf")
    message = check_furniture(bare, content, ENGLISH).message
    for part in ("page of 100 x 100 mm", "0 headings of 9", "no 'LEGEND'", "no 'WGS 84'"):
        assert part in message, part


def test_missing_tags_are_seen(made, tmp_path):
    content, sheets = made
    writer = pypdf.PdfWriter(clone_from=sheets["en"].pdf)
    del writer._root_object[NameObject("/StructTreeRoot")]
    writer.write(tmp_path / "loose.pdf")
    loose = dc.replace(sheets["en"], pdf=tmp_path / "loose.pdf")
    assert "not tagged" in check_furniture(loose, content, ENGLISH).message


def test_facts_are_told_in_all_languages():
    """All facts of the scene have a text in each language; a number without digits does not."""
    spoken = [words_in(name) for name in languages()]
    good = check_languages(make_content().facts, spoken)
    assert good.passed
    assert good.value == "en, ar, es, fr"
    mute = Facts({"x": Fact(key="x", value="", display="text")})
    assert "x (fr)" in check_languages(mute, spoken).message
