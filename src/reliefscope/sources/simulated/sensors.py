"""How the world looks from Sentinel-1 and Sentinel-2."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.numerics import terrain
from reliefscope.sources.simulated.noise import Field, fractal, stream
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import (
    BARE,
    BUILT,
    CROP,
    GRASS,
    SHRUB,
    TREE,
    WATER,
    WETLAND,
    World,
)

LOOKS = 4.4
"""Equivalent number of looks of Sentinel-1 IW GRD at 10 m."""
SPECKLE_SPREAD = 0.775
"""Width of the filter that joins neighbours' speckle, a resolution of 20 x 22 m sampled at 10 m
[pixel]. Gives a correlation of 0.66 with the next pixel and 0.19 with the one after, as measured
on homogeneous ground in seven IW GRD scenes."""
LOOK_AZIMUTH_DEG = 282.0
"""A descending pass looking right: towards west-north-west, clockwise from north [degree]."""
NEAR_INCIDENCE_DEG, INCIDENCE_PER_KM = 37.5, 0.068
"""IW swath: 29.1 to 46.0 degrees over 250 km."""
_REFERENCE_INCIDENCE_DEG = 38.0
_FLOOR_DB = -31.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Echo:
    """Backscatter gamma0 of one kind of ground at 38 degrees, median [dB]."""

    vv: float
    vh: float
    tilt: float
    """Change with incidence [dB/degree]."""
    spread: float
    """Standard deviation between fields or stands [dB]."""
    drowned_vv: float | None
    """Change when flood water stands between stems or walls; None where it closes over [dB]."""
    drowned_vh: float | None


_ECHOES: Mapping[int, _Echo] = MappingProxyType(
    {
        TREE: _Echo(vv=-8.2, vh=-13.6, tilt=-0.02, spread=0.4, drowned_vv=3.2, drowned_vh=0.7),
        SHRUB: _Echo(vv=-10.3, vh=-16.6, tilt=-0.04, spread=0.6, drowned_vv=1.8, drowned_vh=0.2),
        GRASS: _Echo(vv=-12.2, vh=-19.3, tilt=-0.1, spread=0.8, drowned_vv=None, drowned_vh=None),
        CROP: _Echo(vv=-11.2, vh=-18.2, tilt=-0.08, spread=1.3, drowned_vv=None, drowned_vh=None),
        BUILT: _Echo(vv=-3.8, vh=-11.2, tilt=-0.05, spread=0.8, drowned_vv=2.2, drowned_vh=1.0),
        BARE: _Echo(vv=-13.6, vh=-22.2, tilt=-0.18, spread=1.0, drowned_vv=None, drowned_vh=None),
        WATER: _Echo(vv=-20.8, vh=-28.0, tilt=-0.4, spread=0.2, drowned_vv=0.0, drowned_vh=0.0),
        WETLAND: _Echo(vv=-11.8, vh=-18.6, tilt=-0.08, spread=0.7, drowned_vv=0.9, drowned_vh=-0.8),
    }
)
"""Rounded middle values, within the C-band ranges of Ulaby & Dobson (1989, Handbook of Radar
Scattering Statistics for Terrain). Double bounce under flooded stems: Tsyganskaya et al. (2018,
doi:10.1080/01431161.2017.1420938); between flooded walls: Chini et al. (2019,
doi:10.3390/rs11020107)."""

_SPECTRA: Mapping[int, tuple[float, ...]] = MappingProxyType(
    {
        TREE: (0.024, 0.044, 0.026, 0.300, 0.320, 0.150, 0.066),
        SHRUB: (0.040, 0.062, 0.054, 0.235, 0.255, 0.205, 0.115),
        GRASS: (0.038, 0.074, 0.052, 0.300, 0.322, 0.215, 0.118),
        CROP: (0.038, 0.068, 0.046, 0.365, 0.385, 0.195, 0.100),
        BUILT: (0.112, 0.124, 0.134, 0.198, 0.215, 0.235, 0.215),
        BARE: (0.118, 0.158, 0.198, 0.268, 0.288, 0.360, 0.320),
        WATER: (0.042, 0.052, 0.036, 0.020, 0.018, 0.008, 0.005),
        WETLAND: (0.036, 0.060, 0.046, 0.215, 0.230, 0.130, 0.068),
    }
)
"""Surface reflectance in the order of `S2_BANDS`: rounded values typical of the spectral library
of Kokaly et al. (2017, doi:10.3133/ds1035)."""
SOIL = (0.075, 0.100, 0.128, 0.185, 0.205, 0.300, 0.255)
_MUDDY = (0.074, 0.106, 0.116, 0.064, 0.054, 0.016, 0.010)
_CLOUD = (0.62, 0.60, 0.60, 0.63, 0.63, 0.42, 0.32)

S2_BANDS = ("B02", "B03", "B04", "B08", "B8A", "B11", "B12")
S2_OFFSET = -1000
"""Added to the stored numbers before division by 10,000, from processing baseline 04.00."""
_SUN_AZIMUTH_DEG, _SUN_ELEVATION_DEG = 152.0, 58.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadarPass:
    """One acquisition of Sentinel-1."""

    name: str
    flooded: bool
    moisture_db: float
    """How much wetter soils look than usual [dB]."""
    wind_db: float
    """How much the wind brightens calm water all over [dB]."""
    change_db: Field | None = None
    """What the disaster adds to the echo of the ground, (y, x) [dB]."""


def incidence_deg(size: int) -> Field:
    """Return the incidence angle on flat ground, (1, x) [degree]; it grows away from the radar."""
    km = (size - 0.5 - np.arange(size, dtype=np.float32)) * np.float32(PIXEL_M / 1000)
    return (NEAR_INCIDENCE_DEG + INCIDENCE_PER_KM * km)[None, :].astype(np.float32)


def sentinel1(world: World, seen: RadarPass) -> dict[str, Field]:
    """Return gamma0 as a pass would record it, with speckle.

    Returns
    -------
    dict
        ``vv`` and ``vh``, linear power [1], (y, x); NaN outside the swath.
    """
    slope = terrain.range_slope_deg(
        world.elevation, PIXEL_M, PIXEL_M, look_azimuth_deg=LOOK_AZIMUTH_DEG
    )
    theta = incidence_deg(world.size)
    outside = _off_swath(world)
    bands = {}
    for band in ("vv", "vh"):
        power = _mean_power(world, seen, band, theta)
        power *= np.power(10, np.clip(slope, -25, 25) * np.float32(0.003))
        power[slope > theta] *= np.float32(4)
        power[slope < theta - 90] = np.float32(10 ** (_FLOOR_DB / 10))
        power *= speckle(stream(world.seed, "speckle", seen.name, band), power.shape)
        power[outside] = np.nan
        bands[band] = power
    return bands


def speckle(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """Return multi-look speckle: gamma distributed, mean 1, alike between neighbours.

    A smoothed Gaussian field becomes gamma distributed by the cube of Wilson & Hilferty (1931,
    doi:10.1073/pnas.17.12.684), whose mean is 1 within 1e-4 for 4.4 looks.
    """
    normal = rng.standard_normal(shape, dtype=np.float32)
    normal = ndimage.gaussian_filter(normal, SPECKLE_SPREAD, mode="wrap", truncate=5)
    normal /= np.float32(_gain(SPECKLE_SPREAD))
    k = 1 / (9 * LOOKS)
    root = normal * np.float32(math.sqrt(k)) + np.float32(1 - k)
    root = np.maximum(root, np.float32(0.02))
    return np.asarray(root * root * root, np.float32)


def _gain(sigma: float) -> float:
    """Return the standard deviation that a Gaussian filter leaves of white noise."""
    line = np.zeros(41)
    line[20] = 1
    weights = ndimage.gaussian_filter1d(line, sigma, truncate=5)
    return float((weights**2).sum())


def _mean_power(world: World, seen: RadarPass, band: str, theta: Field) -> Field:
    """Return the expected gamma0 without speckle, linear power."""
    base, tilt, spread, wetter, drop = _tables(seen, band)
    lean = theta - np.float32(_REFERENCE_INCIDENCE_DEG)
    still = _water_db(world, seen, band) + np.float32(_ECHOES[WATER].tilt) * lean
    cover = world.land_cover
    grain = fractal(stream(world.seed, "ground", band), cover.shape, longest=40, roughness=1.2)
    decibel = np.float32(1.6) * (world.field - np.float32(0.5)) + np.float32(0.55) * grain
    decibel *= spread[cover]
    decibel += (base + wetter)[cover] + tilt[cover] * lean
    if seen.flooded:
        at = np.nonzero(world.flooded)
        wet = decibel[at] + drop[cover[at]]
        decibel[at] = np.where(np.isnan(wet), _closed_over(world, at, decibel, still), wet)
    if seen.change_db is not None:
        decibel += seen.change_db
    decibel = np.where(world.permanent, still, decibel)
    power = np.power(10, np.maximum(decibel, np.float32(_FLOOR_DB)) / np.float32(10))
    return np.asarray(power, np.float32)


def _tables(seen: RadarPass, band: str) -> tuple[Field, Field, Field, Field, Field]:
    """Return by land cover: level, tilt, spread, effect of wet soil, change under flood water."""
    tables = np.zeros((5, 256), np.float32)
    for code, echo in _ECHOES.items():
        level, drop = (echo.vv, echo.drowned_vv) if band == "vv" else (echo.vh, echo.drowned_vh)
        soil = seen.moisture_db if code in {CROP, GRASS, BARE} else 0.0
        tables[:, code] = level, echo.tilt, echo.spread, soil, np.nan if drop is None else drop
    return tables[0], tables[1], tables[2], tables[3], tables[4]


def _closed_over(
    world: World, at: tuple[NDArray[np.int64], ...], dry: Field, still: Field
) -> Field:
    """Return the backscatter of flooded open ground: water and what stands out of it [dB]."""
    tall = (world.land_cover[at] == CROP) & (world.field[at] > 0.85)  # noqa: PLR2004
    above = np.where(tall, 0.35, 0.05) * np.exp(-world.depth[at] / np.float32(0.3))
    mixed = (1 - above) * np.power(10, still[at] / 10) + above * np.power(10, dry[at] / 10)
    return np.asarray(10 * np.log10(mixed), np.float32)


def _water_db(world: World, seen: RadarPass, band: str) -> Field:
    """Return the backscatter of open water: dark, brighter where gusts roughen it [dB]."""
    gusts = fractal(
        stream(world.seed, "wind", seen.name), world.field.shape, longest=70, shortest=12
    )
    patch = np.clip((gusts - np.float32(1.5)) * np.float32(1.6), 0, 1)
    echo = _ECHOES[WATER]
    if band == "vv":
        return np.asarray(echo.vv + seen.wind_db + 4.5 * patch, np.float32)
    return np.asarray(echo.vh + 0.35 * seen.wind_db + 1.2 * patch, np.float32)


def _off_swath(world: World) -> NDArray[np.bool_]:
    """Return the corner beyond the edge of the swath: of the four, the one with least flood."""
    size = world.size
    leg = int(0.17 * size)
    y, x = np.indices((leg, leg), sparse=True)
    corner = x + 0.55 * y < 0.55 * leg
    turns = [(k, np.rot90(world.flooded, -k)[:leg, :leg][corner].sum()) for k in range(4)]
    best = min(turns, key=lambda t: t[1])[0]
    off = np.zeros((size, size), bool)
    off[:leg, :leg] = corner
    return np.ascontiguousarray(np.rot90(off, best))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cover:
    """What a disaster left on the ground: ash, bare earth."""

    share: Field
    """Of each pixel that it covers, (y, x) [1]."""
    spectrum: tuple[float, ...]
    """Reflectance in the order of `S2_BANDS` [1]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpticalPass:
    """One acquisition of Sentinel-2."""

    name: str
    flooded: bool
    cloud_share: float
    covered: tuple[Cover, ...] = ()
    """One after the other, the last on top."""


