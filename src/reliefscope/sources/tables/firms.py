"""Active fires from NASA FIRMS: detections as points, with power and confidence."""

import datetime as dt
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    PartialCoverageWarning,
)
from reliefscope.model.area import Area
from reliefscope.model.event import Window
from reliefscope.sources.tables._base import joined
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.credentials import Access

log = logging.getLogger(__name__)

URL = "https://firms.modaps.eosdis.nasa.gov"
ACCESS = Access(
    service="NASA FIRMS",
    names=("FIRMS_MAP_KEY",),
    host="firms.modaps.eosdis.nasa.gov",
    how="ask for a free key at https://firms.modaps.eosdis.nasa.gov/api/map_key/",
    probe=f"{URL}/api/data_availability/",
)
SENSORS = ("VIIRS_SNPP", "VIIRS_NOAA20", "VIIRS_NOAA21", "MODIS")
_STREAMS = ("SP", "NRT")
"""The standard product first, and what is near real time where that is not out yet."""
_SHOWN = "***"
"""What stands for a secret in what is kept; see `Transport.scrub`."""
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

    Outside the days of a product the service answers with an empty table, so its list of days is
    asked first: days without data are never days without fires.

    Parameters
    ----------
    area : Area
        Where.
    window : Window
        When.
    transport : Transport
        Cache, credentials.
    sensors : tuple of str
        Of `SENSORS`; or products such as ``VIIRS_SNPP_SP``.
    url : str
        Of the service.

    Warns
    -----
    PartialCoverageWarning
        On some days of the window no sensor has data.

    Returns
    -------
    GeoDataFrame
        ``time`` (UTC), ``frp_mw`` [MW], ``confidence`` (``l``, ``n``, ``h``, or 0 to 100 for
        MODIS), ``satellite``, ``instrument``, ``daynight``; points in EPSG:4326.

    Raises
    ------
    AccessError
        There is no key, or it is refused.
    NothingFoundError
        No sensor has data on any day of the window.
    SourceError
        The service failed; see `reliefscope.errors`.
    """
    wire = _Wire(transport, url)
    wanted = _days_of(window)
    served = _served(wire.ask("data_availability/csv", "ALL"))
    todo = _plan(sensors, wanted, served)
    covered = {day for days in todo.values() for day in days}
    if not covered:
        raise NothingFoundError(
            f"FIRMS has no data of {', '.join(sensors)} from {wanted[0]} to {wanted[-1]}: that is "
            f"not the same as no fires"
        )
    if len(covered) < len(wanted):
        warnings.warn(
            f"FIRMS has data on {len(covered)} of {len(wanted)} days from {wanted[0]} to "
            f"{wanted[-1]}; of the others nothing is known",
            PartialCoverageWarning,
            stacklevel=2,
        )
    frames = [
        _table(wire.ask("area/csv", f"{product}/{_corners(box)}/{len(days)}/{days[0]}"), product)
        for product, whole in todo.items()
        for days in _runs(whole)
        for box in area.boxes
    ]
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


class _Wire:
    """Asks with the key in the address, and takes it out of whatever comes back."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport, self._url = transport, url
        self._key = _SHOWN  # kept answers are known without the key
        if not transport.settings.offline:
            self._key = transport.credentials(ACCESS)["FIRMS_MAP_KEY"].get_secret_value()

    def ask(self, service: str, rest: str) -> str:
        """Return an answer. AccessError: the key is refused, whatever the status."""
        try:
            said = self._transport.text(Ask(url=f"{self._url}/api/{service}/{self._key}/{rest}"))
        except InputError as error:
            _check_key(str(error))
            raise
        _check_key(said)
        return self._transport.scrub(said)


def _check_key(said: str) -> None:
    if "map_key" in said.split("latitude", 1)[0][:500].lower().replace(" ", "_"):
        raise AccessError(f"FIRMS refuses FIRMS_MAP_KEY, or it was used too often; {ACCESS.how}")


def _days_of(window: Window) -> list[dt.date]:
    first = window.start.astimezone(dt.UTC).date()
    last = (window.end - dt.timedelta(microseconds=1)).astimezone(dt.UTC).date()
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def _served(text: str) -> Mapping[str, tuple[dt.date, dt.date]]:
    """Return first and last day of each product."""
    rows = [line.strip().split(",") for line in text.splitlines()]
    if not rows or rows[0] != ["data_id", "min_date", "max_date"]:
        raise IntegrityError(f"FIRMS did not list the days it has; it begins with {text[:60]!r}")
    found = {}
    for row in rows[1:]:
        try:
            name, first, last = row
            found[name] = (dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        except ValueError:
            log.warning("FIRMS: a line of its list of days is left out")
    return found


def _plan(
    sensors: Sequence[str],
    wanted: Sequence[dt.date],
    served: Mapping[str, tuple[dt.date, dt.date]],
) -> Mapping[str, list[dt.date]]:
    """Return the days to ask of each product; no day of a sensor twice."""
    todo: dict[str, list[dt.date]] = {}
    for sensor in sensors:
        left = list(wanted)
        for product in [sensor, *(f"{sensor}_{stream}" for stream in _STREAMS)]:
            first, last = served.get(product, (dt.date.max, dt.date.min))
            days = [day for day in left if first <= day <= last]
            left = [day for day in left if day not in days]
            if days:
                todo[product] = days
    return todo


def _runs(days: Sequence[dt.date]) -> list[list[dt.date]]:
    """Return stretches of following days, none longer than one request may ask for."""
    runs: list[list[dt.date]] = []
    for day in days:
        if runs and len(runs[-1]) < _DAYS and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _corners(box: tuple[float, float, float, float]) -> str:
    return ",".join(f"{edge:.4f}" for edge in box)


def _table(text: str, where: str) -> gpd.GeoDataFrame:
    """Return the detections in a text of comma-separated values."""
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
    if not told.all():
        log.warning("%s: %d rows without time or place are left out", where, int((~told).sum()))
    columns = {name: table[name].astype(str)[told] for name in _KEPT if name in table}
    return gpd.GeoDataFrame(
        {"time": time[told], "frp_mw": power[told], **columns},
        geometry=gpd.points_from_xy(lon[told], lat[told]),
        crs="EPSG:4326",
    ).reset_index(drop=True)
