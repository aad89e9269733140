"""Active fires gathered into fires: where, since when, how fast they grow, how hot they burn."""

from typing import Annotated

import geopandas as gpd
import numpy as np
import pandas as pd

from reliefscope.errors import CubeError, InputError
from reliefscope.indicators._base import Bounds
from reliefscope.numerics.hotspots import NOISE, cluster, repeated

COLUMNS = ("time", "frp_mw")
_HOURS = pd.Timedelta(hours=1)
_HIGH, _NOMINAL = 80.0, 30.0
"""MODIS confidence from which it counts as high, and as nominal [percent] (Giglio et al. 2016,
doi:10.1016/j.rse.2016.02.054)."""
_CLASSES = {"l": "low", "n": "nominal", "h": "high"}


def active_fire_events(
    points: gpd.GeoDataFrame,
    *,
    reach: Annotated[float, Bounds("km", 0.1, 50)] = 1.5,
    pause: Annotated[float, Bounds("hour", 1, 240)] = 48.0,
    least: Annotated[float, Bounds("1", 1, 1000)] = 3.0,
    pixel: Annotated[float, Bounds("km", 0.1, 5)] = 0.375,
    static_days: Annotated[float, Bounds("day", 1, 3660)] = 30.0,
) -> gpd.GeoDataFrame:
    """Gather detections of active fires into fires.

    Parameters
    ----------
    points : GeoDataFrame
        One detection a row: ``time`` (UTC), ``frp_mw`` [MW], and ``confidence`` where there is
        one (``low``, ``nominal``, ``high``, their initials, or 0 to 100).
    reach, pause : float
        How near detections of one fire are, in space [km] and in time [hour].
    least : float
        Detections that make a fire.
    pixel : float
        Size of the sensor's pixel; the outline reaches half of it beyond the detections [km].
    static_days : float
        Where it burns on more days than this there is a flare or a volcano, not a wildfire [day].

    Returns
    -------
    GeoDataFrame
        One fire a row in order of time: ``fire``, ``first``, ``last``, ``detections``,
        ``frp_sum_mw``, ``frp_max_mw``, ``high_confidence`` (share), ``area_km2`` of the outline
        (an upper bound of what burned), ``daily`` (per day: detections, radiative power, area of
        the outline so far and its growth), and the outline, EPSG:4326. Detections that belong to
        no fire are left out: their number is in ``attrs["unassigned"]``, that of static sources
        in ``attrs["static"]``.

    Raises
    ------
    CubeError
        A column is missing.
    InputError
        No CRS, or geometries that are not points.
    """
    table = _checked(points)
    hours = ((table["time"] - table["time"].min()) / _HOURS).to_numpy(float)
    days = table["time"].dt.floor("D").astype("int64").to_numpy()
    lon, lat = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    static = repeated(lat, lon, days, reach_km=pixel, most=round(static_days))
    moving = table[~static].assign(
        fire=cluster(
            lat[~static],
            lon[~static],
            hours[~static],
            reach_km=reach,
            reach_hours=pause,
            least=round(least),
        )
    )
    burning = moving[moving["fire"] != NOISE]
    rows = [_row(int(number), part, pixel) for number, part in burning.groupby("fire")]
    out = gpd.GeoDataFrame(
        rows or {name: [] for name in (*_ROW, "geometry")},
        geometry="geometry",
        crs="EPSG:4326",
    )
    out.attrs |= {"unassigned": len(moving) - len(burning), "static": int(static.sum())}
    return out


_ROW = (
    "fire",
    "first",
    "last",
    "detections",
    "frp_sum_mw",
    "frp_max_mw",
    "high_confidence",
    "area_km2",
    "daily",
)


def _checked(points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    missing = [name for name in COLUMNS if name not in points]
    if missing:
        raise CubeError(
            f"the table of active fires lacks {missing}; it has "
            f"{sorted(map(str, points.columns))}: rename its columns"
        )
    if points.crs is None:
        raise InputError("the table of active fires has no CRS; EPSG:4326 is usual")
    if not (points.geometry.geom_type == "Point").all():
        raise InputError("the table of active fires must hold points, one a detection")
    table = points.to_crs("EPSG:4326")
    return table.assign(time=pd.to_datetime(table["time"], utc=True)).sort_values(
        "time", ignore_index=True
    )


def _row(number: int, part: gpd.GeoDataFrame, pixel: float) -> dict[str, object]:
    flat = part.geometry.to_crs(part.estimate_utm_crs())
    outline = _outline(flat, pixel)
    days = part["time"].dt.floor("D")
    daily, before = [], 0.0
    for day in sorted(days.unique()):
        area = _km2(_outline(flat[days <= day], pixel))
        here = part[days == day]
        daily.append(
            {
                "day": str(day.date()),
                "detections": len(here),
                "frp_sum_mw": float(here["frp_mw"].sum()),
                "area_km2": area,
                "growth_km2": area - before,
            }
        )
        before = area
    return {
        "fire": number,
        "first": part["time"].min(),
        "last": part["time"].max(),
        "detections": len(part),
        "frp_sum_mw": float(part["frp_mw"].sum()),
        "frp_max_mw": float(part["frp_mw"].max()),
        "high_confidence": float((_confidence(part) == "high").mean()),
        "area_km2": _km2(outline),
        "daily": daily,
        "geometry": outline.to_crs("EPSG:4326").iloc[0],
    }


def _outline(points: gpd.GeoSeries, pixel: float) -> gpd.GeoSeries:
    """Return one outline around detections, in metres: gaps of up to two pixels are bridged."""
    metres = pixel * 1000
    grown = points.buffer(1.5 * metres, 4).union_all()
    return gpd.GeoSeries([grown.buffer(-metres, quad_segs=4)], crs=points.crs)


def _km2(outline: gpd.GeoSeries) -> float:
    return float(outline.area.iloc[0]) / 1e6


def _confidence(part: pd.DataFrame) -> pd.Series:
    """Return low, nominal or high."""
    if "confidence" not in part:
        return pd.Series("nominal", index=part.index)
    said = part["confidence"]
    number = pd.to_numeric(said, errors="coerce")
    words = said.astype(str).str.lower().replace(_CLASSES)
    ranked = np.select([number >= _HIGH, number >= _NOMINAL], ["high", "nominal"], "low")
    return words.where(number.isna(), pd.Series(ranked, index=part.index))
