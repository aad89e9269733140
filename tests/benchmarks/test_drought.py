import re


def test_drought_indices_are_compared(run_benchmark):
    """A tiny run: each index is timed, and the stages are those of the same table by NumPy."""
    said = run_benchmark("drought.py", "--cells", 16, "--runs", 1)
    rows = re.findall(
        r"^(\S+) +(\S.*?) +median +([\d.]+) s.*ours is +([\d.]+) x, largest difference (\S+)$",
        said,
        re.MULTILINE,
    )
    assert {"SPI-3", "SPEI-3", "CDI"} == {row[0] for row in rows}
    assert all(float(ratio) > 0 for _, _, _, ratio, _ in rows)
    (by_numpy,) = (apart for name, who, _, _, apart in rows if (name, who) == ("CDI", "NumPy"))
    assert float(by_numpy) == 0
    assert "numba" in said
