"""Depth of a flood from a map of its extent and the terrain under it."""

from functools import partial
from types import MappingProxyType
from typing import Annotated, NamedTuple

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    DepthBand,
    Exclusion,
    State,
    describe,
    elementwise,
    require,
)
from reliefscope.model.event import Hazard
from reliefscope.model.grid import ground_size_m
from reliefscope.numerics import depth, terrain
from reliefscope.numerics.regions import small_holes

_BANDS_M = (0.5, 1.0, 2.0, 4.0)
_HECTARE_M2 = 10_000.0
_FLOODED = {"state": (State.EVENT,), "gfm_flood": (1,), "dswx_bwtr": (1,)}
_REFERENCE = {"state": (State.REFERENCE,)}
_UNSEEN = {"state": (State.NOT_OBSERVED, State.EXCLUDED), "gfm_flood": (255,), "dswx_bwtr": (255,)}


def flood_depth(
    flood: xr.Dataset,
    terrain: xr.Dataset,
    *,
    min_hole: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    shore_slope: Annotated[float, Bounds("percent", 0, 50)] = 0.5,
    keep_steeper: Annotated[float, Bounds("1", 0, 1)] = 1.0,
    height_error: Annotated[float, Bounds("m", 0, 50)] = 2.0,
) -> xr.Dataset:
    """Estimate how deep the water stands, from its shore and from the height above drainage.

    Two estimates by independent reasoning: the level of the nearest shore (Cohen et al. 2018,
    2019), and for each body of water the one level above the drainage that agrees best with its
    extent. They are both given; ``depth_m`` is the first, and the second where no shore was seen.

    Parameters
    ----------
    flood : Dataset, (y, x)
        ``state`` of a flood map, or ``gfm_flood`` or ``dswx_bwtr``. Reference water in ``state``
        is part of its body of water, and has no depth of its own.
    terrain : Dataset, (y, x)
        ``elevation`` [m]; a model of the bare ground is better than one with trees and houses.
    min_hole : float
        Holes of the extent smaller than this are closed first: their edges are no shore [ha].
    shore_slope : float
        Slope that divides steep from flat shores [percent].
    keep_steeper : float
        1: the steeper shore is believed; 0: the flatter. Vegetation hides flat shores from a
        satellite, and an error in the outline moves the level at steep ones: try both.
    height_error : float
        Error of the heights; shallower depths are no more than "wet" [m].

    Returns
    -------
    Dataset, (y, x)
        ``depth_m`` (NaN where there is no flood or no height; 0 where it is wet and no more can be
        told), ``depth_shore_m``,
        ``depth_hand_m``, ``depth_band``, and ``state``, ``likelihood`` (none is stated),
        ``exclusion`` and ``advisory`` (`Advisory.SHALLOW` when half of the flood is shallower than
        the error of the heights).

    Raises
    ------
    CubeError
        No flood map, no ``elevation`` in m, or different grids.
    InsufficientDataError
        When computed: no height is known.
    """
    name = next((n for n in _FLOODED if n in flood), None)
    if name is None:
        raise CubeError(
            f"the flood cube has {sorted(map(str, flood))}; it needs one of {sorted(_FLOODED)}"
        )
    require(terrain, "elevation")
    dy, dx = ground_size_m(flood, "the flood map")
    codes = _single(flood[name])
    height = _single(terrain["elevation"])
    if height.shape != codes.shape:
        raise CubeError(
            f"the flood map is {codes.shape} and the terrain {height.shape}; load both on one grid"
        )
    rules = _Rules(
        name=name,
        size=(dy, dx),
        min_hole=max(1, round(min_hole * _HECTARE_M2 / (dx * dy))),
        shore=depth.Shore(
            passes=_PASSES, slope_percent=shore_slope, keep_steeper=keep_steeper >= _HALF
        ),
        reach=max(1, round(_REACH_M / min(dx, dy))),
        height_error=height_error,
    )
    plane, point = ["y", "x"], list[str]()
    results = xr.apply_ufunc(
        partial(_estimate, rules=rules),
        codes,
        height.assign_coords(y=codes["y"], x=codes["x"]),
        input_core_dims=[plane] * 2,
        output_core_dims=[plane] * 6 + [point],
        output_dtypes=["float32"] * 3 + ["uint8"] * 3 + ["uint16"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    out = dict(zip(_Estimated._fields, results, strict=True))
    out["exclusion"] = out["exclusion"].astype("uint16")
    out["depth_band"] = elementwise(_bands, out["depth_m"], dtype="uint8")
    cube = xr.Dataset({n: describe(n, layer) for n, layer in out.items()})
    located: xr.Dataset = cube.drop_vars("time", errors="ignore").odc.assign_crs(flood.odc.crs)
    return located


_PASSES = 10
_REACH_M = 300.0
"""Land this near a body of water is held against it [m]."""
_HALF = 0.5


class _Rules(NamedTuple):
    name: str
    size: tuple[float, float]
    min_hole: int
    shore: depth.Shore
    reach: int
    height_error: float


class _Estimated(NamedTuple):
    depth_m: NDArray[np.float32]
    depth_shore_m: NDArray[np.float32]
    depth_hand_m: NDArray[np.float32]
    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]
    advisory: NDArray[np.uint16]


def _estimate(
    codes: NDArray[np.floating], height: NDArray[np.float32], *, rules: _Rules
) -> _Estimated:
    """Estimate on the whole scene: a shore has no bounded reach."""
    if not np.isfinite(height).any():
        raise InsufficientDataError(
            "no height is known under the flood map; add a terrain model that covers it",
            observed_fraction=0.0,
        )
    seen = np.isfinite(codes) & ~np.isin(codes, _UNSEEN[rules.name])
    flood = np.isin(codes, _FLOODED[rules.name])
    known = np.isin(codes, _REFERENCE.get(rules.name, ()))
    # a river in flood has its shore where the flood ends: water next to water is none
    water = flood | known
    water |= small_holes(water, seen, rules.min_hole)
    flood = water & ~known
    dy, dx = rules.size
    slope = terrain.slope_deg(height, dx, dy)
    by_shore = depth.from_shoreline(water, seen, height, slope, rules.shore)
    del slope  # whole scenes: what is done with makes room for what comes
    by_shore[~flood] = np.nan
    by_hand = _by_hand(water, seen, height, rules)
    by_hand[~flood] = np.nan
    best = _best(by_shore, by_hand, flood & np.isfinite(height))
    told = best[flood & np.isfinite(best)]
    shallow = told.size > 0 and float((told < rules.height_error).mean()) > _HALF
    state = np.where(flood, State.EVENT, State.NO_EVENT).astype("uint8")
    state[known] = State.REFERENCE
    state[~seen & ~water] = State.NOT_OBSERVED
    return _Estimated(
        depth_m=best,
        depth_shore_m=by_shore,
        depth_hand_m=by_hand,
        state=state,
        likelihood=np.full(state.shape, NO_LIKELIHOOD, dtype="uint8"),
        exclusion=np.where(seen, 0, Exclusion.LOW_COVERAGE.value).astype("uint8"),
        advisory=np.array((Advisory.SHALLOW if shallow else Advisory(0)).value, dtype="uint16"),
    )


def _by_hand(
    water: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    height: NDArray[np.float32],
    rules: _Rules,
) -> NDArray[np.float32]:
    """Return the depth by the height above the drainage."""
    dy, dx = rules.size
    hand = terrain.hand(height, dx=dx, dy=dy)
    labels = np.empty(water.shape, "int32")
    ndimage.label(water, structure=np.ones((3, 3)), output=labels)
    return depth.from_hand(labels, seen, hand, reach=rules.reach)


def _best(
    by_shore: NDArray[np.float32], by_hand: NDArray[np.float32], wet: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the depth by the shore, and by the drainage only where no shore was seen at all.

    Ground as high as its shore is wet, and no depth can be told: 0. To take another estimate
    there would put deep water among shallow.
    """
    if np.isnan(by_shore).all():
        return by_hand
    return np.where(wet & np.isnan(by_shore), np.float32(0), by_shore)


def _bands(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    codes = (np.digitize(values, _BANDS_M) + DepthBand.TO_HALF_METRE).astype("uint8")
    return np.where(np.isnan(values), np.uint8(DepthBand.NONE), codes)


def _single(layer: xr.DataArray) -> xr.DataArray:
    return layer.isel(time=0, drop=True) if "time" in layer.dims else layer


INDICATOR = Indicator(
    name="flood_depth",
    title="Depth of a mapped flood from the level of its nearest shore, and from the level above "
    "the drainage that agrees best with its extent",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "flood": Need(any_of=tuple(_FLOODED)),
            "terrain": Need(any_of=("elevation",)),
        }
    ),
    gives=(
        "depth_m",
        "depth_shore_m",
        "depth_hand_m",
        "depth_band",
        "state",
        "likelihood",
        "exclusion",
        "advisory",
    ),
    reference="https://doi.org/10.5194/nhess-19-2053-2019",
    compute=flood_depth,
)
