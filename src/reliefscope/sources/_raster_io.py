"""Opening one raster, near or far: settings, header, a glance at the pixels, errors in our words.

Three habits of GDAL 3.10 over HTTP, each seen with a failing server, shape the settings:

* With more than one decoding thread a range that fails is not asked again, and in an uncompressed
  file its blocks are delivered as zeros, without an error. One thread per read falls back to
  single blocks, asks again, and fails loudly. Several reads run at the same time instead.
* A file that failed once is remembered as missing for the life of the process. A second attempt
  therefore goes past that memory (``CPL_VSIL_CURL_NON_CACHED``).
* More than 10 MB of compressed blocks are fetched in several rounds, each as long as the network
  is slow; a larger buffer fetches a read in one.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from reliefscope.errors import (
    AccessError,
    CubeError,
    IntegrityError,
    SourceError,
    UnavailableError,
)
from reliefscope.model.granule import Asset

Floats = NDArray[np.float32]

ANY: Mapping[str, str] = MappingProxyType(
    {
        "GDAL_NUM_THREADS": "1",
        "GDAL_MAX_RAW_BLOCK_CACHE_SIZE": "64000000",
        "CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO",  # else a file appears beside each .gz
    }
)
"""How GDAL reads."""
REMOTE: Mapping[str, str] = MappingProxyType(
    {
        **ANY,
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
        "GDAL_HTTP_CONNECTTIMEOUT": "15",
        "GDAL_HTTP_LOW_SPEED_TIME": "30",
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        "GDAL_HTTP_MAX_RETRY": "3",
        "GDAL_HTTP_RETRY_DELAY": "0.5",
    }
)
"""How GDAL reads over a network: no listing of folders, no waiting for what has stalled."""

_AFRESH: Mapping[str, str] = MappingProxyType({"CPL_VSIL_CURL_NON_CACHED": "/vsicurl/:/vsis3/"})

SAMPLE = 512
"""Pixels a side of the glance, at most."""

_STATUS = re.compile(r"(?:HTTP response code|response_code)\D{0,3}(\d{3})")
_QUERY = re.compile(r"\?[^\s'\"]+")
_DENIED, _GONE = frozenset({401, 403, 407}), frozenset({404, 410})
_GARBLED = re.compile(r"(?i)not recognized as being in a|decod|decompress|Using code not yet")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a raster says of itself."""

    dtype: str
    nodata: float | None
    units: str | None
    crs: str
    resolution: tuple[float, float]
    """Along x and y, in units of the CRS."""
    shape: tuple[int, int]
    bounds: tuple[float, float, float, float]
    """In the raster's own CRS."""
    transform: tuple[float, float, float, float, float, float]
    """From (column, row) to (x, y)."""
    overviews: tuple[int, ...]
    """How many times coarser each is."""
    masked: bool
    """A mask of its own, instead of a nodata value, says what was observed."""
    tags: Mapping[str, str]


def is_remote(href: str) -> bool:
    """Return whether ``href`` is read over a network."""
    return href.startswith(("http://", "https://", "s3://", "/vsicurl", "/vsis3"))


