"""The tables of a sheet: consequences, the most affected units, the images used."""

import datetime as dt
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

import pandas as pd

from reliefscope.model.granule import Granule
from reliefscope.products.exposure import OUTSIDE
from reliefscope.products.facts import Fact, Facts
from reliefscope.products.provenance import scrub
from reliefscope.products.sheet import wording
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.text import printable
from reliefscope.products.telling import as_text, range_text
from reliefscope.words import Words, mark

_MOST_UNITS, _MOST_IMAGES, _MOST_PASSES = 5, 6, 3
_ACRONYM = 4
_MOST_THINGS = 6
_UNBROKEN = "\N{NON-BREAKING HYPHEN}"
_ORBITS = {"ascending": mark("asc."), "descending": mark("desc.")}


def fact_text(content: SheetContent, key: str) -> str:
    """Return a fact as a person reads it, or say that it is not available."""
    if key not in content.facts or content.facts[key].value is None:
        return content.words(wording.NOT_AVAILABLE)
    return content.facts.text(key, content.words)


def ranged(facts: Facts) -> bool:
    """Return whether areas and people have a range."""
    fact = facts.get("event_area_km2")
    return fact is not None and fact.low is not None


def consequences(content: SheetContent, names: tuple[str, str, str]) -> dict[str, Any]:
    """Return areas and people, as the facts state them."""
    facts, hazard, words = content.facts, content.product.event.hazard, content.words
    roles = content.product.granules
    rows = [
        (names[0], "event_area_km2", True),
        (words("Seen, but cannot tell"), "excluded_area_km2", False),
        (words("Not observed"), "not_observed_area_km2", False),
        (words("Area of interest"), "area_km2", False),
    ]
    people = [
        (words(wording.true_of(wording.EXPOSED, roles)), "exposed_population", True),
        (words("Cannot tell"), "population_cannot_tell", False),
        (words("At most (upper bound)"), "population_upper_bound", False),
        (words("In the area of interest"), "population_total", False),
    ]
    known = "population_total" in facts
    event = facts.get("event_area_km2")
    nothing = wording.NOTHING_FOUND.get(hazard, wording.NOTHING_FOUND_OTHERWISE)
    source = printable(scrub(content.context.population_source), 140, word=24)
    return {
        "areas": [{"label": n, "value": fact_text(content, k), "strong": s} for n, k, s in rows],
        "people": [{"label": n, "value": fact_text(content, k), "strong": s} for n, k, s in people]
        if known
        else [],
        "people_note": " ".join(
            (
                words(wording.true_of(wording.CANNOT_TELL_PEOPLE, roles)),
                words(wording.ROUND_PEOPLE),
                words("Population: {source}.", source=source or words("source not stated")),
            )
        )
        if known
        else words("People exposed: not available, no population data were given for this area."),
        "things": [
            {
                "label": words(name),
                "seen": fact_text(content, seen),
                "cannot_tell": fact_text(content, unknown) if facts[unknown].value else "-",
                "whole": fact_text(content, whole),
            }
            for name, seen, unknown, whole in islice(wording.things(facts), _MOST_THINGS)
        ],
        "nothing": words(nothing) if event is not None and event.value == 0 else "",
    }


def units(content: SheetContent) -> dict[str, Any]:
    """Return the units of the finest level with the most of the event."""
    words = content.words
    table = content.by_admin if content.by_admin is not None else pd.DataFrame(content.facts.admin)
    if table.empty:
        return {"rows": [], "note": words("By administrative unit: not available.")}
    named = table[table["name"] != OUTSIDE]
    if named.empty:
        return {"rows": [], "note": words("By administrative unit: none in the area.")}
    finest = named[named["level"] == named["level"].max()]
    people = bool(finest["exposed"].notna().any())
    hit = finest[finest["event_km2"] > 0]
    worst = hit.sort_values(
        ["exposed", "event_km2"] if people else ["event_km2"], ascending=False, kind="stable"
    ).head(_MOST_UNITS)
    source = printable(scrub(content.context.admin_source), 110, word=24)
    return {
        "rows": [_unit_row(row, words) for row in worst.to_dict(orient="records")],
        "people": people,
        "ranged": ranged(content.facts),
        "note": " ".join(
            filter(
                None,
                (
                    words(
                        "Event seen in {hit} of {all} units of the area.",
                        hit=words.number(len(hit)),
                        all=words.number(len(finest)),
                    ),
                    words("The {count} most affected are listed.", count=words.number(len(worst)))
                    if len(hit) > len(worst)
                    else "",
                    words("Units: {source}.", source=source) if source else "",
                ),
            )
        ),
    }


def _unit_row(row: Mapping[Any, Any], words: Words) -> dict[str, str]:
    def text(name: str, display: str) -> str:
        value = row.get(name)
        if value is None or pd.isna(value):
            return words("n/a")
        return as_text(Fact(key=name, value=float(value), display=display), words)

    return {
        "name": printable(row["name"], 60, word=16),
        "event": text("event_km2", "area"),
        "exposed": text("exposed", "people"),
        "range": _range(row, words),
        "cannot_tell": text("cannot_tell", "people"),
        "upper": text("upper_bound", "people"),
    }


