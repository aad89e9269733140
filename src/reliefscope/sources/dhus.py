"""Hubs that speak DHuS, by sentinelsat: national mirrors and collaborative hubs.

sentinelsat speaks the protocol (OpenSearch, OData, archive retrieval). The bytes are fetched by
our own transport: it resumes with If-Range, opens the archive and verifies its checksum before
anything bears the product's name, and never takes a file name from the hub. sentinelsat's own
downloader appends whatever a resumed request answers, takes the name from the hub's header and
trusts any file that is already there.
"""

import datetime as dt
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import xarray as xr
from odc.geo.geobox import GeoBox
from pydantic import BaseModel, Field, ValidationError

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule
from reliefscope.sources._products import (
    KINDS,
    MAX_PRODUCTS,
    ArchivedError,
    Record,
    as_granule,
    check_options,
    chosen,
    collections_for,
    expected_archive,
    fetch_each,
    load_products,
    outlines,
    read_footprint,
    strongest_checksum,
    too_many,
)
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Progress, unseen
from reliefscope.transport.retry import TransientError
from reliefscope.transport.tokens import BasicAuth

if TYPE_CHECKING:
    from reliefscope.sources._hub import Hub

log = logging.getLogger(__name__)

_SHOWN = 200
_BUSY = "allows no more downloads at the same time"


def access(url: str) -> Access:
    """Return what the hub at ``url`` asks for.

    The environment and the keyring hold one account; with several hubs, keep each in netrc.
    """
    host = urlsplit(url).hostname or ""
    return Access(
        service=f"DHuS hub {host}",
        names=("DHUS_USERNAME", "DHUS_PASSWORD"),
        host=host,
        how=f"register with the hub at {host}",
        probe=f"{url.rstrip('/')}/odata/v1/",
    )


