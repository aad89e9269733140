"""Layers of a package as map tiles, in the colours of the sheet."""

import math
from collections.abc import Mapping
from enum import IntEnum
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image, ImageColor
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from reliefscope.errors import IntegrityError
from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, State
from reliefscope.products.layers import GRADINGS
from reliefscope.products.onscreen import CLASSES, PHOTOGRAPHS, grading_of, painted_event
from reliefscope.products.opened import kept_open
from reliefscope.products.pictures import class_colours, ramp
from reliefscope.products.sheet import raster

SIDE = 256
DEEPEST = 24
MEDIA_TYPE = "image/webp"
_BESIDE = 254
"""Value of pixels beyond the file, where codes are read."""
_UNSEEN = 255
_PERIOD = 8
"""Of hatches [pixels]; a tile holds a whole number of them, so that tiles join."""
_SAMPLE = 512
_CODED = frozenset({"state", *CLASSES, *GRADINGS})
_HALF_M = math.pi * 6378137.0
"""Half the side of the world in EPSG:3857."""
_Table = NDArray[np.uint8]


def blank() -> bytes:
    """Return the tile of where nothing is."""
    return _webp(np.zeros((SIDE, SIDE, 4), np.uint8))


def tile(path: Path, name: str, z: int, x: int, y: int) -> bytes | None:
    """Return one tile as WEBP in EPSG:3857; None where the file has nothing.

    Parameters
    ----------
    path : Path
        A COG.
    name : str
        Its layer: ``state``, one class of it such as ``event``, ``likelihood``, ``exclusion``, a
        class layer, a measure, or an image.
    z, x, y : int
        Zoom, column from the west, row from the north.

    Raises
    ------
    IntegrityError
        The file cannot be read.
    """
    box = _box(z, x, y)
    if not _meets(path, box):
        return None
    try:
        bands, there = _warped(path, name, box)
        if name == "event" and there.any():
            return _webp(_event(path, bands[0], box))
    except (RasterioError, OSError) as error:
        raise IntegrityError(f"{path.name} cannot be read: publish the product again") from error
    if not there.any():
        return None
    return _webp(painted(path, name, bands, there))


_Box = tuple[float, float, float, float]


def _box(z: int, x: int, y: int) -> _Box:
    """Return west, south, east, north of a tile in EPSG:3857 [m]."""
    side = 2 * _HALF_M / 2**z
    west, north = x * side - _HALF_M, _HALF_M - y * side
    return west, north - side, west + side, north


def _meets(path: Path, box: _Box) -> bool:
    """Return whether a tile and a file have ground in common, without opening the file."""
    left, bottom, right, top = _web_bounds(path)
    west, south, east, north = box
    return west < right and east > left and north > bottom and south < top


def _warped(path: Path, name: str, box: _Box) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a tile's pixels, (band, y, x), and where the file has any, (y, x)."""
    left, _, right, _ = _web_bounds(path)
    source = kept_open(path, (box[2] - box[0]) / SIDE / (right - left))
    beside: float | None = _BESIDE if name in _CODED else source.nodata
    with WarpedVRT(
        source,
        crs="EPSG:3857",
        transform=from_bounds(*box, SIDE, SIDE),
        width=SIDE,
        height=SIDE,
        resampling=Resampling.bilinear if name in PHOTOGRAPHS else Resampling.nearest,
        src_nodata=beside,
        nodata=beside,
        add_alpha=beside is None,
    ) as warped:
        bands = warped.read()
    if beside is None:
        return bands[:-1], bands[-1] > 0
    blank = np.isnan(bands) if math.isnan(beside) else bands == beside
    return bands, ~blank.all(axis=0)


@lru_cache(maxsize=1024)
def _web_bounds(path: Path) -> tuple[float, float, float, float]:
    try:
        with rasterio.open(path) as file:
            left, bottom, right, top = transform_bounds(file.crs, "EPSG:3857", *file.bounds)
    except (RasterioError, OSError) as error:
        raise IntegrityError(f"{path.name} cannot be read: publish the product again") from error
    return left, bottom, right, top


def painted(path: Path, name: str, bands: NDArray[Any], there: NDArray[np.bool_]) -> _Table:
    """Return the colours of a layer's pixels, RGBA, (y, x, 4)."""
    if name == "state":
        out = _state(bands[0])
    elif name in CLASSES:
        out = _class_table(name)[bands[0]].view(np.uint8).reshape(*there.shape, 4)
    elif name in GRADINGS:
        out = _classes(name, bands[0])
    elif name == "exclusion":
        out = _reasons(bands[0])
    elif name in PHOTOGRAPHS and len(bands) < 3:  # noqa: PLR2004 - grey
        out = np.dstack([bands[0].astype(np.uint8)] * 3 + [np.full(there.shape, 255, np.uint8)])
    elif bands.shape[0] >= 3:  # noqa: PLR2004 - red, green, blue
        out = np.dstack([*bands[:3].astype(np.uint8), np.full(there.shape, 255, np.uint8)])
    else:
        out = _quantity(path, name, bands[0])
    if not there.all():
        out[~there] = 0
    return out


def _event(path: Path, states: NDArray[Any], box: _Box) -> _Table:
    """Paint the event, in the colours of its classes where the package has them."""
    folder, codes = path.parent, np.zeros(states.shape, np.uint8)
    grading = grading_of(folder)
    if grading is not None:
        codes = _warped(path.with_name(f"{grading}.tif"), grading, box)[0][0]
    return painted_event(folder, states, codes)


