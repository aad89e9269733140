"""Layers as pictures: one table says how each variable is coloured, wherever it is shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from io import BytesIO

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from reliefscope.model.cube import (
    NO_LIKELIHOOD,
    VARIABLES,
    BurnSeverity,
    ChangeClass,
    CombinedDrought,
    DepthBand,
    DroughtClass,
    HeatStress,
    HeatWave,
    LandHeat,
    RainReturn,
    State,
    StormWind,
    TrendClass,
    Variable,
    VegetationStress,
)
from reliefscope.model.event import Hazard

_MOST = 900
"""Pixels a side of a picture; larger layers are thinned."""
_EMPTY = "#d9d9dd"
"""Where nothing was observed."""
_CLASS_MAP = "turbo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Colours of a quantity."""

    colours: str
    """Name of a matplotlib colour map that is even in lightness, or diverges around the middle."""
    limits: tuple[float, float] | None = None
    """Values at both ends; by default what lies between the 2nd and the 98th percentile."""


_RAMPS: Mapping[str, Ramp] = {
    "likelihood": Ramp(colours="cividis", limits=(0, 100)),
    "spi": Ramp(colours="BrBG", limits=(-3, 3)),
    "spei": Ramp(colours="BrBG", limits=(-3, 3)),
    "dnbr": Ramp(colours="inferno", limits=(-100, 900)),
    "rdnbr": Ramp(colours="inferno", limits=(-100, 1200)),
    "rbr": Ramp(colours="inferno", limits=(-50, 500)),
    "nbr_before": Ramp(colours="YlGn", limits=(-0.5, 0.9)),
    "nbr_after": Ramp(colours="YlGn", limits=(-0.5, 0.9)),
    "ndvi": Ramp(colours="YlGn", limits=(0, 0.9)),
    "depth_m": Ramp(colours="Blues", limits=(0, 3)),
    "depth_shore_m": Ramp(colours="Blues", limits=(0, 3)),
    "depth_hand_m": Ramp(colours="Blues", limits=(0, 3)),
    "vv_db": Ramp(colours="gray", limits=(-25, 0)),
    "vh_db": Ramp(colours="gray", limits=(-30, -5)),
    "log_ratio_db": Ramp(colours="PuOr", limits=(-10, 10)),
    "rain_trend": Ramp(colours="BrBG", limits=(-8, 8)),
    "temperature_trend": Ramp(colours="RdBu_r", limits=(-0.08, 0.08)),
    "vegetation_trend": Ramp(colours="BrBG", limits=(-0.01, 0.01)),
    "water_trend": Ramp(colours="BrBG", limits=(-4, 4)),
    "snow_trend": Ramp(colours="BrBG", limits=(-4, 4)),
    "year_anomaly": Ramp(colours="PuOr", limits=(-3, 3)),
    "lst_anomaly": Ramp(colours="RdBu_r", limits=(-12, 12)),
    "rdndvi": Ramp(colours="BrBG", limits=(-60, 60)),
    "hwmid": Ramp(colours="YlOrRd"),
    "ehf": Ramp(colours="YlOrRd"),
    "ehf_severity": Ramp(colours="YlOrRd", limits=(0, 4)),
    "hot_days": Ramp(colours="YlOrRd"),
    "heat_wave_days": Ramp(colours="YlOrRd"),
    "return_years": Ramp(colours="PuBuGn", limits=(0, 100)),
    "wind_max": Ramp(colours="viridis", limits=(0, 70)),
    "elevation": Ramp(colours="cividis"),
    "slope_deg": Ramp(colours="cividis", limits=(0, 30)),
    "hand": Ramp(colours="cividis", limits=(0, 60)),
}
_BY_UNITS: Mapping[str, Ramp] = {
    "K": Ramp(colours="inferno"),
    "percent": Ramp(colours="cividis", limits=(0, 100)),
    "degree_Celsius": Ramp(colours="inferno"),
    "mm": Ramp(colours="YlGnBu"),
    "dB": Ramp(colours="PuOr"),
}
WATER = frozenset({Hazard.FLOOD, Hazard.STORM})
"""Hazards whose events are drawn as water."""
_OTHERWISE = Ramp(colours="viridis")

