"""Change of buildings in radar images: a t-test pixel by pixel, and what to make of many."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float32]


class Change(NamedTuple):
    """A two-sample t-test of each pixel, arrays (y, x)."""

    t: Floats
    """Difference of the means in standard errors; positive where it became brighter."""
    p: Floats
    """Two-sided probability of as much by chance [1]."""


def welch(before: Floats, after: Floats, *, least_before: int, least_after: int) -> Change:
    """Test each pixel for a change of its mean; variances and counts may differ (Welch 1947).

    Student's t with the degrees of freedom of Satterthwaite, doi:10.1093/biomet/34.1-2.28: on a
    handful of images the normal distribution would raise several times too many alarms.

    Parameters
    ----------
    before, after : array, (time, y, x)
        Logarithm of the backscatter; NaN is not observed.
    least_before, least_after : int
        Fewer observations than this on either side give NaN.
    """
    n, mean, var = zip(*(_moments(x) for x in (before, after)), strict=True)
    enough = (n[0] >= least_before) & (n[1] >= least_after)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [v / c for v, c in zip(var, n, strict=True)]
        error = parts[0] + parts[1]
        t = (mean[1] - mean[0]) / np.sqrt(error)
        freedom = error**2 / sum(
            part**2 / np.maximum(c - 1, 1) for part, c in zip(parts, n, strict=True)
        )
        p = 2 * special.stdtr(freedom, -np.abs(t))
    told = enough & (error > 0)
    return Change(
        t=np.where(told, t, np.nan).astype("float32"),
        p=np.where(told, p, np.nan).astype("float32"),
    )


def _moments(
    values: Floats,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return count, mean and unbiased variance along time, NaN left out."""
    seen = np.isfinite(values)
    count = seen.sum(axis=0)
    total = np.where(seen, values, 0).sum(axis=0, dtype="float64")
    mean = total / np.maximum(count, 1)
    off = np.where(seen, values - mean, 0).astype("float64")
    return count, mean, (off**2).sum(axis=0) / np.maximum(count - 1, 1)


def strongest(tests: list[Change]) -> Change:
    """Return for each pixel the test that shows most, of several orbits and polarisations.

    The probability is multiplied by how many tests the pixel had (Bonferroni): the smallest of
    several is small by chance more often than any one of them.
    """
    t = np.stack([test.t for test in tests])
    p = np.stack([test.p for test in tests])
    tried = np.isfinite(p).sum(axis=0)
    first = np.where(np.isfinite(p), p, np.inf).argmin(axis=0)[None]
    chosen = [np.take_along_axis(x, first, axis=0)[0] for x in (t, p)]
    return Change(t=chosen[0], p=np.minimum(chosen[1] * tried, 1).astype("float32"))


def multiscale(t: Floats, pixel_m: tuple[float, float], radii_m: tuple[float, ...]) -> Floats:
    """Return the mean of how much changed at a pixel and within discs around it.

    A building is some pixels, a collapsed block many: both count (Ballinger 2024, PWTT).

    Parameters
    ----------
    t : array, (y, x)
        Magnitude of change; NaN is not observed, and stays so.
    pixel_m : tuple of float
        Height and width of a pixel [m].
    radii_m : tuple of float
        Of the discs [m].
    """
    from scipy import signal  # noqa: PLC0415 - a second to import

    seen = np.isfinite(t)
    filled = np.where(seen, t, 0).astype("float32")
    total = filled.astype("float64")
    for radius in radii_m:
        disc = _disc(radius, pixel_m)
        weight = signal.oaconvolve(seen.astype("float32"), disc, mode="same")
        level = signal.oaconvolve(filled, disc, mode="same") / np.maximum(weight, 0.5)
        total += level
    return np.where(seen, total / (1 + len(radii_m)), np.nan).astype("float32")


def _disc(radius: float, pixel_m: tuple[float, float]) -> Floats:
    rows, columns = (int(radius // size) for size in pixel_m)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    inside = np.hypot(y * pixel_m[0], x * pixel_m[1]) <= radius
    disc: Floats = inside.astype("float32")
    return disc


def by_label(
    values: NDArray[np.floating], labels: NDArray[np.int32], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the weighted mean of each labelled region, (label + 1,); NaN where none was seen.

    Parameters
    ----------
    values : array, (y, x)
        NaN is left out.
    labels : array, (y, x)
        Number of the building, from 1; 0 is none.
    weights : array, (y, x)
        Share of the pixel that the building covers, or any other weight.
    """
    known = np.isfinite(values) & (labels > 0)
    count = int(labels.max(initial=0)) + 1
    weight = np.bincount(labels[known], weights[known], minlength=count)
    total = np.bincount(labels[known], (values * weights)[known], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: NDArray[np.float64] = np.where(weight > 0, total / weight, np.nan)
    return mean
