import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.transform import from_origin

from reliefscope.errors import IntegrityError
from reliefscope.sources._safe import open_safe
from reliefscope.sources._safe.annotation import (
    Annotation,
    AzimuthNoise,
    GroundRange,
    Lut,
    Noise,
    TiePoints,
)
from reliefscope.sources._safe.geocoding import by_range_doppler, by_tie_points

# Orbit, geolocation grid and coordinate conversion of
# S1B_IW_GRDH_1SDV_20210401T052623_20210401T052648_026269_032297_ECC8, over the Alps
# (Copernicus Sentinel data 2021).
ORBIT_START = np.datetime64("2021-04-01T05:25:19", "ns")
ORBIT = (
    (4299854.769, 1453596.443, 5418885.179),
    (4359238.173, 1452560.406, 5371628.586),
    (4418131.478, 1451275.368, 5323765.698),
    (4476527.709, 1449742.188, 5275301.901),
    (4534419.947, 1447961.762, 5226242.648),
    (4591801.329, 1445935.027, 5176593.459),
    (4648665.054, 1443662.953, 5126359.921),
    (4705004.378, 1441146.551, 5075547.689),
    (4760812.615, 1438386.868, 5024162.481),
    (4816083.144, 1435384.988, 4972210.083),
    (4870809.402, 1432142.032, 4919696.344),
    (4924984.891, 1428659.157, 4866627.177),
    (4978603.175, 1424937.556, 4813008.558),
    (5031657.882, 1420978.462, 4758846.526),
    (5084142.706, 1416783.138, 4704147.182),
    (5136051.404, 1412352.887, 4648916.688),
)
FIRST_LINE = np.datetime64("2021-04-01T05:26:23.794193", "ns")
CONVERSION = GroundRange(
    times=np.array([0.090214]),
    origin=np.array([800942.8521085358]),
    coefficients=np.array(
        [
            [
                3.425281305680983e-02,
                1.959068651033269e00,
                -3.971434547655768e-06,
                2.077243731223523e-11,
                -1.203970365528503e-16,
                6.420612193782438e-22,
                -2.622202299914444e-27,
                6.767971934829696e-33,
                -7.982695867281228e-39,
            ]
        ]
    ),
)
POINTS = (
    # time after the first line [us], pixel, longitude, latitude, height
    (0, 0, 12.43266946006738, 47.11702756724707, 2322.000320320949),
    (22, 1290, 12.26121301000505, 47.13979750015340, 2563.000300123356),
    (219, 11610, 10.95035219427442, 47.30487082998339, 1048.932197863236),
    (537, 25787, 9.101058759723360, 47.51071900322908, 519.9601423963904),
)


def annotation(**changes):
    known = {
        "shape": (16685, 25788),
        "spacing": (10.0, 10.0),
        "first_line": FIRST_LINE,
        "line_interval": 3.001247 / 2003,
        "orbit_times": ORBIT_START + np.arange(16) * np.timedelta64(10, "s"),
        "orbit_positions": np.array(ORBIT),
        "ground_range": CONVERSION,
        "tie_points": None,
    }
    return Annotation(**(known | changes))


