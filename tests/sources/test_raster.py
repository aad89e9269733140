import contextlib
import http.server
import itertools
import random
import socket
import struct
import threading
import warnings

import dask
import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.shutil
import shapely
from odc.geo.geobox import GeoBox

from reliefscope.errors import (
    AccessError,
    CubeError,
    IntegrityError,
    NothingFoundError,
    ProvenanceWarning,
    SourceError,
    UnavailableError,
)
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources import _raster_blocks, _raster_io
from reliefscope.sources._raster import load_granules, read_header
from tests.scenes import EPSG, NORTH, WEST, WHEN, lonlat_bounds, write_raster

GRID = GeoBox.from_bbox((WEST, NORTH - 80, WEST + 80, NORTH), crs=f"EPSG:{EPSG}", shape=(8, 8))
SIDE = 1400
RAMP = np.random.default_rng(3).gamma(4, 0.05, (SIDE, SIDE)).astype("float32")
HEADER_BYTES = 32_768
"""What is asked for to open a file."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Ask a failing server again at once."""
    quick = {"GDAL_HTTP_RETRY_DELAY": "0.01", "GDAL_HTTP_LOW_SPEED_TIME": "1"}
    monkeypatch.setattr(_raster_io, "REMOTE", {**_raster_io.REMOTE, **quick})


@pytest.fixture(scope="session")
def big(tmp_path_factory):
    """A COG of `RAMP` with overviews."""
    return _cog(tmp_path_factory.mktemp("big") / "big.tif", RAMP, "deflate")


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """The same without compression: nothing in it can be found to be garbled."""
    return _cog(tmp_path_factory.mktemp("plain") / "plain.tif", RAMP, "none")


def _cog(path, values, compress):
    raw = write_raster(path.with_suffix(".raw.tif"), values)
    rasterio.shutil.copy(raw, path, driver="COG", compress=compress, blocksize=256)
    return path


def _granule(path, *, variable="vv", when=WHEN, name="g", **asset):
    return Granule(
        id=name,
        source="test",
        collection="c",
        acquired=when,
        footprint=shapely.box(*(0, 0, 1, 1) if "http" in str(path) else lonlat_bounds(path)),
        assets={variable: Asset(href=str(path), **{"units": "1", **asset})},
    )


def test_aligned_pixels_arrive_unchanged_and_gaps_stay_gaps(tmp_path):
    """On its own grid a raster is read to the letter, lazily; NaN stays NaN."""
    values = np.linspace(0.01, 0.64, 64, dtype="float32").reshape(8, 8)
    values[2, 3] = np.nan
    cube = load_granules([_granule(write_raster(tmp_path / "a.tif", values))], GRID, ["vv"])
    assert cube["vv"].chunks is not None
    assert cube["vv"].dims == ("time", "y", "x")
    assert cube["vv"].attrs["units"] == "1"
    np.testing.assert_array_equal(cube["vv"].isel(time=0), values)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_nodata_becomes_nan_before_scale_and_offset(tmp_path, dtype):
    """A scaled integer band: stored 0 is nodata, the rest is scale * value + offset."""
    stored = np.full((8, 8), 5000, dtype)
    stored[0, 0] = 0
    path = write_raster(tmp_path / "b.tif", stored, nodata=0)
    granule = _granule(path, variable="red", scale=1e-4, offset=-0.1)
    red = load_granules([granule], GRID, ["red"])["red"].isel(time=0).to_numpy()
    assert np.isnan(red[0, 0])
    np.testing.assert_allclose(red[1:], 0.4, rtol=1e-5)


def test_second_band_of_a_file_is_read(tmp_path):
    """Two polarisations in one file, told apart by band number."""
    path = write_raster(
        tmp_path / "two.tif", np.full((8, 8), 0.1, "f4"), np.full((8, 8), 0.02, "f4")
    )
    cube = load_granules([_granule(path, variable="vh", band=2)], GRID, ["vh"])
    np.testing.assert_allclose(cube["vh"], 0.02, rtol=1e-6)


def test_slices_of_one_pass_are_mosaicked_and_gaps_filled(tmp_path):
    """Two half scenes of one pass make one whole; what neither saw is NaN."""
    left, right = np.full((2, 8, 8), np.nan, "float32")
    left[:, :4], right[:, 3:7] = 0.1, 0.3
    granules = [
        _granule(write_raster(tmp_path / f"{n}.tif", v), name=n)
        for n, v in (("a", left), ("b", right))
    ]
    vv = load_granules(granules, GRID, ["vv"])["vv"]
    assert vv.sizes["time"] == 1
    row = vv.isel(time=0, y=0).to_numpy()
    np.testing.assert_allclose(row, [0.1] * 4 + [0.3] * 3 + [np.nan], rtol=1e-6)


