"""A file of a provider as it can be read now: from the cache, or in place."""

from reliefscope.errors import UnavailableError
from reliefscope.transport.client import Transport
from reliefscope.transport.hosts import check_host


def readable(transport: Transport, href: str, *, home: str) -> str:
    """Return where ``href`` can be read: its copy in the cache, or itself.

    Raises
    ------
    UnavailableError
        Offline, and there is no copy.
    AccessError
        Its name leads to a private address.
    """
    held = transport.held(href)
    if held is not None:
        return str(held)
    remote = href.startswith(("http://", "https://", "s3://"))
    if remote and transport.settings.offline:
        raise UnavailableError(
            f"offline, and {transport.shown(href)} is not in the cache; run `reliefscope fetch` "
            f"for this event once with a network"
        )
    return check_host(href, home=home, allow_hosts=transport.settings.allow_hosts)
