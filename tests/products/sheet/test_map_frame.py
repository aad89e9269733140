"""The vectors of the map."""

import dataclasses as dc
import re

import geopandas as gpd
import numpy as np
import shapely

from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.grid import grid_for
from reliefscope.products.sheet.layout import plan_layout
from reliefscope.products.sheet.map_frame import draw_map


def test_what_is_drawn_is_reported(content, tmp_path):
    """Units, roads and places are there; facilities were not given."""
    drawn = draw_map(content, plan_layout(content.layers.grid), tmp_path / "m.svg")
    assert (drawn.units, drawn.roads, drawn.places, drawn.facilities) == (True, True, True, False)
    assert drawn.crosses_m == 1000


def test_no_context_still_has_outline_and_frame(content, tmp_path):
    """Without anything known the outline of the area and the frame remain."""
    path = tmp_path / "m.svg"
    drawn = draw_map(dc.replace(content, context=Context()), plan_layout(content.layers.grid), path)
    assert not any((drawn.units, drawn.roads, drawn.places, drawn.facilities))
    text = path.read_text()
    assert "#d01c4b" in text
    size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text)
    plan = plan_layout(content.layers.grid)
    assert np.allclose([float(v) * 25.4 / 72 for v in size.groups()], plan.frame_mm, rtol=1e-4)


def test_vectors_stay_vectors(content, tmp_path):
    """No raster hides in the drawing, and text is drawn as outlines: nothing to substitute."""
    path = tmp_path / "m.svg"
    draw_map(content, plan_layout(content.layers.grid), path)
    text = path.read_text()
    assert "<image" not in text
    assert "<text" not in text


def test_far_and_empty_features_are_no_reason_to_stumble(content, tmp_path):
    """Layers without features here, without names, or of mixed geometry are drawn or left out."""
    far = shapely.Point(100, 10)
    here = shapely.Point(*content.product.event.area.centre)
    context = Context(
        admin=gpd.GeoDataFrame(geometry=[here.buffer(0.02)], crs="EPSG:4326"),
        places=gpd.GeoDataFrame({"name": ["Far"]}, geometry=[far], crs="EPSG:4326"),
        roads=gpd.GeoDataFrame(geometry=[], crs="EPSG:4326"),
        facilities=gpd.GeoDataFrame(geometry=[here.buffer(0.001), here], crs="EPSG:4326"),
    )
    drawn = draw_map(
        dc.replace(content, context=context), plan_layout(content.layers.grid), tmp_path / "m.svg"
    )
    assert (drawn.units, drawn.roads, drawn.places, drawn.facilities) == (True, False, False, True)


def test_map_across_the_antimeridian(content, tmp_path):
    """A map over longitude 180 shows places of both sides."""
    area = Area.from_bbox(179.5, -17.5, -179.5, -16.5, name="Fiji")
    grid = grid_for(area, 1000.0)
    layers = dc.replace(content.layers, grid=grid, state=np.zeros(grid.shape, np.uint8))
    event = dc.replace(content.product.event, area=area)
    places = gpd.GeoDataFrame(
        {"name": ["West", "East"]},
        geometry=[shapely.Point(179.8, -17), shapely.Point(-179.8, -17)],
        crs="EPSG:4326",
    )
    moved = dc.replace(
        content,
        layers=layers,
        product=dc.replace(content.product, event=event, grid=grid),
        context=Context(places=places),
    )
    assert draw_map(moved, plan_layout(grid), tmp_path / "m.svg").places
