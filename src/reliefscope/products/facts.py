"""The numbers of a product: the only place from which sheet, table and summary take them."""

import datetime as dt
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import pandas as pd

from reliefscope.errors import InputError
from reliefscope.model.context import Context
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Hazard
from reliefscope.model.granule import Granule
from reliefscope.model.product import Product
from reliefscope.pipeline.passes import repeats
from reliefscope.products.assets import Status
from reliefscope.products.exposure import OUTSIDE, POSSIBLE_PERCENT, SURE_PERCENT, Exposure
from reliefscope.products.folding import MANY
from reliefscope.products.layers import Layers
from reliefscope.products.provenance import scrub
from reliefscope.products.telling import as_text
from reliefscope.words import ENGLISH, Words

SCHEMA = "reliefscope-facts/1"
Value = float | str | tuple[str, ...] | None

_RANGE = (
    f"low: event pixels with a likelihood of {SURE_PERCENT} % or more; high: all event pixels and "
    f"those without event whose likelihood is {POSSIBLE_PERCENT} % or more"
)
_AREA = "sum of true pixel areas whose centre lies in the event's area"
_HEAD_DIGITS = 6
_LOOK_AHEAD_DAYS = 16
_SERIES = frozenset({Hazard.DROUGHT, Hazard.HEAT, Hazard.CLIMATE})
"""Hazards told from series, whose steps last for days or months: hours say nothing of them."""
_PEOPLE = "people of each population cell spread evenly over the cell, counts never resampled"

WHOLE_ROLE = "every granule of role "
"""How the inputs of a fact begin that name a role of `Product.granules`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One number, or one statement, and where it comes from."""

    key: str
    value: Value
    """None where it could not be determined."""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    display: str = "text"
    """Rounding rule: area, length, people, count, share, hours, number, time, list or text."""
    method: str = ""
    inputs: tuple[str, ...] = ()
    """Granules, `WHOLE_ROLE` and a role of many, or the name of the data set."""
    layer: str = ""
    """File and field that the number was counted on."""


@dataclass(frozen=True, slots=True)
class Facts(Mapping[str, Fact]):
    """All facts of a product by key, in the order in which they are told."""

    items_by_key: Mapping[str, Fact]
    admin: tuple[Mapping[str, Any], ...] = ()
    """One row per admin unit, with the columns of `exposure.Exposure.by_admin`."""
    head: Mapping[str, str] = field(default_factory=dict)
    """Which product, event and run the numbers belong to."""

    def __getitem__(self, key: str) -> Fact:
        """Return the fact of ``key``."""
        return self.items_by_key[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys in order."""
        return iter(self.items_by_key)

    def __len__(self) -> int:
        """Return how many facts there are."""
        return len(self.items_by_key)

    @property
    def units(self) -> tuple[Mapping[str, Any], ...]:
        """The rows of admin units: all but that of what none of them covers."""
        return tuple(row for row in self.admin if row["name"] != OUTSIDE)

    def text(self, key: str, words: Words = ENGLISH) -> str:
        """Return what a person reads, such as ``42.1 km² (38.0-47.5)``."""
        return as_text(self[key], words)

    def to_json(self) -> str:
        """Return all facts as a JSON document."""
        document = {
            "schema": SCHEMA,
            **self.head,
            "facts": {
                k: {n: v for n, v in asdict(f).items() if n != "key"} for k, f in self.items()
            },
            "admin": [dict(row) for row in self.admin],
        }
        return json.dumps(plain(document), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the facts of a document written by `to_json`.

        Raises
        ------
        InputError
            The text is not such a document.
        """
        try:
            document = json.loads(text)
        except json.JSONDecodeError as e:
            raise InputError(f"not JSON ({e}); give the facts.json of a package") from e
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise InputError(f"not a document of {SCHEMA!r}; give the facts.json of a package")
        facts = {key: _fact(key, raw) for key, raw in document["facts"].items()}
        head = {k: v for k, v in document.items() if k not in {"schema", "facts", "admin"}}
        return cls(facts, tuple(document["admin"]), head)


def _fact(key: str, raw: Mapping[str, Any]) -> Fact:
    """Return a fact read from JSON, where tuples are lists."""
    fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in raw.items()}
    return Fact(key=key, **fields)