@pytest.mark.parametrize("epsg", [EPSG, EPSG + 1])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_outside_the_image_is_not_observed(tmp_path, dtype, epsg):
    """A scene that covers half the grid leaves the other half NaN, not zero, whatever its type
    and its projection, although it states no nodata value."""
    path = write_raster(tmp_path / "half.tif", np.full((8, 4), 1, dtype), nodata=None)
    grid = GRID if epsg == EPSG else GRID.to_crs(f"EPSG:{epsg}", resolution=10)
    vv = load_granules([_granule(path)], grid, ["vv"])["vv"].isel(time=0).to_numpy()
    assert np.isnan(vv[:, -3:]).all()
    assert (vv[np.isfinite(vv)] == 1).all()
    assert 16 <= np.isfinite(vv).sum() <= 48


@pytest.mark.parametrize(
    ("row", "column"), [(0, 0), (517, 3), (-100, 900), (900, -7), (1390, 1390)]
)
def test_a_window_on_the_files_own_pixels_is_cut_out_to_the_letter(big, row, column):
    """Whole pixels off, within the file or over its edge: the same numbers, NaN beyond."""
    want = np.full((300, 400), np.nan, "float32")
    rows, columns = np.arange(row, row + 300), np.arange(column, column + 400)
    inside = np.ix_((rows >= 0) & (rows < SIDE), (columns >= 0) & (columns < SIDE))
    kept = np.ix_(rows[(rows >= 0) & (rows < SIDE)], columns[(columns >= 0) & (columns < SIDE)])
    want[inside] = RAMP[kept]
    west, north = WEST + 10 * column, NORTH - 10 * row
    box = (west, north - 3000, west + 4000, north)
    grid = GeoBox.from_bbox(box, crs=f"EPSG:{EPSG}", shape=(300, 400))
    found = load_granules([_granule(big)], grid, ["vv"])["vv"].isel(time=0)
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3035"])
def test_every_pixel_lies_where_it_should_in_other_projections(tmp_path, crs):
    """A raster of its own easting, read onto another projection, gives the easting of each pixel
    centre within a hundredth of a pixel."""
    east = np.broadcast_to(WEST + 10 * np.arange(400) + 5, (400, 400)).astype("float64")
    path = write_raster(tmp_path / "elevation.tif", (east - WEST).astype("f4"))
    whole = GeoBox.from_bbox(
        (WEST, NORTH - 4000, WEST + 4000, NORTH), crs=f"EPSG:{EPSG}", resolution=10
    )
    grid = whole.to_crs(crs)
    granule = _granule(path, variable="elevation", when=None, units="m")
    found = load_granules([granule], grid, ["elevation"])["elevation"]
    assert found.dims == ("y", "x")  # on geographic grids too: that is the contract of a cube
    x, y = np.meshgrid(found["x"], found["y"])
    want, _ = pyproj.Transformer.from_crs(crs, EPSG, always_xy=True).transform(x, y)
    seen = np.isfinite(found.to_numpy())
    assert 0.6 < seen.mean() <= 1
    away = (want > WEST + 20) & (want < WEST + 3980) & seen
    np.testing.assert_allclose(found.to_numpy()[away], (want - WEST)[away], atol=0.1)


@pytest.mark.parametrize("case", ["own pixels", "other projection", "coarser"])
def test_pixels_do_not_depend_on_how_the_area_is_cut(big, case, monkeypatch):
    """Strips wide or narrow, reads whole or in quarters: the same numbers, bit for bit."""
    monkeypatch.setattr(_raster_blocks, "_TILE", 64)
    grid = GeoBox.from_bbox(
        (WEST + 500, NORTH - 9500, WEST + 9500, NORTH - 500), crs=f"EPSG:{EPSG}", resolution=10
    )
    if case == "other projection":
        grid = grid.to_crs(f"EPSG:{EPSG + 1}", resolution=10)
    if case == "coarser":
        grid = grid.zoom_out(3)
    granule = _granule(big)
    whole = load_granules([granule], grid, ["vv"])["vv"].compute()
    for name, size in (("CHUNK", 128), ("_ACROSS", 3), ("_MOST_PIXELS", 20_000)):
        monkeypatch.setattr(_raster_blocks, name, size)
    cut = load_granules([granule], grid, ["vv"])["vv"]
    assert max(cut.data.chunksize) <= 128
    np.testing.assert_array_equal(cut, whole)
    assert np.isfinite(whole).mean() > 0.9


