import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage, special

from reliefscope.numerics import despeckle

FIELDS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.one_of(st.just(np.nan), st.floats(-40, 5, width=32)),
)
FILTERS = {
    "smooth": lambda v: despeckle.smooth(v, 2.5, 1.8),
    "adaptive": lambda v: despeckle.adaptive(v, (1.0, 0.7), (2.5, 1.8), 0.8),
}
HALO = {"smooth": despeckle.radius(2.5), "adaptive": 2 * despeckle.radius(2.5)}


def gapped(shape, seed=0):
    rng = np.random.default_rng(seed)
    field = rng.normal(-12, 4, shape).astype(np.float32)
    field[rng.random(shape) < 0.2] = np.nan
    return field


@pytest.mark.parametrize("name", FILTERS)
@settings(deadline=None)
@given(values=FIELDS)
def test_filters_keep_gaps_and_range(name, values):
    """NaN comes out exactly where it went in, and no mean leaves the range of what was seen."""
    out = FILTERS[name](values)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(values))
    if np.isfinite(values).any():
        slack = 1e-3
        assert np.nanmin(out) >= np.nanmin(values) - slack
        assert np.nanmax(out) <= np.nanmax(values) + slack


@pytest.mark.parametrize("name", FILTERS)
def test_a_constant_beside_gaps_stays_constant(name):
    """Gaps count for nothing.

    Peer defect: filters that fill NaN with 0 (asf_tools) darken the edge.
    """
    field = gapped((40, 30))
    flat = np.where(np.isnan(field), np.nan, np.float32(-17.5))
    out = FILTERS[name](flat)
    np.testing.assert_allclose(out[np.isfinite(flat)], -17.5, atol=1e-4)


def test_smooth_is_the_gaussian_mean_where_all_is_seen():
    """Away from edges the result is scipy's Gaussian filter, cut at three standard deviations."""
    field = np.random.default_rng(1).normal(-12, 4, (60, 50)).astype(np.float32)
    want = ndimage.gaussian_filter(field, (2.0, 1.0), truncate=3.0)
    got = despeckle.smooth(field, 2.0, 1.0)
    np.testing.assert_allclose(got[8:-8, 8:-8], want[8:-8, 8:-8], atol=1e-4)


def test_no_width_changes_nothing():
    """A standard deviation of 0 is no filter."""
    field = gapped((9, 9))
    np.testing.assert_array_equal(despeckle.smooth(field, 0, 0), field)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("cut", [17, 40])
@pytest.mark.parametrize("holes", ["many", "one", "none"])
def test_blocks_with_halo_give_the_same_bits(name, cut, holes):
    """A block filtered with its halo equals the same block of the whole, bit for bit.

    Peer defect: a streamed and a chunked run that differ by a pixel a tile.
    """
    field = gapped((80, 70))
    if holes != "many":
        field = np.nan_to_num(field, nan=-12)
    if holes == "one":
        field[45, 30] = np.nan
    halo = HALO[name]
    start, stop = max(0, cut - halo), min(80, cut + 20 + halo)
    block = FILTERS[name](field[start:stop])[cut - start : cut - start + 20]
    np.testing.assert_array_equal(block, FILTERS[name](field)[cut : cut + 20])


def test_adaptive_is_coarse_on_homogeneous_ground():
    """Where nothing but speckle differs, speckle falls as far as the coarse mean takes it."""
    rng = np.random.default_rng(2)
    field = (10 * np.log10(rng.gamma(4.4, 1 / 4.4, (200, 200)))).astype(np.float32)
    noise = despeckle.speckle_contrast(10, 25)
    got = despeckle.adaptive(field, (1, 1), (2.5, 2.5), noise)
    coarse = despeckle.smooth(field, 2.5, 2.5)
    assert np.abs(got - coarse).max() < 0.05
    assert got.std() < 0.15 * field.std()


def test_adaptive_keeps_an_edge_sharp():
    """Across a shore of 15 dB the step from pixel to pixel at the edge is at least 1.7 times that
    of the coarse mean, and both cross half-way at the true edge."""
    field = np.full((40, 80), -10, np.float32)
    field[:, 40:] = -25
    noise = despeckle.speckle_contrast(10, 25)
    row = despeckle.adaptive(field, (1, 1), (2.5, 2.5), noise)[20]
    coarse = despeckle.smooth(field, 2.5, 2.5)[20]
    assert row[39] > -17.5 > row[40]
    assert row[39] - row[40] > 1.7 * (coarse[39] - coarse[40])


def test_log_speckle_variance_is_that_of_4_4_looks():
    """(10/ln 10)^2 times the trigamma function of 4.4."""
    want = (10 / np.log(10)) ** 2 * special.polygamma(1, 4.4)
    assert pytest.approx(want, rel=0.01) == despeckle.SPECKLE_VARIANCE_DB2


def test_speckle_contrast_matches_simulation():
    """Correlated Gaussian noise filtered at both scales has the predicted contrast."""
    rng = np.random.default_rng(3)
    spread = despeckle.SPECKLE_SPREAD_M / 10
    field = ndimage.gaussian_filter(rng.standard_normal((600, 600)), spread, mode="wrap")
    field *= np.sqrt(despeckle.SPECKLE_VARIANCE_DB2) / field.std()
    contrast = ndimage.gaussian_filter(field, 1.0) - ndimage.gaussian_filter(field, 2.5)
    assert contrast.var() == pytest.approx(despeckle.speckle_contrast(10, 25), rel=0.1)
