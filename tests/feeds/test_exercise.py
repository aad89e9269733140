import datetime as dt

import pytest

from reliefscope.errors import InputError
from reliefscope.feeds.exercise import SEED, SIZE, exercise_event
from reliefscope.model.event import Hazard
from reliefscope.model.grid import cell_area_m2, grid_for
from reliefscope.sources.simulated.exercise import world_grid


def test_an_exercise_is_the_same_every_time():
    """Equal numbers give equal events; another seed or size gives another identifier."""
    assert exercise_event() == exercise_event(Hazard.FLOOD, size=SIZE, seed=SEED)
    ids = {exercise_event(size=s, seed=n).id for s in (256, 512) for n in (1, 2)}
    assert len(ids) == 4


def test_an_exercise_says_so_everywhere():
    """Identifier and title carry the word; nobody takes it for news."""
    event = exercise_event()
    assert event.id.startswith("EXERCISE")
    assert event.title.startswith("EXERCISE")
    assert event.ids == {"exercise": f"size={SIZE} seed={SEED}"}


@pytest.mark.parametrize("size", [128, 1280, 10_980])
def test_an_exercise_strikes_no_real_place(size):
    """It lies in the open Atlantic, far from any land, and years from now."""
    west, south, east, north = exercise_event(size=size).area.bbox
    assert -40.0 < west < east < -38.0
    assert 37.0 < south < north < 39.0
    assert exercise_event(size=size).onset == dt.datetime(2030, 5, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("size", [128, 257, 1280, 10_980])
def test_the_area_lies_inside_the_world(size):
    """The world around the area's middle covers all of it and is hardly larger."""
    area = exercise_event(size=size).area
    world, grid = world_grid(area, size, 10), grid_for(area, 10)
    assert world.shape == (size, size)
    inner, outer = grid.boundingbox, world.boundingbox
    assert outer.left <= inner.left
    assert outer.right >= inner.right
    assert outer.bottom <= inner.bottom
    assert outer.top >= inner.top
    assert 0.85 < (grid.shape[0] * grid.shape[1]) / size**2 < 1


def test_a_default_area_has_the_size_of_a_valley():
    """The default is about 12 km a side: 94 % of 12.8."""
    total = cell_area_m2(grid_for(exercise_event().area, 10)).sum(dtype="float64") / 1e6
    assert total == pytest.approx((0.94 * 12.8) ** 2, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 100}, "size"),
        ({"size": 20_000}, "size"),
        ({"seed": -1}, "seed"),
        ({"hazard": Hazard.VOLCANO}, "no exercise"),
    ],
)
def test_what_cannot_be_exercised_is_refused(arguments, message):
    """Sizes and seeds out of range, and hazards without an exercise, are input errors."""
    with pytest.raises(InputError, match=message):
        exercise_event(**arguments)
