"""The product as polygons, lines and points, in the vocabulary of Copernicus EMS.

One GeoPackage holds all layers; each is a GeoParquet file as well.

Polygons follow pixel edges exactly and nothing is smoothed or dropped. Pixels that touch only at
a corner belong to different polygons, so that every ring is valid.
"""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from reliefscope.model.context import Context
from reliefscope.model.cube import NO_LIKELIHOOD, Exclusion, State
from reliefscope.model.event import Hazard
from reliefscope.model.granule import Granule
from reliefscope.model.grid import pixel_size_m
from reliefscope.model.product import Product
from reliefscope.numerics import zonal
from reliefscope.products.assets import Status
from reliefscope.products.exposure import COVERS, Exposure, People, kinds
from reliefscope.products.facts import images, names_of_images
from reliefscope.products.folding import MANY
from reliefscope.products.layers import Layers

MAX_FEATURES = 50_000
"""Polygons of a layer that are features of their own, the largest first; all smaller ones are
parts of one last feature, so that no area is lost."""
LAYERS = (
    "areaOfInterestA",
    "imageFootprintA",
    "observedEventA",
    "floodDepthA",
    "gradingA",
    "notObservedA",
    "exclusionA",
    "builtUpA",
    "administrativeA",
    "populatedPlacesP",
    "transportationL",
    "facilitiesP",
)
"""Names and order of the layers; those without data are left out."""
EVENT_TYPES: Mapping[Hazard, str] = {Hazard.FLOOD: "5-Flood"}
"""Codes of Copernicus EMS Rapid Mapping, as in its published vector packages (EMSR332)."""
_WGS84 = "EPSG:4326"
_LONGEST_EDGE_M = 2000.0
_HALF_TURN, _TURN = 180.0, 360.0
_ROWS = 512
_GROUP = 10_000


@dataclass(frozen=True, slots=True)
class _Patches:
    """Polygons of connected pixels, in the grid's projection."""

    geometry: NDArray[np.object_]
    value: NDArray[np.int64]


def build_vectors(
    product: Product,
    layers: Layers,
    exposure: Exposure,
    context: Context,
    people: People | None = None,
) -> dict[str, gpd.GeoDataFrame]:
    """Return the vector layers by name, all in EPSG:4326.

    Parameters
    ----------
    product : Product
        Supplies the event and the footprints.
    layers : Layers
        The product in memory.
    exposure : Exposure
        Supplies the statistics of admin units, places, roads, facilities.
    context : Context
        Supplies the outlines of admin units.
    people : People, optional
        The population laid under the grid.
    """
    built = {
        "areaOfInterestA": _area_of_interest(product),
        "imageFootprintA": _footprints(product),
        "observedEventA": _observed_event(product, layers, people),
        **_graded(layers),
        "notObservedA": _not_observed(layers),
        "exclusionA": _exclusion(layers),
        "builtUpA": _built_up(layers),
        "administrativeA": _administrative(context, exposure),
        "populatedPlacesP": exposure.assets.places,
        "transportationL": exposure.assets.roads,
        "facilitiesP": exposure.assets.facilities,
    }
    return {name: built[name] for name in LAYERS if built.get(name) is not None}


def write_vectors(
    tables: Mapping[str, gpd.GeoDataFrame], path: Path, tags: Mapping[str, str]
) -> None:
    """Write all layers into one GeoPackage, with ``tags`` as its metadata.

    Raises
    ------
    OSError
        The file system did not take the file.
    """
    for name, table in tables.items():
        kind = {"A": "MultiPolygon", "P": "Point", "L": "MultiLineString"}[name[-1]]
        try:
            pyogrio.write_dataframe(
                table,
                path,
                layer=name,
                driver="GPKG",
                append=path.exists(),
                geometry_type=kind,
                promote_to_multi=kind != "Point",
                layer_metadata=dict(tags),
            )
        except RuntimeError as error:  # pyogrio's own errors derive from it
            raise OSError(f"{path.name}, layer {name}: {error}") from error