def test_masks_inside_files_are_obeyed(tmp_path):
    """Some files say by a mask, not by a value, what was observed."""
    path = tmp_path / "masked.tif"
    profile = {"driver": "GTiff", "width": 8, "height": 8, "count": 1, "dtype": "uint8"}
    profile |= {"crs": f"EPSG:{EPSG}", "transform": rasterio.Affine(10, 0, WEST, 0, -10, NORTH)}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as raster:
        raster.write(np.full((1, 8, 8), 10, "uint8"))
        raster.write_mask(np.arange(64).reshape(8, 8) % 8 > 2)
    cover = load_granules([_granule(path, variable="land_cover", when=None)], GRID, ["land_cover"])
    values = cover["land_cover"].to_numpy()
    assert np.isnan(values[:, :3]).all()
    assert (values[:, 3:] == 10).all()


def test_the_catalogues_nodata_counts_before_the_files(tmp_path):
    """A value that the file calls missing is missing unless the catalogue names another; one that
    no pixel of its type can have changes nothing."""
    values = np.full((8, 8), 20, "uint8")
    values[0, 0], values[0, 1] = 0, 255
    path = write_raster(tmp_path / "n.tif", values, nodata=0)
    for stated, missing in (
        (None, (0, 0)),
        (255, (0, 1)),
        (-9999, None),
        (0.5, None),
        (float("inf"), None),
    ):
        granule = _granule(path, variable="land_cover", when=None, nodata=stated)
        cover = load_granules([granule], GRID, ["land_cover"])["land_cover"].to_numpy()
        gaps = [tuple(place) for place in np.argwhere(np.isnan(cover))]
        assert gaps == ([missing] if missing else [])


def test_complex_numbers_are_refused(tmp_path):
    """Half of a complex number is not a measurement."""
    path = write_raster(tmp_path / "slc.tif", np.ones((8, 8), "complex64"), nodata=None)
    with pytest.raises(CubeError, match="complex"):
        load_granules([_granule(path)], GRID, ["vv"])


def test_a_file_cut_short_on_disk_is_an_error_when_computed(tmp_path):
    """What is missing at the end of a file is not a gap."""
    path = _cog(tmp_path / "cut.tif", RAMP[:600, :600], "deflate")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    grid = GeoBox.from_bbox((WEST, NORTH - 6000, WEST + 6000, NORTH), crs=EPSG, resolution=10)
    with pytest.raises(IntegrityError, match="missing or is not a raster"):
        load_granules([_granule(path)], grid, ["vv"], check=False).compute()


def test_coarser_grids_average_power_but_never_classes(tmp_path):
    """0.1 and 0.3 average to 0.2; classes 10 and 60 never become 35."""
    board = np.indices((8, 8)).sum(axis=0) % 2
    coarse = GeoBox.from_bbox(
        (WEST, NORTH - 80, WEST + 80, NORTH), crs=f"EPSG:{EPSG}", shape=(4, 4)
    )
    power = write_raster(tmp_path / "p.tif", np.where(board, 0.3, 0.1).astype("f4"))
    classes = write_raster(tmp_path / "c.tif", np.where(board, 60, 10).astype("u1"), nodata=0)
    vv = load_granules([_granule(power)], coarse, ["vv"])["vv"]
    np.testing.assert_allclose(vv, 0.2, rtol=1e-5)
    granule = _granule(classes, variable="land_cover", when=None)
    cover = load_granules([granule], coarse, ["land_cover"])["land_cover"]
    assert cover.dims == ("y", "x")
    assert set(np.unique(cover)) <= {10, 60}


def test_raster_without_crs_is_refused(tmp_path):
    """Nobody knows where on earth it lies."""
    path = write_raster(tmp_path / "n.tif", np.ones((8, 8), "f4"), epsg=None)
    with pytest.raises(CubeError, match="has no CRS"):
        read_header(str(path))


