"""How many people live in an area: a rough count, to decide whether a map is worth making."""

import numpy as np
import xarray as xr
from odc.geo.xr import rasterize

from reliefscope.model.area import Area


def people_within(population: xr.DataArray, area: Area) -> float:
    """Return the people in the cells whose centre lies in ``area``; cells without number are 0.

    Parameters
    ----------
    population : DataArray, (y, x)
        People per cell.
    area : Area
        Where to count.
    """
    box = population.odc.geobox
    outline = area.to_geometry().to_crs(str(box.crs))
    inside = rasterize(outline, box).values
    cells = np.asarray(population.values, dtype="float64")
    return float(np.nansum(np.where(inside, cells, 0.0)))
