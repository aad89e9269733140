"""What is known of the ground, drawn for orientation: boundaries, roads, facilities, places."""

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd
import shapely
from matplotlib.axes import Axes
from pyproj import CRS, Transformer
from shapely.geometry.base import BaseGeometry

from reliefscope.model.context import Context
from reliefscope.products.sheet.labels import Placer, text_size_mm
from reliefscope.products.sheet.layout import Layout
from reliefscope.products.sheet.pen import INK, lines_of, name_at, points, stroke
from reliefscope.products.sheet.text import printable

_ROAD, _BOUNDARY = "#c2452d", "#4a3b5c"
_MOST_PLACES, _MOST_UNITS, _MOST_FACILITIES = 60, 80, 400
_FINEST_MM = 0.08
_NAME = 48
_MAIN_ROADS = frozenset({"motorway", "trunk", "primary", "main", "highway"})
_PLACE_STYLES = ((100_000, 9.0, "bold", 1.5), (10_000, 8.0, "bold", 1.2), (0, 7.0, "regular", 0.9))
"""Least population, size of the name [pt], weight, radius of the dot [mm]."""
_UNIT_NAME_PT = 7.5


@dataclass(frozen=True, slots=True)
class MapSheet:
    """A map being drawn: axes in millimetres from the lower left corner of the map."""

    axes: Axes
    layout: Layout
    crs: CRS
    placer: Placer

    def to_mm(self, frame: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
        """Return what of ``frame`` lies on the map, in millimetres; None if nothing does."""
        if frame is None or frame.empty:
            return None
        left, bottom, right, top = self.layout.window
        lonlat = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True).transform_bounds(
            left, bottom, right, top, densify_pts=21
        )
        part = frame.to_crs("EPSG:4326")
        if lonlat[0] < lonlat[2]:
            part = part.cx[lonlat[0] : lonlat[2], lonlat[1] : lonlat[3]]
        if part.empty:
            return None
        part = part.to_crs(self.crs)
        width, height = self.layout.map_mm
        scale_x, scale_y = width / (right - left), height / (top - bottom)
        matrix = [scale_x, 0, 0, scale_y, -left * scale_x, -bottom * scale_y]
        shapes = part.geometry.affine_transform(matrix).make_valid()
        shapes = shapes.clip_by_rect(0, 0, width, height)
        if shapes.geom_type.str.endswith("LineString").all():
            shapes = shapes.simplify(_FINEST_MM)
        part = part.set_geometry(shapes.set_crs(None, allow_override=True))
        part = part[~part.geometry.is_empty & part.geometry.notna()]
        return None if part.empty else part


def draw_context(sheet: MapSheet, context: Context) -> dict[str, bool]:
    """Draw what is known of the ground, names last; return what there was."""
    units = sheet.to_mm(context.admin)
    roads = sheet.to_mm(context.roads)
    places, facilities = sheet.to_mm(context.places), sheet.to_mm(context.facilities)
    if units is not None:
        _units(sheet, units)
    if roads is not None:
        _roads(sheet, roads)
    if facilities is not None:
        _facilities(sheet, facilities)
    if places is not None:
        _places(sheet, places)
    if units is not None:
        _unit_names(sheet, units)
    return {
        "units": units is not None,
        "roads": roads is not None,
        "places": places is not None,
        "facilities": facilities is not None,
    }


def _units(sheet: MapSheet, units: gpd.GeoDataFrame) -> None:
    """Draw each boundary once, at the highest level that has it."""
    levels = _levels(units)
    # Where the map cuts a unit off there is no boundary.
    drawn: BaseGeometry = shapely.box(0, 0, *sheet.layout.map_mm).boundary
    for level in sorted(set(levels)):
        shapes = shapely.set_precision(units.geometry[levels == level].to_numpy(), _FINEST_MM / 2)
        every = shapely.union_all(shapely.boundary(shapes))
        own = shapely.difference(every, drawn.buffer(_FINEST_MM))
        drawn = shapely.union(drawn, every)
        merged = shapely.line_merge(own) if own.geom_type == "MultiLineString" else own
        lines = lines_of([shapely.simplify(merged, _FINEST_MM)])
        top = level == levels.min()
        stroke(sheet.axes, lines, 0.8 if top else 0.6, "white", alpha=0.5, zorder=3)
        dash = (0, (7, 2, 1, 2)) if top else (0, (4, 2))
        stroke(sheet.axes, lines, 0.3 if top else 0.22, _BOUNDARY, linestyles=[dash], zorder=3.1)


