import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from reliefscope.numerics import change, despeckle, radar
from reliefscope.numerics.agreement import confusion
from reliefscope.numerics.regions import grow
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
