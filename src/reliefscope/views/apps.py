"""The apps as whole documents of the session that is being opened, for whatever serves them."""

from reliefscope.products.store import folder_at
from reliefscope.products.zone import zone_facts
from reliefscope.settings import Settings
from reliefscope.views.briefing import Briefing
from reliefscope.views.climate import Climate
from reliefscope.views.document import show
from reliefscope.views.explorer import Desk, Explorer
from reliefscope.views.state import from_query
from reliefscope.views.store import Routes


def briefing(settings: Settings, *, query: str = "", routes: Routes | None = None) -> None:
    """Show the briefing of the catalog of ``settings``, as ``query`` asks for it."""
    view = Briefing(folder_at(None, settings), query=query, routes=routes, zone=zone_facts)
    show(view.page, "ReliefScope briefing")


def explorer(desk: Desk, *, query: str = "") -> None:
    """Show the explorer, whose work ``desk`` does."""
    state, _ = from_query(query)
    view = Explorer(desk, lang=state.lang, theme=state.theme)
    show(view.page, "ReliefScope explorer")


def climate(settings: Settings, *, query: str = "", routes: Routes | None = None) -> None:
    """Show the climate page of the catalog of ``settings``, as ``query`` asks for it."""
    view = Climate(folder_at(None, settings), query=query, routes=routes)
    show(view.page, "ReliefScope climate")
