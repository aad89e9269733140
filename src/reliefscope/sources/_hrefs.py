"""Which links may be followed: catalogs are untrusted input."""

import ipaddress
import socket
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from reliefscope.errors import AccessError

_REMOTE = frozenset({"http", "https", "s3"})


def check_href(href: str, *, home: str, allow_hosts: Collection[str] = ()) -> str:
    """Return ``href`` if it may be read.

    Parameters
    ----------
    href : str
        Link found in a catalog.
    home : str
        The catalog the user named; its own host and folder are trusted.
    allow_hosts : collection of str
        Private hosts that the user's settings name.

    Raises
    ------
    AccessError
        A local file outside the catalog's folder, another scheme, or a private host.
    """
    parts = urlsplit(href)
    if parts.scheme in _REMOTE:
        host = parts.hostname or ""
        trusted = {urlsplit(home).hostname, *allow_hosts}
        if parts.scheme != "s3" and host not in trusted and _is_private(host):
            raise AccessError(
                f"the catalog points to {host}, a private address; if you trust it, add it to "
                f"RELIEFSCOPE_ALLOW_HOSTS"
            )
        return href
    home_scheme = urlsplit(home).scheme
    if parts.scheme in {"", "file"} and home_scheme in {"", "file"}:
        path = Path(parts.path).resolve()
        folder = Path(urlsplit(home).path).resolve().parent
        if path.is_relative_to(folder):
            return str(path)
        raise AccessError(f"the catalog points to {path}, outside its own folder {folder}")
    raise AccessError(
        f"the catalog points to {parts.scheme or 'file'}:{parts.path[:80]}; only http, https and "
        f"s3 links are followed from {home_scheme or 'a folder'}"
    )


def _is_private(host: str) -> bool:
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # unknown hosts fail later, when they are read
    return any(not ipaddress.ip_address(str(a).split("%")[0]).is_global for a in found)
