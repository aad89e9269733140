import datetime as dt

import dask
import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import pytest
from pyproj import Transformer

from reliefscope.errors import InputError
from reliefscope.indicators import INDICATORS
from reliefscope.model.area import Area
from reliefscope.model.cube import StormWind
from reliefscope.model.event import Event, Hazard, Window
from reliefscope.pipeline.plan import plan
from reliefscope.pipeline.run import run
from reliefscope.sources.tracks import TrackSource
from tests.weather_cubes import refuse

START = dt.datetime(2030, 9, 1, tzinfo=dt.UTC)
HEADER = "time,lat,lon,wind_kt,pressure_hpa,rmw_km\n"


def _track(path, longitudes=(-40.0, -40.0, -40.0), lat=17.0):
    """A hurricane of 100 knots on its way north at 2 degrees in 6 hours."""
    rows = [
        f"{START + dt.timedelta(hours=6 * i):%Y-%m-%dT%H:%MZ},{lat + 2 * i},{lon},100,950,40\n"
        for i, lon in enumerate(longitudes)
    ]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return TrackSource(file=path, exercise=True)


def _event(middle=-40.0, name="storm"):
    area = Area.from_bbox(middle - 2.5, 16.5, middle + 2.5, 21.5, name=name)
    return Event(id="S1", title="A storm", hazard=Hazard.STORM, area=area, onset=START)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """The footprint of that hurricane over five degrees, through plan and run."""
    sources = {"track": _track(tmp_path_factory.mktemp("track") / "storm.csv")}
    todo = plan(_event(), INDICATORS["storm_footprint"], sources, resolution=10_000)
    with dask.config.set(scheduler=refuse):
        lazy = run(todo, sources)
    return lazy, lazy.data.compute()


def test_the_strongest_wind_is_the_tracks_right_of_its_way(product):
    """51 m/s are reached to two percent, east of the eye; wind falls off to both sides."""
    lazy, data = product
    wind = data["wind_max"].values
    assert wind.max() == pytest.approx(100 * 0.514444, rel=0.02)
    row = wind[wind.shape[0] // 2]
    middle = len(row) // 2
    assert row[middle:].max() > row[:middle].max() + 2
    assert row.argmax() * 10 - 5 * len(row) == pytest.approx(40, abs=15)  # km from the track
    assert row[0] < 25
    assert lazy.exercise


def test_classes_follow_the_wind_and_rain_follows_the_track(product):
    """96 to 113 knots are category 3; most rain near the track, none below zero."""
    _, data = product
    assert data["wind_class"].max() == StormWind.CATEGORY_3
    np.testing.assert_array_equal(
        data["wind_class"] >= StormWind.STORM, data["wind_max"] >= 50 * 0.514444
    )
    rain = data["storm_rain"].values
    columns = rain.sum(axis=0)
    assert abs(int(columns.argmax()) - len(columns) // 2) < 8
    assert rain.min() > 0


def test_a_track_across_180_degrees_is_one_track(tmp_path):
    """From 179 east to 179 west it moves two degrees, not around the Earth."""
    source = _track(tmp_path / "t.csv", (179.0, 180.0, -179.0))
    steps = source._track()._steps()
    assert np.abs(steps["storm_motion_east"]).max() < 6
    area = Area.from_bbox(178.0, 15.0, 179.9, 22.0, name="date line")
    window = Window(start=START, end=START + dt.timedelta(days=1))
    assert len(source.search(area, window, ["storm_wind"])) == 25


def test_a_storm_far_away_or_later_is_not_found(tmp_path):
    """Another ocean, another week, no window, another variable: nothing, without an error."""
    source = _track(tmp_path / "t.csv")
    window = Window(start=START, end=START + dt.timedelta(days=1))
    later = Window(start=START + dt.timedelta(days=7), end=START + dt.timedelta(days=8))
    here, far = _event().area, _event(100.0).area
    assert len(source.search(here, window, ["storm_wind"])) == 25
    assert not source.search(far, window, ["storm_wind"])
    assert not source.search(here, later, ["storm_wind"])
    assert not source.search(here, None, ["storm_wind"])
    assert not source.search(here, window, ["vv"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,lat,lon\n2030-09-01,1,2\n", r"lacks \['wind_kt'\]"),
        (HEADER + "2030-09-01,1,2,50,,\n", "has 1 fix"),
        (HEADER + "2030-09-01,91,2,50,,\n2030-09-02,1,2,50,,\n", "1 fixes have no place"),
        (HEADER + "2030-09-01,1,2,500,,\n2030-09-02,1,2,50,,\n", "0 to 220 knots"),
        (HEADER + "yesterday,1,2,50,,\n2030-09-02,1,2,50,,\n", "cannot be read"),
        (HEADER + "2030-09-01,1,2,calm,,\n2030-09-02,1,2,50,,\n", "cannot be read"),
        ("", "no readable table"),
    ],
)
def test_what_is_no_track_is_refused_with_its_reason(text, said, tmp_path):
    """A missing column, one fix, places and winds that are none, words for numbers."""
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    window = Window(start=START, end=START + dt.timedelta(days=1))
    with pytest.raises(InputError, match=said):
        TrackSource(file=path).search(_event().area, window, ["storm_wind"])


def _archive(shared_data):
    folder = shared_data / "responses" / "cems_charter_gdacs_montyext" / "docs" / "model"
    return folder / "sources" / "IBTrACS" / "ibtracs.NA.list.v04r01.csv"


@pytest.mark.realdata
def test_beryl_struck_carriacou_as_a_category_4(shared_data):
    """IBTrACS as it is: on 1 July 2024, 120 knots near the eye; Barbados had a gale and no more."""
    source = TrackSource(file=_archive(shared_data), storm="beryl")
    area = Area.from_bbox(-62.0, 11.9, -59.3, 13.4, name="Windward Islands")
    onset = dt.datetime(2024, 7, 1, 15, tzinfo=dt.UTC)
    event = Event(id="B", title="Beryl", hazard=Hazard.STORM, area=area, onset=onset)
    sources = {"track": source}
    todo = plan(event, INDICATORS["storm_footprint"], sources, resolution=4_000)
    data = run(todo, sources).data.compute()

    def at(lon, lat):
        x, y = Transformer.from_crs("EPSG:4326", data.odc.crs, always_xy=True).transform(lon, lat)
        return int(data["wind_class"].sel(x=x, y=y, method="nearest"))

    assert at(-61.45, 12.48) in {StormWind.CATEGORY_3, StormWind.CATEGORY_4}
    assert at(-59.6, 13.1) in {StormWind.GALE, StormWind.STORM}
    assert not run(todo, sources).exercise


@pytest.mark.realdata
def test_a_storm_of_an_archive_is_chosen_by_its_name(shared_data):
    """Without one, or with one that is not there, those that are there are listed."""
    window = Window(start=START, end=START + dt.timedelta(days=1))
    for storm in ("", "Katrina"):
        source = TrackSource(file=_archive(shared_data), storm=storm)
        with pytest.raises(InputError, match=r"7 storms, and \d are .*BERYL \(2024178N09335\)"):
            source.search(_event().area, window, ["storm_wind"])
