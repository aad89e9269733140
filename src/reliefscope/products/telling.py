"""Facts as a person reads them: rounded by their rule, in the reader's language."""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from reliefscope.words import ENGLISH, Words, mark

if TYPE_CHECKING:
    from reliefscope.products.facts import Fact

NOT_DETERMINED = mark("not determined")
NONE = mark("none")
_UNITS: Mapping[str, str] = {
    "km2": mark("{number} km²"),
    "km": mark("{number} km"),
    "dB": mark("{number} dB"),
    "hour": mark("{number} h"),
    "m": mark("{number} m"),
    "people": mark("{number} people"),
}
_RANGE = mark("{best} ({low}-{high})")
_ENDS = mark("{low}-{high}")
_LESS, _MORE = mark("<{number}"), mark(">{number}")
_PERCENT = mark("{number} %")
_EXACT_DIGITS = 9


def as_text(fact: "Fact", words: Words = ENGLISH) -> str:
    """Return ``fact`` as a person reads it, such as ``42.1 km² (38.0-47.5)``."""
    if fact.value is None:
        return words(NOT_DETERMINED)
    if isinstance(fact.value, tuple):
        return ", ".join(fact.value) or words(NONE)
    if isinstance(fact.value, str):
        if fact.display != "time":
            return fact.value
        return words.set_apart(f"{words.short_moment(dt.datetime.fromisoformat(fact.value))} UTC")
    ends = [float(x) for x in (fact.low, fact.high) if x is not None]
    rule = _RULES.get(fact.display, _plain)
    numbers = rule([float(fact.value), *ends], words)
    alike = len(ends) < 2 or len(set(numbers)) == 1  # noqa: PLR2004 - a range has two ends
    if not alike and _below_one(fact.display, ends):
        alike, numbers = True, numbers[2:]
    text = _with_unit(fact.unit, numbers[0], words) if fact.unit != "people" else numbers[0]
    if alike:
        return text
    return words(_RANGE, best=text, low=numbers[1], high=numbers[2])


def range_text(low: "Fact", high: "Fact", words: Words = ENGLISH) -> str:
    """Return two ends as a person reads them, such as ``38-47``; one number if they read alike."""
    one, other = as_text(low, words), as_text(high, words)
    if one == other or _below_one(high.display, [float(str(f.value)) for f in (low, high)]):
        return other
    return words(_ENDS, low=one, high=other)


def _below_one(display: str, ends: Sequence[float]) -> bool:
    """Return whether a range of people is from none to less than one: "<1" says all of it."""
    return display == "people" and ends[0] == 0 and 0 < ends[1] < 1


def exact_text(fact: "Fact", words: Words = ENGLISH) -> str:
    """Return the unrounded number of ``fact`` with its unit; other facts as they read."""
    if not isinstance(fact.value, float | int):
        return as_text(fact, words)
    return _with_unit(fact.unit, words.set_apart(f"{fact.value:.{_EXACT_DIGITS}g}"), words)


def _with_unit(unit: str, number: str, words: Words) -> str:
    return words(_UNITS[unit], number=number) if unit in _UNITS else number


def round_people(people: float, words: Words = ENGLISH) -> str:
    """Return a head count rounded to two significant digits."""
    if not math.isfinite(people):
        return words(NOT_DETERMINED)
    if 0 < people < 1:
        return words(_LESS, number=words.number(1))
    size = max(math.floor(math.log10(people)) - 1, 0) if people > 0 else 0
    return words.number(round(people, -size))


def _areas(values: Sequence[float], words: Words) -> list[str]:
    """Return about three significant digits of the largest; only zero is "0"."""
    top = max(map(abs, values))
    digits = 3 if top < 1 else 2 if top < 10 else 1 if top < 1000 else 0  # noqa: PLR2004
    least = 10.0**-digits
    return [
        words(_LESS, number=words.number(least, digits))
        if 0 < v < least / 2
        else words.number(v, digits if v else 0)
        for v in values
    ]


def _people(values: Sequence[float], words: Words) -> list[str]:
    return [round_people(v, words) for v in values]


def _shares(values: Sequence[float], words: Words) -> list[str]:
    return [_share(v, words) for v in values]


def _share(share: float, words: Words) -> str:
    """Round a share so that neither 0 % nor 100 % is claimed falsely."""
    percent = 100 * share
    number = words.number(percent)
    if share not in {0.0, 1.0} and not 1 <= percent <= 99:  # noqa: PLR2004
        number = (
            words(_LESS, number=words.number(1))
            if percent < 1
            else words(_MORE, number=words.number(99))
        )
    return words(_PERCENT, number=number)


def _whole(values: Sequence[float], words: Words) -> list[str]:
    return [words.number(v) for v in values]


def _plain(values: Sequence[float], words: Words) -> list[str]:
    return [words.number(v, 1) for v in values]


_RULES: Mapping[str, Callable[[Sequence[float], Words], list[str]]] = {
    "area": _areas,
    "length": _areas,
    "people": _people,
    "share": _shares,
    "hours": _whole,
    "count": _whole,
}
