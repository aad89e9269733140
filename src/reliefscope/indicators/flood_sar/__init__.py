"""Open water and flood from one radar image, or from one before and one after."""

from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._flood import scene
from reliefscope.indicators._flood.layers import IMAGE, POLARISATIONS, WATER_LAYERS
from reliefscope.indicators._flood.setting import Choices, described, setting
from reliefscope.indicators._flood.weather import WEATHER
from reliefscope.model.event import Hazard


def flood_extent(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset | None = None,
    terrain: xr.Dataset | None = None,
    water: xr.Dataset | None = None,
    land: xr.Dataset | None = None,
    weather: xr.Dataset | None = None,
    *,
    smoothing: Annotated[float, Bounds("m", 0, 200)] = 25.0,
    detail: Annotated[float, Bounds("m", 0, 200)] = 5.0,
    softness: Annotated[float, Bounds("dB", 0.5, 10)] = 4.0,
    core: Annotated[float, Bounds("percent", 50, 100)] = 60.0,
    margin: Annotated[float, Bounds("percent", 25, 60)] = 45.0,
    min_area: Annotated[float, Bounds("ha", 0, 100)] = 0.1,
    max_hand: Annotated[float, Bounds("m", 1, 100)] = 15.0,
    max_slope: Annotated[float, Bounds("degree", 1, 45)] = 10.0,
    permanent: Annotated[float, Bounds("month", 1, 12)] = 10.0,
    min_observed: Annotated[float, Bounds("1", 0, 1)] = 0.05,
) -> xr.Dataset:
    """Map water and tell flood from the water that is always there.

    Speckle is averaged on decibels; each region of about 5 km gets a threshold per polarisation
    between the land it shows and the water that physics expects (Bauer-Marschallinger et al.
    2022), moved by tiles that show both (Kittler & Illingworth 1986); memberships of both
    polarisations are averaged, held against terrain, and regions grow from sure cores (Martinis
    et al. 2015, Twele et al. 2016, Pekel et al. 2016 for the months of permanent water).

    Parameters
    ----------
    after : Dataset, (y, x)
        ``vv``, ``vh`` or both, linear power [1], with CRS; with ``incidence_deg`` [degree], or the
        attribute ``orbit_state``, layover and shadow are found in the terrain.
    before : Dataset, (y, x) or (time, y, x), optional
        The same on the same grid without flood; several are averaged in power.
    terrain : Dataset, (y, x), optional
        ``elevation`` [m], or ``slope_deg`` [degree] and ``hand`` [m].
    water : Dataset, (y, x), optional
        ``water_seasonality`` [month] or ``water_occurrence`` [percent], and where there is
        ``water_monthly_recurrence`` [percent], of the month of the image or of all months along a
        dimension ``month``: what is water in this month in every other year is no news.
    land : Dataset, (y, x), optional
        ``land_cover``, classes of ESA WorldCover.
    weather : Dataset, (y, x) or (time, y, x), optional
        ``air_temperature`` [K], ``wind_u10``, ``wind_v10`` [m s-1]: for the flags only.
    smoothing : float
        Standard deviation of the Gaussian weights against speckle: as wide as a disc of 50 m [m].
    detail : float
        The same at edges, where the image says more than speckle: well below the sensor's 20 m, so
        that no edge is blurred twice [m].
    softness : float
        Half of the width over which likelihood falls from 100 to 0 around a threshold [dB].
    core, margin : float
        Likelihood at which a region may start and down to which it may grow [percent].
    min_area : float
        Smallest region and smallest hole [ha].
    max_hand, max_slope : float
        Height above drainage [m] and slope [degree] at which standing water is as likely as not.
    permanent : float
        Months per year from which water counts as permanent [month].
    min_observed : float
        Least share of the scene that must be observed [1].

    Returns
    -------
    Dataset, (y, x)
        ``state``, ``likelihood`` (of water now, at least 50 exactly on event and on water found
        that was there before), ``exclusion``, ``advisory``, ``threshold_vv_db``,
        ``threshold_vh_db``, ``threshold_change_db`` (medians, NaN if not used), and to look at
        ``vv_db``, ``vh_db`` and, with ``before``, ``log_ratio_db``. Lazy if ``after`` is lazy.
        An honest range of the area of water: pixels of likelihood 75 and more, to those of 25
        and more.

    Raises
    ------
    CubeError
        No polarisation, no CRS, other units, dimensions or grids; when computed, also power that
        cannot be power.
    InsufficientDataError
        When computed: less than ``min_observed`` was observed.
    """
    choices = Choices(
        smoothing=smoothing,
        detail=detail,
        softness=softness,
        core=core,
        margin=margin,
        min_area=min_area,
        max_hand=max_hand,
        max_slope=max_slope,
        permanent=permanent,
        min_observed=min_observed,
    )
    here = setting(after, terrain, water, land, weather, choices)
    layers = scene.scene_layers(here, before)
    return described({**scene.by_scene(layers, here), **scene.looks(layers)}, here)


INDICATOR = Indicator(
    name="flood_sar",
    title="Water from radar backscatter: regional thresholds in both polarisations, fuzzy "
    "refinement with terrain and known water, region growing",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=IMAGE, days=(0, 12)),
            "before": Need(any_of=POLARISATIONS, days=(-60, -1), optional=True),
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
        "threshold_vv_db",
        "threshold_vh_db",
        "threshold_change_db",
        "vv_db",
        "vh_db",
        "log_ratio_db",
    ),
    reference="https://doi.org/10.3390/rs14153673",
    compute=flood_extent,
)
