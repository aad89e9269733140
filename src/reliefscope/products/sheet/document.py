"""The words and numbers of a sheet, as plain data for the template."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from pyproj import CRS, Geod, Transformer

from reliefscope.model.cube import Advisory
from reliefscope.model.product import SET_ASIDE
from reliefscope.products.exposure import POSSIBLE_PERCENT, SURE_PERCENT
from reliefscope.products.provenance import scrub
from reliefscope.products.sheet import wording
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.layout import Layout, describe_crs, nice_length
from reliefscope.products.sheet.locator import country_names
from reliefscope.products.sheet.map_frame import Drawn
from reliefscope.products.sheet.raster import EVENT_SHARE
from reliefscope.products.sheet.setting import style_of
from reliefscope.products.sheet.tables import consequences, fact_text, images, ranged, units
from reliefscope.products.sheet.text import printable
from reliefscope.words import SEMICOLON, SOURCE, Words, mark

_MOST_NOTES, _MOST_FLAGS = 3, 11
_SCALE_BAR_MM = {"A3": 55.0, "A4": 40.0}
_SOME_DAYS_H = 72
_DAY = len("2026-01-31")
_THRESHOLDS = (
    ("threshold_vv_db", "VV"),
    ("threshold_vh_db", "VH"),
    ("threshold_change_db", mark("change")),
)


def describe(
    content: SheetContent, layout: Layout, drawn: Drawn, detail: tuple[int, int] = (0, 0)
) -> dict[str, Any]:
    """Return everything the template prints, each text fit to print.

    Parameters
    ----------
    content, layout, drawn
        What is shown, where, and what there was to draw.
    detail : tuple of int
        Number of this detail sheet, 0 for the overview, and how many there are.
    """
    event = content.product.event
    words = content.words
    first, before, kind = map(words, wording.EVENT_NAMES[event.hazard])
    names = (first, before, kind)
    return {
        "lang": words.language,
        "rtl": words.rtl,
        "style": style_of(content.policy),
        "t": {name: words(text) for name, text in wording.FIXED.items()}
        | {"age": words(wording.age(event.hazard, content.product.granules))},
        "layout": _geometry(layout),
        "detail": _detail(detail, words),
        "header": _header(content, names[2]),
        "legend": _legend(content, names, drawn),
        "scale": _scale(content, layout, drawn),
        "consequences": consequences(content, names),
        "units": units(content),
        "images": images(content),
        "method": {
            "text": printable(words(content.product.method), 380, word=24),
            "reference": printable(content.product.reference, 220, word=24),
            "version": words(
                "Software version {version}.", version=printable(content.product.version, 40)
            )
            if content.product.version
            else "",
            "drawing": words(wording.DRAWN_RULE, share=words.number(EVENT_SHARE)),
        },
        "limits": _limits(content),
        "policy": {
            "producer": printable(content.policy.told("producer", words), 120, word=24),
            "contact": printable(content.policy.told("contact", words), 160, word=24),
            "terms": printable(content.policy.told("terms", words), 200, word=24),
            "credits": printable(scrub("; ".join(content.context.credits)), 150, word=24),
            "disclaimer": printable(content.policy.told("disclaimer", words), 640, word=24),
        },
        "item": printable(content.item_href, 400),
        "watermarks": list(_watermarks(content)),
        "map_alt": _map_alt(content, names),
    }


def _geometry(layout: Layout) -> dict[str, Any]:
    left, top, width, height = layout.grid_mm
    return {
        "kind": layout.kind,
        "paper": layout.paper,
        "page": list(layout.page_mm),
        "header": layout.header_mm,
        "side": layout.side_mm,
        "frame": list(layout.frame_mm),
        "grid": {"left": left, "top": top, "width": width, "height": height},
    }


def _detail(detail: tuple[int, int], words: Words) -> dict[str, Any]:
    """Return what a sheet says of details: which it is, or how many there are."""
    number, count = detail
    if number:
        text = words(
            "Detail {number} of {count}", number=words.number(number), count=words.number(count)
        )
    elif count:
        text = words.several(
            "{count} detail sheet: see the frame with a number.",
            "{count} detail sheets: see the frames with numbers.",
            count,
        )
    else:
        text = ""
    return {"number": number, "count": count, "text": text}


def _header(content: SheetContent, map_type: str) -> dict[str, Any]:
    event, words = content.product.event, content.words
    place = printable(event.area.name, 60, word=26)
    countries = [] if content.product.exercise else country_names(event.area, words)
    where = ", ".join(dict.fromkeys(n for n in (place, *countries[:3]) if n and n != "area"))
    parts = content.product_id.split("_")
    mission = next((wording.MISSION_NAMES[p] for p in parts if p in wording.MISSION_NAMES), "")
    schemes = [*wording.SCHEMES, *(k for k in event.ids if k not in wording.SCHEMES)]
    ids = [
        f"{wording.SCHEMES.get(k, printable(k, 16).upper())} {printable(event.ids[k], 40)}"
        for k in schemes
        if event.ids.get(k)
    ]
    return {
        "hazard": event.hazard.value,
        "title": printable(event.title, 140, word=26),
        "place": where,
        "onset": words("Onset {moment}", moment=words.moment(event.onset)),
        "type": map_type,
        "mission": words(mission),
        "product": printable(content.product_id, 90),
        "version": words("version {number}", number=words.number(content.version)),
        "released": words("Released {moment}", moment=words.moment(content.released)),
        "activations": ids[:4],
    }


def _legend(
    content: SheetContent, names: tuple[str, str, str], drawn: Drawn
) -> list[dict[str, Any]]:
    """Return all classes in fixed order, then what else the map shows."""
    hazard, words = content.product.event.hazard, content.words
    of_series = wording.of_series(hazard, content.product.granules)
    classes = (
        ("event", names[0], "event_area_km2"),
        ("reference", names[1], "reference_area_km2"),
        ("no_event", words(wording.NO_EVENT_NAMES.get(hazard, wording.NO_EVENT_OTHERWISE)),
         "no_event_area_km2"),
        ("excluded", words(wording.EXCLUDED_NAME), "excluded_area_km2"),
        ("not_observed", words(wording.NOT_OBSERVED_NAME), "not_observed_area_km2"),
    )  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"swatch": name, "label": label, "value": _without_range(content, key)}
        for name, label, key in classes
        if name != "reference" or not of_series or content.facts[key].value
    ]
    graded = list(_graded(content))
    if graded:
        rows[:1] = [{**rows[0], "swatch": "none"}, *graded]
    others = (
        ("area", words("Area of interest"), True),
        ("unit", words("Administrative boundary"), drawn.units),
        ("road", words("Main road, other road"), drawn.roads),
        ("place", words("Populated place"), drawn.places),
        ("facility", words("Facility"), drawn.facilities),
    )
    rows += [{"swatch": n, "label": t, "value": ""} for n, t, there in others if there]
    return rows


def _graded(content: SheetContent) -> Iterator[dict[str, Any]]:
    """Return a row per class of the event, in the order of the classes."""
    grading = content.layers.grading
    if grading is None:
        return
    for member in grading.flags:
        key = f"event_{member.name.lower()}_area_km2"
        if key in content.facts:
            yield {
                "swatch": f"class_{int(member)}",
                "label": content.words(wording.class_name(member)),
                "value": _without_range(content, key),
            }


def _without_range(content: SheetContent, key: str) -> str:
    text = fact_text(content, key)
    return "" if text == content.words(wording.NOT_AVAILABLE) else text.partition(" (")[0]


def _scale(content: SheetContent, layout: Layout, drawn: Drawn) -> dict[str, Any]:
    grid, words = content.layers.grid, content.words
    length = nice_length(_SCALE_BAR_MM[layout.paper] * layout.denominator / 1000)
    if drawn.crosses_m is None:
        crosses = ""
    elif drawn.crosses_m >= 1000:  # noqa: PLR2004 - metres in a kilometre
        step = words("{number} km", number=f"{drawn.crosses_m / 1000:g}")
        crosses = words("Crosses: metric grid, every {step}.", step=step)
    else:
        step = words("{number} m", number=f"{drawn.crosses_m:g}")
        crosses = words("Crosses: metric grid, every {step}.", step=step)
    in_km = length >= 1000  # noqa: PLR2004 - metres in a kilometre
    return {
        "numeric": words(
            "1:{number} on {paper} paper",
            number=words.number(layout.denominator),
            paper=layout.paper,
        ),
        "bar_mm": length * 1000 / layout.denominator,
        "ticks": [_tick(k * length / (4000 if in_km else 4), words) for k in (0, 1, 2, 4)],
        "unit": (
            words("{number} km", number="") if in_km else words("{number} m", number="")
        ).strip(),
        "north_deg": _convergence(layout, CRS.from_user_input(str(grid.crs))),
        "crs": words.set_apart(describe_crs(grid)),
        "grid": " ".join((words("Graticule in degrees (WGS 84)."), crosses)).strip(),
    }


def _tick(value: float, words: Words) -> str:
    """Return a number with as many decimals as it has, which are few."""
    digits = len(f"{value:g}".partition(".")[2])
    return words.number(value, digits)


def _convergence(layout: Layout, crs: CRS) -> float:
    """Return the angle from up on the map to true north at its middle, clockwise [degrees]."""
    left, bottom, right, top = layout.window
    x, y, step = (left + right) / 2, (bottom + top) / 2, (top - bottom) / 100
    transform = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform
    lon, lat = transform([x, x], [y, y + step])
    if not all(map(math.isfinite, (*lon, *lat))):
        return 0.0
    azimuth, _, _ = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
    return round(-float(azimuth), 2)


def _limits(content: SheetContent) -> dict[str, Any]:
    facts, words = content.facts, content.words
    flags = facts["advisory"].value if "advisory" in facts else ()
    names = [str(f).upper() for f in flags] if isinstance(flags, tuple) else []
    known = Advisory.__members__
    reasons = [
        f"{words(text)} ({fact_text(content, key)})"
        for flag, text in wording.EXCLUSIONS.items()
        if (key := f"excluded_{str(flag.name).lower()}_area_km2") in facts
    ]
    hours = facts["hours_after_onset"].value if "hours_after_onset" in facts else None
    thresholds = words.listed(
        f"{words(name)} {fact_text(content, key)}"
        for key, name in _THRESHOLDS
        if key in facts and facts[key].value is not None
    )
    notes = [
        (printable(scrub(remark.text), 150, word=24), remark.told)
        for remark in remarks(content)[:_MOST_NOTES]
    ]
    gates = [printable(g, 36, word=24) for g in content.draft[:6]]
    return {
        "observed": fact_text(content, "observed_fraction"),
        "excluded": fact_text(content, "excluded_fraction"),
        "age": _age(content, hours),
        "acquired": fact_text(content, "image_acquired"),
        "reasons": words(
            "Cannot tell because of: {reasons}. Reasons may overlap.",
            reasons=words.listed(reasons, SEMICOLON),
        )
        if reasons
        else "",
        "thresholds": words("Thresholds used: {thresholds}.", thresholds=thresholds)
        if thresholds
        else "",
        "likelihood": words(
            wording.LIKELIHOOD,
            sure=words.number(SURE_PERCENT),
            possible=words.number(POSSIBLE_PERCENT),
        )
        if ranged(facts)
        else words(wording.NO_LIKELIHOOD),
        "flags": _flags([known[n] for n in names if n in known], content),
        "remarks": [text for text, told in notes if told],
        "notes": [text for text, told in notes if not told],
        "gates": words("Quality gates failed: {gates}.", gates=words.listed(gates, SEMICOLON))
        if gates
        else "",
    }


class Remark(NamedTuple):
    """A note on how the product was made."""

    text: str
    told: bool
    """Whether it is in the reader's language; else it is in English."""


