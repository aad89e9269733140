"""The brief says what the facts say, and nothing else, in every language."""

import dataclasses as dc
import re
from html.parser import HTMLParser

import pypdf
import pytest

from reliefscope.model.context import Context
from reliefscope.products.brief import compose, draw_brief
from reliefscope.words import languages, words_in
from tests.products.scene import make_product
from tests.products.sheet.conftest import PRODUCT_ID, as_exercise, make_content, unseen_product

_MOST_BYTES = 300_000


class _Page(HTMLParser):
    """What a page shows and what it asks for."""

    def __init__(self, text):
        super().__init__()
        self.words, self.asked, self.ids, self.links = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.asked += [v for k, v in attrs if k in {"src", "srcset", "action", "data"}]
        self.asked += [named["href"]] if tag == "link" else []
        self.links += [named["href"]] if tag == "a" else []
        self.ids += [named["id"]] if "id" in named else []
        assert tag not in {"script", "iframe", "object", "embed"}

    def handle_data(self, data):
        self.words.append(data)


def _told(brief):
    return " ".join("".join(r.text for r in s) for x in brief.sections for s in x.sentences)


@pytest.fixture(scope="module", params=languages())
def drawn(request, tmp_path_factory):
    content = make_content(words=words_in(request.param))
    return content, draw_brief(content, tmp_path_factory.mktemp(request.param))


def test_page_needs_nothing_else_and_is_small(drawn):
    _, files = drawn
    text = files.html.read_text(encoding="utf-8")
    assert files.html.stat().st_size < _MOST_BYTES
    page = _Page(text)
    assert all(asked.startswith("data:") for asked in page.asked)
    assert "@import" not in text
    assert "url(" not in text


def test_every_number_leads_to_its_fact(drawn):
    content, files = drawn
    page = _Page(files.html.read_text(encoding="utf-8"))
    targets = {link.removeprefix("#") for link in page.links}
    assert len(targets) > 5
    assert targets <= set(page.ids)
    assert targets <= set(content.facts)


def test_pdf_is_a_tagged_a4_of_one_or_two_pages(drawn):
    content, files = drawn
    reader = pypdf.PdfReader(files.pdf)
    assert len(reader.pages) <= 2
    assert [round(float(x)) for x in reader.pages[0].mediabox[2:]] == [595, 842]
    assert reader.trailer["/Root"]["/Lang"].startswith(content.words.language)
    assert PRODUCT_ID in "".join(p.extract_text() for p in reader.pages)


def test_direction_is_that_of_the_language(drawn):
    content, files = drawn
    direction = re.search(r'<html lang="(\w+)" dir="(\w+)"', files.html.read_text("utf-8"))
    assert direction.groups() == (
        content.words.language,
        "rtl" if content.words.language == "ar" else "ltr",
    )


def test_each_number_is_the_fact_in_the_readers_language(drawn):
    """No digit is printed as an answer that does not come from the facts."""
    content, _ = drawn
    for section in compose(content).sections:
        for run in (r for s in section.sentences for r in s if r.key):
            assert run.text == content.facts.text(run.key, content.words)


def test_unseen_ground_is_never_called_unaffected():
    content = make_content(product=unseen_product(0.6))
    text = _told(compose(content))
    assert content.facts["observed_fraction"].value < 0.5
    assert f"{content.facts.text('observed_fraction')} of the area was seen" in text
    assert "never mean that nothing happened" in text
    assert "No flooding was found in the part of the area that was observed" in text


def test_without_population_it_says_so():
    text = _told(compose(make_content(context=Context())))
    assert "not known: no population data" in text
    assert "people live" not in text


def test_an_exercise_says_so_first():
    assert "EXERCISE" in compose(make_content(product=as_exercise(make_product()))).marks[0]


def test_what_changed_is_told_from_both_facts():
    content = make_content()
    before = make_content(product=unseen_product(0.0)).facts
    text = _told(compose(content, before))
    assert "More than in the map before" in text
    assert f"{before.text('event_area_km2').split(' (')[0]} then" in text
    assert "map before" not in _told(compose(content))


def test_hostile_titles_are_text(tmp_path):

    product = make_product()
    event = dc.replace(product.event, title='<script>alert(1)</script>" #import "x"')
    content = make_content(product=dc.replace(product, event=event))
    text = draw_brief(content, tmp_path).html.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
