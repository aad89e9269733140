"""The table of statistics: one row per area and class, from the facts alone."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from reliefscope.products.facts import Facts

COLUMNS = (
    "level",
    "pcode",
    "name",
    "class",
    "area_km2",
    "area_low_km2",
    "area_high_km2",
    "population",
    "population_low",
    "population_high",
)
_CLASSES = ("no_event", "event", "reference", "excluded", "not_observed")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
WHOLE = "(whole area)"


def statistics(facts: Facts) -> pd.DataFrame:
    """Return areas and people by class, for the whole area first, then per admin unit.

    The classes ``total``, ``cannot_tell`` (excluded and not observed) and ``upper_bound`` (event
    and cannot tell) overlap the five states and each other: do not add them up. Each row names
    its product and says whether it is an exercise, so that a table that travels alone says so.
    """
    whole = {"name": WHOLE, "pcode": "", "level": ""}
    rows = [*_rows(whole, _whole(facts)), *_graded(whole, facts)]
    for unit in facts.admin:
        rows += _rows(unit, unit)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for column in ("product_id", "exercise"):
        table[column] = facts.head.get(column, "")
    return table


def to_csv(table: pd.DataFrame) -> str:
    """Return ``table`` as CSV; text that a spreadsheet would run as a formula is quoted."""
    return to_csv_safe(table, digits="%.6f")


def to_csv_safe(table: pd.DataFrame, *, digits: str | None = None) -> str:
    """Return any table as CSV; text that a spreadsheet would run as a formula is quoted."""
    safe = table.copy()
    for column in safe:
        safe[column] = [
            f"'{t}" if isinstance(t, str) and t.startswith(_FORMULA) else t for t in safe[column]
        ]
    return safe.to_csv(index=False, lineterminator="\n", float_format=digits)


def _graded(names: Mapping[str, Any], facts: Facts) -> Iterator[dict[str, Any]]:
    """Return the event by its own classes, such as depth or severity."""
    for key, fact in facts.items():
        name = key.removeprefix("event_").removesuffix("_area_km2")
        if fact.layer in {"", "state.tif"} or key != f"event_{name}_area_km2":
            continue
        people = facts.get(f"exposed_{name}_population")
        yield {
            **names,
            "class": f"event_{name}",
            "area_km2": fact.value,
            "population": people.value if people else None,
        }


def _whole(facts: Facts) -> Mapping[str, Any]:
    """Return the facts on the whole area under the names that rows of admin units have."""

    def value(key: str) -> Any:  # noqa: ANN401 - a number or None
        return facts[key].value if key in facts else None

    event, exposed = facts["event_area_km2"], facts.get("exposed_population")
    return {
        "area_km2": value("area_km2"),
        **{f"{c}_km2": value(f"{c}_area_km2") for c in _CLASSES},
        "event_low_km2": event.low,
        "event_high_km2": event.high,
        "population": value("population_total"),
        **{f"population_{c}": value(f"population_{c}") for c in _CLASSES},
        "exposed": exposed.value if exposed else None,
        "exposed_low": exposed.low if exposed else None,
        "exposed_high": exposed.high if exposed else None,
        "cannot_tell": value("population_cannot_tell"),
        "upper_bound": value("population_upper_bound"),
    }


def _rows(unit: Mapping[str, Any], numbers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    def row(kind: str, area: float | None, people: Any, **ends: Any) -> dict[str, Any]:  # noqa: ANN401
        names = {k: unit[k] for k in ("level", "pcode", "name")}
        return {**names, "class": kind, "area_km2": area, "population": people, **ends}

    yield row("total", numbers["area_km2"], numbers["population"])
    for kind in _CLASSES:
        if kind != "event":
            yield row(kind, numbers[f"{kind}_km2"], numbers[f"population_{kind}"])
            continue
        yield row(
            kind,
            numbers["event_km2"],
            numbers["exposed"],
            area_low_km2=numbers["event_low_km2"],
            area_high_km2=numbers["event_high_km2"],
            population_low=numbers["exposed_low"],
            population_high=numbers["exposed_high"],
        )
    unclear = numbers["excluded_km2"] + numbers["not_observed_km2"]
    yield row("cannot_tell", unclear, numbers["cannot_tell"])
    yield row("upper_bound", numbers["event_km2"] + unclear, numbers["upper_bound"])
