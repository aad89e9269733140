"""The disasters that are being watched: each fixed as it was accepted, in a file of its own.

What a feed says of a disaster changes from day to day. Its products must stay comparable, so
that its area and its identifiers are those of the day on which it was accepted.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from shapely.geometry import shape

from reliefscope.errors import InputError
from reliefscope.jobs.event_file import Request, parse_event
from reliefscope.jobs.events import event_file_text
from reliefscope.jobs.ledger import Mapped
from reliefscope.jobs.rules import Rule, Rules
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard
from reliefscope.products.staging import write_json
from reliefscope.settings import Settings

FOLDER = "events"
PATIENCE = dt.timedelta(days=1)
"""How long an outline is waited for that a feed has and could not be asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One disaster that was accepted."""

    id: str
    names: frozenset[str]
    """All its identifiers, as ``scheme:value``."""
    onset: dt.datetime
    end: dt.datetime | None
    """As last reported, UTC."""
    rule: Rule
    event_file: str
    """TOML: what `reliefscope map` would be given."""
    unusable: Mapping[str, str] = field(default_factory=dict)
    """Passes that came to nothing, and why; not tried again."""
    closed: bool = False
    """Whether it has ended and all its passes are mapped."""
    unsure_since: dt.datetime | None = None
    """When it was accepted, if a feed could not be asked for its outline then, UTC."""

    @property
    def horizon(self) -> dt.datetime:
        """Moment after which no pass is mapped, UTC."""
        longest = self.onset + dt.timedelta(days=self.rule.monitor_days)
        return longest if self.end is None else min(self.end, longest)

    @property
    def patience(self) -> dt.datetime:
        """Moment until which the first usable pass is waited for, UTC."""
        return self.onset + dt.timedelta(days=self.rule.monitor_days)

    def request(self, settings: Settings, base: Path) -> Request:
        """Return what is mapped. InputError: the rules name what is not there any more."""
        return parse_event(self.event_file, settings, base=base, name=self.id)


def accept(event: Event, rule: Rule, rules: Rules) -> Watched:
    """Return the disaster as it will be mapped from now on."""
    document = tomlkit.parse(event_file_text(event))
    for part, given in (("sources", dict(rules.sources)), ("context", _context(rules))):
        document.pop(part, None)
        if given:
            document.add(part, tomlkit.item(given))
    asked: dict[str, Any] = {"resolution": rule.resolution}
    if rule.indicator is not None:
        asked["indicator"] = rule.indicator
    document.add("map", tomlkit.item(asked))
    return Watched(
        id=event.id,
        names=names_of(event.ids) | {event.id},
        onset=event.onset.astimezone(dt.UTC),
        end=event.end,
        rule=rule,
        event_file=tomlkit.dumps(document),
    )


def readopt(known: Mapped, event: Event, rule: Rule, rules: Rules) -> Watched:
    """Return a disaster whose file was lost, as the catalog says that it was mapped."""
    stated = known.event
    area = stated["area"]
    as_mapped = Event(
        id=stated["id"],
        title=stated["title"],
        hazard=Hazard(stated["hazard"]),
        area=Area.from_geometry(shape(area["geometry"]), name=area["name"]),
        onset=dt.datetime.fromisoformat(stated["onset"]),
        ids=stated["ids"],
        end=event.end,
    )
    return accept(as_mapped, rule, rules)


def names_of(ids: Mapping[str, str]) -> frozenset[str]:
    """Return identifiers as ``scheme:value``, of whatever case."""
    return frozenset(f"{s}:{n}".casefold() for s, value in ids.items() for n in value.split())


def unsure(event: Event) -> bool:
    """Say whether a feed could not be asked where exactly the disaster struck."""
    return any(report.incomplete for report in event.reports)


def same(event: Event, watched: Iterable[Watched]) -> Watched | None:
    """Return the watched disaster that shares an identifier with ``event``, or None."""
    names = names_of(event.ids) | {event.id}
    return next((w for w in watched if w.names & names), None)


def load(state: Path) -> list[Watched]:
    """Return all watched disasters, the oldest onset first.

    Raises
    ------
    InputError
        A file is damaged.
    """
    found = [_read(path) for path in sorted((state / FOLDER).glob("[!.]*.json"))]
    return sorted(found, key=lambda w: (w.onset, w.id))


def save(watched: Watched, state: Path) -> None:
    """Write the file of a disaster in one step."""
    write_json(
        state / FOLDER / f"{watched.id}.json",
        {
            "id": watched.id,
            "names": sorted(watched.names),
            "onset": watched.onset.isoformat(),
            "end": watched.end.astimezone(dt.UTC).isoformat() if watched.end else None,
            "rule": watched.rule.model_dump(mode="json"),
            "event_file": watched.event_file,
            "unusable": dict(sorted(watched.unusable.items())),
            "closed": watched.closed,
            "unsure_since": watched.unsure_since.isoformat() if watched.unsure_since else None,
        },
    )


def read(state: Path, id_: str) -> Watched:
    """Return one watched disaster as its file says now. InputError: it is damaged."""
    return _read(state / FOLDER / f"{id_}.json")


def _read(path: Path) -> Watched:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Watched(
            id=found["id"],
            names=frozenset(found["names"]),
            onset=dt.datetime.fromisoformat(found["onset"]),
            end=dt.datetime.fromisoformat(found["end"]) if found["end"] else None,
            rule=Rule.model_validate(found["rule"]),
            event_file=found["event_file"],
            unusable=found["unusable"],
            closed=found["closed"],
            unsure_since=(
                dt.datetime.fromisoformat(found["unsure_since"])
                if found.get("unsure_since")
                else None
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is damaged ({error}); remove it: the disaster is accepted anew, and what was "
            f"mapped of it is found in the catalog"
        ) from error


def _context(rules: Rules) -> dict[str, Any]:
    given = rules.context.model_dump(exclude_defaults=True)
    return {key: value for key, value in given.items() if value not in (None, "", {})}


def pending(all_of: Sequence[Watched], now: dt.datetime) -> list[Watched]:
    """Return those that are not closed, and whose outline is known or was waited for."""
    waits = [w.id for w in all_of if w.unsure_since and now - w.unsure_since < PATIENCE]
    return [w for w in all_of if not w.closed and w.id not in waits]
