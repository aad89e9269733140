"""Any STAC API or static catalog, with profiles for providers people use."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.cube import PROVENANCE_NOTES, VARIABLES
from reliefscope.model.event import Window
from reliefscope.model.granule import Asset, Granule
from reliefscope.sources._local import readable
from reliefscope.sources._profiles import PROFILES, Holding, Profile
from reliefscope.sources._raster import load_granules
from reliefscope.sources._signing import signer
from reliefscope.sources._stac import search_granules
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.download import Content, Expected, Progress

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
    """Units of the stored values by variable, over what the items say."""
    licence: str = ""
    transport: Transport = field(default_factory=Transport, repr=False, compare=False)

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
        if not held or not all(h.variables for h in held):
            return _ALL
        return frozenset(self.assets).union(*(h.variables for h in held))

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
            self.transport, self._home(), self._profile(), area, window, variables
        )

    def load(
        self, granules: Sequence[Granule], grid: GeoBox, variables: Collection[str]
    ) -> xr.Dataset:
        """Return a lazy cube in canonical names and units; see `Source`."""
        sign = self._sign()

        def now(href: str) -> str:
            place = readable(self.transport, href, home=self._home())
            return place if place != href else sign(href)

        glance = PROFILES[self.profile].glance
        cube = load_granules(granules, grid, variables, sign=now, check=glance)
        doubts = [n for g in granules if (n := g.properties.get(PROVENANCE_NOTES))]
        notes = (*cube.attrs.get(PROVENANCE_NOTES, ()), *doubts)
        return cube.assign_attrs({PROVENANCE_NOTES: notes}) if notes else cube

    def keep(
        self, granules: Sequence[Granule], variables: Collection[str], progress: Progress
    ) -> Sequence[Path]:
        """Fetch whole every file that `load` would read; see `Keeps`."""
        sign, transport = self._sign(), self.transport.at(self._home())
        remote = {
            asset.href: asset
            for granule in granules
            for variable, asset in granule.assets.items()
            if variable in variables and asset.href.startswith(("http://", "https://", "s3://"))
        }
        return [
            transport.fetch(Ask(url=sign(href)), _expected(asset), identity=href, progress=progress)
            for href, asset in remote.items()
        ]

    def _sign(self) -> Callable[[str], str]:
        return signer(PROFILES[self.profile], self.transport)

    def _profile(self) -> Profile:
        base = PROFILES[self.profile]
        named = {c: base.collections.get(c, Holding()) for c in self.collections}
        return replace(
            base,
            collections=named or base.collections,
            assets=self.assets,
            units=self.units,
            licence=self.licence or base.licence,
        )

    def _home(self) -> str:
        url = self.url or PROFILES[self.profile].url
        return url if urlsplit(url).scheme in {"http", "https"} else str(Path(url).resolve())


def _expected(asset: Asset) -> Expected:
    checksums = (asset.checksum,) if asset.checksum else ()
    return Expected(size=asset.size, checksums=checksums, content=Content.RASTER)
