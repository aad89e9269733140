"""Who and what is inside: areas and people by class, for the whole area and per admin unit.

Three numbers always go together: people inside the event that was seen, people of whom nothing can
be told (excluded or not observed), and the upper bound, which is their sum.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords  # noqa: F401 - registers the accessor `.odc`
from pyproj import CRS, Transformer

from reliefscope.errors import CubeError
from reliefscope.model.context import Context
from reliefscope.model.cube import NO_LIKELIHOOD, Exclusion, State
from reliefscope.model.grid import pixel_size_m
from reliefscope.numerics import zonal
from reliefscope.products.assets import Assets, find_assets
from reliefscope.products.layers import Layers, boxes_around

SURE_PERCENT = 75
"""Event pixels from this likelihood on make the low end of a range."""
POSSIBLE_PERCENT = 25
"""Observed pixels without event from this likelihood on are added for the high end."""
OUTSIDE = "(outside the admin units)"
COVERS: Mapping[str, int] = {"cropland": 40, "built_up": 50}
"""Land of which the loss is told apart, and its code in ESA WorldCover."""
_ENDS = ("event_low_km2", "event_high_km2", "exposed_low", "exposed_high")
"""Columns of a unit that only a likelihood tells apart from its best numbers."""
_ROWS = 512
_NODE_M = 5000.0
_EDGE_DEG, _TURN = 0.02, 360.0
_WIDEST_STEP = 64
_CODES = 256
_POLYGON = 3
"""Type of a polygon in GEOS."""


class Kind(IntEnum):
    """What is counted apart: the states, split where a range begins or ends."""

    NO_EVENT = 0
    NO_EVENT_POSSIBLE = 1
    EVENT_UNSURE = 2
    EVENT_SURE = 3
    REFERENCE = 4
    EXCLUDED = 5
    NOT_OBSERVED = 6


_SUMS: Mapping[str, tuple[Kind, ...]] = {
    "total": tuple(Kind),
    "no_event": (Kind.NO_EVENT, Kind.NO_EVENT_POSSIBLE),
    "event": (Kind.EVENT_UNSURE, Kind.EVENT_SURE),
    "event_low": (Kind.EVENT_SURE,),
    "event_high": (Kind.EVENT_SURE, Kind.EVENT_UNSURE, Kind.NO_EVENT_POSSIBLE),
    "reference": (Kind.REFERENCE,),
    "excluded": (Kind.EXCLUDED,),
    "not_observed": (Kind.NOT_OBSERVED,),
    "cannot_tell": (Kind.EXCLUDED, Kind.NOT_OBSERVED),
    "upper_bound": (Kind.EVENT_UNSURE, Kind.EVENT_SURE, Kind.EXCLUDED, Kind.NOT_OBSERVED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Areas and people by `Kind`."""

    area_m2: NDArray[np.float64]
    people: NDArray[np.float64] | None

    def km2(self, name: str) -> float:
        """Return the area of a sum such as ``event_low`` [km2]."""
        return float(self.area_m2[list(_SUMS[name])].sum()) / 1e6

    def heads(self, name: str) -> float:
        """Return the people of a sum such as ``cannot_tell``; NaN without a population."""
        if self.people is None:
            return math.nan
        return float(self.people[list(_SUMS[name])].sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What lies in the event's area."""

    whole: Tally
    """All of the area."""
    by_admin: pd.DataFrame | None
    """One row per admin unit that the area touches, and one per level for what no unit covers:
    ``pcode, name, level, area_km2, event_km2, event_low_km2, event_high_km2, no_event_km2,
    reference_km2, excluded_km2, not_observed_km2, population, exposed, exposed_low,
    exposed_high, cannot_tell, upper_bound`` and ``unit``, the row of the admin table (-1 outside).
    Low and high are NaN where no likelihood is stated."""
    excluded_km2: Mapping[str, float]
    """Excluded area by reason [km2]; reasons overlap."""
    by_class: Mapping[str, Tally]
    """Per class of the grading, by its name in lower case: area and people of the event in it;
    each tally has one entry."""
    by_cover: Mapping[str, Tally]
    """Per class of `COVERS` of which there is any: areas and people by `Kind`."""
    assets: Assets
    """Roads, facilities and places."""
    unknown_share: float
    """Share of the area where nobody counted the people [0-1]; NaN without a population."""


class People:
    """The people of a population raster, counted under the pixels of a grid."""

    def __init__(self, overlay: zonal.Overlay, cells: NDArray[np.float64]) -> None:
        self._overlay = overlay
        self._cells = cells

    @classmethod
    def over(cls, grid: GeoBox, population: xr.DataArray) -> Self:
        """Lay ``population`` under ``grid``; each may have its own projection.

        Raises
        ------
        CubeError
            The population has no CRS, or is rotated.
        """
        window, box = window_over(population, grid)
        cells = np.array(window.values, dtype="float64")
        cells[~np.isfinite(cells) | (cells == window.odc.nodata)] = np.nan
        return cls(_overlay(grid, box), cells)

    def block(self, first_row: int, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return people per pixel, (y, x), and the share of each where nobody counted."""
        return zonal.pixel_people(self._overlay, self._cells, first_row, rows)

    def per_pixel(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Return the people on each pixel, (y, x); NaN where nobody counted them.

        They add up to what is counted over any zones.
        """
        out = np.empty(shape, np.float32)
        for first in range(0, shape[0], _ROWS):
            heads, missing = self.block(first, min(_ROWS, shape[0] - first))
            out[first : first + len(heads)] = np.where(missing >= 1, np.nan, heads)
        return out


def kinds(state: NDArray[np.uint8], likelihood: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the `Kind` of each pixel, uint8 array, (y, x); 255 for an unknown code."""
    out = np.full(state.shape, 255, np.uint8)
    known = likelihood != NO_LIKELIHOOD
    out[state == State.NO_EVENT] = Kind.NO_EVENT
    out[(state == State.NO_EVENT) & known & (likelihood >= POSSIBLE_PERCENT)] = (
        Kind.NO_EVENT_POSSIBLE
    )
    out[state == State.EVENT] = Kind.EVENT_UNSURE
    out[(state == State.EVENT) & known & (likelihood >= SURE_PERCENT)] = Kind.EVENT_SURE
    out[state == State.REFERENCE] = Kind.REFERENCE
    out[state == State.EXCLUDED] = Kind.EXCLUDED
    out[state == State.NOT_OBSERVED] = Kind.NOT_OBSERVED
    return out


def assess(layers: Layers, context: Context, people: People | None = None) -> Exposure:
    """Count areas and people by class inside the event's area.

    Parameters
    ----------
    layers : Layers
        The product in memory.
    context : Context
        Population and admin units, where known.
    people : People, optional
        The population already laid under the grid.

    Raises
    ------
    CubeError
        The population cannot be placed on the earth.
    """
    if people is None and context.population is not None:
        people = People.over(layers.grid, context.population)
    levels = _levels(context.admin, layers.grid)
    outlines = {level: _outlines(units, layers.grid) for level, units in levels.items()}
    counted = people is not None
    tallies = {level: _Counter(len(units), people=counted) for level, units in levels.items()}
    reasons = np.zeros((1, 1 << len(Exclusion)))
    graded = _Counter(0, _CODES, people=counted)
    covers = {} if layers.land_cover is None else {n: _Counter(0, people=counted) for n in COVERS}
    unknown = np.zeros(2)
    for first, rows in _blocks(layers):
        inside = layers.inside[rows]
        kind = kinds(layers.state[rows], layers.likelihood[rows])
        area = layers.cell_area_m2[rows]
        weights = area.astype("float64")[None]
        if people is not None:
            heads, missing = people.block(first, len(kind))
            weights = np.concatenate([weights, heads[None]])
            unknown += missing.sum(where=inside, dtype="float64"), inside.sum()
        for level, zones in outlines.items():
            near = [(xy - (0.0, first), rings) for xy, rings in zones]
            sums = zonal.covered_sums(near, kind, weights, len(Kind), inside)
            tallies[level].add(np.roll(sums, 1, axis=0))
        if layers.grading is not None:
            event = inside & (layers.state[rows] == State.EVENT)
            codes = layers.grading.codes[rows]
            graded.add(zonal.covered_sums([], codes, weights, _CODES, event))
        for name, counter in covers.items():
            assert layers.land_cover is not None  # noqa: S101 - there are counters
            land = inside & (layers.land_cover[rows] == COVERS[name])
            counter.add(zonal.covered_sums([], kind, weights, len(Kind), land))
        shut = np.where(inside & (kind == Kind.EXCLUDED), 0, -1).astype("int32")
        bits = np.minimum(layers.exclusion[rows], reasons.shape[1] - 1)
        reasons += zonal.zone_sums(shut, bits, area, 1, reasons.shape[1])
    whole = next(iter(tallies.values()))
    rows_out = [row for level, units in levels.items() for row in tallies[level].rows(level, units)]
    if not layers.ranged:
        rows_out = [row | dict.fromkeys(_ENDS, math.nan) for row in rows_out]
    masks = np.arange(reasons.shape[1])
    return Exposure(
        whole=whole.whole(),
        by_admin=pd.DataFrame(rows_out) if context.admin is not None else None,
        excluded_km2={
            flag.name.lower(): float(reasons[0, (masks & flag) > 0].sum()) / 1e6
            for flag in Exclusion
            if flag.name
        },
        by_class={} if layers.grading is None else graded.by_code(layers.grading.flags),
        by_cover={n: c.whole() for n, c in covers.items() if c.whole().area_m2.any()},
        assets=find_assets(layers, context),
        unknown_share=float(unknown[0] / unknown[1]) if unknown[1] else math.nan,
    )


class _Counter:
    """Running sums over the zones of one level; zone 0 is what no unit covers."""

    def __init__(self, n_units: int, n_codes: int = len(Kind), *, people: bool) -> None:
        self._sums = np.zeros((n_units + 1, 1 + people, n_codes))

    def add(self, sums: NDArray[np.float64]) -> None:
        """Count one block of rows: area, and people where known, (zone, layer, code)."""
        self._sums += sums

    @property
    def _area(self) -> NDArray[np.float64]:
        area: NDArray[np.float64] = self._sums[:, 0]
        return area

    @property
    def _people(self) -> NDArray[np.float64] | None:
        return self._sums[:, 1] if self._sums.shape[1] > 1 else None

    def whole(self) -> Tally:
        """Return the sum over all zones."""
        heads = None if self._people is None else self._people.sum(axis=0)
        return Tally(area_m2=self._area.sum(axis=0), people=heads)

    def by_code(self, flags: type[IntEnum]) -> dict[str, Tally]:
        """Return a tally of one entry for each class of which there is any."""
        total = self.whole()
        return {
            member.name.lower(): Tally(
                area_m2=total.area_m2[[member]],
                people=None if total.people is None else total.people[[member]],
            )
            for member in flags
            if total.area_m2[member] > 0
        }

    def rows(self, level: int, units: gpd.GeoDataFrame) -> Iterator[dict[str, object]]:
        """Yield the table's rows; units that the area does not touch are left out."""
        for zone, area in enumerate(self._area):
            if not area.any():
                continue
            heads = None if self._people is None else self._people[zone]
            tally = Tally(area_m2=area, people=heads)
            unit = units.iloc[zone - 1] if zone else None
            yield {
                "pcode": "" if unit is None else str(unit["pcode"]),
                "name": OUTSIDE if unit is None else str(unit["name"]),
                "level": level,
                **_columns(tally),
                "unit": -1 if unit is None else int(unit["unit"]),
            }


def _columns(tally: Tally) -> dict[str, float]:
    area = ("event", "event_low", "event_high", "no_event", "reference", "excluded", "not_observed")
    return {
        "area_km2": tally.km2("total"),
        **{f"{name}_km2": tally.km2(name) for name in area},
        "population": tally.heads("total"),
        "exposed": tally.heads("event"),
        "exposed_low": tally.heads("event_low"),
        "exposed_high": tally.heads("event_high"),
        "cannot_tell": tally.heads("cannot_tell"),
        "upper_bound": tally.heads("upper_bound"),
        **{
            f"population_{name}": tally.heads(name)
            for name in ("no_event", "reference", "excluded", "not_observed")
        },
    }


def _blocks(layers: Layers) -> Iterator[tuple[int, slice]]:
    for first in range(0, layers.grid.shape[0], _ROWS):
        yield first, slice(first, min(first + _ROWS, layers.grid.shape[0]))


def _levels(admin: gpd.GeoDataFrame | None, grid: GeoBox) -> dict[int, gpd.GeoDataFrame]:
    """Return the admin units near the grid by level, in its projection, in the table's order."""
    if admin is None:
        return {0: gpd.GeoDataFrame({"unit": []}, geometry=[], crs=str(grid.crs))}
    if admin.crs is None:
        raise CubeError("the admin units have no CRS; say which, most often EPSG:4326")
    outlines = shapely.make_valid(admin.geometry.to_crs("EPSG:4326").to_numpy())
    pieces = [shapely.clip_by_rect(outlines, *box) for box in boxes_around(grid)]
    near = shapely.segmentize(shapely.union_all(pieces, axis=0), _EDGE_DEG)
    table = gpd.GeoDataFrame(
        {
            "unit": np.arange(len(admin)),
            "name": _column(admin, "name", ""),
            "pcode": _column(admin, "pcode", ""),
            "level": _column(admin, "level", 0),
        },
        geometry=near,
        crs="EPSG:4326",
    )
    cut = table[~table.is_empty].to_crs(str(grid.crs))
    levels = {int(level): units for level, units in cut.groupby("level")}
    return levels or {0: cut}


def _column(table: gpd.GeoDataFrame, name: str, missing: str | int) -> list[Any]:
    """Return a column, or what stands for it where it is missing."""
    if name not in table:
        return [missing] * len(table)
    return [missing if pd.isna(v) else v for v in table[name]]


def _outlines(
    units: gpd.GeoDataFrame, grid: GeoBox
) -> list[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Return the rings of each unit in pixels, as `zonal.covered_sums` takes them."""
    found = []
    for outline in units.geometry:
        parts = shapely.get_parts(shapely.get_parts(outline))
        faces = shapely.orient_polygons(parts[shapely.get_type_id(parts) == _POLYGON])
        corners, ring = shapely.get_coordinates(shapely.get_rings(faces), return_index=True)
        columns, rows = ~grid.affine * (corners[:, 0], corners[:, 1])
        begins = np.flatnonzero(np.diff(ring, prepend=-1, append=ring[-1:] + 1))
        found.append((np.column_stack([columns, rows]), begins.astype("int64")))
    return found


def _overlay(grid: GeoBox, box: GeoBox) -> zonal.Overlay:
    """Return where the pixels of ``grid`` lie among the cells of ``box``."""
    size = max(pixel_size_m(grid))
    step = min(max(int(_NODE_M / size), 1), _WIDEST_STEP)
    rows, columns = (math.ceil(n / step) + 1 for n in grid.shape)
    u, v = _places(grid, box, step * np.arange(rows), step * np.arange(columns))
    crs = CRS.from_user_input(str(box.crs))
    return zonal.Overlay(
        u=u,
        v=v,
        step=step,
        shape=(int(grid.shape[0]), int(grid.shape[1])),
        cells=(int(box.shape[0]), int(box.shape[1])),
        period=abs(360.0 / box.affine.a) if crs.is_geographic else math.inf,
    )


def _places(
    grid: GeoBox,
    box: GeoBox,
    rows: NDArray[Any],
    columns: NDArray[Any],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns and rows among the cells of ``box`` at places of ``grid`` [pixels]."""
    x, y = np.meshgrid(
        grid.affine.c + grid.affine.a * columns,
        grid.affine.f + grid.affine.e * rows,
    )
    there = Transformer.from_crs(str(grid.crs), str(box.crs), always_xy=True)
    x, y = there.transform(x, y)
    if CRS.from_user_input(str(box.crs)).is_geographic:
        x = np.unwrap(np.unwrap(x, period=_TURN, axis=1), period=_TURN, axis=0)
    return (x - box.affine.c) / box.affine.a, (y - box.affine.f) / box.affine.e


def window_over(population: xr.DataArray, grid: GeoBox) -> tuple[xr.DataArray, GeoBox]:
    """Return the part of ``population`` around ``grid``, which is all that is read.

    Raises
    ------
    CubeError
        The population has no CRS, or is rotated.
    """
    box = population.odc.geobox
    if box is None or box.crs is None:
        raise CubeError("the population raster has no CRS or no regular y and x; write its CRS")
    if box.affine.b or box.affine.d:
        raise CubeError("the population raster is rotated; warp it north-up without resampling")
    overlay = _overlay(grid, box)
    first, last = _span(overlay.v, box.shape[0])
    left, right = _span(overlay.u, box.shape[1])
    wraps = overlay.u.min() < 0 or overlay.u.max() > box.shape[1]
    if wraps and overlay.period < math.inf:
        left, right = 0, int(box.shape[1])
    return population[first:last, left:right], box[first:last, left:right]


def _span(places: NDArray[np.float64], size: int) -> tuple[int, int]:
    """Return the cells from the first to the last place, at least one."""
    first = min(max(math.floor(float(places.min())), 0), size - 1)
    return first, max(min(math.ceil(float(places.max())) + 1, size), first + 1)
