import datetime as dt
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliefscope.feeds._plain import (
    LONGEST,
    child,
    epoch_ms,
    listed,
    moment,
    number,
    plain,
    told,
    web_address,
    whole,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("Flood in Spain", "Flood in Spain"),
        ("  Flood\n\tin\r\nSpain\u2028", "Flood in Spain"),
        ("<b>Flood</b> in <script>alert(1)</script>Spain", "Flood in alert(1) Spain"),
        ("&lt;img src=x onerror=alert(1)&gt;Flood", "Flood"),
        ("&amp;lt;img src=x&amp;gt;Flood", "Flood"),
        ("<<b>script>Flood", "< script>Flood"),
        ("Flood <img src=x", "Flood"),
        ("Magnitude < 5 & rising", "Magnitude < 5 & rising"),
        ("\x1b[31mFlood\x1b[0m", "Flood"),
        ("\x1b]0;owned\x07Flood", "Flood"),
        ("\x9b31mFlood", "Flood"),
        ("Flood\x00\x08\x7f in Spain", "Flood in Spain"),
        ("\u202edoolF\u202c \u2066x\u2069", "doolF x"),
        ("<\u200bscript>Flood", "Flood"),
        ("\ud800Flood\ufeff", "Flood"),
        ("C\u0327a", "\u00c7a"),
        ("", ""),
        (None, ""),
        (["Flood"], ""),
        (7, ""),
    ],
)
def test_titles_are_plain_text_on_one_line(hostile, shown):
    """Markup, escapes, controls, overrides and line ends are gone; the words are left."""
    assert plain(hostile) == shown


def test_a_megabyte_of_title_is_cut():
    """What is kept has an end, and says that it was cut; markup without end takes no time."""
    assert len(plain("x" * 1_000_000)) == LONGEST
    assert plain("x" * 1_000_000).endswith("\u2026")
    assert len(plain("<b" * 500_000)) <= LONGEST
    assert len(plain("&amp;" * 200_000)) <= LONGEST


@given(st.text() | st.text(alphabet="<>&;#ltgxamp/b!\x1b[m]\u202e\n a"))
def test_plain_text_stays_as_it_is(text):
    """Whatever comes in, what comes out is short, on one line, without markup, and final."""
    once = plain(text)
    assert len(once) <= LONGEST
    assert all(unicodedata.category(c)[0] in "LMNPSZ" for c in once)
    assert "\n" not in once
    assert not any(once.find(tag) >= 0 for tag in ("<b", "<s", "</", "<!"))
    assert plain(once) == once


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("https://www.gdacs.org/report.aspx?a=1&b=2", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("https://user:secret@example.org/", False),
        ("https://", False),
        ("https://[::1", False),
        ("https://exa mple.org", False),
        ("https://example.org/\x1b[31m", False),
        ('https://example.org/"><script>', False),
        ("https://ex\u00e4mple.org", False),
        ("https://example.org/" + "a" * 3000, False),
        (None, False),
        (5, False),
    ],
)
def test_only_addresses_for_people_are_kept(given_, kept):
    """Only http and https, no user, nothing that breaks out of an attribute or a terminal."""
    assert web_address(given_) == (given_ if kept else "")


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        (3, 3.0),
        ("3.5", 3.5),
        (" -2 ", -2.0),
        ("nan", None),
        (float("inf"), None),
        (10**400, None),
        ("1" * 100, None),
        (True, None),
        (None, None),
        ([1], None),
        ("four", None),
    ],
)
def test_numbers_are_finite_or_none(given_, found):
    """Numbers in words of JSON or as text; what is no number, or no finite one, is None."""
    assert number(given_) == found


def test_whole_numbers_have_at_most_nine_digits():
    """Names of events: no fractions, no signs, no thousand digits."""
    assert [whole(v) for v in (7, "7", 7.0, "007")] == ["7"] * 4
    assert not any(whole(v) for v in (7.5, -7, 10**9, None, "x", True, float("nan")))


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ("2024-10-27T15:00:00", dt.datetime(2024, 10, 27, 15)),  # noqa: DTZ001 - made UTC below
        ("2024-10-27", dt.datetime(2024, 10, 27)),  # noqa: DTZ001 - same
        ("2024-10-27T15:00:00Z", dt.datetime(2024, 10, 27, 15)),  # noqa: DTZ001 - same
        ("2024-10-27T15:00:00+02:00", dt.datetime(2024, 10, 27, 13)),  # noqa: DTZ001 - same
        ("Mon, 30 Dec 2019 00:17:00 GMT", dt.datetime(2019, 12, 30, 0, 17)),  # noqa: DTZ001 - same
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2100-01-01", None),
        ("Mon, 99 Dec 2019 00:17:00 GMT", None),
        ("yesterday", None),
        ("2024-13-45", None),
        ("2" * 1_000_000, None),
        (None, None),
        (20241027, None),
    ],
)
def test_moments_are_utc_or_none(given_, found):
    """No zone means UTC; times out of this age, malformed ones and other types are None."""
    assert moment(given_) == (None if found is None else found.replace(tzinfo=dt.UTC))


def test_milliseconds_since_1970():
    """As the USGS writes times; numbers beyond any calendar are None."""
    assert epoch_ms(1_736_211_916_824) == dt.datetime(2025, 1, 7, 1, 5, 16, 824_000, dt.UTC)
    assert epoch_ms(-1e12) == dt.datetime(1938, 4, 24, 22, 13, 20, tzinfo=dt.UTC)
    assert [epoch_ms(v) for v in (1e300, -1e15, 1e15, None, "x", [])] == [None] * 6


@given(JSON)
def test_no_value_is_too_odd_to_be_read(value):
    """Every reader takes every value that JSON can hold, and none raises."""
    plain(value), told(value), web_address(value), whole(value), moment(value), epoch_ms(value)
    assert number(value) is None or isinstance(value, int | float | str)
    assert child(value, "a", "b") is None or isinstance(value["a"], dict)
    assert listed(value, "a") == () or isinstance(value["a"], list)


def test_messages_quote_no_trees():
    """A value nested a thousand deep is told by its type; texts are short and plain."""
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert told(deep) == "list"
    assert told("\x1b[31m" + "x" * 500) == repr("x" * 39 + "\u2026")
    assert told(None) == "NoneType"
    while deep:  # taken apart here: freeing it in one go nests as deep
        deep = deep.pop()
