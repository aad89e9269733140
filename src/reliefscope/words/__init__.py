"""Words, numbers and dates in the reader's language; English sentences are the keys.

Each language but English is one gettext catalog, ``locale/<language>/messages.po``. Adding a
language is adding its file: see CONTRIBUTING.
"""

import datetime as dt
import gettext
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from reliefscope.errors import InputError

SOURCE = "en"
"""The language that the code is written in."""
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"


def mark(text: str) -> str:
    """Return ``text``, which a table holds and `Words` translates later."""
    return text


COMMA, SEMICOLON = mark(", "), mark("; ")
"""What stands between the parts of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language."""

    language: str
    locale: Locale
    _catalog: gettext.NullTranslations = field(repr=False)

    @property
    def rtl(self) -> bool:
        """Whether it is written from right to left."""
        return str(self.locale.text_direction) == "rtl"

    def __call__(self, text: str, **values: object) -> str:
        """Return ``text`` in this language with ``values`` put in for their names."""
        told = self._catalog.gettext(text) if text else ""
        return told.format(**values) if values else told

    def several(self, one: str, many: str, count: int, **values: object) -> str:
        """Return the form that ``count`` asks for; ``{count}`` is put in as a number."""
        told = self._catalog.ngettext(one, many, count)
        return told.format(count=self.number(count), **values)

    def number(self, value: float, digits: int = 0) -> str:
        """Return ``value`` with that many decimals, grouped as the language does."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        told = format_decimal(value, pattern, self.locale)
        return self.set_apart(told) if value < 0 else told  # or the minus comes after it

    def listed(self, parts: Iterable[str], between: str = COMMA) -> str:
        """Return parts of a sentence one after the other, with the language's own commas."""
        return self(between).join(parts)

    def moment(self, moment: dt.datetime) -> str:
        """Return a moment with the month in words, in UTC."""
        day, hour = (
            format_datetime(moment.astimezone(dt.UTC), form, locale=self.locale)
            for form in ("d MMMM y", "HH:mm")
        )
        return f"{self.listed((day, hour))} UTC"

    def short_moment(self, moment: dt.datetime) -> str:
        """Return a moment in figures, in UTC."""
        return self.set_apart(f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}")

    def country(self, code: str, name: str) -> str:
        """Return a country of an ISO 3166-1 alpha-2 code; in English its ``name``."""
        return name if self.language == SOURCE else self.locale.territories.get(code, name)

    def set_apart(self, text: str) -> str:
        """Return figures and Latin letters that keep their order among right-to-left words."""
        return f"{_LEFT_TO_RIGHT}{text}{_LEFT_TO_RIGHT}" if self.rtl else text


def languages() -> tuple[str, ...]:
    """Return the languages there are, English first."""
    folder = files("reliefscope.words") / "locale"
    return (SOURCE, *sorted(f.name for f in folder.iterdir() if (f / "messages.po").is_file()))


@cache
def words_in(language: str) -> Words:
    """Return the words of a language such as ``fr``.

    Raises
    ------
    InputError
        There is no such language.
    """
    known = languages()
    if language not in known:
        raise InputError(
            f"no language {language!r}; give one of {', '.join(known)}, or add its catalog "
            f"(CONTRIBUTING says how)"
        )
    return Words(language=language, locale=Locale.parse(language), _catalog=_catalog(language))


def _catalog(language: str) -> gettext.NullTranslations:
    if language == SOURCE:
        return gettext.NullTranslations()
    path = files("reliefscope.words") / "locale" / language / "messages.po"
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(path.read_bytes()), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


ENGLISH = words_in(SOURCE)
