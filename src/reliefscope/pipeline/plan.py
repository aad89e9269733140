"""Decide what to read before reading anything: pure, no file and no socket."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError
from reliefscope.indicators._base import Indicator, Need
from reliefscope.model.event import Event, Window
from reliefscope.model.grid import grid_for
from reliefscope.sources._base import Source

MAX_PIXELS = 400_000_000
"""A larger grid is a slip of the pen, or a job for tiles."""

_FIXED_BYTES = 600_000_000
_FIRST_ROLE_BYTES, _OTHER_ROLE_BYTES = 27, 15
"""Per pixel, as measured on a tile of 10,980 pixels with one image, and with one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One input of an indicator: what to look for, where and when."""

    name: str
    sources: tuple[str, ...]
    """Names of those that provide any of it, in the order they are asked."""
    variables: tuple[str, ...]
    window: Window | None
    """None for static layers."""
    optional: bool
    series: bool = False
    """Whether every pass of the window is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run needs to know."""

    event: Event
    indicator: Indicator
    grid: GeoBox
    roles: tuple[Role, ...]
    parameters: Mapping[str, float]
    """Those that differ from the indicator's defaults."""

    @property
    def layer_bytes(self) -> int:
        """What whole layers of the run will take in memory, roughly [bytes]."""
        rows, columns = self.grid.shape
        others = max(len(self.roles) - 1, 0)
        per_pixel = _FIRST_ROLE_BYTES + _OTHER_ROLE_BYTES * others
        return int(per_pixel * rows * columns)

    @property
    def peak_bytes(self) -> int:
        """Rough peak of memory that the run will need if every role finds something [bytes]."""
        return _FIXED_BYTES + self.layer_bytes


def plan(
    event: Event,
    indicator: Indicator,
    sources: Mapping[str, Source],
    *,
    resolution: float,
    parameters: Mapping[str, float] = MappingProxyType({}),
) -> Plan:
    """Match what ``indicator`` needs with what ``sources`` provide, in the order they are given.

    Parameters
    ----------
    event : Event
        What happened, where and when.
    indicator : Indicator
        What to compute.
    sources : mapping of str to Source
        Those that provide a needed variable are asked in this order.
    resolution : float
        Pixel size [m].
    parameters : mapping
        Of the indicator, by name.

    Raises
    ------
    InputError
        The indicator is for another hazard, no source provides a required input, a parameter
        is unknown or out of its range, or the grid is far too large.
    """
    if not indicator.fits(event.hazard):
        raise InputError(
            f"indicator {indicator.name!r} is for {indicator.hazard}; event {event.id!r} is a "
            f"{event.hazard}"
        )
    _check_parameters(indicator, parameters)
    roles = (_role(n, need, event, sources, indicator) for n, need in indicator.needs.items())
    grid = grid_for(event.area, resolution)
    rows, columns = grid.shape
    if rows * columns > MAX_PIXELS:
        raise InputError(
            f"area {event.area.name!r} at {resolution:g} m is {columns} x {rows} pixels; at most "
            f"{MAX_PIXELS:,} fit one product: choose a coarser resolution or a smaller area"
        )
    return Plan(
        event=event,
        indicator=indicator,
        grid=grid,
        roles=tuple(r for r in roles if r is not None),
        parameters=MappingProxyType(dict(parameters)),
    )


def _role(
    name: str, need: Need, event: Event, sources: Mapping[str, Source], indicator: Indicator
) -> Role | None:
    serving = tuple(n for n, source in sources.items() if source.provides & set(need.any_of))
    if serving:
        held = frozenset().union(*(sources[n].provides for n in serving))
        return Role(
            name=name,
            sources=serving,
            variables=tuple(v for v in need.any_of if v in held),
            window=None if need.days is None else event.window(*need.days),
            optional=need.optional,
            series=need.series,
        )
    if need.optional:
        return None
    offered = {n: sorted(s.provides & set(need.any_of)) for n, s in sources.items()}
    raise InputError(
        f"indicator {indicator.name!r} needs one of {list(need.any_of)} as {name!r}; the sources "
        f"offer {offered}: add a source that has one"
    )


def _check_parameters(indicator: Indicator, parameters: Mapping[str, float]) -> None:
    known = indicator.parameters
    for name, value in parameters.items():
        if name not in known:
            raise InputError(
                f"indicator {indicator.name!r} has no parameter {name!r}; it has {sorted(known)}"
            )
        _, bounds = known[name]
        if not bounds.low <= value <= bounds.high:
            raise InputError(
                f"{name} = {value:g} {bounds.unit} is outside {bounds.low:g} to {bounds.high:g}"
            )
