"""Published situation products, for people who have minutes: ``panel serve dashboards/*.py``."""

import panel as pn

from reliefscope import Settings
from reliefscope.views.briefing import Briefing

pn.extension()

Briefing(Settings.from_environment().catalog).servable(title="ReliefScope briefing")
