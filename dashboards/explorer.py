"""From an event to a published product, layer by layer: ``panel serve dashboards/*.py``."""

import panel as pn

from reliefscope import Desk, Settings
from reliefscope.views.apps import explorer

pn.extension()

query = pn.state.location.search if pn.state.location else ""
desk = Desk(settings=Settings.from_environment())
explorer(desk, query=query)
