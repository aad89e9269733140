"""GPM IMERG: rain of the whole globe every half-hour since 1998, by satellites, from NASA.

Found in the Common Metadata Repository (https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html),
fetched from GES DISC with an Earthdata token. Half-hours and days come in three runs: early (4 h),
late (14 h) and final (3.5 months, with gauges); months in the final run. Files are global, 0.1
degrees, ``precipitation`` over (time, lon, lat) from south to north, a rate in mm/hr (half-hours
and months) or mm/day (days), -9999.9 where nothing was seen; a total over the step is made of it.
"""

import datetime as dt
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from reliefscope.errors import AccessError, InputError, IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._fields import (
    MAX_STEPS,
    Piece,
    Statistic,
    Step,
    fetch_steps,
    field_cube,
    in_order,
    say_what_is_out,
    step_hours,
    step_of,
    steps_in,
)
from reliefscope.sources._lattice import METRES_PER_DEGREE, Floats, cut_out, place
from reliefscope.sources._netcdf import fields_of, open_fields
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Content, Expected, Progress, unseen
from reliefscope.transport.tokens import BearerToken

log = logging.getLogger(__name__)

CMR = "https://cmr.earthdata.nasa.gov/search"

ACCESS = Access(
    service="NASA Earthdata (GPM IMERG)",
    names=("EARTHDATA_TOKEN",),
    how="generate a token free of charge at https://urs.earthdata.nasa.gov, and approve the "
    "application 'NASA GESDISC DATA ARCHIVE' in the profile there",
    probe=f"{CMR}/granules.json?short_name=GPM_3IMERGDF&page_size=0",
)
# no host: netrc has the password of the account there, which is not a token

RAIN = "precipitation"
CELL = 0.1
"""Degrees."""
PAGE = 2000
"""Granules asked for at a time: the most that is answered."""

