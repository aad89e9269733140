"""The brief can be read by a twelve-year-old: measured by a formula, for every hazard."""

import dataclasses as dc
import re

import pytest

from reliefscope.model.event import Hazard
from reliefscope.products.brief import compose
from tests.products.scene import make_product
from tests.products.sheet.conftest import make_content, unseen_product

GRADE_AT_TWELVE = 7.0
"""Year of school at the age of twelve in the formula of Kincaid."""


def syllables(word):
    """Return about how many syllables an English word has: groups of vowels, a silent e not."""
    found = re.findall("[aeiouy]+", word)
    silent = word.endswith("e") and not word.endswith("le") and len(found) > 1
    return max(len(found) - silent, 1)


def grade(text):
    """Return the Flesch-Kincaid grade level (Kincaid et al. 1975, US Navy report 8-75)."""
    sentences = [s for s in re.split(r"(?<=[a-z)])[.:;!?]\s+", text + " ") if s.strip()]
    words = re.findall("[a-z]+(?:'[a-z]+)?", text.lower())
    return (
        0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    )


def told(brief):
    """Return the sentences of a brief, numbers and names of places as they stand."""
    return " ".join("".join(r.text for r in s) for x in brief.sections for s in x.sentences)


def test_formula_tells_plain_from_heavy():
    """The measure itself: a plain sentence is of the first years, officialese beyond school."""
    assert grade("The cat sat on the mat. It was warm. The dog ran to the door.") < 2
    assert (
        grade("Multitemporal polarimetric backscatter characterisation necessitates calibration.")
        > 16
    )


@pytest.mark.parametrize("hazard", [Hazard.FLOOD, Hazard.FIRE, Hazard.DROUGHT, Hazard.EARTHQUAKE])
def test_reading_age_is_about_twelve(hazard):
    product = make_product()
    product = dc.replace(product, event=dc.replace(product.event, hazard=hazard))
    assert grade(told(compose(make_content(product)))) <= GRADE_AT_TWELVE


def test_little_seen_is_as_plain():
    """Honest limits are no excuse for heavy words."""
    assert grade(told(compose(make_content(unseen_product(0.6))))) <= GRADE_AT_TWELVE


@pytest.mark.parametrize("hazard", [h for h in Hazard if h is not Hazard.FLOOD])
def test_no_words_of_floods_elsewhere(hazard):
    """A brief of another hazard speaks neither of floods nor of a peak."""
    product = make_product()
    product = dc.replace(product, event=dc.replace(product.event, hazard=hazard, title="Event"))
    text = told(compose(make_content(product))).lower()
    assert not re.search("flood|peak|river", text)


def test_drought_speaks_of_data_not_of_an_image():
    product = make_product()
    product = dc.replace(product, event=dc.replace(product.event, hazard=Hazard.DROUGHT))
    text = told(compose(make_content(product)))
    assert "The latest data used are of 2024-09-15" in text
    assert "latest image" not in text
