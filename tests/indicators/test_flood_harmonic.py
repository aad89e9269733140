import dask
import numpy as np
import pytest
import xarray as xr

from reliefscope.errors import CubeError
from reliefscope.indicators.flood_change import flood_change
from reliefscope.indicators.flood_harmonic import flood_harmonic
from reliefscope.model.cube import NO_LIKELIHOOD, Exclusion, State
from reliefscope.numerics.denial import Denial
from reliefscope.numerics.harmonic import posterior
from tests.flood_series import (
    CLEAR,
    DRY,
    FLOOD,
    LAKE,
    NEW,
    WHEN,
    X,
    after,
    layer,
    only,
    season,
    series,
    share,
)

YEARS = series(60)


def test_what_the_season_forbids_is_flood():
    """Every pixel away from the edges, with the expected backscatter of the day and its spread."""
    out = flood_harmonic(after(), YEARS, water=layer("water_seasonality", 12 * LAKE))
    state = out["state"].to_numpy()
    assert share(state, State.EVENT, NEW & CLEAR) == 1
    assert share(state, State.REFERENCE, LAKE) == 1
    assert share(state, State.EVENT, ~FLOOD & CLEAR) == 0
    # the published mask takes what lies beyond three spreads of land for neither: noise, here
    assert share(state, State.NO_EVENT, ~FLOOD & CLEAR) > 0.985
    land = ~FLOOD & CLEAR
    # the mean of logarithms of 4.4 looks lies 0.5 dB below the logarithm of the mean
    want = -10 + season(WHEN) - 0.5
    assert float(out["expected_db"].to_numpy()[land].mean()) == pytest.approx(want, abs=0.1)
    assert 0.3 < float(out["spread_db"].to_numpy()[land].mean()) < 1.2
    assert 58 < float(out["observations"].to_numpy()[land].mean()) <= 60
    assert share(out["denial"], 0, NEW & CLEAR) == 1


def rice(when):
    """Fields under water each year from April to June, dark as water; bright otherwise."""
    return -9.0 if 100 <= when.day_of_year <= 180 else 0.0


def test_a_field_that_floods_each_year_in_this_month_is_no_news():
    """The log ratio against the last months calls all of it flood; the season does not."""
    before = series(75, wet=DRY, shift=rice, end=WHEN - np.timedelta64(24, "D"))
    before = before.sel(time=(before.time.dt.dayofyear < 100) | (before.time.dt.dayofyear > 180)
                        | (before.time.dt.year < 2023))  # fmt: skip
    now = after(DRY, shift=-9.0)
    changed = flood_change(now, before)
    seasonal = flood_harmonic(now, before)
    assert share(changed["state"], State.EVENT, ~DRY) > 0.9
    assert share(seasonal["state"], State.EVENT, ~DRY) < 0.05


@pytest.mark.parametrize("angle", [26.0, 49.0])
def test_outside_of_the_angles_of_the_model_nothing_is_stated(angle):
    """27 to 48 degrees: beyond, excluded with the reason, and no likelihood."""
    out = flood_harmonic(after(angle=angle), YEARS)
    assert share(out["state"], State.EXCLUDED, ~DRY) == 1
    assert share(out["exclusion"], Exclusion.AMBIGUOUS, ~LAKE) == 1
    assert (out["denial"].to_numpy() & Denial.ANGLE).all()
    assert share(out["likelihood"], NO_LIKELIHOOD, ~DRY) == 1


def test_ground_that_is_usually_as_dark_as_water_is_excluded():
    """The lake without reference water: the two models are one, so nothing follows.

    Peer defect: masked pixels returned as 0, "no flood".
    """
    out = flood_harmonic(after(), YEARS)
    assert share(out["state"], State.EXCLUDED, LAKE & CLEAR) == 1
    assert (out["denial"].to_numpy()[LAKE & CLEAR] & Denial.CONFLICT).all()


def test_thirty_one_images_are_too_few():
    """Excluded for want of observations, where they are wanting; 32 are enough."""
    passes = series(32)
    passes = passes.where((passes.time != passes.time[3]) | only(X < 40))
    out = flood_harmonic(after(), passes)
    assert share(out["state"], State.EXCLUDED, X >= 40) == 1
    few = (X >= 40) & ~LAKE
    assert share(out["exclusion"], Exclusion.LOW_COVERAGE, few) == 1
    assert (out["denial"].to_numpy()[X >= 40] == Denial.SHORT).all()
    assert share(out["state"], State.EVENT, NEW & CLEAR & (X < 35)) > 0.99


