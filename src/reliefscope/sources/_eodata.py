"""Products read where they lie, in an object store that speaks S3: only the pixels that are needed.

GDAL is handed links that are signed for a day and live no longer than the cube. Its own S3
settings (``/vsis3``) would have to hold for the whole process or for each thread that computes,
and rasterio takes keys for them only from boto3.
"""

import datetime as dt
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import obstore
import xarray as xr
from obstore.exceptions import BaseError
from obstore.store import S3Store
from odc.geo.geobox import GeoBox

from reliefscope.errors import (
    AccessError,
    IntegrityError,
    NothingFoundError,
    SourceError,
    UnavailableError,
)
from reliefscope.model.cube import OPTICAL
from reliefscope.model.granule import Granule
from reliefscope.sources._raster import load_granules
from reliefscope.sources._safe import markup
from reliefscope.sources._safe.package import Package
from reliefscope.sources._safe.sentinel2 import L2A, METADATA, open_sentinel2
from reliefscope.transport.client import CONNECT_S, READ_S, Transport
from reliefscope.transport.credentials import Access

if TYPE_CHECKING:
    from reliefscope.sources._safe.markup import Node

_T = TypeVar("_T")

MAX_FILES = 1000
"""A product with more files than this is none; real ones have some hundred."""
LIFE = dt.timedelta(days=1)
"""How long a signed link serves."""

_READERS = 8
_SATURATED = 65535
"""What a detector states when there was more light than it can measure (S2-PDGS-TAS-DI-PSD)."""
_KEY = re.compile(
    r"/(?P<bucket>[a-z0-9-]+)/(?P<folder>[A-Za-z0-9_./-]+)/(?P<stem>[A-Z0-9a-z_]+)\.SAFE/?"
)
_METADATA = next(name for name, collection in METADATA.items() if collection == L2A)


class ObjectStore:
    """One bucket, listed and read with the user's keys.

    Parameters
    ----------
    endpoint : str
        Address of the store.
    bucket : str
        The only bucket that is read.
    wire : Transport
        Knows the keys, and whether there is a network.
    access : Access
        What the keys are called: access key, then secret key.
    """

    def __init__(self, *, endpoint: str, bucket: str, wire: Transport, access: Access) -> None:
        if wire.settings.offline:
            raise UnavailableError(
                f"offline, and {endpoint} is read in place; keep the products with "
                f"`reliefscope fetch` while there is a network"
            )
        found = wire.credentials(access)
        key, secret = (found[name].get_secret_value() for name in access.names)
        self._root = f"{endpoint.rstrip('/')}/{bucket}/"
        self._store = S3Store(
            bucket,
            endpoint=endpoint,
            access_key_id=key,
            secret_access_key=secret,
            region="default",
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": urlsplit(endpoint).scheme == "http",
                "connect_timeout": f"{CONNECT_S}s",
                "timeout": f"{READ_S}s",
            },
            retry_config={
                "max_retries": wire.retry.attempts - 1,
                "retry_timeout": dt.timedelta(seconds=wire.retry.deadline_s),
            },
        )

    def files(self, folder: str) -> dict[str, int]:
        """Return the files below ``folder`` and their sizes [bytes], by name within it.

        Raises
        ------
        NothingFoundError
            There are none.
        IntegrityError
            There is no end of them.
        AccessError, UnavailableError
            The keys are refused, or the store failed.
        """

        def listed() -> list[Any]:
            pages = obstore.list(self._store, prefix=folder)
            return list(itertools.islice(itertools.chain.from_iterable(pages), MAX_FILES + 1))

        entries = self._asked(folder, listed)
        if len(entries) > MAX_FILES:
            raise IntegrityError(f"{self._root}{folder} has over {MAX_FILES} files; search again")
        found = {e["path"].removeprefix(f"{folder}/"): int(e["size"]) for e in entries}
        if not found:
            raise NothingFoundError(f"there is nothing at {self._root}{folder}; search again")
        return found

    def read(self, key: str) -> bytes:
        """Return a whole small file.

        Raises
        ------
        NothingFoundError, AccessError, UnavailableError
            See `files`.
        """
        return self._asked(key, lambda: bytes(obstore.get(self._store, key).bytes()))

    def link(self, key: str) -> str:
        """Return an address at which a file can be read for a day; never to be kept or shown."""
        signed: str = obstore.sign(self._store, "GET", key, LIFE)
        return signed

    def _asked(self, what: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (BaseError, OSError) as error:  # whose text may hold a signature
            found = _STATUS.search(str(error))
            status = int(found[1]) if found else 0
            ours, text = _BY_STATUS.get(status, (UnavailableError, "failed; try again later"))
            raise ours(f"{self._root}{what}: the object store {text}") from None


_STATUS = re.compile(r"status code: (\d{3})")
_REFUSED = (AccessError, "refuses the keys; `reliefscope doctor` says what it needs")
_BY_STATUS: Mapping[int, tuple[type[SourceError], str]] = {
    401: _REFUSED,
    403: _REFUSED,
    404: (NothingFoundError, "has no such file; search again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _InStore(Package):
    """A product that lies in an object store."""

    store: ObjectStore
    folder: str
    sizes: Mapping[str, int] = field(default_factory=dict)

    def href(self, member: str) -> str:
        return self.store.link(f"{self.folder}/{self._within(member)}")

    def size(self, member: str) -> int | None:
        return self.sizes.get(self._within(member))

    def xml(self, member: str) -> "Node":
        size = self.size(member)
        if size is None:
            raise self.missing([member])
        if size > markup.MAX_BYTES:
            raise markup.too_large(f"{member} of {self.name}")
        content = self.store.read(f"{self.folder}/{self._within(member)}")
        return markup.parse(content, f"{member} of {self.name}")


def folder_of(granule: Granule, bucket: str) -> str:
    """Return where the catalogue says that a product lies in ``bucket``.

    Raises
    ------
    IntegrityError
        The catalogue says nothing, or something that is not the product's own folder.
    """
    stated = granule.properties.get("s3", "")
    match = _KEY.fullmatch(stated)
    harmless = ".." not in stated and "//" not in stated
    if match and harmless and match["bucket"] == bucket and match["stem"] == granule.id:
        return f"{match['folder']}/{match['stem']}.SAFE"
    raise IntegrityError(
        f"the catalogue states no folder of {granule.id} in {bucket}, but {stated[:80]!r}; fetch "
        f"whole products instead"
    )


def load_in_place(
    store: ObjectStore,
    bucket: str,
    granules: Sequence[Granule],
    grid: GeoBox,
    names: Collection[str],
) -> xr.Dataset:
    """Return a lazy cube of Sentinel-2 products that stay where they are.

    Raises
    ------
    SourceError
        A product is not there, incomplete, malformed, or cannot be reached.
    """

    def opened(granule: Granule) -> Granule:
        folder = folder_of(granule, bucket)
        package = _InStore(
            path=Path(bucket),
            inside=f"{granule.id}.SAFE",
            store=store,
            folder=folder,
            sizes=store.files(folder),
        )
        return open_sentinel2(package, _METADATA, granule.licence)

    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(opened, granules))
    # no sample of the pixels is looked at: the coarsest level of a JPEG 2000 file lies all over it
    cube = load_granules(found, grid, names, check=False)
    for name in OPTICAL & set(map(str, cube)):
        full = min(_SATURATED * g.assets[name].scale + g.assets[name].offset for g in found)
        cube[name] = cube[name].where(cube[name] < full * (1 - 1e-6))
    return cube
