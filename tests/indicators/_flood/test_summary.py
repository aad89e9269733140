import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from reliefscope.errors import CubeError
from reliefscope.indicators._flood.summary import summarize_floods
from reliefscope.model.cube import State, describe
from tests.flood_series import layer

DRY, WET, OLD, HIDDEN, NONE = (s.value for s in State)
CASES = {
    (DRY, WET, WET, DRY): (WET, 4, 0.5, 6, 12, 18),
    (NONE, WET, HIDDEN, DRY): (WET, 2, 0.5, 0, 12, 18),
    (OLD, OLD, OLD, OLD): (OLD, 4, 0, 0, 0, 0),
    (DRY, OLD, DRY, NONE): (OLD, 3, 0, 0, 0, 6),
    (HIDDEN, NONE, HIDDEN, HIDDEN): (HIDDEN, 0, np.nan, np.nan, np.nan, np.nan),
    (NONE, NONE, NONE, NONE): (NONE, 0, np.nan, np.nan, np.nan, np.nan),
}
NAMES = ("state", "observations", "flood_frequency", "flood_days_low", "flood_days",
         "flood_days_high")  # fmt: skip


def maps():
    times = pd.date_range("2024-01-01", periods=4, freq="6D")
    states = np.full((4, 96, 96), NONE, np.uint8)
    states[:, 0, : len(CASES)] = np.array(list(CASES)).T
    plane = layer("elevation", 0)
    coords = {"time": times, "y": plane["y"], "x": plane["x"], "spatial_ref": plane["spatial_ref"]}
    array = xr.DataArray(states, dims=("time", "y", "x"), coords=coords)
    return xr.Dataset({"state": describe("state", array)})


def test_each_course_of_states():
    """Extent, looks, frequency and three durations, by hand; excluded and unseen are not dry."""
    out = summarize_floods(maps())
    for i, want in enumerate(CASES.values()):
        got = [float(out[n][0, i]) for n in NAMES]
        np.testing.assert_allclose(got, want, equal_nan=True)
    assert out["flood_days"].attrs["units"] == "d"
    assert out.odc.crs == "EPSG:32633"


def test_lazy_in_lazy_out():
    """Nothing is computed before it is asked for, and blocks do not show."""

    def refuse(*_args, **_kwargs):
        pytest.fail("something was computed")

    with dask.config.set(scheduler=refuse):
        lazy = summarize_floods(maps().chunk(time=1, y=50, x=40))
    xr.testing.assert_identical(lazy.compute(scheduler="threads"), summarize_floods(maps()))


@pytest.mark.parametrize(
    "broken", [lambda m: m.isel(time=0), lambda m: m.isel(time=slice(None, None, -1)),
               lambda m: m.rename(state="map"), lambda m: m.drop_vars("time")]
)  # fmt: skip
def test_maps_without_order_are_refused(broken):
    """One map, newest first, no state, no times."""
    with pytest.raises(CubeError):
        summarize_floods(broken(maps()))
