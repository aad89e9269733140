"""Who hears of what was published: readers of the feed, and those to be told."""

import datetime as dt
from dataclasses import dataclass

from reliefscope.errors import PublishError
from reliefscope.jobs.notify import Notifier
from reliefscope.products.newsfeed import FOLDER, write_feeds
from reliefscope.products.sheet import Policy
from reliefscope.products.store import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Everything that follows a publication; all of it may be done again without harm."""

    catalog: Catalog
    policy: Policy
    feed: bool = False
    """Whether Atom feed and CAP messages of the catalog are kept up to date."""
    notifier: Notifier | None = None

    def begin(self) -> None:
        """Take what is published already as told, the first time."""
        if self.notifier is not None:
            self.notifier.begin()

    def tell(self, now: dt.datetime) -> None:
        """Bring the feed up to date, then tell whoever was not told; what fails is tried again.

        Raises
        ------
        PublishError
            The feed cannot be written.
        """
        if self.feed:
            try:
                write_feeds(self.catalog, self.policy)
            except OSError as error:
                raise PublishError(
                    f"the feed could not be written to {FOLDER} of {self.catalog} "
                    f"({error.strerror}); free disk space or make it writable, then run again"
                ) from error
        if self.notifier is not None:
            self.notifier.catch_up(now)
