"""Copernicus Data Space: products found by OData, fetched whole with an account.

Protocol: https://documentation.dataspace.copernicus.eu/APIs/OData.html; tokens:
https://documentation.dataspace.copernicus.eu/APIs/Token.html.
"""

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import xarray as xr
from odc.geo.geobox import GeoBox
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from reliefscope.errors import IntegrityError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule
from reliefscope.sources._products import (
    KINDS,
    MAX_PRODUCTS,
    ArchivedError,
    Kind,
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
    too_many,
)
from reliefscope.sources._profiles import ACCESS_S3, BUCKET, STORE
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Progress, unseen
from reliefscope.transport.tokens import OidcToken

log = logging.getLogger(__name__)

CATALOGUE = "https://catalogue.dataspace.copernicus.eu/odata/v1"
DOWNLOAD = "https://download.dataspace.copernicus.eu/odata/v1"
TOKENS = "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token"
CLIENT = "cdse-public"

ACCESS = Access(
    service="Copernicus Data Space",
    names=("CDSE_USERNAME", "CDSE_PASSWORD"),
    host="identity.dataspace.copernicus.eu",
    how="register free of charge at https://dataspace.copernicus.eu",
    probe=f"{CATALOGUE}/Products?$top=1",
)

PAGE = 100
"""Products asked for at a time."""

_SHOWN = 100
_ATTRIBUTE = (
    "Attributes/OData.CSC.{kind}Attribute/any(att:att/Name eq '{name}' and "
    "att/OData.CSC.{kind}Attribute/Value {test})"
)


@dataclass(frozen=True, kw_only=True)  # no slots: token and transport are made once, when needed
class CdseSource:
    """Sentinel-1 GRD and Sentinel-2 L2A of the Copernicus Data Space, whole products.

    A search needs no account. Every variable of a granule points to the same archive, with its
    size and checksum as the catalogue states them; products are fetched whole, once.

    Raises
    ------
    InputError
        A collection is unknown, or ``max_cloud`` is no percentage.
    """

    collections: tuple[str, ...] = tuple(KINDS)
    """What to search: ``sentinel-1-grd``, ``sentinel-2-l2a``."""
    max_cloud: float = 100.0
    """Optical scenes with more cloud are left out [percent]."""
    dem: Path | None = None
    """Raster of heights above the geoid [m], by which Sentinel-1 is put in place; without one it
    is displaced by the relief."""
    verify: bool = True
    """Whether archives must have the size and checksum that the catalogue states. If not, they
    must still be whole archives."""
    in_place: bool = False
    """Read only the needed pixels of Sentinel-2 from the object store, with S3 keys, where a
    product has not been fetched. Sentinel-1 must be whole to be calibrated."""
    catalogue: str = CATALOGUE
    download: str = DOWNLOAD
    tokens: str = TOKENS
    """Where tokens are given."""
    store: str = STORE
    """Where products lie, by S3."""
    transport: Transport = field(default_factory=Transport, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what the catalogue cannot be asked for."""
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
            More than `MAX_PRODUCTS` products, or the catalogue refuses the question.
        IntegrityError
            What the catalogue answers is not a list of products, or has no end.
        UnavailableError
            The catalogue or the network failed.
        """
        if window is None:
            return []  # products of satellites change with time
        found = []
        for name in collections_for(self.collections, variables):
            for outline in outlines(area):
                question = _question(KINDS[name], outline, window, self.max_cloud)
                found += [self._granule(p) for p in self._products(question)]
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
        if self.in_place and self._lie_in_store(granules):
            from reliefscope.sources import _eodata  # noqa: PLC0415 - obstore, for who has keys

            store = _eodata.ObjectStore(
                endpoint=self.store, bucket=BUCKET, wire=self._wire, access=ACCESS_S3
            )
            return _eodata.load_in_place(store, BUCKET, granules, grid, variables)
        archives = self.fetch(granules)
        return load_products(self._wire, archives, grid, variables, dem=self.dem)

    def _lie_in_store(self, granules: Sequence[Granule]) -> bool:
        """Say whether these are products that can be read in place, and not all are here."""
        fetched = (self._wire.held(next(iter(g.assets.values())).href) for g in granules)
        optical = all(g.collection == "sentinel-2-l2a" for g in granules)
        return optical and not all(fetched)

    def fetch(self, granules: Sequence[Granule], progress: Progress = unseen) -> list[Path]:
        """Return the archives of ``granules``, in order; what is there is not fetched again.

        Raises
        ------
        AccessError
            No account, or a wrong one.
        IntegrityError
            An archive is not what the catalogue promised.
        NothingFoundError
            A product was withdrawn since the search.
        UnavailableError
            The service failed, or products are in the archive.
        """
        return fetch_each(granules, lambda granule: self._fetch(granule, progress))

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress
    ) -> Sequence[Path]:
        """Fetch whole every product; see `fetch`."""
        del variables
        return self.fetch(granules, progress)

    def _fetch(self, granule: Granule, progress: Progress) -> Path:
        asset = next(iter(granule.assets.values()))
        held = self._wire.held(asset.href)
        if held is not None:
            return held
        if granule.properties.get("online") == "false":
            raise ArchivedError(
                f"{granule.id} is in the archive; order it at "
                f"https://browser.dataspace.copernicus.eu"
            )
        expected = expected_archive(
            granule,
            size=asset.size if self.verify else None,
            checksum=asset.checksum if self.verify else None,
        )
        return self._wire.fetch(
            Ask(url=asset.href, auth=self._token),
            expected,
            identity=asset.href,
            progress=progress,
        )

    @cached_property
    def _wire(self) -> Transport:
        return self.transport.at(self.catalogue).at(self.download).at(self.tokens)

    @cached_property
    def _token(self) -> OidcToken:
        return OidcToken(self._wire, url=self.tokens, client_id=CLIENT, access=ACCESS)

    def _products(self, question: str) -> Iterator[Mapping[str, Any]]:
        """Ask page by page; the catalogue says whether there is more, never where."""
        seen: set[str] = set()
        skip, more = 0, True
        while more:
            page = self._page(question, skip)
            listed = {str(p.get("Id")): p for p in page.value if isinstance(p, dict)}
            new = [listed[i] for i in listed if i not in seen]
            seen |= set(listed)
            if len(seen) > MAX_PRODUCTS:
                raise too_many(self._wire.shown(self.catalogue))
            yield from new
            more = page.next_link is not None
            skip += len(page.value)
            if more and not new:
                raise IntegrityError(
                    f"{self._wire.shown(self.catalogue)} promises more products and repeats "
                    f"itself; try again later"
                )

    def _page(self, question: str, skip: int) -> "_Page":
        ask = Ask(
            url=f"{self.catalogue}/Products",
            params={
                "$filter": question,
                "$orderby": "ContentDate/Start asc",
                "$top": str(PAGE),
                "$skip": str(skip),
                "$expand": "Attributes",
            },
        )
        answer = self._wire.json(ask)
        try:
            return _Page.model_validate(answer)
        except ValidationError as error:
            raise IntegrityError(
                f"{self._wire.shown(ask.url)} did not answer with a list of products; the "
                f"service may be under maintenance"
            ) from error

    def _granule(self, stated: Mapping[str, Any]) -> Granule | None:
        try:
            product = _Product.model_validate(stated)
            start = product.ContentDate.Start.astimezone(dt.UTC)
        except (ValidationError, OverflowError):
            log.warning(
                "%s: skipped, a field is missing or wrong: %r",
                ACCESS.service,
                str(stated.get("Name"))[:_SHOWN],
            )
            return None
        footprint = read_footprint(product.GeoFootprint)
        if footprint is None:
            log.warning("%s: skipped, no footprint: %r", ACCESS.service, product.Name[:_SHOWN])
            return None
        attributes = {a.Name: a.Value for a in product.Attributes}
        entry = f"Products({product.Id})"
        return as_granule(
            Record(
                name=product.Name,
                start=start,
                footprint=footprint,
                download=f"{self.download}/{entry}/$value",
                href=f"{self.catalogue}/{entry}",
                size=product.ContentLength or None,  # 0 where the catalogue does not know
                checksums={c.Algorithm: c.Value for c in product.Checksum or []},
                relative_orbit=_whole(attributes.get("relativeOrbitNumber")),
                orbit_state=str(attributes.get("orbitDirection", "")),
                cloud_cover=_share(attributes.get("cloudCover")),
                properties={
                    "online": str(product.Online).lower(),
                    "s3": product.S3Path or "",
                },
            ),
            "cdse",
        )


