"""The event file: a disaster, an area and where to look, in TOML."""

import dataclasses
import datetime as dt
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard
from reliefscope.settings import Settings
from reliefscope.sources import SOURCES
from reliefscope.sources._base import Source
from reliefscope.sources.layers import ContextFiles
from reliefscope.sources.places import area_from_file, area_from_name
from reliefscope.sources.tables import TABLES
from reliefscope.transport.client import Transport

DEFAULT_SOURCES: Mapping[str, Mapping[str, str]] = {
    "planetary-computer": {"type": "stac", "profile": "planetary-computer"},
    "earth-search": {"type": "stac", "profile": "earth-search"},
}
"""Where an event is looked for when its file names no source: open, without an account."""

_T = TypeVar("_T", bound=BaseModel)


class Strict(BaseModel):
    """A table in which no other key may stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EventPart(Strict):
    """``[event]``: what happened, and when."""

    id: str
    title: str = ""
    hazard: Hazard
    onset: dt.datetime
    ids: Mapping[str, str] = {}


class AreaPart(Strict):
    """Exactly one of ``bbox``, ``file`` and ``country``."""

    bbox: tuple[float, float, float, float] | None = None
    file: Path | None = None
    country: str | None = None
    name: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "AreaPart":
        given = [k for k in ("bbox", "file", "country") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of bbox, file or country, not {given or 'none'}")
        return self


class MapPart(Strict):
    """``[map]``: how it is mapped."""

    indicator: str | None = None
    """Default: the one for the hazard."""
    resolution: Annotated[float, Field(gt=0)] = 20.0
    stage: Literal["REF", "FEP", "DEL", "GRA"] = "DEL"
    parameters: Mapping[str, float] = {}


class ContextPart(Strict):
    """Each layer is a file, or the name of a service."""

    population: str | None = None
    population_source: str = ""
    admin: str | None = None
    admin_source: str = ""
    fields: Mapping[str, str] = {}
    places: str | None = None
    roads: str | None = None
    facilities: str | None = None


class EventFile(Strict):
    """All of an event file."""

    event: EventPart
    area: AreaPart
    map: MapPart = MapPart()
    sources: Mapping[str, dict[str, Any]] = {}
    context: ContextPart = ContextPart()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an event file asks for, ready to plan."""

    event: Event
    indicator: str
    """Key of ``INDICATORS``."""
    resolution: float
    """Pixel size [m]."""
    sources: Mapping[str, Source]
    parameters: Mapping[str, float] = dataclasses.field(default_factory=dict)
    stage: str = "DEL"
    aoi: int = 1
    """Number of the area within the event."""
    monitoring: int | None = None
    """Number of the later pass over the same event; None for the first product."""
    context: ContextFiles = dataclasses.field(default_factory=ContextFiles)
    transport: Transport = dataclasses.field(default_factory=Transport, repr=False)
    """Asks the services of the context."""


