"""Names that feeds give to disasters, and what can be told from a name alone."""

import re
from collections.abc import Iterable, Mapping

from reliefscope.errors import InputError
from reliefscope.model.event import Hazard

SCHEMES: Mapping[str, re.Pattern[str]] = {
    "glide": re.compile(r"[A-Z]{2}-\d{4}-\d{6}-[A-Z]{3}", re.ASCII),
    "emsr": re.compile(r"EMSR\d{3,5}", re.ASCII),
    "gdacs": re.compile(r"(?:DR|EQ|FL|TC|TS|VO|WF)\d{1,9}", re.ASCII),
    "reliefweb": re.compile(r"\d{1,9}", re.ASCII),
    "usgs": re.compile(r"[a-z0-9][a-z0-9_]{2,47}", re.ASCII),
    "eonet": re.compile(r"EONET_\d{1,9}", re.ASCII),
}
"""How the names of each scheme are written; the best known come first."""

HAZARD_CODES: Mapping[str, Hazard] = {
    "DR": Hazard.DROUGHT,
    "EQ": Hazard.EARTHQUAKE,
    "FF": Hazard.FLOOD,
    "FL": Hazard.FLOOD,
    "FR": Hazard.FIRE,
    "HT": Hazard.HEAT,
    "LS": Hazard.LANDSLIDE,
    "MS": Hazard.LANDSLIDE,
    "SS": Hazard.STORM,
    "ST": Hazard.STORM,
    "TC": Hazard.STORM,
    "TO": Hazard.STORM,
    "VO": Hazard.VOLCANO,
    "VW": Hazard.STORM,
    "WF": Hazard.FIRE,
}
"""Hazards by the two letters of GLIDE numbers (https://glidenumber.net), which GDACS and
ReliefWeb use too. Epidemics, cold waves, accidents and the like are not looked at from here."""

_MENTIONED = {
    "glide": re.compile(r"\b[A-Z]{2}-\d{4}-\d{6}-[A-Z]{3}\b", re.ASCII),
    "emsr": re.compile(r"\bEMSR\d{3,5}\b", re.ASCII),
}


def checked(scheme: str, value: object) -> str:
    """Return ``value`` if it is written as names of ``scheme`` are, otherwise an empty text."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    return text if SCHEMES[scheme].fullmatch(text) else ""


def hazard_of(scheme: str, value: str) -> Hazard | None:
    """Return the hazard that a name states, or None where it states none that we know."""
    return HAZARD_CODES.get(value[:2]) if scheme in {"glide", "gdacs"} else None


def sorted_out(
    names: Iterable[tuple[str, str]], hazard: Hazard
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the names of a disaster by scheme, and those of others that belong to it.

    A flood may carry the name of the cyclone that brought it: two disasters, not one.

    Parameters
    ----------
    names : iterable of (str, str)
        Scheme and name; empty names are left out.
    hazard : Hazard
        Of the disaster.
    """
    own: dict[str, list[str]] = {}
    related: list[str] = []
    for scheme, value in names:
        stated = hazard_of(scheme, value)
        if not value:
            continue
        if stated is None or stated is hazard:
            own.setdefault(scheme, []).append(value)
        else:
            related.append(f"{scheme}:{value}")
    return {s: " ".join(dict.fromkeys(v)) for s, v in own.items()}, tuple(dict.fromkeys(related))


def mentioned(text: object) -> list[tuple[str, str]]:
    """Return the GLIDE number and the EMSR number in a text, where it holds just one of a kind."""
    if not isinstance(text, str):
        return []
    found = {s: set(pattern.findall(text)) for s, pattern in _MENTIONED.items()}
    return [(scheme, names.pop()) for scheme, names in found.items() if len(names) == 1]


def event_id(ids: Mapping[str, str]) -> str:
    """Return the identifier of an event from the best known of its names; empty without any.

    GLIDE and EMSR numbers stand as they are: everyone knows them. Others carry their scheme.
    """
    for scheme in SCHEMES:
        for name in ids.get(scheme, "").split():
            if checked(scheme, name):
                return _written(scheme, name)
    return ""


def _written(scheme: str, name: str) -> str:
    if scheme in {"glide", "emsr"}:
        return name
    if scheme == "gdacs":
        return f"GDACS-{name[:2]}-{name[2:]}"
    if scheme == "eonet":
        return name.replace("_", "-")
    return f"{scheme.upper()}-{name.replace('_', '-')}"


_LOOSE = re.IGNORECASE | re.ASCII
_ASKED: Mapping[str, re.Pattern[str]] = {
    "glide": re.compile(r"(?:GLIDE[:-])?([A-Z]{2}-\d{4}-\d{6}-[A-Z]{3})", _LOOSE),
    "emsr": re.compile(r"(?:EMSR|CEMS)[:-]?(?:EMSR)?(\d{3,5})", _LOOSE),
    "gdacs": re.compile(r"(?:GDACS[:-])?((?:DR|EQ|FL|TC|TS|VO|WF)-?\d{1,9})", _LOOSE),
    "reliefweb": re.compile(r"RELIEFWEB[:-](\d{1,9})", _LOOSE),
    "usgs": re.compile(r"USGS[:-]([a-z0-9][a-z0-9_-]{2,47})", _LOOSE),
    "eonet": re.compile(r"EONET[:_-](?:EONET_)?(\d{1,9})", _LOOSE),
}


def identify(text: str) -> tuple[str, str]:
    """Return scheme and name of what a person wrote: ``GDACS:FL-1102983``, ``EMSR847`` ...

    The identifiers of events are understood too.

    Raises
    ------
    InputError
        It is written like none of them.
    """
    for scheme, pattern in _ASKED.items():
        if match := pattern.fullmatch(text.strip()):
            name = match[1]
            return scheme, _named(scheme, name)
    raise InputError(
        f"{text[:80]!r} names no disaster; write a GLIDE number (FL-2024-000199-ESP), EMSR847, "
        f"GDACS:FL-1102983, EONET:15547, USGS:us6000pi9w or RELIEFWEB:52108"
    )


def _named(scheme: str, name: str) -> str:
    if scheme == "emsr":
        return f"EMSR{name}"
    if scheme == "eonet":
        return f"EONET_{name}"
    if scheme == "usgs":
        return name.lower().replace("-", "_")
    return name.upper().replace("-", "") if scheme == "gdacs" else name.upper()