@dataclass(frozen=True, kw_only=True)  # no slots: the client is made once, when it is needed
class DhusSource:
    """Sentinel-1 GRD and Sentinel-2 L2A of a hub that speaks DHuS, whole products.

    There is no default address: the central hub ended in 2023. Every variable of a granule
    points to the same archive; its size and checksum are asked for when it is fetched.

    Raises
    ------
    InputError
        The address is not one of a hub, a collection is unknown, or ``max_cloud`` is no
        percentage.
    """

    url: str
    """Root of the hub, for example ``https://hub.example.org/dhus``."""
    collections: tuple[str, ...] = tuple(KINDS)
    """What to search: ``sentinel-1-grd``, ``sentinel-2-l2a``."""
    max_cloud: float = 100.0
    """Optical scenes with more cloud are left out [percent]."""
    dem: Path | None = None
    """Raster of heights above the geoid [m], by which Sentinel-1 is put in place; without one it
    is displaced by the relief."""
    transport: Transport = field(default_factory=Transport, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what a hub cannot be asked for."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise InputError(f"url {self.url!r} is not a hub's; give https://host/path")
        if parts.username or parts.password:
            raise InputError(f"the url of {parts.hostname} must not hold a user or password")
        check_options(self.collections, self.max_cloud)

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables of the collections."""
        return frozenset().union(*(KINDS[name].variables for name in self.collections))

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the granules over ``area`` that hold any of ``variables``, oldest first.

        Raises
        ------
        InputError
            More than `MAX_PRODUCTS` products, or the hub refuses the question.
        AccessError
            No account, or a wrong one.
        IntegrityError
            What the hub answers is not a list of products.
        UnavailableError
            The hub or the network failed, or the hub is under maintenance.
        """
        if window is None:
            return []  # products of satellites change with time
        found: list[Granule | None] = []
        for name in collections_for(self.collections, variables):
            words: dict[str, Any] = dict(KINDS[name].dhus)
            if self.max_cloud < 100 and "scl" in KINDS[name].variables:  # noqa: PLR2004 - percent
                words["cloudcoverpercentage"] = (0, self.max_cloud)
            for outline in outlines(area):
                listed = self._query(outline, window, words)
                found += [self._granule(uuid, stated) for uuid, stated in listed.items()]
        return chosen((g for g in found if g is not None), area, window, variables)

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units, fetching what is not there yet.

        Raises
        ------
        SourceError
            As `fetch`.
        """
        archives = self.fetch(granules)
        return load_products(self._wire, archives, grid, variables, dem=self.dem)

    def fetch(self, granules: Sequence[Granule], progress: Progress = unseen) -> list[Path]:
        """Return the archives of ``granules``, in order; what is there is not fetched again.

        Products in the hub's archive are ordered from it; run the same again later.

        Raises
        ------
        AccessError
            No account, or a wrong one.
        IntegrityError
            An archive is not what the hub promised.
        NothingFoundError
            A product was withdrawn since the search.
        UnavailableError
            The hub failed, or products are in its archive.
        """
        return fetch_each(granules, lambda granule: self._fetch(granule, progress))

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress
    ) -> Sequence[Path]:
        """Fetch whole every product; see `fetch`."""
        del variables
        return self.fetch(granules, progress)

    @cached_property
    def _wire(self) -> Transport:
        return self.transport.at(self.url)

    @cached_property
    def _hub(self) -> "Hub":
        from reliefscope.sources._hub import Hub  # noqa: PLC0415 - sentinelsat takes 0.2 s

        return Hub(self.url, self._wire, access(self.url))

    def _query(
        self, outline: str, window: Window, words: Mapping[str, Any]
    ) -> Mapping[str, Mapping[str, Any]]:
        start, end = (moment.astimezone(dt.UTC) for moment in (window.start, window.end))
        listed: Mapping[str, Mapping[str, Any]] = self._hub.asked(
            lambda api: api.query(
                area=outline,
                date=(start, end + dt.timedelta(seconds=1)),  # whole seconds are asked for
                order_by="+beginposition",
                limit=MAX_PRODUCTS + 1,
                **words,
            )
        )
        if len(listed) > MAX_PRODUCTS:
            raise too_many(self._wire.shown(self.url))
        return listed

    def _granule(self, uuid: str, stated: Mapping[str, Any]) -> Granule | None:
        hub = urlsplit(self.url).hostname
        try:
            product = _Listed.model_validate({**stated, "id": uuid})
        except ValidationError:
            log.warning("%s: skipped, a field is missing or wrong: %r", hub, uuid[:_SHOWN])
            return None
        footprint = read_footprint(product.footprint)
        if footprint is None:
            log.warning("%s: skipped, no footprint: %r", hub, product.identifier[:_SHOWN])
            return None
        entry = f"{self.url.rstrip('/')}/odata/v1/Products('{product.id}')"
        return as_granule(
            Record(
                name=product.identifier,
                start=product.beginposition.replace(tzinfo=dt.UTC),
                footprint=footprint,
                download=f"{entry}/$value",
                href=entry,
                relative_orbit=product.relativeorbitnumber,
                orbit_state=product.orbitdirection,
                cloud_cover=product.cloudcoverpercentage,
                properties={"uuid": str(product.id)},
            ),
            "dhus",
        )

    def _fetch(self, granule: Granule, progress: Progress) -> Path:
        asset = next(iter(granule.assets.values()))
        held = self._wire.held(asset.href)
        if held is not None:
            return held
        uuid = granule.properties["uuid"]
        info = self._info(granule, uuid)
        if not info.Online:
            self._order(granule, uuid)
        expected = expected_archive(
            granule,
            size=info.size,
            checksum=strongest_checksum(info.digests),
        )
        user, password = self._wire.credentials(access(self.url)).values()
        ask = Ask(url=asset.href, auth=BasicAuth(user, password))

        def once() -> Path:
            try:
                return self._wire.fetch(ask, expected, identity=asset.href, progress=progress)
            except TransientError as error:  # has been tried again already
                raise UnavailableError(str(error)) from error
            except AccessError:
                self._order(granule, uuid)  # the account was good a moment ago: ask why
                raise TransientError(f"{self._wire.shown(self.url)} {_BUSY}") from None

        return self._wire.retry(once)

    def _info(self, granule: Granule, uuid: str) -> "_Info":
        stated = self._hub.asked(lambda api: api.get_product_odata(uuid))
        texts = {name: value for name, value in stated.items() if isinstance(value, str)}
        try:
            info = _Info.model_validate({**stated, "digests": texts})
        except ValidationError as error:
            raise IntegrityError(
                f"{self._wire.shown(self.url)} states no size of {granule.id}; try again later"
            ) from error
        if info.title != granule.id:
            raise IntegrityError(
                f"{self._wire.shown(self.url)} has another product where {granule.id} was; "
                f"search again"
            )
        return info

    def _order(self, granule: Granule, uuid: str) -> None:
        """Have a product brought from the hub's archive; return if it is there already."""
        if self._hub.asked(lambda api: api.trigger_offline_retrieval(uuid)):
            raise ArchivedError(f"{granule.id} is being retrieved from the hub's archive")


class _Listed(BaseModel):
    """What is read of a product in an answer to a search."""

    id: UUID
    identifier: str
    beginposition: dt.datetime
    footprint: str
    relativeorbitnumber: int | None = None
    orbitdirection: str | None = None
    cloudcoverpercentage: float | None = Field(default=None, ge=0, le=100)


class _Info(BaseModel):
    """What is read of a product's own record."""

    title: str
    size: int = Field(ge=0)
    Online: bool
    digests: dict[str, str]
    """By algorithm, among other texts of the record."""
