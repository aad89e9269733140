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
}
_RANGE = mark("{best} ({low}-{high})")
_PERCENT = mark("{number} %")


def as_text(fact: "Fact", words: Words = ENGLISH) -> str:
    """Return ``fact`` as a person reads it, such as ``42.1 km² (38.0-47.5)``."""
    if fact.value is None:
        return words(NOT_DETERMINED)
    if isinstance(fact.value, tuple):
        return ", ".join(fact.value) or words(NONE)
    if isinstance(fact.value, str):
        if fact.display != "time":
            return fact.value
        return f"{words.short_moment(dt.datetime.fromisoformat(fact.value))} UTC"
    ends = [float(x) for x in (fact.low, fact.high) if x is not None]
    rule = _RULES.get(fact.display, _plain)
    numbers = rule([float(fact.value), *ends], words)
    text = words(_UNITS[fact.unit], number=numbers[0]) if fact.unit in _UNITS else numbers[0]
    if len(ends) < 2:  # noqa: PLR2004 - a range has two ends
        return text
    return words(_RANGE, best=text, low=numbers[1], high=numbers[2])


def round_people(people: float, words: Words = ENGLISH) -> str:
    """Return a head count rounded to two significant digits."""
    if not math.isfinite(people):
        return words(NOT_DETERMINED)
    if 0 < people < 1:
        return f"<{words.number(1)}"
    size = max(math.floor(math.log10(people)) - 1, 0) if people > 0 else 0
    return words.number(round(people, -size))


def _areas(values: Sequence[float], words: Words) -> list[str]:
    """Return about three significant digits of the largest; zero is "0"."""
    top = max(map(abs, values))
    digits = 3 if top < 1 else 2 if top < 10 else 1 if top < 1000 else 0  # noqa: PLR2004
    return [words.number(v, digits if v else 0) for v in values]


def _people(values: Sequence[float], words: Words) -> list[str]:
    return [round_people(v, words) for v in values]


def _shares(values: Sequence[float], words: Words) -> list[str]:
    return [_share(v, words) for v in values]


def _share(share: float, words: Words) -> str:
    """Round a share so that neither 0 % nor 100 % is claimed falsely."""
    percent = 100 * share
    number = words.number(percent)
    if share not in {0.0, 1.0} and not 1 <= percent <= 99:  # noqa: PLR2004
        number = f"<{words.number(1)}" if percent < 1 else f">{words.number(99)}"
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