def sentinel2(world: World, seen: OpticalPass) -> tuple[dict[str, Field], NDArray[np.uint8]]:
    """Return surface reflectance by band, (y, x) [1], and the scene classification (SCL)."""
    drowned = world.flooded if seen.flooded else np.zeros(world.field.shape, bool)
    veil, shade = _clouds(world, seen)
    light = _sunlight(world)
    mud = np.asarray(1 - np.exp(-world.depth / np.float32(0.25)), np.float32)
    bands = {}
    for i, band in enumerate(S2_BANDS):
        table = np.zeros(256, np.float32)
        for code, spectrum in _SPECTRA.items():
            table[code] = spectrum[i]
        ground = table[world.land_cover]
        bare = (world.land_cover == CROP) & (world.field > 0.45)  # noqa: PLR2004
        ground = np.where(bare, np.float32(SOIL[i]), ground)
        ground *= 1 + np.float32(0.35) * (world.field - np.float32(0.5))
        through = np.full(ground.shape, 1, np.float32)
        through[world.land_cover == TREE] = 0.25
        through[world.land_cover == BUILT] = 0.45
        share = np.where(drowned, mud * through, 0)
        if seen.flooded:
            share = np.where(world.permanent, 1, share)
        ground = ground * (1 - share) + np.float32(_MUDDY[i]) * share
        for cover in seen.covered:
            ground += cover.share * (np.float32(cover.spectrum[i]) - ground)
        ground *= light * (1 - np.float32(0.68) * shade)
        noise = stream(world.seed, "noise", seen.name, band).standard_normal(
            ground.shape, dtype=np.float32
        )
        ground = ndimage.gaussian_filter(ground, 0.55) * (1 + np.float32(0.025) * noise)
        bands[band] = ground * (1 - veil) + np.float32(_CLOUD[i]) * veil
    return bands, _scene_classes(world, seen, veil, shade)


