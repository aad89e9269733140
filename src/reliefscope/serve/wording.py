"""What our own pages say, in English: each sentence is a key of the catalogs of words."""

from collections.abc import Mapping

from reliefscope.model.event import Hazard
from reliefscope.words import mark

TEXTS: Mapping[str, str] = {
    "skip": mark("Skip to the content"),
    "language": mark("Language"),
    "sign_in": mark("Sign in"),
    "sign_out": mark("Sign out"),
    "back_to_briefing": mark("Back to the briefing"),
    "as_somebody_else": mark("Sign in as somebody else"),
    "name": mark("Name"),
    "password": mark("Password"),
    "sign_in_elsewhere": mark(
        "You sign in at your own organisation; it tells this server who you are, and nothing else."
    ),
    "sign_in_there": mark("Sign in at your organisation"),
    "all_products": mark("All products"),
    "products": mark("Disasters seen from space"),
    "find": mark("Find"),
    "search": mark("Search"),
    "country": mark("Country, place or event"),
    "hazard": mark("Kind of disaster"),
    "any": mark("any"),
    "since": mark("Image from"),
    "until": mark("Image until"),
    "nothing": mark("No product fits this search."),
    "widen": mark("Clear the search, or widen its dates."),
    "clear": mark("Clear the search"),
    "empty": mark("Nothing has been published yet."),
    "empty_next": mark(
        "Publish an exercise with “reliefscope exercise flood”, then load this page again."
    ),
    "exercise": mark("Exercise"),
    "exercise_line": mark("EXERCISE: simulated data, not a real event"),
    "replaced": mark("Replaced by a later version"),
    "replaced_line": mark("A later version replaces this product."),
    "newest": mark("See the newest version"),
    "map": mark("Map"),
    "legend": mark("Legend"),
    "colon": mark(": "),
    "layers": mark("Layers of the map"),
    "excluded": mark("Seen, but cannot tell"),
    "unseen": mark("Not observed"),
    "clear_ground": mark("Seen, no event"),
    "numbers": mark("The numbers"),
    "what": mark("What"),
    "value": mark("Value"),
    "range_note": mark(
        "Figures in brackets are the range: the low end counts only the surest part, "
        "the high end adds what is possible."
    ),
    "worst": mark("Most affected administrative units"),
    "unit": mark("Unit"),
    "exposed": mark("Exposed (seen)"),
    "cannot_tell": mark("Cannot tell"),
    "at_most": mark("At most (upper bound)"),
    "no_units": mark("By administrative unit: not available."),
    "limits": mark("Limits: what this map cannot say"),
    "never": mark('"Not observed" and "cannot tell" never mean that nothing happened there.'),
    "downloads": mark("Take along"),
    "all_numbers": mark("How do we know? Every number with its method"),
    "method": mark("Method"),
    "counted_on": mark("Counted on"),
    "images": mark("Images and data used"),
    "image": mark("Image"),
    "acquired": mark("Acquired, UTC"),
    "full_page": mark("Full page, with a map to move in (about 1.3 MB)"),
    "one_file": mark("This briefing as one file, to send or keep"),
    "sheet_pdf": mark("Map sheet, PDF"),
    "brief_pdf": mark("Brief, PDF"),
    "brief_html": mark("Brief, HTML"),
    "csv": mark("Statistics, CSV"),
    "gis": mark("Vectors for GIS, GeoPackage"),
    "likelihood": mark("Likelihood of the event, 0 to 100 %"),
    "likelihood_note": mark("Yellow is likely, dark blue is unlikely; clear where none is stated."),
}
"""Texts that the pages print by these names."""

MAP_ALT = mark(
    "Map of {title}: {event} {area}. The table of administrative units below tells the same."
)
FROM = mark("Image of {moment}")
AGE = mark("The image was taken {days} days before this page was made; look for a newer one.")
NOT_FOUND = mark("There is no such page")
NOT_FOUND_TEXT = mark("The product may have been withdrawn, or the address is mistyped.")
FULL = mark("The server is busy")
FULL_TEXT = mark("Too many pages are open at once. The light pages work all the same.")
FOR_ANALYSTS = mark("This page is for analysts")
FOR_ANALYSTS_TEXT = mark(
    "You are signed in as {name}, who may read what is published. Whoever runs this server can "
    "make you an analyst."
)
MADE = mark("Made {moment} from product {product}. Read it with its limits.")

HAZARDS: Mapping[Hazard, str] = {
    Hazard.FLOOD: mark("Flood"),
    Hazard.FIRE: mark("Fire"),
    Hazard.DROUGHT: mark("Drought"),
    Hazard.HEAT: mark("Heat"),
    Hazard.STORM: mark("Storm"),
    Hazard.EARTHQUAKE: mark("Earthquake"),
    Hazard.LANDSLIDE: mark("Landslide"),
    Hazard.EXPLOSION: mark("Explosion"),
    Hazard.VOLCANO: mark("Volcano"),
}

LABELS: Mapping[str, str] = {
    "area_km2": mark("Area of interest"),
    "excluded_area_km2": mark("Seen, but cannot tell"),
    "not_observed_area_km2": mark("Not observed"),
    "observed_fraction": mark("Share of the area observed"),
    "population_total": mark("People in the area of interest"),
    "exposed_population": mark("People exposed (seen)"),
    "population_cannot_tell": mark("People of whom nothing can be told"),
    "population_upper_bound": mark("People exposed at most"),
    "image_acquired": mark("Image taken"),
    "hours_after_onset": mark("Hours after the event began"),
    "next_pass_expected": mark("Next image expected"),
}
"""Facts that the light page names; the event's area is named after its hazard."""
