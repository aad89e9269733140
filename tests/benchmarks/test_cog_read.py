import re
import subprocess
import sys


def test_readers_agree_and_are_compared(root):
    """A tiny run: the same mean from every reader, and our ratio to each."""
    tiny = ["--size", "700", "--area", "300", "--runs", "1", "--delay-ms", "1", "--cases", "radar"]
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, root / "benchmarks" / "cog_read.py", *tiny],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = re.findall(
        r"radar +(\S+) +median +([\d.]+) s, .* mean (\S+), ours/this ([\d.]+)", done.stdout
    )
    means = {reader: float(mean) for reader, _, mean, _ in rows}
    assert {"reliefscope", "odc-stac", "rasterio"} <= set(means)
    assert max(means.values()) - min(means.values()) < 1e-6
    assert all(float(median) > 0 and float(ratio) > 0 for _, median, _, ratio in rows)
    assert "GDAL" in done.stdout
