import io

import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.transform import from_origin

from reliefscope.errors import InputError
from reliefscope.model.cube import BurnSeverity, State
from reliefscope.products import onscreen, tiles
from reliefscope.products.pictures import class_colours

_LEFT, _TOP, _CELL = 500_000.0, 4_200_000.0, 10.0


@pytest.fixture
def folder(tmp_path):
    """A package with a state of four quarters: no event, event, excluded, not observed."""
    state = np.zeros((80, 80), np.uint8)
    state[:40, 40:], state[40:, :40], state[40:, 40:] = 1, 3, 255
    _write(tmp_path / "state.tif", state, nodata=255)
    depth = np.where(state == 1, 2.5, np.nan).astype("float32")
    _write(tmp_path / "depth_m.tif", depth, nodata=np.nan)
    return tmp_path


def _write(path, values, nodata):
    with rasterio.open(
        path, "w", driver="GTiff", height=80, width=80, count=1, dtype=values.dtype,
        crs="EPSG:32633", transform=from_origin(_LEFT, _TOP, _CELL, _CELL), nodata=nodata,
    ) as file:  # fmt: skip
        file.write(values, 1)


def _pixels(shown):
    return np.asarray(Image.open(io.BytesIO(shown.data)).convert("RGBA"))


def test_no_event_is_not_painted_and_the_event_is(folder):
    """Of the four quarters only the event's has colour; the rest lets the ground through."""
    alpha = _pixels(onscreen.picture(folder, "state"))[..., 3] > 0
    rows, columns = alpha.shape
    assert alpha[rows // 8, 7 * columns // 8]
    assert not alpha[rows // 8, columns // 8]
    assert not alpha[7 * rows // 8, columns // 8]
    assert not alpha[7 * rows // 8, 7 * columns // 8]


@pytest.mark.parametrize(
    ("code", "row", "column"), [(State.EXCLUDED, 7, 1), (State.NOT_OBSERVED, 7, 7)]
)
def test_masks_hold_one_class_alone(folder, code, row, column):
    """The mask that is hatched covers its quarter and no other."""
    alpha = _pixels(onscreen.picture(folder, "state", (int(code),)))[..., 3] > 0
    rows, columns = alpha.shape
    assert alpha[row * rows // 8, column * columns // 8]
    assert alpha.mean() == pytest.approx(0.25, abs=0.03)


def test_picture_lies_where_the_raster_lies(folder):
    """The extent in degrees holds the raster's corners, and no more than a pixel beyond."""
    west, south, east, north = onscreen.picture(folder, "state").extent
    to_degrees = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(
        [_LEFT, _LEFT + 800, _LEFT, _LEFT + 800], [_TOP, _TOP, _TOP - 800, _TOP - 800]
    )
    assert (west, south, east, north) == pytest.approx(
        (min(lon), min(lat), max(lon), max(lat)), abs=1e-4
    )


def test_quantity_is_transparent_where_there_is_none(folder):
    """NaN never becomes a colour, nor a bar of the histogram."""
    alpha = _pixels(onscreen.picture(folder, "depth_m"))[..., 3] > 0
    assert alpha.mean() == pytest.approx(0.25, abs=0.03)
    _, heights = onscreen.counts(folder, "depth_m")
    assert sum(heights) == 1600
    told = onscreen.scale(folder, "depth_m")
    assert (told.low, told.high, told.units) == (0, 3, "m")


@pytest.mark.parametrize("name", ["../state", "nothing", "state.tif", ""])
def test_names_that_are_no_raster_are_refused(folder, name):
    with pytest.raises(InputError, match="it has state"):
        onscreen.picture(folder, name)


def _package(tmp_path, hazard, **rasters):
    """A package as it lies in a catalog, whose event is the right half."""
    folder = tmp_path / hazard / "E" / "P"
    folder.mkdir(parents=True)
    state = np.zeros((80, 80), np.uint8)
    state[:, 40:] = State.EVENT
    for name, values in {"state": state, **rasters}.items():
        _write(folder / f"{name}.tif", values, nodata=255)
    return folder


def _seen_colours(pixels):
    return {"#" + bytes(p[:3]).hex() for p in pixels.reshape(-1, 4)[::7] if p[3]}


@pytest.mark.parametrize(
    ("hazard", "colour"), [("flood", "#0084dc"), ("storm", "#0084dc"), ("landslide", "#b2182b")]
)
def test_water_alone_is_blue(tmp_path, hazard, colour):
    """As on the sheet: picture, tile and legend of an event without classes have one colour."""
    folder = _package(tmp_path, hazard)
    assert _seen_colours(_pixels(onscreen.layer_picture(folder, "event"))) == {colour}
    assert _seen_colours(_tile(folder)) == {colour}
    assert onscreen.event_entries(folder) == {}
    assert onscreen.plain_colour(folder) == colour


def test_an_event_has_the_colours_of_its_classes(tmp_path):
    """A burnt area is shown by severity, and only where it is burnt; unknown ones as the event."""
    severity = np.full((80, 80), BurnSeverity.HIGH, np.uint8)
    severity[40:, 40:] = BurnSeverity.LOW
    severity[70:, 40:] = BurnSeverity.NOT_OBSERVED
    folder = _package(tmp_path, "fire", burn_severity=severity)
    colours = class_colours(BurnSeverity)
    classes = {int(c): colours[c] for c in (BurnSeverity.LOW, BurnSeverity.HIGH)}
    shown = _pixels(onscreen.layer_picture(folder, "event"))
    assert _seen_colours(shown) == {*classes.values(), "#b2182b"}
    assert (shown[..., 3] > 0).mean() == pytest.approx(0.5, abs=0.03)
    assert _seen_colours(_tile(folder)) == {*classes.values(), "#b2182b"}
    assert onscreen.event_entries(folder) == classes


def _tile(folder):
    """Return the pixels of the tile of zoom 14 around the middle of the package."""
    to_web = Transformer.from_crs("EPSG:32633", "EPSG:3857", always_xy=True)
    x, y = to_web.transform(_LEFT + 40 * _CELL, _TOP - 40 * _CELL)
    half = 20037508.342789244
    side = 2 * half / 2**14
    place = int((x + half) / side), int((half - y) / side)
    told = tiles.tile(folder / "state.tif", "event", 14, *place)
    assert told is not None
    return np.asarray(Image.open(io.BytesIO(told)).convert("RGBA"))