@pytest.mark.parametrize(("sought", "reason"), [(None, Denial.OUTLIER), (0.5, Denial.UNDECIDED)])
def test_what_fits_neither_and_what_fits_both_is_denied(sought, reason):
    """10 dB brighter than land, and where the posterior is one half: excluded, with the reason."""
    past = series(60, wet=DRY, shift=lambda t: 2.8 * np.sin(t.day_of_year * 1.7))
    usual = flood_harmonic(after(DRY, shift=0.0), past)
    land, spread = (usual[n].to_numpy().mean() for n in ("expected_db", "spread_db"))
    level = land + 10
    if sought is not None:
        tried = np.linspace(land, land - 9, 200)
        odds = posterior(tried, *(np.full(200, v) for v in (land, spread, 38.0)))
        level = tried[np.argmin(np.abs(odds - sought))]
    out = flood_harmonic(after(DRY, shift=level + 10, looks=1e5), past)
    hit = (out["denial"].to_numpy() & reason) != 0
    assert hit.mean() > 0.5
    assert (out["state"].to_numpy()[hit] == State.EXCLUDED).all()
    assert (out["exclusion"].to_numpy()[hit] == Exclusion.AMBIGUOUS).all()


def test_what_was_not_seen_stays_unseen():
    """A gap in the image is 255 in state and likelihood, NaN in the posterior, and no exclusion."""
    gap = X < 20
    out = flood_harmonic(after().where(only(~gap)), YEARS)
    np.testing.assert_array_equal(out["state"] == State.NOT_OBSERVED, gap)
    assert share(out["likelihood"], NO_LIKELIHOOD, gap) == 1
    assert np.isnan(out["flood_probability"].to_numpy()[gap]).all()
    assert not out["exclusion"].to_numpy()[gap].any()


def test_without_a_time_the_image_is_the_next_of_the_series():
    """The same expectation as with the time twelve days after the last pass."""
    timeless = after().drop_vars("time")
    xr.testing.assert_identical(flood_harmonic(timeless, YEARS), flood_harmonic(after(), YEARS))


@pytest.mark.parametrize("missing", ["incidence_deg", "vv"])
def test_without_angle_or_vv_there_is_no_model(missing):
    """The message says which of them it needs."""
    with pytest.raises(CubeError, match="incidence_deg"):
        flood_harmonic(after().drop_vars(missing), YEARS)


@pytest.mark.parametrize("chunks", [(96, 96), (37, 50)])
def test_blocks_do_not_show(chunks):
    """Lazy until asked, then the bits of the plain computation."""
    y, x = chunks
    now, past = after().chunk(y=y, x=x), YEARS.chunk(time=1, y=y, x=x)
    water = layer("water_seasonality", 12 * LAKE)

    def refuse(*_args, **_kwargs):
        pytest.fail("something was computed")

    with dask.config.set(scheduler=refuse):
        lazy = flood_harmonic(now, past, water=water.chunk(y=y, x=x))
    assert all(dask.is_dask_collection(a) for a in lazy.data_vars.values())
    got = lazy.compute(scheduler="threads")
    xr.testing.assert_identical(got, flood_harmonic(after(), YEARS, water=water))


def test_old_floods_do_not_hide_a_new_one():
    """Three of sixty images flooded before: the posterior is as sure as without them."""
    flooded = YEARS.copy(deep=True)
    for i in (10, 25, 41):
        flooded["vv"][i] = flooded["vv"][i].where(only(~FLOOD), 0.012)
    out = flood_harmonic(after(), flooded)
    assert share(out["state"], State.EVENT, NEW & CLEAR) == 1
    assert float(out["spread_db"].to_numpy()[NEW & CLEAR].mean()) < 1.2


def test_a_stated_orbit_changes_nothing_where_all_passes_are_of_it():
    """Coordinates of the passes do not get in the way, nor into the map."""
    now = after().assign_coords(relative_orbit=37)
    past = YEARS.assign_coords(relative_orbit=("time", [37] * YEARS.sizes["time"]))
    xr.testing.assert_identical(flood_harmonic(now, past), flood_harmonic(after(), YEARS))
