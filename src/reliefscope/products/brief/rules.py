"""Which sentences the facts call for. Every number in them carries the key of its fact."""

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from reliefscope.products.exposure import OUTSIDE
from reliefscope.products.facts import Fact, Facts
from reliefscope.products.provenance import scrub
from reliefscope.products.sheet import wording
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.document import remarks
from reliefscope.products.sheet.tables import images
from reliefscope.products.sheet.text import printable
from reliefscope.products.telling import as_text, exact_text
from reliefscope.words import mark

_WORST = 5
_NAMED = mark("{name}: ")
_MUCH = 0.1
"""A change of the area by less than this share is told as "about the same"."""
_ALL = 0.99


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a sentence; a number where ``key`` names its fact."""

    text: str
    key: str = ""


Sentence = tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what stands under it."""

    heading: str
    sentences: tuple[Sentence, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    """Rows of texts, the head first."""
    points: tuple[str, ...] = ()
    """Remarks, one line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """All that the brief says, ready to be set."""

    title: str
    kind: str
    place: str
    released: str
    product: str
    marks: tuple[str, ...]
    """EXERCISE and DRAFT, where due."""
    headline: tuple[tuple[str, Run], ...]
    """The few numbers that are set large, with their labels."""
    sections: tuple[Section, ...]
    sources: tuple[tuple[str, str, str], ...]
    """Key, what it was counted on, and its exact value, of each fact that is used."""


def compose(content: SheetContent, previous: Facts | None = None) -> Brief:
    """Return the brief of a product.

    Parameters
    ----------
    content : SheetContent
        The product with its facts, and the reader's language.
    previous : Facts, optional
        Of the product before this one, for what has changed.
    """
    teller = _Teller(content)
    sections = [
        teller.section(mark("What happened"), teller.happened()),
        teller.section(teller.saw_heading(), teller.saw()),
        teller.section(mark("Who is inside"), teller.inside()),
        teller.section(mark("Land, roads, facilities"), teller.things()),
        teller.section(mark("How sure this is, and what could not be seen"), teller.sure()),
        teller.worst(),
        teller.section(mark("What has changed"), teller.changed(previous)),
        teller.section(mark("What comes next"), teller.coming()),
        teller.licences(),
    ]
    words = content.words
    return Brief(
        title=printable(content.product.event.title, 160),
        kind=words(wording.EVENT_NAMES[content.product.event.hazard][2]),
        place=printable(content.product.event.area.name, 80),
        released=words("Released {moment}", moment=words.moment(content.released)),
        product=content.product_id,
        marks=tuple(teller.marks()),
        headline=tuple(teller.headline()),
        sections=tuple(s for s in sections if s.sentences or s.table or s.points),
        sources=tuple(teller.sources()),
    )


class _Teller:
    """Tells facts in one language, and remembers which it told."""

    def __init__(self, content: SheetContent) -> None:
        self._content = content
        self._facts, self._words = content.facts, content.words
        self._used: dict[str, None] = {}
        roles = content.product.granules
        self._weather = wording.of_weather(roles)
        self._series = wording.of_series(content.product.event.hazard, roles)
        self._event = self._words(wording.EVENT_NAMES[content.product.event.hazard][0])

    def section(self, heading: str, sentences: Iterator[Sentence]) -> Section:
        return Section(heading=self._words(heading), sentences=tuple(sentences))

    def marks(self) -> Iterator[str]:
        if self._content.product.exercise:
            yield self._words(wording.EXERCISE_LINE)
        if self._content.draft:
            yield self._words(wording.DRAFT_LINE)

    def saw_heading(self) -> str:
        return wording.SAW_AND_SHOW if self._weather is None else self._true(wording.SAW)

    def _true(self, text: str) -> str:
        """Return what is true of the inputs: nothing was seen where weather data alone speak."""
        return wording.true_of(text, self._content.product.granules)

    def headline(self) -> Iterator[tuple[str, Run]]:
        for key, label in (
            ("event_area_km2", self._event),
            ("exposed_population", self._words(self._true(wording.PEOPLE_EXPOSED))),
            ("population_cannot_tell", self._words("People of whom nothing can be told")),
            ("observed_fraction", self._words(self._true(wording.SHARE_OBSERVED))),
        ):
            if key in self._facts:
                yield label, self._number(key)

    def happened(self) -> Iterator[Sentence]:
        event = self._content.product.event
        yield self._say(
            mark("{title}. It began on {onset} in this area: {place}."),
            title=printable(event.title, 160),
            onset=self._words.moment(event.onset),
            place=printable(event.area.name, 80) or self._words("not stated"),
        )

    def saw(self) -> Iterator[Sentence]:
        if self._value("image_acquired") is None:
            yield self._say(mark("The layers used carry no date."))
        elif self._series:
            yield self._say(mark("The latest data used are of {image_acquired}."))
        elif (self._value("hours_after_onset") or 0) < 0:
            yield self._say(
                mark("The latest image was taken on {image_acquired}, before the event began.")
            )
        else:
            yield self._say(
                mark(
                    "The latest image was taken on {image_acquired}, {hours_after_onset} after "
                    "the event began. It may look different on the ground by now."
                )
            )
        yield self._say(mark("{observed_fraction} of the area was seen."))
        if self._value("event_area_km2") == 0:
            hazard = self._content.product.event.hazard
            nothing = wording.NOTHING_FOUND.get(hazard, wording.NOTHING_FOUND_OTHERWISE)
            yield self._say(nothing)
            return
        yield self._say(mark("{event}: {event_area_km2}."), event=self._event)
        yield from self._by_class()

    def _by_class(self) -> Iterator[Sentence]:
        grading = self._content.layers.grading
        for member in () if grading is None else grading.flags:
            key, people = (
                f"event_{member.name.lower()}_area_km2",
                f"exposed_{member.name.lower()}_population",
            )
            if key not in self._facts:
                continue
            name = Run(self._words(_NAMED, name=self._words(wording.class_name(member))))
            rest = (self._number(key), *self._also(people))
            yield (name, *rest, Run("."))

    def _also(self, key: str) -> Iterator[Run]:
        """Return the people of a class, after its area."""
        if key in self._facts:
            before, _, after = self._words(mark("; {number} people")).partition("{number}")
            yield from (Run(before), self._number(key), Run(after))

    def inside(self) -> Iterator[Sentence]:
        if self._value("population_total") is None:
            yield self._say(
                mark("How many people are inside is not known: no population data were given.")
            )
            return
        yield self._say(mark("About {exposed_population} people live where the event was seen."))
        if self._value("population_cannot_tell") == 0:
            yield self._say(
                mark(
                    "In all, {population_total} people live in the area, all of them where "
                    "something was seen."
                )
            )
            return
        yield self._say(
            mark(
                "Of about {population_cannot_tell} more, nothing can be told: they live where "
                "the sensor cannot tell or nothing was seen. At most {population_upper_bound} "
                "people are affected, of {population_total} in the area."
            )
        )

    def things(self) -> Iterator[Sentence]:
        for name, seen, unknown, whole in wording.things(self._facts):
            runs = {"seen": self._number(seen), "whole": self._number(whole)}
            if not self._value(unknown):
                text = mark("{name}: {seen} of {whole} where the event was seen.")
            else:
                text = mark(
                    "{name}: {seen} of {whole} where the event was seen; nothing can "
                    "be told of {unknown}."
                )
                runs["unknown"] = self._number(unknown)
            yield self._say(text, name=self._words(name), **runs)

    def sure(self) -> Iterator[Sentence]:
        if self._value("excluded_fraction"):
            yield self._say(mark("In {excluded_fraction} of the area the satellite cannot tell."))
        yield self._say(wording.NEVER)
        fact = self._facts.get("event_area_km2")
        if fact is not None and fact.low is not None:
            yield self._say(
                mark(
                    "Figures in brackets are the range: the low end counts only the surest part, "
                    "the high end adds what is possible."
                )
            )
        yield from self._flags()

    def _flags(self) -> Iterator[Sentence]:
        raised = self._value("advisory")
        names = {str(f).upper() for f in raised} if isinstance(raised, tuple) else set()
        for flag in wording.ADVISORIES:
            if flag.name in names:
                yield self._say(wording.advisory(flag, self._content.product.event.hazard))

    def worst(self) -> Section:
        heading = self._words("Where it is worst")
        table = pd.DataFrame(self._facts.admin)
        if table.empty:
            return Section(heading=heading)
        named = table[table["name"] != OUTSIDE]
        finest = named[named["level"] == named["level"].max()]
        people = bool(finest["exposed"].notna().any())
        order = ["exposed", "event_km2"] if people else ["event_km2"]
        hit = finest[finest["event_km2"] > 0].sort_values(order, ascending=False, kind="stable")
        if hit.empty:
            return Section(heading=heading)
        head = [self._words("Unit"), self._event]
        head += [self._words("Exposed"), self._words("Cannot tell")] if people else []
        rows = [self._unit(row, people) for row in hit.head(_WORST).to_dict(orient="records")]
        return Section(heading=heading, table=(tuple(head), *rows))

    def _unit(self, row: Mapping[Any, Any], people: bool) -> tuple[str, ...]:  # noqa: FBT001
        columns = [("event_km2", "area", "km2")]
        columns += [("exposed", "people", ""), ("cannot_tell", "people", "")] if people else []
        return (
            printable(row["name"], 60),
            *(
                as_text(
                    Fact(key=name, value=float(row[name]), display=display, unit=unit), self._words
                )
                if pd.notna(row[name])
                else self._words("n/a")
                for name, display, unit in columns
            ),
        )

    def changed(self, previous: Facts | None) -> Iterator[Sentence]:
        if previous is None:
            return
        before, now = previous.get("event_area_km2"), self._facts.get("event_area_km2")
        if before is None or now is None:
            return
        seen = previous.get("image_acquired")
        values = {
            "before": as_text(replace(before, low=None, high=None), self._words),
            "when": as_text(seen, self._words) if seen else self._words(wording.NOT_AVAILABLE),
            "id": previous.head.get("product_id", ""),
        }
        yield self._say(_direction(before, now), **values)
        shares = [f.get("observed_fraction") for f in (previous, self._facts)]
        if any(s is None or float(str(s.value)) < _ALL for s in shares):
            yield self._say(wording.OTHER_GROUND)

    def coming(self) -> Iterator[Sentence]:
        if self._value("next_pass_expected") is None:
            yield self._say(
                mark("When the next image may be expected cannot be told from the images used.")
            )
            return
        yield self._say(
            mark(
                "The same satellite should pass again on {next_pass_expected}. This is an "
                "estimate from its orbit; operators may change plans."
            )
        )

    def licences(self) -> Section:
        content, words = self._content, self._words
        told = images(content)
        points = [
            words(_NAMED, name=row["use"]) + words.listed((row["sensor"], row["acquired"]))
            for row in told["rows"]
        ]
        points += told["licences"]
        source = printable(scrub(content.context.population_source), 200)
        points += [words("Population: {source}.", source=source)] if source else []
        units = printable(scrub(content.context.admin_source), 200)
        points += [words("Units: {source}.", source=units)] if units else []
        points += [printable(scrub(n.text), 240) for n in remarks(content)[:6]]
        return Section(heading=words("Sources and licences"), points=tuple(points))

    def sources(self) -> Iterator[tuple[str, str, str]]:
        for key in self._used:
            fact = self._facts[key]
            inputs = ", ".join(printable(i, 60) for i in fact.inputs[:1])
            yield key, fact.layer or inputs, exact_text(fact, self._words)

    def _value(self, key: str) -> Any:  # noqa: ANN401 - a number, a text or a list
        return self._facts[key].value if key in self._facts else None

    def _number(self, key: str) -> Run:
        self._used[key] = None
        return Run(self._facts.text(key, self._words), key)

    def _say(self, text: str, **values: str | Run) -> Sentence:
        """Return a sentence in the reader's language, facts put in for their keys."""
        runs = []
        for literal, name, _, _ in string.Formatter().parse(self._words(self._true(text))):
            if literal:
                runs.append(Run(literal))
            if name in values:
                value = values[name]
                runs.append(value if isinstance(value, Run) else Run(value))
            elif name:
                runs.append(self._number(name))
        return tuple(runs)


def _direction(before: Fact, now: Fact) -> str:
    was, is_now = float(str(before.value)), float(str(now.value))
    if was and abs(is_now - was) <= _MUCH * was:
        return wording.ABOUT_THE_SAME
    return wording.MORE if is_now > was else wording.LESS
