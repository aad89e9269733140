"""The layers a flood scene is classified from: checked, despeckled, on one grid, and lazy."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.model.cube import elementwise, require
from reliefscope.numerics import despeckle, fuzzy, radar
from reliefscope.numerics import terrain as relief

POLARISATIONS = ("vv", "vh")

_MONTH_PERCENT = 100 / 12
_STEEP = (0.5, 1.5)


def on_grid(cube: xr.Dataset, after: xr.Dataset, role: str) -> xr.Dataset:
    """Return ``cube`` with the coordinates of ``after``, or raise if its grid is another."""
    for axis in ("y", "x"):
        ours, theirs = after.indexes[axis], cube.indexes.get(axis)
        step = abs(float(ours[-1] - ours[0])) / max(1, ours.size - 1)
        if (
            theirs is None
            or theirs.size != ours.size
            or not np.allclose(ours, theirs, rtol=0, atol=step / 100)
        ):
            raise CubeError(
                f"the {role} cube and the after image lie on different grids along {axis}; "
                f"load both on one grid (odc.geo.geobox.GeoBox)"
            )
    return cube.assign_coords(y=after["y"], x=after["x"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """How speckle is averaged."""

    fine: tuple[float, float]
    """Standard deviations at edges, along y and x [pixel]."""
    coarse: tuple[float, float]
    """The same elsewhere."""
    noise: float
    """Variance between the two that speckle makes [dB^2]."""

    @property
    def halo(self) -> tuple[int, int]:
        """How many neighbours a block needs along y and x [pixel]."""
        return 2 * despeckle.radius(self.coarse[0]), 2 * despeckle.radius(self.coarse[1])


def speckle_filter(smoothing: float, detail: float, size: tuple[float, float]) -> Filter:
    """Return the filter for standard deviations and a pixel size in metres, along y and x."""
    dy, dx = size
    fine = min(detail, smoothing)
    return Filter(
        fine=(fine / dy, fine / dx),
        coarse=(smoothing / dy, smoothing / dx),
        noise=despeckle.speckle_contrast(fine, smoothing),
    )


def encoded(cube: xr.Dataset, speckle: Filter, role: str) -> dict[str, xr.DataArray]:
    """Return despeckled backscatter of each polarisation, hundredths of dB."""
    names = [name for name in POLARISATIONS if name in cube]
    if not names:
        raise CubeError(
            f"the {role} image has {sorted(map(str, cube))}; it needs vv, vh or both, linear power"
        )
    require(cube, *names)
    out = {}
    for name in names:
        array = cube[name]
        if role == "before" and "time" in array.dims:
            array = array.mean("time", skipna=True)
        if set(array.dims) != {"y", "x"}:
            raise CubeError(
                f"{name!r} of the {role} image has dimensions {array.dims}; choose one image, "
                f"for example with isel(time=0)"
            )
        function = partial(_despeckled, speckle=speckle)
        out[name] = _with_halo(function, array.transpose("y", "x"), speckle.halo, "int16")
    return out


def _despeckled(power: NDArray[Any], *, speckle: Filter) -> NDArray[np.int16]:
    db = radar.decibel(power)
    return radar.encode(despeckle.adaptive(db, speckle.fine, speckle.coarse, speckle.noise))


def _with_halo(
    function: partial[NDArray[Any]], array: xr.DataArray, halo: tuple[int, int], dtype: str
) -> xr.DataArray:
    """Apply a filter block by block with what it needs of its neighbours."""
    if array.chunks is None:
        return array.copy(data=function(array.data))
    data = da.map_overlap(  # type: ignore[no-untyped-call]
        function,
        array.data.astype("float32"),
        depth=halo,
        boundary=np.nan,
        dtype=dtype,
        meta=np.empty((0, 0), dtype=dtype),
    )
    return array.copy(data=data)


def log_ratio(after: dict[str, xr.DataArray], before: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return the mean change of the polarisations that both have, hundredths of dB."""
    shared = [name for name in after if name in before]
    if not shared:
        raise CubeError(
            f"the after image has {sorted(after)} and the before image {sorted(before)}; "
            f"they need a polarisation in common"
        )
    pairs = [array for name in shared for array in (after[name], before[name])]
    return elementwise(_ratio, *pairs, dtype="int16")


