"""Where the pixels of a map lie in a ground range radar image."""

import warnings
from dataclasses import dataclass

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.transformer import TransformerGroup
from scipy.interpolate import RBFInterpolator
from shapely.geometry.base import BaseGeometry

from reliefscope.model.grid import pixel_size_m
from reliefscope.sources._safe.annotation import Annotation, Floats, Lut

_LATTICE = 16
"""Tie points are interpolated on every so many pixels, and linearly between [pixels]."""
_CONVERGED_M = 0.1
"""How far from the plane of zero Doppler the search for it may stop [m]."""
_SPEED_OF_LIGHT = 299_792_458.0
_FULL_TURN = 360.0
_GEOID = "EPSG:9518"
"""WGS 84 with heights above the EGM2008 geoid, as Copernicus elevation models state them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where each pixel of a map lies in an image; all arrays (y, x), NaN where it is unknown."""

    line: Floats
    """0 is the middle of the first line."""
    pixel: Floats
    """0 is the middle of the first sample."""
    facet: Floats | None = None
    """Area of the ground in each pixel as the radar sees it, across its line of sight [m2]."""


def by_tie_points(grid: GeoBox, annotation: Annotation) -> Place:
    """Locate pixels by thin-plate splines through the image's own tie points.

    These know the ground at the tie points only: elsewhere the place is off by the difference in
    height over the tangent of the incidence angle.
    """
    points = annotation.tie_points
    x, y = _project(grid, points.longitude, points.latitude)
    known = np.isfinite(x) & np.isfinite(y)
    rows, columns = (_every(size) for size in grid.shape)
    if known.sum() < 3:  # noqa: PLR2004 - a plane needs three
        nowhere = np.full(grid.shape, np.nan)
        return Place(line=nowhere, pixel=nowhere)
    places = np.column_stack([x, y])[known]
    middle, size = places.mean(axis=0), np.ptp(places)
    spline = RBFInterpolator(
        (places - middle) / size,
        np.column_stack([points.line, points.pixel])[known],
        kernel="thin_plate_spline",
    )
    wanted = np.column_stack([c.ravel() for c in _coordinates(grid, rows, columns)])
    found = spline((wanted - middle) / size).T.reshape(2, len(rows), len(columns))
    line, pixel = (_between(lattice, rows, columns) for lattice in found)
    return Place(line=line, pixel=pixel)


def by_range_doppler(
    grid: GeoBox, heights: NDArray[np.floating], annotation: Annotation, *, facets: bool = False
) -> Place:
    """Locate pixels by the orbit and the heights of the ground.

    Parameters
    ----------
    grid : GeoBox
        The map.
    heights : array, (y, x)
        Above the ellipsoid [m]; NaN where unknown.
    annotation : Annotation
        The image.
    facets : bool
        Whether `Place.facet` is wanted.
    """
    from sarsen import apps, orbit  # noqa: PLC0415 - slow to import, for terrain correction only

    track = orbit.OrbitPolyfitInterpolator.from_position(
        xr.DataArray(
            annotation.orbit_positions.T,
            coords={"axis": [0, 1, 2], "azimuth_time": annotation.orbit_times},
            dims=("axis", "azimuth_time"),
        )
    )
    names = {"azimuth_time", "slant_range_time"} | ({"gamma_area"} if facets else set())
    unknown = ~np.isfinite(heights)
    ground = _earth_fixed(grid, np.where(unknown, 0.0, heights))
    seen = apps.simulate_acquisition(
        ground, track, include_variables=names, zero_doppler_distance=_CONVERGED_M
    )
    since = (seen["azimuth_time"].to_numpy() - annotation.first_line) / np.timedelta64(1, "s")
    slant_range = seen["slant_range_time"].to_numpy() * (_SPEED_OF_LIGHT / 2)
    line = since / annotation.line_interval
    pixel = annotation.ground_range.at(since, slant_range) / annotation.spacing[1]
    line[unknown] = pixel[unknown] = np.nan
    facet = np.where(unknown, 0.0, seen["gamma_area"].to_numpy()) if facets else None
    return Place(line=line, pixel=pixel, facet=facet)


def surroundings(grid: GeoBox, annotation: Annotation, reach_m: float) -> BaseGeometry | None:
    """Return an image's outline with ``reach_m`` around it, in coordinates of ``grid``.

    None where the projection of the grid cannot tell.
    """
    points = annotation.tie_points
    outline = np.column_stack(_project(grid, points.longitude, points.latitude))
    if not np.isfinite(outline).all():
        return None
    per_m = max(
        abs(grid.affine.e) / pixel_size_m(grid)[0], abs(grid.affine.a) / pixel_size_m(grid)[1]
    )
    around: BaseGeometry = shapely.MultiPoint(outline).convex_hull.buffer(reach_m * per_m)
    return around


def geoid_height(grid: GeoBox) -> float | None:
    """Return the height of the geoid above the ellipsoid in the middle of ``grid`` [m].

    None where PROJ has no geoid model on this machine.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # asked for below: best_available
        group = TransformerGroup(_GEOID, "EPSG:4979", always_xy=True)
    if not group.best_available:
        return None
    x, y = grid.affine * (grid.shape[1] / 2, grid.shape[0] / 2)
    lon, lat = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True).transform(x, y)
    height = float(group.transformers[0].transform(lon, lat, 0.0)[2])
    return height if np.isfinite(height) else None


def _coordinates(
    grid: GeoBox, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> tuple[Floats, Floats]:
    """Projected coordinates of the middles of pixels, both (rows, columns)."""
    x, y = np.meshgrid(columns + 0.5, rows + 0.5)
    a = grid.affine
    return a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f


def _project(grid: GeoBox, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Geographic to the grid's coordinates, in one piece across the antimeridian."""
    crs = CRS.from_user_input(str(grid.crs))
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    if crs.is_geographic:
        middle = (grid.affine * (grid.shape[1] / 2, grid.shape[0] / 2))[0]
        x = x + _FULL_TURN * np.round((middle - x) / _FULL_TURN)
    return np.asarray(x), np.asarray(y)


def _earth_fixed(grid: GeoBox, heights: Floats) -> xr.DataArray:
    """Return the ground as earth-fixed coordinates, (axis, y, x) [m]."""
    rows, columns = (np.arange(size) for size in grid.shape)
    x, y = _coordinates(grid, rows, columns)
    to_lonlat = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True)
    to_ecef = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    xyz = to_ecef.transform(*to_lonlat.transform(x, y), heights)
    return xr.DataArray(
        np.stack(xyz),
        coords={"axis": [0, 1, 2], "y": y[:, 0], "x": x[0]},
        dims=("axis", "y", "x"),
    )


def _every(size: int) -> NDArray[np.int64]:
    return np.unique(np.append(np.arange(0, size, _LATTICE), size - 1))


def _between(lattice: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
    """Fill in between the rows and columns of a lattice, linearly, (y, x)."""
    table = Lut(
        lines=rows.astype(float),
        pixels=(columns.astype(float),) * len(rows),
        values=tuple(lattice),
    )
    return table.over(np.arange(rows[-1] + 1), np.arange(columns[-1] + 1)).astype(np.float64)
