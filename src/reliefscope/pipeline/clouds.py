"""How much of an area an optical pass shows: judged over the area, not over the tile."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import rasterize

from reliefscope.model.area import Area
from reliefscope.model.granule import Granule
from reliefscope.model.grid import grid_for, pixel_size_m
from reliefscope.numerics.clouds import hidden_by_fmask, hidden_by_qa_pixel, hidden_by_scl
from reliefscope.sources._base import Source

HIDDEN: Mapping[str, Callable[[NDArray[np.floating]], NDArray[np.bool_]]] = {
    "scl": hidden_by_scl,
    "qa_pixel": hidden_by_qa_pixel,
    "fmask": hidden_by_fmask,
}
"""Quality bands that say where the ground is hidden."""

_SIDE = 200
"""Pixels along the longer side of the look: enough for a share, quick to read from overviews."""


def clear_share(source: Source, group: Sequence[Granule], area: Area) -> float | None:
    """Return the share of ``area`` that one pass shows without cloud or shadow [0-1].

    None if the pass has no quality band. Reads a coarse look at the quality band only.

    Raises
    ------
    SourceError
        The band could not be read.
    """
    band = next((b for b in HIDDEN if any(b in g.assets for g in group)), None)
    if band is None:
        return None
    grid = _coarse(area)
    cube = source.load(group, grid, (band,))
    outline = area.to_geometry().to_crs(str(grid.crs))
    inside = rasterize(outline, grid).values
    if not inside.any():  # an area smaller than a pixel of the look
        inside = np.ones_like(inside)
    return float((_clear(cube[band], band) & inside).sum() / inside.sum())


def _clear(codes: xr.DataArray, band: str) -> NDArray[np.bool_]:
    flat = codes.isel(time=0, drop=True) if "time" in codes.dims else codes
    return ~HIDDEN[band](flat.compute().values)


def _coarse(area: Area) -> GeoBox:
    fine = grid_for(area, 20.0)
    metres = max(fine.shape) * pixel_size_m(fine)[0] / _SIDE
    return grid_for(area, max(20.0, metres))
