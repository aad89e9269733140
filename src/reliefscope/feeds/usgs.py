"""USGS: earthquakes of the whole world.

The catalogue of the United States Geological Survey, https://earthquake.usgs.gov/fdsnws/event/1/,
in GeoJSON; its summary feeds have the same form.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.feeds._base import NOTHING, answered, fitting, promised, read_each, reported
from reliefscope.feeds._ids import checked
from reliefscope.feeds._plain import child, epoch_ms, number, plain, told, web_address
from reliefscope.feeds._shapes import circle, earthquake_radius_km, point
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Hazard, Report, Window
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

ACCESS = Access(
    service="USGS earthquakes",
    host="earthquake.usgs.gov",
    how="it is open to all",
    probe="https://earthquake.usgs.gov/fdsnws/event/1/version",
)

LIMIT = 20_000
"""Most earthquakes the service gives in one answer."""
PAGER: Mapping[str, Alert] = {
    "green": Alert.GREEN,
    "yellow": Alert.ORANGE,
    "orange": Alert.ORANGE,
    "red": Alert.RED,
}
"""Alerts of PAGER, which estimates losses. Yellow is its own; it is rounded up, and kept as it
was said in the details."""
_MAGNITUDES = (-2.0, 10.0)
_MOST_IDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Usgs:
    """The feed of earthquakes of the USGS."""

    name: ClassVar[str] = "usgs"
    transport: Transport
    url: str = "https://earthquake.usgs.gov/fdsnws/event/1/query"
    min_magnitude: float = 5.0
    """Weaker ones are not asked for: they are many, and seldom leave what satellites see."""

    def events(
        self,
        window: Window,
        *,
        hazards: Collection[Hazard] | None = None,
        area: Area | None = None,
    ) -> Sequence[Event]:
        """Return the earthquakes within ``window``; see `Feed.events`."""
        if hazards is not None and Hazard.EARTHQUAKE not in hazards:
            return []
        ask = Ask(
            url=self.url,
            params={
                "format": "geojson",
                "eventtype": "earthquake",
                "starttime": f"{window.start:%Y-%m-%dT%H:%M:%S+00:00}",
                "endtime": f"{window.end:%Y-%m-%dT%H:%M:%S+00:00}",
                "minmagnitude": f"{self.min_magnitude:g}",
                "orderby": "time",
                "limit": str(LIMIT),
            },
        )
        answer = answered(self.transport, ask)
        if answer is NOTHING:
            return []
        found = read_each(self.name, promised(answer, "USGS", "features"), read_feature)
        return fitting(found, window, hazards, area)

    def find(self, scheme: str, value: str) -> Sequence[Event]:
        """Return the earthquake of that name; see `Feed.find`."""
        if scheme != "usgs" or not checked("usgs", value):
            return []
        ask = Ask(url=self.url, params={"format": "geojson", "eventid": value})
        try:
            answer = answered(self.transport, ask)
        except NothingFoundError:
            return []
        return [] if answer is NOTHING else read_each(self.name, [answer], read_feature)


def read_feature(feature: object) -> list[Event]:
    """Return the event of one feature, or none if it is no earthquake, or withdrawn.

    Raises
    ------
    InputError
        It lacks what an event needs: a name, a time, a place, a magnitude.
    """
    said = child(feature, "properties")
    kind = child(said, "type")
    if not isinstance(kind, str):
        raise InputError(f"a record of no type: {told(kind)}")
    if kind != "earthquake" or child(said, "status") == "deleted":
        return []
    id_ = checked("usgs", child(feature, "id"))
    onset, magnitude = epoch_ms(child(said, "time")), number(child(said, "mag"))
    if not id_ or onset is None:
        raise InputError(f"no name or no time: {told(child(feature, 'id'))}")
    if magnitude is None or not _MAGNITUDES[0] <= magnitude <= _MAGNITUDES[1]:
        raise InputError(f"{id_} has no magnitude, or one out of this world")
    lon, lat = _epicentre(child(feature, "geometry"))
    title = plain(child(said, "title")) or f"M {magnitude:.1f} - {plain(child(said, 'place'))}"
    pager = plain(child(said, "alert"), 20).lower()
    details = {"magnitude": f"{magnitude:g}", "pager": pager, "place": plain(child(said, "place"))}
    report = Report(
        feed=Usgs.name,
        id=id_,
        title=title,
        url=web_address(child(said, "url")),
        hazard=Hazard.EARTHQUAKE,
        area=circle(lon, lat, earthquake_radius_km(magnitude), name=title),
        onset=onset,
        updated=epoch_ms(child(said, "updated")),
        severity=PAGER.get(pager),
        details={key: value for key, value in details.items() if value},
    )
    return [reported(report, [("usgs", name) for name in (id_, *_others(said))])]


def _epicentre(geometry: object) -> tuple[float, float]:
    where = child(geometry, "coordinates")
    if not isinstance(where, list) or len(where) not in {2, 3}:
        raise InputError("no epicentre of longitude, latitude and depth")
    return point(where[0], where[1])


def _others(said: object) -> list[str]:
    """Return the names that other networks gave the same earthquake."""
    ids = child(said, "ids")
    given = ids[:2000].split(",") if isinstance(ids, str) else []
    return sorted({checked("usgs", name) for name in given} - {""})[:_MOST_IDS]
