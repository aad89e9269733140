"""What the indicators of drought share: calendar, seasons to compare with, statements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import odc.geo.xr  # noqa: F401 - the .odc accessor
import xarray as xr
from numpy.typing import NDArray
from pyproj import Transformer

from reliefscope.errors import CubeError
from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    PROVENANCE_NOTES,
    Advisory,
    DroughtClass,
    Exclusion,
    State,
    describe,
    elementwise,
)
from reliefscope.numerics.standardize import LIMIT, Fit, anomaly, standardize

REFERENCE_YEARS = 30
"""A record to compare with should be at least this long (WMO-No. 1090)."""

COMMON = ("state", "likelihood", "exclusion", "advisory")
"""Layers that every indicator of drought gives beside its own."""

_MONTHS, _DEKADS = 12, 36
_DEKAD_STARTS = (1, 11, 21)
_EDGES = np.array([-2.0, -1.5, -1.0, 1.0, 1.5, 2.0], dtype="float32")

Years = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One value for each month, or each ten days, without gaps in time."""

    values: xr.DataArray
    """(time, y, x); steps that were missing are NaN."""
    per_year: int
    """12 or 36."""

    @property
    def steps_a_month(self) -> int:
        """1, or 3 of ten days."""
        return self.per_year // _MONTHS

    @property
    def season(self) -> NDArray[np.int64]:
        """Which step of the year each is, from 0."""
        return _steps(self.values, self.per_year) % self.per_year

    @property
    def years(self) -> NDArray[np.int64]:
        """The year of each step."""
        return _steps(self.values, self.per_year) // self.per_year

    def seen(self, steps: int = 1) -> xr.DataArray:
        """Return where all of the last steps are there, (y, x)."""
        if steps > self.values.sizes["time"]:
            return self.values.isel(time=-1, drop=True).notnull() & False
        return self.values.isel(time=slice(-steps, None)).notnull().all("time")

    def within(self, years: Years) -> NDArray[np.bool_]:
        """Return which steps lie in the reference years.

        Raises
        ------
        CubeError
            None does.
        """
        inside = (self.years >= years[0]) & (self.years <= years[1])
        if not inside.any():
            raise CubeError(
                f"the reference years {years[0]} to {years[1]} hold nothing of the series, which "
                f"runs from {self.years[0]} to {self.years[-1]}; give years that it covers as "
                f"first_year and last_year"
            )
        return np.asarray(inside)

    def like(self, step: int, years: Years) -> NDArray[np.int64]:
        """Return where the same time of the year stands in the reference years."""
        return np.flatnonzero(self.within(years) & (self.season == self.season[step]))


def totals(amounts: xr.DataArray) -> Series:
    """Return totals on a calendar without gaps.

    Raises
    ------
    CubeError
        There is no time, or they are neither of months nor of the ten days from 1, 11 and 21.
    """
    per_year = _cadence(amounts)
    if per_year is None:
        stamps = amounts["time"].values.astype("datetime64[M]")
        raise CubeError(
            f"{len(stamps)} totals for {len(np.unique(stamps))} months; add up days to months "
            f"first, for example with .resample(time='MS').sum(min_count=1)"
        )
    return _regular(amounts, per_year)


def means(levels: xr.DataArray) -> Series:
    """Return levels on a calendar without gaps, of months if they are not of ten days.

    Raises
    ------
    CubeError
        There is no time.
    """
    per_year = _cadence(levels)
    return monthly(levels) if per_year is None else _regular(levels, per_year)


def monthly(levels: xr.DataArray) -> Series:
    """Return the means of months of what was seen, on a calendar without gaps."""
    if _cadence(levels) == _MONTHS:
        return _regular(levels, _MONTHS)
    month = levels["time"].values.astype("datetime64[M]")
    stamps = np.unique(month)
    parts = [levels.isel(time=np.flatnonzero(month == m)).mean("time") for m in stamps]
    mean = xr.concat(parts, "time").assign_coords(time=stamps.astype("datetime64[ns]"))
    return _regular(mean, _MONTHS)


def _cadence(series: xr.DataArray) -> int | None:
    if "time" not in series.dims:
        raise CubeError(f"a series needs a time dimension; there are {series.dims}")
    stamps = series["time"].values
    if len(stamps) == 0:
        raise CubeError("the series is empty; widen its window")
    if len(np.unique(stamps.astype("datetime64[M]"))) == len(stamps):
        return _MONTHS
    at_starts = np.isin(series["time"].dt.day.values, _DEKAD_STARTS).all()
    whole = len(np.unique(stamps.astype("datetime64[D]"))) == len(stamps)
    return _DEKADS if at_starts and whole else None


