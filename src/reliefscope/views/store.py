"""What the views ask of a catalog: its products with their titles, and a product's map layers."""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError
from reliefscope.model.cube import VARIABLES, Exclusion, State
from reliefscope.model.event import Hazard
from reliefscope.products import onscreen
from reliefscope.products.catalog import Package, find, open_package
from reliefscope.products.facts import Facts
from reliefscope.products.index import Entry, mark_of
from reliefscope.products.provenance import granules_in
from reliefscope.products.sheet import wording
from reliefscope.views.map import Key, Layer
from reliefscope.views.wording import measure_name
from reliefscope.words import Words

ZoneFacts = Callable[[Path, BaseGeometry], Facts]
"""Counts an area of a package, EPSG:4326: the same keys as in ``facts.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Addresses of a server's own routes, ending in ``/``; empty where nothing serves them."""

    tiles: str = ""
    files: str = ""
    pictures: str = ""
    outlines: str = ""
    vectors: str = ""
    """Of vector tiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A product in a list."""

    entry: Entry
    title: str
    place: str
    hazard: Hazard
    extent: tuple[float, float, float, float]
    facts: Mapping[str, Any]

    @property
    def series(self) -> tuple[str, str]:
        """Products of one series have it in common: the event and the indicator."""
        return self.entry.event, self.indicator

    indicator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a package says of how it was made."""

    title: str
    place: str
    onset: str
    indicator: str
    method: str
    exercise: bool
    released: str
    draft: tuple[str, ...]
    """Checks that failed."""
    parameters: Mapping[str, Any]
    notes: tuple[str, ...]
    granules: Mapping[str, Sequence[Mapping[str, Any]]]


def cards(catalog: Path) -> tuple[Card, ...]:
    """Return the products of a catalog that no later version replaces, newest image first."""
    changed = mark_of(catalog)
    return _cards(catalog, changed) if changed else _cards.__wrapped__(catalog, ())


@lru_cache(maxsize=16)
def _cards(catalog: Path, _changed: tuple[int, ...]) -> tuple[Card, ...]:
    return tuple(_card(e) for e in reversed(find(catalog)) if not e.superseded)


def _card(entry: Entry) -> Card:
    return _read_card(entry, entry.item.stat().st_mtime_ns)


@lru_cache(maxsize=2000)
def _read_card(entry: Entry, _changed: int) -> Card:
    item = json.loads(entry.item.read_text(encoding="utf-8"))
    told = record(entry.folder)
    properties = item["properties"]
    west, south, east, north = item["bbox"][:4]
    return Card(
        entry=entry,
        title=told.title,
        place=told.place,
        hazard=Hazard(entry.hazard),
        extent=(west, south, east, north),
        facts=properties.get("reliefscope:facts", {}),
        indicator=told.indicator,
    )


@lru_cache(maxsize=200)
def record(folder: Path) -> Record:
    """Return what a package says of how it was made.

    Raises
    ------
    InputError
        Its provenance is missing or damaged.
    """
    try:
        said = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        event = said["event"]
        return Record(
            title=str(event["title"]),
            place=str(event["area"]["name"]),
            onset=str(event["onset"]),
            indicator=str(said["indicator"]),
            method=str(said["method"]),
            exercise=bool(said["exercise"]),
            released=str(said["released"]),
            draft=tuple(str(g["name"]) for g in said["qa"] if g["passed"] is False),
            parameters=said["parameters"],
            notes=tuple(map(str, said["notes"])),
            granules=granules_in(said),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the provenance of {folder.name} cannot be read ({error}); check the package with "
            f"`reliefscope verify {folder.name}`, or publish it again"
        ) from error


def of_weather(folder: Path) -> bool:
    """Return whether weather data alone tell of the event."""
    return wording.of_weather(record(folder).granules) is True


@lru_cache(maxsize=200)
def package(folder: Path) -> Package:
    """Return an opened package; its files never change once published."""
    return open_package(folder)


def layers(folder: Path, hazard: Hazard, words: Words, routes: Routes) -> tuple[Layer, ...]:
    """Return all that a map of a package can show, from the ground up."""
    return (
        *_photographs(folder, words, routes),
        *_classified(folder, hazard, words, routes),
        *_measures(folder, words, routes),
        *_outlines(folder, words, routes),
    )


def _photographs(folder: Path, words: Words, routes: Routes) -> Iterator[Layer]:
    for name, side, title in (
        ("before", "left", words("Image before")),
        ("after", "right", words("Image after")),
    ):
        if name in onscreen.raster_names(folder):
            yield _raster(folder, name, title, routes, order=1, side=side, smooth=True)


def _raster(folder: Path, name: str, title: str, routes: Routes, **more: Any) -> Layer:  # noqa: ANN401
    """Return a raster, or one class of the state: a picture, and tiles where it is too coarse."""
    extent, finest = onscreen.picture_frame(folder, name)
    if routes.pictures:
        more["image"] = f"{routes.pictures}{folder.name}/{name}.webp"
    if routes.tiles and math.isfinite(finest):
        more["tiles"] = f"{routes.tiles}{folder.name}/{name}/{{z}}/{{x}}/{{y}}.webp"
        more["fine_from"] = round(finest, 2)
    return Layer(id=name, title=title, extent=extent, **more)


def _classified(folder: Path, hazard: Hazard, words: Words, routes: Routes) -> Iterator[Layer]:
    """Yield the event, what was there before, and what could not be told or was not seen."""
    event, reference, _ = wording.EVENT_NAMES[hazard]
    there = onscreen.class_entries(folder, "state")
    beside = "right" if set(onscreen.PHOTOGRAPHS) & set(onscreen.raster_names(folder)) else ""
    rows = (
        ("reference", reference, "", "", 3),
        ("event", event, "", beside, 4),
        ("excluded", wording.EXCLUDED_NAME, "sparse", "", 5),
        ("not_observed", wording.NOT_OBSERVED_NAME, "dense", "", 6),
    )
    for name, title, pattern, side, order in rows:
        code = int(onscreen.CLASSES[name])
        if code not in there and name != "event":
            continue
        yield _raster(
            folder,
            name,
            words(title),
            routes,
            pattern=pattern,
            side=side,
            order=order,
            legend=event_keys(folder, words(title), words)
            if name == "event"
            else (Key(colour=there[code], label=words(title), pattern=pattern),),
        )


def event_keys(folder: Path, title: str, words: Words) -> tuple[Key, ...]:
    """Return the classes of the event with their colours, or the event as one."""
    grading = onscreen.grading_of(folder)
    flags = None if grading is None else VARIABLES[grading].flags
    found = tuple(
        Key(colour=colour, label=words(wording.class_name(member)))
        for code, colour in onscreen.event_entries(folder).items()
        if flags is not None and isinstance(member := flags(code), IntEnum)
    )
    return found or (Key(colour=onscreen.plain_colour(folder), label=title),)


def _measures(folder: Path, words: Words, routes: Routes) -> Iterator[Layer]:
    for name in onscreen.raster_names(folder):
        if name == "state" or name in onscreen.PHOTOGRAPHS:
            continue
        keys = class_keys(folder, name, words)
        title = measure_name(name, words)
        yield _raster(folder, name, title, routes, order=2, visible=False, legend=keys)


def with_picture(layer: Layer, folder: Path) -> Layer:
    """Return a layer with its picture, which is made when it is first wanted."""
    if layer.image or layer.vectors or layer.vector_tiles:
        return layer
    return replace(layer, image=onscreen.layer_picture(folder, layer.id).url)


def class_keys(folder: Path, name: str, words: Words) -> tuple[Key, ...]:
    """Return the classes of a raster that occur in it, with their colours; none for quantities."""
    flags = VARIABLES[name].flags if name in VARIABLES else None
    if flags is None:
        return ()
    keys = []
    for code, colour in onscreen.class_entries(folder, name).items():
        member = flags(code)
        if member.name == "NOT_OBSERVED" and flags is not State:
            continue
        label = (
            wording.class_name(member)
            if isinstance(member, IntEnum)
            else wording.EXCLUSIONS.get(Exclusion(code), str(member.name))
        )
        keys.append(Key(colour=colour, label=words(label)))
    return tuple(keys)


SURROUNDINGS = "surroundings"
"""Layer of coasts and boundaries around a product."""
MANY = 2000
"""Features of a layer above which a server gives it out as vector tiles."""
_VIOLET = {"stroke": "#4a3b5c", "width": 1.2, "dash": [5, 3], "label": "name"}
_GREY = {"stroke": "#7d7466", "width": 1.2, "dash": [6, 3]}
_DOT = {"stroke": "#ffffff", "label": "name"}
_OUTLINES: Sequence[tuple[str, Mapping[str, Any], bool, int]] = (
    ("administrativeA", _VIOLET, True, 11),
    ("transportationL", {"stroke": "#a63a22", "width": 1.4}, False, 12),
    ("facilitiesP", {"fill": "#5a2a82", "radius": 5, **_DOT}, False, 14),
    ("populatedPlacesP", {"fill": "#14202b", "radius": 4, **_DOT}, True, 15),
    ("imageFootprintA", {"stroke": "#00614a", "width": 1.5, "dash": [2, 4]}, False, 9),
    ("areaOfInterestA", {"stroke": "#14202b", "width": 2}, True, 10),
)
"""Layer of the GeoPackage, its style, whether it is shown at first, and its place in the pile."""


def _outlines(folder: Path, words: Words, routes: Routes) -> Iterator[Layer]:
    names = {
        "administrativeA": words("Administrative boundary"),
        "transportationL": words("Roads"),
        "facilitiesP": words("Facilities"),
        "populatedPlacesP": words("Places"),
        "imageFootprintA": words("Outline of the images"),
        "areaOfInterestA": words("Area of the map"),
    }
    title = words("Coasts and boundaries")
    yield Layer(
        id=SURROUNDINGS,
        title=title,
        vectors=_address(routes, folder, SURROUNDINGS) or outlines(folder, SURROUNDINGS),
        style=_GREY,
        silent=True,
        legend=(Key(colour=str(_GREY["stroke"]), label=title),),
    )
    for name, style, visible, order in _OUTLINES:
        if name in onscreen.vector_names(folder):
            many = routes.vectors and onscreen.feature_count(folder, name) > MANY
            tiles = f"{routes.vectors}{folder.name}/{name}/{{z}}/{{x}}/{{y}}.mvt" if many else ""
            yield Layer(
                id=name,
                title=names[name],
                vector_tiles=tiles,
                vectors="" if tiles else _address(routes, folder, name) or outlines(folder, name),
                style=style,
                visible=visible,
                order=order,
                legend=(Key(colour=style.get("fill") or style["stroke"], label=names[name]),),
            )


def _address(routes: Routes, folder: Path, name: str) -> str:
    return f"{routes.outlines}{folder.name}/{name}.geojson" if routes.outlines else ""


def outlines(folder: Path, name: str) -> Mapping[str, Any]:
    """Return a layer of outlines as GeoJSON, simplified for a screen.

    Raises
    ------
    InputError
        The package has no such layer.
    """
    if name == SURROUNDINGS:
        return onscreen.surroundings(onscreen.extent_of(folder))
    return onscreen.shapes(folder, name)


def age(moment: dt.datetime, now: dt.datetime) -> dt.timedelta | None:
    """Return how old an image is; None where it lies ahead, as in exercises."""
    passed = now - moment
    return passed if passed >= dt.timedelta(0) else None
