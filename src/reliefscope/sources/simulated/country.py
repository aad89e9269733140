"""The people of the exercise: settlements, their names, roads, services and districts.

Geometry is in pixels of the world: x to the right, y down, the corner of the map at 0, 0.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import LineString, Point

from reliefscope.sources.simulated.districts import Seat, Unit, make_units, names
from reliefscope.sources.simulated.noise import Field, fractal, stream
from reliefscope.sources.simulated.relief import Relief
from reliefscope.sources.simulated.roads import Road, make_roads
from reliefscope.sources.simulated.valley import PIXEL_M

_AREA_PER_PLACE_KM2 = 7.0
_PLACES = (4, 220)
_TOWN_PER_KM2 = 70.0
_DENSITY_PER_KM2 = 4500.0
_RURAL_SHARE = 0.06
_MOST_DISTRICTS = 16
_SERVICES = (
    ("hospital", 9000, 1),
    ("clinic", 1500, 12),
    ("school", 900, 12),
    ("fire station", 5000, 12),
)
"""Kind, people served by one, and how many a place has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A settlement."""

    name: str
    population: int
    point: Point
    radius: float
    """How far it is built up [pixel]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """Something people depend on."""

    name: str
    kind: str
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Who and what is on the ground."""

    places: tuple[Place, ...]
    roads: tuple[Road, ...]
    facilities: tuple[Facility, ...]
    units: tuple[Unit, ...]
    built: NDArray[np.bool_]
    """Built-up ground, (y, x)."""
    people: Field
    """People per pixel, (y, x); adds up to all people."""


def make_country(relief: Relief, water: NDArray[np.bool_], slope: Field, seed: int) -> Country:
    """Settle the land."""
    factor = relief.scale.coarse
    places = _settle(relief, water, slope, seed)
    river = _any(relief.river_distance < relief.scale.river, factor)
    brook = _any(water, factor) & ~river
    cost = 1 + (_mean(slope, factor) / 6) ** 2 + 25 * river + 1.5 * brook
    marks = [(p.point.y / factor, p.point.x / factor, p.population) for p in places]
    roads = make_roads(cost.astype(np.float64), marks, factor, stream(seed, "roads"))
    built = _built(places, roads, water, slope, seed)
    side = float(water.shape[0])
    seats = [
        Seat(name=p.name, row=p.point.y, column=p.point.x, side=side)
        for p in places[: min(max(len(places) // 2, 2), _MOST_DISTRICTS)]
    ]
    ground = _mean(relief.elevation - relief.level, factor)
    return Country(
        places=places,
        roads=roads,
        facilities=_facilities(relief, places, roads, seed),
        units=make_units(seats, ground, river, side, seed),
        built=built,
        people=_people(places, built, water, slope),
    )


def _blocks(values: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return blocks of ``factor`` pixels, the last ones repeated to fit."""
    pad = -values.shape[0] % factor
    whole = np.pad(values, ((0, pad), (0, pad)), mode="edge")
    n = whole.shape[0] // factor
    return whole.reshape(n, factor, n, factor)


def _mean(values: Field, factor: int) -> Field:
    return np.asarray(_blocks(values, factor).mean(axis=(1, 3)), np.float32)


