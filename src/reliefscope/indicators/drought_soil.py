"""Agricultural drought: how dry the soil and how poor the vegetation is for the season."""

from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import (
    COMMON,
    classes,
    dry_at,
    means,
    record_flags,
    standardized_anomaly,
    statement,
    switch_notes,
)
from reliefscope.model.cube import elementwise, require
from reliefscope.model.event import Hazard


def drought_soil(
    soil: xr.Dataset,
    vegetation: xr.Dataset | None = None,
    *,
    first_year: Annotated[float, Bounds("year", 1900, 2100)] = 1991.0,
    last_year: Annotated[float, Bounds("year", 1900, 2100)] = 2020.0,
    min_years: Annotated[float, Bounds("year", 3, 60)] = 8.0,
    dry: Annotated[float, Bounds("1", -3, 0)] = -1.0,
) -> xr.Dataset:
    """Map agricultural drought by the standardised anomaly of soil moisture.

    The last month, or ten days, against the mean and the standard deviation of the same time of the
    year. Beside it the anomaly of the light that plants absorb, where it is given.

    Parameters
    ----------
    soil : Dataset, (time, y, x)
        ``soil_moisture`` [m3 m-3] of months or ten days; other steps are averaged over months.
    vegetation : Dataset, (time, y, x), optional
        ``fapar`` [1], likewise.
    first_year, last_year : float
        Period to compare with.
    min_years : float
        Fewer years seen in a season, and nothing is stated.
    dry : float
        Anomaly at and below which there is drought [1].

    Returns
    -------
    Dataset, (y, x)
        ``soil_moisture_anomaly`` and ``fapar_anomaly`` [1], ``drought_class`` of the soil,
        ``state``, and ``likelihood`` (none is stated), ``exclusion`` and ``advisory``. Where a
        series has a ``platform`` along time, a change of sensor is flagged and noted.

    Raises
    ------
    CubeError
        A variable or its unit is missing, or nothing lies in the period.
    """
    require(soil, "soil_moisture")
    years, least = (round(first_year), round(last_year)), round(min_years)
    ground = soil["soil_moisture"]
    wet = standardized_anomaly(ground, reference=years, min_years=least, last_only=True)
    layers = {
        "soil_moisture_anomaly": wet,
        "drought_class": elementwise(classes, wet, dtype="uint8"),
    }
    flags, notes = record_flags(ground, years), switch_notes(ground)
    if vegetation is not None:
        require(vegetation, "fapar")
        green = vegetation["fapar"]
        layers["fapar_anomaly"] = standardized_anomaly(
            green, reference=years, min_years=least, last_only=True
        )
        flags, notes = flags | record_flags(green, years), notes + switch_notes(green)
    state = elementwise(dry_at(dry), wet, dtype="uint8")
    return statement(layers, state, means(ground).seen(), flags, notes)


INDICATOR = Indicator(
    name="drought_soil",
    title="Standardised anomalies of soil moisture and of the light that plants absorb, against "
    "the same time of the reference years",
    hazard=Hazard.DROUGHT,
    needs=MappingProxyType(
        {
            "soil": Need(any_of=("soil_moisture",), days=(-14_975, 31), series=True),
            "vegetation": Need(any_of=("fapar",), days=(-14_975, 31), series=True, optional=True),
        }
    ),
    gives=("soil_moisture_anomaly", "fapar_anomaly", "drought_class", *COMMON),
    reference="https://doi.org/10.5194/nhess-21-481-2021",
    compute=drought_soil,
)
