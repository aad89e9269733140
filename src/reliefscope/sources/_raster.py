"""Rasters become cubes: opened before they are trusted, read lazily in place."""

import datetime as dt
import logging
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import odc.stac
import pystac
import rasterio
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.errors import CRSError, RasterioError, RasterioIOError
from rasterio.warp import transform_bounds

from reliefscope.errors import CubeError, IntegrityError, NothingFoundError, UnavailableError
from reliefscope.model.cube import describe
from reliefscope.model.granule import Asset, Granule, group_passes
from reliefscope.model.grid import pixel_size_m
from reliefscope.sources._units import CATEGORICAL, converter, stored_units

log = logging.getLogger(__name__)

CHUNK = 2048
"""Pixels a side of a lazy block: large enough that the graph stays small."""

_STATIC_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_HTTP_GONE = ("404", "403", "401", "410")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a raster says of itself."""

    dtype: str
    nodata: float | None
    units: str | None
    crs: str
    resolution: tuple[float, float]
    shape: tuple[int, int]
    bounds: tuple[float, float, float, float]
    """In the raster's own CRS."""
    tags: Mapping[str, str]


def read_header(href: str, band: int = 1) -> Header:
    """Open a raster and return its header.

    Raises
    ------
    UnavailableError
        The server or the network failed.
    IntegrityError
        The file is missing, or is not a raster.
    CubeError
        The raster has no CRS or no such band.
    """
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
        ):
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(href) as raster:
                return _header(raster, href, band)
    except CRSError as error:
        raise CubeError(f"{href} has an unreadable CRS: {error}") from error
    except RasterioIOError as error:
        raise _io_error(href, error) from error
    except RasterioError as error:
        raise IntegrityError(f"{href} cannot be read as a raster: {error}") from error


def _header(raster: rasterio.DatasetReader, href: str, band: int) -> Header:
    if raster.crs is None:
        raise CubeError(
            f"{href} has no CRS, so its place on earth is unknown; assign one "
            f"(for example with gdal_edit -a_srs EPSG:...) and try again"
        )
    if not 1 <= band <= raster.count:
        raise CubeError(f"{href} has {raster.count} band(s); band {band} was asked for")
    return Header(
        dtype=raster.dtypes[band - 1],
        nodata=raster.nodatavals[band - 1],
        units=raster.units[band - 1] or raster.tags(band).get("units"),
        crs=raster.crs.to_string(),
        resolution=(abs(raster.res[0]), abs(raster.res[1])),
        shape=(raster.height, raster.width),
        bounds=tuple(raster.bounds),
        tags=raster.tags(),
    )


def _io_error(href: str, error: Exception) -> UnavailableError | IntegrityError:
    text = str(error)
    remote = href.startswith(("http", "s3:", "/vsi"))
    if remote and not any(code in text for code in _HTTP_GONE) and "not recognized" not in text:
        return UnavailableError(f"{href} could not be read: {text}; try again later")
    return IntegrityError(f"{href} is missing or is not a raster: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One file of one granule, checked and ready to read."""

    variable: str
    href: str
    asset: Asset
    header: Header
    units: str


def load_granules(
    granules: Sequence[Granule],
    grid: GeoBox,
    variables: Collection[str],
    *,
    sign: Callable[[str], str] = str,
) -> xr.Dataset:
    """Return ``variables`` of ``granules`` on ``grid``, lazy, in canonical units.

    Parameters
    ----------
    granules : sequence of Granule
        Any order; those of one pass are mosaicked, the first valid pixel wins.
    grid : GeoBox
        Target pixels.
    variables : collection of str
        Canonical names; those that no granule has are left out.
    sign : callable
        Turns an href into one that may be read now; the signed form is never kept.

    Returns
    -------
    Dataset, (time, y, x), or (y, x) for static layers
        Not observed is NaN.

    Raises
    ------
    NothingFoundError
        No granule has any of the variables.
    CubeError, IntegrityError, UnavailableError
        A file breaks the contract, is not a raster, or cannot be reached.
    """
    passes = group_passes(granules)
    names = [v for v in variables if any(v in g.assets for g in granules)]
    if not names:
        found = sorted({v for g in granules for v in g.assets})
        raise NothingFoundError(
            f"{len(granules)} granule(s) hold {found}, none of {sorted(variables)}"
        )
    arrays = {name: _mosaics(name, passes, grid, sign) for name in names}
    cube = xr.Dataset(arrays)
    if granules[0].acquired is None:
        return cube.isel(time=0, drop=True)
    return cube


def _layer(variable: str, asset: Asset, sign: Callable[[str], str]) -> _Layer:
    header = read_header(sign(asset.href), asset.band)
    return _Layer(
        variable=variable,
        href=sign(asset.href),
        asset=asset,
        header=header,
        units=stored_units(variable, asset.units or header.units),
    )


def _mosaics(
    name: str,
    passes: Sequence[Sequence[Granule]],
    grid: GeoBox,
    sign: Callable[[str], str],
) -> xr.DataArray:
    slices = []
    for group in passes:
        assets = [g.assets[name] for g in group if name in g.assets]
        parts = [_read(_layer(name, asset, sign), grid) for asset in assets] or [_nothing(grid)]
        merged = parts[0]
        for part in parts[1:]:
            merged = merged.where(merged.notnull(), part)
        moment = group[0].acquired or _STATIC_TIME
        stamp = np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None), "ns")
        slices.append(merged.expand_dims(time=[stamp]))
    return describe(name, xr.concat(slices, dim="time"))