def state_facts(
    product: Product,
    layers: Layers,
    exposure: Exposure,
    context: Context,
    head: Mapping[str, str] | None = None,
) -> Facts:
    """Return every number that the package states.

    Parameters
    ----------
    product : Product
        Supplies lineage and times.
    layers : Layers
        Supplies thresholds and advisory flags.
    exposure : Exposure
        Supplies areas and people.
    context : Context
        Supplies the names of population and admin sources.
    head : mapping, optional
        Identifiers to write at the top of the document.
    """
    granules = sources_of(product)
    facts = [
        *counted(
            exposure,
            granules,
            scrub(context.population_source) or "population",
            layers.grading.name if layers.grading else "",
        ),
        *_times(product),
        *_coming(product, dict(head or {}).get("released", "")),
        *_scene(layers, granules),
    ]
    if not math.isnan(exposure.unknown_share):
        facts.append(
            Fact(
                key="population_source",
                value=scrub(context.population_source) or None,
                method="name, vintage and licence as given by the provider",
            )
        )
    facts += _land(exposure, granules)
    if not layers.ranged:
        facts = [replace(fact, low=None, high=None) for fact in facts]
    facts += _things(exposure, granules)
    rows = [] if exposure.by_admin is None else _rows(exposure.by_admin)
    return Facts({f.key: f for f in facts}, tuple(rows), dict(head or {}))


def counted(
    exposure: Exposure, granules: tuple[str, ...], population: str, grading: str = ""
) -> Iterator[Fact]:
    """Yield areas and people, as counted in an area.

    Parameters
    ----------
    exposure : Exposure
        What was counted.
    granules : tuple of str
        What it was counted from.
    population : str
        Name of the population data.
    grading : str
        Layer that tells the event's classes, if there is one.
    """
    yield from _areas(exposure, granules)
    yield from _classes(grading, exposure, granules)
    yield from _people(exposure, (*granules, population))


def sources_of(product: Product) -> tuple[str, ...]:
    """Return what every number was made from: ids of granules, or `WHOLE_ROLE` and a role.

    A role of many granules, decades of days, is named instead of listing it with each number;
    provenance.json holds its granules.
    """
    return tuple(
        name
        for role, group in product.granules.items()
        for name in ([g.id for g in group] if len(group) <= MANY else [f"{WHOLE_ROLE}{role}"])
    )


def images(product: Product) -> tuple[Granule, ...]:
    """Return the granules that show the event, oldest first.

    These are the ones in the role ``after`` where there is one, else all that have a date.
    """
    group = product.granules.get("after") or [g for v in product.granules.values() for g in v]
    dated = [g for g in group if g.acquired is not None]
    return tuple(sorted(dated, key=_acquired))


def names_of_images(product: Product) -> tuple[str, ...]:
    """Return the ids of `images`, or `sources_of` the product where they are many."""
    seen = images(product)
    return tuple(g.id for g in seen) if len(seen) <= MANY else sources_of(product)


def _acquired(granule: Granule) -> dt.datetime:
    return granule.acquired or dt.datetime.min.replace(tzinfo=dt.UTC)


