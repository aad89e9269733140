"""Whole products in ESA's SAFE format, as folders or zip files, opened as canonical cubes."""

from collections.abc import Collection, Sequence
from pathlib import Path

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError, NothingFoundError
from reliefscope.model.granule import Granule
from reliefscope.sources._safe import sentinel1, sentinel2
from reliefscope.sources._safe.package import Package

__all__ = ["load_safe", "open_safe"]

_LICENCE = "Legal notice on the use of Copernicus Sentinel Data and Service Information"
_OPTICAL = frozenset(sentinel2.METADATA.values())


def open_safe(path: Path) -> Granule:
    """Return the granule that a SAFE product holds, as its own metadata describe it.

    Sentinel-2 Level-1C and Level-2A of the compact format, and Sentinel-1 GRD, are read.
    Reflectance comes with the scale and the offsets that the product states; files are named at
    their native pixel size.

    Parameters
    ----------
    path : Path
        A ``.SAFE`` folder, a folder with one in it, or the zip file of one. Sentinel-1 images
        are read far faster from a folder.

    Returns
    -------
    Granule
        Its assets are what `load_safe` can load.

    Raises
    ------
    InputError
        There is nothing at ``path``, or a product of another kind.
    IntegrityError
        The product is incomplete, malformed, or points outside its own folder.
    """
    package = Package.find(path)
    for metadata in sentinel2.METADATA:
        if package.size(metadata) is not None:
            return sentinel2.open_sentinel2(package, metadata, _LICENCE)
    return sentinel1.open_sentinel1(package, _LICENCE)


def load_safe(
    granules: Sequence[Granule],
    grid: GeoBox,
    variables: Collection[str],
    *,
    dem: Path | xr.DataArray | None = None,
    geoid_m: float | None = None,
    flatten: bool = False,
) -> xr.Dataset:
    """Return ``variables`` of products on ``grid``, lazy, in canonical units.

    Sentinel-1 backscatter is calibrated and freed of thermal noise by the product's own tables.
    With heights it is put in place by the orbit (range-Doppler), without by the product's own
    ground control points, which know nothing of the relief between them. Each block reads the
    part of the images that it needs.

    Parameters
    ----------
    granules : sequence of Granule
        From `open_safe`, all of Sentinel-1 or all of Sentinel-2. Those of one pass are mosaicked,
        the first valid pixel wins.
    grid : GeoBox
        Target pixels.
    variables : collection of str
        Canonical names; those that no granule has are left out.
    dem : Path or DataArray, (y, x), optional
        Heights of the ground above the geoid [m], for Sentinel-1. Where they are NaN, nothing
        can be placed: not observed.
    geoid_m : float, optional
        Height of the geoid above the ellipsoid here [m]; 0 where ``dem`` is above the ellipsoid.
        By default PROJ's EGM2008 model is asked.
    flatten : bool
        Whether Sentinel-1 is divided by the area of the slopes (gamma0, terrain flattened)
        rather than of the ellipsoid (sigma0).

    Returns
    -------
    Dataset, (time, y, x)
        Reflectance [1], scene classes, backscatter in linear power [1], incidence angle on the
        ellipsoid [degrees]; not observed is NaN. For Sentinel-1 the attributes ``geocoding`` and
        ``radiometry`` say how it was made.

    Raises
    ------
    NothingFoundError
        There are no granules, or none has any of the variables.
    InputError
        Granules of both missions are mixed, or flattening is asked for without heights.
    IntegrityError
        A product is incomplete or malformed.

    Warns
    -----
    FallbackWarning
        There is no model of the geoid on this machine.
    """
    if not granules:
        raise NothingFoundError("no granules were given; open some with open_safe")
    collections = {granule.collection for granule in granules}
    if collections <= _OPTICAL:
        return sentinel2.load_sentinel2(granules, grid, variables)
    if collections == {sentinel1.COLLECTION}:
        return sentinel1.load_sentinel1(
            granules, grid, variables, dem=dem, geoid_m=geoid_m, flatten=flatten
        )
    raise InputError(
        f"granules are of {sorted(collections)}; load those of Sentinel-1 and of Sentinel-2 apart"
    )
