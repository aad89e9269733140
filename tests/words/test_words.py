"""Every sentence a person reads exists in every language, with the same gaps to fill."""

import datetime as dt
import io
import string
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import reliefscope
from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS
from reliefscope.products.sheet import load_policy
from reliefscope.words import ENGLISH, SOURCE, languages, words_in

_SOURCE_TREE = Path(reliefscope.__file__).parent
_KEYWORDS = {"mark": None, "words": None, "_words": None, "several": (1, 2)}
_OTHERS = [name for name in languages() if name != SOURCE]


@pytest.fixture(scope="module")
def sentences():
    """All sentences of the code: those marked, the methods, and the policy that is shipped."""
    found = extract_from_dir(
        str(_SOURCE_TREE), method_map=[("**.py", "python")], keywords=_KEYWORDS
    )
    told = {message for _, _, message, _, _ in found}
    told |= {indicator.title for indicator in INDICATORS.values()}
    return told | {load_policy().disclaimer, load_policy().terms}


def _catalog(language):
    path = _SOURCE_TREE / "words" / "locale" / language / "messages.po"
    return read_po(io.BytesIO(path.read_bytes()), locale=language, abort_invalid=True)


def _gaps(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_languages_of_the_first_release_are_there():
    assert set(languages()) == {"en", "fr", "es", "ar"}


def test_sentences_are_found_at_all(sentences):
    """The extraction works: else the tests below could not fail."""
    assert len(sentences) > 150
    assert {"Flooded area", "Legend", "{number} km²"} <= sentences


@pytest.mark.parametrize("language", _OTHERS)
def test_nothing_is_missing_and_nothing_is_stale(language, sentences):
    catalog = _catalog(language)
    assert {m.id for m in catalog if m.id} == sentences
    for message in catalog:
        if not message.id:
            continue
        forms = message.string if message.pluralizable else (message.string,)
        assert all(forms), message.id
        assert not message.fuzzy, message.id
        assert len(forms) == (catalog.num_plurals if message.pluralizable else 1)


@pytest.mark.parametrize("language", _OTHERS)
def test_translations_have_the_same_gaps(language):
    """A number that a translation forgets or misspells would be lost."""
    for message in _catalog(language):
        if not message.id:
            continue
        ids = message.id if message.pluralizable else (message.id,)
        forms = message.string if message.pluralizable else (message.string,)
        for form in forms:
            assert _gaps(form) == _gaps(ids[-1]), message.id


@pytest.mark.parametrize(
    ("language", "number", "moment", "rtl"),
    [
        ("en", "1,234.5", "3 March 2026, 04:05 UTC", False),
        ("fr", "1\N{NARROW NO-BREAK SPACE}234,5", "3 mars 2026, 04:05 UTC", False),
        ("es", "1.234,5", "3 marzo 2026, 04:05 UTC", False),
        ("ar", "1,234.5", "3 مارس 2026, 04:05 UTC", True),
    ],
)
def test_numbers_dates_and_direction_follow_the_language(language, number, moment, rtl):
    words = words_in(language)
    assert words.number(1234.5, 1) == number
    left_to_right = "\N{LEFT-TO-RIGHT MARK}" if rtl else ""  # or the minus stands at the end
    assert words.number(-1234.5, 1) == f"{left_to_right}-{number}{left_to_right}"
    assert words.moment(dt.datetime(2026, 3, 3, 4, 5, tzinfo=dt.UTC)).replace("،", ",") == moment
    assert words.rtl is rtl


def test_plurals_follow_the_language():
    """Arabic has six forms: 1, 2, 3 and 11 differ."""
    one = "{count} further advisory flag: see the facts of the package."
    many = "{count} further advisory flags: see the facts of the package."
    assert ENGLISH.several(one, many, 1).startswith("1 further advisory flag:")
    days = [words_in("ar").several("{count} day", "{count} days", n) for n in (3, 11, 99, 100, 103)]
    assert days == ["3 أيام", "11 يوما", "99 يوما", "100 يوم", "103 أيام"]
    assert len({words_in("ar").several(one, many, n).split("(")[0] for n in (1, 2, 3, 11)}) == 4


def test_unknown_language_says_which_there_are():
    with pytest.raises(InputError, match="'xx'; give one of en, ar, es, fr"):
        words_in("xx")
