"""Fields in netCDF and HDF5: opened before they are trusted, whatever way round they are stored."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import IntegrityError
from reliefscope.sources._lattice import Cut, Floats, Lattice

_ENGINES = {b"\x89HDF": "h5netcdf", b"CDF\x01": "scipy", b"CDF\x02": "scipy"}
"""Readers by the first bytes: netCDF-4 and HDF5, netCDF-3. One that takes turns by itself: the
netCDF library must not be called by two threads at a time, and nothing sees to that."""

_TIMES = ("valid_time", "time")
_ROWS, _COLUMNS = ("latitude", "lat"), ("longitude", "lon")
_MAX_CELLS = 100_000_000
"""A field with more cells than this is none; 0.05 degrees around the globe have 26 million."""
_REGULAR = 0.02
"""Cells by which the spacing of coordinates may differ from one place to another."""


@contextlib.contextmanager
def open_fields(path: Path, *, group: str = "", decode_times: bool = True) -> Iterator[xr.Dataset]:
    """Open a file of fields, lazy, and close it again.

    Raises
    ------
    IntegrityError
        It is not whole netCDF or HDF5, or has no such group.
    """
    with path.open("rb") as file:
        engine = _ENGINES.get(file.read(4))
    if engine is None:
        raise IntegrityError(f"{path.name} is neither netCDF nor HDF5; remove {path} and run again")
    try:
        opened = xr.open_dataset(
            path,
            engine=engine,
            group=group or None,
            decode_times=decode_times,
            decode_timedelta=False,
            cache=False,
            backend_kwargs={} if engine == "scipy" else {"phony_dims": "access"},
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
        raise _damaged(path, error) from error
    with opened:
        try:
            yield opened
        except (OSError, RuntimeError) as error:  # h5py: a chunk cannot be decoded
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> IntegrityError:
    return IntegrityError(
        f"{path.name} is damaged, or not a file of fields ({type(error).__name__}); remove {path} "
        f"and run again"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """One variable of an open file, on regular cells."""

    array: xr.DataArray
    """Dimensions in the file's own order, lazy."""
    lattice: Lattice
    south_up: bool
    """Whether the rows are stored from south to north."""
    time: str
    """Name of the dimension of time; empty if there is none."""
    row: str
    column: str

    def read(self, cut: Cut, times: Sequence[int]) -> Floats:
        """Return the cells of ``cut`` at some times, (time, row, column), rows from the north.

        Dimensions besides these have one entry each, or hold what complements each other: of
        those the first valid value counts, in the order of their labels (``expver``: consolidated
        before preliminary).
        """
        rows = cut.rows
        if self.south_up:
            size = self.lattice.rows
            rows = slice(size - rows.stop, size - rows.start)
        span = slice(min(times), max(times) + 1) if self.time else None
        parts = []
        for columns in cut.columns:
            where = {self.row: rows, self.column: columns} | ({self.time: span} if span else {})
            part = _merged(self.array.isel(where), (self.time, self.row, self.column))
            parts.append(part.reshape((-1, *part.shape[-2:])))
        values = np.concatenate(parts, axis=2).astype("float32", copy=False)
        values = values[[t - min(times) for t in times]] if span else values
        return np.ascontiguousarray(values[:, ::-1] if self.south_up else values)


def _merged(array: xr.DataArray, wanted: Sequence[str]) -> NDArray[np.floating]:
    order = [name for name in wanted if name]
    others = [str(d) for d in array.dims if d not in order]
    values: NDArray[np.floating] = array.transpose(*others, *order).values
    for other in others:
        labels = array[other].values if other in array.coords else np.arange(array.sizes[other])
        layers = values[np.argsort(labels.astype(str), kind="stable")]
        merged = layers[0]
        for layer in layers[1:]:
            merged = np.where(np.isnan(merged), layer, merged)
        values = merged
    return values


def fields_of(opened: xr.Dataset, names: Sequence[str], path: Path) -> Fields:
    """Return the first variable of ``names`` in an open file.

    Raises
    ------
    IntegrityError
        None is there, or it does not lie on regular cells.
    """
    name = next((n for n in names if n in opened.data_vars), None)
    if name is None:
        found = sorted(map(str, opened.data_vars))[:20]
        raise IntegrityError(f"{path.name} holds {found}, none of {list(names)}")
    array = opened[name]
    row, column = (_dimension(array, d, path) for d in (_ROWS, _COLUMNS))
    if not 0 < array.sizes[row] * array.sizes[column] <= _MAX_CELLS:
        raise IntegrityError(f"{path.name} has no cells, or over {_MAX_CELLS:,}; it is not read")
    time = next((t for t in _TIMES if t in array.dims), "")
    lat, lon = (np.asarray(array[d].values, "float64") for d in (row, column))
    lattice, south_up = _lattice(lat, lon, path)
    return Fields(
        array=array, lattice=lattice, south_up=south_up, time=time, row=row, column=column
    )


def _dimension(array: xr.DataArray, names: Sequence[str], path: Path) -> str:
    for name in names:
        if name in array.dims and name in array.coords:
            return name
    raise IntegrityError(
        f"{path.name}: {array.name} has dimensions {array.dims}, none of {list(names)}"
    )


def _lattice(
    lat: NDArray[np.float64], lon: NDArray[np.float64], path: Path
) -> tuple[Lattice, bool]:
    """Return the cells around regular centres, and whether rows run from south to north.

    Raises
    ------
    IntegrityError
        The centres are not regular, not on the globe, or longitudes run westward.
    """
    lon = np.unwrap(lon, period=360)
    width, height = _spacing(lon), _spacing(lat)
    if width is None or height is None:
        width, height = width or abs(height or 0.0), height or -(width or 0.0)
    regular = width > 0 and height != 0 and np.abs(lat).max() <= 90.001  # noqa: PLR2004 - the pole
    if not regular or _irregular(lon, width) or _irregular(lat, height):
        raise IntegrityError(f"{path.name} is not on regular cells of latitude and longitude")
    return Lattice(
        west=float(lon[0]) - width / 2,
        north=float(lat.max()) + abs(height) / 2,
        width=width,
        height=abs(height),
        rows=len(lat),
        columns=len(lon),
    ), height > 0


def _spacing(centres: NDArray[np.float64]) -> float | None:
    return float((centres[-1] - centres[0]) / (len(centres) - 1)) if len(centres) > 1 else None


def _irregular(centres: NDArray[np.float64], spacing: float) -> bool:
    ideal = centres[0] + spacing * np.arange(len(centres))
    return bool(
        not np.isfinite(centres).all() or np.abs(centres - ideal).max() > abs(spacing) * _REGULAR
    )
