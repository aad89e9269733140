"""Scale and place of the map on the page."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.grid import grid_for
from reliefscope.products.sheet.layout import (
    BORDER_MM,
    GUTTER_MM,
    MARGIN_MM,
    PAPERS,
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
    ("width", "height", "kind", "upright"),
    [
        (60_000, 30_000, "wide", False),
        (30_000, 30_000, "tall", False),
        (30_000, 60_000, "portrait", True),
    ],
)
def test_arrangement_follows_the_shape(width, height, kind, upright):
    """Wide areas lie across, square ones get the full height, high ones an upright page."""
    plan = plan_layout(box(width, height))
    assert (plan.kind, plan.upright) == (kind, upright)
    small = plan_layout(box(width, height), paper="a4")
    assert (small.kind, small.upright, small.paper) == ("front", upright, "A4")
    assert small.denominator > plan.denominator


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("ratio", [0.2, 0.7, 1.0, 1.6, 5.0])
def test_parts_stay_on_the_paper(paper, ratio):
    """Title block, map and columns fit between the margins, whatever the shape."""
    plan = plan_layout(box(30_000 * ratio, 30_000), 12, paper)
    columns = 2 if plan.kind == "tall" else 1
    assert sorted(plan.page_mm) == list(PAPERS[paper])
    assert plan.frame_mm[0] + columns * plan.side_mm < plan.page_mm[0] - 2 * MARGIN_MM
    assert plan.frame_mm[1] + plan.header_mm < plan.page_mm[1] - 2 * MARGIN_MM
    assert plan.side_mm > 60


def test_other_papers_are_refused():
    """What cannot be drawn is refused with what can be."""
    with pytest.raises(InputError, match="'Letter'; give one of A3, A4"):
        plan_layout(box(1000, 1000), paper="Letter")


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
    plan = plan_layout(box(30_000, 32_000))
    assert plan.kind == "tall"
    used = plan.frame_mm[0] + 2 * GUTTER_MM + 2 * plan.side_mm
    assert used == pytest.approx(plan.page_mm[0] - 2 * MARGIN_MM)


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
