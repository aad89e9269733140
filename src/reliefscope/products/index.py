"""The catalog's own files: STAC documents and the table of all products.

They are made anew from the packages that are there, under a lock, so that they never say more or
less than the folders do.
"""

import datetime as dt
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from stac_geoparquet.arrow import parse_stac_items_to_arrow, stac_table_to_items, to_parquet

from reliefscope.errors import PublishError
from reliefscope.products import stac, staging

TABLE = "index.parquet"
"""All Items as stac-geoparquet: what is asked when a catalog is searched."""
Known = tuple[Path, dict[str, Any]]
"""An Item and where it lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the catalog knows of a package without opening its layers."""

    product_id: str
    event: str
    hazard: str
    datetime: dt.datetime
    """Of the latest image."""
    exercise: bool
    superseded: bool
    """A later version exists."""
    folder: Path
    item: Path
    facts: Path


def items(folder: Path) -> list[Known]:
    """Return the Items of one event, by product id and version."""
    found = []
    for path in folder.glob("*/item.json"):
        if path.parent.name.startswith("."):
            continue
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise PublishError(
                f"{path} is not a STAC Item ({error}); restore it or move its folder away"
            ) from error
        found.append((path, document))
    return sorted(found, key=split)


def split(item: Known) -> tuple[str, int]:
    """Return a product's name without version, and its version."""
    base, _, version = item[0].parent.name.rpartition("_v")
    return base, int(version) if version.isdigit() else 0


def entry_of(path: Path, document: Mapping[str, Any]) -> Entry:
    """Return what an Item says of its package."""
    properties = document["properties"]
    return Entry(
        product_id=document["id"],
        event=properties["reliefscope:event"],
        hazard=properties["reliefscope:hazard"],
        datetime=dt.datetime.fromisoformat(properties["datetime"]),
        exercise=properties["reliefscope:exercise"],
        superseded=bool(properties.get("deprecated")),
        folder=path.parent,
        item=path,
        facts=path.parent / "facts.json",
    )


def all_items(catalog: Path, hazard: str = "*", event: str = "*") -> list[Known]:
    """Return every Item of a catalog with its path, by event, product id and version."""
    folders = (f for f in sorted(catalog.glob(f"{hazard}/{event}")) if not f.name.startswith("."))
    return [i for folder in folders for i in items(folder)]


def index(catalog: Path, hazard: str) -> None:
    """Write the catalog's own files anew after a change among the packages of ``hazard``.

    Raises
    ------
    PublishError
        The files could not be written; the packages are not touched.
    """
    try:
        with staging.locked(catalog, "catalog"):
            staging.sweep(catalog)
            _write(catalog, hazard)
            _write_root(catalog)
    except OSError as error:
        raise PublishError(
            f"the product is published, but the list of {catalog} could not be updated "
            f"({error}); free disk space and run again: that mends the list"
        ) from error


def rebuild(catalog: Path) -> int:
    """Write all of the catalog's own files anew; return how many products it holds.

    Raises
    ------
    PublishError
        The files could not be written, or an Item is damaged.
    """
    hazards = {path.parents[2].name for path in catalog.glob("[!.]*/[!.]*/[!.]*/item.json")}
    hazards |= {p.parent.name for p in catalog.glob("[!.]*/collection.json")}
    for hazard in sorted(hazards):
        index(catalog, hazard)
    return len(all_items(catalog))


def prunable_of(entries: Sequence[Entry], before: dt.datetime | None) -> list[Entry]:
    """Return those that a later version replaces, or whose image is from ``before``."""
    return [e for e in entries if e.superseded or (before is not None and e.datetime < before)]


def remove(catalog: Path, entries: Sequence[Entry]) -> None:
    """Remove products, each as a whole, and mend the lists.

    Raises
    ------
    PublishError
        A folder could not be removed; the others may be gone.
    """
    try:
        for entry in entries:
            with staging.locked(catalog, f"{entry.hazard}-{entry.event}"):
                staging.remove(entry.folder)
    except OSError as error:
        raise PublishError(f"not all could be removed: {error}") from error
    finally:
        for hazard in sorted({entry.hazard for entry in entries}):
            index(catalog, hazard)


def _write(catalog: Path, hazard: str) -> None:
    """Write version links and collection of one hazard, or remove the collection of none."""
    staging.sweep(catalog / hazard)
    known = all_items(catalog, hazard)
    path = catalog / hazard / "collection.json"
    if not known:
        path.unlink(missing_ok=True)
        return
    for place, document in versions(known):
        staging.sweep(place.parent)
        staging.write_json(place, document)
    staging.write_json(path, stac.collection_document(hazard, [d for _, d in known]))


def _write_root(catalog: Path) -> None:
    """Write the table of all products and the catalog's document."""
    hazards = [p.parent.name for p in catalog.glob("[!.]*/collection.json")]
    known = all_items(catalog)
    table = catalog / TABLE
    if known:
        with staging.replaced(table) as part:
            part.write_bytes(table_of([placed(*i, catalog) for i in known]))
    else:
        table.unlink(missing_ok=True)
    staging.write_json(catalog / "catalog.json", stac.catalog_document(hazards))


def table_of(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """Return Items as stac-geoparquet, by event, product id and version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / TABLE
        to_parquet(parse_stac_items_to_arrow([dict(d) for d in documents]), path)
        return path.read_bytes()


def items_of(table: bytes) -> list[dict[str, Any]]:
    """Return the Items of a table made by `table_of`.

    Raises
    ------
    PublishError
        It is no such table.
    """
    try:
        items = list(stac_table_to_items(pq.read_table(io.BytesIO(table))))
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise PublishError(
            f"{TABLE} is damaged ({type(error).__name__}); write it anew with "
            f"`reliefscope catalog rebuild`"
        ) from error
    # older readers give None for what an Item lacks and others have
    lacking = [(i, n) for i in items for n, asset in i.get("assets", {}).items() if asset is None]
    for item, name in lacking:
        del item["assets"][name]
    return items


def placed(path: Path, document: dict[str, Any], catalog: Path) -> dict[str, Any]:
    """Return an Item whose links lead from the catalog's root, where the table is."""
    folder = f"./{path.parent.relative_to(catalog).as_posix()}"
    assets = {
        name: {**asset, "href": f"{folder}/{PurePosixPath(asset['href']).name}"}
        for name, asset in document["assets"].items()
    }
    itself = {"rel": "self", "href": f"{folder}/item.json", "type": "application/geo+json"}
    return {**document, "assets": assets, "links": [itself]}


def versions(known: list[Known]) -> Iterator[Known]:
    """Link each version to the one before and after it, in place; yield every Item."""
    for i, (path, document) in enumerate(known):
        base, _ = split(known[i])
        before = known[i - 1] if i and split(known[i - 1])[0] == base else None
        last = i + 1 == len(known)
        after = None if last or split(known[i + 1])[0] != base else known[i + 1]
        stac.link_versions(document, before and before[1]["id"], after and after[1]["id"])
        yield path, document


def mark_of(catalog: Path) -> tuple[int, ...]:
    """Return what changes whenever a product is published in a catalog or removed; else empty."""
    found: list[int] = []
    for name in (TABLE, "catalog.json"):
        try:
            state = (catalog / name).stat()
        except OSError:
            continue
        found += [state.st_mtime_ns, state.st_size, state.st_ino]
    return tuple(found)
