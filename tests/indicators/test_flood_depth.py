import dask
import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError, InsufficientDataError
from reliefscope.indicators.flood_depth import flood_depth
from reliefscope.model.cube import Advisory, DepthBand, State, describe

GRID = GeoBox.from_bbox((500_000, 4_400_000, 501_600, 4_401_600), "EPSG:32629", shape=(160, 160))
Y, X = np.indices((160, 160)) - 80
COORDS = xr_coords(GRID, dims=("y", "x"))


def _cube(**layers):
    return xr.Dataset(
        {
            name: describe(name, xr.DataArray(values, dims=("y", "x"), coords=COORDS))
            for name, values in layers.items()
        }
    )


GROUND = (np.hypot(Y, X) * 0.25 + 30).astype("float32")
"""A bowl, 2.5 % steep."""


def _flooded(level=10.0):
    state = np.where(level > GROUND - 30, State.EVENT, State.NO_EVENT).astype("uint8")
    return _cube(state=state)


def test_a_valley_by_the_height_above_its_river():
    """A river one pixel wide in a V-shaped valley: four metres over its bed, on both sides."""
    above = np.abs(X) * 0.25
    ground = (above + 0.05 * Y + 50).astype("float32")
    state = np.where(above < 4, State.EVENT, State.NO_EVENT).astype("uint8")
    out = flood_depth(_cube(state=state), _cube(elevation=ground))
    lower = (Y > 0) & (above < 3.5)  # upstream the river is too small to be one
    np.testing.assert_allclose(out["depth_hand_m"].values[lower], (4 - above)[lower], atol=0.4)


def test_a_filled_bowl_by_its_shore():
    """Ten metres in the middle, nothing at the shore; bands follow. The bowl has no outlet, so
    the height above drainage knows nothing of its depth."""
    out = flood_depth(_flooded(), _cube(elevation=GROUND))
    truth = 10 - (GROUND - 30)
    wet = (truth > 0.5) & (truth < 9.5)
    np.testing.assert_allclose(out["depth_m"].values[wet], truth[wet], atol=0.4)
    assert out["depth_band"][80, 80] == DepthBand.OVER_FOUR_METRES
    assert out["depth_band"][0, 0] == DepthBand.NONE
    assert np.isnan(out["depth_m"][0, 0])
    assert int(out["advisory"]) == 0


def test_shallow_floods_say_so():
    """One metre of water under heights good to two."""
    out = flood_depth(_flooded(level=1.0), _cube(elevation=GROUND))
    assert Advisory(int(out["advisory"])) == Advisory.SHALLOW
    assert float(out["depth_m"].max()) <= 1.1


def test_unseen_is_neither_deep_nor_dry():
    """What the flood map could not tell stays not observed."""
    flood = _flooded()
    flood["state"][:, :60] = State.NOT_OBSERVED
    flood["state"][:, 140:] = State.EXCLUDED
    out = flood_depth(flood, _cube(elevation=GROUND))
    assert (out["state"][:, :60] == State.NOT_OBSERVED).all()
    assert (out["state"][:, 140:] == State.NOT_OBSERVED).all()
    assert np.isnan(out["depth_m"][:, :60]).all()


def test_lazy_blocks_give_the_same_depth():
    """Nothing is computed until asked; blocks change nothing."""

    def refuse(*_, **__):
        raise AssertionError

    flood, ground = _flooded(), _cube(elevation=GROUND)
    with dask.config.set(scheduler=refuse):
        lazy = flood_depth(flood.chunk(y=50, x=70), ground.chunk(y=50, x=70))
    whole = flood_depth(flood, ground)
    for name in whole:
        np.testing.assert_array_equal(lazy[name].compute(), whole[name])


def test_what_does_not_fit_is_refused():
    """No flood map, no heights, another grid."""
    with pytest.raises(CubeError, match="needs one of"):
        flood_depth(_cube(elevation=GROUND), _cube(elevation=GROUND))
    with pytest.raises(CubeError, match="on one grid"):
        flood_depth(_flooded(), _cube(elevation=GROUND).isel(x=slice(0, 80)))
    with pytest.raises(InsufficientDataError, match="no height"):
        flood_depth(_flooded(), _cube(elevation=GROUND * np.nan))


def test_a_river_in_flood_has_no_shore_on_its_own_bank():
    """Known water in the middle of a flood is part of it: it stays reference, and the flood beside
    it is as deep as its outer shore says."""
    ground = (np.abs(X) * 0.05 + 30).astype("float32")
    state = np.where(np.abs(X) < 60, State.EVENT, State.NO_EVENT).astype("uint8")
    state[np.abs(X) < 8] = State.REFERENCE
    out = flood_depth(_cube(state=state), _cube(elevation=ground))
    np.testing.assert_array_equal(out["state"], state)
    beside = (np.abs(X) >= 8) & (np.abs(X) < 50)
    truth = 60 * 0.05 - (ground - 30)
    np.testing.assert_allclose(out["depth_m"].values[beside], truth[beside], atol=0.15)
    assert np.isnan(out["depth_m"].values[state == State.REFERENCE]).all()


def test_where_the_shore_says_nothing_the_flood_is_wet_and_no_more():
    """A rise in the flood as high as its shore has depth 0, not the depth of another method."""
    ground = GROUND.copy()
    ground[np.hypot(Y + 10, X) < 5] = 41.0
    out = flood_depth(_flooded(), _cube(elevation=ground))
    assert float(out["depth_m"].values[70, 80]) == 0.0
    assert out["depth_band"].values[70, 80] == DepthBand.TO_HALF_METRE


def test_pinholes_in_a_flood_do_not_change_its_depth():
    """One dry pixel in a hundred, scattered over the filled bowl: the same depth all over.

    Peer defect: each hole of one pixel is a shore to FwDET, far below the level of the water.
    """
    whole = _flooded()
    torn = whole.copy(deep=True)
    holes = np.random.default_rng(4).uniform(size=GROUND.shape) < 0.01
    torn["state"].values[holes & (whole["state"].values == State.EVENT)] = State.NO_EVENT
    depth = [flood_depth(c, _cube(elevation=GROUND))["depth_m"].values for c in (whole, torn)]
    inside = GROUND - 30 < 9
    np.testing.assert_allclose(depth[1][inside], depth[0][inside], atol=0.05)
