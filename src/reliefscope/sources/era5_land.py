"""ERA5-Land: weather over land since 1950 from a model fed with observations, by ECMWF.

Hourly and monthly, 0.1 degrees, from the Climate Data Store (Munoz-Sabater et al. 2021,
https://doi.org/10.5194/essd-13-4349-2021). How its files are read is `_era5_files`, how the store
is asked `_cds`.
"""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

import shapely
import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._cds import ClimateStore, Request
from reliefscope.sources._era5_files import ROWS, Row, Weather, WeatherFile, look_into, moments_of
from reliefscope.sources._fields import (
    Piece,
    Statistic,
    Step,
    field_cube,
    in_order,
    say_what_is_out,
    steps_in,
)
from reliefscope.sources._lattice import METRES_PER_DEGREE
from reliefscope.transport.archive import unpack
from reliefscope.transport.client import Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Progress, unseen

URL = "https://cds.climate.copernicus.eu/api"

ACCESS = Access(
    service="Copernicus Climate Data Store",
    names=("CDSAPI_KEY",),
    host="cds.climate.copernicus.eu",
    how="register free of charge at https://cds.climate.copernicus.eu, copy the key from your "
    "profile, and accept the licence on the page of the data set",
    probe=f"{URL}/catalogue/v1/collections/reanalysis-era5-land",
)

CELL = 0.1
"""Degrees."""
_REACH, _SHARE = 2, 0.1
"""Asked for around the area: cells at least, and share of its longer side."""
_NARROWEST = 0.1
"""Degrees of longitude are taken to be no shorter than this share of those at the equator."""
_YEARS = 10
"""Monthly data are asked for by decade: some hundred fields, and most windows share requests."""
_LICENCE = "Copernicus Climate Change Service, CC BY 4.0"


_DATASETS: Mapping[Step, str] = {
    Step.MONTH: "reanalysis-era5-land-monthly-means",
    Step.DAY: "reanalysis-era5-land",
    Step.HOUR: "reanalysis-era5-land",
}

Box = tuple[float, float, float, float]
"""North, west, south, east [degree], as the store orders them."""


