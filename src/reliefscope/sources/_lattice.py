"""From cells between meridians and parallels to the pixels of a product, also across longitude 180.

GDAL warps what lies within -180 to 180. A part that crosses that line is given longitudes from a
meridian of its own, so that it is whole, and neither field nor grid needs to be cut in two.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import reproject
from rasterio.warp import transform as transform_points

from reliefscope.model.grid import pixel_size_m

Floats = NDArray[np.float32]

METRES_PER_DEGREE = 111_320.0

_TURN, _HALF = 360.0, 180.0
_LATTICE = 33
"""Points along each side of a block whose place on the globe is computed."""
_MARGIN = 3
"""Cells read around a block, for the reach of bilinear weights and the bend between points."""
_WHOLE_CIRCLE = 300.0
"""A block that spans more degrees of longitude than this is taken to go around the globe."""
_ALIGNED = 0.05
"""Cells that a grid may be off the field's own and still be read without resampling."""
_COARSER = 1.5
"""Pixels larger than so many cells get the mean of the cells, smaller ones a value between."""
_TOLERANCE = 0.01
"""Error allowed to the approximate transformation [cells]."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """The cells of a field, in rows from north to south."""

    west: float
    """Outer edge of the first column [degree]."""
    north: float
    """Outer edge of the first row [degree]."""
    width: float
    """Of a cell [degree]."""
    height: float
    rows: int
    columns: int

    @property
    def turn(self) -> int | None:
        """Columns that go once around the globe; None where the field does not."""
        around = round(_TURN / self.width)
        return around if self.columns >= around else None


class Cut(NamedTuple):
    """The part of a field that a block needs."""

    rows: slice
    columns: tuple[slice, ...]
    """West to east; two where the part crosses the edge of the field."""
    transform: Affine
    """From (column, row) of the part to longitude less ``meridian``, and latitude."""
    meridian: float
    """0, or the middle of a part that crosses longitude 180."""


def cut_out(lattice: Lattice, block: GeoBox) -> Cut | None:
    """Return the part of a field that ``block`` needs, or None where it has none.

    Longitudes of field and block may run from -180 to 180, from 0 to 360, or on across 180.
    """
    spans = _spans(block)
    if spans is None:
        return None
    (lon0, lon1), (lat0, lat1) = spans
    top = max(math.floor((lattice.north - lat1) / lattice.height) - _MARGIN, 0)
    end = min(math.ceil((lattice.north - lat0) / lattice.height) + _MARGIN, lattice.rows)
    first = math.floor((lon0 - lattice.west) / lattice.width) - _MARGIN
    last = math.ceil((lon1 - lattice.west) / lattice.width) + _MARGIN
    columns, west = _columns(lattice, first, last)
    count = sum(c.stop - c.start for c in columns)
    if top >= end or not count:
        return None
    east = west + count * lattice.width
    across = west < -_HALF - 1e-6 or east > _HALF + 1e-6
    meridian = float(round((west + east) / 2)) if across else 0.0
    return Cut(
        rows=slice(top, end),
        columns=columns,
        transform=Affine(
            lattice.width,
            0.0,
            west - meridian,
            0.0,
            -lattice.height,
            lattice.north - top * lattice.height,
        ),
        meridian=meridian,
    )


def _columns(lattice: Lattice, first: int, last: int) -> tuple[tuple[slice, ...], float]:
    """Return the columns from ``first`` to ``last``, on around the globe, and where they begin."""
    turn = lattice.turn
    if turn is not None:
        last = min(last, first + turn + 2 * _MARGIN)  # all, and the neighbours across the edge
        parts = [
            slice(max(first, low) - low, min(last, low + turn) - low)
            for low in range(first // turn * turn, last, turn)
        ]
        return tuple(p for p in parts if p.stop > p.start), lattice.west + first * lattice.width
    overlaps = []
    for turns in (-1, 0, 1):
        shift = round(turns * _TURN / lattice.width)
        inside = slice(max(first + shift, 0), min(last + shift, lattice.columns))
        overlaps.append((inside.stop - inside.start, turns, inside))
    length, turns, inside = max(overlaps, key=lambda o: (o[0], -abs(o[1])))
    if length <= 0:
        return (), lattice.west
    return (inside,), lattice.west + inside.start * lattice.width - turns * _TURN


def _spans(block: GeoBox) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Return the longitudes and latitudes of a block; None where it lies off the globe."""
    rows, columns = block.shape
    points = np.meshgrid(np.linspace(0, columns, _LATTICE), np.linspace(0, rows, _LATTICE))
    column, row = (np.ravel(v) for v in points)
    a = block.affine
    lon, lat = a.c + a.a * column + a.b * row, a.f + a.d * column + a.e * row
    if not _is_lonlat(block):
        flat = transform_points(str(block.crs), "EPSG:4326", lon, lat)
        lon, lat = (np.asarray(v, "float64") for v in flat)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        return None
    lon, lat = lon[known], lat[known]
    middle = lon[len(lon) // 2]
    lon = middle + (lon - middle + _HALF) % _TURN - _HALF
    if np.ptp(lon) > _WHOLE_CIRCLE:  # around the globe, and perhaps around a pole
        return (float(middle) - _HALF, float(middle) + _HALF), (-90.0, 90.0)
    return (float(lon.min()), float(lon.max())), (float(lat.min()), float(lat.max()))


def _is_lonlat(block: GeoBox) -> bool:
    return bool(block.crs == "EPSG:4326")


def place(values: Floats, cut: Cut, lattice: Lattice, block: GeoBox) -> Floats:
    """Return the cells of a part on the pixels of a block.

    Pixels larger than cells get the mean of what was observed in them; smaller ones a value
    between the cells, and only where the cell they lie in was observed.

    Parameters
    ----------
    values : array, (time, row, column)
        Cells of the part; NaN where nothing was observed.
    cut : Cut
        Where the part lies.
    lattice : Lattice
        The field.
    block : GeoBox
        Target pixels.

    Returns
    -------
    array, (time, y, x)
        NaN where nothing was observed.
    """
    shift = _shift(cut, block)
    if shift is not None:
        return _copied(values, shift, block)
    coarser = pixel_size_m(block)[0] > _COARSER * lattice.height * METRES_PER_DEGREE
    out = _warped(values, cut, block, Resampling.average if coarser else Resampling.bilinear)
    if not coarser and np.isnan(values).any():
        nearest = _warped(values, cut, block, Resampling.nearest)
        out[np.isnan(nearest)] = np.nan
    return out


def _shift(cut: Cut, block: GeoBox) -> tuple[int, int] | None:
    """Return where ``block`` begins in the part (row, column), if pixels and cells coincide."""
    if not _is_lonlat(block):
        return None
    rows, columns = block.shape
    step = ~cut.transform * Affine.translation(-cut.meridian, 0) * block.affine
    bend = max(
        abs(step.a - 1) * columns, abs(step.b) * rows, abs(step.d) * columns, abs(step.e - 1) * rows
    )
    off = max(abs(step.c - round(step.c)), abs(step.f - round(step.f)))
    return None if max(bend, off) > _ALIGNED else (round(step.f), round(step.c))


def _copied(values: Floats, shift: tuple[int, int], block: GeoBox) -> Floats:
    out = nothing(len(values), block)
    here, there = [], []
    for first, length, size in zip(shift, block.shape, values.shape[1:], strict=True):
        begin, end = max(first, 0), min(first + length, size)
        here.append(slice(begin - first, end - first))
        there.append(slice(begin, end))
    if all(s.stop > s.start for s in there):
        out[:, here[0], here[1]] = values[:, there[0], there[1]]
    return out


def _warped(values: Floats, cut: Cut, block: GeoBox, resampling: Resampling) -> Floats:
    # longitudes of a meridian of its own: the part is whole, wherever it lies
    degrees = f"+proj=longlat +datum=WGS84 +pm={cut.meridian} +no_defs"
    out = nothing(len(values), block)
    for attempt in range(_ATTEMPTS):
        try:
            reproject(
                values,
                out,
                src_transform=cut.transform,
                src_crs=CRS.from_proj4(degrees) if cut.meridian else CRS.from_epsg(4326),
                src_nodata=np.nan,
                dst_transform=block.affine,
                dst_crs=str(block.crs),
                dst_nodata=np.nan,
                resampling=resampling,
                tolerance=_TOLERANCE,
                UNIFIED_SRC_NODATA="NO",  # what one step lacks another may have
            )
        except NotGeoreferencedWarning:
            # rasterio hides this one, of its own buffers, but not from threads that do so too
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            break
    return out


def nothing(count: int, block: GeoBox) -> Floats:
    """Return (time, y, x) where nothing was observed."""
    return np.full((count, *block.shape), np.nan, "float32")
