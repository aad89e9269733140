"""The brief: one or two pages of plain words, from the facts by rules."""

from reliefscope.products.brief.draw import BriefFiles, draw_brief
from reliefscope.products.brief.rules import Brief, compose

__all__ = ["Brief", "BriefFiles", "compose", "draw_brief"]
