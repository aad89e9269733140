"""A product brought into memory, once, for everything that is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import dask.array as da
import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.features import rasterize
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import CubeError
from reliefscope.model.area import Area
from reliefscope.model.cube import NO_LIKELIHOOD, VARIABLES, Advisory, State
from reliefscope.model.grid import cell_area_m2, pixel_size_m
from reliefscope.model.product import Product
from reliefscope.numerics.terrain import gradient
from reliefscope.pipeline.engine import session, shares_memory

MEASURES = (
    "depth_m", "dnbr", "rdnbr", "rbr", "change_t", "rdndvi", "spi", "spei", "vhi",
    "soil_moisture_anomaly", "fapar_anomaly", "year_anomaly",
    "rain_trend", "temperature_trend", "vegetation_trend", "water_trend", "snow_trend",
    "hwmid", "ehf", "ehf_severity", "hot_days",
    "heat_index", "humidex", "wbgt", "apparent_temperature", "utci", "lst", "lst_anomaly",
    "rain_total", "return_years", "rain_level", "rain_level_low", "rain_level_high",
    "wind_max", "storm_rain",
)  # fmt: skip
"""Quantities that are published as layers of their own where a product has them."""
GRADINGS = (
    "depth_band", "burn_severity", "change_class", "cdi", "drought_class", "vegetation_stress",
    "trend_class",
    "heat_wave_class", "heat_stress_class", "land_heat_class", "rain_class", "wind_class",
)  # fmt: skip
"""Classes by which the event is told apart; of several, the first that a product has."""
_NO_FLAGS = Advisory(0)
_GREY = ("vv_db", "vh_db")
_OPTICAL = tuple((r, n) for r in ("before", "after") for n in ("red", "nir08", "nir"))
"""Roles and bands of optical images: the one before the event shows the land as it is known."""
_BACKGROUND_SIDE = 6000
_MOST_COVER = 100
_MARGIN_DEG, _TURN = 0.5, 360.0
_LAYERS = {"state": "uint8", "likelihood": "uint8", "exclusion": "uint16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """Classes of an event: depth, severity, stage."""

    name: str
    """One of `GRADINGS`."""
    codes: NDArray[np.uint8]
    """Codes of ``flags``, (y, x)."""

    @property
    def flags(self) -> type[IntEnum]:
        """The classes, mildest or driest first, as the table of variables has them."""
        flags = VARIABLES[self.name].flags
        assert flags is not None  # noqa: S101 - a row of the table is at fault
        assert issubclass(flags, IntEnum)  # noqa: S101 - likewise
        return flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """One computed product, in memory."""

    grid: GeoBox
    state: NDArray[np.uint8]
    """Codes of `State`, (y, x)."""
    likelihood: NDArray[np.uint8]
    """0 to 100 [percent], 255 none, (y, x)."""
    exclusion: NDArray[np.uint16]
    """Bits of `Exclusion`, (y, x)."""
    inside: NDArray[np.bool_]
    """Whether the pixel's centre lies in the event's area, (y, x); only these are counted."""
    cell_area_m2: NDArray[np.float32]
    """True area of each pixel [m2], (y, x)."""
    advisory: Advisory = _NO_FLAGS
    scalars: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Thresholds and other numbers of the whole scene; NaN where not determined."""
    measures: Mapping[str, NDArray[np.float32]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    grading: Grading | None = None
    """Classes of the event, where the product has them."""
    land_cover: NDArray[np.uint8] | None = None
    """Classes of ESA WorldCover, (y, x); 0 not known."""
    background_name: str = ""
    """Variable that the background shows."""
    background: NDArray[np.float32] | None = None
    """Grey image for orientation over the same ground, (y, x), NaN where unknown; coarser than
    the grid by a whole factor where the grid has more than 6000 pixels a side."""

    @property
    def ranged(self) -> bool:
        """Whether likelihoods are stated: without any there is no range to tell."""
        return ranged(self.likelihood, self.state == State.EVENT, self.inside)


def ranged(
    likelihood: NDArray[np.uint8], event: NDArray[np.bool_], inside: NDArray[np.bool_]
) -> bool:
    """Return whether likelihoods, (y, x), are stated: of the event, or of anything without one."""
    where = event if event.any() else inside
    return bool((likelihood[where] != NO_LIKELIHOOD).any())


def compute_layers(product: Product) -> Layers:
    """Compute ``product`` in one pass and bring it into memory.

    Raises
    ------
    CubeError
        There is no state, or a layer is not over the product's grid.
    UnavailableError
        An input stopped answering while it was read.
    """
    if "state" not in product.data:
        raise CubeError(
            f"no 'state' in the product of {product.indicator!r}, which has "
            f"{sorted(map(str, product.data))}; an indicator must state every pixel"
        )
    shape = product.grid.shape
    data = product.data
    wanted: dict[str, tuple[xr.DataArray, str]] = {
        name: (data[name], dtype) for name, dtype in _LAYERS.items() if name in data
    }
    wanted |= {name: (data[name], "float32") for name in MEASURES if name in data}
    graded = next((name for name in GRADINGS if name in data), None)
    if graded is not None:
        wanted[graded] = (data[graded], "uint8")
    for name, (array, _) in wanted.items():
        if array.shape != tuple(shape):
            raise CubeError(f"{name!r} is {array.shape}; the product's grid is {tuple(shape)}")
    cover = _land_cover(product)
    if cover is not None:
        wanted["land_cover"] = (cover, "uint8")
    grey = _grey(product)
    if grey is not None:
        wanted["background"] = (grey, "float32")
    scalars = {str(n): data[n] for n in data.data_vars if data[n].ndim == 0}
    arrays, numbers = _compute(wanted, scalars)
    advisory = Advisory(int(numbers.pop("advisory", 0)))
    background = arrays.pop("background", None)
    if background is not None and grey is not None and grey.name == "elevation":
        background = _hillshade(background, product.grid)
    return Layers(
        grid=product.grid,
        state=arrays["state"],
        likelihood=arrays.get("likelihood", np.full(shape, NO_LIKELIHOOD, np.uint8)),
        exclusion=arrays.get("exclusion", np.zeros(shape, np.uint16)),
        inside=inside(product.event.area, product.grid),
        cell_area_m2=cell_area_m2(product.grid),
        advisory=advisory,
        scalars=MappingProxyType(numbers),
        measures=MappingProxyType({n: arrays[n] for n in MEASURES if n in arrays}),
        grading=None if graded is None else Grading(name=graded, codes=arrays[graded]),
        land_cover=arrays.get("land_cover"),
        background=background,
        background_name="" if grey is None else str(grey.name),
    )


def inside(area: Area, grid: GeoBox) -> NDArray[np.bool_]:
    """Return which pixels have their centre in ``area``, bool array, (y, x).

    An area that holds no pixel's centre takes every pixel it touches.
    """
    mask = covered(area, grid)
    return mask if mask.any() else covered(area, grid, touched=True)


def covered(area: Area, grid: GeoBox, *, touched: bool = False) -> NDArray[np.bool_]:
    """Return which pixels have their centre in ``area``, or are touched by it, (y, x)."""
    mask = rasterize(
        [(mapping(outline(area, str(grid.crs))), 1)],
        out_shape=tuple(grid.shape),
        transform=grid.affine,
        all_touched=touched,
        dtype="uint8",
    )
    within: NDArray[np.bool_] = mask.view(np.bool_)
    return within


def outline(area: Area, crs: str) -> BaseGeometry:
    """Return the outline of an area in a projection, with corners enough to follow its curves."""
    dense = shapely.segmentize(area.geometry, max(area.width_deg / 256, 1e-4))
    there = _to(crs)
    return shapely.transform(dense, lambda xy: np.column_stack(there.transform(*xy.T)))


@lru_cache(maxsize=64)
def _to(crs: str) -> Transformer:
    return Transformer.from_crs("EPSG:4326", crs, always_xy=True)


def boxes_around(grid: GeoBox) -> list[tuple[float, float, float, float]]:
    """Return one box around the grid in degrees, with some margin; two at the antimeridian."""
    rows, columns = (np.linspace(0, n, 65) for n in grid.shape)
    x, y = np.meshgrid(
        grid.affine.c + grid.affine.a * columns, grid.affine.f + grid.affine.e * rows
    )
    there = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True)
    lon, lat = there.transform(x, y)
    lon = np.unwrap(np.unwrap(lon, period=_TURN, axis=1), period=_TURN, axis=0)
    west, east = float(lon.min()) - _MARGIN_DEG, float(lon.max()) + _MARGIN_DEG
    south, north = float(lat.min()) - _MARGIN_DEG, float(lat.max()) + _MARGIN_DEG
    if east - west >= _TURN or north >= _TURN / 4 or south <= -_TURN / 4:
        return [(-_TURN / 2, south, _TURN / 2, north)]
    shifts = [s for s in (-_TURN, 0.0, _TURN) if west + s < _TURN / 2 and east + s > -_TURN / 2]
    return [(west + s, south, east + s, north) for s in shifts]


