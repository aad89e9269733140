"""The 27 indices of extremes of the Expert Team on Climate Change Detection and Indices.

Definitions: http://etccdi.pacificclimate.org/list_27_indices.shtml; Zhang et al. (2011,
doi:10.1002/wcc.147). Where these leave a choice open it is the one of the R package climdex.pcic,
against whose numbers all are tested: runs of warm or cold days end with the year, dry and wet runs
go on and count in the year in which they end, five days of rain count on their third, a year has no
index with more than 15 days missing or a month of more than 3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reliefscope.errors import InputError
from reliefscope.numerics import periods, runs
from reliefscope.numerics.days import Days
from reliefscope.numerics.percentiles import day_percentile, sample_percentile, share_beyond

Floats = NDArray[np.float64]

MISSING_YEAR, MISSING_MONTH = 15, 3
"""Days that may be missing."""
WET = 1.0
"""Least rain of a wet day [mm]."""
_RUN = 6
_GROWS_C = 5.0
_WINDOW = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Daily:
    """Daily weather of many places, and the years to compare with."""

    days: Days
    base: tuple[int, int] = (1961, 1990)
    """First and last year of the reference period."""
    tmax: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    """Highest temperature of the day [degree Celsius], (..., time); NaN is missing."""
    tmin: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    """Lowest [degree Celsius], (..., time)."""
    rain: NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    """Precipitation [mm], (..., time)."""
    south: bool = False
    """Whether growing seasons are of the southern half: from July to June."""

    def cells(self, name: str) -> Floats:
        """Return a variable as (cell, time)."""
        return self._cells[name]

    @cached_property
    def _cells(self) -> Mapping[str, Floats]:
        there = {n: getattr(self, n) for n in ("tmax", "tmin", "rain")}
        return {n: self.days.checked(v) for n, v in there.items() if v.size}

    @cached_property
    def five_days(self) -> Floats:
        """Return rain of five days around each, missing days dry, (cell, time)."""
        rain = np.nan_to_num(self.cells("rain"))
        out, half = np.zeros(rain.shape), _WINDOW // 2
        inner = slice(half, rain.shape[1] - half)
        for shift in range(_WINDOW):
            out[:, inner] += rain[:, shift : rain.shape[1] - _WINDOW + 1 + shift]
        return out

    def threshold(self, name: str, share: float) -> Floats:
        """Return the percentile of each day's time of the year, (cell, time)."""
        found = day_percentile(self.cells(name), self.days, self.base, share)
        return np.asarray(found[:, self.days.of_year])

    def beyond(self, name: str, share: float) -> Floats:
        """Return whether each day lies beyond a percentile; see `share_beyond`."""
        return share_beyond(self.cells(name), self.days, self.base, share)

    def wet_day_percentile(self, share: float) -> Floats:
        """Return a percentile of the rain on wet days of the reference period, (cell, 1)."""
        rain = self.cells("rain")[:, self.days.within(self.base)]
        wet = np.where(rain >= WET, rain, np.nan)
        return sample_percentile(wet, share)[:, None]


