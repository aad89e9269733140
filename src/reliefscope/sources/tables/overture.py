"""Roads and facilities from Overture Maps: columns of a table on S3, read where they are needed."""

import functools
import hashlib
import operator
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs
import shapely

from reliefscope.errors import IntegrityError, NothingFoundError, UnavailableError
from reliefscope.model.area import Area
from reliefscope.sources.tables._base import Layer, answer, member, plain
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access
from reliefscope.transport.hosts import check_host

CATALOG = "https://stac.overturemaps.org/catalog.json"
"""Names the latest release: each is taken down after about two months."""
BUCKET, REGION = "overturemaps-us-west-2", "us-west-2"
ACCESS = Access(
    service="Overture Maps",
    host=f"{BUCKET}.s3.{REGION}.amazonaws.com",
    probe=f"https://{BUCKET}.s3.{REGION}.amazonaws.com/?list-type=2&max-keys=1",
)
_SOURCE = "Overture Maps {release}, ODbL and CDLA-Permissive-2.0"
_ROADS = ("motorway", "trunk", "primary", "secondary", "tertiary")
_KINDS: Mapping[str, str] = {
    "hospital": "hospital",
    "medical_center": "clinic",
    "school": "school",
    "elementary_school": "school",
    "high_school": "school",
    "college_university": "school",
    "fire_department": "fire station",
    "police_department": "police",
    "airport": "airport",
    "embassy": "mission",
}
_RELEASE = re.compile(r"\d{4}-\d{2}-\d{2}\.\d{1,3}", re.ASCII)
_SURE = 0.5
"""Places the makers themselves doubt are left out."""


def roads(
    area: Area,
    transport: Transport,
    *,
    release: str = "",
    endpoint: str = "",
    catalog: str = CATALOG,
) -> Layer:
    """Return roads of some importance as lines with ``class`` and ``name``.

    Parameters
    ----------
    area : Area
        Only row groups whose boxes touch it are read.
    transport : Transport
        Settings: cache, offline, trusted hosts.
    release : str
        As in Overture's addresses; the latest by default.
    endpoint : str
        Another S3 service that holds a copy.
    catalog : str
        Where the latest release is named.

    Raises
    ------
    NothingFoundError
        The release is not there any more.
    UnavailableError
        The service could not be reached, or nothing is kept while offline.
    """
    release = release or _latest(transport, catalog)
    kept = _table(
        area,
        transport,
        theme="transportation",
        kind="segment",
        columns=("id", "class", "names", "geometry"),
        where=pc.field("class").isin(list(_ROADS)),
        release=release,
        endpoint=endpoint,
    )
    rows = [(plain(r.get("class")), _name(r), r["geometry"]) for r in kept]
    table = _frame(rows, ("class", "name"))
    return Layer(data=table, source=_SOURCE.format(release=release))


def facilities(
    area: Area,
    transport: Transport,
    *,
    release: str = "",
    endpoint: str = "",
    catalog: str = CATALOG,
) -> Layer:
    """Return hospitals, schools, airports, missions and the like; see `roads`."""
    release = release or _latest(transport, catalog)
    kept = _table(
        area,
        transport,
        theme="places",
        kind="place",
        columns=("id", "names", "categories", "confidence", "geometry"),
        where=pc.field("categories", "primary").isin(list(_KINDS))
        & (pc.field("confidence") >= _SURE),
        release=release,
        endpoint=endpoint,
    )
    rows = [(_name(r), _KINDS[r["categories"]["primary"]], r["geometry"]) for r in kept]
    table = _frame(rows, ("name", "kind"))
    return Layer(data=table, source=_SOURCE.format(release=release))


def _latest(transport: Transport, catalog: str) -> str:
    said = plain(member(answer(transport, Ask(url=catalog)), "latest", "Overture's catalog"))
    if not _RELEASE.fullmatch(said):
        raise IntegrityError(f"Overture's catalog names {said!r}, which is no release")
    return said


def _frame(rows: list[tuple[Any, ...]], names: tuple[str, str]) -> gpd.GeoDataFrame:
    shapes = shapely.from_wkb([row[2] for row in rows], on_invalid="ignore")
    frame = gpd.GeoDataFrame(
        {name: [row[i] for row in rows] for i, name in enumerate(names)},
        geometry=shapes,
        crs="EPSG:4326",
    )
    return frame[frame.geometry.notna()].reset_index(drop=True)


def _name(row: Mapping[str, Any]) -> str:
    names = row.get("names")
    return plain(names.get("primary")) if isinstance(names, Mapping) else ""


def _table(
    area: Area,
    transport: Transport,
    *,
    theme: str,
    kind: str,
    columns: tuple[str, ...],
    where: pc.Expression,
    release: str,
    endpoint: str,
) -> list[dict[str, Any]]:
    """Return the rows over ``area``; read once, then from the cache."""
    path = f"{BUCKET}/release/{release}/theme={theme}/type={kind}"
    asked = f"{path} {area.bbox} {columns} {where}"
    held = (
        transport.settings.cache / "tables" / f"{hashlib.sha256(asked.encode()).hexdigest()}.arrow"
    )
    if not held.exists():
        if transport.settings.offline:
            raise UnavailableError(
                f"offline, and nothing of Overture {release} is kept for area {area.name!r}; run "
                f"the same command once with a network"
            )
        _keep(_read(path, area, transport, columns, where, endpoint), held)
    with pa.OSFile(str(held)) as file:
        rows: list[dict[str, Any]] = pa.ipc.open_file(file).read_all().to_pylist()
    return rows


def _read(
    path: str,
    area: Area,
    transport: Transport,
    columns: tuple[str, ...],
    where: pc.Expression,
    endpoint: str,
) -> pa.Table:
    home = endpoint or f"https://{ACCESS.host}"
    check_host(home, home="", allow_hosts=transport.trusted)
    scheme, _, host = endpoint.rpartition("://")
    options = {"endpoint_override": host, "scheme": scheme} if endpoint else {}
    files = pyarrow.fs.S3FileSystem(anonymous=True, region=REGION, **options)
    near = functools.reduce(operator.or_, (_touches(*box) for box in area.boxes))
    try:
        held = ds.dataset(path, filesystem=files, format="parquet")
        return held.to_table(columns=list(columns), filter=near & where)
    except FileNotFoundError as error:
        raise NothingFoundError(
            f"Overture has no {path}; releases are taken down after some months: name a newer one"
        ) from error
    except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError) as error:
        raise IntegrityError(f"Overture: {path} is not as described ({error})") from error
    except OSError as error:
        raise UnavailableError(
            f"Overture could not be read ({type(error).__name__}); check the network, or try again "
            f"later"
        ) from error


def _touches(west: float, south: float, east: float, north: float) -> pc.Expression:
    return (
        (pc.field("bbox", "xmin") <= east)
        & (pc.field("bbox", "xmax") >= west)
        & (pc.field("bbox", "ymin") <= north)
        & (pc.field("bbox", "ymax") >= south)
    )


def _keep(table: pa.Table, path: Path) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.partial")
    with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    draft.replace(path)
