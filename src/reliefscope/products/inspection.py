"""Every layer of a run, also those that are not published, as files that can be looked at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray

from reliefscope.model.cube import VARIABLES, State
from reliefscope.model.product import Product
from reliefscope.products.rasters import tags_of

BETWEEN = "__"
"""Stands between the role of an image and its variable, as in ``before__vv``."""


def write_layers(product: Product, folder: Path) -> tuple[str, ...]:
    """Write each layer, (y, x), of a computed product and of its images as a GeoTIFF.

    Parameters
    ----------
    product : Product
        Its data in memory; images are read here.
    folder : Path
        Where the files go; made when absent.

    Returns
    -------
    tuple of str
        Names of the layers, those of the product first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, layer in _layers(product):
        values = np.asarray(layer)
        if values.dtype not in (np.uint8, np.uint16):
            values = values.astype(np.float32)
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            driver="GTiff",
            height=values.shape[0],
            width=values.shape[1],
            count=1,
            dtype=values.dtype,
            crs=str(product.grid.crs),
            transform=product.grid.affine,
            compress="deflate",
            tiled=True,
            nodata=_nodata(name, values),
        ) as file:
            file.write(values, 1)
            variable = name.rpartition(BETWEEN)[2]
            if variable in VARIABLES:
                file.update_tags(1, **tags_of(variable))
        names.append(name)
    return tuple(names)


def _nodata(name: str, values: NDArray[Any]) -> float | None:
    """Return what stands for "nothing known": of the state it is its own class."""
    if values.dtype == np.float32:
        return float("nan")
    return float(State.NOT_OBSERVED) if name == "state" else None


def _layers(product: Product) -> Iterator[tuple[str, xr.DataArray]]:
    for name, layer in product.data.data_vars.items():
        if set(layer.dims) == {"y", "x"}:
            yield str(name), layer
    for role, cube in product.images.items():
        for name, layer in cube.data_vars.items():
            last = layer.isel(time=-1) if "time" in layer.dims else layer
            if set(last.dims) == {"y", "x"} and last.shape == product.grid.shape:
                yield f"{role}{BETWEEN}{name}", last
