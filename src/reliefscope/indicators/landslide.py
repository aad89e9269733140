"""Landslides: vegetation that has gone from steep ground."""

from functools import partial
from types import MappingProxyType
from typing import Annotated, NamedTuple

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._optical import QUALITY, clear, first_seen, same_grid
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    Exclusion,
    State,
    describe,
    elementwise,
    require,
)
from reliefscope.model.event import Hazard
from reliefscope.model.grid import ground_size_m
from reliefscope.numerics import terrain as relief
from reliefscope.numerics.fuzzy import z_shaped
from reliefscope.numerics.regions import grow, small_holes

_BANDS = ("red", "nir", "nir08", *QUALITY)
_HECTARE_M2 = 10_000.0
_CROP, _WATER = 40, 80
"""ESA WorldCover codes: ploughed and flooded ground lose their green as well."""
_HALF_SEEN = 0.5
_SOFTNESS = 10.0


def landslide(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset,
    terrain: xr.Dataset,
    land: xr.Dataset | None = None,
    *,
    loss: Annotated[float, Bounds("percent", 5, 100)] = 30.0,
    core: Annotated[float, Bounds("percent", 5, 120)] = 40.0,
    min_slope: Annotated[float, Bounds("degree", 0, 60)] = 10.0,
    least_green: Annotated[float, Bounds("1", 0, 1)] = 0.3,
    min_area: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map loss of vegetation on steep ground: probable landslides, not confirmed ones.

    The change of the vegetation index relative to how green it was, on slopes, between the
    greenest of the images before and the first clear one after (Scheip and Wegmann 2021). Fires,
    felling and building sites bare slopes too.

    Parameters
    ----------
    after, before : Dataset, (y, x) or (time, y, x)
        ``red`` and ``nir`` or ``nir08``, reflectance [1], and a quality band where there is one.
    terrain : Dataset, (y, x)
        ``elevation`` [m].
    land : Dataset, (y, x), optional
        ``land_cover`` (ESA WorldCover): cropland and water are excluded.
    loss, core : float
        Relative loss of the vegetation index down to which a slide grows, and from which it
        starts [percent].
    min_slope : float
        Slides start on ground as steep as this, and run out on ground half as steep [degree].
    least_green : float
        Vegetation index before below which there was nothing to lose [1].
    min_area : float
        Smallest slide [ha].
    min_observed : float
        Least share that must be seen on both images [1].

    Returns
    -------
    Dataset, (y, x)
        ``rdndvi`` [percent], ``slope_deg``, ``state`` (event: probable landslide), ``likelihood``
        (50 at ``loss``; a membership, not calibrated), ``exclusion``, ``advisory``.

    Raises
    ------
    CubeError
        Bands are missing, in other units, or on different grids.
    InsufficientDataError
        When computed: less than ``min_observed`` was seen on both images.
    """
    dy, dx = ground_size_m(after, "the image after")
    same_grid(after, before, "the before and the after image")
    require(terrain, "elevation")
    earlier, later = _greenest(before, "before"), first_seen(_ndvi(after, "after"))
    change = elementwise(_relative, earlier, later)
    rules = _Rules(
        size=(dy, dx),
        loss=loss,
        core=core,
        min_slope=min_slope,
        least_green=least_green,
        min_size=max(1, round(min_area * _HECTARE_M2 / (dx * dy))),
        min_observed=min_observed,
    )
    plane, point = ["y", "x"], list[str]()
    results = xr.apply_ufunc(
        partial(_decide, rules=rules),
        change,
        earlier,
        terrain["elevation"].assign_coords(y=change["y"], x=change["x"]),
        _cover(land, change),
        input_core_dims=[plane] * 4,
        output_core_dims=[plane] * 4 + [point],
        output_dtypes=["float32", "uint8", "uint8", "uint16", "uint16"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    out = {"rdndvi": change, **dict(zip(_Decided._fields, results, strict=True))}
    cube = xr.Dataset({name: describe(name, layer) for name, layer in out.items()})
    located: xr.Dataset = cube.drop_vars("time", errors="ignore").odc.assign_crs(after.odc.crs)
    return located


class _Rules(NamedTuple):
    size: tuple[float, float]
    loss: float
    core: float
    min_slope: float
    least_green: float
    min_size: int
    min_observed: float


class _Decided(NamedTuple):
    slope_deg: NDArray[np.float32]
    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint16]
    advisory: NDArray[np.uint16]


def _ndvi(cube: xr.Dataset, role: str) -> xr.DataArray:
    nir = next((name for name in ("nir", "nir08") if name in cube), None)
    if nir is None or "red" not in cube:
        raise CubeError(
            f"the {role} image has {sorted(map(str, cube))}; it needs red and nir or nir08"
        )
    require(cube, nir, "red")
    high, low = clear(cube, nir), clear(cube, "red")
    return (high - low) / (high + low)


def _greenest(cube: xr.Dataset, role: str) -> xr.DataArray:
    index = _ndvi(cube, role)
    return index.max("time", skipna=True) if "time" in index.dims else index


def _relative(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the relative change of the index [percent]; NaN where there was no green at all."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(before + after)
        change = 100 * (after - before) / scale
    # bare rock before and after: the index sums to nothing, and nothing was lost
    return np.where(scale > 0, change, np.where(np.isnan(before + after), np.nan, 0)).astype(
        "float32"
    )


def _cover(land: xr.Dataset | None, like: xr.DataArray) -> xr.DataArray:
    if land is None:
        return xr.zeros_like(like, dtype="uint8")
    require(land, "land_cover")
    return land["land_cover"].assign_coords(y=like["y"], x=like["x"])


def _decide(
    change: NDArray[np.float32],
    earlier: NDArray[np.float32],
    elevation: NDArray[np.float32],
    cover: NDArray[np.generic],
    *,
    rules: _Rules,
) -> _Decided:
    """Decide on the whole scene: regions have no bounded reach."""
    dy, dx = rules.size
    slope = relief.slope_deg(elevation, dx, dy)
    seen = np.isfinite(change) & np.isfinite(slope)
    share = float(seen.mean())
    if share < rules.min_observed:
        raise InsufficientDataError(
            f"{share:.1%} of the scene was seen without cloud both before and after; at least "
            f"{rules.min_observed:.0%} is needed: choose other dates",
            observed_fraction=share,
        )
    exclusion = np.zeros(change.shape, "uint16")
    exclusion[np.isin(cover, (_CROP, _WATER))] |= Exclusion.AMBIGUOUS.value
    flat = slope < rules.min_slope / 2
    green = earlier >= rules.least_green
    # fields on flat ground cannot slide, whatever grows on them
    exclusion[flat] = 0
    judged = seen & (exclusion == 0) & ~flat & green
    fallen = judged & (change <= -rules.loss)
    source = fallen & (change <= -rules.core) & (slope >= rules.min_slope)
    slide = grow(fallen, source, min_size=rules.min_size)
    slide |= small_holes(slide, judged, rules.min_size)
    state = np.where(slide, State.EVENT, State.NO_EVENT).astype("uint8")
    state[exclusion > 0] = State.EXCLUDED
    state[~seen] = State.NOT_OBSERVED
    exclusion[~seen] = Exclusion.LOW_COVERAGE.value
    percent = np.rint(
        100 * z_shaped(np.nan_to_num(change), -rules.loss - _SOFTNESS, -rules.loss + _SOFTNESS)
    )
    percent[flat | ~green] = 0
    flags = Advisory.LOW_COVERAGE if share < _HALF_SEEN else Advisory(0)
    return _Decided(
        slope_deg=slope,
        state=state,
        likelihood=np.where(seen, percent, NO_LIKELIHOOD).astype("uint8"),
        exclusion=exclusion,
        advisory=np.array((flags | Advisory.NOT_CONFIRMED).value, dtype="uint16"),
    )


INDICATOR = Indicator(
    name="landslide",
    title="Loss of vegetation on steep ground between optical images: probable landslides, not "
    "confirmed ones",
    hazard=Hazard.LANDSLIDE,
    needs=MappingProxyType(
        {
            "after": Need(any_of=_BANDS, days=(0, 60)),
            "before": Need(any_of=_BANDS, days=(-120, -1)),
            "terrain": Need(any_of=("elevation",)),
            "land": Need(any_of=("land_cover",), optional=True),
        }
    ),
    gives=("rdndvi", "slope_deg", "state", "likelihood", "exclusion", "advisory"),
    reference="https://doi.org/10.5194/nhess-21-1495-2021",
    compute=landslide,
)
