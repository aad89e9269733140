import re
import subprocess
import sys

import pytest


def run(root, name, *arguments):
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, root / "benchmarks" / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_peers_agree_and_are_compared(root):
    """A tiny run: every row has a ratio, and the answers are those of the peers."""
    out = run(root, "flood_series.py", "--side", 24, "--images", 48, "--runs", 1)
    ratios = [float(r) for r in re.findall(r"([\d.,]+) x ours", out)]
    assert len(ratios) == 5
    assert ratios[0] == ratios[3] == 1.0
    fit, statistic = re.search(r"coefficients (\S+) dB, statistic (\S+)", out).groups()
    assert float(fit) < 1e-4
    assert float(statistic) < 1e-3


@pytest.mark.realdata
def test_a_calibration_would_not_help_the_countries_left_out(root, shared_data):
    """Why none is shipped: fitted on the others, both scores get worse on the country left out."""
    out = run(root, "flood_calibration.py", shared_data / "flood" / "sen1floods11")
    brier, brier_fitted, ece, ece_fitted = map(float, out.splitlines()[-1].split()[1:])
    assert brier < brier_fitted
    assert ece < ece_fitted
