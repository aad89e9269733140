"""Regions of the briefing as markup: what a product says, and how it is known."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from reliefscope.products.catalog import Package
from reliefscope.products.facts import Fact, Facts
from reliefscope.products.sheet import wording
from reliefscope.products.telling import as_text, range_text
from reliefscope.views.markup import element, joined
from reliefscope.views.parts import button, table
from reliefscope.views.store import Card, Record, of_weather
from reliefscope.views.wording import FACTS, HAZARDS, fact_name
from reliefscope.words import Words

_WORST = 12
_OLD = dt.timedelta(days=3)
_PLAIN = frozenset({"image_acquired", "next_pass_expected"})


def event_list(found: Sequence[Card], chosen: str, words: Words) -> Markup:
    """Return the products as cards of plain words, or what to do where there is none."""
    if not found:
        return element("p", words("Nothing matches. Clear a field above, or search wider."))
    lines = [
        element(
            "li",
            element(
                "button",
                element("span", _kind(card, words), class_="more"),
                element("bdi", card.title, class_="what"),
                element("span", _summary(card, words), class_="more"),
                type="button",
                data_act="choose",
                data_arg=card.entry.product_id,
                id=f"card_{card.entry.product_id}",
                aria_current="true" if card.entry.product_id == chosen else None,
            ),
        )
        for card in found
    ]
    count = words.several("{count} product", "{count} products", len(found))
    return joined(element("p", count, class_="fine"), element("ul", lines, class_="events"))


def _kind(card: Card, words: Words) -> Markup:
    moment = f"{words.short_moment(card.entry.datetime)} UTC"
    return joined(f"{words(HAZARDS[card.hazard])} · ", element("bdi", moment, dir="ltr"))


def _summary(card: Card, words: Words) -> Markup:
    area, people = card.facts.get("event_area_km2"), card.facts.get("exposed_population")
    told = []
    if isinstance(area, int | float):
        told.append(words("{number} km²", number=words.number(area, 1 if area < 1000 else 0)))  # noqa: PLR2004
    if isinstance(people, int | float):
        told.append(words("about {number} people", number=words.number(_two_digits(people))))
    return joined(element("bdi", card.place), *(f" · {text}" for text in told))


def _two_digits(people: float) -> float:
    return float(f"{people:.2g}")


def exercise_mark(words: Words) -> Markup:
    """Return what stands over everything that was simulated."""
    return _banner("exercise", words(wording.EXERCISE_LINE))


def marks(told: Record, age: dt.timedelta | None, words: Words) -> Markup:
    """Return what must be known before a number is read: exercise, draft, old images."""
    lines = []
    if told.exercise:
        lines.append(exercise_mark(words))
    if told.draft:
        failed = ", ".join(told.draft)
        lines.append(
            _banner(
                "draft",
                f"{words(wording.DRAFT_LINE)}. "
                + words("Checks that failed: {checks}. Ask the producer before passing it on.",
                        checks=failed),
            )
        )  # fmt: skip
    if age is not None and age > _OLD and not told.exercise:
        days = words.several("{count} day", "{count} days", age.days)
        lines.append(
            _banner(
                "stale",
                words(
                    "The image is {days} old: the situation may have changed. Look for a newer "
                    "product in the list, or ask for the next satellite pass.",
                    days=days,
                ),
            )
        )
    return joined(lines)


def _banner(kind: str, text: str) -> Markup:
    return element("p", text, class_=f"banner {kind}", style="margin:0")


def head(told: Record, hazard: Any, words: Words) -> Markup:  # noqa: ANN401 - a Hazard
    """Return title, place and method in a few words."""
    kind = words(wording.EVENT_NAMES[hazard][2])
    return element(
        "div",
        element("p", f"{kind} · ", element("bdi", told.place), class_="kind"),
        element("h1", element("bdi", told.title), id="title"),
        class_="head",
    )


def _with_range(text: str) -> Markup:
    """Return a number whose range, in brackets, stays on one line."""
    number, bracket, rest = text.partition("(")
    return element("bdi", number, element("span", bracket + rest, class_="range") if rest else "")


def facts(
    stated: Facts,
    hazard: Any,  # noqa: ANN401
    chosen: str,
    words: Words,
    *,
    weather: bool = False,
) -> Markup:
    """Return the few numbers of the first screen, each with a way to its origin."""
    rows = []
    for key in FACTS:
        if key not in stated or stated[key].value is None:
            continue
        name = fact_name(key, hazard, words, weather=weather)
        rows.append(
            element(
                "div",
                element("dt", name),
                element(
                    "dd",
                    _with_range(as_text(stated[key], words)),
                    button(
                        "?",
                        "explain",
                        key,
                        class_="how",
                        id=f"how_{key}",
                        aria_label=words("How do we know: {name}", name=name),
                        aria_expanded="true" if key == chosen else "false",
                    ),
                    class_="plain" if key in _PLAIN else None,
                ),
            )
        )
    return joined(
        element("dl", rows, class_="big"),
        _advice(stated, words),
        element("p", words(wording.NEVER), class_="fine"),
    )


def _advice(stated: Facts, words: Words) -> Markup:
    flags = stated["advisory"].value if "advisory" in stated else ()
    told = {f.name.lower(): text for f, text in wording.ADVISORIES.items() if f.name}
    lines = [element("li", words(told[f])) for f in flags or () if f in told]  # type: ignore[union-attr]
    return element("ul", lines, class_="fine") if lines else Markup("")


def chain(found: Mapping[str, Any], words: Words) -> Markup:
    """Return where a number comes from: method, layer, images with checksums, parameters."""
    fact, layer = found["fact"], found["layer"]
    granules = [
        element(
            "li",
            element("code", g["id"]),
            f" · {words(wording.ROLES[g['role']]) if g['role'] in wording.ROLES else g['role']}",
            f" · {g['acquired']}" if g.get("acquired") else "",
        )
        for g in found["granules"]
    ]
    parameters = ", ".join(f"{k} = {v}" for k, v in found["indicator"]["parameters"].items())
    rows: list[tuple[str, Any]] = [
        (words("Value"), element("bdi", str(fact["reads"]))),
        (words("How it was counted"), fact["method"]),
        (
            words("Layer"),
            layer and joined(layer["name"], " · SHA-256 ", element("code", layer["sha256"] or "")),
        ),
        (words("Images and data used"), element("ul", granules) if granules else None),
        (words("Other data"), ", ".join(map(str, found["other_inputs"]))),
        (words("Method"), f"{found['indicator']['method']} ({found['indicator']['reference']})"),
        (words("Settings"), parameters),
        (words("Product"), element("code", found["product"]["id"])),
    ]
    lines = [
        element("div", element("dt", name), element("dd", value, class_="plain"))
        for name, value in rows
        if value
    ]
    return joined(
        element("dl", lines, class_="big chain", lang="en", dir="ltr"),
        button(words("Close"), "explain", ""),
    )


def no_chain(words: Words) -> Markup:
    """Return how to ask for the origin of a number."""
    return element(
        "p", words("Press “?” beside a number to see the images and the method behind it.")
    )


def worst(stated: Facts, unit: str, words: Words) -> Markup:
    """Return the table of the units that are worst off, as on the sheet: the map in words."""
    finest = max((r.get("level") or 0 for r in stated.units), default=0)
    rows = [r for r in stated.units if (r.get("level") or 0) == finest]
    rows.sort(key=lambda r: (-float(r.get("exposed") or 0), -float(r.get("event_km2") or 0)))
    if not rows:
        return element("p", words("No administrative boundaries were given for this product."))
    people = any(r.get("exposed") is not None for r in rows)
    ranged = any(r.get("exposed_low") is not None for r in rows)
    head_ = [words("Unit"), words("Affected, km²")]
    if people:
        head_ += [words("People where seen"), *[words("Range")] * ranged, words("Cannot tell")]
    return table(
        words("The districts where most was seen; choose one to see its numbers."),
        head_,
        [list(_unit_row(r, unit, people=people, ranged=ranged, words=words))
         for r in rows[:_WORST]],
    )  # fmt: skip


def _unit_row(
    row: Mapping[str, Any], unit: str, *, people: bool, ranged: bool, words: Words
) -> Iterator[Any]:
    def fact(name: str, display: str = "people") -> Fact:
        return Fact(key=name, value=row.get(name), display=display)

    code = str(row.get("pcode") or "")
    yield button(
        str(row["name"]), "unit", code, id=f"unit_{code}", aria_pressed=str(code == unit).lower()
    )
    yield as_text(fact("event_km2", "area"), words)
    if people:
        yield as_text(fact("exposed"), words)
        if ranged:
            low, high = fact("exposed_low"), fact("exposed_high")
            known = low.value is not None and high.value is not None
            yield range_text(low, high, words) if known else "-"
        yield as_text(fact("cannot_tell"), words)


def changed(now: Package, before: Package | None, words: Words) -> Markup:
    """Return the numbers of this product beside those of the product before it."""
    if before is None:
        return element("p", words("This is the first product of this event."))
    keys = [k for k in ("event_area_km2", "exposed_population", "observed_fraction")
            if k in now.facts and k in before.facts]  # fmt: skip
    hazard = now.folder.parent.parent.name
    rows = [
        (
            fact_name(k, _hazard(hazard), words, weather=of_weather(now.folder)),
            as_text(before.facts[k], words),
            as_text(now.facts[k], words),
        )
        for k in keys
    ]
    return table(
        words("This product beside the one before it ({id}).", id=before.product_id),
        [words("Number"), words("Then"), words("Now")],
        rows,
    )


def _hazard(name: str) -> Any:  # noqa: ANN401 - a Hazard
    return next(h for h in HAZARDS if str(h) == name)


def area_numbers(name: str, rows: Sequence[tuple[str, str]], words: Words) -> Markup:
    """Return the numbers of an area."""
    lines = [
        element("div", element("dt", label), element("dd", element("bdi", text), class_="plain"))
        for label, text in rows
    ]
    return joined(
        element("h3", element("bdi", name)),
        element("dl", lines, class_="big", id="area_numbers"),
        button(words("Save as CSV"), "csv", class_="main", id="csv"),
    )
