"""ReliefWeb: disasters that humanitarian organisations answer, with their GLIDE numbers.

The service of the United Nations Office for the Coordination of Humanitarian Affairs,
https://apidoc.reliefweb.int, version 2. It names countries and maps nothing.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.feeds._base import all_pages, answered, fitting, promised, read_each, reported
from reliefscope.feeds._ids import HAZARD_CODES, checked, mentioned
from reliefscope.feeds._plain import child, listed, moment, plain, web_address, whole
from reliefscope.feeds._shapes import circle, point
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Extent, Hazard, Report, Window
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

log = logging.getLogger(__name__)

ACCESS = Access(
    service="ReliefWeb",
    names=("RELIEFWEB_APPNAME",),
    host="api.reliefweb.int",
    how="ask for an approved application name at https://apidoc.reliefweb.int/parameters#appname",
    probe="https://api.reliefweb.int/v2/disasters?limit=0",
)

PAGE = 1000
MAX_PAGES = 5
COUNTRY_KM = 300.0
"""Radius around the middle of the country, where ReliefWeb says no more than the country [km].
It stands for "somewhere in it", whatever the country's size."""
_ISO3 = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefWeb:
    """The feed of the disasters of ReliefWeb."""

    name: ClassVar[str] = "reliefweb"
    transport: Transport
    url: str = "https://api.reliefweb.int/v2/disasters"

    def events(
        self,
        window: Window,
        *,
        hazards: Collection[Hazard] | None = None,
        area: Area | None = None,
    ) -> Sequence[Event]:
        """Return the disasters that went on within ``window``; see `Feed.events`."""
        begun = {"from": f"{window.start:%Y-%m-%dT%H:%M:%S+00:00}"}
        begun["to"] = f"{window.end:%Y-%m-%dT%H:%M:%S+00:00}"
        going_on = {"field": "status", "value": ["alert", "ongoing"], "operator": "OR"}
        condition = {
            "operator": "OR",
            "conditions": [{"field": "date.event", "value": begun}, going_on],
        }
        found = read_each(self.name, self._listed(condition), read_record)
        return fitting(found, window, hazards, area)

    def find(self, scheme: str, value: str) -> Sequence[Event]:
        """Return the disaster of that name or GLIDE number; see `Feed.find`."""
        if scheme not in {"reliefweb", "glide"} or not checked(scheme, value):
            return []
        field = "id" if scheme == "reliefweb" else "glide"
        try:
            found = self._listed({"field": field, "value": value})
        except NothingFoundError:
            return []
        return read_each(self.name, found, read_record)

    def _listed(self, condition: Mapping[str, object]) -> list[object]:
        names = self.transport.credentials(ACCESS)
        appname = names["RELIEFWEB_APPNAME"].get_secret_value()

        def page(number: int) -> list[object]:
            body = {
                "limit": PAGE,
                "offset": number * PAGE,
                "sort": ["date.event:desc"],
                "profile": "full",
                "filter": condition,
            }
            ask = Ask(url=self.url, params={"appname": appname}, body=body)
            return promised(answered(self.transport, ask), "ReliefWeb", "data")

        def id_(record: object) -> object:
            return child(record, "id")

        return all_pages("ReliefWeb", page, id_, size=PAGE, most=MAX_PAGES)


def read_record(record: object) -> list[Event]:
    """Return the event of one record, or none if it is of a kind we do not look at.

    Raises
    ------
    InputError
        It lacks what an event needs: a number, a time, a country with a place.
    """
    said = child(record, "fields")
    id_ = whole(child(said, "id")) or whole(child(record, "id"))
    if not id_:
        raise InputError("a disaster without a number")
    hazard = _hazard(said)
    if hazard is None:
        return []
    onset = moment(child(said, "date", "event")) or moment(child(said, "date", "created"))
    if onset is None:
        raise InputError(f"disaster {id_} has no time")
    title = plain(child(said, "name")) or f"ReliefWeb {id_}"
    codes, countries = _countries(said)
    where = child(said, "primary_country", "location")
    lon, lat = point(child(where, "lon"), child(where, "lat"))
    details = {
        "status": plain(child(said, "status"), 20).lower(),
        "countries": codes,
        "related": " ".join(_related(said)),
    }
    report = Report(
        feed=ReliefWeb.name,
        id=id_,
        title=title,
        url=web_address(child(said, "url_alias")) or web_address(child(said, "url")),
        hazard=hazard,
        area=circle(lon, lat, COUNTRY_KM, name=", ".join(countries) or title),
        onset=onset,
        updated=moment(child(said, "date", "changed")),
        extent=Extent.COUNTRY,
        details={key: value for key, value in details.items() if value},
    )
    names = [("reliefweb", id_), ("glide", checked("glide", child(said, "glide")))]
    names += [(s, n) for s, n in mentioned(child(said, "description")) if s == "emsr"]
    return [reported(report, names, countries)]


def _hazard(said: object) -> Hazard | None:
    """Return the hazard of the main kind; ReliefWeb lists others that came with it."""
    codes = [child(said, "primary_type", "code")]
    codes += [child(t, "code") for t in listed(said, "type")[:20] if child(t, "primary") is True]
    stated = [code for code in codes if isinstance(code, str)]
    if not stated:
        raise InputError(f"disaster {plain(child(said, 'name'), 60)!r} is of no kind")
    return next((HAZARD_CODES[code] for code in stated if code in HAZARD_CODES), None)


def _countries(said: object) -> tuple[str, list[str]]:
    """Return the codes in one text, and the codes, or the names where there are no codes."""
    given = [child(said, "primary_country"), *listed(said, "country")[:50]]
    said_codes = [plain(child(c, "iso3"), 3).upper() for c in given]
    codes = sorted({code for code in said_codes if _ISO3.fullmatch(code)})
    names = [plain(child(c, "shortname"), 60) or plain(child(c, "name"), 60) for c in given]
    return " ".join(codes), codes or sorted({n for n in names if n})


def _related(said: object) -> list[str]:
    others = [checked("glide", g) for g in listed(said, "related_glide")[:20]]
    return [f"glide:{other}" for other in others if other]
