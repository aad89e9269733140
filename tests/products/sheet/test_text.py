"""Untrusted text becomes harmless, drawable text of bounded length."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliefscope.products.sheet.text import REPLACEMENT, fonts_folder, printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Xàtiva, Đắk Nông, Київ, Αθήνα", "Xàtiva, Đắk Nông, Київ, Αθήνα"),
        ("فيضانات", "فيضانات"),
        ("two\n lines\tand\x00\x1b[31m more", "two lines and[31m more"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("a\U0001f4a9b\ud800", f"a{REPLACEMENT}b{REPLACEMENT}"),
        ("e\u0301", "é"),
        (None, ""),
        (float("nan"), ""),
        (12, "12"),
    ],
)
def test_known_texts(raw, shown):
    """Scripts with a font stay; controls and turns of direction go; the rest gets a mark."""
    assert printable(raw) == shown


def test_cut_text_says_that_it_was_cut():
    """A cut text ends in an ellipsis and keeps to its length."""
    assert printable("a" * 300, 20) == "a" * 19 + "…"


def test_long_words_get_places_to_break():
    """Every eight characters a long word may break; short words stay whole."""
    assert printable("abc " + "x" * 20, word=8) == "abc xxxxxxxx\u200bxxxxxxxx\u200bxxxx"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_never_a_control_never_too_long(raw):
    """Whatever comes in, what comes out has no control characters and at most 50 characters."""
    shown = printable(raw, 50)
    assert len(shown) <= 50
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} for c in shown)
    assert "\u202e" not in shown


def test_fonts_are_free_and_small():
    """Each font shipped is under 300 kB and the licence lies beside it."""
    fonts = list(fonts_folder().glob("*.ttf"))
    assert len(fonts) == 5
    assert max(f.stat().st_size for f in fonts) < 300_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in (fonts_folder() / "OFL.txt").read_text()
