"""Lakes, rivers and wetlands that grow or vanish: trend of the time under open water."""

from types import MappingProxyType

import numpy as np
import xarray as xr

from reliefscope.indicators._base import Indicator, Need
from reliefscope.indicators._optical import (
    QUALITY,
    WATER_BANDS,
    hidden,
    near_infrared,
    water_classes,
)
from reliefscope.indicators._trend import (
    RECORD_DAYS,
    LeastYears,
    Months,
    Rate,
    Start,
    Year,
    gives,
    trend_statement,
)
from reliefscope.model.cube import WaterClass, elementwise
from reliefscope.model.event import Hazard
from reliefscope.numerics.snow import snow

_PERCENT = np.float32(100)


def trend_water(
    images: xr.Dataset,
    *,
    start: Start = 1.0,
    months: Months = 12.0,
    first_year: Year = 1991.0,
    last_year: Year = 2020.0,
    min_years: LeastYears = 10.0,
    rate: Rate = 0.1,
) -> xr.Dataset:
    """Map where the ground has been under open water for more or less of the year.

    Each clear look is judged by the tests of Dynamic Surface Water Extent (Jones 2019), high and
    moderate confidence being water; what is followed is the share of the looks of a month, averaged
    over the year. The Mann-Kendall test with an effective sample size for persistence (Yue and Wang
    2004), the slope of Theil and Sen, and the rule of false discoveries over the map (Wilks 2016).

    Parameters
    ----------
    images : Dataset, (time, y, x)
        Reflectance of every pass [1]: ``blue``, ``green``, ``red``, ``nir`` or ``nir08``,
        ``swir16``, ``swir22``, and a quality band ``scl``, ``qa_pixel`` or ``fmask``.
    start, months : float
        First month and length of the season; one that runs over the new year belongs to the year
        it ends in [month].
    first_year, last_year : float
        Period that the last year is compared with.
    min_years : float
        Fewer years seen, and nothing is stated.
    rate : float
        Share of false discoveries among the trends of the map [1].

    Returns
    -------
    Dataset, (y, x)
        ``water_trend`` with ``water_trend_low`` and
        ``water_trend_high`` (95 %) [percent a year], ``p_trend`` of the place alone,
        ``year_anomaly`` [1], ``trend_class``, ``state`` (event: a trend), and ``likelihood`` (none
        is stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        Bands are missing, or in other units, or nothing lies in the period.
    """
    return trend_statement(
        "water_trend",
        _under_water(images),
        season=(start, months),
        reference=(first_year, last_year),
        min_years=min_years,
        rate=rate,
        least=0.5,
    )


def _under_water(images: xr.Dataset) -> xr.DataArray:
    """Return 100 where a look shows water, 0 where not, NaN where nothing was seen.

    Snow passes the tests for water, and hides what lies under it: it counts as not seen.
    """
    found = water_classes(images)
    seen = found != WaterClass.NOT_OBSERVED
    veil = hidden(images)
    seen = seen if veil is None else seen & ~veil
    white = elementwise(snow, images["green"], images[near_infrared(images)], images["swir16"])
    seen &= white != 1
    wet = (found == WaterClass.HIGH) | (found == WaterClass.MODERATE)
    return (wet * _PERCENT).where(seen).rename("water")


INDICATOR = Indicator(
    name="trend_water",
    title="Trend of the share of the year under open water in optical images: Mann-Kendall test "
    "allowing for persistence, Theil-Sen slope, false discoveries counted over the map",
    hazard=Hazard.CLIMATE,
    needs=MappingProxyType(
        {
            "images": Need(
                any_of=(*WATER_BANDS, "nir08", "nir", *QUALITY), days=RECORD_DAYS, series=True
            )
        }
    ),
    gives=gives("water_trend"),
    reference="https://doi.org/10.1038/nature20584",
    compute=trend_water,
)
