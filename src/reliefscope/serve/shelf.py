"""What the catalog holds, by id: nothing that is not listed can be asked for."""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import shapely
from shapely.geometry import shape

from reliefscope.products.catalog import find
from reliefscope.products.facts import Facts
from reliefscope.products.index import Entry, mark_of
from reliefscope.sources.places import countries

_FRESH_S = 1.0
"""How long the list of packages is believed without another look."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file of a package."""

    path: Path
    media_type: str
    etag: str
    """From the checksum that the package states."""
    size: int


class Shown:
    """A package as it is shown: read once, then kept."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    @property
    def product_id(self) -> str:
        """Name of the product."""
        return self.entry.product_id

    @cached_property
    def item(self) -> Mapping[str, Any]:
        """The STAC Item."""
        return _object(self.entry.item)

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """The provenance."""
        return _object(self.entry.folder / "provenance.json")

    @cached_property
    def facts(self) -> Facts:
        """The numbers."""
        return Facts.from_json(self.entry.facts.read_text(encoding="utf-8"))

    @cached_property
    def readable(self) -> bool:
        """Whether its documents can be read; a damaged package hides no other."""
        try:
            told = (self.item["geometry"], self.record["event"]["area"], self.facts)
        except (OSError, ValueError, LookupError, TypeError) as error:
            _log.warning("%s is damaged and not shown: %s", self.entry.folder, error)
            return False
        return all(told)

    @property
    def by_heart(self) -> bool:
        """Whether what is asked of it most is known without reading."""
        return self.__dict__.get("readable", False) and "assets" in self.__dict__

    @cached_property
    def assets(self) -> Mapping[str, Asset]:
        """Files by name: those the Item states, where they are plain files of the package."""
        found = {}
        for asset in self.item.get("assets", {}).values():
            name = PurePosixPath(str(asset.get("href", ""))).name
            path = self.entry.folder / name
            if name and asset.get("href") in {name, f"./{name}"} and _plain_file(path):
                found[name] = Asset(
                    path=path,
                    media_type=str(asset.get("type") or "application/octet-stream").partition(";")[
                        0
                    ],
                    etag=_etag(str(asset.get("file:checksum", "")), path),
                    size=path.stat().st_size,
                )
        return MappingProxyType(found)

    @cached_property
    def countries(self) -> tuple[tuple[str, str], ...]:
        """ISO codes (alpha-3, alpha-2) of the countries that the area touches."""
        table = countries()
        hit = shapely.intersects(table.geometry.to_numpy(), shape(self.item["geometry"]))
        return tuple(
            (str(row["iso_a3"] or ""), str(row["iso_a2"] or ""))
            for row in table[hit].to_dict(orient="records")
        )

    @property
    def title(self) -> str:
        """Title of the event; untrusted text."""
        return str(self.record["event"].get("title") or self.entry.event)

    @property
    def place(self) -> str:
        """Name of the area; untrusted text."""
        return str(self.record["event"]["area"].get("name") or "")

    @property
    def successor(self) -> str:
        """Id of the version that replaces this one; empty if there is none."""
        for link in self.item.get("links", []):
            if link.get("rel") == "successor-version":
                return str(link.get("title", ""))
        return ""


class Shelf:
    """The packages of a catalog; read again when the catalog's own files have changed."""

    def __init__(self, catalog: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.catalog, self._clock = catalog, clock
        self._looked = -math.inf
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._shown: dict[str, Shown] = {}

    def all(self) -> list[Shown]:
        """Return the packages, newest image first."""
        self._refresh()
        return [s for s in self._shown.values() if s.readable]

    def kept(self, product: str) -> Shown | None:
        """Return a package that is known by heart, without a look at the disk; or None."""
        if self._clock() - self._looked > _FRESH_S:
            return None
        found = self._shown.get(product)
        return found if found and found.by_heart else None

    def get(self, product: str) -> Shown | None:
        """Return a package by its id, or None."""
        self._refresh()
        found = self._shown.get(product)
        return found if found and found.readable else None

    def asset(self, product: str, name: str) -> Asset | None:
        """Return a file of a package, or None."""
        shown = self.get(product)
        return None if shown is None else shown.assets.get(name)

    def _refresh(self) -> None:
        now, mark = self._clock(), mark_of(self.catalog)
        with self._lock:
            if mark == self._seen and mark:
                self._looked = now
                return
            known = self._shown
            fresh = {}
            for entry in find(self.catalog)[::-1] if self.catalog.is_dir() else ():
                old = known.get(entry.product_id)
                fresh[entry.product_id] = old if old and old.entry == entry else Shown(entry)
            self._shown, self._seen, self._looked = fresh, mark, now


def _etag(checksum: str, path: Path) -> str:
    """Return the mark of a file from its SHA-256 as a multihash, or from its time."""
    return f'"{checksum[4:36] or path.stat().st_mtime_ns}"'


def _plain_file(path: Path) -> bool:
    return (
        path.is_file() and not path.is_symlink() and path.resolve().parent == path.parent.resolve()
    )


def _object(path: Path) -> Mapping[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return document if isinstance(document, dict) else {}
