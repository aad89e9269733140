"""Copernicus EMS Rapid Mapping: disasters for which maps were ordered, and what was mapped.

The public interface of the Copernicus Emergency Management Service,
https://rapidmapping.emergency.copernicus.eu. Its times are UTC, though they do not say so.
(c) European Union, Copernicus Emergency Management Service: free and open, to be attributed.
"""

import logging
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError, NothingFoundError, SourceError, UnavailableError
from reliefscope.feeds._base import answered, fitting, incomplete, promised, read_each, reported
from reliefscope.feeds._ids import checked, mentioned
from reliefscope.feeds._plain import child, listed, moment, number, plain, told, web_address, whole
from reliefscope.feeds._shapes import RADIUS_KM, circle, outlined, wkt_point, wkt_polygons
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Extent, Hazard, Report, Window
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

log = logging.getLogger(__name__)

ACCESS = Access(
    service="Copernicus EMS Rapid Mapping",
    host="rapidmapping.emergency.copernicus.eu",
    how="it is open to all",
    probe=(
        "https://rapidmapping.emergency.copernicus.eu/backend/dashboard-api/"
        "public-activations-info/?limit=1"
    ),
)

PAGE = 300
MAX_PAGES = 10
MAX_ROUNDS = 20
"""Rounds of monitoring that are told apart in one activation."""

CATEGORIES: Mapping[str, Hazard] = {
    "drought": Hazard.DROUGHT,
    "earthquake": Hazard.EARTHQUAKE,
    "flood": Hazard.FLOOD,
    "industrial accident": Hazard.EXPLOSION,
    "mass movement": Hazard.LANDSLIDE,
    "storm": Hazard.STORM,
    "volcanic activity": Hazard.VOLCANO,
    "wildfire": Hazard.FIRE,
}
"""Categories that are a hazard here, in small letters: both cases occur."""
_DELIVERED = "F"
_HOME = "https://rapidmapping.emergency.copernicus.eu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cems:
    """The feed of the activations of Copernicus EMS Rapid Mapping."""

    name: ClassVar[str] = "cems"
    transport: Transport
    url: str = f"{_HOME}/backend/dashboard-api"
    details: int = 20
    """Activations looked up one by one for one list, the latest first; the others are circles
    around their centre."""

    def events(
        self,
        window: Window,
        *,
        hazards: Collection[Hazard] | None = None,
        area: Area | None = None,
    ) -> Sequence[Event]:
        """Return the disasters that began within ``window``; see `Feed.events`."""
        found = fitting(
            read_each(self.name, self._listed(), read_listed), window, hazards, area=None
        )
        found.sort(key=lambda event: (event.onset, event.id), reverse=True)
        asked = found[: self.details]
        known = {event.reports[0].id: [incomplete(event)] for event in asked}
        for event in asked:
            try:
                known[event.reports[0].id] = self._looked_up(event)
            except UnavailableError as error:
                log.warning("Copernicus EMS: no more details: %s", error)
                break
            except SourceError as error:
                log.warning("Copernicus EMS: no details of %s: %s", event.id, error)
        events = [each for event in found for each in known.get(event.reports[0].id) or [event]]
        return fitting(events, window, hazards, area)

    def find(self, scheme: str, value: str) -> Sequence[Event]:
        """Return the rounds of monitoring of an activation; see `Feed.find`."""
        if scheme != "emsr" or not checked("emsr", value):
            return []
        ask = Ask(url=f"{self.url}/public-activations/", params={"code": value})
        try:
            answer = answered(self.transport, ask)
        except NothingFoundError:
            return []
        found = promised(answer, "Copernicus EMS", "results")
        return read_each(self.name, found, read_activation)

    def _listed(self) -> list[object]:
        """Return all activations there ever were; the service filters by no time."""
        activations: list[object] = []
        for _ in range(MAX_PAGES):
            params = {"limit": str(PAGE), "offset": str(len(activations))}
            ask = Ask(url=f"{self.url}/public-activations-info/", params=params)
            answer = answered(self.transport, ask)
            found = promised(answer, "Copernicus EMS", "results")
            activations += found
            if not found or child(answer, "next") is None:
                break
        else:
            log.warning("Copernicus EMS: cut off after %d activations", len(activations))
        return activations

    def _looked_up(self, event: Event) -> list[Event]:
        (report,) = event.reports
        try:
            return [e for e in self.find("emsr", report.id) if e.reports[0].id == report.id]
        except InputError as error:
            log.warning("Copernicus EMS: no details of %s: %s", report.id, error)
            return []


def read_listed(record: object) -> list[Event]:
    """Return the event of one entry of the list, or none if it is of no hazard we look at.

    Raises
    ------
    InputError
        It lacks what an event needs: a code, a time, a place.
    """
    code, hazard, title = _known(record)
    if hazard is None:
        return []
    lon, lat = wkt_point(child(record, "centroid"))
    area = circle(lon, lat, RADIUS_KM[hazard], name=title)
    report = _report(record, code, hazard, title, area=area, extent=Extent.CIRCLE)
    return [reported(report, _names(record, code), _countries(record))]


