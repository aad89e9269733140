"""Population, admin units, places, roads and facilities, from files and from services."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import shapely
from pyogrio.errors import DataSourceError

from reliefscope.errors import FallbackWarning, InputError, SourceError
from reliefscope.model.area import Area
from reliefscope.model.context import Context
from reliefscope.model.granule import EXERCISE_TAG
from reliefscope.sources._population import read_population
from reliefscope.sources._raster import read_header
from reliefscope.sources.tables import TABLES, Layer
from reliefscope.transport.client import Transport

__all__ = ["ContextFiles", "read_context", "read_population"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFiles:
    """Where the reference layers are; each may be absent.

    A layer is a file (Path), or the name of a service of `reliefscope.sources.tables.TABLES`, such
    as ``"worldpop"`` (str).
    """

    population: Path | str | None = None
    """Raster of people per cell, for example WorldPop or GHSL."""
    population_source: str = ""
    """Name, vintage and licence, printed beside every figure; services state their own."""
    admin: Path | str | None = None
    """Polygons."""
    admin_source: str = ""
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Columns of ``admin`` that hold ``name``, ``pcode`` and ``level``, where named otherwise."""
    places: Path | str | None = None
    roads: Path | str | None = None
    facilities: Path | str | None = None


def read_context(where: ContextFiles, area: Area, *, transport: Transport | None = None) -> Context:
    """Return the layers over ``area``.

    A service that fails is told by a `FallbackWarning` and in the notes of the product; the map is
    made without its layer. A file that fails is an error.

    Parameters
    ----------
    where : ContextFiles
        Files, and names of services.
    area : Area
        What must be covered.
    transport : Transport, optional
        Asks the services.

    Raises
    ------
    InputError
        A file is missing, not readable, or lacks a column; or there is no such service.
    CubeError
        The population raster has no CRS.
    """
    asked = {slot: _ask(slot, getattr(where, slot), area, transport) for slot in TABLES}
    notes = tuple(note for _, note in asked.values() if note)
    layers = {slot: layer for slot, (layer, _) in asked.items() if layer is not None}
    data = {slot: layer.data for slot, layer in layers.items()}
    files = {slot: path for slot in TABLES if (path := _file(slot, getattr(where, slot)))}
    exercise = False
    if "population" in files:
        data["population"] = read_population(files["population"], area)
        exercise = read_header(str(files["population"])).tags.get(EXERCISE_TAG) == "YES"
    if "admin" in files:
        data["admin"] = _admin(files["admin"], where.fields, area)
    data |= {slot: _vectors(files[slot], area) for slot in _POINTS_AND_LINES if slot in files}
    said = {slot: layer.source for slot, layer in layers.items()}
    return Context(
        population=data.get("population"),
        population_source=where.population_source or said.get("population", ""),
        admin=data.get("admin"),
        admin_source=where.admin_source or said.get("admin", ""),
        places=data.get("places"),
        roads=data.get("roads"),
        facilities=data.get("facilities"),
        exercise=exercise,
        credits=tuple(sorted({said[slot] for slot in _POINTS_AND_LINES if slot in said})),
        notes=notes,
    )


_POINTS_AND_LINES = ("places", "roads", "facilities")


def _file(slot: str, given: Path | str | None) -> Path | None:
    """Return the file that is meant; None for a service, and for nothing."""
    if isinstance(given, str) and given not in TABLES[slot] and Path(given).exists():
        return Path(given)
    return given if isinstance(given, Path) else None


def _ask(
    slot: str, name: Path | str | None, area: Area, transport: Transport | None
) -> tuple[Layer | None, str]:
    """Return the layer of a service, or why there is none."""
    if name is None or _file(slot, name) is not None:
        return None, ""
    name = str(name)
    if name not in TABLES[slot]:
        raise InputError(
            f"{slot} = {name!r} is neither a file nor a service; services are "
            f"{sorted(TABLES[slot])}"
        )
    try:
        return TABLES[slot][name](area, transport or Transport()), ""
    except (SourceError, InputError) as error:
        note = f"{slot}: {name} failed ({error}); the map is made without"
        warnings.warn(note, FallbackWarning, stacklevel=3)
        return None, note


def _admin(path: Path, fields: Mapping[str, str], area: Area) -> gpd.GeoDataFrame:
    frame = _vectors(path, area)
    frame = frame.rename(columns={theirs: ours for ours, theirs in fields.items()})
    missing = [c for c in ("name", "pcode") if c not in frame]
    if missing:
        raise InputError(
            f"{path} lacks {missing}; it has {sorted(map(str, frame.columns))}. "
            f"Say which columns they are with fields = {{ name = '...', pcode = '...' }}"
        )
    return frame if "level" in frame else frame.assign(level=1)


def _vectors(path: Path, area: Area) -> gpd.GeoDataFrame:
    if not path.exists():
        raise InputError(
            f"{path} does not exist; give a file, or a service: "
            f"{ {slot: sorted(names) for slot, names in TABLES.items()} }"
        )
    try:
        reader = gpd.read_parquet if path.suffix == ".parquet" else gpd.read_file
        frame = reader(path)
    except (DataSourceError, ValueError) as error:
        raise InputError(f"{path} cannot be read as vectors: {error}") from error
    if frame.crs is None:
        raise InputError(f"{path} has no CRS; save it with one (EPSG:4326 will do)")
    frame = frame.to_crs("EPSG:4326")
    return frame[shapely.intersects(frame.geometry.values, area.geometry)].reset_index(drop=True)
