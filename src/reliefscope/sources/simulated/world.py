"""A country that does not exist: ground, water, land cover, and a flood of known depth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from reliefscope.errors import InputError
from reliefscope.numerics import terrain
from reliefscope.sources.simulated.country import Country, make_country
from reliefscope.sources.simulated.noise import Field, fractal, parcels, stream
from reliefscope.sources.simulated.relief import Relief, make_relief
from reliefscope.sources.simulated.valley import PIXEL_M

TREE, SHRUB, GRASS, CROP, BUILT, BARE, WATER, WETLAND = 10, 20, 30, 40, 50, 60, 80, 90
"""Land cover codes of ESA WorldCover (Zanaga et al. 2022, doi:10.5281/zenodo.7254221)."""

MIN_SIZE, MAX_SIZE = 128, 10_980
_SHALLOWEST_M = 0.05
_STREAM_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is really there, each array (y, x), north up, pixels of 10 m."""

    size: int
    seed: int
    elevation: Field
    """Ground, and the low-water surface on permanent water [m]."""
    water_seasonality: NDArray[np.uint8]
    """Months per year with water [month], 0 to 12."""
    land_cover: NDArray[np.uint8]
    """ESA WorldCover code, before the flood."""
    field: Field
    """One random number per farm field or patch of land, 0 to 1."""
    surface: Field
    """Water surface at the height of the flood, NaN where there is none [m]."""
    depth: Field
    """Flood water over ground that is dry otherwise, 0 elsewhere [m]."""
    country: Country

    @property
    def permanent(self) -> NDArray[np.bool_]:
        """Water the whole year."""
        return np.asarray(self.water_seasonality == 12)  # noqa: PLR2004 - months

    @property
    def flooded(self) -> NDArray[np.bool_]:
        """Ground under flood water."""
        return np.asarray(self.depth > 0)


def make_world(size: int, seed: int) -> World:
    """Return the world of one seed, always the same.

    Parameters
    ----------
    size : int
        Pixels of 10 m a side, 128 to 10,980.
    seed : int
        Which world, 0 or more.

    Raises
    ------
    InputError
        The size or the seed is out of range.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"size is {size} pixels; it must be {MIN_SIZE} to {MAX_SIZE}")
    if seed < 0:
        raise InputError(f"seed is {seed}; it must be 0 or more")
    relief = make_relief(size, seed)
    river = relief.river_distance < relief.scale.river
    streams = _streams(relief, river)
    permanent = river | relief.lakes | streams
    elevation = np.where(streams & ~river, relief.elevation - np.float32(0.6), relief.elevation)
    hand = terrain.hand(
        elevation, dx=PIXEL_M, dy=PIXEL_M, min_area=np.inf, water=permanent, outlets_drain=True
    )
    field = parcels(size, size, 90.0, 21.0, 9.0, seed)
    slope = terrain.slope_deg(elevation, PIXEL_M, PIXEL_M)
    cover = _land_cover(relief, permanent, hand, slope, field, seed)
    country = make_country(relief, permanent, slope, seed)
    cover[country.built & ~permanent] = BUILT
    surface, depth = _flood(relief, elevation, permanent, streams, hand, seed)
    return World(
        size=size,
        seed=seed,
        elevation=elevation,
        water_seasonality=_seasonality(relief, permanent, hand, cover),
        land_cover=cover,
        field=np.abs(field),
        surface=surface,
        depth=depth,
        country=country,
    )


def _streams(relief: Relief, river: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return brooks large enough to be seen: the main lines of the drainage."""
    bed = np.where(river, relief.elevation - np.float32(5), relief.elevation)
    area = terrain.flow_accumulation(bed, PIXEL_M, PIXEL_M)
    line = (area >= _STREAM_SHARE * relief.scale.side**2) & ~river
    wide = (area >= 3 * _STREAM_SHARE * relief.scale.side**2) & ~river
    grown = ndimage.binary_dilation(wide, iterations=1)
    return np.asarray((line | grown) & ~river)


