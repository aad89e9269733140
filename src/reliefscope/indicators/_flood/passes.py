"""Which passes of a series can be compared with an image: earlier ones on its relative orbit."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.model.cube import Advisory

REPEAT = pd.Timedelta(days=6)
"""Sentinel-1 flies over the same ground each 12 days, its satellites half of that apart."""

SLACK = pd.Timedelta(minutes=20)
"""Passes of one orbit differ by less than this modulo `REPEAT`, those of others by more."""


def time_of(cube: xr.Dataset) -> pd.Timestamp | None:
    """Return when an image was taken, by its scalar coordinate ``time``; None if it has none."""
    if "time" not in cube.coords or cube["time"].ndim:
        return None
    return pd.Timestamp(cube["time"].to_numpy().astype("datetime64[ns]").item(), unit="ns")


def same_orbit(series: xr.Dataset, after: xr.Dataset) -> tuple[xr.Dataset, bool]:
    """Return the passes before ``after`` on its relative orbit, oldest first.

    By the coordinate ``relative_orbit`` where both have one; otherwise by the time between passes,
    a multiple of six days. If no pass fits, all are returned, and False.

    Raises
    ------
    CubeError
        The series has no time.
    """
    if "time" not in series.dims:
        raise CubeError(
            f"the series has dimensions {tuple(series.dims)}; it needs time, one step per pass, "
            f"for example by xarray.concat(images, dim='time')"
        )
    if "time" not in series.indexes:
        raise CubeError("the series has no times; give its dimension time a coordinate")
    series = series.sortby("time")
    when = time_of(after)
    if when is not None:
        series = series.isel(time=np.flatnonzero(series.indexes["time"] < when - SLACK))
    fits = _fits(series, after, when)
    if fits is None or fits.all():
        return series, True
    return (series.isel(time=np.flatnonzero(fits)), True) if fits.any() else (series, False)


def passes_before(
    series: xr.Dataset, after: xr.Dataset, *, days: float | None = None
) -> tuple[xr.Dataset, np.uint16]:
    """Return the passes of `same_orbit`, and a flag if none was of its orbit.

    Parameters
    ----------
    series : Dataset, (time, y, x)
        Passes before.
    after : Dataset, (y, x)
        The image, with its time if it has one.
    days : float, optional
        Passes longer before the image than this are left out [day].

    Raises
    ------
    InsufficientDataError
        No pass is before the image.
    """
    passes, matched = same_orbit(series, after)
    if days is not None and passes.sizes["time"]:
        times = pd.DatetimeIndex(passes.indexes["time"])
        end = time_of(after) or times[-1]
        passes = passes.isel(time=np.flatnonzero(times >= end - pd.Timedelta(days=days)))
    if not passes.sizes["time"]:
        raise InsufficientDataError(
            "no pass of the series lies before the image; choose an earlier window for the series",
            observed_fraction=0.0,
        )
    flag = np.uint16(0 if matched else Advisory.ORBIT_MISMATCH)
    return passes.drop_vars("relative_orbit", errors="ignore"), flag


def _fits(
    series: xr.Dataset, after: xr.Dataset, when: pd.Timestamp | None
) -> NDArray[np.bool_] | None:
    """Return which passes are of the orbit of ``after``; None if nothing tells."""
    if "relative_orbit" in series.coords and "relative_orbit" in after.coords:
        orbit = int(after["relative_orbit"].to_numpy()[()])
        return np.asarray(series["relative_orbit"].to_numpy() == orbit)
    if when is None:
        return None
    apart = (when - pd.DatetimeIndex(series.indexes["time"])) % REPEAT
    return np.asarray((apart < SLACK) | (apart > REPEAT - SLACK))


def day_of_year(times: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Return the day of the year of each time, fractions of a day included."""
    return np.asarray(times.day_of_year + times.hour / 24, dtype=np.float64)
