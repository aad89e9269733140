"""What every row of the two tables promises."""

import dataclasses
import inspect

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from reliefscope.indicators import INDICATORS
from reliefscope.model.cube import VARIABLES
from reliefscope.sources import SOURCES
from reliefscope.sources._base import Source

GRID = GeoBox.from_bbox(
    (500_000, 5_000_000, 501_280, 5_001_280), crs="EPSG:32632", shape=(128, 128)
)
_VALUES = {"elevation": 100.0, "land_cover": 40.0, "water_seasonality": 0.0, "scl": 4.0}


def _lazy_cube(need):
    """A lazy cube with everything the need accepts."""
    coords = xr_coords(GRID, dims=("y", "x"))
    arrays = {
        name: xr.DataArray(
            da.full(tuple(GRID.shape), _VALUES.get(name, 0.1), chunks=64, dtype="float32"),
            dims=("y", "x"),
            coords=coords,
            attrs={"units": VARIABLES[name].units},
        )
        for name in need.any_of
    }
    cube = xr.Dataset(arrays)
    if not need.series:
        return cube
    months = np.arange("2000-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")
    return cube.expand_dims(time=months)


def _refuse(*_, **__):
    raise AssertionError("something was computed")


@pytest.mark.parametrize("name", INDICATORS)
class TestIndicator:
    """One indicator of the table."""

    def test_description_fits_the_function(self, name):
        """Needs are its cubes in order, parameters its keyword-only arguments, within bounds."""
        indicator = INDICATORS[name]
        assert indicator.name == name
        signature = inspect.signature(indicator.compute).parameters
        cubes = [n for n, p in signature.items() if p.kind is not p.KEYWORD_ONLY]
        assert cubes == list(indicator.needs)
        assert list(indicator.parameters) == [n for n in signature if n not in cubes]
        for default, bounds in indicator.parameters.values():
            assert bounds.low <= default <= bounds.high
            assert bounds.unit
        for cube in cubes:
            optional = signature[cube].default is None
            assert optional == indicator.needs[cube].optional

    def test_names_are_canonical(self, name):
        """Only variables of the one table are asked for or given."""
        indicator = INDICATORS[name]
        asked = {v for need in indicator.needs.values() for v in need.any_of}
        assert asked | set(indicator.gives) <= set(VARIABLES)

    @pytest.mark.parametrize("everything", [False, True])
    def test_lazy_in_lazy_out(self, name, everything):
        """With a scheduler that refuses to compute, the result still comes, lazy."""
        indicator = INDICATORS[name]
        cubes = {
            n: _lazy_cube(d) for n, d in indicator.needs.items() if everything or not d.optional
        }
        with dask.config.set(scheduler=_refuse):
            out = indicator.compute(**cubes)
        assert {"state", "likelihood", "exclusion", "advisory"} <= set(out)
        assert set(out) <= set(indicator.gives)
        assert all(dask.is_dask_collection(out[v].data) for v in out)
        assert out["state"].attrs["flag_values"] == [0, 1, 2, 3, 255]

    def test_reference_is_a_link(self, name):
        """A reader can find where the method was published."""
        assert INDICATORS[name].reference.startswith("https://")


@pytest.mark.parametrize("name", SOURCES)
def test_source_answers_the_questions(name):
    """A frozen dataclass with provides, search and load, each option documented by its type."""
    kind = SOURCES[name]
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    methods = {n for n in vars(Source) if not n.startswith("_")}
    assert {"provides", "search", "load"} <= methods
    for method in ("search", "load"):
        ours = list(inspect.signature(getattr(kind, method)).parameters)
        assert ours == list(inspect.signature(getattr(Source, method)).parameters)


def test_a_cube_without_crs_is_refused():
    """Pixels that lie nowhere have no size on the ground."""
    cube = xr.Dataset({"vv": (("y", "x"), np.full((8, 8), 0.1, "float32"), {"units": "1"})})
    with pytest.raises(ValueError, match="CRS"):
        INDICATORS["flood_sar"].compute(cube)