def _ratio(*hundredths: NDArray[np.int16]) -> NDArray[np.int16]:
    pairs = zip(hundredths[::2], hundredths[1::2], strict=True)
    ratios = [radar.decode(late) - radar.decode(early) for late, early in pairs]
    known = np.sum([np.isfinite(r) for r in ratios], axis=0, dtype=np.float32)
    total = np.sum([np.nan_to_num(r) for r in ratios], axis=0, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        mean = np.asarray(total / known, dtype=np.float32)
    return radar.encode(mean)


def permanent(cube: xr.Dataset, months: float) -> xr.DataArray:
    """1 where water stands at least ``months`` per year, 0 elsewhere."""
    for name, limit in (
        ("water_seasonality", months),
        ("water_occurrence", months * _MONTH_PERCENT),
    ):
        if name in cube:
            require(cube, name)
            return elementwise(partial(_at_least, limit=limit), cube[name], dtype="uint8")
    raise CubeError(
        f"the water cube has {sorted(map(str, cube))}; it needs water_seasonality or "
        f"water_occurrence"
    )


def _at_least(values: NDArray[Any], *, limit: float) -> NDArray[np.uint8]:
    return np.asarray(values >= limit, dtype=np.uint8)


def land_cover(cube: xr.Dataset) -> xr.DataArray:
    """Return the class of land, 0 where it is not known."""
    require(cube, "land_cover")
    return elementwise(_codes, cube["land_cover"], dtype="uint8")


def _codes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.nan_to_num(values, nan=0), dtype=np.uint8)


def plausible(
    cube: xr.Dataset,
    permanent: xr.DataArray | None,
    size: tuple[float, float],
    sigma: tuple[float, float],
    limits: tuple[float, float],
) -> xr.DataArray:
    """Whether the terrain lets water stand [percent]; 255 not known."""
    hand, slope = cube.get("hand"), cube.get("slope_deg")
    if (hand is None or slope is None) and "elevation" in cube:
        require(cube, "elevation")
        dy, dx = size
        elevation = cube["elevation"].transpose("y", "x")
        if slope is None:
            halo = (despeckle.radius(sigma[0]) + 1, despeckle.radius(sigma[1]) + 1)
            slope = _with_halo(
                partial(_smooth_slope, sigma=sigma, dx=dx, dy=dy), elevation, halo, "float32"
            )
        if hand is None:
            hand = _whole(partial(_hand, dx=dx, dy=dy), elevation, permanent)
    known = [(a, m) for a, m in zip((hand, slope), limits, strict=True) if a is not None]
    if not known:
        raise CubeError(
            f"the terrain cube has {sorted(map(str, cube))}; it needs "
            f"elevation, or slope_deg or hand"
        )
    return elementwise(
        partial(_standing, limits=tuple(m for _, m in known)), *(a for a, _ in known), dtype="uint8"
    )


def _smooth_slope(
    elevation: NDArray[Any], *, sigma: tuple[float, float], dx: float, dy: float
) -> NDArray[np.float32]:
    """Slope of the terrain without the steps and the noise of its model [degree]."""
    return relief.slope_deg(despeckle.smooth(elevation, *sigma), dx, dy)


def _hand(
    elevation: NDArray[Any], water: NDArray[Any] | None = None, *, dx: float, dy: float
) -> NDArray[np.float32]:
    return relief.hand(elevation, dx=dx, dy=dy, water=None if water is None else water == 1)


def _whole(function: partial[NDArray[Any]], *arrays: xr.DataArray | None) -> xr.DataArray:
    """Apply a function that needs the whole plane, lazily if the arrays are lazy."""
    given = [a for a in arrays if a is not None]
    out: xr.DataArray = xr.apply_ufunc(
        function,
        *given,
        input_core_dims=[["y", "x"]] * len(given),
        output_core_dims=[["y", "x"]],
        output_dtypes=["float32"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return out


def _standing(*measures: NDArray[Any], limits: tuple[float, ...]) -> NDArray[np.uint8]:
    """Return the least of the memberships, one half at each limit [percent]."""
    least = np.full(measures[0].shape, 2, dtype=np.float32)
    for measure, limit in zip(measures, limits, strict=True):
        one = fuzzy.z_shaped(measure, _STEEP[0] * limit, _STEEP[1] * limit)
        least = np.fmin(least, one)
    return np.where(least > 1, fuzzy.NONE, np.rint(100 * np.minimum(least, 1))).astype(np.uint8)
