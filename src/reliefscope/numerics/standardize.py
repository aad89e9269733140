"""Standardised indices: how unusual an amount is for its time of the year, as a normal deviate.

A distribution is fitted for each place and each step of the year on a reference period; the
probability of every value under it is turned into standard normal units.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from reliefscope.numerics._standardize import standardize_cells

Series = NDArray[np.floating]

NO_SPREAD = 1e-6
"""Where the same season of all years differs by less, relative to its mean, nothing is unusual."""

LIMIT = 3.09
"""Values beyond one in a thousand are not supported by samples of some decades (WMO-No. 1090)."""

MIN_SAMPLE = 4
"""A fit on fewer values says nothing."""


class Fit(IntEnum):
    """Distribution, and how it is fitted."""

    GAMMA_THOM = 0
    """Gamma by Thom's approximation of maximum likelihood (Thom 1958): the usual SPI."""
    GAMMA_LMOMENTS = 1
    """Gamma by L-moments (Hosking and Wallis 1997): as the R package SPEI."""
    PEARSON3 = 2
    """Pearson type III by L-moments (Hosking and Wallis 1997)."""
    LOG_LOGISTIC = 3
    """Three-parameter log-logistic by unbiased probability weighted moments
    (Vicente-Serrano et al. 2010, doi:10.1175/2009JCLI2909.1): the usual SPEI."""


class Zeros(IntEnum):
    """Probability given to a dry step among steps that are sometimes dry."""

    CENTER = 0
    """Half of the share of dry steps, so that the index stays centred
    (Stagge et al. 2015, doi:10.1002/joc.4267)."""
    UPPER = 1
    """The whole share (McKee et al. 1993): biased to the wet side where it is often dry."""


def standardize(  # noqa: PLR0913 - each choice is a decision of the science
    values: Series,
    season: NDArray[np.integer],
    reference: NDArray[np.bool_],
    *,
    length: int = 1,
    fit: Fit = Fit.GAMMA_THOM,
    zeros: Zeros = Zeros.CENTER,
    limit: float = LIMIT,
    min_sample: int = MIN_SAMPLE,
    wanted: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return how unusual each value is for its season, in standard normal units.

    Parameters
    ----------
    values : array, (..., time)
        Amounts, for example rainfall totals; NaN is missing and stays so. Time comes last, so that
        the history of a cell lies side by side in memory.
    season : array, (time,)
        Which steps are comparable: 0 to 11 for months.
    reference : array, (time,)
        Steps of the reference period.
    length : int
        Steps added up first, each with those before it; NaN where one is missing.
    fit : Fit
        Distribution and method. Those of the gamma family are fitted to amounts above zero and
        mixed with the share of zeros; the log-logistic takes any amount.
    zeros : Zeros
        What a dry step counts as.
    limit : float
        Deviates are clipped here.
    min_sample : int
        Fewer usable values in the reference period give NaN.
    wanted : array, (time,), optional
        Steps to evaluate, all by default; the others are NaN. One map of the present is some
        thirty times cheaper than all of forty years.

    Returns
    -------
    array, (..., time)
        NaN where the value is missing or no distribution could be fitted: a constant series, a
        season without rain.
    """
    cells = np.ascontiguousarray(values, dtype=np.float64).reshape(-1, values.shape[-1])
    starts = np.concatenate([[0], np.cumsum(np.bincount(season))]).astype(np.int64)
    out = np.full(cells.shape, np.nan)
    standardize_cells(
        cells,
        np.argsort(season, kind="stable").astype(np.int64),
        starts,
        reference.astype(np.bool_),
        np.ones(len(season), dtype=np.bool_) if wanted is None else wanted.astype(np.bool_),
        int(fit),
        int(zeros),
        limit,
        min_sample,
        length,
        out,
    )
    return out.reshape(values.shape)


def anomaly(value: Series, others: Series, *, min_years: int) -> NDArray[np.float32]:
    """Return how far ``value`` lies from the mean of ``others``, in their standard deviations.

    Parameters
    ----------
    value : array, (...)
        Now.
    others : array, (..., year)
        The same time of the year in the reference years; NaN was not seen.
    min_years : int
        Fewer years seen give NaN.

    Returns
    -------
    array, (...)
        NaN too where ``value`` is missing or the years do not differ.
    """
    seen = ~np.isnan(others)
    count = seen.sum(axis=-1)
    enough = count >= max(min_years, 2)
    n = np.maximum(count, 2)
    mean = np.where(seen, others, 0.0).sum(axis=-1, dtype=np.float64) / n
    apart = np.where(seen, others - mean[..., None], 0.0)
    spread = np.sqrt((apart**2).sum(axis=-1) / (n - 1))
    varies = enough & (spread > NO_SPREAD * np.maximum(np.abs(mean), NO_SPREAD))
    out = np.full(np.shape(value), np.nan)
    np.divide(value - mean, spread, out=out, where=varies)
    return out.astype(np.float32)
