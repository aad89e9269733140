"""Days of whole years, and what they are compared with: years, months, days of the year."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError
from reliefscope.numerics.periods import by_cell

YEAR = 365
"""Days of the year that are told apart: 29 February counts as 28."""
_BEFORE_29_FEBRUARY = 59


@dataclass(frozen=True, kw_only=True, eq=False)
class Days:
    """Every day from 1 January of one year to 31 December of another."""

    first_year: int
    last_year: int

    def __post_init__(self) -> None:
        """Refuse years in the wrong order."""
        if self.last_year < self.first_year:
            raise InputError(f"{self.last_year} lies before {self.first_year}; exchange them")

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """Return the days, (time,)."""
        first, after = f"{self.first_year:04d}", f"{self.last_year + 1:04d}"
        return np.arange(f"{first}-01-01", f"{after}-01-01", dtype="datetime64[D]")

    @cached_property
    def years(self) -> NDArray[np.int64]:
        """Return the years, (year,)."""
        return np.arange(self.first_year, self.last_year + 1)

    @cached_property
    def year(self) -> NDArray[np.int64]:
        """Return the place of each day's year among `years`, (time,)."""
        return np.asarray(self.dates.astype("datetime64[Y]").astype(np.int64) + 1970) - (
            self.first_year
        )

    @cached_property
    def month(self) -> NDArray[np.int64]:
        """Return the number of each day's month since the first January, (time,)."""
        months = self.dates.astype("datetime64[M]").astype(np.int64)
        return np.asarray(months - months[0])

    @cached_property
    def leap(self) -> NDArray[np.bool_]:
        """Return which days are a 29 February, (time,)."""
        month = self.dates.astype("datetime64[M]")
        day = (self.dates - month).astype(np.int64)
        return np.asarray((self.month % 12 == 1) & (day == 28))  # noqa: PLR2004 - the 29th

    @cached_property
    def of_year(self) -> NDArray[np.int64]:
        """Return the day of the year, 0 to 364, (time,)."""
        day = (self.dates - self.dates.astype("datetime64[Y]")).astype(np.int64)
        length = np.bincount(self.year)[self.year]
        late = (length > YEAR) & (day >= _BEFORE_29_FEBRUARY)
        return np.asarray(day - late)

    def starts(self, *, monthly: bool = False) -> NDArray[np.int64]:
        """Return where each year, or each month, begins."""
        group = self.month if monthly else self.year
        return np.flatnonzero(np.diff(group, prepend=-1))

    def within(self, years: tuple[int, int]) -> NDArray[np.bool_]:
        """Return which days lie in the years from the first to the last, (time,).

        Raises
        ------
        InputError
            Not all of these years are there.
        """
        if not self.first_year <= years[0] <= years[1] <= self.last_year:
            raise InputError(
                f"the reference years {years[0]} to {years[1]} must lie within the record, "
                f"{self.first_year} to {self.last_year}; give others"
            )
        year = self.year + self.first_year
        return np.asarray((year >= years[0]) & (year <= years[1]))

    def checked(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return values as (cell, time), double precision.

        Raises
        ------
        InputError
            There is not one value a day.
        """
        if values.shape[-1] != len(self.dates):
            raise InputError(
                f"{values.shape[-1]} values for {len(self.dates)} days from {self.first_year} to "
                f"{self.last_year}; give one for each day of whole years, NaN where it is missing"
            )
        return by_cell(values).reshape(-1, values.shape[-1])
