import datetime as dt
import warnings

import dask
import numpy as np
import odc.geo.xr
import pytest
import rasterio
import shapely
from scipy.ndimage import map_coordinates

from reliefscope.errors import FallbackWarning, InputError, IntegrityError, NothingFoundError
from reliefscope.sources._safe import geocoding, load_safe, mapping, open_safe
from reliefscope.sources._safe.radiometry import FLOOR
from tests.sources.safe.make import START, Radar, azimuth_vector, vector, zipped

PLAIN = (100**2 - 1600) / 400**2
"""sigma0 of the plain scene: (DN^2 - noise) / A^2."""
TARGET = (120, 200)
"""Line and sample of the one bright point."""


def bright(value=4000, shape=(300, 400)):
    numbers = np.full(shape, 100)
    numbers[TARGET] = value
    return numbers


def peak(layer):
    return np.unravel_index(np.nanargmax(layer), layer.shape)


def flat(grid, height):
    wide = odc.geo.xr.xr_zeros(grid.pad(150), dtype="float32")
    return wide + np.float32(height)


@pytest.fixture(scope="module")
def radar():
    return Radar(numbers={"vv": bright()})


@pytest.fixture(scope="module")
def product(radar, tmp_path_factory):
    return radar.write(tmp_path_factory.mktemp("s1"))


@pytest.fixture(scope="module")
def granule(product):
    return open_safe(product)


def test_granule_is_what_the_product_says(granule, radar):
    """Mission, time, orbit, place and files come out of manifest and annotation."""
    assert granule.id == radar.name
    assert granule.collection == "sentinel-1-grd"
    assert granule.acquired == START
    assert (granule.platform, granule.instrument) == ("sentinel-1a", "c-sar")
    assert (granule.relative_orbit, granule.orbit_state) == (82, "ascending")
    assert granule.resolution == 10
    assert granule.properties["absolute_orbit"] == "47579"
    assert granule.properties["processor_version"] == "003.52"
    assert set(granule.assets) == {"vv", "vh", "incidence_deg"}
    assert granule.assets["vv"].checksum.startswith("d50110")
    assert granule.footprint.contains(shapely.Point(*radar.lonlat(150, 200)))


def test_digital_numbers_are_never_taken_for_backscatter(granule):
    """Read as any raster, the measurement is refused: its units are not power."""
    assert granule.assets["vv"].units == "digital number"


def test_constant_image_has_the_sigma0_of_the_formula(granule, radar):
    """(100^2 - 1600) / 400^2 everywhere that was observed, NaN elsewhere; units are stated."""
    vh = load_safe([granule], radar.grid(), ["vh"])["vh"]
    assert vh.dims == ("time", "y", "x")
    assert vh.attrs["units"] == "1"
    seen = vh.to_numpy()[np.isfinite(vh.to_numpy())]
    np.testing.assert_allclose(seen, PLAIN, rtol=1e-6)
    share = seen.size / vh.size
    assert share == pytest.approx(300 * 400 / np.prod(radar.grid().shape), rel=0.01)


def test_point_lands_within_a_pixel_without_heights(granule, radar):
    """On ground at the height of the tie points, a bright point is where it is on earth."""
    grid = radar.grid()
    cube = load_safe([granule], grid, ["vv"])
    row, column = radar.where(grid, *TARGET)
    found = peak(cube["vv"].isel(time=0).to_numpy())
    assert found == pytest.approx((row, column), abs=1)
    assert "not terrain corrected: displaced by up to 1.4 m" in cube.attrs["geocoding"]
    assert cube.attrs["radiometry"].startswith("sigma0")


@pytest.mark.parametrize("height", [0, 700])
def test_point_on_a_hill_lands_within_a_pixel_with_heights(granule, radar, height):
    """What is seen at a line and sample lies elsewhere on higher ground; the dem tells where."""
    grid = radar.grid(beyond=1000)
    cube = load_safe([granule], grid, ["vv"], dem=flat(grid, height), geoid_m=0)
    row, column = radar.where(grid, *TARGET, height)
    assert peak(cube["vv"].isel(time=0).to_numpy()) == pytest.approx((row, column), abs=1)
    assert "terrain corrected, sarsen" in cube.attrs["geocoding"]


