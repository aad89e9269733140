import dask.array as da
import numpy as np
import pytest
import xarray as xr

from reliefscope.errors import CubeError
from reliefscope.model.cube import VARIABLES, Exclusion, State, describe, elementwise, require


def _cube(units="1", dims=("y", "x")):
    return xr.Dataset({"vv": (dims, np.ones((2, 2), "float32"), {"units": units})})


def test_not_observed_is_never_no_event():
    """The codes are those that every product and reader relies on."""
    assert [int(s) for s in State] == [0, 1, 2, 3, 255]
    assert State.NO_EVENT != State.NOT_OBSERVED


def test_exclusion_reasons_are_single_bits():
    """Reasons combine by OR, so each is a power of two within 16 bits."""
    assert all(b.value & (b.value - 1) == 0 and b.value < 2**16 for b in Exclusion)


def test_canonical_cube_passes():
    """Linear power over y and x needs no more."""
    require(_cube(), "vv")


@pytest.mark.parametrize(
    ("cube", "message"),
    [
        (_cube("dB"), "'dB'.*must be in '1'"),
        (_cube(None), "None.*must be in '1'"),
        (_cube(dims=("a", "b")), "needs y and x"),
        (xr.Dataset(), "no 'vv' in the cube"),
    ],
)
def test_broken_cubes_are_named(cube, message):
    """Wrong units, unknown units, wrong dimensions, missing variable."""
    with pytest.raises(CubeError, match=message):
        require(cube, "vv")


def test_described_layers_carry_cf_flags():
    """Meanings and values have the same length; bits are masks, codes are values."""
    layer = describe("state", xr.DataArray(np.zeros((1, 1), "uint8"), dims=("y", "x")))
    assert layer.attrs["flag_values"] == [0, 1, 2, 3, 255]
    assert layer.attrs["flag_meanings"].split()[-1] == "not_observed"
    bits = describe("exclusion", layer)
    assert len(bits.attrs["flag_masks"]) == len(Exclusion)


def test_every_variable_has_units():
    """The one table leaves none open."""
    assert all(v.units and v.long_name for v in VARIABLES.values())


def test_elementwise_is_lazy():
    """Dask in, dask out."""
    lazy = xr.DataArray(da.ones((4, 4), chunks=2, dtype="float32"), dims=("y", "x"))
    out = elementwise(np.sqrt, lazy)
    assert out.chunks == ((2, 2), (2, 2))
    assert out.dtype == "float32"
