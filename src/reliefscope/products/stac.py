"""The product as a STAC Item, in a static, self-contained catalog with relative links."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import IntFlag
from itertools import accumulate
from pathlib import Path
from typing import Any

import pystac
import rasterio
from odc.geo.geobox import GeoBox
from pyproj import CRS
from pystac.validation import JsonSchemaSTACValidator
from shapely.geometry import mapping

from reliefscope.model.cube import VARIABLES
from reliefscope.model.grid import pixel_size_m
from reliefscope.model.product import Product
from reliefscope.products.facts import Facts, images, plain
from reliefscope.products.looks import NAMES, UNSEEN
from reliefscope.products.provenance import safe_href, scrub, software
from reliefscope.products.rasters import colours_of

CATALOG_ID = "reliefscope"
"""By it a catalog of ours is known."""
_SCHEMAS = "https://stac-extensions.github.io"
EXTENSIONS: Mapping[str, str] = {
    "proj": f"{_SCHEMAS}/projection/v2.0.0/schema.json",
    "classification": f"{_SCHEMAS}/classification/v2.0.0/schema.json",
    "file": f"{_SCHEMAS}/file/v2.1.0/schema.json",
    "processing": f"{_SCHEMAS}/processing/v1.2.0/schema.json",
    "raster": f"{_SCHEMAS}/raster/v2.0.0/schema.json",
    "sat": f"{_SCHEMAS}/sat/v1.1.0/schema.json",
    "version": f"{_SCHEMAS}/version/v1.2.0/schema.json",
}
"""Schemas by the prefix of their fields; an Item names those of which it has fields, since some
demand one."""
HEADLINES = (
    "area_km2",
    "event_area_km2",
    "observed_fraction",
    "excluded_fraction",
    "exposed_population",
    "population_cannot_tell",
    "population_upper_bound",
)
_MEDIA = {
    ".tif": pystac.MediaType.COG,
    ".gpkg": pystac.MediaType.GEOPACKAGE,
    ".json": pystac.MediaType.JSON,
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": pystac.MediaType.PARQUET,
    ".pdf": pystac.MediaType.PDF,
    ".png": pystac.MediaType.PNG,
    ".html": pystac.MediaType.HTML,
    "": pystac.MediaType.TEXT,
}
_TYPES = {"state": "uint8", "likelihood": "uint8", "exclusion": "uint16"}
_TITLES = {
    "state.tif": "State of each pixel",
    "likelihood.tif": "Likelihood of event",
    "exclusion.tif": "Reasons for exclusion",
    "people.tif": "People on each pixel",
    "before.tif": "Image before, in tones for looking at",
    "after.tif": "Image after, in tones for looking at",
    "vectors.gpkg": "Polygons, places, roads, admin units",
    "facts.json": "All numbers, with method and lineage",
    "statistics.csv": "Statistics by admin unit and class",
    "statistics.xlsx": "Statistics and facts as a workbook",
    "provenance.json": "Inputs, parameters, code, checks",
    "SHA256SUMS": "Checksums",
}
_SEVERAL = ("sheet.", "brief.", "swipe.")
"""Files of which there may be several that differ in ending or language only."""
_REMOTE = ("http://", "https://", "s3://")


def build_item(
    product: Product, facts: Facts, folder: Path, head: Mapping[str, str], version: int
) -> pystac.Item:
    """Return the Item of a package whose files lie in ``folder``.

    Parameters
    ----------
    product : Product
        What was computed.
    facts : Facts
        Supplies headline numbers.
    folder : Path
        Every file in it becomes an asset with size and checksum.
    head : mapping
        ``product_id``, ``fingerprint`` and ``released`` of the package.
    version : int
        Of the product.
    """
    seen = images(product)
    moments = [g.acquired.astimezone(dt.UTC) for g in seen if g.acquired]
    released = dt.datetime.fromisoformat(head["released"])
    properties = {
        "title": f"{product.event.title}: {product.indicator}",
        "created": released.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        "version": str(version),
        "processing:lineage": scrub(f"{product.method} ({product.reference})"),
        "processing:level": "L3",
        "processing:software": {"reliefscope": product.version, **software()},
        "reliefscope:fingerprint": head["fingerprint"],
        "reliefscope:exercise": product.exercise,
        "reliefscope:event": product.event.id,
        "reliefscope:hazard": str(product.event.hazard),
        "reliefscope:indicator": product.indicator,
        **_sensor(product),
    }
    if told := {k: facts[k].value for k in HEADLINES if k in facts}:
        properties["reliefscope:facts"] = told
    area = product.event.area
    item = pystac.Item(
        id=head["product_id"],
        geometry=mapping(area.geometry),
        bbox=list(area.bbox),
        datetime=moments[-1] if moments else released,
        start_datetime=moments[0] if len(moments) > 1 else None,
        end_datetime=moments[-1] if len(moments) > 1 else None,
        properties=properties,
        collection=str(product.event.hazard),
    )
    for path in sorted(folder.iterdir()):
        if path.name != "item.json":
            item.add_asset(_key(path), _asset(path, product.grid))
    item.add_links(_item_links(product))
    item.stac_extensions = _extensions(item)
    return item


def _extensions(item: pystac.Item) -> list[str]:
    """Return the schemas of the extensions that an Item uses."""
    fields = [*item.properties, *(f for a in item.assets.values() for f in a.extra_fields)]
    used = {field.partition(":")[0] for field in fields if ":" in field} | {"version"}
    return [schema for prefix, schema in EXTENSIONS.items() if prefix in used]


def item_document(item: pystac.Item) -> dict[str, Any]:
    """Return the Item as it is stored, with the relative links it was given."""
    return item.to_dict(include_self_link=False, transform_hrefs=False)


def collection_document(hazard: str, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the Collection over the Items of one hazard.

    Parameters
    ----------
    hazard : str
        Identifier of the collection, and its folder.
    items : sequence of mapping
        Stored Items, at least one.
    """
    times = [dt.datetime.fromisoformat(t) for i in items for t in _times(i["properties"])]
    collection = pystac.Collection(
        id=hazard,
        title=f"{hazard.capitalize()} products",
        description=f"Situation products on {hazard} events, one Item per product.",
        extent=pystac.Extent(
            pystac.SpatialExtent([overall_bbox([i["bbox"] for i in items])]),
            pystac.TemporalExtent([[min(times), max(times)]]),
        ),
        license="other",
    )
    collection.add_links(
        [
            pystac.Link("root", "../catalog.json", pystac.MediaType.JSON),
            pystac.Link("parent", "../catalog.json", pystac.MediaType.JSON),
        ]
    )
    for item in sorted(items, key=lambda i: str(i["id"])):
        href = f"./{item['properties']['reliefscope:event']}/{item['id']}/item.json"
        collection.add_link(pystac.Link("item", href, pystac.MediaType.GEOJSON))
    return collection.to_dict(include_self_link=False, transform_hrefs=False)