class _Page(BaseModel):
    value: list[Any] = Field(max_length=1000)
    next_link: str | None = Field(default=None, alias="@odata.nextLink")


class _Checksum(BaseModel):
    Algorithm: str = ""
    Value: str = ""


class _Attribute(BaseModel):
    Name: str
    Value: object = None


class _Span(BaseModel):
    Start: AwareDatetime


class _Product(BaseModel):
    """What is read of a product; the rest of the record may be anything."""

    Id: UUID
    Name: str
    ContentLength: int | None = Field(default=None, ge=0)
    Online: bool = True
    S3Path: str | None = None
    Checksum: list[_Checksum] | None = None
    ContentDate: _Span
    GeoFootprint: dict[str, Any] | None = None
    Attributes: list[_Attribute] = Field(default_factory=list)


def _question(kind: Kind, outline: str, window: Window, max_cloud: float) -> str:
    """Return the filter for one kind of product; every part of it is ours."""
    parts = [
        f"Collection/Name eq '{kind.cdse['collection']}'",
        _ATTRIBUTE.format(kind="String", name="productType", test=f"eq '{kind.cdse['type']}'"),
        f"OData.CSC.Intersects(area=geography'SRID=4326;{outline}')",
        f"ContentDate/Start ge {_stamp(window.start)}",
        f"ContentDate/Start lt {_stamp(window.end)}",
    ]
    if max_cloud < 100 and "scl" in kind.variables:  # noqa: PLR2004 - percent
        parts.append(
            _ATTRIBUTE.format(kind="Double", name="cloudCover", test=f"le {max_cloud:.2f}")
        )
    return " and ".join(parts)


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _whole(value: object) -> int | None:
    text = str(value)[:9]
    return int(text) if text.isascii() and text.isdigit() else None


def _share(value: object) -> float | None:
    try:
        share = float(str(value))
    except ValueError:
        return None
    return share if 0 <= share <= 100 else None  # noqa: PLR2004 - percent
