import dask
import numpy as np
import pytest
import xarray as xr

from reliefscope.errors import CubeError
from reliefscope.indicators.drought_vegetation import drought_vegetation
from reliefscope.model.cube import (
    Advisory,
    Exclusion,
    State,
    StressedShare,
    VegetationStress,
    describe,
)
from tests.drought_cubes import DEKADS, MONTHS, SIDE, cube, noise, refuse, season


def _ndvi(times=MONTHS):
    swing = (0.5 + 0.2 * np.sin(season(times)))[:, None, None]
    return cube(times, ndvi=swing + noise(times, spread=0.05))


def _lst(times=MONTHS):
    swing = (300 + 8 * np.sin(season(times)))[:, None, None]
    return cube(times, lst=swing + noise(times, seed=4, spread=2.0))


def _cover(codes):
    like = _ndvi()["ndvi"].isel(time=0, drop=True)
    layer = xr.DataArray(np.asarray(codes, "float32"), dims=("y", "x"), coords=like.coords)
    return xr.Dataset({"land_cover": describe("land_cover", layer)})


def test_the_condition_is_that_of_the_same_month_by_hand():
    """December 2020 between the worst and the best of thirty Decembers; health is their mean."""
    ndvi, lst = _ndvi(), _lst()
    out = drought_vegetation(ndvi, lst)
    same = ndvi["ndvi"].values[11::12][6:]
    vci = 100 * (same[-1] - same.min(axis=0)) / (same.max(axis=0) - same.min(axis=0))
    hot = lst["lst"].values[11::12][6:]
    tci = 100 * (hot.max(axis=0) - hot[-1]) / (hot.max(axis=0) - hot.min(axis=0))
    np.testing.assert_allclose(out["vci"], vci, atol=1e-3)
    np.testing.assert_allclose(out["tci"], tci, atol=1e-2)
    np.testing.assert_allclose(out["vhi"], (vci + tci) / 2, atol=1e-2)


def test_edges_of_the_classes_belong_to_the_better_side():
    """10, 20, 30 and 40 percent: below is the worse class."""
    from reliefscope.indicators.drought_vegetation import _stress  # noqa: PLC0415 - a rule of its own

    percent = np.array([0, 9.99, 10, 19.9, 20, 30, 39.9, 40, 100, np.nan], "float32")
    assert _stress(percent).tolist() == [1, 1, 2, 2, 3, 4, 4, 5, 5, 255]


def test_the_worst_december_is_a_drought_here_and_nowhere_else():
    """Browner than ever and hotter than ever: 0, extreme, an event."""
    ndvi, lst = _ndvi(), _lst()
    before = drought_vegetation(ndvi, lst)
    ndvi["ndvi"][-1, 0, 0], lst["lst"][-1, 0, 0] = 0.05, 330
    out = drought_vegetation(ndvi, lst)
    assert out["vhi"][0, 0] == 0
    assert out["vegetation_stress"][0, 0] == VegetationStress.EXTREME
    assert out["state"][0, 0] == State.EVENT
    np.testing.assert_array_equal(out["vhi"][1:], before["vhi"][1:])


def test_bare_ground_and_the_unseen_are_not_observed():
    """NDVI that never varies by 0.05 tells nothing, NDVI that is missing was not observed."""
    ndvi = _ndvi()
    ndvi["ndvi"][:, 0, 0] = 0.12
    ndvi["ndvi"][-1, 1, 1] = np.nan
    out = drought_vegetation(ndvi)
    assert out["state"][0, 0] == State.EXCLUDED
    assert out["exclusion"][0, 0] == Exclusion.NO_COMPARISON
    assert out["state"][1, 1] == State.NOT_OBSERVED
    assert out["vegetation_stress"][0, 0] == VegetationStress.NOT_OBSERVED
    assert np.isnan(out["vci"]).sum() == 2


def test_without_heat_no_health_is_claimed():
    """Vegetation alone decides; no layer of health, and none of stressed cropland."""
    out = drought_vegetation(_ndvi(), None, _cover(np.full((SIDE, SIDE), 40)))
    assert not {"vhi", "tci", "asi", "asi_class"} & set(out)
    np.testing.assert_array_equal(out["state"] == State.EVENT, out["vci"] < 40)


