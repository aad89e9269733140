"""What an indicator says of itself."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, get_args, get_origin, get_type_hints

import xarray as xr

from reliefscope.model.event import Hazard


@dataclass(frozen=True, slots=True)
class Bounds:
    """Unit and sensible range of a parameter."""

    unit: str
    """UDUNITS; "1" is dimensionless."""
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One cube an indicator is computed from."""

    any_of: tuple[str, ...]
    """Canonical variable names; the cube holds at least one of them."""

    days: tuple[int, int] | None = None
    """Window of acquisition relative to the onset [days]; None is any time, a static layer."""

    optional: bool = False
    """Whether the indicator can do without it."""

    series: bool = False
    """Whether every pass of the window is wanted, oldest first, and not the best one alone."""

    @property
    def static(self) -> bool:
        """Whether it does not change with the event."""
        return self.days is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A named, self-describing computation on cubes."""

    name: str
    """Short identifier, used on the command line and in file names."""

    title: str
    """The method in one sentence, for people."""

    hazard: Hazard | None
    """Kind of disaster it speaks of; None where it fits any."""

    also: frozenset[Hazard] = frozenset()
    """Other kinds of disaster that it speaks of as well."""

    needs: Mapping[str, Need]
    """Cubes it takes, by argument name of ``compute``; the first decides what the rest fit to."""

    gives: tuple[str, ...]
    """Canonical variables it returns."""

    reference: str
    """Where the method was published."""

    compute: Callable[..., xr.Dataset]

    def fits(self, hazard: Hazard) -> bool:
        """Return whether it can be computed for such a disaster."""
        return self.hazard is None or self.speaks_of(hazard)

    def speaks_of(self, hazard: Hazard) -> bool:
        """Return whether it is made for such a disaster: such ones are chosen by default."""
        return self.hazard is hazard or hazard in self.also

    @property
    def parameters(self) -> Mapping[str, tuple[float, Bounds]]:
        """Default and bounds of each tunable parameter, read off ``compute``."""
        hints = get_type_hints(self.compute, include_extras=True)
        return {
            name: (parameter.default, get_args(hints[name])[1])
            for name, parameter in inspect.signature(self.compute).parameters.items()
            if get_origin(hints.get(name)) is Annotated
        }
