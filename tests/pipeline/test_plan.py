import datetime as dt
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pytest
import shapely
import xarray as xr

from reliefscope.errors import (
    FallbackWarning,
    InputError,
    NothingFoundError,
    PartialCoverageWarning,
    UnavailableError,
)
from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.model.area import Area
from reliefscope.model.cube import PROVENANCE_NOTES, Advisory, describe
from reliefscope.model.event import Event, Hazard
from reliefscope.model.granule import Asset, Granule
from reliefscope.pipeline.plan import plan
from reliefscope.pipeline.run import run, search

ONSET = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
AREA = Area.from_bbox(10, 45, 10.05, 45.05)
EVENT = Event(id="E1", title="t", hazard=Hazard.FLOOD, area=AREA, onset=ONSET)


def _mean(after, before=None, *, drop: Annotated[float, Bounds("dB", 0, 20)] = 3.0):
    """An indicator that needs nothing of radar: the event is where power is below 0.05."""
    del before, drop
    state = (after["vv"] < 0.05).astype("uint8")
    flags = xr.DataArray(np.uint16(Advisory.NO_REFERENCE_WATER))
    return xr.Dataset({"state": describe("state", state), "advisory": describe("advisory", flags)})


INDICATOR = Indicator(
    name="toy",
    title="toy",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=("vv", "vh"), days=(0, 12)),
            "before": Need(any_of=("vv", "vh"), days=(-60, -1), optional=True),
        }
    ),
    gives=("state",),
    reference="none",
    compute=_mean,
)


class Memory:
    """A source of given granules, each dark where its id says so."""

    provides = frozenset({"vv"})

    def __init__(self, *granules):
        self.granules = granules
        self.loaded = []

    def search(self, area, window, variables):
        assert "vv" in variables
        return [g for g in self.granules if g.acquired in window and area]

    def load(self, granules, grid, variables):
        self.loaded.append([g.id for g in granules])
        values = np.full((1, *grid.shape), 0.01 if "wet" in granules[0].id else 0.1, "float32")
        vv = xr.DataArray(values, dims=("time", "y", "x"))
        return xr.Dataset({v: describe(v, vv) for v in variables})


def _granule(name, day, orbit=1, box=(9, 44, 11, 46)):
    return Granule(
        id=name,
        source="memory",
        collection="c",
        acquired=ONSET + dt.timedelta(days=day),
        footprint=shapely.box(*box),
        assets={"vv": Asset(href=name, units="1")},
        relative_orbit=orbit,
    )


def _run(*granules, **parameters):
    sources = {"memory": Memory(*granules)}
    todo = plan(EVENT, INDICATOR, sources, resolution=100, parameters=parameters)
    return run(todo, sources), sources["memory"]


def test_a_scene_of_the_flood_never_enters_the_window_before():
    """Before ends a day ahead of the onset; after starts with it."""
    product, source = _run(_granule("dry", -5), _granule("eve", -0.5), _granule("wet", 1))
    assert source.loaded == [["wet"], ["dry"]]
    assert [g.id for g in product.granules["after"]] == ["wet"]
    assert product.data["state"].mean() == 1


def test_the_earliest_pass_that_sees_the_area_is_taken():
    """A sliver on day 1 gives way to the whole area on day 2; day 8 is later than needed."""
    sliver = _granule("wet-sliver", 1, box=(9, 44, 10.01, 46))
    product, _ = _run(sliver, _granule("wet-whole", 2), _granule("wet-late", 8))
    assert product.granules["after"][0].id == "wet-whole"
    assert "1 earlier pass(es) covered less" in product.notes[0]


def test_before_comes_from_the_same_relative_orbit():
    """A nearer pass on another orbit is left out, and at most five are averaged."""
    old = [_granule(f"dry{d}", -d) for d in (10, 20, 30, 40, 50, 58)]
    product, _ = _run(*old, _granule("other", -2, orbit=2), _granule("wet", 1))
    assert [g.id for g in product.granules["before"]] == [
        "dry50",
        "dry40",
        "dry30",
        "dry20",
        "dry10",
    ]
    assert not Advisory(int(product.data["advisory"])) & Advisory.ORBIT_MISMATCH


