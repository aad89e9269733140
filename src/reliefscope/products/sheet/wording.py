"""What products say, in English: one table each for hazards, classes, flags and reasons.

Each sentence is a key of the catalogs in `reliefscope.words`.
"""

from collections.abc import Container, Iterator, Mapping
from enum import IntEnum

from reliefscope.model.cube import (
    Advisory,
    BurnSeverity,
    ChangeClass,
    CombinedDrought,
    DepthBand,
    DroughtClass,
    Exclusion,
    VegetationStress,
)
from reliefscope.model.event import Hazard
from reliefscope.words import mark

NOT_AVAILABLE = mark("not available")

EVENT_NAMES: Mapping[Hazard, tuple[str, str, str]] = {
    Hazard.FLOOD: (
        mark("Flooded area"),
        mark("Permanent or seasonal water"),
        mark("Flood extent map"),
    ),
    Hazard.FIRE: (
        mark("Burned area"),
        mark("Water, or burned before the event"),
        mark("Burned area map"),
    ),
    Hazard.DROUGHT: (mark("Area in drought"), mark("Dry before the event"), mark("Drought map")),
    Hazard.HEAT: (mark("Area under heat"), mark("Hot before the event"), mark("Heat map")),
    Hazard.STORM: (
        mark("Affected area"),
        mark("Affected before the event"),
        mark("Storm impact map"),
    ),
    Hazard.EARTHQUAKE: (
        mark("Changed area"),
        mark("Changed before the event"),
        mark("Earthquake impact map"),
    ),
    Hazard.LANDSLIDE: (
        mark("Landslide area"),
        mark("Bare before the event"),
        mark("Landslide map"),
    ),
    Hazard.EXPLOSION: (mark("Changed area"), mark("Changed before the event"), mark("Change map")),
    Hazard.VOLCANO: (
        mark("Affected area"),
        mark("Affected before the event"),
        mark("Volcano impact map"),
    ),
}
"""Per hazard: the class EVENT, the class REFERENCE, the type of the map."""

NOTHING_FOUND: Mapping[Hazard, str] = {
    Hazard.FLOOD: mark("No flooding was found in the part of the area that was observed."),
    Hazard.FIRE: mark("No burned area was found in the part of the area that was observed."),
}
NOTHING_FOUND_OTHERWISE = mark("No effect was found in the part of the area that was observed.")

NO_EVENT_NAMES: Mapping[Hazard, str] = {
    Hazard.FLOOD: mark("Observed, not flooded"),
    Hazard.FIRE: mark("Observed, not burned"),
}
NO_EVENT_OTHERWISE = mark("Observed, not affected")
EXCLUDED_NAME = mark("Seen, but cannot tell")
NOT_OBSERVED_NAME = mark("Not observed")

THINGS: Mapping[str, tuple[str, str]] = {
    "cropland": (mark("Cropland"), "area_km2"),
    "built_up": (mark("Built-up land"), "area_km2"),
    "roads": (mark("Roads"), "km"),
    "facilities_hospital": (mark("Hospitals"), "count"),
    "facilities_clinic": (mark("Clinics"), "count"),
    "facilities_school": (mark("Schools"), "count"),
    "facilities_bridge": (mark("Bridges"), "count"),
    "facilities_airport": (mark("Airports"), "count"),
    "facilities_mission": (mark("Diplomatic missions"), "count"),
    "facilities_fire_station": (mark("Fire stations"), "count"),
    "facilities_police": (mark("Police stations"), "count"),
    "facilities_power_plant": (mark("Power plants"), "count"),
}
"""What is told of land, roads and facilities: beginning of the facts' keys, name, end of them."""

MISSION_NAMES: Mapping[str, str] = {
    "REF": mark("reference"),
    "FEP": mark("first estimate"),
    "DEL": mark("delineation"),
    "GRA": mark("grading"),
}
"""Product types of the Copernicus Emergency Management Service, as in its product names."""

