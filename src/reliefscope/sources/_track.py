"""What sources of cyclone tracks share: fixes become half hours, each as seen from every pixel.

A track is a table of points. An indicator reads cubes; so each step of the track is given as seen
from every pixel: how far east and north of the eye it lies, and what the track says of the storm.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.numerics.cyclone import radius_of_maximum_wind
from reliefscope.sources._fields import Piece, Reader, Statistic, Step, field_cube
from reliefscope.sources._lattice import Floats, nothing

KNOT = 0.514444
"""[m s-1]"""
OUTSIDE_HPA = 1010.0
"""Pressure around a storm where the track does not say it."""
NEEDED = ("time", "lat", "lon", "wind_kt")
KNOWN = ("pressure_hpa", "outside_hpa", "rmw_km")
_ARCHIVED: Mapping[str, str] = {
    "time": "ISO_TIME",
    "lat": "LAT",
    "lon": "LON",
    "wind_kt": "USA_WIND",
    "pressure_hpa": "USA_PRES",
    "outside_hpa": "USA_POCI",
    "rmw_km": "USA_RMW",
}
_NAUTICAL_KM = 1.852
_LISTED = 12
_STEP_MINUTES = 30
_REACH_DEG = 15.0
"""From an area to a track that is looked at for it."""
_MOST_KNOTS = 220.0
_PER_POINT = ("storm_latitude", "storm_wind", "storm_radius", "storm_deficit")
_MOTION = ("storm_motion_east", "storm_motion_north")
_PLACES = ("storm_east", "storm_north")
PROVIDES = frozenset((*_PLACES, *_PER_POINT, *_MOTION))
"""Canonical variables of a track."""
_GEOD = Geod(ellps="WGS84")
_NODE = 16
"""Distances are exact at every so many pixels, and lie on straight lines between."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """Fixes of one storm, read and checked."""

    file: Path
    fixes: pd.DataFrame
    """Indexed by time, UTC; columns `NEEDED` but the time, and `KNOWN`."""
    source: str
    """Name of the source that its granules carry."""
    platform: str
    licence: str
    exercise: bool

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the steps within ``window`` that are near ``area``, oldest first."""
        wanted = sorted(PROVIDES & set(variables))
        if window is None or not wanted:
            return []
        track = self._steps()
        near, reached = area.geometry.buffer(_REACH_DEG), area.geometry.buffer(1)
        stamps = [t.to_pydatetime().replace(tzinfo=dt.UTC) for t in track.index]
        asset = Asset(href=str(self.file.resolve()), size=self.file.stat().st_size)
        return [
            Granule(
                id=f"{self.file.stem}_{stamp:%Y%m%dT%H%M}",
                source=self.source,
                collection="track",
                acquired=stamp,
                footprint=reached,
                assets=dict.fromkeys(wanted, asset),
                platform=self.platform,
                licence=self.licence,
                exercise=self.exercise,
            )
            for stamp, lon, lat in zip(stamps, track["lon"], track["lat"], strict=True)
            if stamp in window and near.intersects(shapely.Point(_turned(lon, near), lat))
        ]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units; see `Source`."""
        stamps = pd.DatetimeIndex([g.acquired for g in granules]).tz_localize(None)
        track = self._steps().loc[stamps]
        starts = tuple(stamp.replace(tzinfo=dt.UTC) for stamp in stamps.to_pydatetime())
        cubes = {}
        for name in sorted(PROVIDES & set(variables)):
            piece = Piece(starts=starts, label=f"{self.file.name} {name}", read=_seen(track, name))
            cubes[name] = field_cube(
                name, [piece], grid, step=Step.HALF_HOUR, statistic=Statistic.POINT
            )
        return xr.Dataset(cubes)

    def _steps(self) -> pd.DataFrame:
        """Return the track every half hour, with the canonical variables as columns."""
        fixes = self.fixes
        first, last = fixes.index[0], fixes.index[-1]
        whole = pd.date_range(first.ceil("30min"), last, freq=f"{_STEP_MINUTES}min")
        numeric = fixes.reindex(fixes.index.union(whole)).interpolate("time").loc[whole]
        east, north = _motion(numeric)
        wind = numeric["wind_kt"] * KNOT
        usual = radius_of_maximum_wind(wind.to_numpy(), numeric["lat"].to_numpy())
        return numeric.assign(
            storm_latitude=numeric["lat"],
            storm_wind=wind,
            storm_radius=(numeric["rmw_km"] * 1000).fillna(pd.Series(usual, numeric.index)),
            storm_deficit=numeric["outside_hpa"] - numeric["pressure_hpa"],
            storm_motion_east=east,
            storm_motion_north=north,
        )


def read_fixes(file: Path, storm: str = "") -> pd.DataFrame:
    """Return the fixes of a table by time, longitudes without a jump at 180 degrees.

    Parameters
    ----------
    file : Path
        A table of ours, or one of IBTrACS (version 4, CSV).
    storm : str
        Name or number of the storm in a table of many.

    Raises
    ------
    InputError
        The file is not there, lacks a column, has fewer than two fixes, or values out of range.
    """
    try:
        table = pd.read_csv(file, low_memory=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{file.name} is no readable table of a track: {error}") from error
    if {"SID", "ISO_TIME"} <= set(table):
        table = _of_archive(table, storm, file.name)
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise InputError(f"{file.name} lacks {missing}; a track has {list(NEEDED)} in each row")
    return checked(table, file.name)


def _of_archive(table: pd.DataFrame, storm: str, name: str) -> pd.DataFrame:
    """Return one storm of a table of IBTrACS: what the United States' agencies say of it.

    Knapp et al. (2010, doi:10.1175/2009BAMS2755.1). Winds over one minute [knot], pressures [hPa],
    the radius of the strongest wind [nautical mile]; fixes without a wind are left out.

    Raises
    ------
    InputError
        The table lacks a column, or it is not one storm.
    """
    missing = [column for column in _ARCHIVED.values() if column not in table]
    if missing:
        raise InputError(f"{name} lacks {missing}; give a table of IBTrACS with all its columns")
    rows = table[table["SID"].str.strip() != ""]  # below the heading stand the units
    sids, names = rows["SID"].str.strip(), rows["NAME"].str.strip()
    if storm:
        rows = rows[(sids == storm) | (names.str.casefold() == storm.casefold())]
    there = sorted(set(zip(names, sids, strict=True)))
    meant = len(set(rows["SID"]))
    if meant != 1:
        listed = ", ".join(f"{n} ({sid})" for n, sid in there[:_LISTED])
        more = ", ..." if len(there) > _LISTED else ""
        raise InputError(
            f"{name} holds {len(there)} storms, and {meant} are meant by {storm or 'no name'!r}: "
            f"give the number of one as storm, of {listed}{more}"
        )
    found = pd.DataFrame({ours: rows[theirs] for ours, theirs in _ARCHIVED.items()})
    numbers = found.drop(columns="time").apply(pd.to_numeric, errors="coerce")
    numbers["rmw_km"] *= _NAUTICAL_KM
    numbers["time"] = found["time"].str.replace(" ", "T")
    whole: pd.DataFrame = numbers.dropna(subset=list(NEEDED))
    return whole


def checked(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the fixes of a table with the columns `NEEDED` and any of `KNOWN`, by time.

    Parameters
    ----------
    table : DataFrame
        A row for each fix, in any order.
    name : str
        What errors call it.

    Raises
    ------
    InputError
        Fewer than two fixes, values that are no numbers, or out of range.
    """
    try:
        times = pd.to_datetime(table["time"], utc=True, format="ISO8601").dt.tz_localize(None)
        values = table.reindex(columns=[*NEEDED[1:], *KNOWN]).astype(float)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name}: a time or a number cannot be read: {error}") from error
    fixes = values.set_index(pd.DatetimeIndex(times)).sort_index()
    fixes = fixes[~fixes.index.duplicated()]
    if len(fixes) < 2:  # noqa: PLR2004 - a track has two ends
        raise InputError(f"{name} has {len(fixes)} fix; a track needs two at different times")
    sane = fixes["lat"].between(-90, 90) & fixes["lon"].between(-360, 360)
    sane &= fixes["wind_kt"].between(0, _MOST_KNOTS)
    if not sane.all():
        raise InputError(
            f"{name}: {int((~sane).sum())} fixes have no place on the Earth, or a wind that "
            f"is not within 0 to {_MOST_KNOTS:g} knots"
        )
    fixes["lon"] = np.unwrap(fixes["lon"], period=360)
    fixes["outside_hpa"] = fixes["outside_hpa"].fillna(OUTSIDE_HPA)
    return fixes


