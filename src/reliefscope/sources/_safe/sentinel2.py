"""Sentinel-2 Level-1C and Level-2A products in the compact format (since December 2016)."""

from collections.abc import Collection, Mapping, Sequence

import xarray as xr
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import IntegrityError
from reliefscope.model.cube import OPTICAL
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._raster import load_granules
from reliefscope.sources._safe.markup import Node
from reliefscope.sources._safe.package import Package, Promise, outline

L1C, L2A = "sentinel-2-l1c", "sentinel-2-l2a"
METADATA = {"MTD_MSIL2A.xml": L2A, "MTD_MSIL1C.xml": L1C}
"""Collection by the name of the product's metadata file."""

_BANDS = {
    "blue": ("B02", 10, 1),
    "green": ("B03", 10, 2),
    "red": ("B04", 10, 3),
    "nir": ("B08", 10, 7),
    "nir08": ("B8A", 20, 8),
    "swir16": ("B11", 20, 11),
    "swir22": ("B12", 20, 12),
}
"""Name, native pixel size [m] and identifier of the band behind each variable."""
_SCENE_CLASSES = ("SCL", 20)
_QUANTIFICATION = {L2A: ".//BOA_QUANTIFICATION_VALUE", L1C: ".//QUANTIFICATION_VALUE"}
_OFFSET = {L2A: ".//BOA_ADD_OFFSET", L1C: ".//RADIO_ADD_OFFSET"}
_OFFSETS_SINCE, _OWN_PROCESSING = 4.0, 99.0
"""First baseline with offsets; 99.99 marks what users processed themselves."""
_SATURATED = "saturated"


def open_sentinel2(package: Package, metadata: str, licence: str) -> Granule:
    """Return the granule that a Sentinel-2 product holds.

    Parameters
    ----------
    package : Package
        The product.
    metadata : str
        One of `METADATA`.
    licence : str
        Terms of use.

    Raises
    ------
    IntegrityError
        The product is incomplete or malformed.
    """
    collection = METADATA[metadata]
    root = package.xml(metadata)
    special = {
        node.text("SPECIAL_VALUE_TEXT"): node.whole("SPECIAL_VALUE_INDEX")
        for node in root.all(".//Special_Values")
    }
    promised = package.manifest() if package.size("manifest.safe") is not None else {}
    datatake = root.find(".//Datatake")
    covers = root.all(".//Cloud_Coverage_Assessment")
    return Granule(
        id=package.name,
        source="safe",
        collection=collection,
        acquired=root.moment(".//PRODUCT_START_TIME"),
        footprint=_footprint(root),
        assets=_assets(package, root, collection, special.get("NODATA", 0), promised),
        platform=datatake.text("SPACECRAFT_NAME").lower(),
        instrument="msi",
        relative_orbit=datatake.whole("SENSING_ORBIT_NUMBER"),
        orbit_state=datatake.text("SENSING_ORBIT_DIRECTION").lower(),
        resolution=10.0,
        cloud_cover=covers[0].number() if covers else None,
        licence=licence,
        properties={
            "processing_baseline": root.text(".//PROCESSING_BASELINE"),
            "datatake": datatake.attribute("datatakeIdentifier"),
            "generated": root.text(".//GENERATION_TIME"),
            _SATURATED: str(special.get("SATURATED", 65535)),
        },
    )


def load_sentinel2(
    granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
) -> xr.Dataset:
    """Return reflectance and scene classes on ``grid``, lazy; see `load_safe`.

    Raises
    ------
    NothingFoundError, CubeError, IntegrityError, UnavailableError
        As `load_granules`.
    """
    cube = load_granules(granules, grid, variables)
    for name in OPTICAL & set(map(str, cube)):
        # a saturated detector says only that there was more: where pixels are averaged, its
        # neighbours are too bright but still seen
        full = min(
            float(g.properties.get(_SATURATED, "65535")) * g.assets[name].scale
            + g.assets[name].offset
            for g in granules
            if name in g.assets
        )
        cube[name] = cube[name].where(cube[name] < full * (1 - 1e-6))
    return cube


def _assets(
    package: Package,
    root: Node,
    collection: str,
    nodata: int,
    promised: Mapping[str, Promise],
) -> dict[str, Asset]:
    files = _images(root)
    divisor = root.positive(_QUANTIFICATION[collection])
    offsets = _offsets(root, collection)
    layers = {v: (_member(files, n, m, collection), i) for v, (n, m, i) in _BANDS.items()}
    if collection == L2A:
        layers["scl"] = (_member(files, *_SCENE_CLASSES, collection), -1)
    package.check([member for member, _ in layers.values()], promised)
    return {
        variable: Asset(
            href=package.href(member),
            units="1",
            scale=1 / divisor if number >= 0 else 1.0,
            offset=offsets.get(number, 0.0) / divisor,
            nodata=nodata,
            size=package.size(member),
            checksum=promised[member].checksum if member in promised else None,
        )
        for variable, (member, number) in layers.items()
    }


def _images(root: Node) -> list[str]:
    """Return the image files of the one tile, without their suffix."""
    tiles = root.some(".//Granule_List/Granule")
    if len(tiles) > 1:
        raise IntegrityError(
            f"{root.place} lists {len(tiles)} tiles; only products of one tile are read: fetch "
            f"the product in its present format"
        )
    return [node.text() for node in tiles[0].some("IMAGE_FILE")]


def _member(files: Sequence[str], band: str, metres: int, collection: str) -> str:
    """Return the file of a band at its native pixel size; the name where none is listed."""
    end = f"_{band}_{metres}m" if collection == L2A else f"_{band}"
    return next((f"{name}.jp2" for name in files if name.endswith(end)), f"image{end}.jp2")


def _offsets(root: Node, collection: str) -> dict[int, float]:
    """Return what is added to digital numbers, by band identifier.

    Raises
    ------
    IntegrityError
        A product of a baseline that has offsets does not state them all: reflectance would be
        wrong by 0.1 in silence.
    """
    told = {}
    for node in root.all(_OFFSET[collection]):
        name = node.attribute("band_id")
        if name.isdecimal():
            told[int(name)] = node.number()
    baseline = root.number(".//PROCESSING_BASELINE")
    lacking = [name for name, _, number in _BANDS.values() if number not in told]
    if lacking and (told or _OFFSETS_SINCE <= baseline < _OWN_PROCESSING):
        raise IntegrityError(
            f"{root.place} states no {_OFFSET[collection][3:]} for {', '.join(lacking)}, which "
            f"products of baseline {baseline:05.2f} have; fetch the product again"
        )
    return told


def _footprint(root: Node) -> BaseGeometry:
    values = root.numbers(".//Global_Footprint/EXT_POS_LIST")
    return outline(list(zip(values[1::2], values[::2], strict=False)), root.place)
