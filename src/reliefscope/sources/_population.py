"""People per cell, on the grid of whoever counted them: counts are never resampled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rasterio.errors import RasterioIOError, WindowError
from rasterio.warp import transform_bounds
from rasterio.windows import Window as PixelWindow
from rasterio.windows import from_bounds

from reliefscope.errors import CubeError, InputError, IntegrityError, NothingFoundError
from reliefscope.model.area import Area

_ALIGNED = 0.05
"""Cells that two rasters of one lattice may be off each other."""
_TURN, _SEAM = 360.0, 0.01
"""Some lattices do not begin at 180 degrees west, but up to this much before it [degrees]."""


def read_population(path: Path, area: Area) -> xr.DataArray:
    """Return people per cell around ``area`` on the raster's own grid; nothing is resampled.

    Returns
    -------
    DataArray, (y, x)
        People per cell [1]; NaN where the raster states none.

    Raises
    ------
    InputError
        The file is missing or does not cover the area.
    CubeError
        The raster has no CRS.
    """
    parts = _parts(path, area)
    if not parts:
        raise InputError(f"population raster {path} does not cover area {area.name!r}")
    return _together([(path, part) for part in parts])


def _parts(path: Path, area: Area) -> list[xr.DataArray]:
    """Return what a raster has around ``area``: one part, or one on either side of 180 degrees.

    East of 180 degrees longitudes go on rising, so that the parts lie side by side.
    """
    if not path.exists():
        raise InputError(
            f"population raster {path} does not exist; give a file, or a service such as "
            f"'worldpop' or 'ghsl'"
        )
    try:
        with rasterio.open(path) as raster:
            if raster.crs is None:
                raise CubeError(f"population raster {path} has no CRS; assign one and try again")
            boxes = [(0.0, area.geometry.bounds)]
            if area.crosses_antimeridian and raster.crs.is_geographic:
                here, (west, south, east, north) = area.boxes
                boxes = [(0.0, here), (_TURN, (west - _SEAM, south, east, north))]
            found = [(_window(raster, box), shift) for shift, box in boxes]
            return [_read(raster, w, shift, path) for w, shift in found if w is not None]
    except RasterioIOError as error:
        raise IntegrityError(f"population raster {path} cannot be read: {error}") from error


def _read(
    raster: rasterio.DatasetReader, window: PixelWindow, shift: float, path: Path
) -> xr.DataArray:
    counts = raster.read(1, window=window, masked=True).astype("float64").filled(np.nan)
    if np.nanmin(counts, initial=0) < 0:
        raise InputError(
            f"population raster {path} holds negative counts; declare its nodata value"
        )
    affine = Affine.translation(shift, 0) * raster.window_transform(window)
    return _array(counts, GeoBox(counts.shape, affine, raster.crs.to_wkt()))


def _array(counts: NDArray[np.float64], grid: GeoBox) -> xr.DataArray:
    return xr.DataArray(
        counts, dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs={"units": "1"}
    )


def _window(
    raster: rasterio.DatasetReader, box: tuple[float, float, float, float]
) -> PixelWindow | None:
    """Return the cells around a box in degrees, or None if there are none."""
    bounds = transform_bounds("EPSG:4326", raster.crs, *box, densify_pts=21)
    whole = PixelWindow(0, 0, raster.width, raster.height)
    try:
        exact = from_bounds(*bounds, transform=raster.transform)
        left, top = int(np.floor(exact.col_off)) - 1, int(np.floor(exact.row_off)) - 1
        right = int(np.ceil(exact.col_off + exact.width)) + 1
        bottom = int(np.ceil(exact.row_off + exact.height)) + 1
        return PixelWindow(left, top, right - left, bottom - top).intersection(whole)
    except WindowError:
        return None


def mosaic_people(paths: Sequence[Path], area: Area) -> xr.DataArray:
    """Return people per cell around ``area`` from rasters of one lattice, such as countries.

    A cell on a border that two countries count parts of holds the sum of both.

    Returns
    -------
    DataArray, (y, x)
        People per cell [1]; NaN where none of the rasters states any.

    Raises
    ------
    NothingFoundError
        No raster covers any of the area.
    IntegrityError
        The rasters do not lie on one lattice.
    """
    found = [(path, part) for path in paths for part in _parts(path, area)]
    if not found:
        raise NothingFoundError(f"no population raster covers area {area.name!r}")
    return _together(found)


def _together(found: Sequence[tuple[Path, xr.DataArray]]) -> xr.DataArray:
    """Return parts of one lattice as one array; where several state people, their sum."""
    parts = [part for _, part in found]
    if len(parts) == 1:
        return parts[0]
    boxes = [part.odc.geobox for part in parts]
    first = boxes[0].affine
    places = [_place(box, first, path) for box, (path, _) in zip(boxes, found, strict=True)]
    top, left = (min(p[axis] for p in places) for axis in (0, 1))
    bottom = max(p[0] + box.shape[0] for p, box in zip(places, boxes, strict=True))
    right = max(p[1] + box.shape[1] for p, box in zip(places, boxes, strict=True))
    total = np.zeros((bottom - top, right - left))
    known = np.zeros(total.shape, bool)
    for part, (row, column) in zip(parts, places, strict=True):
        rows, columns = part.shape
        here = np.s_[row - top : row - top + rows, column - left : column - left + columns]
        stated = np.isfinite(part.to_numpy())
        total[here] += np.where(stated, part.to_numpy(), 0)
        known[here] |= stated
    grid = GeoBox(total.shape, first * Affine.translation(left, top), boxes[0].crs)
    return _array(np.where(known, total, np.nan), grid)


def _place(box: GeoBox, first: Affine, path: Path) -> tuple[int, int]:
    """Return row and column of a raster on the lattice of the first one."""
    step = ~first * box.affine
    row, column = round(step.f), round(step.c)
    size = max(box.shape)
    off = max(
        abs(step.c - column), abs(step.f - row), abs(step.a - 1) * size, abs(step.e - 1) * size
    )
    if off > _ALIGNED:
        raise IntegrityError(f"{path.name} does not lie on the lattice of its neighbours")
    return row, column