def test_without_heights_a_hill_is_drawn_towards_the_satellite(granule, radar):
    """By height over the tangent of the incidence angle, to the west on this ascending pass."""
    grid = radar.grid(beyond=1000)
    plain = peak(load_safe([granule], grid, ["vv"])["vv"].isel(time=0).to_numpy())
    true = radar.where(grid, *TARGET, 700)
    shift_m = 10 * np.hypot(true[0] - plain[0], true[1] - plain[1])
    assert plain[1] < true[1] - 50
    assert shift_m == pytest.approx(700 / np.tan(np.radians(radar.incidence(*TARGET))), rel=0.04)


def test_geoid_is_added_to_heights(granule, radar):
    """660 m above a geoid that is 40 m above the ellipsoid is the same ground as 700 m."""
    grid = radar.grid(beyond=1000)
    whole, parts = (
        load_safe([granule], grid, ["vv"], dem=flat(grid, h), geoid_m=g)["vv"].to_numpy()
        for h, g in ((700, 0), (660, 40))
    )
    np.testing.assert_allclose(parts, whole, rtol=1e-6)


def test_missing_geoid_model_is_said(granule, radar, monkeypatch):
    """Heights taken as they are move places: a warning, and the attributes say what was added."""
    monkeypatch.setattr(mapping, "geoid_height", lambda _: None)
    grid = radar.grid(100)
    with pytest.warns(FallbackWarning, match="give geoid_m"):
        cube = load_safe([granule], grid, ["vv"], dem=flat(grid, 0))
    assert "with 0 m of geoid added" in cube.attrs["geocoding"]


def test_geoid_model_is_used_where_there_is_one(granule, radar, monkeypatch):
    """40 m of geoid from PROJ do what geoid_m = 40 does."""
    monkeypatch.setattr(mapping, "geoid_height", lambda _: 40.0)
    grid = radar.grid(beyond=1000)
    asked = load_safe([granule], grid, ["vv"], dem=flat(grid, 660))
    told = load_safe([granule], grid, ["vv"], dem=flat(grid, 660), geoid_m=40)
    np.testing.assert_array_equal(asked["vv"], told["vv"])
    assert "above the EGM2008 geoid" in asked.attrs["geocoding"]


def test_geoid_of_this_machine_is_a_height_or_unknown(radar):
    """Without PROJ's grid the answer is None, never a silent 0."""
    height = geocoding.geoid_height(radar.grid(100))
    assert height is None or 40 < height < 55


def test_gaps_in_heights_are_not_observed(granule, radar):
    """NaN and heights below any ground: nobody knows where these pixels lie in the image."""
    grid = radar.grid()
    dem = flat(grid, 0)
    dem[250:300, 250:300] = np.nan
    dem[320:350, 320:350] = -1500
    vv = load_safe([granule], grid, ["vv"], dem=dem, geoid_m=0)["vv"].isel(time=0).to_numpy()
    assert np.isnan(vv[105:145, 105:145]).all()
    assert np.isnan(vv[175:195, 175:195]).all()
    assert np.isfinite(vv[155:165, 155:165]).all()


def test_flat_ground_has_gamma0_of_sigma0_over_the_cosine(granule, radar):
    """The area that the radar sees of flat ground is that of the ellipsoid times cos(incidence)."""
    grid = radar.grid()
    cube = load_safe([granule], grid, ["vh"], dem=flat(grid, 0), geoid_m=0, flatten=True)
    want = PLAIN / np.cos(np.radians(radar.incidence(150, 200)))
    middle = cube["vh"].isel(time=0).to_numpy()[180:260, 140:220]
    np.testing.assert_allclose(middle, want, rtol=0.02)
    assert np.median(middle) == pytest.approx(want, rel=0.003)
    assert cube.attrs["radiometry"].startswith("gamma0")


