"""Flood against the season: the harmonic model of years of images on one orbit."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.indicators._flood import decide
from reliefscope.indicators._flood import layers as layering
from reliefscope.indicators._flood.decide import Decided, Rules
from reliefscope.indicators._flood.layers import with_halo
from reliefscope.indicators._flood.passes import day_of_year
from reliefscope.indicators._flood.series import along_time, always_dark, filtered
from reliefscope.indicators._flood.setting import Setting, over_scene
from reliefscope.model.cube import Exclusion, elementwise, require
from reliefscope.numerics import harmonic, radar
from reliefscope.numerics.denial import Denial
from reliefscope.numerics.fuzzy import NONE
from reliefscope.numerics.radar import MISSING

GIVES = {
    "state": "uint8",
    "likelihood": "uint8",
    "exclusion": "uint8",
    "advisory": "uint16",
}
"""Types of what `classify` returns."""

SMOOTHING_M = 10.0
"""Gaussian weights as wide as this are about the 20 m pixel that the model of water was fitted
on [m]."""

_MEDIAN = 2
"""Half of the side of the median, 5 x 5 [pixel]."""

_EVEN = 50.0


def posterior_layers(here: Setting, series: xr.Dataset, *, least: int) -> dict[str, xr.DataArray]:
    """Return the posterior, what it is made of, and where it states nothing, lazily.

    Parameters
    ----------
    here : Setting
        The image after: ``vv`` and ``incidence_deg``.
    series : Dataset, (time, y, x)
        ``vv`` of the passes of its relative orbit, oldest first.
    least : int
        Fewest observations of a pixel.

    Raises
    ------
    CubeError
        No ``vv`` in both, or no ``incidence_deg``.
    """
    if "incidence_deg" not in here.after or "vv" not in here.after or "vv" not in series:
        raise CubeError(
            f"the after image has {sorted(map(str, here.after))} and the series "
            f"{sorted(map(str, series))}; the model of water by incidence angle needs vv in both, "
            f"and incidence_deg [degree] with the image"
        )
    require(here.after, "vv", "incidence_deg")
    after = layering.encoded(here.after[["vv"]], here.speckle, "after")["vv"]
    past = filtered(series[["vv"]], here.speckle)["vv"]
    times = pd.DatetimeIndex(series.indexes["time"])
    fit = partial(_usual, days=day_of_year(times), day=_day_of(here.when, times), least=least)
    land, spread, images = along_time(fit, past, dtypes=("float32", "float32", "uint16"))
    angle = here.after["incidence_deg"]
    raw = elementwise(_posterior, after, land, spread, angle)
    smooth = with_halo(partial(harmonic.median, radius=_MEDIAN), raw, (_MEDIAN, _MEDIAN), "float32")
    return {
        "flood_probability": smooth,
        "denial": elementwise(_denial, after, land, spread, angle, smooth, dtype="uint8"),
        "expected_db": land,
        "spread_db": spread,
        "observations": images,
        "vv": after,
        "dark": always_dark(past),
    }


def _day_of(when: pd.Timestamp | None, times: pd.DatetimeIndex) -> float:
    """Return the day of the year of the image; without a time, one interval after the last."""
    if when is None:
        step = (times[-1] - times[0]) / max(1, len(times) - 1)
        when = times[-1] + step
    return float(day_of_year(pd.DatetimeIndex([when]))[0])


def _usual(
    series: NDArray[np.int16], *, days: NDArray[np.float64], day: float, least: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16]]:
    decibels = np.moveaxis(radar.decode(series), -1, 0)
    season = harmonic.fit(decibels, days, least=least)
    return harmonic.expected(season, day), season.spread, season.images.astype(np.uint16)


def _posterior(
    after: NDArray[np.int16],
    land: NDArray[np.float32],
    spread: NDArray[np.float32],
    angle: NDArray[np.floating],
) -> NDArray[np.float32]:
    return harmonic.posterior(radar.decode(after), land, spread, angle)


def _denial(
    after: NDArray[np.int16],
    land: NDArray[np.float32],
    spread: NDArray[np.float32],
    angle: NDArray[np.floating],
    probability: NDArray[np.float32],
) -> NDArray[np.uint8]:
    return harmonic.denials(radar.decode(after), land, spread, angle, probability)


def by_season(posterior: dict[str, xr.DataArray], here: Setting) -> dict[str, xr.DataArray]:
    """Map flood from the posterior; lazily."""
    layers = {n: posterior[n] for n in ("flood_probability", "denial", "vv", "dark")}
    return over_scene(classify, layers | dict(here.ground), GIVES, rules=here.rules)


def classify(*arrays: NDArray[Any], names: tuple[str, ...], rules: Rules) -> Decided:
    """Tell the state of every pixel of a scene: flood where the posterior is above one half."""
    layers = dict(zip(names, arrays, strict=True))
    seen = layers["vv"] != MISSING
    decide.require_observed(seen, rules)
    probability, denial = layers["flood_probability"], layers["denial"]
    told = seen & (denial == 0) & np.isfinite(probability)
    percent = np.where(told, np.rint(100 * np.nan_to_num(probability)), NONE).astype(np.uint8)
    short = (denial & Denial.SHORT) != 0
    return decide.of_change(
        percent,
        layers,
        replace(rules, core=_EVEN, margin=_EVEN),
        seen=seen,
        own=np.where(short, Exclusion.LOW_COVERAGE, Exclusion.AMBIGUOUS).astype(np.uint8),
    )