def test_another_orbit_and_a_late_image_are_flagged():
    """The indicator's own flags are kept beside those that follow from the times."""
    product, _ = _run(_granule("other", -2, orbit=2), _granule("wet", 5))
    flags = Advisory(int(product.data["advisory"]))
    assert flags == Advisory.ORBIT_MISMATCH | Advisory.LATE | Advisory.NO_REFERENCE_WATER


def test_nothing_after_is_an_error_and_nothing_before_is_a_note():
    """Only what the indicator cannot do without stops the run."""
    with pytest.raises(NothingFoundError, match="no vv after the onset"):
        _run(_granule("dry", -5))
    product, _ = _run(_granule("wet", 1))
    assert "before: nothing found; computed without it" in product.notes


def test_partial_cover_warns():
    """Half of the area inside the footprint is said, not hidden."""
    sources = {"memory": Memory(_granule("wet", 1, box=(9, 44, 10.025, 46)))}
    todo = plan(EVENT, INDICATOR, sources, resolution=100)
    with pytest.warns(PartialCoverageWarning, match="50%"):
        run(todo, sources)


def test_a_pass_that_can_be_compared_is_worth_two_days():
    """Day 2 on the orbit of the images before is preferred to day 1 on another; day 4 is not."""
    before = _granule("dry", -5, orbit=7)
    product, _ = _run(before, _granule("wet1", 1, orbit=1), _granule("wet2", 2, orbit=7))
    assert product.granules["after"][0].id == "wet2"
    assert "24 h later than the first, which has no image before on its orbit" in product.notes[0]
    product, _ = _run(before, _granule("wet1", 1, orbit=1), _granule("wet4", 4, orbit=7))
    assert product.granules["after"][0].id == "wet1"


class Broken:
    """A service that is down."""

    provides = frozenset({"vv"})

    def search(self, area, window, variables):
        raise UnavailableError(f"no answer about {len(variables)} over {area.name} {window.start}")


def test_a_source_that_fails_gives_way_to_the_next():
    """The second serves, with a warning and a note on the product that name the first."""
    sources = {"first": Broken(), "second": Memory(_granule("wet", 1))}
    todo = plan(EVENT, INDICATOR, sources, resolution=100)
    with pytest.warns(FallbackWarning, match="first failed"):
        product = run(todo, sources)
    assert product.granules["after"][0].id == "wet"
    assert any("served by second instead" in note for note in product.notes)


class Deaf(Memory):
    """Finds what it has, and cannot deliver it."""

    def load(self, granules, grid, variables):
        raise UnavailableError(f"no bytes of {granules[0].id}: {variables} {grid.shape}")


def test_the_same_pass_comes_from_another_provider():
    """The first finds and cannot deliver; the second has the same satellite at the same time."""
    mirror = Memory(_granule("wet-copy", 1.001), _granule("wet-other", 3))
    sources = {"first": Deaf(_granule("wet", 1)), "second": mirror}
    todo = plan(EVENT, INDICATOR, sources, resolution=100)
    with pytest.warns(FallbackWarning, match="the same passes come from second"):
        product = run(todo, sources)
    assert [g.id for g in product.granules["after"]] == ["wet-copy"]
    assert any("the same passes come from second" in note for note in product.notes)


def test_another_pass_is_no_mirror():
    """What was chosen cannot be delivered, and nobody else has it: the error stands."""
    sources = {"first": Deaf(_granule("wet", 1)), "second": Memory(_granule("wet-other", 3))}
    with pytest.raises(UnavailableError, match="no bytes of wet"):
        run(plan(EVENT, INDICATOR, sources, resolution=100), sources)


def test_a_source_that_fails_is_not_the_same_as_nothing_there():
    """What the failed one may hold is not declared absent because the other has nothing."""
    sources = {"first": Broken(), "second": Memory()}
    todo = plan(EVENT, INDICATOR, sources, resolution=100)
    with pytest.raises(UnavailableError, match="no answer"):
        run(todo, sources)


def test_where_metadata_and_pixels_disagree_is_said_on_the_product():
    """Sentences in a cube's attributes reach the notes, with the role they belong to."""

    class Doubtful(Memory):
        def load(self, granules, grid, variables):
            cube = super().load(granules, grid, variables)
            return cube.assign_attrs({PROVENANCE_NOTES: ("the offset looks wrong",)})

    sources = {"memory": Doubtful(_granule("wet", 1))}
    product = run(plan(EVENT, INDICATOR, sources, resolution=100), sources)
    assert "after: the offset looks wrong" in product.notes