def _areas(exposure: Exposure, granules: tuple[str, ...]) -> Iterator[Fact]:
    km2 = exposure.whole.km2

    def area(key: str, name: str, method: str, **ends: float) -> Fact:
        return Fact(
            key=key,
            value=km2(name),
            unit="km2",
            display="area",
            method=method,
            inputs=granules,
            layer="state.tif",
            **ends,
        )

    def share(key: str, part: float, method: str) -> Fact:
        return Fact(
            key=key,
            value=part / km2("total") if km2("total") else None,
            unit="1",
            display="share",
            method=method,
            inputs=granules,
            layer="state.tif",
        )

    yield area("area_km2", "total", _AREA)
    yield area(
        "event_area_km2",
        "event",
        f"{_AREA}, state event; {_RANGE}",
        low=km2("event_low"),
        high=km2("event_high"),
    )
    yield area("no_event_area_km2", "no_event", f"{_AREA}, observed without event")
    yield area("reference_area_km2", "reference", f"{_AREA}, there before the event")
    yield area("excluded_area_km2", "excluded", f"{_AREA}, where the sensor cannot tell")
    yield area("not_observed_area_km2", "not_observed", f"{_AREA}, not seen at all")
    yield share(
        "observed_fraction", km2("total") - km2("not_observed"), "share of the area that was seen"
    )
    yield share("excluded_fraction", km2("excluded"), "share of the area where nothing can be told")
    for reason, value in exposure.excluded_km2.items():
        if value > 0:
            yield Fact(
                key=f"excluded_{reason}_area_km2",
                value=value,
                unit="km2",
                display="area",
                method="excluded for this reason; reasons overlap",
                inputs=granules,
                layer="exclusion.tif",
            )


def _classes(grading: str, exposure: Exposure, granules: tuple[str, ...]) -> Iterator[Fact]:
    """Return area and people of the event by its class."""
    for name, tally in exposure.by_class.items():
        layer = f"{grading}.tif"
        yield Fact(
            key=f"event_{name}_area_km2",
            value=float(tally.area_m2.sum()) / 1e6,
            unit="km2",
            display="area",
            method=f"{_AREA}, state event, of this class",
            inputs=granules,
            layer=layer,
        )
        if tally.people is not None:
            yield Fact(
                key=f"exposed_{name}_population",
                value=round(float(tally.people.sum()), _HEAD_DIGITS),
                unit="people",
                display="people",
                method=f"people where the event was seen, of this class; {_PEOPLE}",
                inputs=granules,
                layer=layer,
            )


def _people(exposure: Exposure, inputs: tuple[str, ...]) -> Iterator[Fact]:
    if exposure.whole.people is None:
        return
    heads = exposure.whole.heads

    def people(key: str, name: str, method: str, **ends: float) -> Fact:
        return Fact(
            key=key,
            value=round(heads(name), _HEAD_DIGITS),
            unit="people",
            display="people",
            inputs=inputs,
            method=f"{method}; {_PEOPLE}",
            layer="state.tif",
            **{end: round(v, _HEAD_DIGITS) for end, v in ends.items()},
        )

    yield people("population_total", "total", "people in the event's area")
    yield people(
        "exposed_population",
        "event",
        f"people where the event was seen; {_RANGE}",
        low=heads("event_low"),
        high=heads("event_high"),
    )
    yield people("population_cannot_tell", "cannot_tell", "people where excluded or not observed")
    for name in ("no_event", "reference", "excluded", "not_observed"):
        yield people(f"population_{name}", name, f"people where the state is {name}")
    yield people("population_upper_bound", "upper_bound", "exposed and cannot tell together")
    yield Fact(
        key="population_unknown_fraction",
        value=exposure.unknown_share,
        unit="1",
        display="share",
        method="share of the area for which the population grid has no number",
        inputs=inputs[-1:],
    )


def _land(exposure: Exposure, granules: tuple[str, ...]) -> Iterator[Fact]:
    """Return cropland and built-up land."""
    for cover, tally in exposure.by_cover.items():
        for name, key in (("total", ""), ("event", "event_"), ("cannot_tell", "cannot_tell_")):
            ends = {e: tally.km2(f"event_{e}") for e in ("low", "high") if name == "event"}
            yield Fact(
                key=f"{cover}_{key}area_km2",
                value=tally.km2(name),
                unit="km2",
                display="area",
                method=f"{_AREA}, {cover} in the land cover, {name}",
                inputs=(*granules, "land cover"),
                layer="state.tif",
                **ends,
            )


def _things(exposure: Exposure, granules: tuple[str, ...]) -> Iterator[Fact]:
    """Return roads and facilities."""
    assets = exposure.assets
    for key, lengths in (("roads", _summed(assets.road_km)), *_named("roads", assets.road_km)):
        yield from _told(key, lengths, "km", "length", (*granules, "roads"))
    for key, counts in _named("facilities", assets.facility_count):
        yield from _told(key, counts, "count", "count", (*granules, "facilities"))


