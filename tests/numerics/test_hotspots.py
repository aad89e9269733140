"""Detections become fires by nearness in space and time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reliefscope.numerics.hotspots import NOISE, cluster, repeated

RULES = {"reach_km": 1.5, "reach_hours": 24.0, "least": 3}
KM = 1 / 111.195
"""Degrees of latitude."""


def row(count, *, start=0.0, step=1.0, hours=0.0):
    """Detections in a line to the north, ``step`` km apart."""
    return start * KM + np.arange(count) * step * KM, np.zeros(count), np.full(count, hours)


def joined(*parts):
    return tuple(np.concatenate(values) for values in zip(*parts, strict=True))


def test_two_fires_apart_in_space_are_two():
    """Ten kilometres apart; the lone detection between them is none."""
    lat, lon, hours = joined(row(5), row(1, start=8), row(4, start=15, hours=1.0))
    label = cluster(lat, lon, hours, **RULES)
    np.testing.assert_array_equal(label, [0] * 5 + [NOISE] + [1] * 4)


def test_two_fires_apart_in_time_are_two():
    """The same place burns again ten days later: another fire, unless the pause is longer."""
    lat, lon, hours = joined(row(4), row(4, hours=240.0))
    np.testing.assert_array_equal(cluster(lat, lon, hours, **RULES), [0] * 4 + [1] * 4)
    patient = {**RULES, "reach_hours": 241.0}
    assert set(cluster(lat, lon, hours, **patient)) == {0}


def test_a_fire_that_walks_is_one():
    """A front that moves a kilometre every twelve hours for two weeks."""
    lat, lon, _ = row(28)
    assert set(cluster(lat, lon, np.arange(28) * 12.0, **RULES)) == {0}


def test_the_date_line_divides_no_fire():
    """Half of it lies at 180 degrees east, half at 180 west."""
    lon = np.array([179.995, 179.999, -179.999, -179.995])
    assert set(cluster(np.zeros(4), lon, np.zeros(4), **RULES)) == {0}


def test_distances_are_those_on_the_ground():
    """At 60 degrees north a degree of longitude is half as long."""
    lon = np.arange(4) * 2.5 * KM
    north = cluster(np.full(4, 60.0), lon, np.zeros(4), **RULES)
    equator = cluster(np.zeros(4), lon, np.zeros(4), **RULES)
    assert set(north) == {0}
    assert set(equator) == {NOISE}


def test_no_detections_are_no_fires():
    """An empty table, and too few for a fire."""
    assert cluster(*row(0), **RULES).size == 0
    np.testing.assert_array_equal(cluster(*row(2), **RULES), [NOISE] * 2)
    assert repeated(*row(0)[:2], np.zeros(0, int), reach_km=1, most=1).size == 0


def brute(lat, lon, hours, *, reach_km, reach_hours, least):
    """Core of each detection, by comparing every pair."""
    a, b = np.radians(lat), np.radians(lon)
    cos = np.sin(a)[:, None] * np.sin(a) + np.cos(a)[:, None] * np.cos(a) * np.cos(b[:, None] - b)
    near = 6371.0088 * np.arccos(np.clip(cos, -1, 1)) <= reach_km
    near &= np.abs(hours[:, None] - hours) <= reach_hours
    np.fill_diagonal(near, val=True)
    core = near.sum(axis=1) >= least
    return near, core


@settings(max_examples=60)
@given(
    arrays(np.float64, 30, elements=st.integers(0, 60).map(lambda v: v * 0.7 * KM)),
    arrays(np.float64, 30, elements=st.integers(0, 90).map(float)),
)
def test_it_is_dbscan(lat, hours):
    """Against every pair: cores near each other share a fire, edges join one, the rest none."""
    lon = np.zeros_like(lat)
    label = cluster(lat, lon, hours, **RULES)
    near, core = brute(lat, lon, hours, **RULES)
    assert (label[core] != NOISE).all()
    for one in np.flatnonzero(core):
        assert (label[near[one] & core] == label[one]).all()
    for edge in np.flatnonzero(~core):
        around = label[near[edge] & core]
        assert label[edge] in around if around.size else label[edge] == NOISE
    fires = np.unique(label[label != NOISE])
    starts = [hours[label == fire].min() for fire in fires]
    assert starts == sorted(starts)


def test_what_burns_all_year_is_no_wildfire():
    """A flare on forty days, a wildfire on three."""
    lat = np.concatenate([np.zeros(40), np.full(3, 1.0)])
    days = np.concatenate([np.arange(40), np.arange(3)])
    static = repeated(lat, np.zeros(43), days, reach_km=0.5, most=30)
    np.testing.assert_array_equal(static, [True] * 40 + [False] * 3)
    assert not repeated(lat, np.zeros(43), days, reach_km=0.5, most=40).any()


def test_equal_detections_of_two_passes_are_kept():
    """The same place seen twice within a day counts twice."""
    assert set(cluster(np.zeros(3), np.zeros(3), np.array([0.0, 2.0, 4.0]), **RULES)) == {0}
    assert pytest.approx(0) == cluster(np.zeros(3), np.zeros(3), np.zeros(3), **RULES).sum()
