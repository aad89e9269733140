"""Is it raining more or less over the decades: trend of the yearly or seasonal total."""

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


def trend_rain(
    rain: xr.Dataset,
    *,
    start: Start = 1.0,
    months: Months = 12.0,
    first_year: Year = 1991.0,
    last_year: Year = 2020.0,
    min_years: LeastYears = 20.0,
    rate: Rate = 0.1,
) -> xr.Dataset:
    """Map where the rain of a year, or of a season of it, has increased or decreased.

    The Mann-Kendall test with an effective sample size for persistence (Yue and Wang 2004), the
    slope of Theil and Sen, and the rule of false discoveries over the whole map (Wilks 2016).
    A year with a missing month is missing: a gap is not dry.

    Parameters
    ----------
    rain : Dataset, (time, y, x)
        ``precipitation``, one total a month, or one for each ten days from 1, 11, 21 [mm].
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
        ``rain_trend`` with ``rain_trend_low`` and
        ``rain_trend_high`` (95 %) [mm a year], ``p_trend`` of the place alone,
        ``year_anomaly`` [1], ``trend_class``, ``state`` (event: a trend), and ``likelihood`` (none
        is stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        No ``precipitation`` in mm, not one total a month, or none in the period.
    """
    require(rain, "precipitation")
    return trend_statement(
        "rain_trend",
        rain["precipitation"],
        season=(start, months),
        reference=(first_year, last_year),
        min_years=min_years,
        rate=rate,
        total=True,
    )


INDICATOR = Indicator(
    name="trend_rain",
    title="Trend of yearly rain: Mann-Kendall test allowing for "
    "persistence, Theil-Sen slope, false discoveries counted over the map",
    hazard=Hazard.CLIMATE,
    needs=MappingProxyType(
        {"rain": Need(any_of=("precipitation",), days=RECORD_DAYS, series=True)}
    ),
    gives=gives("rain_trend"),
    reference="https://doi.org/10.1023/B:WARM.0000043140.61082.60",
    compute=trend_rain,
)
