"""What differs from machine to machine; everything else is an argument."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import platformdirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Frozen settings, passed in; `from_environment` is the only reader of the environment."""

    catalog: Path = Path("reliefscope-catalog")
    """Where products are published (``RELIEFSCOPE_CATALOG``)."""
    cache: Path = field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("reliefscope", appauthor=False))
    )
    """Where fetched and simulated files are kept (``RELIEFSCOPE_CACHE``)."""
    policy: Path | None = None
    """What the office states on each sheet, a TOML file (``RELIEFSCOPE_POLICY``)."""
    allow_hosts: frozenset[str] = frozenset()
    """Private hosts that catalogs may point to (``RELIEFSCOPE_ALLOW_HOSTS``, commas between)."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the defaults, overridden by ``RELIEFSCOPE_*`` variables that are set."""
        default = cls()
        hosts = environ.get("RELIEFSCOPE_ALLOW_HOSTS", "")
        return cls(
            catalog=Path(environ.get("RELIEFSCOPE_CATALOG") or default.catalog),
            cache=Path(environ.get("RELIEFSCOPE_CACHE") or default.cache),
            policy=Path(policy) if (policy := environ.get("RELIEFSCOPE_POLICY")) else None,
            allow_hosts=frozenset(h.strip() for h in hosts.split(",") if h.strip()),
        )
