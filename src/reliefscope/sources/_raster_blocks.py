"""Lazy pixels: files of one pass become one array on the grid, read strip by strip.

Our own small reader over rasterio. odc-stac reads the same windows, but as a chain of tasks per
file (read, compare, scale, convert, merge) where one will do, signs links when the graph is built
and not when they are used, fills what no integer file covers with 0, fetches the blocks at the
edge of each chunk twice, and leaves a failing server to GDAL. `benchmarks/cog_read.py` compares
the two.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import dask
import dask.array as da
import numpy as np
import rasterio
from dask.base import tokenize
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from reliefscope.model.granule import Asset
from reliefscope.sources._raster_io import Header, attempt, read_stored
from reliefscope.sources._units import converter

Floats = NDArray[np.float32]

CHUNK = 2048
"""Pixels a side of a lazy block: large enough that the graph stays small."""
CHUNK_KEY = "reliefscope.chunk"
"""Key of dask's configuration under which a run sets another side. Where files are resampled, the
numbers are the same for sides of whole `_TILE`."""
_ACROSS = 6
"""Blocks that a strip is wide, at most: what is read at once."""
_MOST_PIXELS = 32_000_000
"""A read that needs more of the file is done in quarters, so that memory stays flat."""
_SMALLEST = 64
_TILE = 1024
"""Pixels a side of what is resampled at once. Places between the ends of a row are interpolated
(rasterio 1.4 allows GDAL an error of 0.125 pixels): over this distance they are right to about
0.015 pixels between neighbouring UTM zones, and the same however an area is cut into tiles."""
_ALIGNED = 0.05
"""Pixels that a grid may be off the file's own and still be read without resampling."""
_LATTICE = 33
"""Points along each side of a block whose place in the file is computed."""
_MARGIN = 3
"""Pixels read around a window, for the reach of bilinear weights and the bend between points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One file of one granule, checked and ready to read."""

    variable: str
    asset: Asset
    header: Header
    units: str
    resampling: Resampling


def mosaic(layers: Sequence[Layer], grid: GeoBox, sign: Callable[[str], str]) -> da.Array:
    """Return the first valid value of ``layers`` in canonical units, lazy.

    A task reads a strip as wide as the grid: fewer and longer requests than square blocks, and a
    row of the file's own blocks is fetched and decoded once, not by each neighbour.

    Parameters
    ----------
    layers : sequence of Layer
        Files of one pass, in order of preference; none gives nothing but NaN.
    grid : GeoBox
        Target pixels.
    sign : callable
        Turns an href into one that may be read now; called when a strip is read.

    Returns
    -------
    array, (y, x)
        float32; not observed is NaN.
    """
    rows, columns = grid.shape
    side: int = dask.config.get(CHUNK_KEY, default=CHUNK)
    strips = da.map_blocks(  # type: ignore[no-untyped-call]
        _read_strip,
        layers=tuple(layers),
        grid=grid,
        sign=sign,
        side=(side, _ACROSS * side),
        chunks=(_cut(rows, side), _cut(columns, _ACROSS * side)),
        dtype="float32",
        meta=np.empty((0, 0), "float32"),
        # without the signer: what is read does not depend on the signature
        name=f"read-{tokenize(tuple(layers), grid, side)}",
    )
    blocks: da.Array = strips.rechunk((_cut(rows, side), _cut(columns, side)))
    return blocks