def _land_cover(
    relief: Relief,
    permanent: NDArray[np.bool_],
    hand: Field,
    slope: Field,
    field: Field,
    seed: int,
) -> NDArray[np.uint8]:
    """Return what grows where: fields on gentle ground, woods on slopes and along water."""
    shape = field.shape
    wild = _patches(seed, "wild", relief, 900)
    wood = _patches(seed, "wood", relief, 260)
    remote = 5.0 * np.square(hand / np.float32(relief.scale.relief))
    effort = slope + remote + 3.0 * wild + 1.6 * (field - 0.5)
    farmed = effort < 8.5 - 2.0 * (relief.plain > 0.5)  # noqa: PLR2004
    cover = np.full(shape, GRASS, np.uint8)
    wood -= np.float32(1.5) * relief.plain
    cover[wood + 0.12 * slope + 0.5 * wild > 1.3] = TREE  # noqa: PLR2004
    cover[(cover == GRASS) & (wood > 0.25)] = SHRUB  # noqa: PLR2004
    cover[(hand > 0.8 * relief.scale.relief) & (wood < 0.2)] = BARE  # noqa: PLR2004
    cover[farmed & (wood < 1.5)] = CROP  # noqa: PLR2004
    cover[(cover == CROP) & (field > 0.82)] = GRASS  # noqa: PLR2004
    cover[(cover == CROP) & (field < 0)] = np.where(wood > 0.1, TREE, GRASS)[  # noqa: PLR2004
        (cover == CROP) & (field < 0)
    ]
    near = ndimage.distance_transform_edt(~permanent).astype(np.float32) * np.float32(PIXEL_M)
    groves = _patches(seed, "groves", relief, 500)
    riparian = (near < 22 + 26 * groves) & (groves > 0.6)  # noqa: PLR2004
    cover[riparian] = TREE
    low = relief.elevation - relief.level
    cover[(relief.plain > 0.9) & (low < -0.9) & ~riparian & (wood > -0.3)] = WETLAND  # noqa: PLR2004
    carr = fractal(stream(seed, "carr"), shape, longest=70, shortest=18)
    cover[(relief.plain > 0.9) & (carr > 1.6)] = TREE  # noqa: PLR2004
    cover[permanent] = WATER
    return cover


def _patches(seed: int, name: str, relief: Relief, longest_m: float) -> Field:
    """Return noise of patches up to ``longest_m`` across, on coarse cells where that is enough."""
    shape = relief.elevation.shape
    return fractal(
        stream(seed, name), shape, longest=longest_m / PIXEL_M, shortest=7, roughness=1.9
    )


def _flood(
    relief: Relief,
    elevation: Field,
    permanent: NDArray[np.bool_],
    streams: NDArray[np.bool_],
    hand: Field,
    seed: int,
) -> tuple[Field, Field]:
    """Return the water surface and the depth over dry ground.

    The river rises over its plain by a stage that changes slowly down the valley, and water covers
    what lies lower and is joined to it; brooks rise by less, over the ground just above them.
    """
    rng = stream(seed, "stage")
    phase, wave = rng.uniform(0, 2 * np.pi), 0.8 * relief.scale.side
    stage = 0.95 + 0.35 * np.sin(2 * np.pi * relief.down_valley / np.float32(wave) + phase)
    main = relief.level + stage.astype(np.float32)
    under = elevation < main - np.float32(_SHALLOWEST_M)
    joined = _joined_to(relief.river_distance < relief.scale.river, under)
    near_brook = ndimage.binary_dilation(streams, iterations=6)
    brook = near_brook & (hand < 0.9 - _SHALLOWEST_M) & ~joined
    brook = ndimage.binary_opening(brook | streams, np.ones((3, 3), bool)) & brook
    brook = _joined_to(streams, brook | streams) & brook
    surface = np.where(joined, main, np.where(brook, elevation - hand + np.float32(0.9), np.nan))
    surface = surface.astype(np.float32)
    depth = np.where(np.isnan(surface) | permanent, 0, surface - elevation)
    return surface, np.maximum(depth, 0).astype(np.float32)


def _joined_to(seeds: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the parts of ``mask`` that hold a seed."""
    label, count = ndimage.label(mask)
    held = np.zeros(count + 1, bool)
    held[label[seeds & mask]] = True
    return np.asarray(held[label])


def _seasonality(
    relief: Relief, permanent: NDArray[np.bool_], hand: Field, cover: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return months with water: all year in rivers and lakes, a few in wet hollows beside them."""
    months = np.zeros(hand.shape, np.uint8)
    hollow = (cover == WETLAND) & (relief.elevation - relief.level < -1.25)  # noqa: PLR2004
    months[hollow] = 4
    months[permanent] = 12
    return months
