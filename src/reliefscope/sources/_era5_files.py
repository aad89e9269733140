"""Files of ERA5-Land as the Climate Data Store makes them, and what each step is made of.

What accumulates (rain, radiation, evaporation) is stored in two ways
(https://confluence.ecmwf.int/pages/viewpage.action?pageId=197702790): in hourly data as the sum
since 00 UTC, so that the value at 00 UTC is the total of the day before; in monthly data as the
mean of the daily totals, to be multiplied with the days of the month. Fluxes count downwards:
evaporation is stored negative.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import IntegrityError
from reliefscope.sources._fields import Step, step_end
from reliefscope.sources._lattice import Cut, Floats, Lattice, cut_out, place
from reliefscope.sources._netcdf import Fields, fields_of, open_fields

_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
_READ_BYTES = 256_000_000
"""Fields read at once take no more than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the store calls a variable, and how its values become canonical."""

    asked: str
    name: str
    units: tuple[str, ...]
    factor: float = 1.0
    total: bool = False
    """It accumulates."""
    lowest: float | None = None
    """Rounding in the store's files takes sums a little below this."""


_METRES = ("m", "m of water equivalent")
ROWS: Mapping[str, Row] = {
    "air_temperature": Row(asked="2m_temperature", name="t2m", units=("K",)),
    "dewpoint_temperature": Row(asked="2m_dewpoint_temperature", name="d2m", units=("K",)),
    "wind_u10": Row(asked="10m_u_component_of_wind", name="u10", units=("m s**-1", "m s-1")),
    "wind_v10": Row(asked="10m_v_component_of_wind", name="v10", units=("m s**-1", "m s-1")),
    "soil_moisture": Row(
        asked="volumetric_soil_water_layer_1", name="swvl1", units=("m**3 m**-3", "m3 m-3")
    ),
    "precipitation": Row(
        asked="total_precipitation",
        name="tp",
        units=_METRES,
        factor=1000.0,
        total=True,
        lowest=0.0,
    ),
    "solar_radiation": Row(
        asked="surface_solar_radiation_downwards",
        name="ssrd",
        units=("J m**-2", "J m-2"),
        total=True,
        lowest=0.0,
    ),
    "potential_evaporation": Row(
        asked="potential_evaporation", name="pev", units=_METRES, factor=-1000.0, total=True
    ),
}
"""Canonical variables and the store's."""


def moments_of(step: Step, start: dt.datetime, *, total: bool) -> list[dt.datetime]:
    """Return the moments whose fields make up one step, in order."""
    if step is Step.MONTH:
        return [start]
    if step is Step.DAY:
        return [start + _DAY] if total else [start + h * _HOUR for h in range(24)]
    if not total:
        return [start]
    # sums since 00 UTC: the hour that begins at 00 UTC is the sum at 01
    return [start + _HOUR] if start.hour == 0 else [start, start + _HOUR]


def _combined(step: Step, values: Floats) -> Floats:
    """Return one step, (row, column), of the fields of its moments, (moment, row, column)."""
    if step is Step.HOUR and len(values) > 1:
        values = values[1:] - values[:1]
    mean: Floats = values.mean(axis=0)  # NaN where one hour is missing
    return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherFile:
    """One file that the store made, looked into."""

    path: Path
    names: frozenset[str]
    """As the file calls its variables."""
    moments: tuple[dt.datetime, ...]
    """When its fields are valid, in the order of the file."""


def look_into(path: Path) -> WeatherFile:
    """Open a file before it is trusted.

    Raises
    ------
    IntegrityError
        It is damaged, or none of the store's.
    """
    with open_fields(path) as opened:
        names = [row.name for row in ROWS.values() if row.name in opened.data_vars]
        moments = _times(fields_of(opened, names, path), path)
        for row in ROWS.values():
            if row.name in names:
                _check_units(row, opened[row.name], path)
    return WeatherFile(path=path, names=frozenset(names), moments=moments)


def _times(fields: Fields, path: Path) -> tuple[dt.datetime, ...]:
    array = fields.array
    name = fields.time or next((n for n in ("valid_time", "time") if n in array.coords), "")
    stamps = np.atleast_1d(array[name].values) if name else np.array([])
    if stamps.dtype.kind != "M" or not stamps.size or np.isnat(stamps).any():
        raise IntegrityError(f"{path.name} does not say when its fields are valid")
    seconds = stamps.astype("datetime64[s]").astype("int64")
    return tuple(dt.datetime.fromtimestamp(int(s), dt.UTC) for s in seconds)


def _check_units(row: Row, array: xr.DataArray, path: Path) -> None:
    units = str(array.attrs.get("units", ""))
    if units.removesuffix(" day**-1").removesuffix(" day-1") not in row.units:
        raise IntegrityError(f"{path.name}: {row.name} is in {units[:60]!r}, not {row.units[0]!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Reads some steps of one variable from the files that hold their moments."""

    row: Row
    step: Step
    starts: tuple[dt.datetime, ...]
    boxes: tuple[tuple[WeatherFile, ...], ...]
    """Files by box: two where the area crosses longitude 180."""

    def __call__(self, block: GeoBox, chosen: slice) -> Floats | None:
        """Return (time, y, x) in canonical units; None where no file reaches."""
        merged: Floats | None = None
        for files in self.boxes:
            values = self._of_box(files, block, self.starts[chosen])
            if merged is None or values is None:
                merged = values if merged is None else merged
            else:
                merged = np.where(np.isnan(merged), values, merged)
        return merged

    def _of_box(
        self, files: Sequence[WeatherFile], block: GeoBox, starts: Sequence[dt.datetime]
    ) -> Floats | None:
        with open_fields(files[0].path) as opened:
            lattice = fields_of(opened, [self.row.name], files[0].path).lattice
        cut = cut_out(lattice, block)
        if cut is None:
            return None
        cells = (cut.rows.stop - cut.rows.start) * sum(c.stop - c.start for c in cut.columns)
        moments = len(moments_of(self.step, starts[-1], total=self.row.total))
        together = max(1, _READ_BYTES // (4 * cells * moments))
        steps = [
            self._some(files, lattice, cut, starts[first : first + together])
            for first in range(0, len(starts), together)
        ]
        return place(self._canonical(np.concatenate(steps), starts), cut, lattice, block)

    def _some(
        self,
        files: Sequence[WeatherFile],
        lattice: Lattice,
        cut: Cut,
        starts: Sequence[dt.datetime],
    ) -> Floats:
        """Return some steps as stored, (time, row, column)."""
        needed = [moments_of(self.step, s, total=self.row.total) for s in starts]
        wanted = {m for moments in needed for m in moments}
        found: dict[dt.datetime, Floats] = {}
        for file in files:
            here = [m for m in file.moments if m in wanted and m not in found]
            if not here:
                continue
            with open_fields(file.path) as opened:
                fields = fields_of(opened, [self.row.name], file.path)
                if fields.lattice != lattice:
                    raise IntegrityError(f"{file.path.name} has other cells than the others")
                values = fields.read(cut, [file.moments.index(m) for m in here])
            found |= dict(zip(here, values, strict=True))
        return np.stack([_combined(self.step, np.stack([found[m] for m in ms])) for ms in needed])

    def _canonical(self, values: Floats, starts: Sequence[dt.datetime]) -> Floats:
        values = values * np.float32(self.row.factor)
        if self.row.total and self.step is Step.MONTH:
            days = [(step_end(s, Step.MONTH) - s).days for s in starts]
            values = values * np.array(days, "float32")[:, None, None]
        if self.row.lowest is not None:
            values = np.maximum(values, np.float32(self.row.lowest))  # keeps NaN
        return values
