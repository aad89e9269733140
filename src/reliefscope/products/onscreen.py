"""What a screen needs of a package: small pictures of its rasters, simplified outlines, scales.

Made from the published files alone, once per package, so that maps work where nothing serves
tiles: in a notebook, in a mail attachment, under plain ``panel serve``.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import lru_cache
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
import shapely
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from reliefscope.errors import InputError
from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, State, Variable
from reliefscope.model.event import Hazard
from reliefscope.products.inspection import BETWEEN
from reliefscope.products.layers import GRADINGS
from reliefscope.products.pictures import Ramp, class_colours, event_colour, ramp

_WEB = "EPSG:3857"
_MOST = 1100
"""Pixels of the longer side of a picture."""
_MOST_OF_IMAGE = 800
"""Likewise of an image of the ground, which packs badly; closer by, tiles are shown."""
_MOST_VERTICES = 60_000
_AROUND = 4.0
"""How far around a map coasts and boundaries are drawn [degree]."""
_STEPS = 12
_NAME = "abcdefghijklmnopqrstuvwxyz_0123456789"
PHOTOGRAPHS = ("before", "after")
"""Pictures of the ground, where a package has them."""
CLASSES: Mapping[str, State] = {
    "reference": State.REFERENCE,
    "event": State.EVENT,
    "excluded": State.EXCLUDED,
    "not_observed": State.NOT_OBSERVED,
}
"""Layers of a map that each show one class of the state."""
_NO_CLASS = frozenset({"NONE", "NOT_OBSERVED"})
_EQUATOR_M = 2 * math.pi * 6378137.0
_TILE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A raster as a picture in the projection of web maps."""

    data: bytes
    """WEBP, with what is not shown left transparent."""
    extent: tuple[float, float, float, float]
    """West, south, east, north, degrees."""

    @property
    def url(self) -> str:
        """The picture as a ``data:`` address."""
        return f"data:image/webp;base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a quantity is coloured: colours in even steps from ``low`` to ``high``."""

    colours: tuple[str, ...]
    low: float
    high: float
    units: str


@lru_cache(maxsize=512)
def raster_names(folder: Path) -> tuple[str, ...]:
    """Return the rasters of a package, by name, the state first."""
    names = sorted(p.stem for p in folder.glob("*.tif"))
    return tuple(sorted(names, key=lambda n: (n != "state", n != "likelihood", n)))


@lru_cache(maxsize=512)
def extent_of(folder: Path) -> tuple[float, float, float, float]:
    """Return west, south, east, north [degree] of a package's rasters."""
    with rasterio.open(folder / "state.tif") as file:
        west, south, east, north = transform_bounds(file.crs, "EPSG:4326", *file.bounds)
    return west, south, east, north


@lru_cache(maxsize=256)
def picture(folder: Path, name: str, codes: tuple[int, ...] = ()) -> Picture:
    """Return a raster of a package as a picture.

    Parameters
    ----------
    folder : Path
        Of the package.
    name : str
        Of the raster, such as ``state``.
    codes : tuple of int
        Of a layer of classes: only these; everything else is left transparent.

    Raises
    ------
    InputError
        The package has no such raster.
    """
    photograph = name in PHOTOGRAPHS
    values, seen, bounds = _on_screen(_raster(folder, name), photograph=photograph)
    paint = _photograph if photograph else _painted(name, codes)
    return Picture(
        data=_webp(paint(values, seen), lossy=photograph),
        extent=_degrees(bounds),
    )


@lru_cache(maxsize=4)
def _on_screen(
    path: Path, *, photograph: bool
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[float, float, float, float]]:
    """Return a raster's values as a screen shows them, where it has any, and where it lies [m].

    Kept, because each class of the state is a picture of its own.
    """
    with rasterio.open(path) as file:
        left, bottom, right, top = transform_bounds(file.crs, _WEB, *file.bounds)
        longest = max(file.width, file.height)
        most = _MOST_OF_IMAGE if photograph else _MOST
        columns, rows = _shape((left, bottom, right, top), min(longest, most))
        mean = Resampling.average if longest > 2 * most else Resampling.bilinear
        with WarpedVRT(
            file,
            crs=_WEB,
            transform=from_bounds(left, bottom, right, top, columns, rows),
            width=columns,
            height=rows,
            resampling=mean if photograph else Resampling.nearest,
            add_alpha=file.nodata is None,
        ) as warped:
            values, beside = warped.read(), file.nodata
    if beside is None:
        seen = values[-1] > 0
    else:
        seen = ~(np.isnan(values) if math.isnan(beside) else values == beside).all(axis=0)
    return values, seen, (left, bottom, right, top)