def _sunlight(world: World) -> Field:
    """Return the brightness of slopes against flat ground."""
    east, north = terrain.gradient(world.elevation, PIXEL_M, PIXEL_M)
    azimuth, height = math.radians(_SUN_AZIMUTH_DEG), math.radians(_SUN_ELEVATION_DEG)
    toward = -(east * math.sin(azimuth) + north * math.cos(azimuth)) / math.tan(height)
    lit = (1 + toward) / np.sqrt(1 + east**2 + north**2)
    return np.asarray(np.clip(lit, 0.25, 1.6), np.float32)


def _clouds(world: World, seen: OpticalPass) -> tuple[Field, Field]:
    """Return the opacity of clouds and of their shadows, 0 to 1."""
    shape = world.field.shape
    if seen.cloud_share <= 0:
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    heap = fractal(
        stream(world.seed, "cloud", seen.name), shape, longest=190, shortest=4, roughness=2.3
    )
    base = np.float32(np.quantile(heap, 1 - seen.cloud_share))
    veil = np.clip((heap - base) * np.float32(2.5), 0, 1)
    veil *= np.clip(0.8 + 0.12 * heap, 0, 1)
    reach = 900 / math.tan(math.radians(_SUN_ELEVATION_DEG)) / PIXEL_M
    azimuth = math.radians(_SUN_AZIMUTH_DEG + 180)
    move = (-reach * math.cos(azimuth), reach * math.sin(azimuth))
    shade = ndimage.shift(veil, move, order=1, mode="nearest")
    return veil, np.asarray(shade * (1 - veil), np.float32)


def _scene_classes(world: World, seen: OpticalPass, veil: Field, shade: Field) -> NDArray[np.uint8]:
    """Return the SCL a careful processor would give: 3 shadow, 4-6 ground, 7-9 cloud."""
    green = np.isin(world.land_cover, (TREE, SHRUB, GRASS, WETLAND))
    green |= (world.land_cover == CROP) & (world.field <= 0.45)  # noqa: PLR2004
    for cover in seen.covered:
        green &= cover.share < 0.5  # noqa: PLR2004 - half the pixel
    drowned = world.flooded & seen.flooded
    scl = np.where(green, 4, 5).astype(np.uint8)
    open_water = world.permanent | (
        drowned & (world.depth > 0.2) & ~np.isin(world.land_cover, (TREE, BUILT))  # noqa: PLR2004
    )
    scl[open_water] = 6
    scl[shade > 0.4] = 3  # noqa: PLR2004
    scl[veil > 0.1] = 7  # noqa: PLR2004
    scl[veil > 0.3] = 8  # noqa: PLR2004
    scl[veil > 0.7] = 9  # noqa: PLR2004
    return scl
