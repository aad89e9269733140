"""STAC items become granules: shared by every source that speaks STAC."""

import datetime as dt
import logging
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pystac
import pystac_client
import shapely
from pystac.errors import STACError, STACTypeError
from pystac_client.errors import ClientTypeError
from pystac_client.warnings import DoesNotConformTo, FallbackToPystac, NoConformsTo
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import (
    InputError,
    IntegrityError,
    NothingFoundError,
    ProvenanceWarning,
    ReliefscopeError,
    UnavailableError,
)
from reliefscope.model.area import Area
from reliefscope.model.cube import OPTICAL, PROVENANCE_NOTES, VARIABLES
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._offsets import raw_sentinel2_scaling, stated_scaling
from reliefscope.sources._profiles import Holding, Profile
from reliefscope.sources._stac_io import TransportIO
from reliefscope.transport.client import Transport
from reliefscope.transport.hosts import check_href

log = logging.getLogger(__name__)

MAX_ITEMS = 2000
"""More than this over one area and window is a mistake in the request, or in the server."""

_GARBLED = (STACError, STACTypeError, KeyError, TypeError, ValueError, AttributeError)
"""What the libraries raise on something that is not quite STAC."""

EXERCISE_PROPERTY = "reliefscope:exercise"
"""Mark of simulated data in items; `EXERCISE_TAG` marks the rasters themselves."""