def remarks(content: SheetContent) -> list[Remark]:
    """Return the notes that a reader of the map needs: not those on the choice of images.

    What could not be had is named in one sentence, what was damaged in another; the files and the
    errors are in the provenance. Notes of the indicator itself, which its name leads, are
    translated where the catalogs can.
    """
    words, own = content.words, f"{content.product.indicator}: "
    named = {**wording.ROLES, **wording.LAYERS}
    lacking: dict[str, list[str]] = {wording.DAMAGED: [], wording.LACKING: []}
    found = []
    for note in content.product.notes:
        about, _, rest = note.partition(": ")
        if rest and about in content.product.granules:
            continue
        if rest and about in named:
            why = wording.DAMAGED if rest.startswith(SET_ASIDE) else wording.LACKING
            lacking[why].append(words(named[about]))
            continue
        said = note.removeprefix(own)
        text = words(said) if note.startswith(own) else said
        told = text != said or words.language == SOURCE
        found.append(Remark(f"{text[:1].upper()}{text[1:]}", told))
    first = [
        Remark(words(why, what=words.listed(dict.fromkeys(what))), told=True)
        for why, what in lacking.items()
        if what
    ]
    return first + found


def _flags(raised: list[Advisory], content: SheetContent) -> list[str]:
    """Return the sentences of the flags in the order of their table, as many as fit."""
    words, hazard = content.words, content.product.event.hazard
    texts = [words(wording.advisory(f, hazard)) for f in wording.ADVISORIES if f in raised]
    more = len(texts) - _MOST_FLAGS
    rest = words.several(
        "{count} further advisory flag: see the facts of the package.",
        "{count} further advisory flags: see the facts of the package.",
        more,
    )
    return [*texts[:_MOST_FLAGS], *([rest] if more > 0 else [])]


