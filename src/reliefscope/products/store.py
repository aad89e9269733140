"""Where a catalog lies: in a folder, or in an object store; both are used in the same way."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from reliefscope.errors import InputError, PublishError
from reliefscope.products import index, stac, staging
from reliefscope.products.bucket import S3Catalog
from reliefscope.products.index import Entry, Known
from reliefscope.settings import Settings

Catalog = Path | S3Catalog
"""What is given wherever a catalog is asked for."""


class Store(Protocol):
    """What publishing needs of a place; paths are those of packages on this machine."""

    @property
    def root(self) -> Path:
        """Folder of the catalog, or of its mirror on this machine."""

    def refuse_foreign(self) -> None:
        """Raise rather than write over a catalog that is not ours."""

    def locked(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Hold the lock ``name``."""

    def sweep(self, hazard: str, event: str) -> None:
        """Remove what runs that died have left of an event; its lock is held."""

    def items(self, hazard: str = "*", event: str = "*") -> list[Known]:
        """Return Items with their paths, by event, product id and version."""

    def staged(self, target: Path) -> contextlib.AbstractContextManager[Path]:
        """Yield a folder that becomes the package ``target`` when the block ends well."""

    def index(self, hazard: str, event: str) -> None:
        """Write the catalog's own files anew after a change among the packages of an event."""

    def rebuild(self) -> int:
        """Write all of the catalog's own files anew; return how many products it holds."""

    def remove(self, entries: Sequence[Entry]) -> None:
        """Remove products, each as a whole, and mend the lists."""

    def kept(self, folder: str) -> set[str]:
        """Return the names of files of the catalog's own in one of its folders."""

    def keep(self, name: str, content: bytes) -> None:
        """Write a file of the catalog's own in one step, unless it says the same already."""

    def open(self, folder: Path, *more: str) -> None:
        """See to it that Item, facts and files of these names are on this machine."""

    def fetch(self, folder: Path) -> Path:
        """See to it that all files of a package are on this machine; return its folder."""


class LocalStore:
    """A catalog in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def refuse_foreign(self) -> None:
        """See `Store`."""
        path = self.root / "catalog.json"
        if path.is_file() and not stac.is_ours(path.read_text(encoding="utf-8")):
            raise PublishError(f"{path} is the catalog of someone else; choose another folder")

    def locked(self, name: str) -> contextlib.AbstractContextManager[None]:
        """See `Store`."""
        return staging.locked(self.root, name)

    def sweep(self, hazard: str, event: str) -> None:
        """See `Store`."""
        staging.sweep(self.root / hazard / event)

    def items(self, hazard: str = "*", event: str = "*") -> list[Known]:
        """See `Store`."""
        return index.all_items(self.root, hazard, event)

    @contextlib.contextmanager
    def staged(self, target: Path) -> Iterator[Path]:
        """See `Store`."""
        with staging.staged(target) as folder:
            yield folder

    def index(self, hazard: str, event: str) -> None:
        """See `Store`."""
        del event
        index.index(self.root, hazard)

    def rebuild(self) -> int:
        """See `Store`."""
        if not self.root.is_dir():
            raise InputError(f"there is no catalog {self.root}")
        return index.rebuild(self.root)

    def remove(self, entries: Sequence[Entry]) -> None:
        """See `Store`."""
        index.remove(self.root, entries)

    def kept(self, folder: str) -> set[str]:
        """See `Store`."""
        return {path.name for path in self.root.joinpath(folder).glob("*")}

    def keep(self, name: str, content: bytes) -> None:
        """See `Store`."""
        with staging.replaced(self.root / name) as part:
            part.write_bytes(content)

    def open(self, folder: Path, *more: str) -> None:
        """See `Store`: it is there."""

    def fetch(self, folder: Path) -> Path:
        """See `Store`: it is there."""
        return folder


def store_of(catalog: Catalog) -> Store:
    """Return what stores the packages of a catalog."""
    return LocalStore(catalog) if isinstance(catalog, Path) else catalog


def catalog_at(place: str | Path | None, settings: Settings) -> Catalog:
    """Return the catalog at a place, or the one of the settings.

    Parameters
    ----------
    place : str or Path, optional
        A folder, or ``s3://bucket/prefix``; that of the settings by default.
    settings : Settings
        Address, region and keys of the object store; where its mirror is kept.

    Raises
    ------
    InputError
        It is neither.
    """
    where = str(place or settings.catalog_url or settings.catalog)
    if "://" not in where:
        return Path(where)
    if not where.startswith("s3://"):
        raise InputError(
            f"catalog {where.partition('://')[0]}://... is not possible; give a folder, or "
            f"s3://bucket/prefix"
        )
    return S3Catalog.of(where, settings)


def folder_at(place: str | Path | None, settings: Settings) -> Path:
    """Return the folder of a catalog, for what keeps files of its own beside the products.

    Raises
    ------
    InputError
        The catalog is in an object store.
    """
    catalog = catalog_at(place, settings)
    if isinstance(catalog, Path):
        return catalog
    raise InputError(
        f"this works on a catalog in a folder, not on {catalog}; give --catalog FOLDER: publish "
        f"there, and copy the folder to the object store"
    )
