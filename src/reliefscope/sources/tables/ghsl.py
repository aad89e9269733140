"""People per cell from the Global Human Settlement Layer: tiles of ten degrees."""

import math
from pathlib import Path

import rasterio
import shapely
from rasterio.errors import RasterioIOError

from reliefscope.errors import IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.sources._population import mosaic_people
from reliefscope.sources.tables._base import Layer
from reliefscope.transport.archive import unpack
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.content import Content
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Expected

URL = "https://jeodpp.jrc.ec.europa.eu/ftp/jrc-opendata/GHSL"
ACCESS = Access(service="GHSL", host="jeodpp.jrc.ec.europa.eu", probe=f"{URL}/")
YEAR = 2025
_NAME = "GHS_POP_E{year}_GLOBE_R2023A_4326_3ss"
_TILE_DEG, _NORTH, _WEST = 10.0, 89.0996, -180.0079
"""Tiles count from this corner, row by row (GHSL Data Package 2023, JRC133256)."""
_ROUND, _COLUMNS = 1e-6, 36
_MOST_BYTES = 5_000_000_000
"""Of one tile, unpacked."""


def population(area: Area, transport: Transport, *, url: str = URL, year: int = YEAR) -> Layer:
    """Return people per cell around ``area`` on the layer's own grid of 3 seconds of arc.

    Raises
    ------
    NothingFoundError
        There is no tile: the area lies in the ocean.
    SourceError
        The service failed; see `reliefscope.errors`.
    """
    name = _NAME.format(year=year)
    base = f"{url}/GHS_POP_GLOBE_R2023A/{name}/V1-0/tiles"
    paths = []
    for row, column in _tiles(area):
        tile = f"{name}_V1_0_R{row}_C{column}"
        promised = Expected(name=f"{tile}.zip", content=Content.ZIP)
        try:
            packed = transport.fetch(Ask(url=f"{base}/{tile}.zip"), promised)
        except NothingFoundError:  # all ocean
            continue
        folder = unpack(packed, transport.settings.cache / "unpacked" / tile, cap_bytes=_MOST_BYTES)
        paths += [p for p in sorted(folder.rglob("*.tif")) if _covers(p, area)]
    if not paths:
        raise NothingFoundError(f"GHSL has no tile with land in area {area.name!r}")
    return Layer(
        data=mosaic_people(paths, area),
        source=f"GHSL GHS-POP R2023A {year}, European Commission JRC, CC BY 4.0 "
        f"(doi:10.2905/2FF68A52-5B5B-4A22-8F40-C41DA8332CFE)",
    )


def _tiles(area: Area) -> list[tuple[int, int]]:
    """Return row and column of the tiles that ``area`` touches, from 1."""
    found = set()
    for west, south, east, north in area.boxes:
        rows = _span(_NORTH - north, _NORTH - south)
        columns = _span(west - _WEST, min(east - _WEST, _COLUMNS * _TILE_DEG))
        found |= {(row + 1, column + 1) for row in rows for column in columns}
    return sorted(found)


def _span(first: float, last: float) -> range:
    """Return the tiles from one distance to another, counted from the corner [degrees]."""
    return range(max(math.floor(first / _TILE_DEG), 0), math.floor(last / _TILE_DEG - _ROUND) + 1)


def _covers(path: Path, area: Area) -> bool:
    try:
        with rasterio.open(path) as raster:
            return bool(shapely.intersects(shapely.box(*raster.bounds), area.geometry))
    except RasterioIOError as error:
        raise IntegrityError(f"{path.name} is not a raster; remove {path.parent}") from error
