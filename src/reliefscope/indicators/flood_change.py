"""Flood by how much the ground darkened since images of the same orbit."""

from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._flood.darkening import by_change, change_layers
from reliefscope.indicators._flood.layers import IMAGE, POLARISATIONS, WATER_LAYERS
from reliefscope.indicators._flood.passes import passes_before
from reliefscope.indicators._flood.scene import looks
from reliefscope.indicators._flood.setting import Choices, described, setting
from reliefscope.indicators._flood.weather import WEATHER
from reliefscope.model.cube import elementwise
from reliefscope.model.event import Hazard
from reliefscope.numerics import radar


def flood_change(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset,
    terrain: xr.Dataset | None = None,
    water: xr.Dataset | None = None,
    land: xr.Dataset | None = None,
    weather: xr.Dataset | None = None,
    *,
    fall: Annotated[float, Bounds("1", 0.5, 10)] = 2.5,
    min_area: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map flood by what darkened: log ratio, and z-score of the same relative orbit.

    Flood is what looks like water now (as `reliefscope.indicators.flood_sar` sees it) and darkened:
    against the mean power of the latest five images, by the threshold that the scene suggests or
    3 dB; and, where at least eight images saw the ground, by ``fall`` standard deviations of its
    own series, none taken below 0.5 dB (DeVries et al. 2020).

    Parameters
    ----------
    after : Dataset, (y, x)
        ``vv``, ``vh`` or both, linear power [1], with CRS; its scalar coordinate ``time`` tells
        which passes are of its orbit, ``incidence_deg`` or the attribute ``orbit_state`` where
        terrain hides the ground.
    before : Dataset, (time, y, x)
        The same of earlier passes. Those of other relative orbits are left out: by a coordinate
        ``relative_orbit``, or by times that are not multiples of six days apart.
    terrain : Dataset, (y, x), optional
        ``elevation`` [m], or ``slope_deg`` [degree] and ``hand`` [m].
    water : Dataset, (y, x), optional
        ``water_seasonality`` [month] or ``water_occurrence`` [percent], and
        ``water_monthly_recurrence`` [percent].
    land : Dataset, (y, x), optional
        ``land_cover``, classes of ESA WorldCover.
    weather : Dataset, (y, x) or (time, y, x), optional
        ``air_temperature`` [K], ``wind_u10``, ``wind_v10`` [m s-1]: for the flags only.
    fall : float
        Standard deviations below the mean that are as likely flood as not [1].
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
        ``advisory``, ``possible_flood`` (echoes that rose by 3 dB within 100 m of flood, under
        plants and between buildings: not counted), ``observations``, ``threshold_change_db``,
        ``log_ratio_db``, ``vv_db``, ``vh_db``, ``z_vv``, ``z_vh``.

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
    layers = change_layers(here, here.on_grid(passes, "before"))
    out = by_change(layers, here, -fall)
    out["advisory"] = out["advisory"] | flag
    for name in ("z_vv", "z_vh"):
        if name in layers:
            out[name] = elementwise(radar.decode, layers[name])
    return described({**out, **looks(layers)}, here)


INDICATOR = Indicator(
    name="flood_change",
    title="Flood by what darkened to radar since images of the same orbit: log ratio and z-score",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=IMAGE, days=(0, 12)),
            "before": Need(any_of=POLARISATIONS, days=(-370, -1), series=True),
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
        "possible_flood",
        "observations",
        "threshold_change_db",
        "log_ratio_db",
        "vv_db",
        "vh_db",
        "z_vv",
        "z_vh",
    ),
    reference="https://doi.org/10.1016/j.rse.2020.111664",
    compute=flood_change,
)
