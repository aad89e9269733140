"""Where on earth the map is: a globe, and the countries around the area."""

import math
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from reliefscope.model.area import Area
from reliefscope.products.sheet.labels import Placer, text_size_mm
from reliefscope.products.sheet.pen import MARK, figure_mm, name_at
from reliefscope.products.sheet.text import printable
from reliefscope.words import ENGLISH, Words

_SEA, _LAND, _SHORE = "#dfe9f1", "#f6f3ec", "#8795a1"
_RADIUS_M = 6_371_007.0
_CELL_DEG = 10
_LEAST_WIDTH_M, _TIMES_AREA, _GREATEST_WIDTH_M = 1_200_000.0, 5.0, 9_000_000.0
_MOST_NAMES = 7
_LEAST_SHARE = 20
_GLOBE_MM, _GLOBE_SIZE_MM, _NAME_PT = 21.0, 24.0, 6.5


@cache
def outlines(name: str) -> gpd.GeoDataFrame:
    """Return one of the bundled Natural Earth files: ``land_110m`` or ``countries_50m``."""
    with as_file(files("reliefscope") / "data" / f"{name}.parquet") as path:
        return gpd.read_parquet(path)


def country_names(area: Area, words: Words = ENGLISH) -> list[str]:
    """Return the countries that hold at least a twentieth of the area, largest share first."""
    countries = outlines("countries_50m")
    near = countries.iloc[countries.sindex.query(area.geometry)]
    share = shapely.area(shapely.intersection(near.geometry.to_numpy(), area.geometry))
    least = area.geometry.area / _LEAST_SHARE
    order = sorted(range(len(near)), key=lambda i: -share[i])
    found = [near.iloc[i] for i in order if share[i] >= least]
    return [_named(row, words) for row in found]


def _named(country: pd.Series, words: Words) -> str:
    """Return the name of a row of the outlines in a language; as bundled where there is none."""
    return words.country(str(country["iso_a2"]), str(country["name"]))


def draw_globe(area: Area, path: Path) -> None:
    """Draw the half of the globe that faces the area, with the area marked."""
    lon, lat = area.centre
    crs = CRS.from_proj4(f"+proj=laea +lat_0={lat} +lon_0={lon} +R={_RADIUS_M} +units=m")
    land = _projected(_cells(), crs, math.radians(89.9))
    seen = [_orthographic(g) for g in land]
    with figure_mm(_GLOBE_SIZE_MM, _GLOBE_SIZE_MM, path) as figure:
        axes = _axes(figure, 1.02, 1.02)
        axes.add_patch(Circle((0, 0), 1, facecolor=_SEA, edgecolor="none"))
        _fill(axes, [shapely.union_all(seen, grid_size=1e-4)], 0.25)
        axes.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor="#5b6873", linewidth=0.7))
        _box(axes, (-0.07, -0.07, 0.07, 0.07), 1.1)


def draw_region(
    area: Area,
    size_mm: tuple[float, float],
    band_mm: float,
    path: Path,
    words: Words = ENGLISH,
) -> None:
    """Draw the countries around the area, with the area marked and the larger ones named.

    Parameters
    ----------
    area : Area
        What to mark.
    size_mm : tuple of float
        Width and height of the picture.
    band_mm : float
        Height of the middle part that is always seen: the page may cut off the rest, so names
        stay within it.
    path : Path
        Where the SVG goes.
    words : Words
        Of the names.
    """
    lon, lat = area.centre
    crs = CRS.from_proj4(f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m")
    shape = gpd.GeoSeries([area.geometry], crs="EPSG:4326").segmentize(0.5).to_crs(crs)
    west, south, east, north = shape.total_bounds
    extent = max((east - west), (north - south) * size_mm[0] / size_mm[1]) * _TIMES_AREA
    width = min(max(extent, _LEAST_WIDTH_M), _GREATEST_WIDTH_M)
    names, shapes = _around(lon, lat, width, crs, size_mm, words)
    while not shapes and width < _GREATEST_WIDTH_M:
        width *= 2
        names, shapes = _around(lon, lat, width, crs, size_mm, words)
    height = width * size_mm[1] / size_mm[0]
    with figure_mm(*size_mm, path) as figure:
        figure.patch.set_facecolor(_SEA)
        axes = _axes(figure, width / 2, height / 2)
        _fill(axes, shapes, 0.4)
        mark = _mark(axes, shape.iloc[0], width / size_mm[0])
        _name_countries(axes, names, shapes, (size_mm[0], band_mm), mark)


def _axes(figure: Figure, half_x: float, half_y: float) -> Axes:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-half_x, half_x), ylim=(-half_y, half_y))
    axes.axis("off")
    return axes


