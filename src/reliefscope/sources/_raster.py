"""Rasters become cubes: opened before they are trusted, read lazily in place."""

import datetime as dt
import logging
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import dask.array as da
import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from reliefscope.errors import NothingFoundError, ProvenanceWarning, ReliefscopeError
from reliefscope.model.cube import describe
from reliefscope.model.granule import Asset, Granule, group_passes
from reliefscope.model.grid import pixel_size_m
from reliefscope.sources._checks import OPTICAL, VISIBLE, judge
from reliefscope.sources._raster_blocks import Layer, mosaic
from reliefscope.sources._raster_io import Floats, Header, look, read_header
from reliefscope.sources._units import CATEGORICAL, stored_units

__all__ = ["Header", "load_granules", "read_header"]

log = logging.getLogger(__name__)

_STATIC_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_OPENERS = 16
"""Files opened at the same time: waiting for a network costs no processor."""
File = tuple[str, Granule]
"""A variable and the granule that holds it."""
Look = tuple[Header, Floats | None]


def load_granules(
    granules: Sequence[Granule],
    grid: GeoBox,
    variables: Collection[str],
    *,
    sign: Callable[[str], str] = str,
    check: bool = True,
) -> xr.Dataset:
    """Return ``variables`` of ``granules`` on ``grid``, lazy, in canonical units.

    Each file is opened at once, many at a time: its header must be right before it is trusted,
    and a small sample of its pixels must agree with what is stated of it. What does not is a
    `ProvenanceWarning`, and a sentence in ``attrs["provenance_notes"]`` (list of str).

    Parameters
    ----------
    granules : sequence of Granule
        Any order; those of one pass are mosaicked, the first valid pixel wins.
    grid : GeoBox
        Target pixels.
    variables : collection of str
        Canonical names; those that no granule has are left out.
    sign : callable
        Turns an href into one that may be read now; called again for each read, from several
        threads, so that a long computation outlives its signatures.
    check : bool
        Look at a sample of each file's pixels; one small request per file.

    Returns
    -------
    Dataset, (time, y, x), or (y, x) for static layers
        Not observed is NaN.

    Raises
    ------
    NothingFoundError
        No granule has any of the variables.
    CubeError, IntegrityError, AccessError, UnavailableError
        A file breaks the contract, is not a raster, is refused, or cannot be reached: here, or
        when the pixels are computed.
    """
    names = [v for v in variables if any(v in g.assets for g in granules)]
    if not names:
        found = sorted({v for g in granules for v in g.assets})
        raise NothingFoundError(
            f"{len(granules)} granule(s) hold {found}, none of {sorted(variables)}"
        )
    passes = group_passes(granules)
    files = [(n, g) for n in names for group in passes for g in group if n in g.assets]
    witnesses = _witnesses(granules, names) if check else []
    needed, others = _look(files, witnesses, sign, glance=check)
    pixel = pixel_size_m(grid)[0]
    layers = {
        (name, id(granule)): _layer(name, granule.assets[name], header, pixel)
        for (name, granule), (header, _) in zip(files, needed, strict=True)
    }
    cube = xr.Dataset({n: _stack(n, passes, layers, grid, sign) for n in names})
    notes = _doubts([*files, *witnesses], [*needed, *others])
    if notes:
        warnings.warn("; ".join(notes), ProvenanceWarning, stacklevel=2)
        cube.attrs["provenance_notes"] = notes
    return cube.isel(time=0, drop=True) if granules[0].acquired is None else cube


def _witnesses(granules: Sequence[Granule], names: Collection[str]) -> list[File]:
    """Return a visible band of each granule that is asked for infrared bands alone.

    All bands of an image share their offset, but only the visible ones are dark enough over land
    to betray a wrong one.
    """
    asked = OPTICAL & set(names)
    if not asked or asked & set(VISIBLE):
        return []
    seen = ((g, [v for v in VISIBLE if v in g.assets]) for g in granules if asked & set(g.assets))
    return [(visible[0], g) for g, visible in seen if visible]


def _look(
    files: Sequence[File], witnesses: Sequence[File], sign: Callable[[str], str], *, glance: bool
) -> tuple[list[Look], list[Look | None]]:
    """Open all, many at a time; the first failure among ``files``, in their order, is raised."""
    with warnings.catch_warnings(), ThreadPoolExecutor(_OPENERS) as pool:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        asked = [
            pool.submit(look, g.assets[n], sign=sign, glance=glance)
            for n, g in (*files, *witnesses)
        ]
        try:
            needed = [each.result() for each in asked[: len(files)]]
            others = [_or_nothing(each) for each in asked[len(files) :]]
        finally:
            for each in asked:
                each.cancel()  # after a failure nobody needs the rest
    return needed, others


def _or_nothing(asked: Future[Look]) -> Look | None:
    failed = asked.exception()
    if isinstance(failed, ReliefscopeError):
        log.info("not looked at: %s", failed)
        return None
    return asked.result()


def _layer(name: str, asset: Asset, header: Header, pixel_m: float) -> Layer:
    units = stored_units(name, asset.units or header.units)
    return Layer(
        variable=name,
        asset=asset,
        header=header,
        units=units,
        resampling=_resampling(name, units, header, pixel_m),
    )


def _stack(
    name: str,
    passes: Sequence[Sequence[Granule]],
    layers: Mapping[tuple[str, int], Layer],
    grid: GeoBox,
    sign: Callable[[str], str],
) -> xr.DataArray:
    """Return one mosaic per pass, (time, y, x)."""
    mosaics = [
        mosaic([layers[name, id(g)] for g in group if name in g.assets], grid, sign)
        for group in passes
    ]
    moments = [group[0].acquired or _STATIC_TIME for group in passes]
    stamps = [np.datetime64(m.astimezone(dt.UTC).replace(tzinfo=None), "ns") for m in moments]
    stack = da.stack(mosaics)  # type: ignore[no-untyped-call]
    dims = ("time", "y", "x")  # on geographic grids too
    return describe(name, wrap_xr(stack, grid, time=stamps, nodata=None, dims=dims))


def _doubts(files: Sequence[File], looks: Sequence[Look | None]) -> list[str]:
    """Return one sentence for each variable whose pixels contradict its metadata."""
    found: dict[str, list[str]] = {}
    for (name, granule), looked in zip(files, looks, strict=True):
        header, sample = looked or (None, None)
        if header is None or sample is None:
            continue
        asset = granule.assets[name]
        units = stored_units(name, asset.units or header.units)
        doubt = judge(name, sample, scale=asset.scale, offset=asset.offset, units=units)
        if doubt:
            found.setdefault(name, []).append(f"{name} of {granule.id}: {doubt}")
    return [
        texts[0] + (f" (likewise {len(texts) - 1} more)" if len(texts) > 1 else "")
        for texts in found.values()
    ]


def _resampling(name: str, units: str, header: Header, pixel_m: float) -> Resampling:
    """Choose how to bring a file onto the grid without inventing values.

    Classes and decibels are picked, not averaged; power and heights are averaged when the grid
    is coarser and interpolated otherwise.
    """
    metres = 111_320.0 if CRS.from_string(header.crs).is_geographic else 1.0
    coarser = pixel_m > 1.5 * header.resolution[1] * metres
    if name in CATEGORICAL:
        return Resampling.mode if coarser else Resampling.nearest
    if units == "dB":
        return Resampling.nearest
    return Resampling.average if coarser else Resampling.bilinear