def write_parquet(
    tables: Mapping[str, gpd.GeoDataFrame], folder: Path, tags: Mapping[str, str]
) -> None:
    """Write each layer as ``<layer>.parquet`` (GeoParquet 1.1, with a box per feature).

    Raises
    ------
    OSError
        The file system did not take the file.
    """
    extra = {key.encode(): value.encode() for key, value in tags.items()}
    for name, table in tables.items():
        stored = io.BytesIO()
        table.to_parquet(stored, index=False, schema_version="1.1.0", write_covering_bbox=True)
        arrow = pq.read_table(stored)
        arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **extra})
        path = folder / f"{name}.parquet"
        try:
            pq.write_table(arrow, path, compression="zstd", row_group_size=_GROUP)
        except pa.ArrowException as error:
            raise OSError(f"{path.name}: {error}") from error


def _area_of_interest(product: Product) -> gpd.GeoDataFrame:
    event = product.event
    row = {
        "event_id": event.id,
        "title": event.title,
        "locality": event.area.name,
        "glide_no": event.ids.get("glide", ""),
        "exercise": product.exercise,
    }
    return gpd.GeoDataFrame([row], geometry=[event.area.geometry], crs=_WGS84)


def _footprints(product: Product) -> gpd.GeoDataFrame | None:
    """Return one row per image; decades of days with one outline are one row."""
    seen = images(product)
    if not seen:
        return None
    alike = defaultdict(list)
    for g in seen:
        alike[g.platform, g.relative_orbit, g.licence, g.footprint].append(g)
    parts = [
        part
        for group in alike.values()
        for part in ([[g] for g in group] if len(group) <= MANY else [group])
    ]
    outlines = [part[-1].footprint for part in parts]
    return gpd.GeoDataFrame(list(map(_footprint, parts)), geometry=outlines, crs=_WGS84)


def _footprint(alike: Sequence[Granule]) -> dict[str, object]:
    first, last = alike[0], alike[-1]
    return {
        "granule_id": last.id,
        "count": len(alike),
        "platform": last.platform,
        "first": first.acquired.isoformat() if first.acquired else "",
        "acquired": last.acquired.isoformat() if last.acquired else "",
        "relative_orbit": -1 if last.relative_orbit is None else last.relative_orbit,
        "licence": last.licence,
    }


def _observed_event(
    product: Product, layers: Layers, people: People | None
) -> gpd.GeoDataFrame | None:
    """Return the patches of event pixels, each with area, people and mean likelihood.

    Doubtful pixels lie outside of the patches, so ``pop_high`` equals ``pop_best``; the range of
    the whole area, which has them, is in the facts.
    """
    labels = np.empty(layers.state.shape, np.int32)
    mask = (layers.state == State.EVENT) & layers.inside
    count = int(ndimage.label(mask, output=labels))
    if count == 0:
        return None
    sums = _label_sums(layers, labels, count, people)
    patches = _polygons(labels, mask, layers.grid)
    del labels, mask
    table = sums.iloc[patches.value - 1].reset_index(drop=True)
    geometry, table = _capped(patches.geometry, table)
    mean = np.divide(
        table["_likelihood"],
        table["_known_m2"],
        out=np.full(len(table), np.nan),
        where=table["_known_m2"] > 0,
    )
    hazard = product.event.hazard
    fields = {
        "event_type": EVENT_TYPES.get(hazard, hazard.capitalize()),
        "obj_desc": hazard.capitalize(),
        "det_method": _detection(product),
        "notation": product.indicator,
        "dmg_src_id": "; ".join(names_of_images(product)),
        "area_ha": table["_area_m2"] / 1e4,
        "pop_low": table.get("_low") if layers.ranged else None,
        "pop_best": table.get("_best"),
        "pop_high": table.get("_best") if layers.ranged else None,
        "likelihood": mean,
    }
    frame = pd.DataFrame({k: v for k, v in fields.items() if v is not None}, index=table.index)
    return gpd.GeoDataFrame(frame, geometry=_to_wgs84(geometry, layers.grid), crs=_WGS84)


def _detection(product: Product) -> str:
    """Return how the event was found: as its own source says, or by computing."""
    said = {g.properties.get("det_method") for g in images(product)} - {None, ""}
    return "; ".join(sorted(map(str, said))) or "Automatic extraction"


