"""The landscape that is drawn for pictures."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from reliefscope.feeds.exercise import exercise_event
from reliefscope.indicators import INDICATORS
from reliefscope.model.cube import State
from reliefscope.model.event import Hazard
from reliefscope.pipeline.plan import plan
from reliefscope.pipeline.run import run
from reliefscope.sources.simulated.illustration import IllustrationSource


@pytest.mark.parametrize("name", ["flood_harmonic", "flood_ready", "flood_coarse"])
def test_methods_without_an_exercise_find_its_flood_and_nothing_else(name):
    """The ring around the lake is flood, the plain is not, the lake is no news; all marked."""
    event = exercise_event(size=256, seed=3)
    source = IllustrationSource(event=event)
    found = run(
        plan(event, INDICATORS[name], {"drawn": source}, resolution=40.0), {"drawn": source}
    )
    state = found.data["state"].compute().to_numpy()
    rows, columns = state.shape
    assert state[int(0.62 * rows), int(0.45 * columns)] == State.REFERENCE
    assert state[int(0.9 * rows), int(0.9 * columns)] == State.NO_EVENT
    assert (state == State.EVENT).mean() > 0.05
    assert all(g.exercise for part in found.granules.values() for g in part)


@pytest.mark.parametrize("name", ["heat_stress", "land_temperature"])
def test_heat_is_away_from_the_lake(name):
    """The far plain suffers, the lake does not, and something is said of every pixel."""
    event = replace(exercise_event(size=256, seed=3), hazard=Hazard.HEAT)
    source = IllustrationSource(event=event)
    found = run(
        plan(event, INDICATORS[name], {"drawn": source}, resolution=80.0), {"drawn": source}
    )
    state = found.data["state"].compute().to_numpy()
    rows, columns = state.shape
    assert state[int(0.62 * rows), int(0.45 * columns)] == State.NO_EVENT
    assert state[int(0.9 * rows), int(0.95 * columns)] == State.EVENT
    assert (state != State.NOT_OBSERVED).all()


def test_the_same_event_draws_the_same_landscape():
    """Twice to the last bit; another seed another noise."""
    event = exercise_event(size=128, seed=3)
    window = event.window(0, 3)
    grid = plan(
        event, INDICATORS["flood_coarse"], {"d": IllustrationSource(event=event)}, resolution=40.0
    ).grid
    cubes = []
    for seed in (7, 7, 8):
        source = IllustrationSource(event=event, seed=seed)
        granules = source.search(event.area, window, ("red", "scl"))
        assert [g.acquired - event.onset > dt.timedelta(0) for g in granules] == [True] * 3
        cubes.append(source.load(granules, grid, ("red", "scl")))
    np.testing.assert_array_equal(cubes[0]["red"], cubes[1]["red"])
    assert not np.array_equal(cubes[0]["red"], cubes[2]["red"])
