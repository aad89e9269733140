"""GDACS: earthquakes, floods, cyclones, droughts, fires and volcanoes of the whole world.

The Global Disaster Alert and Coordination System of the United Nations and the European
Commission, https://www.gdacs.org. Its times are UTC, though they do not say so.
"""

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar
from xml.etree.ElementTree import Element

from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError, NothingFoundError, SourceError, UnavailableError
from reliefscope.feeds._base import (
    NOTHING,
    all_pages,
    answered,
    fitting,
    incomplete,
    promised,
    read_each,
    reported,
)
from reliefscope.feeds._ids import HAZARD_CODES, checked
from reliefscope.feeds._plain import child, listed, moment, number, plain, told, web_address, whole
from reliefscope.feeds._shapes import (
    RADIUS_KM,
    circle,
    earthquake_radius_km,
    geojson_point,
    geojson_polygons,
    outlined,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Extent, Hazard, Report, Window
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

log = logging.getLogger(__name__)

ACCESS = Access(
    service="GDACS",
    host="www.gdacs.org",
    how="it is open to all",
    probe="https://www.gdacs.org/xml/rss_24h.xml",
)

CODES = ("EQ", "FL", "TC", "DR", "WF", "VO")
"""Kinds of disaster that are asked for, each by itself: an answer holds 100 at most, and fires
would crowd out the rest."""
PAGE = 100
MAX_PAGES = 30
MAX_EPISODES = 8
"""Episodes looked up of one disaster, the latest; a drought may have a hundred."""

_LEVELS: Mapping[str, Alert] = {str(level): level for level in Alert}
_OUTLINES = (("Poly_Affected",), ("Poly_area",), ("Poly_Green", "Poly_Orange", "Poly_Red"))
"""Classes of the polygons that show where a disaster struck, the best first. Left out are
``Poly_Global`` (all episodes), ``Poly_Cones`` (uncertainty) and ``Poly_Circle`` (a fixed ring)."""
_WIND = "km/h"
"""Of the wind fields of a cyclone, those labelled with a speed have happened; those labelled with
a time are single moments, also forecast ones."""
_ISO3 = re.compile(r"[A-Z]{3}")
_EPISODE = re.compile(r"[?&]episodeid=(\d{1,9})(?:&|$)", re.ASCII | re.IGNORECASE)
_RSS_ITEM = "{http://www.gdacs.org}"
_RSS_NAMES = (
    *("eventtype", "eventid", "episodeid", "fromdate", "todate", "alertlevel"),
    *("episodealertlevel", "glide", "iso3", "country"),
)
_GEO = "{http://www.w3.org/2003/01/geo/wgs84_pos#}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gdacs:
    """The feed of GDACS: its list of events, or where that fails its RSS of seven days."""

    name: ClassVar[str] = "gdacs"
    transport: Transport
    url: str = "https://www.gdacs.org"
    polygons: int = 20
    """Outlines looked up for one list, of orange and red alerts, the latest first; the other
    disasters are circles around their centre."""

    def events(
        self,
        window: Window,
        *,
        hazards: Collection[Hazard] | None = None,
        area: Area | None = None,
    ) -> Sequence[Event]:
        """Return the disasters that went on within ``window``; see `Feed.events`."""
        codes = [c for c in CODES if hazards is None or HAZARD_CODES[c] in hazards]
        if not codes:
            return []
        with ThreadPoolExecutor(len(codes)) as pool:
            answers = dict(zip(codes, pool.map(partial(self._tried, window), codes), strict=True))
        features = [f for found in answers.values() if isinstance(found, list) for f in found]
        failed = {code: error for code, error in answers.items() if isinstance(error, Exception)}
        if failed:
            features += self._rss(window, failed)
        found = fitting(read_each(self.name, features, read_feature), window, hazards, area)
        return self._with_outlines(found)

    def find(self, scheme: str, value: str) -> Sequence[Event]:
        """Return the latest episodes of a disaster; see `Feed.find`."""
        if scheme != "gdacs" or not checked("gdacs", value):
            return []
        asked = {"eventtype": value[:2], "eventid": value[2:]}
        ask = Ask(url=f"{self.url}/gdacsapi/api/events/geteventdata", params=asked)
        try:
            feature = answered(self.transport, ask)
        except NothingFoundError:
            return []
        if feature is NOTHING:
            return []
        found = read_each(self.name, [feature], read_feature)
        if not found or found[0].hazard is Hazard.EARTHQUAKE:  # one moment, no episodes
            return found
        episodes = _episodes(found[0], listed(feature, "properties", "episodes"))
        try:
            return [e for e in map(self._outlined, episodes) if e is not None] or found
        except SourceError as error:
            log.warning("GDACS: no outlines of %s: %s", value, error)
            return [incomplete(event) for event in found]

    def _tried(self, window: Window, code: str) -> list[object] | SourceError | InputError:
        try:
            return self._listed(window, code)
        except (SourceError, InputError) as error:
            return error

    def _listed(self, window: Window, code: str) -> list[object]:
        def page(number_: int) -> list[object]:
            params = {
                "eventlist": code,
                "fromdate": f"{window.start:%Y-%m-%d}",
                "todate": f"{window.end:%Y-%m-%d}",
                "alertlevel": "green;orange;red",
                "pagesize": str(PAGE),
                "pagenumber": str(number_ + 1),
            }
            ask = Ask(url=f"{self.url}/gdacsapi/api/events/geteventlist/SEARCH", params=params)
            answer = answered(self.transport, ask)
            return [] if answer is NOTHING else promised(answer, "GDACS", "features")

        def name(feature: object) -> object:
            return child(feature, "properties", "eventid")

        return all_pages(f"GDACS {code}", page, name, size=PAGE, most=MAX_PAGES)

    def _rss(self, window: Window, failed: Mapping[str, SourceError | InputError]) -> list[object]:
        """Return what the RSS says of the kinds of disaster whose list failed."""
        first = next(iter(failed.values()))
        log.warning("GDACS' list of %s failed, its RSS stands in: %s", ", ".join(failed), first)
        try:
            root = self.transport.xml(Ask(url=f"{self.url}/xml/rss_7d.xml"))
        except (SourceError, InputError) as error:
            log.warning("GDACS' RSS failed too: %s", error)
            raise first from error
        log.warning("GDACS: the RSS holds seven days; the list was to begin at %s", window.start)
        features = rss_features(root)
        return [f for f in features if child(f, "properties", "eventtype") in {"", *failed}]

    def _with_outlines(self, events: Sequence[Event]) -> list[Event]:
        """Return the events, the gravest with their outlines; as they are once GDACS is out."""
        grave = [e for e in events if e.severity and e.severity is not Alert.GREEN]
        grave.sort(key=lambda e: (e.onset, e.id), reverse=True)
        asked = [e for e in grave if e.hazard is not Hazard.EARTHQUAKE][: self.polygons]
        known = {event.reports[0].id: incomplete(event) for event in asked}
        for event in asked:
            try:
                known[event.reports[0].id] = self._outlined(event) or event
            except UnavailableError as error:
                log.warning("GDACS: no more outlines: %s", error)
                break
            except SourceError as error:
                log.warning("GDACS: no outline of %s: %s", event.id, error)
        return [known.get(event.reports[0].id, event) for event in events]

    def _outlined(self, event: Event) -> Event | None:
        """Return the event with its outline, or None where there is none."""
        (report,) = event.reports
        asked = {
            "eventtype": report.id[:2],
            "eventid": report.id[2:],
            "episodeid": report.episode,
        }
        ask = Ask(url=f"{self.url}/gdacsapi/api/polygons/getgeometry", params=asked)
        try:
            answer = answered(self.transport, ask)
            return None if answer is NOTHING else read_geometry(event, answer)
        except (NothingFoundError, InputError) as error:
            log.warning("GDACS: no outline of %s: %s", event.id, error)
            return None


def read_feature(feature: object) -> list[Event]:
    """Return the event of one feature of a list, or none if it is of a kind we do not look at.

    Raises
    ------
    InputError
        It lacks what an event needs: a name, a time, a place.
    """
    properties = child(feature, "properties")
    code, number_ = child(properties, "eventtype"), whole(child(properties, "eventid"))
    if not (isinstance(code, str) and number_):
        raise InputError(f"no event type and number: {told(code)}")
    if code not in CODES:
        return []
    hazard = HAZARD_CODES[code]
    onset, end = moment(child(properties, "fromdate")), moment(child(properties, "todate"))
    if onset is None:
        raise InputError(f"{code}{number_} has no time of onset")
    lon, lat = geojson_point(child(feature, "geometry"))
    magnitude = number(child(properties, "severitydata", "severity"))
    named = plain(child(properties, "name")) or plain(child(properties, "description"))
    title = named or f"GDACS {code}{number_}"
    codes, countries = _countries(properties)
    report = Report(
        feed=Gdacs.name,
        id=f"{code}{number_}",
        title=title,
        url=web_address(child(properties, "url", "report")),
        hazard=hazard,
        area=circle(lon, lat, _radius_km(hazard, magnitude), name=title),
        onset=onset,
        end=end if end is not None and end > onset else None,
        updated=moment(child(properties, "datemodified")),
        severity=_LEVELS.get(plain(child(properties, "alertlevel")).lower()),
        episode=whole(child(properties, "episodeid")),
        details=_details(properties, hazard, magnitude, codes),
    )
    return [reported(report, _names(properties, report), countries)]


def _radius_km(hazard: Hazard, magnitude: float | None) -> float:
    if hazard is Hazard.EARTHQUAKE and magnitude is not None:
        return earthquake_radius_km(magnitude)
    return RADIUS_KM[hazard]


def _countries(properties: object) -> tuple[str, list[str]]:
    """Return the codes in one text, and the codes; none, and the names, where codes are missing."""
    said = [child(properties, "iso3")]
    said += [child(c, "iso3") for c in listed(properties, "affectedcountries")[:50]]
    codes = sorted({c for c in said if isinstance(c, str) and _ISO3.fullmatch(c)})
    names = [plain(n, 60) for n in plain(child(properties, "country"), 1000).split(",")]
    if len(codes) < len([n for n in names if n]):  # the RSS gives one code for many names
        return "", names
    return " ".join(codes), codes


def _details(
    properties: object, hazard: Hazard, magnitude: float | None, codes: str
) -> dict[str, str]:
    details = {
        "countries": codes,
        "magnitude": f"{magnitude:g}" if hazard is Hazard.EARTHQUAKE and magnitude else "",
        "episode_alert": plain(child(properties, "episodealertlevel"), 20).lower(),
        "severity": plain(child(properties, "severitydata", "severitytext")),
        "source": plain(child(properties, "source"), 40),
    }
    return {key: value for key, value in details.items() if value}


def _names(properties: object, report: Report) -> list[tuple[str, str]]:
    names = [("gdacs", report.id), ("glide", checked("glide", child(properties, "glide")))]
    if report.hazard is Hazard.EARTHQUAKE and child(properties, "source") == "NEIC":
        names.append(("usgs", checked("usgs", child(properties, "sourceid"))))
    return names


def _episodes(event: Event, episodes: Iterable[object]) -> Iterator[Event]:
    """Yield the event once for each of its latest episodes."""
    (report,) = event.reports
    links = (child(e, "details") for e in episodes)
    found = (_EPISODE.search(link) for link in links if isinstance(link, str))
    known = sorted({int(m[1]) for m in found if m} | {int(report.episode or 0)})
    for episode in known[-MAX_EPISODES:]:
        yield replace(event, reports=(replace(report, episode=str(episode)),))


def read_geometry(event: Event, answer: object) -> Event:
    """Return ``event`` as the answer to a request for its outline has it.

    Raises
    ------
    IntegrityError
        It is no collection of features.
    InputError
        None of them shows where the disaster struck, or not as polygons.
    """
    (report,) = event.reports
    features = promised(answer, "GDACS", "features")
    for feature in features:
        if child(feature, "properties", "Class") == "Point_Centroid":
            said = read_feature(feature)  # what the episode says of itself
            if said and said[0].reports[0].id == report.id:
                (event,) = said
                report = replace(event.reports[0], episode=report.episode)
    area = outlined(_polygons(features), name=report.title)
    report = replace(report, area=area, extent=Extent.MAPPED)
    return replace(event, area=area, reports=(report,))


def _polygons(features: Sequence[object]) -> list[BaseGeometry]:
    for classes in _OUTLINES:
        chosen = [f for f in features if child(f, "properties", "Class") in classes]
        swept = [f for f in chosen if _WIND in plain(child(f, "properties", "polygonlabel"))]
        if chosen:
            return [geojson_polygons(child(f, "geometry")) for f in swept or chosen]
    raise InputError("no outline of where the disaster struck")


def rss_features(root: Element) -> Iterator[object]:
    """Yield the items of the RSS in the form of the features of the list."""
    for item in root.iter("item"):
        severity = item.find(f"{_RSS_ITEM}severity")
        where = item.find(f"{_GEO}Point")
        yield {
            "properties": {
                **{n: (item.findtext(f"{_RSS_ITEM}{n}") or "").strip() for n in _RSS_NAMES},
                "name": item.findtext("title"),
                "datemodified": item.findtext("pubDate"),
                "url": {"report": item.findtext("link")},
                "severitydata": {}
                if severity is None
                else {"severity": severity.get("value"), "severitytext": severity.text},
            },
            "geometry": {
                "type": "Point",
                "coordinates": []
                if where is None
                else [where.findtext(f"{_GEO}long"), where.findtext(f"{_GEO}lat")],
            },
        }
