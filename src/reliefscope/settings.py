"""What differs from machine to machine; everything else is an argument."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import platformdirs

from reliefscope.errors import InputError

SECRET_NAMES = frozenset(
    {
        "CDSE_USERNAME",
        "CDSE_PASSWORD",
        "CDSE_S3_ACCESS_KEY",
        "CDSE_S3_SECRET_KEY",
        "DHUS_USERNAME",
        "DHUS_PASSWORD",
        "EARTHDATA_TOKEN",
        "CDSAPI_KEY",
        "FIRMS_MAP_KEY",
        "PC_SDK_SUBSCRIPTION_KEY",
        "RELIEFWEB_APPNAME",
    }
)
"""Variables of the environment that hold credentials, under the names their providers use."""

_GIGA = 1_000_000_000
_YES = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Frozen settings, passed in; `from_environment` is the only reader of the environment."""

    catalog: Path = Path("reliefscope-catalog")
    """Where products are published (``RELIEFSCOPE_CATALOG``)."""
    cache: Path = field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("reliefscope", appauthor=False))
    )
    """Where fetched and simulated files are kept (``RELIEFSCOPE_CACHE``)."""
    cache_quota: int = 50 * _GIGA
    """Fetched files beyond this are removed, least recently used first [bytes]
    (``RELIEFSCOPE_CACHE_QUOTA_GB``)."""
    offline: bool = False
    """Answer from the cache alone and open no socket (``RELIEFSCOPE_OFFLINE``)."""
    policy: Path | None = None
    """What the office states on each sheet, a TOML file (``RELIEFSCOPE_POLICY``)."""
    languages: tuple[str, ...] = ("en",)
    """Of sheets and briefs (``RELIEFSCOPE_LANGUAGES``, commas between)."""
    allow_hosts: frozenset[str] = frozenset()
    """Private hosts that catalogs may point to (``RELIEFSCOPE_ALLOW_HOSTS``, commas between)."""
    netrc: Path = field(default_factory=lambda: Path.home() / ".netrc")
    """Where passwords by host may be kept (``NETRC``)."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Credentials from the environment, by the names of `SECRET_NAMES`; never printed."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the defaults, overridden by ``RELIEFSCOPE_*`` variables that are set.

        Raises
        ------
        InputError
            The quota is not a number above 0.
        """
        default = cls()
        hosts = environ.get("RELIEFSCOPE_ALLOW_HOSTS", "")
        return cls(
            catalog=Path(environ.get("RELIEFSCOPE_CATALOG") or default.catalog),
            cache=Path(environ.get("RELIEFSCOPE_CACHE") or default.cache),
            cache_quota=_quota(environ.get("RELIEFSCOPE_CACHE_QUOTA_GB")) or default.cache_quota,
            offline=environ.get("RELIEFSCOPE_OFFLINE", "").strip().lower() in _YES,
            policy=Path(policy) if (policy := environ.get("RELIEFSCOPE_POLICY")) else None,
            languages=_several(environ.get("RELIEFSCOPE_LANGUAGES", "")) or default.languages,
            allow_hosts=frozenset(h.strip() for h in hosts.split(",") if h.strip()),
            netrc=Path(environ.get("NETRC") or default.netrc),
            secrets={name: environ[name].strip() for name in SECRET_NAMES if environ.get(name)},
        )


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _quota(text: str | None) -> int | None:
    if not text:
        return None
    try:
        quota = int(float(text) * _GIGA)
    except (ValueError, OverflowError):
        quota = 0
    if quota <= 0:
        raise InputError(
            f"RELIEFSCOPE_CACHE_QUOTA_GB is {text!r}; it must be a number above 0, in gigabytes"
        )
    return quota
