"""Untrusted text made fit to print: data from feeds and name lists, never code.

The template gets every text as a JSON string, which Typst shows as it stands. What is left to do
here: drop characters that draw nothing or turn the line around, put a mark in place of those the
shipped fonts cannot draw, and keep the length within what a line can take.
"""

import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FONT_FAMILIES = ("Noto Sans", "Noto Sans Arabic")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_SHOWN_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
_LOOKAHEAD = 4
_BREAK = "\N{ZERO WIDTH SPACE}"


def fonts_folder() -> Path:
    """Return the folder of the fonts shipped with the sheet."""
    return Path(str(files("reliefscope.products.sheet") / "fonts"))


@cache
def register_fonts() -> None:
    """Make the shipped fonts known to matplotlib, once in a process."""
    for path in sorted(fonts_folder().glob("*.ttf")):
        font_manager.fontManager.addfont(str(path))


@cache
def _drawable() -> frozenset[int]:
    """Code points that the regular faces of the shipped fonts draw."""
    faces = fonts_folder().glob("*-Regular.ttf")
    return frozenset(code for face in faces for code in FT2Font(str(face)).get_charmap())


def printable(text: object, longest: int = 200, *, word: int | None = None) -> str:
    """Return ``text`` on one line, drawable, at most ``longest`` characters long.

    Parameters
    ----------
    text : object
        Anything; None and NaN become an empty string.
    longest : int
        Characters kept; what is cut is marked with an ellipsis.
    word : int, optional
        Longer words may be broken at each such number of characters (by zero width spaces).
    """
    if text is None or (isinstance(text, float) and text != text):  # noqa: PLR0124 - NaN
        return ""
    # A feed may send megabytes: do not normalise more than can be shown.
    raw = str(text)[: longest * _LOOKAHEAD]
    shown = "".join(_shown(c) for c in unicodedata.normalize("NFC", raw))
    line = " ".join(shown.split())
    if len(line) > longest:
        line = line[: longest - 1].rstrip() + _ELLIPSIS
    if word is None:
        return line
    pieces = (_BREAK.join(w[i : i + word] for i in range(0, len(w), word)) for w in line.split(" "))
    return " ".join(pieces)


def _shown(character: str) -> str:
    """Return what stands for one character: itself, a blank, nothing, or the mark."""
    if character.isspace():
        return " "
    if character in _SHOWN_JOINERS:
        return character
    category = unicodedata.category(character)
    if category in {"Cc", "Cf"}:
        return ""
    return character if ord(character) in _drawable() else REPLACEMENT
