"""The images of a product as people look at them: before and after with the same tones.

They are read once. The page with the divider shows them, and the package has them as files
`before.tif` and `after.tif`, which any viewer can lay over each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import dask.array as da
import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError  # what closing a file raises when the disk is full
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.shutil import copy

from reliefscope.model.event import Hazard
from reliefscope.model.granule import Granule
from reliefscope.model.product import Product
from reliefscope.pipeline.engine import session
from reliefscope.words import mark

MOST_SIDE = 4000
"""Longest side of an image for looking at [pixels]."""
NAMES = ("before", "after")
"""Roles that are shown, and the files that show them."""
UNSEEN = 0
"""Tone of a file where there is nothing to see; darker ground has 1."""
_BLOCK = 512
_SMALLEST = 256
_PERCENTILES = (1, 99)
_NIR = ("nir08", "nir")
NATURAL = mark("natural colours")
FALSE_COLOURS = mark("false colours: short-wave infrared, near infrared and red")
PLANTS = mark("false colours: near infrared and red, plants are red")
RADAR = mark("radar image: smooth water is dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One image as a picture."""

    role: str
    """``before`` or ``after``."""
    kind: str
    """What the colours mean, an English sentence to translate."""
    pixels: NDArray[np.uint8]
    """Grey, (y, x), or red, green and blue, (y, x, 3)."""
    seen: NDArray[np.bool_]
    """Where there is anything to see, (y, x)."""
    granules: tuple[Granule, ...]
    step: int = 1
    """Pixels of the product's grid along each side of one of these."""

    def at_most(self, side: int) -> Self:
        """Return this view with no side longer than ``side``, by means of whole blocks."""
        step = max(1, math.ceil(max(self.seen.shape) / side))
        if step == 1:
            return self
        rows, columns = (-(-n // step) * step for n in self.seen.shape)
        wide = [(0, rows - self.seen.shape[0]), (0, columns - self.seen.shape[1])]
        seen = np.pad(self.seen, wide)
        tones = self.pixels if self.pixels.ndim > 2 else self.pixels[..., None]  # noqa: PLR2004
        weight = _block_sums(seen, step)
        out = np.full((*weight.shape, tones.shape[2]), 255, np.uint8)
        for band in range(tones.shape[2]):
            total = _block_sums(np.pad(tones[..., band], wide) * seen, step)
            there = weight > 0
            out[there, band] = np.round(total[there] / weight[there]).astype(np.uint8)
        pixels = out if self.pixels.ndim > 2 else out[..., 0]  # noqa: PLR2004
        return replace(self, pixels=pixels, seen=weight > 0, step=self.step * step)


def views(product: Product, side: int = MOST_SIDE) -> tuple[View, ...]:
    """Return the image after the event, led by the one before where they can be compared.

    Parameters
    ----------
    product : Product
        Its images are read again, thinned by means of whole blocks of pixels.
    side : int
        Longest side of the pictures [pixels].

    Returns
    -------
    tuple of View
        Two, one, or none where the product rests on no image.
    """
    bands = _bands(product)
    if bands is None:
        return ()
    kind, chosen = bands
    step = max(1, math.ceil(max(product.grid.shape) / side))
    lazy = [_thinned(product.images[role], names, step) for role, names in chosen.items()]
    with session():
        stacks = [np.asarray(a) for a in da.compute(*lazy)]  # type: ignore[no-untyped-call]
    if kind == RADAR:
        stacks = [_decibel(a) for a in stacks]
    return tuple(
        View(
            role=role,
            kind=kind,
            pixels=pixels,
            seen=np.isfinite(stack).all(axis=0),
            granules=product.granules.get(role, ()),
            step=step,
        )
        for role, stack, pixels in zip(chosen, stacks, _toned(stacks), strict=True)
    )


def write_looks(
    shown: Sequence[View], grid: GeoBox, folder: Path, tags: Mapping[str, str]
) -> dict[str, Path]:
    """Write each view as a cloud-optimised GeoTIFF of grey or red, green and blue tones.

    Parameters
    ----------
    shown : sequence of View
        What `views` returned.
    grid : GeoBox
        Of the product.
    folder : Path
        Where ``before.tif`` and ``after.tif`` go.
    tags : mapping
        Written into each file.

    Returns
    -------
    dict of str to Path
        By role.

    Raises
    ------
    OSError
        The file system did not take the file.
    """
    paths = {view.role: folder / f"{view.role}.tif" for view in shown}
    for view in shown:
        path, bands = paths[view.role], _file_bands(view)
        try:
            _write(path, bands, view, grid, tags)
            with rasterio.open(path) as file:
                same = np.array_equal(file.read(), bands)
        except (RasterioError, CPLE_BaseError) as error:
            raise OSError(f"{path.name}: {error}") from error
        if not same:
            raise OSError(f"{path.name} does not hold what was written to it")
    return paths


def look_errors(path: Path, grid: GeoBox) -> str:
    """Return how an image for looking at is not what it should be; empty if nowise."""
    with rasterio.open(path) as file:
        step = round(file.transform.a / grid.affine.a) if grid.affine.a else 0
        wanted = tuple(-(-int(n) // step) for n in grid.shape) if step > 0 else ()
        if file.shape != wanted or not file.transform.almost_equals(
            grid.affine * Affine.scale(step)
        ):
            return f"{path.name} does not lie over the grid of the product"
        if set(file.dtypes) != {"uint8"} or file.nodata != UNSEEN or file.count not in {1, 3}:
            return f"{path.name} is not 1 or 3 bands of uint8 with nodata {UNSEEN}"
    return ""


def _file_bands(view: View) -> NDArray[np.uint8]:
    """Return the tones of a file, (band, y, x): `UNSEEN` where nothing was seen, and only there."""
    tones = np.atleast_3d(view.pixels).transpose(2, 0, 1)
    return np.where(view.seen, np.maximum(tones, UNSEEN + 1), np.uint8(UNSEEN))


def _write(
    path: Path, bands: NDArray[np.uint8], view: View, grid: GeoBox, tags: Mapping[str, str]
) -> None:
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"), MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=bands.shape[2],
            height=bands.shape[1],
            count=len(bands),
            dtype="uint8",
            crs=str(grid.crs),
            transform=grid.affine * Affine.scale(view.step),
            nodata=UNSEEN,
            tiled=True,
            interleave="pixel",
        ) as file:
            file.write(bands)
            file.colorinterp = colours if len(bands) > 1 else [ColorInterp.gray]
            file.update_tags(**tags, layer=view.role)
            for band in range(1, len(bands) + 1):
                name = colours[band - 1].name if len(bands) > 1 else "grey"
                file.set_band_description(band, name)
                file.update_tags(band, units="1", long_name=f"{view.kind}, tones for looking at")
            factors = [2**i for i in range(1, 16) if max(bands.shape[1:]) >= _SMALLEST * 2**i]
            file.build_overviews(factors, Resampling.average)
        copy(
            memory.name,
            path,
            driver="COG",
            compress="DEFLATE",
            predictor="YES",
            blocksize=_BLOCK,
            overviews="FORCE_USE_EXISTING",
            num_threads="ALL_CPUS",
        )


def _block_sums(values: NDArray[np.generic], step: int) -> NDArray[np.float32]:
    """Return sums over blocks of ``step`` pixels a side, (y, x)."""
    rows, columns = (n // step for n in values.shape)
    blocks = values.reshape(rows, step, columns, step)
    return np.asarray(blocks.sum(axis=(1, 3), dtype=np.float32), dtype=np.float32)


def _bands(product: Product) -> tuple[str, Mapping[str, Sequence[str]]] | None:
    """Return what to show, and the bands of each role for it."""
    cubes = {r: c for r in NAMES if (c := product.images.get(r)) is not None}
    if "after" not in cubes:
        return None
    false = [(FALSE_COLOURS, ("swir22", nir, "red")) for nir in _NIR]
    false += [(PLANTS, (nir, "red", "red")) for nir in _NIR]
    natural = (NATURAL, ("red", "green", "blue"))
    optical = [*false, natural] if product.event.hazard is Hazard.FIRE else [natural, *false]
    for kind, names in (*optical, (RADAR, ("vv",)), (RADAR, ("vh",))):
        shown = {r: names for r, c in cubes.items() if set(names) <= set(map(str, c))}
        if "after" in shown:
            return kind, shown
    return None


def _thinned(cube: xr.Dataset, names: Sequence[str], step: int) -> xr.DataArray:
    """Return bands, (band, y, x): means over time and blocks of pixels."""
    bands = xr.concat(
        [cube[n].astype("float32") for n in names], "band", coords="minimal", compat="override"
    )
    if "time" in bands.dims:
        bands = bands.mean("time") if bands.sizes["time"] > 1 else bands.isel(time=0)
    bands = bands.transpose("band", "y", "x")
    if step == 1:
        return bands
    thinned: xr.DataArray = bands.coarsen(y=step, x=step, boundary="pad").mean()
    return thinned


def _decibel(power: NDArray[np.float32]) -> NDArray[np.float32]:
    known = np.where(power > 0, power, np.nan)
    return np.asarray(10 * np.log10(known), dtype=np.float32)


def _toned(stacks: Sequence[NDArray[np.float32]]) -> list[NDArray[np.uint8]]:
    """Return pictures; all share the tones of each band, so that a change is one of the ground."""
    out = [np.full((*a.shape[1:], len(a)), 255, np.uint8) for a in stacks]
    for band in range(len(stacks[0])):
        values = np.concatenate([a[band][np.isfinite(a[band])] for a in stacks])
        if not values.size:
            continue
        low, high = np.percentile(values, _PERCENTILES)
        for picture, stack in zip(out, stacks, strict=True):
            share = np.clip((stack[band] - low) / max(high - low, 1e-9), 0, 1)
            tones = np.nan_to_num(share * 255, nan=255.0).astype(np.uint8)
            picture[..., band] = tones
    return [p[..., 0] if p.shape[-1] == 1 else p for p in out]
