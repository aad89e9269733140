"""Scale and place of the map on the page."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from reliefscope.model.area import Area
from reliefscope.model.grid import grid_for
from reliefscope.products.sheet.layout import (
    BORDER_MM,
    GUTTER_MM,
    MARGIN_MM,
    PAGE_MM,
    describe_crs,
    nice_denominator,
    nice_length,
    plan_layout,
)


def box(width_m, height_m, pixel=100.0):
    return GeoBox.from_bbox(
        (500_000, 4_000_000, 500_000 + width_m, 4_000_000 + height_m),
        crs="EPSG:32633",
        shape=(round(height_m / pixel), round(width_m / pixel)),
    )


@pytest.mark.parametrize(
    ("width", "height", "kind"),
    [(60_000, 30_000, "wide"), (30_000, 60_000, "tall"), (30_000, 30_000, "tall")],
)
def test_arrangement_follows_the_shape(width, height, kind):
    """Wide areas get the wide page; tall and square ones get the map of full height."""
    assert plan_layout(box(width, height)).kind == kind


@given(
    st.floats(5_000, 500_000),
    st.floats(0.1, 10.0),
)
def test_area_fits_and_fills(width, ratio):
    """From 5 to 500 km, whatever the shape, the area is inside its map and fills one direction."""
    pixel = width / 50
    height = max(round(50 * ratio), 2) * pixel
    plan = plan_layout(box(50 * pixel, height, pixel))
    left, top, w, h = plan.grid_mm
    assert left >= BORDER_MM
    assert top >= BORDER_MM
    share = max(w / plan.map_mm[0], h / plan.map_mm[1])
    assert 0.85 < share <= 1 / 1.03 + 1e-9


def test_scale_is_ground_over_paper():
    """The width of the area on the ground over its width on paper is the denominator."""
    plan = plan_layout(box(40_000, 30_000))
    ground_mm = 40_000 * plan.unit_m[0] * 1000
    assert ground_mm / plan.grid_mm[2] == pytest.approx(plan.denominator)
    # UTM maps lengths on the central meridian 0.9996 times their size: ground is longer.
    assert plan.unit_m[0] == pytest.approx(1 / 0.9996, rel=1e-4)


def test_degrees_are_drawn_in_true_proportion():
    """On a geographic grid at 60 N, a degree of longitude is half a degree of latitude."""
    grid = GeoBox.from_bbox((10, 59.5, 11, 60.5), crs="EPSG:4326", shape=(100, 100))
    plan = plan_layout(grid)
    assert plan.grid_mm[2] / plan.grid_mm[3] == pytest.approx(0.5, abs=0.005)


def test_columns_fill_the_page():
    """Map, columns and gutters of the tall page add up to the width of the paper."""
    plan = plan_layout(box(20_000, 60_000))
    used = plan.frame_mm[0] + 2 * GUTTER_MM + 2 * plan.side_mm
    assert used == pytest.approx(PAGE_MM[0] - 2 * MARGIN_MM)


def test_remarks_make_the_wide_map_give_way():
    """Many flags take room from a wide map, up to a limit."""
    heights = [plan_layout(box(60_000, 30_000), n).frame_mm[1] for n in (0, 3, 8, 12, 40)]
    assert heights[0] == heights[1] > heights[2] > heights[3] == heights[4]


@given(st.floats(500, 50_000_000))
def test_round_denominators(least):
    """A denominator is never below what is needed, at most 5 % above, and has three digits."""
    chosen = nice_denominator(least)
    assert least * (1 - 1e-6) <= chosen <= least * 1.06
    digits = chosen / 10 ** (math.floor(math.log10(chosen)) - 2)
    assert digits == pytest.approx(round(digits))


@pytest.mark.parametrize(("longest", "length"), [(9.9, 5), (10, 10), (0.3, 0.2), (2500, 2000)])
def test_round_lengths(longest, length):
    """A scale bar is 1, 2 or 5 times a power of ten."""
    assert nice_length(longest) == pytest.approx(length)


def test_projection_in_words():
    """UTM is named with its code, an equal-area projection with its centre."""
    assert describe_crs(box(1000, 1000)) == "WGS 84 / UTM zone 33N (EPSG:32633)"
    wide = grid_for(Area.from_bbox(-5, 40, 5, 44, name="x"), 5000)
    assert describe_crs(wide) == ("Lambert Azimuthal Equal Area, centred on 42° N 0° E, WGS 84")
