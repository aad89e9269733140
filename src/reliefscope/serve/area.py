"""Areas that visitors send: weighed before they are believed."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError
from reliefscope.transport.content import parse_json

_LONGEST_NAME = 120
_POLYGONS = frozenset({"Polygon", "MultiPolygon"})
_KNOWN_CRS = frozenset({"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326"})
_FURTHEST = (360.0, 90.0)
_MOST_PARTS = 10_000


def read_area(body: bytes, most_vertices: int) -> tuple[str, BaseGeometry]:
    """Return the name of the unit asked for, and the polygons sent; one of the two is empty.

    Parameters
    ----------
    body : bytes
        GeoJSON: a geometry, a feature, or a collection; or ``{"unit": "PCODE"}``.
    most_vertices : int
        More are refused.

    Raises
    ------
    InputError
        Not such a document, not in degrees, too many vertices.
    """
    document = _parsed(body, most_vertices)
    if not isinstance(document, Mapping):
        raise InputError('the area is no JSON object; send GeoJSON, or {"unit": "PCODE"}')
    if "unit" in document:
        unit = document["unit"]
        if not isinstance(unit, str) or not unit or len(unit) > _LONGEST_NAME:
            raise InputError("unit must be the code of an admin unit, as the table lists it")
        return unit, shapely.Polygon()
    _refuse_other_crs(document)
    found = list(_geometries(document))
    vertices = sum(_check_numbers(g.get("coordinates")) for g in found)
    if vertices > most_vertices:
        raise InputError(f"the area has {vertices} vertices; at most {most_vertices} are counted: "
                         f"simplify it")  # fmt: skip
    whole = _union(found)
    if whole.is_empty:
        raise InputError("the area holds no polygon")
    return "", whole


def _parsed(body: bytes, most_vertices: int) -> object:
    """Return the document; each vertex has a bracket, so that it is weighed before."""
    brackets = body.count(b"[")
    if brackets > most_vertices + _MOST_PARTS:
        raise InputError(
            f"the area has some {brackets} vertices; at most {most_vertices} are counted: "
            f"simplify it"
        )
    try:
        return parse_json(body)
    except ValueError as error:
        raise InputError("the area is no JSON; send GeoJSON in EPSG:4326") from error


def _union(found: list[Mapping[str, Any]]) -> BaseGeometry:
    try:
        polygons = [shape(dict(g)) for g in found]
        return shapely.union_all([shapely.make_valid(p) for p in polygons])
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InputError("the area is no valid GeoJSON polygon; draw it again") from error


def _refuse_other_crs(document: Mapping[str, Any]) -> None:
    crs = document.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, Mapping) else None
    name = properties.get("name") if isinstance(properties, Mapping) else None
    if name not in _KNOWN_CRS:
        raise InputError(f"the area is in {str(name)[:60]!r}; send it in EPSG:4326 (degrees)")


def _geometries(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the polygons of a GeoJSON document, one level of collection deep."""
    kind = document.get("type")
    if kind in _POLYGONS:
        yield document
    elif kind == "Feature":
        inner = document.get("geometry")
        if isinstance(inner, Mapping) and inner.get("type") in _POLYGONS:
            yield inner
        else:
            raise InputError("the feature holds no polygon; points and lines have no area")
    elif kind == "FeatureCollection" and isinstance(document.get("features"), list):
        features = document["features"]
        if not features or len(features) > _MOST_PARTS:
            raise InputError(f"the collection must hold 1 to {_MOST_PARTS} features")
        for feature in features:
            if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
                raise InputError("the collection holds something that is no feature")
            yield from _geometries(feature)
    else:
        raise InputError(f"type {str(kind)[:40]!r} is none of Polygon, MultiPolygon, Feature, "
                         f"FeatureCollection")  # fmt: skip


def _check_numbers(coordinates: object) -> int:
    """Return how many vertices there are; raise unless each is a place in degrees."""
    stack, count = [coordinates], 0
    while stack:
        part = stack.pop()
        if not isinstance(part, list) or not part:
            raise InputError("the coordinates are no nested lists of numbers")
        if isinstance(part[0], list):
            stack += part
            continue
        count += 1
        if len(part) not in {2, 3} or not all(_is_number(v) for v in part):
            raise InputError("a vertex is no pair of finite numbers")
        if any(abs(v) > most for v, most in zip(part, _FURTHEST, strict=False)):
            raise InputError(f"vertex {part[0]}, {part[1]} is no longitude and latitude; send the "
                             f"area in EPSG:4326 (degrees)")  # fmt: skip
    return count


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
