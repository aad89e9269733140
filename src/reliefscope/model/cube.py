"""The contract a cube keeps: the one table of variables, units and class codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any

import xarray as xr
from numpy.typing import NDArray

from reliefscope.errors import CubeError
from reliefscope.numerics.denial import Denial


class State(IntEnum):
    """What is known of a pixel. "No event" and "not observed" never share a value."""

    NO_EVENT = 0
    """Observed, no event."""
    EVENT = 1
    """Observed, event."""
    REFERENCE = 2
    """Permanent or seasonal water, already burned: there before the event."""
    EXCLUDED = 3
    """The sensor cannot tell here; ``exclusion`` holds the reasons."""
    NOT_OBSERVED = 255
    """Nothing was seen here."""


class Exclusion(IntFlag):
    """Why the sensor cannot tell, as bits of the ``exclusion`` layer."""

    LAYOVER_SHADOW = 1
    """Radar layover or shadow, or a grazing angle."""
    STEEP_TERRAIN = 2
    """Too steep or too high above the drainage for water to stand."""
    URBAN = 4
    """Built-up: double bounce hides water."""
    DENSE_VEGETATION = 8
    """Canopy closes over the water."""
    LOW_BACKSCATTER = 16
    """Dark without water: sand, tarmac, dry bare ground, radar shadow at low relief."""
    LOW_COVERAGE = 32
    """Too few observations for the method."""
    AMBIGUOUS = 64
    """The signal lies where event and no event cannot be told apart."""
    NO_BUILDINGS = 128
    """Nothing is built here: a method for buildings says nothing."""
    NO_COMPARISON = 256
    """Seen now, but too few other years, or years that do not differ: a season without rain."""


class DroughtClass(IntEnum):
    """Severity of a standardised index (WMO-No. 1090, table 1)."""

    EXTREMELY_DRY = 1
    """-2 and below."""
    SEVERELY_DRY = 2
    """-2 to -1.5."""
    MODERATELY_DRY = 3
    """-1.5 to -1."""
    NEAR_NORMAL = 4
    MODERATELY_WET = 5
    """1 to 1.5."""
    VERY_WET = 6
    """1.5 to 2."""
    EXTREMELY_WET = 7
    """2 and above."""
    NOT_OBSERVED = 255


class VegetationStress(IntEnum):
    """How close the vegetation comes to its worst of the reference years (Kogan 1995)."""

    EXTREME = 1
    """Below 10 percent of the way from worst to best."""
    SEVERE = 2
    """10 to 20."""
    MODERATE = 3
    """20 to 30."""
    MILD = 4
    """30 to 40."""
    NONE = 5
    """40 and above."""
    NOT_OBSERVED = 255


class StressedShare(IntEnum):
    """Share of the cropland under stress, in the steps of the FAO's index of that name."""

    UNDER_10 = 1
    FROM_10 = 2
    FROM_25 = 3
    FROM_40 = 4
    FROM_55 = 5
    FROM_70 = 6
    FROM_85 = 7
    """85 percent and more."""
    NO_CROPLAND = 254
    """Nothing grows here that could be stressed."""
    NOT_OBSERVED = 255


class CombinedDrought(IntEnum):
    """Stage of a drought on its way from the rain to the plants; codes 0 to 6 are those of EDO."""

    NONE = 0
    WATCH = 1
    """Rain is missing."""
    WARNING = 2
    """The soil has become dry."""
    ALERT = 3
    """Plants suffer."""
    RECOVERY = 4
    """Back to normal after a drought."""
    SOIL_RECOVERY = 5
    """The soil is better for now; the drought is not over."""
    VEGETATION_RECOVERY = 6
    """Plants are better for now; the drought is not over."""
    PARTIAL_RECOVERY = 7
    """Rain is back to normal, plants still suffer: original scheme only."""
    NOT_OBSERVED = 255


class MissingInput(IntFlag):
    """What a combined statement had to do without, as bits."""

    RAIN = 1
    SOIL = 2
    VEGETATION = 4


class BurnSeverity(IntEnum):
    """Severity by the change of the normalized burn ratio (Key and Benson 2006)."""

    HIGH_REGROWTH = 1
    LOW_REGROWTH = 2
    UNBURNED = 3
    LOW = 4
    MODERATE_LOW = 5
    MODERATE_HIGH = 6
    HIGH = 7
    NOT_OBSERVED = 255


class ChangeClass(IntEnum):
    """How sure a change of buildings is: change, never confirmed damage."""

    NONE = 0
    POSSIBLE = 1
    """Stands out of its own past, not of the whole scene."""
    PROBABLE = 2
    """Stands out of both."""
    NOT_OBSERVED = 255


