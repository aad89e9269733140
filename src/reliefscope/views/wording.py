"""What the views say, in English: names of facts, measures and hazards."""

from collections.abc import Mapping

from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Hazard
from reliefscope.products.inspection import BETWEEN
from reliefscope.products.sheet import wording
from reliefscope.words import Words, mark

HAZARDS: Mapping[Hazard, str] = {
    Hazard.FLOOD: mark("Flood"),
    Hazard.FIRE: mark("Wildfire"),
    Hazard.DROUGHT: mark("Drought"),
    Hazard.HEAT: mark("Heat"),
    Hazard.STORM: mark("Storm"),
    Hazard.EARTHQUAKE: mark("Earthquake"),
    Hazard.LANDSLIDE: mark("Landslide"),
    Hazard.EXPLOSION: mark("Explosion"),
    Hazard.VOLCANO: mark("Volcano"),
}

FACTS: Mapping[str, str] = {
    "exposed_population": mark("People where the event was seen"),
    "population_cannot_tell": mark("People where nobody can tell"),
    "population_upper_bound": mark("People, at most"),
    "event_area_km2": "",
    "observed_fraction": mark("Share of the area that was seen"),
    "excluded_fraction": mark("Share where the satellite cannot tell"),
    "image_acquired": mark("Latest image taken"),
    "hours_after_onset": mark("Image after the onset"),
    "next_pass_expected": mark("Next satellite pass expected"),
    "area_km2": mark("Area of the map"),
    "population_total": mark("People in the area"),
    "cropland_event_area_km2": mark("Cropland affected"),
    "roads_affected_km": mark("Roads affected"),
}
"""Facts that the first screen tells, in this order; the event's own name stands for its area."""

_OF_WEATHER: Mapping[str, str] = {
    "exposed_population": mark("People where the data show the event"),
    "observed_fraction": mark("Share of the area with data"),
    "excluded_fraction": mark("Share where the data cannot tell"),
    "image_acquired": wording.LATEST,
    "hours_after_onset": mark("Latest data after the onset"),
}
"""What some of them are called where weather data alone were used."""

MEASURES: Mapping[str, str] = {
    "likelihood": mark("Likelihood of the event"),
    "exclusion": mark("Why the satellite cannot tell"),
    "depth_m": mark("Depth of the water"),
    "dnbr": mark("Burn severity index (dNBR)"),
    "spi": mark("Rainfall index (SPI)"),
    "spei": mark("Water balance index (SPEI)"),
    "people": mark("People per pixel"),
    "depth_band": mark("Depth of the water in classes"),
    "burn_severity": mark("Burn severity"),
    "change_class": mark("Change of built-up land, not confirmed damage"),
    "cdi": mark("Combined drought indicator"),
    "drought_class": mark("Drought severity"),
    "vegetation_stress": mark("Stress of the vegetation"),
    "trend_class": mark("Direction of the trend"),
    "heat_wave_class": mark("Severity of the heat wave"),
    "heat_stress_class": mark("Heat stress"),
    "land_heat_class": mark("Heat of the ground"),
    "rain_class": mark("Rarity of the rain"),
    "wind_class": mark("Strongest wind in classes"),
    "rdnbr": mark("Relative burn severity (RdNBR)"),
    "rbr": mark("Relativized burn ratio (RBR)"),
    "change_t": mark("Change of built-up land, in standard errors"),
    "rdndvi": mark("Relative change of the vegetation"),
    "vhi": mark("Vegetation health index (VHI)"),
    "soil_moisture_anomaly": mark("Soil moisture beside its season"),
    "fapar_anomaly": mark("Plants beside their season (FAPAR)"),
    "year_anomaly": mark("Last year beside the reference years"),
    "rain_trend": mark("Trend of the rain"),
    "temperature_trend": mark("Trend of the temperature"),
    "vegetation_trend": mark("Trend of the vegetation"),
    "water_trend": mark("Trend of open water"),
    "snow_trend": mark("Trend of the snow"),
    "hwmid": mark("Magnitude of the heat wave (HWMId)"),
    "ehf": mark("Excess heat factor (EHF)"),
    "ehf_severity": mark("Excess heat beside the severe of the place"),
    "hot_days": mark("Hot days"),
    "heat_index": mark("Highest heat index"),
    "humidex": mark("Highest humidex"),
    "wbgt": mark("Highest wet-bulb globe temperature, approximated"),
    "apparent_temperature": mark("Highest apparent temperature"),
    "utci": mark("Highest thermal climate index (UTCI)"),
    "lst": mark("Temperature of the ground"),
    "lst_anomaly": mark("Temperature of the ground beside its season"),
    "rain_total": mark("Most rain of so many days in a row"),
    "return_years": mark("Once in how many years so much rain falls"),
    "rain_level": mark("Rain of the return period"),
    "rain_level_low": mark("Rain of the return period, at least"),
    "rain_level_high": mark("Rain of the return period, at most"),
    "wind_max": mark("Strongest wind of the storm"),
    "storm_rain": mark("Rain of the storm, without mountains"),
}


def measure_name(name: str, words: Words) -> str:
    """Return what a raster shows; the long name of its variable where no plainer one is known."""
    role, between, bare = name.rpartition(BETWEEN)
    if bare in MEASURES:
        told = words(MEASURES[bare])
    else:
        told = VARIABLES[bare].long_name if bare in VARIABLES else bare.replace("_", " ")
    if not between:
        return f"{told[:1].upper()}{told[1:]}"
    return f"{words(wording.ROLES[role]) if role in wording.ROLES else role}: {told}"


def fact_name(key: str, hazard: Hazard, words: Words, *, weather: bool = False) -> str:
    """Return what a fact counts; nothing was seen where ``weather`` data alone were used."""
    if weather and key in _OF_WEATHER:
        return words(_OF_WEATHER[key])
    if key == "event_area_km2":
        return words(wording.EVENT_NAMES[hazard][0])
    told = FACTS.get(key, "")
    return words(told) if told else key.replace("_", " ")
