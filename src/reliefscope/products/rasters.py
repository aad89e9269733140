"""The layers of a product as cloud-optimised GeoTIFFs, written once and read back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import ImageColor
from rasterio._err import CPLE_BaseError  # what closing a file raises when the disk is full
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.windows import Window

from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, State
from reliefscope.products.layers import GRADINGS, Layers
from reliefscope.products.pictures import class_colours

COLOURS: Mapping[int, tuple[int, int, int, int]] = MappingProxyType(
    {
        State.NO_EVENT: (255, 255, 255, 255),
        State.EVENT: (0, 132, 220, 255),
        State.REFERENCE: (16, 36, 92, 255),
        State.EXCLUDED: (214, 176, 120, 255),
        State.NOT_OBSERVED: (150, 150, 150, 255),
    }
)
"""Colour table of the state layer, told apart in grey as well."""
_READ_ROWS = 2048
_BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How a layer is stored."""

    nodata: float | None
    overviews: Resampling


_FORMS: Mapping[str, _Form] = {
    "state": _Form(nodata=State.NOT_OBSERVED, overviews=Resampling.mode),
    "likelihood": _Form(nodata=NO_LIKELIHOOD, overviews=Resampling.nearest),
    "exclusion": _Form(nodata=None, overviews=Resampling.mode),
}
_CLASSES = _Form(nodata=255, overviews=Resampling.mode)
_COUNTS = _Form(nodata=float("nan"), overviews=Resampling.average)
_MEASURE = _Form(nodata=float("nan"), overviews=Resampling.nearest)


def write_rasters(
    layers: Layers,
    folder: Path,
    tags: Mapping[str, str],
    people: NDArray[np.float32] | None = None,
) -> dict[str, Path]:
    """Write every layer of the product, and read each back to be sure.

    Parameters
    ----------
    layers : Layers
        The product in memory.
    folder : Path
        Where ``state.tif`` and the others go.
    tags : mapping
        Written into each file beside units and flag meanings.
    people : array, (y, x), optional
        People on each pixel, so that any area can be counted later.

    Returns
    -------
    dict of str to Path
        By layer.

    Raises
    ------
    OSError
        The file system did not take the file.
    """
    arrays: dict[str, NDArray[Any]] = {
        "state": layers.state,
        "likelihood": layers.likelihood,
        "exclusion": layers.exclusion,
        **layers.measures,
    }
    if layers.grading is not None:
        arrays[layers.grading.name] = layers.grading.codes
    if people is not None:
        arrays["people"] = people
    paths = {name: folder / f"{name}.tif" for name in arrays}
    for name, array in arrays.items():
        try:
            _write(paths[name], array, layers, _form(name), name, tags)
            _read_back(paths[name], array)
        except (RasterioError, CPLE_BaseError) as error:
            raise OSError(f"{paths[name].name}: {error}") from error
    return paths


def _form(name: str) -> _Form:
    if name == "people":
        return _COUNTS
    return _FORMS.get(name) or (_CLASSES if name in GRADINGS else _MEASURE)


def colours_of(name: str) -> Mapping[int, tuple[int, ...]]:
    """Return the colour table of a layer; empty where it has none."""
    if name == "state":
        return COLOURS
    flags = VARIABLES[name].flags
    if name not in GRADINGS or flags is None or not issubclass(flags, IntEnum):
        return {}
    return {code: ImageColor.getrgb(hue) for code, hue in class_colours(flags).items()}


def tags_of(name: str) -> dict[str, str]:
    """Return units and meaning of a layer, after the CF conventions."""
    variable = VARIABLES[name]
    tags = {"units": variable.units, "long_name": variable.long_name}
    if variable.flags is not None:
        members = [m for m in variable.flags if m.name]
        key = "flag_masks" if issubclass(variable.flags, IntFlag) else "flag_values"
        tags[key] = ",".join(str(m.value) for m in members)
        tags["flag_meanings"] = " ".join(str(m.name).lower() for m in members)
    return tags


def _write(
    path: Path,
    array: NDArray[Any],
    layers: Layers,
    form: _Form,
    name: str,
    tags: Mapping[str, str],
) -> None:
    """Write one layer; its smaller copies count "no data" as a class, so that it never shrinks."""
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"), MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=array.shape[1],
            height=array.shape[0],
            count=1,
            dtype=array.dtype,
            crs=str(layers.grid.crs),
            transform=layers.grid.affine,
            tiled=True,
            bigtiff="IF_SAFER",
        ) as file:
            file.write(array, 1)
            if colours := colours_of(name):
                file.write_colormap(1, dict(colours))
            file.set_band_description(1, name)
            file.update_tags(**tags, layer=name)
            file.update_tags(1, **tags_of(name))
            file.build_overviews(_factors(array.shape), form.overviews)
        with rasterio.open(memory.name, "r+") as file:
            file.nodata = form.nodata
        copy(
            memory.name,
            path,
            driver="COG",
            compress="DEFLATE",
            predictor="YES" if array.dtype.itemsize > 1 else "NO",
            blocksize=_BLOCK,
            overviews="FORCE_USE_EXISTING",
            num_threads="ALL_CPUS",
            bigtiff="IF_SAFER",
        )


def _factors(shape: tuple[int, ...]) -> list[int]:
    """Return the reductions by halves until a copy fits one block."""
    count = max(math.ceil(math.log2(max(shape) / _BLOCK)), 0)
    return [2 ** (i + 1) for i in range(count)]


def _read_back(path: Path, array: NDArray[Any]) -> None:
    """Raise unless the file holds what was written; a full disk may go unnoticed until here."""
    with rasterio.open(path) as file:
        for row in range(0, array.shape[0], _READ_ROWS):
            part = array[row : row + _READ_ROWS]
            window = Window(0, row, part.shape[1], part.shape[0])
            same = np.array_equal(
                file.read(1, window=window), part, equal_nan=part.dtype.kind == "f"
            )
            if not same:
                raise OSError(f"{path.name} does not hold what was written to it")
