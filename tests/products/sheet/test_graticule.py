"""Meridians and parallels where they belong."""

import numpy as np
import pytest
from pyproj import CRS, Transformer

from reliefscope.model.area import Area
from reliefscope.model.grid import grid_for
from reliefscope.products.sheet.graticule import crossings, graticule
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.words import words_in


def lines_for(area, resolution):
    grid = grid_for(area, resolution)
    plan = plan_layout(grid)
    crs = CRS.from_user_input(str(grid.crs))
    return graticule(plan, crs), plan, crs


@pytest.mark.parametrize(
    "bbox",
    [
        (-0.75, 38.95, -0.15, 39.35),
        (90.3, 23.7, 90.36, 23.745),
        (66.0, 24.5, 71.5, 28.5),
        (178.5, -18.5, -179.5, -16.5),
        (20.0, -1.0, 21.0, 1.0),
        (-60.0, 70.0, -40.0, 80.0),
    ],
)
def test_each_edge_has_labels_at_the_right_places(bbox):
    """A label says the longitude or latitude of the very point of the frame beside it."""
    area = Area.from_bbox(*bbox, name="x")
    lines, plan, crs = lines_for(area, max(area.width_deg * 300, 10))
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    left, bottom, right, top = plan.window
    width, height = plan.map_mm
    sides = {}
    for line in lines:
        for label, side, at in crossings(line, plan.map_mm):
            x = {"left": 0.0, "right": width}.get(side, at)
            y = {"bottom": 0.0, "top": height}.get(side, at)
            lon, lat = back.transform(
                left + x / width * (right - left), bottom + y / height * (top - bottom)
            )
            off = (
                (lon - degrees(label) + 180) % 360 - 180 if line.meridian else lat - degrees(label)
            )
            assert abs(off) < area.width_deg / 400
            sides.setdefault(side, []).append(label)
    assert set(sides) == {"left", "right", "bottom", "top"}
    assert all(1 <= len(labels) <= 14 for labels in sides.values())


def degrees(label):
    sign = -1 if label[-1] in "SW" else 1
    parts = (
        label.rstrip("NSEW").replace("\N{DOUBLE PRIME}", "").replace("\N{PRIME}", "°").split("°")
    )
    return sign * sum(float(p) / 60**k for k, p in enumerate(parts) if p)


def test_lines_are_true_everywhere():
    """Each drawn point of a meridian has that longitude."""
    lines, plan, crs = lines_for(Area.from_bbox(66, 24.5, 71.5, 28.5, name="x"), 2000)
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    left, bottom, right, top = plan.window
    line = next(x for x in lines if x.meridian)
    lon, _ = back.transform(
        left + line.x / plan.map_mm[0] * (right - left),
        bottom + line.y / plan.map_mm[1] * (top - bottom),
    )
    assert np.ptp(lon) < 1e-6
    assert lon[0] == pytest.approx(degrees(line.label))


@pytest.mark.parametrize(("language", "west"), [("en", "W"), ("fr", "O"), ("es", "O"), ("ar", "W")])
def test_west_is_written_as_the_language_does(language, west):
    """French and Spanish write O; Arabic keeps W, since its own letter would turn the minutes."""
    grid = grid_for(Area.from_bbox(-0.75, 38.95, -0.15, 39.35, name="x"), 180)
    crs = CRS.from_user_input(str(grid.crs))
    lines = graticule(plan_layout(grid), crs, words_in(language))
    labels = [line.label for line in lines if line.meridian]
    assert labels
    assert all(label.endswith(west) for label in labels)
