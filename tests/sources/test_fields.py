import dataclasses
import datetime as dt

import dask
import h5netcdf
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.warp import transform

from reliefscope.errors import InputError, IntegrityError, UnavailableError
from reliefscope.model.cube import VARIABLES, require
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule, group_passes
from reliefscope.sources import _fields as fields
from reliefscope.sources._fields import (
    Piece,
    Statistic,
    Step,
    field_cube,
    in_order,
    step_end,
    step_hours,
    step_of,
    steps_in,
)
from reliefscope.sources._lattice import Lattice, cut_out, nothing, place
from reliefscope.sources._netcdf import fields_of, open_fields
from tests.sources.field_files import globe, netcdf, smooth, utc, weather

# the calendar


@pytest.mark.parametrize(
    ("step", "starts"),
    [
        (Step.MONTH, [utc(2024, 2, 1), utc(2024, 3, 1)]),
        (Step.DEKAD, [utc(2024, 2, 1), utc(2024, 2, 11), utc(2024, 2, 21), utc(2024, 3, 1)]),
    ],
)
def test_steps_are_those_that_begin_in_the_window(step, starts):
    """From the middle of January to March 2: January has begun before, March begins within."""
    window = Window(start=utc(2024, 1, 21, 1), end=utc(2024, 3, 1, 0, 1))
    assert steps_in(window, step) == starts


def test_a_leap_february_has_29_days_and_1392_half_hours():
    """February 2024."""
    window = Window(start=utc(2024, 2, 1), end=utc(2024, 3, 1))
    assert len(steps_in(window, Step.DAY)) == 29
    assert len(steps_in(window, Step.HALF_HOUR)) == 29 * 48
    assert step_hours(utc(2024, 2, 1), Step.MONTH) == 29 * 24
    assert step_hours(utc(2024, 2, 21), Step.DEKAD) == 9 * 24


def test_a_window_with_another_clock_gives_steps_of_utc():
    """Midnight in Nairobi is 21 UTC of the day before: the first whole day of UTC begins after."""
    nairobi = dt.timezone(dt.timedelta(hours=3))
    window = Window(
        start=dt.datetime(2024, 3, 1, tzinfo=nairobi), end=dt.datetime(2024, 3, 3, tzinfo=nairobi)
    )
    assert steps_in(window, Step.DAY) == [utc(2024, 3, 1), utc(2024, 3, 2)]


@given(seconds=st.floats(-6e8, 4e9))
@pytest.mark.parametrize("step", Step)
def test_every_moment_lies_in_exactly_one_step(step, seconds):
    """Steps follow each other without gap or overlap, from 1950 to 2096."""
    moment = utc(1970) + dt.timedelta(seconds=seconds)
    start = step_of(moment, step)
    assert start <= moment < step_end(start, step)
    assert step_of(step_end(start, step), step) == step_end(start, step)


def test_a_window_with_too_many_steps_is_a_slip():
    """Forty years of half-hours are refused before anything is asked."""
    with pytest.raises(InputError, match="half-hours; shorten the window"):
        steps_in(Window(start=utc(1980), end=utc(2020)), Step.HALF_HOUR)


# from cells to pixels

BLOCKS = {
    "utm": GeoBox.from_bbox((400_000, 100_000, 900_000, 700_000), "EPSG:32633", shape=(60, 50)),
    "utm 1, over 180": GeoBox.from_bbox(
        (-50_000, 0, 400_000, 500_000), "EPSG:32601", shape=(50, 45)
    ),
    "utm 60, over 180": GeoBox.from_bbox(
        (600_000, 0, 1_100_000, 500_000), "EPSG:32660", shape=(50, 50)
    ),
    "laea over 180": GeoBox.from_bbox(
        (-2e6, -2e6, 2e6, 2e6), "+proj=laea +lat_0=-18 +lon_0=179 +datum=WGS84", shape=(80, 80)
    ),
    "over greenwich": GeoBox.from_bbox((-9, 40, 9, 50), "EPSG:4326", shape=(37, 61)),
    "beyond 180": GeoBox.from_bbox((171.3, -30, 189.7, -10), "EPSG:4326", shape=(57, 61)),
    "0 to 360": GeoBox.from_bbox((200.1, -30, 260.3, 20), "EPSG:4326", shape=(57, 61)),
    "around the globe": GeoBox.from_bbox((-180, -80, 180, 80), "EPSG:4326", shape=(240, 540)),
    "around the globe from 0 to 360": GeoBox.from_bbox(
        (0, -80, 360, 80), "EPSG:4326", shape=(240, 540)
    ),
    "over the pole": GeoBox.from_bbox((-2e6, -2e6, 2e6, 2e6), "EPSG:3031", shape=(60, 60)),
}


