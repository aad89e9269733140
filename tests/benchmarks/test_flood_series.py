import re

import pytest


def test_peers_agree_and_are_compared(run_benchmark):
    """A tiny run: every row has a ratio, and the answers are those of the peers."""
    out = run_benchmark("flood_series.py", "--side", 24, "--images", 48, "--runs", 1)
    ratios = [float(r) for r in re.findall(r"([\d.,]+) x ours", out)]
    assert len(ratios) == 5
    assert ratios[0] == ratios[3] == 1.0
    fit, statistic = re.search(r"coefficients (\S+) dB, statistic (\S+)", out).groups()
    assert float(fit) < 1e-4
    assert float(statistic) < 1e-3


@pytest.mark.realdata
def test_the_likelihood_of_one_image_is_calibrated_and_a_curve_would_not_help(
    run_benchmark, shared_data
):
    """Expected calibration error under 0.05 in five countries of six, as it is stated; a curve
    fitted on the other countries is worse on the one left out, by both scores."""
    out = run_benchmark("flood_calibration.py", shared_data / "flood" / "sen1floods11")
    rows = {line.split()[0]: list(map(float, line.split()[1:])) for line in out.splitlines()[1:]}
    brier, brier_fitted, ece, ece_fitted = rows.pop("mean")
    assert brier < brier_fitted
    assert ece < ece_fitted
    assert len(rows) == 6
    assert sum(errors[2] < 0.05 for errors in rows.values()) == 5
    assert rows["Pakistan"][2] > 0.3
