import json

import numpy as np
import pytest
import rasterio

from reliefscope.numerics.radar import power

GRID = {"crs": "EPSG:32631", "transform": rasterio.Affine(10, 0, 6e5, 0, -10, 5e6)}


@pytest.fixture
def run(run_benchmark):
    return lambda folder: json.loads(run_benchmark("flood_accuracy.py", folder, "--json"))


def write(path, values, **options):
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1}
    with rasterio.open(path, "w", dtype=values.dtype, **shape, **GRID, **options) as raster:
        raster.write(values, 1)


def make_chip(folder, name, *, linear=False, nodata=0.0):
    """A lake of 3,600 pixels with an unlabelled quarter and a strip that was not seen."""
    rng = np.random.default_rng(0)
    lake = np.zeros((128, 128), bool)
    lake[30:90, 30:90] = True
    for band, land, water in (("vv", -10, -19), ("vh", -16, -26)):
        speckle = rng.gamma(4.4, 1 / 4.4, lake.shape)
        db = np.where(lake, water, land) + 10 * np.log10(speckle)
        values = (power(db) if linear else db).astype(np.float32)
        values[:, :10] = nodata
        write(folder / f"{name}_{band}.tif", values, nodata=nodata)
    label = lake.astype(np.uint8)
    label[64:, 64:] = 255
    write(folder / f"{name}_label.tif", label, nodata=255)


@pytest.mark.parametrize(("linear", "nodata"), [(False, 0.0), (False, -9999.0), (True, 0.0)])
def test_triples_in_utm_are_scored(run, tmp_path, linear, nodata):
    """Either scale and either no-data value give the lake, counted where seen and labelled."""
    make_chip(tmp_path, "here", linear=linear, nodata=nodata)
    report = run(tmp_path)
    (chip,) = report["chips"]
    assert chip["observed_fraction"] == pytest.approx(118 / 128, abs=1e-6)
    assert chip["tp"] + chip["fp"] + chip["fn"] + chip["tn"] == 128 * 118 - 64 * 64
    assert chip["iou"] > 0.93
    assert report["pooled"]["tp"] == chip["tp"]
    assert chip["scale"].startswith("linear" if linear else "dB")


def test_odd_chips_are_reported_and_the_rest_is_scored(run, tmp_path):
    """A missing image and an unreadable label do not stop the run."""
    make_chip(tmp_path, "whole")
    make_chip(tmp_path, "one")
    (tmp_path / "one_vh.tif").unlink()
    make_chip(tmp_path, "broken")
    (tmp_path / "broken_label.tif").write_bytes(b"not a raster")
    chips = {c["chip"]: c for c in run(tmp_path)["chips"]}
    assert "not recognized" in chips["broken"]["note"]
    assert chips["broken"]["iou"] is None
    assert "single_polarisation" in chips["one"]["advisory"]
    assert chips["one"]["iou"] > 0.9
    assert chips["whole"]["note"] == ""


@pytest.mark.realdata
def test_real_chips_reach_what_is_promised(run, shared_data):
    """On the labelled scenes: pooled IoU with and without the chip of shallow vegetated water, the
    Spanish flood, false alarms where there is little or no water, and honest empty scenes."""
    report = run(shared_data / "flood" / "sen1floods11")
    chips = {c["chip"].split("_")[0] + c["chip"].split("_")[1][:2]: c for c in report["chips"]}
    assert report["pooled_without"]["Pakistan"]["iou"] >= 0.75
    assert report["pooled"]["iou"] >= 0.55
    assert chips["Spain73"]["iou"] >= 0.625
    assert chips["Mekong33"]["false_alarm_rate"] < 0.02
    assert chips["Ghana53"]["false_alarm_rate"] < 0.02
    assert chips["Bolivia31"]["false_alarm_rate"] < 0.04
    assert "low_contrast" in chips["Pakistan84"]["advisory"]
    assert chips["Paraguay34"]["observed_fraction"] == 0
    assert "insufficient" in chips["Paraguay34"]["note"]
    shares = [r["water_share"] for r in report["reliability"]]
    assert shares == sorted(shares)