def search_granules(
    transport: Transport,
    home: str,
    profile: Profile,
    area: Area,
    window: Window | None,
    variables: Collection[str],
) -> list[Granule]:
    """Return the granules of a catalog over ``area`` that hold any of ``variables``.

    An item that breaks the STAC specification is left out, with a line in the log, and does not
    lose the others.

    Raises
    ------
    InputError, AccessError, UnavailableError
        As `search_items`; also an asset that points where no link may be followed.
    """
    asked = set(variables)
    wanted = [name for name, held in profile.collections.items() if held.variables & asked]
    if (
        profile.collections
        and not wanted
        and all(h.variables for h in profile.collections.values())
    ):
        return []
    wanted += [name for name, held in profile.collections.items() if not held.variables]
    granules = []
    for item in search_items(transport, home, wanted, area, window):
        try:
            granules.append(as_granule(item, profile=profile, home=home, transport=transport))
        except (IntegrityError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("item %r is left out: %s", item.id, error)
    held = [g for g in granules if set(g.assets) & asked]
    # what is asked for without a window does not change with time, whatever date its item bears
    return [replace(g, acquired=None) for g in held] if window is None else held


def search_items(
    transport: Transport,
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
        The service or the network failed, or something else has answered in its place.
    """
    io = TransportIO(transport, url)
    try:
        with warnings.catch_warnings():
            # a static catalog rightly advertises nothing and is walked; the branch below asks
            for expected in (NoConformsTo, FallbackToPystac, DoesNotConformTo):
                warnings.simplefilter("ignore", expected)
            client = pystac_client.Client.open(url, stac_io=io)
            is_api = client.conforms_to(pystac_client.ConformanceClasses.ITEM_SEARCH)
            look = _search_api if is_api else _walk
            found = _capped(look(client, collections, area, window), url)
            items = {(i.collection_id, i.id): i for i in found}
            _state_licences(client, items.values(), is_api=is_api)
    except NothingFoundError as error:
        raise InputError(
            f"{transport.shown(url)} answered 404: check the address and the collection names"
        ) from error
    except OSError as error:  # a catalog on disk
        raise UnavailableError(f"{url} could not be read: {error}") from error
    except (*_GARBLED, ClientTypeError, RecursionError) as error:
        ours = _ours(error)
        if ours is not None:
            raise ours from error
        raise InputError(
            f"{transport.shown(url)} did not answer as a STAC catalog: {error}"
        ) from error
    return sorted(items.values(), key=lambda i: (str(i.datetime), i.id))


def _ours(error: BaseException) -> ReliefscopeError | None:
    """Return the error of ours that a library wrapped in its own, or None."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, ReliefscopeError):
        seen = seen.__cause__ or seen.__context__
    return seen


def _search_api(
    client: pystac_client.Client,
    collections: Sequence[str],
    area: Area,
    window: Window | None,
) -> Iterator[pystac.Item]:
    when = None if window is None else (window.start, window.end)
    answered = usable = 0
    for box in area.boxes:
        search = client.search(
            collections=list(collections) or None, bbox=box, datetime=when, limit=100
        )
        for raw in search.items_as_dicts():
            item = _item(raw, client)
            answered, usable = answered + 1, usable + (item is not None)
            if item is not None and _wanted(item, collections, area, window):
                yield item
    if answered and not usable:  # that is not "nothing there"
        raise IntegrityError(f"none of the {answered} items of the answer is a STAC item")


def _item(raw: object, client: pystac_client.Client) -> pystac.Item | None:
    """Return one item of an answer; None, and a line in the log, if it is not one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of old extensions, brought up to date
            return pystac.Item.from_dict(raw, root=client, preserve_dict=False)  # type: ignore[arg-type] # checked here
    except _GARBLED as error:
        name = raw.get("id") if isinstance(raw, dict) else raw
        log.warning("item %.80r is left out: %s: %s", name, type(error).__name__, error)
        return None


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
    try:
        return bool(shapely.intersects(_footprint(item), area.geometry))
    except (IntegrityError, ValueError, TypeError, KeyError, shapely.errors.ShapelyError) as error:
        log.warning("item %.80r is left out: its place cannot be read: %s", item.id, error)
        return False


def _capped(items: Iterator[pystac.Item], url: str) -> Iterator[pystac.Item]:
    for count, item in enumerate(items):
        if count >= MAX_ITEMS:
            raise InputError(
                f"{url} holds more than {MAX_ITEMS} items for this area and window; "
                f"name collections, or narrow the area or the window"
            )
        yield item


def as_granule(item: pystac.Item, *, profile: Profile, home: str, transport: Transport) -> Granule:
    """Return the granule that ``item`` describes.

    Raises
    ------
    AccessError
        An asset points where no link may be followed.
    """
    holding = profile.holding(item.collection_id or "")
    named = {**holding.assets, **_by_ending(item, holding), **profile.assets}
    # a variable the holding does not name is not in it
    names = named if holding.variables else {**{v: v for v in VARIABLES}, **named}
    doubts: set[str] = set()
    assets = {
        variable: _asset(
            item, item.assets[key], variable, _Rules(profile, holding, home, transport), doubts
        )
        for variable, key in names.items()
        if key in item.assets
    }
    for doubt in doubts:
        warnings.warn(f"{item.id}: {doubt}", ProvenanceWarning, stacklevel=2)
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
        relative_orbit=_orbit(properties),
        orbit_state=properties.get("sat:orbit_state"),
        resolution=properties.get("gsd"),
        cloud_cover=_number(properties.get("eo:cloud_cover")),
        sun_azimuth=_number(properties.get("view:sun_azimuth")),
        sun_elevation=_number(properties.get("view:sun_elevation")),
        licence=str(properties.get("license") or profile.licence),
        href=item.get_self_href() or "",
        exercise=properties.get(EXERCISE_PROPERTY) is True,
        properties={PROVENANCE_NOTES: f"{item.id}: {'; '.join(sorted(doubts))}"} if doubts else {},
    )


def _by_ending(item: pystac.Item, holding: Holding) -> Mapping[str, str]:
    """Return the key of each asset that is known by the end of its file's name."""
    found = {}
    for variable, ending in holding.endings.items():
        for key, asset in item.assets.items():
            # archives list each file twice, the second time for readers inside their own cloud
            if asset.href.endswith(ending) and asset.href.startswith(("https://", "http://")):
                found[variable] = key
                break
    return found


class _Rules(NamedTuple):
    profile: Profile
    holding: Holding
    home: str
    transport: Transport


def _asset(
    item: pystac.Item, asset: pystac.Asset, variable: str, rules: _Rules, doubts: set[str]
) -> Asset:
    extra, holding = asset.extra_fields, rules.holding
    number, band = _band(extra, variable)
    scale, offset = holding.scale.get(variable, 1.0), holding.offset.get(variable, 0.0)
    if holding.raw_sentinel2 and variable in OPTICAL and not _states(band):
        scaling = raw_sentinel2_scaling(item.properties, _moment(item), scale=scale)
    else:
        scaling = stated_scaling(item.properties, {**extra, **band}, scale=scale, offset=offset)
    if scaling.doubt:
        doubts.add(scaling.doubt)
    href = check_href(
        asset.get_absolute_href() or asset.href,
        home=rules.home,
        allow_hosts=rules.transport.settings.allow_hosts,
    )
    units = (
        rules.profile.units.get(variable)
        or (None if VARIABLES[variable].categorical else band.get("unit") or extra.get("unit"))
        or holding.units.get(variable)
    )
    nodata = _number(band.get("nodata", extra.get("nodata")))
    return Asset(
        href=href,
        units=units,
        scale=scaling.scale,
        offset=scaling.offset,
        nodata=holding.nodata.get(variable) if nodata is None else nodata,
        band=number,
        size=_whole(extra.get("file:size")),
        checksum=extra.get("file:checksum"),
    )


def _states(band: Mapping[str, Any]) -> bool:
    """Whether the item itself says how to scale."""
    return any(key in band for key in ("scale", "offset", "raster:scale", "raster:offset"))


def _orbit(properties: Mapping[str, Any]) -> int | None:
    """Return the relative orbit, or what is the same for Landsat: the path of WRS-2."""
    orbit = properties.get("sat:relative_orbit")
    return _whole(properties.get("landsat:wrs_path") if orbit is None else orbit)


def _band(extra: Mapping[str, Any], variable: str) -> tuple[int, Mapping[str, Any]]:
    """Return number and description of the band that holds ``variable``: by name, or the first."""
    bands = [dict(b) for b in extra.get("raster:bands") or extra.get("bands") or [{}]]
    for number, band in enumerate(bands, start=1):
        names = {str(band.get(key, "")).lower() for key in ("name", "common_name")}
        if variable in names:
            return number, band
    return 1, bands[0]


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
            except (NothingFoundError, KeyError):  # a catalog of items only is still a catalog
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
