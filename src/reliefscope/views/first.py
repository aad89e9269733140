"""What a browser shows before any script has run: the page in plain HTML, its map as a picture."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from pyproj import Transformer

from reliefscope.views.map import STYLE
from reliefscope.views.markup import element, joined
from reliefscope.views.page import Page

_REGION = re.compile(r'(<(\w+)[^<>]*\sdata-region="(\w+)"[^<>]*>)(</\2>)')
_MAP = re.compile(r"(<div data-map>)(</div>)")
_LONG = 1000.0
"""Units of the longer side of the drawing."""
_HATCHES = {
    "sparse": ("#fff0d6", 0.5, "#a86c1c", ("M0 12 12 0",)),
    "dense": ("#fff", 0.85, "#85858a", ("M0 12 12 0", "M0 0 12 12")),
}
"""Ground, its opacity, and lines: as the map itself draws them."""
_WAITING = """
const first = document.getElementById("first"), acts = (globalThis.reliefscopeActs = []);
const keep = (event) => {
  const click = event.type === "click";
  const from = click ? event.target.closest("button[data-act], a[data-act]") : event.target;
  const { act, arg = "" } = from?.dataset ?? {};
  if (!act || from.type === "file" || (event.type === "change" && from.tagName === "FORM")) return;
  if (event.type !== "change") event.preventDefault();
  const values = from.tagName === "FORM" ? Object.fromEntries(new FormData(from)) : undefined;
  const value = from.type === "checkbox" ? from.checked : from.value;
  acts.push({ act, arg, ...(values ? { values } : click ? {} : { value }) });
};
for (const kind of ["click", "submit", "change"]) first.addEventListener(kind, keep);
"""
"""Keeps what people do until the page itself can take it."""


def first_screen(page: Page) -> Markup:
    """Return a page as it is, without scripts, and the keeper of what people do meanwhile."""
    dress = page.dress
    filled = _filled(page.layout, page.regions)
    still = _still(page.layers, page.fit, page.swipe)
    shown = _MAP.sub(lambda m: f"{m[1]}{still}{m[2]}", filled)
    return joined(
        element(
            "div",
            Markup(shown),  # noqa: S704 - markup of the page, which escapes what is from outside
            id="first",
            class_="rs-root",
            lang=dress.get("lang"),
            dir=dress.get("dir"),
            data_theme=dress.get("theme"),
        ),
        Markup("<script>{}</script>").format(Markup(_WAITING)),  # noqa: S704 - our own
    )


def first_style() -> Markup:
    """Return the style sheet of the first screen."""
    return Markup("<style>{}</style>").format(Markup(STYLE.read_text(encoding="utf-8")))  # noqa: S704 - our own


def _filled(markup: str, regions: Mapping[str, str]) -> str:
    """Return markup with the regions in their places, and those within them in theirs."""
    return _REGION.sub(lambda m: m[1] + _filled(regions.get(m[3], ""), regions) + m[4], markup)


def _still(layers: Sequence[Mapping[str, Any]], fit: Sequence[float], swipe: float) -> Markup:
    """Return the pictures of a map, laid where the map itself will draw them."""
    wanted = [x for x in layers if x.get("visible", True) and _has_address(x)]
    if not wanted or not fit:
        return Markup("")
    left, bottom, right, top = _metres(fit)
    unit = _LONG / max(right - left, top - bottom)
    wide, tall = (right - left) * unit, (top - bottom) * unit
    middle = wide * min(max(swipe, 0.0), 1.0)
    drawn = []
    for layer in sorted(wanted, key=lambda x: int(x.get("order", 0))):
        west, south, east, north = _metres(layer["extent"])
        place = {"x": (west - left) * unit, "y": (top - north) * unit,
                 "width": (east - west) * unit, "height": (north - south) * unit}  # fmt: skip
        drawn.append(_placed(layer, {k: f"{v:.1f}" for k, v in place.items()}))
    sides = (
        _clip("left", 0.0, middle, tall),
        _clip("right", middle, wide - middle, tall),
        *(_pattern(kind) for kind in _HATCHES),
    )
    return element(
        "svg",
        element("defs", sides),
        drawn,
        class_="rs-still",
        viewBox=f"0 0 {wide:.1f} {tall:.1f}",
        aria_hidden="true",
    )


def _has_address(layer: Mapping[str, Any]) -> bool:
    """Return whether a layer's picture is fetched, and so need not be sent twice."""
    return not str(layer.get("image") or "data:").startswith("data:")


def _placed(layer: Mapping[str, Any], place: Mapping[str, str]) -> Markup:
    """Return one picture; of a hatched layer, the hatching where its picture is not clear."""
    sharp = None if layer.get("smooth") else "image-rendering:pixelated"
    image = element("image", href=layer["image"], preserveAspectRatio="none", style=sharp, **place)
    side, pattern = layer.get("side"), layer.get("pattern")
    if pattern in _HATCHES:
        mask = f"still_{layer['id']}"
        hatched = element("rect", fill=f"url(#still_{pattern})", mask=f"url(#{mask})", **place)
        image = joined(element("mask", image, id=mask, style="mask-type:alpha"), hatched)
    clip = f"url(#still_{side})" if side else None
    return element("g", image, clip_path=clip, opacity=layer.get("opacity", 1.0))


def _clip(side: str, x: float, wide: float, tall: float) -> Markup:
    area = element("rect", x=f"{x:.1f}", y=0, width=f"{wide:.1f}", height=f"{tall:.1f}")
    return element("clipPath", area, id=f"still_{side}")


def _pattern(kind: str) -> Iterator[Markup]:
    colour, opacity, stroke, lines = _HATCHES[kind]
    ground = element("rect", width=12, height=12, fill=colour, fill_opacity=opacity)
    strokes = [element("path", d=line, stroke=stroke, stroke_width=1.6) for line in lines]
    yield element("pattern", ground, strokes, id=f"still_{kind}", width=12, height=12,
                  patternUnits="userSpaceOnUse")  # fmt: skip


def _metres(extent: Sequence[float]) -> tuple[float, float, float, float]:
    west, south, east, north = (float(v) for v in extent)
    left, bottom = _TO_METRES.transform(west, south)
    right, top = _TO_METRES.transform(east, north)
    return left, bottom, right, top


_TO_METRES = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
