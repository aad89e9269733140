"""The manifest of a batch: events, areas, indicators and languages, in TOML."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS
from reliefscope.jobs.event_file import (
    AreaPart,
    ContextPart,
    EventFile,
    EventPart,
    Request,
    Strict,
    absolute,
    area_of,
    build_request,
    parse_event_file,
    parse_toml,
)
from reliefscope.jobs.events import event_by_id, event_file_text
from reliefscope.jobs.exercise import exercise_request
from reliefscope.model.event import Hazard
from reliefscope.settings import Settings
from reliefscope.sources.tables import TABLES
from reliefscope.words import words_in

TEMPLATE = """\
# A batch: every event below, over every area, by every indicator.
# Check it against `reliefscope batch --schema`; run it with `reliefscope batch MANIFEST`.

[defaults]                       # of all events; each may say otherwise
languages = ["en"]               # of sheet and brief: en, fr, es, ar
# indicators = ["flood_sar"]     # default: the first for the hazard
# resolution = 20                # pixel size [m]; default: that of the event file, or 20

# [defaults.sources.planetary]   # default: Planetary Computer, then Earth Search
# type = "stac"
# profile = "planetary-computer"

# [defaults.context]
# population = "worldpop"
# admin = "geoboundaries"

[[events]]
exercise = { hazard = "flood", size = 512, seed = 7 }   # a simulated one, to try the batch

# [[events]]
# file = "venice.toml"           # an event file; paths start at the folder of the manifest

# [[events]]
# id = "GDACS:FL-1102983"        # as `reliefscope events` lists it
# indicators = ["flood_sar", "flood_optical"]

# [[events]]                     # or all of it here
# event = { id = "EMSR332", hazard = "flood", onset = 2018-10-29T00:00:00Z }
# areas = [{ bbox = [11.9, 45.4, 12.4, 45.8], name = "Veneto" }]
"""


class ExercisePart(Strict):
    """A simulated disaster."""

    hazard: Hazard
    size: Annotated[int, Field(ge=128, le=10_980)] = 512
    """Pixels a side."""
    seed: Annotated[int, Field(ge=0)] = 7


class Options(Strict):
    """How events are mapped; what is not given comes from the defaults, then the event file."""

    areas: tuple[AreaPart, ...] | None = None
    """Each is mapped on its own, numbered from 1; default: the event's area."""
    indicators: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    resolution: Annotated[float, Field(gt=0)] | None = None
    """Pixel size [m]."""
    stage: Literal["REF", "FEP", "DEL", "GRA"] | None = None
    parameters: Mapping[str, float] | None = None
    """Of the indicators."""
    sources: Mapping[str, dict[str, Any]] | None = None
    context: ContextPart | None = None

    @model_validator(mode="after")
    def _known(self) -> "Options":
        unknown = sorted(set(self.indicators or ()) - set(INDICATORS))
        if unknown:
            raise ValueError(f"unknown indicators {unknown}; there are {sorted(INDICATORS)}")
        for language in self.languages or ():
            words_in(language)
        return self


class Entry(Options):
    """One event: exactly one of ``file``, ``id``, ``exercise`` and ``event``."""

    file: Path | None = None
    """An event file."""
    id: str | None = None
    """As the feeds know it."""
    exercise: ExercisePart | None = None
    event: EventPart | None = None
    """Written out; needs ``areas``."""

    @model_validator(mode="after")
    def _one_way(self) -> "Entry":
        ways = ("file", "id", "exercise", "event")
        given = [k for k in ways if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(ways)}, not {given or 'none'}")
        return self

    @property
    def label(self) -> str:
        """What a report calls the event before it was looked up."""
        if self.exercise is not None:
            return f"exercise {self.exercise.hazard}"
        return str(self.file or self.id or (self.event and self.event.id))


