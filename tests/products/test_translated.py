"""On an Arabic sheet and brief, what stands in Latin letters is a name, an id or a unit."""

import dataclasses as dc
import datetime as dt
import re

import pytest

from reliefscope.model.event import Hazard
from reliefscope.products.brief.rules import compose
from reliefscope.products.sheet import wording
from reliefscope.products.sheet.document import describe
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.products.sheet.map_frame import Drawn
from reliefscope.words import words_in
from tests.products.scene import make_granule, make_product
from tests.products.sheet.conftest import make_content

LATIN = re.compile(r"[A-Za-z]{2,}")
NO_WORDS = frozenset({"lang", "style", "layout", "item", "swatch", "reference", "kind", "hazard"})
"""Parts of the document that are not read, or that quote literature."""
NAMES = (
    "UTC", "WGS", "UTM", "EPSG", "zone 33N", "ReliefScope", "Natural Earth", "GLIDE", "GDACS", "QR",
    "STAC", "provenance.json", "Copernicus", "VV", "VH", "C-SAR", "Sentinel", "weather-service",
    "A3", "A4", "Creative Commons", "EXERCISE",
)  # fmt: skip


def weather(hazard, role):
    """Return a product that rests on thirty years of monthly weather."""
    months = tuple(
        make_granule(
            id=f"m{n}", collection="weather-service", platform="", instrument="",
            relative_orbit=None, acquired=dt.datetime(1994 + n // 12, n % 12 + 1, 1, tzinfo=dt.UTC),
        )
        for n in range(365)
    )  # fmt: skip
    product = make_product(granules={role: months})
    return dc.replace(product, event=dc.replace(product.event, hazard=hazard))


PRODUCTS = {
    "flood": make_product(),
    "drought": weather(Hazard.DROUGHT, "rain"),
    "heat": weather(Hazard.HEAT, "weather"),
    "trend": weather(Hazard.CLIMATE, "rain"),
}


def texts(part):
    """Yield all strings of a document, but for what nobody reads."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, value in part.items():
            if key not in NO_WORDS:
                yield from texts(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from texts(value)


def content_of(product, language="ar"):
    method = "Flood by the test of a method."
    product = dc.replace(product, method=method)
    return dc.replace(make_content(product), words=words_in(language))


def leftovers(content, told):
    """Return the Latin words of ``told`` that are none of the names that the data bring."""
    product, context = content.product, content.context
    names = [*NAMES, product.method, product.event.title, product.event.area.name, product.event.id]
    names += [content.product_id, product.version, context.population_source, context.admin_source]
    names += [str(row["name"]) for row in content.facts.admin] + list(context.credits)
    names += [g.licence for group in product.granules.values() for g in group]
    names += list(product.event.ids.values())
    found = []
    for text in told:
        bare = text.replace("\N{ZERO WIDTH SPACE}", "").replace("\N{NON-BREAKING HYPHEN}", "-")
        for name in sorted(filter(None, names), key=len, reverse=True):
            bare = bare.replace(name, " ")
        found += [(word, text) for word in LATIN.findall(bare)]
    return found


@pytest.mark.parametrize("hazard", PRODUCTS)
def test_arabic_sheet_leaves_no_english_word(hazard):
    content = content_of(PRODUCTS[hazard])
    plan = plan_layout(content.layers.grid)
    assert leftovers(content, texts(describe(content, plan, Drawn()))) == []


@pytest.mark.parametrize("hazard", PRODUCTS)
def test_arabic_brief_leaves_no_english_word(hazard):
    content = content_of(PRODUCTS[hazard])
    brief = compose(content)
    told = [brief.kind, brief.released, *brief.marks, *(label for label, _ in brief.headline)]
    for section in brief.sections:
        told += [section.heading, *section.points, *(c for row in section.table for c in row)]
        told += [run.text for sentence in section.sentences for run in sentence]
    told += [exact for _, _, exact in brief.sources]
    assert leftovers(content, told) == []


def test_the_search_finds_english():
    """A sheet in English is full of what the tests above look for."""
    content = content_of(PRODUCTS["flood"], "en")
    plan = plan_layout(content.layers.grid)
    assert len(leftovers(content, texts(describe(content, plan, Drawn())))) > 50


def test_satellites_saw_only_what_satellites_see():
    """Of weather alone no brief says that a satellite saw it."""
    told = {}
    for hazard in ("flood", "drought"):
        brief = compose(content_of(PRODUCTS[hazard], "en"))
        told[hazard] = " ".join(
            [s.heading for s in brief.sections]
            + [run.text for s in brief.sections for told in s.sentences for run in told]
        )
    assert "satellites saw" in told["flood"]
    assert not re.search("the satellite|was seen", told["drought"])
    assert wording.of_weather(("rain", "vegetation", "terrain")) is None


def test_no_sheet_of_weather_speaks_of_sensors():
    """Its people are exposed by data, not seen by a sensor; a flood's are seen."""
    told = {}
    for hazard in ("flood", "drought"):
        content = content_of(PRODUCTS[hazard], "en")
        document = describe(content, plan_layout(content.layers.grid), Drawn())
        found = document["consequences"]
        told[hazard] = " ".join([found["people"][0]["label"], found["people_note"]])
    assert "sensor" in told["flood"]
    assert "(seen)" in told["flood"]
    assert not re.search("sensor|seen|image", told["drought"])


def test_a_series_is_one_row_and_its_age_is_its_latest_step():
    """365 months are one row from first to last; the sheet names the last, not hours."""
    content = content_of(PRODUCTS["drought"], "en")
    document = describe(content, plan_layout(content.layers.grid), Drawn())
    (row,) = document["images"]["rows"]
    assert row["acquired"] == "1994-01-01 to 2024-05-01, 365\N{NO-BREAK SPACE}dates"
    assert document["limits"]["age"] == "2024-05-01"
    assert document["t"]["age"] == "Latest data"