def read_header(href: str, band: int = 1) -> Header:
    """Open a raster and return its header.

    Raises
    ------
    UnavailableError
        The server or the network failed.
    AccessError
        The server asks for credentials, or refuses them.
    IntegrityError
        The file is missing, or is not a raster.
    CubeError
        The raster has no CRS or no such band.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        header, _ = look(Asset(href=href, band=band), glance=False)
    return header


def look(
    asset: Asset, *, sign: Callable[[str], str] = str, glance: bool
) -> tuple[Header, Floats | None]:
    """Return the header and, with ``glance``, a sample of the stored values, (y, x).

    The sample is the coarsest overview, at most `SAMPLE` pixels a side, NaN where nothing was
    observed; of a file without overviews it is that many pixels in its middle.

    Raises
    ------
    UnavailableError, AccessError, IntegrityError, CubeError
        As `read_header`.
    """

    def open_and_look(url: str) -> tuple[Header, Floats | None]:
        with rasterio.open(url, sharing=False) as raster:
            header = _header(raster, asset)
            if not glance:
                return header, None
            if max(header.shape) <= SAMPLE or not header.overviews:
                return header, read_stored(raster, asset, header, _middle(raster.shape))
        coarsest = len(header.overviews) - 1
        with rasterio.open(url, sharing=False, overview_level=coarsest) as raster:
            return header, read_stored(raster, asset, header, _middle(raster.shape))

    return attempt(asset.href, open_and_look, sign=sign)


def read_stored(
    raster: rasterio.DatasetReader, asset: Asset, header: Header, window: Window
) -> Floats:
    """Return the stored values of ``window``, (y, x); NaN where nothing was observed.

    The catalogue's nodata value counts, or else the file's own.
    """
    pixels = raster.read(asset.band, window=window)
    values: Floats = pixels.astype("float32", copy=False)
    missing = _missing(pixels, header.nodata if asset.nodata is None else asset.nodata)
    if missing is not None:
        values[missing] = np.nan
    if header.masked:
        values[raster.read_masks(asset.band, window=window) == 0] = np.nan
    return values


def _missing(pixels: NDArray[Any], nodata: float | None) -> NDArray[np.bool_] | None:
    if nodata is None or math.isnan(nodata):
        return None
    if pixels.dtype.kind in "iu":
        span = np.iinfo(pixels.dtype)
        if not span.min <= nodata <= span.max or nodata != int(nodata):
            return None  # no pixel of this type can have that value
    with np.errstate(over="ignore"):
        missing: NDArray[np.bool_] = pixels == pixels.dtype.type(nodata)
    return missing


def attempt(href: str, work: Callable[[str], T], *, sign: Callable[[str], str] = str) -> T:
    """Return ``work`` done on ``href``, signed now; what failed over a network is tried twice.

    Raises
    ------
    UnavailableError, AccessError, IntegrityError
        As `read_header`; messages hold no query, which may be a signature.
    CubeError
        The raster's CRS cannot be read.
    """
    remote = is_remote(href)
    failure: SourceError | CubeError | None = None
    for memory in ({}, _AFRESH) if remote else ({},):
        try:
            with rasterio.Env(**(REMOTE if remote else ANY), **memory):
                return work(sign(href))
        except CRSError as error:
            failure = CubeError(f"{_shown(href)} has an unreadable CRS: {error}")
        except RasterioError as error:
            failure = _explain(href, error)
    assert failure is not None  # noqa: S101 - the loop runs at least once
    raise failure


def _header(raster: rasterio.DatasetReader, asset: Asset) -> Header:
    band, where = asset.band, _shown(asset.href)
    if raster.crs is None:
        raise CubeError(
            f"{where} has no CRS, so its place on earth is unknown; assign one "
            f"(for example with gdal_edit -a_srs EPSG:...) and try again"
        )
    if not 1 <= band <= raster.count:
        raise CubeError(f"{where} has {raster.count} band(s); band {band} was asked for")
    if raster.dtypes[band - 1].startswith("complex"):
        raise CubeError(f"{where} holds complex numbers; give it as power or amplitude")
    return Header(
        dtype=raster.dtypes[band - 1],
        nodata=raster.nodatavals[band - 1],
        units=raster.units[band - 1] or raster.tags(band).get("units"),
        crs=raster.crs.to_string(),
        resolution=(abs(raster.res[0]), abs(raster.res[1])),
        shape=(raster.height, raster.width),
        bounds=tuple(raster.bounds),
        transform=tuple(raster.transform)[:6],
        overviews=tuple(raster.overviews(band)),
        masked=raster.mask_flag_enums[band - 1] == [MaskFlags.per_dataset],
        tags=raster.tags(),
    )


def _middle(shape: tuple[int, int]) -> Window:
    rows, columns = (min(side, SAMPLE) for side in shape)
    return Window((shape[1] - columns) // 2, (shape[0] - rows) // 2, columns, rows)


def _explain(href: str, error: Exception) -> SourceError:
    text = _QUERY.sub("", _chain(error))
    status = int(found[1]) if (found := _STATUS.search(text)) else None
    if not is_remote(href):
        return IntegrityError(f"{href} is missing or is not a raster: {text}", href=href)
    if status in _DENIED:
        return AccessError(f"{_shown(href)} is refused: {text}; check the credentials")
    if status in _GONE or (status is None and _GARBLED.search(text)):
        said = f"{_shown(href)} is missing or is not a raster: {text}"
        return IntegrityError(said, href=href)
    return UnavailableError(f"{_shown(href)} could not be read: {text}; try again later")


def _chain(error: BaseException | None) -> str:
    """Return what was said, and what GDAL had said before it."""
    said: list[str] = []
    while error is not None:
        if (text := str(error)) not in said and not text.startswith("Read failed. See previous"):
            said.append(text)
        error = error.__cause__ or error.__context__
    return ": ".join(said)


def _shown(href: str) -> str:
    return href.partition("?")[0] if is_remote(href) else href
