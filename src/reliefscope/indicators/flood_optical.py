"""Floods in optical images: surface water by spectral tests, beyond the water known before."""

from functools import partial
from types import MappingProxyType
from typing import Annotated, NamedTuple

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import InsufficientDataError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._optical import (
    QUALITY,
    WATER_BANDS,
    first_seen,
    hidden,
    known_water,
    near_infrared,
    snow,
    water_classes,
)
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    Exclusion,
    State,
    WaterClass,
    describe,
    require,
)
from reliefscope.model.event import Hazard
from reliefscope.model.grid import ground_size_m
from reliefscope.numerics import terrain as relief
from reliefscope.numerics import water as tests
from reliefscope.numerics.regions import grow, small_holes

_BANDS = (*WATER_BANDS, "nir08", "nir", *QUALITY)
_HECTARE_M2 = 10_000.0
_HALF_SEEN = 0.5
_SNOWY = 0.05
_TREES, _BUILT = 10, 50
"""ESA WorldCover codes."""
_LEAFY_NIR = 0.12
"""Partly water in woods that reflect more than this is leaves (USGS LSDS-1325)."""
_UNDER_CLOUD = 10
"""Added to the class of water that shows through what the quality band calls cloud."""
_SCORES: dict[int, int] = {
    WaterClass.NOT_WATER: 4,
    WaterClass.HIGH: 95,
    WaterClass.MODERATE: 80,
    WaterClass.PARTIAL: 55,
    WaterClass.PARTIAL_AGGRESSIVE: 25,
}