_PRODUCTS: Mapping[tuple[Step, str], str] = {
    (Step.HALF_HOUR, "early"): "GPM_3IMERGHHE",
    (Step.HALF_HOUR, "late"): "GPM_3IMERGHHL",
    (Step.HALF_HOUR, "final"): "GPM_3IMERGHH",
    (Step.DAY, "early"): "GPM_3IMERGDE",
    (Step.DAY, "late"): "GPM_3IMERGDL",
    (Step.DAY, "final"): "GPM_3IMERGDF",
    (Step.MONTH, "final"): "GPM_3IMERGM",
}
_NAMES = ("precipitation", "precipitationCal")
"""Of the variable: since version 07, and before."""
_GROUPS = ("", "Grid")
"""Where it is: in daily files at the top, in others in a group."""
_HOURS_PER: Mapping[str, float | None] = {
    "mm/hr": 1.0,
    "mm/h": 1.0,
    "mm hr-1": 1.0,
    "mm h-1": 1.0,
    "mm/day": 24.0,
    "mm/d": 24.0,
    "mm day-1": 24.0,
    "mm": None,
}
"""Hours in the unit of time of a rate; none in that of a total."""
_GLOBE = shapely.box(-180, -90, 180, 90)
_LICENCE = "NASA GES DISC: free and open; cite the data set"
_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class ImergSource:
    """Rain by satellites, with an Earthdata token.

    Raises
    ------
    InputError
        There is no such run of this step.
    """

    step: Step = Step.DAY
    """``half-hour``, ``day`` or ``month``."""
    run: str = "final"
    """``early``, ``late`` or ``final``."""
    version: str = "07"
    url: str = CMR
    """The metadata repository; its answers say where the files are."""
    transport: Transport = field(default_factory=Transport, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        if (self.step, self.run) not in _PRODUCTS:
            known = sorted(f"{run} {step}" for step, run in _PRODUCTS)
            raise InputError(f"there is no IMERG {self.run} {self.step}; choose of {known}")

    @property
    def provides(self) -> frozenset[str]:
        """Rain, and nothing else."""
        return frozenset({RAIN})

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the fields that begin within ``window``, oldest first; they cover the globe.

        Raises
        ------
        InputError
            The window has too many steps.
        IntegrityError
            The answer is not a list of granules, or has no end.
        UnavailableError
            The service or the network failed.
        """
        del area  # fields are global
        if window is None or RAIN not in variables:
            return []
        starts = steps_in(window, self.step)
        if not starts:
            return []
        found: dict[dt.datetime, Granule] = {}
        for record in self._records(window):
            granule = self._granule(record)
            start = None if granule is None else granule.acquired
            if granule is None or start is None or start not in window:
                continue
            known = found.get(start)
            if known is None or granule.id > known.id:  # V07B replaces V07A
                found[start] = granule
        say_what_is_out(self._product, list(found), starts, self.step)
        return [found[start] for start in sorted(found)]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube of ``precipitation`` [mm], (time, y, x): totals over each step.

        Whole files are fetched now and opened when their pixels are computed.

        Raises
        ------
        NothingFoundError
            There are no granules, or a file has gone.
        AccessError
            There is no token, or it is refused.
        IntegrityError, UnavailableError
            A file is damaged or cannot be reached: the message names it.
        """
        if not granules or RAIN not in variables:
            raise NothingFoundError(
                f"IMERG has {RAIN} alone, and {len(granules)} granules were given"
            )
        ordered = in_order(granules)
        pieces = [
            Piece(
                starts=(granule.acquired,),
                label=granule.id,
                read=_Rain(path=path, hours=step_hours(granule.acquired, self.step)),
            )
            for granule, path in zip(ordered, fetch_steps(ordered, self._fetch), strict=True)
            if granule.acquired is not None
        ]
        rain = field_cube(RAIN, pieces, grid, step=self.step, statistic=Statistic.TOTAL)
        return xr.Dataset({RAIN: rain})

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress = unseen
    ) -> Sequence[Path]:
        """Fetch every file, so that `load` needs no network; return where they are.

        Raises
        ------
        SourceError
            As `load`.
        """
        del variables
        return fetch_steps(granules, lambda granule: self._fetch(granule, progress))

    @property
    def _product(self) -> str:
        return _PRODUCTS[self.step, self.run]

    @cached_property
    def _wire(self) -> Transport:
        return self.transport.at(self.url)

    def _records(self, window: Window) -> Iterator[object]:
        """Ask page by page; a page that is not full is the last."""
        # what overlaps the window is found: one page more than the steps is no end
        for number in range(1, MAX_STEPS // PAGE + 3):
            ask = Ask(
                url=f"{self.url.rstrip('/')}/granules.umm_json",
                params={
                    "short_name": self._product,
                    "version": self.version,
                    "temporal[]": f"{_stamp(window.start)},{_stamp(window.end)}",
                    "sort_key": "start_date",
                    "page_size": str(PAGE),
                    "page_num": str(number),
                },
            )
            try:
                page = _Page.model_validate(self._wire.json(ask))
            except ValidationError as error:
                raise IntegrityError(
                    f"{self._wire.shown(ask.url)} did not answer with a list of granules; the "
                    f"service may be under maintenance"
                ) from error
            yield from page.items
            if len(page.items) < PAGE:
                return
        raise IntegrityError(
            f"{self._wire.shown(self.url)} lists granules without end; try again later"
        )

    def _granule(self, stated: object) -> Granule | None:
        try:
            record = _Record.model_validate(stated).umm
            start = record.TemporalExtent.RangeDateTime.BeginningDateTime.astimezone(dt.UTC)
        except (ValidationError, OverflowError):
            log.warning("%s: skipped, a field is missing or wrong", self._product)
            return None
        link = next((u for u in record.RelatedUrls if _is_data(u)), None)
        if link is None or start != step_of(start, self.step):
            log.warning(
                "%s: skipped, no file or not a %s: %r",
                self._product,
                self.step,
                record.GranuleUR[:_SHOWN],
            )
            return None
        name = urlsplit(link.URL).path.rsplit("/", 1)[-1]
        file = next((f for f in record.DataGranule.files if f.Name == name), _File())
        return Granule(
            id=name[:_SHOWN],
            source="imerg",
            collection=f"{self._product}.{self.version}",
            acquired=start,
            footprint=_GLOBE,
            assets=MappingProxyType(
                {
                    RAIN: Asset(
                        href=link.URL,
                        size=file.SizeInBytes,
                        checksum=file.Checksum.stated if file.Checksum else None,
                    )
                }
            ),
            platform="GPM",
            resolution=CELL * METRES_PER_DEGREE,
            licence=_LICENCE,
            href=f"https://disc.gsfc.nasa.gov/datasets/{self._product}_{self.version}/summary",
            properties=MappingProxyType({"step": self.step.value, "run": self.run}),
        )

    def _fetch(self, granule: Granule, progress: Progress = unseen) -> Path:
        asset = granule.assets[RAIN]
        held = self._wire.held(asset.href)
        if held is not None:
            return held
        auth = None
        if not self._wire.settings.offline:
            auth = BearerToken(self._wire.credentials(ACCESS)["EARTHDATA_TOKEN"])
        expected = Expected(
            size=asset.size,
            checksums=(asset.checksum,) if asset.checksum else (),
            content=Content.RASTER,
        )
        try:
            return self._wire.fetch(
                Ask(url=asset.href, auth=auth), expected, identity=asset.href, progress=progress
            )
        except AccessError as error:
            raise AccessError(f"{error}. For NASA Earthdata: {ACCESS.how}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rain:
    """Reads one file."""

    path: Path
    hours: float
    """How long the step lasts."""

    def __call__(self, block: GeoBox, chosen: slice) -> Floats | None:
        del chosen  # there is one step
        with open_fields(self.path, group=self._group(), decode_times=False) as opened:
            fields = fields_of(opened, _NAMES, self.path)
            cut = cut_out(fields.lattice, block)
            if cut is None:
                return None
            rate = fields.read(cut, [0])
            units = str(fields.array.attrs.get("units", fields.array.attrs.get("Units")))
        rate[rate < 0] = np.nan  # also where the file does not declare its -9999.9
        return place(rate * np.float32(self._factor(units)), cut, fields.lattice, block)

    def _group(self) -> str:
        for group in _GROUPS:
            with open_fields(self.path, group=group, decode_times=False) as opened:
                if any(name in opened.data_vars for name in _NAMES):
                    return group
        raise IntegrityError(f"{self.path.name} holds none of {list(_NAMES)}")

    def _factor(self, units: str) -> float:
        """Return what a value is multiplied with to be a total over the step."""
        if units not in _HOURS_PER:
            raise IntegrityError(
                f"{self.path.name} is in {units[:_SHOWN]!r}; allowed are {sorted(_HOURS_PER)}"
            )
        per = _HOURS_PER[units]
        return 1.0 if per is None else self.hours / per


class _Checksum(BaseModel):
    Value: str
    Algorithm: str

    @property
    def stated(self) -> str:
        """``algorithm:digest``, as downloads are verified."""
        return f"{self.Algorithm.lower()}:{self.Value.lower()}"


class _File(BaseModel):
    Name: str = ""
    SizeInBytes: int | None = Field(default=None, ge=0)
    Checksum: _Checksum | None = None


class _Data(BaseModel):
    files: list[_File] = Field(default_factory=list, alias="ArchiveAndDistributionInformation")


class _Link(BaseModel):
    URL: str
    Type: str


class _Span(BaseModel):
    BeginningDateTime: AwareDatetime


class _Extent(BaseModel):
    RangeDateTime: _Span


class _Umm(BaseModel):
    """What is read of a record of UMM-G; the rest may be anything."""

    GranuleUR: str
    TemporalExtent: _Extent
    RelatedUrls: list[_Link]
    DataGranule: _Data = Field(default_factory=_Data)


class _Record(BaseModel):
    umm: _Umm


class _Page(BaseModel):
    items: list[Any] = Field(max_length=PAGE)


def _is_data(link: _Link) -> bool:
    return link.Type == "GET DATA" and urlsplit(link.URL).scheme in {"http", "https"}


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
