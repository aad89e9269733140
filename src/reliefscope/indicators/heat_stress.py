"""Heat stress: how the hottest hours felt to people outdoors."""

from types import MappingProxyType
from typing import Annotated

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._drought import COMMON, statement
from reliefscope.indicators._weather import SEEN, celsius, from_days, state_from, steps
from reliefscope.model.cube import Advisory, HeatStress, elementwise, require
from reliefscope.model.event import Hazard
from reliefscope.numerics import comfort

_ALWAYS = ("air_temperature", "dewpoint_temperature")
_WIND = ("wind_u10", "wind_v10")
_SUN = "solar_radiation"
_UTCI_EDGES = (26.0, 32.0, 38.0, 46.0)
"""Moderate, strong, very strong, extreme heat stress (Broede et al. 2012)."""
_INDEX_EDGES = tuple((f - 32) / 1.8 for f in (80.0, 90.0, 103.0, 125.0))
"""Caution, extreme caution, danger, extreme danger (National Weather Service)."""


def heat_stress(
    weather: xr.Dataset,
    *,
    least: Annotated[float, Bounds("1", 1, 4)] = 2.0,
) -> xr.Dataset:
    """Map how the hottest hours of a series felt to people outdoors.

    By the Universal Thermal Climate Index (Broede et al. 2012) where wind and radiation are given,
    otherwise by the heat index (Rothfusz 1990), which is of the shade and of light wind. The
    radiant temperature is an estimate from the sun's radiation under a clear sky. Daily means hide
    the afternoon: give hours.

    Parameters
    ----------
    weather : Dataset, (time, y, x)
        ``air_temperature``, ``dewpoint_temperature`` [K]; with ``wind_u10``, ``wind_v10`` [m s-1]
        and ``solar_radiation`` [J m-2 a step] for UTCI.
    least : float
        Class from which it is an event: 1 moderate, 2 strong, 3 very strong, 4 extreme [1].

    Returns
    -------
    Dataset, (y, x)
        The highest of each step: ``heat_index``, ``humidex``, ``wbgt``, with wind
        ``apparent_temperature``, with radiation too ``utci`` [degree Celsius];
        ``heat_stress_class``, ``state``, and ``likelihood`` (none is stated), ``exclusion`` and
        ``advisory``.

    Raises
    ------
    CubeError
        A variable or its unit is missing, or there is no time.
    """
    windy = all(name in weather for name in _WIND)
    sunny = windy and _SUN in weather
    given = (*_ALWAYS, *(_WIND if windy else ()), *((_SUN,) if sunny else ()))
    require(weather, *given)
    seconds = _step(weather["time"]) if sunny else 1.0
    names = ["heat_index", "humidex", "wbgt"] + ["apparent_temperature"] * windy + ["utci"] * sunny

    def feel(*blocks: NDArray[np.floating]) -> tuple[NDArray[np.floating], ...]:
        return tuple(_highest(felt) for felt in _felt(seconds, *blocks))

    layers = dict(
        zip(names, from_days(feel, len(names), *(weather[n] for n in given)), strict=True)
    )
    edges, index = (_UTCI_EDGES, "utci") if sunny else (_INDEX_EDGES, "heat_index")
    judged = steps(edges, HeatStress.NONE, HeatStress.NOT_OBSERVED)
    layers["heat_stress_class"] = elementwise(judged, layers[index], dtype="uint8")
    state = elementwise(state_from(edges[round(least) - 1]), layers[index], dtype="uint8")
    return statement(layers, state, layers[index].notnull(), Advisory(0))


def _step(time: xr.DataArray) -> float:
    """Return how long a step is [s]: over it radiation was added up."""
    if time.size < 2:  # noqa: PLR2004 - a length takes two
        raise CubeError(
            "one step of radiation alone: over how long it was added up is not known; give a series"
        )
    return float(np.median(np.diff(time.values) / np.timedelta64(1, "s")))


def _felt(
    seconds: float,
    air: NDArray[np.floating],
    dew: NDArray[np.floating],
    *others: NDArray[np.floating],
) -> list[NDArray[np.floating]]:
    """Return the indices of each step, in the order of the layers."""
    t, td = celsius(air), celsius(dew)
    humidity, vapour = comfort.relative_humidity(t, td), comfort.vapour_pressure(td)
    felt = [
        comfort.heat_index(t, humidity),
        comfort.humidex(t, td),
        comfort.wet_bulb_globe_simple(t, vapour),
    ]
    if not others:
        return felt
    wind = np.hypot(others[0], others[1])
    felt.append(comfort.apparent_temperature(t, vapour, wind))
    if len(others) > 2:  # noqa: PLR2004 - two of wind, then the sun
        radiant = comfort.mean_radiant(t, others[2] / seconds, vapour)
        felt.append(comfort.utci(t, radiant, wind, vapour))
    return felt


def _highest(felt: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the highest value over time; NaN where too few steps are known."""
    known = (~np.isnan(felt)).mean(axis=-1) >= SEEN
    return np.where(known, np.fmax.reduce(felt, axis=-1), np.nan)


INDICATOR = Indicator(
    name="heat_stress",
    title="Heat stress of the hottest hours: Universal Thermal Climate Index, or the heat index "
    "where wind and radiation are not known",
    hazard=Hazard.HEAT,
    needs=MappingProxyType(
        {"weather": Need(any_of=(*_ALWAYS, *_WIND, _SUN), days=(0, 10), series=True)}
    ),
    gives=(
        *("heat_index", "humidex", "wbgt", "apparent_temperature", "utci", "heat_stress_class"),
        *COMMON,
    ),
    reference="https://doi.org/10.1007/s00484-011-0454-1",
    compute=heat_stress,
)
