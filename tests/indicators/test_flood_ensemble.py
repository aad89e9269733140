import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reliefscope.indicators._flood.together import combine
from reliefscope.indicators.flood_change import flood_change
from reliefscope.indicators.flood_ensemble import flood_ensemble
from reliefscope.indicators.flood_harmonic import flood_harmonic
from reliefscope.indicators.flood_sar import flood_extent
from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, Exclusion, State
from tests.flood_series import (
    CLEAR,
    DRY,
    FLOOD,
    LAKE,
    NEW,
    X,
    after,
    joined,
    layer,
    only,
    series,
    share,
)

YEARS = series(60)
WATER = layer("water_seasonality", 12 * LAKE)
DRY_, WET, OLD, HIDDEN, NONE = (s.value for s in State)


def told(*members):
    """Combine members given as (state, likelihood, exclusion)."""
    columns = [np.array([m[i]], np.uint8) for i in range(3) for m in members]
    return tuple(int(a[0]) for a in combine(*columns, count=len(members)))


@pytest.mark.parametrize(
    ("members", "want"),
    [
        ([(WET, 80, 0)], (WET, 80, 0, 1, 1)),
        ([(WET, 80, 0), (DRY_, 10, 0)], (DRY_, 45, 0, 1, 2)),
        ([(WET, 90, 0), (DRY_, 40, 0)], (DRY_, 49, 0, 1, 2)),
        ([(WET, 80, 0), (HIDDEN, 255, 64)], (WET, 80, 0, 1, 1)),
        ([(WET, 55, 0), (WET, 55, 0), (DRY_, 1, 0)], (WET, 50, 0, 2, 3)),
        ([(OLD, 90, 0), (DRY_, 5, 0)], (OLD, 90, 0, 0, 2)),
        ([(OLD, 90, 0), (WET, 80, 0), (WET, 85, 0)], (WET, 85, 0, 2, 3)),
        ([(HIDDEN, 255, 4), (HIDDEN, 255, 64)], (HIDDEN, 255, 68, 0, 0)),
        ([(HIDDEN, 255, 4), (NONE, 255, 0)], (HIDDEN, 255, 4, 0, 0)),
        ([(NONE, 255, 0), (NONE, 255, 0)], (NONE, 255, 0, 0, 0)),
    ],
)
def test_states_are_put_together_by_the_rule(members, want):
    """One of two is not flood; alone decides; who cannot tell does not count and is never dry."""
    assert told(*members) == want


CODES = hnp.arrays(np.uint8, (3, 20), elements=st.sampled_from([DRY_, WET, OLD, HIDDEN, NONE]))


@given(CODES)
def test_layers_never_contradict_each_other(states):
    """Excluded has a reason and no likelihood; unseen is unseen by all; event is likely."""
    likely = np.select([states == WET, states == DRY_, states == OLD], [77, 12, 60], 255)
    reason = np.where(states == HIDDEN, 64, 0)
    stack = [*states, *likely.astype(np.uint8), *reason.astype(np.uint8)]
    state, likelihood, exclusion, votes, members = combine(*stack, count=3)
    np.testing.assert_array_equal(exclusion != 0, state == HIDDEN)
    unknown = (state == HIDDEN) | (state == NONE)
    np.testing.assert_array_equal(likelihood == NO_LIKELIHOOD, unknown)
    np.testing.assert_array_equal(members == 0, unknown)
    np.testing.assert_array_equal(state == NONE, (states == NONE).all(axis=0))
    np.testing.assert_array_equal(state == WET, 2 * votes > members)
    assert (likelihood[state == WET] >= 50).all()
    assert (likelihood[state == DRY_] < 50).all()


def test_one_image_is_the_single_scene():
    """With nothing before, state and exclusion are those of the single image, one member."""
    alone, want = flood_ensemble(after(), water=WATER), flood_extent(after(), water=WATER)
    for name in ("state", "exclusion", "likelihood", "advisory"):
        np.testing.assert_array_equal(alone[name], want[name])
    assert (alone["members"] == 1).all()


def test_years_of_images_make_three_members():
    """All three agree on the flood; the counts say so."""
    out = flood_ensemble(after(), YEARS, water=WATER)
    state = out["state"].to_numpy()
    assert share(state, State.EVENT, NEW & CLEAR) == 1
    assert share(state, State.REFERENCE, LAKE) == 1
    assert share(state, State.NO_EVENT, ~FLOOD & CLEAR) == 1
    assert (out["votes"].to_numpy()[NEW & CLEAR] == 3).all()
    assert (out["members"].to_numpy()[NEW & CLEAR] == 3).all()
    assert not out["votes"].to_numpy()[~FLOOD & CLEAR].any()