ADVISORIES: Mapping[Advisory, str] = {
    Advisory.NOT_CONFIRMED: mark(
        "Change seen from space, not confirmed damage: nobody has checked it "
        "on the ground. Snow, rain, building sites and felling look alike."
    ),
    Advisory.DEFAULT_THRESHOLD: mark(
        "Default threshold: no part of the image showed two clear classes, "
        "so a standard value was used. Treat the extent as a first guess."
    ),
    Advisory.LOW_COVERAGE: mark("Less than half of the area was observed."),
    Advisory.ROUGH_WATER: mark(
        "Known water looks bright (wind or rain): open water may be missed."
    ),
    Advisory.FROZEN: mark("Frozen or snow-covered ground may have been taken for water."),
    Advisory.ARID: mark("Dry sand may have been taken for water."),
    Advisory.LATE: mark(
        "The image was taken more than three days after the onset: the peak may have passed."
    ),
    Advisory.ORBIT_MISMATCH: mark(
        "The images before and after come from different orbits: "
        "some of the change may be due to the view."
    ),
    Advisory.LOW_CONTRAST: mark(
        "Water and land hardly differ here: flooded vegetation and shallow water may be missed."
    ),
    Advisory.NO_REFERENCE_WATER: mark(
        "No map of permanent water was at hand: rivers and lakes are counted as event."
    ),
    Advisory.SINGLE_POLARISATION: mark(
        "Only one polarisation was at hand: more false alarms and misses than usual."
    ),
    Advisory.SHALLOW: mark(
        "Most of the flood is shallower than the error of the heights: take depths as wet or not."
    ),
    Advisory.SENSOR_SWITCH: mark(
        "The series comes from more than one sensor: a change may be due to the sensor."
    ),
    Advisory.SHORT_RECORD: mark("Fewer than thirty years were at hand to compare with."),
    Advisory.NO_UNBURNED_REFERENCE: mark(
        "No unburned vegetation was seen: what the season does to plants may pass for fire."
    ),
}

EXCLUSIONS: Mapping[Exclusion, str] = {
    Exclusion.LAYOVER_SHADOW: mark("radar layover or shadow"),
    Exclusion.STEEP_TERRAIN: mark("steep or high ground"),
    Exclusion.URBAN: mark("built-up areas"),
    Exclusion.DENSE_VEGETATION: mark("dense vegetation"),
    Exclusion.LOW_BACKSCATTER: mark("ground that is always dark to radar"),
    Exclusion.LOW_COVERAGE: mark("too few observations"),
    Exclusion.AMBIGUOUS: mark("unclear signal"),
    Exclusion.NO_COMPARISON: mark(
        "nothing to compare with: too few other years, or a season that never varies"
    ),
    Exclusion.NO_BUILDINGS: mark("no buildings, of which alone the method speaks"),
}

ROLES: Mapping[str, str] = {
    "after": mark("After"),
    "before": mark("Before"),
    "post": mark("After"),
    "pre": mark("Before"),
    "elevation": mark("Terrain"),
    "dem": mark("Terrain"),
    "terrain": mark("Terrain"),
    "static": mark("Reference"),
    "reference": mark("Reference"),
    "water": mark("Known water"),
}
"""Roles of granules that have a plainer word; others are printed as they are."""

SCHEMES: Mapping[str, str] = {
    "glide": "GLIDE",
    "gdacs": "GDACS",
    "emsr": "Copernicus EMS",
}
"""Who gave an activation its identifier, in the order printed."""

LIKELIHOOD = mark(
    "Each pixel has a likelihood from 0 to 100. In ranges, the low end counts only event pixels "
    "of at least {sure}; the high end adds other pixels of at least {possible}."
)
ROUND_PEOPLE = mark("People are rounded to two digits.")
CANNOT_TELL_PEOPLE = mark(
    "Cannot tell: people where the sensor cannot tell or nothing was seen. "
    "At most: exposed plus cannot tell."
)
DRAWN_RULE = mark(
    "On the map, a printed dot shows the event where at least 1/{share} of it is event; "
    "areas are computed from all pixels."
)
EXERCISE = mark("EXERCISE")
EXERCISE_LINE = mark("EXERCISE: simulated data, not a real event")
DRAFT_LINE = mark("DRAFT - not quality controlled")

NEVER = mark('"Not observed" and "cannot tell" never mean that nothing happened there.')