def _range(row: Mapping[str, Any], words: Words) -> str:
    ends = [row.get("exposed_low"), row.get("exposed_high")]
    if any(v is None or pd.isna(v) for v in ends):
        return words("n/a")
    low, high = (Fact(key="", value=float(v), display="people") for v in ends if v is not None)
    return range_text(low, high, words)


_Pass = tuple[dict[str, str], dt.datetime | None]
_TOLD = ("platform", "instrument", "exercise", "relative_orbit", "orbit_state", "collection",
         "resolution", "licence")  # fmt: skip
"""Of a granule, beside when it was acquired."""


def images(content: SheetContent) -> dict[str, Any]:
    """Return one row per pass: granules of one role, sensor, orbit and day together.

    A role with more passes than fit is one row, from its first day to its last.
    """
    words = content.words
    kinds: dict[tuple[object, ...], dict[str, str]] = {}
    passes: dict[tuple[bool, str, str], dict[tuple[str, str], _Pass]] = {}
    for role, group in content.product.granules.items():
        for granule in sorted(group, key=lambda g: (g.acquired is None, str(g.acquired))):
            # decades of days are alike but for the day
            kind = (role, *(getattr(granule, name) for name in _TOLD))
            row = kinds.get(kind) or kinds.setdefault(kind, _image_row(role, granule, words))
            one = passes.setdefault((role in wording.WEATHER, row["use"], row["sensor"]), {})
            day = "" if granule.acquired is None else granule.acquired.date().isoformat()
            one.setdefault((row["orbit"], day), (row, granule.acquired))
    rows = []
    for (weather, _, _), found in passes.items():
        days = [day for _, day in found if day]
        if len(found) > _MOST_PASSES:
            several = [row for row, _ in found.values()]
            rows.append(_series(several, days, words, weather=weather))
        else:
            rows += [row | {"acquired": _moment(when, words)} for row, when in found.values()]
    order = {words("After"): 0, words("Before"): 1}
    ranked = sorted(rows, key=lambda r: order.get(r["use"], 2))
    more = len(ranked) - _MOST_IMAGES
    return {
        "rows": ranked[:_MOST_IMAGES],
        "note": words.several(
            "And {count} more, listed in provenance.json.",
            "And {count} more, listed in provenance.json.",
            more,
        )
        if more > 0
        else "",
        "licences": sorted({r["licence"] for r in ranked if r["licence"]})[:4],
    }


def _series(
    rows: list[dict[str, str]], days: list[str], words: Words, *, weather: bool
) -> dict[str, str]:
    """Return a row that stands for many passes, or dates of weather data."""
    if weather:
        count = words.several("{count} date", "{count} dates", len(rows))
    else:
        count = words.several("{count} image", "{count} images", len(rows))
    count = count.replace(" ", "\N{NO-BREAK SPACE}")
    orbits = list(dict.fromkeys(r["orbit"] for r in rows))
    first, last = (words.set_apart(day) for day in (days[0], days[-1])) if days else ("", "")
    acquired = words("{first} to {last}, {count}", first=first, last=last, count=count)
    acquired = acquired if days else count
    return rows[0] | {"acquired": acquired, "orbit": orbits[0] if len(orbits) == 1 else "-"}


def _moment(when: dt.datetime | None, words: Words) -> str:
    return words("static") if when is None else words.short_moment(when)


def _image_row(role: str, granule: Granule, words: Words) -> dict[str, str]:
    instrument = _capitals(printable(granule.instrument, 28)).replace("-", _UNBROKEN)
    platform = granule.platform
    if granule.exercise:  # the sheet says so in larger letters
        platform = re.sub("^exercise-", "", platform, flags=re.IGNORECASE)
    named = (_capitals(printable(platform, 28)), instrument)
    collection = wording.COLLECTIONS.get(granule.collection, granule.collection)
    sensor = " ".join(dict.fromkeys(t for t in named if t)) or collection
    orbit = [] if granule.relative_orbit is None else [str(granule.relative_orbit)]
    if granule.orbit_state in _ORBITS:
        orbit.append(words(_ORBITS[granule.orbit_state]))
    elif granule.orbit_state:
        orbit.append(printable(granule.orbit_state, 12))
    use = words(wording.ROLES[role]) if role in wording.ROLES else ""
    return {
        "use": use or printable(role, 16).replace("_", " ").capitalize(),
        "sensor": printable(sensor, 60, word=22) or words("not stated"),
        "resolution": words("n/a")
        if granule.resolution is None
        else words("{number} m", number=f"{granule.resolution:g}"),
        "orbit": " ".join(orbit) or words("n/a"),
        "licence": printable(granule.licence, 110, word=24) or words("licence not stated"),
    }


def _capitals(name: str) -> str:
    """Return ``sentinel-1a`` as Sentinel-1A and ``c-sar`` as C-SAR; mixed case stays."""
    if name not in {name.lower(), name.upper()}:
        return name
    return "-".join(
        w.upper() if len(w) <= _ACRONYM or any(c.isdigit() for c in w) else w.capitalize()
        for w in name.split("-")
    )