_CLASSES: Mapping[type[IntEnum], Sequence[str]] = {
    State: ("#ffffff", "#0084dc", "#10245c", "#d6b078", "#969696"),
    BurnSeverity: (
        "#1a7837",
        "#a6dba0",
        "#f7f7f7",
        "#fee391",
        "#fe9929",
        "#cc4c02",
        "#662506",
        _EMPTY,
    ),
    DroughtClass: (
        "#8c2d04",
        "#d95f0e",
        "#fed98e",
        "#f7f7f7",
        "#c7eae5",
        "#5ab4ac",
        "#01665e",
        _EMPTY,
    ),
    CombinedDrought: (
        "#f7f7f7",
        "#ffe45c",
        "#fd9a2b",
        "#c21d1d",
        "#a1d99b",
        "#c7b9e0",
        "#7fcdbb",
        "#4a7fb5",
        _EMPTY,
    ),
    VegetationStress: ("#7f2704", "#d94801", "#fd8d3c", "#fdd0a2", "#e5f5e0", _EMPTY),
    TrendClass: ("#b35806", "#f7f7f7", "#542788", _EMPTY),
    HeatWave: ("#f7f7f7", "#fdd49e", "#ef6548", "#7f0000", _EMPTY),
    HeatStress: ("#f7f7f7", "#fee391", "#fe9929", "#d7301f", "#67000d", _EMPTY),
    LandHeat: ("#f7f7f7", "#fdd49e", "#ef6548", "#7f0000", _EMPTY),
    RainReturn: ("#f7fbff", "#c6dbef", "#9ecae1", "#4292c6", "#5e3c99", "#2d004b", _EMPTY),
    StormWind: (
        "#f7f7f7",
        "#c7e9b4",
        "#fee391",
        "#fec44f",
        "#fe9929",
        "#e34a33",
        "#a50f15",
        "#54005a",
        _EMPTY,
    ),
    ChangeClass: ("#ffffff", "#fdae61", "#b2182b", _EMPTY),
    DepthBand: ("#ffffff", "#c3dcf2", "#8ab8e0", "#4f8fcb", "#2160a8", "#08306b"),
}
"""Colours of classes in the order of their members."""


def ramp(name: str) -> Ramp:
    """Return how a quantity is coloured."""
    variable = VARIABLES.get(name)
    units = "" if variable is None else variable.units
    return _RAMPS.get(name) or _BY_UNITS.get(units, _OTHERWISE)


def event_colour(hazard: Hazard) -> str:
    """Return the colour of an event without classes, ``#rrggbb``: water alone is blue."""
    return class_colours(State)[State.EVENT] if hazard in WATER else "#b2182b"


def class_colours(flags: type[IntEnum]) -> Mapping[int, str]:
    """Return the colour of each class, ``#rrggbb``."""
    if flags in _CLASSES:
        return dict(zip(map(int, flags), _CLASSES[flags], strict=True))
    steps = ListedColormap(_sampled(len(flags)))
    return {
        int(member): _EMPTY if member.name == "NOT_OBSERVED" else _hex(steps(index))
        for index, member in enumerate(flags)
    }


def _sampled(count: int) -> NDArray[np.float64]:
    from matplotlib import colormaps  # noqa: PLC0415 - a registry, slow to import

    return np.asarray(colormaps[_CLASS_MAP](np.linspace(0.08, 0.92, max(count, 2))))


def _hex(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour[:3])


