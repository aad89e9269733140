"""Drought as plants show it: vegetation, temperature and health condition, stress of cropland."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import (
    COMMON,
    Series,
    Years,
    means,
    monthly,
    record_flags,
    statement,
    switch_notes,
)
from reliefscope.model.cube import State, StressedShare, VegetationStress, elementwise, require
from reliefscope.model.event import Hazard
from reliefscope.model.grid import ground_size_m
from reliefscope.numerics.vegetation import LEAST_LST, LEAST_NDVI, condition, health, stressed

_CROPLAND = 40
"""ESA WorldCover class."""
_STRESS_EDGES = np.array([10.0, 20.0, 30.0, 40.0], dtype="float32")
_SHARE_EDGES = np.array([10.0, 25.0, 40.0, 55.0, 70.0, 85.0], dtype="float32")


def drought_vegetation(  # noqa: PLR0913 - parameters are read off this signature
    vegetation: xr.Dataset,
    heat: xr.Dataset | None = None,
    cover: xr.Dataset | None = None,
    *,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
    min_years: Annotated[float, Bounds("year", 3, 60)] = 5.0,
    poor: Annotated[float, Bounds("percent", 0, 100)] = 40.0,
    season: Annotated[float, Bounds("month", 1, 12)] = 3.0,
    block: Annotated[float, Bounds("km", 0.1, 500)] = 25.0,
) -> xr.Dataset:
    """Map stress of the vegetation by its condition between worst and best of the reference years.

    Vegetation, temperature and health condition indices of the last month or ten days (Kogan 1995),
    and the share of cropland whose season was poor (FAO, Agricultural Stress Index).

    Parameters
    ----------
    vegetation : Dataset, (time, y, x)
        ``ndvi`` [1] of months or ten days; other steps are averaged over months.
    heat : Dataset, (time, y, x), optional
        ``lst`` [K], likewise. Without it vegetation alone decides, and no health is stated.
    cover : Dataset, (y, x), optional
        ``land_cover``, ESA WorldCover; cropland is 40. Without it no stress of cropland is stated.
    first_year, last_year : float
        Period to compare with.
    min_years : float
        Fewer years seen at this time of the year, and nothing is stated.
    poor : float
        Condition below which the vegetation is under drought [%].
    season : float
        Months of the season that ends now [month].
    block : float
        Size of the squares over which the stressed share is taken [km].

    Returns
    -------
    Dataset, (y, x)
        ``vci``, ``tci``, ``vhi`` [%], ``vegetation_stress``, ``asi`` [%], ``asi_class``,
        ``state``, and ``likelihood`` (none is stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        A variable or its unit is missing, nothing lies in the period, or the cover has another
        grid.
    """
    require(vegetation, "ndvi")
    years, least = (round(first_year), round(last_year)), round(min_years)
    both = _aligned(vegetation, heat)
    layers = _now(both, years, least, -1)
    decides = layers.get("vhi", layers["vci"])
    layers["vegetation_stress"] = elementwise(_stress, decides, dtype="uint8")
    if cover is not None and "vhi" in layers:
        rows, columns = (round(block * 1000 / m) for m in ground_size_m(vegetation, "the NDVI"))
        poor_season = _season(both, years, least, round(season))
        layers |= _share(poor_season, _cropland(cover, decides), max(rows, 1), max(columns, 1))
    flags = record_flags(vegetation["ndvi"], years)
    notes = switch_notes(vegetation["ndvi"])
    if heat is not None:
        flags, notes = flags | record_flags(heat["lst"], years), notes + switch_notes(heat["lst"])
    state = elementwise(lambda v: _state(v, poor), decides, dtype="uint8")
    seen = both[0].seen() if both[1] is None else both[0].seen() & both[1].seen()
    return statement(layers, state, seen, flags, notes)


def _aligned(vegetation: xr.Dataset, heat: xr.Dataset | None) -> tuple[Series, Series | None]:
    """Return both on the calendar of the vegetation, or of months if they differ."""
    if heat is None:
        return means(vegetation["ndvi"]), None
    require(heat, "lst")
    green, warm = means(vegetation["ndvi"]), means(heat["lst"])
    if green.per_year != warm.per_year:
        green, warm = monthly(vegetation["ndvi"]), monthly(heat["lst"])
    same = warm.values.reindex(time=green.values["time"])
    return green, Series(same, warm.per_year)


def _now(
    both: tuple[Series, Series | None], years: Years, min_years: int, step: int
) -> dict[str, xr.DataArray]:
    """Return the conditions of one step."""
    green, warm = both
    vci = _condition(green, years, min_years, step, least=LEAST_NDVI)
    if warm is None:
        return {"vci": vci}
    tci = _condition(warm, years, min_years, step, least=LEAST_LST, falling=True)
    return {"vci": vci, "tci": tci, "vhi": elementwise(health, vci, tci)}


def _condition(
    series: Series, years: Years, min_years: int, step: int, *, least: float, falling: bool = False
) -> xr.DataArray:
    others = series.values.isel(time=series.like(step, years)).rename(time="year").drop_vars("year")
    whole = others.chunk(year=-1) if others.chunks else others
    out: xr.DataArray = xr.apply_ufunc(
        lambda now, then: condition(now, then, least=least, min_years=min_years, falling=falling),
        series.values.isel(time=step, drop=True),
        whole,
        input_core_dims=[[], ["year"]],
        dask="parallelized",
        output_dtypes=["float32"],
    )
    return out


def _season(
    both: tuple[Series, Series | None], years: Years, min_years: int, months: int
) -> xr.DataArray:
    """Return the mean health of the season that ends now; NaN where any of it was not seen."""
    steps = min(months * both[0].steps_a_month, both[0].values.sizes["time"])
    parts = [_now(both, years, min_years, -1 - back)["vhi"] for back in range(steps)]
    total: xr.DataArray = sum(parts[1:], parts[0])
    return total / steps


def _cropland(cover: xr.Dataset, like: xr.DataArray) -> xr.DataArray:
    require(cover, "land_cover")
    crop = cover["land_cover"].isel(time=0, drop=True) if "time" in cover.dims else None
    crop = cover["land_cover"] if crop is None else crop
    same = all(
        crop.sizes[d] == like.sizes[d] and (d not in crop.coords or crop[d].equals(like[d]))
        for d in ("y", "x")
    )
    if not same:
        raise CubeError(
            f"land cover is {crop.sizes['y']} x {crop.sizes['x']} pixels and the vegetation "
            f"{like.sizes['y']} x {like.sizes['x']}, or elsewhere; load both on one grid "
            f"(odc.geo.geobox.GeoBox)"
        )
    return crop == _CROPLAND


def _share(
    season: xr.DataArray, cropland: xr.DataArray, rows: int, columns: int
) -> dict[str, xr.DataArray]:
    """Return the stressed share of the cropland seen in each block, on every pixel of it."""
    marks = elementwise(stressed, season, cropland)
    size = {"y": rows, "x": columns}
    percent = _spread(marks.coarsen(size, boundary="pad").mean() * 100, season, size)
    grown = _spread(cropland.astype("float32").coarsen(size, boundary="pad").mean(), season, size)
    return {
        "asi": percent.astype("float32"),
        "asi_class": elementwise(_share_classes, percent, grown, dtype="uint8"),
    }


def _spread(blocks: xr.DataArray, like: xr.DataArray, size: dict[str, int]) -> xr.DataArray:
    """Return blocks on the pixels they were made of."""
    places = {d: np.arange(like.sizes[d]) // n for d, n in size.items()}
    names = [c for c in blocks.coords if set(blocks[c].dims) & {"y", "x"}]
    fine = blocks.drop_vars(names).isel(places)
    return fine.assign_coords({d: like[d] for d in ("y", "x") if d in like.coords})


def _stress(percent: NDArray[np.floating]) -> NDArray[np.uint8]:
    codes = np.digitize(percent, _STRESS_EDGES) + int(VegetationStress.EXTREME)
    return np.where(np.isnan(percent), VegetationStress.NOT_OBSERVED, codes).astype("uint8")


def _share_classes(
    percent: NDArray[np.floating], cropland: NDArray[np.floating]
) -> NDArray[np.uint8]:
    codes = np.digitize(percent, _SHARE_EDGES) + int(StressedShare.UNDER_10)
    seen = np.where(np.isnan(percent), StressedShare.NOT_OBSERVED, codes)
    return np.where(cropland > 0, seen, StressedShare.NO_CROPLAND).astype("uint8")


def _state(percent: NDArray[np.floating], poor: float) -> NDArray[np.uint8]:
    codes = np.where(percent < poor, State.EVENT, State.NO_EVENT)
    return np.where(np.isnan(percent), State.NOT_OBSERVED, codes).astype("uint8")


INDICATOR = Indicator(
    name="drought_vegetation",
    title="Vegetation, temperature and health condition between worst and best of the reference "
    "years, and the share of cropland with a poor season",
    hazard=Hazard.DROUGHT,
    needs=MappingProxyType(
        {
            "vegetation": Need(any_of=("ndvi",), days=(-14_975, 31), series=True),
            "heat": Need(any_of=("lst",), days=(-14_975, 31), series=True, optional=True),
            "cover": Need(any_of=("land_cover",), optional=True),
        }
    ),
    gives=("vci", "tci", "vhi", "vegetation_stress", "asi", "asi_class", *COMMON),
    reference="https://doi.org/10.1016/0273-1177(95)00079-T",
    compute=drought_vegetation,
)
