"""What the catalog says has been mapped of an event: which pass, as which product."""

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reliefscope.model.granule import PASS_GAP
from reliefscope.pipeline.monitor import SHOWS
from reliefscope.products.catalog import find
from reliefscope.products.provenance import granules_in
from reliefscope.products.store import Catalog, store_of

_RECORD = "provenance.json"
_NAME = re.compile(r"_AOI(\d\d)_(REF|FEP|DEL|GRA)_(?:PRODUCT|MONIT(\d\d))_r\d+_v\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """One product of an event."""

    product: str
    stage: str
    monitoring: int | None
    indicator: str
    moment: dt.datetime | None
    """When the pass that shows the event began, UTC; None where no pass does."""
    event: Mapping[str, Any]
    """As the product states it: ``id``, ``ids``, ``onset``, ``hazard``, ``area``."""


def mapped(catalog: Catalog, event: str | None = None) -> list[Mapped]:
    """Return the products of one event, or of all, oldest image first; folders of others not."""
    store, found = store_of(catalog), []
    for entry in find(catalog, event=event):
        name = _NAME.search(entry.product_id)
        if name is None:
            continue
        store.open(entry.folder, _RECORD)
        record = json.loads((entry.folder / _RECORD).read_text(encoding="utf-8"))
        found.append(
            Mapped(
                product=entry.product_id,
                stage=name[2],
                monitoring=int(name[3]) if name[3] else None,
                indicator=record["indicator"],
                moment=_moment(record),
                event=record["event"],
            )
        )
    return found


def main_pass(known: Sequence[Mapped]) -> dt.datetime | None:
    """Return the pass of the first products after the event, or None if there is none yet."""
    first = [m.moment for m in known if m.stage != "REF" and m.monitoring is None and m.moment]
    return min(first, default=None)


def next_number(known: Sequence[Mapped]) -> int:
    """Return the number of the next monitoring product."""
    return 1 + max((m.monitoring or 0 for m in known), default=0)


def _moment(record: Mapping[str, Any]) -> dt.datetime | None:
    """Return when the latest pass among the images began: of a series, that one was new."""
    stated = {g["acquired"] for g in granules_in(record).get(SHOWS, ()) if g["acquired"]}
    seen = sorted(map(dt.datetime.fromisoformat, stated), reverse=True)
    if not seen:
        return None
    began = seen[0]
    for moment in seen[1:]:
        if began - moment > PASS_GAP:
            break
        began = moment
    return began
