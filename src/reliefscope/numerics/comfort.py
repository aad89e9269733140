"""How hot or cold air feels: UTCI, WBGT, heat index, humidex, apparent temperature.

Temperatures come and go in degrees Celsius; NaN in any input gives NaN.
"""

import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics._utci import TERMS

Values = NDArray[np.floating]

ZERO_C = 273.15
UTCI_TEMPERATURE = (-50.0, 50.0)
"""Air temperatures for which the polynomial of UTCI was fitted [degree Celsius]."""
UTCI_WIND = (0.5, 17.0)
"""Wind at 10 m for which it was fitted [m s-1]."""
UTCI_RADIANT = (-30.0, 70.0)
"""Radiant less air temperature for which it was fitted [K]."""
_MOST_VAPOUR_HPA = 50.0
_STEFAN_BOLTZMANN = 5.670374419e-8
_GLOBE = 1.1e8 / (0.95 * 0.15**0.4)
"""Heat that the standard globe of ISO 7726 loses to the wind, over what it radiates [K3]."""
_ROUGHNESS_M = 0.01


def vapour_pressure(dewpoint: Values) -> Values:
    """Return the pressure of water vapour [hPa] of air with a dewpoint [degree Celsius].

    Over water, by Buck (1981, doi:10.1175/1520-0450(1981)020<1527:NEFCVP>2.0.CO;2), as in the IFS
    of ECMWF.
    """
    return np.asarray(6.1121 * np.exp(17.502 * dewpoint / (240.97 + dewpoint)))


def relative_humidity(temperature: Values, dewpoint: Values) -> Values:
    """Return the relative humidity [percent], at most 100."""
    return np.minimum(100 * vapour_pressure(dewpoint) / vapour_pressure(temperature), 100.0)


def saturation_hardy(temperature: Values) -> Values:
    """Return the saturation vapour pressure over water [hPa] with which UTCI was fitted.

    Hardy (1998), ITS-90 formulations for vapor pressure, 3rd International Symposium on Humidity
    and Moisture.
    """
    kelvin = np.asarray(temperature, np.float64) + ZERO_C
    powers = (
        (-2, -2.8365744e3), (-1, -6.028076559e3), (0, 1.954263612e1), (1, -2.737830188e-2),
        (2, 1.6261698e-5), (3, 7.0229056e-10), (4, -1.8680009e-13),
    )  # fmt: skip
    logs = sum(c * kelvin ** float(power) for power, c in powers) + 2.7150305 * np.log(kelvin)
    return np.asarray(np.exp(logs) / 100)


def utci(temperature: Values, radiant: Values, wind: Values, vapour_hpa: Values) -> Values:
    """Return the Universal Thermal Climate Index [degree Celsius].

    The polynomial of Broede et al. (2012, doi:10.1007/s00484-011-0454-1); NaN outside of what it
    was fitted for, but for wind, which is taken as 0.5 m/s when there is less.

    Parameters
    ----------
    temperature, radiant : array
        Of the air, and mean radiant temperature [degree Celsius].
    wind : array
        At 10 m [m s-1].
    vapour_hpa : array
        Pressure of water vapour [hPa].
    """
    t = np.asarray(temperature, np.float64)
    dt = np.asarray(radiant, np.float64) - t
    pa = np.asarray(vapour_hpa, np.float64)
    v = np.maximum(np.asarray(wind, np.float64), UTCI_WIND[0])
    fits = (t >= UTCI_TEMPERATURE[0]) & (t <= UTCI_TEMPERATURE[1]) & (v <= UTCI_WIND[1])
    fits &= (dt >= UTCI_RADIANT[0]) & (dt <= UTCI_RADIANT[1]) & (pa <= _MOST_VAPOUR_HPA)
    return np.where(fits, t + _utci_offset(t, v, dt, pa / 10), np.nan)


def _utci_offset(t: Values, v: Values, dt: Values, pa: Values) -> Values:
    """Return UTCI less air temperature [K]; vapour pressure in kPa."""
    total = np.zeros(np.broadcast_shapes(*(np.shape(x) for x in (t, v, dt, pa))))
    for (of_v, of_dt, of_pa), coefficients in TERMS.items():
        in_t = np.zeros(np.shape(t))
        for c in reversed(coefficients):  # Horner
            in_t = in_t * t + c
        total += in_t * v**of_v * dt**of_dt * pa**of_pa
    return total


def wet_bulb_stull(temperature: Values, humidity: Values) -> Values:
    """Return the wet-bulb temperature near sea level [degree Celsius].

    Stull (2011, doi:10.1175/JAMC-D-11-0143.1), for 5 to 99 percent humidity and -20 to 50 degrees.
    """
    t, rh = np.asarray(temperature, np.float64), np.asarray(humidity, np.float64)
    return np.asarray(
        t * np.arctan(0.151977 * np.sqrt(rh + 8.313659))
        + np.arctan(t + rh)
        - np.arctan(rh - 1.676331)
        + 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh)
        - 4.686035
    )


def wind_at(wind: Values, height: float) -> Values:
    """Return the wind at a height [m] from that at 10 m, logarithmic, over grass.

    Roughness 0.01 m, as with UTCI (Broede et al. 2012, doi:10.1007/s00484-011-0454-1).
    """
    return np.asarray(wind * (np.log(height / _ROUGHNESS_M) / np.log(10 / _ROUGHNESS_M)))


