"""From what a provider stores to canonical units; never by guessing."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.model.cube import VARIABLES

Floats = NDArray[np.float32]

RADAR = frozenset({"vv", "vh"})
CATEGORICAL = frozenset(name for name, row in VARIABLES.items() if row.categorical)

_ALIASES: Mapping[str, str] = {
    "": "unknown",
    "linear": "1",
    "power": "1",
    "linear power": "1",
    "unitless": "1",
    "none": "1",
    "db": "dB",
    "decibel": "dB",
    "meter": "m",
    "metre": "m",
    "meters": "m",
    "metres": "m",
    "months": "month",
    "kelvin": "K",
    "ndvi": "1",
    "evi": "1",
    "%": "percent",
    "deg": "degree",
    "degrees": "degree",
}


def stored_units(variable: str, stated: str | None) -> str:
    """Return the units of the stored values, from what the provider states.

    Raises
    ------
    CubeError
        Backscatter without stated units (linear and decibel look alike in a histogram), or
        units that cannot become the canonical ones.
    """
    text = (stated or "").strip()
    units = _ALIASES.get(text.lower(), text)
    want = VARIABLES[variable].units
    if VARIABLES[variable].categorical:
        return want  # codes and bits have no units, whatever a provider writes there
    if units == "unknown":
        if variable in RADAR:
            raise CubeError(
                f"{variable!r} comes without units; state units = {{ {variable} = 'dB' }} or "
                f"{{ {variable} = '1' }} (linear power): they are never guessed"
            )
        return want
    if units != want and (units, want) not in _CONVERSIONS:
        allowed = sorted({want} | {a for a, b in _CONVERSIONS if b == want})
        raise CubeError(f"{variable!r} is stored in {text!r}; allowed are {allowed}")
    return units


def converter(variable: str, units: str) -> Callable[[Floats], Floats]:
    """Return the function from stored ``units`` to the canonical ones of ``variable``."""
    return _CONVERSIONS.get((units, VARIABLES[variable].units), _same)


def _same(values: Floats) -> Floats:
    return values


def _from_decibel(values: Floats) -> Floats:
    power: Floats = np.power(np.float32(10), values * np.float32(0.1))
    return power


def _percent(values: Floats) -> Floats:
    return values * np.float32(100)


_CONVERSIONS: Mapping[tuple[str, str], Callable[[Floats], Floats]] = {
    ("dB", "1"): _from_decibel,
    ("1", "percent"): _percent,
}
