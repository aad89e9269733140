"""The map: OpenLayers behind a frozen description of layers, the same in every face.

`source/` is bundled by `.ci/build-map` into `bundle.js`, which is all that a browser loads. It
exports ``render`` for Panel and ``mount(element, state)`` for a page of plain HTML; ``state`` has
the parameters of `Map` as its keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import param
from panel.custom import JSComponent

from reliefscope.words import ENGLISH, Words

BUNDLE = Path(__file__).parent / "bundle.js"
"""The bundle, for pages that load it themselves."""
STYLE = Path(__file__).parent / "source" / "style.css"
"""Its style sheet, which is in the bundle too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One line of a legend."""

    colour: str
    label: str
    pattern: str = ""
    """``sparse`` or ``dense`` hatching instead of a plain colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of the map: one picture with its extent, tiles, both, or outlines."""

    id: str
    title: str = ""
    tiles: str = ""
    """Address of raster tiles in EPSG:3857 with ``{z}/{x}/{y}``."""
    image: str = ""
    extent: tuple[float, ...] = ()
    """West, south, east, north of the picture or tiles [degree]."""
    fine_from: float | None = None
    """Zoom from which tiles are shown in place of the picture, where there are both."""
    vectors: str | Mapping[str, Any] = ""
    """GeoJSON in EPSG:4326, or its address."""
    vector_tiles: str = ""
    """Address of Mapbox vector tiles."""
    side: str = ""
    """``left`` or ``right`` of the swipe; empty on both."""
    pattern: str = ""
    """Hatching that is drawn where the picture is not transparent."""
    order: int = 0
    visible: bool = True
    opacity: float = 1.0
    smooth: bool = False
    silent: bool = False
    """Whether a click on it tells nothing."""
    style: Mapping[str, Any] = field(default_factory=dict)
    """Of outlines: stroke, width, fill, dash, radius, label."""
    legend: tuple[Key, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return what the browser needs, without what is empty."""
        told = {n: getattr(self, n) for n in self.__dataclass_fields__ if n != "legend"}
        told.pop("title")
        kept = {n: v for n, v in told.items() if v not in ("", (), {}, None)}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in kept.items()}


def map_words(words: Words = ENGLISH) -> dict[str, str]:
    """Return what the map itself says, in the reader's language."""
    return {
        "map": words("Map. Arrow keys move it, plus and minus zoom; the table tells the same."),
        "swipe": words("Divider between before and after"),
        "before": words("Before"),
        "after": words("After"),
        "in": words("Zoom in"),
        "out": words("Zoom out"),
        "note": words(
            "Outlines: Natural Earth. Boundaries and names imply no opinion on any legal status."
        ),
    }


class Map(JSComponent):
    """A map with layers, swipe and drawing; its state goes in and out."""

    _esm: ClassVar[str] = ""
    _bundle: ClassVar[Path] = BUNDLE

    layers = param.List(default=[], doc="Layers, as `Layer.as_json` gives them.")
    view = param.Dict(default={}, doc="Centre and zoom: lon, lat [degree], zoom.")
    fit = param.List(default=[], doc="West, south, east, north [degree] to begin with.")
    swipe = param.Number(default=-1.0, doc="Place of the divider, 0 to 1; below 0 there is none.")
    mode: "param.Selector[str]" = param.Selector(
        default="", objects=["", "polygon", "box", "modify"], doc="Tool in hand."
    )
    drawn = param.Dict(default={}, doc="The area that was drawn, GeoJSON in EPSG:4326.")
    clicked = param.Dict(default={}, doc="What was clicked last: layer, properties, lonlat.")
    graticule = param.Boolean(default=True)
    legend = param.List(default=[], doc="Colour, label, pattern of each line of a legend in it.")
    theme: "param.Selector[str]" = param.Selector(default="light", objects=["light", "dark"])
    words = param.Dict(default=map_words())
    tall = param.Integer(default=480, doc="Height where nothing else says it [pixel].")