def observed(layers: Layers) -> NDArray[np.bool_]:
    """Return which pixels of the area were seen at all, bool array, (y, x)."""
    seen: NDArray[np.bool_] = layers.inside & (layers.state != State.NOT_OBSERVED)
    return seen


def _grey(product: Product) -> xr.DataArray | None:
    """Return what shows the land best: the radar image, an optical one, or the terrain."""
    found = [product.data[n] for n in _GREY if n in product.data]
    found += [
        _latest(c[n]) for r, n in _OPTICAL if (c := product.images.get(r)) is not None and n in c
    ]
    found += [c["elevation"] for c in product.images.values() if "elevation" in c]
    found = [a for a in found if a.shape == tuple(product.grid.shape)]
    if not found:
        return None
    step = -(-max(product.grid.shape) // _BACKGROUND_SIDE)
    return found[0][::step, ::step]


def _latest(image: xr.DataArray) -> xr.DataArray:
    return image.isel(time=-1, drop=True) if "time" in image.dims else image


def _land_cover(product: Product) -> xr.DataArray | None:
    """Return the land cover that was read beside the images, 0 where it is not known."""
    for cube in product.images.values():
        if "land_cover" not in cube:
            continue
        cover = cube["land_cover"]
        cover = cover.isel(time=-1, drop=True) if "time" in cover.dims else cover
        if cover.shape == tuple(product.grid.shape):
            return cover.where((cover >= 0) & (cover <= _MOST_COVER), 0)
    return None


def _compute(
    wanted: Mapping[str, tuple[xr.DataArray, str]], scalars: Mapping[str, xr.DataArray]
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Fill preallocated arrays block by block, so that nothing is held twice.

    A layer that is one block is taken as it comes. Workers of a cluster cannot write into our
    memory: from them, whole layers are fetched.
    """
    arrays, sources = {}, {}
    for name, (array, dtype) in wanted.items():
        if isinstance(array.data, da.Array):
            sources[name] = array.astype(dtype).data
        else:
            arrays[name] = np.ascontiguousarray(array.values, dtype=dtype)
    lazy = {n: a.data for n, a in scalars.items() if isinstance(a.data, da.Array)}
    numbers = {n: float(a.values) for n, a in scalars.items() if n not in lazy}
    filled = {n: s for n, s in sources.items() if s.npartitions > 1} if shares_memory() else {}
    here = {n: np.empty(s.shape, s.dtype) for n, s in filled.items()}
    fetched = {n: s for n, s in sources.items() if n not in here}
    todo = [*fetched.values(), *lazy.values()]
    if here:
        todo.append(da.store(list(filled.values()), list(here.values()), lock=False, compute=False))
    with session():
        done = da.compute(*todo)  # type: ignore[no-untyped-call]
    arrays |= here | dict(zip(fetched, map(np.ascontiguousarray, done), strict=False))
    numbers |= dict(zip(lazy, map(float, done[len(fetched) :]), strict=False))
    return arrays, numbers


def _hillshade(elevation: NDArray[np.float32], grid: GeoBox) -> NDArray[np.float32]:
    """Light the terrain from the north-west at 45 degrees (Horn 1981), 0 to 1."""
    dy, dx = (
        size * whole / coarse
        for size, whole, coarse in zip(pixel_size_m(grid), grid.shape, elevation.shape, strict=True)
    )
    east, north = gradient(elevation, dx, dy)
    tilt = (1.0 + (east - north) / np.sqrt(2.0)) / np.sqrt(2.0)
    light = tilt / np.sqrt(1.0 + east**2 + north**2)
    shade: NDArray[np.float32] = np.clip(light, 0.0, 1.0).astype("float32")
    return shade
