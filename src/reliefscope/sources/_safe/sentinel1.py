"""Sentinel-1 ground range products: calibrated, freed of thermal noise, put on the map."""

import datetime as dt
import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.model.cube import describe
from reliefscope.model.granule import Asset, Granule, group_passes
from reliefscope.sources._safe import mapping
from reliefscope.sources._safe.annotation import read_annotation, read_calibration, read_noise
from reliefscope.sources._safe.mapping import INCIDENCE, Product
from reliefscope.sources._safe.markup import Node
from reliefscope.sources._safe.package import Package, Promise, outline
from reliefscope.sources._safe.radiometry import Image

log = logging.getLogger(__name__)

COLLECTION = "sentinel-1-grd"
_POLARISATIONS = ("vv", "vh")
_KINDS = {
    "image": "s1Level1MeasurementSchema",
    "annotation": "s1Level1ProductSchema",
    "calibration": "s1Level1CalibrationSchema",
    "noise": "s1Level1NoiseSchema",
}


def open_sentinel1(package: Package, licence: str) -> Granule:
    """Return the granule that a Sentinel-1 product holds.

    Raises
    ------
    IntegrityError
        The product is incomplete or malformed.
    InputError
        It is of another kind than GRD.
    """
    manifest = package.xml("manifest.safe")
    family = manifest.text(".//{*}platform/{*}familyName")
    product = manifest.text(".//{*}standAloneProductInformation/{*}productType")
    if (family, product) != ("SENTINEL-1", "GRD"):
        raise InputError(
            f"{package.name} is {family} {product}; of Sentinel-1, only GRD products are read"
        )
    orbit = manifest.find(".//{*}orbitReference")
    promised = package.manifest()
    bands = _bands(package, promised)
    package.check([member for files in bands.values() for member in files.values()], promised)
    sights = [read_annotation(package.xml(files["annotation"])) for files in bands.values()]
    return Granule(
        id=package.name,
        source="safe",
        collection=COLLECTION,
        acquired=manifest.moment(".//{*}acquisitionPeriod/{*}startTime"),
        footprint=_footprint(manifest),
        assets=_assets(package, bands, promised),
        platform=f"sentinel-1{manifest.text('.//{*}platform/{*}number').lower()}",
        instrument="c-sar",
        relative_orbit=orbit.whole("{*}relativeOrbitNumber"),
        orbit_state=orbit.text(".//{*}pass").lower(),
        resolution=max((sight.spacing[1] for sight in sights), default=None),
        licence=licence,
        properties={
            "absolute_orbit": str(orbit.whole("{*}orbitNumber")),
            "instrument_mode": manifest.text(".//{*}instrumentMode/{*}mode"),
            "polarisations": " ".join(
                node.text() for node in manifest.all(".//{*}transmitterReceiverPolarisation")
            ),
            "processor_version": manifest.find(".//{*}software").attribute("version"),
        },
    )


def load_sentinel1(
    granules: Sequence[Granule],
    grid: GeoBox,
    variables: Collection[str],
    *,
    dem: Path | xr.DataArray | None,
    geoid_m: float | None,
    flatten: bool,
) -> xr.Dataset:
    """Return backscatter and incidence angle on ``grid``, lazy; see `load_safe`.

    Raises
    ------
    NothingFoundError
        No granule has any of the variables.
    IntegrityError
        A product is incomplete or malformed.
    InputError
        Flattening was asked for without heights.
    """
    names = [v for v in variables if any(v in g.assets for g in granules)]
    if not names:
        found = sorted({v for g in granules for v in g.assets})
        raise NothingFoundError(
            f"{len(granules)} granule(s) hold {found}, none of {sorted(variables)}"
        )
    if flatten and dem is None:
        raise InputError("flattening needs the heights of the ground; give a dem")
    ground = None if dem is None else mapping.terrain(dem, grid, geoid_m, flatten=flatten)
    products: list[Product] = []
    passes = []
    for group in group_passes(granules):
        held = [_product(granule) for granule in group if INCIDENCE in granule.assets]
        parts = [mapping.on_grid(product, grid, names, ground) for product in held]
        layers = {name: _mosaic([part[name] for part in parts]) for name in names}
        passes.append(xr.Dataset(layers).expand_dims(time=[_stamp(group[0])]))
        products += held
    cube = xr.concat(passes, dim="time")
    cube = cube.assign({name: describe(name, cube[name]) for name in names})
    return cube.assign_attrs(mapping.account([p.annotation for p in products], ground))


