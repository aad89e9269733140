"""Files of the exercise besides its scenes: people, districts, roads, places, and the truth."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio import Affine

from reliefscope.model.cube import State
from reliefscope.model.granule import EXERCISE_TAG
from reliefscope.sources.simulated.disasters import Disaster, Fix, extent
from reliefscope.sources.simulated.noise import enlarge
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import World

_LATTICE = 64
_ARC = 1 / 1200
"""Cells of the population grid on a world of 10 m pixels: 3 seconds of arc, 100 m [degree]."""
_NO_PEOPLE = -99999.0


def write_cog(
    path: Path,
    values: NDArray[Any],
    grid: GeoBox,
    *,
    nodata: float | None,
    units: str,
    overview: str = "average",
) -> None:
    """Write one band as a cloud-optimised GeoTIFF marked as an exercise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    real = np.issubdtype(values.dtype, np.floating)
    with rasterio.open(
        path,
        "w",
        driver="COG",
        height=grid.shape[0],
        width=grid.shape[1],
        count=1,
        dtype=values.dtype,
        crs=str(grid.crs),
        transform=grid.affine,
        nodata=nodata,
        compress="DEFLATE",
        level=1,
        predictor="FLOATING_POINT" if real else "STANDARD",
        overview_resampling=overview,
        blocksize=512,
        num_threads="ALL_CPUS",
        bigtiff="IF_SAFER",
    ) as raster:
        raster.write(values, 1)
        raster.update_tags(**{EXERCISE_TAG: "YES"})
        raster.units = (units,)


def write_truth(folder: Path, world: World, disaster: Disaster, grid: GeoBox) -> None:
    """Write where the disaster struck, in class codes as products have them, and how strongly."""
    codes, nobody = extent(world, disaster.event), int(State.NOT_OBSERVED)
    write_cog(folder / "truth_extent.tif", codes, grid, nodata=nobody, units="1", overview="mode")
    for name, (values, units) in disaster.truth.items():
        write_cog(folder / f"truth_{name}.tif", values, grid, nodata=np.nan, units=units)


def write_people(path: Path, world: World, grid: GeoBox) -> None:
    """Write people per cell on a geographic grid of its own; everyone is counted once."""
    counts, cells = count_people(world, grid)
    write_cog(path, counts, cells, nodata=_NO_PEOPLE, units="1")


def stretch(grid: GeoBox) -> float:
    """Return how much larger the pixels of a world are than the usual ones of 10 m [1]."""
    return float(grid.affine.a) / PIXEL_M


def _crowd(grid: GeoBox) -> float:
    """Return how many people live there for each on the usual world; wide lands are emptier."""
    return float(stretch(grid) ** 1.5)


def count_people(world: World, grid: GeoBox) -> tuple[NDArray[np.float32], GeoBox]:
    """Return people per cell of 3 seconds of arc or a multiple, (y, x), and that grid."""
    lon, lat = _lonlat(grid)
    arc = _ARC * stretch(grid)
    west, north = np.floor(lon.min() / arc), np.ceil(lat.max() / arc)
    shape = (
        int(north - np.floor(lat.min() / arc)) + 1,
        int(np.ceil(lon.max() / arc) - west) + 1,
    )
    total = np.zeros(shape[0] * shape[1])
    seen = np.zeros(total.size, bool)
    offset = (lon[0, 0] / arc - west, north - lat[0, 0] / arc)
    fine = (grid.shape[0], grid.shape[1])
    columns = enlarge((lon - lon[0, 0]) / arc, _LATTICE, fine, 1) + offset[0]
    rows = enlarge((lat[0, 0] - lat) / arc, _LATTICE, fine, 1) + offset[1]
    cell = rows.astype(np.int64) * shape[1] + columns.astype(np.int64)
    people = world.country.people.ravel() * np.float32(_crowd(grid))
    total += np.bincount(cell.ravel(), people, total.size)
    seen[np.unique(cell)] = True
    counts = np.where(seen, total, _NO_PEOPLE).reshape(shape).astype(np.float32)
    affine = Affine(arc, 0, west * arc, 0, -arc, north * arc)
    return counts, GeoBox(shape, affine, "EPSG:4326")


def _lonlat(grid: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the position of every 64th cell's block centre; in between it is a straight line."""
    nodes = [-(-n // _LATTICE) + 1 for n in grid.shape]
    rows, columns = ((np.arange(n) + 0.5) * _LATTICE for n in nodes)
    c, r = np.meshgrid(columns, rows)
    x = grid.affine.c + grid.affine.a * c
    y = grid.affine.f + grid.affine.e * r
    lon, lat = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def write_vectors(folder: Path, world: World, grid: GeoBox) -> None:
    """Write districts, roads, places and facilities as GeoPackages in EPSG:4326."""
    country = world.country
    tables: Mapping[str, tuple[Mapping[str, list[Any]], list[Any]]] = {
        "admin": (
            {
                "name": [u.name for u in country.units],
                "pcode": [u.pcode for u in country.units],
                "level": [u.level for u in country.units],
                "parent": [u.parent for u in country.units],
            },
            [u.shape for u in country.units],
        ),
        "roads": ({"class": [r.kind for r in country.roads]}, [r.line for r in country.roads]),
        "places": (
            {
                "name": [p.name for p in country.places],
                "population": [round(p.population * _crowd(grid)) for p in country.places],
            },
            [p.point for p in country.places],
        ),
        "facilities": (
            {
                "name": [f.name for f in country.facilities],
                "kind": [f.kind for f in country.facilities],
            },
            [f.point for f in country.facilities],
        ),
    }
    move = _to_lonlat(grid)
    for name, (columns, shapes) in tables.items():
        moved = shapely.transform(np.array(shapes, object), move)
        frame = gpd.GeoDataFrame(dict(columns), geometry=moved, crs="EPSG:4326")
        frame.to_file(folder / f"{name}.gpkg", layer=name, driver="GPKG")


def write_track(path: Path, fixes: Sequence[Fix], onset: dt.datetime, grid: GeoBox) -> None:
    """Write the track of a storm as a table, places to a hundredth of a degree."""
    lonlat = _to_lonlat(grid)(np.array([(f.x, f.y) for f in fixes]))
    rows = [
        {
            "time": f"{onset + dt.timedelta(hours=fix.hours):%Y-%m-%dT%H:%MZ}",
            "lat": round(float(lat), 2),
            "lon": round(float(lon), 2),
            "wind_kt": fix.wind_kt,
            "pressure_hpa": fix.pressure_hpa,
            "outside_hpa": fix.outside_hpa,
            "rmw_km": fix.rmw_km,
        }
        for fix, (lon, lat) in zip(fixes, lonlat, strict=True)
    ]
    pd.DataFrame(rows).to_csv(path, index=False)


def _to_lonlat(grid: GeoBox) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the function from pixels to longitude and latitude."""
    projection = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True)
    affine = grid.affine

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = affine.c + affine.a * xy[:, 0], affine.f + affine.e * xy[:, 1]
        return np.stack(projection.transform(x, y), axis=1)

    return move
