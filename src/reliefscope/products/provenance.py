"""Where a product comes from: inputs, parameters, code, timings, checks. Never a secret."""

import datetime as dt
import functools
import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pyproj
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry import mapping

from reliefscope.model.context import Context
from reliefscope.model.granule import Granule
from reliefscope.model.product import Product
from reliefscope.products.exposure import window_over
from reliefscope.products.folding import folded, unfolded

if TYPE_CHECKING:
    from reliefscope.products.qa import Gate

SCHEMA = "reliefscope-provenance/1"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_PACKAGES = (
    "dask",
    "geopandas",
    "matplotlib",
    "numba",
    "numpy",
    "odc-geo",
    "odc-stac",
    "pandas",
    "pyogrio",
    "pyproj",
    "pystac",
    "pystac-client",
    "rasterio",
    "rio-cogeo",
    "scikit-image",
    "scipy",
    "sentinelsat",
    "shapely",
    "typst",
    "xarray",
)


def safe_href(href: str) -> str:
    """Return where something is, without user, password, query or fragment.

    A path on this machine is reduced to its file name: it means nothing elsewhere.
    """
    found = _URL.search(href)
    if found is None:
        return PurePath(href.split("?", maxsplit=1)[0]).name
    parts = urlsplit(found.group())
    if parts.scheme == "file":
        return PurePath(parts.path).name
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def scrub(text: str) -> str:
    """Return ``text`` with every link in it made safe."""
    return _URL.sub(lambda m: safe_href(m.group()), text)


def software() -> dict[str, str]:
    """Return the versions of everything that takes part in the numbers."""
    return dict(_software())


@functools.cache
def _software() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {
        "gdal": rasterio.__gdal_version__,
        "proj": pyproj.proj_version_str,
        "geos": shapely.geos_version_string,
    }


def context_digest(context: Context, grid: GeoBox) -> str:
    """Return a SHA-256 over the reference layers, so that better ones make a new version.

    Of the population, only the cells around ``grid`` matter.
    """
    digest = hashlib.sha256()
    digest.update(f"{context.population_source}|{context.admin_source}".encode())
    if context.population is not None:
        array, box = window_over(context.population, grid)
        digest.update(f"{array.shape}|{box.crs}|{list(box.affine)}".encode())
        digest.update(np.ascontiguousarray(array.values, dtype="float64").tobytes())
    for table in (context.admin, context.places, context.roads, context.facilities):
        if table is None:
            digest.update(b"|none")
            continue
        columns = [c for c in table.columns if c != table.geometry.name]
        digest.update(table[columns].to_csv().encode())
        for geometry in shapely.to_wkb(table.geometry.to_numpy()):
            digest.update(geometry)
    return digest.hexdigest()


def record(
    product: Product,
    context: Context,
    head: Mapping[str, str],
    gates: Sequence["Gate"],
    timings: Mapping[str, float],
) -> dict[str, Any]:
    """Return everything that is needed to trace a product, ready for JSON.

    Parameters
    ----------
    product : Product
        What was computed.
    context : Context
        Supplies the names of the reference data.
    head : mapping
        Identifiers, times and fingerprint of this package.
    gates : sequence of Gate
        The quality checks and how they went.
    timings : mapping of str to float
        Seconds by step.
    """
    grid = product.grid
    return {
        "schema": SCHEMA,
        **head,
        "exercise": product.exercise,
        "event": {
            "id": product.event.id,
            "title": product.event.title,
            "hazard": str(product.event.hazard),
            "onset": product.event.onset.astimezone(dt.UTC).isoformat(),
            "ids": dict(product.event.ids),
            "area": {
                "name": product.event.area.name,
                "geometry": mapping(product.event.area.geometry),
            },
        },
        "indicator": product.indicator,
        "method": scrub(product.method),
        "reference": product.reference,
        "parameters": dict(product.parameters),
        "grid": {
            "crs": str(grid.crs),
            "transform": list(grid.affine)[:6],
            "shape": list(grid.shape),
        },
        "granules": {
            role: folded([_granule(g) for g in group]) for role, group in product.granules.items()
        },
        "context": {
            "population": scrub(context.population_source),
            "admin": scrub(context.admin_source),
            "sha256": context_digest(context, grid),
            "credits": [scrub(credit) for credit in context.credits],
        },
        "notes": [scrub(n) for n in product.notes],
        "code": {"reliefscope": product.version, **software()},
        "timings_s": {k: round(v, 3) for k, v in timings.items()},
        "qa": [asdict(g) for g in gates],
    }


def granules_in(record: Mapping[str, Any]) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return every granule of a provenance.json by role, also those that it tells together."""
    return {role: unfolded(group) for role, group in record["granules"].items()}


def _granule(granule: Granule) -> dict[str, Any]:
    return {
        "id": granule.id,
        "source": granule.source,
        "collection": granule.collection,
        "acquired": granule.acquired.astimezone(dt.UTC).isoformat() if granule.acquired else None,
        "platform": granule.platform,
        "instrument": granule.instrument,
        "relative_orbit": granule.relative_orbit,
        "orbit_state": granule.orbit_state,
        "resolution_m": granule.resolution,
        "licence": granule.licence,
        "href": safe_href(granule.href) if granule.href else "",
        "exercise": granule.exercise,
        "assets": {
            name: {
                "href": safe_href(a.href),
                "size": a.size,
                "checksum": a.checksum,
                "units": a.units,
                "scale": a.scale,
                "offset": a.offset,
                "band": a.band,
            }
            for name, a in granule.assets.items()
        },
    }
