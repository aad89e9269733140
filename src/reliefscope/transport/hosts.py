"""Which links may be followed: catalogs are untrusted input."""

import ipaddress
import socket
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from reliefscope.errors import AccessError

_REMOTE = frozenset({"http", "https", "s3"})


def check_href(href: str, *, home: str, allow_hosts: Collection[str] = ()) -> str:
    """Return ``href`` if a catalog may point there; nothing is looked up.

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
        if _is_address(host) and not _is_trusted(host, home, allow_hosts):
            refuse_private(host, [host])
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


def check_host(href: str, *, home: str, allow_hosts: Collection[str] = ()) -> str:
    """Return ``href`` if its host is public, or trusted; looked up when it is about to be read.

    Raises
    ------
    AccessError
        The name leads to a private address.
    """
    parts = urlsplit(href)
    host = parts.hostname or ""
    if parts.scheme in {"http", "https"} and not _is_trusted(host, home, allow_hosts):
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
        except OSError:
            return href  # an unknown host fails in its own words when it is read
        refuse_private(host, found)
    return href


def _is_trusted(host: str, home: str, allow_hosts: Collection[str]) -> bool:
    return host in {urlsplit(home).hostname, *allow_hosts}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def refuse_private(host: str, addresses: Collection[str]) -> None:
    """Raise `AccessError` if any of the ``addresses`` of ``host`` is not public."""
    if not all(_is_public(address) for address in addresses):
        raise AccessError(
            f"{host} is a private address; if you trust it, add it to RELIEFSCOPE_ALLOW_HOSTS"
        )


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)  # ::ffff:127.0.0.1 is this machine too
    return bool((mapped or parsed).is_global)
