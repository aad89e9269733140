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
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
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
        "RELIEFSCOPE_SMTP_PASSWORD",
        "RELIEFSCOPE_SMTP_USERNAME",
        "RELIEFSCOPE_STAC_TOKEN",
        "RELIEFSCOPE_WEBHOOK_SECRET",
        "RELIEFWEB_APPNAME",
        "RELIEFSCOPE_OIDC_SECRET",
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
    catalog_url: str = ""
    """Where they are published instead, if that is an object store: ``s3://bucket/prefix``
    (``RELIEFSCOPE_CATALOG``)."""
    s3_endpoint: str = ""
    """Address of the object store, if it is not Amazon's (``AWS_ENDPOINT_URL_S3`` or
    ``AWS_ENDPOINT_URL``)."""
    s3_region: str = ""
    """Its region (``AWS_REGION`` or ``AWS_DEFAULT_REGION``)."""
    cache: Path = field(
        default_factory=lambda: Path(platformdirs.user_cache_dir("reliefscope", appauthor=False))
    )
    """Where fetched and simulated files are kept (``RELIEFSCOPE_CACHE``)."""
    cache_quota: int = 50 * _GIGA
    """Fetched files beyond this are removed, least recently used first [bytes]
    (``RELIEFSCOPE_CACHE_QUOTA_GB``)."""
    engine: str = "threads"
    """Where products are computed: see `reliefscope.pipeline.engine` (``RELIEFSCOPE_ENGINE``)."""
    memory: int | None = None
    """What a run may take of this machine's [bytes]; by default all (``RELIEFSCOPE_MEMORY_GB``)."""
    offline: bool = False
    """Answer from the cache alone and open no socket (``RELIEFSCOPE_OFFLINE``)."""
    policy: Path | None = None
    """What the office states on each sheet, a TOML file (``RELIEFSCOPE_POLICY``)."""
    languages: tuple[str, ...] = ("en",)
    """Of sheets and briefs (``RELIEFSCOPE_LANGUAGES``, commas between)."""
    paper: str | None = None
    """Of sheets, A3 or A4; by default that of the policy (``RELIEFSCOPE_PAPER``)."""
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
            Quota or memory is not a number above 0.
        """
        default = cls()
        hosts = environ.get("RELIEFSCOPE_ALLOW_HOSTS", "")
        where = environ.get("RELIEFSCOPE_CATALOG") or str(default.catalog)
        url = where if "://" in where else ""
        return cls(
            catalog=default.catalog if url else Path(where),
            catalog_url=url,
            s3_endpoint=_first(environ, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
            s3_region=_first(environ, "AWS_REGION", "AWS_DEFAULT_REGION"),
            cache=Path(environ.get("RELIEFSCOPE_CACHE") or default.cache),
            cache_quota=_gigabytes(environ, "RELIEFSCOPE_CACHE_QUOTA_GB") or default.cache_quota,
            memory=_gigabytes(environ, "RELIEFSCOPE_MEMORY_GB"),
            engine=environ.get("RELIEFSCOPE_ENGINE", "").strip() or default.engine,
            offline=environ.get("RELIEFSCOPE_OFFLINE", "").strip().lower() in _YES,
            policy=Path(policy) if (policy := environ.get("RELIEFSCOPE_POLICY")) else None,
            languages=_several(environ.get("RELIEFSCOPE_LANGUAGES", "")) or default.languages,
            paper=environ.get("RELIEFSCOPE_PAPER", "").strip() or None,
            allow_hosts=frozenset(h.strip() for h in hosts.split(",") if h.strip()),
            netrc=Path(environ.get("NETRC") or default.netrc),
            secrets={name: environ[name].strip() for name in SECRET_NAMES if environ.get(name)},
        )


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[n].strip() for n in names if environ.get(n)), "")


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _gigabytes(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        size = int(float(text) * _GIGA)
    except (ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise InputError(f"{name} is {text!r}; it must be a number above 0, in gigabytes")
    return size
