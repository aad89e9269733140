"""Where cubes come from. To add a source: one file, one line here."""

from collections.abc import Mapping

from reliefscope.sources import _profiles, cdse, chirps, era5_land, imerg, tables
from reliefscope.sources._base import Source
from reliefscope.sources.cdse import CdseSource
from reliefscope.sources.chirps import ChirpsSource
from reliefscope.sources.delineation import DelineationSource
from reliefscope.sources.dhus import DhusSource
from reliefscope.sources.era5_land import Era5LandSource
from reliefscope.sources.files import FilesSource
from reliefscope.sources.imerg import ImergSource
from reliefscope.sources.stac import StacSource
from reliefscope.sources.tracks import TrackSource
from reliefscope.transport.credentials import Access

SOURCES: Mapping[str, type[Source]] = {
    "cdse": CdseSource,
    "chirps": ChirpsSource,
    "delineation": DelineationSource,
    "dhus": DhusSource,
    "era5-land": Era5LandSource,
    "files": FilesSource,
    "imerg": ImergSource,
    "stac": StacSource,
    "track": TrackSource,
}

ACCESS: Mapping[str, Access] = {
    **_profiles.ACCESS,
    "cdse": cdse.ACCESS,
    "cdse-s3": _profiles.ACCESS_S3,
    "chirps": chirps.ACCESS,
    "era5-land": era5_land.ACCESS,
    "imerg": imerg.ACCESS,
    **tables.ACCESS,
}
"""What the services behind the sources ask for."""
