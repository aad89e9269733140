"""Days beyond a percentile of their time of the year, without a step at the reference's edges.

Within the reference period a day is judged by percentiles from which its own year is left out, as
often as there are other years to stand in for it; outside, by those of the whole period (Zhang et
al. 2005, doi:10.1175/JCLI3366.1). Percentiles are median-unbiased (Hyndman and Fan 1996,
doi:10.1080/00031305.1996.10473566, definition 8), from five days around each day of the year.
"""

import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics import _percentiles as kernels
from reliefscope.numerics.days import YEAR, Days

LEAST_SHARE = 0.1
"""Of the days of a window that must be there for a percentile."""


def day_percentile(
    values: NDArray[np.floating],
    days: Days,
    base: tuple[int, int],
    share: float,
    *,
    window: int = 5,
) -> NDArray[np.float64]:
    """Return the percentile of each day of the year.

    Parameters
    ----------
    values : array, (..., time)
        One a day; NaN is missing.
    days : Days
        Their dates.
    base : tuple of int
        First and last year of the reference period.
    share : float
        0.9 is the 90th percentile [1].
    window : int
        Days around each day of the year whose values are pooled; odd.

    Returns
    -------
    array, (..., 365)
        In the units of ``values``; NaN where fewer than a tenth of the days are there.

    Raises
    ------
    InputError
        The period is not within the record, or values and days do not fit.
    """
    cells = days.checked(values)
    sign = -1.0 if share > 0.5 else 1.0  # noqa: PLR2004 - kernels look from the lower end
    low = min(share, 1 - share)
    out = np.empty((len(cells), YEAR))
    years = base[1] - base[0] + 1
    padded = _padded(cells, days, base, window)
    kernels.percentile_cells(sign * padded, years, window, low, LEAST_SHARE, out)
    return (sign * out).reshape(*values.shape[:-1], YEAR)


def share_beyond(
    values: NDArray[np.floating],
    days: Days,
    base: tuple[int, int],
    share: float,
    *,
    window: int = 5,
) -> NDArray[np.float64]:
    """Return whether each day lies beyond the percentile of its time of the year.

    Parameters
    ----------
    values, days, base, window
        As `day_percentile`.
    share : float
        Over half: days above it are counted; under half: days below it [1].

    Returns
    -------
    array, (..., time)
        0 or 1; within the reference period the share of the other years that say so. NaN where
        missing.

    Raises
    ------
    InputError
        As `day_percentile`.
    """
    cells = days.checked(values)
    sign = -1.0 if share > 0.5 else 1.0  # noqa: PLR2004 - kernels look from the lower end
    inside = days.within(base)
    years = base[1] - base[0] + 1
    first = int(np.flatnonzero(inside)[0])
    of_year = days.of_year[inside]
    order = np.argsort(of_year, kind="stable").astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(of_year))]).astype(np.int64)
    out = np.empty(cells.shape)
    kernels.beyond_cells(
        sign * cells,
        sign * _padded(cells, days, base, window),
        days.of_year,
        (order + first, starts),
        days.year - days.year[first],
        (first, first + len(of_year)),
        (years, window),
        (min(share, 1 - share), LEAST_SHARE),
        out,
    )
    return out.reshape(values.shape)


def sample_percentile(values: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Return a percentile of what there is, definition 8, (..., time) to (...)."""
    cells = np.ascontiguousarray(values, dtype=np.float64).reshape(-1, values.shape[-1])
    out = np.empty(len(cells))
    kernels.sample_cells(cells, share, out)
    return out.reshape(values.shape[:-1])


def _padded(
    cells: NDArray[np.float64], days: Days, base: tuple[int, int], window: int
) -> NDArray[np.float64]:
    """Return the period without 29 February, half a window longer at both ends.

    Its first and last day stand for those beyond, as in climdex.pcic.
    """
    inside = days.within(base) & ~days.leap
    half = window // 2
    return np.pad(cells[:, inside], ((0, 0), (half, half)), mode="edge")