def _positions(block):
    """Longitude and latitude of the middle of each pixel."""
    column, row = np.meshgrid(np.arange(block.shape[1]) + 0.5, np.arange(block.shape[0]) + 0.5)
    x, y = block.affine * (column, row)
    if block.crs == "EPSG:4326":
        return x, y
    flat = transform(str(block.crs), "EPSG:4326", x.ravel(), y.ravel())
    return (np.asarray(v).reshape(x.shape) for v in flat)


def _world(west, cell=0.5, limit=90.0):
    lon, lat = globe(cell, west=west, limit=limit)
    lattice = Lattice(
        west=west, north=limit, width=cell, height=cell, rows=len(lat), columns=len(lon)
    )
    return lattice, smooth(lon[None], lat[:, None]).astype("float32")


def _cut(values, cut):
    return np.concatenate([values[cut.rows, c] for c in cut.columns], axis=1)[None]


@pytest.mark.parametrize("west", [-180.0, 0.0])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_field_is_the_same_wherever_its_longitudes_begin(name, west):
    """A known function of place comes out at each pixel, in ten grids, without a seam."""
    block = BLOCKS[name]
    lattice, values = _world(west)
    cut = cut_out(lattice, block)
    placed = place(_cut(values, cut), cut, lattice, block)[0]
    lon, lat = _positions(block)
    inside = np.abs(lat) < 88
    np.testing.assert_allclose(placed[inside], smooth(lon, lat)[inside], atol=0.25)


@pytest.mark.parametrize("name", BLOCKS)
def test_one_part_of_a_world_is_enough(name):
    """The cut holds fewer cells than the field, unless the block goes around the globe."""
    lattice, _ = _world(-180.0)
    cut = cut_out(lattice, BLOCKS[name])
    cells = sum(c.stop - c.start for c in cut.columns)
    if name.startswith(("around", "over the pole")):
        assert cells == lattice.columns + 6
    else:
        assert cells < lattice.columns / 5


@pytest.mark.parametrize("west", [170.0, -190.0])
def test_a_part_of_the_globe_that_crosses_180_is_found_from_both_sides(west):
    """A field from 170 E to 170 W, stored with longitudes up to 190 or from -190."""
    lattice = Lattice(west=west, north=0.0, width=1.0, height=1.0, rows=20, columns=20)
    lon = west + np.arange(20) + 0.5
    values = smooth(lon[None], -np.arange(20)[:, None] - 0.5).astype("float32")
    for bbox in ((176, -12, 179, -8), (-179, -12, -176, -8), (178, -12, 182, -8)):
        block = GeoBox.from_bbox(bbox, "EPSG:4326", shape=(16, 12))
        cut = cut_out(lattice, block)
        placed = place(_cut(values, cut), cut, lattice, block)[0]
        np.testing.assert_allclose(placed, smooth(*_positions(block)), atol=0.1)


def test_beside_a_field_there_is_nothing():
    """No cut for a block that a regional field does not reach."""
    lattice = Lattice(west=10.0, north=20.0, width=0.1, height=0.1, rows=50, columns=50)
    assert cut_out(lattice, BLOCKS["laea over 180"]) is None
    assert cut_out(lattice, GeoBox.from_bbox((10, 30, 12, 32), "EPSG:4326", shape=(9, 9))) is None


def test_coinciding_cells_are_copied_bit_for_bit():
    """No resampling where grid and field agree, and no growth of what was observed."""
    lattice, values = _world(-180.0)
    values[100:105, 300:310] = np.nan
    block = GeoBox.from_bbox((-40, 20, 0, 50), "EPSG:4326", shape=(60, 80))
    cut = cut_out(lattice, block)
    placed = place(_cut(values, cut), cut, lattice, block)[0]
    assert np.array_equal(placed, values[80:140, 280:360], equal_nan=True)


