"""People per cell from WorldPop: constrained estimates at 3 seconds of arc, country by country."""

from reliefscope.errors import NothingFoundError
from reliefscope.model.area import Area
from reliefscope.sources._population import mosaic_people
from reliefscope.sources.tables._base import (
    Layer,
    answer,
    entries,
    iso3_of,
    member,
    web_address,
    year_of,
)
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.content import Content
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Expected

URL = "https://hub.worldpop.org/rest/data"
ACCESS = Access(service="WorldPop", host="hub.worldpop.org", probe=f"{URL}/pop")
_DATASET = "pop/G2_CN_POP_R25A_100m"
"""Global2, constrained to where buildings are, release R2025A: 2015 to 2030."""


def population(area: Area, transport: Transport, *, url: str = URL) -> Layer:
    """Return people per cell around ``area`` on WorldPop's own grid; nothing is resampled.

    Of each country the latest year that is an estimate and not a projection: that of its release.

    Raises
    ------
    NothingFoundError
        WorldPop has none of the countries.
    SourceError
        The service failed; see `reliefscope.errors`.
    """
    paths, years, without = [], set(), []
    for code in iso3_of(area):
        try:
            found = answer(transport, Ask(url=f"{url}/{_DATASET}", params={"iso3": code}))
        except NothingFoundError:
            without.append(code)
            continue
        where = f"WorldPop for {code}"
        latest = _latest(entries(member(found, "data", where), where))
        if latest is None:
            without.append(code)
            continue
        year, href = latest
        ask, promised = Ask(url=href), Expected(content=Content.RASTER)
        paths.append(transport.fetch(ask, promised))
        years.add(year)
    if not paths:
        raise NothingFoundError(f"WorldPop has no population for area {area.name!r}")
    span = "-".join(sorted({str(min(years)), str(max(years))}))
    return Layer(
        data=mosaic_people(paths, area),
        source=f"WorldPop {span}, constrained, R2025A, CC BY 4.0 (doi:10.5258/SOTON/WP00839)"
        + (f"; nobody counted in {', '.join(without)}" if without else ""),
    )


def _latest(items: list) -> tuple[int, str] | None:  # type: ignore[type-arg] # JSON
    """Return year and address of the latest estimate among the entries of a country."""
    found = []
    for item in items:
        year, released = year_of(item.get("popyear")), year_of(item.get("date"))
        files = item.get("files")
        names = (
            [str(f) for f in files if str(f).endswith(".tif")] if isinstance(files, list) else []
        )
        if year is None or released is None or not names:
            continue
        found.append((year <= released, year, web_address(names[0], "WorldPop")))
    if not found:
        return None
    # a projection only where there is no estimate; of those the one nearest to the present
    estimates = [entry for entry in found if entry[0]]
    chosen = max(estimates) if estimates else min(found)
    return chosen[1], chosen[2]
