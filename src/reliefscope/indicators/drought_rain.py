"""Meteorological drought: how unusual the rain of the last months is for the season."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    Advisory,
    DroughtClass,
    Exclusion,
    State,
    describe,
    elementwise,
    require,
)
from reliefscope.model.event import Hazard
from reliefscope.numerics.standardize import LIMIT, Fit, standardize

REFERENCE_YEARS = 30
"""A record to compare with should be at least this long (WMO-No. 1090)."""

_EDGES = np.array([-2.0, -1.5, -1.0, 1.0, 1.5, 2.0], dtype="float32")


def standardized_index(
    amounts: xr.DataArray,
    *,
    months: int,
    reference: tuple[int, int],
    fit: Fit = Fit.GAMMA_THOM,
    limit: float = LIMIT,
    last_only: bool = False,
) -> xr.DataArray:
    """Return a standardised index of monthly ``amounts``: SPI of rain, SPEI of rain less demand.

    Parameters
    ----------
    amounts : DataArray, (time, y, x)
        One total a month [mm]; a month that is missing is a gap, not dry.
    months : int
        Months added up.
    reference : tuple of int
        First and last year of the period to compare with.
    fit : Fit
        Distribution; `Fit.LOG_LOGISTIC` for SPEI.
    limit : float
        The index is clipped here; infinite to see how far it would go.
    last_only : bool
        Whether to evaluate the last month alone: much cheaper.

    Returns
    -------
    DataArray, (time, y, x), or (y, x) when ``last_only``
        Standard normal units [1]; NaN where not observed, or where nothing can be compared.

    Raises
    ------
    CubeError
        There is no time, or two totals in one month.
    """
    monthly = _every_month(amounts)
    years, season = monthly["time"].dt.year.values, monthly["time"].dt.month.values - 1
    judged = (years >= reference[0]) & (years <= reference[1])
    wanted = np.zeros(len(years), dtype=bool)
    wanted[-1 if last_only else slice(None)] = True

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        return standardize(
            block, season, judged, length=months, fit=fit, limit=limit, wanted=wanted
        ).astype("float32")

    index: xr.DataArray = xr.apply_ufunc(
        of_block,
        monthly.chunk(time=-1) if monthly.chunks else monthly,
        input_core_dims=[["time"]],
        output_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=["float32"],
    ).transpose("time", ...)
    return index.isel(time=-1, drop=True) if last_only else index


def drought_rain(
    rain: xr.Dataset,
    *,
    months: Annotated[float, Bounds("month", 1, 48)] = 3.0,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
    dry: Annotated[float, Bounds("1", -3, 0)] = -1.0,
) -> xr.Dataset:
    """Map meteorological drought by the Standardised Precipitation Index of the last months.

    A gamma distribution per month of the year and place (Thom 1958), mixed with the share of dry
    months, which count half (Stagge et al. 2015); McKee et al. (1993), WMO-No. 1090.

    Parameters
    ----------
    rain : Dataset, (time, y, x)
        ``precipitation``, one total a month [mm].
    months : float
        Months added up: 3 for crops and pasture, 12 for rivers and reservoirs [month].
    first_year, last_year : float
        Period to compare with.
    dry : float
        Index at and below which there is drought: -1 moderate, -1.5 severe, -2 extreme [1].

    Returns
    -------
    Dataset, (y, x)
        ``spi`` [1], ``drought_class``, ``state``, and ``likelihood`` (none is stated),
        ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        No ``precipitation`` in mm, or not one total a month.
    """
    require(rain, "precipitation")
    years = (round(first_year), round(last_year))
    spi = standardized_index(
        rain["precipitation"], months=round(months), reference=years, last_only=True
    )
    record = rain["time"].dt.year
    length = len(np.unique(record.values[(record >= years[0]) & (record <= years[1])]))
    flags = Advisory(0) if length >= REFERENCE_YEARS else Advisory.SHORT_RECORD
    layers = {
        "spi": spi,
        "drought_class": elementwise(_classes, spi, dtype="uint8"),
        "state": elementwise(lambda z: _state(z, dry), spi, dtype="uint8"),
        "likelihood": elementwise(_no_likelihood, spi, dtype="uint8"),
        "exclusion": elementwise(_exclusion, spi, dtype="uint16"),
        "advisory": elementwise(
            lambda z: np.full(z.shape, flags.value, "uint16"), _scene(spi), dtype="uint16"
        ),
    }
    return xr.Dataset({name: describe(name, layer) for name, layer in layers.items()})


def _every_month(amounts: xr.DataArray) -> xr.DataArray:
    """Return one step a month without gaps: missing months are NaN."""
    if "time" not in amounts.dims:
        raise CubeError(f"monthly totals need a time dimension; there are {amounts.dims}")
    stamps = amounts["time"].values.astype("datetime64[M]")
    if len(np.unique(stamps)) < len(stamps):
        raise CubeError(
            f"{len(stamps)} totals for {len(np.unique(stamps))} months; add up days to months "
            f"first, for example with .resample(time='MS').sum(min_count=1)"
        )
    whole = np.arange(stamps.min(), stamps.max() + 1)
    labelled = amounts.assign_coords(time=stamps.astype("datetime64[ns]"))
    return labelled.reindex(time=whole.astype("datetime64[ns]"))


def _scene(layer: xr.DataArray) -> xr.DataArray:
    """Return one lazy number for the scene."""
    return layer.isel(y=0, x=0, drop=True)


def _classes(index: NDArray[np.float32]) -> NDArray[np.uint8]:
    # the dry side includes its edge: -1.5 is severe; so does the wet side
    dry = np.digitize(index, _EDGES[:3], right=True)
    wet = np.digitize(index, _EDGES[3:])
    codes = (dry + wet + DroughtClass.EXTREMELY_DRY).astype("uint8")
    return np.where(np.isnan(index), np.uint8(DroughtClass.NOT_OBSERVED), codes)


def _state(index: NDArray[np.float32], dry: float) -> NDArray[np.uint8]:
    state = np.where(index <= dry, State.EVENT, State.NO_EVENT)
    return np.where(np.isnan(index), State.NOT_OBSERVED, state).astype("uint8")


def _no_likelihood(index: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.full(index.shape, NO_LIKELIHOOD, dtype="uint8")


def _exclusion(index: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.where(np.isnan(index), Exclusion.LOW_COVERAGE.value, 0).astype("uint16")


INDICATOR = Indicator(
    name="drought_rain",
    title="Standardised Precipitation Index: rain of the last months against the same months of "
    "the reference years, gamma distribution",
    hazard=Hazard.DROUGHT,
    needs=MappingProxyType(
        {"rain": Need(any_of=("precipitation",), days=(-14_975, 31), series=True)}
    ),
    gives=("spi", "drought_class", "state", "likelihood", "exclusion", "advisory"),
    reference="https://doi.org/10.1002/joc.4267",
    compute=drought_rain,
)
