"""A fire that runs through woods and brush, and the scar it leaves."""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from scipy import ndimage
from skimage.graph import MCP_Geometric

from reliefscope.sources.simulated.disasters._base import Disaster
from reliefscope.sources.simulated.noise import Field, enlarge, fractal, stream
from reliefscope.sources.simulated.sensors import SOIL, Cover, OpticalPass
from reliefscope.sources.simulated.world import CROP, GRASS, SHRUB, TREE, WETLAND, World

_EASE: Mapping[int, float] = MappingProxyType(
    {TREE: 1.0, SHRUB: 0.9, GRASS: 0.55, CROP: 0.12, WETLAND: 0.06}
)
"""How easily fire runs through each land cover; none through the others."""
_HEAT: Mapping[int, float] = MappingProxyType({TREE: 0.72, SHRUB: 0.6, GRASS: 0.42, CROP: 0.3})
"""How much of the green it takes, at the middle."""
_BARRIER = 0.004
_BURNED_SHARE = 0.13
_MILDEST = 0.3
_CHAR = (0.045, 0.052, 0.060, 0.085, 0.092, 0.160, 0.175)
"""Reflectance of charred ground in the order of `S2_BANDS`: rounded values within the range of
the spectral library of Kokaly et al. (2017, doi:10.3133/ds1035)."""
_CELLS = 320
_DRIER = 0.06
"""Share of bare ground that the weeks of drought before the fire add everywhere."""


def fire(world: World, onset: dt.datetime) -> Disaster:
    """Return the fire of a world: the passes before and after, and how severely it burned."""
    del onset  # passes are counted from it
    severity = _severity(world)
    drier = np.where(np.isin(world.land_cover, list(_EASE)), np.float32(_DRIER), np.float32(0))
    after = (Cover(share=drier, spectrum=SOIL), Cover(share=severity, spectrum=_CHAR))
    return Disaster(
        event=severity > 0,
        truth={"severity": (severity, "1")},
        optical=(
            (-18, OpticalPass(name="S2A", flooded=False, cloud_share=0.02)),
            (12, OpticalPass(name="S2B", flooded=False, cloud_share=0.06, covered=after)),
        ),
    )


def _severity(world: World) -> Field:
    """Return the share of the green that was lost, 0 outside the scar, (y, x) [1]."""
    cover, shape = world.land_cover, world.land_cover.shape
    reach = _arrival(world)
    burnable = np.isin(cover, list(_HEAT))
    inside = burnable & (reach < 1)
    heat = _table(_HEAT, 0)[cover]
    mosaic = fractal(stream(world.seed, "mosaic"), shape, longest=45, shortest=5, roughness=1.6)
    spared = fractal(stream(world.seed, "spared"), shape, longest=30, shortest=6) > 1.7  # noqa: PLR2004
    severity = heat + np.float32(0.14) * mosaic - np.float32(0.25) * np.square(np.square(reach))
    severity = np.clip(severity, _MILDEST, 1)
    return np.where(inside & ~spared, severity, 0).astype(np.float32)


def _arrival(world: World) -> Field:
    """Return when the front comes, 1 at the end of the fire, (y, x)."""
    size = world.size
    factor = max(1, size // _CELLS)
    ease = _table(_EASE, _BARRIER)[world.land_cover]
    cells = -(-size // factor)
    pad = cells * factor - size
    whole = np.pad(ease, ((0, pad), (0, pad)), mode="edge")
    coarse = whole.reshape(cells, factor, cells, factor).mean(axis=(1, 3))
    gusts = fractal(stream(world.seed, "gusts"), coarse.shape, longest=60, shortest=6)
    cost = np.exp(np.float32(0.7) * gusts) / coarse
    wood = ndimage.gaussian_filter(coarse, 0.04 * cells)
    margin = cells // 3
    inner = wood[margin:-margin, margin:-margin]
    row, column = np.unravel_index(int(np.argmax(inner)), inner.shape)
    times, _ = MCP_Geometric(cost).find_costs([(int(row) + margin, int(column) + margin)])
    burns = coarse > 0.3  # noqa: PLR2004 - mostly woods, brush or grass
    # a land with little to burn has a small fire, not one that jumps rivers
    share = min(1.0, _BURNED_SHARE / max(float(burns.mean()), 1e-6))
    end = np.quantile(times[burns], share) if burns.any() else 1.0
    return enlarge(times / end, factor, (size, size), 1)


def _table(values: Mapping[int, float], rest: float) -> Field:
    """Return a look-up of land cover codes."""
    table = np.full(256, rest, np.float32)
    for code, value in values.items():
        table[code] = value
    return table
