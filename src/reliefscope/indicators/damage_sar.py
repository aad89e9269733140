"""Change of built-up land after an earthquake or an explosion: not confirmed damage."""

from functools import partial
from types import MappingProxyType
from typing import Annotated, NamedTuple

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    ChangeClass,
    Exclusion,
    State,
    describe,
    require,
)
from reliefscope.model.event import Hazard
from reliefscope.model.grid import ground_size_m
from reliefscope.numerics import damage
from reliefscope.numerics.fuzzy import s_shaped
from reliefscope.numerics.radar import decibel
from reliefscope.numerics.regions import grow
from reliefscope.numerics.significance import false_discovery

_BANDS = ("vv", "vh")
_RADII_M = (50.0, 100.0, 150.0)
_BUILT, _WATER = 50, 80
"""ESA WorldCover codes."""
_REPEAT = np.timedelta64(6, "D")
_SAME_PASS = np.timedelta64(30, "m")
_SOFTNESS = 1.0
_HALF_SEEN = 0.5


def damage_sar(
    after: xr.Dataset,
    before: xr.Dataset,
    land: xr.Dataset | None = None,
    *,
    threshold: Annotated[float, Bounds("1", 1, 20)] = 3.0,
    rate: Annotated[float, Bounds("1", 0.001, 0.5)] = 0.1,
    least_before: Annotated[float, Bounds("1", 3, 50)] = 5.0,
    least_after: Annotated[float, Bounds("1", 2, 50)] = 3.0,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map where buildings look different to a radar: change, not confirmed damage.

    A t-test of the logarithm of the backscatter for each orbit and polarisation, of which the
    strongest counts; averaged with its surroundings (Ballinger 2024). An area counts when its
    average passes ``threshold`` and it holds a pixel that stands out of all tested ones by the
    rule of false discoveries. About half of such areas were damaged where it was checked: snow,
    rain, building sites and parked ships change as well.

    Parameters
    ----------
    after : Dataset, (time, y, x)
        ``vv``, ``vh`` or both, linear power [1], of the passes of one to two months after.
    before : Dataset, (time, y, x)
        The same of about a year before. With a coordinate ``relative_orbit`` on time orbits are
        told by it, otherwise by the hour and day of the pass.
    land : Dataset, (y, x), optional
        ``land_cover`` (ESA WorldCover); without it all land is judged.
    threshold : float
        Mean t of a pixel and its surroundings from which it counts as changed.
    rate : float
        Share of false discoveries among pixels that stand out [1].
    least_before, least_after : float
        Fewest passes of one orbit on either side.
    min_observed : float
        Least share of the scene that must be tested [1].

    Returns
    -------
    Dataset, (y, x)
        ``change_t`` (averaged), ``p_value``, ``change_class``, ``state`` (event: changed built-up
        land), ``likelihood`` (of change, 50 at the threshold; a membership, not calibrated on
        damage), ``exclusion`` (no buildings: nothing can be said), ``advisory``.

    Raises
    ------
    CubeError
        No polarisation in common, no time dimension, other units or grids.
    InsufficientDataError
        Too few passes of any orbit; or, when computed, less than ``min_observed`` was tested.
    """
    bands = [name for name in _BANDS if name in after and name in before]
    if not bands:
        raise CubeError(
            f"after has {sorted(map(str, after))}, before {sorted(map(str, before))}; they need vv "
            f"or vh in common"
        )
    for cube, role in ((after, "after"), (before, "before")):
        require(cube, *bands)
        if "time" not in cube.dims:
            raise CubeError(f"{role} has no time dimension; give every pass of the window")
    size = ground_size_m(after, "the images after")
    pairs = _orbits(before, after, round(least_before), round(least_after))
    series = [
        _whole(cube[name].isel(time=chosen))
        for orbit in pairs
        for name in bands
        for cube, chosen in zip((before, after), orbit, strict=True)
    ]
    rules = _Rules(
        size=size,
        threshold=threshold,
        rate=rate,
        least=(round(least_before), round(least_after)),
        min_observed=min_observed,
    )
    first = after[bands[0]].isel(time=0, drop=True)
    plane = ["y", "x"]
    dims = [[f"time{i}", *plane] for i in range(len(series))]
    results = xr.apply_ufunc(
        partial(_judge, rules=rules),
        _built(land, first),
        *(
            s.rename(time=d[0]).drop_vars("relative_orbit", errors="ignore")
            for s, d in zip(series, dims, strict=True)
        ),
        input_core_dims=[plane, *dims],
        output_core_dims=[plane] * 6 + [list[str]()],
        output_dtypes=["float32", "float32", "uint8", "uint8", "uint8", "uint16", "uint16"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
        join="override",
    )
    out = dict(zip(_Judged._fields, results, strict=True))
    cube = xr.Dataset({name: describe(name, layer) for name, layer in out.items()})
    located: xr.Dataset = cube.odc.assign_crs(after.odc.crs)
    return located


class _Rules(NamedTuple):
    size: tuple[float, float]
    threshold: float
    rate: float
    least: tuple[int, int]
    min_observed: float


class _Judged(NamedTuple):
    change_t: NDArray[np.float32]
    p_value: NDArray[np.float32]
    change_class: NDArray[np.uint8]
    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint16]
    advisory: NDArray[np.uint16]


def _whole(layer: xr.DataArray) -> xr.DataArray:
    return layer.chunk(time=-1) if layer.chunks else layer


def _built(land: xr.Dataset | None, like: xr.DataArray) -> xr.DataArray:
    """Return where there are buildings; everywhere without a map of land cover."""
    if land is None:
        return xr.ones_like(like, dtype=bool)
    require(land, "land_cover")
    return land["land_cover"].assign_coords(y=like["y"], x=like["x"]) == _BUILT


def _orbits(
    before: xr.Dataset, after: xr.Dataset, least_before: int, least_after: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return for each orbit with enough passes which of before and of after are of it."""
    keys = [_orbit_keys(cube) for cube in (before, after)]
    found = []
    for orbit in sorted(set(keys[0]) & set(keys[1])):
        pair = (np.flatnonzero(keys[0] == orbit), np.flatnonzero(keys[1] == orbit))
        if pair[0].size >= least_before and pair[1].size >= least_after:
            found.append(pair)
    if not found:
        raise InsufficientDataError(
            f"{len(keys[0])} passes before and {len(keys[1])} after hold no orbit with "
            f"{least_before} and {least_after}; widen the windows, or wait for the next passes",
            observed_fraction=0.0,
        )
    return found


def _orbit_keys(cube: xr.Dataset) -> NDArray[np.int64]:
    """Return a number of the orbit of each pass.

    Passes of one orbit come at the same time of day every six or twelve days.
    """
    if "relative_orbit" in cube.coords:
        return np.asarray(cube["relative_orbit"].to_numpy(), np.int64)
    stamps = cube["time"].to_numpy().astype("datetime64[m]")
    phase = (stamps - np.datetime64("2014-01-01", "m")) % _REPEAT.astype("timedelta64[m]")
    return np.asarray(np.rint(phase / _SAME_PASS), np.int64)


def _judge(built: NDArray[np.bool_], *series: NDArray[np.float32], rules: _Rules) -> _Judged:
    """Judge the whole scene: false discoveries are counted over all of it."""
    least_before, least_after = rules.least
    calm = [decibel(images) for images in series]
    tests = [
        damage.welch(one, other, least_before=least_before, least_after=least_after)
        for one, other in zip(calm[::2], calm[1::2], strict=True)
    ]
    best = damage.strongest(tests)
    seen = np.isfinite(best.p)
    share = float(seen.mean())
    if share < rules.min_observed:
        raise InsufficientDataError(
            f"{share:.1%} of the scene has enough passes before and after; at least "
            f"{rules.min_observed:.0%} is needed: widen the windows",
            observed_fraction=share,
        )
    # fields and woods change with the season: they would lend their change to the houses
    homes = np.where(built, np.abs(best.t), np.nan).astype("float32")
    level = damage.multiscale(homes, rules.size, _RADII_M)
    p = np.where(built, best.p, np.nan).astype("float32")
    candidate = np.nan_to_num(level) > rules.threshold
    changed = grow(candidate, candidate & false_discovery(p, rules.rate))
    state = np.where(changed, State.EVENT, State.NO_EVENT).astype("uint8")
    state[~built] = State.EXCLUDED
    state[~seen] = State.NOT_OBSERVED
    exclusion = np.where(built, 0, Exclusion.NO_BUILDINGS.value).astype("uint16")
    exclusion[~seen] = Exclusion.LOW_COVERAGE.value
    classes = np.where(candidate, ChangeClass.POSSIBLE, ChangeClass.NONE).astype("uint8")
    classes[changed] = ChangeClass.PROBABLE
    classes[~seen | ~built] = ChangeClass.NOT_OBSERVED
    told = seen & built
    percent = np.rint(
        100
        * s_shaped(np.nan_to_num(level), rules.threshold - _SOFTNESS, rules.threshold + _SOFTNESS)
    )
    flags = Advisory.LOW_COVERAGE if share < _HALF_SEEN else Advisory(0)
    return _Judged(
        change_t=np.where(told, level, np.nan).astype("float32"),
        p_value=p,
        change_class=classes,
        state=state,
        likelihood=np.where(told, percent, NO_LIKELIHOOD).astype("uint8"),
        exclusion=exclusion,
        advisory=np.array((flags | Advisory.NOT_CONFIRMED).value, dtype="uint16"),
    )


INDICATOR = Indicator(
    name="damage_sar",
    title="Change of built-up land in radar images against a year before: change, not confirmed "
    "damage",
    hazard=Hazard.EARTHQUAKE,
    also=frozenset({Hazard.EXPLOSION}),
    needs=MappingProxyType(
        {
            "after": Need(any_of=_BANDS, days=(0, 60), series=True),
            "before": Need(any_of=_BANDS, days=(-365, -1), series=True),
            "land": Need(any_of=("land_cover",), optional=True),
        }
    ),
    gives=(
        "change_t",
        "p_value",
        "change_class",
        "state",
        "likelihood",
        "exclusion",
        "advisory",
    ),
    reference="https://doi.org/10.48550/arXiv.2405.06323",
    compute=damage_sar,
)
