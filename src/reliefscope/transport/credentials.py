"""Credentials: from the environment, the keyring or netrc, and never shown."""

import logging
import netrc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keyring
from keyring.errors import KeyringError
from pydantic import SecretStr

from reliefscope.errors import AccessError
from reliefscope.settings import Settings

log = logging.getLogger(__name__)

KEYRING_SERVICE = "reliefscope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a service asks for before it delivers, and how to get it."""

    service: str
    """What people call the service."""
    names: tuple[str, ...] = ()
    """Names of the values, as in the environment: ``("FIRMS_MAP_KEY",)``; user before password.
    Empty for an open service."""
    host: str = ""
    """Machine under which netrc keeps them."""
    how: str = ""
    """How to get them, in one sentence with an address."""
    probe: str = ""
    """Address that answers quickly when the service is well, without credentials."""
    optional: bool = False
    """Whether the service also answers without them."""


def find_credentials(access: Access, settings: Settings) -> Mapping[str, SecretStr] | None:
    """Return the credentials of a service by name, or None; all of them or none.

    The environment is looked at first, then the keyring (``keyring set reliefscope NAME``), then
    netrc (``machine HOST login ... password ...``).
    """
    return _look(access, settings)[1]


def credentials_kept_in(access: Access, settings: Settings) -> str:
    """Return where the credentials of a service are kept; empty if nowhere."""
    return _look(access, settings)[0]


def require_credentials(access: Access, settings: Settings) -> Mapping[str, SecretStr]:
    """Return the credentials of a service by name.

    Raises
    ------
    AccessError
        They are nowhere to be found; the message says how to get them and where to put them.
    """
    found = find_credentials(access, settings)
    if found is None:
        raise AccessError(
            f"{access.service} needs {' and '.join(access.names)}: {access.how}. Set them in the "
            f"environment, with `keyring set {KEYRING_SERVICE} {access.names[0]}`, or in netrc "
            f"under machine {access.host}"
        )
    return found


def _look(access: Access, settings: Settings) -> tuple[str, Mapping[str, SecretStr] | None]:
    for place, look in _PLACES.items():
        found = look(access, settings)
        if found is not None:
            return place, {name: SecretStr(value) for name, value in found.items()}
    return "", None


def _environment(access: Access, settings: Settings) -> Mapping[str, str] | None:
    return _whole({name: settings.secrets.get(name) for name in access.names})


def _keyring(access: Access, settings: Settings) -> Mapping[str, str] | None:
    del settings
    try:
        return _whole({n: keyring.get_password(KEYRING_SERVICE, n) for n in access.names})
    except KeyringError as error:  # most servers have no keyring: that is no fault
        log.debug("no keyring: %s", type(error).__name__)
        return None


def _netrc(access: Access, settings: Settings) -> Mapping[str, str] | None:
    try:
        entry = netrc.netrc(settings.netrc).authenticators(access.host) if access.host else None
    except FileNotFoundError:
        return None
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        # the parser's message may quote a line of the file
        log.warning("%s could not be read: %s", settings.netrc, type(error).__name__)
        return None
    if entry is None:
        return None
    login, _, password = entry
    values = (password,) if len(access.names) == 1 else (login, password)
    return _whole(dict(zip(access.names, values, strict=False)))


def _whole(found: Mapping[str, str | None]) -> Mapping[str, str] | None:
    if not found or not all(found.values()):
        return None
    return {name: value for name, value in found.items() if value is not None}


_PLACES: Mapping[str, Callable[[Access, Settings], Mapping[str, str] | None]] = {
    "environment": _environment,
    "keyring": _keyring,
    "netrc": _netrc,
}
