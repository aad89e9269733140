"""Burned land and how severely it burned, from optical images before and after a fire."""

from functools import partial
from types import MappingProxyType
from typing import Annotated, NamedTuple

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._optical import QUALITY, clear, first_seen, known_water, same_grid
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
from reliefscope.numerics import burn
from reliefscope.numerics.fuzzy import s_shaped

_BANDS = ("nir08", "nir", "swir22", "red", *QUALITY)
_HECTARE_M2 = 10_000.0
_HALF_SEEN = 0.5


def burn_severity(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset,
    water: xr.Dataset | None = None,
    *,
    seed: Annotated[float, Bounds("1e-3", 100, 1000)] = 270.0,
    growth: Annotated[float, Bounds("1e-3", 20, 500)] = 100.0,
    reach: Annotated[float, Bounds("km", 0.1, 50)] = 5.0,
    min_area: Annotated[float, Bounds("ha", 0, 1000)] = 1.0,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map burned land and its severity by the change of the normalized burn ratio.

    dNBR with the offset of unburned vegetation removed, RdNBR and RBR; a fire grows from land that
    burned at least moderately (Key and Benson 2006; Miller and Thode 2007; Parks et al. 2014).
    The breaks between classes were derived on Landsat.

    Parameters
    ----------
    after, before : Dataset, (y, x)
        Reflectance [1]: ``nir08`` (or ``nir``) and ``swir22``, and where there are ``red``
        (vegetation that increased did not burn) and a quality band ``scl``, ``qa_pixel`` or
        ``fmask``, whose clouds and shadows are not observed. With a ``time`` dimension the first
        clear value counts.
    water : Dataset, (y, x), optional
        ``water_seasonality`` [month] or ``water_occurrence`` [percent].
    seed, growth : float
        dNBR x 1000 at which a fire starts on the map, and down to which it grows.
    reach : float
        How far it grows from a seed [km].
    min_area : float
        Smallest fire and smallest unburned island [ha].
    permanent : float
        Months per year from which water counts as permanent [month].
    min_observed : float
        Least share that must be observed on both images [1].

    Returns
    -------
    Dataset, (y, x)
        ``nbr_before``, ``nbr_after``, ``dnbr``, ``rdnbr``, ``rbr``, ``burn_severity``, ``state``
        (event: burned in this fire; reference: permanent water), ``likelihood`` (50 at
        ``growth``; a membership, not calibrated), ``exclusion``, ``advisory``, ``dnbr_offset``.

    Raises
    ------
    CubeError
        Bands are missing, in other units, or on different grids.
    InsufficientDataError
        When computed: less than ``min_observed`` was seen on both images.
    """
    dy, dx = ground_size_m(after, "the after image")
    pixel = float(np.sqrt(dy * dx))
    same_grid(after, before, "the before and the after image")
    ratios = {"before": _ratio(before, "before"), "after": _ratio(after, "after")}
    rules = _Rules(
        burn=burn.Rules(
            seed=seed,
            growth=growth,
            reach=max(1, round(reach * 1000 / pixel)),
            ring=(max(1, round(_RING_M[0] / pixel)), max(1, round(_RING_M[1] / pixel))),
            min_size=max(1, round(min_area * _HECTARE_M2 / pixel**2)),
        ),
        min_observed=min_observed,
    )
    wet = known_water(water, permanent, ratios["after"])
    plane, point = ["y", "x"], list[str]()
    results = xr.apply_ufunc(
        partial(_classify, rules=rules),
        ratios["before"],
        ratios["after"],
        _greener(before, after, ratios["after"]),
        wet,
        input_core_dims=[plane] * 4,
        output_core_dims=[plane] * 4 + [point] * 2,
        output_dtypes=["float32", "uint8", "uint8", "uint8", "uint16", "float32"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    out = dict(zip(_Classified._fields, results, strict=True))
    out["exclusion"] = out["exclusion"].astype("uint16")
    out |= {
        "nbr_before": ratios["before"],
        "nbr_after": ratios["after"],
        "rdnbr": elementwise(burn.relative_dnbr, out["dnbr"], ratios["before"]),
        "rbr": elementwise(burn.relativized_burn_ratio, out["dnbr"], ratios["before"]),
        "burn_severity": elementwise(burn.severity, out["dnbr"], dtype="uint8"),
    }
    cube = xr.Dataset({name: describe(name, layer) for name, layer in out.items()})
    located: xr.Dataset = cube.drop_vars("time", errors="ignore").odc.assign_crs(after.odc.crs)
    return located


_RING_M = (500.0, 5000.0)
"""Unburned land this far from a fire has its weather and its season, but not its smoke [m]."""


class _Rules(NamedTuple):
    burn: burn.Rules
    min_observed: float


class _Classified(NamedTuple):
    dnbr: NDArray[np.float32]
    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint8]
    advisory: NDArray[np.uint16]
    dnbr_offset: NDArray[np.float32]


def _classify(
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    greener: NDArray[np.bool_],
    wet: NDArray[np.bool_],
    *,
    rules: _Rules,
) -> _Classified:
    """Delimit the fire on the whole scene: regions have no bounded reach."""
    seen = np.isfinite(before) & np.isfinite(after)
    share = float(seen.mean())
    if share < rules.min_observed:
        raise InsufficientDataError(
            f"{share:.1%} of the scene was seen without cloud both before and after; at least "
            f"{rules.min_observed:.0%} is needed: choose other dates, or widen the windows",
            observed_fraction=share,
        )
    found = burn.delimit(
        np.where(wet, np.nan, before).astype("float32"), after, greener, rules.burn
    )
    state = np.where(found.burned, State.EVENT, State.NO_EVENT).astype("uint8")
    state[wet] = State.REFERENCE
    state[~seen] = State.NOT_OBSERVED
    percent = np.rint(100 * s_shaped(np.nan_to_num(found.dnbr), 0, 2 * rules.burn.growth))
    likelihood = np.where(np.isnan(found.dnbr), NO_LIKELIHOOD, percent).astype("uint8")
    flags = Advisory.LOW_COVERAGE if share < _HALF_SEEN else Advisory(0)
    if np.isnan(found.offset):
        flags |= Advisory.NO_UNBURNED_REFERENCE
    return _Classified(
        dnbr=found.dnbr,
        state=state,
        likelihood=likelihood,
        exclusion=np.where(seen, 0, Exclusion.LOW_COVERAGE.value).astype("uint8"),
        advisory=np.array(flags.value, dtype="uint16"),
        dnbr_offset=np.array(found.offset, dtype="float32"),
    )


def _ratio(cube: xr.Dataset, role: str) -> xr.DataArray:
    """Return the burn ratio where the ground was seen; of several dates the first clear one."""
    nir = next((name for name in ("nir08", "nir") if name in cube), None)
    if nir is None or "swir22" not in cube:
        raise CubeError(
            f"the {role} image has {sorted(map(str, cube))}; it needs swir22 and nir08 or nir"
        )
    require(cube, nir, "swir22")
    ratio = elementwise(burn.nbr, clear(cube, nir), clear(cube, "swir22"))
    return first_seen(ratio)


def _greener(before: xr.Dataset, after: xr.Dataset, like: xr.DataArray) -> xr.DataArray:
    """Return where the vegetation index rose; nowhere without a red band on both."""
    nir = next(name for name in ("nir08", "nir") if name in after)
    if not all(name in cube for cube in (before, after) for name in ("red", nir)):
        return xr.zeros_like(like, dtype=bool)
    rise = _ndvi(after, nir) - _ndvi(before, nir)
    return rise > 0


def _ndvi(cube: xr.Dataset, nir: str) -> xr.DataArray:
    high, low = clear(cube, nir), clear(cube, "red")
    return first_seen((high - low) / (high + low))


INDICATOR = Indicator(
    name="burn_severity",
    title="Burned area and severity by the change of the normalized burn ratio, the change of "
    "unburned vegetation removed, grown from moderately burned land",
    hazard=Hazard.FIRE,
    needs=MappingProxyType(
        {
            "after": Need(any_of=_BANDS, days=(1, 45)),
            "before": Need(any_of=_BANDS, days=(-60, -1)),
            "water": Need(any_of=("water_seasonality", "water_occurrence"), optional=True),
        }
    ),
    gives=(
        "state",
        "likelihood",
        "exclusion",
        "advisory",
        "nbr_before",
        "nbr_after",
        "dnbr",
        "rdnbr",
        "rbr",
        "dnbr_offset",
        "burn_severity",
    ),
    reference="https://doi.org/10.2737/RMRS-GTR-164",
    compute=burn_severity,
)
