"""The exercise as a STAC catalog: scenes and static layers as cloud-optimised GeoTIFFs."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.warp import transform_geom

from reliefscope.model.event import Event
from reliefscope.sources._stac import EXERCISE_PROPERTY
from reliefscope.sources.simulated.disasters import Disaster
from reliefscope.sources.simulated.layers import write_cog
from reliefscope.sources.simulated.noise import Field, fractal, stream
from reliefscope.sources.simulated.sensors import (
    S2_OFFSET,
    OpticalPass,
    RadarPass,
    sentinel1,
    sentinel2,
)
from reliefscope.sources.simulated.valley import PIXEL_M
from reliefscope.sources.simulated.world import World

LICENCE = "CC0-1.0"
_RELATIVE_ORBIT = 118
_BASELINE = "05.09"
_DEM_FACTOR = 3
_DEM_ERROR_M = 0.3
_RADAR_NODATA = -32768.0
_SCHEMAS = "https://stac-extensions.github.io"
_EXTENSIONS = (
    f"{_SCHEMAS}/projection/v2.0.0/schema.json",
    f"{_SCHEMAS}/raster/v1.1.0/schema.json",
    f"{_SCHEMAS}/file/v2.1.0/schema.json",
)
_SAR = (f"{_SCHEMAS}/sar/v1.0.0/schema.json", f"{_SCHEMAS}/sat/v1.0.0/schema.json")
_EO = (f"{_SCHEMAS}/eo/v1.1.0/schema.json", f"{_SCHEMAS}/sat/v1.0.0/schema.json")

_COLLECTIONS: Mapping[str, str] = {
    "sentinel-1-rtc": "EXERCISE: simulated Sentinel-1 gamma0, linear power",
    "sentinel-2-l2a": "EXERCISE: simulated Sentinel-2 surface reflectance",
    "cop-dem-glo-30": "EXERCISE: simulated ground elevation, 30 m",
    "jrc-gsw": "EXERCISE: simulated surface water of earlier years",
    "esa-worldcover": "EXERCISE: simulated land cover",
}


def write_catalog(root: Path, world: World, disaster: Disaster, event: Event, grid: GeoBox) -> None:
    """Write all scenes and static layers of a world as a static STAC catalog."""
    catalog = pystac.Catalog(
        id="reliefscope-exercise",
        title="EXERCISE",
        description="EXERCISE: a simulated country. Nothing in this catalog is real.",
    )
    items = [
        *(_radar_item(root, world, event, grid, day, seen) for day, seen in disaster.radar),
        *(_optical_item(root, world, event, grid, day, seen) for day, seen in disaster.optical),
        *_static_items(root, world, event, grid),
    ]
    for name, title in _COLLECTIONS.items():
        members = [i for i in items if i.collection_id == name]
        if not members:
            continue
        moments = [i.datetime for i in members if i.datetime is not None]
        collection = pystac.Collection(
            id=name,
            title=title,
            description=title,
            license=LICENCE,
            keywords=["EXERCISE"],
            extent=pystac.Extent(
                pystac.SpatialExtent([list(_bounds(grid))]),
                pystac.TemporalExtent([[min(moments), max(moments)]]),
            ),
        )
        collection.add_items(members)
        catalog.add_child(collection)
    catalog.normalize_hrefs(str(root))
    catalog.make_all_asset_hrefs_relative()
    catalog.save(pystac.CatalogType.SELF_CONTAINED)


def _bounds(grid: GeoBox) -> tuple[float, float, float, float]:
    """Return the bounds of the world [degrees]."""
    bounds: tuple[float, float, float, float] = grid.extent.to_crs("EPSG:4326").boundingbox.bbox
    return bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One asset to write."""

    key: str
    values: NDArray[Any]
    factor: int = 1
    """Pixels of the world per pixel of the asset."""
    nodata: float | None
    units: str = "1"
    overview: str = "average"
    band: Mapping[str, float] | None = None


