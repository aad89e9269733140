"""Small georeferenced rasters and STAC items around them, made by hand."""

import datetime as dt
from pathlib import Path

import numpy as np
import pystac
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform_bounds

WEST, NORTH, PIXEL, EPSG = 500_000.0, 5_000_000.0, 10.0, 32632
WHEN = dt.datetime(2024, 3, 2, 5, 30, tzinfo=dt.UTC)


def write_raster(
    path: Path, *bands, nodata=np.nan, epsg=EPSG, west=WEST, north=NORTH, pixel=PIXEL, **tags
) -> Path:
    """Write ``bands`` as one GeoTIFF with its upper left corner at (west, north)."""
    stack = np.stack([np.asarray(b) for b in bands])
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(stack),
        height=stack.shape[1],
        width=stack.shape[2],
        dtype=stack.dtype.name,
        crs=None if epsg is None else f"EPSG:{epsg}",
        transform=from_origin(west, north, pixel, pixel),
        nodata=nodata,
    ) as raster:
        raster.write(stack)
        raster.update_tags(**tags)
    return path


def lonlat_bounds(path: Path) -> tuple[float, float, float, float]:
    """West, south, east, north of a raster [degrees]."""
    with rasterio.open(path) as raster:
        return transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)


def make_item(name: str, bbox, when=WHEN, *, collection="radar", **properties) -> pystac.Item:
    """Return an item over ``bbox`` without assets."""
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return pystac.Item(
        id=name,
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=list(bbox),
        datetime=when,
        properties=properties,
        collection=collection,
    )


def make_collection(name: str = "radar") -> pystac.Collection:
    """Return a collection over the whole earth and all time."""
    return pystac.Collection(
        id=name,
        description=name,
        license="CC-BY-4.0",
        extent=pystac.Extent(
            pystac.SpatialExtent([[-180.0, -90.0, 180.0, 90.0]]),
            pystac.TemporalExtent([[dt.datetime(2000, 1, 1, tzinfo=dt.UTC), None]]),
        ),
    )