@cache
def _cells() -> tuple[BaseGeometry, ...]:
    """Land cut by meridians and parallels, so that no piece wraps around the far side."""
    parts = outlines("land_110m").geometry.to_numpy()
    cells = []
    for west in range(-180, 180, _CELL_DEG):
        strip = shapely.clip_by_rect(parts, west, -90, west + _CELL_DEG, 90)
        strip = strip[~shapely.is_empty(strip)]
        for south in range(-90, 90, _CELL_DEG):
            cut = shapely.clip_by_rect(strip, west, south, west + _CELL_DEG, south + _CELL_DEG)
            cells += list(cut[~shapely.is_empty(cut)])
    return tuple(cells)


def _projected(shapes: tuple[BaseGeometry, ...], crs: CRS, reach_rad: float) -> list[BaseGeometry]:
    """Return shapes in an azimuthal equal-area projection, cut at an angle from its centre."""
    transform = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    horizon = shapely.Point(0, 0).buffer(2 * _RADIUS_M * math.sin(reach_rad / 2), 90)
    far = 2 * _RADIUS_M * math.sin(min(reach_rad + math.radians(2.5 * _CELL_DEG), math.pi) / 2)
    out = []
    for shape in shapes:
        dense = shapely.segmentize(shape, 1.0)
        placed = shapely.transform(dense, lambda c: np.column_stack(transform(c[:, 0], c[:, 1])))
        xy = shapely.get_coordinates(placed)
        if not np.isfinite(xy).all() or np.hypot(*xy.T).max() > far:
            continue
        cut = shapely.intersection(shapely.make_valid(placed), horizon)
        if not cut.is_empty:
            out.append(cut)
    return out


