"""What the air would take up from wet ground: potential and reference evaporation.

Equations and constants of FAO-56 (Allen et al. 1998, FAO Irrigation and Drainage Paper 56) but
where another source is named; equation numbers are theirs. All work element by element and
broadcast; NaN in, NaN out. Temperatures are in degrees Celsius, radiation in MJ m-2 d-1.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

ALBEDO = 0.23
"""Of the reference grass (equation 38)."""

_SOLAR = 24 * 60 / np.pi * 0.0820
"""Solar constant, per day and half turn [MJ m-2 d-1] (equation 21)."""
_STEFAN_BOLTZMANN = 4.903e-9
"""[MJ K-4 m-2 d-1] (equation 39)."""
_ZERO_C = 273.16
"""As FAO-56 has it in equation 39 [K]."""
_USUAL_CO2 = 300.0
"""For which the resistance of the reference grass was fixed (Yang et al. 2019) [ppm]."""
_ANGLE_A, _ANGLE_B = 0.25, 0.50
"""Share of the radiation that reaches the ground under cloud, and more without (equation 35)."""


def day_length(latitude_deg: Floats, day_of_year: Floats) -> Floats:
    """Return the hours from sunrise to sunset (equation 34); 0 and 24 beyond the polar circles."""
    return 24.0 / np.pi * _sunset(latitude_deg, day_of_year)


def extraterrestrial_radiation(latitude_deg: Floats, day_of_year: Floats) -> Floats:
    """Return the radiation of the sun above the air [MJ m-2 d-1] (equation 21).

    Parameters
    ----------
    latitude_deg : array
        South is negative [degree].
    day_of_year : array
        1 to 366; the 15th stands for its month.
    """
    latitude = np.radians(latitude_deg)
    delta, sunset = _declination(day_of_year), _sunset(latitude_deg, day_of_year)
    nearness = 1.0 + 0.033 * np.cos(2.0 * np.pi * np.asarray(day_of_year) / 365.0)
    up = sunset * np.sin(latitude) * np.sin(delta) + np.cos(latitude) * np.cos(delta) * np.sin(
        sunset
    )
    return np.asarray(np.maximum(_SOLAR * nearness * up, 0.0))


def _declination(day_of_year: Floats) -> Floats:
    """Return how far north the sun stands [rad] (equation 24)."""
    return np.asarray(0.409 * np.sin(2.0 * np.pi * np.asarray(day_of_year) / 365.0 - 1.39))


def _sunset(latitude_deg: Floats, day_of_year: Floats) -> Floats:
    """Return the hour angle of sunset [rad] (equation 25)."""
    cosine = -np.tan(np.radians(latitude_deg)) * np.tan(_declination(day_of_year))
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))


def thornthwaite(
    temperature: Floats,
    month: NDArray[np.integer],
    day_hours: Floats,
    days: Floats,
    reference: NDArray[np.bool_],
) -> Floats:
    """Return potential evaporation from mean temperatures alone [mm a month].

    Thornthwaite (1948), doi:10.2307/210739. Frost evaporates nothing. Too low in dry air.

    Parameters
    ----------
    temperature : array, (..., time)
        Means of months [degree Celsius].
    month : array, (time,)
        0 to 11.
    day_hours : array, (..., time)
        Hours from sunrise to sunset in the middle of the month.
    days : array, (time,)
        Days of the month.
    reference : array, (time,)
        Months whose means make the heat index.

    Returns
    -------
    array, (..., time)
        NaN everywhere where a month of the year has no mean, or no month is above freezing.
    """
    usual = np.stack(
        [_mean(temperature[..., reference & (month == m)]) for m in range(12)], axis=-1
    )
    heat = np.sum((np.maximum(usual, 0.0) / 5.0) ** 1.514, axis=-1)[..., None]
    heat = np.where(heat > 0.0, heat, np.nan)
    power = ((6.75e-7 * heat - 7.71e-5) * heat + 1.792e-2) * heat + 0.49239
    monthly = 16.0 * (10.0 * np.maximum(temperature, 0.0) / heat) ** power
    return np.asarray(monthly * (day_hours / 12.0) * (days / 30.0))


def _mean(values: Floats) -> Floats:
    """Return means over the last axis of what is there; NaN where nothing is."""
    seen = ~np.isnan(values)
    count = seen.sum(axis=-1)
    total = np.where(seen, values, 0.0).sum(axis=-1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def hargreaves(
    temperature_min: Floats,
    temperature_max: Floats,
    radiation_above: Floats,
    rain: Floats | None = None,
) -> Floats:
    """Return reference evaporation from the daily range of temperature [mm a day].

    Hargreaves and Samani (1985), equation 52 of FAO-56; with ``rain``, in the form of Droogers and
    Allen (2002), in which wet months evaporate less.

    Parameters
    ----------
    temperature_min, temperature_max : array
        Means of the daily extremes [degree Celsius].
    radiation_above : array
        From `extraterrestrial_radiation` [MJ m-2 d-1].
    rain : array, optional
        Total of the month [mm].
    """
    middle = (temperature_min + temperature_max) / 2.0
    spread = np.maximum(temperature_max - temperature_min, 0.0)
    water = 0.408 * radiation_above
    if rain is None:
        rate = 0.0023 * water * (middle + 17.8) * np.sqrt(spread)
    else:
        damped = np.maximum(spread - 0.0123 * rain, 0.0)
        rate = 0.0013 * water * (middle + 17.0) * damped**0.76
    return np.asarray(np.maximum(rate, 0.0))


def penman_monteith(
    temperature_min: Floats,
    temperature_max: Floats,
    wind_2m: Floats,
    vapour_pressure: Floats,
    net_radiation: Floats,
    *,
    soil_heat: Floats | float = 0.0,
    pressure: Floats | float = 101.3,
    co2_ppm: Floats | float = _USUAL_CO2,
) -> Floats:
    """Return the evaporation of well watered short grass [mm a day] (equation 6).

    Parameters
    ----------
    temperature_min, temperature_max : array
        Means of the daily extremes [degree Celsius].
    wind_2m : array
        Two metres above the ground [m s-1]; see `wind_at_2m`.
    vapour_pressure : array
        Actual [kPa]: from the dewpoint by `saturation_pressure`, or see `vapour_from_humidity`.
    net_radiation : array
        From `net_radiation` [MJ m-2 d-1].
    soil_heat : array
        Heat that goes into the ground [MJ m-2 d-1]; see `soil_heat_of_months`.
    pressure : array
        Of the air [kPa]; see `pressure_at`.
    co2_ppm : array
        Leaves close their pores as it rises (Yang et al. 2019, doi:10.1038/s41558-018-0361-0);
        300 is FAO-56.
    """
    middle = (temperature_min + temperature_max) / 2.0
    slope = 4098.0 * saturation_pressure(middle) / (middle + 237.3) ** 2
    gamma = 0.665e-3 * pressure
    thirst = _mean_saturation(temperature_min, temperature_max) - vapour_pressure
    resistance = 0.34 + 2.4e-4 * (co2_ppm - _USUAL_CO2)
    energy = 0.408 * slope * (net_radiation - soil_heat)
    wind = gamma * 900.0 / (middle + 273.0) * wind_2m * thirst
    return np.asarray((energy + wind) / (slope + gamma * (1.0 + resistance * wind_2m)))


def net_radiation(
    solar: Floats,
    radiation_above: Floats,
    temperature_min: Floats,
    temperature_max: Floats,
    vapour_pressure: Floats,
    elevation: Floats | float = 0.0,
) -> Floats:
    """Return the radiation that the grass keeps [MJ m-2 d-1] (equations 37 to 40).

    Parameters
    ----------
    solar : array
        That reaches the ground [MJ m-2 d-1].
    radiation_above : array
        From `extraterrestrial_radiation` [MJ m-2 d-1].
    temperature_min, temperature_max : array
        Means of the daily extremes [degree Celsius].
    vapour_pressure : array
        Actual [kPa].
    elevation : array
        Above the sea [m].
    """
    clear = (0.75 + 2e-5 * elevation) * radiation_above
    with np.errstate(divide="ignore", invalid="ignore"):  # polar night has no clear sky
        share = np.where(clear > 0.0, np.minimum(solar / clear, 1.0), 1.0)
    share = np.where(np.isnan(solar), np.nan, share)
    warmth = ((temperature_max + _ZERO_C) ** 4 + (temperature_min + _ZERO_C) ** 4) / 2.0
    lost = (
        _STEFAN_BOLTZMANN
        * warmth
        * (0.34 - 0.14 * np.sqrt(np.maximum(vapour_pressure, 0.0)))
        * (1.35 * share - 0.35)
    )
    return np.asarray((1.0 - ALBEDO) * solar - lost)


def solar_from_sunshine(sunshine_hours: Floats, day_hours: Floats, above: Floats) -> Floats:
    """Return the radiation at the ground from hours of bright sunshine (equation 35)."""
    with np.errstate(divide="ignore", invalid="ignore"):  # polar night
        share = np.divide(sunshine_hours, day_hours)
    share = np.where(np.greater(day_hours, 0.0) | np.isnan(sunshine_hours), share, 0.0)
    return np.asarray((_ANGLE_A + _ANGLE_B * share) * above)


def solar_from_cloud(cloud_percent: Floats, above: Floats) -> Floats:
    """Return the radiation at the ground from the cloudy share of the sky [%]."""
    return np.asarray((_ANGLE_A + _ANGLE_B * (1.0 - cloud_percent / 100.0)) * above)


def saturation_pressure(temperature: Floats) -> Floats:
    """Return how much vapour air can hold at a temperature [kPa] (equation 11)."""
    return np.asarray(0.6108 * np.exp(17.27 * temperature / (temperature + 237.3)))


def vapour_from_humidity(
    humidity_percent: Floats, temperature_min: Floats, temperature_max: Floats
) -> Floats:
    """Return the actual vapour pressure from the mean relative humidity [kPa] (equation 19)."""
    return np.asarray(humidity_percent / 100.0 * _mean_saturation(temperature_min, temperature_max))


def _mean_saturation(temperature_min: Floats, temperature_max: Floats) -> Floats:
    """Return the mean of the saturation at both extremes [kPa] (equation 12)."""
    both = saturation_pressure(temperature_min) + saturation_pressure(temperature_max)
    return np.asarray(both / 2.0)


def pressure_at(elevation: Floats) -> Floats:
    """Return the usual pressure of the air at a height above the sea [kPa] (equation 7)."""
    return np.asarray(101.3 * ((293.0 - 0.0065 * np.asarray(elevation)) / 293.0) ** 5.26)


def wind_at_2m(wind: Floats, height: float = 10.0) -> Floats:
    """Return the wind two metres above grass from that at another height [m] (equation 47)."""
    return np.asarray(wind * 4.87 / np.log(67.8 * height - 5.42))


def soil_heat_of_months(temperature: Floats) -> Floats:
    """Return the heat that months send into the ground [MJ m-2 d-1] (equations 43 and 44).

    Parameters
    ----------
    temperature : array, (..., time)
        Means of months [degree Celsius], two or more. At both ends the nearer difference is taken.
    """
    heat = np.empty_like(temperature, dtype=np.result_type(temperature, np.float32))
    heat[..., 1:-1] = 0.07 * (temperature[..., 2:] - temperature[..., :-2])
    heat[..., 0] = 0.14 * (temperature[..., 1] - temperature[..., 0])
    heat[..., -1] = 0.14 * (temperature[..., -1] - temperature[..., -2])
    return heat