def _summed(by_kind: Mapping[str, Mapping[Status, float]]) -> dict[Status, float]:
    return {s: sum(kind[s] for kind in by_kind.values()) for s in Status} if by_kind else {}


def _named(
    prefix: str, by_kind: Mapping[str, Mapping[Status, float]]
) -> Iterator[tuple[str, Mapping[Status, float]]]:
    """Yield keys and numbers of the kinds that have a name."""
    for kind, numbers in sorted(by_kind.items()):
        slug = re.sub("[^a-z0-9]+", "_", kind.lower()).strip("_")
        if slug:
            yield f"{prefix}_{slug}", numbers


def _told(
    key: str,
    numbers: Mapping[Status, float],
    unit: str,
    display: str,
    inputs: tuple[str, ...],
) -> Iterator[Fact]:
    """Return total, affected and unknown of one kind of thing."""
    if not numbers:
        return
    layer = "vectors.gpkg, " + ("transportationL" if unit == "km" else "facilitiesP")
    affected, unknown = numbers[Status.AFFECTED], (Status.CANNOT_TELL, Status.NOT_OBSERVED)
    parts: tuple[tuple[str, float, str, dict[str, float]], ...] = (
        ("", sum(numbers.values()), "in the event's area", {}),
        (
            "affected_",
            affected,
            "where the event was seen; high: with those within one pixel of it",
            {"low": affected, "high": affected + numbers[Status.POSSIBLY]},
        ),
        ("cannot_tell_", sum(numbers[s] for s in unknown), "where excluded or not observed", {}),
    )
    for part, value, method, ends in parts:
        yield Fact(
            key=f"{key}_{part}{unit}",
            value=value,
            unit=unit,
            display=display,
            method=method,
            inputs=inputs,
            layer=layer,
            **ends,
        )


def _times(product: Product) -> Iterator[Fact]:
    seen = images(product)
    last = _acquired(seen[-1]) if seen else None
    inputs = tuple(g.id for g in seen[-1:])
    yield Fact(
        key="image_acquired",
        value=last.astimezone(dt.UTC).isoformat() if last else None,
        display="time",
        method="start of the latest acquisition used",
        inputs=inputs,
    )
    if product.event.hazard in _SERIES:
        return
    yield Fact(
        key="hours_after_onset",
        value=(last - product.event.onset).total_seconds() / 3600 if last else None,
        unit="hour",
        display="hours",
        method="latest acquisition minus onset",
        inputs=inputs,
    )


def _coming(product: Product, released: str) -> Iterator[Fact]:
    """Return when the orbits of the images used come again, where that can be told."""
    if not released:
        return
    seen = images(product)
    now = dt.datetime.fromisoformat(released)
    expected = repeats(seen, product.event.area, now=now, days=_LOOK_AHEAD_DAYS)
    if expected:
        yield Fact(
            key="next_pass_expected",
            value=expected[0].expected.astimezone(dt.UTC).isoformat(),
            display="time",
            method="estimated from the repeat cycle of the orbits of the images used",
            inputs=names_of_images(product),
        )


def _scene(layers: Layers, granules: tuple[str, ...]) -> Iterator[Fact]:
    for name, value in sorted(layers.scalars.items()):
        row = VARIABLES.get(name)
        yield Fact(
            key=name,
            value=value if math.isfinite(value) else None,
            unit=row.units if row else "1",
            display="number",
            method=row.long_name if row else name,
            inputs=granules,
        )
    yield Fact(
        key="advisory",
        value=tuple(f.name.lower() for f in layers.advisory if f.name),
        display="list",
        method="flags on the whole scene",
        inputs=granules,
    )


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    table = table.drop(columns="unit")
    return [{str(k): v for k, v in row.items()} for row in table.to_dict(orient="records")]


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Return ``value`` in types that JSON has; NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
