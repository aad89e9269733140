"""The catalog's own files: STAC documents and the table of all products.

They are made anew from the packages that are there, under a lock, so that they never say more or
less than the folders do.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet

from reliefscope.errors import PublishError
from reliefscope.products import stac, staging

TABLE = "index.parquet"
"""All Items as stac-geoparquet: what is asked when a catalog is searched."""
_Known = tuple[Path, dict[str, Any]]


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


def items(folder: Path) -> list[_Known]:
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


def split(item: _Known) -> tuple[str, int]:
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


def all_items(catalog: Path, hazard: str = "*", event: str = "*") -> list[_Known]:
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


def prunable(catalog: Path, *, before: dt.datetime | None = None) -> list[Entry]:
    """Return the products that a later version replaces, or whose image is from ``before``."""
    found = [entry_of(*item) for item in all_items(catalog)]
    return [e for e in found if e.superseded or (before is not None and e.datetime < before)]


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
    for place, document in _versions(known):
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
            to_parquet(parse_stac_items_to_arrow([_placed(*i, catalog) for i in known]), part)
    else:
        table.unlink(missing_ok=True)
    staging.write_json(catalog / "catalog.json", stac.catalog_document(hazards))


def _placed(path: Path, document: dict[str, Any], catalog: Path) -> dict[str, Any]:
    """Return an Item whose links lead from the catalog's root, where the table is."""
    folder = f"./{path.parent.relative_to(catalog).as_posix()}"
    assets = {
        name: {**asset, "href": f"{folder}/{PurePosixPath(asset['href']).name}"}
        for name, asset in document["assets"].items()
    }
    itself = {"rel": "self", "href": f"{folder}/item.json", "type": "application/geo+json"}
    return {**document, "assets": assets, "links": [itself]}


def _versions(known: list[_Known]) -> Iterator[_Known]:
    """Link each version to the one before and after it, in place; yield every Item."""
    for i, (path, document) in enumerate(known):
        base, _ = split(known[i])
        before = known[i - 1] if i and split(known[i - 1])[0] == base else None
        last = i + 1 == len(known)
        after = None if last or split(known[i + 1])[0] != base else known[i + 1]
        stac.link_versions(document, before and before[1]["id"], after and after[1]["id"])
        yield path, document