def layer_picture(folder: Path, layer: str) -> Picture:
    """Return a raster, or one class of the state, as a picture; see `picture`.

    The event is in the colours of its classes, where the package tells it by classes.
    """
    if layer == "event":
        return _event_picture(folder)
    if layer in CLASSES:
        return picture(folder, "state", (int(CLASSES[layer]),))
    return picture(folder, layer)


@lru_cache(maxsize=256)
def _event_picture(folder: Path) -> Picture:
    states, _, bounds = _on_screen(_raster(folder, "state"), photograph=False)
    codes = np.zeros(states.shape, np.uint8)
    grading = grading_of(folder)
    if grading:
        codes, _, _ = _on_screen(_raster(folder, grading), photograph=False)
    data = _webp(painted_event(folder, states[0], codes[0]), lossy=False)
    return Picture(data=data, extent=_degrees(bounds))


def painted_event(folder: Path, states: NDArray[Any], codes: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the pixels of the event in its colours, and nothing else, RGBA, (y, x, 4).

    Parameters
    ----------
    folder : Path
        Of the package.
    states : array of uint8, (y, x)
        Codes of `State`.
    codes : array of uint8, (y, x)
        Classes of `grading_of`; not read where there is none.
    """
    colours = np.zeros((256, 4), np.uint8)
    colours[:] = (*_rgb(plain_colour(folder)), 255)
    for code, colour in _graded(grading_of(folder)).items():
        colours[code] = (*_rgb(colour), 255)
    out: NDArray[np.uint8] = colours[codes.astype(np.uint8)]
    out[states != State.EVENT] = 0
    return out


@lru_cache(maxsize=512)
def event_entries(folder: Path) -> Mapping[int, str]:
    """Return the colour of each class that the event has; empty where it is told without."""
    grading = grading_of(folder)
    if grading is None:
        return {}
    bands = []
    for name in ("state", grading):
        with rasterio.open(_raster(folder, name)) as file:
            bands.append(file.read(1, out_shape=_thinned(file), resampling=Resampling.nearest))
    there = set(np.unique(bands[1][bands[0] == State.EVENT]).tolist())
    return {code: colour for code, colour in _graded(grading).items() if code in there}


@lru_cache(maxsize=512)
def grading_of(folder: Path) -> str | None:
    """Return the raster by whose classes the event is told, if there is one."""
    return next((name for name in GRADINGS if (folder / f"{name}.tif").is_file()), None)


def _graded(grading: str | None) -> Mapping[int, str]:
    flags = None if grading is None else VARIABLES[grading].flags
    if flags is None or not issubclass(flags, IntEnum):
        return {}
    colours = class_colours(flags).items()
    return {code: colour for code, colour in colours if flags(code).name not in _NO_CLASS}


def plain_colour(folder: Path) -> str:
    """Return the colour of an event without classes; a catalog's folders are named by hazard."""
    named = folder.parent.parent.name
    return event_colour(Hazard(named) if named in set(Hazard) else Hazard.FLOOD)


@lru_cache(maxsize=512)
def picture_frame(folder: Path, layer: str) -> tuple[tuple[float, float, float, float], float]:
    """Return where a picture lies [degree], and the zoom from which it is coarser than its raster.

    The zoom, of tiles of 256 pixels, is infinite where the picture holds every pixel.

    Raises
    ------
    InputError
        The package has no such raster.
    """
    with rasterio.open(_raster(folder, "state" if layer in CLASSES else layer)) as file:
        bounds = transform_bounds(file.crs, _WEB, *file.bounds)
        longest = max(file.width, file.height)
    most = _MOST_OF_IMAGE if layer in PHOTOGRAPHS else _MOST
    if longest <= most:
        return _degrees(bounds), math.inf
    cell = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / most
    return _degrees(bounds), math.log2(_EQUATOR_M / _TILE / cell)


def scale(folder: Path, name: str) -> Scale | None:
    """Return how a quantity is coloured; None for classes."""
    variable = _variable(name)
    if variable.flags is not None or name in PHOTOGRAPHS:
        return None
    low, high = _limits(folder, name)
    style = colormaps[_ramp(name).colours]
    return Scale(
        colours=tuple(_hex(style(i / (_STEPS - 1))) for i in range(_STEPS)),
        low=low,
        high=high,
        units=variable.units,
    )


@lru_cache(maxsize=512)
def class_entries(folder: Path, name: str) -> Mapping[int, str]:
    """Return the colour of each class of a raster that occurs in it; empty for quantities."""
    flags = _variable(name).flags
    if flags is None:
        return {}
    with rasterio.open(_raster(folder, name)) as file:
        values = file.read(1, out_shape=_thinned(file), resampling=Resampling.nearest)
    if issubclass(flags, IntEnum):
        there = set(np.unique(values).tolist())
        return {code: colour for code, colour in class_colours(flags).items() if code in there}
    shades = _bit_colours(flags)
    return {bit: colour for bit, colour in shades.items() if (values.astype(np.int64) & bit).any()}


@lru_cache(maxsize=256)
def shapes(folder: Path, layer: str) -> Mapping[str, Any]:
    """Return a layer of the package's vectors as GeoJSON in EPSG:4326, simplified for a screen.

    Raises
    ------
    InputError
        The package has no such layer.
    """
    path = folder / "vectors.gpkg"
    if layer not in vector_names(folder):
        raise InputError(
            f"{folder.name} has no vectors {layer!r}; it has {', '.join(vector_names(folder))}"
        )
    frame = pyogrio.read_dataframe(path, layer=layer).to_crs("EPSG:4326")
    west, south, east, north = extent_of(folder)
    tolerance = max(east - west, north - south) / 4000
    while True:
        outlines = shapely.simplify(frame.geometry.to_numpy(), tolerance)
        if shapely.get_num_coordinates(outlines).sum() <= _MOST_VERTICES:
            break
        tolerance *= 2
    frame = frame.set_geometry(shapely.set_precision(outlines, 1e-6))
    frame = frame[~frame.geometry.is_empty]
    found: dict[str, Any] = json.loads(frame.to_json(drop_id=True))
    return found


@lru_cache(maxsize=512)
def feature_count(folder: Path, layer: str) -> int:
    """Return how many features a layer of the package's vectors has."""
    return int(pyogrio.read_info(folder / "vectors.gpkg", layer=layer)["features"])


@lru_cache(maxsize=64)
def surroundings(extent: tuple[float, float, float, float]) -> Mapping[str, Any]:
    """Return coasts and boundaries around an extent [degree] as GeoJSON: Natural Earth 1:50 m."""
    west, south, east, north = extent
    around = shapely.box(west - _AROUND, south - _AROUND, east + _AROUND, north + _AROUND)
    with as_file(files("reliefscope") / "data" / "countries_50m.parquet") as path:
        countries = gpd.read_parquet(path)
    near = countries[countries.intersects(around)]
    lines = shapely.intersection(shapely.boundary(near.geometry.to_numpy()), around)
    frame = gpd.GeoDataFrame(geometry=lines[~shapely.is_empty(lines)], crs="EPSG:4326")
    found: dict[str, Any] = json.loads(frame.to_json(drop_id=True))
    return found


@lru_cache(maxsize=64)
def vector_names(folder: Path) -> tuple[str, ...]:
    """Return the layers of the package's vectors."""
    path = folder / "vectors.gpkg"
    return tuple(str(row[0]) for row in pyogrio.list_layers(path)) if path.is_file() else ()


@lru_cache(maxsize=64)
def counts(folder: Path, name: str, bins: int = 60) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the histogram of a quantity: the edges of the bins, and pixels in each."""
    with rasterio.open(_raster(folder, name)) as file:
        values = file.read(1, out_shape=_thinned(file), resampling=Resampling.nearest)
    known = _known(values, name)
    found, edges = np.histogram(known, bins=bins)
    return tuple(edges.tolist()), tuple(found.tolist())


def _raster(folder: Path, name: str) -> Path:
    path = folder / f"{name}.tif"
    if set(name) - set(_NAME) or not path.is_file():
        raise InputError(
            f"{folder.name} has no raster {name[:40]!r}; it has {', '.join(raster_names(folder))}"
        )
    return path


def _variable(name: str) -> Variable:
    return VARIABLES.get(_bare(name), Variable(units="1", long_name=name))


def _bare(name: str) -> str:
    """Return the variable of a layer that may be named by the role of its image as well."""
    return name.rpartition(BETWEEN)[2]


def _ramp(name: str) -> Ramp:
    return ramp(_bare(name))


def _shape(bounds: Sequence[float], longest: int) -> tuple[int, int]:
    """Return columns and rows of a picture that has ``longest`` pixels on its longer side."""
    left, bottom, right, top = bounds
    cell = max(right - left, top - bottom) / longest
    return max(1, math.ceil((right - left) / cell)), max(1, math.ceil((top - bottom) / cell))


def _thinned(file: rasterio.DatasetReader) -> tuple[int, int]:
    step = max(1, math.ceil(max(file.shape) / _MOST))
    return max(1, file.height // step), max(1, file.width // step)


def _degrees(bounds: Sequence[float]) -> tuple[float, float, float, float]:
    to_degrees = Transformer.from_crs(_WEB, "EPSG:4326", always_xy=True)
    west, south = to_degrees.transform(bounds[0], bounds[1])
    east, north = to_degrees.transform(bounds[2], bounds[3])
    return float(west), float(south), float(east), float(north)


def _known(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    numbers = values.astype(np.float64)
    if name == "likelihood":
        numbers[numbers == NO_LIKELIHOOD] = np.nan
    return numbers[np.isfinite(numbers)]


@lru_cache(maxsize=256)
def _limits(folder: Path, name: str) -> tuple[float, float]:
    fixed = _ramp(name).limits
    if fixed is not None:
        return fixed
    with rasterio.open(_raster(folder, name)) as file:
        values = file.read(1, out_shape=_thinned(file), resampling=Resampling.nearest)
    known = _known(values, name)
    low, high = np.percentile(known, (2, 98)) if known.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-9))


def _painted(name: str, codes: tuple[int, ...]) -> Any:  # noqa: ANN401 - a painter
    def paint(values: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
        band, flags = values[0], _variable(name).flags
        if flags is not None:
            return _classes(band, seen, flags, codes)
        return _quantity(band, name)

    return paint


def _classes(
    band: NDArray[Any],
    seen: NDArray[np.bool_],
    flags: type[IntEnum] | type[IntFlag],
    codes: tuple[int, ...],
) -> NDArray[np.uint8]:
    out = np.zeros((*band.shape, 4), np.uint8)
    if issubclass(flags, IntFlag):
        for bit, colour in _bit_colours(flags).items():
            out[seen & ((band.astype(np.int64) & bit) > 0)] = (*_rgb(colour), 255)
        return out
    silent = {State.NO_EVENT, State.EXCLUDED, State.NOT_OBSERVED} if flags is State else set()
    for code, colour in class_colours(flags).items():
        if code in codes or (not codes and code not in silent and code != State.NOT_OBSERVED):
            out[band == code] = (*_rgb(colour), 255)
    return out


def _bit_colours(flags: type[IntFlag]) -> dict[int, str]:
    shades = colormaps["turbo"]
    members = [int(member) for member in flags]
    return {
        bit: _hex(shades(0.08 + 0.84 * i / max(len(members) - 1, 1)))
        for i, bit in enumerate(members)
    }


def _quantity(band: NDArray[Any], name: str) -> NDArray[np.uint8]:
    numbers = band.astype(np.float64)
    if name == "likelihood":
        numbers[band == NO_LIKELIHOOD] = np.nan
    low, high = _ramp(name).limits or _spread(numbers)
    shown = np.clip((numbers - low) / (high - low), 0, 1)
    out: NDArray[np.uint8] = colormaps[_ramp(name).colours](np.nan_to_num(shown), bytes=True)
    out[~np.isfinite(numbers), 3] = 0
    return out


def _spread(numbers: NDArray[np.float64]) -> tuple[float, float]:
    known = numbers[np.isfinite(numbers)]
    low, high = np.percentile(known, (2, 98)) if known.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-9))


def _photograph(values: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return an image of the ground in grey or in colour, stretched where it is not bytes."""
    bands = values[: 3 if len(values) > 2 else 1]  # noqa: PLR2004 - red, green, blue
    if bands.dtype != np.uint8:
        low, high = _spread(np.where(seen, bands, np.nan).astype(np.float64))
        shown = np.clip((bands.astype(np.float64) - low) / (high - low), 0, 1)
        bands = np.nan_to_num(255 * shown).astype(np.uint8)
    colours = np.moveaxis(np.broadcast_to(bands, (3, *seen.shape)), 0, -1)
    alpha = np.where(seen, 255, 0).astype(np.uint8)
    out: NDArray[np.uint8] = np.dstack([colours, alpha])
    return out


def _webp(pixels: NDArray[np.uint8], *, lossy: bool) -> bytes:
    out = BytesIO()
    how = {"quality": 50, "method": 2} if lossy else {"quality": 40, "method": 1}
    Image.fromarray(pixels, "RGBA").save(out, "WEBP", lossless=not lossy, **how)
    return out.getvalue()


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])
