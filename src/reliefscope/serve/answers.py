"""What answers about products, in threads of its own: tiles, pictures, outlines, areas."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from fastapi import HTTPException

from reliefscope.products import onscreen, tiles, vector_tiles
from reliefscope.products.facts import Facts
from reliefscope.products.zone import unit_facts, zone_facts
from reliefscope.serve import lite
from reliefscope.serve.area import read_area
from reliefscope.serve.compress import Store
from reliefscope.serve.config import Serving
from reliefscope.serve.shelf import Asset, Shelf, Shown
from reliefscope.views import store

_WORKERS = 3
"""Threads for tiles, vectors and areas: more would starve the pages on two cores."""
_PICTURES_BYTES = 32_000_000
_RESULT = TypeVar("_RESULT")


class Answers:
    """Answers about the products of a shelf."""

    def __init__(self, serving: Serving, shelf: Shelf) -> None:
        self._serving, self._shelf = serving, shelf
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="answers")
        self._pictures = Store(_PICTURES_BYTES)
        self._blank = tiles.blank()

    async def run(self, work: Callable[..., _RESULT], *args: object) -> _RESULT:
        """Do work in a thread, away from the loop that serves the pages."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, work, *args)

    async def shown(self, product: str) -> Shown:
        """Return a product, or answer that there is none."""
        found = self._shelf.kept(product) or await self.run(self._shelf.get, product)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found

    async def asset(self, product: str, name: str) -> Asset:
        """Return a file of a product, or answer that there is none."""
        known = self._shelf.kept(product)
        if known is not None:
            found = known.assets.get(name)
        else:
            found = await self.run(self._shelf.asset, product, name)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found

    async def vectors(self, product: str, layer: str) -> Asset:
        """Return the vectors of a product where they have a layer, or answer that they do not."""
        found = await self.asset(product, "vectors.gpkg")
        if layer not in await self.layers(found):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return found

    async def all(self) -> list[Shown]:
        """Return all products."""
        return await self.run(self._shelf.all)

    async def tile(self, asset: Asset, layer: str, place: tuple[int, int, int]) -> bytes:
        """Return a tile, blank where nothing is."""

        def made() -> bytes:
            return tiles.tile(asset.path, layer, *place) or self._blank

        return await self._kept(("tile", asset.path, asset.etag, layer, *place), made)

    async def drawing(self, asset: Asset, layer: str) -> bytes:
        """Return a whole layer as one picture, as the map shows it from afar."""

        def made() -> bytes:
            return onscreen.layer_picture(asset.path.parent, layer).data

        return await self._kept(("drawing", asset.path, asset.etag, layer), made)

    async def outlines(self, asset: Asset, layer: str) -> bytes:
        """Return outlines as GeoJSON, simplified for a screen."""

        def made() -> bytes:
            shapes = store.outlines(asset.path.parent, layer)
            return json.dumps(shapes, separators=(",", ":")).encode()

        return await self._kept(("outlines", asset.path, asset.etag, layer), made)

    async def picture(self, asset: Asset) -> bytes:
        """Return the picture of the light page."""

        def made() -> bytes:
            return tiles.slim(asset.path, lite.PICTURE_BYTES)

        return await self._kept(("picture", asset.path, asset.etag), made)

    async def _kept(self, key: tuple[object, ...], made: Callable[[], bytes]) -> bytes:
        """Return what was made before, or make it in a thread."""
        found = self._pictures.get(key)
        if found is None:
            found = await self.run(made)
            self._pictures.put(key, found)
        return found

    async def vector_tile(self, asset: Asset, layer: str, place: tuple[int, int, int]) -> bytes:
        """Return a vector tile, gzipped."""
        mark = asset.etag.strip('"')
        folder = self._serving.cache / "vector-tiles"
        store = await self.run(vector_tiles.tiles_of, asset.path, layer, folder, mark)
        return await self.run(vector_tiles.read_tile, store, *place)

    async def geojson(self, asset: Asset, layer: str, simplify: float) -> str:
        """Return a vector layer."""
        return await self.run(vector_tiles.geojson, asset.path, layer, simplify)

    async def layers(self, asset: Asset) -> tuple[str, ...]:
        """Return the vector layers of a product."""
        return await self.run(vector_tiles.layers, asset.path)

    async def count(self, folder: Path, body: bytes) -> Facts:
        """Return the numbers of an area."""
        return await self.run(self._count, folder, body)

    def _count(self, folder: Path, body: bytes) -> Facts:
        unit, geometry = read_area(body, self._serving.limits.vertices)
        return unit_facts(folder, unit) if unit else zone_facts(folder, geometry)
