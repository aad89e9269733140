"""Class codes and bits: what the numbers of a classified layer mean."""

from enum import IntEnum, IntFlag


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
    TERRAIN_SHADOW = 512
    """The slope turns away from a low sun: its shadow is as dark as water."""


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


class HeatWave(IntEnum):
    """Severity of a heat wave by the excess heat factor (Nairn and Fawcett 2015)."""

    NONE = 0
    """No heat wave."""
    LOW = 1
    """A heat wave of which there are many."""
    SEVERE = 2
    """Beyond 85 percent of those of the reference years."""
    EXTREME = 3
    """Three times beyond."""
    NOT_OBSERVED = 255


class HeatStress(IntEnum):
    """How the hottest hours felt; steps of UTCI (Broede et al. 2012), or of the heat index."""

    NONE = 0
    MODERATE = 1
    """UTCI from 26 degrees Celsius; heat index "caution" from 80 degrees Fahrenheit."""
    STRONG = 2
    """From 32; "extreme caution" from 90."""
    VERY_STRONG = 3
    """From 38; "danger" from 103."""
    EXTREME = 4
    """From 46; "extreme danger" from 125."""
    NOT_OBSERVED = 255


class LandHeat(IntEnum):
    """How much hotter the ground is than usual in the season, in steps of convenience."""

    USUAL = 0
    """Less than 2 K."""
    FROM_2K = 1
    FROM_5K = 2
    FROM_10K = 3
    """10 K and more."""
    NOT_OBSERVED = 255


class RainReturn(IntEnum):
    """Once in how many years so much rain is exceeded."""

    UNDER_2 = 1
    FROM_2 = 2
    FROM_5 = 3
    FROM_10 = 4
    FROM_25 = 5
    FROM_50 = 6
    """50 years and more: beyond what some decades of records can tell apart."""
    NOT_OBSERVED = 255


class StormWind(IntEnum):
    """Strongest wind of a cyclone, one-minute mean (Saffir-Simpson scale)."""

    LIGHT = 0
    """Below 34 knots."""
    GALE = 1
    """34 knots: tropical storm."""
    STORM = 2
    """50 knots: damage begins."""
    CATEGORY_1 = 3
    """64 knots."""
    CATEGORY_2 = 4
    """83 knots."""
    CATEGORY_3 = 5
    """96 knots."""
    CATEGORY_4 = 6
    """113 knots."""
    CATEGORY_5 = 7
    """137 knots."""
    NOT_OBSERVED = 255


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


class TrendClass(IntEnum):
    """Direction of what changes over the years, beyond what chance shows somewhere on a map."""

    DECREASE = 1
    NONE = 2
    """Neither shown: no proof that nothing changed."""
    INCREASE = 3
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
    MODELLED = 32768
    """Computed by a model from what others told, not seen."""
