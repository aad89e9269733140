"""The one table of variables: units, names, ranges and codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from reliefscope.model.cube.codes import (
    Advisory,
    BurnSeverity,
    ChangeClass,
    CombinedDrought,
    DepthBand,
    DroughtClass,
    Exclusion,
    HeatStress,
    HeatWave,
    LandHeat,
    MissingInput,
    PossibleFlood,
    RainReturn,
    State,
    StormWind,
    StressedShare,
    TrendClass,
    VegetationStress,
    WaterClass,
)
from reliefscope.numerics.denial import Denial


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One row of the table: what a name means wherever it appears."""

    units: str
    """UDUNITS; "1" is dimensionless."""
    long_name: str
    valid_range: tuple[float, float] | None = None
    flags: type[IntEnum] | type[IntFlag] | None = None
    categorical: bool = False
    """Codes or bits: picked when resampled, never averaged."""


def _codes(long_name: str, highest: int) -> Variable:
    return Variable(units="1", long_name=long_name, valid_range=(0, highest), categorical=True)


def _slopes(name: str, units: str, what: str) -> dict[str, Variable]:
    """Return the rows of a trend and of the ends of its interval of 95 percent."""
    ends = {"": "", "_low": ", low end of 95 percent", "_high": ", high end of 95 percent"}
    return {
        f"{name}{end}": Variable(units=units, long_name=f"trend of {what}{words}")
        for end, words in ends.items()
    }


