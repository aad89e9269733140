"""The layers a flood is mapped from: checked, despeckled, on one grid, and lazy."""

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

IMAGE = (*POLARISATIONS, "incidence_deg")
"""What a flood indicator asks of an image; a polarisation it must have."""

PERMANENT, SEASONAL = 1, 2
"""Codes of reference water: at all times, and usual in this month of the year."""

WATER_LAYERS = ("water_seasonality", "water_occurrence", "water_monthly_recurrence")

_MONTH_PERCENT = 100 / 12
_USUAL_PERCENT = 50.0
"""Water in every other year in this month is no news."""
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
        out[name] = despeckled(array.transpose("y", "x"), speckle)
    return out


def _despeckled(power: NDArray[Any], *, speckle: Filter) -> NDArray[np.int16]:
    """Average speckle in decibels, image by image; hundredths of dB."""
    if power.ndim > 2:  # noqa: PLR2004 - a series
        return np.stack([_despeckled(image, speckle=speckle) for image in power])
    db = radar.decibel(power)
    if speckle.fine == speckle.coarse:
        return radar.encode(despeckle.smooth(db, *speckle.coarse))
    return radar.encode(despeckle.adaptive(db, speckle.fine, speckle.coarse, speckle.noise))


def despeckled(power: xr.DataArray, speckle: Filter) -> xr.DataArray:
    """Return despeckled backscatter of an image or a series, hundredths of dB."""
    halo = (*(0 for _ in power.dims[:-2]), *speckle.halo)
    return with_halo(partial(_despeckled, speckle=speckle), power, halo, "int16")


def with_halo(
    function: partial[NDArray[Any]], array: xr.DataArray, halo: tuple[int, ...], dtype: str
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
        meta=np.empty((0,) * array.ndim, dtype=dtype),
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


def reference_water(cube: xr.Dataset, months: float, month: int | None) -> xr.DataArray:
    """Return where water is no news: `PERMANENT`, or `SEASONAL`, usual in this month; else 0.

    Parameters
    ----------
    cube : Dataset, (y, x)
        Any of `WATER_LAYERS`; ``water_monthly_recurrence`` may have a dimension ``month``, 1 to 12.
    months : float
        Months per year from which water is permanent.
    month : int or None
        Month of the image; needed to choose among several.
    """
    names = [name for name in WATER_LAYERS if name in cube]
    if not names:
        raise CubeError(
            f"the water cube has {sorted(map(str, cube))}; it needs one of "
            f"{', '.join(WATER_LAYERS)}"
        )
    require(cube, *names)
    codes = [
        elementwise(partial(_at_least, limit=limit, code=PERMANENT), cube[name], dtype="uint8")
        for name, limit in _permanent_limits(months).items()
        if name in names
    ][:1]
    recurrence = _of_month(cube, month) if "water_monthly_recurrence" in names else None
    if recurrence is not None:
        usual = partial(_at_least, limit=_USUAL_PERCENT, code=SEASONAL)
        codes.append(elementwise(usual, recurrence, dtype="uint8"))
    if not codes:
        raise CubeError(
            "the water cube has a layer for each month, and the image has no time to choose one "
            "by; select the month first, with .sel(month=...)"
        )
    return codes[0] if len(codes) == 1 else elementwise(_either, *codes, dtype="uint8")


def _permanent_limits(months: float) -> dict[str, float]:
    return {"water_seasonality": months, "water_occurrence": months * _MONTH_PERCENT}


def _of_month(cube: xr.Dataset, month: int | None) -> xr.DataArray | None:
    """Return the recurrence of the month; None if it cannot be chosen."""
    recurrence = cube["water_monthly_recurrence"]
    if "month" not in recurrence.dims:
        return recurrence
    return None if month is None else recurrence.sel(month=month, drop=True)


def _at_least(values: NDArray[Any], *, limit: float, code: int) -> NDArray[np.uint8]:
    return np.asarray(values >= limit, dtype=np.uint8) * np.uint8(code)


def _either(permanent: NDArray[np.uint8], usual: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(permanent, permanent, usual)


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
            slope = with_halo(
                partial(_smooth_slope, sigma=sigma, dx=dx, dy=dy), elevation, halo, "float32"
            )
        if hand is None:
            hand = whole(partial(_hand, dx=dx, dy=dy), elevation, permanent)
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
    known = None if water is None else water == PERMANENT
    return relief.hand(elevation, dx=dx, dy=dy, water=known)


def whole(
    function: partial[NDArray[Any]], *arrays: xr.DataArray | None, dtype: str = "float32"
) -> xr.DataArray:
    """Apply a function that needs the whole plane, lazily if the arrays are lazy."""
    given = [a for a in arrays if a is not None]
    out: xr.DataArray = xr.apply_ufunc(
        function,
        *given,
        input_core_dims=[["y", "x"]] * len(given),
        output_core_dims=[["y", "x"]],
        output_dtypes=[dtype],
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