def test_slope_towards_the_radar_is_darkened_by_flattening(granule, radar):
    """Per area seen, ground facing the radar shone less than sigma0 says, and averted more.

    Power per area across the line of sight goes with the tangent of the local incidence angle.
    """
    grid = radar.grid()[150:250, 100:200]
    east = grid.pad(150).coordinates["x"].values
    dem = flat(grid, 0) + (0.2 * (east - east[0])).astype("float32")
    facing, averted = (
        load_safe([granule], grid, ["vh"], dem=d, geoid_m=0, flatten=True)["vh"]
        for d in (dem, dem[:, ::-1].data + flat(grid, 0))
    )
    angle = np.radians(radar.incidence(150, 200))
    # seen from 10 degrees off the west
    slope = np.arctan(0.2 * np.cos(np.radians(10)))
    for layer, local in ((facing, angle - slope), (averted, angle + slope)):
        want = PLAIN / np.sin(angle) * np.tan(local)
        assert np.nanmedian(layer.to_numpy()) == pytest.approx(want, rel=0.03)


def test_heights_are_needed_for_flattening(granule, radar):
    with pytest.raises(InputError, match="give a dem"):
        load_safe([granule], radar.grid(100), ["vv"], flatten=True)


def test_heights_come_from_a_file_as_well(granule, radar, tmp_path):
    """A GeoTIFF of heights gives what the same heights in memory give."""
    grid = radar.grid(20, beyond=1000)
    dem = flat(grid, 700)
    path = tmp_path / "dem.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        dtype="float32",
        crs=str(dem.odc.geobox.crs),
        transform=dem.odc.geobox.affine,
        height=dem.shape[0],
        width=dem.shape[1],
    ) as raster:
        raster.write(dem.to_numpy(), 1)
    told = load_safe([granule], grid, ["vv"], dem=path, geoid_m=0)["vv"]
    want = load_safe([granule], grid, ["vv"], dem=dem, geoid_m=0)["vv"]
    np.testing.assert_allclose(told, want, rtol=1e-5)


def test_heights_without_a_place_are_refused(granule, radar):
    dem = flat(radar.grid(100), 0).drop_vars("spatial_ref").assign_attrs({})
    dem.x.attrs.clear()
    dem.y.attrs.clear()
    with pytest.raises(InputError, match="no CRS"):
        load_safe([granule], radar.grid(100), ["vv"], dem=dem)


def test_missing_library_is_named(granule, radar, monkeypatch):
    monkeypatch.setattr(mapping, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="package sarsen"):
        load_safe([granule], radar.grid(100), ["vv"], dem=flat(radar.grid(100), 0))


def test_incidence_angle_is_that_of_the_geolocation_grid(granule, radar):
    """In the middle and near the corners, to a thousandth of a degree."""
    grid = radar.grid()
    angle = load_safe([granule], grid, ["incidence_deg"])["incidence_deg"]
    assert angle.attrs["units"] == "degree"
    for place in ((150, 200), (10, 10), (290, 390)):
        row, column = (round(v) for v in radar.where(grid, *place))
        assert float(angle[0, row, column]) == pytest.approx(radar.incidence(*place), abs=2e-3)


def test_unseen_is_nan_and_darker_than_noise_is_not(tmp_path):
    """DN 0 was not observed; DN below the noise was, and stays a number in decibels."""
    numbers = np.full((300, 400), 100)
    numbers[50:100, 100:200] = 0
    numbers[150:200, 100:200] = 20
    radar = Radar(numbers={"vh": numbers})
    grid = radar.grid()
    vh = load_safe([open_safe(radar.write(tmp_path))], grid, ["vh"])["vh"].isel(time=0).to_numpy()

    def at(line, sample):
        row, column = radar.where(grid, line, sample)
        return vh[round(row), round(column)]

    assert np.isnan(at(75, 150))
    assert at(175, 150) == FLOOR > 0
    assert at(250, 150) == pytest.approx(PLAIN)


def test_outside_the_image_is_not_observed_however_far(granule, radar):
    """Splines run on beyond their points; the image does not."""
    grid = radar.grid(100, beyond=24_000)
    vv = load_safe([granule], grid, ["vv"])["vv"].isel(time=0).to_numpy()
    rows, columns = np.nonzero(np.isfinite(vv))
    corners = np.array([radar.where(grid, *c) for c in ((0, 0), (0, 399), (299, 0), (299, 399))])
    assert rows.size > 1000
    assert rows.min() > corners[:, 0].min() - 1.5
    assert rows.max() < corners[:, 0].max() + 1.5
    assert columns.min() > corners[:, 1].min() - 1.5
    assert columns.max() < corners[:, 1].max() + 1.5


