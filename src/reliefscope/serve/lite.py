"""The light page: facts and map of one product in one small page, and the list of products."""

import datetime as dt
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel import Locale

from reliefscope.model.cube import Advisory
from reliefscope.model.event import Hazard
from reliefscope.products.facts import Fact
from reliefscope.products.provenance import granules_in
from reliefscope.products.sheet import wording as sheet_wording
from reliefscope.products.telling import as_text
from reliefscope.serve import wording
from reliefscope.serve.shelf import Shown
from reliefscope.views.store import event_keys
from reliefscope.words import Words

PICTURE_BYTES = 80_000
_WORST, _MOST_IMAGES, _MOST_PASSES, _MOST_FOUND = 10, 12, 3, 200
_STALE_DAYS = 14
_DOWNLOADS = (
    ("sheet_pdf", "sheet.{lang}.pdf"),
    ("brief_pdf", "brief.{lang}.pdf"),
    ("brief_html", "brief.{lang}.html"),
    ("csv", "statistics.csv"),
    ("gis", "vectors.gpkg"),
)
_HEADLINE = ("exposed_population", "population_cannot_tell", "population_upper_bound")
_FURTHER = ("area_km2", "excluded_area_km2", "not_observed_area_km2", "observed_fraction",
            "population_total", "hours_after_onset", "next_pass_expected")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a visitor looks for; everything empty finds all."""

    text: str = ""
    hazard: str = ""
    since: str = ""
    until: str = ""

    def matches(self, shown: Shown, words: Words) -> bool:
        """Return whether a product fits."""
        day = f"{shown.entry.datetime:%Y-%m-%d}"
        if self.hazard and shown.entry.hazard != self.hazard:
            return False
        if (_is_day(self.since) and day < self.since) or (_is_day(self.until) and day > self.until):
            return False
        wanted = _plain(self.text)
        return not wanted or any(wanted in _plain(t) for t in _told(shown, words))


def _told(shown: Shown, words: Words) -> Iterator[str]:
    """Yield everything that a text may be found in: titles, places, codes, names of countries."""
    yield from (shown.title, shown.place, shown.product_id)
    yield from shown.record["event"].get("ids", {}).values()
    english = Locale("en")
    for alpha3, alpha2 in shown.countries:
        yield alpha3
        for locale in (english, words.locale):
            yield locale.territories.get(alpha2, "")


def _plain(text: object) -> str:
    folded = unicodedata.normalize("NFKD", str(text))
    return "".join(c for c in folded if not unicodedata.combining(c)).casefold().strip()


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def listing(found: list[Shown], search: Search, words: Words) -> dict[str, Any]:
    """Return what the list of products prints."""
    hits = [s for s in found if search.matches(s, words)]
    return {
        "search": search,
        "hazards": {str(h): words(name) for h, name in wording.HAZARDS.items()},
        "any_at_all": bool(found),
        "count": words.several("{count} product", "{count} products", len(hits)),
        "hits": [_card(s, words) for s in hits[:_MOST_FOUND]],
    }


def _card(shown: Shown, words: Words) -> dict[str, Any]:
    facts = shown.facts
    names = sheet_wording.EVENT_NAMES[Hazard(shown.entry.hazard)]
    numbers = [(words(names[0]), facts.text("event_area_km2", words))]
    if "exposed_population" in facts:
        label = sheet_wording.true_of(
            wording.LABELS["exposed_population"], shown.record["granules"]
        )
        numbers.append((words(label), facts.text("exposed_population", words)))
    return {
        "id": shown.product_id,
        "title": shown.title,
        "place": shown.place,
        "hazard": words(wording.HAZARDS[Hazard(shown.entry.hazard)]),
        "moment": words(wording.FROM, moment=words.short_moment(shown.entry.datetime)),
        "numbers": numbers,
        "exercise": shown.entry.exercise,
        "replaced": shown.entry.superseded,
    }


def briefing(shown: Shown, words: Words, now: dt.datetime) -> dict[str, Any]:
    """Return what the page of one product prints: facts only, in the reader's language."""
    facts = shown.facts
    names = sheet_wording.EVENT_NAMES[Hazard(shown.entry.hazard)]
    event = words(names[0])
    age = (now - shown.entry.datetime).days

    def row(key: str, label: str = "") -> tuple[str, str]:
        own = sheet_wording.true_of(wording.LABELS.get(key, ""), shown.record["granules"])
        return label or words(own), facts.text(key, words)

    return {
        "id": shown.product_id,
        "title": shown.title,
        "place": shown.place,
        "kind": words(names[2]),
        "exercise": shown.entry.exercise,
        "successor": shown.successor,
        "age": words(wording.AGE, days=words.number(age)) if age > _STALE_DAYS else "",
        "moment": words(wording.FROM, moment=words.moment(shown.entry.datetime)),
        "headline": [
            row("event_area_km2", event), *(row(k) for k in _HEADLINE if k in facts)
        ],
        "further": [
            *(row(k) for k in _FURTHER if k in facts and facts[k].value is not None),
            *_things(shown, words),
        ],
        "map_alt": words(
            wording.MAP_ALT, title=shown.title, event=event,
            area=facts.text("event_area_km2", words),
        ),
        "legend_event": [
            (key.colour, key.label) for key in event_keys(shown.entry.folder, event, words)
        ],
        "legend_reference": words(names[1]),
        "units": list(_units(shown, words)),
        "event_name": event,
        "flags": list(_flags(shown, words)),
        "downloads": list(_downloads(shown, words)),
        "facts": [
            (k, facts.text(k, words), f.method, f.layer) for k, f in facts.items()
        ],
        "granules": list(_granules(shown, words))[:_MOST_IMAGES],
        "made": words(wording.MADE, moment=words.moment(now), product=shown.product_id),
    }  # fmt: skip