def _nothing(grid: GeoBox) -> xr.DataArray:
    empty = odc.geo.xr.xr_zeros(grid, dtype="float32", chunks=(CHUNK, CHUNK))
    return xr.full_like(empty, np.nan)


def _read(layer: _Layer, grid: GeoBox) -> xr.DataArray:
    """Read one file onto ``grid``, converted to canonical units."""
    nodata = layer.asset.nodata if layer.asset.nodata is not None else layer.header.nodata
    # odc-stac names the bands of a file with several "asset.1", "asset.2", ...
    band = f"{layer.variable}.{layer.asset.band}" if layer.asset.band > 1 else layer.variable
    loaded = odc.stac.load(
        [_as_item(layer, nodata)],
        bands=[band],
        geobox=grid,
        chunks={"y": CHUNK, "x": CHUNK},
        resampling=_resampling(layer, grid),
        groupby="id",
    )[band].isel(time=0, drop=True)
    raw = loaded.astype("float32")
    if nodata is not None and np.isfinite(nodata):
        raw = raw.where(loaded != np.asarray(nodata, dtype=loaded.dtype))
    scaled = raw * np.float32(layer.asset.scale) + np.float32(layer.asset.offset)
    if (layer.asset.scale, layer.asset.offset) == (1.0, 0.0):
        scaled = raw
    function = converter(layer.variable, layer.units)
    converted: xr.DataArray = xr.apply_ufunc(
        function, scaled, dask="parallelized", output_dtypes=["float32"]
    )
    return converted


def _as_item(layer: _Layer, nodata: float | None) -> pystac.Item:
    """Describe one file so that the reader needs no second look at it."""
    footprint = shapely.box(
        *transform_bounds(layer.header.crs, "EPSG:4326", *layer.header.bounds, densify_pts=21)
    )
    band: dict[str, object] = {"data_type": layer.header.dtype}
    if nodata is not None:
        band["nodata"] = "nan" if np.isnan(nodata) else nodata
    item = pystac.Item(
        id="file",
        geometry=footprint.__geo_interface__,
        bbox=list(footprint.bounds),
        datetime=_STATIC_TIME,
        properties={},
        stac_extensions=["https://stac-extensions.github.io/raster/v1.1.0/schema.json"],
    )
    bands: list[dict[str, object]] = [{"data_type": layer.header.dtype}] * (layer.asset.band - 1)
    item.add_asset(
        layer.variable,
        pystac.Asset(
            href=layer.href,
            media_type=pystac.MediaType.COG,
            roles=["data"],
            extra_fields={"raster:bands": [*bands, band]},
        ),
    )
    return item


def _resampling(layer: _Layer, grid: GeoBox) -> str:
    """Choose how to bring a file onto the grid without inventing values.

    Classes and decibels are picked, not averaged; power and heights are averaged when the grid
    is coarser and interpolated otherwise.
    """
    metres = 111_320.0 if rasterio.crs.CRS.from_string(layer.header.crs).is_geographic else 1.0
    coarser = pixel_size_m(grid)[0] > 1.5 * layer.header.resolution[1] * metres
    if layer.variable in CATEGORICAL:
        return "mode" if coarser else "nearest"
    if layer.units == "dB":
        return "nearest"
    return "average" if coarser else "bilinear"