def _steps(series: xr.DataArray, per_year: int) -> NDArray[np.int64]:
    """Return the number of each step since the year 0."""
    time = series["time"].dt
    months = time.year.values.astype(np.int64) * _MONTHS + time.month.values - 1
    if per_year == _MONTHS:
        return np.asarray(months)
    return np.asarray(months * 3 + np.minimum((time.day.values - 1) // 10, 2))


def _starts(steps: NDArray[np.int64], per_year: int) -> NDArray[np.datetime64]:
    if per_year == _MONTHS:
        return (steps - 1970 * _MONTHS).astype("datetime64[M]").astype("datetime64[ns]")
    months = (steps // 3 - 1970 * _MONTHS).astype("datetime64[M]").astype("datetime64[D]")
    days = np.array(_DEKAD_STARTS)[steps % 3] - 1
    return np.asarray((months + days.astype("timedelta64[D]")).astype("datetime64[ns]"))


def _regular(series: xr.DataArray, per_year: int) -> Series:
    steps = _steps(series, per_year)
    labelled = series.assign_coords(time=_starts(steps, per_year))
    whole = _starts(np.arange(steps.min(), steps.max() + 1), per_year)
    regular = labelled if np.array_equal(whole, labelled["time"]) else labelled.reindex(time=whole)
    return Series(regular, per_year)


def standardized_index(
    amounts: xr.DataArray,
    *,
    months: int,
    reference: Years,
    fit: Fit = Fit.GAMMA_THOM,
    limit: float = LIMIT,
    last_only: bool = False,
) -> xr.DataArray:
    """Return a standardised index of ``amounts``: SPI of rain, SPEI of rain less demand.

    Parameters
    ----------
    amounts : DataArray, (time, y, x)
        One total a month, or one for each of the ten days from 1, 11 and 21 [mm]; one that is
        missing is a gap, not dry.
    months : int
        Months added up.
    reference : tuple of int
        First and last year of the period to compare with.
    fit : Fit
        Distribution; `Fit.LOG_LOGISTIC` for SPEI.
    limit : float
        The index is clipped here; infinite to see how far it would go.
    last_only : bool
        Whether to evaluate the last step alone: much cheaper.

    Returns
    -------
    DataArray, (time, y, x), or (y, x) when ``last_only``
        Standard normal units [1]; NaN where not observed, or where nothing can be compared.

    Raises
    ------
    CubeError
        There is no time, two totals in one step, or none in the reference years.
    """
    series = totals(amounts)
    if not last_only:
        return last_indices(series, None, months=months, reference=reference, fit=fit, limit=limit)
    index = last_indices(series, 1, months=months, reference=reference, fit=fit, limit=limit)
    return index.isel(time=-1, drop=True)


def last_indices(
    series: Series,
    count: int | None,
    *,
    months: int,
    reference: Years,
    fit: Fit = Fit.GAMMA_THOM,
    limit: float = LIMIT,
) -> xr.DataArray:
    """Return the last ``count`` steps of a standardised index, all by default, (time, y, x)."""
    season, judged = series.season, series.within(reference)
    last = slice(None if count is None else -count, None)
    wanted = np.zeros(len(season), dtype=bool)
    wanted[last] = True
    length = months * series.steps_a_month

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        return standardize(
            block, season, judged, length=length, fit=fit, limit=limit, wanted=wanted
        ).astype("float32")

    return over_time(of_block, series.values).isel(time=last)


def standardized_anomaly(
    levels: xr.DataArray, *, reference: Years, min_years: int, last_only: bool = False
) -> xr.DataArray:
    """Return how far levels lie from the mean of their season, in its standard deviations.

    Parameters
    ----------
    levels : DataArray, (time, y, x)
        Of months or of ten days; others are averaged over months first.
    reference : tuple of int
        First and last year of the period to compare with.
    min_years : int
        Fewer years seen in a season, and nothing is stated.
    last_only : bool
        Whether to give the last step alone.

    Returns
    -------
    DataArray, (time, y, x), or (y, x) when ``last_only``
        [1]; NaN where not observed.

    Raises
    ------
    CubeError
        There is no time, or nothing in the reference years.
    """
    series = means(levels)
    if not last_only:
        return last_anomalies(series, None, reference=reference, min_years=min_years)
    return last_anomalies(series, 1, reference=reference, min_years=min_years).isel(
        time=-1, drop=True
    )


def last_anomalies(
    series: Series, count: int | None, *, reference: Years, min_years: int
) -> xr.DataArray:
    """Return the last ``count`` steps of a standardised anomaly, all by default, (time, y, x)."""
    season, judged = series.season, series.within(reference)
    last = slice(None if count is None else -count, None)
    wanted = range(len(season))[last]

    def of_block(block: NDArray[np.floating]) -> NDArray[np.float32]:
        out = np.full(block.shape, np.nan, dtype="float32")
        for s in np.unique(season[list(wanted)]):
            steps = np.array([i for i in wanted if season[i] == s])
            others = block[..., None, judged & (season == s)]
            out[..., steps] = anomaly(block[..., steps], others, min_years=min_years)
        return out

    return over_time(of_block, series.values).isel(time=last)


def over_time(
    function: Callable[..., NDArray[np.floating]],
    series: xr.DataArray,
    still: xr.DataArray | None = None,
) -> xr.DataArray:
    """Apply a function of (..., time) and, with ``still``, of (...) arrays; lazily where lazy."""
    whole = series.chunk(time=-1) if series.chunks else series
    more = [] if still is None else [still]
    out: xr.DataArray = xr.apply_ufunc(
        function,
        whole,
        *more,
        input_core_dims=[["time"], *([] for _ in more)],
        output_core_dims=[["time"]],
        dask="parallelized",
        output_dtypes=["float32"],
    )
    return out.transpose("time", ...)


def latitudes(cube: xr.Dataset) -> xr.DataArray:
    """Return the latitude of each pixel [degree], (y, x).

    Raises
    ------
    CubeError
        The cube has no CRS, so its pixels have no latitude.
    """
    grid = cube.odc.geobox
    if grid is None or grid.crs is None:
        raise CubeError(
            "the temperatures have no CRS, so the sun over them is not known; assign the one they "
            "were made in, for example cube.odc.assign_crs('EPSG:4326')"
        )
    columns, rows = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    x, y = grid.affine * (columns, rows)
    _, latitude = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True).transform(x, y)
    coords = {name: cube[name] for name in ("y", "x") if name in cube.coords}
    return xr.DataArray(latitude.astype("float32"), dims=("y", "x"), coords=coords)


def classes(index: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the `DroughtClass` of each value of an index."""
    # the dry side includes its edge: -1.5 is severe; so does the wet side
    dry = np.digitize(index, _EDGES[:3], right=True)
    wet = np.digitize(index, _EDGES[3:])
    codes = (dry + wet + DroughtClass.EXTREMELY_DRY).astype("uint8")
    return np.where(np.isnan(index), np.uint8(DroughtClass.NOT_OBSERVED), codes)


def record_flags(series: xr.DataArray, years: Years) -> Advisory:
    """Return whether the record is short of `REFERENCE_YEARS`, or changes its sensor."""
    record = series["time"].dt.year.values
    length = len(np.unique(record[(record >= years[0]) & (record <= years[1])]))
    flags = Advisory(0) if length >= REFERENCE_YEARS else Advisory.SHORT_RECORD
    return flags | Advisory.SENSOR_SWITCH if len(sensors(series)) > 1 else flags


def sensors(series: xr.DataArray) -> Sequence[str]:
    """Return the sensors of a series in the order they appear, by its ``platform`` coordinate."""
    if "platform" not in series.coords or series["platform"].dims != ("time",):
        return []
    return list(dict.fromkeys(map(str, series["platform"].values)))


def switch_notes(*series: xr.DataArray) -> tuple[str, ...]:
    """Return a sentence for each change of sensor within a series."""
    notes = []
    for one in series:
        if len(sensors(one)) < 2:  # noqa: PLR2004 - a change takes two
            continue
        names, when = one["platform"].values.astype(str), one["time"].values
        for i in np.flatnonzero(names[1:] != names[:-1]) + 1:
            day = when[i].astype("datetime64[D]")
            notes.append(f"{one.name} comes from {names[i - 1]}, from {day} on from {names[i]}")
    return tuple(notes)


def dry_at(edge: float) -> Callable[[NDArray[np.floating]], NDArray[np.uint8]]:
    """Return a function that gives the `State` of an index that is an event at ``edge`` or less."""

    def state(index: NDArray[np.floating]) -> NDArray[np.uint8]:
        codes = np.where(index <= edge, State.EVENT, State.NO_EVENT)
        return np.where(np.isnan(index), State.NOT_OBSERVED, codes).astype("uint8")

    return state


def statement(
    layers: dict[str, xr.DataArray],
    state: xr.DataArray,
    seen: xr.DataArray,
    flags: Advisory,
    notes: Sequence[str] = (),
) -> xr.Dataset:
    """Return layers with what every indicator states beside them; no likelihood is stated.

    Where the present was ``seen`` and nothing is stated, there is nothing to compare it with.
    """
    state = elementwise(_compared, state, seen, dtype="uint8")
    scene = state.isel(y=0, x=0, drop=True)
    common = {
        "state": state,
        "likelihood": elementwise(
            lambda s: np.full(s.shape, NO_LIKELIHOOD, "uint8"), state, dtype="uint8"
        ),
        "exclusion": elementwise(_reasons, state, dtype="uint16"),
        "advisory": elementwise(
            lambda s: np.full(s.shape, flags.value, "uint16"), scene, dtype="uint16"
        ),
    }
    out = {name: describe(name, layer) for name, layer in {**layers, **common}.items()}
    return xr.Dataset(out, attrs={PROVENANCE_NOTES: tuple(notes)} if notes else {})


def _compared(state: NDArray[np.uint8], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    alone = seen & (state == State.NOT_OBSERVED)
    return np.where(alone, State.EXCLUDED, state).astype("uint8")


def _reasons(state: NDArray[np.uint8]) -> NDArray[np.uint16]:
    reasons = np.where(state == State.NOT_OBSERVED, Exclusion.LOW_COVERAGE.value, 0)
    reasons[state == State.EXCLUDED] = Exclusion.NO_COMPARISON.value
    return reasons.astype("uint16")
