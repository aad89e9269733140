"""Delineations by analysts: vector packages in the vocabulary of Copernicus EMS Rapid Mapping.

What was drawn is put on pixels, code by code, and nothing is added to it.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr
from pyogrio.errors import DataSourceError
from rasterio.features import rasterize

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.cube import State, describe
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule

_EVENT, _AREA, _FOOTPRINT = "observedevent", "areaofinterest", "imagefootprint"
_CODES: Mapping[str, State] = {
    _AREA: State.NO_EVENT,
    "hydrography": State.REFERENCE,
    "notobserved": State.NOT_OBSERVED,
    "exclusion": State.EXCLUDED,
    _EVENT: State.EVENT,
}
"""Layers by their names in small letters, and what they say; a later one covers the earlier."""
_READABLE = (".shp", ".gpkg", ".geojson", ".json", ".parquet")
_CHUNK = 2048
_EDGE_DEG = 0.002
_METRES = re.compile(r"^\s*([\d.]+)\s*m\b")
_NAME = "delineation"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelineationSource:
    """One vector package: what analysts drew on an image, and the area they looked at.

    Files are known by the layers in their names, as Copernicus EMS writes them
    (``EMSR332_08PORDENONE_DEL_v1_observed_event_a.shp``, ``..._observedEventA_...json``): observed
    event and area of interest are needed; hydrography, exclusion, not observed and the footprints
    of images are taken where there are any: what no image shows of the area is not observed. A
    package without footprints is taken at its word, that all of its area was looked at. The day of
    the image is read from the table of sources.
    """

    folder: Path
    product: str = ""
    """How the names of its files begin, where the folder holds more than one product."""
    acquired: dt.datetime | None = None
    """When the image was taken that it was drawn on, where no table of sources says so."""
    platform: str = ""
    """What took it, likewise."""
    licence: str = ""

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables of the package."""
        return frozenset({_NAME})

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the delineation, if it lies over ``area`` and its image within ``window``.

        Raises
        ------
        InputError
            The package lacks a layer, cannot be read, or does not say when its image was taken.
        """
        if window is None or _NAME not in variables:
            return []
        layers = self._layers()
        event = _read(layers[_EVENT])
        image = self._image(event)
        footprint = shapely.union_all(_looked_at(layers))
        if image.acquired not in window or not footprint.intersects(area.geometry):
            return []
        asset = {_NAME if n == _EVENT else f"{_NAME}_{n}": _asset(p) for n, p in layers.items()}
        return [
            Granule(
                id=self.product or layers[_EVENT].stem,
                source=_NAME,
                collection="delineation",
                acquired=image.acquired,
                footprint=footprint,
                assets=asset,
                platform=image.platform,
                resolution=image.resolution,
                licence=self.licence,
                properties={"det_method": "; ".join(_said(event, "det_method"))},
            )
        ]

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube of codes of `State`, NaN outside of its area; see `Source`."""
        if _NAME not in variables or not granules:
            return xr.Dataset()
        layers = self._layers()
        drawn = []
        for name, code in _CODES.items():
            if name in layers:
                shapes = _looked_at(layers) if name == _AREA else _outlines(layers[name])
                there = gpd.GeoSeries(shapes, crs="EPSG:4326").to_crs(str(grid.crs))
                drawn.append((int(code), there.to_numpy()))
        rows, columns = (_lengths(side) for side in grid.shape)
        drawing = _Drawing(drawn, grid)
        values = da.map_blocks(  # type: ignore[no-untyped-call]
            drawing,
            chunks=((1,), rows, columns),
            dtype="float32",
            meta=np.empty((0, 0, 0), "float32"),
            name=f"delineation-{drawing.token}",
        )
        stamps = [np.datetime64(_utc(g.acquired).replace(tzinfo=None), "ns") for g in granules[:1]]
        dims = ("time", "y", "x")
        array = wrap_xr(values, grid, time=stamps, nodata=None, dims=dims)
        return xr.Dataset({_NAME: describe(_NAME, array)})

    def _layers(self) -> dict[str, Path]:
        """Return the files by layer."""
        found: dict[str, Path] = {}
        for path in self._files(_READABLE):
            said = re.sub("[^a-z]", "", path.stem[len(self.product) :].lower())
            name = next((n for n in (*_CODES, _FOOTPRINT) if n in said), None)
            if name is not None and found.setdefault(name, path) != path:
                raise InputError(
                    f"{self.folder} holds {found[name].name} and {path.name}: say which product is "
                    f"meant with product = '...', the beginning of its files' names"
                )
        missing = [n for n in (_EVENT, _AREA) if n not in found]
        if missing:
            raise InputError(
                f"{self.folder} holds no {' and no '.join(missing)} of "
                f"{self.product or 'a product'}; unpack the vector package of a delineation there"
            )
        return found

    def _files(self, kinds: Collection[str]) -> list[Path]:
        if not self.folder.is_dir():
            raise InputError(f"folder {self.folder} does not exist or is not a folder")
        return [
            path
            for path in sorted(self.folder.iterdir())
            if path.name.startswith(self.product) and path.suffix.lower() in kinds
        ]

    def _image(self, event: gpd.GeoDataFrame) -> "_Image":
        """Return the latest image that any polygon was drawn on."""
        tables = [p for p in self._files((".dbf",)) if p.stem.lower().endswith("source")]
        table = gpd.read_file(tables[0]) if tables else pd.DataFrame()
        used = set(_said(event, "dmg_src_id"))
        images = [
            _Image(stamp, str(row.get("source_nam", "")), _metres(row.get("sensor_gsd")))
            for row in table.to_dict(orient="records")
            if str(row.get("src_id")) in used and (stamp := _stamp(row)) is not None
        ]
        latest = max(images, key=lambda i: i.acquired, default=None)
        if self.acquired is not None:
            known = latest or _Image(self.acquired, "", None)
            return _Image(_utc(self.acquired), self.platform or known.platform, known.resolution)
        if latest is None:
            raise InputError(
                f"no table of sources in {self.folder} says when the image was taken; give "
                f"acquired = 2018-11-02T05:18:00Z"
            )
        return _Image(latest.acquired, self.platform or latest.platform, latest.resolution)


