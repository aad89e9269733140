"""Drought, heat, rain and water by place and over time: ``panel serve dashboards/*.py``."""

import panel as pn

from reliefscope import Settings
from reliefscope.views.apps import climate

pn.extension()

query = pn.state.location.search if pn.state.location else ""
climate(Settings.from_environment(), query=query)
