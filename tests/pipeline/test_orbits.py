"""Series of radar passes: those that can be compared with the image, each with its orbit."""

import datetime as dt
from dataclasses import replace
from types import MappingProxyType

import dask.array as da
import numpy as np
import pytest
import shapely
import xarray as xr
from odc.geo.xr import wrap_xr

from reliefscope.indicators import Indicator, Need
from reliefscope.model.area import Area
from reliefscope.model.cube import State, describe
from reliefscope.model.event import Event, Hazard
from reliefscope.model.granule import Asset, Granule, group_passes
from reliefscope.pipeline.plan import plan
from reliefscope.pipeline.run import run, search

ONSET = dt.datetime(2030, 5, 1, tzinfo=dt.UTC)
EVENT = Event(
    id="E", title="e", hazard=Hazard.FLOOD, area=Area.from_bbox(9, 45, 9.02, 45.02), onset=ONSET
)


def granule(day, orbit):
    return Granule(
        id=f"S1_{day}_{orbit}",
        source="s",
        collection="rtc",
        acquired=ONSET + dt.timedelta(days=day, hours=orbit / 50),
        footprint=shapely.box(8, 44, 10, 46),
        assets={"vv": Asset(href="x")},
        platform="S1A",
        relative_orbit=orbit,
        orbit_state="ascending" if orbit == 15 else "descending",
    )


class Archive:
    """Every six days one pass of each of two orbits."""

    provides = frozenset({"vv"})

    def __init__(self):
        days = [d for d in range(-60, 20, 6) if d]
        self.granules = [granule(d, orbit) for d in days for orbit in (15, 66)]

    def search(self, area, window, variables):
        del area, variables
        return [g for g in self.granules if window.start <= g.acquired < window.end]

    def load(self, granules, grid, variables):
        del variables
        passes = group_passes(granules)
        times = [np.datetime64(p[0].acquired.replace(tzinfo=None), "ns") for p in passes]
        values = da.ones((len(passes), *grid.shape), chunks=(1, -1, -1), dtype="float32")
        return xr.Dataset({"vv": describe("vv", wrap_xr(values, grid, time=times))})


SEEN = {}


def compute(after, before):
    SEEN["after"], SEEN["before"] = after, before
    like = before["vv"].isel(time=0, drop=True)
    return xr.Dataset({"state": describe("state", xr.full_like(like, State.NO_EVENT, "uint8"))})


INDICATOR = Indicator(
    name="test",
    title="a test",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=("vv",), days=(0, 12)),
            "before": Need(any_of=("vv",), days=(-90, -1), series=True),
        }
    ),
    gives=("state",),
    reference="",
    compute=compute,
)


def test_a_series_is_that_of_the_orbit_of_the_image():
    """Ten earlier passes of orbit 15 and none of 66, each with time and orbit; the image keeps its
    own time, orbit and direction."""
    sources = {"s": Archive()}
    todo = plan(EVENT, INDICATOR, sources, resolution=20)
    run(todo, sources)
    after, before = SEEN["after"], SEEN["before"]
    assert set(before["relative_orbit"].values) == {15}
    assert before.sizes["time"] == 10
    assert int(after["relative_orbit"]) == 15
    assert after.attrs["orbit_state"] == before.attrs["orbit_state"] == "ascending"
    assert after["time"].ndim == 0
    assert "time" not in after["vv"].dims


def test_without_a_pass_of_that_orbit_all_are_taken():
    """Better another view than none; indicators say that it is one."""
    archive = Archive()
    archive.granules = [
        g for g in archive.granules if (g.acquired < ONSET) == (g.relative_orbit == 66)
    ]
    sources = {"s": archive}
    chosen = search(plan(EVENT, INDICATOR, sources, resolution=20), sources)
    assert {p[0].relative_orbit for p in chosen["before"].passes} == {66}


def test_two_series_keep_all_orbits():
    """Where after is a series too, each orbit is compared with itself."""
    needs = dict(INDICATOR.needs)
    needs["after"] = replace(needs["after"], series=True)
    sources = {"s": Archive()}
    todo = plan(EVENT, replace(INDICATOR, needs=needs), sources, resolution=20)
    run(todo, sources)
    for role in ("after", "before"):
        assert set(SEEN[role]["relative_orbit"].values) == {15, 66}
        assert SEEN[role]["vv"].dims[0] == "time"
        assert "orbit_state" not in SEEN[role].attrs


@pytest.fixture(autouse=True)
def _forget():
    SEEN.clear()