def _item(
    root: Path,
    grid: GeoBox,
    collection: str,
    name: str,
    moment: dt.datetime,
    layers: list[_Layer],
    properties: Mapping[str, Any],
) -> pystac.Item:
    """Write the files of one item and describe them."""
    outline = shapely.geometry.mapping(grid.extent.geom)
    item = pystac.Item(
        id=name,
        geometry=transform_geom(str(grid.crs), "EPSG:4326", outline, precision=7),
        bbox=list(_bounds(grid)),
        datetime=moment,
        collection=collection,
        properties={
            EXERCISE_PROPERTY: True,
            "description": "EXERCISE: simulated, not real",
            "license": LICENCE,
            "created": "2030-01-01T00:00:00Z",
            "proj:code": str(grid.crs),
            "proj:shape": list(grid.shape),
            "proj:transform": list(grid.affine)[:6],
            **properties,
        },
        stac_extensions=list(_EXTENSIONS),
    )
    for layer in layers:
        path = root / collection / name / f"{layer.key}.tif"
        item.add_asset(layer.key, _asset(path, layer, grid))
    return item


def _asset(path: Path, layer: _Layer, grid: GeoBox) -> pystac.Asset:
    own = _coarser(grid, layer.factor)
    write_cog(
        path,
        layer.values,
        own,
        nodata=layer.nodata,
        units=layer.units,
        overview=layer.overview,
    )
    content = path.read_bytes()
    band: dict[str, Any] = {
        "data_type": str(layer.values.dtype),
        "spatial_resolution": abs(own.affine.a),
        "unit": layer.units,
        **(layer.band or {}),
    }
    if layer.nodata is not None:
        band["nodata"] = layer.nodata
    return pystac.Asset(
        href=str(path),
        media_type=pystac.MediaType.COG,
        roles=["data"],
        extra_fields={
            "raster:bands": [band],
            "proj:shape": list(own.shape),
            "proj:transform": list(own.affine)[:6],
            "file:size": len(content),
            "file:checksum": "1220" + hashlib.sha256(content).hexdigest(),
        },
    )


