"""STAC items become granules: shared by every source that speaks STAC."""

import datetime as dt
import logging
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pystac
import pystac_client
import requests
import shapely
from pystac.errors import STACError
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.warnings import FallbackToPystac, NoConformsTo
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import AccessError, InputError, IntegrityError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.transport.hosts import check_href

log = logging.getLogger(__name__)

TIMEOUT_S = 60
MAX_ITEMS = 2000
"""More than this over one area and window is a mistake in the request, or in the server."""

EXERCISE_PROPERTY = "reliefscope:exercise"
"""Mark of simulated data in items; `EXERCISE_TAG` marks the rasters themselves."""
_DENIED, _MISSING = (401, 403), 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one provider names things."""

    url: str = ""
    collections: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Collections, and the canonical variables each holds."""
    assets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Asset key by canonical variable; without an entry the key is the variable's name."""
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Units of the stored values where the items do not say."""
    licence: str = ""
    tokens: str = ""
    """Where read tokens are given, for providers that sign their links."""


_RADAR = frozenset({"vv", "vh"})
_S2_ASSETS = {
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "nir": "B08",
    "nir08": "B8A",
    "swir16": "B11",
    "swir22": "B12",
    "scl": "SCL",
}
_OPTICAL = frozenset(_S2_ASSETS)

PROFILES: Mapping[str, Profile] = {
    "generic": Profile(),
    # https://planetarycomputer.microsoft.com/dataset/sentinel-1-rtc: gamma0, linear power
    "planetary-computer": Profile(
        url="https://planetarycomputer.microsoft.com/api/stac/v1",
        collections={
            "sentinel-1-rtc": _RADAR,
            "sentinel-2-l2a": _OPTICAL,
            "cop-dem-glo-30": frozenset({"elevation"}),
            "jrc-gsw": frozenset({"water_seasonality", "water_occurrence"}),
            "esa-worldcover": frozenset({"land_cover"}),
        },
        assets={
            **_S2_ASSETS,
            "elevation": "data",
            "water_seasonality": "seasonality",
            "water_occurrence": "occurrence",
            "land_cover": "map",
        },
        units={"vv": "1", "vh": "1"},
        tokens="https://planetarycomputer.microsoft.com/api/sas/v1/token",
    ),
    # https://earth-search.aws.element84.com/v1: its Sentinel-1 GRD is neither calibrated nor
    # geocoded, so it is not offered here
    "earth-search": Profile(
        url="https://earth-search.aws.element84.com/v1",
        collections={"sentinel-2-l2a": _OPTICAL, "cop-dem-glo-30": frozenset({"elevation"})},
        assets={"elevation": "data"},
    ),
}


def search_granules(
    home: str,
    profile: Profile,
    area: Area,
    window: Window | None,
    variables: Collection[str],
    *,
    allow_hosts: Collection[str] = (),
) -> list[Granule]:
    """Return the granules of a catalog over ``area`` that hold any of ``variables``.

    Raises
    ------
    InputError, AccessError, UnavailableError
        As `search_items`; also an asset that points where no link may be followed.
    """
    wanted = [name for name, held in profile.collections.items() if held & set(variables)]
    if profile.collections and not wanted:
        return []
    items = search_items(home, wanted, area, window)
    granules = [as_granule(i, profile=profile, home=home, allow_hosts=allow_hosts) for i in items]
    held = [g for g in granules if set(g.assets) & set(variables)]
    # what is asked for without a window does not change with time, whatever date its item bears
    return [replace(g, acquired=None) for g in held] if window is None else held


def search_items(
    url: str,
    collections: Sequence[str],
    area: Area,
    window: Window | None,
) -> list[pystac.Item]:
    """Return the items of an API or a static catalog over ``area`` within ``window``.

    Raises
    ------
    InputError
        The address is not a STAC catalog, or the request matches too many items.
    AccessError
        The service asks for credentials.
    UnavailableError
        The service or the network failed.
    """
    try:
        with warnings.catch_warnings():
            # a static catalog rightly advertises nothing and is walked; the branch below asks
            for expected in (NoConformsTo, FallbackToPystac):
                warnings.simplefilter("ignore", expected)
            client = pystac_client.Client.open(url, timeout=TIMEOUT_S)
            is_api = client.conforms_to(pystac_client.ConformanceClasses.ITEM_SEARCH)
            look = _search_api if is_api else _walk
            found = _capped(look(client, collections, area, window), url)
            items = {(i.collection_id, i.id): i for i in found}
            _state_licences(client, items.values(), is_api=is_api)
    except APIError as error:
        raise _api_error(url, error) from error
    except (requests.RequestException, OSError) as error:
        raise UnavailableError(f"{url} could not be reached: {error}") from error
    except (STACError, ClientTypeError, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{url} did not answer as a STAC catalog: {error}") from error
    return sorted(items.values(), key=lambda i: (str(i.datetime), i.id))


def _search_api(
    client: pystac_client.Client,
    collections: Sequence[str],
    area: Area,
    window: Window | None,
) -> Iterator[pystac.Item]:
    when = None if window is None else (window.start, window.end)
    for box in area.boxes:
        search = client.search(
            collections=list(collections) or None, bbox=box, datetime=when, limit=100
        )
        for item in search.items():
            if _wanted(item, collections, area, window):
                yield item


def _walk(
    catalog: pystac_client.Client,
    collections: Sequence[str],
    area: Area,
    window: Window | None,
) -> Iterator[pystac.Item]:
    for item in catalog.get_items(recursive=True):
        if _wanted(item, collections, area, window):
            yield item


def _wanted(
    item: pystac.Item, collections: Sequence[str], area: Area, window: Window | None
) -> bool:
    if collections and item.collection_id not in collections:
        return False
    moment = _moment(item)
    if window is not None and (moment is None or moment not in window):
        return False
    return bool(shapely.intersects(_footprint(item), area.geometry))


def _capped(items: Iterator[pystac.Item], url: str) -> Iterator[pystac.Item]:
    for count, item in enumerate(items):
        if count >= MAX_ITEMS:
            raise InputError(
                f"{url} holds more than {MAX_ITEMS} items for this area and window; "
                f"name collections, or narrow the area or the window"
            )
        yield item


def _api_error(url: str, error: APIError) -> Exception:
    status = getattr(error, "status_code", None)
    if status in _DENIED:
        return AccessError(f"{url} answered {status}: it needs credentials")
    if status == _MISSING:
        return InputError(f"{url} answered 404: check the address and the collection names")
    if status is None:
        return UnavailableError(f"{url} could not be reached: {error}; try again later")
    return UnavailableError(f"{url} answered {status}; try again later")


def as_granule(
    item: pystac.Item,
    *,
    profile: Profile,
    home: str,
    allow_hosts: Collection[str] = (),
) -> Granule:
    """Return the granule that ``item`` describes.

    Raises
    ------
    AccessError
        An asset points where no link may be followed.
    """
    keys = {v: profile.assets.get(v, v) for v in VARIABLES}
    assets = {
        variable: _asset(item, item.assets[key], variable, profile, home, allow_hosts)
        for variable, key in keys.items()
        if key in item.assets
    }
    properties = item.properties
    return Granule(
        id=item.id,
        source="stac",
        collection=item.collection_id or "",
        acquired=_moment(item),
        footprint=_footprint(item),
        assets=assets,
        platform=str(properties.get("platform", "")),
        instrument=", ".join(map(str, properties.get("instruments", []))),
        relative_orbit=_whole(properties.get("sat:relative_orbit")),
        orbit_state=properties.get("sat:orbit_state"),
        resolution=properties.get("gsd"),
        licence=str(properties.get("license") or profile.licence),
        href=item.get_self_href() or "",
        exercise=properties.get(EXERCISE_PROPERTY) is True,
    )


def _asset(
    item: pystac.Item,
    asset: pystac.Asset,
    variable: str,
    profile: Profile,
    home: str,
    allow_hosts: Collection[str],
) -> Asset:
    extra = asset.extra_fields
    number, band = _band(extra, variable)
    href = asset.get_absolute_href() or asset.href
    return Asset(
        href=check_href(href, home=home, allow_hosts=allow_hosts),
        units=band.get("unit") or extra.get("unit") or profile.units.get(variable),
        scale=float(str(band.get("scale", band.get("raster:scale", 1.0)))),
        offset=_offset(item, band),
        nodata=_number(band.get("nodata", extra.get("nodata"))),
        band=number,
        size=extra.get("file:size"),
        checksum=extra.get("file:checksum"),
    )


def _band(extra: Mapping[str, Any], variable: str) -> tuple[int, Mapping[str, Any]]:
    """Return number and description of the band that holds ``variable``: by name, or the first."""
    bands = [dict(b) for b in extra.get("raster:bands") or extra.get("bands") or [{}]]
    for number, band in enumerate(bands, start=1):
        names = {str(band.get(key, "")).lower() for key in ("name", "common_name")}
        if variable in names:
            return number, band
    return 1, bands[0]


def _offset(item: pystac.Item, band: Mapping[str, object]) -> float:
    """Return the offset still to be applied to this item's pixels."""
    if item.properties.get("earthsearch:boa_offset_applied") is True:
        return 0.0
    return float(str(band.get("offset", band.get("raster:offset", 0.0))))


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def _state_licences(
    client: pystac_client.Client, items: Collection[pystac.Item], *, is_api: bool
) -> None:
    """Write the licence of its collection into each item that has none: one request each."""
    licences: dict[str, str] = {}
    for item in items:
        name = item.collection_id
        if name is None or item.properties.get("license"):
            continue
        if name not in licences:
            try:
                collection = client.get_collection(name) if is_api else item.get_parent()
            except (APIError, KeyError):  # a catalog that lists items only is still a catalog
                collection = None
            licences[name] = str(getattr(collection, "license", None) or "")
        item.properties["license"] = licences[name]


def _moment(item: pystac.Item) -> dt.datetime | None:
    moment = item.datetime or item.common_metadata.start_datetime
    if moment is None:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _footprint(item: pystac.Item) -> BaseGeometry:
    if item.geometry:
        mended: BaseGeometry = shapely.make_valid(shape(item.geometry))
        return mended
    if item.bbox:
        west, south, east, north = (*item.bbox[:2], *item.bbox[-2:])
        return shapely.box(west, south, east, north)
    raise IntegrityError(f"item {item.id} has neither geometry nor bbox")