def test_tables_vary_along_range_and_azimuth_and_fit_their_own_grids(tmp_path):
    """Calibration, range noise on other points from line to line, azimuth noise in parts."""
    radar = Radar(
        calibration="".join(
            vector("calibrationVector", line, [0, 399], sigmaNought=[a, b])
            for line, a, b in ((0, 300, 500), (299, 400, 600))
        ),
        noise=vector("noiseRangeVector", -50, [0, 100, 399], noiseRangeLut=[1000, 1000, 2000])
        + vector("noiseRangeVector", 299, [0, 399], noiseRangeLut=[3000, 3000])
        + azimuth_vector((0, 0), (99, 399), [0], [0.5])
        + azimuth_vector((100, 0), (299, 199), [100, 300], [1.0, 3.0]),
    )
    granule = open_safe(radar.write(tmp_path))
    grid = radar.grid()
    vv = load_safe([granule], grid, ["vv"])["vv"].isel(time=0).to_numpy()
    for line, sample, factor in ((50, 100, 0.5), (200, 100, 2.0), (200, 300, 1.0)):
        amplitude = (300 + 200 * sample / 399) + 100 * line / 299
        along = np.interp(sample, [0, 100, 399], [1000, 1000, 2000])
        share = (line + 50) / 349
        noise = (along * (1 - share) + 3000 * share) * factor
        row, column = (round(v) for v in radar.where(grid, line, sample))
        want = (100**2 - noise) / amplitude**2
        assert vv[row, column] == pytest.approx(want, rel=0.01)


def test_noise_of_old_processors_is_read(tmp_path):
    """Before version 2.9 there was one list of vectors, without azimuth."""
    radar = Radar(noise=vector("noiseVector", 0, [0, 399], noiseLut=[3600, 3600]))
    vv = load_safe([open_safe(radar.write(tmp_path))], radar.grid(), ["vv"])["vv"].to_numpy()
    np.testing.assert_allclose(vv[np.isfinite(vv)], (100**2 - 3600) / 400**2, rtol=1e-6)


def test_coarse_grids_average_power(tmp_path):
    """A checkerboard of DN 60 and 140 in 40 m pixels is the mean of their powers, not a pick."""
    board = np.where(np.indices((300, 400)).sum(axis=0) % 2, 60, 140)
    radar = Radar(numbers={"vv": board})
    grid = radar.grid(40)
    vv = load_safe([open_safe(radar.write(tmp_path))], grid, ["vv"])["vv"].isel(time=0).to_numpy()
    want = ((60**2 + 140**2) / 2 - 1600) / 400**2
    np.testing.assert_allclose(vv[np.isfinite(vv)], want, rtol=0.01)


@pytest.mark.parametrize("pixel", [10, 20, 40])
def test_averaging_moves_nothing(tmp_path, pixel):
    """On a ramp of numbers every place keeps its own, whatever the size of the pixels."""
    line, sample = np.indices((300, 400))
    radar = Radar(numbers={"vv": 100 + line + 2 * sample})
    grid = radar.grid(pixel)
    vv = load_safe([open_safe(radar.write(tmp_path))], grid, ["vv"])["vv"].isel(time=0).to_numpy()
    for place in ((150, 200), (80, 120), (220, 300)):
        got = map_coordinates(vv, np.reshape(radar.where(grid, *place), (2, 1)), order=1)
        want = ((100 + place[0] + 2 * place[1]) ** 2 - 1600) / 400**2
        assert got == pytest.approx(want, rel=3e-3)


def test_blocks_make_no_seams(granule, radar, monkeypatch):
    """In many blocks and in one, the map is the same."""
    grid = radar.grid()[120:320, 60:260]
    dem = flat(grid, 300)
    whole = load_safe([granule], grid, ["vv"], dem=dem, geoid_m=0, flatten=True)["vv"]
    monkeypatch.setattr(mapping, "SIDE", 128)
    parts = load_safe([granule], grid, ["vv"], dem=dem, geoid_m=0, flatten=True)["vv"]
    assert len(parts.chunks[1]) > len(whole.chunks[1])
    np.testing.assert_allclose(parts, whole, rtol=2e-3)