def _levels(units: gpd.GeoDataFrame) -> "pd.Series[float]":
    if "level" not in units:
        return pd.Series(0.0, index=units.index)
    levels: pd.Series[float] = pd.to_numeric(units["level"], errors="coerce").fillna(0)
    return levels


def _roads(sheet: MapSheet, roads: gpd.GeoDataFrame) -> None:
    kinds = roads["class"].astype(str) if "class" in roads else pd.Series("", index=roads.index)
    main = kinds.str.lower().isin(_MAIN_ROADS)
    for chosen, mm, casing in ((~main, 0.22, 0.5), (main, 0.42, 0.9)):
        lines = lines_of(roads.geometry[chosen].to_numpy())
        stroke(sheet.axes, lines, casing, "white", alpha=0.8, zorder=4, capstyle="round")
        stroke(sheet.axes, lines, mm, _ROAD, zorder=4.1, capstyle="round")


def _facilities(sheet: MapSheet, facilities: gpd.GeoDataFrame) -> None:
    spots = facilities.geometry.representative_point().head(_MOST_FACILITIES)
    sheet.axes.scatter(
        spots.x, spots.y, s=points(1.7) ** 2, marker="s", c="white", edgecolors=_BOUNDARY,
        linewidths=0.9, zorder=6,
    )  # fmt: skip
    for x, y in zip(spots.x, spots.y, strict=True):
        sheet.placer.reserve((x - 0.9, y - 0.9, x + 0.9, y + 0.9))


def _places(sheet: MapSheet, places: gpd.GeoDataFrame) -> None:
    """Draw places by population; a place whose name finds no room keeps its dot if it is large."""
    people = (
        pd.to_numeric(places["population"], errors="coerce").fillna(0)
        if "population" in places
        else pd.Series(0.0, index=places.index)
    )
    order = people.sort_values(ascending=False, kind="stable").index[: 4 * _MOST_PLACES]
    spots = places.geometry.representative_point()
    named = 0
    for index in order:
        if named >= _MOST_PLACES:
            break
        point = spots.loc[index]
        least, size, weight, radius = next(s for s in _PLACE_STYLES if people.loc[index] >= s[0])
        name = printable(places["name"].loc[index] if "name" in places else "", _NAME)
        box = (
            sheet.placer.beside(point.x, point.y, text_size_mm(name, size, weight), radius + 0.4)
            if name
            else None
        )
        if box is None and not least:
            continue
        named += box is not None
        sheet.placer.reserve(
            (point.x - radius, point.y - radius, point.x + radius, point.y + radius)
        )
        sheet.axes.scatter(
            [point.x], [point.y], s=points(radius * 1.3) ** 2, c="white", edgecolors=INK,
            linewidths=0.9, zorder=7,
        )  # fmt: skip
        if box is not None:
            name_at(sheet.axes, name, (box[0], box[1]), size, weight=weight, ha="left", va="bottom")


def _unit_names(sheet: MapSheet, units: gpd.GeoDataFrame) -> None:
    """Name the units of the finest level, large ones first, each within its own outline."""
    levels = _levels(units)
    finest = units[levels == levels.max()]
    order = finest.geometry.area.sort_values(ascending=False).index[:_MOST_UNITS]
    for index in order:
        shape = finest.geometry.loc[index]
        name = printable(finest["name"].loc[index] if "name" in finest else "", _NAME)
        if not name:
            continue
        size = text_size_mm(name, _UNIT_NAME_PT, "bold")
        for point in _inner_points(shape):
            box = shapely.box(
                point[0] - size[0] / 2, point[1] - size[1] / 2,
                point[0] + size[0] / 2, point[1] + size[1] / 2,
            )  # fmt: skip
            if shape.contains(box) and sheet.placer.upon(*point, size):
                name_at(
                    sheet.axes,
                    name,
                    point,
                    _UNIT_NAME_PT,
                    weight="bold",
                    color=_BOUNDARY,
                    alpha=0.85,
                )
                break


def _inner_points(shape: BaseGeometry) -> Iterator[tuple[float, float]]:
    """Yield points well inside a shape, from the middle outwards."""
    largest = max(shapely.get_parts(shape), key=lambda g: g.area)
    middle = shapely.maximum_inscribed_circle(largest, tolerance=1.0)
    x, y = shapely.get_coordinates(middle)[0]
    yield float(x), float(y)
    for dy in (6.0, -6.0, 12.0, -12.0, 20.0, -20.0):
        yield float(x), float(y + dy)
