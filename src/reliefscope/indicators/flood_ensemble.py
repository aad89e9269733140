"""Flood by majority of independent methods, as many as the passes at hand allow."""

from dataclasses import replace
from types import MappingProxyType
from typing import Annotated

import xarray as xr

from reliefscope.indicators._base import Bounds, Indicator, Need
from reliefscope.indicators._flood import scene
from reliefscope.indicators._flood.darkening import LATEST, by_change, change_layers
from reliefscope.indicators._flood.layers import IMAGE, WATER_LAYERS, speckle_filter
from reliefscope.indicators._flood.passes import passes_before
from reliefscope.indicators._flood.season import SMOOTHING_M, by_season, posterior_layers
from reliefscope.indicators._flood.setting import Choices, Setting, described, setting
from reliefscope.indicators._flood.together import together
from reliefscope.indicators._flood.weather import WEATHER
from reliefscope.model.event import Hazard
from reliefscope.numerics.harmonic import MIN_OBSERVATIONS

_YEAR_DAYS = 370.0

Layers = dict[str, xr.DataArray]


def flood_ensemble(  # noqa: PLR0913 - parameters are read off this signature
    after: xr.Dataset,
    before: xr.Dataset | None = None,
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
    """Map flood by majority: water on the image, what darkened, and what the season forbids.

    One image allows one member; images of its orbit before it a second, what darkened against
    them; 32 of them with the incidence angle a third, the harmonic model. Flood is where more than
    half of the members that can tell say so: of two, one is not enough; one that is alone decides
    (the rule of the Copernicus Global Flood Monitoring product).

    Likelihoods are as the members state them, which for the member of one image is calibrated: on
    labelled scenes of six countries its expected calibration error is 0.01 to 0.05 in five. In the
    sixth, where the image shows two thirds of the labelled water as bright as the land, it is 0.42,
    and no curve mends that: one fitted on five of the countries made each sixth one worse
    (``benchmarks/flood_calibration.py`` prints them all). There are no labels by which to judge the
    other members.

    Parameters
    ----------
    after : Dataset, (y, x)
        ``vv``, ``vh`` or both, linear power [1], with CRS, and ``incidence_deg`` [degree] for the
        harmonic member; its scalar coordinate ``time`` tells which passes are of its orbit.
    before : Dataset, (time, y, x), optional
        The same of earlier passes, the longer the better; those of other orbits are left out.
    terrain, water, land, weather : Dataset, optional
        As for `reliefscope.indicators.flood_change.flood_change`.
    fall : float
        Standard deviations below the mean that are as likely flood as not [1].
    min_area : float
        Smallest region and smallest hole of each member [ha].
    permanent : float
        Months per year from which water counts as permanent [month].
    min_observed : float
        Least share of the scene that must be observed [1].

    Returns
    -------
    Dataset, (y, x)
        ``state``, ``likelihood`` (mean of the members that can tell, at least 50 exactly on event
        and on known water that was found), ``exclusion``, ``advisory``, ``votes``, ``members``, and
        with images before ``possible_flood`` and ``observations``; ``flood_probability`` and
        ``denial`` of the harmonic member; the thresholds, and ``vv_db``, ``vh_db``,
        ``log_ratio_db`` to look at.

    Raises
    ------
    CubeError
        No polarisation, no time in ``before``, other units or grids.
    InsufficientDataError
        No pass lies before the image; or, when computed, less than ``min_observed`` was observed.
    """
    choices = Choices(min_area=min_area, permanent=permanent, min_observed=min_observed)
    here = setting(after, terrain, water, land, weather, choices)
    if before is None:
        layers = scene.scene_layers(here, None)
        alone = scene.by_scene(layers, here)
        return described({**alone, **together([alone]), **scene.looks(layers)}, here)
    passes, flag = passes_before(before, after)
    series = here.on_grid(passes, "before")
    year, _ = passes_before(before, after, days=_YEAR_DAYS)
    changed_layers = change_layers(here, here.on_grid(year, "before"))
    latest = scene.scene_layers(here, series.isel(time=slice(-LATEST, None)))
    alone = scene.by_scene(latest, here)
    changed = by_change(changed_layers, here, -fall)
    seasonal, shown = _seasonal(here, series)
    out = together([alone, changed, *seasonal])
    out["advisory"] = out["advisory"] | flag
    return described({**alone, **changed, **out, **shown, **scene.looks(latest)}, here)


def _seasonal(here: Setting, series: xr.Dataset) -> tuple[list[Layers], Layers]:
    """Return the harmonic member, if the passes allow it, and what it gives to look at."""
    known = {"vv", "incidence_deg"} <= set(here.after) and "vv" in series
    if not known or series.sizes["time"] < MIN_OBSERVATIONS:
        return [], {}
    plain = replace(here, speckle=speckle_filter(SMOOTHING_M, SMOOTHING_M, here.size))
    posterior = posterior_layers(plain, series, least=MIN_OBSERVATIONS)
    shown = {name: posterior[name] for name in ("flood_probability", "denial", "observations")}
    return [by_season(posterior, here)], shown


INDICATOR = Indicator(
    name="flood_ensemble",
    title="Flood by majority of three methods by radar: water on the image, what darkened, and "
    "what the season forbids",
    hazard=Hazard.FLOOD,
    needs=MappingProxyType(
        {
            "after": Need(any_of=IMAGE, days=(0, 12)),
            "before": Need(any_of=("vv", "vh"), days=(-1100, -1), optional=True, series=True),
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
        "votes",
        "members",
        "possible_flood",
        "observations",
        "flood_probability",
        "denial",
        "threshold_vv_db",
        "threshold_vh_db",
        "threshold_change_db",
        "vv_db",
        "vh_db",
        "log_ratio_db",
    ),
    reference="https://doi.org/10.3390/rs14153673",
    compute=flood_ensemble,
)
