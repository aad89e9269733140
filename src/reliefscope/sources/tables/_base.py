"""What services of tables share: a layer with its source, countries of an area, safe columns."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
import xarray as xr

from reliefscope.errors import IntegrityError, NothingFoundError
from reliefscope.model.area import Area
from reliefscope.sources.places import countries
from reliefscope.transport.client import Ask, Transport

MAX_TEXT = 200
_LONLAT = "EPSG:4326"
_COUNTED_WITH: Mapping[str, str] = {"SOL": "SOM", "CYN": "CYP"}
"""Outlines that Natural Earth draws apart under letters of its own (Somaliland, Northern Cyprus),
and the code of ISO 3166-1 under which services file them; no position on status is implied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What a service has for an area."""

    data: xr.DataArray | gpd.GeoDataFrame
    """People per cell on the provider's own grid, or a table in EPSG:4326."""
    source: str
    """Name, vintage and licence, printed beside every figure."""


def iso3_of(area: Area) -> tuple[str, ...]:
    """Return the ISO 3166-1 alpha-3 codes of the countries that ``area`` touches, sorted.

    Raises
    ------
    NothingFoundError
        The area lies in no country.
    """
    table = countries()
    touched = table[shapely.intersects(table.geometry.to_numpy(), area.geometry)]
    drawn = (str(code) for code in touched["iso_a3"])
    codes = sorted({_COUNTED_WITH.get(code, code) for code in drawn if code.isalpha()})
    if not codes:
        raise NothingFoundError(f"area {area.name!r} touches no country; give a file instead")
    return tuple(codes)


def member(node: object, key: str, where: str) -> Any:  # noqa: ANN401 - JSON
    """Return ``node[key]`` of an answer. IntegrityError: it has none."""
    if not isinstance(node, Mapping) or key not in node:
        raise IntegrityError(f"{where} did not answer as described: there is no {key!r}")
    return node[key]


def entries(node: object, where: str) -> list[Mapping[str, Any]]:
    """Return the objects in a list of an answer. IntegrityError: it is no list."""
    if not isinstance(node, list):
        raise IntegrityError(f"{where} did not answer as described: a list was expected")
    return [entry for entry in node if isinstance(entry, Mapping)]


def plain(text: object) -> str:
    """Return text from outside as one short line without control characters."""
    shown = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(text or ""))
    return " ".join(shown.split())[:MAX_TEXT]


def year_of(value: object) -> int | None:
    """Return a year that begins a text, as services write it; None if it is none."""
    text = plain(value)[:4]
    return int(text) if len(text) == 4 and text.isascii() and text.isdigit() else None  # noqa: PLR2004 - digits


def web_address(value: object, where: str) -> str:
    """Return an address that may be asked. IntegrityError: it is none."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise IntegrityError(f"{where} names {plain(value)!r} as a file; it is not followed")
    return value


def within(frame: gpd.GeoDataFrame, area: Area) -> gpd.GeoDataFrame:
    """Return the rows that touch ``area``, in EPSG:4326; broken and empty geometries are left."""
    frame = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    frame = frame.to_crs(_LONLAT)
    return frame[shapely.intersects(frame.geometry.to_numpy(), area.geometry)].reset_index(
        drop=True
    )


def joined(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Return several tables as one."""
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=_LONLAT)


def answer(transport: Transport, ask: Ask) -> Any:  # noqa: ANN401 - JSON
    """Return an answer in JSON; kept for work without a network."""
    return transport.json(ask)