def test_error_page_instead_of_a_raster_is_told_apart_from_a_failing_server(tmp_path):
    """HTML in a .tif is an integrity error; a server that refuses connections is unavailable."""
    page = tmp_path / "x.tif"
    page.write_text("<html>503</html>", encoding="utf-8")
    with pytest.raises(IntegrityError):
        read_header(str(page))
    with pytest.raises(IntegrityError):
        read_header(str(tmp_path / "absent.tif"))
    with pytest.raises(UnavailableError, match="try again"):
        read_header("http://127.0.0.1:9/x.tif")


def test_missing_band_and_missing_variable_are_named(tmp_path):
    """The message says how many bands there are, and what the granules hold."""
    path = write_raster(tmp_path / "one.tif", np.ones((8, 8), "f4"))
    with pytest.raises(CubeError, match="has 1 band"):
        read_header(str(path), 2)
    with pytest.raises(NothingFoundError, match=r"hold \['vv'\]"):
        load_granules([_granule(path)], GRID, ["vh"])


# ---------------------------------------------------------------- over HTTP

RESET, SHORT = "reset", "short"
AREA = GeoBox.from_bbox(
    (WEST + 1000, NORTH - 13000, WEST + 12000, NORTH - 1000), crs=f"EPSG:{EPSG}", resolution=10
)
WANTED = RAMP[100:1300, 100:1200]


@contextlib.contextmanager
def _server(path, rule=lambda _last, _address: None):
    """Serve one file; ``rule`` says for the last byte asked and the address what goes wrong.

    A number is answered as a status, `RESET` cuts the connection, `SHORT` half-way through.
    Yields the address and the list of (method, first byte, last byte) of all requests.
    """
    data, asked = path.read_bytes(), []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(data)

        def do_HEAD(self):
            self.answer(b"")

        def answer(self, body):
            wanted = self.headers.get("Range", f"bytes=0-{len(data) - 1}").split("=")[1].split("-")
            first, last = int(wanted[0]), min(int(wanted[1]), len(data) - 1)
            asked.append((self.command, first, last))
            wrong = rule(last if self.command == "GET" else 0, self.path)
            if wrong == RESET:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                return
            whole = "Range" not in self.headers
            self.send_response(wrong if isinstance(wrong, int) else 200 if whole else 206)
            body = b"sorry" if isinstance(wrong, int) else body[first : last + 1]
            length = len(data) if self.command == "HEAD" else len(body)
            self.send_header("Content-Length", str(length))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            if wrong == SHORT:
                self.close_connection = True
                body = body[: len(body) // 2]
            if self.command == "GET":
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/scene.tif", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(url, grid=AREA, **options):
    with dask.config.set(scheduler="threads"):
        return load_granules([_granule(url)], grid, ["vv"], **options)["vv"].isel(time=0).compute()


def test_an_area_behind_http_is_read_to_the_letter_with_few_requests(big):
    """Two to open it, one for the overview, and one per row of blocks; never all of the file."""
    with _server(big) as (url, asked):
        np.testing.assert_array_equal(_read(url), WANTED)
        assert len(asked) <= 12
        asked.clear()
        small = AREA[:100, :100]
        np.testing.assert_array_equal(_read(url, small, check=False), WANTED[:100, :100])
        assert sum(last - first for _, first, last in asked) < 0.2 * big.stat().st_size


def test_coarser_grids_are_read_from_overviews(big):
    """A quarter of the resolution costs less than a quarter of the bytes, and keeps the mean."""
    coarse = GeoBox.from_bbox((WEST, NORTH - 14000, WEST + 14000, NORTH), crs=EPSG, resolution=40)
    with _server(big) as (url, asked):
        found = _read(url, coarse)
        assert sum(last - first for method, first, last in asked if method == "GET") < (
            0.25 * big.stat().st_size
        )
    assert float(found.mean()) == pytest.approx(float(RAMP.mean()), rel=0.01)


@pytest.mark.parametrize("fault", [503, 500, 429, RESET, SHORT])
@pytest.mark.parametrize("turned", [False, True])
def test_blocks_that_fail_while_computing_are_an_error_never_a_hole(plain, big, fault, turned):
    """A server that delivers headers and most blocks, but not those at the end: unavailable."""
    grid = AREA.to_crs(f"EPSG:{EPSG + 1}", resolution=10) if turned else AREA
    for path in (plain, big):
        bad = path.stat().st_size * 3 // 4
        with _server(path, lambda last, _, bad=bad: fault if last > bad else None) as (url, _):
            cube = load_granules([_granule(url)], grid, ["vv"], check=False)
            with pytest.raises(UnavailableError, match=r"scene\.tif could not be read"):
                cube.compute()


def test_blocks_that_fail_now_and_then_are_asked_again(plain, big):
    """Every third request for pixels fails, and the pixels are right all the same."""
    for path, fault in itertools.product((plain, big), (503, RESET)):
        turn = itertools.count(1)

        def rule(last, _, turn=turn, fault=fault):
            return fault if last > HEADER_BYTES and next(turn) % 3 == 0 else None

        with _server(path, rule) as (url, _):
            np.testing.assert_array_equal(_read(url), WANTED)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_wrong_pixels_are_right_or_there_is_an_error(plain, big, seed):
    """Faults at random, in headers and pixels: the very pixels, or a typed error; no third way."""
    chance = random.Random(seed)  # noqa: S311 - faults, not secrets
    rate = chance.choice([0.1, 0.3, 0.9])

    def rule(*_):
        return chance.choice([503, 404, RESET, SHORT]) if chance.random() < rate else None

    with _server(chance.choice([plain, big]), rule) as (url, _):
        try:
            found = _read(url)
        except SourceError as error:
            assert "scene.tif" in str(error)  # noqa: PT017 - either outcome is right
        else:
            np.testing.assert_array_equal(found, WANTED)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (404, IntegrityError),
        (410, IntegrityError),
        (403, AccessError),
        (401, AccessError),
        (500, UnavailableError),
        (503, UnavailableError),
        (RESET, UnavailableError),
    ],
)
def test_a_file_that_cannot_be_opened_says_why(big, fault, error):
    """Missing, refused and failing are told apart before anything is computed."""
    with _server(big, lambda *_: fault) as (url, _), pytest.raises(error):
        load_granules([_granule(url)], AREA, ["vv"])