Starts = NDArray[np.int64]
_Compute = Callable[[Daily, Starts], NDArray[np.number]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One of the 27."""

    name: str
    units: str
    long_name: str
    needs: tuple[str, ...]
    """Of ``tmax``, ``tmin``, ``rain``."""
    compute: _Compute
    """From daily weather and where periods begin, (cell, period)."""
    monthly: bool = False
    """Whether there is one a month as well as one a year."""


def index(name: str, daily: Daily, *, monthly: bool = False) -> Floats:
    """Return one index of extremes for each year, or each month.

    Parameters
    ----------
    name : str
        One of `INDICES`.
    daily : Daily
        Weather.
    monthly : bool
        Whether months are wanted.

    Returns
    -------
    array, (..., period)
        In the units of `INDICES`; NaN where too many days are missing.

    Raises
    ------
    InputError
        No such index, none of months, or what it needs is not there.
    """
    if name not in INDICES:
        raise InputError(f"no index {name!r}; there are {sorted(INDICES)}")
    row = INDICES[name]
    if monthly and not row.monthly:
        raise InputError(f"{name} is an index of years; leave monthly out")
    missing = [n for n in row.needs if not getattr(daily, n).size]
    if missing:
        raise InputError(f"{name} needs {list(row.needs)}; give {missing} too")
    starts = daily.days.starts(monthly=monthly)
    found = row.compute(daily, starts).astype(np.float64)
    for needed in row.needs:
        if daily.south and name == "gsl":
            found[_from_july(daily, needed)] = np.nan
        else:
            found[_too_few(daily, needed, monthly=monthly)] = np.nan
    shape = np.shape(getattr(daily, row.needs[0]))[:-1]
    return found.reshape(*shape, found.shape[-1])


def _too_few(daily: Daily, name: str, *, monthly: bool) -> NDArray[np.bool_]:
    """Return the periods with too many days missing, (cell, period)."""
    months = periods.gaps(daily.cells(name), daily.days.starts(monthly=True))
    holed = months > MISSING_MONTH
    if monthly:
        return np.asarray(holed)
    years = months.reshape(len(months), -1, 12).sum(axis=2)
    return np.asarray((years > MISSING_YEAR) | holed.reshape(len(months), -1, 12).any(axis=2))


def _from_july(daily: Daily, name: str) -> NDArray[np.bool_]:
    """Return the years from July to June with too many days missing; the last has not ended."""
    months = periods.gaps(daily.cells(name), daily.days.starts(monthly=True))
    years = months[:, 6:-6].reshape(len(months), -1, 12)
    few = (years.sum(axis=2) > MISSING_YEAR) | (years > MISSING_MONTH).any(axis=2)
    return np.pad(few, ((0, 0), (0, 1)), constant_values=True)


def _days_above(name: str, edge: float) -> _Compute:
    """Return an index that counts days."""
    return lambda daily, starts: periods.count_above(daily.cells(name), starts, edge)


def _days_below(name: str, edge: float) -> _Compute:
    """Return an index that counts days."""
    return lambda daily, starts: periods.count_below(daily.cells(name), starts, edge)


def _days_from(amount: float) -> _Compute:
    """Return an index that counts days with at least so much rain."""
    return _days_above("rain", float(np.nextafter(amount, 0)))


def _extreme(name: str, sign: float) -> _Compute:
    """Return an index that is the highest or, with -1, the lowest value of a period."""
    return lambda daily, starts: np.asarray(periods.highest(daily.cells(name), starts, sign))


def _percent_beyond(name: str, share: float) -> _Compute:
    return lambda daily, starts: 100 * periods.means(daily.beyond(name, share), starts)


def _warm_runs(daily: Daily, starts: Starts) -> NDArray[np.int64]:
    holds = daily.cells("tmax") > daily.threshold("tmax", 0.9)
    return np.asarray(runs.days_in_runs(holds, starts, _RUN))


def _cold_runs(daily: Daily, starts: Starts) -> NDArray[np.int64]:
    holds = daily.cells("tmin") < daily.threshold("tmin", 0.1)
    return np.asarray(runs.days_in_runs(holds, starts, _RUN))


def _growing_season(daily: Daily, starts: Starts) -> Floats:
    mean = (daily.cells("tmax") + daily.cells("tmin")) / 2
    warm, cold = mean > _GROWS_C, mean < _GROWS_C
    julys = daily.days.starts(monthly=True)[6::12]
    if not daily.south:
        return runs.growing_seasons(warm, cold, starts, julys, _RUN).astype(np.float64)
    # from July to June; counted in the year it begins, so that the last one is not known
    first = int(julys[0])
    found = runs.growing_seasons(
        warm[:, first : julys[-1]], cold[:, first : julys[-1]],
        (julys[:-1] - first).astype(np.int64), (starts[1:] - first).astype(np.int64), _RUN,
    )  # fmt: skip
    return np.concatenate([found, np.full((len(found), 1), np.nan)], axis=1)


def _range(daily: Daily, starts: Starts) -> Floats:
    return np.asarray(periods.means(daily.cells("tmax") - daily.cells("tmin"), starts))


def _dry_run(daily: Daily, starts: Starts) -> Floats:
    return _longest(daily.cells("rain") < WET, starts)


def _wet_run(daily: Daily, starts: Starts) -> Floats:
    return _longest(daily.cells("rain") >= WET, starts)


def _longest(holds: NDArray[np.bool_], starts: Starts) -> Floats:
    found = runs.longest_runs(holds, starts)
    return np.where(found < 0, np.nan, found)


def _five_days(daily: Daily, starts: Starts) -> Floats:
    return np.asarray(np.maximum.reduceat(daily.five_days, starts, axis=1))


def _intensity(daily: Daily, starts: Starts) -> Floats:
    rain = daily.cells("rain")
    return np.asarray(periods.means(np.where(rain >= WET, rain, np.nan), starts))


def _rain_over(share: float) -> _Compute:
    def total(daily: Daily, starts: Starts) -> Floats:
        rain = daily.cells("rain")
        much = np.where(rain > daily.wet_day_percentile(share), rain, 0.0)
        return np.asarray(np.add.reduceat(much, starts, axis=1))

    return total


def _rain_total(daily: Daily, starts: Starts) -> Floats:
    rain = daily.cells("rain")
    return np.asarray(np.add.reduceat(np.where(rain >= WET, rain, 0.0), starts, axis=1))


def _rows() -> Sequence[Index]:
    tx, tn, rain = ("tmax",), ("tmin",), ("rain",)

    def row(
        name: str, units: str, long_name: str, needs: tuple[str, ...], compute: _Compute,
        *, monthly: bool = False,
    ) -> Index:  # fmt: skip
        return Index(name=name, units=units, long_name=long_name, needs=needs, compute=compute,
                     monthly=monthly)  # fmt: skip

    return (
        row("fd", "d", "frost days", tn, _days_below("tmin", 0.0)),
        row("su", "d", "summer days", tx, _days_above("tmax", 25.0)),
        row("id", "d", "icing days", tx, _days_below("tmax", 0.0)),
        row("tr", "d", "tropical nights", tn, _days_above("tmin", 20.0)),
        row("gsl", "d", "length of the growing season", (*tx, *tn), _growing_season),
        row("txx", "degree_Celsius", "hottest day", tx, _extreme("tmax", 1.0), monthly=True),
        row("tnx", "degree_Celsius", "warmest night", tn, _extreme("tmin", 1.0), monthly=True),
        row("txn", "degree_Celsius", "coldest day", tx, _extreme("tmax", -1.0), monthly=True),
        row("tnn", "degree_Celsius", "coldest night", tn, _extreme("tmin", -1.0), monthly=True),
        row("tn10p", "percent", "cold nights", tn, _percent_beyond("tmin", 0.1), monthly=True),
        row("tx10p", "percent", "cold days", tx, _percent_beyond("tmax", 0.1), monthly=True),
        row("tn90p", "percent", "warm nights", tn, _percent_beyond("tmin", 0.9), monthly=True),
        row("tx90p", "percent", "warm days", tx, _percent_beyond("tmax", 0.9), monthly=True),
        row("wsdi", "d", "days in warm spells", tx, _warm_runs),
        row("csdi", "d", "days in cold spells", tn, _cold_runs),
        row("dtr", "K", "daily range of temperature", (*tx, *tn), _range, monthly=True),
        row("rx1day", "mm", "most rain in a day", rain, _extreme("rain", 1.0), monthly=True),
        row("rx5day", "mm", "most rain in five days", rain, _five_days, monthly=True),
        row("sdii", "mm d-1", "rain of a wet day", rain, _intensity),
        row("r10mm", "d", "days of 10 mm", rain, _days_from(10.0)),
        row("r20mm", "d", "days of 20 mm", rain, _days_from(20.0)),
        row("r1mm", "d", "wet days", rain, _days_from(WET)),
        row("cdd", "d", "longest dry spell", rain, _dry_run),
        row("cwd", "d", "longest wet spell", rain, _wet_run),
        row("r95ptot", "mm", "rain of very wet days", rain, _rain_over(0.95)),
        row("r99ptot", "mm", "rain of extremely wet days", rain, _rain_over(0.99)),
        row("prcptot", "mm", "rain of all wet days", rain, _rain_total),
    )


INDICES: Mapping[str, Index] = {row.name: row for row in _rows()}
"""The 27; ``r1mm`` stands for the one whose amount the user chooses."""
