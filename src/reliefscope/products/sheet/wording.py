"""What products say, in English: one table each for hazards, classes, flags and reasons.

Each sentence is a key of the catalogs in `reliefscope.words`.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from enum import IntEnum

from reliefscope.model.cube import (
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
    RainReturn,
    StormWind,
    TrendClass,
    VegetationStress,
)
from reliefscope.model.event import Hazard
from reliefscope.words import mark

NOT_AVAILABLE = mark("not available")
NORTH, SOUTH, EAST, WEST = mark("N"), mark("S"), mark("E"), mark("W")
"""Letters of the four directions."""

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
    Hazard.CLIMATE: (
        mark("Area with a trend"),
        mark("Changed before the event"),
        mark("Trend map"),
    ),
}
"""Per hazard: the class EVENT, the class REFERENCE, the type of the map."""

NOTHING_FOUND: Mapping[Hazard, str] = {
    Hazard.FLOOD: mark("No flooding was found in the part of the area that was observed."),
    Hazard.FIRE: mark("No burned area was found in the part of the area that was observed."),
    Hazard.CLIMATE: mark("No trend was shown in the part of the area that was observed."),
    Hazard.HEAT: mark("No heat was found in the part of the area that was observed."),
    Hazard.DROUGHT: mark("No drought was found in the part of the area that was observed."),
    Hazard.EARTHQUAKE: mark("No change was found in the part of the area that was observed."),
    Hazard.LANDSLIDE: mark("No landslide was found in the part of the area that was observed."),
}
NOTHING_FOUND_OTHERWISE = mark("No effect was found in the part of the area that was observed.")

NO_EVENT_NAMES: Mapping[Hazard, str] = {
    Hazard.FLOOD: mark("Observed, not flooded"),
    Hazard.FIRE: mark("Observed, not burned"),
    Hazard.CLIMATE: mark("Observed, no trend shown"),
    Hazard.DROUGHT: mark("Observed, not in drought"),
    Hazard.EARTHQUAKE: mark("Observed, no change seen"),
    Hazard.LANDSLIDE: mark("Observed, no landslide seen"),
    Hazard.EXPLOSION: mark("Observed, no change seen"),
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
    Advisory.MODELLED: mark(
        "Computed by a model from the track of the storm, not seen: hills, land and buildings "
        "change the wind, mountains the rain."
    ),
    Advisory.NO_UNBURNED_REFERENCE: mark(
        "No unburned vegetation was seen: what the season does to plants may pass for fire."
    ),
}

_LATE_OTHERWISE = mark(
    "The image was taken more than three days after the onset: much may have changed since."
)


def advisory(flag: Advisory, hazard: Hazard) -> str:
    """Return what a flag means for a hazard."""
    if flag == Advisory.LATE and hazard is not Hazard.FLOOD:
        return _LATE_OTHERWISE
    return ADVISORIES[flag]


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
    Exclusion.TERRAIN_SHADOW: mark("slopes in the shadow of a low sun"),
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
    "land": mark("Land cover"),
    "rain": mark("Rain"),
    "weather": mark("Weather"),
    "demand": mark("Evaporative demand"),
    "soil": mark("Soil moisture"),
    "vegetation": mark("Vegetation"),
    "cover": mark("Land cover"),
    "flood": mark("Flood map"),
    "maps": mark("Flood map"),
    "heat": mark("Surface temperature"),
    "track": mark("Track"),
}
"""Roles of granules that have a plainer word; others are printed as they are."""

LAYERS: Mapping[str, str] = {
    "population": mark("People"),
    "admin": mark("District"),
    "places": mark("Places"),
    "roads": mark("Roads"),
    "facilities": mark("Facilities"),
}
"""Layers of the context, as their notes name them."""

LACKING = mark("Nothing found or fetched for: {what}. Made without it.")
DAMAGED = mark("Damaged files were set aside, and nothing else was found for: {what}.")

COLLECTIONS: Mapping[str, str] = {
    "cop-dem-glo-30": "Copernicus DEM GLO-30",
    "cop-dem-glo-90": "Copernicus DEM GLO-90",
    "esa-worldcover": "ESA WorldCover",
    "jrc-gsw": "JRC Global Surface Water",
}
"""Names of data sets by their ids in catalogues; others are printed as they are."""

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
NO_LIKELIHOOD = mark("The method states no likelihoods, so areas and people have no range.")
ROUND_PEOPLE = mark("People are rounded to two digits.")
EXPOSED = mark("Exposed (seen)")
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
        mark("Little change"),
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
    TrendClass: (
        mark("Decrease over the years"),
        mark("No trend shown"),
        mark("Increase over the years"),
        NOT_OBSERVED_NAME,
    ),
    HeatWave: (
        mark("No heat wave"),
        mark("Heat wave"),
        mark("Severe heat wave"),
        mark("Extreme heat wave"),
        NOT_OBSERVED_NAME,
    ),
    HeatStress: (
        mark("No heat stress"),
        mark("Moderate heat stress"),
        mark("Strong heat stress"),
        mark("Very strong heat stress"),
        mark("Extreme heat stress"),
        NOT_OBSERVED_NAME,
    ),
    LandHeat: (
        mark("Ground less than 2 K hotter than usual"),
        mark("Ground 2 to 5 K hotter than usual"),
        mark("Ground 5 to 10 K hotter than usual"),
        mark("Ground at least 10 K hotter than usual"),
        NOT_OBSERVED_NAME,
    ),
    RainReturn: (
        mark("Rain of a return period under 2 years"),
        mark("Return period of 2 to 5 years"),
        mark("Return period of 5 to 10 years"),
        mark("Return period of 10 to 25 years"),
        mark("Return period of 25 to 50 years"),
        mark("Return period of 50 years or more"),
        NOT_OBSERVED_NAME,
    ),
    StormWind: (
        mark("Below gale force (34 knots)"),
        mark("Gale, 34 to 50 knots"),
        mark("Storm, 50 to 64 knots"),
        mark("Hurricane force, category 1"),
        mark("Hurricane force, category 2"),
        mark("Hurricane force, category 3"),
        mark("Hurricane force, category 4"),
        mark("Hurricane force, category 5"),
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
    "kind": mark("Kind"),
    "affected": mark("Affected"),
    "in_all": mark("In all"),
    "km2": mark("km²"),
    "more_on_back": mark("Units, images, method and limits: see the back."),
    "whole_area": mark("Numbers are those of the whole area."),
    "index_alt": mark("The whole area, with the part that this sheet shows marked"),
    "worst": mark("Most affected administrative units"),
    "unit": mark("Unit"),
    "exposed": mark("Exposed"),
    "range": mark("Range"),
    "cannot_tell": mark("Cannot tell"),
    "at_most": mark("At most"),
    "images": mark("Images and data used"),
    "use": mark("Use"),
    "sensor": mark("Sensor or data"),
    "acquired": mark("Acquired, UTC"),
    "pixel": mark("Pixel"),
    "orbit": mark("Orbit"),
    "not_available": NOT_AVAILABLE,
    "licences": mark("Licences:"),
    "licences_unknown": mark("Licences: not stated."),
    "method": mark("Method"),
    "limits": mark("Limits: what this map cannot say"),
    "observed": mark("Observed"),
    "never": mark('"Not observed" and "cannot tell" never mean that nothing happened there.'),
    "closing": mark("Producer and sources"),
    "locator_source": mark("Locator: Natural Earth, public domain."),
    "credits": mark("Places, roads, facilities:"),
    "code_alt": mark("QR code linking to the product's STAC item"),
    "data": mark("Data, provenance and layers"),
    "no_activation": mark("No activation number"),
    "north": NORTH,
}
"""Headings and labels that the template prints by these names."""


AGE = mark("Age of the image")
LATEST = mark("Latest data")
_SLOW = frozenset({Hazard.DROUGHT, Hazard.HEAT, Hazard.CLIMATE})
"""Hazards told from series, not from single images."""
WEATHER = frozenset({"rain", "weather", "demand", "track"})
"""Roles of rain and weather data, which are no images."""
_GROUND = frozenset({"terrain", "elevation", "dem", "land", "cover", "water", "static"})
"""Roles of what is neither weather nor an image of the event."""
PEOPLE_EXPOSED = mark("People exposed (seen)")
SHARE_OBSERVED = mark("Share of the area observed")
ABOUT_THE_SAME = mark(
    "About the same as in the map before ({id}, image of {when}): {before} then, "
    "{event_area_km2} now."
)
MORE = mark(
    "More than in the map before ({id}, image of {when}): {before} then, {event_area_km2} now."
)
LESS = mark(
    "Less than in the map before ({id}, image of {when}): {before} then, {event_area_km2} now."
)
OTHER_GROUND = mark(
    "The two images did not see the same ground: part of the difference may be due to that."
)
OF_DATA: Mapping[str, str] = {
    mark("What the satellites saw"): mark("What the weather data show"),
    mark("{observed_fraction} of the area was seen."): mark(
        "The data cover {observed_fraction} of the area."
    ),
    mark("About {exposed_population} people live where the event was seen."): mark(
        "About {exposed_population} people live where the data show the event."
    ),
    mark(
        "In all, {population_total} people live in the area, all of them where something was seen."
    ): mark("In all, {population_total} people live in the area, all of them covered by the data."),
    mark("{name}: {seen} of {whole} where the event was seen."): mark(
        "{name}: {seen} of {whole} where the data show the event."
    ),
    mark(
        "{name}: {seen} of {whole} where the event was seen; nothing can be told of {unknown}."
    ): mark(
        "{name}: {seen} of {whole} where the data show the event; nothing can be told of {unknown}."
    ),
    mark(
        "Of about {population_cannot_tell} more, nothing can be told: they live where the sensor "
        "cannot tell or nothing was seen. At most {population_upper_bound} people are affected, "
        "of {population_total} in the area."
    ): mark(
        "Of about {population_cannot_tell} more, nothing can be told: they live where the data "
        "cannot tell or are missing. At most {population_upper_bound} people are affected, of "
        "{population_total} in the area."
    ),
    EXPOSED: mark("Exposed (data)"),
    CANNOT_TELL_PEOPLE: mark(
        "Cannot tell: people where the data cannot tell or are missing. "
        "At most: exposed plus cannot tell."
    ),
    mark("In {excluded_fraction} of the area the satellite cannot tell."): mark(
        "In {excluded_fraction} of the area the data cannot tell."
    ),
    mark("When the next image may be expected cannot be told from the images used."): mark(
        "When the next data may be expected cannot be told from the data used."
    ),
    PEOPLE_EXPOSED: mark("People exposed (data)"),
    SHARE_OBSERVED: mark("Share of the area with data"),
    ABOUT_THE_SAME: mark(
        "About the same as in the map before ({id}, data of {when}): {before} then, "
        "{event_area_km2} now."
    ),
    MORE: mark(
        "More than in the map before ({id}, data of {when}): {before} then, {event_area_km2} now."
    ),
    LESS: mark(
        "Less than in the map before ({id}, data of {when}): {before} then, {event_area_km2} now."
    ),
    OTHER_GROUND: mark(
        "The data of the two maps do not cover the same ground: part of the difference may be due "
        "to that."
    ),
}
"""What is said of images, and what instead where weather data alone were used."""
SAW_AND_SHOW = mark("What satellites and weather data show")
SAW = mark("What the satellites saw")


def of_weather(roles: Iterable[str]) -> bool | None:
    """Return whether all that tells of the event is weather; None where there are images too."""
    telling = set(roles) - _GROUND
    if not telling & WEATHER:
        return False
    return True if telling <= WEATHER else None


def true_of(text: str, roles: Iterable[str]) -> str:
    """Return what is true of the inputs: nothing was seen where weather data alone speak."""
    return OF_DATA.get(text, text) if of_weather(roles) else text


def of_series(hazard: Hazard, roles: Iterable[str]) -> bool:
    """Return whether the event is told from a series of data, and no single image shows it."""
    return hazard in _SLOW or of_weather(roles) is True


def age(hazard: Hazard, roles: Iterable[str]) -> str:
    """Return how the sheet calls what says how old its images or data are."""
    return LATEST if of_series(hazard, roles) else AGE


def things(facts: Container[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield name and keys (affected, cannot tell, all) of the `THINGS` that ``facts`` has."""
    for key, (name, end) in THINGS.items():
        seen = "event" if end == "area_km2" else "affected"
        keys = f"{key}_{seen}_{end}", f"{key}_cannot_tell_{end}", f"{key}_{end}"
        if keys[-1] in facts:
            yield (name, *keys)
