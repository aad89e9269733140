"""Untrusted values from feeds, read with care: what is not as promised becomes None, or empty.

Nothing here raises. A reader of records decides what it cannot do without.
"""

import datetime as dt
import html
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

LONGEST: Final = 200
"""Characters kept of a title."""
_READ = 4000
"""Characters looked at: a feed may send megabytes."""
_ROUNDS = 8
_URL_LENGTH, _NUMBER_LENGTH, _MOMENT_LENGTH = 2000, 64, 64
_YEARS = range(1900, 2100)

_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]{0,999}(?:\x07|\x1b\\|\x9c)?"  # titles
    r"|\x1b."
)
_MARKUP = re.compile(r"<[A-Za-z/!?][^<>]*>?")
_RFC_822 = re.compile(r"(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d(?::\d\d)? \S{1,5}")
_SHOWN = frozenset("LMNPSZ")
"""Unicode categories that draw something or part words; C is what controls."""


def plain(value: object, longest: int = LONGEST) -> str:
    """Return text on one line without markup, escapes and characters that draw nothing.

    Parameters
    ----------
    value : object
        Anything; what is not text becomes an empty string.
    longest : int
        Characters kept; what is cut is marked with an ellipsis.
    """
    if not isinstance(value, str):
        return ""
    text = value[:_READ]
    for _ in range(_ROUNDS):  # entities may hide markup, and markup may hide markup
        before = text
        text = _drawn(_ESCAPES.sub("", html.unescape(text)))
        text = _MARKUP.sub(" ", text)
        if text == before:
            break
    else:
        text = re.sub("[<&]", " ", text)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "\u2026"


def _drawn(text: str) -> str:
    spaced = (" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    return "".join(c for c in spaced if unicodedata.category(c)[0] in _SHOWN)


def told(value: object) -> str:
    """Return a value as messages may quote it: short, and never a whole tree of lists."""
    if isinstance(value, str):
        return repr(plain(value, 40))
    return str(value)[:40] if isinstance(value, int | float) else type(value).__name__


def web_address(value: object) -> str:
    """Return an address that people may open, http or https; anything else becomes empty."""
    if not isinstance(value, str) or len(value) > _URL_LENGTH:
        return ""
    text = value.strip()
    if not text.isascii() or any(c <= " " or c in "\x7f<>\"'`\\" for c in text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    fit = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    return text if fit else ""


def number(value: object) -> float | None:
    """Return a finite number, also one written as text; anything else is None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _NUMBER_LENGTH:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: object) -> str:
    """Return a whole number of at most nine digits, as text; anything else becomes empty."""
    found = number(value)
    if found is None or not found.is_integer() or not 0 <= found < 1_000_000_000:  # noqa: PLR2004 - nine digits
        return ""
    return str(int(found))


def moment(value: object) -> dt.datetime | None:
    """Return a moment in UTC; feeds mean UTC where they give no zone. 1900 to 2099, or None.

    ISO 8601, or RFC 822 as in RSS.
    """
    if not isinstance(value, str) or len(value) > _MOMENT_LENGTH:
        return None
    text = value.strip()
    try:
        found = (
            parsedate_to_datetime(text)
            if _RFC_822.fullmatch(text)
            else dt.datetime.fromisoformat(text)
        )
    except (ValueError, TypeError, OverflowError):
        return None
    return _universal(found)


def epoch_ms(value: object) -> dt.datetime | None:
    """Return the moment so many milliseconds after 1970, UTC; 1900 to 2099, or None."""
    found = number(value)
    if found is None:
        return None
    try:
        after = dt.timedelta(milliseconds=found)
        return _universal(dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + after)
    except OverflowError:
        return None


def _universal(found: dt.datetime) -> dt.datetime | None:
    if found.year not in _YEARS:
        return None
    known = found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
    return known if known.year in _YEARS else None


def child(node: object, *names: str) -> object:
    """Return what lies below ``names`` in nested objects, or None."""
    for name in names:
        if not isinstance(node, Mapping):
            return None
        node = node.get(name)
    return node


def listed(node: object, *names: str) -> Sequence[object]:
    """Return the list below ``names``; what is not a list becomes empty."""
    found = child(node, *names)
    return found if isinstance(found, list) else ()
