"""Snow that stays or goes: trend of the time under snow."""

from types import MappingProxyType

import numpy as np
import xarray as xr

from reliefscope.indicators._base import Indicator, Need
from reliefscope.indicators._optical import QUALITY, clear, near_infrared
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
from reliefscope.model.cube import elementwise, require
from reliefscope.model.event import Hazard
from reliefscope.numerics.snow import snow

_PERCENT = np.float32(100)


def trend_snow(
    images: xr.Dataset,
    *,
    start: Start = 1.0,
    months: Months = 12.0,
    first_year: Year = 1991.0,
    last_year: Year = 2020.0,
    min_years: LeastYears = 10.0,
    rate: Rate = 0.1,
) -> xr.Dataset:
    """Map where snow has covered the ground for more or less of the season.

    Each clear look is judged by the Normalized Difference Snow Index (Hall et al. 1995); what is
    followed is the share of the looks of a month, averaged over the season. The
    Mann-Kendall test with an effective sample size for persistence (Yue and Wang 2004), the slope
    of Theil and Sen, and the rule of false discoveries over the whole map (Wilks 2016).

    Parameters
    ----------
    images : Dataset, (time, y, x)
        Reflectance of every pass [1]: ``green``, ``nir`` or ``nir08``, ``swir16``, and a quality
        band ``scl``, ``qa_pixel`` or ``fmask``.
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
        ``snow_trend`` with ``snow_trend_low`` and
        ``snow_trend_high`` (95 %) [percent a year], ``p_trend`` of the place alone,
        ``year_anomaly`` [1], ``trend_class``, ``state`` (event: a trend), and ``likelihood`` (none
        is stated), ``exclusion`` and ``advisory``.

    Raises
    ------
    CubeError
        Bands are missing, or in other units, or nothing lies in the period.
    """
    return trend_statement(
        "snow_trend",
        _under_snow(images),
        season=(start, months),
        reference=(first_year, last_year),
        min_years=min_years,
        rate=rate,
        least=0.5,
    )


def _under_snow(images: xr.Dataset) -> xr.DataArray:
    """Return 100 where a look shows snow, 0 where not, NaN where nothing was seen."""
    nir = near_infrared(images)
    require(images, "green", "swir16", nir)
    looks = (clear(images, name) for name in ("green", nir, "swir16"))
    return (elementwise(snow, *looks) * _PERCENT).rename("snow")


INDICATOR = Indicator(
    name="trend_snow",
    title="Trend of the share of the season under snow in optical images: Mann-Kendall test "
    "allowing for persistence, Theil-Sen slope, false discoveries counted over the map",
    hazard=Hazard.CLIMATE,
    needs=MappingProxyType(
        {
            "images": Need(
                any_of=("green", "swir16", "nir08", "nir", *QUALITY), days=RECORD_DAYS, series=True
            )
        }
    ),
    gives=gives("snow_trend"),
    reference="https://doi.org/10.1016/0034-4257(95)00137-P",
    compute=trend_snow,
)
