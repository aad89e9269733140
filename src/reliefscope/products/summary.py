"""A package in a few lines, in the reader's language: for messages, feeds and lists."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.model.event import Hazard
from reliefscope.products.facts import Facts
from reliefscope.products.sheet import wording
from reliefscope.products.sheet.text import printable
from reliefscope.words import ENGLISH, Words

_LONGEST = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a message says of a package; all numbers are facts as a person reads them."""

    product: str
    fingerprint: str
    event: str
    hazard: Hazard
    title: str
    """Of the event: untrusted text on one line."""
    kind: str
    """Such as ``Flood extent map (delineation)``."""
    place: str
    released: dt.datetime
    acquired: dt.datetime | None
    exercise: bool
    draft: bool
    lines: tuple[tuple[str, str], ...]
    """Labels and numbers."""
    geometry: BaseGeometry
    """Area of the event, EPSG:4326."""
    found: bool
    """Whether any of the event was seen."""

    @property
    def marks(self) -> tuple[str, ...]:
        """EXERCISE and DRAFT, where due."""
        return ("EXERCISE",) * self.exercise + ("DRAFT",) * self.draft

    @property
    def headline(self) -> str:
        """One line: marks, kind and title."""
        return " - ".join((*self.marks, f"{self.kind}: {self.title}"))


def pages(folder: Path) -> list[str]:
    """Return the names of the briefs of the package in ``folder`` that are pages, by its Item."""
    item: dict[str, Any] = json.loads((folder / "item.json").read_text(encoding="utf-8"))
    names = {asset["href"].rpartition("/")[2] for asset in item["assets"].values()}
    return sorted(n for n in names if n.startswith("brief.") and n.endswith(".html"))


def summarize(folder: Path, words: Words = ENGLISH) -> Summary:
    """Return the summary of the package in ``folder``, in the language of ``words``."""
    facts = Facts.from_json((folder / "facts.json").read_text(encoding="utf-8"))
    record: dict[str, Any] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    hazard = Hazard(record["event"]["hazard"])
    event_name, _, kind = wording.EVENT_NAMES[hazard]
    stage = next((s for s in wording.MISSION_NAMES if f"_{s}_" in record["product_id"]), "DEL")
    acquired = facts["image_acquired"].value if "image_acquired" in facts else None
    area = facts["event_area_km2"].value if "event_area_km2" in facts else None
    labels = (
        ("event_area_km2", words(event_name)),
        ("exposed_population", words("People exposed (seen)")),
        ("population_cannot_tell", words("People of whom nothing can be told")),
        ("observed_fraction", words("Share of the area observed")),
        ("image_acquired", words("Image acquired")),
    )
    return Summary(
        product=record["product_id"],
        fingerprint=record["fingerprint"],
        event=record["event"]["id"],
        hazard=hazard,
        title=printable(record["event"]["title"], _LONGEST),
        kind=f"{words(kind)} ({words(wording.MISSION_NAMES[stage])})",
        place=printable(record["event"]["area"]["name"], _LONGEST),
        released=dt.datetime.fromisoformat(record["released"]),
        acquired=dt.datetime.fromisoformat(acquired) if isinstance(acquired, str) else None,
        exercise=bool(record["exercise"]),
        draft=any(gate["passed"] is False for gate in record["qa"]),
        lines=tuple((label, facts.text(key, words)) for key, label in labels if key in facts),
        geometry=shape(record["event"]["area"]["geometry"]),
        found=isinstance(area, int | float) and area > 0,
    )