def test_nothing_is_computed_when_loading(granule, radar):
    """The image is read when the cube is, not before."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("computed")

    grid = radar.grid()
    with dask.config.set(scheduler=refuse):
        cube = load_safe([granule], grid, ["vv", "vh"], dem=flat(grid, 0).chunk(), geoid_m=0)
    assert cube["vv"].chunks is not None


def test_zip_file_gives_what_its_folder_gives(granule, radar, tmp_path):
    """Read within the archive, to the letter."""
    packed = open_safe(zipped(radar.write(tmp_path)))
    assert packed.id == granule.id
    assert packed.assets["vv"].href.startswith("/vsizip/")
    grid = radar.grid()
    want, got = (load_safe([g], grid, ["vv"])["vv"] for g in (granule, packed))
    np.testing.assert_array_equal(got, want)


def test_slices_of_one_pass_become_one_image(tmp_path):
    """The second slice begins where the first ends: one time, no gap, each its own numbers."""
    one = Radar(name="S1A_ONE", numbers={"vv": np.full((300, 400), 100)})
    two = Radar(name="S1A_TWO", first_line=300, numbers={"vv": np.full((300, 400), 200)})
    granules = [open_safe(r.write(tmp_path)) for r in (two, one)]
    grid = one.grid(beyond=3000)
    vv = load_safe(granules, grid, ["vv"])["vv"]
    assert vv.sizes["time"] == 1
    assert vv["time"].to_numpy()[0] == np.datetime64(START.replace(tzinfo=None), "ns")
    levels = [(dn**2 - 1600) / 400**2 for dn in (100, 200)]
    layer = vv.isel(time=0).to_numpy()
    for radar, level in zip((one, two), levels, strict=True):
        row, column = (round(v) for v in radar.where(grid, 150, 200))
        assert layer[row, column] == pytest.approx(level, rel=1e-5)
    across = [round(v) for v in one.where(grid, 299.5, 200)]
    assert np.isfinite(layer[across[0] - 3 : across[0] + 3, across[1]]).all()


def test_passes_are_kept_apart_in_order(granule, radar, tmp_path):
    """Twelve days later is another time."""
    later = Radar(name="S1A_LATER", numbers={"vv": np.full((300, 400), 200)}).write(tmp_path)
    manifest = later / "manifest.safe"
    manifest.write_text(manifest.read_text().replace("2023-03-10", "2023-03-22"))
    cube = load_safe([open_safe(later), granule], radar.grid(50), ["vv"])
    step = np.diff(cube["time"].to_numpy())
    assert step == np.timedelta64(dt.timedelta(days=12))
    before, after = (np.nanmedian(layer) for layer in cube["vv"].to_numpy())
    assert (before, after) == pytest.approx(
        [(numbers**2 - 1600) / 400**2 for numbers in (100, 200)], rel=1e-5
    )


def test_wanted_but_absent_variables_are_named(granule, radar):
    with pytest.raises(NothingFoundError, match=r"none of \['red'\]"):
        load_safe([granule], radar.grid(100), ["red"])
    with pytest.raises(NothingFoundError, match="open_safe"):
        load_safe([], radar.grid(100), ["vv"])


def test_image_that_is_not_as_annotated_is_refused(tmp_path):
    """Another size of image would be put in the wrong place."""
    root = Radar(numbers={"vv": np.full((300, 500), 100)}).write(tmp_path)
    granule = open_safe(root)
    with pytest.raises(IntegrityError, match="its annotation says"):
        load_safe([granule], Radar().grid(100), ["vv"])


def test_image_without_control_points_is_placed_by_the_annotation(tmp_path, radar):
    """The annotation holds the same points at full precision; the file's own are not needed."""
    bare = Radar(gcps=False, numbers={"vv": bright()})
    with warnings.catch_warnings():
        # rasterio says so when blocks are read, in threads, where filters cannot be set safely
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        vv = load_safe([open_safe(bare.write(tmp_path))], radar.grid(), ["vv"])["vv"].to_numpy()
    assert peak(vv[0]) == pytest.approx(radar.where(radar.grid(), *TARGET), abs=1)
