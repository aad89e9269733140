"""Layers of a GeoPackage as vector tiles, made once by GDAL and kept, and as GeoJSON."""

import gzip
import math
import secrets
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataSourceError

from reliefscope.errors import InputError, IntegrityError

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
DEEPEST = 14
"""Zoom down to which tiles are made: 4096 steps a tile there are about 0.6 m."""
_MOST_FEATURES = 200_000
_MOST_BYTES = 400_000
_COARSEST_DEG = 1.0
_lock = threading.Lock()


def layers(path: Path) -> tuple[str, ...]:
    """Return the names of the layers of a file."""
    try:
        return tuple(str(name) for name, _ in pyogrio.list_layers(path))
    except DataSourceError as error:
        raise IntegrityError(f"{path.name} cannot be read: publish the product again") from error


def tiles_of(path: Path, layer: str, cache: Path, mark: str) -> Path:
    """Return an MBTiles file with the vector tiles of a layer; made if it is not in ``cache``.

    Parameters
    ----------
    path : Path
        GeoPackage of a package.
    layer : str
        One of its layers.
    cache : Path
        Folder where the tiles are kept.
    mark : str
        What changes with the content of ``path``, such as its checksum.

    Raises
    ------
    IntegrityError
        The layer cannot be read.
    """
    target = cache / f"{mark}.{layer}.mbtiles"
    if target.is_file():
        return target
    with _lock:
        if target.is_file():
            return target
        cache.mkdir(parents=True, exist_ok=True)
        work = cache / f".{secrets.token_hex(6)}"
        work.mkdir()
        try:
            part = work / "part.mbtiles"
            table = gpd.read_file(path, layer=layer).to_crs("EPSG:3857")
            pyogrio.write_dataframe(
                table, part, layer=layer, driver="MBTILES", geometry_type="Unknown",
                dataset_options={
                    "MINZOOM": "0", "MAXZOOM": str(DEEPEST), "MAX_SIZE": str(_MOST_BYTES),
                    "MAX_FEATURES": str(_MOST_FEATURES), "TEMPORARY_DB": str(work / "part.db"),
                },
            )  # fmt: skip
            part.replace(target)
        except (DataSourceError, sqlite3.Error, OSError) as error:
            raise IntegrityError(f"{path.name}, {layer} cannot be made into tiles") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def read_tile(tiles: Path, z: int, x: int, y: int) -> bytes:
    """Return a tile as it is stored, gzipped; an empty one where nothing is."""
    row = 2**z - 1 - y
    with closing(sqlite3.connect(f"file:{tiles}?mode=ro", uri=True)) as store:
        found = store.execute(
            "SELECT tile_data FROM tiles WHERE zoom_level=? AND tile_column=? AND tile_row=?",
            (z, x, row),
        ).fetchone()
    if found is None:
        return _EMPTY
    data = bytes(found[0])
    return data if data[:2] == b"\x1f\x8b" else gzip.compress(data, mtime=0)


_EMPTY = gzip.compress(b"", mtime=0)


def geojson(path: Path, layer: str, simplify: float) -> str:
    """Return a layer as GeoJSON in EPSG:4326, its lines simplified by at most that much [degrees].

    Raises
    ------
    InputError
        The tolerance is out of range.
    IntegrityError
        The layer cannot be read.
    """
    if not (math.isfinite(simplify) and 0 <= simplify <= _COARSEST_DEG):
        raise InputError(f"simplify={simplify} is not within 0 to {_COARSEST_DEG} degrees")
    try:
        table = gpd.read_file(path, layer=layer)
    except DataSourceError as error:
        raise IntegrityError(f"{path.name} cannot be read: publish the product again") from error
    table = table.to_crs("EPSG:4326")
    if simplify:
        table = table.set_geometry(table.geometry.simplify(simplify))
    table = table[~table.geometry.is_empty]
    return str(table.to_json(drop_id=True))