def test_a_page_instead_of_a_file_is_an_integrity_error(tmp_path):
    """A proxy's login page with status 200 is not a raster, and waiting does not make it one."""
    page = tmp_path / "page.html"
    page.write_text("<html>please sign in</html>" * 100, encoding="utf-8")
    with _server(page) as (url, _), pytest.raises(IntegrityError, match="not a raster"):
        read_header(url)


@pytest.mark.parametrize("fault", [503, 404, RESET, SHORT])
def test_a_server_that_recovers_is_read_by_the_same_process(big, fault):
    """A failure is not remembered: neither of opening nor of reading."""
    down = True

    def rule(*_):
        return fault if down else None

    with _server(big, rule) as (url, _):
        with pytest.raises(SourceError):
            _read(url)
        down = False
        cube = load_granules([_granule(url)], AREA, ["vv"])["vv"].isel(time=0)
        down = True
        with pytest.raises(SourceError):
            cube.compute()
        down = False
        np.testing.assert_array_equal(cube.compute(), WANTED)


def test_a_file_that_vanishes_while_computing_is_an_integrity_error(big):
    """It was there when it was opened, and is gone for good now."""
    gone = False
    with _server(big, lambda *_: 404 if gone else None) as (url, _):
        cube = load_granules([_granule(url)], AREA, ["vv"])
        gone = True
        with pytest.raises(IntegrityError, match="404"):
            cube.compute()


def test_links_are_signed_when_they_are_read_not_before(big):
    """Yesterday's signature is refused by the server; the lazy cube signs anew and is read."""
    day = "monday"
    with _server(big, lambda _, address: None if day in address else 403) as (url, _):
        cube = load_granules([_granule(url)], AREA, ["vv"], sign=lambda href: f"{href}?key={day}")
        day = "tuesday"
        np.testing.assert_array_equal(cube["vv"].isel(time=0), WANTED)


def test_signatures_do_not_show_in_errors(big, tmp_path):
    """Neither in the message nor in what caused it, though GDAL names the whole address."""
    page = tmp_path / "page.html"
    page.write_text("<html>please sign in</html>" * 100, encoding="utf-8")
    for fault, path in ((403, big), (404, big), (503, big), (RESET, big), (None, page)):
        with _server(path, lambda *_, fault=fault: fault) as (url, _):
            with pytest.raises(SourceError) as caught:
                load_granules([_granule(url)], AREA, ["vv"], sign=lambda h: h + "?sig=hidden")
            assert "hidden" not in str(caught.value)
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None


