"""No connection to a private address unless its host is trusted.

Checked where the connection is made: a name may lead elsewhere at the second look than at the
first, and a server may redirect. The address that was checked is the one connected to.
"""

import socket
from collections.abc import Collection
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError

from reliefscope.transport.hosts import refuse_private

POOL = 16
"""Connections kept open to one host."""
WAITING_BYTES = 500_000
"""What may wait in the kernel is lost when this process is killed: little, but enough for
10 MB/s over a line of 100 ms (the kernel doubles it)."""


def guarded_adapter(trusted: Collection[str]) -> HTTPAdapter:
    """Return an adapter that connects to public addresses and to ``trusted`` hosts only."""
    hosts = frozenset(trusted)

    class Plain(_Pinned, HTTPConnection):
        trusted = hosts

    class Secure(_Pinned, HTTPSConnection):
        trusted = hosts

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # type: ignore[assignment] # both bases are connections

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure  # type: ignore[assignment] # as above

    class Guarded(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as the base
            super().init_poolmanager(*args, **kwargs)
            # through a proxy the proxy resolves and connects: that manager stays as it is
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    return Guarded(pool_connections=POOL, pool_maxsize=POOL)


class _Pinned:
    """Resolves the name once, checks every address, and connects to one of those."""

    trusted: frozenset[str] = frozenset()
    default_socket_options = (
        *HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_BYTES),
    )

    def _new_conn(self: Any) -> socket.socket:
        connect = super()._new_conn  # type: ignore[misc] # of the connection mixed in
        host = self.host
        if host in self.trusted:
            opened: socket.socket = connect()
            return opened
        addresses = self._addresses(host)
        refuse_private(host, addresses)
        name, failure = self._dns_host, None
        try:
            for address in addresses:
                self._dns_host = address
                try:
                    return connect()  # type: ignore[no-any-return]
                except NewConnectionError as error:
                    failure = error
        finally:
            self._dns_host = name  # TLS checks the name, not the address
        raise failure or NewConnectionError(self, f"{host} has no address")

    def _addresses(self: Any, host: str) -> list[str]:
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error
        return list(dict.fromkeys(str(info[4][0]) for info in found))