def test_fine_pixels_are_observed_where_their_cell_was():
    """Interpolation uses the neighbours, but does not reach into a cell that was not observed."""
    lattice, values = _world(-180.0, cell=1.0)
    values[:] = 7.0
    values[40:44, 190:195] = np.nan
    block = GeoBox.from_bbox((5, 40, 20, 60), "EPSG:4326", shape=(400, 300))
    cut = cut_out(lattice, block)
    placed = place(_cut(values, cut), cut, lattice, block)[0]
    lon, lat = _positions(block)
    missing = (lon > 10) & (lon < 15) & (lat < 50) & (lat > 46)
    assert np.array_equal(np.isnan(placed), missing)
    assert (placed[~missing] == 7.0).all()


def test_coarse_pixels_hold_the_mean_of_what_was_observed_in_them():
    """Four cells of 1, 2, 3 and nothing make 2; four of nothing make nothing."""
    lattice = Lattice(west=0.0, north=4.0, width=1.0, height=1.0, rows=4, columns=4)
    values = np.full((1, 4, 4), np.nan, "float32")
    values[0, :2, :2] = [[1, 2], [3, np.nan]]
    block = GeoBox.from_bbox((0, 0, 4, 4), "EPSG:4326", shape=(2, 2))
    placed = place(values, cut_out(lattice, block), lattice, block)[0]
    np.testing.assert_array_equal(placed, [[2, np.nan], [np.nan, np.nan]])


def test_what_one_step_lacks_another_may_have():
    """Steps placed together keep their own gaps."""
    lattice, values = _world(-180.0)
    block = BLOCKS["utm"]
    cut = cut_out(lattice, block)
    both = np.concatenate([_cut(values, cut)] * 2)
    both[1] = np.nan
    placed = place(both, cut, lattice, block)
    assert np.isfinite(placed[0]).all()
    assert np.isnan(placed[1]).all()


@settings(max_examples=60, deadline=None)
@given(
    lon=st.floats(-180, 180),
    lat=st.floats(-70, 70),
    size=st.floats(20_000, 2_000_000),
    west=st.sampled_from([-180.0, 0.0, -25.0]),
)
def test_anywhere_on_the_globe(lon, lat, size, west):
    """Around any place, at any size, the known function comes out at each pixel."""
    crs = f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84"
    block = GeoBox.from_bbox((-size, -size, size, size), crs, shape=(40, 40))
    lattice, values = _world(west, cell=1.0)
    cut = cut_out(lattice, block)
    placed = place(_cut(values, cut), cut, lattice, block)[0]
    x, y = _positions(block)
    inside = np.abs(y) < 87
    np.testing.assert_allclose(placed[inside], smooth(x, y)[inside], atol=1.5)


# cubes

GRID = GeoBox.from_bbox((0, 0, 3, 2), "EPSG:4326", shape=(20, 30))


@dataclasses.dataclass(frozen=True)
class _Constant:
    values: tuple

    def __call__(self, block, chosen):
        out = nothing(chosen.stop - chosen.start, block)
        out[:] = np.array(self.values[chosen])[:, None, None]
        return out


def _piece(*days, label="a file"):
    return Piece(
        starts=tuple(utc(2024, 1, d) for d in days),
        label=label,
        read=_Constant(tuple(float(d) for d in days)),
    )


def _field(pieces, grid=GRID):
    return field_cube("precipitation", pieces, grid, step=Step.DAY, statistic=Statistic.TOTAL)


def test_a_cube_says_what_its_values_are():
    """Canonical units, dimensions by their names on geographic grids too, start of each step."""
    cube = _field([_piece(1), _piece(2, 3)])
    require(cube.to_dataset(), "precipitation")
    assert cube.dims == ("time", "y", "x")
    assert cube.attrs["units"] == VARIABLES["precipitation"].units
    assert cube.attrs["step"] == "day"
    assert cube.attrs["statistic"] == "total over step"
    assert cube.attrs["cell_methods"] == "time: sum"
    stamps = ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert [str(t)[:10] for t in cube.time.values] == stamps
    assert [float(v) for v in cube.mean(("y", "x")).values] == [1.0, 2.0, 3.0]


def test_nothing_is_read_until_it_is_computed():
    """A reader that refuses is not called while the cube is made."""

    def refuse(block, chosen):
        raise AssertionError(f"read {block} {chosen}")

    cube = _field([Piece(starts=(utc(2024),), label="a file", read=refuse)])
    assert dask.is_dask_collection(cube.data)
    with pytest.raises(AssertionError, match="read"):
        cube.compute()


