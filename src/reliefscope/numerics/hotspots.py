"""Active fires seen from orbit, gathered into fires by nearness in space and time."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""
NOISE = -1


def cluster(
    latitude: NDArray[np.floating],
    longitude: NDArray[np.floating],
    hours: NDArray[np.floating],
    *,
    reach_km: float,
    reach_hours: float,
    least: int,
) -> NDArray[np.int64]:
    """Return which fire each detection belongs to, from 0 in order of time; -1 is none.

    DBSCAN (Ester et al. 1996) with two reaches, as ST-DBSCAN (Birant and Kut 2007,
    doi:10.1016/j.datak.2006.01.013): neighbours are near in space and in time.

    Parameters
    ----------
    latitude, longitude : array, (detection,)
        EPSG:4326 [degree].
    hours : array, (detection,)
        Time since any moment [hour].
    reach_km, reach_hours : float
        How near neighbours are.
    least : int
        Detections, itself among them, that make a detection part of a fire's core.
    """
    count = len(latitude)
    if count == 0:
        return np.zeros(0, np.int64)
    points = _on_sphere(np.asarray(latitude, float), np.asarray(longitude, float))
    chord = 2 * math.sin(min(reach_km / EARTH_KM, math.pi) / 2)
    pairs = cKDTree(points).query_pairs(chord, output_type="ndarray")
    when = np.asarray(hours, float)
    pairs = pairs[np.abs(when[pairs[:, 0]] - when[pairs[:, 1]]) <= reach_hours]
    neighbours = 1 + np.bincount(pairs.ravel(), minlength=count)
    core = neighbours >= least
    joined = pairs[core[pairs].all(axis=1)]
    graph = sparse.coo_array((np.ones(len(joined)), joined.T), shape=(count, count))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    label = np.where(core, group, NOISE).astype(np.int64)
    # a detection at the edge of a fire belongs to the first core it is near
    for one, other in ((0, 1), (1, 0)):
        edge = pairs[~core[pairs[:, one]] & core[pairs[:, other]]][::-1]
        free = label[edge[:, one]] == NOISE
        label[edge[free, one]] = group[edge[free, other]]
    return _in_order(label, when)


def _on_sphere(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float64]:
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _in_order(label: NDArray[np.int64], when: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return labels counted from 0 in order of the first detection."""
    out = np.full(label.shape, NOISE, np.int64)
    known = label != NOISE
    values, place = np.unique(label[known], return_inverse=True)
    first = np.full(len(values), np.inf)
    np.minimum.at(first, place, when[known])
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(values))
    out[known] = rank[place]
    return out


def repeated(
    latitude: NDArray[np.floating],
    longitude: NDArray[np.floating],
    days: NDArray[np.integer],
    *,
    reach_km: float,
    most: int,
) -> NDArray[np.bool_]:
    """Return detections at a place that burns on more than ``most`` days: no wildfire.

    Flares, furnaces and volcanoes are hot all year. ``days`` counts days from any moment.
    """
    count = len(latitude)
    if count == 0:
        return np.zeros(0, bool)
    points = _on_sphere(np.asarray(latitude, float), np.asarray(longitude, float))
    chord = 2 * math.sin(reach_km / EARTH_KM / 2)
    near = cKDTree(points).query_ball_point(points, chord)
    return np.array([len(np.unique(days[np.asarray(around)])) > most for around in near])