def test_the_vote_is_that_of_the_members_each_by_itself():
    """Pixel by pixel: single image with the five before, change of a year, harmonic model."""
    year = YEARS.isel(time=slice(-30, None))
    parts = [
        flood_extent(after(), YEARS.isel(time=slice(-5, None)), water=WATER),
        flood_change(after(), year, water=WATER),
        flood_harmonic(after(), YEARS, water=WATER),
    ]
    states = np.stack([p["state"].to_numpy() for p in parts])
    out = flood_ensemble(after(), YEARS, water=WATER)
    np.testing.assert_array_equal(out["votes"], (states == State.EVENT).sum(axis=0))
    np.testing.assert_array_equal(out["members"], (states < State.EXCLUDED).sum(axis=0))
    assert len(np.unique(out["votes"])) == 4


@pytest.mark.parametrize(
    ("passes", "angle", "members"), [(1, 38.0, 2), (20, 38.0, 2), (60, 38.0, 3), (60, 20.0, 2)]
)
def test_members_are_those_the_passes_allow(passes, angle, members):
    """Too few for the season, or outside of its angles: two; then one vote is not enough."""
    out = flood_ensemble(after(angle=angle), YEARS.isel(time=slice(-passes, None)), water=WATER)
    assert (out["members"].to_numpy()[NEW & CLEAR] == members).all()


def test_a_dark_field_that_was_always_dark_is_outvoted():
    """The single image alone calls smooth ground water; against its own past nothing changed."""
    smooth = (X > 80) & CLEAR
    dark = np.where(smooth, -7.5, 0.0)
    past = series(20, shift=lambda _: dark)
    now = after(shift=dark)
    alone = flood_ensemble(now)
    out = flood_ensemble(now, past)
    inner = X > 86
    assert share(alone["state"], State.EVENT, inner) > 0.9
    assert share(out["state"], State.EVENT, inner) == 0


def test_houses_are_excluded_by_all_with_the_reason():
    """Built-up ground is never 0."""
    cover = layer("land_cover", np.where(X > 75, 50, 40))
    out = flood_ensemble(after(), YEARS, land=cover, water=WATER)
    assert share(out["state"], State.EXCLUDED, X > 75) == 1
    assert (out["exclusion"].to_numpy()[X > 75] & Exclusion.URBAN).all()
    assert (out["likelihood"].to_numpy()[X > 75] == NO_LIKELIHOOD).all()


def test_a_mixed_archive_is_sorted_by_orbit():
    """A second orbit, dark everywhere and interleaved, changes nothing."""
    other = series(40, wet=~DRY, end=YEARS["time"].to_numpy()[-1] + np.timedelta64(7, "D"))
    mixed = joined([YEARS, other]).sortby("time")
    got, want = flood_ensemble(after(), mixed), flood_ensemble(after(), YEARS)
    xr.testing.assert_identical(got, want)
    assert Advisory.ORBIT_MISMATCH not in Advisory(int(got["advisory"]))


def test_blocks_do_not_show():
    """Lazy until asked, then the bits of the plain computation, with a gap in the image."""
    gap = only((X > 12) | (X < 3))

    def refuse(*_args, **_kwargs):
        pytest.fail("something was computed")

    now = after().where(gap)
    with dask.config.set(scheduler=refuse):
        lazy = flood_ensemble(
            now.chunk(y=40, x=96), YEARS.chunk(time=11, y=40, x=50), water=WATER.chunk(y=96, x=40)
        )
    assert all(dask.is_dask_collection(a) for a in lazy.data_vars.values())
    want = flood_ensemble(now, YEARS, water=WATER)
    xr.testing.assert_identical(lazy.compute(scheduler="threads"), want)
    np.testing.assert_array_equal(want["state"] == State.NOT_OBSERVED, ~gap)


def test_a_stated_orbit_changes_nothing_where_all_passes_are_of_it():
    """Coordinates of the passes do not get in the way, nor into the map."""
    now = after().assign_coords(relative_orbit=37)
    past = YEARS.assign_coords(relative_orbit=("time", [37] * YEARS.sizes["time"]))
    xr.testing.assert_identical(flood_ensemble(now, past), flood_ensemble(after(), YEARS))
