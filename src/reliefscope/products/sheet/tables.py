"""The tables of a sheet: consequences, the most affected units, the images used."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from reliefscope.model.granule import Granule
from reliefscope.products.exposure import OUTSIDE
from reliefscope.products.facts import Fact, as_text
from reliefscope.products.sheet import wording
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.text import printable

_MOST_UNITS, _MOST_IMAGES = 5, 5
_ACRONYM = 4
_UNBROKEN = "\N{NON-BREAKING HYPHEN}"
_ORBITS = {"ascending": "asc.", "descending": "desc."}


def fact_text(content: SheetContent, key: str) -> str:
    """Return a fact as a person reads it, or say that it is not available."""
    if key not in content.facts or content.facts[key].value is None:
        return wording.NOT_AVAILABLE
    return content.facts.text(key)


def consequences(content: SheetContent, names: tuple[str, str, str]) -> dict[str, Any]:
    """Return areas and people, as the facts state them."""
    facts, hazard = content.facts, content.product.event.hazard
    rows = [
        (names[0], "event_area_km2", True),
        ("Seen, but cannot tell", "excluded_area_km2", False),
        ("Not observed", "not_observed_area_km2", False),
        ("Area of interest", "area_km2", False),
    ]
    people = [
        ("Exposed (seen)", "exposed_population", True),
        ("Cannot tell", "population_cannot_tell", False),
        ("At most (upper bound)", "population_upper_bound", False),
        ("In the area of interest", "population_total", False),
    ]
    known = "population_total" in facts
    event = facts.get("event_area_km2")
    nothing = wording.NOTHING_FOUND.get(hazard, wording.NOTHING_FOUND_OTHERWISE)
    source = printable(content.context.population_source, 140, word=24) or "source not stated"
    return {
        "areas": [{"label": n, "value": fact_text(content, k), "strong": s} for n, k, s in rows],
        "people": [{"label": n, "value": fact_text(content, k), "strong": s} for n, k, s in people]
        if known
        else [],
        "people_note": f"{wording.CANNOT_TELL_PEOPLE} {wording.ROUND_PEOPLE} Population: {source}."
        if known
        else "People exposed: not available, no population data were given for this area.",
        "nothing": nothing if event is not None and event.value == 0 else "",
    }


def units(content: SheetContent) -> dict[str, Any]:
    """Return the units of the finest level with the most of the event."""
    table = content.by_admin if content.by_admin is not None else pd.DataFrame(content.facts.admin)
    if table.empty:
        return {"rows": [], "note": "By administrative unit: not available."}
    named = table[table["name"] != OUTSIDE]
    if named.empty:
        return {"rows": [], "note": "By administrative unit: none in the area."}
    finest = named[named["level"] == named["level"].max()]
    people = bool(finest["exposed"].notna().any())
    hit = finest[finest["event_km2"] > 0]
    worst = hit.sort_values(
        ["exposed", "event_km2"] if people else ["event_km2"], ascending=False, kind="stable"
    ).head(_MOST_UNITS)
    source = printable(content.context.admin_source, 110, word=24)
    return {
        "rows": [_unit_row(row) for row in worst.to_dict(orient="records")],
        "people": people,
        "order": "by people exposed" if people else "by area",
        "note": f"Event seen in {len(hit)} of {len(finest)} units of the area."
        + (f" The {len(worst)} most affected are listed." if len(hit) > len(worst) else "")
        + (f" Units: {source}." if source else ""),
    }


def _unit_row(row: Mapping[Any, Any]) -> dict[str, str]:
    def text(name: str, display: str) -> str:
        value = row.get(name)
        if value is None or pd.isna(value):
            return "n/a"
        return as_text(Fact(key=name, value=float(value), display=display))

    return {
        "name": printable(row["name"], 60, word=16),
        "event": text("event_km2", "area"),
        "exposed": text("exposed", "people"),
        "low": text("exposed_low", "people"),
        "high": text("exposed_high", "people"),
        "cannot_tell": text("cannot_tell", "people"),
        "upper": text("upper_bound", "people"),
    }


def images(content: SheetContent) -> dict[str, Any]:
    """Return one row per pass: granules of one role, sensor, orbit and day together."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for role, group in content.product.granules.items():
        for granule in sorted(group, key=lambda g: (g.acquired is None, str(g.acquired))):
            row = _image_row(role, granule)
            key = (row["use"], row["sensor"], row["orbit"], row["acquired"][:10])
            rows.setdefault(key, row)
    order = {"After": 0, "Before": 1}
    ranked = sorted(rows.values(), key=lambda r: order.get(r["use"], 2))
    more = len(ranked) - _MOST_IMAGES
    return {
        "rows": ranked[:_MOST_IMAGES],
        "note": f"And {more} more, listed in provenance.json." if more > 0 else "",
        "licences": sorted({r["licence"] for r in ranked if r["licence"]})[:4],
    }


def _image_row(role: str, granule: Granule) -> dict[str, str]:
    instrument = _capitals(printable(granule.instrument, 28)).replace("-", _UNBROKEN)
    named = (_capitals(printable(granule.platform, 28)), instrument)
    sensor = " ".join(dict.fromkeys(t for t in named if t))
    orbit = [] if granule.relative_orbit is None else [str(granule.relative_orbit)]
    if granule.orbit_state:
        orbit.append(_ORBITS.get(granule.orbit_state, printable(granule.orbit_state, 12)))
    if granule.acquired is None:
        acquired = "static"
    else:
        acquired = f"{granule.acquired.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
    return {
        "use": wording.ROLES.get(role, printable(role, 16).replace("_", " ").capitalize()),
        "sensor": printable(sensor or granule.collection, 60, word=22) or "not stated",
        "acquired": acquired,
        "resolution": "n/a" if granule.resolution is None else f"{granule.resolution:g} m",
        "orbit": " ".join(orbit) or "n/a",
        "licence": printable(granule.licence, 110, word=24) or "licence not stated",
    }


def _capitals(name: str) -> str:
    """Return ``sentinel-1a`` as Sentinel-1A and ``c-sar`` as C-SAR; mixed case stays."""
    if name not in {name.lower(), name.upper()}:
        return name
    return "-".join(
        w.upper() if len(w) <= _ACRONYM or any(c.isdigit() for c in w) else w.capitalize()
        for w in name.split("-")
    )