def test_headers_are_asked_for_at_the_same_time(big):
    """Four files of which each is answered only when all four have been asked for."""
    together = threading.Barrier(4)
    waited = set()

    def rule(_, address):
        if address not in waited:
            waited.add(address)
            together.wait(timeout=180)

    with _server(big, rule) as (url, _):
        granules = [_granule(f"{url}?{n}", name=str(n)) for n in range(4)]
        load_granules(granules, AREA, ["vv"])
    assert len(waited) == 4


def test_a_second_scene_is_not_read_where_the_first_is_whole(big):
    """The first valid pixel wins, so nobody asks for the others."""
    with _server(big) as (first, _), _server(big) as (second, asked):
        granules = [_granule(url, name=name) for name, url in (("a", first), ("b", second))]
        cube = load_granules(granules, AREA, ["vv"], check=False)
        asked.clear()
        np.testing.assert_array_equal(cube["vv"].isel(time=0), WANTED)
        assert asked == []


# ---------------------------------------------------------------- pixels and metadata


def _optical(path, **asset):
    return Granule(
        id="S2A_TEST",
        source="test",
        collection="c",
        acquired=WHEN,
        footprint=shapely.box(0, 0, 1, 1),
        assets={
            name: Asset(href=str(path.with_name(f"{name}.tif")), scale=1e-4, **asset)
            for name in ("red", "nir08")
        },
    )


@pytest.fixture
def dark_land(tmp_path):
    """Vegetation with the offset of baseline 04.00 still in it: red 0.02 to 0.06, infrared 0.3."""
    rng = np.random.default_rng(0)
    red = rng.integers(1150, 1600, (64, 64)).astype("uint16")
    write_raster(tmp_path / "nir08.tif", (red + 2500).astype("uint16"), nodata=0)
    return write_raster(tmp_path / "red.tif", red, nodata=0)


@pytest.mark.parametrize("variable", ["red", "nir08"])
def test_pixels_that_contradict_their_offset_warn_and_leave_a_note(dark_land, variable):
    """Also when only infrared is asked for: the red band of the granule is looked at instead."""
    with pytest.warns(ProvenanceWarning, match="red of S2A_TEST: no offset is stated"):
        cube = load_granules([_optical(dark_land)], GRID, [variable])
    (note,) = cube.attrs["provenance_notes"]
    assert "offset of -1000" in note
    assert list(cube) == [variable]


def test_right_offsets_and_unchecked_files_are_silent(dark_land):
    """Nothing is said of what agrees, nor where nobody looks."""
    for granule, check in ((_optical(dark_land, offset=-0.1), True), (_optical(dark_land), False)):
        cube = load_granules([granule], GRID, ["red"], check=check)
        assert "provenance_notes" not in cube.attrs


def test_many_doubtful_granules_make_one_note(dark_land):
    """One sentence per variable, with their number."""
    with pytest.warns(ProvenanceWarning, match="likewise 2 more"):
        cube = load_granules([_optical(dark_land)] * 3, GRID, ["red"])
    assert len(cube.attrs["provenance_notes"]) == 1


def test_a_witness_that_is_missing_does_not_stop_the_reading(dark_land):
    """Nobody asked for the red band: without it the infrared is read unjudged."""
    dark_land.unlink()
    cube = load_granules([_optical(dark_land)], GRID, ["nir08"])
    assert float(cube["nir08"].min()) > 0.3


@pytest.mark.realdata
@pytest.mark.parametrize(("offset", "doubt"), [(0.0, False), (-0.1, True)])
def test_real_scenes_warn_when_their_offset_is_taken_off_twice(shared_data, offset, doubt):
    """Earth Search over Slovenia: the pixels have had it, whatever the item's bands state."""
    home = shared_data / "scenes" / "earth_search_s2_slovenia_2023" / "sentinel-2-l2a"
    path = home / "S2B_33TWM_20230820_0_L2A" / "B04.tif"
    with rasterio.open(path) as raster:
        grid = GeoBox(raster.shape, raster.transform, str(raster.crs))
    granule = _granule(path, variable="red", scale=1e-4, offset=offset, nodata=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ProvenanceWarning)
        cube = load_granules([granule], grid, ["red"])
    assert [w.category for w in caught] == [ProvenanceWarning] * doubt
    assert len(cube.attrs.get("provenance_notes", [])) == doubt
    assert np.nanmedian(cube["red"].to_numpy()) == pytest.approx(0.035 + offset, abs=0.005)
