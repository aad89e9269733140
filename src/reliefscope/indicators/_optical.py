"""What indicators on optical images share: clouds hidden, the first clear date, known water."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.model.cube import elementwise, require
from reliefscope.numerics import water as tests
from reliefscope.numerics.clouds import (
    hidden_by_fmask,
    hidden_by_qa_pixel,
    hidden_by_scl,
    snow_by_fmask,
    snow_by_qa_pixel,
    snow_by_scl,
)

QUALITY = {"scl": hidden_by_scl, "qa_pixel": hidden_by_qa_pixel, "fmask": hidden_by_fmask}
"""Quality bands, and what tells from each where no ground is seen."""
_SNOW = {"scl": snow_by_scl, "qa_pixel": snow_by_qa_pixel, "fmask": snow_by_fmask}
_MONTHS = 12
WATER_BANDS = ("blue", "green", "red", "swir16", "swir22")
"""What the tests for water need beside a near infrared band."""


def hidden(cube: xr.Dataset) -> xr.DataArray | None:
    """Return where clouds, shadows or gaps hide the ground; None without a quality band."""
    band = next((name for name in QUALITY if name in cube), None)
    return None if band is None else elementwise(QUALITY[band], cube[band], dtype="bool")


def snow(cube: xr.Dataset) -> xr.DataArray | None:
    """Return where snow or ice covers the ground; None without a quality band."""
    band = next((name for name in _SNOW if name in cube), None)
    return None if band is None else elementwise(_SNOW[band], cube[band], dtype="bool")


def clear(cube: xr.Dataset, name: str) -> xr.DataArray:
    """Return a band with NaN where clouds hide the ground."""
    veil = hidden(cube)
    return cube[name] if veil is None else cube[name].where(~veil)


def first_seen(layer: xr.DataArray) -> xr.DataArray:
    """Return the first value that is not NaN along time; the layer itself without time."""
    if "time" not in layer.dims:
        return layer
    merged = layer.isel(time=0, drop=True)
    for index in range(1, layer.sizes["time"]):
        merged = merged.fillna(layer.isel(time=index, drop=True))
    return merged


def near_infrared(image: xr.Dataset) -> str:
    """Return the near infrared band of an image: the wide one where there are two.

    Raises
    ------
    CubeError
        There is none.
    """
    found = next((name for name in ("nir", "nir08") if name in image), None)
    if found is None:
        raise CubeError(f"the image has {sorted(map(str, image))}; it also needs ['nir']")
    return found


def water_classes(image: xr.Dataset) -> xr.DataArray:
    """Return the `WaterClass` of each pixel and date, clouds not considered.

    Raises
    ------
    CubeError
        Bands are missing, or in other units.
    """
    missing = [name for name in WATER_BANDS if name not in image]
    if missing:
        raise CubeError(
            f"the image has {sorted(map(str, image))}; the tests for water also need {missing}"
        )
    nir = near_infrared(image)
    require(image, *WATER_BANDS, nir)

    def classified(*bands: NDArray[np.float32]) -> NDArray[np.uint8]:
        return tests.classify(tests.diagnose(dict(zip((*WATER_BANDS, "nir"), bands, strict=True))))

    bands = (image[name] for name in (*WATER_BANDS, nir))
    return elementwise(classified, *bands, dtype="uint8")


def known_water(water: xr.Dataset | None, months: float, like: xr.DataArray) -> xr.DataArray:
    """Return where there is water in at least ``months`` of the year; nowhere without a map."""
    if water is None:
        return xr.zeros_like(like, dtype=bool)
    name, least = next(
        (n, v)
        for n, v in (("water_seasonality", months), ("water_occurrence", months * 100 / _MONTHS))
        if n in water
    )
    require(water, name)
    return water[name].assign_coords(y=like["y"], x=like["x"]) >= least


def same_grid(one: xr.Dataset, other: xr.Dataset, what: str) -> None:
    """Raise CubeError unless two cubes lie on one grid; ``what`` names them."""
    for axis in ("y", "x"):
        ours, theirs = one.indexes[axis], other.indexes.get(axis)
        if theirs is None or theirs.size != ours.size or not np.allclose(ours, theirs):
            raise CubeError(
                f"{what} lie on different grids along {axis}; load both on one grid "
                f"(odc.geo.geobox.GeoBox)"
            )
