import itertools

import numpy as np
import pytest
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Geod

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.grid import cell_area_m2, grid_for, pixel_size_m, projection_for, tiles


@pytest.mark.parametrize(
    ("bbox", "epsg"),
    [
        ((10, 45, 11, 46), 32632),
        ((10, -46, 11, -45), 32732),
        ((179, -18, -178, -16), 32701),
        ((177, 1, 179.9, 2), 32660),
        ((-40, 85, -10, 88), 32661),
        ((0, -89, 90, -85), 32761),
    ],
)
def test_projection_follows_the_area(bbox, epsg):
    """UTM by zone and hemisphere, across the antimeridian too; UPS near the poles."""
    assert projection_for(Area.from_bbox(*bbox)).to_epsg() == epsg


def test_areas_over_several_zones_are_equal_area():
    """Forty degrees wide: every cell has the same true area within 0.01 %."""
    grid = grid_for(Area.from_bbox(-10, -20, 30, 20), 20_000)
    areas = cell_area_m2(grid)
    assert areas.max() / areas.min() < 1.0001
    assert areas.mean() == pytest.approx(4e8, rel=1e-4)


@pytest.mark.parametrize(
    "bbox", [(10, 45, 10.3, 45.2), (179.8, -18, -179.9, -17.8), (0, 89, 90, 90)]
)
def test_grid_is_snapped_and_covers_the_area(bbox):
    """Edges are multiples of the resolution, and the area lies inside."""
    area, resolution = Area.from_bbox(*bbox), 30.0
    grid = grid_for(area, resolution)
    for edge in grid.boundingbox:
        assert edge / resolution == pytest.approx(round(edge / resolution), abs=1e-6)
    outline = shapely.segmentize(area.geometry, 0.05)
    for part in shapely.get_parts(outline):
        lon, lat = part.exterior.xy
        corners = shapely.MultiPoint(np.c_[lon, lat])
        from pyproj import Transformer  # noqa: PLC0415 - only this test

        x, y = Transformer.from_crs("EPSG:4326", str(grid.crs), always_xy=True).transform(
            *np.array([[p.x, p.y] for p in corners.geoms]).T
        )
        box = grid.boundingbox
        assert x.min() >= box.left - 1e-3
        assert x.max() <= box.right + 1e-3
        assert y.min() >= box.bottom - 1e-3
        assert y.max() <= box.top + 1e-3


def test_grid_of_the_fiji_box_does_not_span_the_globe():
    """Three degrees across the antimeridian are some 320 km, not 40,000."""
    grid = grid_for(Area.from_bbox(179, -18, -178, -16), 1000)
    assert grid.shape[1] < 400


@pytest.mark.parametrize("resolution", [0, -10, float("nan"), float("inf")])
def test_impossible_resolutions_are_refused(resolution):
    """A pixel has a positive size."""
    with pytest.raises(InputError, match="resolution"):
        grid_for(Area.from_bbox(10, 45, 11, 46), resolution)


def test_area_smaller_than_two_pixels_is_refused():
    """A map of one pixel is a slip of the pen."""
    with pytest.raises(InputError, match="smaller than two pixels"):
        grid_for(Area.from_bbox(10, 45, 10.0001, 45.0001), 1000)


def test_tiles_cover_the_grid_once():
    """Every pixel belongs to exactly one tile."""
    grid = grid_for(Area.from_bbox(10, 45, 10.2, 45.1), 100)
    count = np.zeros(grid.shape, int)
    for tile in tiles(grid, 64):
        box = tile.boundingbox
        top = round((grid.boundingbox.top - box.top) / 100)
        left = round((box.left - grid.boundingbox.left) / 100)
        count[top : top + tile.shape[0], left : left + tile.shape[1]] += 1
    assert (count == 1).all()


def test_cell_areas_equal_the_geodesic_area():
    """The sum over a UTM grid, and over a geographic one, is the ellipsoidal area to 1e-5."""
    geod = Geod(ellps="WGS84")
    utm = grid_for(Area.from_bbox(8.0, 45, 8.5, 45.4), 100)
    outline = utm.extent.segmented(200).to_crs("EPSG:4326").geom
    assert cell_area_m2(utm).sum(dtype="float64") == pytest.approx(
        abs(geod.geometry_area_perimeter(outline)[0]), rel=1e-5
    )
    lonlat = GeoBox.from_bbox((0, 50, 1, 51), crs="EPSG:4326", shape=(100, 100))
    exact = abs(
        geod.geometry_area_perimeter(shapely.segmentize(shapely.box(0, 50, 1, 51), 1e-3))[0]
    )
    assert cell_area_m2(lonlat).sum(dtype="float64") == pytest.approx(exact, rel=1e-5)


def test_pixel_size_is_on_the_ground():
    """At 60 N a degree of longitude is half as long as one of latitude."""
    grid = GeoBox.from_bbox((10, 59.5, 11, 60.5), crs="EPSG:4326", shape=(1000, 1000))
    dy, dx = pixel_size_m(grid)
    assert dy == pytest.approx(111.4, abs=0.1)
    assert dx / dy == pytest.approx(0.5, abs=0.01)


def test_neighbouring_areas_share_the_lattice():
    """Two grids of one zone line up pixel by pixel."""
    grids = [grid_for(Area.from_bbox(w, 45, w + 0.2, 45.2), 30) for w in (10.0, 10.37)]
    for a, b in itertools.pairwise(grids):
        assert ((a.affine.c - b.affine.c) / 30) % 1 == pytest.approx(0, abs=1e-9)
        assert ((a.affine.f - b.affine.f) / 30) % 1 == pytest.approx(0, abs=1e-9)