def test_stress_of_cropland_is_the_share_of_what_was_seen():
    """Four blocks: half stressed, unseen in part, no cropland, none stressed."""
    ndvi, lst = _ndvi(), _lst()
    sick, well = (0.01, 340.0), (0.99, 250.0)
    for y, x, (green, warm) in (
        (0, 0, sick),
        (0, 1, well),
        (1, 0, sick),
        (1, 1, well),
        (0, 2, sick),
        (2, 2, well),
        (2, 3, well),
        (3, 2, well),
        (3, 3, well),
    ):
        ndvi["ndvi"][-3:, y, x], lst["lst"][-3:, y, x] = green, warm
    ndvi["ndvi"][-2, 0, 3] = ndvi["ndvi"][-1, 1, 2] = ndvi["ndvi"][-3, 1, 3] = np.nan
    codes = np.full((SIDE, SIDE), 40)
    codes[2:, :2] = 10
    out = drought_vegetation(ndvi, lst, _cover(codes), block=22.2)
    asi, share = out["asi"].values, out["asi_class"].values
    assert (asi[:2, :2] == 50).all()
    assert (share[:2, :2] == StressedShare.FROM_40).all()
    assert (asi[:2, 2:] == 100).all()
    assert (share[:2, 2:] == StressedShare.FROM_85).all()
    assert np.isnan(asi[2:, :2]).all()
    assert (share[2:, :2] == StressedShare.NO_CROPLAND).all()
    assert (asi[2:, 2:] == 0).all()
    assert (share[2:, 2:] == StressedShare.UNDER_10).all()


def test_unseen_cropland_is_not_well():
    """A season with a hole everywhere: cropland is there, its stress is not observed."""
    ndvi = _ndvi()
    ndvi["ndvi"][-2] = np.nan
    out = drought_vegetation(ndvi, _lst(), _cover(np.full((SIDE, SIDE), 40)))
    assert (out["asi_class"] == StressedShare.NOT_OBSERVED).all()
    assert np.isnan(out["asi"]).all()
    assert (out["state"] != State.NOT_OBSERVED).all()


def test_blocks_that_do_not_fit_the_map_end_at_its_edge():
    """Three pixels a side on a map of four: the rest is a block of its own."""
    ndvi, lst = _ndvi(), _lst()
    out = drought_vegetation(ndvi, lst, _cover(np.full((SIDE, SIDE), 40)), block=33)
    assert out["asi"].shape == (SIDE, SIDE)
    assert len(np.unique(out["asi"][:3, :3])) == 1
    assert np.isfinite(out["asi"]).all()


def test_cover_of_another_grid_is_refused():
    """Another size, or elsewhere, is said and not aligned by chance."""
    cover = _cover(np.full((SIDE, SIDE), 40))
    with pytest.raises(CubeError, match="one grid"):
        drought_vegetation(_ndvi(), _lst(), cover.isel(y=slice(1, None)))
    with pytest.raises(CubeError, match="one grid"):
        drought_vegetation(_ndvi(), _lst(), cover.assign_coords(y=cover["y"] + 1))


def test_a_few_years_state_nothing():
    """Four years of this month where five are asked for."""
    out = drought_vegetation(_ndvi(), _lst(), first_year=2017)
    assert (out["state"] == State.EXCLUDED).all()
    assert out["advisory"] == Advisory.SHORT_RECORD
    some = drought_vegetation(_ndvi(), _lst(), first_year=2017, min_years=4)
    four = _ndvi()["ndvi"].values[-37::12]
    varied = four.max(axis=0) - four.min(axis=0) >= 0.05
    np.testing.assert_array_equal(some["state"] != State.EXCLUDED, varied)
    assert varied.any()


def test_heat_of_months_and_vegetation_of_ten_days_meet_in_months():
    """The finer one is averaged; a month that heat lacks has no health."""
    out = drought_vegetation(_ndvi(DEKADS), _lst())
    assert np.isfinite(out["vhi"]).all()
    short = drought_vegetation(_ndvi(DEKADS), _lst().isel(time=slice(None, -1)))
    assert (short["state"] == State.NOT_OBSERVED).all()
    assert np.isfinite(short["vci"]).all()


@pytest.mark.parametrize("times", [MONTHS, DEKADS], ids=["months", "dekads"])
def test_blocks_and_types_do_not_change_the_answer(times):
    """In pieces, lazily: the same, and lazy until asked."""
    ndvi, lst, cover = _ndvi(times), _lst(times), _cover(np.full((SIDE, SIDE), 40))
    whole = drought_vegetation(ndvi, lst, cover, block=22.2)
    with dask.config.set(scheduler=refuse):
        lazy = drought_vegetation(
            ndvi.chunk(time=90, y=1), lst.chunk(x=3), cover.chunk(y=3), block=22.2
        )
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name], err_msg=name)
    double = drought_vegetation(ndvi.astype("float64"), lst.astype("float64"))["vhi"]
    np.testing.assert_allclose(double, whole["vhi"], atol=1e-3)
