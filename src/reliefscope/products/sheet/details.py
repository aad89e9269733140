"""Detail sheets: parts of a large area at a larger scale, and their index on the overview."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw, ImageFont

from reliefscope.model.cube import State
from reliefscope.products.layers import Layers
from reliefscope.products.sheet.layout import Layout
from reliefscope.products.sheet.pen import INK, name_at, stroke
from reliefscope.products.sheet.text import fonts_folder

Part = tuple[slice, slice]
FINEST_MM = 0.05
"""A pixel of the map smaller than this on paper cannot be made out: details are drawn [mm]."""
_WANTED_MM = 0.1
_MOST_A_SIDE, MOST_DETAILS = 3, 4
_MARK, _PALE = (163, 18, 63), (60, 70, 80)


def parts_to_detail(layers: Layers, layout: Layout) -> tuple[Part, ...]:
    """Return the parts that get sheets of their own, from the north-west on; often none.

    Parameters
    ----------
    layers : Layers
        Supplies where the event is.
    layout : Layout
        Of the overview.

    Notes
    -----
    There are details where a pixel is smaller than `FINEST_MM` on the overview. The area is cut
    into equal parts, three a side at most, in which a pixel has a tenth of a millimetre if that
    can be had. Of the parts with pixels of the event, the `MOST_DETAILS` that have the most.
    """
    rows, columns = layers.state.shape
    pixel_mm = layout.grid_mm[2] / columns
    if pixel_mm >= FINEST_MM:
        return ()
    side = max(max(rows, columns) * pixel_mm / _WANTED_MM, max(rows, columns) / _MOST_A_SIDE)
    every = [
        (r, c)
        for r in _cut(rows, math.ceil(rows / side))
        for c in _cut(columns, math.ceil(columns / side))
    ]
    event = (layers.state == State.EVENT) & layers.inside
    counts = [int(event[part].sum()) for part in every]
    most = sorted(range(len(every)), key=lambda i: -counts[i])[:MOST_DETAILS]
    return tuple(every[i] for i in sorted(most) if counts[i])


def _cut(pixels: int, pieces: int) -> list[slice]:
    edges = np.linspace(0, pixels, pieces + 1).round().astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]


def draw_index(axes: Axes, layout: Layout, shape: tuple[int, int], parts: Sequence[Part]) -> None:
    """Draw the outlines of the details on the overview, each with its number."""
    left, top, width, height = layout.grid_mm
    border = (layout.frame_mm[0] - layout.map_mm[0]) / 2
    for number, (rows, columns) in enumerate(parts, start=1):
        x = [left - border + width * c / shape[1] for c in (columns.start, columns.stop)]
        y = [
            layout.map_mm[1] - (top - border + height * r / shape[0])
            for r in (rows.start, rows.stop)
        ]
        ring = np.array([[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]])
        stroke(axes, [ring], 0.9, "white", alpha=0.8, zorder=8)
        stroke(axes, [ring], 0.4, INK, zorder=8.1)
        at = x[1] - 4.0, y[0] - 4.0
        name_at(axes, str(number), at, 15.0, weight="bold", zorder=9)


def mark_index(picture: Image.Image, shape: tuple[int, int], parts: Sequence[Part], shown: int,
               path: Path) -> None:  # fmt: skip
    """Draw a small picture of the whole with the details' outlines, one of them marked."""
    image = picture.copy()
    pen = ImageDraw.Draw(image)
    scale = image.width / shape[1], image.height / shape[0]
    font = ImageFont.truetype(str(fonts_folder() / "NotoSans-Bold.ttf"), 40)
    order = sorted(enumerate(parts, start=1), key=lambda p: p[0] == shown)
    for number, (rows, columns) in order:
        box = (columns.start * scale[0], rows.start * scale[1],
               columns.stop * scale[0] - 1, rows.stop * scale[1] - 1)  # fmt: skip
        colour = _MARK if number == shown else _PALE
        pen.rectangle(box, outline=colour, width=9 if number == shown else 4)
        pen.text((box[0] + 14, box[1] + 4), str(number), font=font, fill=colour,
                 stroke_width=4, stroke_fill="white")  # fmt: skip
    image.save(path)