@dataclass(frozen=True, slots=True)
class _Image:
    acquired: dt.datetime
    platform: str
    resolution: float | None


class _Drawing:
    """Draws one block of pixels; opaque to dask, which would look into every polygon."""

    def __init__(self, drawn: Sequence[tuple[int, NDArray[np.object_]]], grid: GeoBox) -> None:
        self._drawn, self._grid = drawn, grid
        digest = hashlib.sha256(repr(grid).encode())
        for code, shapes in drawn:
            digest.update(b"%d" % code + b"".join(shapely.to_wkb(shapes)))
        self.token = digest.hexdigest()[:32]

    def __dask_tokenize__(self) -> str:
        return self.token

    def __call__(self, *, block_id: tuple[int, int, int]) -> NDArray[np.float32]:
        top, left = block_id[1] * _CHUNK, block_id[2] * _CHUNK
        rows, columns = self._grid.shape
        block = self._grid[top : min(top + _CHUNK, rows), left : min(left + _CHUNK, columns)]
        outline = block.extent.geom
        codes = np.full(tuple(block.shape), State.NOT_OBSERVED, "uint8")
        for code, shapes in self._drawn:
            near = shapes[shapely.intersects(shapes, outline)]
            if near.size:
                rasterize(near, out=codes, transform=block.affine, default_value=code)
        seen: NDArray[np.float32] = np.where(codes == State.NOT_OBSERVED, np.nan, codes)
        return seen[None].astype("float32")


def _read(path: Path) -> gpd.GeoDataFrame:
    """Return valid polygons in EPSG:4326, with enough corners to be projected."""
    try:
        reader = gpd.read_parquet if path.suffix == ".parquet" else gpd.read_file
        frame = reader(path)
    except (DataSourceError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as vectors: {error}") from error
    if frame.crs is None:
        raise InputError(f"{path} has no CRS; save it with one (EPSG:4326 will do)")
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)].to_crs("EPSG:4326")
    outlines = shapely.segmentize(shapely.make_valid(frame.geometry.to_numpy()), _EDGE_DEG)
    return frame.set_geometry(outlines, crs="EPSG:4326")


def _outlines(path: Path) -> NDArray[np.object_]:
    return np.asarray(_read(path).geometry.to_numpy(), object)


def _looked_at(layers: Mapping[str, Path]) -> NDArray[np.object_]:
    """Return the area of interest, EPSG:4326, as far as images show it."""
    area = _outlines(layers[_AREA])
    if _FOOTPRINT not in layers:
        return area
    seen = shapely.intersection(area, shapely.union_all(_outlines(layers[_FOOTPRINT])))
    return np.asarray(seen[~shapely.is_empty(seen)], object)


def _said(table: gpd.GeoDataFrame, column: str) -> list[str]:
    return sorted({str(v) for v in table[column].dropna()}) if column in table else []


def _stamp(row: Mapping[Any, Any]) -> dt.datetime | None:
    """Return the moment of a row of the table of sources, day before month; None without one."""
    moment = f"{row.get('src_date')} {str(row.get('source_tm')).strip('TZ ')}"
    for form in ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            return dt.datetime.strptime(moment, form).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
    return None


def _metres(said: object) -> float | None:
    match = _METRES.match(str(said))
    return float(match[1]) if match else None


def _utc(moment: dt.datetime | None) -> dt.datetime:
    assert moment is not None  # noqa: S101 - search gives every granule a time
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _lengths(length: int) -> tuple[int, ...]:
    rest = length % _CHUNK
    return (_CHUNK,) * (length // _CHUNK) + ((rest,) if rest else ())


def _asset(path: Path) -> Asset:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Asset(href=str(path.resolve()), size=path.stat().st_size, checksum=f"1220{digest}")
