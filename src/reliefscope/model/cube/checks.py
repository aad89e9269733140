"""Cubes that keep the contract: checked, described, computed pixel by pixel."""

from collections.abc import Callable
from enum import IntFlag
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.model.cube.table import VARIABLES


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
