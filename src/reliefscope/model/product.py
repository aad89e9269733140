"""What a run hands back: layers, and everything needed to trace them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import xarray as xr
from odc.geo.geobox import GeoBox

from reliefscope.model.event import Event
from reliefscope.model.granule import Granule

SET_ASIDE = "damaged and set aside"
"""How the note on an input begins whose files were damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """An indicator computed for an event: lazy until someone looks or publishes."""

    event: Event
    indicator: str
    method: str
    """One sentence: how it was made."""
    reference: str
    """Where the method was published."""
    grid: GeoBox
    data: xr.Dataset
    """Layers over (y, x) and scene-level scalars, named as in the table of variables."""
    granules: Mapping[str, tuple[Granule, ...]]
    """What was read, by role."""
    images: Mapping[str, xr.Dataset] = field(default_factory=lambda: MappingProxyType({}))
    """The cubes that were read, by role: for the map's background and for inspection."""
    parameters: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    """Warnings and choices a reader should know."""
    version: str = ""
    """Version of the code."""

    @property
    def exercise(self) -> bool:
        """Whether any input is simulated."""
        return any(g.exercise for group in self.granules.values() for g in group)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what determines the answer: inputs, parameters, area, grid, code."""
        facts = {
            "granules": {
                role: [
                    [
                        g.id,
                        str(g.acquired),
                        sorted((k, a.checksum or a.href) for k, a in g.assets.items()),
                    ]
                    for g in group
                ]
                for role, group in sorted(self.granules.items())
            },
            "event": [self.event.id, self.event.hazard, self.event.onset.isoformat()],
            "area": self.event.area.geometry.wkb_hex,
            "grid": [str(self.grid.crs), list(self.grid.affine)[:6], list(self.grid.shape)],
            "indicator": self.indicator,
            "parameters": dict(sorted(self.parameters.items())),
            "version": self.version,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
