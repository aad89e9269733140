"""What a run did, row by row: as JSON, CSV and a page for a browser."""

import csv
import html
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from reliefscope.products.staging import replaced, write_json

SCHEMA = "reliefscope-run/1"


class Outcome(StrEnum):
    """How one product of a run went."""

    DONE = "done"
    SKIPPED = "skipped"
    """Published before: same inputs, parameters and code."""
    NO_DATA = "no data"
    INSUFFICIENT = "insufficient"
    FAILED = "failed"
    NOT_RUN = "not run"
    """The run stopped before it."""

    @property
    def well(self) -> bool:
        """Whether the product is in the catalog now."""
        return self in {Outcome.DONE, Outcome.SKIPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of a report: one product."""

    event: str
    area: str
    indicator: str
    stage: str
    languages: tuple[str, ...]
    outcome: Outcome
    product: str = ""
    folder: str = ""
    reason: str = ""
    """Why there is no product, and what to do."""
    seconds: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each step [s]."""
    attention: tuple[str, ...] = ()
    """What a human should look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run."""

    run_id: str
    started: str
    """ISO 8601, UTC."""
    engine: str
    results: tuple[Result, ...]

    @property
    def partial(self) -> bool:
        """Whether a product that was asked for is not in the catalog."""
        return not all(result.outcome.well for result in self.results)

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many rows went how."""
        return Counter(result.outcome for result in self.results)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "schema": SCHEMA,
            "run_id": self.run_id,
            "started": self.started,
            "engine": self.engine,
            "partial": self.partial,
            "counts": {str(outcome): count for outcome, count in self.counts.items()},
            "results": [_plain(result) for result in self.results],
        }


def write_report(report: Report, folder: Path) -> Path:
    """Write ``report.json``, ``report.csv`` and ``report.html`` into ``folder``; return the page.

    Each replaces the one before in one step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", report.as_json())
    page = folder / "report.html"
    for path, text in ((folder / "report.csv", as_csv(report)), (page, as_html(report))):
        with replaced(path) as part:
            part.write_text(text, encoding="utf-8", newline="")
    return page


_COLUMNS = (
    "event", "area", "indicator", "stage", "languages", "outcome", "product", "folder", "reason",
    "seconds", "attention",
)  # fmt: skip


def as_csv(report: Report) -> str:
    """Return one line per product; a cell that a spreadsheet would run is made text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in report.results:
        writer.writerow([_inert(cell) for cell in _cells(result)])
    return out.getvalue()


def as_html(report: Report) -> str:
    """Return a page that needs no other file; all text from outside is escaped."""
    told = ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items()) or "nothing"
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _COLUMNS if name != "attention")
    body = "".join(_html_row(result) for result in report.results)
    look = [
        f"<li><b>{html.escape(r.product or f'{r.event} {r.indicator}')}</b>: {html.escape(text)}"
        f"</li>"
        for r in report.results
        for text in (*r.attention, *([r.reason] if r.outcome is Outcome.FAILED else []))
    ]
    attention = f"<ul>{''.join(look)}</ul>" if look else "<p>Nothing out of the ordinary.</p>"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Run '
        f"{html.escape(report.run_id)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>Run {html.escape(report.run_id)}</h1>\n<p>Started {html.escape(report.started)} on "
        f"{html.escape(report.engine)}: {html.escape(told)}.</p>\n<h2>To be looked at</h2>\n"
        f"{attention}\n<h2>Products</h2>\n<table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>\n</body></html>\n"
    )


def _html_row(result: Result) -> str:
    cells = zip(_COLUMNS, _cells(result), strict=True)
    kind = str(result.outcome).replace(" ", "-")
    inner = "".join(f"<td>{html.escape(cell)}</td>" for name, cell in cells if name != "attention")
    return f'<tr class="{kind}">{inner}</tr>'


def _cells(result: Result) -> Sequence[str]:
    values = {
        **_plain(result),
        "languages": " ".join(result.languages),
        "seconds": f"{result.seconds:.1f}",
        "attention": "; ".join(result.attention),
    }
    return [str(values[name]) for name in _COLUMNS]


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _plain(result: Result) -> dict[str, Any]:
    found = {**asdict(result), "outcome": str(result.outcome)}
    return found | {"steps": {name: round(s, 3) for name, s in result.steps.items()}}


_STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
body { color: #1b2733; background: #ffffff; }
h1, h2 { color: #16324f; line-height: 1.2; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; }
th, td { border-bottom: 1px solid #d5dbe1; overflow-wrap: anywhere; }
td:nth-child(6) { font-weight: 600; white-space: nowrap; }
tr.failed td:nth-child(6) { color: #a3121f; }
tr.no-data td:nth-child(6), tr.insufficient td:nth-child(6), tr.not-run td:nth-child(6)
 { color: #8a5a00; }
tr.done td:nth-child(6) { color: #1a6b3c; }
"""
