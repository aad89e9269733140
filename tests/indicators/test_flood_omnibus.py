import dask
import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from reliefscope.errors import CubeError
from reliefscope.indicators._flood.decide import Rules
from reliefscope.indicators._flood.variation import classify
from reliefscope.indicators.flood_omnibus import flood_omnibus
from reliefscope.model.cube import Exclusion, State
from tests.flood_series import (
    CLEAR,
    DRY,
    FLOOD,
    LAKE,
    NEW,
    SIZE,
    X,
    after,
    joined,
    layer,
    only,
    series,
    share,
)

PASSES = series(10, shift=lambda _: 0.0)
NOW = after(shift=0.0)


def test_what_darkened_more_than_speckle_can_is_flood():
    """Every pixel away from the edges; p below one in a million there, and the fall in dB."""
    out = flood_omnibus(NOW, PASSES, water=layer("water_seasonality", 12 * LAKE))
    state = out["state"].to_numpy()
    assert share(state, State.EVENT, NEW & CLEAR) == 1
    assert share(state, State.REFERENCE, LAKE) == 1
    assert share(state, State.NO_EVENT, ~FLOOD & CLEAR) == 1
    assert float(out["p_value"].to_numpy()[NEW & CLEAR].max()) < 1e-6
    fall = float(out["log_ratio_db"].to_numpy()[NEW & CLEAR].mean())
    assert fall == pytest.approx(-9.4, abs=0.4)
    assert (out["observations"] == 11).all()
    assert (out["changes"].to_numpy()[NEW & CLEAR] >= 1).mean() > 0.99


def correlated(seed, images=8):
    """Speckle of 4.5 looks on flat land, correlated between neighbours as exp(-d^2 / 4 s^2)."""
    rng = np.random.default_rng(seed)
    fields = []
    for _ in range(images):
        # nine squares of normals are 4.5 looks; squares are correlated by the square
        noise = rng.normal(size=(2, 9, SIZE, SIZE))
        width = 0.775 * np.sqrt(2)
        smooth = ndimage.gaussian_filter(noise, (0, 0, width, width), mode="wrap")
        fields.append(0.1 * (smooth**2).mean(axis=1) / smooth.var())
    return np.array(fields)


def test_speckle_alone_raises_alarms_at_the_nominal_rate():
    """Correlated speckle averaged as the indicator does: p below 0.05 in 5 % of the land, and of
    all discoveries none survive their control."""
    rates = []
    for seed in range(12):
        cubes = [
            xr.merge([layer("vv", v), layer("vh", h)], compat="override", join="exact")
            for v, h in correlated(seed)
        ]
        times = PASSES["time"].to_numpy()[:7]
        past = joined([c.assign_coords(time=t) for c, t in zip(cubes, times, strict=False)])
        out = flood_omnibus(cubes[-1], past, looks=4.5)
        rates.append(float((out["p_value"] < 0.05).mean()))
        assert share(out["state"], State.EVENT, ~DRY) == 0
    assert np.mean(rates) == pytest.approx(0.05, rel=0.2)


def test_ground_seen_by_one_image_only_is_excluded():
    """Nothing to compare with: excluded for want of observations, not dry."""
    out = flood_omnibus(NOW, PASSES.where(only(X > 30)))
    assert share(out["state"], State.EXCLUDED, X < 20) == 1
    assert share(out["exclusion"], Exclusion.LOW_COVERAGE, X < 20) == 1
    assert np.isnan(out["p_value"].to_numpy()[X < 20]).all()


def test_a_field_that_was_ploughed_in_between_is_compared_with_what_it_is_since():
    """Land that fell by 6 dB months ago and stays: a change of the series, but no flood now."""
    level = np.where(np.arange(10) < 5, 4.0, -2.0)
    past = joined(
        [series(1, shift=lambda _, v=v: v, wet=DRY, end=t) for v, t in
         zip(level, PASSES["time"].to_numpy() + np.timedelta64(12, "D"), strict=True)]
    )  # fmt: skip
    out = flood_omnibus(after(DRY, shift=-2.0), past)
    assert float((out["p_value_series"] < 0.01).mean()) > 0.99
    assert share(out["state"], State.NO_EVENT, ~DRY) == 1
    assert abs(float(out["log_ratio_db"].mean())) < 0.5


@pytest.mark.parametrize("chunks", [(96, 96), (37, 50)])
def test_blocks_do_not_show(chunks):
    """Lazy until asked, then the bits of the plain computation."""
    y, x = chunks

    def refuse(*_args, **_kwargs):
        pytest.fail("something was computed")

    with dask.config.set(scheduler=refuse):
        lazy = flood_omnibus(NOW.chunk(y=y, x=x), PASSES.chunk(time=1, y=y, x=x))
    assert all(dask.is_dask_collection(a) for a in lazy.data_vars.values())
    got = lazy.compute(scheduler="threads")
    xr.testing.assert_identical(got, flood_omnibus(NOW, PASSES))


def test_no_channel_in_common_is_refused():
    """VV now and VH before cannot be compared."""
    with pytest.raises(CubeError, match="in common"):
        flood_omnibus(NOW.drop_vars("vh"), PASSES.drop_vars("vv"))


def test_decibels_are_refused():
    """Power is never negative."""
    decibels = PASSES.map(lambda a: (10 * np.log10(a)).assign_attrs(units="1"))
    with pytest.raises(CubeError, match="never negative"):
        flood_omnibus(NOW, decibels)


def test_flood_starts_only_where_the_fall_is_significant():
    """A fall that speckle can make starts no region, however much it looks like water; beside a
    significant one it belongs to it."""
    shape, rules = (20, 40), Rules(softness=4, core=60, margin=45, min_size=4, min_observed=0)
    vv = np.full(shape, -900, np.int16)
    vv[5:15, 2:18] = vv[5:15, 25:38] = -2100
    ratio = np.where(vv == -2100, -1200, 0).astype(np.int16)
    p = np.where(vv == -2100, 0.3, 0.8).astype(np.float32)
    p[8:12, 5:9] = 1e-9
    names = ("vv", "p_value", "last_ratio")
    state = classify(vv, p, ratio, names=names, rules=rules, rate=0.01).state
    assert (state[5:15, 2:18] == State.EVENT).all()
    assert (state[5:15, 25:38] == State.NO_EVENT).all()
    p[:] = 0.3
    nothing = classify(vv, p, ratio, names=names, rules=rules, rate=0.01)
    assert (nothing.state == State.NO_EVENT).all()
    assert nothing.likelihood.max() < 50


def test_a_stated_orbit_changes_nothing_where_all_passes_are_of_it():
    """Coordinates of the passes do not get in the way, nor into the map."""
    now = NOW.assign_coords(relative_orbit=37)
    past = PASSES.assign_coords(relative_orbit=("time", [37] * PASSES.sizes["time"]))
    xr.testing.assert_identical(flood_omnibus(now, past), flood_omnibus(NOW, PASSES))
