"""EONET: storms, fires, floods, volcanoes and more of the whole world.

The Earth Observatory Natural Event Tracker of NASA, https://eonet.gsfc.nasa.gov, version 3.
An event is a series of points, or of outlines, in time.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.feeds._base import answered, fitting, promised, read_each, reported
from reliefscope.feeds._ids import checked, mentioned
from reliefscope.feeds._plain import child, listed, moment, number, plain, told, web_address
from reliefscope.feeds._shapes import RADIUS_KM, geojson_point, geojson_polygons, outlined, track
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Extent, Hazard, Report, Window
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

log = logging.getLogger(__name__)

ACCESS = Access(
    service="EONET",
    host="eonet.gsfc.nasa.gov",
    how="it is open to all",
    probe="https://eonet.gsfc.nasa.gov/api/v3/categories",
)

CATEGORIES: Mapping[str, Hazard] = {
    "drought": Hazard.DROUGHT,
    "earthquakes": Hazard.EARTHQUAKE,
    "floods": Hazard.FLOOD,
    "landslides": Hazard.LANDSLIDE,
    "manmade": Hazard.EXPLOSION,
    "severeStorms": Hazard.STORM,
    "tempExtremes": Hazard.HEAT,
    "volcanoes": Hazard.VOLCANO,
    "wildfires": Hazard.FIRE,
}
"""Categories that are a hazard here; dust, ice, snow and the colour of water are none."""
_ONLY_IF: Mapping[str, re.Pattern[str]] = {
    "manmade": re.compile(r"\bexplo", re.IGNORECASE),
    "tempExtremes": re.compile(r"\b(?:heat|hot)", re.IGNORECASE),
}
"""Categories that hold other things too; the title tells."""
_SOURCES = (
    ("gdacs", re.compile(r"eventtype=([A-Z]{2})&(?:amp;)?eventid=(\d{1,9})(?!\d)")),
    ("usgs", re.compile(r"usgs\.gov/earthquakes/eventpage/([a-z0-9_]{3,48})")),
    ("emsr", re.compile(r"\b(EMSR\d{3,5})\b")),
    ("glide", re.compile(r"reliefweb\.int/disaster/([A-Za-z]{2}-\d{4}-\d{6}-[A-Za-z]{3})")),
)
"""Addresses of sources that give the name of the same disaster elsewhere."""
_MOST_GEOMETRIES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Eonet:
    """The feed of EONET: ``events`` or ``events/geojson``."""

    name: ClassVar[str] = "eonet"
    transport: Transport
    url: str = "https://eonet.gsfc.nasa.gov/api/v3/events"

    def events(
        self,
        window: Window,
        *,
        hazards: Collection[Hazard] | None = None,
        area: Area | None = None,
    ) -> Sequence[Event]:
        """Return the disasters that went on within ``window``; see `Feed.events`."""
        asked = [c for c, h in CATEGORIES.items() if hazards is None or h in hazards]
        if not asked:
            return []
        ask = Ask(
            url=self.url,
            params={
                "status": "all",
                "start": f"{window.start:%Y-%m-%d}",
                "end": f"{window.end:%Y-%m-%d}",
                "category": ",".join(asked),
            },
        )
        answer = answered(self.transport, ask)
        found = read_each(self.name, records(answer), read_record)
        return fitting(found, window, hazards, area)

    def find(self, scheme: str, value: str) -> Sequence[Event]:
        """Return the event of that name; see `Feed.find`."""
        if scheme != "eonet" or not checked("eonet", value):
            return []
        home = self.url.removesuffix("/geojson")
        try:
            answer = answered(self.transport, Ask(url=f"{home}/{value}"))
        except NothingFoundError:
            return []
        return read_each(self.name, [answer], read_record)


def records(answer: object) -> list[object]:
    """Return the events of an answer, of either form: one record with all its geometries each.

    Raises
    ------
    IntegrityError
        It is of neither form.
    """
    if child(answer, "type") != "FeatureCollection":
        return promised(answer, "EONET", "events")
    whole: dict[str, dict[str, object]] = {}
    series: dict[str, list[object]] = {}
    for feature in promised(answer, "EONET", "features"):
        said, geometry = child(feature, "properties"), child(feature, "geometry")
        if not (isinstance(said, Mapping) and isinstance(geometry, Mapping)):
            log.warning("EONET: a feature without properties or geometry is left out")
            continue
        id_ = told(said.get("id"))
        whole.setdefault(id_, dict(said))
        series.setdefault(id_, []).append({**geometry, "date": said.get("date")})
    return [{**said, "geometry": series[id_]} for id_, said in whole.items()]


def read_record(record: object) -> list[Event]:
    """Return the event of one record, or none if it is of a category we do not look at.

    Raises
    ------
    InputError
        It lacks what an event needs: a name, a time, a place.
    """
    id_ = checked("eonet", child(record, "id"))
    if not id_:
        raise InputError(f"no name like EONET_123: {told(child(record, 'id'))}")
    title = plain(child(record, "title")) or id_
    hazard = _hazard(record, title)
    if hazard is None:
        return []
    geometries = [g for g in listed(record, "geometry")[:_MOST_GEOMETRIES] if child(g, "date")]
    geometries.sort(key=lambda g: told(child(g, "date")))
    moments = [m for g in geometries if (m := moment(child(g, "date"))) is not None]
    if not moments:
        raise InputError(f"{id_} has no time")
    closed = moment(child(record, "closed"))
    area, extent = _area(geometries, hazard, title)
    onset, last = min(moments), max(moments)
    end = max(closed, last) if closed else last
    report = Report(
        feed=Eonet.name,
        id=id_,
        title=title,
        url=_page(record),
        hazard=hazard,
        area=area,
        onset=onset,
        end=end if end > onset else None,
        updated=last,
        extent=extent,
        details=_details(record, geometries, open_=closed is None),
    )
    return [reported(report, [("eonet", id_), *_names(record)])]


def _hazard(record: object, title: str) -> Hazard | None:
    for category in listed(record, "categories")[:10]:
        id_ = child(category, "id")
        if isinstance(id_, str) and id_ in CATEGORIES:
            only = _ONLY_IF.get(id_)
            return CATEGORIES[id_] if only is None or only.search(title) else None
    return None


def _area(geometries: Sequence[object], hazard: Hazard, title: str) -> tuple[Area, Extent]:
    """Return the outlines where there are any, otherwise the strip around the points."""
    outlines = [g for g in geometries if child(g, "type") != "Point"]
    if outlines:
        return outlined(map(geojson_polygons, outlines), name=title), Extent.MAPPED
    points = list(dict.fromkeys(geojson_point(g) for g in geometries))
    extent = Extent.TRACK if len(points) > 1 else Extent.CIRCLE
    return track(points, RADIUS_KM[hazard], name=title), extent


def _page(record: object) -> str:
    links = (web_address(child(s, "url")) for s in listed(record, "sources")[:20])
    return next(filter(None, links), "") or web_address(child(record, "link"))


def _details(record: object, geometries: Sequence[object], *, open_: bool) -> dict[str, str]:
    sources = [plain(child(s, "id"), 20) for s in listed(record, "sources")[:20]]
    sizes = [(v, g) for g in geometries if (v := number(child(g, "magnitudeValue"))) is not None]
    details = {"status": "open" if open_ else "closed", "sources": " ".join(filter(None, sources))}
    if sizes:
        size, geometry = max(sizes, key=lambda pair: pair[0])
        unit = plain(child(geometry, "magnitudeUnit"), 20)
        details["magnitude" if unit.lower().startswith("m") else "size"] = (
            f"{size:g} {unit}".strip()
        )
    return {key: value for key, value in details.items() if value}


def _names(record: object) -> list[tuple[str, str]]:
    names = mentioned(child(record, "description"))
    for source in listed(record, "sources")[:20]:
        url = child(source, "url")
        for scheme, pattern in _SOURCES:
            match = pattern.search(url[:2000]) if isinstance(url, str) else None
            if match:
                name = "".join(match.groups())
                names.append((scheme, checked(scheme, name.upper() if scheme == "glide" else name)))
    return names