@dataclass(frozen=True, kw_only=True)
class Era5LandSource:
    """Weather over land, with a key of the Climate Data Store.

    Raises
    ------
    InputError
        There is no such step.
    """

    step: Step = Step.MONTH
    """``month``, ``day`` or ``hour``."""
    patience_hours: float = 2.0
    """How long to wait for one request. It stays in the store's queue, and the next run waits on
    for the same one [h]."""
    url: str = URL
    transport: Transport = field(default_factory=Transport, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if self.step not in _DATASETS:
            raise InputError(
                f"there is no ERA5-Land by {self.step}; choose of {sorted(map(str, _DATASETS))}"
            )
        if not self.patience_hours > 0:
            raise InputError(f"patience_hours is {self.patience_hours}; it must be above 0")

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables."""
        return frozenset(ROWS)

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the fields that begin within ``window`` and are out, oldest first.

        One request to the store's catalogue, without the key.

        Raises
        ------
        InputError
            The window has too many steps.
        IntegrityError, UnavailableError
            The catalogue failed.
        """
        names = [name for name in ROWS if name in variables]
        if window is None or not names:
            return []
        starts = steps_in(window, self.step)
        if not starts:
            return []
        latest = self._store.latest(self._dataset)
        totals = any(ROWS[name].total for name in names)
        out = [
            start
            for start in starts
            if latest is None or max(moments_of(self.step, start, total=totals)) <= latest
        ]
        say_what_is_out("ERA5-Land", out, starts, self.step)
        boxes = _boxes(area)
        return [self._granule(start, names, boxes) for start in out]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units, (time, y, x).

        Rain, radiation and evaporation are totals over each step, evaporation positive; the rest
        means over each step, or of hours the value at the start. Files are fetched now, which may
        mean hours in the store's queue, and pixels read when they are computed.

        Raises
        ------
        NothingFoundError
            No granule has any of the variables.
        AccessError
            No key, a wrong one, or the licence has not been accepted.
        InputError
            The granules are of different areas, or the store refuses a request.
        IntegrityError
            A file is damaged or lacks a step: the message names it.
        UnavailableError
            A job failed or has not ended yet.
        """
        names = [n for n in ROWS if n in variables and any(n in g.assets for g in granules)]
        if not names:
            raise NothingFoundError(
                f"{len(granules)} granule(s) of ERA5-Land hold none of {sorted(variables)}"
            )
        starts = _starts(granules)
        files = {
            total: [
                [self._looked(path) for path in self._fetch(box, starts, group, unseen)]
                for box in _stated_boxes(granules)
            ]
            for total, group in _by_kind(names)
        }
        return xr.Dataset({n: self._field(n, starts, files[ROWS[n].total], grid) for n in names})

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress = unseen
    ) -> Sequence[Path]:
        """Fetch every file, so that `load` needs no network; return where they are.

        Raises
        ------
        SourceError
            As `load`.
        """
        names = [n for n in ROWS if n in variables]
        starts = _starts(granules)
        return [
            path
            for _, group in _by_kind(names)
            for box in _stated_boxes(granules)
            for path in self._fetch(box, starts, group, progress)
        ]

    @property
    def _dataset(self) -> str:
        return _DATASETS[self.step]

    @cached_property
    def _store(self) -> ClimateStore:
        return ClimateStore(
            url=self.url,
            wire=self.transport.at(self.url),
            access=ACCESS,
            patience_s=self.patience_hours * 3600,
        )

    def _granule(self, start: dt.datetime, names: Sequence[str], boxes: Sequence[Box]) -> Granule:
        asset = Asset(href=f"{self.url}/retrieve/v1/processes/{self._dataset}")
        stated = ";".join(" ".join(f"{v:g}" for v in box) for box in boxes)
        return Granule(
            id=f"era5-land-{self.step}-{start:%Y%m%dT%H%M}",
            source="era5_land",
            collection=self._dataset,
            acquired=start,
            footprint=shapely.union_all([shapely.box(w, s, e, n) for n, w, s, e in boxes]),
            assets=MappingProxyType(dict.fromkeys(names, asset)),
            resolution=CELL * METRES_PER_DEGREE,
            licence=_LICENCE,
            href=f"https://cds.climate.copernicus.eu/datasets/{self._dataset}",
            properties=MappingProxyType({"step": self.step.value, "boxes": stated}),
        )

    def _fetch(
        self, box: Box, starts: Sequence[dt.datetime], names: Sequence[str], progress: Progress
    ) -> list[Path]:
        """Return the files of one box and of variables that are alike in whether they add up."""
        found = []
        for request in self._requests(box, starts, names):
            path = self._store.fetch(request, progress)
            if path.suffix == ".zip":
                folder = self.transport.settings.cache / "unpacked" / path.stem
                found += sorted(unpack(path, folder).rglob("*.nc"))
            else:
                found.append(path)
        return found

    def _looked(self, path: Path) -> WeatherFile:
        try:
            return look_into(path)
        except IntegrityError:
            path.unlink(missing_ok=True)  # it is not held any longer
            raise

    def _requests(
        self, box: Box, starts: Sequence[dt.datetime], names: Sequence[str]
    ) -> list[Request]:
        total = ROWS[names[0]].total
        moments = sorted({m for s in starts for m in moments_of(self.step, s, total=total)})
        common: dict[str, object] = {
            "variable": sorted(ROWS[n].asked for n in names),
            "data_format": "netcdf",
            "download_format": "unarchived",
            "area": list(box),
        }
        monthly = self.step is Step.MONTH
        parts = _monthly_inputs(moments) if monthly else _hourly_inputs(moments)
        return [
            Request(dataset=self._dataset, part=part, inputs={**common, **inputs})
            for part, inputs in parts
        ]

    def _field(
        self,
        name: str,
        starts: Sequence[dt.datetime],
        files: Sequence[Sequence[WeatherFile]],
        grid: GeoBox,
    ) -> xr.DataArray:
        row = ROWS[name]
        boxes = tuple(tuple(f for f in group if row.name in f.names) for group in files)
        for group in boxes:
            self._check_whole(row, starts, group)
        first = {m: f.path for f in boxes[0] for m in f.moments}
        pieces = []
        for path, steps in groupby(
            starts, key=lambda s: first[min(moments_of(self.step, s, total=row.total))]
        ):
            together = tuple(steps)
            reader = Weather(row=row, step=self.step, starts=together, boxes=boxes)
            label = f"ERA5-Land {name} from {together[0]:%Y-%m-%d}, {path.name}"
            pieces.append(Piece(starts=together, label=label, read=reader))
        mean = Statistic.POINT if self.step is Step.HOUR else Statistic.MEAN
        statistic = Statistic.TOTAL if row.total else mean
        return field_cube(name, pieces, grid, step=self.step, statistic=statistic)

    def _check_whole(
        self, row: Row, starts: Sequence[dt.datetime], files: Sequence[WeatherFile]
    ) -> None:
        there = {m for f in files for m in f.moments}
        for start in starts:
            if not there.issuperset(moments_of(self.step, start, total=row.total)):
                raise IntegrityError(
                    f"{row.asked} of the {self.step} that begins at {start:%Y-%m-%dT%H:%MZ} is not "
                    f"in the files that the Climate Data Store made: "
                    f"{[str(f.path) for f in files] or 'none'}; remove them to ask again"
                )


Inputs = tuple[str, Mapping[str, object]]
"""What people call a part of the data, and how the store is asked for it."""


def _monthly_inputs(moments: Sequence[dt.datetime]) -> list[Inputs]:
    """Return what to ask for: years of one decade that need the same months go together."""
    months: dict[int, tuple[str, ...]] = {}
    for moment in moments:
        months[moment.year] = (*months.get(moment.year, ()), f"{moment:%m}")
    alike: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for year, needed in months.items():
        alike.setdefault((year // _YEARS, needed), []).append(str(year))
    return [
        (
            f"{years[0]}-{needed[0]} to {years[-1]}-{needed[-1]}",
            {
                "product_type": ["monthly_averaged_reanalysis"],
                "year": years,
                "month": list(needed),
                "time": ["00:00"],
            },
        )
        for (_, needed), years in alike.items()
    ]


def _hourly_inputs(moments: Sequence[dt.datetime]) -> list[Inputs]:
    """Return what to ask for, month by month: larger requests are refused."""
    parts: list[Inputs] = []
    for month, group in groupby(moments, key=lambda m: f"{m:%Y-%m}"):
        inside = list(group)
        inputs = {
            "year": month[:4],
            "month": month[5:],
            "day": sorted({f"{m:%d}" for m in inside}),
            "time": sorted({f"{m:%H:%M}" for m in inside}),
        }
        parts.append((month, inputs))
    return parts


def _by_kind(names: Sequence[str]) -> list[tuple[bool, list[str]]]:
    """Return the variables that add up and those that do not: they need different moments."""
    kinds = ((total, [n for n in names if ROWS[n].total is total]) for total in (False, True))
    return [(total, group) for total, group in kinds if group]


def _starts(granules: Iterable[Granule]) -> list[dt.datetime]:
    return [g.acquired for g in in_order(list(granules)) if g.acquired is not None]


def _boxes(area: Area) -> tuple[Box, ...]:
    """Return one or two boxes around an area, on tenths of a degree, none across longitude 180.

    They reach a little further: the edge of the area lies between observed cells then, and the
    corners of a grid in another projection too.
    """
    west, south, east, north = area.bbox
    reach = max(_REACH * CELL, _SHARE * max(area.width_deg, north - south))
    narrow = max(math.cos(math.radians(max(abs(south), abs(north)))), _NARROWEST)
    across = round(reach / narrow, 2)
    south, north = max(_edge(south - reach, -1), -90.0), min(_edge(north + reach, 1), 90.0)
    if area.width_deg + 2 * across >= 360:  # noqa: PLR2004 - around the globe
        return ((north, -180.0, south, 180.0),)
    west, east = _edge(west - across, -1), _edge(east + across, 1)
    around = Area.from_bbox(_wrapped(west), south, _wrapped(east), north)
    return tuple((n, round(w, 1), s, round(e, 1)) for w, s, e, n in around.boxes)


def _edge(degrees: float, outwards: int) -> float:
    return round(outwards * math.ceil(round(outwards * degrees / CELL, 6)) * CELL, 1)


def _wrapped(longitude: float) -> float:
    inside = -180 <= longitude <= 180  # noqa: PLR2004 - degrees
    return longitude if inside else round((longitude + 180) % 360 - 180, 1)


def _stated_boxes(granules: Sequence[Granule]) -> list[Box]:
    """Return the boxes that a search has put into its granules."""
    stated = {g.properties.get("boxes", "") for g in granules}
    if len(stated) != 1:
        raise InputError(
            "the fields of ERA5-Land are of different areas; load those of one search at a time"
        )
    try:
        boxes = [tuple(map(float, box.split())) for box in stated.pop().split(";")]
        return [(n, w, s, e) for n, w, s, e in boxes]
    except ValueError as error:
        raise InputError("the granules are not of a search of ERA5-Land; search again") from error