def _coarser(grid: GeoBox, factor: int) -> GeoBox:
    """Return the grid with pixels ``factor`` times larger, the last ones reaching over the edge."""
    if factor == 1:
        return grid
    rows, columns = (-(-n // factor) for n in grid.shape)
    return GeoBox((rows, columns), grid.affine * grid.affine.scale(factor), grid.crs)


def _averaged(values: Field, factor: int) -> Field:
    """Return the means of blocks of ``factor`` pixels."""
    if factor == 1:
        return values
    pad = -values.shape[0] % factor
    whole = np.pad(values, ((0, pad), (0, pad)), mode="edge")
    n = whole.shape[0] // factor
    return np.asarray(whole.reshape(n, factor, n, factor).mean(axis=(1, 3)), np.float32)


def _radar_item(
    root: Path, world: World, event: Event, grid: GeoBox, day: int, seen: RadarPass
) -> pystac.Item:
    moment = event.onset + dt.timedelta(days=day, hours=8, minutes=36, seconds=12)
    bands = sentinel1(world, seen)
    layers = [
        _Layer(
            key=key,
            values=np.where(np.isnan(power), np.float32(_RADAR_NODATA), power),
            nodata=_RADAR_NODATA,
        )
        for key, power in bands.items()
    ]
    item = _item(
        root,
        grid,
        "sentinel-1-rtc",
        f"EXERCISE_S1A_IW_{moment:%Y%m%dT%H%M%S}_{_RELATIVE_ORBIT:03d}_rtc",
        moment,
        layers,
        {
            "platform": "EXERCISE-SENTINEL-1A",
            "constellation": "EXERCISE-Sentinel-1",
            "instruments": ["c-sar"],
            "gsd": PIXEL_M,
            "sar:instrument_mode": "IW",
            "sar:frequency_band": "C",
            "sar:center_frequency": 5.405,
            "sar:polarizations": ["VV", "VH"],
            "sar:product_type": "RTC",
            "sar:observation_direction": "right",
            "sar:pixel_spacing_range": PIXEL_M,
            "sar:pixel_spacing_azimuth": PIXEL_M,
            "sar:looks_equivalent_number": 4.4,
            "sat:orbit_state": "descending",
            "sat:relative_orbit": _RELATIVE_ORBIT,
        },
    )
    item.stac_extensions += _SAR
    return item


def _optical_item(
    root: Path, world: World, event: Event, grid: GeoBox, day: int, seen: OpticalPass
) -> pystac.Item:
    moment = event.onset + dt.timedelta(days=day, hours=13, minutes=10, seconds=41)
    bands, classes = sentinel2(world, seen)
    scale = {"scale": 1e-4, "offset": S2_OFFSET * 1e-4}
    layers = []
    for key, reflectance in bands.items():
        factor = 2 if key in {"B8A", "B11", "B12"} else 1
        stored = np.rint(_averaged(reflectance, factor) * 10_000 - S2_OFFSET)
        layers.append(
            _Layer(
                key=key,
                values=np.clip(stored, 1, 65535).astype(np.uint16),
                factor=factor,
                nodata=0,
                band=scale,
            )
        )
    layers.append(_Layer(key="SCL", values=classes[::2, ::2], factor=2, nodata=0, overview="mode"))
    item = _item(
        root,
        grid,
        "sentinel-2-l2a",
        f"EXERCISE_S2A_MSIL2A_{moment:%Y%m%dT%H%M%S}_R038_T24SXX",
        moment,
        layers,
        {
            "platform": "EXERCISE-Sentinel-2A",
            "constellation": "EXERCISE-Sentinel-2",
            "instruments": ["msi"],
            "gsd": PIXEL_M,
            "eo:cloud_cover": round(100 * float(np.isin(classes, (8, 9)).mean()), 2),
            "s2:processing_baseline": _BASELINE,
            "sat:orbit_state": "descending",
            "sat:relative_orbit": 38,
        },
    )
    item.stac_extensions += _EO
    return item


def _static_items(root: Path, world: World, event: Event, grid: GeoBox) -> list[pystac.Item]:
    moment = event.onset.replace(year=event.onset.year - 2, month=1, day=1)
    ground = _averaged(world.elevation, _DEM_FACTOR)
    error = fractal(stream(world.seed, "survey"), ground.shape, longest=12, roughness=1.2)
    ground += np.float32(_DEM_ERROR_M) * error
    months = world.water_seasonality
    occurrence = np.rint(months * np.float32(100 / 12)).astype(np.uint8)
    water = [
        _Layer(key="seasonality", values=months, nodata=255, units="month", overview="mode"),
        _Layer(key="occurrence", values=occurrence, nodata=255, units="percent", overview="mode"),
    ]
    cover = _Layer(key="map", values=world.land_cover, nodata=0, overview="mode")
    dem = _Layer(key="data", values=ground, factor=_DEM_FACTOR, nodata=np.nan, units="m")
    pixel = float(grid.affine.a)
    content = {
        "cop-dem-glo-30": ([_finite(dem)], pixel * _DEM_FACTOR),
        "jrc-gsw": (water, pixel),
        "esa-worldcover": ([cover], pixel),
    }
    return [
        _item(root, grid, name, f"EXERCISE_{name}", moment, layers, {"gsd": gsd})
        for name, (layers, gsd) in content.items()
    ]


def _finite(layer: _Layer) -> _Layer:
    """Return the layer with a nodata value that JSON can write."""
    return _Layer(
        key=layer.key,
        values=layer.values,
        factor=layer.factor,
        nodata=-9999.0,
        units=layer.units,
    )
