import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from scipy import ndimage

from reliefscope.errors import InputError
from reliefscope.numerics import _omnibus, change, despeckle, radar
from reliefscope.numerics.agreement import confusion
from reliefscope.numerics.regions import grow
from reliefscope.numerics.significance import false_discovery
from reliefscope.numerics.threshold import cell_histograms


def log_ratio(size, darkened, drop):
    noise = np.random.default_rng(0).normal(0, 0.7, (size, size))
    return cell_histograms(radar.encode((np.where(darkened, drop, 0) + noise).astype(np.float32)))


def test_no_change_leaves_the_default():
    """Where nothing darkened no tile speaks, and halving is the threshold."""
    assert change.change_threshold(log_ratio(256, darkened=False, drop=0)) == (-3.0, 0)


def test_the_threshold_lies_midway():
    """A field that fell by 8 dB beside one that stayed gives -4 dB."""
    half = np.arange(256)[None, :] < 120
    value, tiles = change.change_threshold(log_ratio(256, half, -8.0))
    assert value == pytest.approx(-4.0, abs=0.2)
    assert tiles > 0


def test_the_threshold_stays_inside_its_bounds():
    """A fall of 38 dB would put it at -19."""
    half = np.arange(256)[None, :] < 120
    value, _ = change.change_threshold(log_ratio(256, half, -38.0))
    assert value == change.CHANGE_BOUNDS_DB[0]


@pytest.mark.realdata
def test_aare_flood_beats_the_literature_baseline(shared_data):
    """On the ERS-2 pair of the Aare flood, a 3x3 mean and Otsu on |log ratio| reach IoU 0.738 and
    kappa 0.847; the same steps as in the flood map reach more."""
    folder = shared_data / "flood" / "sar_change_bern"
    with pytest.warns(NotGeoreferencedWarning):
        before, after, truth = (
            rasterio.open(folder / f"bern_{n}.bmp").read(1).astype(np.float32)
            for n in ("1", "2", "gt")
        )
    amplitude_db = [
        despeckle.smooth(20 * np.log10(image + 1), 1.0, 1.0) for image in (before, after)
    ]
    ratio = amplitude_db[1] - amplitude_db[0]
    cut, tiles = change.change_threshold(cell_histograms(radar.encode(ratio)))
    darker = grow(ratio <= cut, ratio <= cut, min_size=10)
    scores = confusion(darker, truth > 127, np.ones_like(darker))
    assert tiles > 0
    assert scores.iou > 0.74
    assert scores.kappa > 0.85


def box(pixels):
    return np.full(pixels, 1 / pixels)


def speckle(looks, shape, seed=0):
    """Pure speckle of equivalent ``looks``, mean 1."""
    return np.random.default_rng(seed).gamma(looks, 1 / looks, shape).astype(np.float32)


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("images", [2, 6])
@pytest.mark.parametrize("looks", [4.4, 20.0])
def test_the_rate_of_false_alarms_is_the_nominal_one(looks, images, channels, alpha):
    """Pure speckle, 200,000 trials: within 10 % of alpha (4 standard errors of counting at 1 %)."""
    power = speckle(looks, (images, channels, 200_000), seed=images)
    statistic, seen = change.omnibus(power, looks=looks)
    p = change.omnibus_p(statistic, seen, channels=channels, looks=looks)
    assert np.mean(p < alpha) == pytest.approx(alpha, rel=0.1)


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_last_image_raises_false_alarms_at_the_nominal_rate(alpha):
    """Also after the search has chosen which images to compare it with."""
    found = change.sequential(speckle(12.0, (5, 2, 200_000)), looks=12.0, alpha=0.01)
    assert np.mean(found.p_last < alpha) == pytest.approx(alpha, rel=0.1)


def test_the_omnibus_statistic_of_two_images_is_the_published_one():
    """Two images of one channel: ln Q = n (2 ln 2 + ln x + ln y - 2 ln (x + y)), Conradsen 2003."""
    x, y, n = 0.03, 0.11, 4.4
    ln_q = n * (2 * np.log(2) + np.log(x) + np.log(y) - 2 * np.log(x + y))
    statistic, images = change.omnibus(np.array([[[x]], [[y]]]), looks=n)
    assert images == 2
    assert statistic.item() == pytest.approx(-2 * (1 - 1 / (4 * n)) * ln_q, rel=1e-12)


def test_the_factors_multiply_to_the_whole():
    """ln Q of four images is the sum of ln R_2 to ln R_4: read off the search, image by image."""
    power = speckle(5.0, (4, 2, 50), seed=3).astype(float)
    n, total = 5.0, 0.0
    for last in (2, 3, 4):
        found = change.sequential(power[:last], looks=n, alpha=1e-12)
        new = power[last - 1]
        z = np.array(
            [
                _omnibus.factor(
                    power[: last - 1, :, i].sum(0), new[:, i], np.log(new[:, i]), last, n
                )
                for i in range(50)
            ]
        )
        np.testing.assert_allclose(
            found.p_last, change._tail(z, 2, change._rho_factor(last, n)), rtol=2e-4
        )
        total = total + z / change._rho_factor(last, n)
    statistic, _ = change.omnibus(power, looks=n)
    np.testing.assert_allclose(statistic / change._rho(4, n), total, rtol=1e-9)


