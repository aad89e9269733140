import datetime as dt

import pytest

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard, Window

AREA = Area.from_bbox(10, 45, 11, 46)
ONSET = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)


def _event(**changes):
    return Event(
        **{"id": "E1", "title": "t", "hazard": Hazard.FLOOD, "area": AREA, "onset": ONSET} | changes
    )


def test_window_is_relative_to_the_onset_and_half_open():
    """Three days from noon hold their start and not their end."""
    window = _event().window(0, 3)
    assert window.start == ONSET
    assert ONSET in window
    assert window.end not in window
    assert window.end - window.start == dt.timedelta(days=3)


def test_inverted_window_is_refused():
    """An end before the start says both moments."""
    with pytest.raises(InputError, match=r"2024-03-01.*2024-02-28.*after the start"):
        _event().window(0, -2)


def test_naive_times_are_refused():
    """A time without a zone is ambiguous by up to a day."""
    with pytest.raises(InputError, match="time zone"):
        _event(onset=dt.datetime(2024, 3, 1))  # noqa: DTZ001 - the fault under test
    with pytest.raises(InputError, match="time zone"):
        Window(start=dt.datetime(2024, 3, 1), end=dt.datetime(2024, 3, 2))  # noqa: DTZ001 - same


@pytest.mark.parametrize("name", ["", "../x", "a b", "-a", "x" * 65, "é"])
def test_identifiers_unfit_for_file_names_are_refused(name):
    """An id becomes part of paths: no separators, no blanks, no climbing."""
    with pytest.raises(InputError, match="event id"):
        _event(id=name)


def test_events_are_values_that_cannot_change():
    """Equal facts make equal events, and the ids are read-only."""
    assert _event() == _event()
    with pytest.raises(TypeError):
        _event(ids={"glide": "FL-1"}).ids["glide"] = "x"
