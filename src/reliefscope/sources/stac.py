"""Any STAC API or static catalog, with profiles for providers people use."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Window
from reliefscope.model.granule import Granule
from reliefscope.transport.hosts import check_host
from reliefscope.sources._raster import load_granules
from reliefscope.sources._signing import TokenSigner
from reliefscope.sources._stac import PROFILES, Profile, search_granules

_ALL = frozenset(VARIABLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class StacSource:
    """A STAC API, or a static catalog on the web or on disk.

    Raises
    ------
    InputError
        The profile is unknown, or neither ``url`` nor a profile with one is given.
    """

    url: str = ""
    """Landing page of an API, or path or address of ``catalog.json``."""
    profile: str = "generic"
    """One of `PROFILES`: how the provider names assets and units."""
    collections: tuple[str, ...] = ()
    """Collections to search; those of the profile by default."""
    assets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Asset key by canonical variable, over those of the profile."""
    units: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Units of the stored values by variable, where the items do not say."""
    licence: str = ""
    allow_hosts: frozenset[str] = frozenset()
    """Private hosts that the catalog may point to."""

    def __post_init__(self) -> None:
        """Refuse an unknown profile, an unknown variable or a missing address."""
        if self.profile not in PROFILES:
            raise InputError(f"profile {self.profile!r} is unknown; choose of {sorted(PROFILES)}")
        if not (self.url or PROFILES[self.profile].url):
            raise InputError("a stac source needs url = ... or a profile that has one")
        unknown = sorted(({*self.assets} | {*self.units}) - set(VARIABLES))
        if unknown:
            raise InputError(f"unknown variables {unknown}; choose of {sorted(VARIABLES)}")

    @property
    def provides(self) -> frozenset[str]:
        """Canonical variables the assets may hold; what is really there shows in a search."""
        held = self._profile().collections.values()
        return frozenset().union(*held) if held else _ALL

    def search(
        self, area: Area, window: Window | None, variables: Collection[str]
    ) -> Sequence[Granule]:
        """Return the granules over ``area`` that hold any of ``variables``, oldest first.

        Raises
        ------
        InputError, AccessError, UnavailableError
            As `reliefscope.sources._stac.search_granules`.
        """
        return search_granules(
            self._home(), self._profile(), area, window, variables, allow_hosts=self.allow_hosts
        )

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units; see `Source`."""
        tokens = self._profile().tokens
        sign = TokenSigner(tokens) if tokens else str

        def readable(href: str) -> str:
            return sign(check_host(href, home=self._home(), allow_hosts=self.allow_hosts))

        return load_granules(granules, grid, variables, sign=readable)

    def _profile(self) -> Profile:
        base = PROFILES[self.profile]
        return replace(
            base,
            collections={c: base.collections.get(c, _ALL) for c in self.collections}
            or base.collections,
            assets={**base.assets, **self.assets},
            units={**base.units, **self.units},
            licence=self.licence or base.licence,
        )

    def _home(self) -> str:
        url = self.url or PROFILES[self.profile].url
        return url if urlsplit(url).scheme in {"http", "https"} else str(Path(url).resolve())