def around(lon, lat, crs, pixel=1.0):
    """Return a grid of two by two pixels whose first is around a place."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    return GeoBox((2, 2), from_origin(x - pixel / 2, y + pixel / 2, pixel, pixel), crs)


@pytest.mark.parametrize("point", POINTS)
def test_real_orbit_leads_to_the_real_geolocation_grid(point):
    """Range and Doppler, by ESA's own state vectors, find ESA's time and sample: to 0.02."""
    late, pixel, lon, lat, height = point
    place = by_range_doppler(around(lon, lat, "EPSG:32632"), np.full((2, 2), height), annotation())
    line = late * 1e-6 / annotation().line_interval
    assert place.line[0, 0] == pytest.approx(line, abs=0.02)
    assert place.pixel[0, 0] == pytest.approx(pixel, abs=0.02)


def test_height_moves_the_place_as_the_incidence_angle_says():
    """100 m higher is 100 / tan(30.74 degrees) = 168 m nearer, by the real orbit."""
    _, _, lon, lat, height = POINTS[0]
    grid = around(lon, lat, "EPSG:32633")
    low, high = (
        by_range_doppler(grid, np.full((2, 2), height + h), annotation()).pixel[0, 0]
        for h in (100, 200)
    )
    assert 10 * (low - high) == pytest.approx(100 / np.tan(np.radians(30.745)), rel=0.02)


@pytest.mark.realdata
def test_splines_through_half_of_real_control_points_find_the_others(shared_data):
    """Every other point of a real scene over relief: within 2 samples, though half are left out."""
    with rasterio.open(shared_data / "scenes/s1_grd_gcps/measurement/iw-vv.tiff") as raster:
        gcps = np.array([(p.row, p.col, p.x, p.y, p.z) for p in raster.gcps[0]])
    row, column = (np.unique(gcps[:, i], return_inverse=True)[1] for i in (0, 1))
    kept = (row + column) % 2 == 0
    inner = (row > 0) & (row < row.max()) & (column > 0) & (column < column.max())
    points = TiePoints(
        **dict(
            zip(
                ("line", "pixel", "longitude", "latitude", "height"),
                gcps[kept].T,
                strict=True,
            )
        ),
        incidence=gcps[kept][:, 4],
    )
    known = annotation(tie_points=points)
    left_out = gcps[inner & ~kept]
    assert len(left_out) == 76
    decimated = 20
    for line, pixel, lon, lat, _ in left_out:
        place = by_tie_points(around(lon, lat, "EPSG:32643"), known)
        assert decimated * abs(place.line[0, 0] - line) < 1
        assert decimated * abs(place.pixel[0, 0] - pixel) < 2


def test_splines_work_across_the_antimeridian_and_on_degrees():
    """Points at 179.9 and -179.9 are neighbours on a geographic grid that runs past 180."""
    lon, lat = np.meshgrid([179.8, 179.9, -180.0, -179.9], [10.0, 10.1, 10.2])
    line, pixel = np.meshgrid(np.arange(3.0) * 100, np.arange(4.0) * 100, indexing="ij")
    points = TiePoints(
        line=line.ravel(),
        pixel=pixel.ravel(),
        longitude=lon.ravel(),
        latitude=lat.ravel(),
        height=np.zeros(12),
        incidence=np.full(12, 35.0),
    )
    grid = GeoBox.from_bbox((179.94, 10.05, 180.06, 10.15), crs="EPSG:4326", shape=(10, 12))
    place = by_tie_points(grid, annotation(tie_points=points))
    assert place.pixel[0, 0] == pytest.approx(145, abs=0.1)
    assert place.pixel[0, -1] == pytest.approx(255, abs=0.1)
    assert place.line[0, 0] == pytest.approx(145, abs=0.1)


def test_table_is_linear_both_ways_and_holds_at_its_edges():
    """Vectors with other points: 10..20 on the first line, 30..50 on the second."""
    lut = Lut(
        lines=np.array([0.0, 10.0]),
        pixels=(np.array([0.0, 100.0]), np.array([0.0, 50.0, 100.0])),
        values=(np.array([10.0, 20.0]), np.array([30.0, 30.0, 50.0])),
    )
    got = lut.over(np.array([-5, 0, 5, 10, 99]), np.array([0, 50, 75, 500]))
    np.testing.assert_allclose(got[1], [10, 15, 17.5, 20])
    np.testing.assert_allclose(got[3], [30, 30, 40, 50])
    np.testing.assert_allclose(got[2], (got[1] + got[3]) / 2)
    np.testing.assert_array_equal(got[0], got[1])
    np.testing.assert_array_equal(got[4], got[3])


def test_azimuth_noise_touches_its_own_part_only():
    """Lines 10 to 19 and samples 5 to 9, both ends included, one value or many."""
    plain = Lut(
        lines=np.array([0.0]), pixels=(np.array([0.0, 1.0]),), values=(np.array([2.0, 2.0]),)
    )
    noise = Noise(
        along_range=plain,
        along_azimuth=(
            AzimuthNoise(
                first=(10, 5), last=(19, 9), lines=np.array([10.0]), factors=np.array([3.0])
            ),
            AzimuthNoise(
                first=(20, 0), last=(29, 9), lines=np.array([20.0, 29.0]), factors=np.array([1, 10])
            ),
        ),
    )
    got = noise.over(np.arange(5, 40), np.arange(3, 12))
    want = np.full((35, 9), 2.0)
    want[5:15, 2:7] = 6.0
    want[15:25, :7] = 2.0 * np.arange(1, 11)[:, None]
    np.testing.assert_allclose(got, want)


def test_ground_range_changes_along_the_orbit():
    """Half way between two records it is the mean of both; beyond them the last holds."""
    records = GroundRange(
        times=np.array([0.0, 10.0]),
        origin=np.array([1000.0, 1000.0]),
        coefficients=np.array([[0.0, 2.0], [5.0, 3.0]]),
    )
    got = records.at(np.array([0.0, 5.0, 10.0, 99.0]), np.full(4, 1100.0))
    np.testing.assert_allclose(got, [200, 252.5, 305, 305])


@pytest.mark.realdata
def test_real_manifest_is_understood_and_what_it_promises_is_asked_for(shared_data, tmp_path):
    """A manifest as ESA wrote it, without its files: orbit and names are read, absences named.

    As recorded, a resumed download left two letters behind its end: that is told, too.
    """
    source = shared_data / (
        "responses/sentinelsat_cassettes/tests/fixtures/vcr_cassettes/data/manifest.safe"
    )
    root = tmp_path / "S1A_IW_GRDH_1SDV_20230310T075746_20230310T075811_047579_05B6B2_8312.SAFE"
    root.mkdir()
    (root / "manifest.safe").write_bytes(source.read_bytes())
    with pytest.raises(IntegrityError, match="is not XML"):
        open_safe(root)
    whole, end, _ = source.read_bytes().partition(b"</xfdu:XFDU>")
    (root / "manifest.safe").write_bytes(whole + end)
    with pytest.raises(IntegrityError) as caught:
        open_safe(root)
    lacking = str(caught.value)
    assert lacking.count(".tiff") == 2
    assert lacking.count(".xml") == 6
    assert "annotation/calibration/noise-s1a-iw-grd-vh-20230310t075746" in lacking
