import pytest
import shapely

from reliefscope.errors import InputError
from reliefscope.model.area import Area


def test_box_across_the_antimeridian_is_two_polygons_and_one_bbox():
    """Fiji: west > east; the area is whole, 3 degrees wide, centred on 179.5 W."""
    area = Area.from_bbox(179, -18, -178, -16)
    assert area.crosses_antimeridian
    assert area.bbox == (179, -18, -178, -16)
    assert area.width_deg == pytest.approx(3)
    assert area.centre == pytest.approx((-179.5, -17))
    assert area.boxes == ((179, -18, 180, -16), (-180, -18, -178, -16))
    assert area.geometry.area == pytest.approx(6)


@pytest.mark.parametrize("shift", [0, -360])
def test_shape_drawn_past_180_is_the_same_area(shift):
    """Longitudes beyond 180 on either side are moved to the other side, none lost."""
    drawn = Area.from_geometry(shapely.box(179 + shift, -18, 182 + shift, -16))
    assert drawn.geometry.equals(Area.from_bbox(179, -18, -178, -16).geometry)


def test_ordinary_and_global_boxes_do_not_cross():
    """A box within one hemisphere, and the whole globe, have west < east."""
    assert Area.from_bbox(10, 45, 11, 46).bbox == (10, 45, 11, 46)
    globe = Area.from_bbox(-180, -90, 180, 90)
    assert not globe.crosses_antimeridian
    assert globe.width_deg == 360


@pytest.mark.parametrize(
    "bbox",
    [(10, 46, 11, 45), (10, 45, 10, 46), (190, 0, 191, 1), (0, -91, 1, 0), (0, 0, 1, float("nan"))],
)
def test_impossible_boxes_are_refused(bbox):
    """Inverted, empty, off the globe or not a number."""
    with pytest.raises(InputError):
        Area.from_bbox(*bbox)


def test_self_crossing_polygon_is_mended():
    """A bow tie becomes its two triangles."""
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    assert Area.from_geometry(bow).geometry.area == pytest.approx(0.5)


@pytest.mark.parametrize("geometry", [shapely.Point(0, 0), shapely.Polygon()])
def test_what_has_no_inside_is_refused(geometry):
    """Points and empty polygons are no area."""
    with pytest.raises(InputError, match="no polygon"):
        Area.from_geometry(geometry)
