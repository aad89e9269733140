"""Radar images on a map, block by block: each block reads only what it needs of each image."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import dask.array as da
import numpy as np
import odc.geo.xr
import shapely
import xarray as xr
from dask.delayed import delayed
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from reliefscope.errors import FallbackWarning, InputError
from reliefscope.model.granule import Asset, Granule
from reliefscope.model.grid import pixel_size_m
from reliefscope.sources._raster import load_granules
from reliefscope.sources._safe import radiometry
from reliefscope.sources._safe.annotation import Annotation
from reliefscope.sources._safe.geocoding import (
    Place,
    by_range_doppler,
    by_tie_points,
    geoid_height,
    surroundings,
)
from reliefscope.sources._safe.radiometry import Image

INCIDENCE = "incidence_deg"

SIDE = 1024
"""Pixels a side of a lazy block; fewer on coarse maps, so that the image behind a block has at
most some 2048 lines and samples."""
_LEAST_SIDE = 64
_MARGIN = 128
"""Pixels around a block from which the ground may fall into its cells in layover."""
_REACH_M = 30_000.0
"""Farthest that relief displaces: the highest ground under the steepest view [m]."""
_ELLIPSOIDAL_M = (-1000.0, 9500.0)
"""Where heights of ground lie; others are unmarked gaps [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is needed of one product to make a map of it."""

    annotation: Annotation
    images: Mapping[str, Image]
    """By polarisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """The ground under a map."""

    heights: da.Array
    """On the map with `margin` pixels around it, (y, x) [m]."""
    geoid_m: float | None
    """Added to heights [m]; None asks PROJ block by block."""
    margin: int
    flatten: bool
    """Whether gamma0 of the slopes is wanted, not sigma0 of the ellipsoid."""


def terrain(
    dem: Path | xr.DataArray, grid: GeoBox, geoid_m: float | None, *, flatten: bool
) -> Terrain:
    """Return the ground under ``grid``, lazy.

    Raises
    ------
    InputError
        An array of heights does not say where on earth it lies, or the package that puts images
        over terrain is not installed.
    IntegrityError
        A file of heights is missing, or is not a raster.
    """
    if find_spec("sarsen") is None:
        raise InputError("terrain correction needs the package sarsen: install it, or give no dem")
    margin = _MARGIN if flatten else 1
    padded = grid.pad(margin)
    if isinstance(dem, xr.DataArray):
        if dem.odc.crs is None:
            raise InputError("the dem has no CRS, so its place on earth is unknown; write one")
        ground = odc.geo.xr.xr_reproject(dem, padded, resampling="bilinear", dst_nodata=np.nan)
    else:
        layer = Granule(
            id=dem.name,
            source="safe",
            collection="",
            acquired=None,
            footprint=shapely.box(-180, -90, 180, 90),
            assets={"elevation": Asset(href=str(dem))},
        )
        ground = load_granules([layer], padded, ["elevation"])["elevation"]
    if geoid_m is None and geoid_height(grid) is None:
        geoid_m = 0.0
        warnings.warn(
            "this machine has no model of the geoid (PROJ's us_nga_egm08_25.tif), so heights are "
            "taken as above the ellipsoid and places may be off by more than 100 m; give geoid_m, "
            "the height of the geoid above the ellipsoid here, or 0 for ellipsoidal heights",
            FallbackWarning,
            stacklevel=4,
        )
    heights: da.Array = da.asarray(ground.squeeze(drop=True).data)  # type: ignore[no-untyped-call]
    return Terrain(heights=heights, geoid_m=geoid_m, margin=margin, flatten=flatten)


def on_grid(
    product: Product, grid: GeoBox, names: Sequence[str], ground: Terrain | None
) -> dict[str, xr.DataArray]:
    """Return one lazy array per variable, (y, x); NaN where nothing was observed.

    Parameters
    ----------
    product : Product
        The images.
    grid : GeoBox
        The map.
    names : sequence of str
        Polarisations that the product has, and ``incidence_deg``.
    ground : Terrain, optional
        Corrects for relief.
    """
    side = _side(grid, product.annotation)
    near = surroundings(grid, product.annotation, _REACH_M)
    held = delayed(product, pure=True, traverse=False)
    geocode = delayed(_geocode, pure=True)

    def block(y: slice, x: slice) -> da.Array:
        part = grid[y, x]
        shape = (len(names), *part.shape)
        if near is not None and not near.intersects(shapely.box(*part.boundingbox)):
            empty: da.Array = da.full(  # type: ignore[no-untyped-call]
                shape, np.nan, dtype="float32", chunks=shape
            )
            return empty
        heights = None if ground is None else _under(ground, part, y, x)
        task = geocode(held, part, tuple(names), heights, ground is not None and ground.flatten)
        filled: da.Array = da.from_delayed(  # type: ignore[no-untyped-call]
            task, shape=shape, dtype="float32"
        )
        return filled

    stack = da.block(  # type: ignore[no-untyped-call]
        [[block(y, x) for x in _pieces(grid.shape[1], side)] for y in _pieces(grid.shape[0], side)]
    )
    coords = odc.geo.xr.xr_coords(grid, always_yx=True)
    return {
        name: xr.DataArray(stack[i], coords=coords, dims=("y", "x")) for i, name in enumerate(names)
    }


def account(annotations: Sequence[Annotation], ground: Terrain | None) -> dict[str, str]:
    """Return how a map was made, as attributes of its cube."""
    if ground is not None:
        geoid = ground.geoid_m
        above = "above the EGM2008 geoid" if geoid is None else f"with {geoid:g} m of geoid added"
        kind = "gamma0 of the slopes (Small 2011)" if ground.flatten else "sigma0 of the ellipsoid"
        return {
            "geocoding": f"terrain corrected, sarsen {version('sarsen')}, heights {above}",
            "radiometry": f"{kind}, thermal noise removed",
        }
    steepest = min(float(a.tie_points.incidence.min()) for a in annotations)
    heights = np.concatenate([a.tie_points.height for a in annotations])
    return {
        "geocoding": (
            f"ground control points, not terrain corrected: displaced by up to "
            f"{1 / np.tan(np.radians(steepest)):.1f} m in relief for each metre that the ground "
            f"lies above or below them; they lie at {heights.min():.0f} to {heights.max():.0f} m"
        ),
        "radiometry": "sigma0 of the ellipsoid, thermal noise removed",
    }


def _side(grid: GeoBox, annotation: Annotation) -> int:
    """Return the pixels a side of blocks behind which lies a bounded part of the image."""
    ratio = max(pixel_size_m(grid)) / min(annotation.spacing)
    return int(np.clip(2 * SIDE / ratio, _LEAST_SIDE, SIDE))


def _pieces(size: int, side: int) -> list[slice]:
    return [slice(start, min(start + side, size)) for start in range(0, size, side)]


def _under(ground: Terrain, part: GeoBox, y: slice, x: slice) -> da.Array:
    """Return the ellipsoidal heights under a block and its margin."""
    geoid = ground.geoid_m
    if geoid is None:
        geoid = geoid_height(part) or 0.0
    more = 2 * ground.margin
    under = ground.heights[y.start : y.stop + more, x.start : x.stop + more]
    ellipsoidal: da.Array = under + np.float32(geoid)
    return ellipsoidal


def _geocode(
    product: Product,
    part: GeoBox,
    names: tuple[str, ...],
    heights: NDArray[np.floating] | None,
    flatten: bool,  # noqa: FBT001 - tasks are called by position
) -> NDArray[np.float32]:
    """Return one block of a map, (variable, y, x)."""
    annotation = product.annotation
    pixel_m, spacing = pixel_size_m(part), annotation.spacing
    looks = (max(1, round(pixel_m[0] / spacing[0])), max(1, round(pixel_m[1] / spacing[1])))
    place, factor = _locate(annotation, part, heights, looks, flatten=flatten)
    out = np.full((len(names), *part.shape), np.nan, np.float32)
    cut = radiometry.cut(place, annotation, looks)
    if cut is None:
        return out
    coordinates = cut.coordinates(place)
    for i, name in enumerate(names):
        if name == INCIDENCE:
            out[i] = radiometry.on_map(radiometry.incidence(annotation, cut), coordinates)
        elif name in product.images:
            power = radiometry.backscatter(product.images[name], cut)
            seen = radiometry.on_map(power, coordinates) * factor
            out[i] = np.maximum(seen, radiometry.FLOOR)
    return out


def _locate(
    annotation: Annotation,
    part: GeoBox,
    heights: NDArray[np.floating] | None,
    looks: tuple[int, int],
    *,
    flatten: bool,
) -> tuple[Place, NDArray[np.float32]]:
    """Return where the pixels of a block lie in the image, and the factor on sigma0 there."""
    one = np.ones((1, 1), np.float32)
    if heights is None:
        return by_tie_points(part, annotation), one
    margin = (heights.shape[0] - part.shape[0]) // 2
    low, high = _ELLIPSOIDAL_M
    known = np.where((heights > low) & (heights < high), heights, np.nan)
    wide = by_range_doppler(part.pad(margin), known, annotation, facets=flatten)
    inner = (slice(margin, -margin), slice(margin, -margin))
    if flatten:
        pixel_m, spacing = pixel_size_m(part), annotation.spacing
        cells = (
            radiometry.dense(pixel_m[0], spacing[0], looks[0]),
            radiometry.dense(pixel_m[1], spacing[1], looks[1]),
        )
        one = radiometry.flattening(wide, annotation, cells)[inner]
    return Place(line=wide.line[inner], pixel=wide.pixel[inner]), one