def _label_sums(
    layers: Layers, labels: NDArray[np.int32], count: int, people: People | None
) -> pd.DataFrame:
    """Return area, likelihood and people of each labelled patch."""
    sums = np.zeros((count + 1, 3))
    heads = np.zeros((count + 1, 2))
    for first in range(0, labels.shape[0], _ROWS):
        rows = slice(first, first + _ROWS)
        zone = np.where(labels[rows] > 0, labels[rows], -1).astype("int32")
        area, likelihood = layers.cell_area_m2[rows], layers.likelihood[rows]
        known = (likelihood != NO_LIKELIHOOD).astype("uint8")
        by_known = zonal.zone_sums(zone, known, area, count + 1, 2)
        sums[:, 0] += by_known.sum(axis=1)
        sums[:, 1] += by_known[:, 1]
        weight = np.where(known == 1, likelihood * area, 0).astype("float32")
        sums[:, 2] += zonal.zone_sums(zone, known, weight, count + 1, 2)[:, 1]
        if people is not None:
            sure = (kinds(layers.state[rows], likelihood) - 2).astype("uint8")
            here, _ = people.block(first, len(zone))
            heads += zonal.zone_sums(zone, sure, here, count + 1, 2)
    table = pd.DataFrame(sums[1:], columns=["_area_m2", "_known_m2", "_likelihood"])
    if people is not None:
        table["_low"], table["_best"] = heads[1:, 1], heads[1:].sum(axis=1)
    return table


def _not_observed(layers: Layers) -> gpd.GeoDataFrame | None:
    mask = (layers.state == State.NOT_OBSERVED) & layers.inside
    return _class_table(mask.astype("uint8"), mask, layers, lambda _: {"obj_desc": "Not observed"})


def _graded(layers: Layers) -> dict[str, gpd.GeoDataFrame | None]:
    """Return the classes of the event as polygons: bands of depth, or other grades."""
    grading = layers.grading
    if grading is None:
        return {}
    names = {int(m): m.name.lower() for m in grading.flags}
    mask = (layers.state == State.EVENT) & layers.inside
    name = "floodDepthA" if grading.name == "depth_band" else "gradingA"

    def describe(code: int) -> dict[str, object]:
        return {"obj_desc": grading.name, "value": names.get(code, ""), "code": code}

    return {name: _class_table(grading.codes, mask, layers, describe)}


def _exclusion(layers: Layers) -> gpd.GeoDataFrame | None:
    mask = (layers.state == State.EXCLUDED) & layers.inside
    return _class_table(
        layers.exclusion, mask, layers, lambda code: {"reason": reasons(code), "code": code}
    )


def _built_up(layers: Layers) -> gpd.GeoDataFrame | None:
    """Return built-up land by what the map says of it: the state of its pixels."""
    if layers.land_cover is None:
        return None
    mask = (layers.land_cover == COVERS["built_up"]) & layers.inside
    named = {State.EVENT: Status.AFFECTED, State.EXCLUDED: Status.CANNOT_TELL}
    named |= {State.NOT_OBSERVED: Status.NOT_OBSERVED}

    def describe(code: int) -> dict[str, object]:
        status = named.get(State(code), Status.NOT_AFFECTED)
        return {"obj_desc": "Built-up land", "status": str(status), "state": code}

    return _class_table(layers.state, mask, layers, describe)


def reasons(code: int) -> str:
    """Return the names of the exclusion bits in ``code``."""
    names = [f.name.lower() for f in Exclusion(code) if f.name]
    return ", ".join(names) or "unspecified"


def _class_table(
    values: NDArray[Any],
    mask: NDArray[np.bool_],
    layers: Layers,
    describe: Any,  # noqa: ANN401
) -> gpd.GeoDataFrame | None:
    """Return one feature per connected patch of equal value, with its area."""
    if not mask.any():
        return None
    patches = _polygons(values, mask, layers.grid)
    scale = _areal_scale(layers)
    area = shapely.area(patches.geometry) * scale
    tables, geometries = [], []
    for value in np.unique(patches.value):
        mine = patches.value == value
        geometry, table = _capped(
            patches.geometry[mine], pd.DataFrame({"_area_m2": area[mine]}).reset_index(drop=True)
        )
        row = {k: [v] * len(table) for k, v in describe(int(value)).items()}
        tables.append(pd.DataFrame({**row, "area_ha": table["_area_m2"] / 1e4}))
        geometries.append(_to_wgs84(geometry, layers.grid))
    return gpd.GeoDataFrame(
        pd.concat(tables, ignore_index=True), geometry=np.concatenate(geometries), crs=_WGS84
    )