def test_search_explains_and_loads_nothing():
    """The choice can be looked at before it is carried out."""
    source = Memory(_granule("wet", 1))
    todo = plan(EVENT, INDICATOR, {"memory": source}, resolution=100)
    choice = search(todo, {"memory": source})["after"]
    assert choice.reason == "earliest of 1 pass(es), covers 100% of the area"
    assert source.loaded == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"drip": 1}}, r"no parameter 'drip'; it has \['drop'\]"),
        ({"parameters": {"drop": 21}}, "drop = 21 dB is outside 0 to 20"),
        ({"resolution": 0.01}, "at most 400,000,000 fit"),
    ],
)
def test_impossible_plans_are_refused(changes, message):
    """Unknown or absurd parameters, and grids nobody can hold."""
    with pytest.raises(InputError, match=message):
        plan(EVENT, INDICATOR, {"memory": Memory()}, **({"resolution": 100} | changes))


def test_wrong_hazard_and_missing_variable_are_refused():
    """A fire is no flood, and heights are no backscatter."""
    fire = Event(id="F", title="t", hazard=Hazard.FIRE, area=AREA, onset=ONSET)
    with pytest.raises(InputError, match="is for flood"):
        plan(fire, INDICATOR, {"memory": Memory()}, resolution=100)
    heights = Memory()
    heights.provides = frozenset({"elevation"})
    with pytest.raises(InputError, match=r"needs one of .*add a source"):
        plan(EVENT, INDICATOR, {"heights": heights}, resolution=100)


def test_fingerprint_changes_with_what_determines_the_answer_and_with_nothing_else():
    """Same inputs, same print; another granule or parameter, another print."""
    one, _ = _run(_granule("wet", 1))
    again, _ = _run(_granule("wet", 1))
    other, _ = _run(_granule("wet", 2))
    tuned, _ = _run(_granule("wet", 1), drop=4.0)
    assert one.fingerprint == again.fingerprint
    assert len({one.fingerprint, other.fingerprint, tuned.fingerprint}) == 3


def test_memory_grows_with_pixels_and_with_roles():
    """A tile with one image stays under 4 GB, an image before adds to it."""
    sources = {"memory": Memory()}
    one = plan(
        EVENT, replace(INDICATOR, needs={"after": INDICATOR.needs["after"]}), sources, resolution=10
    )
    two = plan(EVENT, INDICATOR, sources, resolution=10)
    pixels = one.grid.shape[0] * one.grid.shape[1]
    scaled = one.peak_bytes + 27 * (10_980**2 - pixels)
    assert 3.5e9 < scaled < 4e9
    assert two.peak_bytes - one.peak_bytes == 15 * pixels


def test_one_indicator_may_speak_of_several_hazards():
    """An explosion is planned with what maps change of buildings; a drought is refused with it."""
    also = replace(INDICATOR, hazard=Hazard.EARTHQUAKE, also=frozenset({Hazard.EXPLOSION}))
    source = {"memory": Memory()}
    blast = replace(EVENT, hazard=Hazard.EXPLOSION)
    assert plan(blast, also, source, resolution=100).event.hazard is Hazard.EXPLOSION
    assert also.fits(Hazard.EARTHQUAKE)
    with pytest.raises(InputError, match=r"is for earthquake.* is a drought"):
        plan(replace(EVENT, hazard=Hazard.DROUGHT), also, source, resolution=100)


def test_the_sun_of_the_image_goes_with_its_cube():
    """Where one pass is read and its provider says where the sun stood, an indicator can know."""
    seen = {}

    def look(after, before=None):
        seen.update(after.attrs)
        return _mean(after, before)

    lit = replace(_granule("light", 1), sun_azimuth=155.0, sun_elevation=38.0)
    memory = Memory(lit)
    bare = replace(INDICATOR, compute=look)
    run(plan(EVENT, bare, {"memory": memory}, resolution=100), {"memory": memory})
    assert (seen["sun_azimuth"], seen["sun_elevation"]) == (155.0, 38.0)