def read_event_file(path: Path, settings: Settings) -> Request:
    """Return the request in the TOML file at ``path``; relative paths start at its folder.

    Raises
    ------
    InputError
        The file is missing, is not TOML, or a key is unknown or wrong: the message names the
        key and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"event file {path} does not exist") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    return parse_event(text, settings, base=path.parent, name=str(path))


def parse_event(text: str, settings: Settings, *, base: Path, name: str) -> Request:
    """Return the request in the text of an event file.

    Parameters
    ----------
    text : str
        TOML.
    settings : Settings
        Where the cache is, which hosts are trusted.
    base : Path
        Folder at which relative paths start.
    name : str
        What errors call the text.

    Raises
    ------
    InputError
        As `read_event_file`.
    """
    return build_request(parse_event_file(text, name=name), settings, base=base)


def parse_event_file(text: str, *, name: str) -> EventFile:
    """Return what the text of an event file says, checked; nothing is opened.

    Raises
    ------
    InputError
        As `read_event_file`.
    """
    return parse_toml(EventFile, text, name=name)


def parse_toml(kind: type[_T], text: str, *, name: str) -> _T:
    """Return TOML as the model ``kind``; an InputError names the key and the line at fault."""
    try:
        return kind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise InputError(_explain(name, text, error)) from error


def build_request(parsed: EventFile, settings: Settings, *, base: Path) -> Request:
    """Return the request of an event file that was checked.

    Raises
    ------
    InputError
        A file is missing, or a source, an indicator or one of their options is unknown.
    """
    sources = parsed.sources or DEFAULT_SOURCES
    return Request(
        event=_event(parsed, base),
        indicator=_indicator(parsed),
        resolution=parsed.map.resolution,
        parameters=parsed.map.parameters,
        stage=parsed.map.stage,
        sources={n: _source(n, options, base, settings) for n, options in sources.items()},
        context=_context(parsed.context, base),
        transport=Transport(settings),
    )


def _event(parsed: EventFile, base: Path) -> Event:
    part = parsed.event
    onset = part.onset if part.onset.tzinfo else part.onset.replace(tzinfo=dt.UTC)
    return Event(
        id=part.id,
        title=part.title or part.id,
        hazard=part.hazard,
        area=area_of(parsed.area, base),
        onset=onset,
        ids=part.ids,
    )


def area_of(part: AreaPart, base: Path) -> Area:
    """Return the area that a table names; relative paths start at ``base``.

    Raises
    ------
    InputError, NothingFoundError
        No such file or country, or no area in it.
    """
    if part.bbox is not None:
        return Area.from_bbox(*part.bbox, name=part.name or "area")
    if part.file is not None:
        return area_from_file(base / part.file, name=part.name)
    return area_from_name(part.country or "")


def _context(part: ContextPart, base: Path) -> ContextFiles:
    """Return files, and services where there is no file of that name."""
    given = part.model_dump()
    for slot, services in TABLES.items():
        value = given[slot]
        if value is not None and (value not in services or (base / value).exists()):
            given[slot] = base / value
    return ContextFiles(**given)


def _indicator(parsed: EventFile) -> str:
    if parsed.map.indicator is None:
        fitting = [n for n, i in INDICATORS.items() if i.speaks_of(parsed.event.hazard)]
        if not fitting:
            raise InputError(f"no indicator for {parsed.event.hazard} yet; there are {_known()}")
        return fitting[0]
    if parsed.map.indicator not in INDICATORS:
        raise InputError(f"indicator {parsed.map.indicator!r} is unknown; there are {_known()}")
    return parsed.map.indicator


def _known() -> list[str]:
    return sorted(INDICATORS)


def _source(name: str, options: Mapping[str, Any], base: Path, settings: Settings) -> Source:
    kind = SOURCES.get(str(options.get("type")))
    if kind is None:
        raise InputError(
            f"sources.{name}: type {options.get('type')!r} is unknown; choose of {sorted(SOURCES)}"
        )
    given = {k: v for k, v in absolute(options, base).items() if k != "type"}
    fields = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type] # all are dataclasses
    allowed = fields - _OURS
    unknown = sorted(set(given) - allowed)
    if unknown:
        raise InputError(f"sources.{name}: unknown {unknown}; allowed are {sorted(allowed)}")
    if "transport" in fields:
        given["transport"] = Transport(settings)
    try:
        source: Source = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"sources.{name}.{where}: {first['msg']}") from error
    return source


_OURS = frozenset({"transport"})
"""Fields of sources that come from the settings, not from the file."""
_PATHS = frozenset({"folder", "file", "dem"})


def absolute(options: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return the options with relative paths, and addresses without scheme, under ``base``."""
    return {
        key: base / value
        if key in _PATHS and value is not None
        else str(base / value)
        if key == "url" and "://" not in value
        else value
        for key, value in options.items()
    }


def _explain(name: str, text: str, error: ValidationError) -> str:
    lines = []
    problems = error.errors()
    for problem in problems:
        loc = [str(part) for part in problem["loc"]]
        if any(
            len(p["loc"]) > len(loc) and p["loc"][: len(loc)] == problem["loc"] for p in problems
        ):
            continue  # that a part of it is wrong says more
        line = _line_of(text, loc)
        where = f"line {line}, " if line else ""
        lines.append(f"{name}: {where}{'.'.join(loc) or 'file'}: {problem['msg']}")
    return "\n".join(lines)


def _line_of(text: str, loc: Sequence[str]) -> int | None:
    """Return the line of the key that ``loc`` leads to, or of the nearest table around it."""
    table: list[str] = []
    counts: Counter[str] = Counter()
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[+)\s*([^\]]+?)\s*\]+", line):
            table = [part.strip(" \"'") for part in header[2].split(".")]
            if header[1] == "[[":  # one of several tables of this name
                table = [*table, str(counts[header[2]])]
                counts[header[2]] += 1
            here = table
        elif key := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            here = [*table, *(part.strip("\"'") for part in key[1].split("."))]
        else:
            continue
        depth = len(here) if list(loc[: len(here)]) == here else 0
        if depth and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