class Manifest(Strict):
    """All of a manifest."""

    defaults: Options = Options()
    events: Annotated[tuple[Entry, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One product that a manifest asks for."""

    event: str
    """Label of the event; its id is known when it was looked up."""
    aoi: int
    area: str
    indicator: str
    """Empty: the first for the hazard."""
    languages: tuple[str, ...]
    entry: Entry
    options: Options


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in a TOML file.

    Raises
    ------
    InputError
        The file is missing, is not TOML, or a key is unknown or wrong: the message names the key
        and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"manifest {path} cannot be read ({error}); `reliefscope batch --template` writes one"
        ) from error
    return parse_toml(Manifest, text, name=str(path))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Manifest.model_json_schema(),
        "title": "ReliefScope batch manifest",
    }


def rows(manifest: Manifest, languages: Sequence[str]) -> Iterator[Row]:
    """Yield every product that is asked for, in order; nothing is looked up.

    Parameters
    ----------
    manifest : Manifest
        What is asked for.
    languages : sequence of str
        Of sheet and brief where the manifest names none.
    """
    for entry in manifest.events:
        options = _over(manifest.defaults, entry)
        for number, area in enumerate(options.areas or (None,), start=1):
            for indicator in options.indicators or ("",):
                yield Row(
                    event=entry.label,
                    aoi=number,
                    area=_called(area),
                    indicator=indicator,
                    languages=tuple(options.languages or languages),
                    entry=entry,
                    options=options,
                )


def _called(area: AreaPart | None) -> str:
    if area is None:
        return ""
    return area.name or area.country or (area.file.stem if area.file else str(area.bbox))


def _over(defaults: Options, entry: Entry) -> Options:
    """Return the options of an entry over the defaults."""
    own = {n: getattr(entry, n) for n in Options.model_fields if getattr(entry, n) is not None}
    return defaults.model_copy(update=own)


@dataclass(slots=True, kw_only=True)
class Resolver:
    """Turns rows into requests; each event is looked up once."""

    settings: Settings
    base: Path
    """Folder of the manifest: relative paths start there."""
    now: datetime
    """Moment of asking the feeds."""
    _found: dict[str, EventFile] = field(default_factory=dict)

    def request(self, row: Row) -> Request:
        """Return what a row asks for.

        Raises
        ------
        ReliefscopeError
            The event, an area, a source or an indicator is not what it should be.
        """
        options = row.options
        asked = self._exercise(row) if row.entry.exercise else self._real(row)
        areas = options.areas or ()
        if areas:
            area = area_of(areas[row.aoi - 1], self.base)
            asked = replace(asked, event=replace(asked.event, area=area))
        return replace(
            asked,
            aoi=row.aoi,
            indicator=row.indicator or asked.indicator,
            resolution=options.resolution or asked.resolution,
            stage=options.stage or asked.stage,
            parameters=asked.parameters if options.parameters is None else options.parameters,
        )

    def _exercise(self, row: Row) -> Request:
        part = row.entry.exercise
        if part is None:
            raise AssertionError("called for exercises")
        request, _ = exercise_request(
            part.hazard, size=part.size, seed=part.seed, cache=self.settings.cache
        )
        return request

    def _real(self, row: Row) -> Request:
        """Return the request of an event file, a feed's event, or one written out."""
        entry, options = row.entry, row.options
        base = self.base
        if entry.file is not None:
            path = self.base / entry.file
            base = path.parent
            parsed = self._once(f"file {path}", lambda: _read(path))
        elif entry.id is not None:
            parsed = self._once(f"id {entry.id}", lambda: self._ask(str(entry.id)))
        else:
            parsed = self._written(row)
        listed = entry.id is not None  # what a listing suggests gives way to the manifest
        changes: dict[str, Any] = {}
        if options.sources is not None and (listed or not parsed.sources):
            changes["sources"] = {n: absolute(o, self.base) for n, o in options.sources.items()}
        if options.context is not None and (listed or parsed.context == ContextPart()):
            changes["context"] = _placed(options.context, self.base)
        return build_request(parsed.model_copy(update=changes), self.settings, base=base)

    def _written(self, row: Row) -> EventFile:
        if row.entry.event is None or not row.options.areas:
            raise InputError(f"event {row.event!r} needs areas = [...]: it has no other place")
        return EventFile(event=row.entry.event, area=row.options.areas[row.aoi - 1])

    def _ask(self, name: str) -> EventFile:
        text = event_file_text(event_by_id(self.settings, name, self.now))
        return parse_event_file(text, name=name)

    def _once(self, key: str, look: Callable[[], EventFile]) -> EventFile:
        if key not in self._found:
            self._found[key] = look()
        return self._found[key]


def _placed(context: ContextPart, base: Path) -> ContextPart:
    """Return the context with its files under ``base``; names of services stay as they are."""
    files = {
        slot: str(base / value)
        for slot, value in context.model_dump().items()
        if slot in TABLES and value is not None and (base / value).exists()
    }
    return context.model_copy(update=files)


def _read(path: Path) -> EventFile:
    try:
        return parse_event_file(path.read_text(encoding="utf-8"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"event file {path} cannot be read: {error}") from error
