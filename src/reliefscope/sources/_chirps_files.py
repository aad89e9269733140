"""Files of CHIRPS: where they are, what their names say, and how one is read.

The folders are those of https://data.chc.ucsb.edu/products as public programs use them. Not
confirmed by any: preliminary dekads of version 3.0, named as its preliminary months are.
"""

import datetime as dt
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.windows import Window

from reliefscope.errors import CubeError, IntegrityError, SourceError
from reliefscope.model.granule import Asset
from reliefscope.sources._fields import Step
from reliefscope.sources._lattice import Floats, Lattice, cut_out, place
from reliefscope.sources._raster_io import Header, attempt, look, read_stored

MAX_UNPACKED = 1_000_000_000
"""A packed raster that is larger than this when unpacked is refused; real ones have 70 MB."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FILE = re.compile(
    r"(?<!\d)(?P<year>\d{4})\.(?P<month>\d{2})(\.(?P<rest>\d{1,2}))?\.(tiff?|cog)(\.gz)?$",
    re.IGNORECASE,
)
_TIDY = {"CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO"}
"""GDAL leaves no notes beside packed files."""
_BY_DIGITS = (Step.MONTH, Step.DEKAD, Step.DAY)
"""Steps by the digits that follow the month in a file name."""
LIMIT = {"2.0": 50.0, "3.0": 60.0}
"""Latitude to which a version reaches, north and south."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Files of one kind, named after the start of their step."""

    folder: str
    name: str
    preliminary: bool = False

    def place(self, start: dt.datetime) -> tuple[str, str]:
        """Return folder and name of the file of one step."""
        dekad = min((start.day - 1) // 10 + 1, 3)
        return self.folder.format(t=start), self.name.format(t=start, dekad=dekad)


_V2, _V3 = "CHIRPS-2.0", "CHIRPS/v3.0"
_MONTH, _DEKAD, _DAY = "{t:%Y.%m}", "{t:%Y.%m}.{dekad}", "{t:%Y.%m.%d}"

SERIES: Mapping[tuple[str, Step, str], tuple[Series, ...]] = {
    ("2.0", Step.MONTH, ""): (
        Series(folder=f"{_V2}/global_monthly/cogs", name=f"chirps-v2.0.{_MONTH}.cog"),
        Series(folder=f"{_V2}/global_monthly/tifs", name=f"chirps-v2.0.{_MONTH}.tif.gz"),
        Series(
            folder=f"{_V2}/prelim/global_monthly/tifs",
            name=f"chirps-v2.0.{_MONTH}.tif",
            preliminary=True,
        ),
    ),
    ("2.0", Step.DEKAD, ""): (
        Series(folder=f"{_V2}/global_dekad/tifs", name=f"chirps-v2.0.{_DEKAD}.tif.gz"),
        Series(
            folder=f"{_V2}/prelim/global_dekad/tifs",
            name=f"chirps-v2.0.{_DEKAD}.tif",
            preliminary=True,
        ),
    ),
    ("2.0", Step.DAY, ""): (
        Series(folder=f"{_V2}/global_daily/cogs/p05/{{t:%Y}}", name=f"chirps-v2.0.{_DAY}.cog"),
        Series(folder=f"{_V2}/global_daily/tifs/p05/{{t:%Y}}", name=f"chirps-v2.0.{_DAY}.tif.gz"),
        # of these both packed and plain files have been seen
        *(
            Series(
                folder=f"{_V2}/prelim/global_daily/tifs/p05/{{t:%Y}}",
                name=f"chirps-v2.0.{_DAY}.{suffix}",
                preliminary=True,
            )
            for suffix in ("tif", "tif.gz")
        ),
    ),
    ("3.0", Step.MONTH, ""): (
        Series(folder=f"{_V3}/monthly/global/cogs", name=f"chirps-v3.0.{_MONTH}.cog"),
        Series(folder=f"{_V3}/monthly/global/tifs", name=f"chirps-v3.0.{_MONTH}.tif"),
        Series(
            folder=f"{_V3}/prelim/monthly/global/tifs",
            name=f"chirps-v3.0.{_MONTH}.tif",
            preliminary=True,
        ),
    ),
    ("3.0", Step.DEKAD, ""): (
        Series(folder=f"{_V3}/dekads/global/tifs", name=f"chirps-v3.0.{_DEKAD}.tif"),
        Series(
            folder=f"{_V3}/prelim/dekads/global/tifs",
            name=f"chirps-v3.0.{_DEKAD}.tif",
            preliminary=True,
        ),
    ),
    # days are shares of five days: by IMERG ("sat", also preliminary) or by ERA5 ("rnl")
    ("3.0", Step.DAY, "sat"): (
        Series(folder=f"{_V3}/daily/final/sat/{{t:%Y}}", name=f"chirps-v3.0.sat.{_DAY}.tif"),
        Series(
            folder=f"{_V3}/daily/prelim/sat/{{t:%Y}}",
            name=f"chirps-v3.0.prelim.{_DAY}.tif",
            preliminary=True,
        ),
    ),
    ("3.0", Step.DAY, "rnl"): (
        Series(folder=f"{_V3}/daily/final/rnl/{{t:%Y}}", name=f"chirps-v3.0.rnl.{_DAY}.tif"),
    ),
}
"""Where the files are, the best first."""


def check_packed(path: Path, *, cap: int = MAX_UNPACKED) -> None:
    """Raise unless a file is one whole gzip stream with a TIFF in it.

    Raises
    ------
    IntegrityError
        It is something else, cut off, damaged, or has more than ``cap`` bytes when unpacked.
    """
    size = 0
    try:
        with gzip.open(path) as stream:
            if not stream.read(4).startswith(_TIFF):
                raise IntegrityError(f"{path.name} holds no GeoTIFF; it is not kept")
            while block := stream.read(1 << 20):
                size += len(block)
                if size > cap:
                    raise IntegrityError(
                        f"{path.name} unpacks to more than {cap:,} bytes; it is not kept"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise IntegrityError(
            f"{path.name} is not a whole gzip file ({type(error).__name__}): it was cut off, or "
            f"a page was sent in its place; it is not kept"
        ) from error


def readable(path: Path) -> str:
    """Return what GDAL calls a file: packed ones are unpacked as they are read."""
    return f"/vsigzip/{path.resolve()}" if path.suffix.lower() == ".gz" else str(path.resolve())


def start_of(name: str, step: Step) -> dt.datetime | None:
    """Return the start of the step that a file name states; None if it states another kind."""
    match = _FILE.search(name)
    rest = "" if match is None else match["rest"] or ""
    if match is None or _BY_DIGITS[len(rest)] is not step:
        return None
    day = {0: 1, 1: 10 * int(rest or 1) - 9, 2: int(rest or 1)}[len(rest)]
    try:
        return dt.datetime(int(match["year"]), int(match["month"]), day, tzinfo=dt.UTC)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rain:
    """Reads one raster."""

    asset: Asset
    header: Header
    lattice: Lattice

    def __call__(self, block: GeoBox, chosen: slice) -> Floats | None:
        """Return (1, y, x) in mm; None where the file does not reach."""
        del chosen  # there is one step
        cut = cut_out(self.lattice, block)
        if cut is None:
            return None

        def work(url: str) -> Floats:
            with rasterio.open(url, sharing=False) as raster:
                cells = (raster.height, raster.width), tuple(raster.transform)[:6]
                if cells != (self.header.shape, self.header.transform):
                    raise IntegrityError(f"{self.asset.href} has other cells than the first file")
                parts = [
                    read_stored(raster, self.asset, self.header, Window.from_slices(cut.rows, c))
                    for c in cut.columns
                ]
            return np.concatenate(parts, axis=1)

        with rasterio.Env(**_TIDY):
            rain = attempt(self.asset.href, work)
        rain[rain < 0] = np.nan  # whatever the file calls "no data": rain is not negative
        return place(rain[None], cut, self.lattice, block)


def header_of(asset: Asset) -> Header:
    """Return what a raster says of itself; see `open_rain`."""
    with rasterio.Env(**_TIDY):
        return look(asset, glance=False)[0]


def open_rain(asset: Asset, label: str) -> Rain:
    """Open a raster before it is trusted, and return what reads it.

    Raises
    ------
    IntegrityError, AccessError, UnavailableError
        It is missing, damaged, refused, or cannot be reached.
    CubeError
        It is not in rows and columns of latitude and longitude.
    """
    try:
        header = header_of(asset)
    except SourceError as error:
        raise type(error)(f"{label}: {error}") from error
    width, shear, west, skew, height, north = header.transform
    if not CRS.from_string(header.crs).is_geographic or shear or skew or width <= 0 or height >= 0:
        raise CubeError(
            f"{label} is in {header.crs}, not in rows and columns of latitude and longitude as "
            f"CHIRPS is; use the source 'files' for it"
        )
    rows, columns = header.shape
    lattice = Lattice(
        west=west, north=north, width=width, height=-height, rows=rows, columns=columns
    )
    return Rain(asset=asset, header=header, lattice=lattice)
