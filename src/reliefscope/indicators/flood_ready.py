"""Floods that others have mapped: OPERA DSWx, Copernicus GFM and delineations, in our own codes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._optical import known_water, same_grid
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    PROVENANCE_NOTES,
    Advisory,
    Exclusion,
    State,
    describe,
    elementwise,
)
from reliefscope.model.event import Hazard
from reliefscope.words import mark

_WATER: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"gfm_flood": (1,), "dswx_bwtr": (1,), "dswx_wtr": (1, 2, 3)}
)
"""Codes of water: open, partial, and under vegetation."""
_DRY = (0,)
_DSWX_REASONS: Mapping[int, Exclusion] = MappingProxyType(
    {
        250: Exclusion.STEEP_TERRAIN,
        251: Exclusion.LAYOVER_SHADOW,
        252: Exclusion.AMBIGUOUS,
    }
)
"""Codes for which OPERA makes no statement: high above drainage, layover or shadow, snow."""
_OCEAN, _SNOW = 254, 252
_LABELS, _GFM_REFERENCE = (0, 1), (1, 2)
_GFM_ROUGH, _GFM_LOW = (2, 3), (1, 3)
"""GFM: 1 permanent, 2 seasonal reference water; advisory 1 low backscatter, 2 rough, 3 both."""
_LAYERS = (
    *_WATER,
    "delineation",
    "gfm_water",
    "gfm_likelihood",
    "gfm_exclusion",
    "gfm_reference_water",
    "gfm_advisory",
)
_SHARE = 0.05
_DRAWN = mark(
    "drawn by analysts; what they left blank inside their area of interest counts as observed, "
    "not flooded"
)


def flood_ready(
    after: xr.Dataset,
    before: xr.Dataset | None = None,
    water: xr.Dataset | None = None,
    *,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
) -> xr.Dataset:
    """State a ready-made water or flood product in the codes of all products here.

    GFM maps floods: they are taken as they are, with their likelihood, exclusion, reference water
    and advisories. DSWx maps water: a flood is what is water after and was not before, by a DSWx
    map before the event, by the water of other years, or both. Where neither says what was there
    before, water cannot be told from flood, and is excluded. A delineation by analysts says by
    itself what is flood and what is known water.

    Parameters
    ----------
    after : Dataset, (y, x)
        ``gfm_flood`` with ``gfm_likelihood``, ``gfm_exclusion``, ``gfm_reference_water`` and
        ``gfm_advisory`` where there are; or ``delineation``; or ``dswx_wtr`` or ``dswx_bwtr``. Of
        several times the first counts.
    before : Dataset, (y, x), optional
        ``dswx_wtr`` or ``dswx_bwtr``. Of several times any that saw water counts.
    water : Dataset, (y, x), optional
        ``water_seasonality`` [month] or ``water_occurrence`` [percent].
    permanent : float
        Months per year from which water counts as permanent [month].

    Returns
    -------
    Dataset, (y, x)
        ``state``, ``likelihood`` (GFM's own; the others state none), ``exclusion``, ``advisory``.

    Raises
    ------
    CubeError
        No such product in ``after``, or different grids.
    """
    if "gfm_flood" in after:
        layers = _gfm(after, known_water(water, permanent, _single(after["gfm_flood"])))
    elif "delineation" in after:
        codes = _single(after["delineation"])
        layers = _drawn(codes, known_water(water, permanent, codes))
    else:
        layers = _dswx(after, before, water, permanent)
    cube = xr.Dataset({name: describe(name, layer) for name, layer in layers.items()})
    if "gfm_flood" not in after and "delineation" in after:
        cube.attrs[PROVENANCE_NOTES] = (_DRAWN,)
    located: xr.Dataset = cube.drop_vars("time", errors="ignore").odc.assign_crs(after.odc.crs)
    return located


def _drawn(codes: xr.DataArray, known: xr.DataArray) -> dict[str, xr.DataArray]:
    """Return the layers of a delineation: nobody stated a likelihood, or flags of the image."""
    state = elementwise(_drawn_state, codes, known, dtype="uint8")
    return {
        "state": state,
        "likelihood": xr.full_like(state, NO_LIKELIHOOD),
        "exclusion": _unsaid(state),
        "advisory": _flag(state == State.NOT_OBSERVED, Advisory(0)),
    }


def _drawn_state(codes: NDArray[np.generic], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    state = np.full(codes.shape, State.NOT_OBSERVED, "uint8")
    for code in State:
        state[codes == code] = code
    state[known & (state == State.NO_EVENT)] = State.REFERENCE
    return state


def _unsaid(state: xr.DataArray) -> xr.DataArray:
    """Return the reasons where a product leaves pixels out without giving any."""
    unseen = (state == State.NOT_OBSERVED) * np.uint16(Exclusion.LOW_COVERAGE)
    return (unseen + (state == State.EXCLUDED) * np.uint16(Exclusion.AMBIGUOUS)).astype("uint16")


def _gfm(after: xr.Dataset, known: xr.DataArray) -> dict[str, xr.DataArray]:
    flood = _single(after["gfm_flood"])
    missing = xr.full_like(flood, NO_LIKELIHOOD, dtype="uint8")
    excluded, reference, water, said, flags = (
        _single(after[name]) if name in after else missing
        for name in (
            "gfm_exclusion",
            "gfm_reference_water",
            "gfm_water",
            "gfm_likelihood",
            "gfm_advisory",
        )
    )
    state = elementwise(_gfm_state, flood, excluded, reference, water, known, dtype="uint8")
    unseen = state == State.NOT_OBSERVED
    return {
        "state": state,
        "likelihood": said.where(~unseen, NO_LIKELIHOOD).astype("uint8"),
        "exclusion": _unsaid(state),
        "advisory": (
            _flag(flags.isin(_GFM_ROUGH), Advisory.ROUGH_WATER)
            | _flag(flags.isin(_GFM_LOW), Advisory.LOW_CONTRAST)
        ).astype("uint16"),
    }


def _gfm_state(
    flood: NDArray[np.generic],
    excluded: NDArray[np.generic],
    reference: NDArray[np.generic],
    water: NDArray[np.generic],
    known: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Return our codes.

    Where GFM excludes or knows water it gives no flood label at all (255): that the satellite
    passed shows in the other layers.
    """
    state = np.full(flood.shape, State.NOT_OBSERVED, "uint8")
    passed = np.isin(flood, _LABELS) | np.isin(excluded, _LABELS) | np.isin(water, _LABELS)
    state[flood == 0] = State.NO_EVENT
    state[flood == 1] = State.EVENT
    state[excluded == 1] = State.EXCLUDED
    there = np.isin(reference, _GFM_REFERENCE) | known | ((water == 1) & (flood != 1))
    state[passed & there & (flood != 1)] = State.REFERENCE
    return state


def _dswx(
    after: xr.Dataset, before: xr.Dataset | None, water: xr.Dataset | None, permanent: float
) -> dict[str, xr.DataArray]:
    now = _single(_water_layer(after, "after"))
    known = known_water(water, permanent, now)
    if before is not None:
        same_grid(after, before, "the products before and after")
        was, told = _earlier(_water_layer(before, "before"))
    else:
        was, told = xr.zeros_like(now, dtype=bool), xr.zeros_like(now, dtype=bool)
    told = told | (water is not None)
    state = elementwise(_dswx_state, now, was | known, told, dtype="uint8")
    exclusion = elementwise(_dswx_reasons, now, state, dtype="uint16")
    unjudged = Advisory.NO_REFERENCE_WATER if before is None and water is None else Advisory(0)
    return {
        "state": state,
        "likelihood": xr.full_like(state, NO_LIKELIHOOD),
        "exclusion": exclusion,
        "advisory": (_flag(now == _SNOW, Advisory.FROZEN) | np.uint16(unjudged)).astype("uint16"),
    }


def _water_layer(cube: xr.Dataset, role: str) -> xr.DataArray:
    name = next((n for n in ("dswx_wtr", "dswx_bwtr") if n in cube), None)
    if name is None:
        raise CubeError(
            f"the {role} cube has {sorted(map(str, cube))}; it needs dswx_wtr or dswx_bwtr, or "
            f"gfm_flood or delineation alone"
        )
    return cube[name]


def _earlier(codes: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return where there was water, and where it is known whether there was."""
    wet = codes.isin((*_WATER["dswx_wtr"], _OCEAN))
    told = wet | codes.isin(_DRY)
    if "time" in codes.dims:
        return wet.any("time"), told.any("time")
    return wet, told


def _dswx_state(
    now: NDArray[np.generic], was: NDArray[np.bool_], told: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    wet = np.isin(now, _WATER["dswx_wtr"])
    state = np.full(now.shape, State.NOT_OBSERVED, "uint8")
    state[np.isin(now, _DRY)] = State.NO_EVENT
    state[wet & told] = State.EVENT
    state[wet & ~told] = State.EXCLUDED
    state[wet & was] = State.REFERENCE
    state[now == _OCEAN] = State.REFERENCE
    state[np.isin(now, list(_DSWX_REASONS))] = State.EXCLUDED
    return state


def _dswx_reasons(now: NDArray[np.generic], state: NDArray[np.uint8]) -> NDArray[np.uint16]:
    reasons = np.zeros(now.shape, "uint16")
    # water of which nobody knows whether it was there before
    reasons[state == State.EXCLUDED] = Exclusion.LOW_COVERAGE.value
    for code, reason in _DSWX_REASONS.items():
        reasons[now == code] = reason.value
    reasons[state == State.NOT_OBSERVED] = Exclusion.LOW_COVERAGE.value
    return reasons


def _flag(where: xr.DataArray, flag: Advisory) -> xr.DataArray:
    """Return the flag where it holds for a share of the scene that matters, one number."""
    return (where.mean(("y", "x")) > _SHARE).astype("uint16") * np.uint16(flag.value)


def _single(layer: xr.DataArray) -> xr.DataArray:
    return layer.isel(time=0, drop=True) if "time" in layer.dims else layer


INDICATOR = Indicator(
    name="flood_ready",
    title="A ready-made product (Copernicus GFM or EMS, OPERA DSWx) in the codes of all products "
    "here: floods as mapped, or water that was not there before",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=_LAYERS, days=(0, 10)),
            "before": Need(any_of=("dswx_wtr", "dswx_bwtr"), days=(-40, 0), optional=True),
            "water": Need(any_of=("water_seasonality", "water_occurrence"), optional=True),
        }
    ),
    gives=("state", "likelihood", "exclusion", "advisory"),
    reference="https://doi.org/10.3390/rs12132128",
    compute=flood_ready,
)
