"""What each pixel usually looks like, by the passes of one relative orbit."""

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._flood.layers import POLARISATIONS, Filter, despeckled
from reliefscope.model.cube import require
from reliefscope.numerics import radar
from reliefscope.numerics.change import MIN_OBSERVATIONS, z_score

DARK_DB = -15.0
"""Backscatter VV of smooth dry ground; calm water is below."""

DARK_SHARE = 0.7
"""Ground that is as dark as this in more of its images is always dark."""

_BLOCK = 512


def filtered(series: xr.Dataset, speckle: Filter) -> dict[str, xr.DataArray]:
    """Return despeckled backscatter of each pass, (time, y, x), hundredths of dB."""
    names = [name for name in POLARISATIONS if name in series]
    if not names:
        raise CubeError(
            f"the series has {sorted(map(str, series))}; it needs vv, vh or both, linear power"
        )
    require(series, *names)
    return {
        name: blocks(despeckled(series[name].transpose("time", "y", "x"), speckle))
        for name in names
    }


def blocks(series: xr.DataArray) -> xr.DataArray:
    """Return a lazy series in blocks of all times of few pixels; one in memory as it is."""
    if series.chunks is None:
        return series
    return series.chunk({"time": -1, "y": _BLOCK, "x": _BLOCK})


def along_time(
    function: partial[Any], *arrays: xr.DataArray, dtypes: tuple[str, ...]
) -> list[xr.DataArray]:
    """Apply ``function`` to whole series, (..., time), and planes; it returns planes."""
    out = xr.apply_ufunc(
        function,
        *arrays,
        input_core_dims=[["time"] if "time" in a.dims else [] for a in arrays],
        output_core_dims=[[] for _ in dtypes],
        output_dtypes=list(dtypes),
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return [out] if len(dtypes) == 1 else list(out)


def z_scores(after: xr.DataArray, series: xr.DataArray) -> xr.DataArray:
    """Return how unusual ``after`` is, in hundredths of a spread, `radar.MISSING` unknown."""
    (z,) = along_time(partial(_z), after, series, dtypes=("int16",))
    return z


def _z(after: NDArray[np.int16], series: NDArray[np.int16]) -> NDArray[np.int16]:
    z = z_score(radar.decode(after), np.moveaxis(radar.decode(series), -1, 0))
    return radar.encode(z)


def counted(series: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return how many passes observed each pixel, in any polarisation."""
    (count,) = along_time(partial(_count), *series.values(), dtypes=("uint16",))
    return count


def _count(*series: NDArray[np.int16]) -> NDArray[np.uint16]:
    seen = np.any([s != radar.MISSING for s in series], axis=0)
    return np.asarray(seen.sum(axis=-1), dtype=np.uint16)


def always_dark(series: xr.DataArray) -> xr.DataArray:
    """Return 1 where VV is below `DARK_DB` in more than `DARK_SHARE` of the passes.

    0 elsewhere, also where fewer than eight passes saw the pixel.
    """
    (dark,) = along_time(partial(_dark), series, dtypes=("uint8",))
    return dark


def _dark(series: NDArray[np.int16]) -> NDArray[np.uint8]:
    seen = series != radar.MISSING
    count = seen.sum(axis=-1)
    low = (seen & (series < round(100 * DARK_DB))).sum(axis=-1)
    return np.asarray((count >= MIN_OBSERVATIONS) & (low > DARK_SHARE * count), dtype=np.uint8)