def _orthographic(shape: BaseGeometry) -> BaseGeometry:
    """Return an equal-area azimuthal shape as seen from far away, on a disc of radius 1."""

    def seen(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        r = np.hypot(*xy.T) / (2 * _RADIUS_M)
        # r = sin(c / 2); the orthographic radius is sin(c) (Snyder 1987, eqs 20-3 and 24-3).
        factor = np.sqrt(np.maximum(1 - r**2, 0)) / _RADIUS_M
        placed: NDArray[np.float64] = xy * factor[:, None]
        return placed

    return shapely.make_valid(shapely.transform(shape, seen))


def _around(
    lon: float,
    lat: float,
    width_m: float,
    crs: CRS,
    size_mm: tuple[float, float],
    words: Words,
) -> tuple[list[str], list[BaseGeometry]]:
    """Return names and projected shapes of the countries in view."""
    x, y = width_m / 2, width_m * size_mm[1] / size_mm[0] / 2
    view = shapely.box(-x, -y, x, y)
    half = math.degrees(width_m / _RADIUS_M) * 0.75
    turn = min(half / max(math.cos(math.radians(min(abs(lat) + half, 89.0))), 0.02), 180.0)
    transform = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    names, shapes = [], []
    countries = outlines("countries_50m")
    for shift in (-360.0, 0.0, 360.0):
        west, east = max(lon - turn - shift, -180.0), min(lon + turn - shift, 180.0)
        if west >= east:
            continue
        cut = countries.geometry.clip_by_rect(
            west, max(lat - half, -90.0), east, min(lat + half, 90.0)
        )
        for index in cut.index[~cut.is_empty]:
            placed = shapely.transform(
                shapely.segmentize(cut.loc[index], 1.0),
                lambda c: np.column_stack(transform(c[:, 0], c[:, 1])),
            )
            seen = shapely.intersection(shapely.make_valid(placed), view)
            if not seen.is_empty:
                names.append(_named(countries.loc[index], words))
                shapes.append(seen)
    return names, shapes


def _fill(axes: Axes, shapes: list[BaseGeometry], line: float) -> None:
    """Draw land with its shores."""
    polygons = [g for g in shapely.get_parts(shapely.get_parts(shapes)) if g.geom_type == "Polygon"]
    paths = [
        Outline.make_compound_path(
            *(Outline(shapely.get_coordinates(r), closed=True) for r in shapely.get_rings(p))
        )
        for p in polygons
    ]
    axes.add_collection(PathCollection(paths, facecolors=_LAND, edgecolors=_SHORE, linewidths=line))


def _mark(axes: Axes, shape: BaseGeometry, per_mm: float) -> BaseGeometry:
    """Draw the area as a box that can be seen, however small it is, and return the box."""
    west, south, east, north = shape.bounds
    wide, high = max(east - west, 2.2 * per_mm), max(north - south, 2.2 * per_mm)
    x, y = (west + east) / 2, (south + north) / 2
    bounds = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    _box(axes, bounds, 1.2)
    return shapely.box(*bounds)


def _box(axes: Axes, bounds: tuple[float, float, float, float], line: float) -> None:
    west, south, east, north = bounds
    for colour, width in (("white", 2 * line), (MARK, line)):
        axes.add_patch(
            Rectangle(
                (west, south), east - west, north - south, facecolor="none", edgecolor=colour,
                linewidth=width, zorder=5,
            )
        )  # fmt: skip


def _name_countries(
    axes: Axes,
    names: list[str],
    shapes: list[BaseGeometry],
    size_mm: tuple[float, float],
    mark: BaseGeometry,
) -> None:
    """Name the larger countries, each on its own land, beside the mark and the globe."""
    per_mm = 2 * axes.get_xlim()[1] / size_mm[0]
    half = size_mm[0] / 2, size_mm[1] / 2
    globe = shapely.box(-half[0], -half[1], _GLOBE_MM - half[0], _GLOBE_MM - half[1])
    placer = Placer(size_mm)
    merged: dict[str, BaseGeometry] = {}
    for name, shape in zip(names, shapes, strict=True):
        merged[name] = shapely.union(merged[name], shape) if name in merged else shape
    order = sorted(merged, key=lambda n: (not merged[n].intersects(mark), -merged[n].area))
    for name in order[:_MOST_NAMES]:
        label = printable(name, 40)
        wide, high = text_size_mm(label, _NAME_PT)
        room: BaseGeometry = shapely.box(1 + wide / 2 - half[0], high / 2 - half[1],
                           half[0] - wide / 2 - 1, half[1] - high / 2)  # fmt: skip
        kept = [affinity.scale(mark, 1 / per_mm, 1 / per_mm, origin=(0, 0)), globe]
        for west, south, east, north in (g.bounds for g in kept):
            room = room.difference(
                shapely.box(west - wide / 2 - 1, south - high, east + wide / 2 + 1, north + high)
            )
        inner = affinity.scale(merged[name], 1 / per_mm, 1 / per_mm, origin=(0, 0))
        parts = shapely.get_parts(shapely.intersection(inner, room))
        part = max(parts, key=lambda g: g.area, default=shapely.Polygon())
        if part.area < wide * high / 2:
            continue
        x, y = shapely.get_coordinates(shapely.maximum_inscribed_circle(part, 0.5))[0]
        at = float(x) + size_mm[0] / 2, float(y) + size_mm[1] / 2
        if placer.upon(at[0], at[1], (wide, high)):
            name_at(axes, label, (x * per_mm, y * per_mm), _NAME_PT, color="#33414d", zorder=6)
