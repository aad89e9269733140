"""How well a map agrees with a reference: counts, scores, error-adjusted area."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliefscope.errors import InputError

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of a two-class comparison; scores are NaN where they have no meaning."""

    tp: int
    """Event in both."""
    fp: int
    """Event in the candidate only."""
    fn: int
    """Event in the reference only."""
    tn: int
    """Event in neither."""

    def __add__(self, other: "Confusion") -> "Confusion":
        """Pool two comparisons."""
        return Confusion(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def iou(self) -> float:
        """Intersection over union, also critical success index [1]."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall [1]."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """Share of the mapped event that is right [1]."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the reference event that is mapped [1]."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def bias(self) -> float:
        """Mapped over reference event [1]; above 1 maps too much."""
        return _ratio(self.tp + self.fp, self.tp + self.fn)

    @property
    def false_alarm_rate(self) -> float:
        """Share of the reference non-event that is mapped as event [1]."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def accuracy(self) -> float:
        """Share of all that is right [1]."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)

    @property
    def mcc(self) -> float:
        """Correlation of the two maps, Matthews (1975, doi:10.1016/0005-2795(75)90109-9) [1]."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        scale = math.sqrt(tp + fp) * math.sqrt(tp + fn) * math.sqrt(tn + fp) * math.sqrt(tn + fn)
        return (tp * tn - fp * fn) / scale if scale else math.nan

    @property
    def kappa(self) -> float:
        """Agreement beyond chance, Cohen (1960, doi:10.1177/001316446002000104) [1]."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        return _ratio(2 * (tp * tn - fn * fp), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


def confusion(candidate: ArrayLike, reference: ArrayLike, valid: ArrayLike) -> Confusion:
    """Count agreement where both maps know.

    Parameters
    ----------
    candidate, reference : array of bool, same shape
        True where the event is.
    valid : array of bool, same shape
        False where either does not know; such pixels count nowhere.

    Raises
    ------
    InputError
        The shapes differ.
    """
    ours, truth, known = (np.asarray(a, dtype=bool) for a in (candidate, reference, valid))
    if not ours.shape == truth.shape == known.shape:
        raise InputError(
            f"candidate {ours.shape}, reference {truth.shape} and valid {known.shape} differ; "
            f"bring them to one grid first"
        )
    tp = int(np.count_nonzero(ours & truth & known))
    fp = int(np.count_nonzero(ours & ~truth & known))
    fn = int(np.count_nonzero(~ours & truth & known))
    return Confusion(tp, fp, fn, int(np.count_nonzero(known)) - tp - fp - fn)


class Area(NamedTuple):
    """An estimated area with its 95 % confidence interval."""

    area: float
    """Best estimate, in the unit of the mapped areas."""
    low: float
    """Lower end of the interval, at least 0."""
    high: float
    """Upper end of the interval."""
    standard_error: float
    """In the unit of the mapped areas."""


def adjusted_area(
    counts: Sequence[Sequence[float]] | NDArray[np.floating],
    mapped_area: Sequence[float] | NDArray[np.floating],
) -> tuple[Area, ...]:
    """Correct mapped areas for the errors that a reference sample shows.

    ``p_k = sum_i W_i n_ik / n_i`` and its standard error
    ``sqrt(sum_i W_i^2 (n_ik/n_i)(1 - n_ik/n_i)/(n_i - 1))``, W the mapped shares, equations 9 and
    10 of Olofsson et al. (2014, doi:10.1016/j.rse.2014.02.015). The reference must be a random
    sample within each mapped class; pixels counted side by side are not independent, and then the
    interval is too narrow.

    Parameters
    ----------
    counts : array, (mapped class, reference class)
        Sampled units of each pair of classes.
    mapped_area : array, (mapped class,)
        Area of each class on the map, any unit.

    Returns
    -------
    tuple of Area
        One for each reference class.

    Raises
    ------
    InputError
        The shapes do not fit, or a mapped class with area has fewer than two samples.
    """
    n, area = np.asarray(counts, dtype=float), np.asarray(mapped_area, dtype=float)
    if n.ndim != 2 or n.shape != (area.size, area.size):  # noqa: PLR2004 - a matrix
        raise InputError(f"counts are {n.shape} for {area.size} areas; give a square matrix")
    sampled = n.sum(axis=1)
    if np.any((sampled < 2) & (area > 0)):  # noqa: PLR2004 - n - 1 divides
        raise InputError(f"samples per mapped class are {sampled}; each class needs at least 2")
    use = area > 0
    total = area.sum()
    weight = area[use] / total
    share = n[use] / sampled[use, None]
    best = weight @ share
    error = np.sqrt(weight**2 @ (share * (1 - share) / (sampled[use, None] - 1)))
    return tuple(
        Area(float(p * total), max(0.0, lower), float((p + _Z95 * e) * total), float(e * total))
        for p, e, lower in zip(best, error, (best - _Z95 * error) * total, strict=True)
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
