"""Services of population, admin units, places, roads and facilities, by what they are for.

To add one: one file, one line here.
"""

from collections.abc import Callable, Mapping

from reliefscope.model.area import Area
from reliefscope.sources.tables import (
    cod_ab,
    firms,
    geoboundaries,
    ghsl,
    natural_earth,
    osm,
    overture,
    worldpop,
)
from reliefscope.sources.tables._base import Layer
from reliefscope.transport.client import Transport
from reliefscope.transport.credentials import Access

__all__ = ["ACCESS", "TABLES", "Layer"]

Service = Callable[[Area, Transport], Layer]

TABLES: Mapping[str, Mapping[str, Service]] = {
    "population": {"worldpop": worldpop.population, "ghsl": ghsl.population},
    "admin": {
        "geoboundaries": geoboundaries.admin,
        "cod-ab": cod_ab.admin,
        "natural-earth": natural_earth.admin,
    },
    "places": {"osm": osm.places},
    "roads": {"osm": osm.roads, "overture": overture.roads},
    "facilities": {"osm": osm.facilities, "overture": overture.facilities},
}
"""Services by what they are for, then by name."""

ACCESS: Mapping[str, Access] = {
    "worldpop": worldpop.ACCESS,
    "ghsl": ghsl.ACCESS,
    "geoboundaries": geoboundaries.ACCESS,
    "cod-ab": cod_ab.ACCESS,
    "osm": osm.ACCESS,
    "overture": overture.ACCESS,
    "firms": firms.ACCESS,
}
"""What the services ask for."""
