"""Before and after, side by side: one page that opens from a mail, with no network."""

from reliefscope.products.swipe.draw import draw_swipe

__all__ = ["draw_swipe"]
