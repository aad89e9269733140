"""CHIRPS: rain over land since 1981, by satellites and gauges, from the Climate Hazards Center.

Versions 2.0 (50 S to 50 N; Funk et al. 2015, https://doi.org/10.1038/sdata.2015.66) and 3.0
(60 S to 60 N; https://doi.org/10.15780/G2JQ0P), 0.05 degrees, totals in mm. Final fields appear in
the third week of the next month; preliminary ones, from fewer gauges, within days. Nothing is
observed over the sea. Where the service lists its folders, a search asks for one list per folder;
where it does not, for the oldest step and by halves for the newest.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import AccessError, InputError, IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._chirps_files import (
    LIMIT,
    SERIES,
    Rain,
    Series,
    check_packed,
    header_of,
    open_rain,
    readable,
    start_of,
)
from reliefscope.sources._fields import (
    Piece,
    Statistic,
    Step,
    fetch_steps,
    field_cube,
    in_order,
    say_what_is_out,
    steps_in,
)
from reliefscope.sources._lattice import METRES_PER_DEGREE, Floats
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Content, Expected, Progress, unseen

URL = "https://data.chc.ucsb.edu/products"

ACCESS = Access(
    service="CHIRPS (Climate Hazards Center)",
    how="nothing is needed",
    probe=f"{URL}/CHIRPS-2.0/README-CHIRPS.txt",
)

RAIN = "precipitation"
NODATA = -9999.0
CELL = 0.05
"""Degrees."""
_MAX_LISTING = 5_000_000
_LINK = re.compile(r'href="([A-Za-z0-9._-]+)"')
_OPENERS = 16
_FIRST_YEAR = 1981
_SUFFIX = re.compile(r"\.(tiff?|cog)(\.gz)?$", re.IGNORECASE)
_LICENCE = "public domain; cite the Climate Hazards Center, UC Santa Barbara"


@dataclass(frozen=True, kw_only=True)
class ChirpsSource:
    """Rain from the service, from a mirror, or from a folder.

    Final files are Cloud-Optimized GeoTIFFs: of these, only the blocks that are needed are read
    where they lie. What was kept before (see `keep`) is read from the cache, and packed files are
    always fetched whole, with preliminary fields where final ones are not out yet.

    Raises
    ------
    InputError
        The version, step or split of days is unknown, or the folder does not exist.
    """

    version: str = "2.0"
    """``2.0`` or ``3.0``. Their records differ: never mix them."""
    step: Step = Step.MONTH
    """``month``, ``dekad`` or ``day``."""
    days_by: str = "sat"
    """How version 3.0 splits five days into days: ``sat`` (by IMERG, also preliminary) or ``rnl``
    (by ERA5, final only)."""
    preliminary: bool = True
    """Whether preliminary fields stand in until the final ones are out."""
    in_place: bool = True
    """Read only the blocks that are needed, where files allow it; otherwise fetch whole files."""
    folder: Path | None = None
    """Files under their own names (``...1981.01.tif``, ``.tif.gz``), instead of the service."""
    url: str = URL
    transport: Transport = field(default_factory=Transport, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if (self.version, self.step, self._flavour) not in SERIES:
            known = sorted({f"{v} by {s}" for v, s, _ in SERIES})
            raise InputError(
                f"there is no CHIRPS {self.version} by {self.step} {self._flavour}; choose of "
                f"{known}, days of 3.0 by 'sat' or 'rnl'"
            )
        if self.folder is not None and not self.folder.is_dir():
            raise InputError(f"folder {self.folder} does not exist or is not a folder")
        if self.folder is None and urlsplit(self.url).scheme not in {"http", "https"}:
            raise InputError(f"url {self.url!r} must begin with https:// or http://")

    @property
    def provides(self) -> frozenset[str]:
        """Rain, and nothing else."""
        return frozenset({RAIN})

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the fields over ``area`` that begin within ``window``, oldest first.

        Steps that are not out yet are left out; the log says which is the latest.

        Raises
        ------
        InputError
            The window has too many steps.
        AccessError, IntegrityError, UnavailableError
            The service or the network failed.
        """
        if window is None or RAIN not in variables:
            return []
        if self.folder is not None:
            return self._in_folder(area, window)
        limit = LIMIT[self.version]
        reach = shapely.box(-180, -limit, 180, limit)
        starts = [t for t in steps_in(window, self.step) if t.year >= _FIRST_YEAR]
        if not starts or not shapely.intersects(reach, area.geometry):
            return []
        found: dict[dt.datetime, Granule] = {}
        for series in SERIES[self.version, self.step, self._flavour]:
            missing = [t for t in starts if t not in found]
            if missing and (self.preliminary or not series.preliminary):
                hrefs = self._published(series, missing)
                found |= {t: self._granule(t, h, series, reach) for t, h in hrefs.items()}
        say_what_is_out(f"CHIRPS {self.version}", list(found), starts, self.step)
        return [found[t] for t in sorted(found)]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube of ``precipitation`` [mm], (time, y, x): totals over each step.

        Packed files are fetched now, and the headers of those read in place; pixels when they are
        computed.

        Raises
        ------
        NothingFoundError
            There are no granules, or a file has gone.
        AccessError, IntegrityError, UnavailableError, CubeError
            A file is refused, damaged, cannot be reached, or is not on cells of latitude and
            longitude: the message names it.
        """
        if not granules or RAIN not in variables:
            raise NothingFoundError(
                f"CHIRPS has {RAIN} alone, and {len(granules)} granules were given"
            )
        ordered = in_order(granules)
        whole = [g for g in ordered if not self._readable_in_place(g)]
        paths = dict(zip((g.id for g in whole), fetch_steps(whole, self._fetch), strict=True))
        readers = self._readers(ordered, paths)
        pieces = [
            Piece(starts=(g.acquired,), label=g.id, read=reader)
            for g, reader in zip(ordered, readers, strict=True)
            if g.acquired is not None
        ]
        rain = field_cube(RAIN, pieces, grid, step=self.step, statistic=Statistic.TOTAL)
        return xr.Dataset({RAIN: rain})

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress = unseen
    ) -> Sequence[Path]:
        """Fetch every file whole, so that `load` needs no network; return where they are.

        Raises
        ------
        SourceError
            As `load`.
        """
        del variables
        return fetch_steps(granules, lambda granule: self._fetch(granule, progress))

    def _readers(
        self, granules: Sequence[Granule], paths: Mapping[str, Path]
    ) -> list[Callable[[GeoBox, slice], Floats | None]]:
        """Open what is read in place, and of the files here the first: they have been verified."""
        local = {name: Asset(href=readable(path)) for name, path in paths.items()}
        away = {g.id: g.assets[RAIN].href for g in granules if g.id not in paths}
        found: dict[str, Rain] = {}
        for name, asset in list(local.items())[:1]:
            first = open_rain(asset, name)
            found = {other: replace(first, asset=a) for other, a in local.items()}
        with ThreadPoolExecutor(_OPENERS) as pool:
            opened = pool.map(lambda name: open_rain(Asset(href=away[name]), name), away)
            found |= dict(zip(away, opened, strict=True))
        return [found[g.id] for g in granules]

    @property
    def _flavour(self) -> str:
        return self.days_by if (self.version, self.step) == ("3.0", Step.DAY) else ""

    @cached_property
    def _wire(self) -> Transport:
        return self.transport.at(self.url)

    def _granule(
        self, start: dt.datetime, href: str, series: Series, reach: BaseGeometry
    ) -> Granule:
        stage = "preliminary" if series.preliminary else "final"
        return Granule(
            id=f"{_SUFFIX.sub('', href.rsplit('/', 1)[-1])}-{stage}",
            source="chirps",
            collection=f"chirps-{self.version}-{self.step}",
            acquired=start,
            footprint=reach,
            assets=MappingProxyType({RAIN: Asset(href=href, units="mm", nodata=NODATA)}),
            resolution=CELL * METRES_PER_DEGREE,
            licence=_LICENCE,
            properties=MappingProxyType({"step": self.step.value, "stage": stage}),
        )

    def _published(self, series: Series, starts: Sequence[dt.datetime]) -> dict[dt.datetime, str]:
        """Return where the files of those steps are that are out."""
        folders: dict[str, dict[dt.datetime, str]] = {}
        for start in starts:
            folder, name = series.place(start)
            folders.setdefault(folder, {})[start] = name
        found: dict[dt.datetime, str] = {}
        for folder, names in folders.items():
            address = f"{self.url.rstrip('/')}/{folder}"
            hrefs = {start: f"{address}/{name}" for start, name in names.items()}
            listed = self._listed(address)
            if listed is None:
                found |= self._tried(hrefs)
            else:
                found |= {t: href for t, href in hrefs.items() if names[t] in listed}
        return found

    def _listed(self, address: str) -> frozenset[str] | None:
        """Return the names in a folder; None where the server does not list it."""
        try:
            page = self._wire.text(Ask(url=f"{address}/"), cap=_MAX_LISTING)
        except (NothingFoundError, AccessError):
            return None
        names = frozenset(_LINK.findall(page))
        return names if any(name.startswith("chirps") for name in names) else None

    def _tried(self, hrefs: Mapping[dt.datetime, str]) -> dict[dt.datetime, str]:
        """Return those that are out: all from the oldest to the newest that is there."""
        starts = sorted(hrefs)
        if not self._exists(hrefs[starts[0]]):
            return {}
        there, not_there = 0, len(starts)
        middle = not_there - 1  # mostly everything is out
        while not_there - there > 1:
            if self._exists(hrefs[starts[middle]]):
                there = middle
            else:
                not_there = middle
            middle = (there + not_there) // 2
        return {start: hrefs[start] for start in starts[: there + 1]}

    def _exists(self, href: str) -> bool:
        if self._wire.settings.offline or self._wire.held(href) is not None:
            return self._wire.held(href) is not None

        def once() -> bool:
            with self._wire.open(Ask(url=href)):
                return True

        try:
            return self._wire.retry(once)
        except NothingFoundError:
            return False

    def _in_folder(self, area: Area, window: Window) -> list[Granule]:
        files = {}
        for path in sorted((self.folder or Path()).rglob("*")):
            start = start_of(path.name, self.step)
            if start is not None and start in window:
                files[path] = start
        if not files:
            return []
        header = header_of(Asset(href=readable(next(iter(files)))))
        reach = shapely.box(*header.bounds)
        if not shapely.intersects(reach, area.geometry):
            return []
        series = Series(folder="", name="")
        found = [self._granule(t, str(p.resolve()), series, reach) for p, t in files.items()]
        return in_order(found)

    def _readable_in_place(self, granule: Granule) -> bool:
        href = granule.assets[RAIN].href
        return (
            self.folder is None
            and self.in_place
            and not href.endswith(".gz")
            and not self._wire.settings.offline
            and self._wire.held(href) is None
        )

    def _fetch(self, granule: Granule, progress: Progress = unseen) -> Path:
        href = granule.assets[RAIN].href
        if self.folder is not None:
            return Path(href)
        held = self._wire.held(href)
        if held is not None:
            return held
        packed = href.endswith(".gz")
        content = Content.ANY if packed else Content.RASTER
        path = self._wire.fetch(
            Ask(url=href), Expected(content=content), identity=href, progress=progress
        )
        if packed:
            try:
                check_packed(path)
            except IntegrityError:
                path.unlink(missing_ok=True)  # it is not held any longer
                raise
        return path