def catalog_document(hazards: Iterable[str]) -> dict[str, Any]:
    """Return the root Catalog over the Collections of ``hazards``."""
    catalog = pystac.Catalog(
        id=CATALOG_ID,
        title="ReliefScope products",
        description="Situation products made from open satellite data.",
        catalog_type=pystac.CatalogType.SELF_CONTAINED,
    )
    catalog.clear_links()
    catalog.add_link(pystac.Link("root", "./catalog.json", pystac.MediaType.JSON))
    for hazard in sorted(hazards):
        href = f"./{hazard}/collection.json"
        catalog.add_link(pystac.Link("child", href, pystac.MediaType.JSON))
    return catalog.to_dict(include_self_link=False, transform_hrefs=False)


def is_ours(text: str) -> bool:
    """Say whether a catalog document is one that was written here."""
    return f'"id": "{CATALOG_ID}"' in text


def overall_bbox(boxes: Sequence[Sequence[float]]) -> list[float]:
    """Return the narrowest box over all ``boxes`` [degrees].

    West is greater than east where it crosses the antimeridian (RFC 7946), as it may in
    ``boxes``.
    """
    turn = 360.0
    spans = sorted((float(b[0]), float(b[2]) + (turn if b[2] < b[0] else 0.0)) for b in boxes)
    ends = list(accumulate((east for _, east in spans), max))
    starts = [west for west, _ in spans[1:]] + [spans[0][0] + turn]
    gap, last = max(
        (start - end, i) for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    south, north = min(float(b[1]) for b in boxes), max(float(b[3]) for b in boxes)
    if gap <= 0:
        return [-turn / 2, south, turn / 2, north]
    west, east = spans[(last + 1) % len(spans)][0], ends[last]
    return [west, south, _turned(east), north]


def _turned(longitude: float) -> float:
    """Return a longitude within -180 to 180; the edges stay as they are."""
    half = 180.0
    if -half <= longitude <= half:
        return longitude
    return (longitude + half) % (2 * half) - half


def link_versions(document: dict[str, Any], before: str | None, after: str | None) -> None:
    """Link a stored Item to its neighbours in the line of versions, in place."""
    relations = {"predecessor-version": before, "successor-version": after}
    links = [link for link in document["links"] if link["rel"] not in relations]
    for relation, other in relations.items():
        if other is not None:
            href = f"../{other}/item.json"
            links.append(
                {"rel": relation, "href": href, "type": pystac.MediaType.GEOJSON, "title": other}
            )
    document["links"] = links
    document["properties"].pop("deprecated", None)
    if after is not None:
        document["properties"]["deprecated"] = True


def moment(text: str) -> dt.datetime:
    """Return an aware time from ISO text."""
    return dt.datetime.fromisoformat(text)


def schema_errors(document: Mapping[str, Any]) -> str:
    """Return what is wrong with a stored Item, Collection or Catalog; empty if nothing.

    The core schemas come with pystac; nothing is fetched, and extensions are not checked here.
    """
    kind = {
        "Feature": pystac.STACObjectType.ITEM,
        "Collection": pystac.STACObjectType.COLLECTION,
        "Catalog": pystac.STACObjectType.CATALOG,
    }[document["type"]]
    stored = json.loads(json.dumps(plain(document)))
    try:
        JsonSchemaSTACValidator().validate_core(stored, kind, stored["stac_version"])
    except pystac.STACValidationError as error:
        return str(error)
    return ""


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sensor(product: Product) -> dict[str, Any]:
    """Return platform, instruments and orbit of the images, where they agree on one."""
    seen = images(product)
    platforms = {g.platform.lower() for g in seen if g.platform}
    instruments = sorted({g.instrument.lower() for g in seen if g.instrument})
    found: dict[str, Any] = {"platform": platforms.pop()} if len(platforms) == 1 else {}
    orbits = {(g.relative_orbit, g.orbit_state) for g in seen}
    if len(orbits) == 1:
        number, state = orbits.pop()
        found |= {"sat:relative_orbit": number} if number else {}
        found |= {"sat:orbit_state": state.lower()} if state else {}
    return found | ({"instruments": instruments} if instruments else {})


def _key(path: Path) -> str:
    """Return the asset's key: ``state``, ``facts``, ``sheet_en_pdf``, ``checksums``."""
    if path.name == "SHA256SUMS":
        return "checksums"
    if path.name.startswith(_SEVERAL) or path.suffix in {".xlsx", ".parquet"}:
        return path.name.replace(".", "_")
    return path.stem


def _asset(path: Path, grid: GeoBox) -> pystac.Asset:
    fields: dict[str, Any] = {
        "file:size": path.stat().st_size,
        "file:checksum": f"1220{checksum(path)}",
    }
    roles = ["metadata"]
    if path.suffix == ".tif" and path.stem in NAMES:
        roles = ["overview", "visual"]
        fields |= _look_fields(path)
    elif path.suffix == ".tif":
        roles = ["data"]
        fields |= _raster_fields(path.stem, grid)
    elif path.suffix in {".gpkg", ".csv", ".xlsx", ".parquet"} or path.name == "facts.json":
        roles = ["data"]
    elif path.suffix in {".pdf", ".png", ".html"}:
        roles = ["thumbnail"] if path.stem == "thumbnail" else ["overview"]
    return pystac.Asset(
        href=f"./{path.name}",
        title=_TITLES.get(path.name, path.stem.replace("_", " ").replace(".", " ").capitalize()),
        media_type=_MEDIA.get(path.suffix),
        roles=roles,
        extra_fields=fields,
    )


def _look_fields(path: Path) -> dict[str, Any]:
    """Return what is told of an image for looking at, which may be coarser than the grid."""
    with rasterio.open(path) as file:
        box = GeoBox(file.shape, file.transform, str(file.crs))
        names = [str(name) for name in file.descriptions]
    return {
        **_projection(box),
        "data_type": "uint8",
        "nodata": UNSEEN,
        "bands": [{"name": name} for name in names],
        "raster:spatial_resolution": max(pixel_size_m(box)),
    }


def _raster_fields(name: str, grid: GeoBox) -> dict[str, Any]:
    kind = "uint8" if VARIABLES[name].categorical else _TYPES.get(name, "float32")
    fields: dict[str, Any] = {
        **_projection(grid),
        "data_type": kind,
        "unit": VARIABLES[name].units,
        "bands": [{"name": name, "description": VARIABLES[name].long_name}],
    }
    if kind != "uint16":
        fields["nodata"] = 255 if kind == "uint8" else "nan"
    fields["raster:spatial_resolution"] = max(pixel_size_m(grid))
    return fields | _classes(name)


def _classes(name: str) -> dict[str, Any]:
    """Return what the codes or bits of a layer mean, and the colours of the codes."""
    flags = VARIABLES[name].flags
    if flags is None:
        return {}
    members = [(m.value, str(m.name).lower()) for m in flags if m.name]
    if issubclass(flags, IntFlag):
        bits = [
            {
                "name": meaning,
                "offset": value.bit_length() - 1,
                "length": 1,
                "classes": [{"value": 0, "name": "no"}, {"value": 1, "name": "yes"}],
            }
            for value, meaning in members
        ]
        return {"classification:bitfields": bits}
    hues = colours_of(name)
    return {
        "classification:classes": [
            {"value": value, "name": meaning}
            | ({"color_hint": "{:02X}{:02X}{:02X}".format(*hues[value])} if value in hues else {})
            for value, meaning in members
        ]
    }


def _projection(grid: GeoBox) -> dict[str, Any]:
    crs = CRS.from_user_input(str(grid.crs))
    code = crs.to_epsg()
    fields: dict[str, Any] = {
        "proj:code": f"EPSG:{code}" if code else None,
        "proj:shape": [int(n) for n in grid.shape],
        "proj:transform": [float(v) for v in list(grid.affine)[:6]],
        "proj:bbox": [float(v) for v in grid.boundingbox],
    }
    return fields if code else fields | {"proj:wkt2": crs.to_wkt()}


def _item_links(product: Product) -> list[pystac.Link]:
    up = {
        "root": "../../../catalog.json",
        "parent": "../../collection.json",
        "collection": "../../collection.json",
    }
    links = [pystac.Link(rel, href, pystac.MediaType.JSON) for rel, href in up.items()]
    for group in product.granules.values():
        for granule in group:
            href = safe_href(granule.href)
            if href.startswith(_REMOTE):
                links.append(
                    pystac.Link("derived_from", href, pystac.MediaType.GEOJSON, granule.id)
                )
    return links


def _times(properties: Mapping[str, Any]) -> list[str]:
    names = ("start_datetime", "end_datetime", "datetime")
    return [properties[n] for n in names if properties.get(n)]
