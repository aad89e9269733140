"""Active fires from NASA FIRMS: detections as points, with power and confidence."""

import datetime as dt
import io
from pathlib import Path

import geopandas as gpd
import pandas as pd

from reliefscope.errors import AccessError, InputError, IntegrityError
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.sources.tables._base import joined
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

URL = "https://firms.modaps.eosdis.nasa.gov"
ACCESS = Access(
    service="NASA FIRMS",
    names=("FIRMS_MAP_KEY",),
    host="firms.modaps.eosdis.nasa.gov",
    how="ask for a free key at https://firms.modaps.eosdis.nasa.gov/api/map_key/",
    probe=f"{URL}/api/data_availability/",
)
SENSORS = ("VIIRS_SNPP_NRT", "VIIRS_NOAA20_NRT", "VIIRS_NOAA21_NRT", "MODIS_NRT")
"""Near real time; ``_SP`` in place of ``_NRT`` is the standard product of earlier years."""
_DAYS = 5
"""Most days that one request may ask for."""
_NEEDED = ("latitude", "longitude", "acq_date", "acq_time", "frp", "confidence")
_KEPT = ("confidence", "satellite", "instrument", "daynight")


def active_fires(
    area: Area,
    window: Window,
    transport: Transport,
    *,
    sensors: tuple[str, ...] = SENSORS,
    url: str = URL,
) -> gpd.GeoDataFrame:
    """Return detections of active fires over ``area`` within ``window``, oldest first.

    Returns
    -------
    GeoDataFrame
        ``time`` (UTC), ``frp_mw`` [MW], ``confidence`` (``l``, ``n``, ``h``, or 0 to 100 for
        MODIS), ``satellite``, ``instrument``, ``daynight``; points in EPSG:4326.

    Raises
    ------
    AccessError
        There is no key, or it is refused.
    SourceError
        The service failed; see `reliefscope.errors`.
    """
    key = transport.credentials(ACCESS)["FIRMS_MAP_KEY"].get_secret_value()
    box = ",".join(f"{edge:.4f}" for edge in area.bbox)
    frames = []
    for sensor in sensors:
        for day, count in _spans(window):
            address = f"{url}/api/area/csv/{key}/{sensor}/{box}/{count}/{day:%Y-%m-%d}"
            text = transport.text(Ask(url=address))
            frames.append(_table(text, f"FIRMS {sensor}"))
    found = joined(frames)
    times = found["time"]
    inside = found.within(area.geometry.buffer(1e-9)) & (times >= window.start)
    kept = found[inside & (times < window.end)]
    return kept.sort_values("time", ignore_index=True)


def active_fires_from_file(path: Path) -> gpd.GeoDataFrame:
    """Return detections from a file of FIRMS's archive (CSV); columns as `active_fires`.

    Raises
    ------
    InputError
        The file is missing.
    IntegrityError
        It is not a table of active fires.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; FIRMS's archive gives CSV files")
    return _table(path.read_text(encoding="utf-8", errors="replace"), path.name)


def _spans(window: Window) -> list[tuple[dt.date, int]]:
    """Return first days and lengths of requests that cover the window."""
    first, last = window.start.date(), (window.end - dt.timedelta(microseconds=1)).date()
    spans = []
    while first <= last:
        count = min(_DAYS, (last - first).days + 1)
        spans.append((first, count))
        first += dt.timedelta(days=count)
    return spans


def _table(text: str, where: str) -> gpd.GeoDataFrame:
    """Return the detections in a text of comma-separated values."""
    if "map_key" in text[:200].lower().replace(" ", "_"):
        raise AccessError(f"{where} refuses FIRMS_MAP_KEY, or it was used too often; {ACCESS.how}")
    try:
        table = pd.read_csv(io.StringIO(text), dtype={"acq_time": str, "confidence": str})
    except (ValueError, pd.errors.ParserError) as error:
        raise IntegrityError(f"{where} did not answer with a table: {text[:60]!r}") from error
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise IntegrityError(f"{where}: the table lacks {missing}; it begins with {text[:60]!r}")
    moment = table["acq_date"].astype(str) + table["acq_time"].str.zfill(4)
    time = pd.to_datetime(moment, format="%Y-%m-%d%H%M", utc=True, errors="coerce")
    lat, lon, power = (
        pd.to_numeric(table[name], errors="coerce") for name in ("latitude", "longitude", "frp")
    )
    told = time.notna() & lat.between(-90, 90) & lon.between(-180, 180)
    columns = {name: table[name].astype(str)[told] for name in _KEPT if name in table}
    return gpd.GeoDataFrame(
        {"time": time[told], "frp_mw": power[told], **columns},
        geometry=gpd.points_from_xy(lon[told], lat[told]),
        crs="EPSG:4326",
    ).reset_index(drop=True)
