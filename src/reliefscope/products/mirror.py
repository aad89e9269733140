"""A catalog of an object store as a folder on this machine, for what serves files."""

import os
import shutil
import tempfile
from pathlib import Path

from reliefscope.products import index, staging
from reliefscope.products.bucket import S3Catalog
from reliefscope.products.catalog import fetch, find
from reliefscope.products.index import Entry

_ITEM = "item.json"


class Mirror:
    """Keeps a folder like a catalog in an object store, which is only read.

    Parameters
    ----------
    catalog : S3Catalog
        The catalog.
    folder : Path
        Where its packages are shown; nothing else may write there.
    """

    def __init__(self, catalog: S3Catalog, folder: Path) -> None:
        self._catalog = catalog
        self.folder = folder

    def update(self) -> int:
        """Bring what is new and drop what is gone; return how many products there are.

        A package appears when all its files are here.

        Raises
        ------
        PublishError
            The object store does not answer.
        """
        wanted = {self._place(entry): entry for entry in find(self._catalog)}
        there = {item.parent for item in self.folder.glob(f"[!.]*/[!.]*/[!.]*/{_ITEM}")}
        brought = [self._bring(entry, place) for place, entry in sorted(wanted.items())]
        for place in there - set(wanted):
            shutil.rmtree(place)
        if any(brought) or there - set(wanted):
            index.rebuild(self.folder)
        return len(wanted)

    def _place(self, entry: Entry) -> Path:
        return self.folder / entry.folder.relative_to(self._catalog.root)

    def _bring(self, entry: Entry, place: Path) -> bool:
        """Return whether a package was brought, or its Item has changed since."""
        if place.is_dir():
            kept = entry.folder / _ITEM
            before = kept.read_bytes() if kept.is_file() else b""
            self._catalog.open(entry.folder)
            fresh = kept.read_bytes()
            if fresh == before:
                return False
            with staging.replaced(place / _ITEM) as part:
                part.write_bytes(fresh)
            return True
        whole = fetch(self._catalog, entry)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=place.parent) as work:
            shutil.copytree(whole, Path(work) / "package", copy_function=_linked)
            (Path(work) / "package").rename(place)
        return True


def _linked(source: str, target: str) -> str:
    """Name a file twice where the disk can, and copy it where it cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
