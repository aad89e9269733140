import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from reliefscope.errors import InputError
from reliefscope.feeds._shapes import (
    KEPT_VERTICES,
    MAX_VERTICES,
    circle,
    earthquake_radius_km,
    geojson_point,
    geojson_polygons,
    outlined,
    point,
    track,
    wkt_point,
    wkt_polygons,
)

GEOD = Geod(ellps="WGS84")
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]


def _km2(area):
    return abs(GEOD.geometry_area_perimeter(shapely.orient_polygons(area.geometry))[0]) / 1e6


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(1, 500))
def test_a_circle_has_the_area_of_a_circle(lon, lat, radius):
    """Anywhere on the globe, across the antimeridian too; a polygon of 48 sides is 0.3 % short."""
    area = circle(lon, lat, radius, name="c")
    assert abs(lat) + radius / 111.2 >= 90 or _km2(area) == pytest.approx(
        math.pi * radius**2, rel=0.01
    )


@pytest.mark.parametrize("lat", [89.9, -89.9])
def test_a_circle_around_a_pole_is_a_cap(lat):
    """All longitudes, down to the parallel that the circle reaches."""
    area = circle(12.0, lat, 111.2, name="pole")
    assert area.bbox[0] == -180
    assert area.bbox[2] == 180
    edge = area.bbox[1] if lat > 0 else area.bbox[3]
    assert abs(edge) == pytest.approx(88.9, abs=0.01)


def test_the_rupture_of_an_earthquake_lies_within_its_radius():
    """Lengths of Wells and Coppersmith: 17 km at M 6.2 gives 37; never less than the margin."""
    assert earthquake_radius_km(6.2) == pytest.approx(10 ** (-2.44 + 0.59 * 6.2) + 20)
    assert earthquake_radius_km(7.8) == pytest.approx(165, abs=1)
    assert 20 < earthquake_radius_km(-1) < 20.1
    assert earthquake_radius_km(5) < earthquake_radius_km(9.5) <= earthquake_radius_km(99) <= 2000


@pytest.mark.parametrize(
    ("lon", "lat"),
    [(4000, 0), (0, 91), ("x", 0), (None, 0), (float("nan"), 0), (0, [1]), (-181, 0), (True, 0)],
)
def test_points_off_the_globe_are_refused(lon, lat):
    """No point is mended: whether two numbers are swapped cannot be told."""
    with pytest.raises(InputError, match="no point on the globe"):
        point(lon, lat)


def test_points_are_read_from_text_and_past_the_antimeridian():
    """Numbers may be text; longitudes may go on to 360."""
    assert point("12.5", "-3") == (12.5, -3.0)
    assert point(190, 5) == (-170, 5)
    assert geojson_point({"type": "Point", "coordinates": [1, 2, 3]}) == (1, 2)
    assert wkt_point("POINT (-6.97 41.97)") == (-6.97, 41.97)


@pytest.mark.parametrize(
    "node",
    [None, {}, {"type": "Point"}, {"type": "Point", "coordinates": [1]}, {"type": "LineString"}, 3],
)
def test_what_is_no_point_is_refused(node):
    """Nothing but a Point, or polygons that have a middle."""
    with pytest.raises(InputError):
        geojson_point(node)


def test_a_track_is_a_strip_without_gaps():
    """Three points in a row make one polygon that holds them, within the radius."""
    area = track([(10, 0), (15, 0), (20, 5)], 100, name="t")
    assert area.geometry.geom_type == "Polygon"
    assert all(area.geometry.covers(shapely.Point(p)) for p in ((10, 0), (12.5, 0), (17.5, 2.5)))
    assert area.bbox == pytest.approx((9.1, -0.9, 20.9, 5.9), abs=0.05)


def test_a_track_across_the_antimeridian_stays_narrow():
    """From 179 east to 179 west is two degrees, not 358."""
    area = track([(179, -18), (-179, -19)], 50, name="Fiji")
    assert area.crosses_antimeridian
    assert area.width_deg < 4
    assert track([(-179, -19)] * 3, 50, name="still").width_deg < 2


def test_a_track_of_too_many_points_is_refused():
    """A series without end is a mistake."""
    with pytest.raises(InputError, match="track"):
        track([(0, 0)] * 5000, 1, name="t")
    with pytest.raises(InputError, match="track"):
        track([], 1, name="t")


def test_outlines_across_the_antimeridian_are_read_as_meant():
    """A ring that jumps from 179 to -179 is a small one there, not one around the globe."""
    ring = [[179, -18], [-179, -18], [-179, -17], [179, -17], [179, -18]]
    area = outlined([geojson_polygons({"type": "Polygon", "coordinates": [ring]})], name="a")
    assert area.crosses_antimeridian
    assert area.width_deg == pytest.approx(2)
    world = [[-180, -10], [180, -10], [180, 10], [-180, 10], [-180, -10]]
    whole = outlined([geojson_polygons({"type": "Polygon", "coordinates": [world]})], name="a")
    assert whole.width_deg == 360


