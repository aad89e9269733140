"""Flood against the season: years of images of one orbit say what a place looks like today."""

from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._flood.layers import IMAGE, WATER_LAYERS
from reliefscope.indicators._flood.passes import passes_before
from reliefscope.indicators._flood.season import SMOOTHING_M, by_season, posterior_layers
from reliefscope.indicators._flood.setting import Choices, described, setting
from reliefscope.indicators._flood.weather import WEATHER
from reliefscope.model.cube import elementwise
from reliefscope.model.event import Hazard
from reliefscope.numerics import radar

_LAYERS = ("flood_probability", "denial", "expected_db", "spread_db", "observations")


def flood_harmonic(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset,
    terrain: xr.Dataset | None = None,
    water: xr.Dataset | None = None,
    land: xr.Dataset | None = None,
    weather: xr.Dataset | None = None,
    *,
    least: Annotated[float, Bounds("1", 8, 1000)] = 32.0,
    smoothing: Annotated[float, Bounds("m", 0, 200)] = SMOOTHING_M,
    min_area: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map flood by the posterior of water against what the season lets expect.

    Three harmonics of the year are fitted to years of VV of one relative orbit, suspected floods
    left out; water has its model by incidence angle. The posterior is that of two normal
    distributions, each with its own spread; it states nothing outside of 27 to 48 degrees, where
    land is usually as dark as water, where the image fits neither, and where both fit about as
    well (Bauer-Marschallinger et al. 2022).

    Parameters
    ----------
    after : Dataset, (y, x)
        ``vv``, linear power [1], and ``incidence_deg`` [degree], with CRS. Its scalar coordinate
        ``time`` tells the day of the year and which passes are of its orbit; without it, the image
        is taken to be the next of the series.
    before : Dataset, (time, y, x)
        ``vv`` of two years of passes or more; those of other relative orbits are left out.
    terrain, water, land, weather : Dataset, optional
        As for `reliefscope.indicators.flood_change.flood_change`.
    least : float
        Fewest observations of a pixel [1].
    smoothing : float
        Standard deviation of the Gaussian weights against speckle; 10 m is about the 20 m pixel
        that the model of water was fitted on [m].
    min_area : float
        Smallest region and smallest hole [ha].
    permanent : float
        Months per year from which water counts as permanent [month].
    min_observed : float
        Least share of the scene that must be observed [1].

    Returns
    -------
    Dataset, (y, x)
        ``state``, ``likelihood`` (the posterior in percent, at least 50 exactly on event),
        ``exclusion``, ``advisory``, ``flood_probability`` (median of 5 x 5), ``denial`` (why it
        states nothing), ``expected_db``, ``spread_db``, ``observations``, ``vv_db``.

    Raises
    ------
    CubeError
        No ``vv`` or ``incidence_deg``, no time in ``before``, other units or grids.
    InsufficientDataError
        No pass lies before the image; or, when computed, less than ``min_observed`` was observed.
    """
    choices = Choices(
        smoothing=smoothing,
        detail=smoothing,
        min_area=min_area,
        permanent=permanent,
        min_observed=min_observed,
    )
    here = setting(after, terrain, water, land, weather, choices)
    passes, flag = passes_before(before, after)
    posterior = posterior_layers(here, here.on_grid(passes, "before"), least=round(least))
    out = by_season(posterior, here)
    out["advisory"] = out["advisory"] | flag
    shown = {name: posterior[name] for name in _LAYERS}
    shown["vv_db"] = elementwise(radar.decode, posterior["vv"])
    return described({**out, **shown}, here)


INDICATOR = Indicator(
    name="flood_harmonic",
    title="Flood by the posterior of water against a harmonic model of years of radar images of "
    "one orbit",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=IMAGE, days=(0, 12)),
            "before": Need(any_of=("vv",), days=(-1100, -1), series=True),
            "terrain": Need(any_of=("elevation",), optional=True),
            "water": Need(any_of=WATER_LAYERS, optional=True),
            "land": Need(any_of=("land_cover",), optional=True),
            "weather": Need(any_of=WEATHER, days=(0, 12), optional=True, series=True),
        }
    ),
    gives=("state", "likelihood", "exclusion", "advisory", *_LAYERS, "vv_db"),
    reference="https://doi.org/10.3390/rs14153673",
    compute=flood_harmonic,
)