VARIABLES: Mapping[str, Variable] = {
    # what satellites measure
    "vv": Variable(units="1", long_name="backscatter VV, linear power", valid_range=(0, 1000)),
    "vh": Variable(units="1", long_name="backscatter VH, linear power", valid_range=(0, 1000)),
    "incidence_deg": Variable(
        units="degree", long_name="radar incidence angle", valid_range=(0, 90)
    ),
    "blue": Variable(units="1", long_name="reflectance, blue", valid_range=(-0.2, 2)),
    "green": Variable(units="1", long_name="reflectance, green", valid_range=(-0.2, 2)),
    "red": Variable(units="1", long_name="reflectance, red", valid_range=(-0.2, 2)),
    "nir": Variable(units="1", long_name="reflectance, near infrared", valid_range=(-0.2, 2)),
    "nir08": Variable(
        units="1", long_name="reflectance, near infrared narrow", valid_range=(-0.2, 2)
    ),
    "swir16": Variable(
        units="1", long_name="reflectance, shortwave infrared 1.6 um", valid_range=(-0.2, 2)
    ),
    "swir22": Variable(
        units="1", long_name="reflectance, shortwave infrared 2.2 um", valid_range=(-0.2, 2)
    ),
    "scl": _codes("Sentinel-2 scene classification", 11),
    "qa_pixel": _codes("Landsat Collection 2 pixel quality bits", 65535),
    "fmask": _codes("HLS Fmask quality bits", 255),
    "lst": Variable(units="K", long_name="land surface temperature", valid_range=(150, 400)),
    "ndvi": Variable(
        units="1", long_name="normalized difference vegetation index", valid_range=(-1, 1)
    ),
    "fapar": Variable(
        units="1",
        long_name="share of the light for photosynthesis that plants absorb",
        valid_range=(0, 1),
    ),
    "evi": Variable(units="1", long_name="enhanced vegetation index", valid_range=(-1, 1)),
    "fire_mask": _codes("MODIS and VIIRS active fire class", 9),
    "burn_date": _codes("MODIS day of burn, 1 to 366; 0 unburned", 366),
    # what falls and blows
    "precipitation": Variable(units="mm", long_name="precipitation total", valid_range=(0, 10000)),
    "air_temperature": Variable(
        units="K", long_name="air temperature at 2 m", valid_range=(180, 340)
    ),
    "air_temperature_max": Variable(
        units="K", long_name="highest air temperature of the day at 2 m", valid_range=(180, 340)
    ),
    "air_temperature_min": Variable(
        units="K", long_name="lowest air temperature of the day at 2 m", valid_range=(180, 340)
    ),
    "dewpoint_temperature": Variable(
        units="K", long_name="dewpoint temperature at 2 m", valid_range=(180, 340)
    ),
    "wind_u10": Variable(units="m s-1", long_name="eastward wind at 10 m", valid_range=(-120, 120)),
    "wind_v10": Variable(
        units="m s-1", long_name="northward wind at 10 m", valid_range=(-120, 120)
    ),
    "solar_radiation": Variable(
        units="J m-2", long_name="surface solar radiation downwards", valid_range=(0, 1e9)
    ),
    # where the eye of a storm is seen from a place, and what its track says
    "storm_east": Variable(units="m", long_name="distance east of the eye of the storm"),
    "storm_north": Variable(units="m", long_name="distance north of the eye of the storm"),
    "storm_latitude": Variable(
        units="degree", long_name="latitude of the eye of the storm", valid_range=(-90, 90)
    ),
    "storm_wind": Variable(
        units="m s-1", long_name="strongest sustained wind of the storm", valid_range=(0, 150)
    ),
    "storm_radius": Variable(
        units="m", long_name="radius of the strongest wind", valid_range=(1000, 500_000)
    ),
    "storm_deficit": Variable(
        units="hPa", long_name="pressure around the storm less that in its eye"
    ),
    "storm_motion_east": Variable(units="m s-1", long_name="motion of the eye to the east"),
    "storm_motion_north": Variable(units="m s-1", long_name="motion of the eye to the north"),
    "potential_evaporation": Variable(
        units="mm", long_name="potential evaporation", valid_range=(-100, 2000)
    ),
    "soil_moisture": Variable(
        units="m3 m-3", long_name="volumetric soil moisture, top layer", valid_range=(0, 1)
    ),
    # what others have already concluded: codes as their makers define them
    "dswx_wtr": _codes("OPERA DSWx interpreted water class", 255),
    "dswx_bwtr": _codes("OPERA DSWx binary water", 255),
    "dswx_conf": _codes("OPERA DSWx confidence or diagnostic layer", 255),
    "dist_status": _codes("OPERA DIST vegetation disturbance status", 255),
    "gfm_flood": _codes("GFM observed flood extent", 255),
    "gfm_water": _codes("GFM observed water extent", 255),
    "gfm_reference_water": _codes("GFM reference water: 1 permanent, 2 seasonal", 255),
    "gfm_exclusion": _codes("GFM exclusion mask", 255),
    "gfm_advisory": _codes("GFM advisory flags", 255),
    "gfm_likelihood": Variable(
        units="percent", long_name="GFM likelihood of the flood label", valid_range=(0, 100)
    ),
    "delineation": _codes("event as analysts have drawn it, in the codes of state", 255),
    # what is known of the ground
    "elevation": Variable(units="m", long_name="height above the geoid", valid_range=(-500, 9000)),
    "water_seasonality": Variable(
        units="month", long_name="months per year with water", valid_range=(0, 12)
    ),
    "water_occurrence": Variable(
        units="percent", long_name="share of clear observations with water", valid_range=(0, 100)
    ),
    "water_monthly_recurrence": Variable(
        units="percent",
        long_name="share of years with water in this month of the year",
        valid_range=(0, 100),
    ),
    "water_extent": _codes("JRC surface water: ever seen as water", 1),
    "land_cover": _codes("ESA WorldCover class code", 100),
    "people": Variable(
        units="1", long_name="people living in the pixel, of a coarser count", valid_range=(0, 1e9)
    ),
    # what is derived
    "slope_deg": Variable(units="degree", long_name="slope", valid_range=(0, 90)),
    "hand": Variable(units="m", long_name="height above nearest drainage", valid_range=(0, 9000)),
    "vv_db": Variable(units="dB", long_name="despeckled backscatter VV", valid_range=(-60, 30)),
    "vh_db": Variable(units="dB", long_name="despeckled backscatter VH", valid_range=(-60, 30)),
    "log_ratio_db": Variable(
        units="dB", long_name="backscatter after over before", valid_range=(-60, 60)
    ),
    "threshold_vv_db": Variable(units="dB", long_name="water threshold VV"),
    "threshold_vh_db": Variable(units="dB", long_name="water threshold VH"),
    "threshold_change_db": Variable(units="dB", long_name="change threshold"),
    "water_class": Variable(
        units="1", long_name="confidence of surface water", flags=WaterClass, categorical=True
    ),
    "decided_by": _codes("number of the map that decided, from 1; 0 none", 255),
    "maps_wet": Variable(units="1", long_name="maps that saw a flood", valid_range=(0, 254)),
    "maps_seen": Variable(units="1", long_name="maps that could tell", valid_range=(0, 254)),
    "z_vv": Variable(units="1", long_name="deviation of VV from its series, in spreads"),
    "z_vh": Variable(units="1", long_name="deviation of VH from its series, in spreads"),
    "observations": Variable(
        units="1", long_name="observations of the series", valid_range=(0, 65535)
    ),
    "p_value": Variable(
        units="1",
        long_name="probability of the last change by speckle alone",
        valid_range=(0, 1),
    ),
    "p_value_series": Variable(
        units="1",
        long_name="probability of the variation of the whole series by speckle alone",
        valid_range=(0, 1),
    ),
    "changes": Variable(
        units="1", long_name="significant changes within the series", valid_range=(0, 255)
    ),
    "expected_db": Variable(
        units="dB", long_name="backscatter VV usual on this day of the year", valid_range=(-60, 30)
    ),
    "spread_db": Variable(
        units="dB", long_name="standard deviation around the season", valid_range=(0, 60)
    ),
    "flood_probability": Variable(
        units="1", long_name="posterior probability of flood", valid_range=(0, 1)
    ),
    "denial": Variable(
        units="1", long_name="why the posterior states nothing", flags=Denial, categorical=True
    ),
    "votes": Variable(
        units="1", long_name="members that say flood", valid_range=(0, 255), categorical=True
    ),
    "members": Variable(
        units="1", long_name="members that can tell", valid_range=(0, 255), categorical=True
    ),
    "possible_flood": Variable(
        units="1",
        long_name="possible flood under plants or between buildings, not counted",
        flags=PossibleFlood,
        categorical=True,
    ),
    "flood_frequency": Variable(
        units="1", long_name="share of the observations with flood", valid_range=(0, 1)
    ),
    "flood_days": Variable(units="d", long_name="days under flood, between observations halved"),
    "flood_days_low": Variable(units="d", long_name="days under flood, at least"),
    "flood_days_high": Variable(units="d", long_name="days under flood, at most"),
    "depth_m": Variable(units="m", long_name="water depth", valid_range=(0, 50)),
    "depth_shore_m": Variable(
        units="m", long_name="water depth by the nearest shore", valid_range=(0, 50)
    ),
    "depth_hand_m": Variable(
        units="m", long_name="water depth by the height above drainage", valid_range=(0, 50)
    ),
    "depth_band": Variable(
        units="1", long_name="band of water depth", flags=DepthBand, categorical=True
    ),
    "nbr_before": Variable(
        units="1", long_name="normalized burn ratio before", valid_range=(-1, 1)
    ),
    "nbr_after": Variable(units="1", long_name="normalized burn ratio after", valid_range=(-1, 1)),
    "dnbr": Variable(
        units="1e-3",
        long_name="decrease of the normalized burn ratio, offset removed",
        valid_range=(-2000, 2000),
    ),
    "rdnbr": Variable(units="1e-3", long_name="relative decrease of the normalized burn ratio"),
    "rbr": Variable(units="1e-3", long_name="relativized burn ratio"),
    "change_t": Variable(
        units="1", long_name="change of built-up land in standard errors, not confirmed damage"
    ),
    "change_class": Variable(
        units="1",
        long_name="change of built-up land, not confirmed damage",
        flags=ChangeClass,
        categorical=True,
    ),
    "rdndvi": Variable(
        units="percent",
        long_name="relative change of the vegetation index",
        valid_range=(-150, 150),
    ),
    "dnbr_offset": Variable(
        units="1e-3", long_name="decrease of the normalized burn ratio where nothing burned"
    ),
    "burn_severity": Variable(
        units="1", long_name="burn severity", flags=BurnSeverity, categorical=True
    ),
    "spi": Variable(units="1", long_name="standardised precipitation index", valid_range=(-9, 9)),
    "spei": Variable(
        units="1",
        long_name="standardised precipitation evapotranspiration index",
        valid_range=(-9, 9),
    ),
    "drought_class": Variable(
        units="1", long_name="drought severity", flags=DroughtClass, categorical=True
    ),
    "spi_1": Variable(
        units="1",
        long_name="standardised precipitation index of one month",
        valid_range=(-9, 9),
    ),
    "drought_months": Variable(units="month", long_name="months since the drought began"),
    "drought_magnitude": Variable(
        units="month", long_name="standardised deficit added up since the drought began"
    ),
    "drought_peak": Variable(units="1", long_name="lowest index since the drought began"),
    "vci": Variable(units="percent", long_name="vegetation condition index", valid_range=(0, 100)),
    "tci": Variable(units="percent", long_name="temperature condition index", valid_range=(0, 100)),
    "vhi": Variable(units="percent", long_name="vegetation health index", valid_range=(0, 100)),
    "vegetation_stress": Variable(
        units="1", long_name="stress of the vegetation", flags=VegetationStress, categorical=True
    ),
    "asi": Variable(
        units="percent",
        long_name="agricultural stress index: share of cropland with poor season",
        valid_range=(0, 100),
    ),
    "asi_class": Variable(
        units="1",
        long_name="share of cropland with poor season",
        flags=StressedShare,
        categorical=True,
    ),
    "soil_moisture_anomaly": Variable(
        units="1", long_name="deviation of soil moisture from its season, in spreads"
    ),
    "fapar_anomaly": Variable(
        units="1",
        long_name="deviation of absorbed radiation from its season, in spreads",
    ),
    "cdi": Variable(
        units="1", long_name="combined drought indicator", flags=CombinedDrought, categorical=True
    ),
    "cdi_missing": Variable(
        units="1",
        long_name="inputs missing in the combined drought indicator",
        flags=MissingInput,
        categorical=True,
    ),
    **_slopes("rain_trend", "mm year-1", "rain"),
    **_slopes("temperature_trend", "K year-1", "air temperature"),
    **_slopes("vegetation_trend", "year-1", "the vegetation index"),
    **_slopes("water_trend", "percent year-1", "the share of the year under open water"),
    **_slopes("snow_trend", "percent year-1", "the share of the season under snow"),
    "p_trend": Variable(
        units="1",
        long_name="probability of as much without a trend, at this place alone",
        valid_range=(0, 1),
    ),
    "year_anomaly": Variable(
        units="1", long_name="deviation of the last year from the reference years, in spreads"
    ),
    "trend_class": Variable(
        units="1", long_name="direction of the trend", flags=TrendClass, categorical=True
    ),
    "hwmid": Variable(units="1", long_name="magnitude of the worst heat wave, HWMId"),
    "heat_wave_days": Variable(units="d", long_name="hot days of the worst heat wave"),
    "hot_days": Variable(units="d", long_name="days above the 90th percentile of their season"),
    "ehf": Variable(units="K2", long_name="highest excess heat factor"),
    "ehf_severity": Variable(
        units="1", long_name="highest excess heat factor over the severe of the place"
    ),
    "heat_wave_class": Variable(
        units="1", long_name="severity of the heat wave", flags=HeatWave, categorical=True
    ),
    "utci": Variable(units="degree_Celsius", long_name="highest universal thermal climate index"),
    "heat_index": Variable(units="degree_Celsius", long_name="highest heat index"),
    "wbgt": Variable(
        units="degree_Celsius", long_name="highest wet-bulb globe temperature, approximated"
    ),
    "apparent_temperature": Variable(
        units="degree_Celsius", long_name="highest apparent temperature"
    ),
    "humidex": Variable(units="degree_Celsius", long_name="highest humidex"),
    "heat_stress_class": Variable(
        units="1", long_name="heat stress of the hottest hours", flags=HeatStress, categorical=True
    ),
    "lst_anomaly": Variable(
        units="K", long_name="temperature of the ground less that usual in the season"
    ),
    "land_heat_class": Variable(
        units="1", long_name="heat of the ground", flags=LandHeat, categorical=True
    ),
    "rain_total": Variable(units="mm", long_name="most rain of so many days in a row"),
    "rain_level": Variable(units="mm", long_name="rain exceeded once in the return period"),
    "rain_level_low": Variable(
        units="mm", long_name="rain exceeded once in the return period, at least"
    ),
    "rain_level_high": Variable(
        units="mm", long_name="rain exceeded once in the return period, at most"
    ),
    "return_years": Variable(
        units="year", long_name="once in how many years so much rain is exceeded"
    ),
    "rain_class": Variable(
        units="1", long_name="rarity of the rain", flags=RainReturn, categorical=True
    ),
    "wind_max": Variable(units="m s-1", long_name="strongest wind of the storm at the place"),
    "storm_rain": Variable(units="mm", long_name="rain of the storm, without mountains"),
    "wind_class": Variable(
        units="1", long_name="strongest wind of the storm", flags=StormWind, categorical=True
    ),
    # what a product states
    "state": Variable(units="1", long_name="state of the pixel", flags=State),
    "likelihood": Variable(
        units="percent", long_name="likelihood of event, 255 none", valid_range=(0, 100)
    ),
    "exclusion": Variable(units="1", long_name="reasons for exclusion", flags=Exclusion),
    "advisory": Variable(units="1", long_name="advisory flags of the scene", flags=Advisory),
}
"""Canonical variables. Surface reflectance and backscatter are dimensionless, never scaled."""

OPTICAL = frozenset({"blue", "green", "red", "nir", "nir08", "swir16", "swir22"})
"""Variables that clouds hide."""

PROVENANCE_NOTES = "provenance_notes"
"""Attribute of a cube: sentences on where the metadata and the pixels of an input disagree."""

NO_LIKELIHOOD = 255
"""Code of ``likelihood`` where nothing was observed."""
