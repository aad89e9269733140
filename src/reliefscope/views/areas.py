"""The numbers of an area: of a unit as the product states them, and as a table to keep."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reliefscope.products.facts import Fact, Facts

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNIT_FACTS = (
    ("event_area_km2", "event_km2", "event_low_km2", "event_high_km2"),
    ("exposed_population", "exposed", "exposed_low", "exposed_high"),
    ("population_cannot_tell", "cannot_tell", "", ""),
    ("population_upper_bound", "upper_bound", "", ""),
    ("area_km2", "area_km2", "", ""),
    ("population_total", "population", "", ""),
)
"""Facts of a unit, and the columns of the table of units that hold value, low and high."""


def unit_facts(stated: Facts, row: Mapping[str, Any]) -> Facts:
    """Return the numbers of an admin unit as facts of their own."""
    told: dict[str, Fact] = {}
    for key, *columns in _UNIT_FACTS:
        value, low, high = (row.get(c) if c else None for c in columns)
        if key in stated and value is not None:
            told[key] = replace(stated[key], value=value, low=low, high=high)
    return Facts(told, (), {**stated.head, "unit": str(row["pcode"])})


def as_csv(name: str, numbers: Facts) -> str:
    """Return the numbers of an area as a table that a spreadsheet opens and does not run."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["area", "fact", "value", "low", "high", "unit", "method", "product_id",
                    "exercise"])  # fmt: skip
    for fact in numbers.values():
        value = "; ".join(fact.value) if isinstance(fact.value, tuple) else fact.value
        row = [name, fact.key, value, fact.low, fact.high, fact.unit, fact.method,
               numbers.head.get("product_id", ""), numbers.head.get("exercise", "")]  # fmt: skip
        write.writerow(
            [f"'{c}" if isinstance(c, str) and c.startswith(_FORMULA) else c for c in row]
        )
    return out.getvalue()
