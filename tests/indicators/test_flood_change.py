import dask
import numpy as np
import pytest
import xarray as xr

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.flood_change import flood_change
from reliefscope.model.cube import NO_LIKELIHOOD, Advisory, Exclusion, PossibleFlood, State
from tests.flood_series import (
    CLEAR,
    DRY,
    FLOOD,
    LAKE,
    NEW,
    SIZE,
    WHEN,
    X,
    Y,
    after,
    image,
    joined,
    layer,
    near,
    only,
    series,
    share,
)

YEAR = series(20)


def test_what_darkened_is_flood_and_the_lake_is_not():
    """Every pixel away from the edges, in each layer: state, z-scores, ratio, counts."""
    out = flood_change(after(), YEAR, water=layer("water_seasonality", 12 * LAKE))
    state = out["state"].to_numpy()
    assert share(state, State.EVENT, NEW & CLEAR) == 1
    assert share(state, State.REFERENCE, LAKE) == 1
    assert share(state, State.NO_EVENT, ~FLOOD & CLEAR) == 1
    assert (out["likelihood"].to_numpy()[state == State.EVENT] >= 50).all()
    assert (out["likelihood"].to_numpy()[state == State.NO_EVENT] < 50).all()
    assert (out["observations"] == 20).all()
    assert float(out["z_vv"].to_numpy()[NEW & CLEAR].mean()) < -4
    assert float(out["log_ratio_db"].to_numpy()[NEW & CLEAR].mean()) < -8
    assert Advisory(int(out["advisory"])) == Advisory(0)


def test_without_reference_water_a_dark_lake_is_excluded_not_dry():
    """Dark in more than 70 % of the year: water or tarmac, radar cannot tell."""
    out = flood_change(after(), YEAR)
    inside = LAKE & CLEAR
    assert share(out["state"], State.EXCLUDED, inside) == 1
    assert share(out["exclusion"], Exclusion.LOW_BACKSCATTER, inside) == 1
    assert share(out["likelihood"], NO_LIKELIHOOD, inside) == 1


def test_images_of_other_orbits_are_left_out():
    """Sixty more of an orbit five days off, dark as water everywhere: not one bit differs."""
    other = series(40, wet=~DRY, end=WHEN - np.timedelta64(5, "D"))
    mixed = joined([other, YEAR])
    xr.testing.assert_identical(flood_change(after(), mixed), flood_change(after(), YEAR))


def test_a_stated_orbit_is_believed():
    """Passes carry their relative orbit: those of the image's count, whatever their times."""
    odd = YEAR.assign_coords(time=YEAR["time"] - np.timedelta64(3, "D"))
    late = after().assign_coords(relative_orbit=37)
    ours = odd.assign_coords(relative_orbit=("time", [37] * 10 + [110] * 10))
    out = flood_change(late, ours)
    assert (out["observations"] == 10).all()
    assert Advisory.ORBIT_MISMATCH not in Advisory(int(out["advisory"]))


def test_passes_of_no_fitting_orbit_are_flagged():
    """Better than nothing, and said."""
    odd = YEAR.assign_coords(time=YEAR["time"] - np.timedelta64(3, "D"))
    out = flood_change(after(), odd)
    assert Advisory.ORBIT_MISMATCH in Advisory(int(out["advisory"]))
    assert share(out["state"], State.EVENT, NEW & CLEAR) == 1


def test_images_from_the_flood_on_do_not_count_as_before():
    """A series that runs past the image gives the result of the series up to it."""
    later = series(3, wet=FLOOD, end=WHEN + np.timedelta64(48, "D"))
    long = joined([YEAR, later])
    xr.testing.assert_identical(flood_change(after(), long), flood_change(after(), YEAR))
    with pytest.raises(InsufficientDataError, match="no pass"):
        flood_change(after(), later)


def test_a_few_images_give_the_log_ratio_alone():
    """Five passes are too few for a spread: z-scores are NaN, and the flood is found."""
    out = flood_change(after(), YEAR.isel(time=slice(-5, None)))
    assert np.isnan(out["z_vv"]).all()
    assert np.isnan(out["z_vh"]).all()
    assert share(out["state"], State.EVENT, NEW & CLEAR) == 1


def test_ground_never_seen_before_is_excluded_with_the_reason():
    """No comparison is no statement: not 0, and not event either."""
    gap = X < 40
    out = flood_change(after(), YEAR.where(only(~gap)))
    assert share(out["state"], State.EXCLUDED, gap) == 1
    assert share(out["exclusion"], Exclusion.LOW_COVERAGE, gap) == 1
    assert share(out["state"], State.EVENT, NEW & CLEAR & (X > 46)) == 1
    unseen = flood_change(after().where(only(~gap)), YEAR)
    assert share(unseen["state"], State.NOT_OBSERVED, gap) == 1
    assert not unseen["exclusion"].to_numpy()[gap].any()