CLASSES: Mapping[type[IntEnum], tuple[str, ...]] = {
    BurnSeverity: (
        mark("High regrowth"),
        mark("Low regrowth"),
        mark("Unburned"),
        mark("Low severity"),
        mark("Moderate to low severity"),
        mark("Moderate to high severity"),
        mark("High severity"),
        NOT_OBSERVED_NAME,
    ),
    DroughtClass: (
        mark("Extremely dry"),
        mark("Severely dry"),
        mark("Moderately dry"),
        mark("Near normal"),
        mark("Moderately wet"),
        mark("Very wet"),
        mark("Extremely wet"),
        NOT_OBSERVED_NAME,
    ),
    CombinedDrought: (
        mark("No drought"),
        mark("Watch: rain is missing"),
        mark("Warning: the soil is dry"),
        mark("Alert: plants suffer"),
        mark("Full recovery"),
        mark("Temporary recovery of the soil"),
        mark("Temporary recovery of the plants"),
        mark("Partial recovery"),
        NOT_OBSERVED_NAME,
    ),
    VegetationStress: (
        mark("Extreme stress"),
        mark("Severe stress"),
        mark("Moderate stress"),
        mark("Mild stress"),
        mark("No stress"),
        NOT_OBSERVED_NAME,
    ),
    ChangeClass: (
        mark("No change"),
        mark("Possible change"),
        mark("Probable change"),
        NOT_OBSERVED_NAME,
    ),
    DepthBand: (
        mark("No depth told"),
        mark("Up to 0.5 m deep"),
        mark("0.5 to 1 m deep"),
        mark("1 to 2 m deep"),
        mark("2 to 4 m deep"),
        mark("More than 4 m deep"),
    ),
}
"""Names of classes in the order of their members."""


def class_name(member: IntEnum) -> str:
    """Return a class in words; its own name where no table has it."""
    names = CLASSES.get(type(member))
    if names is None:
        return member.name.capitalize().replace("_", " ")
    return names[list(type(member)).index(member)]


FIXED: Mapping[str, str] = {
    "legend": mark("Legend"),
    "legend_of": mark("Legend:"),
    "scale": mark("Scale and projection"),
    "location": mark("Location"),
    "region_alt": mark("Map of the countries around the area, with the area marked"),
    "globe_alt": mark("Globe with the area marked"),
    "consequences": mark("Consequences in the area"),
    "people": mark("People"),
    "things": mark("Land, roads, facilities"),
    "worst": mark("Most affected administrative units"),
    "unit": mark("Unit"),
    "exposed": mark("Exposed"),
    "range": mark("Range"),
    "cannot_tell": mark("Cannot tell"),
    "at_most": mark("At most"),
    "images": mark("Images and data used"),
    "use": mark("Use"),
    "sensor": mark("Sensor"),
    "acquired": mark("Acquired, UTC"),
    "pixel": mark("Pixel"),
    "orbit": mark("Orbit"),
    "not_available": NOT_AVAILABLE,
    "licences": mark("Licences:"),
    "licences_unknown": mark("Licences: not stated."),
    "method": mark("Method"),
    "limits": mark("Limits: what this map cannot say"),
    "observed": mark("Observed"),
    "age": mark("Age of the image"),
    "never": mark('"Not observed" and "cannot tell" never mean that nothing happened there.'),
    "closing": mark("Producer and sources"),
    "locator_source": mark("Locator: Natural Earth, public domain."),
    "credits": mark("Places, roads, facilities:"),
    "code_alt": mark("QR code linking to the product's STAC item"),
    "data": mark("Data, provenance and layers"),
    "no_activation": mark("No activation number"),
    "north": mark("N"),
}
"""Headings and labels that the template prints by these names."""


def things(facts: Container[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield name and keys (affected, cannot tell, all) of the `THINGS` that ``facts`` has."""
    for key, (name, end) in THINGS.items():
        seen = "event" if end == "area_km2" else "affected"
        keys = f"{key}_{seen}_{end}", f"{key}_cannot_tell_{end}", f"{key}_{end}"
        if keys[-1] in facts:
            yield (name, *keys)
