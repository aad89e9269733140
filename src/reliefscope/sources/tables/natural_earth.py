"""Countries from Natural Earth, which are part of the installation: nothing is asked."""

import geopandas as gpd

from reliefscope.errors import NothingFoundError
from reliefscope.model.area import Area
from reliefscope.sources.places import countries
from reliefscope.sources.tables._base import Layer, within
from reliefscope.transport.client import Transport


def admin(area: Area, transport: Transport) -> Layer:
    """Return the countries that ``area`` touches, with ISO codes as P-codes, level 0."""
    del transport  # nothing is asked
    kept = within(countries(), area)
    if not len(kept):
        raise NothingFoundError(f"area {area.name!r} touches no country")
    return Layer(
        data=gpd.GeoDataFrame(
            {"name": kept["name"].astype(str), "pcode": kept["iso_a3"].astype(str), "level": 0},
            geometry=kept.geometry.to_numpy(),
            crs=kept.crs,
        ),
        source="Natural Earth 1:50 million, public domain",
    )
