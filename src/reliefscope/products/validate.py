"""Compare a map with a reference, pixel by pixel."""

import math
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataSourceError
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from reliefscope.errors import CubeError, InputError, NothingFoundError
from reliefscope.model.cube import State
from reliefscope.model.grid import cell_area_m2
from reliefscope.numerics.agreement import Area, Confusion, adjusted_area, confusion

_ROWS = 512
_FEWEST = 2
_VECTORS = frozenset({".gpkg", ".geojson", ".json", ".shp", ".fgb", ".kml", ".parquet"})
STATE_TAG = "flag_meanings"
"""Tag by which a state layer is known; its excluded pixels are left out of the count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far a map agrees with a reference."""

    counts: Confusion
    area: Area
    """Error-adjusted area of the event [km2], 95 % interval."""
    compared_fraction: float
    """Share of the reference's pixels where both are known [0-1]."""


def validate(
    candidate: Path,
    reference: Path,
    *,
    event_classes: Collection[int] = (1,),
    reference_classes: Collection[int] | None = None,
) -> Agreement:
    """Count agreement of ``candidate`` with ``reference`` on the reference's grid.

    A raster reference is never resampled: the candidate is brought onto its grid by nearest
    neighbour. A vector reference is drawn on the candidate's grid, and says "no event" wherever
    it has no polygon. Pixels that either holds as nodata, and excluded pixels of our own state
    layers, are left out.

    Parameters
    ----------
    candidate : Path
        Raster of classes.
    reference : Path
        Raster of classes or polygons, in any CRS.
    event_classes : collection of int
        Values of the candidate that mean event.
    reference_classes : collection of int, optional
        Values of the reference that mean event; as ``event_classes`` by default.

    Raises
    ------
    NothingFoundError
        A file does not exist.
    InputError
        A file cannot be read, or the two nowhere overlap.
    """
    for path in (candidate, reference):
        if not path.exists():
            raise NothingFoundError(f"{path} does not exist")
    theirs = event_classes if reference_classes is None else reference_classes
    rows = (
        _against_vectors(candidate, reference, event_classes)
        if reference.suffix.lower() in _VECTORS
        else _against_raster(candidate, reference, event_classes, theirs)
    )
    try:
        return _count(rows, candidate, reference)
    except RasterioIOError as error:
        raise InputError(f"cannot read {candidate} or {reference} as a raster: {error}") from error


@dataclass(frozen=True, slots=True)
class _Rows:
    mapped: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    area_m2: NDArray[np.float32]


def _count(strips: Iterator[_Rows], candidate: Path, reference: Path) -> Agreement:
    total, pixels = Confusion(tp=0, fp=0, fn=0, tn=0), 0
    event_m2 = rest_m2 = 0.0
    for strip in strips:
        total += confusion(strip.mapped, strip.truth, strip.valid)
        pixels += strip.valid.size
        event_m2 += float(strip.area_m2[strip.valid & strip.mapped].sum(dtype="float64"))
        rest_m2 += float(strip.area_m2[strip.valid & ~strip.mapped].sum(dtype="float64"))
    compared = total.tp + total.fp + total.fn + total.tn
    if compared == 0:
        raise InputError(
            f"{candidate} and {reference} have no pixel where both are known; "
            f"check that they cover the same place"
        )
    return Agreement(
        counts=total,
        area=_adjusted(total, event_m2 / 1e6, rest_m2 / 1e6),
        compared_fraction=compared / pixels,
    )


def _adjusted(counts: Confusion, event_km2: float, rest_km2: float) -> Area:
    """Area of the event corrected for the errors counted; as mapped where a class is too small."""
    matrix = [[counts.tp, counts.fp], [counts.fn, counts.tn]]
    if min(map(sum, matrix)) < _FEWEST:
        return Area(event_km2, math.nan, math.nan, math.nan)
    return adjusted_area(matrix, [event_km2, rest_km2])[0]


