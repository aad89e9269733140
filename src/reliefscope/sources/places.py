"""Areas from files and from names of countries."""

import unicodedata
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import geopandas as gpd
from pyogrio.errors import DataSourceError

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.model.area import Area

MAX_VERTICES = 1_000_000
"""More than this is not an outline that a person drew."""

_CLOSEST = 5


def area_from_file(path: Path, *, name: str | None = None) -> Area:
    """Return the union of the polygons in a vector file, in any CRS.

    Parameters
    ----------
    path : Path
        GeoJSON, GeoPackage, Shapefile, KML, FlatGeobuf or whatever GDAL reads.
    name : str, optional
        The file's name by default.

    Raises
    ------
    InputError
        Not a vector file, no CRS, no polygon, or too many vertices.
    """
    if not path.exists():
        raise InputError(f"area file {path} does not exist")
    try:
        frame = gpd.read_file(path)
    except (DataSourceError, ValueError) as error:
        raise InputError(f"area file {path} cannot be read as vectors: {error}") from error
    if frame.crs is None:
        raise InputError(f"area file {path} has no CRS; save it with one (EPSG:4326 will do)")
    if frame.get_coordinates().shape[0] > MAX_VERTICES:
        raise InputError(f"area file {path} has over {MAX_VERTICES} vertices; simplify it")
    outline = frame.to_crs("EPSG:4326").geometry.make_valid().union_all()
    return Area.from_geometry(outline, name=name or path.stem)


def area_from_name(name: str) -> Area:
    """Return the simplified outline of a country (Natural Earth 1:50 million, public domain).

    The name is matched without case and accents; ISO 3166-1 alpha-3 codes match too.

    Raises
    ------
    NothingFoundError
        No country of that name; the nearest names are given.
    """
    table = countries()
    wanted = _plain(name)
    columns = [c for c in ("name", "iso_a3") if c in table]
    for column in columns:
        hit = table[table[column].map(_plain) == wanted]
        if len(hit):
            return Area.from_geometry(hit.geometry.union_all(), name=str(hit.iloc[0]["name"]))
    close = sorted(n for n in table["name"] if wanted[:3] in _plain(n))[:_CLOSEST]
    raise NothingFoundError(
        f"no country is named {name!r}" + (f"; did you mean {', '.join(close)}?" if close else "")
    )


@cache
def countries() -> gpd.GeoDataFrame:
    """Return all countries (Natural Earth 1:50 million, public domain): ``name``, ``iso_a3``."""
    with as_file(files("reliefscope") / "data" / "countries_50m.parquet") as path:
        return gpd.read_parquet(path)


def _plain(text: object) -> str:
    folded = unicodedata.normalize("NFKD", str(text))
    return "".join(c for c in folded if not unicodedata.combining(c)).casefold().strip()
