"""A folder of rasters with their dates: partners' holdings, offline media, one's own scenes."""

import datetime as dt
import hashlib
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.warp import transform_bounds

from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Window
from reliefscope.model.granule import EXERCISE_TAG, Asset, Granule
from reliefscope.sources._raster import load_granules, read_header

log = logging.getLogger(__name__)

_RASTERS = frozenset({".tif", ".tiff", ".vrt", ".nc", ".img", ".jp2"})
_DATE = re.compile(r"(?<!\d)(20\d{2}|19\d{2})-?(\d{2})-?(\d{2})(?:T?(\d{2}):?(\d{2}):?(\d{2}))?")
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterFile:
    """One band of one file."""

    path: Path
    variable: str
    """Canonical name."""
    acquired: dt.datetime | None = None
    """None for static layers."""
    units: str | None = None
    """Units of the stored values, where the file does not say."""
    band: int = 1
    relative_orbit: int | None = None
    platform: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        """Refuse unknown variables and naive times."""
        if self.variable not in VARIABLES:
            raise InputError(
                f"{self.path.name}: unknown variable {self.variable!r}; "
                f"choose of {sorted(VARIABLES)}"
            )
        if self.acquired is not None and self.acquired.tzinfo is None:
            raise InputError(f"{self.path.name}: acquired needs a time zone; write it as UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSource:
    """Rasters on disk, listed one by one or found in a folder.

    Files in ``folder`` are read by their names: a variable (``vv``, ``vh``, ``elevation`` ...)
    as a word of its own, and a date ``YYYYMMDD`` or ``YYYYMMDDThhmmss`` where it is not static:
    ``20231007T104512_vv.tif``. Relative paths in ``files`` start at ``folder``.

    Raises
    ------
    InputError
        The folder is missing, or holds nothing recognisable, and no files are listed.
    """

    folder: Path = Path()
    files: tuple[RasterFile, ...] = ()
    units: Mapping[str, str] | None = None
    """Units of the stored values by variable, where files do not say."""
    licence: str = ""

    def __post_init__(self) -> None:
        """Find the files when none are listed."""
        found = tuple(self.files) or tuple(self._discover())
        if not found:
            raise InputError(
                f"no rasters found in {self.folder}; name them like 20231007T104512_vv.tif, "
                f"or list them under files"
            )
        object.__setattr__(self, "files", found)

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables of the files."""
        return frozenset(f.variable for f in self.files)

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return one granule per moment over ``area``, oldest first.

        Raises
        ------
        NothingFoundError
            A listed file does not exist.
        CubeError
            A file has no CRS.
        """
        moments: dict[tuple[dt.datetime | None, str], list[RasterFile]] = {}
        for file in self.files:
            fits = file.acquired in window if window and file.acquired else window is None
            if file.variable in variables and fits:
                place = file.path.stem if file.acquired is None else file.platform
                moments.setdefault((file.acquired, place), []).append(file)
        granules = (self._granule(group, area) for group in moments.values())
        found = [g for g in granules if shapely.intersects(g.footprint, area.geometry)]
        return sorted(found, key=lambda g: (str(g.acquired), g.id))

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units; see `Source`."""
        return load_granules(granules, grid, variables)

    def _granule(self, group: Sequence[RasterFile], area: Area) -> Granule:
        """Return what lies in some files; one whose header is broken may lie anywhere in ``area``.

        It is found out when it is loaded, as any damaged file is.
        """
        assets: dict[str, Asset] = {}
        footprints = []
        tags: dict[str, str] = {}
        for file in group:
            path = self.folder / file.path
            if not path.exists():
                raise NothingFoundError(f"{path} does not exist; check folder and files")
            try:
                header = read_header(str(path.resolve()), file.band)
            except IntegrityError as error:
                log.warning("%s", error)
            else:
                box = transform_bounds(header.crs, "EPSG:4326", *header.bounds, densify_pts=21)
                footprints.append(shapely.box(*box))
                tags.update(header.tags)
            assets[file.variable] = Asset(
                href=str(path.resolve()),
                units=file.units or (self.units or {}).get(file.variable),
                band=file.band,
                size=path.stat().st_size,
                checksum=_multihash(path),
            )
        first = group[0]
        return Granule(
            id="+".join(sorted({f.path.stem for f in group})),
            source="files",
            collection=self.folder.resolve().name,
            acquired=first.acquired,
            footprint=shapely.union_all(footprints) if footprints else area.geometry,
            assets=assets,
            platform=first.platform,
            relative_orbit=first.relative_orbit,
            licence=first.licence or self.licence,
            exercise=tags.get(EXERCISE_TAG) == "YES",
        )

    def _discover(self) -> list[RasterFile]:
        if not self.folder.is_dir():
            raise InputError(f"folder {self.folder} does not exist or is not a folder")
        return [
            RasterFile(
                path=path.relative_to(self.folder),
                variable=v,
                acquired=None if v in _STATIC else _date(path.stem),
                platform=_platform(path.stem),
            )
            for path in sorted(self.folder.rglob("*"))
            if path.suffix.lower() in _RASTERS and (v := _variable(path.stem))
        ]


_READY = (
    (re.compile(r"OPERA_L3_DSWX-.*_B01_WTR$"), "dswx_wtr"),
    (re.compile(r"OPERA_L3_DSWX-.*_B02_BWTR$"), "dswx_bwtr"),
    (re.compile(r"OPERA_L3_DSWX-.*_B03_CONF$"), "dswx_conf"),
    (re.compile(r"OPERA_L3_DIST-.*_VEG-DIST-STATUS$"), "dist_status"),
    (re.compile(r"OPERA_L2_RTC-S1_.*_VV$"), "vv"),
    (re.compile(r"OPERA_L2_RTC-S1_.*_VH$"), "vh"),
    (re.compile(r"(^|_)ENSEMBLE_FLOOD_\d{8}T\d{6}"), "gfm_flood"),
    (re.compile(r"(^|_)ENSEMBLE_OBSWATER_\d{8}T\d{6}"), "gfm_water"),
    (re.compile(r"(^|_)ENSEMBLE_EXCLAYER_\d{8}T\d{6}"), "gfm_exclusion"),
    (re.compile(r"(^|_)ENSEMBLE_(LIKELIHOOD|UNCERTAINTY)_\d{8}T\d{6}"), "gfm_likelihood"),
    (re.compile(r"(^|_)ADVFLAG_\d{8}T\d{6}"), "gfm_advisory"),
    (re.compile(r"(^|_)REFERENCE_WATER_"), "gfm_reference_water"),
    (re.compile(r"MCD64A1.*BURN_DATE"), "burn_date"),
)
"""Ready-made products by their own names: OPERA Product Specifications (JPL D-107395, D-108762,
D-108277, D-108758), GFM Product User Manual, MCD64A1 User's Guide."""
_STATIC = frozenset({"gfm_reference_water"})
"""Their names hold the years they were made from, not the day of an image."""
_YEAR_AND_DAY = re.compile(r"(?<!\d)(20\d{2}|19\d{2})_(\d{3})(?!\d)")
_PLATFORM = re.compile(r"_(S1[A-D]|S2[A-D]|L[89])_")


def _variable(stem: str) -> str | None:
    ready = next((v for pattern, v in _READY if pattern.search(stem.upper())), None)
    if ready is not None:
        return ready
    joined = "_" + _WORDS.sub("_", stem.lower()) + "_"
    fits = [name for name in VARIABLES if f"_{name}_" in joined]
    return max(fits, key=len) if fits else None


def _platform(stem: str) -> str:
    match = _PLATFORM.search(stem.upper())
    return match[1] if match else ""


def _date(stem: str) -> dt.datetime | None:
    match = _DATE.search(stem)
    if match is None:
        counted = _YEAR_AND_DAY.search(stem)
        first = dt.datetime(int(counted[1]), 1, 1, tzinfo=dt.UTC) if counted else None
        return None if not counted or not first else first + dt.timedelta(int(counted[2]) - 1)
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None


def _multihash(path: Path) -> str:
    with path.open("rb") as file:
        return "1220" + hashlib.file_digest(file, "sha256").hexdigest()
