"""The sheet's fixed English texts: one table each for hazards, classes, flags and reasons."""

from collections.abc import Mapping

from reliefscope.model.cube import Advisory, Exclusion
from reliefscope.model.event import Hazard
from reliefscope.products.exposure import POSSIBLE_PERCENT, SURE_PERCENT
from reliefscope.products.sheet.raster import EVENT_SHARE

NOT_AVAILABLE = "not available"

EVENT_NAMES: Mapping[Hazard, tuple[str, str, str]] = {
    Hazard.FLOOD: ("Flooded area", "Permanent or seasonal water", "Flood extent map"),
    Hazard.FIRE: ("Burned area", "Burned before the event", "Burned area map"),
    Hazard.DROUGHT: ("Area in drought", "Dry before the event", "Drought map"),
    Hazard.HEAT: ("Area under heat", "Hot before the event", "Heat map"),
    Hazard.STORM: ("Affected area", "Affected before the event", "Storm impact map"),
    Hazard.EARTHQUAKE: ("Changed area", "Changed before the event", "Earthquake impact map"),
    Hazard.LANDSLIDE: ("Landslide area", "Bare before the event", "Landslide map"),
    Hazard.EXPLOSION: ("Changed area", "Changed before the event", "Change map"),
    Hazard.VOLCANO: ("Affected area", "Affected before the event", "Volcano impact map"),
}
"""Per hazard: the class EVENT, the class REFERENCE, the type of the map."""

NOTHING_FOUND: Mapping[Hazard, str] = {
    Hazard.FLOOD: "No flooding was found in the part of the area that was observed.",
    Hazard.FIRE: "No burned area was found in the part of the area that was observed.",
}
NOTHING_FOUND_OTHERWISE = "No effect was found in the part of the area that was observed."

NO_EVENT_NAMES: Mapping[Hazard, str] = {
    Hazard.FLOOD: "Observed, not flooded",
    Hazard.FIRE: "Observed, not burned",
}
NO_EVENT_OTHERWISE = "Observed, not affected"
EXCLUDED_NAME = "Seen, but cannot tell"
NOT_OBSERVED_NAME = "Not observed"

MISSION_NAMES: Mapping[str, str] = {
    "REF": "reference",
    "FEP": "first estimate",
    "DEL": "delineation",
    "GRA": "grading",
}
"""Product types of the Copernicus Emergency Management Service, as in its product names."""

ADVISORIES: Mapping[Advisory, str] = {
    Advisory.NOT_CONFIRMED: "Change seen from space, not confirmed damage: nobody has checked it "
    "on the ground. Snow, rain, building sites and felling look alike.",
    Advisory.DEFAULT_THRESHOLD: "Default threshold: no part of the image showed two clear classes, "
    "so a standard value was used. Treat the extent as a first guess.",
    Advisory.LOW_COVERAGE: "Less than half of the area was observed.",
    Advisory.ROUGH_WATER: "Known water looks bright (wind or rain): open water may be missed.",
    Advisory.FROZEN: "Frozen or snow-covered ground may have been taken for water.",
    Advisory.ARID: "Dry sand may have been taken for water.",
    Advisory.LATE: "The image was taken more than three days after the onset: "
    "the peak may have passed.",
    Advisory.ORBIT_MISMATCH: "The images before and after come from different orbits: "
    "some of the change may be due to the view.",
    Advisory.LOW_CONTRAST: "Water and land hardly differ here: flooded vegetation and shallow "
    "water may be missed.",
    Advisory.NO_REFERENCE_WATER: "No map of permanent water was at hand: rivers and lakes are "
    "counted as event.",
    Advisory.SINGLE_POLARISATION: "Only one polarisation was at hand: more false alarms and "
    "misses than usual.",
    Advisory.SHALLOW: "Most of the flood is shallower than the error of the heights: take depths "
    "as wet or not.",
    Advisory.SENSOR_SWITCH: "The series comes from more than one sensor: a change may be due to "
    "the sensor.",
    Advisory.SHORT_RECORD: "Fewer than thirty years were at hand to compare with.",
    Advisory.NO_UNBURNED_REFERENCE: "No unburned vegetation was seen: what the season does to "
    "plants may pass for fire.",
}

MORE_FLAGS = "{} further advisory flags: see the facts of the package."

EXCLUSIONS: Mapping[Exclusion, str] = {
    Exclusion.LAYOVER_SHADOW: "radar layover or shadow",
    Exclusion.STEEP_TERRAIN: "steep or high ground",
    Exclusion.URBAN: "built-up areas",
    Exclusion.DENSE_VEGETATION: "dense vegetation",
    Exclusion.LOW_BACKSCATTER: "ground that is always dark to radar",
    Exclusion.LOW_COVERAGE: "too few observations",
    Exclusion.AMBIGUOUS: "unclear signal",
    Exclusion.NO_COMPARISON: "nothing to compare with: too few other years, or a season that never "
    "varies",
    Exclusion.NO_BUILDINGS: "no buildings, of which alone the method speaks",
}

ROLES: Mapping[str, str] = {
    "after": "After",
    "before": "Before",
    "post": "After",
    "pre": "Before",
    "elevation": "Terrain",
    "dem": "Terrain",
    "terrain": "Terrain",
    "static": "Reference",
    "reference": "Reference",
    "water": "Known water",
}
"""Roles of granules that have a plainer word; others are printed as they are."""

SCHEMES: Mapping[str, str] = {"glide": "GLIDE", "gdacs": "GDACS", "emsr": "Copernicus EMS"}
"""Who gave an activation its identifier, in the order printed."""

LIKELIHOOD = (
    "Each pixel has a likelihood from 0 to 100. In ranges, the low end counts only event pixels "
    f"of at least {SURE_PERCENT}; the high end adds other pixels of at least {POSSIBLE_PERCENT}."
)
ROUND_PEOPLE = "People are rounded to two digits."
CANNOT_TELL_PEOPLE = (
    "Cannot tell: people where the sensor cannot tell or nothing was seen. "
    "At most: exposed plus cannot tell."
)
DRAWN_RULE = (
    f"On the map, a printed dot shows the event where at least 1/{EVENT_SHARE} of it is event; "
    "areas are computed from all pixels."
)
EXERCISE_LINE = "EXERCISE: simulated data, not a real event"
DRAFT_LINE = "DRAFT - not quality controlled"