def _areal_scale(layers: Layers) -> float:
    """Return true over nominal area of a pixel, in the middle of the grid."""
    affine = layers.grid.affine
    middle = tuple(n // 2 for n in layers.cell_area_m2.shape)
    return float(layers.cell_area_m2[middle]) / abs(affine.a * affine.e)


def _polygons(values: NDArray[Any], mask: NDArray[np.bool_], grid: GeoBox) -> _Patches:
    """Return polygons along pixel edges, one per 4-connected patch of equal value."""
    polygons, codes = [], []
    for outline, code in shapes(values, mask=mask, connectivity=4, transform=grid.affine):
        polygons.append(shape(outline))
        codes.append(int(code))
    geometry = np.empty(len(polygons), object)
    geometry[:] = polygons
    return _Patches(geometry, np.array(codes, np.int64))


def _capped(
    geometry: NDArray[np.object_], table: pd.DataFrame
) -> tuple[NDArray[np.object_], pd.DataFrame]:
    """Return the largest polygons, and the rest as one feature."""
    if len(geometry) <= MAX_FEATURES:
        return geometry, table
    order = np.argsort(-table["_area_m2"].to_numpy(), kind="stable")
    keep, rest = order[: MAX_FEATURES - 1], order[MAX_FEATURES - 1 :]
    merged = np.empty(1, object)
    merged[0] = shapely.multipolygons(geometry[rest])
    total = table.iloc[rest].sum().to_frame().T
    return (
        np.concatenate([geometry[keep], merged]),
        pd.concat([table.iloc[keep], total], ignore_index=True),
    )


def _to_wgs84(geometry: NDArray[np.object_], grid: GeoBox) -> NDArray[np.object_]:
    """Project polygons; long edges get more corners so that they stay where they were."""
    longest = _LONGEST_EDGE_M / max(pixel_size_m(grid)) * abs(grid.affine.a)
    there = Transformer.from_crs(str(grid.crs), _WGS84, always_xy=True)

    def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = there.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([lon, lat])

    out: NDArray[np.object_] = shapely.transform(shapely.segmentize(geometry, longest), project)
    return _cut_at_antimeridian(out)


def _cut_at_antimeridian(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return polygons in degrees; those that cross 180 degrees as parts on either side."""
    west, _, east, _ = shapely.bounds(geometry).T
    crossing = np.flatnonzero(east - west > _HALF_TURN)
    if not crossing.size:
        return geometry
    out = geometry.copy()
    for i in crossing:
        whole = shapely.transform(geometry[i], lambda xy: xy + (xy[:, :1] < 0) * [_TURN, 0.0])
        near = shapely.clip_by_rect(whole, 0.0, -90.0, _HALF_TURN, 90.0)
        far = shapely.clip_by_rect(whole, _HALF_TURN, -90.0, _TURN, 90.0)
        far = shapely.transform(far, lambda xy: xy - [_TURN, 0.0])
        parts = shapely.get_parts(shapely.get_parts(shapely.make_valid([near, far])))
        out[i] = shapely.multipolygons([p for p in parts if p.geom_type == "Polygon"])
    return out


def _administrative(context: Context, exposure: Exposure) -> gpd.GeoDataFrame | None:
    table = exposure.by_admin
    if context.admin is None or table is None:
        return None
    table = table[table["unit"] >= 0]
    geometry = context.admin.geometry.to_crs(_WGS84).iloc[table["unit"]]
    fields = table.drop(columns="unit").dropna(axis="columns", how="all")
    return gpd.GeoDataFrame(fields.reset_index(drop=True), geometry=geometry.to_numpy(), crs=_WGS84)


def vector_area_m2(geometry: Sequence[BaseGeometry]) -> float:
    """Return the area of polygons in EPSG:4326 on the ellipsoid [m2]."""
    return float(gpd.GeoSeries(list(geometry), crs=_WGS84).to_crs("EPSG:6933").area.sum())
