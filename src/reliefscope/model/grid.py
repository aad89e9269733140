"""The pixels of a product: projection, snapping, tiling, true cell areas."""

import math
from collections.abc import Iterator

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from pyproj import CRS, Geod, Proj, Transformer

from reliefscope.errors import CubeError, InputError
from reliefscope.model.area import Area

_UTM_WIDTH_DEG = 6.0
_UTM_SOUTH, _UTM_NORTH = -80.0, 84.0
_FACTOR_STEP = 64


def projection_for(area: Area) -> CRS:
    """Return the projection in which ``area`` is mapped.

    WGS 84 / UTM where the area is not wider than one zone (6 degrees); UPS beyond 84 N and 80 S;
    otherwise a Lambert azimuthal equal-area projection centred on the area, so that wide areas
    keep true areas (Snyder 1987, USGS Professional Paper 1395).
    """
    lon, lat = area.centre
    _, south, _, north = area.bbox
    if south >= _UTM_NORTH or north <= _UTM_SOUTH:
        return CRS.from_epsg(32661 if lat > 0 else 32761)
    if area.width_deg <= _UTM_WIDTH_DEG and south >= _UTM_SOUTH and north <= _UTM_NORTH:
        zone = min(int((lon + 180) // _UTM_WIDTH_DEG) + 1, 60)
        return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)
    return CRS.from_proj4(
        f"+proj=laea +lat_0={round(lat, 1)} +lon_0={round(lon, 1)} +datum=WGS84 +units=m +type=crs"
    )


def grid_for(area: Area, resolution: float, *, crs: CRS | str | None = None) -> GeoBox:
    """Return the grid over ``area`` with edges on multiples of ``resolution``.

    Parameters
    ----------
    area : Area
        What must be covered.
    resolution : float
        Size of a pixel in units of the projection [m].
    crs : CRS or str, optional
        Projection; chosen by `projection_for` by default.

    Raises
    ------
    InputError
        The resolution is not positive, or coarser than the area.
    """
    if not (resolution > 0 and math.isfinite(resolution)):
        raise InputError(f"resolution is {resolution} m; it must be a positive number")
    target = CRS.from_user_input(crs) if crs is not None else projection_for(area)
    xmin, ymin, xmax, ymax = _projected_bounds(area, target)
    left, bottom = (math.floor(v / resolution + 1e-9) for v in (xmin, ymin))
    right, top = (math.ceil(v / resolution - 1e-9) for v in (xmax, ymax))
    if (right - left) < 2 or (top - bottom) < 2:  # noqa: PLR2004 - a map of one pixel is a slip
        raise InputError(
            f"area {area.name!r} is {xmax - xmin:.0f} x {ymax - ymin:.0f} m, smaller than two "
            f"pixels of {resolution:g} m; choose a finer resolution or a larger area"
        )
    return GeoBox.from_bbox(
        (left * resolution, bottom * resolution, right * resolution, top * resolution),
        crs=target.to_wkt() if target.to_epsg() is None else f"EPSG:{target.to_epsg()}",
        shape=(top - bottom, right - left),
    )


def tiles(grid: GeoBox, size: int = 10_980) -> Iterator[GeoBox]:
    """Yield the pieces of ``grid``, at most ``size`` pixels a side, row by row."""
    rows, columns = grid.shape
    for row in range(0, rows, size):
        for column in range(0, columns, size):
            yield grid[row : min(row + size, rows), column : min(column + size, columns)]


def ground_size_m(cube: xr.Dataset, what: str) -> tuple[float, float]:
    """Return the ground size of a cube's pixels along y and x [m].

    Parameters
    ----------
    cube : Dataset, (y, x) or (time, y, x)
        With a CRS.
    what : str
        What errors call it, for example "the after image".

    Raises
    ------
    CubeError
        It has no y and x, or no CRS: its pixels have no size on the ground.
    """
    if not {"y", "x"} <= set(cube.dims):
        raise CubeError(f"{what} has dimensions {dict(cube.sizes)}; it needs y and x")
    grid = cube.odc.geobox
    if grid is None or grid.crs is None:
        raise CubeError(
            f"{what} has no CRS, so its pixels have no size on the ground; assign the one it was "
            f"made in, for example cube.odc.assign_crs('EPSG:32633')"
        )
    return pixel_size_m(grid)


def pixel_size_m(grid: GeoBox) -> tuple[float, float]:
    """Return the ground size of the middle pixel along y and x [m]."""
    rows, columns = grid.shape
    crs = CRS.from_user_input(str(grid.crs))
    to_lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform
    x, y = _coordinates(grid, columns / 2 + np.array([0, 0, 1.0]), rows / 2 + np.array([0, 1.0, 0]))
    lon, lat = to_lonlat(x, y)
    geod = Geod(ellps="WGS84")
    dy = geod.inv(lon[0], lat[0], lon[1], lat[1])[2]
    dx = geod.inv(lon[0], lat[0], lon[2], lat[2])[2]
    return float(dy), float(dx)


def cell_area_m2(grid: GeoBox) -> NDArray[np.float32]:
    """Return the true area of each pixel on the ellipsoid.

    The areal scale of the projection is evaluated on a coarse lattice and interpolated; on
    geographic grids each row's area is exact on the ellipsoid (Snyder 1987).

    Parameters
    ----------
    grid : GeoBox
        Any projected or geographic grid, unrotated.

    Returns
    -------
    array, (y, x)
        Area [m2].
    """
    rows, columns = grid.shape
    crs = CRS.from_user_input(str(grid.crs))
    if crs.is_geographic:
        return np.repeat(_geographic_row_areas(grid)[:, None], columns, axis=1)
    r = np.unique(np.append(np.arange(0, rows, _FACTOR_STEP), max(rows - 1, 0)))
    c = np.unique(np.append(np.arange(0, columns, _FACTOR_STEP), max(columns - 1, 0)))
    cc, rr = np.meshgrid(c + 0.5, r + 0.5)
    x, y = _coordinates(grid, cc, rr)
    lon, lat = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    scale = np.asarray(Proj(crs).get_factors(lon, lat).areal_scale)
    nominal = abs(grid.affine.a * grid.affine.e)
    along = np.stack([np.interp(np.arange(columns), c, row) for row in nominal / scale])
    below = np.searchsorted(r, np.arange(rows), side="right") - 1
    above = np.minimum(below + 1, len(r) - 1)
    span = np.maximum(r[above] - r[below], 1)
    weight = ((np.arange(rows) - r[below]) / span)[:, None].astype("float32")
    lattice = along.astype("float32")
    area = np.empty((rows, columns), np.float32)
    for first in range(0, rows, _FACTOR_STEP):
        part = slice(first, first + _FACTOR_STEP)
        area[part] = lattice[below[part]] * (1 - weight[part]) + lattice[above[part]] * weight[part]
    return area


def _coordinates(
    grid: GeoBox, column: NDArray[np.float64], row: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Projected coordinates of fractional pixel positions of an unrotated grid."""
    a = grid.affine
    return a.c + a.a * column, a.f + a.e * row


def _geographic_row_areas(grid: GeoBox) -> NDArray[np.float32]:
    """Area of one cell per row on WGS 84, by the integral of the authalic function."""
    edges = np.deg2rad(grid.affine.f + grid.affine.e * np.arange(grid.shape[0] + 1))
    a, e2 = 6_378_137.0, 0.00669437999014
    e = math.sqrt(e2)
    s = np.sin(edges)
    q = s / (1 - e2 * s**2) + np.arctanh(e * s) / e
    width = math.radians(abs(grid.affine.a))
    return np.asarray(np.abs(np.diff(q)) * (1 - e2) * a**2 / 2 * width, dtype="float32")


def _projected_bounds(area: Area, crs: CRS) -> tuple[float, float, float, float]:
    """Bounds of the area in ``crs``, each part densified so that curved edges fit."""
    step = max(area.width_deg / 64, 1e-4)
    text = crs.to_wkt()
    parts = [
        Geometry(part.__geo_interface__, "EPSG:4326").segmented(step).to_crs(text).boundingbox
        for part in getattr(area.geometry, "geoms", [area.geometry])
    ]
    return (
        min(b.left for b in parts),
        min(b.bottom for b in parts),
        max(b.right for b in parts),
        max(b.top for b in parts),
    )
