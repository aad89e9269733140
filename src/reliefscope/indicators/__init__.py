"""What can be said about a disaster. To add one: one file, one line here."""

from collections.abc import Mapping

from reliefscope.indicators import (
    burn_severity,
    damage_sar,
    drought_balance,
    drought_combined,
    drought_rain,
    drought_soil,
    drought_vegetation,
    flood_change,
    flood_coarse,
    flood_depth,
    flood_ensemble,
    flood_fused,
    flood_harmonic,
    flood_omnibus,
    flood_optical,
    flood_ready,
    flood_sar,
    heat_stress,
    heat_wave,
    land_temperature,
    landslide,
    rain_extreme,
    storm_footprint,
    trend_rain,
    trend_snow,
    trend_temperature,
    trend_vegetation,
    trend_water,
)
from reliefscope.indicators._base import Bounds, Indicator, Need

__all__ = ["INDICATORS", "Bounds", "Indicator", "Need"]

INDICATORS: Mapping[str, Indicator] = {
    "burn_severity": burn_severity.INDICATOR,
    "damage_sar": damage_sar.INDICATOR,
    "drought_rain": drought_rain.INDICATOR,
    "drought_balance": drought_balance.INDICATOR,
    "drought_combined": drought_combined.INDICATOR,
    "drought_soil": drought_soil.INDICATOR,
    "drought_vegetation": drought_vegetation.INDICATOR,
    "flood_sar": flood_sar.INDICATOR,
    "flood_change": flood_change.INDICATOR,
    "flood_omnibus": flood_omnibus.INDICATOR,
    "flood_harmonic": flood_harmonic.INDICATOR,
    "flood_ensemble": flood_ensemble.INDICATOR,
    "flood_optical": flood_optical.INDICATOR,
    "flood_coarse": flood_coarse.INDICATOR,
    "flood_ready": flood_ready.INDICATOR,
    "flood_fused": flood_fused.INDICATOR,
    "flood_depth": flood_depth.INDICATOR,
    "heat_wave": heat_wave.INDICATOR,
    "heat_stress": heat_stress.INDICATOR,
    "land_temperature": land_temperature.INDICATOR,
    "landslide": landslide.INDICATOR,
    "rain_extreme": rain_extreme.INDICATOR,
    "storm_footprint": storm_footprint.INDICATOR,
    "trend_rain": trend_rain.INDICATOR,
    "trend_temperature": trend_temperature.INDICATOR,
    "trend_vegetation": trend_vegetation.INDICATOR,
    "trend_water": trend_water.INDICATOR,
    "trend_snow": trend_snow.INDICATOR,
}
"""Indicators by name; the first of a hazard is the one used when none is named."""
