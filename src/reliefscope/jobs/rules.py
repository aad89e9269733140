"""Rules of the watch: which disasters are mapped, how, and for how long. TOML."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.indicators import INDICATORS
from reliefscope.jobs.event_file import ContextPart, Strict, parse_toml
from reliefscope.model.event import Alert, Event, Hazard
from reliefscope.sources.places import area_from_name

TEMPLATE = """\
# Rules of the watch. A disaster is mapped by the first rule that it meets.
# reliefscope watch rules.toml            runs on; --once looks once, for cron

# feeds = ["gdacs", "cems"]      # default: all

[[rules]]
name = "grave floods"
hazards = ["flood"]
alert = "orange"                 # at least: green, orange, red
# countries = ["Mozambique", "MDG"]
# people = 10000                 # at least so many in its area, by the population below
# indicator = "flood_sar"        # default: the first for the hazard
stages = ["REF", "FEP", "DEL"]   # reference, first estimate, delineation
monitor_days = 30                # after the onset, where no end is reported
min_cover = 0.5                  # a pass that covers less of the area is not used
resolution = 20                  # [m]; first estimates are three times coarser

# [sources.planetary]            # default: Planetary Computer, then Earth Search
# type = "stac"
# profile = "planetary-computer"

[context]
population = "worldpop"
admin = "geoboundaries"
"""

People = Callable[[Event], float | None]
"""Says how many people live in the area of an event; None if that cannot be told."""


class Rule(Strict):
    """What a disaster must meet, and how it is then mapped."""

    name: str = ""
    hazards: Annotated[tuple[Hazard, ...], Field(min_length=1)]
    alert: Alert | None = None
    """At least so grave; a disaster without an alert level does not meet it."""
    countries: tuple[str, ...] = ()
    """Names or ISO 3166-1 alpha-3 codes: one of them must be struck."""
    people: Annotated[int, Field(ge=0)] = 0
    """At least so many in its area, by ``context.population``."""
    indicator: str | None = None
    stages: tuple[Literal["REF", "FEP", "DEL", "GRA"], ...] = ("REF", "FEP", "DEL")
    """What is published of an event: REF before it, the others from the first usable pass."""
    monitor_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    """Passes are mapped for so long after the onset, where no feed reports an end [d]."""
    settle_hours: Annotated[float, Field(ge=0, le=240)] = 0.0
    """A pass is left alone for so long, until all its images have arrived [h]."""
    min_cover: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A pass that covers less of the area is not used [0-1]."""
    resolution: Annotated[float, Field(gt=0)] = 20.0
    """Pixel size [m]."""

    @field_validator("indicator")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in INDICATORS:
            raise ValueError(f"no indicator {name!r}; there are {sorted(INDICATORS)}")
        return name

    @field_validator("countries")
    @classmethod
    def _countries(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                area_from_name(name)
            except NothingFoundError as error:
                raise ValueError(str(error)) from error
        return names


class Rules(Strict):
    """All of a file of rules."""

    feeds: tuple[str, ...] | None = None
    """Names of feeds to poll; all by default."""
    days: Annotated[float, Field(gt=0, le=366)] = 30.0
    """Disasters that went on within so many days are looked at [d]: covers time spent off."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    sources: Mapping[str, dict[str, Any]] = {}
    context: ContextPart = ContextPart()

    @model_validator(mode="after")
    def _apart(self) -> "Rules":
        names = [rule.name for rule in self.rules if rule.name]
        if len(names) != len(set(names)):
            raise ValueError(f"two rules have the same name among {names}")
        if any(rule.people for rule in self.rules) and self.context.population is None:
            raise ValueError("a rule counts people: give context.population to count them by")
        return self

    def fitting(self, event: Event, people: People) -> Rule | None:
        """Return the first rule that an event meets, or None."""
        return next((rule for rule in self.rules if meets(event, rule, people)), None)


def read_rules(path: Path) -> Rules:
    """Return the rules in a TOML file.

    Raises
    ------
    InputError
        The file is missing, is not TOML, or a key is unknown or wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"rules {path} cannot be read ({error}); `reliefscope watch --template` prints some"
        ) from error
    return parse_toml(Rules, text, name=str(path))


def meets(event: Event, rule: Rule, people: People) -> bool:
    """Return whether an event meets a rule; what nobody can tell is not met."""
    grave = rule.alert is None or (
        event.severity is not None and event.severity.rank >= rule.alert.rank
    )
    if event.hazard not in rule.hazards or not grave or not _within(event, rule.countries):
        return False
    if not rule.people:
        return True
    near = people(event)  # the last to be asked: a service may have to be
    return near is not None and near >= rule.people


def _within(event: Event, countries: Sequence[str]) -> bool:
    if not countries:
        return True
    struck = {name.casefold() for name in event.countries}
    areas = [area_from_name(name) for name in countries]
    named = {n.casefold() for n in countries} | {area.name.casefold() for area in areas}
    if struck & named:
        return True
    return any(area.geometry.intersects(event.area.geometry) for area in areas)
