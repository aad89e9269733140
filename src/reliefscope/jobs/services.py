"""Every service outside that may be asked, for `reliefscope doctor`."""

from collections.abc import Sequence
from dataclasses import replace

from reliefscope.feeds import ACCESS as FEED_ACCESS
from reliefscope.jobs.notify import MAIL, WEBHOOK
from reliefscope.sources import ACCESS as SOURCE_ACCESS
from reliefscope.transport.credentials import Access

SERVICES: Sequence[Access] = (
    *SOURCE_ACCESS.values(),
    *FEED_ACCESS.values(),
    replace(WEBHOOK, optional=True),
    MAIL,
)
"""Sources first, then feeds, then whom to tell."""
