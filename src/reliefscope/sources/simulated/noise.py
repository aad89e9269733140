"""Random fields for the exercise: fractal noise and irregular cells, the same for equal seeds."""

import math

import numba
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]
"""array, (y, x)"""


def stream(seed: int, *parts: int | str) -> np.random.Generator:
    """Return the random generator of one named part of the world."""
    words = [seed]
    for part in parts:
        words += list(part.encode()) if isinstance(part, str) else [part]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def fractal(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    longest: float,
    shortest: float = 2.0,
    roughness: float = 2.2,
) -> Field:
    """Return noise with a power-law spectrum, mean 0 and variance 1.

    Parameters
    ----------
    rng : Generator
        Where the randomness comes from.
    shape : tuple of int
        Rows and columns.
    longest, shortest : float
        Wavelengths between which the power lies [pixel].
    roughness : float
        Exponent of the amplitude against wavelength; larger is smoother.

    Returns
    -------
    array, (y, x)
        The field [1].
    """
    rows, columns = (scipy.fft.next_fast_len(n, real=True) for n in shape)
    white = rng.standard_normal((rows, columns), dtype=np.float32)
    spectrum = scipy.fft.rfft2(white, overwrite_x=True)
    fy = scipy.fft.fftfreq(rows).astype(np.float32)[:, None]
    fx = scipy.fft.rfftfreq(columns).astype(np.float32)[None, :]
    k2 = fy * fy + fx * fx
    gain = (k2 + np.float32(longest**-2)) ** np.float32(-roughness / 2)
    gain *= np.exp(-k2 * np.float32(shortest**2 / 2))
    gain[0, 0] = 0
    spectrum *= gain
    field = scipy.fft.irfft2(spectrum, s=(rows, columns), overwrite_x=True)
    field = np.ascontiguousarray(field[: shape[0], : shape[1]], np.float32)
    field -= field.mean()
    field /= max(float(field.std()), 1e-12)
    return field


def enlarge(field: NDArray[np.floating], factor: int, shape: tuple[int, int], order: int) -> Field:
    """Return a coarse field on cells ``factor`` times finer, cut to ``shape``."""
    if factor == 1:
        return np.asarray(field[: shape[0], : shape[1]], np.float32)
    source = np.asarray(field, np.float32)
    offset = (1 / factor - 1) / 2
    return np.asarray(
        ndimage.affine_transform(
            source,
            [1 / factor, 1 / factor],
            offset=[offset, offset],
            output_shape=shape,
            order=order,
            mode="nearest",
        ),
        np.float32,
    )


@numba.njit(cache=True)
def hashed(a: int, b: int, seed: int) -> float:
    """Return a number in [0, 1) that depends on three integers alone."""
    h = np.uint64(a * 0x9E3779B1 + b * 0x85EBCA77 + seed * 0xC2B2AE3D)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(32)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(29)
    return float(h >> np.uint64(11)) / 9007199254740992.0


@numba.njit(cache=True)
def parcels(
    rows: int, columns: int, block: float, length: float, breadth: float, seed: int
) -> NDArray[np.float32]:
    """Divide the land as farmers do: blocks of fields, each with its own lie.

    Blocks are the Voronoi cells of a jittered lattice; inside, fields are bricks of about
    ``length`` by ``breadth`` [pixel]. Returns one random number per field, negative on the hedge
    or lane between two blocks.
    """
    out = np.empty((rows, columns), np.float32)
    for j in range(rows):
        for i in range(columns):
            cy, cx = int(j // block), int(i // block)
            first = second = 1e18
            by = bx = 0
            for a in range(cy - 2, cy + 3):
                for b in range(cx - 2, cx + 3):
                    py = (a + hashed(a, b, seed)) * block
                    px = (b + hashed(a, b, seed + 1)) * block
                    d = (j - py) ** 2 + (i - px) ** 2
                    if d < first:
                        second = first
                        first, by, bx = d, a, b
                    elif d < second:
                        second = d
            lie = hashed(by, bx, seed + 2) * math.pi
            size = 0.7 + 0.8 * hashed(by, bx, seed + 3)
            u = (i * math.cos(lie) + j * math.sin(lie)) / (length * size)
            v = (j * math.cos(lie) - i * math.sin(lie)) / (breadth * size)
            strip = math.floor(v)
            u += hashed(strip, by * 7919 + bx, seed + 4)
            out[j, i] = hashed(math.floor(u), strip * 31 + by * 7919 + bx, seed + 5)
            if math.sqrt(second) - math.sqrt(first) < 1.2:  # noqa: PLR2004 - a lane's width
                out[j, i] = -1
    return out