def _things(shown: Shown, words: Words) -> Iterator[tuple[str, str]]:
    facts = shown.facts
    for name, seen, unknown, whole in sheet_wording.things(facts):
        told = {"seen": facts.text(seen, words), "whole": facts.text(whole, words)}
        if facts[unknown].value:
            told["unknown"] = facts.text(unknown, words)
            yield words(name), words("{seen}; cannot tell {unknown}; of {whole}", **told)
        else:
            yield words(name), words("{seen} of {whole}", **told)


def _units(shown: Shown, words: Words) -> Iterator[tuple[str, ...]]:
    """Yield the worst units of the finest level: name, event, exposed, cannot tell, at most."""
    finest = max((r["level"] for r in shown.facts.units), default=0)
    hit = [r for r in shown.facts.units if r["level"] == finest and r["event_km2"] > 0]
    hit.sort(key=lambda r: (-(r["exposed"] or 0.0), -r["event_km2"]))

    def told(row: Mapping[str, Any], name: str, display: str, unit: str = "") -> str:
        fact = Fact(key=name, value=row.get(name), display=display, unit=unit)
        return as_text(fact, words)

    for row in hit[:_WORST]:
        yield (
            str(row["name"]),
            told(row, "event_km2", "area", "km2"),
            *(told(row, name, "people") for name in ("exposed", "cannot_tell", "upper_bound")),
        )


def _flags(shown: Shown, words: Words) -> Iterator[str]:
    """Yield the advisory flags that were raised, in sentences."""
    raised = shown.facts["advisory"].value if "advisory" in shown.facts else ()
    names = {str(f).upper() for f in raised} if isinstance(raised, tuple) else set()
    for flag in Advisory:
        if flag.name in names and flag in sheet_wording.ADVISORIES:
            yield words(sheet_wording.ADVISORIES[flag])


def _downloads(shown: Shown, words: Words) -> Iterator[tuple[str, str, str]]:
    """Yield label, file and size, in the reader's language where there is such a file."""
    for key, pattern in _DOWNLOADS:
        wanted = (pattern.format(lang=lang) for lang in (words.language, "en"))
        start, _, end = pattern.partition("{lang}")
        others = (n for n in shown.assets if n.startswith(start) and n.endswith(end))
        name = next((n for n in wanted if n in shown.assets), next(iter(sorted(others)), ""))
        if name:
            size = words.number(max(shown.assets[name].size / 1e6, 0.1), 1)
            yield words(wording.TEXTS[key]), name, f"{size} MB"


def _granules(shown: Shown, words: Words) -> Iterator[tuple[str, str, str]]:
    """Yield name, time and licence of what the product was made of; of a series, one row."""
    for role, group in granules_in(shown.record).items():
        by_collection: dict[str, list[Mapping[str, Any]]] = {}
        for g in group:
            by_collection.setdefault(str(g.get("collection") or ""), []).append(g)
        for name, those in by_collection.items():
            if len(those) > _MOST_PASSES:
                use = words(sheet_wording.ROLES[role]) if role in sheet_wording.ROLES else role
                yield _series(f"{use}: {name}", those, words)
                continue
            for g in those:
                moment = str(g.get("acquired") or "")[:16].replace("T", " ")
                yield str(g["id"]), words.set_apart(moment), str(g.get("licence") or "")


def _series(name: str, those: Sequence[Mapping[str, Any]], words: Words) -> tuple[str, str, str]:
    """Return the row of many images: first and last day, and how many there are."""
    days = sorted(str(g["acquired"])[:10] for g in those if g.get("acquired"))
    count = words.several("{count} image", "{count} images", len(those))
    licences = sorted({str(g.get("licence") or "") for g in those} - {""})
    if not days:
        return name, count, "; ".join(licences)
    first, last = words.set_apart(days[0]), words.set_apart(days[-1])
    told = words("{first} to {last}, {count}", first=first, last=last, count=count)
    return name, told, "; ".join(licences)