def _any(values: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    return np.asarray(_blocks(values, factor).any(axis=(1, 3)))


def _settle(relief: Relief, water: NDArray[np.bool_], slope: Field, seed: int) -> tuple[Place, ...]:
    """Choose where people live: gentle, dry ground near water, apart from one another."""
    rng = stream(seed, "places")
    factor = relief.scale.coarse
    area_km2 = (relief.scale.side / 1000) ** 2
    count = int(min(max(area_km2 / _AREA_PER_PLACE_KM2, _PLACES[0]), _PLACES[1]))
    town = int(_TOWN_PER_KM2 * min(area_km2, 400))
    others = np.sort(rng.lognormal(6.2, 0.9, count - 1))[::-1]
    sizes = [town, *(int(min(max(s, 45), town / 3)) for s in others)]
    pool = _appeal(relief, water, slope)
    rows = np.arange(pool.shape[0])[:, None]
    columns = np.arange(pool.shape[1])[None, :]
    off = np.hypot(rows / pool.shape[0] - 0.5, columns / pool.shape[0] - 0.5)
    bank = _mean(relief.river_distance, factor) - 6.5 * relief.scale.river
    at = int(np.argmax(pool * np.exp(-np.abs(bank) / 90) * np.exp(-((off / 0.2) ** 4))))
    gap = 0.62 * pool.shape[0] / math.sqrt(count)
    points: list[Point] = []
    for _ in range(count):
        row, column = divmod(at, pool.shape[1])
        points.append(Point((column + 0.5) * factor, (row + 0.5) * factor))
        pool[np.hypot(rows - row, columns - column) < gap] = 0
        chance = np.cumsum(pool)
        if chance[-1] <= 0:
            break
        at = int(np.searchsorted(chance, rng.random() * chance[-1], side="right"))
    called = names(stream(seed, "names"), len(points))
    return tuple(
        Place(name=n, population=s, point=p, radius=_radius(s))
        for n, s, p in zip(called, sizes, points, strict=False)
    )


def _radius(population: int) -> float:
    """Return how far a settlement reaches at the usual density [pixel]."""
    area_m2 = population / _DENSITY_PER_KM2 * 1e6
    return max(math.sqrt(area_m2 / math.pi) / PIXEL_M, 2.0)


def _appeal(relief: Relief, water: NDArray[np.bool_], slope: Field) -> NDArray[np.float64]:
    """Return how much each coarse cell invites to settle."""
    factor = relief.scale.coarse
    steep = _mean(slope, factor)
    wet = _any(water, factor)
    low = _mean(relief.elevation - relief.level, factor)
    distance = ndimage.distance_transform_edt(~wet) * factor * PIXEL_M
    appeal = np.exp(-((steep / 5.0) ** 2)) * np.exp(-distance / 900) * (1 - wet)
    appeal *= 0.15 + 0.85 / (1 + np.exp(-(low - 0.8) * 3))
    edge = max(2, steep.shape[0] // 24)
    appeal[:edge] = appeal[-edge:] = appeal[:, :edge] = appeal[:, -edge:] = 0
    return np.asarray(appeal, np.float64)


def _built(
    places: tuple[Place, ...],
    roads: tuple[Road, ...],
    water: NDArray[np.bool_],
    slope: Field,
    seed: int,
) -> NDArray[np.bool_]:
    """Build each place around its middle and along its roads, with gaps."""
    size = water.shape[0]
    rng = stream(seed, "built")
    grain = fractal(rng, water.shape, longest=26, roughness=1.3)
    lines = rasterio.features.rasterize(
        [(r.line, 1) for r in roads], out_shape=water.shape, all_touched=True, dtype="uint8"
    ).astype(bool)
    built = np.zeros(water.shape, bool)
    for place in places:
        reach = int(place.radius * 2.2) + 3
        row, column = int(place.point.y), int(place.point.x)
        box = np.s_[
            max(row - reach, 0) : min(row + reach, size),
            max(column - reach, 0) : min(column + reach, size),
        ]
        y, x = np.mgrid[box]
        far = np.hypot(y - row, x - column) / place.radius
        street = ndimage.distance_transform_edt(~lines[box])
        score = 0.85 - far + 0.5 * np.exp(-street / 3) + 0.25 * grain[box]
        dense = ndimage.uniform_filter((score > 0).astype(np.float32), 5) > 0.5  # noqa: PLR2004
        built[box] |= dense & (slope[box] < 14)  # noqa: PLR2004
    return np.asarray(built & ~ndimage.binary_dilation(water))


def _people(
    places: tuple[Place, ...],
    built: NDArray[np.bool_],
    water: NDArray[np.bool_],
    slope: Field,
) -> Field:
    """Spread people over buildings, dense in the middle, and a few over the farmland."""
    size = built.shape[0]
    people = np.zeros(built.shape, np.float32)
    for place in places:
        reach = int(place.radius * 2.2) + 3
        row, column = int(place.point.y), int(place.point.x)
        box = np.s_[
            max(row - reach, 0) : min(row + reach, size),
            max(column - reach, 0) : min(column + reach, size),
        ]
        y, x = np.mgrid[box]
        far = np.hypot(y - row, x - column) / place.radius
        weight = np.exp(-0.8 * far) * (built[box] | (far < 1 / place.radius))
        people[box] += np.asarray(place.population * weight / weight.sum(), np.float32)
    total = sum(p.population for p in places)
    rural = np.where(water | built, 0, np.exp(-slope / np.float32(4)))
    people += np.asarray(rural * (_RURAL_SHARE * total / rural.sum()), np.float32)
    return people


def _facilities(
    relief: Relief, places: tuple[Place, ...], roads: tuple[Road, ...], seed: int
) -> tuple[Facility, ...]:
    """Give each place the services its size calls for, and the roads their bridges."""
    rng = stream(seed, "services")
    found = []
    for place in places:
        for kind, served, most in _SERVICES:
            count = min(place.population // served, most)
            for i in range(count):
                angle, far = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.85) * place.radius
                east, south = far * math.cos(angle), far * math.sin(angle)
                point = Point(place.point.x + east, place.point.y + south)
                number = f" {i + 1}" if count > 1 else ""
                found.append(Facility(name=f"{place.name} {kind}{number}", kind=kind, point=point))
    river = LineString(relief.course[:, ::-1])
    for road in roads:
        for part in shapely.get_parts(shapely.intersection(road.line, river)):
            if part.geom_type == "Point":
                near = int(np.argmin([p.point.distance(part) for p in places]))
                name = f"{places[near].name} bridge"
                found.append(Facility(name=name, kind="bridge", point=part))
    return tuple(found)
