"""Roads and facilities on the map: what of them is affected, and of what nothing can be told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from reliefscope.model.context import Context
from reliefscope.model.cube import State
from reliefscope.model.event import Hazard
from reliefscope.products.layers import Layers, boxes_around

_WGS84 = "EPSG:4326"
_PIECE_PIXELS = 0.25
"""Longest piece of a line that is judged by its middle alone [pixels]."""
_MOST_PIECES = 2_000_000
_NESTED = (list, dict, set, tuple, np.ndarray)
"""Values of a column that no GeoPackage takes."""
_AROUND = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1))


class Status(StrEnum):
    """What the map says of a thing at a place, which may be off by one pixel."""

    AFFECTED = "affected"
    POSSIBLY = "possibly affected"
    NOT_OBSERVED = "not observed"
    CANNOT_TELL = "cannot tell"
    NOT_AFFECTED = "not affected"


STATUSES = tuple(Status)
SPARES_ROADS = frozenset({Hazard.DROUGHT, Hazard.HEAT, Hazard.CLIMATE})
"""Hazards that cut no road and close no bridge or airport: of those, nothing is told."""
_OF_ROADS = frozenset({"bridge", "airport"})
"""Kinds of facilities that stand or fall with the roads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The things in the event's area, each with its status; EPSG:4326."""

    roads: gpd.GeoDataFrame | None = None
    """Pieces of lines, cut where the status changes: the columns given, ``status`` and
    ``length_km``."""
    facilities: gpd.GeoDataFrame | None = None
    """Points with the columns given and ``status``."""
    places: gpd.GeoDataFrame | None = None
    """Likewise."""
    road_km: Mapping[str, Mapping[Status, float]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Length by class and status on the ellipsoid [km]."""
    facility_count: Mapping[str, Mapping[Status, int]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """How many by kind and status."""


def find_assets(layers: Layers, context: Context) -> Assets:
    """Return roads, facilities and places of ``context`` as the map shows them.

    Parameters
    ----------
    layers : Layers
        The product in memory.
    context : Context
        The things, where known.

    Notes
    -----
    A thing is *affected* on a pixel of the event, *possibly affected* next to one, and otherwise
    as its own pixel is. Lines are cut into pieces of at most a quarter of a pixel, which are in
    the area where the centre of their pixel is; lengths are on the ellipsoid.
    """
    roads = _lines(context.roads, layers)
    facilities = _points(context.facilities, layers)
    return Assets(
        roads=roads,
        facilities=facilities,
        places=_points(context.places, layers),
        road_km=MappingProxyType({} if roads is None else _lengths(roads)),
        facility_count=MappingProxyType({} if facilities is None else _counts(facilities)),
    )


def harmed_by(hazard: Hazard, context: Context) -> Context:
    """Return the context without the things that this hazard does no harm to."""
    if hazard not in SPARES_ROADS:
        return context
    facilities = context.facilities
    if facilities is not None:
        facilities = facilities[~np.isin(_texts(facilities, "kind"), list(_OF_ROADS))]
    return replace(context, roads=None, facilities=facilities)


def status_at(
    layers: Layers, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the status of pixels as places in `STATUSES`, uint8 array, (pixel,).

    Pixels beyond the grid are not observed.
    """
    height, width = layers.state.shape

    def state(r: NDArray[np.int64], c: NDArray[np.int64]) -> NDArray[np.uint8]:
        there = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        found = layers.state[np.clip(r, 0, height - 1), np.clip(c, 0, width - 1)]
        return np.where(there, found, np.uint8(State.NOT_OBSERVED))

    own = state(rows, columns)
    near = np.zeros(own.shape, bool)
    for r, c in _AROUND:
        near |= state(rows + r, columns + c) == State.EVENT
    out = np.full(own.shape, STATUSES.index(Status.NOT_AFFECTED), np.uint8)
    out[own == State.EXCLUDED] = STATUSES.index(Status.CANNOT_TELL)
    out[own == State.NOT_OBSERVED] = STATUSES.index(Status.NOT_OBSERVED)
    out[near] = STATUSES.index(Status.POSSIBLY)
    out[own == State.EVENT] = STATUSES.index(Status.AFFECTED)
    return out


def _tidy(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return what has a place, with columns that a GeoPackage takes."""
    kept = table[table.geometry.notna() & ~table.is_empty]
    kept = kept.drop(columns=[c for c in kept.columns if str(c).lower() in {"fid", "ogc_fid"}])
    plain = kept.drop(columns=kept.geometry.name)
    mixed = [c for c in plain if any(isinstance(v, _NESTED) for v in plain[c])]
    return kept.assign(**{c: kept[c].map(str) for c in mixed})


def _points(table: gpd.GeoDataFrame | None, layers: Layers) -> gpd.GeoDataFrame | None:
    """Return points in the area with their status."""
    if table is None:
        return None
    points = _tidy(table).to_crs(str(layers.grid.crs))
    points = points.set_geometry(points.representative_point())
    rows, columns = _pixels(layers.grid, points.geometry.x.to_numpy(), points.geometry.y.to_numpy())
    within = _within(layers, rows, columns)
    if not within.any():
        return None
    kept = points[within].to_crs(_WGS84).reset_index(drop=True)
    return kept.assign(status=_named(status_at(layers, rows[within], columns[within])))


def _within(
    layers: Layers, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which pixels are in the event's area."""
    height, width = layers.state.shape
    within: NDArray[np.bool_] = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    within[within] = layers.inside[rows[within], columns[within]]
    return within


def _named(codes: NDArray[np.uint8]) -> list[str]:
    return [str(STATUSES[c]) for c in codes]


def _pixels(
    grid: GeoBox, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of places; those that have none lie far outside."""
    column, row = ~grid.affine * (x, y)
    far = -float(1 << 30)
    found = [np.nan_to_num(np.floor(p), nan=far, posinf=far, neginf=far) for p in (row, column)]
    return found[0].astype(np.int64), found[1].astype(np.int64)


def _lines(table: gpd.GeoDataFrame | None, layers: Layers) -> gpd.GeoDataFrame | None:
    """Return the lines in the area, cut where their status changes."""
    if table is None:
        return None
    lines = _tidy(table).to_crs(_WGS84)
    near = [shapely.clip_by_rect(lines.geometry.to_numpy(), *b) for b in boxes_around(layers.grid)]
    cut = lines.set_geometry(shapely.union_all(near, axis=0), crs=_WGS84)
    cut = cut.explode(index_parts=False)
    cut = cut[cut.geom_type == "LineString"].reset_index(drop=True)
    pieces = [p for part in _parts(cut, layers.grid) for p in _cut(part, layers)]
    if not pieces:
        return None
    rows, shapes, statuses, lengths = zip(*pieces, strict=True)
    out = cut.drop(columns=cut.geometry.name).iloc[np.concatenate(rows)]
    return gpd.GeoDataFrame(
        out.reset_index(drop=True).assign(
            status=_named(np.concatenate(statuses)), length_km=np.concatenate(lengths) / 1000
        ),
        geometry=np.concatenate(shapes),
        crs=_WGS84,
    )


_Part = tuple[NDArray[np.int64], NDArray[np.object_]]
_Pieces = tuple[NDArray[np.int64], NDArray[Any], NDArray[np.uint8], NDArray[np.float64]]


def _parts(table: gpd.GeoDataFrame, grid: GeoBox) -> Iterator[_Part]:
    """Yield rows and lines in the grid's projection, few enough to be cut at a time."""
    there = Transformer.from_crs(_WGS84, str(grid.crs), always_xy=True)

    def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1]))

    lines = shapely.transform(table.geometry.to_numpy(), project)
    pieces = shapely.length(lines) / (_PIECE_PIXELS * abs(grid.affine.a))
    pieces = pieces + shapely.get_num_points(lines)
    part = np.cumsum(np.nan_to_num(pieces)) // _MOST_PIECES
    for number in np.unique(part):
        rows = np.flatnonzero(part == number)
        yield rows, lines[rows]