def flood_optical(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    water: xr.Dataset | None = None,
    terrain: xr.Dataset | None = None,
    land: xr.Dataset | None = None,
    *,
    partly: Annotated[float, Bounds("1", 0, 1)] = 1.0,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
    max_slope: Annotated[float, Bounds("degree", 1, 90)] = 15.0,
    min_area: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map open and partial surface water in an optical image that is not there in other years.

    The five tests of Dynamic Surface Water Extent decide; the number that pass is the confidence
    (USGS LSDS-1325; Jones 2019). Water that shows under cloud keeps its class, plus ten, but the
    ground there counts as not observed.

    Parameters
    ----------
    after : Dataset, (y, x)
        Reflectance [1]: ``blue``, ``green``, ``red``, ``nir`` or ``nir08``, ``swir16``,
        ``swir22``, and a quality band ``scl``, ``qa_pixel`` or ``fmask`` where there is one.
        With a ``time`` dimension the first clear date counts. With the attributes
        ``sun_azimuth`` and ``sun_elevation`` [degree] and heights, water on slopes that turn away
        from a low sun is excluded: it may be shadow.
    water : Dataset, (y, x), optional
        ``water_seasonality`` [month] or ``water_occurrence`` [percent].
    terrain : Dataset, (y, x), optional
        ``elevation`` [m].
    land : Dataset, (y, x), optional
        ``land_cover`` (ESA WorldCover).
    partly : float
        1: partly water, of the conservative class, counts as water; 0: it does not.
    permanent : float
        Months per year from which water counts as permanent [month].
    max_slope : float
        Water does not stand on steeper ground: shadow is dark as well [degree].
    min_area : float
        Smallest flood and smallest gap in one [ha].
    min_observed : float
        Least share of the scene that must be seen [1].

    Returns
    -------
    Dataset, (y, x)
        ``water_class``, ``state``, ``likelihood`` (by class, in the order of confidence; not
        calibrated), ``exclusion``, ``advisory``.

    Raises
    ------
    CubeError
        Bands are missing, or in other units.
    InsufficientDataError
        When computed: less than ``min_observed`` was seen.
    """
    dy, dx = ground_size_m(after, "the image")
    classes = _classes(after)
    slope = _slope(terrain, classes, (dy, dx))
    cover = _cover(land, classes)
    rules = _Rules(
        partly=partly >= _HALF_SEEN,
        max_slope=max_slope,
        min_size=max(1, round(min_area * _HECTARE_M2 / (dx * dy))),
        min_observed=min_observed,
        reference=water is not None,
    )
    plane, point = ["y", "x"], list[str]()
    results = xr.apply_ufunc(
        partial(_decide, rules=rules),
        classes,
        first_seen(_snowy(after, classes)),
        known_water(water, permanent, classes),
        slope,
        cover,
        _leafy(after, classes),
        _shaded(after, terrain, classes, (dy, dx)),
        input_core_dims=[plane] * 7,
        output_core_dims=[plane] * 4 + [point],
        output_dtypes=["uint8", "uint8", "uint8", "uint16", "uint16"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    out = dict(zip(_Decided._fields, results, strict=True))
    cube = xr.Dataset({name: describe(name, layer) for name, layer in out.items()})
    located: xr.Dataset = cube.drop_vars("time", errors="ignore").odc.assign_crs(after.odc.crs)
    return located


class _Rules(NamedTuple):
    partly: bool
    max_slope: float
    min_size: int
    min_observed: float
    reference: bool


class _Decided(NamedTuple):
    water_class: NDArray[np.uint8]
    state: NDArray[np.uint8]
    likelihood: NDArray[np.uint8]
    exclusion: NDArray[np.uint16]
    advisory: NDArray[np.uint16]


def _classes(image: xr.Dataset) -> xr.DataArray:
    """Return the class of each pixel on the first clear date; under cloud plus ten."""
    found = water_classes(image)
    veil = hidden(image)
    if veil is None:
        return _first_clear(found)
    known = found != WaterClass.NOT_OBSERVED
    return _first_clear(found.where(~(veil & known), found + np.uint8(_UNDER_CLOUD)))


def _first_clear(classes: xr.DataArray) -> xr.DataArray:
    """Return the first date that is clear; of hidden ones what showed through, if anything."""
    if "time" not in classes.dims:
        return classes
    merged = classes.isel(time=0, drop=True)
    for index in range(1, classes.sizes["time"]):
        later = classes.isel(time=index, drop=True)
        better = (merged >= _UNDER_CLOUD) & ((later < _UNDER_CLOUD) | (merged == tests.UNSEEN))
        merged = merged.where(~better, later)
    return merged


def _snowy(image: xr.Dataset, like: xr.DataArray) -> xr.DataArray:
    found = snow(image)
    if found is None:
        return xr.zeros_like(like, dtype=bool)
    return found.any("time") if "time" in found.dims else found


def _leafy(image: xr.Dataset, like: xr.DataArray) -> xr.DataArray:
    bright = image[near_infrared(image)] > _LEAFY_NIR
    bright = bright.isel(time=0, drop=True) if "time" in bright.dims else bright
    return bright.assign_coords(y=like["y"], x=like["x"])


def _slope(
    terrain: xr.Dataset | None, like: xr.DataArray, size: tuple[float, float]
) -> xr.DataArray:
    if terrain is None:
        return xr.zeros_like(like, dtype="float32")
    require(terrain, "elevation")
    dy, dx = size
    tilt: xr.DataArray = xr.apply_ufunc(
        lambda z: relief.slope_deg(z, dx, dy),
        terrain["elevation"].assign_coords(y=like["y"], x=like["x"]),
        input_core_dims=[["y", "x"]],
        output_core_dims=[["y", "x"]],
        output_dtypes=["float32"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return tilt


def _shaded(
    after: xr.Dataset,
    terrain: xr.Dataset | None,
    like: xr.DataArray,
    size: tuple[float, float],
) -> xr.DataArray:
    """Return slopes in the shadow of a low sun; none where the sun's place is not known."""
    if terrain is None or not {"sun_azimuth", "sun_elevation"} <= set(after.attrs):
        return xr.zeros_like(like, dtype=bool)
    azimuth, height = float(after.attrs["sun_azimuth"]), float(after.attrs["sun_elevation"])
    dy, dx = size
    dark: xr.DataArray = xr.apply_ufunc(
        lambda z: relief.sun_shadow(z, dx, dy, azimuth_deg=azimuth, elevation_deg=height),
        terrain["elevation"].assign_coords(y=like["y"], x=like["x"]),
        input_core_dims=[["y", "x"]],
        output_core_dims=[["y", "x"]],
        output_dtypes=["bool"],
        dask="parallelized",
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return dark


def _cover(land: xr.Dataset | None, like: xr.DataArray) -> xr.DataArray:
    if land is None:
        return xr.zeros_like(like, dtype="uint8")
    require(land, "land_cover")
    return land["land_cover"].assign_coords(y=like["y"], x=like["x"])


def _decide(
    classes: NDArray[np.uint8],
    snowy: NDArray[np.bool_],
    known: NDArray[np.bool_],
    slope: NDArray[np.float32],
    cover: NDArray[np.generic],
    leafy: NDArray[np.bool_],
    shaded: NDArray[np.bool_],
    *,
    rules: _Rules,
) -> _Decided:
    """Decide on the whole scene: regions have no bounded reach."""
    classes = classes.astype("uint8")
    seen = classes < _UNDER_CLOUD
    share = float(seen.mean())
    if share < rules.min_observed:
        raise InsufficientDataError(
            f"{share:.1%} of the scene was seen without cloud; at least "
            f"{rules.min_observed:.0%} is needed: choose another date, or use radar",
            observed_fraction=share,
        )
    part = (classes == WaterClass.PARTIAL) | (classes == WaterClass.PARTIAL_AGGRESSIVE)
    classes[part & (cover == _TREES) & leafy] = WaterClass.NOT_WATER
    exclusion = np.zeros(classes.shape, "uint16")
    candidate = seen & (classes > WaterClass.NOT_WATER)
    exclusion[candidate & (cover == _BUILT)] |= Exclusion.URBAN.value
    exclusion[candidate & (slope > rules.max_slope)] |= Exclusion.STEEP_TERRAIN.value
    exclusion[candidate & shaded] |= Exclusion.TERRAIN_SHADOW.value
    exclusion[seen & snowy] |= Exclusion.AMBIGUOUS.value
    exclusion[known] = 0
    least = WaterClass.PARTIAL if rules.partly else WaterClass.MODERATE
    clear = seen & (exclusion == 0)
    wet = clear & (classes >= WaterClass.HIGH) & (classes <= least)
    # known water is part of its flood: it is no gap in it, and no island beside it
    body = grow(wet | (known & seen), wet, min_size=rules.min_size)
    body |= small_holes(body, clear, rules.min_size)
    state = np.where(body, State.EVENT, State.NO_EVENT).astype("uint8")
    state[exclusion > 0] = State.EXCLUDED
    state[known] = State.REFERENCE
    state[~seen] = State.NOT_OBSERVED
    exclusion[~seen] = Exclusion.LOW_COVERAGE.value
    return _Decided(
        water_class=classes,
        state=state,
        likelihood=np.where(seen, _LIKELIHOOD[classes], NO_LIKELIHOOD).astype("uint8"),
        exclusion=exclusion,
        advisory=np.array(_flags(share, seen & snowy, rules).value, dtype="uint16"),
    )


_LIKELIHOOD = np.full(256, NO_LIKELIHOOD, "uint8")
for _class, _score in _SCORES.items():
    _LIKELIHOOD[_class] = _score
_LIKELIHOOD.setflags(write=False)


def _flags(share: float, snowy: NDArray[np.bool_], rules: _Rules) -> Advisory:
    flags = Advisory.LOW_COVERAGE if share < _HALF_SEEN else Advisory(0)
    if not rules.reference:
        flags |= Advisory.NO_REFERENCE_WATER
    if float(snowy.mean()) > _SNOWY:
        flags |= Advisory.FROZEN
    return flags


INDICATOR = Indicator(
    name="flood_optical",
    title="Surface water by the five spectral tests of Dynamic Surface Water Extent, less the "
    "water of other years",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=_BANDS, days=(0, 10)),
            "water": Need(any_of=("water_seasonality", "water_occurrence"), optional=True),
            "terrain": Need(any_of=("elevation",), optional=True),
            "land": Need(any_of=("land_cover",), optional=True),
        }
    ),
    gives=("water_class", "state", "likelihood", "exclusion", "advisory"),
    reference="https://doi.org/10.3390/rs11040374",
    compute=flood_optical,
)
