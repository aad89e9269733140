"""How a catalog is served: where, to whom, and with which limits."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from reliefscope.errors import InputError

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_TOP_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one visitor, and all of them together, may ask for."""

    body_bytes: int = 5_000_000
    """Largest body of a request."""
    message_bytes: int = 12_000_000
    """Largest message over a websocket: an uploaded outline of 8 MB, as text."""
    vertices: int = 50_000
    """Of a drawn or uploaded area."""
    requests_per_s: float = 60.0
    """Of one address, on average."""
    burst: int = 600
    """Requests of one address at once: a page with its files and tiles."""
    logins_per_minute: float = 10.0
    """Attempts of one address, and for one name."""
    sessions: int = 200
    """Open pages of the dashboards."""
    unused_session_s: int = 600
    """How long a page that lost its connection is kept."""
    login_hours: float = 12.0
    """After this a visitor signs in again."""
    idle_hours: float = 2.0
    """After this without a request, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An OpenID Connect provider: Entra, Okta, Keycloak or any other."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    role_claim: str = "roles"
    """Claim of the id_token with roles or groups."""
    analyst: str = "analyst"
    """Value of that claim that makes an analyst."""
    viewer: str = ""
    """Value that lets in at all; empty: everybody whom the provider knows."""

    def __post_init__(self) -> None:
        """Refuse a provider that could be overheard."""
        parts = urlsplit(self.issuer)
        local = parts.hostname in _LOCAL_NAMES
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise InputError(f"OIDC issuer {self.issuer!r} is not an https:// address")
        if not self.client_id:
            raise InputError("OIDC needs a client id: give --oidc-client, as the provider names it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """All that `reliefscope serve` is told."""

    catalog: Path
    catalog_url: str = ""
    """Object store that ``catalog`` is kept like, where analysts publish; empty: ``catalog``."""
    host: str = "127.0.0.1"
    port: int = 5006
    prefix: str = ""
    """Path under which a reverse proxy shows the server, such as ``/relief``."""
    public_url: str = ""
    """Address that visitors type, where it is not ``http://host:port``."""
    users: Path | None = None
    """File of names and hashed passwords."""
    provider: Provider | None = None
    limits: Limits = Limits()
    cache: Path = Path("reliefscope-cache")
    """Where vector tiles are kept."""

    def __post_init__(self) -> None:
        """Refuse what would be open to strangers, or cannot work."""
        if not 0 < self.port <= _TOP_PORT:
            raise InputError(f"port {self.port} is not within 1 to {_TOP_PORT}")
        if self.users and self.provider:
            raise InputError("give users with passwords or an OIDC provider, not both")
        if not self.is_local and not self.signed_in:
            raise InputError(
                f"listening on {self.host} lets anybody in; give --users FILE or --oidc-issuer "
                f"URL, or listen on 127.0.0.1 only"
            )
        if self.public_url:
            parts = urlsplit(self.public_url)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query:
                raise InputError(
                    f"public address {self.public_url!r} is not like https://host/path"
                )
            if not self.signed_in and parts.hostname not in _LOCAL_NAMES:
                raise InputError(
                    f"{self.public_url} is open to the world without signing in; give --users "
                    f"FILE or --oidc-issuer URL"
                )
            given = _prefix(self.prefix)
            if given and given != _prefix(parts.path):
                raise InputError(f"prefix {given} and public address {self.public_url} differ")

    @property
    def signed_in(self) -> bool:
        """Whether visitors must sign in."""
        return self.users is not None or self.provider is not None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        if self.host in _LOCAL_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def root(self) -> str:
        """Path before every path, without a slash at its end: empty, or ``/relief``."""
        return _prefix(urlsplit(self.public_url).path if self.public_url else self.prefix)

    @property
    def secure(self) -> bool:
        """Whether visitors come by https."""
        return self.public_url.startswith("https://")

    @property
    def origins(self) -> frozenset[str]:
        """What a browser may state as origin, such as ``https://relief.example.org``."""
        if self.public_url:
            parts = urlsplit(self.public_url)
            return frozenset({f"{parts.scheme}://{parts.netloc}".lower()})
        return frozenset(f"http://{name}" for name in self.hosts)

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser may state as host."""
        if self.public_url:
            return frozenset({urlsplit(self.public_url).netloc.lower()})
        names = {self.host} if not self.is_local else {"localhost", "127.0.0.1", "[::1]"}
        return frozenset({f"{name}:{self.port}" for name in names})


def _prefix(path: str) -> str:
    inner = path.strip("/")
    return f"/{inner}" if inner else ""