def globe_temperature(temperature: Values, radiant: Values, wind: Values) -> Values:
    """Return the temperature of a black globe of 150 mm [degree Celsius].

    Where heat gained from radiation is lost to the air: ISO 7726 (1998), annex B, in wind;
    the quartic has one such root, found by Newton's method.

    Parameters
    ----------
    temperature, radiant : array
        Of the air, and mean radiant temperature [degree Celsius].
    wind : array
        At the globe [m s-1].
    """
    air = np.asarray(temperature, np.float64) + ZERO_C
    target = (np.asarray(radiant, np.float64) + ZERO_C) ** 4
    lost = _GLOBE * np.asarray(wind, np.float64) ** 0.6
    globe = np.maximum(air, target**0.25)
    for _ in range(30):  # from above the function is convex: Newton never overshoots
        globe = globe - (globe**4 + lost * (globe - air) - target) / (4 * globe**3 + lost)
    return np.asarray(globe - ZERO_C)


def wet_bulb_globe(temperature: Values, humidity: Values, globe: Values) -> Values:
    """Return the wet-bulb globe temperature in the sun [degree Celsius] (ISO 7243, 2017).

    The natural wet bulb is taken as the psychrometric one of `wet_bulb_stull`, which is lower in
    strong sun and still air: a lower bound there.
    """
    wet = wet_bulb_stull(temperature, humidity)
    return np.asarray(0.7 * wet + 0.2 * globe + 0.1 * temperature)


def wet_bulb_globe_simple(temperature: Values, vapour_hpa: Values) -> Values:
    """Return the wet-bulb globe temperature of moderate sun and light wind [degree Celsius].

    The Australian Bureau of Meteorology's approximation (American College of Sports Medicine 1984):
    only temperature and humidity count.
    """
    return np.asarray(0.567 * temperature + 0.393 * vapour_hpa + 3.94)


def heat_index(temperature: Values, humidity: Values) -> Values:
    """Return the heat index of the United States' National Weather Service [degree Celsius].

    Rothfusz (1990, NWS SR 90-23), a regression on Steadman (1979), with the NWS' adjustments for
    dry and for very humid air; where it would be below 80 degrees Fahrenheit the NWS' simple form.
    Constants and conditions are those of NCAR's GeoCAT-comp; below 80
    degrees Fahrenheit, where nobody is in danger, it averages once more with the temperature.
    """
    f = np.asarray(temperature, np.float64) * 1.8 + 32
    rh = np.asarray(humidity, np.float64)
    simple = 0.5 * (f + 61 + (f - 68) * 1.2 + rh * 0.094)
    full = (
        -42.379 + 2.04901523 * f + 10.14333127 * rh - 0.22475541 * f * rh
        - 6.83783e-3 * f**2 - 5.481717e-2 * rh**2 + 1.22874e-3 * f**2 * rh
        + 8.5282e-4 * f * rh**2 - 1.99e-6 * f**2 * rh**2
    )  # fmt: skip
    dry = (rh < 13) & (f >= 80) & (f <= 112)  # noqa: PLR2004 - the NWS' conditions
    room = np.sqrt(np.maximum(17 - np.abs(f - 95), 0) / 17)
    full = full - np.where(dry, (13 - rh) / 4 * room, 0)
    humid = (rh > 85) & (f >= 80) & (f <= 87)  # noqa: PLR2004 - as above
    full = full + np.where(humid, (rh - 85) / 10 * (87 - f) / 5, 0)
    felt = np.where((simple + f) / 2 < 80, simple, full)  # noqa: PLR2004 - as above
    felt = np.where(f <= 40, f, felt)  # noqa: PLR2004 - as above
    return np.asarray((felt - 32) / 1.8)


def humidex(temperature: Values, dewpoint: Values) -> Values:
    """Return the Canadian humidex [degree Celsius] (Masterton and Richardson 1979, CLI 1-79)."""
    vapour = 6.11 * np.exp(5417.7530 * (1 / 273.16 - 1 / (dewpoint + ZERO_C)))
    return np.asarray(temperature + 5 / 9 * (vapour - 10))


def apparent_temperature(temperature: Values, vapour_hpa: Values, wind: Values) -> Values:
    """Return the apparent temperature in the shade [degree Celsius].

    Steadman (1994), as the Australian Bureau of Meteorology computes it; wind at 10 m [m s-1].
    """
    return np.asarray(temperature + 0.33 * vapour_hpa - 0.7 * wind - 4.0)


def mean_radiant(temperature: Values, solar: Values, vapour_hpa: Values) -> Values:
    """Return an estimate of the mean radiant temperature outdoors [degree Celsius].

    A standing person in the open under a clear sky, from the global radiation alone: half of the
    radiation of sky and ground each; the sky's heat by Brunt (1932), the ground as warm as the air.
    Absorption 0.7 in the sun and 0.97 in the infrared; the direct beam is taken as 70 percent of
    ``solar`` and met with the projected area of a mid-high sun, 0.25 (Di Napoli et al. 2020,
    doi:10.1007/s00484-020-01900-5, with these shares put in): good to some kelvins.

    Parameters
    ----------
    temperature : array
        Of the air [degree Celsius].
    solar : array
        Global solar radiation on the ground [W m-2].
    vapour_hpa : array
        Pressure of water vapour [hPa].
    """
    kelvin = np.asarray(temperature, np.float64) + ZERO_C
    black = _STEFAN_BOLTZMANN * kelvin**4
    sky = np.clip(0.52 + 0.065 * np.sqrt(vapour_hpa), 0, 1) * black
    diffuse, reflected, beam = 0.3 * solar, 0.2 * solar, 0.7 * solar
    absorbed = 0.5 * sky + 0.5 * black
    absorbed = absorbed + 0.7 / 0.97 * (0.5 * diffuse + 0.5 * reflected + 0.25 / 0.5 * beam)
    return np.asarray((absorbed / _STEFAN_BOLTZMANN) ** 0.25 - ZERO_C)
