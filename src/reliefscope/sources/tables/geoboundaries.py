"""Administrative units from geoBoundaries: open, for every country, down to the second level."""

import geopandas as gpd
from pyogrio.errors import DataSourceError

from reliefscope.errors import IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.sources.tables._base import (
    Layer,
    answer,
    iso3_of,
    joined,
    member,
    plain,
    within,
)
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.content import Content
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Expected

URL = "https://www.geoboundaries.org/api/current/gbOpen"
ACCESS = Access(service="geoBoundaries", host="www.geoboundaries.org", probe=f"{URL}/LIE/ADM0/")
_LEVELS = (0, 1, 2)
_CODES = {"KOS": "XKX"}
"""Where its codes are not those of Natural Earth."""


def admin(area: Area, transport: Transport, *, url: str = URL) -> Layer:
    """Return the countries and the units of the first two levels that ``area`` touches.

    Returns
    -------
    Layer
        Polygons with ``name``, ``pcode`` (the provider's own identifier), ``level``.

    Raises
    ------
    NothingFoundError
        There is no unit in the area.
    SourceError
        The service failed; see `reliefscope.errors`.
    """
    frames, years, licences = [], set(), set()
    for code in iso3_of(area):
        for level in _LEVELS:
            try:
                about = answer(transport, Ask(url=f"{url}/{_CODES.get(code, code)}/ADM{level}/"))
            except NothingFoundError:  # small countries have no second level
                continue
            where = f"geoBoundaries for {code} ADM{level}"
            href = str(member(about, "simplifiedGeometryGeoJSON", where))
            if "://" not in href:
                raise IntegrityError(f"{where} names {plain(href)!r} as a file: no address")
            path = transport.fetch(Ask(url=href), Expected(content=Content.JSON))
            frames.append(_units(path, level, area, where))
            years.add(plain(about.get("boundaryYearRepresented"))[:9])
            licences.add(plain(about.get("boundaryLicense"))[:60])
    units = [frame for frame in frames if len(frame)]
    if not units:
        raise NothingFoundError(f"geoBoundaries has no unit in area {area.name!r}")
    vintage = ", ".join(sorted(year for year in years if year))
    terms = "; ".join(sorted(licence for licence in licences if licence))
    return Layer(data=joined(units), source=f"geoBoundaries gbOpen {vintage}, simplified ({terms})")


def _units(path: object, level: int, area: Area, where: str) -> gpd.GeoDataFrame:
    try:
        frame = gpd.read_file(path)
    except (DataSourceError, ValueError) as error:
        raise IntegrityError(f"{where}: the file holds no boundaries ({error})") from error
    missing = [c for c in ("shapeName", "shapeID") if c not in frame]
    if missing or frame.crs is None:
        raise IntegrityError(f"{where}: the file lacks {missing or 'a CRS'}")
    kept = within(frame, area)
    return gpd.GeoDataFrame(
        {
            "name": [plain(n) for n in kept["shapeName"]],
            "pcode": [plain(p) for p in kept["shapeID"]],
            "level": level,
        },
        geometry=kept.geometry.to_numpy(),
        crs=kept.crs,
    )