def _stamp(granule: Granule) -> np.datetime64:
    moment = granule.acquired or dt.datetime.min.replace(tzinfo=dt.UTC)
    return np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None), "ns")


def _mosaic(parts: Sequence[xr.DataArray]) -> xr.DataArray:
    """Return the first part that observed each pixel."""
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.where(merged.notnull(), part)
    return merged


def _product(granule: Granule) -> Product:
    """Read what calibrates and locates the images of a granule."""
    package = Package.at(granule.assets[INCIDENCE].href.rpartition("/annotation/")[0])
    if package.inside:
        log.warning(
            "%s is read within its zip file, from the start for each block; extract it first",
            package.name,
        )
    images = {}
    for name, files in _bands(package, package.manifest()).items():
        images[name] = Image(
            href=package.href(files["image"]),
            annotation=read_annotation(package.xml(files["annotation"])),
            calibration=read_calibration(package.xml(files["calibration"])),
            noise=read_noise(package.xml(files["noise"])),
        )
        _check_raster(images[name])
    if not images:
        raise package.missing(["images of VV or VH"])
    return Product(annotation=next(iter(images.values())).annotation, images=images)


def _check_raster(image: Image) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(image.href) as raster:
                shape, dtype = raster.shape, raster.dtypes[0]
    except RasterioError as error:
        raise IntegrityError(f"{image.href} is not a raster: {error}; fetch it again") from error
    if shape != image.annotation.shape or dtype != "uint16":
        raise IntegrityError(
            f"{image.href} has {shape} pixels of {dtype}; its annotation says "
            f"{image.annotation.shape} of uint16: fetch the product again"
        )


def _bands(package: Package, promised: Mapping[str, Promise]) -> dict[str, dict[str, str]]:
    """Return the files of each polarisation by what they are.

    Which polarisation a file is of shows in its name, which the product specification rules:
    ``s1a-iw-grd-vv-20230310t...``.
    """
    bands: dict[str, dict[str, str]] = {}
    for name in _POLARISATIONS:
        files = {
            what: member
            for what, kind in _KINDS.items()
            for member, promise in promised.items()
            if promise.kind == kind and f"-{name}-" in member.rpartition("/")[2].lower()
        }
        if not files:
            continue
        if lacking := [what for what in _KINDS if what not in files]:
            raise package.missing([f"the {what} of {name.upper()}" for what in lacking])
        bands[name] = files
    return bands


def _assets(
    package: Package, bands: Mapping[str, Mapping[str, str]], promised: Mapping[str, Promise]
) -> dict[str, Asset]:
    assets = {
        name: Asset(
            href=package.href(files["image"]),
            units="digital number",
            nodata=0,
            size=promised[files["image"]].size,
            checksum=promised[files["image"]].checksum,
        )
        for name, files in bands.items()
    }
    for files in bands.values():
        assets[INCIDENCE] = Asset(href=package.href(files["annotation"]), units="degree")
        break
    return assets


def _footprint(manifest: Node) -> BaseGeometry:
    text = manifest.text(".//{*}footPrint/{*}coordinates")
    try:
        pairs = [pair.split(",") for pair in text.split()]
        corners = [(float(lon), float(lat)) for lat, lon in pairs]
    except ValueError:
        corners = []
    return outline(corners, manifest.place)
