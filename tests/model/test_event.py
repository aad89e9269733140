import datetime as dt

import pytest

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.event import Alert, Event, Extent, Hazard, Report, Window

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


def _report(**changes):
    given = {"feed": "gdacs", "id": "FL1", "title": "t", "url": "", "hazard": Hazard.FLOOD}
    return Report(**given | {"area": AREA, "onset": ONSET} | changes)


def test_what_feeds_add_may_be_left_out():
    """An event that a person wrote down has no end, no alert, no countries and no reports."""
    event = _event()
    assert (event.end, event.severity, event.countries, event.reports) == (None, None, (), ())
    assert (event.episodes, event.related, event.known_as("glide")) == ((), (), ())


def test_an_end_before_the_onset_is_refused():
    """For events and reports alike; so are naive times."""
    before = ONSET - dt.timedelta(hours=1)
    for make in (_event, _report):
        with pytest.raises(InputError, match="lies before the onset"):
            make(end=before)
        with pytest.raises(InputError, match="time zone"):
            make(end=dt.datetime(2024, 3, 2))  # noqa: DTZ001 - the fault under test
        assert make(end=ONSET).end == ONSET
    with pytest.raises(InputError, match="time zone"):
        _report(updated=dt.datetime(2024, 3, 2))  # noqa: DTZ001 - the fault under test
    with pytest.raises(InputError, match="time zone"):
        _report(onset=dt.datetime(2024, 3, 2))  # noqa: DTZ001 - the fault under test


def test_alerts_and_extents_have_an_order():
    """Green to red, exact to vague; not the order of letters."""
    assert max(Alert, key=lambda alert: alert.rank) is Alert.RED
    assert [alert.rank for alert in (Alert.GREEN, Alert.ORANGE, Alert.RED)] == [0, 1, 2]
    ordered = [Extent.MAPPED, Extent.TRACK, Extent.CIRCLE, Extent.COUNTRY]
    assert sorted(Extent, key=lambda extent: extent.rank) == ordered


def test_lineage_is_told_by_the_event():
    """Episodes are the reports of a series; relations are named once, in order."""
    reports = (
        _report(episode="1", details={"related": "gdacs:TC2 gdacs:TC1"}),
        _report(episode="2", details={"related": "gdacs:TC1"}),
        _report(feed="usgs"),
    )
    event = _event(reports=reports, ids={"usgs": "us1 at2"})
    assert event.episodes == reports[:2]
    assert event.related == ("gdacs:TC1", "gdacs:TC2")
    assert event.known_as("usgs") == ("us1", "at2")


def test_reports_are_values_that_cannot_change():
    """Equal facts make equal reports, and the details are read-only."""
    assert _report() == _report()
    with pytest.raises(TypeError):
        _report(details={"a": "b"}).details["a"] = "c"
