import re
import subprocess
import sys


def test_drought_indices_are_compared(root):
    """A tiny run: each index is timed, and the stages are those of the same table by NumPy."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, root / "benchmarks" / "drought.py", "--cells", "16", "--runs", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = re.findall(
        r"^(\S+) +(\S.*?) +median +([\d.]+) s.*ours is +([\d.]+) x, largest difference (\S+)$",
        done.stdout,
        re.MULTILINE,
    )
    assert {"SPI-3", "SPEI-3", "CDI"} == {row[0] for row in rows}
    assert all(float(ratio) > 0 for _, _, _, ratio, _ in rows)
    (by_numpy,) = (apart for name, who, _, _, apart in rows if (name, who) == ("CDI", "NumPy"))
    assert float(by_numpy) == 0
    assert "numba" in done.stdout
