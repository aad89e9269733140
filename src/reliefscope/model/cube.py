"""The contract a cube keeps: the one table of variables, units and class codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError


class State(IntEnum):
    """What is known of a pixel. "No event" and "not observed" never share a value."""

    NO_EVENT = 0
    """Observed, no event."""
    EVENT = 1
    """Observed, event."""
    REFERENCE = 2
    """Permanent or seasonal water, already burned: there before the event."""
    EXCLUDED = 3
    """The sensor cannot tell here; ``exclusion`` holds the reasons."""
    NOT_OBSERVED = 255
    """Nothing was seen here."""


class Exclusion(IntFlag):
    """Why the sensor cannot tell, as bits of the ``exclusion`` layer."""

    LAYOVER_SHADOW = 1
    """Radar layover or shadow, or a grazing angle."""
    STEEP_TERRAIN = 2
    """Too steep or too high above the drainage for water to stand."""
    URBAN = 4
    """Built-up: double bounce hides water."""
    DENSE_VEGETATION = 8
    """Canopy closes over the water."""
    LOW_BACKSCATTER = 16
    """Dark without water: sand, tarmac, dry bare ground, radar shadow at low relief."""
    LOW_COVERAGE = 32
    """Too few observations for the method."""
    AMBIGUOUS = 64
    """The signal lies where event and no event cannot be told apart."""


class Advisory(IntFlag):
    """What a reader must know about the whole scene, as bits of ``advisory``."""

    DEFAULT_THRESHOLD = 1
    """No part of the scene had two clear classes: a default threshold was used."""
    LOW_COVERAGE = 2
    """Less than half of the area was observed."""
    ROUGH_WATER = 4
    """Known water looks bright: wind or rain roughens it, open water may be missed."""
    FROZEN = 8
    """Frozen or snow-covered ground may look like water."""
    ARID = 16
    """Dry sand may look like water."""
    LATE = 32
    """The image was taken more than three days after the onset."""
    ORBIT_MISMATCH = 64
    """Before and after were seen from different orbits."""
    LOW_CONTRAST = 128
    """Water and land hardly differ: flooded vegetation or shallow water may be missed."""
    NO_REFERENCE_WATER = 256
    """Without reference water, permanent water counts as event."""
    SINGLE_POLARISATION = 512
    """One polarisation only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One row of the table: what a name means wherever it appears."""

    units: str
    """UDUNITS; "1" is dimensionless."""
    long_name: str
    valid_range: tuple[float, float] | None = None
    flags: type[IntEnum] | type[IntFlag] | None = None


VARIABLES: Mapping[str, Variable] = {
    # what satellites measure
    "vv": Variable(units="1", long_name="backscatter VV, linear power", valid_range=(0, 1000)),
    "vh": Variable(units="1", long_name="backscatter VH, linear power", valid_range=(0, 1000)),
    "incidence_deg": Variable(
        units="degree", long_name="radar incidence angle", valid_range=(0, 90)
    ),
    "blue": Variable(units="1", long_name="reflectance, blue", valid_range=(-0.2, 2)),
    "green": Variable(units="1", long_name="reflectance, green", valid_range=(-0.2, 2)),
    "red": Variable(units="1", long_name="reflectance, red", valid_range=(-0.2, 2)),
    "nir": Variable(units="1", long_name="reflectance, near infrared", valid_range=(-0.2, 2)),
    "nir08": Variable(
        units="1", long_name="reflectance, near infrared narrow", valid_range=(-0.2, 2)
    ),
    "swir16": Variable(
        units="1", long_name="reflectance, shortwave infrared 1.6 um", valid_range=(-0.2, 2)
    ),
    "swir22": Variable(
        units="1", long_name="reflectance, shortwave infrared 2.2 um", valid_range=(-0.2, 2)
    ),
    "scl": Variable(units="1", long_name="Sentinel-2 scene classification", valid_range=(0, 11)),
    # what is known of the ground
    "elevation": Variable(units="m", long_name="height above the geoid", valid_range=(-500, 9000)),
    "water_seasonality": Variable(
        units="month", long_name="months per year with water", valid_range=(0, 12)
    ),
    "water_occurrence": Variable(
        units="percent", long_name="share of clear observations with water", valid_range=(0, 100)
    ),
    "land_cover": Variable(units="1", long_name="ESA WorldCover class code", valid_range=(10, 100)),
    # what is derived
    "slope_deg": Variable(units="degree", long_name="slope", valid_range=(0, 90)),
    "hand": Variable(units="m", long_name="height above nearest drainage", valid_range=(0, 9000)),
    "vv_db": Variable(units="dB", long_name="despeckled backscatter VV", valid_range=(-60, 30)),
    "vh_db": Variable(units="dB", long_name="despeckled backscatter VH", valid_range=(-60, 30)),
    "log_ratio_db": Variable(
        units="dB", long_name="backscatter after over before", valid_range=(-60, 60)
    ),
    "threshold_vv_db": Variable(units="dB", long_name="water threshold VV"),
    "threshold_vh_db": Variable(units="dB", long_name="water threshold VH"),
    "threshold_change_db": Variable(units="dB", long_name="change threshold"),
    "depth_m": Variable(units="m", long_name="water depth", valid_range=(0, 50)),
    # what a product states
    "state": Variable(units="1", long_name="state of the pixel", flags=State),
    "likelihood": Variable(
        units="percent", long_name="likelihood of event, 255 none", valid_range=(0, 100)
    ),
    "exclusion": Variable(units="1", long_name="reasons for exclusion", flags=Exclusion),
    "advisory": Variable(units="1", long_name="advisory flags of the scene", flags=Advisory),
}
"""Canonical variables. Surface reflectance and backscatter are dimensionless, never scaled."""

NO_LIKELIHOOD = 255
"""Code of ``likelihood`` where nothing was observed."""


def require(cube: xr.Dataset, *variables: str) -> None:
    """Raise unless ``cube`` has ``variables`` over (y, x) in canonical units.

    Parameters
    ----------
    cube : Dataset, (y, x) or (time, y, x)
        What a source delivered.
    *variables : str
        Names that must be there, from `VARIABLES`.

    Raises
    ------
    CubeError
        A variable is missing, lacks y or x, or is in other units.
    """
    for name in variables:
        if name not in cube:
            raise CubeError(
                f"no {name!r} in the cube, which has {sorted(map(str, cube))}; "
                f"rename or add the variable"
            )
        if not {"y", "x"} <= set(cube[name].dims):
            raise CubeError(
                f"{name!r} has dimensions {cube[name].dims}; it needs y and x, with its CRS"
            )
        units, want = cube[name].attrs.get("units"), VARIABLES[name].units
        if units != want:
            raise CubeError(
                f"{name!r} is in {units!r}; it must be in {want!r} and say so in its units "
                f"attribute (decibels are converted with 10**(dB/10))"
            )


def describe(name: str, array: xr.DataArray) -> xr.DataArray:
    """Return ``array`` named ``name`` with the units, long name and CF flags of the table."""
    variable = VARIABLES[name]
    attrs: dict[str, Any] = {"units": variable.units, "long_name": variable.long_name}
    if variable.flags is not None:
        members = list(variable.flags)
        key = "flag_masks" if issubclass(variable.flags, IntFlag) else "flag_values"
        attrs[key] = [m.value for m in members]
        attrs["flag_meanings"] = " ".join(m.name.lower() for m in members if m.name)
    return array.rename(name).assign_attrs(attrs)


def elementwise(
    function: Callable[..., NDArray[Any]], *arrays: xr.DataArray, dtype: str = "float32"
) -> xr.DataArray:
    """Apply a numpy function pixel by pixel, lazily if the arrays are lazy."""
    out: xr.DataArray = xr.apply_ufunc(
        function, *arrays, dask="parallelized", output_dtypes=[dtype]
    )
    return out
