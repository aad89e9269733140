"""Meteorological drought: how unusual the rain of the last months is for the season."""

from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import (
    COMMON,
    classes,
    dry_at,
    record_flags,
    standardized_index,
    statement,
    totals,
)
from reliefscope.model.cube import elementwise, require
from reliefscope.model.event import Hazard

__all__ = ["INDICATOR", "drought_rain", "standardized_index"]


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
        ``precipitation``, one total a month, or one for each of the ten days from 1, 11, 21 [mm].
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
        No ``precipitation`` in mm, not one total a month, or none in the period.
    """
    require(rain, "precipitation")
    years = (round(first_year), round(last_year))
    spi = standardized_index(
        rain["precipitation"], months=round(months), reference=years, last_only=True
    )
    layers = {"spi": spi, "drought_class": elementwise(classes, spi, dtype="uint8")}
    state = elementwise(dry_at(dry), spi, dtype="uint8")
    series = totals(rain["precipitation"])
    seen = series.seen(round(months) * series.steps_a_month)
    return statement(layers, state, seen, record_flags(rain["precipitation"], years))


INDICATOR = Indicator(
    name="drought_rain",
    title="Standardised Precipitation Index: rain of the last months against the same months of "
    "the reference years, gamma distribution",
    hazard=Hazard.DROUGHT,
    needs=MappingProxyType(
        {"rain": Need(any_of=("precipitation",), days=(-14_975, 31), series=True)}
    ),
    gives=("spi", "drought_class", *COMMON),
    reference="https://doi.org/10.1002/joc.4267",
    compute=drought_rain,
)