def test_each_change_is_found_in_its_interval_with_its_direction():
    """Dark after the third image, bright again after the fifth; mixed where channels part."""
    level = np.ones((7, 2, 3))
    level[3:5, :, 0] = 0.05
    level[4:, :, 1] *= np.array([20.0, 0.05])[:, None].T
    found = change.sequential(speckle(50, level.shape, seed=2) * level, looks=50, alpha=0.001)
    dark, bright, mixed = change.Direction.DARKER, change.Direction.BRIGHTER, change.Direction.MIXED
    assert found.steps[:, 0].tolist() == [0, 0, dark, 0, bright, 0]
    assert found.steps[:, 1].tolist() == [0, 0, 0, mixed, 0, 0]
    assert found.steps[:, 2].tolist() == [0, 0, 0, 0, 0, 0]
    assert found.p_any[0] < 1e-6 < found.p_any[2]


def test_images_that_did_not_see_a_pixel_do_not_count():
    """The result is that of the series without them; what only one image saw is not tested."""
    power = speckle(10, (6, 2, 40)) * np.where(np.arange(6) >= 4, 0.1, 1)[:, None, None]
    power = power.astype(np.float32)
    holed = power.copy()
    holed[2, 0] = np.nan
    holed[3, 1] = 0
    got = change.sequential(holed, looks=10, alpha=0.01)
    want = change.sequential(power[[0, 1, 4, 5]], looks=10, alpha=0.01)
    assert (got.images == 4).all()
    np.testing.assert_array_equal(got.p_last, want.p_last)
    np.testing.assert_array_equal(got.steps[[0, 3, 4]], want.steps)
    assert not got.steps[[1, 2]].any()
    holed[1:] = np.nan
    alone = change.sequential(holed, looks=10, alpha=0.01)
    assert np.isnan(alone.p_any).all()
    assert np.isnan(alone.p_last).all()


def test_a_last_image_that_did_not_see_a_pixel_says_nothing_of_it():
    """NaN, whatever the images before show."""
    power = speckle(10, (4, 1, 5))
    power[-1] = np.nan
    found = change.sequential(power, looks=10, alpha=0.05)
    assert np.isnan(found.p_last).all()
    assert np.isfinite(found.p_any).all()


def test_looks_grow_with_what_neighbours_do_not_share():
    """One pixel keeps its looks; pixels far apart multiply them; correlated ones lie between, as
    counted on speckle made with that correlation."""
    assert change.effective_looks(4.4, (box(1), box(1)), (10, 10)) == 4.4
    assert change.effective_looks(4.4, (box(3), box(3)), (500, 500)) == pytest.approx(9 * 4.4)
    rng = np.random.default_rng(0)
    # a Gaussian kernel of standard deviation s correlates its output as exp(-d^2 / 4 s^2)
    smooth = ndimage.gaussian_filter(rng.normal(size=(1500, 1500)), 0.775, mode="wrap")
    mean = ndimage.uniform_filter(smooth, 5, mode="wrap")
    want = change.effective_looks(1.0, (box(5), box(5)), (10, 10))
    assert smooth.var() / mean.var() == pytest.approx(want, rel=0.03)


@pytest.mark.parametrize(("shape", "looks"), [((1, 2, 4), 4), ((3,), 4), ((2, 1, 4), 0)])
def test_a_test_of_nothing_is_refused(shape, looks):
    """One image, no channel, no looks."""
    with pytest.raises(InputError):
        change.omnibus(np.ones(shape), looks=looks)


def test_z_scores_are_those_of_the_sample():
    """Ten values of known mean and spread; gaps do not count; a floor of 0.5 dB."""
    rng = np.random.default_rng(5)
    series = rng.normal(-9, 2, (10, 4))
    series[3, 1] = np.nan
    series[:, 2] = -9
    after = np.array([-15.0, -15.0, -15.0, np.nan])
    got = change.z_score(after, series)
    for i in (0, 1):
        x = series[np.isfinite(series[:, i]), i]
        assert got[i] == pytest.approx((-15 - x.mean()) / x.std(ddof=1), rel=1e-6)
    assert got[2] == pytest.approx(-6 / change.SPREAD_FLOOR_DB)
    assert np.isnan(got[3])


def test_seven_observations_are_too_few():
    """NaN, and eight are enough."""
    series = np.random.default_rng(0).normal(-9, 1, (8, 1))
    assert np.isnan(change.z_score(np.array([-12.0]), series[:7])).all()
    assert np.isfinite(change.z_score(np.array([-12.0]), series)).all()


@pytest.mark.realdata
def test_aare_flood_by_the_test_of_two_images(shared_data):
    """The ERS-2 pair again: 3x3 means of a product of three looks, pixels of 12.5 m, and a rate of
    false discoveries of 1 %: less than the log ratio with its threshold, and nothing is tuned."""
    folder = shared_data / "flood" / "sar_change_bern"
    before, after, truth = (
        rasterio.open(folder / f"bern_{n}.bmp").read(1).astype(np.float32) for n in ("1", "2", "gt")
    )
    power = np.stack([ndimage.uniform_filter((i + 1) ** 2, 3) for i in (before, after)])
    looks = change.effective_looks(3.0, (box(3), box(3)), (12.5, 12.5))
    found = change.sequential(power[:, None], looks=looks, alpha=0.01)
    holds = false_discovery(found.p_last, 0.01) & (found.steps[-1] == change.Direction.DARKER)
    scores = confusion(grow(holds, holds, min_size=10), truth > 127, np.ones_like(holds))
    assert scores.iou > 0.67
    assert scores.kappa > 0.8