def draw_layer(axes: Axes, layer: xr.DataArray, *, title: str | None = None) -> None:
    """Draw a layer, (y, x), with a scale or a legend of its classes.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    layer : DataArray, (y, x)
        Named as in `VARIABLES`; computed, or small enough to compute.
    title : str, optional
        The layer's long name by default.
    """
    name = str(layer.name)
    variable = VARIABLES.get(name, Variable(units=layer.attrs.get("units", "1"), long_name=name))
    step = max(1, math.ceil(max(layer.shape) / _MOST))
    values = np.asarray(layer[::step, ::step])
    axes.set_facecolor(_EMPTY)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title or variable.long_name, fontsize="medium", wrap=True)
    if variable.flags is not None and issubclass(variable.flags, IntEnum):
        _draw_classes(axes, values, variable.flags)
    elif variable.flags is not None:
        _draw_bits(axes, values, variable.flags)
    else:
        _draw_quantity(axes, values, name, variable.units)


def _draw_classes(axes: Axes, values: NDArray[np.generic], flags: type[IntEnum]) -> None:
    colours = class_colours(flags)
    codes = sorted(colours)
    index = np.searchsorted(codes, values.astype(np.int64))
    norm = BoundaryNorm(np.arange(len(codes) + 1) - 0.5, len(codes))
    axes.imshow(
        index,
        cmap=ListedColormap([colours[code] for code in codes]),
        norm=norm,
        interpolation="none",
    )
    _legend(axes, {_words(flags(code).name): colours[code] for code in codes})


def _draw_bits(axes: Axes, values: NDArray[np.generic], flags: type[IntFlag]) -> None:
    """Draw the highest reason of each pixel: there is seldom more than one."""
    members = list(flags)
    index = np.zeros(values.shape, np.int64)
    for number, member in enumerate(members, start=1):
        index[(values.astype(np.int64) & int(member)) > 0] = number
    present = [0, *(n for n in range(1, len(members) + 1) if (index == n).any())]
    shades = ["#ffffff", *(_hex(c) for c in _sampled(len(members)))]
    axes.imshow(
        np.searchsorted(present, index),
        cmap=ListedColormap([shades[n] for n in present]),
        norm=BoundaryNorm(np.arange(len(present) + 1) - 0.5, len(present)),
        interpolation="none",
    )
    names = ["none", *(_words(m.name) for m in members)]
    _legend(axes, {names[n]: shades[n] for n in present})


def _draw_quantity(axes: Axes, values: NDArray[np.generic], name: str, units: str) -> None:
    shown = values.astype(np.float64)
    if name == "likelihood":
        shown[shown == NO_LIKELIHOOD] = np.nan
    style = ramp(name)
    known = shown[np.isfinite(shown)]
    low, high = style.limits or (np.percentile(known, (2, 98)) if known.size else (0, 1))
    picture = axes.imshow(
        shown, cmap=style.colours, vmin=low, vmax=max(high, low + 1e-9), interpolation="none"
    )
    label = "" if units == "1" else units
    axes.figure.colorbar(picture, ax=axes, label=label, shrink=0.75, pad=0.02)


def _words(name: str | None) -> str:
    return (name or "").lower().replace("_", " ")


def _legend(axes: Axes, entries: Mapping[str, str]) -> None:
    axes.legend(
        handles=[Patch(facecolor=c, edgecolor="#555555", label=n) for n, c in entries.items()],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=min(4, len(entries)),
        frameon=False,
        fontsize="small",
    )


def layer_figure(
    layers: Sequence[xr.DataArray], *, columns: int = 2, figure: Figure | None = None
) -> Figure:
    """Return a figure of several layers, (y, x), side by side.

    Drawn on ``figure`` if there is one, such as pyplot's; otherwise on one of its own.
    """
    columns = min(columns, max(len(layers), 1))
    rows = -(-len(layers) // columns)
    if figure is None:
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
    figure.set_size_inches(6.2 * columns, 5.6 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(layers) :]:
        axes.set_axis_off()
    for axes, layer in zip(grid.flat, layers, strict=False):
        draw_layer(axes, layer)
    return figure


def png(figure: Figure, *, dpi: int = 90) -> bytes:
    """Return a figure as PNG."""
    out = BytesIO()
    figure.savefig(out, format="png", dpi=dpi)
    return out.getvalue()