def _cut(length: int, size: int) -> tuple[int, ...]:
    rest = length % size
    return (size,) * (length // size) + ((rest,) if rest else ())


def _read_strip(
    *,
    layers: Sequence[Layer],
    grid: GeoBox,
    sign: Callable[[str], str],
    side: tuple[int, int],
    block_id: tuple[int, int],
) -> Floats:
    top, left = block_id[0] * side[0], block_id[1] * side[1]
    block = grid[
        top : min(top + side[0], grid.shape[0]),
        left : min(left + side[1], grid.shape[1]),
    ]
    merged: Floats | None = None
    for layer in layers:
        holes = None if merged is None else np.isnan(merged)
        if holes is not None and not holes.any():
            break
        values = read_block(layer, block, sign)
        if values is None:
            continue
        if merged is None:
            merged = values
        else:
            np.copyto(merged, values, where=holes)
    return _nothing(block) if merged is None else merged


def read_block(layer: Layer, block: GeoBox, sign: Callable[[str], str]) -> Floats | None:
    """Return one file on ``block`` in canonical units, or None where it has no pixels.

    Raises
    ------
    UnavailableError, AccessError, IntegrityError
        As `reliefscope.sources._raster_io.read_header`: what could not be read is never a hole.
    """
    header = layer.header
    place = _places(block, header.crs, Affine(*header.transform))
    scale = _scale(place, block)
    if _window(place, scale, header.shape) is None:
        return None
    coarser = [i for i, factor in enumerate(header.overviews) if factor <= scale * 1.01]
    options = {"overview_level": coarser[-1]} if coarser else {}

    def work(url: str) -> Floats:
        with rasterio.open(url, sharing=False, **options) as raster:
            return _on_grid(raster, layer, block)

    values = attempt(layer.asset.href, work, sign=sign)
    asset = layer.asset
    if (asset.scale, asset.offset) != (1.0, 0.0):
        values *= np.float32(asset.scale)
        values += np.float32(asset.offset)
    return converter(layer.variable, layer.units)(values)


def _on_grid(raster: rasterio.DatasetReader, layer: Layer, block: GeoBox) -> Floats:
    """Return stored values on ``block``; NaN where the file has none."""
    shift = _shift(raster, layer, block)
    if shift is not None:
        return _cut_out(raster, layer, block, shift)
    place = _places(block, layer.header.crs, raster.transform)
    window = _window(place, _scale(place, block), raster.shape)
    out = _nothing(block)
    if window is None:
        return out
    if window.width * window.height > _MOST_PIXELS and max(block.shape) > _SMALLEST:
        for part in _parts(block.shape, [_half(side) for side in block.shape]):
            out[part] = _on_grid(raster, layer, block[part])
        return out
    stored = read_stored(raster, layer.asset, layer.header, window)
    for part in _parts(block.shape, [_TILE, _TILE]):
        _warp(stored, raster.window_transform(window), layer, block[part], out[part])
    return out


def _parts(shape: Sequence[int], sides: Sequence[int]) -> Iterator[tuple[slice, slice]]:
    for top in range(0, shape[0], sides[0]):
        for left in range(0, shape[1], sides[1]):
            bottom, right = min(top + sides[0], shape[0]), min(left + sides[1], shape[1])
            yield np.s_[top:bottom, left:right]


def _half(side: int) -> int:
    """Return about half of ``side``, in whole tiles where it has several."""
    unit = _TILE if side > _TILE else 1
    return math.ceil(side / 2 / unit) * unit


def _warp(stored: Floats, place: Affine, layer: Layer, block: GeoBox, out: Floats) -> None:
    """Bring ``stored`` values, which lie at ``place``, onto ``block``, into ``out``."""
    options: dict[str, object] = {"init_dest_nodata": False}
    if math.isnan(stored.min()):  # the same values, at half the speed
        options = {"src_nodata": np.nan, "dst_nodata": np.nan}
    if layer.resampling is Resampling.bilinear:
        # else GDAL widens the weights of blocks that lie turned in the file
        options |= {"XSCALE": 1, "YSCALE": 1}
    reproject(
        stored,
        out,
        src_transform=place,
        src_crs=layer.header.crs,
        dst_transform=block.affine,
        dst_crs=str(block.crs),
        resampling=layer.resampling,
        **options,
    )


def _shift(raster: rasterio.DatasetReader, layer: Layer, block: GeoBox) -> tuple[int, int] | None:
    """Return where ``block`` begins in the file (row, column), if their pixels coincide."""
    if block.crs != layer.header.crs:
        return None
    rows, columns = block.shape
    step = ~raster.transform * block.affine
    bend = max(
        abs(step.a - 1) * columns, abs(step.b) * rows, abs(step.d) * columns, abs(step.e - 1) * rows
    )
    off = max(abs(step.c - round(step.c)), abs(step.f - round(step.f)))
    picked = layer.resampling is Resampling.nearest
    if bend > _ALIGNED or (off > _ALIGNED and not picked):
        return None
    return round(step.f), round(step.c)


def _cut_out(
    raster: rasterio.DatasetReader, layer: Layer, block: GeoBox, shift: tuple[int, int]
) -> Floats:
    (top, left), (rows, columns) = shift, block.shape
    inside = [
        (max(first, 0), min(first + length, size))
        for first, length, size in ((top, rows, raster.height), (left, columns, raster.width))
    ]
    (y0, y1), (x0, x1) = inside
    if y0 >= y1 or x0 >= x1:
        return _nothing(block)
    window = Window(x0, y0, x1 - x0, y1 - y0)
    stored = read_stored(raster, layer.asset, layer.header, window)
    if stored.shape == block.shape:
        return stored
    out = _nothing(block)
    out[y0 - top : y1 - top, x0 - left : x1 - left] = stored
    return out


def _nothing(block: GeoBox) -> Floats:
    return np.full(block.shape, np.nan, "float32")


def _places(block: GeoBox, crs: str, transform: Affine) -> NDArray[np.float64]:
    """Return where a lattice over ``block`` lies in a file: (column and row, lattice y, x)."""
    rows, columns = block.shape
    across, down = np.linspace(0, columns, _LATTICE), np.linspace(0, rows, _LATTICE)
    column, row = np.meshgrid(across, down)
    a, b, c, d, e, f = tuple(block.affine)[:6]
    x, y = a * column + b * row + c, d * column + e * row + f
    if block.crs != crs:
        flat = transform_points(str(block.crs), crs, x.ravel(), y.ravel())
        x, y = (np.asarray(v, "float64").reshape(x.shape) for v in flat)
    a, b, c, d, e, f = tuple(~transform)[:6]
    return np.stack([a * x + b * y + c, d * x + e * y + f])


def _scale(place: NDArray[np.float64], block: GeoBox) -> float:
    """Return how many pixels of the file a pixel of ``block`` spans, along the finer side."""
    spans = []
    for axis, pixels in ((2, block.shape[1]), (1, block.shape[0])):
        with np.errstate(invalid="ignore"):
            step = np.hypot(*np.diff(place, axis=axis)) * (_LATTICE - 1) / pixels
        known = step[np.isfinite(step)]
        spans.append(float(np.median(known)) if known.size else 1.0)
    return min(spans)


def _window(place: NDArray[np.float64], scale: float, shape: tuple[int, int]) -> Window | None:
    """Return the part of a file that a block needs, or None."""
    column, row = (v[np.isfinite(v)] for v in place)
    if not column.size or not row.size:
        return None
    margin = math.ceil(_MARGIN * max(scale, 1.0))
    bounds = []
    for value, size in ((row, shape[0]), (column, shape[1])):
        first = max(math.floor(value.min()) - margin, 0)
        last = min(math.ceil(value.max()) + margin, size)
        if first >= last:
            return None
        bounds.append((first, last))
    (top, bottom), (left, right) = bounds
    return Window(left, top, right - left, bottom - top)
