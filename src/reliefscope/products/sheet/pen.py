"""How the sheet's vectors are drawn: fonts, strokes, figures in millimetres, SVG."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from reliefscope.products.sheet.text import FONT_FAMILIES, register_fonts

INK = "#1b2530"
MARK = "#d01c4b"
"""Colour of the outline of the event's area, on the map and on the locator."""
MM_PER_INCH, MM_PER_POINT = 25.4, 25.4 / 72
_SVG: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "reliefscope",
    "font.family": list(FONT_FAMILIES),
    "text.parse_math": False,
}


@contextlib.contextmanager
def figure_mm(width: float, height: float, path: Path) -> Iterator[Figure]:
    """Give a transparent figure of a size in millimetres and save it as SVG afterwards."""
    register_fonts()
    with rc_context(_SVG):
        figure = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH))
        FigureCanvasSVG(figure)
        figure.patch.set_facecolor("none")
        yield figure
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def points(mm: float) -> float:
    """Return a length in typographic points."""
    return mm / MM_PER_POINT


def lines_of(shapes: Sequence[BaseGeometry] | NDArray[np.object_]) -> list[NDArray[np.float64]]:
    """Return the coordinates of all lines and rings."""
    flat = shapely.get_parts(shapely.get_parts(np.asarray(shapes, dtype=object)))
    flat = flat[~shapely.is_empty(flat)]
    dimensions = shapely.get_dimensions(flat)
    rings = shapely.get_rings(flat[dimensions == 2])  # noqa: PLR2004 - areas
    return [shapely.get_coordinates(g) for g in (*rings, *flat[dimensions == 1])]


def stroke(
    axes: Axes,
    lines: Sequence[NDArray[np.float64]],
    mm: float,
    colour: str,
    **style: Any,  # noqa: ANN401 - whatever a line collection takes
) -> None:
    """Draw lines of a width in millimetres."""
    axes.add_collection(LineCollection(list(lines), linewidths=points(mm), colors=colour, **style))


def name_at(
    axes: Axes,
    name: str,
    at: tuple[float, float],
    size: float,
    **style: Any,  # noqa: ANN401 - whatever a text takes
) -> None:
    """Write a name with a white halo."""
    style = {"ha": "center", "va": "center", "color": INK, "zorder": 8, **style}
    halo = [withStroke(linewidth=size * 0.3, foreground="white", alpha=0.9)]
    axes.text(*at, name, fontsize=size, path_effects=halo, **style)