def _against_raster(
    candidate: Path, reference: Path, ours: Collection[int], theirs: Collection[int]
) -> Iterator[_Rows]:
    with ExitStack() as stack:
        truth = stack.enter_context(rasterio.open(reference))
        mapped = stack.enter_context(rasterio.open(candidate))
        for raster, path in ((truth, reference), (mapped, candidate)):
            if raster.crs is None:
                raise CubeError(f"{path} has no CRS; assign one and try again")
        aligned = stack.enter_context(
            WarpedVRT(
                mapped,
                crs=truth.crs,
                transform=truth.transform,
                width=truth.width,
                height=truth.height,
                resampling=Resampling.nearest,
                nodata=mapped.nodata,
                add_alpha=False,
            )
        )
        unknown = _unknown(mapped)
        for window in _strips(truth):
            grid = _grid(truth, window)
            wanted, seen = truth.read(1, window=window), truth.read_masks(1, window=window) > 0
            values, inside = aligned.read(1, window=window), _inside(aligned, mapped, window)
            yield _Rows(
                np.isin(values, list(ours)),
                np.isin(wanted, list(theirs)),
                seen & inside & ~np.isin(values, unknown),
                cell_area_m2(grid),
            )


def _against_vectors(candidate: Path, reference: Path, ours: Collection[int]) -> Iterator[_Rows]:
    try:
        reader = gpd.read_parquet if reference.suffix == ".parquet" else gpd.read_file
        frame = reader(reference)
    except (DataSourceError, ValueError) as error:
        raise InputError(f"{reference} cannot be read as vectors: {error}") from error
    if frame.crs is None:
        raise CubeError(f"{reference} has no CRS; save it with one (EPSG:4326 will do)")
    with rasterio.open(candidate) as mapped:
        if mapped.crs is None:
            raise CubeError(f"{candidate} has no CRS; assign one and try again")
        shapes = [s for s in frame.to_crs(mapped.crs).geometry if s is not None and not s.is_empty]
        unknown = _unknown(mapped)
        for window in _strips(mapped):
            grid = _grid(mapped, window)
            values = mapped.read(1, window=window)
            truth = (
                rasterize(shapes, out_shape=values.shape, transform=grid.affine)
                if shapes
                else np.zeros(values.shape, "uint8")
            )
            valid = (mapped.read_masks(1, window=window) > 0) & ~np.isin(values, unknown)
            yield _Rows(np.isin(values, list(ours)), truth == 1, valid, cell_area_m2(grid))


def _inside(
    aligned: WarpedVRT, mapped: rasterio.DatasetReader, window: Window
) -> NDArray[np.bool_]:
    """Where the aligned candidate has a pixel: its mask, or its outline without nodata."""
    inside: NDArray[np.bool_] = aligned.read_masks(1, window=window) > 0
    if mapped.nodata is None:
        corners = GeoBox((mapped.height, mapped.width), mapped.transform, mapped.crs.to_wkt())
        outline = corners.extent.segmented(mapped.res[0] * 50).to_crs(aligned.crs.to_wkt())
        grid = _grid(aligned, window)
        drawn = rasterize([outline.geom], out_shape=inside.shape, transform=grid.affine)
        inside &= drawn == 1
    return inside


def _unknown(raster: rasterio.DatasetReader) -> list[int]:
    ours = STATE_TAG in raster.tags(1) or STATE_TAG in raster.tags()
    return [State.EXCLUDED, State.NOT_OBSERVED] if ours else []


def _strips(raster: rasterio.DatasetReader) -> Iterator[Window]:
    for row in range(0, raster.height, _ROWS):
        yield Window(0, row, raster.width, min(_ROWS, raster.height - row))


def _grid(raster: rasterio.DatasetReader | WarpedVRT, window: Window) -> GeoBox:
    transform = rasterio.windows.transform(window, raster.transform)
    return GeoBox((int(window.height), int(window.width)), transform, raster.crs.to_wkt())