@cache
def _class_table(name: str) -> NDArray[np.uint32]:
    """Return the colour of each code of the state where one class is shown, four bytes in one."""
    table = np.zeros((256, 4), np.uint8)
    colour = ImageColor.getrgb(class_colours(State)[int(CLASSES[name])])
    table[int(CLASSES[name])] = (*colour[:3], 255)
    return table.view(np.uint32)[:, 0]


def _hatch(shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return rising lines, and crossed ones."""
    row, column = np.ogrid[: shape[0], : shape[1]]
    rising = (row + column) % _PERIOD < 2  # noqa: PLR2004 - width of a line
    crossed = ((row + column) % _PERIOD < 1) | ((row - column) % _PERIOD < 1)
    return rising, crossed


def _state(codes: NDArray[Any]) -> _Table:
    """Paint states as the sheet does: no event is clear, what cannot be told is hatched."""
    rising, crossed = _hatch(codes.shape)
    entry = np.full(codes.shape, raster.CLEAR, np.uint8)
    entry[codes == State.EVENT] = raster.EVENT
    entry[codes == State.REFERENCE] = raster.REFERENCE
    entry[codes == State.EXCLUDED] = raster.EXCLUDED
    entry[(codes == State.EXCLUDED) & rising] = raster.EXCLUDED_LINE
    entry[codes == State.NOT_OBSERVED] = raster.UNSEEN
    entry[(codes == State.NOT_OBSERVED) & crossed] = raster.UNSEEN_LINE
    return np.array(raster.PALETTE, np.uint8)[entry]


def _classes(name: str, codes: NDArray[Any]) -> _Table:
    """Paint classes in their colours; what was not seen is hatched."""
    flags = VARIABLES[name].flags
    table = np.zeros((256, 4), np.uint8)
    if flags is not None and issubclass(flags, IntEnum):
        for code, colour in class_colours(flags).items():
            if flags(code).name != "NONE":
                table[code] = (*ImageColor.getrgb(colour)[:3], 255)
    out = table[codes.astype(np.uint8)]
    _, crossed = _hatch(codes.shape)
    out[codes == _UNSEEN] = raster.PALETTE[raster.UNSEEN]
    out[(codes == _UNSEEN) & crossed] = raster.PALETTE[raster.UNSEEN_LINE]
    return out


def reason_colours() -> Mapping[int, tuple[int, int, int]]:
    """Return the colour of each reason for exclusion, by its bit."""
    flags = VARIABLES["exclusion"].flags
    bits = [int(m) for m in flags] if flags is not None else []
    shades = colormaps["turbo"](np.linspace(0.08, 0.92, max(len(bits), 2)))
    return {b: tuple(round(255 * p) for p in s[:3]) for b, s in zip(bits, shades, strict=False)}


def _reasons(bits: NDArray[Any]) -> _Table:
    """Paint the highest reason of each pixel."""
    out = np.zeros((*bits.shape, 4), np.uint8)
    for bit, colour in reason_colours().items():
        out[(bits & bit) > 0] = (*colour, 255)
    return out


def _quantity(path: Path, name: str, values: NDArray[Any]) -> _Table:
    shown = values.astype(np.float64)
    if name == "likelihood":
        shown[values == NO_LIKELIHOOD] = np.nan
    low, high = limits(path, name)
    known = np.isfinite(shown)
    share = np.clip((np.where(known, shown, low) - low) / max(high - low, 1e-9), 0, 1)
    out: _Table = _ramp_table(name)[np.round(255 * share).astype(np.uint8)]
    out[~known] = 0
    return out


@cache
def _ramp_table(name: str) -> _Table:
    colours = "gray" if name.startswith(("before", "after")) else ramp(name).colours
    table: _Table = np.round(255 * colormaps[colours](np.linspace(0, 1, 256))).astype(np.uint8)
    return table


@lru_cache(maxsize=256)
def limits(path: Path, name: str) -> tuple[float, float]:
    """Return the values at both ends of a quantity's colours."""
    fixed = ramp(name).limits
    if fixed is not None:
        return fixed
    with rasterio.open(path) as file:
        step = max(1, math.ceil(max(file.shape) / _SAMPLE))
        small = file.read(1, out_shape=(file.height // step, file.width // step), masked=True)
    known = small.astype("float64").filled(np.nan)
    known = known[np.isfinite(known)]
    low, high = np.percentile(known, (2, 98)) if known.size else (0.0, 1.0)
    return float(low), float(high)


def picture(path: Path, name: str, side: int) -> bytes:
    """Return a whole layer as one WEBP with transparency, at most ``side`` pixels a side."""
    with rasterio.open(path) as file:
        step = max(1.0, max(file.shape) / side)
        shape = max(round(file.height / step), 1), max(round(file.width / step), 1)
        bands = file.read(out_shape=(file.count, *shape))
    return _webp(painted(path, name, bands, np.ones(shape, bool)))


def slim(path: Path, most_bytes: int) -> bytes:
    """Return an image as WEBP of at most about that size."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    for quality in (80, 65, 50, 35, 20):
        out = BytesIO()
        picture.save(out, format="WEBP", quality=quality, method=4)
        if out.tell() <= most_bytes:
            break
        picture.thumbnail((picture.width * 9 // 10, picture.height * 9 // 10))
    return out.getvalue()


def _webp(colours: _Table) -> bytes:
    out = BytesIO()
    Image.fromarray(colours).save(
        out, format="WEBP", lossless=True, quality=40, method=0, exact=False
    )
    return out.getvalue()
