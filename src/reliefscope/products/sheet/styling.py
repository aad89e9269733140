"""Colours of the classes of an event on the page."""

from PIL import ImageColor

from reliefscope.products.pictures import WATER, class_colours
from reliefscope.products.sheet import raster
from reliefscope.products.sheet.content import SheetContent


def base_inks(content: SheetContent) -> tuple[raster.Ink, ...]:
    """Return the palette of an event: water is blue, and nothing else is."""
    return raster.palette_of(water=content.product.event.hazard in WATER)


def class_inks(content: SheetContent) -> dict[int, raster.Ink]:
    """Return the colour of each class of the event; empty where it has none."""
    grading = content.layers.grading
    if grading is None:
        return {}
    colours = class_colours(grading.flags)
    return {
        int(m): raster.Ink(*ImageColor.getrgb(colours[m])[:3])
        for m in grading.flags
        if f"event_{m.name.lower()}_area_km2" in content.facts
    }