def test_cutting_into_blocks_does_not_change_the_answer(monkeypatch):
    """Blocks of 7 pixels and steps read one by one, bit for bit as at once."""
    whole = _field([_piece(*range(1, 9))]).values
    monkeypatch.setattr(fields, "CHUNK", 7)
    monkeypatch.setattr(fields, "_BLOCK_BYTES", 4 * 7 * 7 * 3)
    cut = _field([_piece(*range(1, 9))])
    assert cut.data.chunks[0] == (3, 3, 2)
    assert cut.data.chunks[2] == (7, 7, 7, 7, 2)
    assert np.array_equal(cut.values, whole)


def test_a_step_that_fails_is_named_and_no_hole():
    """One failing file of three: the error keeps its kind and names the file."""

    def fail(block, chosen):
        del block, chosen
        raise UnavailableError("the disk is gone")

    broken = Piece(starts=(utc(2024, 1, 2),), label="chirps 2024-01-02", read=fail)
    cube = _field([_piece(1), broken, _piece(3)])
    with pytest.raises(UnavailableError, match="chirps 2024-01-02: the disk is gone"):
        cube.compute()


def test_where_a_file_does_not_reach_nothing_was_observed():
    """A reader that has nothing for a block gives NaN, never 0."""
    cube = _field([Piece(starts=(utc(2024),), label="a file", read=lambda *_: None)])
    assert np.isnan(cube.values).all()


def _granule(minute, **others):
    return Granule(
        id=f"g{minute}",
        source="imerg",
        collection="c",
        acquired=utc(2024, 1, 1) + dt.timedelta(minutes=minute),
        footprint=None,
        assets={},
        **others,
    )


@pytest.mark.parametrize("minutes", [30, 60, 1440])
def test_neighbouring_steps_are_not_one_pass(minutes):
    """Half-hours, hours and days stay apart when granules are grouped by pass."""
    granules = [_granule(i * minutes) for i in range(4)]
    assert [len(p) for p in group_passes(granules)] == [1, 1, 1, 1]


def test_two_fields_of_one_step_are_refused():
    """Which of them counts is not guessed; neither is a field without a time."""
    with pytest.raises(InputError, match="2 fields have 1 times"):
        in_order([_granule(0), _granule(0)])
    with pytest.raises(InputError, match="each needs one of its own"):
        in_order([dataclasses.replace(_granule(0), acquired=None)])


# netCDF, whichever way round

LON, LAT = globe(2.0)
TRUE = smooth(LON[None], LAT[:, None])
DAYS = [utc(2024, 1, 1), utc(2024, 1, 2)]
HERE = GeoBox.from_bbox((-20, 0, 20, 30), "EPSG:4326", shape=(15, 20))


def _stored(values=TRUE, lon=LON, lat=LAT, **options):
    return weather(DAYS, {"t2m": [values, values + 1]}, lon=lon, lat=lat, **options)


def _read(tmp_path, content, times=(0, 1)):
    path = tmp_path / "some.nc"
    path.write_bytes(content)
    with open_fields(path) as opened:
        found = fields_of(opened, ["t2m"], path)
        cut = cut_out(found.lattice, HERE)
        return place(found.read(cut, times), cut, found.lattice, HERE)


def _turned():
    lon = LON % 360
    return lon[np.argsort(lon)], TRUE[:, np.argsort(lon)]


