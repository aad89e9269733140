"""A catalog in an object store that speaks S3, with a mirror on this machine.

A package is made in the mirror and put object by object, ``item.json`` last: without it a package
does not exist. The catalog's own files are replaced by compare and swap (ETag), so that whoever
publishes at the same time loses nothing.
"""

import contextlib
import functools
import hashlib
import json
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import urlsplit

from reliefscope.errors import InputError, PublishError
from reliefscope.products import stac, staging
from reliefscope.products.facts import plain
from reliefscope.products.index import (
    TABLE,
    Entry,
    Known,
    items_of,
    placed,
    split,
    table_of,
    versions,
)
from reliefscope.products.lease import Lease
from reliefscope.products.objects import Conflict, Objects
from reliefscope.settings import Settings

_ITEM = "item.json"
_TRIES = 50
_PAUSE_S = 0.05
_DEPTH = 4
"""Parts of ``hazard/event/product/item.json``."""
_AT_ONCE = 8


class S3Catalog:
    """A catalog at ``s3://bucket/prefix``.

    Parameters
    ----------
    objects : Objects
        The store, below the prefix.
    mirror : Path
        Folder on this machine for packages that are made or opened.
    lease_s : float
        A publisher that was not heard of for this long is taken for dead [s].
    """

    def __init__(self, objects: Objects, mirror: Path, *, lease_s: float = 60.0) -> None:
        self.url = objects.url
        self.root = mirror
        self._objects = objects
        self._lease_s = lease_s
        self._held: list[Lease] = []

    def __repr__(self) -> str:
        """Return where it is; never the keys."""
        return f"S3Catalog({self.url!r})"

    @classmethod
    def of(cls, url: str, settings: Settings) -> Self:
        """Return the catalog at ``s3://bucket/prefix``.

        Raises
        ------
        InputError
            The address has no bucket, or holds more than bucket and prefix.
        """
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc or parts.query:
            raise InputError(
                "the catalog must be s3://bucket/prefix; keys come from AWS_* variables"
            )
        prefix = "/".join(p for p in parts.path.split("/") if p)
        objects = Objects.of(parts.netloc, prefix, settings)
        name = hashlib.sha256(f"{settings.s3_endpoint}|{objects.url}".encode()).hexdigest()[:16]
        return cls(objects, settings.cache / "catalogs" / name)

    def refuse_foreign(self) -> None:
        """Raise rather than write over a catalog that is not ours."""
        found = self._objects.get("catalog.json")
        if found is not None and not stac.is_ours(found[0].decode("utf-8", "replace")):
            raise PublishError(f"{self.url} is the catalog of someone else; choose another prefix")

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold the lock ``name``; one that dies loses it after a while.

        Raises
        ------
        PublishError
            Another publisher keeps it for too long.
        """
        lease = Lease(self._objects, name, self._lease_s)
        with lease:
            self._held.append(lease)
            try:
                yield
            finally:
                self._held.remove(lease)

    def sweep(self, hazard: str, event: str) -> None:
        """Remove objects of an event's packages that have no Item: their publisher has died."""
        names = self._objects.names(f"{hazard}/{event}/")
        whole = {n.rpartition("/")[0] for n in names if n.endswith(f"/{_ITEM}")}
        self._objects.delete([n for n in names if n.rpartition("/")[0] not in whole])

    def items(self, hazard: str = "*", event: str = "*") -> list[Known]:
        """Return Items with their places in the mirror, by event, product id and version.

        All of them are taken from the table; those of one event from their own objects.
        """
        if "*" not in {hazard, event}:
            documents = self._read(self._objects.names(f"{hazard}/{event}/"))
        else:
            found = self._objects.get(TABLE)
            documents = self._listed() if found is None else items_of(found[0])
        known = map(self._known, documents)
        return sorted(
            (
                k for k in known
                if hazard in {"*", k[0].parents[2].name} and event in {"*", k[0].parents[1].name}
            ),
            key=_order,
        )  # fmt: skip

    def _listed(self) -> list[dict[str, Any]]:
        return self._read(self._objects.names(""))

    def _known(self, document: dict[str, Any]) -> Known:
        properties = document["properties"]
        where = properties["reliefscope:hazard"], properties["reliefscope:event"], document["id"]
        return self.root.joinpath(*where, _ITEM), document

    def _read(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return the Items among objects."""
        wanted = [
            n for n in names
            if n.endswith(f"/{_ITEM}") and len(n.split("/")) == _DEPTH and not n.startswith(".")
        ]  # fmt: skip
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._objects.get, wanted))
        documents = []
        for name, answer in zip(wanted, found, strict=True):
            if answer is None:
                continue  # removed meanwhile
            try:
                documents.append(json.loads(answer[0]))
            except ValueError as error:
                raise PublishError(
                    f"{self.url}/{name} is not a STAC Item ({type(error).__name__}); restore it "
                    f"or move its folder away"
                ) from error
        return documents

    @contextlib.contextmanager
    def staged(self, target: Path) -> Iterator[Path]:
        """Yield a folder whose files are put into the store when the block ends well."""
        shutil.rmtree(target, ignore_errors=True)  # made before, but never published
        with staging.staged(target) as folder:
            yield folder
        try:
            self._put(target)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise

    def _put(self, folder: Path) -> None:
        key = self._key(folder)
        for path in sorted(folder.iterdir()):
            if path.name != _ITEM:
                self._objects.put(f"{key}/{path.name}", path)
        for lease in self._held:
            lease.renew()
        try:
            self._objects.put(f"{key}/{_ITEM}", (folder / _ITEM).read_bytes(), tag=None)
        except Conflict:
            raise PublishError(
                f"{self.url}/{key} was published by another run meanwhile; run again"
            ) from None

    def _key(self, folder: Path) -> str:
        return folder.relative_to(self.root).as_posix()

    def index(self, hazard: str, event: str) -> None:
        """Write the catalog's own files anew after a change among the packages of an event."""
        with self.locked("catalog"):
            known = self.items(hazard, event)
            self._link(known)
            mine = [placed(*i, self.root) for i in known]

            def table(old: bytes | None) -> bytes | None:
                others = [
                    d for d in ([] if old is None else items_of(old))
                    if (d["properties"]["reliefscope:hazard"], d["properties"]["reliefscope:event"])
                    != (hazard, event)
                ]  # fmt: skip
                return _table([*others, *mine])

            self._swap(TABLE, table)
            self._lists([hazard])

    def rebuild(self) -> int:
        """Write all of the catalog's own files anew; return how many products it holds."""
        with self.locked("catalog"):
            known = sorted(map(self._known, self._listed()), key=_order)
            self._link(known)
            self._swap(TABLE, lambda _: _table([placed(*i, self.root) for i in known]))
            hazards = {path.parents[2].name for path, _ in known}
            names = self._objects.names("")
            hazards |= {n.partition("/")[0] for n in names if n.endswith("/collection.json")}
            self._lists(sorted(hazards))
        return len(known)

    def _link(self, known: list[Known]) -> None:
        """Write the links between versions into the Items where they have changed."""
        before = {path: _text(document) for path, document in known}
        for path, document in versions(known):
            text = _text(document)
            if text != before[path]:
                self._objects.put(self._key(path), text)

    def _lists(self, hazards: Sequence[str]) -> None:
        """Write collections and catalog from the table, which is read after what is replaced."""

        def listed() -> list[dict[str, Any]]:
            found = self._objects.get(TABLE)
            return [] if found is None else items_of(found[0])

        def collection(hazard: str, _: bytes | None) -> bytes | None:
            mine = [d for d in listed() if d["properties"]["reliefscope:hazard"] == hazard]
            return _text(stac.collection_document(hazard, mine)) if mine else None

        def catalog(_: bytes | None) -> bytes:
            names = {d["properties"]["reliefscope:hazard"] for d in listed()}
            return _text(stac.catalog_document(names))

        for hazard in hazards:
            self._swap(f"{hazard}/collection.json", functools.partial(collection, hazard))
        self._swap("catalog.json", catalog)

    def _swap(self, name: str, build: Callable[[bytes | None], bytes | None]) -> None:
        """Replace an object by what ``build`` makes of it, unless another has replaced it."""
        for attempt in range(_TRIES):
            found = self._objects.get(name)
            new = build(None if found is None else found[0])
            if found is not None and new == found[0]:
                return
            if new is None:
                self._objects.delete([name] if found is not None else [])
                return
            try:
                self._objects.put(name, new, tag=None if found is None else found[1])
            except Conflict:
                time.sleep(random.uniform(0, _PAUSE_S * (attempt + 1)))  # noqa: S311 - no secret
            else:
                return
        raise PublishError(f"{self.url}/{name} is replaced by others all the time; run again")

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove products, each as a whole, and mend the lists."""
        for hazard, event in sorted({(e.hazard, e.event) for e in entries}):
            with self.locked(f"{hazard}-{event}"):
                for entry in entries:
                    if (entry.hazard, entry.event) == (hazard, event):
                        key = self._key(entry.folder)
                        self._objects.delete([f"{key}/{_ITEM}"])
                        self._objects.delete(self._objects.names(f"{key}/"))
                        shutil.rmtree(entry.folder, ignore_errors=True)
                self.index(hazard, event)

    def kept(self, folder: str) -> set[str]:
        """Return the names of objects of the catalog's own below one of its folders."""
        return {name.rpartition("/")[2] for name in self._objects.names(f"{folder}/")}

    def keep(self, name: str, content: bytes) -> None:
        """Put an object of the catalog's own, unless it says the same already."""
        found = self._objects.get(name)
        if found is None or found[0] != content:
            self._objects.put(name, content)

    def open(self, folder: Path, *more: str) -> None:
        """Bring Item, facts and files of these names of a package into the mirror."""
        for name in (_ITEM, "facts.json", *more):
            found = self._objects.get(f"{self._key(folder)}/{name}")
            if found is None:
                raise InputError(f"{self.url}/{self._key(folder)} is no package: it has no {name}")
            with staging.replaced(folder / name) as part:
                part.write_bytes(found[0])

    def fetch(self, folder: Path) -> Path:
        """Bring all files of a package into the mirror; those that are there already stay."""
        self.open(folder)
        sizes = self._objects.sizes(f"{self._key(folder)}/")
        for name, size in sizes.items():
            path = folder / PurePosixPath(name).name
            if path.name == _ITEM or (path.is_file() and path.stat().st_size == size):
                continue
            with staging.replaced(path) as part:
                self._objects.download(name, part)
        for path in folder.iterdir():
            if f"{self._key(folder)}/{path.name}" not in sizes:
                path.unlink()
        return folder


def _order(known: Known) -> tuple[Path, tuple[str, int]]:
    return known[0].parents[1], split(known)


def _text(document: dict[str, Any]) -> bytes:
    text = json.dumps(plain(document), ensure_ascii=False, indent=1, allow_nan=False)
    return f"{text}\n".encode()


def _table(documents: list[dict[str, Any]]) -> bytes | None:
    def order(document: Mapping[str, Any]) -> tuple[str, str, str]:
        properties = document["properties"]
        return properties["reliefscope:hazard"], properties["reliefscope:event"], document["id"]

    return table_of(sorted(documents, key=order)) if documents else None
