"""Water on two of three coarse days; one day of it is a shadow."""

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.errors import CubeError
from reliefscope.indicators.flood_coarse import flood_coarse
from reliefscope.model.cube import Advisory, Exclusion, State, describe

SHAPE = (30, 30)
GRID = GeoBox.from_bbox((500_000, 4_400_000, 507_500, 4_407_500), "EPSG:32629", shape=SHAPE)
COORDS = xr_coords(GRID, dims=("y", "x"))
DAYS = np.array(["2023-08-10", "2023-08-11", "2023-08-12"], "datetime64[ns]")
WET, SHADOW, CLOUD, LAKE = np.s_[:, 0:10], np.s_[1, 12:16], np.s_[:2, 20:24], np.s_[0:3, 0:4]


def days():
    red, nir, swir = (np.full((3, *SHAPE), v, "float32") for v in (0.06, 0.30, 0.15))
    for part in (WET, SHADOW):
        red[part], nir[part], swir[part] = 0.05, 0.03, 0.01
    for band in (red, nir, swir):
        band[CLOUD] = np.nan
    layers = {"red": red, "nir": nir, "swir22": swir}
    place = {"time": DAYS, **COORDS}
    return xr.Dataset(
        {
            n: describe(n, xr.DataArray(v, dims=("time", "y", "x"), coords=place))
            for n, v in layers.items()
        }
    )


def test_water_of_every_day_is_flood_and_a_shadow_of_one_day_is_not():
    """Three days of water an event, one day of darkness none, one clear day of three not told."""
    out = flood_coarse(days())
    state = out["state"].to_numpy()
    assert (state[0:10] == State.EVENT).all()
    assert (state[12:16] == State.NO_EVENT).all()
    assert (state[20:24] == State.NOT_OBSERVED).all()
    assert (out["exclusion"].to_numpy()[20:24] == Exclusion.LOW_COVERAGE).all()
    assert (out["observations"].to_numpy()[20:24] == 1).all()
    assert (state == State.EVENT).sum() == 300
    assert int(out["advisory"]) == Advisory.NO_REFERENCE_WATER
    assert (flood_coarse(days(), least=1)["state"].to_numpy()[12:16] == State.EVENT).all()


def test_known_water_is_reference_and_pieces_do_not_matter():
    """A lake of twelve months is no flood; in blocks of one day and seven rows the same."""
    months = np.zeros(SHAPE, "float32")
    months[LAKE] = 12
    place = xr.DataArray(months, dims=("y", "x"), coords=COORDS)
    water = xr.Dataset({"water_seasonality": describe("water_seasonality", place)})
    whole = flood_coarse(days(), water)
    assert (whole["state"].to_numpy()[LAKE] == State.REFERENCE).all()
    assert int(whole["advisory"]) == 0
    pieces = flood_coarse(days().chunk(time=1, y=7, x=30), water)
    xr.testing.assert_equal(pieces.compute(), whole)
    with pytest.raises(CubeError, match="every day"):
        flood_coarse(days().isel(time=0))
