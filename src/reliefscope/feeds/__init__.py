"""The outside world becomes Events: one file per feed.

Each feed reports what it knows; `reliefscope.feeds.merge` makes one event of each disaster.
"""

from collections.abc import Mapping

from reliefscope.feeds import cems, eonet, gdacs, reliefweb, usgs
from reliefscope.feeds._base import OpenFeed
from reliefscope.transport.credentials import Access

FEEDS: Mapping[str, OpenFeed] = {
    "gdacs": gdacs.Gdacs,
    "eonet": eonet.Eonet,
    "usgs": usgs.Usgs,
    "cems": cems.Cems,
    "reliefweb": reliefweb.ReliefWeb,
}

ACCESS: Mapping[str, Access] = {
    "gdacs": gdacs.ACCESS,
    "eonet": eonet.ACCESS,
    "usgs": usgs.ACCESS,
    "cems": cems.ACCESS,
    "reliefweb": reliefweb.ACCESS,
}
"""What each feed asks for before it answers."""
