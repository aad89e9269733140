"""Several maps as one: the newest that can tell decides, and says so."""

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError
from reliefscope.indicators.flood_fused import flood_fused
from reliefscope.model.cube import Advisory, Exclusion, State, describe

NO, YES, REF, OUT, UNSEEN = (int(s) for s in State)
DATES = np.array(["2030-05-02T06", "2030-05-04T10", "2030-05-04T17"], "datetime64[ns]")


def maps(*rows, dates=DATES, likelihood=None):
    values = np.array(rows, "uint8")[:, None, :]
    grid = GeoBox.from_bbox((0, 0, 10, 1), "EPSG:32629", shape=values.shape[1:])
    coords = xr_coords(grid, dims=("y", "x")) | {"time": dates[: len(rows)]}
    cube = {"state": xr.DataArray(values, dims=("time", "y", "x"), coords=coords)}
    if likelihood is not None:
        cube["likelihood"] = cube["state"].copy(data=np.array(likelihood, "uint8")[:, None, :])
    return xr.Dataset({name: describe(name, array) for name, array in cube.items()})


def row(out, name):
    return out[name].values[0].tolist()


def test_the_newest_that_can_tell_decides():
    """Clouds and exclusions never override what was seen; the deciding map is kept."""
    out = flood_fused(
        maps(
            [NO, YES, YES, YES, OUT, UNSEEN, REF],
            [YES, UNSEEN, OUT, NO, UNSEEN, UNSEEN, UNSEEN],
        )
    )
    assert row(out, "state") == [YES, YES, YES, NO, OUT, UNSEEN, REF]
    assert row(out, "decided_by") == [2, 1, 1, 2, 1, 0, 1]
    assert row(out, "maps_wet") == [1, 1, 1, 1, 0, 0, 0]
    assert row(out, "maps_seen") == [2, 1, 1, 2, 0, 0, 1]
    assert out["decided_by"].attrs["times"] == ["2030-05-02T06:00:00", "2030-05-04T10:00:00"]


def test_maps_of_the_same_hours_that_disagree_cannot_tell():
    """Seven hours apart, one wet and one dry: ambiguous; two days apart: the water has gone."""
    out = flood_fused(maps([UNSEEN, YES], [YES, YES], [NO, NO]))
    assert row(out, "state") == [OUT, OUT]
    assert row(out, "exclusion") == [Exclusion.AMBIGUOUS] * 2
    calm = flood_fused(maps([UNSEEN, YES], [YES, YES], [NO, NO]), conflict_hours=0.0)
    assert row(calm, "state") == [NO, NO]
    assert row(flood_fused(maps([YES], [NO])), "state") == [NO]


def test_known_water_contradicts_nothing():
    """One map knows the river, the other does not: no conflict."""
    assert row(flood_fused(maps([UNSEEN], [REF], [NO])), "state") == [NO]


def test_likelihood_is_that_of_the_deciding_map():
    """Not a mean, not the highest; none where nobody saw anything."""
    out = flood_fused(
        maps([NO, YES, UNSEEN], [YES, UNSEEN, UNSEEN], likelihood=[[5, 90, 255], [70, 255, 255]])
    )
    assert row(out, "likelihood") == [70, 90, 255]


def test_dates_may_come_in_any_order():
    """The order of the maps is that of their dates."""
    one = maps([NO, YES], [YES, UNSEEN])
    xr.testing.assert_identical(flood_fused(one), flood_fused(one.isel(time=[1, 0])))


@given(
    st.lists(
        st.lists(st.sampled_from(list(map(int, State))), min_size=4, max_size=4),
        min_size=1,
        max_size=3,
    )
)
def test_what_any_map_saw_is_never_lost(rows):
    """Unseen on all maps is unseen; seen on any is not; counts add up."""
    out = flood_fused(maps(*rows))
    table = np.array(rows)
    seen = np.isin(table, (NO, YES, REF)).any(axis=0)
    state = np.array(row(out, "state"))
    np.testing.assert_array_equal(state == UNSEEN, (table == UNSEEN).all(axis=0))
    assert not (state[seen] == UNSEEN).any()
    np.testing.assert_array_equal(row(out, "maps_wet"), (table == YES).sum(axis=0))


def test_lazy_stays_lazy_and_says_how_little_was_seen():
    """Nothing is computed while it is set up; half unseen is an advisory."""

    def refuse(*_, **__):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        out = flood_fused(maps([NO, UNSEEN, UNSEEN]).chunk(x=1, time=1))
    assert Advisory(int(out["advisory"])) == Advisory.LOW_COVERAGE


def test_what_is_no_series_is_refused():
    """No time, no state."""
    with pytest.raises(CubeError, match="time dimension"):
        flood_fused(maps([NO]).isel(time=0))
    with pytest.raises(CubeError, match="it needs 'state'"):
        flood_fused(maps([NO]).rename(state="other"))