ORIENTATIONS = {
    "as delivered": _stored,
    "rows from the south": lambda: _stored(TRUE[::-1], lat=LAT[::-1]),
    "longitudes 0 to 360": lambda: _stored(_turned()[1], lon=_turned()[0]),
    "longitudes 0 to 180, -180 to 0": lambda: _stored(
        _turned()[1], lon=(_turned()[0] + 180) % 360 - 180
    ),
    "longitude before latitude": lambda: _stored().transpose("valid_time", "longitude", "latitude"),
    "time last": lambda: _stored().transpose("latitude", "longitude", "valid_time"),
    "time called time": lambda: _stored(time="time"),
    "one member": lambda: _stored().expand_dims(number=[0]),
    "number and expver as coordinates": lambda: _stored(
        extra={"number": 0, "expver": ("valid_time", ["0001", "0005"])}
    ),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_way_a_file_is_stored_does_not_matter(tmp_path, name):
    """Nine ways round, the same field."""
    found = _read(tmp_path, netcdf(ORIENTATIONS[name]()))
    wanted = _read(tmp_path, netcdf(_stored()))
    assert np.isfinite(wanted).all()
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(found[0], smooth(*_positions(HERE)), atol=0.6)


def test_netcdf_3_with_packed_numbers_is_read(tmp_path):
    """The old store wrote classic netCDF with scale, offset and fill value."""
    cube = _stored(time="time").transpose("time", "latitude", "longitude")
    cube["t2m"][0, :5, :5] = np.nan
    packing = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 150.0, "_FillValue": -32767}
    found = _read(tmp_path, netcdf(cube, "scipy", encoding={"t2m": packing}))
    np.testing.assert_allclose(found, _read(tmp_path, netcdf(_stored())), atol=0.0051)


def test_of_preliminary_and_final_values_the_final_ones_count(tmp_path):
    """Each field has values of ERA5 (1) or of ERA5T (5), the other is empty."""
    final, preliminary = _stored(), _stored() + 1000
    final["t2m"][1] = np.nan
    preliminary["t2m"][0, :40] = -5.0
    both = xr.concat([preliminary, final], dim="expver").assign_coords(expver=[5, 1])
    both["t2m"].attrs["units"] = "K"
    found = _read(tmp_path, netcdf(both))
    wanted = _read(tmp_path, netcdf(_stored()))
    np.testing.assert_array_equal(found[0], wanted[0])
    np.testing.assert_allclose(found[1], wanted[1] + 1000, rtol=1e-6)


def test_only_some_times_of_a_file_are_read(tmp_path):
    """In any order."""
    found = _read(tmp_path, netcdf(_stored()), times=(1,))
    np.testing.assert_array_equal(found[0], _read(tmp_path, netcdf(_stored()))[1])


PAGE = b"<!DOCTYPE html><html><body>Maintenance</body></html>"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda _: PAGE, "neither netCDF nor HDF5"),
        (lambda _: b"", "neither netCDF nor HDF5"),
        (lambda good: good[:8] + PAGE, "is damaged"),
        (lambda good: good[: len(good) // 2], "is damaged"),
        (lambda _: b"CDF\x01" + PAGE, "is damaged"),
        (lambda _: b"CDF\x01" + b"\xff" * 200, "is damaged"),
    ],
    ids=["page", "empty", "page inside", "cut off", "page as netCDF-3", "noise as netCDF-3"],
)
def test_what_is_no_file_of_fields_is_said_so(tmp_path, spoil, says):
    """A typed error that names the file, not one of the reader's."""
    with pytest.raises(IntegrityError, match=says):
        _read(tmp_path, spoil(netcdf(_stored())))


def test_cells_that_are_not_regular_are_refused(tmp_path):
    """A model's own grid is not guessed to be regular."""
    lat = LAT.copy()
    lat[10] += 0.5
    with pytest.raises(IntegrityError, match="not on regular cells"):
        _read(tmp_path, netcdf(_stored(lat=lat)))
    with pytest.raises(IntegrityError, match="not on regular cells"):
        _read(tmp_path, netcdf(_stored(lat=LAT * 2)))


def test_a_file_without_the_variable_says_what_it_has(tmp_path):
    """Named in the error."""
    with pytest.raises(IntegrityError, match=r"holds \['d2m'\], none of \['t2m'\]"):
        _read(tmp_path, netcdf(_stored().rename(t2m="d2m")))


def test_a_file_that_claims_more_cells_than_there_are_is_refused(tmp_path):
    """Twenty thousand by twenty thousand, declared in a small file: nothing is allocated."""
    cells, path = 20_000, tmp_path / "huge.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"latitude": cells, "longitude": cells}
        for name in file.dimensions:
            file.create_variable(name, (name,), "float64", data=np.linspace(-80, 80, cells))
        file.create_variable(
            "t2m", ("latitude", "longitude"), "float32", chunks=(1000, 1000), compression="gzip"
        )
    with open_fields(path) as opened, pytest.raises(IntegrityError, match="over 100,000,000"):
        fields_of(opened, ["t2m"], path)