def test_fields_that_are_often_dark_need_more_to_be_flood():
    """A fall of 7 dB where the year goes up and down by 6: its z-score halves the likelihood."""
    wild = lambda t: 6 * np.sin(2 * np.pi * t.day_of_year / 60)  # noqa: E731 - a shape, not a name
    steady = flood_change(after(DRY, shift=-7.5 * NEW), series(20, wet=DRY, shift=lambda _: 0.0))
    often = flood_change(after(DRY, shift=-7.5 * NEW), series(20, wet=DRY, shift=wild))
    inside = NEW & CLEAR
    calm, busy = (o["likelihood"].to_numpy()[inside].astype(float) for o in (steady, often))
    assert busy.mean() < calm.mean() - 10


@pytest.mark.parametrize(
    ("code", "kind"), [(10, PossibleFlood.VEGETATION), (50, PossibleFlood.URBAN)]
)
def test_a_brighter_echo_beside_flood_is_possible_flood_and_not_counted(code, kind):
    """Double bounce under trees and between houses; the same echo far away is nothing."""
    beside = (Y > 40) & (Y < 56) & (X > 79) & (X < 87)
    far = (Y < 12) & (X < 12)
    cover = np.where(beside | far, code, 40)
    bright = after(shift=np.where(beside | far, 5.0, 0.0))
    out = flood_change(bright, series(20, shift=lambda _: 0.0), land=layer("land_cover", cover))
    possible = out["possible_flood"].to_numpy()
    core = (Y > 43) & (Y < 53) & (X > 81) & (X < 85)
    assert (possible[core] == kind).all()
    assert not possible[far].any()
    assert share(out["state"], State.EXCLUDED, core) == 1


def test_what_was_not_seen_has_no_possible_flood_either():
    """255, not 0."""
    out = flood_change(after().where(only(X > 20)), YEAR)
    assert (out["possible_flood"].to_numpy()[X <= 20] == PossibleFlood.NOT_OBSERVED).all()


def everything(chunks=None):
    """All inputs, with gaps in some of the passes."""
    past = YEAR.where((YEAR["time"] != YEAR["time"][4]) | only(Y > 30))
    inputs = {
        "after": after().where(only((X > 10) | (Y > 20))),
        "before": past,
        "terrain": layer("elevation", 0.05 * np.abs(X - 48) + 0.1 * Y),
        "water": layer("water_seasonality", 12 * LAKE),
        "land": layer("land_cover", np.where(X > 75, 50, 40)),
        "weather": layer("air_temperature", 290.0),
    }
    if chunks is None:
        return inputs
    return {
        n: c.chunk({"time": 1, "y": chunks[0], "x": chunks[1]} if "time" in c.dims else
                   {"y": chunks[0], "x": chunks[1]})
        for n, c in inputs.items()
    }  # fmt: skip


@pytest.mark.parametrize("chunks", [(96, 96), (40, 33)])
def test_blocks_do_not_show(chunks):
    """Any chunking gives the bits of the plain computation, and is lazy until asked."""

    def refuse(*_args, **_kwargs):
        pytest.fail("something was computed")

    with dask.config.set(scheduler=refuse):
        lazy = flood_change(**everything(chunks))
    assert all(dask.is_dask_collection(a) for a in lazy.data_vars.values())
    got = lazy.compute(scheduler="threads")
    xr.testing.assert_identical(got, flood_change(**everything()))


def test_scales_that_cannot_be_are_refused():
    """Decibels called linear power, linear power called decibels, units that say so."""
    db = after().assign(vv=10 * np.log10(after()["vv"]))
    db["vv"].attrs["units"] = "1"
    with pytest.raises(CubeError, match="never negative"):
        flood_change(db, YEAR)
    said = after()
    said["vv"].attrs["units"] = "dB"
    with pytest.raises(CubeError, match="must be in '1'"):
        flood_change(said, YEAR)
    twice = image(FLOOD, 0, WHEN, names=("vv",))
    twice["vv"] = (10 ** (twice["vv"] / 10)).assign_attrs(units="1")
    with pytest.raises(CubeError, match="no scene on"):
        flood_change(twice, YEAR)


@pytest.mark.parametrize("broken", ["one image", "no times", "no polarisation", "other grid"])
def test_broken_series_are_refused(broken):
    """Each with what to do."""
    cases = {
        "one image": (YEAR.isel(time=0), "needs time"),
        "no times": (YEAR.drop_vars("time"), "coordinate"),
        "no polarisation": (YEAR.rename(vv="a", vh="b"), "needs vv, vh or both"),
        "other grid": (YEAR.isel(x=slice(1, None)), "different grids"),
    }
    cube, message = cases[broken]
    with pytest.raises(CubeError, match=message):
        flood_change(after(), cube)


def test_the_outline_is_that_of_the_flood():
    """IoU of 0.95 on the new water, edges included."""
    out = flood_change(after(), YEAR, water=layer("water_seasonality", 12 * LAKE))
    wet = out["state"].to_numpy() == State.EVENT
    assert (wet & NEW).sum() / (wet | NEW).sum() > 0.93
    assert near(FLOOD)[wet & ~FLOOD].all()
    assert out.sizes == {"y": SIZE, "x": SIZE}