def test_holes_follow_their_ring_across_the_antimeridian():
    """A hole written on the other side of the antimeridian is still a hole."""
    ring = [[178, -2], [-178, -2], [-178, 2], [178, 2], [178, -2]]
    hole = [[-179.5, -1], [-179, -1], [-179, 1], [-179.5, 1], [-179.5, -1]]
    area = outlined([geojson_polygons({"type": "Polygon", "coordinates": [ring, hole]})], name="a")
    assert area.geometry.area == pytest.approx(16 - 1)


@pytest.mark.parametrize(
    "coordinates",
    [
        [],
        [[]],
        [[[0, 0], [1, 1]]],
        [["00", "10", "11"]],
        [[[0, 0], [1, 0], ["x", 1], [0, 0]]],
        [[[0, 0], [1, 0], [None, 1], [0, 0]]],
        [[[0, 0], [1, 0], [float("nan"), 1], [0, 0]]],
        [[[0, 0], [4000, 0], [1, 1], [0, 0]]],
        [[[0, 0], [0, 95], [1, 1], [0, 0]]],
        [[[0], [1], [2], [0]]],
        [{"0": 1}],
        [[[10**400, 0], [1, 0], [1, 1]]],
        "POLYGON",
        None,
        7,
    ],
)
def test_broken_outlines_are_refused(coordinates):
    """Empty, ragged, off the globe, not numbers, not lists."""
    for kind, nested in (("Polygon", coordinates), ("MultiPolygon", [coordinates])):
        with pytest.raises(InputError):
            geojson_polygons({"type": kind, "coordinates": nested})


def test_self_intersections_are_mended():
    """A bow tie becomes two triangles; rings left open are closed; numbers may be text."""
    bow = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
    mended = geojson_polygons({"type": "Polygon", "coordinates": [bow]})
    assert mended.is_valid
    assert mended.area == pytest.approx(0.5)
    opened = [["0", "0"], ["1", "0"], ["1", "1"], ["0", "1"]]
    assert geojson_polygons({"type": "Polygon", "coordinates": [opened]}).area == 1


def test_a_million_vertices_are_refused_at_once():
    """They are counted before one of them is read: what is no vertex is not noticed."""
    node = {"type": "Polygon", "coordinates": [[["nothing", 0.0]] * 1_000_000]}
    with pytest.raises(InputError, match=str(MAX_VERTICES)):
        geojson_polygons(node)


@pytest.mark.timeout(300)
def test_outlines_made_to_waste_time_do_not():
    """A scribble of 200,000 vertices and 20,000 squares on a heap are replaced by their hull, where
    to mend them would take hours."""
    rng = np.random.default_rng(1)
    scribble = rng.uniform(-50, 50, (200_000, 2)).tolist()
    hull = geojson_polygons({"type": "Polygon", "coordinates": [scribble]})
    assert hull.is_valid
    assert hull.area == pytest.approx(10_000, rel=0.01)
    corners = rng.uniform(0, 1, (20_000, 1, 2)) + np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    heap = geojson_polygons({"type": "MultiPolygon", "coordinates": corners[:, None].tolist()})
    assert heap.is_valid
    assert heap.area == pytest.approx(4, rel=0.05)


def test_large_outlines_are_slimmed():
    """A circle of 100,000 vertices keeps its area to a thousandth with few of them."""
    turn = np.linspace(0, 2 * np.pi, 100_000)
    ring = np.column_stack([10 * np.cos(turn), 10 * np.sin(turn)]).tolist()
    area = outlined([geojson_polygons({"type": "Polygon", "coordinates": [ring]})], name="disc")
    assert shapely.get_num_coordinates(area.geometry) <= KEPT_VERTICES
    assert area.geometry.area == pytest.approx(math.pi * 100, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "POINT (0 0)",
        "POLYGON ((0 0, 1 1",
        "POLYGON EMPTY",
        "POLYGON ((0 0, 4000 0, 1 1, 0 0))",
        "POLYGON ((0 0, nan 0, 1 1, 0 0))",
        "POLYGON ((0 0, 1e999 0, 1 1, 0 0))",
        "GEOMETRYCOLLECTION (" * 100_000,
        "POLYGON ((0 0, 1 0, 1 1, 0 0))" + "x" * 20_000_000,
    ],
)
def test_broken_wkt_is_refused(text):
    """Also collections nested deep enough to bring a parser down."""
    with pytest.raises(InputError):
        wkt_polygons(text)


def test_wkt_outlines_are_read():
    """Polygons and multipolygons, with heights or without."""
    assert wkt_polygons("POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))").area == 1
    assert wkt_polygons("POLYGON Z ((0 0 5, 1 0 5, 1 1 5, 0 1 5, 0 0 5))").area == 1
    assert wkt_polygons("MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))").area == 1
    with pytest.raises(InputError):
        wkt_point("POINT EMPTY")
    with pytest.raises(InputError):
        wkt_point("POINT (4000 0)")
    with pytest.raises(InputError):
        wkt_point("POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))")
