"""Administrative units with P-codes: OCHA's Common Operational Datasets, from HDX."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataSourceError

from reliefscope.errors import IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.sources.tables._base import (
    Layer,
    answer,
    entries,
    iso3_of,
    joined,
    member,
    plain,
    within,
)
from reliefscope.transport.archive import unpack
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.content import Content, check_content
from reliefscope.transport.credentials import Access
from reliefscope.transport.download import Expected

URL = "https://data.humdata.org/api/3/action/package_show"
ACCESS = Access(
    service="OCHA COD-AB (HDX)",
    host="data.humdata.org",
    probe="https://data.humdata.org/api/3/action/site_read",
)
_FORMATS = ("geojson", "shp", "geopackage", "geodatabase")
"""Wanted first to last."""
_LEVELS = (1, 2, 3)
_MAGIC: Mapping[str, bytes] = {".shp": b"\0\0\x27\x0a", ".gpkg": b"SQLite format 3\0"}
"""First bytes of what holds vectors; anything else must be JSON."""
_MOST_BYTES = 5_000_000_000
_READABLE = (".shp", ".geojson", ".json", ".gpkg", ".gdb")


def admin(area: Area, transport: Transport, *, url: str = URL) -> Layer:
    """Return the units of levels 1 to 3 that ``area`` touches, with their P-codes.

    Raises
    ------
    NothingFoundError
        OCHA publishes none for the countries; `geoboundaries` has every country.
    SourceError
        The service failed; see `reliefscope.errors`.
    """
    frames, said = [], []
    for code in iso3_of(area):
        name = f"cod-ab-{code.lower()}"
        try:
            found = answer(transport, Ask(url=url, params={"id": name}))
        except NothingFoundError:
            continue
        package = member(found, "result", f"HDX for {name}")
        frames += _units(package, name, area, transport)
        said.append(f"{name} {plain(package.get('dataset_date'))[:60]}".strip())
    units = [frame for frame in frames if len(frame)]
    if not units:
        raise NothingFoundError(
            f"OCHA has no units with P-codes in area {area.name!r}; try 'geoboundaries'"
        )
    return Layer(data=joined(units), source=f"OCHA COD-AB: {'; '.join(said)}")


def _units(
    package: Mapping[str, Any], name: str, area: Area, transport: Transport
) -> list[gpd.GeoDataFrame]:
    chosen = _resource(entries(member(package, "resources", f"HDX for {name}"), name))
    if chosen is None:
        raise IntegrityError(f"HDX: {name} offers no vectors among its files")
    href = str(chosen.get("download_url") or chosen.get("url"))
    packed = href.lower().endswith(".zip")
    path = transport.fetch(Ask(url=href), Expected(content=Content.ZIP if packed else Content.ANY))
    home = path.parent
    if packed:
        digest = transport.store.sha256(transport.scrub(href)) or path.parent.name
        home = unpack(
            path,
            transport.settings.cache / "unpacked" / f"{name}-{digest[:16]}",
            cap_bytes=_MOST_BYTES,
        )
    return list(_levels(home if packed else path, area, name).values())


def _resource(resources: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    ranked = [
        (_FORMATS.index(kind), index, r)
        for index, r in enumerate(resources)
        if (kind := plain(r.get("format")).lower()) in _FORMATS
        and str(r.get("download_url") or r.get("url")).startswith(("https://", "http://"))
    ]
    return min(ranked, key=lambda r: r[:2])[2] if ranked else None


def _levels(home: Path, area: Area, name: str) -> dict[int, gpd.GeoDataFrame]:
    """Return the units by level; files and layers name theirs: ``..._adm2_...``."""
    files = (
        [home]
        if home.is_file()
        else [p for p in sorted(home.rglob("*")) if p.suffix.lower() in _READABLE]
    )
    found: dict[int, gpd.GeoDataFrame] = {}
    try:
        for path in filter(_leads_nowhere, files):
            for layer in pyogrio.list_layers(path)[:, 0]:
                level = _level_of(f"{path.stem} {layer}")
                if level in _LEVELS and level not in found:
                    frame = gpd.read_file(path, layer=layer)
                    table = _table(frame, level, area)
                    if table is not None:
                        found[level] = table
    except (DataSourceError, ValueError) as error:
        raise IntegrityError(f"HDX: {name} cannot be read as vectors ({error})") from error
    if not found:
        raise IntegrityError(f"HDX: {name} has no layer of a level with names and P-codes")
    return found


def _leads_nowhere(path: Path) -> bool:
    """Return whether a file holds its vectors itself.

    GDAL looks at content, not at names: a virtual dataset under any name would be followed to
    files of this machine and to hosts that nobody checked.
    """
    if path.is_dir():
        return path.suffix.lower() == ".gdb"
    magic = _MAGIC.get(path.suffix.lower())
    if magic is not None:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    try:
        check_content(path, Content.JSON, thorough=True)
    except IntegrityError:
        return False
    return True


def _level_of(text: str) -> int | None:
    hit = re.search(r"adm(?:in)?[_ -]?(\d)", text.lower())
    return int(hit[1]) if hit else None


def _table(frame: gpd.GeoDataFrame, level: int, area: Area) -> gpd.GeoDataFrame | None:
    """Return name, pcode and level; None where the layer has no such columns (lines, points)."""
    columns = {str(c).lower(): str(c) for c in frame.columns}
    pcode = columns.get(f"adm{level}_pcode")
    name = next(
        (
            original
            for pattern in (rf"adm{level}_name", rf"adm{level}_en", rf"adm{level}_[a-z]{{2}}")
            for lower, original in columns.items()
            if re.fullmatch(pattern, lower)
        ),
        None,
    )
    polygons = frame.geometry.geom_type.isin(("Polygon", "MultiPolygon")).any()
    if pcode is None or name is None or frame.crs is None or not polygons:
        return None
    kept = within(frame, area)
    return gpd.GeoDataFrame(
        {
            "name": [plain(n) for n in kept[name]],
            "pcode": [plain(p) for p in kept[pcode]],
            "level": level,
        },
        geometry=kept.geometry.to_numpy(),
        crs=kept.crs,
    )