def _age(content: SheetContent, hours: object) -> str:
    words = content.words
    if wording.of_series(content.product.event.hazard, content.product.granules):
        latest = content.facts.get("image_acquired")
        if latest is None or latest.value is None:
            return words(wording.NOT_AVAILABLE)
        return words.set_apart(str(latest.value)[:_DAY])
    if not isinstance(hours, float | int):
        return fact_text(content, "hours_after_onset")
    age = words("{number} h", number=words.number(abs(hours)))
    if abs(hours) >= _SOME_DAYS_H:
        days = words.several("{count} day", "{count} days", round(abs(hours) / 24))
        age = words("{hours} ({days})", hours=age, days=days)
    if hours < 0:
        return words("{age} before onset", age=age)
    return words("{age} after onset", age=age)


def _watermarks(content: SheetContent) -> Iterator[dict[str, str]]:
    if content.product.exercise:
        words = content.words
        yield {"text": words(wording.EXERCISE), "line": words(wording.EXERCISE_LINE)}
    if content.draft:
        line = content.words(wording.DRAFT_LINE)
        yield {"text": line, "line": line}


def _map_alt(content: SheetContent, names: tuple[str, str, str]) -> str:
    title = printable(content.product.event.title, 120)
    return content.words(
        "{map}: {title}. {event}: {area}; observed: {observed} of the area.",
        map=names[2],
        title=title,
        event=names[0],
        area=fact_text(content, "event_area_km2"),
        observed=fact_text(content, "observed_fraction"),
    )
