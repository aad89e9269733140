"""The situation map sheet: a page for print, and a thumbnail for screens."""

from reliefscope.products.sheet.content import Policy, SheetContent, SheetFiles, load_policy
from reliefscope.products.sheet.draw import draw_sheet, draw_sheets, draw_thumbnail

__all__ = [
    "Policy",
    "SheetContent",
    "SheetFiles",
    "draw_sheet",
    "draw_sheets",
    "draw_thumbnail",
    "load_policy",
]
