"""Flood by a test of a series of radar images whose rate of false discoveries is stated."""

from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._flood.layers import IMAGE, POLARISATIONS, WATER_LAYERS
from reliefscope.indicators._flood.passes import passes_before
from reliefscope.indicators._flood.setting import Choices, described, setting
from reliefscope.indicators._flood.variation import by_test, tested
from reliefscope.indicators._flood.weather import WEATHER
from reliefscope.model.cube import elementwise
from reliefscope.model.event import Hazard
from reliefscope.numerics import radar

_LAYERS = ("p_value", "p_value_series", "changes", "observations")


def flood_omnibus(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset,
    terrain: xr.Dataset | None = None,
    water: xr.Dataset | None = None,
    land: xr.Dataset | None = None,
    weather: xr.Dataset | None = None,
    *,
    looks: Annotated[float, Bounds("1", 1, 1000)] = 4.4,
    window: Annotated[float, Bounds("m", 0, 200)] = 8.0,
    alpha: Annotated[float, Bounds("1", 1e-6, 0.2)] = 0.01,
    rate: Annotated[float, Bounds("1", 1e-6, 0.2)] = 0.01,
    min_area: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map flood where the last image darkened more than speckle can make it.

    The omnibus test with its factors R_j finds the images since the last change before the flood
    (Conradsen et al. 2003, 2016); against those the image after is tested, and of all pixels that
    are called darker at most the share ``rate`` may be chance (Benjamini and Hochberg 1995). Flood
    starts at those that also look like water now, and grows into what does beside them.

    Parameters
    ----------
    after : Dataset, (y, x)
        ``vv``, ``vh`` or both, linear power without any filter [1], with CRS, and as for
        `reliefscope.indicators.flood_change.flood_change`.
    before : Dataset, (time, y, x)
        The same of earlier passes; those of other relative orbits are left out.
    terrain, water, land, weather : Dataset, optional
        As for `reliefscope.indicators.flood_change.flood_change`.
    looks : float
        Equivalent number of looks of one pixel: 4.4 for Sentinel-1 IW GRD at 10 m; products of
        20 m or 30 m have more [1].
    window : float
        Standard deviation of the Gaussian weights of the mean in power before the test, as wide as
        3 x 3 pixels of 10 m: in power a bright bank soon swamps the water beside it [m].
    alpha : float
        Probability of a false alarm of each test within the series [1].
    rate : float
        Share of false discoveries among the pixels called darker [1].
    min_area : float
        Smallest region and smallest hole [ha].
    permanent : float
        Months per year from which water counts as permanent [month].
    min_observed : float
        Least share of the scene that must be observed [1].

    Returns
    -------
    Dataset, (y, x)
        ``state``, ``likelihood`` (of flood, at least 50 exactly on event), ``exclusion``,
        ``advisory``, ``p_value`` (of the image after), ``p_value_series`` (of all images),
        ``changes``, ``observations`` and ``log_ratio_db`` (the image after over the mean of those
        since the change before it).

    Raises
    ------
    CubeError
        No polarisation in common, no time in ``before``, other units or grids.
    InsufficientDataError
        No pass lies before the image; or, when computed, less than ``min_observed`` was observed.
    """
    choices = Choices(min_area=min_area, permanent=permanent, min_observed=min_observed)
    here = setting(after, terrain, water, land, weather, choices)
    passes, flag = passes_before(before, after)
    series = here.on_grid(passes, "before")
    outcome = tested(here, series, looks=looks, window=window, alpha=alpha)
    out = by_test(outcome, here, series, rate)
    out["advisory"] = out["advisory"] | flag
    out["log_ratio_db"] = elementwise(radar.decode, outcome["last_ratio"])
    return described({**out, **{name: outcome[name] for name in _LAYERS}}, here)


INDICATOR = Indicator(
    name="flood_omnibus",
    title="Flood by the omnibus test of a series of radar images of one orbit, with a stated rate "
    "of false discoveries",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=IMAGE, days=(0, 12)),
            "before": Need(any_of=POLARISATIONS, days=(-190, -1), series=True),
            "terrain": Need(any_of=("elevation",), optional=True),
            "water": Need(any_of=WATER_LAYERS, optional=True),
            "land": Need(any_of=("land_cover",), optional=True),
            "weather": Need(any_of=WEATHER, days=(0, 12), optional=True, series=True),
        }
    ),
    gives=(
        "state",
        "likelihood",
        "exclusion",
        "advisory",
        "log_ratio_db",
        *_LAYERS,
    ),
    reference="https://doi.org/10.1109/TGRS.2015.2510160",
    compute=flood_omnibus,
)
