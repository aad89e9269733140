"""The statistics as a workbook: units, classes, and every fact, for those who live in tables."""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils.exceptions import InvalidFileException

from reliefscope.products.facts import Facts
from reliefscope.products.statistics import WHOLE, statistics

NAME = "statistics.xlsx"
SHEETS = ("units", "classes", "facts", "about")
EXERCISE = "EXERCISE - simulated, not a real disaster"
"""First row of each sheet of a simulated product."""
_WIDTHS = {"name": 28, "class": 16, "key": 32, "reads": 28, "method": 60, "inputs": 40, "layer": 28}
_WIDTH = 14
_TEXT = "@"
_DIGITS = 1e-13
Row = tuple[Any, ...]


def sheets(facts: Facts) -> dict[str, list[Row]]:
    """Return the rows of each of `SHEETS`, headings first; all numbers are those of the facts."""
    marked = facts.head.get("exercise") == "yes"
    told = {
        "units": list(_units(facts)),
        "classes": list(_classes(facts)),
        "facts": list(_facts(facts)),
        "about": list(_about(facts)),
    }
    return {name: [(EXERCISE,)] * marked + rows for name, rows in told.items()}


def write_workbook(facts: Facts, path: Path) -> None:
    """Write the workbook; text is written as text, whatever it begins with.

    Raises
    ------
    OSError
        The file system did not take the file.
    """
    book = Workbook(write_only=True)
    moment = facts.head.get("released")
    if moment:
        book.properties.created = dt.datetime.fromisoformat(moment).replace(tzinfo=None)
    book.properties.title = facts.head.get("product_id", "")
    bold = Font(bold=True)
    for name, rows in sheets(facts).items():
        sheet = book.create_sheet(name)
        heading = 2 if rows and rows[0] == (EXERCISE,) else 1
        sheet.freeze_panes = f"A{heading + 1}"
        for letter, title in zip(_letters(), rows[heading - 1], strict=False):
            sheet.column_dimensions[letter].width = _WIDTHS.get(title, _WIDTH)
        for number, row in enumerate(rows, start=1):
            cells = [_cell(sheet, value) for value in row]
            if number <= heading:
                for cell in cells:
                    cell.font = bold
            sheet.append(cells)
    book.save(path)


def workbook_errors(facts: Facts, path: Path) -> str:
    """Return where the workbook says something else than the facts; empty if nowhere."""
    try:
        book = load_workbook(path, read_only=True)
        there = {s.title: [_trimmed(r) for r in s.iter_rows(values_only=True)] for s in book}
        book.close()
    except (BadZipFile, InvalidFileException, KeyError) as error:
        return f"{path.name} is no workbook ({type(error).__name__})"
    wanted = {n: [_trimmed([_plain(v) for v in r]) for r in t] for n, t in sheets(facts).items()}
    if list(there) != list(wanted):
        return f"{path.name} has the sheets {', '.join(there)}, not {', '.join(wanted)}"
    wrong = [
        f"row {i} of sheet {name!r} of {path.name} says something else than facts.json"
        for name, rows in wanted.items()
        for i, (want, got) in enumerate(_paired(rows, there[name]), start=1)
        if want is None or got is None or not _alike(want, got)
    ]
    return "; ".join(wrong[:3])


def _paired(one: Sequence[Row], other: Sequence[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    for i in range(max(len(one), len(other))):
        yield one[i] if i < len(one) else None, other[i] if i < len(other) else None


def _alike(one: Row, other: Row) -> bool:
    """Say whether two rows say the same; workbooks keep numbers to 15 digits or so."""
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=_DIGITS)
        if isinstance(a, int | float) and isinstance(b, int | float)
        else a == b
        for a, b in zip(one, other, strict=True)
    )


def _trimmed(row: Sequence[Any]) -> Row:
    """Return a row without the empty cells at its end, which a reader may add or drop."""
    cells = [None if v == "" else v for v in row]
    while cells and cells[-1] is None:
        cells.pop()
    return tuple(cells)


def _letters() -> Iterator[str]:
    yield from "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _cell(sheet: Any, value: Any) -> Any:  # noqa: ANN401 - openpyxl's own
    cell = WriteOnlyCell(sheet, _plain(value))
    if isinstance(cell.value, str):
        cell.data_type = "s"  # never a formula, never an error code
        cell.number_format = _TEXT
    return cell


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell is text, number or nothing
    """Return what a cell can hold; what the format forbids is left out of texts."""
    if isinstance(value, str):
        return ILLEGAL_CHARACTERS_RE.sub("", value)[:32_767]
    if hasattr(value, "item"):
        value = value.item()
    return None if value != value else value  # noqa: PLR0124 - NaN


def _units(facts: Facts) -> Iterator[Row]:
    """Yield one row per admin unit and for what no unit covers."""
    columns = list(facts.admin[0]) if facts.admin else ["pcode", "name", "level"]
    yield tuple(columns)
    for unit in facts.admin:
        yield tuple(unit[c] for c in columns)


def _classes(facts: Facts) -> Iterator[Row]:
    """Yield one row per class of the whole area."""
    table = statistics(facts)
    table = table[table["name"] == WHOLE].drop(columns=["level", "pcode", "name"])
    yield tuple(table.columns)
    for row in table.astype(object).where(table.notna(), None).itertuples(index=False):
        yield tuple(row)


def _facts(facts: Facts) -> Iterator[Row]:
    yield ("key", "reads", "value", "low", "high", "unit", "method", "inputs", "layer")
    for key, fact in facts.items():
        value = "; ".join(fact.value) if isinstance(fact.value, tuple) else fact.value
        ends = (fact.low, fact.high)
        inputs = "; ".join(fact.inputs)
        yield (key, facts.text(key), value, *ends, fact.unit, fact.method, inputs, fact.layer)


def _about(facts: Facts) -> Iterator[Row]:
    yield ("about", "value")
    known: Mapping[str, str] = facts.head
    for name in ("product_id", "event", "exercise", "released", "fingerprint"):
        yield (name, known.get(name, ""))
    yield ("numbers", "as in facts.json, which also says how each was made; km2 and people")
    yield ("outside", "what no admin unit of the level covers; a level adds up to the whole area")