def _motion(track: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the motion of the eye to the east and to the north [m s-1]."""
    lon, lat = track["lon"].to_numpy(), track["lat"].to_numpy()
    before, after = np.maximum(np.arange(len(lon)) - 1, 0), np.arange(len(lon)) + 1
    after = np.minimum(after, len(lon) - 1)
    seconds = np.maximum(after - before, 1) * _STEP_MINUTES * 60
    azimuth, _, metres = _GEOD.inv(lon[before], lat[before], lon[after], lat[after])
    heading = np.radians(azimuth)
    return np.sin(heading) * metres / seconds, np.cos(heading) * metres / seconds


def _turned(lon: float, near: BaseGeometry) -> float:
    """Return a longitude in the turn of the Earth in which the area is written."""
    middle = near.centroid.x
    return float(lon + 360 * round((middle - lon) / 360))


def _seen(track: pd.DataFrame, name: str) -> Reader:
    lon, lat = (tuple(track[axis].tolist()) for axis in ("lon", "lat"))
    return _Seen(name, lon, lat, () if name in _PLACES else tuple(track[name].tolist()))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A variable of the track as seen from each pixel of a block."""

    name: str
    lon: tuple[float, ...]
    lat: tuple[float, ...]
    """Of the eye, step by step [degree]."""
    values: tuple[float, ...]
    """Of the storm; empty for distances, which differ from pixel to pixel."""

    def __call__(self, block: GeoBox, chosen: slice) -> Floats:
        out = nothing(chosen.stop - chosen.start, block)
        if self.values:
            out[:] = np.asarray(self.values[chosen], np.float32)[:, None, None]
            return out
        rows, columns = (_nodes(n) for n in block.shape)
        c, r = np.meshgrid(columns + 0.5, rows + 0.5)
        to = block.affine
        x, y = to.a * c + to.b * r + to.c, to.d * c + to.e * r + to.f
        there = Transformer.from_crs(str(block.crs), "EPSG:4326", always_xy=True)
        lon, lat = there.transform(x, y)
        along = np.sin if self.name == "storm_east" else np.cos
        # smooth between nodes: a straight line is off by less than the eye's place is known
        down, across = _lines(block.shape[0], rows), _lines(block.shape[1], columns)
        for i, eye in enumerate(zip(self.lon[chosen], self.lat[chosen], strict=True)):
            from_lon, from_lat = (np.full(lon.shape, v) for v in eye)
            azimuth, _, metres = _GEOD.inv(from_lon, from_lat, lon, lat)
            out[i] = down @ (metres * along(np.radians(azimuth))) @ across.T
        return out


def _nodes(count: int) -> NDArray[np.float64]:
    """Return the pixels at which distances are computed, along one side of a block."""
    return np.unique(np.append(np.arange(0, count, _NODE), count - 1)).astype(float)


def _lines(count: int, nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each node at each pixel, (pixel, node)."""
    return np.stack([np.interp(np.arange(count), nodes, own) for own in np.eye(len(nodes))], axis=1)