class WaterClass(IntEnum):
    """Confidence of surface water in an optical image (USGS LSDS-1325); under cloud plus ten."""

    NOT_WATER = 0
    HIGH = 1
    MODERATE = 2
    PARTIAL = 3
    """Partly water, conservative."""
    PARTIAL_AGGRESSIVE = 4
    NOT_WATER_UNDER_CLOUD = 10
    HIGH_UNDER_CLOUD = 11
    MODERATE_UNDER_CLOUD = 12
    PARTIAL_UNDER_CLOUD = 13
    PARTIAL_AGGRESSIVE_UNDER_CLOUD = 14
    NOT_OBSERVED = 255


class DepthBand(IntEnum):
    """Depth of water in steps that matter to people, cars and houses."""

    NONE = 0
    """No flood, or no depth could be told."""
    TO_HALF_METRE = 1
    TO_ONE_METRE = 2
    TO_TWO_METRES = 3
    TO_FOUR_METRES = 4
    OVER_FOUR_METRES = 5


class PossibleFlood(IntEnum):
    """Water that radar shows by a brighter echo: possible, never counted as flood."""

    NONE = 0
    VEGETATION = 1
    """Under plants beside a flood: stems and water send the echo back twice."""
    URBAN = 2
    """Between buildings beside a flood: walls and water do."""
    NOT_OBSERVED = 255


class Advisory(IntFlag):
    """What a reader must know about the whole scene, as bits of ``advisory``."""

    DEFAULT_THRESHOLD = 1
    """No part of the scene had two clear classes: a default threshold was used."""
    LOW_COVERAGE = 2
    """Less than half of the area was observed."""
    ROUGH_WATER = 4
    """Known water looks bright: wind or rain roughens it, open water may be missed."""
    FROZEN = 8
    """Frozen or snow-covered ground may look like water."""
    ARID = 16
    """Dry sand may look like water."""
    LATE = 32
    """The image was taken more than three days after the onset."""
    ORBIT_MISMATCH = 64
    """Before and after were seen from different orbits."""
    LOW_CONTRAST = 128
    """Water and land hardly differ: flooded vegetation or shallow water may be missed."""
    NO_REFERENCE_WATER = 256
    """Without reference water, permanent water counts as event."""
    SINGLE_POLARISATION = 512
    """One polarisation only."""
    SHORT_RECORD = 1024
    """Fewer than thirty years to compare with."""
    NO_UNBURNED_REFERENCE = 2048
    """No unburned vegetation was seen: the season may pass for fire."""
    SHALLOW = 4096
    """Most of the flood is shallower than the error of the heights."""
    SENSOR_SWITCH = 8192
    """The series comes from more than one sensor: a change may be the sensor's."""
    NOT_CONFIRMED = 16384
    """What changed was not checked on the ground: change is not confirmed damage."""


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


def require(cube: xr.Dataset, *variables: str) -> None:
    """Raise unless ``cube`` has ``variables`` over (y, x) in canonical units.

    Parameters
    ----------
    cube : Dataset, (y, x) or (time, y, x)
        What a source delivered.
    *variables : str
        Names that must be there, from `VARIABLES`.

    Raises
    ------
    CubeError
        A variable is missing, lacks y or x, or is in other units.
    """
    for name in variables:
        if name not in cube:
            raise CubeError(
                f"no {name!r} in the cube, which has {sorted(map(str, cube))}; "
                f"rename or add the variable"
            )
        if not {"y", "x"} <= set(cube[name].dims):
            raise CubeError(
                f"{name!r} has dimensions {cube[name].dims}; it needs y and x, with its CRS"
            )
        units, want = cube[name].attrs.get("units"), VARIABLES[name].units
        if units != want:
            raise CubeError(
                f"{name!r} is in {units!r}; it must be in {want!r} and say so in its units "
                f"attribute (decibels are converted with 10**(dB/10))"
            )


def describe(name: str, array: xr.DataArray) -> xr.DataArray:
    """Return ``array`` named ``name`` with the units, long name and CF flags of the table."""
    variable = VARIABLES[name]
    attrs: dict[str, Any] = {"units": variable.units, "long_name": variable.long_name}
    if variable.flags is not None:
        members = list(variable.flags)
        key = "flag_masks" if issubclass(variable.flags, IntFlag) else "flag_values"
        attrs[key] = [m.value for m in members]
        attrs["flag_meanings"] = " ".join(m.name.lower() for m in members if m.name)
    return array.rename(name).assign_attrs(attrs)


def elementwise(
    function: Callable[..., NDArray[Any]], *arrays: xr.DataArray, dtype: str = "float32"
) -> xr.DataArray:
    """Apply a numpy function pixel by pixel, lazily if the arrays are lazy."""
    out: xr.DataArray = xr.apply_ufunc(
        function, *arrays, dask="parallelized", output_dtypes=[dtype]
    )
    return out
