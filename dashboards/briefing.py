"""Published situation products, for people who have minutes: ``panel serve dashboards/*.py``."""

import panel as pn

from reliefscope import Settings
from reliefscope.views.apps import briefing

pn.extension()

query = pn.state.location.search if pn.state.location else ""
briefing(Settings.from_environment(), query=query)
