"""Drought from the rain through the soil to the plants: the Combined Drought Indicator."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import (
    COMMON,
    Series,
    Years,
    last_anomalies,
    last_indices,
    means,
    monthly,
    record_flags,
    statement,
    switch_notes,
    totals,
)
from reliefscope.model.cube import CombinedDrought, State, elementwise, require
from reliefscope.model.event import Hazard
from reliefscope.numerics.combined_drought import Scheme, combined_drought

_CLOSED = (CombinedDrought.NONE, CombinedDrought.RECOVERY, CombinedDrought.PARTIAL_RECOVERY)
_PASSING = (CombinedDrought.SOIL_RECOVERY, CombinedDrought.VEGETATION_RECOVERY)
_MEMORY = 24
"""Months that are followed up to the last one: a drought that began before is taken up when it
shows again."""


def drought_combined(
    rain: xr.Dataset,
    soil: xr.Dataset | None = None,
    vegetation: xr.Dataset | None = None,
    *,
    scheme: Annotated[float, Bounds("1", 1, 2)] = 2.0,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
    min_years: Annotated[float, Bounds("year", 3, 60)] = 8.0,
    least: Annotated[float, Bounds("1", 1, 3)] = 1.0,
) -> xr.Dataset:
    """Map the stage of drought: rain is missing, the soil is dry, plants suffer, or recovery.

    Sepulcre-Canto et al. (2012), or the revision that remembers the stage before (Cammalleri et
    al. 2021) with the transitions of version 4 of the European Drought Observatory. All inputs go
    by ten days if all come so, and by months otherwise.

    Parameters
    ----------
    rain : Dataset, (time, y, x)
        ``precipitation``, one total a month, or one for each of the ten days from 1, 11, 21 [mm].
    soil : Dataset, (time, y, x), optional
        ``soil_moisture`` [m3 m-3].
    vegetation : Dataset, (time, y, x), optional
        ``fapar`` [1].
    scheme : float
        1 the original scheme, 2 the revised one (version 4).
    first_year, last_year : float
        Period to compare with.
    min_years : float
        Fewer years seen in a season, and no anomaly of soil or plants is stated.
    least : float
        First stage that counts as drought: 1 watch, 2 warning, 3 alert. A temporary recovery counts
        as the stage it followed.

    Returns
    -------
    Dataset, (y, x)
        ``cdi``, ``cdi_missing`` (which inputs were missing), ``spi``, ``spi_1``,
        ``soil_moisture_anomaly``, ``fapar_anomaly`` [1], ``state``, and ``likelihood`` (none is
        stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        A variable or its unit is missing, or nothing lies in the period.
    """
    require(rain, "precipitation")
    years = (round(first_year), round(last_year))
    clock = _clock(rain, soil, vegetation)
    steps = _MEMORY * clock.steps_a_month
    long, short = (last_indices(clock, steps, months=n, reference=years) for n in (3, 1))
    levels = (_levels(soil, "soil_moisture"), _levels(vegetation, "fapar"))
    anomalies = [_anomaly(level, clock, long, years, round(min_years)) for level in levels]
    coded = _staged(long, short, *anomalies, scheme=Scheme(round(scheme)), clock=clock)
    stage = elementwise(lambda c: (c & 255).astype("uint8"), coded, dtype="uint8")
    layers = {
        "cdi": stage,
        "cdi_missing": elementwise(lambda c: (c >> 8).astype("uint8"), coded, dtype="uint8"),
        "spi": long.isel(time=-1, drop=True),
        "spi_1": short.isel(time=-1, drop=True),
        "soil_moisture_anomaly": anomalies[0].isel(time=-1, drop=True),
        "fapar_anomaly": anomalies[1].isel(time=-1, drop=True),
    }
    flags, notes = record_flags(rain["precipitation"], years), switch_notes(rain["precipitation"])
    for level in (one for one in levels if one is not None):
        flags, notes = flags | record_flags(level, years), notes + switch_notes(level)
    state = elementwise(lambda c: _state(c, round(least)), stage, dtype="uint8")
    return statement(layers, state, clock.seen(3 * clock.steps_a_month), flags, notes)


def _levels(cube: xr.Dataset | None, name: str) -> xr.DataArray | None:
    if cube is None:
        return None
    require(cube, name)
    return cube[name]


def _clock(rain: xr.Dataset, *others: xr.Dataset | None) -> Series:
    """Return the rain on the coarsest calendar of all inputs."""
    supply = totals(rain["precipitation"])
    levels = [_levels(c, n) for c, n in zip(others, ("soil_moisture", "fapar"), strict=True)]
    coarse = any(means(level).per_year < supply.per_year for level in levels if level is not None)
    if not coarse:
        return supply
    month = supply.values["time"].values.astype("datetime64[M]")
    parts = [
        supply.values.isel(time=np.flatnonzero(month == m)).sum("time", min_count=3)
        for m in np.unique(month)
    ]
    stamps = np.unique(month).astype("datetime64[ns]")
    return totals(xr.concat(parts, "time").assign_coords(time=stamps))


def _anomaly(
    level: xr.DataArray | None, clock: Series, like: xr.DataArray, years: Years, min_years: int
) -> xr.DataArray:
    """Return an anomaly at the steps of ``like``; NaN where there is none."""
    if level is None:
        return xr.full_like(like, np.nan)
    series = means(level)
    series = series if series.per_year == clock.per_year else monthly(level)
    steps = like.sizes["time"] + 1  # one more where the level runs ahead of the rain
    found = last_anomalies(series, steps, reference=years, min_years=min_years)
    return found.reindex(time=like["time"])


def _staged(*inputs: xr.DataArray, scheme: Scheme, clock: Series) -> xr.DataArray:
    """Return the last stage, and in the next eight bits what was missing."""

    def of_block(*blocks: NDArray[np.floating]) -> NDArray[np.uint16]:
        out = combined_drought(*blocks, scheme=scheme, month=clock.steps_a_month)
        stage, missing = out.stage[..., -1].astype("uint16"), out.missing[..., -1]
        return np.asarray(stage + 256 * missing.astype("uint16"))

    whole = [a.chunk(time=-1) if a.chunks else a for a in inputs]
    coded: xr.DataArray = xr.apply_ufunc(
        of_block,
        *whole,
        input_core_dims=[["time"]] * len(whole),
        dask="parallelized",
        output_dtypes=["uint16"],
    )
    return coded


def _state(stage: NDArray[np.uint8], least: int) -> NDArray[np.uint8]:
    severity = np.where(np.isin(stage, _CLOSED), 0, stage)
    severity = np.where(stage == _PASSING[0], CombinedDrought.WARNING, severity)
    severity = np.where(stage == _PASSING[1], CombinedDrought.ALERT, severity)
    codes = np.where(severity >= least, State.EVENT, State.NO_EVENT)
    unseen = stage == CombinedDrought.NOT_OBSERVED
    return np.where(unseen, State.NOT_OBSERVED, codes).astype("uint8")


INDICATOR = Indicator(
    name="drought_combined",
    title="Combined Drought Indicator: missing rain, dry soil and suffering plants as stages of "
    "one drought",
    hazard=Hazard.DROUGHT,
    needs=MappingProxyType(
        {
            "rain": Need(any_of=("precipitation",), days=(-14_975, 31), series=True),
            "soil": Need(any_of=("soil_moisture",), days=(-14_975, 31), series=True, optional=True),
            "vegetation": Need(any_of=("fapar",), days=(-14_975, 31), series=True, optional=True),
        }
    ),
    gives=(
        "cdi",
        "cdi_missing",
        "spi",
        "spi_1",
        "soil_moisture_anomaly",
        "fapar_anomaly",
        *COMMON,
    ),
    reference="https://doi.org/10.5194/nhess-21-481-2021",
    compute=drought_combined,
)
