"""Rain on steep slopes: tracks of bare earth where woods and pastures were."""

import datetime as dt
import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.numerics import terrain
from reliefscope.sources.simulated.disasters._base import Disaster
from reliefscope.sources.simulated.noise import Field, stream
from reliefscope.sources.simulated.sensors import SOIL, Cover, OpticalPass
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import CROP, GRASS, SHRUB, TREE, World

_PER_KM2 = 0.45
_STEEPEST_SHARE = 0.04
_STOPS_DEG = 5.0
_LOST = 0.88
_GREEN = (TREE, SHRUB, GRASS, CROP)


def landslide(world: World, onset: dt.datetime) -> Disaster:
    """Return the landslides of a world: passes before and after, and where earth moved."""
    del onset  # passes are counted from it
    slope = ndimage.gaussian_filter(terrain.slope_deg(world.elevation, PIXEL_M, PIXEL_M), 1.5)
    scar = _scars(world, slope)
    bare = Cover(share=np.where(scar, np.float32(_LOST), np.float32(0)), spectrum=SOIL)
    return Disaster(
        event=scar,
        optical=(
            (-25, OpticalPass(name="L2A", flooded=False, cloud_share=0.04)),
            (9, OpticalPass(name="L2B", flooded=False, cloud_share=0.10, covered=(bare,))),
        ),
    )


def _scars(world: World, slope: Field) -> NDArray[np.bool_]:
    """Return where earth moved: from steep ground straight down until it flattens out."""
    rng = stream(world.seed, "slides")
    green = np.isin(world.land_cover, _GREEN)
    steep = np.flatnonzero(green & (slope >= np.quantile(slope[green], 1 - _STEEPEST_SHARE)))
    count = max(5, round(_PER_KM2 * (world.size * PIXEL_M / 1000) ** 2))
    east, north = terrain.gradient(ndimage.gaussian_filter(world.elevation, 3), PIXEL_M, PIXEL_M)
    scar = np.zeros(green.shape, bool)
    for start in rng.choice(steep, size=min(count, steep.size), replace=False):
        length = min(rng.lognormal(math.log(28), 0.6), 110)
        width = rng.uniform(1.6, 3.0) * (length / 28) ** 0.4
        _slide(scar, (start // world.size, start % world.size), length, width, (east, north), slope)
    return np.asarray(scar & green)


def _slide(
    scar: NDArray[np.bool_],
    start: tuple[int, int],
    length: float,
    width: float,
    gradient: tuple[Field, Field],
    slope: Field,
) -> None:
    """Mark one track, a little wider at its foot."""
    row, column = float(start[0]), float(start[1])
    size = scar.shape[0]
    for step in range(int(length)):
        r, c = int(row), int(column)
        if not (0 <= r < size and 0 <= c < size) or slope[r, c] < _STOPS_DEG:
            return
        reach = width * (0.8 + 0.5 * step / length)
        low, high = math.floor(-reach), math.ceil(reach) + 1
        dy, dx = np.mgrid[low:high, low:high]
        disc = np.hypot(dy, dx) <= reach
        rows = np.clip(r + dy[disc], 0, size - 1)
        columns = np.clip(c + dx[disc], 0, size - 1)
        scar[rows, columns] = True
        fall = math.hypot(gradient[0][r, c], gradient[1][r, c]) or 1.0
        # rows grow southward, the northern gradient northward
        row += gradient[1][r, c] / fall
        column -= gradient[0][r, c] / fall
