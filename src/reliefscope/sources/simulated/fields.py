"""Rain and weather of the exercise: one file, on square cells of the world's own projection."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from reliefscope.model.cube import VARIABLES
from reliefscope.model.granule import EXERCISE_TAG
from reliefscope.sources._fields import Piece, Reader, Statistic, Step, field_cube
from reliefscope.sources._lattice import Floats, nothing
from reliefscope.sources._netcdf import open_fields

_MONTH = np.dtype("datetime64[M]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One variable over time on the cells of the world."""

    values: NDArray[np.float32]
    """(time, row, column) in canonical units."""
    statistic: Statistic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weather:
    """What the weather services of the exercise's country recorded."""

    start: dt.datetime
    """Of the first step, UTC."""
    step: Step
    """Month or day."""
    cell: int
    """Pixels of the world a side."""
    series: Mapping[str, Series]


def months(first: int, last: dt.datetime) -> NDArray[np.int64]:
    """Return the months of the year (0 to 11) from January of ``first`` to before ``last``."""
    count = (last.year - first) * 12 + last.month - 1
    return np.arange(count) % 12


def write_weather(path: Path, weather: Weather, grid: GeoBox) -> None:
    """Write all series as one netCDF file."""
    count = next(iter(weather.series.values())).values.shape
    affine = grid.affine * grid.affine.scale(weather.cell)
    xs = affine.c + affine.a * (np.arange(count[2]) + 0.5)
    ys = affine.f + affine.e * (np.arange(count[1]) + 0.5)
    dataset = xr.Dataset(
        {
            name: (("time", "y", "x"), series.values, {"statistic": series.statistic.value})
            for name, series in weather.series.items()
        },
        coords={"time": _times(weather, count[0]), "y": ys, "x": xs},
        attrs={EXERCISE_TAG: "YES", "crs": str(grid.crs), "step": weather.step.value},
    )
    # whole blocks of time per cell would be slow to write and to map; a step at a time is neither
    chunk = {name: {"zlib": True, "complevel": 1} for name in weather.series}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=chunk)


def _times(weather: Weather, count: int) -> NDArray[np.datetime64]:
    start = np.datetime64(weather.start.replace(tzinfo=None), "ns")
    if weather.step is Step.MONTH:
        return (start.astype(_MONTH) + np.arange(count)).astype("datetime64[ns]")
    return np.asarray(start + np.arange(count) * np.timedelta64(1, "D"))


def starts_of(path: Path) -> tuple[Sequence[dt.datetime], frozenset[str]]:
    """Return when each step starts, UTC, and which variables a file of weather has."""
    with open_fields(path) as opened:
        stamps = opened["time"].values.astype("datetime64[s]").tolist()
        names = frozenset(map(str, opened.data_vars))
    return [stamp.replace(tzinfo=dt.UTC) for stamp in stamps], names & frozenset(VARIABLES)


def load_weather(
    path: Path, wanted: Sequence[dt.datetime], names: Sequence[str], grid: GeoBox
) -> xr.Dataset:
    """Return a lazy cube of some variables at some steps, each pixel that of the cell it lies in.

    Returns
    -------
    Dataset, (time, y, x)
        Canonical units; NaN outside the world.
    """
    starts, _ = starts_of(path)
    place = {start: index for index, start in enumerate(starts)}
    with open_fields(path) as opened:
        step = Step(opened.attrs["step"])
        statistics = {name: Statistic(opened[name].attrs["statistic"]) for name in names}
    index = [place[start] for start in wanted]
    whole = index == list(range(index[0], index[-1] + 1))
    runs = [index] if whole else [[i] for i in index]
    cubes = {}
    for name in names:
        pieces = [
            Piece(
                starts=tuple(starts[i] for i in run),
                label=f"{path.name} {name}",
                read=_reader(path, name, run[0]),
            )
            for run in runs
        ]
        cubes[name] = field_cube(name, pieces, grid, step=step, statistic=statistics[name])
    return xr.Dataset(cubes)


@dataclass(frozen=True, slots=True)
class _FileReader:
    path: Path
    name: str
    first: int

    def __call__(self, block: GeoBox, chosen: slice) -> Floats:
        with open_fields(self.path) as opened:
            xs, ys = (opened[axis].values for axis in ("x", "y"))
            crs = opened.attrs["crs"]
            steps = slice(self.first + chosen.start, self.first + chosen.stop)
            values = opened[self.name].isel(time=steps).values.astype("float32")
        columns, rows = _cells(block, crs, xs, ys)
        inside = (columns >= 0) & (columns < xs.size) & (rows >= 0) & (rows < ys.size)
        out = nothing(len(values), block)
        out[:, inside] = values[:, rows[inside], columns[inside]]
        return out


def _reader(path: Path, name: str, first: int) -> Reader:
    return _FileReader(path, name, first)


def _cells(
    block: GeoBox, crs: str, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the column and the row of the cell in which each pixel's middle lies."""
    rows, columns = block.shape
    c, r = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    x, y = block.affine * (c, r)
    if str(block.crs) != crs:
        x, y = Transformer.from_crs(str(block.crs), crs, always_xy=True).transform(x, y)
    column = np.floor((x - xs[0]) / (xs[1] - xs[0]) + 0.5).astype(np.int64)
    row = np.floor((y - ys[0]) / (ys[1] - ys[0]) + 0.5).astype(np.int64)
    return column, row
