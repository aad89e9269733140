"""Flood by series of radar images: the seasonal fit and the test of change, beside their peers.

    python benchmarks/flood_series.py [--side 512] [--images 60] [--runs 3]

The fit is that of three harmonics to every pixel of a series with gaps; the peer is what many
scripts do, ``numpy.linalg.lstsq`` pixel by pixel, on a subset, its time scaled by the pixels. The
test is the sequential omnibus test of two channels; the peer is the same in plain numpy as scripts
have it: the statistic of all images, and each image against those before it, without a new start
after a change. Runs are interleaved; medians, extremes and largest differences are
printed. One thread each.
"""

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics import change, harmonic

Floats = NDArray[np.float32]
Work = Callable[[], object]
LOOKS = 20.0


def season(side: int, images: int) -> tuple[Floats, NDArray[np.float64]]:
    """Return a series [dB], (time, pixel), a tenth of it missing by strips, and its days."""
    rng = np.random.default_rng(0)
    days = (np.arange(images) * 12.0) % 365 + 1
    level = harmonic.design(days) @ np.array([-10, 1, 0.5, 0.3, -0.2, 0.1, 0.1])
    series = (level[:, None, None] + rng.normal(0, 1, (images, side, side))).astype(np.float32)
    for image in range(0, images, 10):
        series[image, :, : side // 3] = np.nan
    return np.reshape(series, (images, -1)), days.astype(np.float64)


def powers(side: int, images: int) -> Floats:
    """Return unchanged power, (time, channel, pixel)."""
    rng = np.random.default_rng(1)
    return rng.gamma(LOOKS, 1 / LOOKS, (images, 2, side * side)).astype(np.float32)


def by_lstsq(series: Floats, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit each pixel by itself, as a loop does."""
    waves = harmonic.design(days)
    out = np.empty((harmonic.PARAMETERS, series.shape[1]))
    for pixel in range(series.shape[1]):
        seen = np.isfinite(series[:, pixel])
        out[:, pixel], *_ = np.linalg.lstsq(waves[seen], series[seen, pixel], rcond=None)
    return out


def by_numpy(power: Floats) -> NDArray[np.float64]:
    """Return -2 rho ln Q of all images, and -2 rho ln R of each, by whole arrays; Q first."""
    k = len(power)
    logs, totals = np.log(power), np.cumsum(power, axis=0, dtype=np.float64)
    ln_q = (k * np.log(k) + logs.sum(axis=0) - k * np.log(totals[-1])).sum(axis=0)
    out = [-2 * (1 - (k + 1) / (6 * k * LOOKS)) * LOOKS * ln_q]
    for j in range(2, k + 1):
        ln_r = j * np.log(j) - (j - 1) * np.log(j - 1)
        ln_r = ln_r + (j - 1) * np.log(totals[j - 2]) + logs[j - 1] - j * np.log(totals[j - 1])
        rho = 1 - (1 + 1 / (j * (j - 1))) / (6 * LOOKS)
        out.append(-2 * rho * LOOKS * ln_r.sum(axis=0))
    return np.asarray(out, dtype=np.float64)


def report(name: str, seconds: list[float], pixels: int, ours: float) -> None:
    """Print one row: medians, extremes, nanoseconds a pixel, and the ratio to ours."""
    per = statistics.median(seconds) / pixels
    print(
        f"{name:28} median {statistics.median(seconds):8.3f} s ({min(seconds):.3f} to "
        f"{max(seconds):.3f}), {1e9 * per:10,.0f} ns/pixel, {per / ours:7.1f} x ours"
    )


def main() -> None:
    """Run all in turn and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    print(platform.platform(), "Python", platform.python_version())
    print(*(f"{name} {version(name)}" for name in ("numpy", "numba", "scipy")))
    series, days = season(args.side, args.images)
    power = powers(args.side, args.images // 3)
    few = np.linspace(0, series.shape[1] - 1, min(2000, series.shape[1])).astype(int)
    start = time.perf_counter()
    harmonic.fit(series[:, :16], days)
    change.sequential(power[:, :, :16], looks=LOOKS, alpha=0.01)
    print(f"first run, compilation or its cache included: {time.perf_counter() - start:.1f} s")
    work: dict[str, tuple[Work, int]] = {
        "fit": (lambda: harmonic.fit(series, days, robust=False), series.shape[1]),
        "fit without floods": (lambda: harmonic.fit(series, days), series.shape[1]),
        "lstsq in a loop": (lambda: by_lstsq(series[:, few], days), len(few)),
        "sequential omnibus test": (
            lambda: change.sequential(power, looks=LOOKS, alpha=0.01),
            power.shape[2],
        ),
        "omnibus factors, numpy": (lambda: by_numpy(power), power.shape[2]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(args.runs):
        for name, (run, _) in work.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    fit, test = (
        statistics.median(seconds[n]) / work[n][1] for n in ("fit", "sequential omnibus test")
    )
    for name, taken in seconds.items():
        report(name, taken, work[name][1], test if "omnibus" in name else fit)
    fitted = harmonic.fit(series[:, few], days, robust=False).coefficients
    apart = np.abs(fitted - by_lstsq(series[:, few], days)).max()
    statistic, _ = change.omnibus(power, looks=LOOKS)
    also = np.abs(statistic - by_numpy(power)[0]).max()
    print(f"largest difference: coefficients {apart:.1e} dB, statistic {also:.1e}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{series.shape[1]} pixels x {args.images} images, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
