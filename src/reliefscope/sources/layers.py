"""Population, admin units, places, roads and facilities from files, for exposure and maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import rasterio
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyogrio.errors import DataSourceError
from rasterio.errors import RasterioIOError, WindowError
from rasterio.warp import transform_bounds
from rasterio.windows import Window as PixelWindow
from rasterio.windows import from_bounds

from reliefscope.errors import CubeError, InputError, IntegrityError
from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.granule import EXERCISE_TAG
from reliefscope.sources._raster import read_header


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFiles:
    """Where the reference layers are; each may be absent."""

    population: Path | None = None
    """Raster of people per cell, for example WorldPop or GHSL."""
    population_source: str = ""
    """Name, vintage and licence, printed beside every figure."""
    admin: Path | None = None
    """Polygons."""
    admin_source: str = ""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Columns of ``admin`` that hold ``name``, ``pcode`` and ``level``, where named otherwise."""
    places: Path | None = None
    roads: Path | None = None
    facilities: Path | None = None


def read_context(where: ContextFiles, area: Area) -> Context:
    """Return the layers over ``area``.

    Raises
    ------
    InputError
        A file is missing, not readable, or lacks a column.
    CubeError
        The population raster has no CRS.
    """
    population, exercise = None, False
    if where.population is not None:
        population = read_population(where.population, area)
        exercise = read_header(str(where.population)).tags.get(EXERCISE_TAG) == "YES"
    return Context(
        population=population,
        population_source=where.population_source,
        admin=_admin(where, area),
        admin_source=where.admin_source,
        places=_vectors(where.places, area),
        roads=_vectors(where.roads, area),
        facilities=_vectors(where.facilities, area),
        exercise=exercise,
    )


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
    if not path.exists():
        raise InputError(f"population raster {path} does not exist")
    try:
        with rasterio.open(path) as raster:
            if raster.crs is None:
                raise CubeError(f"population raster {path} has no CRS; assign one and try again")
            window = _window(raster, area, path)
            counts = raster.read(1, window=window, masked=True).astype("float64").filled(np.nan)
            affine = raster.window_transform(window)
            crs = raster.crs.to_wkt()
    except RasterioIOError as error:
        raise IntegrityError(f"population raster {path} cannot be read: {error}") from error
    if np.nanmin(counts, initial=0) < 0:
        raise InputError(
            f"population raster {path} holds negative counts; declare its nodata value"
        )
    grid = GeoBox(counts.shape, affine, crs)
    return xr.DataArray(
        counts, dims=("y", "x"), coords=xr_coords(grid, dims=("y", "x")), attrs={"units": "1"}
    )


def _window(raster: rasterio.DatasetReader, area: Area, path: Path) -> PixelWindow:
    bounds = transform_bounds("EPSG:4326", raster.crs, *area.geometry.bounds, densify_pts=21)
    whole = PixelWindow(0, 0, raster.width, raster.height)
    try:
        exact = from_bounds(*bounds, transform=raster.transform)
        left, top = int(np.floor(exact.col_off)) - 1, int(np.floor(exact.row_off)) - 1
        right = int(np.ceil(exact.col_off + exact.width)) + 1
        bottom = int(np.ceil(exact.row_off + exact.height)) + 1
        return PixelWindow(left, top, right - left, bottom - top).intersection(whole)
    except WindowError as error:
        raise InputError(f"population raster {path} does not cover area {area.name!r}") from error


def _admin(where: ContextFiles, area: Area) -> gpd.GeoDataFrame | None:
    frame = _vectors(where.admin, area)
    if frame is None:
        return None
    frame = frame.rename(columns={theirs: ours for ours, theirs in where.fields.items()})
    missing = [c for c in ("name", "pcode") if c not in frame]
    if missing:
        raise InputError(
            f"{where.admin} lacks {missing}; it has {sorted(map(str, frame.columns))}. "
            f"Say which columns they are with fields = {{ name = '...', pcode = '...' }}"
        )
    return frame if "level" in frame else frame.assign(level=1)


def _vectors(path: Path | None, area: Area) -> gpd.GeoDataFrame | None:
    if path is None:
        return None
    if not path.exists():
        raise InputError(f"{path} does not exist")
    try:
        reader = gpd.read_parquet if path.suffix == ".parquet" else gpd.read_file
        frame = reader(path)
    except (DataSourceError, ValueError) as error:
        raise InputError(f"{path} cannot be read as vectors: {error}") from error
    if frame.crs is None:
        raise InputError(f"{path} has no CRS; save it with one (EPSG:4326 will do)")
    frame = frame.to_crs("EPSG:4326")
    return frame[shapely.intersects(frame.geometry.values, area.geometry)].reset_index(drop=True)
