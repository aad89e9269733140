"""Files that proved to be damaged: set aside with what was seen, so that none is tried again."""

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from reliefscope.errors import IntegrityError
from reliefscope.model.granule import Granule
from reliefscope.pipeline.select import Choice
from reliefscope.products.provenance import safe_href, scrub
from reliefscope.products.staging import write_json
from reliefscope.transport.client import Transport

FOLDER = "quarantine"
"""Under the cache."""
_HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One damaged file, and what was seen of it."""

    granule: str
    collection: str
    source: str
    href: str
    """Without query and user."""
    message: str
    seen: str
    """ISO 8601, UTC."""
    kept: str = ""
    """File beside the record with the bytes themselves, or their beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The folder of damaged files in a cache."""

    cache: Path

    @property
    def folder(self) -> Path:
        """Where the records are; to have a file tried again, remove its record."""
        return self.cache / FOLDER

    def holds(self, href: str) -> bool:
        """Return whether a file was set aside."""
        return self._record(href).is_file()

    def among(self, selection: Mapping[str, Choice]) -> frozenset[str]:
        """Return the files of a selection that were set aside."""
        return frozenset(href for href, _ in _files(selection) if self.holds(href))

    def listed(self) -> list[Evidence]:
        """Return what was set aside, the latest last."""
        found = []
        for path in self.folder.glob("*.json"):
            try:
                found.append(Evidence(**json.loads(path.read_text(encoding="utf-8"))))
            except (OSError, ValueError, TypeError):  # a record being written, or of others
                continue
        return sorted(found, key=lambda e: (e.seen, e.granule))

    def set_aside(
        self,
        href: str,
        granule: Granule | None,
        error: IntegrityError,
        *,
        now: dt.datetime,
        transport: Transport,
    ) -> Evidence:
        """Record a damaged file, with its bytes where they are on this machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self._record(href)
        evidence = Evidence(
            granule=granule.id if granule else safe_href(href),
            collection=granule.collection if granule else "",
            source=granule.source if granule else "",
            href=safe_href(href),
            message=transport.scrub(scrub(str(error))),
            seen=now.astimezone(dt.UTC).isoformat(timespec="seconds"),
            kept=self._keep(href, record, transport),
        )
        write_json(record, asdict(evidence))
        return evidence

    def _keep(self, href: str, record: Path, transport: Transport) -> str:
        """Take the copy out of the cache; of a file of somebody else keep the beginning."""
        held, local = transport.held(href), Path(href.removeprefix("file://"))
        target = record.with_suffix(".bin")
        if held is not None:
            shutil.move(held, target)
        elif "://" not in str(local) and local.is_file():
            with local.open("rb") as file:
                target.write_bytes(file.read(_HEAD_BYTES))
        else:
            return ""
        return target.name

    def _record(self, href: str) -> Path:
        return self.folder / f"{hashlib.sha256(href.encode()).hexdigest()[:32]}.json"


def at_fault(selection: Mapping[str, Choice], error: IntegrityError) -> tuple[str, Granule | None]:
    """Return the file that an error is about, and its granule; an empty name if about none.

    Before anything was selected (a look at clouds failed), any file that is named is meant.
    """
    files = _files(selection)
    if error.href and not files:
        return error.href, None
    for href, granule in files:
        if error.href and href == error.href:
            return href, granule
    named = str(error)
    return next(((h, g) for h, g in files if g.id and g.id in named), ("", None))


def _files(selection: Mapping[str, Choice]) -> list[tuple[str, Granule]]:
    return [
        (asset.href, granule)
        for choice in selection.values()
        for granule in choice.granules
        for asset in granule.assets.values()
    ]
