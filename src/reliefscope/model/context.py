"""What is known of the people and places in the area, besides the satellite's answer."""

from dataclasses import dataclass

import geopandas as gpd
import xarray as xr


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Reference layers for exposure and orientation; each may be absent."""

    population: xr.DataArray | None = None
    """People per cell, (y, x) on the provider's own grid, never resampled [1]."""
    population_source: str = ""
    """Name, vintage and licence, printed beside every figure."""
    admin: gpd.GeoDataFrame | None = None
    """Polygons with ``name``, ``pcode``, ``level``; EPSG:4326."""
    admin_source: str = ""
    places: gpd.GeoDataFrame | None = None
    """Points with ``name`` and ``population``; EPSG:4326."""
    roads: gpd.GeoDataFrame | None = None
    """Lines with ``class``; EPSG:4326."""
    facilities: gpd.GeoDataFrame | None = None
    """Points with ``name`` and ``kind``; EPSG:4326."""
    credits: tuple[str, ...] = ()
    """Whom to name for places, roads and facilities."""
    notes: tuple[str, ...] = ()
    """What could not be had: printed with the product."""
    exercise: bool = False
    """Whether the population is simulated; it then belongs on exercises only."""