def _cut(part: _Part, layers: Layers) -> Iterator[_Pieces]:
    """Yield row, line, status and length [m] of the pieces of lines."""
    rows, lines = part
    grid = layers.grid
    fine = shapely.segmentize(lines, _PIECE_PIXELS * abs(grid.affine.a))
    xy, line = shapely.get_coordinates(fine, return_index=True)
    whole = line[1:] == line[:-1]
    first = np.flatnonzero(whole)
    if not first.size:
        return
    middle = (xy[first] + xy[first + 1]) / 2
    places = _pixels(grid, middle[:, 0], middle[:, 1])
    counted = _within(layers, *places)
    first, places = first[counted], (places[0][counted], places[1][counted])
    if not first.size:
        return
    status = status_at(layers, *places)
    back = Transformer.from_crs(str(grid.crs), _WGS84, always_xy=True)
    lon, lat = back.transform(xy[:, 0], xy[:, 1])
    metres = Geod(ellps="WGS84").inv(lon[first], lat[first], lon[first + 1], lat[first + 1])[2]
    mine = line[first]
    apart = (np.diff(first) != 1) | (np.diff(mine) != 0) | (np.diff(status.astype(int)) != 0)
    new = np.r_[True, apart]
    run = np.cumsum(new) - 1
    starts = np.flatnonzero(new)
    # A run has the first corner of each of its segments, and the last corner of the last one.
    corners = np.concatenate([first, first[np.r_[starts[1:] - 1, len(first) - 1]] + 1])
    owner = np.concatenate([run, np.arange(len(starts))])
    order = np.lexsort((corners, owner))
    corner = np.column_stack([lon, lat])[corners[order]]
    shapes = shapely.simplify(shapely.linestrings(corner, indices=owner[order]), 0.0)
    yield (
        rows[mine[starts]],
        shapes,
        status[starts],
        np.bincount(run, weights=metres).astype(np.float64),
    )


def _lengths(roads: gpd.GeoDataFrame) -> dict[str, dict[Status, float]]:
    kinds = _texts(roads, "class")
    sums = roads["length_km"].groupby([kinds, roads["status"].to_numpy()]).sum()
    return {
        kind: {s: float(sums.get((kind, str(s)), 0.0)) for s in Status}
        for kind in dict.fromkeys(kinds)
    }


def _counts(points: gpd.GeoDataFrame) -> dict[str, dict[Status, int]]:
    kinds = _texts(points, "kind")
    counts = points["status"].groupby([kinds, points["status"].to_numpy()]).size()
    return {
        kind: {s: int(counts.get((kind, str(s)), 0)) for s in Status}
        for kind in dict.fromkeys(kinds)
    }


def _texts(table: gpd.GeoDataFrame, column: str) -> NDArray[np.object_]:
    """Return a column as texts, empty where nothing is stated."""
    found = table[column] if column in table else pd.Series("", index=table.index)
    return found.fillna("").astype(str).to_numpy(dtype=object)
