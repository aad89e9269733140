"""Greening and browning: trend of the vegetation index."""

from types import MappingProxyType

import xarray as xr

from reliefscope.indicators._base import Indicator, Need
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
from reliefscope.model.cube import require
from reliefscope.model.event import Hazard


def trend_vegetation(
    vegetation: xr.Dataset,
    *,
    start: Start = 1.0,
    months: Months = 12.0,
    first_year: Year = 1991.0,
    last_year: Year = 2020.0,
    min_years: LeastYears = 10.0,
    rate: Rate = 0.1,
) -> xr.Dataset:
    """Map where the vegetation of a year, or of a season of it, has become greener or browner.

    The Mann-Kendall test with an effective sample size for persistence (Yue and Wang 2004), the
    slope of Theil and Sen, and the rule of false discoveries over the whole map (Wilks 2016).
    Gaps do not pass for change: each month counts by how far it lies from its own mean.

    Parameters
    ----------
    vegetation : Dataset, (time, y, x)
        ``ndvi`` of months or ten days; other steps are averaged over months [1].
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
        ``vegetation_trend`` with ``vegetation_trend_low`` and
        ``vegetation_trend_high`` (95 %) [1 a year], ``p_trend`` of the place alone,
        ``year_anomaly`` [1], ``trend_class``, ``state`` (event: a trend), and ``likelihood`` (none
        is stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        No ``ndvi``, or none in the period.
    """
    require(vegetation, "ndvi")
    return trend_statement(
        "vegetation_trend",
        vegetation["ndvi"],
        season=(start, months),
        reference=(first_year, last_year),
        min_years=min_years,
        rate=rate,
    )


INDICATOR = Indicator(
    name="trend_vegetation",
    title="Trend of the vegetation index: Mann-Kendall test allowing for "
    "persistence, Theil-Sen slope, false discoveries counted over the map",
    hazard=Hazard.CLIMATE,
    needs=MappingProxyType({"vegetation": Need(any_of=("ndvi",), days=RECORD_DAYS, series=True)}),
    gives=gives("vegetation_trend"),
    reference="https://doi.org/10.1023/B:WARM.0000043140.61082.60",
    compute=trend_vegetation,
)