def read_activation(record: object) -> list[Event]:
    """Return the events of one activation in detail, one for each round of monitoring.

    Raises
    ------
    InputError
        It lacks what an event needs: a code, a time, an outline.
    """
    code, hazard, title = _known(record)
    if hazard is None:
        return []
    rounds: dict[int, list[tuple[object, object]]] = {}
    for aoi in listed(record, "aois"):
        for product in listed(aoi, "products"):
            rounds.setdefault(_round(product), []).append((aoi, product))
    if not rounds:
        area, extent = _area(record, hazard, listed(record, "aois"), title)
        report = _report(record, code, hazard, title, area=area, extent=extent)
        return [reported(report, _names(record, code), _countries(record))]
    events = []
    for number_ in sorted(rounds)[:MAX_ROUNDS]:
        aois = [aoi for aoi, _ in rounds[number_]]
        area, extent = _area(record, hazard, aois, title)
        products = [product for _, product in rounds[number_]]
        report = _report(
            record,
            code,
            hazard,
            title,
            area=area,
            extent=extent,
            episode=str(number_),
            products=products,
        )
        events.append(reported(report, _names(record, code), _countries(record)))
    return events


def _known(record: object) -> tuple[str, Hazard | None, str]:
    code = checked("emsr", child(record, "code"))
    if not code:
        raise InputError(f"no code like EMSR123: {told(child(record, 'code'))}")
    category = child(record, "category")
    word = plain(child(category, "name") if isinstance(category, Mapping) else category, 60)
    sort = f"{plain(child(record, 'subCategory'))} {plain(child(record, 'name'))}".lower()
    hazard = CATEGORIES.get(word.lower())
    if hazard is Hazard.EXPLOSION and not re.search(r"\bexplo", sort):
        hazard = None
    if hazard is Hazard.LANDSLIDE and "avalanche" in sort:
        hazard = None
    return code, hazard, plain(child(record, "name")) or code


def _report(
    record: object,
    code: str,
    hazard: Hazard,
    title: str,
    *,
    area: Area,
    extent: Extent,
    episode: str = "",
    products: Sequence[object] = (),
) -> Report:
    ordered = moment(child(record, "activationTime"))
    onset = moment(child(record, "eventTime")) or ordered
    if onset is None:
        raise InputError(f"{code} has no time")
    delivered = [moment(child(p, "version", "deliveryTime")) for p in products if _delivered(p)]
    updated = max((m for m in delivered if m), default=moment(child(record, "lastUpdate")))
    related = [checked("emsr", other) for other in listed(record, "relatedevents")[:20]]
    details = {
        "status": {True: "closed", False: "open"}.get(child(record, "closed") is True, ""),
        "sort": plain(child(record, "subCategory"), 60),
        "ordered": f"{ordered:%Y-%m-%dT%H:%MZ}" if ordered else "",
        "products": _counted(products),
        "charter": whole(child(record, "charterNumber")),
        "story": web_address(child(record, "reportLink")),
        "related": " ".join(f"emsr:{other}" for other in related if other),
    }
    return Report(
        feed=Cems.name,
        id=code,
        title=title,
        url=f"{_HOME}/{code}",
        hazard=hazard,
        area=area,
        onset=onset,
        updated=updated,
        episode=episode,
        extent=extent,
        details={key: value for key, value in details.items() if value},
    )


def _round(product: object) -> int:
    """Return the number of the round of monitoring, 0 for the first map."""
    found = number(child(product, "monitoringNumber"))
    return int(found) if found is not None and 0 < found < 1000 else 0  # noqa: PLR2004 - years of it


def _delivered(product: object) -> bool:
    return child(product, "version", "statusCode") == _DELIVERED


def _counted(products: Sequence[object]) -> str:
    """Return how many products of each kind are delivered, of how many: ``DEL 3/4, GRA 0/2``."""
    kinds = [plain(child(p, "type"), 10) for p in products]
    done = Counter(kind for kind, p in zip(kinds, products, strict=True) if _delivered(p))
    return ", ".join(f"{kind} {done[kind]}/{n}" for kind, n in sorted(Counter(kinds).items()))


def _area(
    record: object, hazard: Hazard, aois: Sequence[object], title: str
) -> tuple[Area, Extent]:
    """Return the areas of interest; the frame around all, or a circle, where they are missing."""
    outlines = _outlines(aois)
    if not outlines:
        try:
            outlines.append(wkt_polygons(child(record, "extent")))
        except InputError:
            lon, lat = wkt_point(child(record, "centroid"))
            return circle(lon, lat, RADIUS_KM[hazard], name=title), Extent.CIRCLE
    return outlined(outlines, name=title), Extent.MAPPED


def _outlines(aois: Sequence[object]) -> list[BaseGeometry]:
    outlines = []
    texts = [child(aoi, "extent") for aoi in aois]
    for text in dict.fromkeys(t for t in texts if isinstance(t, str)):
        try:
            outlines.append(wkt_polygons(text))
        except InputError as error:
            log.warning("Copernicus EMS: an area of interest is left out: %s", error)
    return outlines


def _names(record: object, code: str) -> list[tuple[str, str]]:
    in_text = [(s, n) for s, n in mentioned(child(record, "reason")) if s == "glide"]
    return [("emsr", code), ("gdacs", checked("gdacs", child(record, "gdacsId"))), *in_text]


def _countries(record: object) -> list[str]:
    given = listed(record, "countries")[:50]
    names = (
        (child(c, "name") or child(c, "short_name")) if isinstance(c, Mapping) else c for c in given
    )
    return [plain(name, 60) for name in names]
