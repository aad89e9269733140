"""Hills of the exercise, carved by running water."""

import math

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.numerics import _flow
from reliefscope.sources.simulated.noise import Field, enlarge, fractal, stream
from reliefscope.sources.simulated.valley import BASE_M, GRADIENT, PIXEL_M, Scale, Valley

_MARGIN = 0.14
_WALL_M = 1e5
_STEPS, _LAST_STEPS = 90, 25
_WIDE = 500
_CREEP = 0.75
_CUT = 0.2
_JITTER = 0.6
_OUTLET = 8
_DIAGONAL = math.sqrt(2)


def hills(size: int, seed: int, scale: Scale, valley: Valley) -> Field:
    """Carve hills by running water on coarse cells and return them over the world [m].

    Stream-power incision, dz/dt = U - K A^0.5 S, by the implicit scheme of Braun & Willett (2013,
    doi:10.1016/j.geomorph.2012.10.008), with creep of the slopes. The plain is the base level.
    """
    cell = scale.coarse * PIXEL_M
    inside = -(-size // scale.coarse)
    margin = int(inside * _MARGIN)
    n = inside + 2 * margin
    centre = (np.arange(n, dtype=np.float32) - margin + 0.5) * cell
    y, x = np.meshgrid(centre, centre, indexing="ij")
    along, off = valley.coordinates(x, y)
    level = BASE_M - GRADIENT * along
    plain = np.abs(off) < valley.half_width(along)
    broad = fractal(stream(seed, "uplift"), (n, n), longest=n / 2.5, shortest=n / 12)
    rough = fractal(stream(seed, "hills"), (n, n), longest=n / 3, roughness=1.8)
    away = np.clip((np.abs(off) - valley.half_width(along)) / (0.25 * scale.side), 0, 1)
    uplift = np.exp(0.4 * broad) * (0.55 + 0.6 * away)
    hard = np.exp(-0.4 * fractal(stream(seed, "rock"), (n, n), longest=n / 4, shortest=10))
    height = 3 + 2.5 * (rough - rough.min())
    height[plain] = 0
    rng = stream(seed, "rain")
    steps = _STEPS
    if n > _WIDE:
        thin = np.s_[: n // 2 * 2 : 2, : n // 2 * 2 : 2]
        half = _aged(
            height[thin],
            plain[thin],
            uplift[thin],
            hard[thin],
            rng,
            _STEPS - _LAST_STEPS,
        )
        height = enlarge(half, 2, (n, n), 1)
        steps = _LAST_STEPS
    height = _aged(height, plain, uplift, hard, rng, steps)
    top = float(np.percentile(height[~plain], 98))
    height *= scale.relief / top
    height[plain] = 0
    cut = slice(margin, margin + inside)
    return np.asarray((height + level)[cut, cut], np.float32)


def _aged(
    height: Field,
    plain: NDArray[np.bool_],
    uplift: Field,
    hard: Field,
    rng: np.random.Generator,
    steps: int,
) -> Field:
    """Return the hills after so many steps; a little noise keeps water off straight lines."""
    for _ in range(steps):
        noise = rng.random(height.shape, dtype=np.float32) * np.float32(_JITTER)
        height = _weather(height + noise, plain, uplift, hard)
    return height


def _weather(
    height: NDArray[np.float32],
    plain: NDArray[np.bool_],
    uplift: Field,
    hard: Field,
) -> NDArray[np.float32]:
    """Return the hills one step later."""
    padded = np.full((height.shape[0] + 4, height.shape[1] + 4), np.nan, np.float32)
    padded[1:-1, 1:-1] = _WALL_M
    padded[2:-2, 2:-2] = np.where(plain, np.nan, height)
    flat, width = padded.ravel(), padded.shape[1]
    filled, direction = _flow.flood(flat, width)
    _flow.steepest(filled, direction, width, 1.0, 1.0)
    rise = np.zeros_like(padded)
    rise[2:-2, 2:-2] = uplift
    rate = np.zeros_like(padded)
    rate[2:-2, 2:-2] = hard
    _incise(filled, direction, rise.ravel(), rate.ravel(), width)
    new = filled.reshape(padded.shape)[2:-2, 2:-2]
    new = np.where(plain, np.float32(0), new)
    new = ndimage.gaussian_filter(new, _CREEP, mode="nearest")
    return np.where(plain, np.float32(0), new)


@numba.njit(cache=True)
def _order(
    direction: NDArray[np.uint8], step: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Return the cells from the divides down, their catchments [cell], and how many there are."""
    waiting = np.zeros(direction.size, np.uint8)
    area = np.ones(direction.size, np.float64)
    order = np.empty(direction.size, np.int64)
    for c in range(direction.size):
        if direction[c] < _OUTLET:
            waiting[c + step[direction[c]]] += 1
    count = 0
    for start in range(direction.size):
        c = start
        while waiting[c] == 0:
            waiting[c] = 255
            order[count] = c
            count += 1
            if direction[c] >= _OUTLET:
                break
            below = c + step[direction[c]]
            area[below] += area[c]
            waiting[below] -= 1
            c = below
    return order, area, count


@numba.njit(cache=True)
def _incise(
    z: NDArray[np.float32],
    direction: NDArray[np.uint8],
    uplift: NDArray[np.float32],
    rate: NDArray[np.float32],
    width: int,
) -> None:
    """Raise and cut the ground once, from the outlets up."""
    step = np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])
    length = np.array([_DIAGONAL, 1, _DIAGONAL, 1, 1, _DIAGONAL, 1, _DIAGONAL])
    order, area, count = _order(direction, step)
    for i in range(count - 1, -1, -1):
        c = order[i]
        cut = rate[c] * _CUT * math.sqrt(area[c])
        if direction[c] < _OUTLET:
            cut /= length[direction[c]]
            z[c] = (z[c] + uplift[c] + cut * z[c + step[direction[c]]]) / (1 + cut)
        elif direction[c] == _OUTLET:
            z[c] = (z[c] + uplift[c]) / (1 + cut)
