"""The vectors of the map: graticule, outline of the area, frame, and what lies on the ground.

They are drawn in millimetres on a transparent ground; the template lays them over the printed
pixels of `reliefscope.products.sheet.raster`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.figure import Figure
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.details import Part, draw_index
from reliefscope.products.sheet.graticule import crossings, graticule
from reliefscope.products.sheet.labels import Placer
from reliefscope.products.sheet.layout import BORDER_MM, Layout, nice_length
from reliefscope.products.sheet.orientation import MapSheet, draw_context
from reliefscope.products.sheet.pen import INK, MARK, figure_mm, lines_of, stroke
from reliefscope.words import Words

_GRID_INK = "#23384a"
_BANNER_MM = (110.0, 7.5)
_CROSS_MM, _CROSS_SPACING_MM, _LABEL_MM = 1.1, 46.0, 18.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What the map shows besides pixels: the legend lists only this."""

    units: bool = False
    roads: bool = False
    places: bool = False
    facilities: bool = False
    crosses_m: float | None = None
    """Spacing of the metric grid [m]; None on a geographic grid."""


def draw_map(
    content: SheetContent, layout: Layout, path: Path, parts: Sequence[Part] = ()
) -> Drawn:
    """Draw the vectors of the map as SVG and return what there was to draw.

    Parameters
    ----------
    content : SheetContent
        What to show.
    layout : Layout
        Where.
    path : Path
        Of the SVG.
    parts : sequence
        Rows and columns of the detail sheets, whose outlines are drawn.
    """
    width, height = layout.frame_mm
    across, up = BORDER_MM / width, BORDER_MM / height
    with figure_mm(width, height, path) as figure:
        axes = figure.add_axes((across, up, 1 - 2 * across, 1 - 2 * up))
        axes.set(xlim=(0, layout.map_mm[0]), ylim=(0, layout.map_mm[1]))
        axes.axis("off")
        crs = CRS.from_user_input(str(content.layers.grid.crs))
        sheet = MapSheet(axes, layout, crs, Placer(layout.map_mm))
        if content.product.exercise or content.draft:
            sheet.placer.reserve((0, layout.map_mm[1] - _BANNER_MM[1], _BANNER_MM[0], height))
        crosses = _grid(sheet, content.words)
        drawn = draw_context(sheet, content.context)
        _outline(sheet, content.product.event.area.geometry)
        draw_index(axes, layout, content.layers.state.shape, parts)
        _frame(figure, layout)
    return Drawn(**drawn, crosses_m=crosses)


def _grid(sheet: MapSheet, words: Words) -> float | None:
    """Draw the graticule with its labels, and crosses of the metric grid."""
    width, height = sheet.layout.map_mm
    ends: dict[str, list[float]] = {side: [] for side in ("bottom", "top", "left", "right")}
    for line in graticule(sheet.layout, sheet.crs, words):
        stroke(
            sheet.axes, [np.column_stack([line.x, line.y])], 0.12, _GRID_INK, alpha=0.35, zorder=2
        )
        for label, side, at in crossings(line, (width, height)):
            longest = width if side in {"bottom", "top"} else height
            if any(abs(at - other) < _LABEL_MM for other in ends[side]):
                continue
            ends[side].append(at)
            _edge_label(sheet, label, side, min(max(at, 8), longest - 8))
    return None if sheet.crs.is_geographic else _crosses(sheet)


def _crosses(sheet: MapSheet) -> float:
    """Draw crosses where the lines of a round metric grid meet; return their spacing [m]."""
    width, height = sheet.layout.map_mm
    left, bottom, right, top = sheet.layout.window
    metres = sheet.layout.denominator / 1000
    step = nice_length(_CROSS_SPACING_MM * metres / sheet.layout.unit_m[0])
    xs = np.arange(np.ceil(left / step), np.floor(right / step) + 1) * step
    ys = np.arange(np.ceil(bottom / step), np.floor(top / step) + 1) * step
    x, y = np.meshgrid(
        (xs - left) / (right - left) * width, (ys - bottom) / (top - bottom) * height
    )
    arms = [
        np.array([[px - dx, py - dy], [px + dx, py + dy]])
        for px, py in zip(x.ravel(), y.ravel(), strict=True)
        for dx, dy in ((_CROSS_MM, 0), (0, _CROSS_MM))
    ]
    stroke(sheet.axes, arms, 0.18, _GRID_INK, alpha=0.8, zorder=2)
    return float(step)


def _edge_label(sheet: MapSheet, label: str, side: str, at: float) -> None:
    width, height = sheet.layout.map_mm
    off = BORDER_MM / 2
    x, y, turn = {
        "bottom": (at, -off, 0),
        "top": (at, height + off, 0),
        "left": (-off, at, 90),
        "right": (width + off, at, 270),
    }[side]
    sheet.axes.text(
        x,
        y,
        label,
        fontsize=6.6,
        color=INK,
        ha="center",
        va="center_baseline" if turn == 0 else "center",
        rotation=turn,
        clip_on=False,
    )


def _outline(sheet: MapSheet, area: BaseGeometry) -> None:
    """Draw the outline of the event's area."""
    dense = shapely.segmentize(area, max(*np.ptp(np.reshape(area.bounds, (2, 2)), axis=0)) / 64)
    shown = sheet.to_mm(gpd.GeoDataFrame(geometry=[dense], crs="EPSG:4326"))
    if shown is None:
        return
    lines = lines_of(shown.geometry.to_numpy())
    stroke(sheet.axes, lines, 1.1, "white", alpha=0.9, zorder=5)
    stroke(sheet.axes, lines, 0.5, MARK, zorder=5.1)


def _frame(figure: Figure, layout: Layout) -> None:
    """Draw the two lines of the frame, white between them."""
    width, height = layout.frame_mm
    axes = figure.add_axes((0, 0, 1, 1), zorder=-1)
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    outer = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]])
    b = BORDER_MM
    inner = np.array([[b, b], [b, height - b], [width - b, height - b], [width - b, b], [b, b]])
    stroke(axes, [inner], 0.35, INK)
    line = np.clip(outer, 0.12, [width - 0.12, height - 0.12])
    stroke(axes, [line], 0.2, INK)
