"""Sections of the briefing as markup: its frame, layers, files, areas, and the series."""

import datetime as dt
from pathlib import Path

from markupsafe import Markup

from reliefscope.products import onscreen
from reliefscope.products.catalog import Package
from reliefscope.views.map import Layer
from reliefscope.views.markup import element, joined
from reliefscope.views.parts import box, button, frame, legend, ramp, swatch
from reliefscope.views.state import State
from reliefscope.views.store import Routes
from reliefscope.views.upload import LARGEST_BYTES
from reliefscope.views.wording import HAZARDS
from reliefscope.words import Words


def layout(state: State, words: Words, *, empty: bool) -> Markup:
    """Return the frame of the briefing; of an empty catalog, what to do."""
    hazards = [element("option", words("Any hazard"), value="")]
    hazards += [
        element("option", words(name), value=str(h), selected=str(h) == state.hazard)
        for h, name in HAZARDS.items()
    ]
    search = element(
        "form",
        element("h2", words("Disasters")),
        _field(words("Country, place or title"),
               element("input", name="text", id="text", value=state.text, type="search",
                       maxlength=80)),
        _field(words("Hazard"), element("select", hazards, name="hazard", id="hazard")),
        _field(words("Images since"),
               element("input", name="since", id="since", type="date",
                       value=state.since)),
        element("button", words("Search"), type="submit", class_="main"),
        data_act="search",
        class_="box",
        role="search",
    )  # fmt: skip
    side = joined(search, element("div", data_region="list"))
    return frame(words, "briefing", side=side, main=_main(words, empty=empty), theme=state.theme)


def _main(words: Words, *, empty: bool) -> Markup:
    if empty:
        return element(
            "section",
            element("h1", words("No products yet")),
            element("p", words("Publish one, then reload this page:")),
            element("pre", "reliefscope exercise flood", tabindex="0"),
            class_="box",
        )
    tools = [
        button(words("Draw a box"), "mode", "box", id="draw_box"),
        button(words("Draw a shape"), "mode", "polygon", id="draw_polygon"),
        button(words("Clear"), "clear", id="clear"),
        button(words("Whole map"), "whole", id="whole"),
    ]
    figure = element(
        "figure",
        element("div", tools, class_="tools", role="toolbar", aria_label=words("Map tools")),
        element("div", data_map=True),
        element("figcaption", data_region="caption", class_="fine"),
        class_="mapbox",
    )
    return joined(
        element("div", data_region="head"),
        element("div", figure, box(words("Numbers"), region="facts"), class_="first"),
        element("div", data_region="time"),
        element(
            "div",
            box(words("Layers and legend"), region="layers"),
            box(words("Numbers of an area"), region="area_form", id_="area_box"),
            class_="pair",
        ),
        box(words("Most affected districts"), region="worst"),
        box(words("How do we know"), region="chain"),
        element(
            "div",
            box(words("What has changed"), region="changed"),
            box(words("Take it along"), region="files"),
            class_="pair",
        ),
    )


def over_time(
    moment: dt.datetime, place: int, count: int, words: Words, *, playing: bool
) -> Markup:
    """Return a slider over the products of a series, and a player; nothing where there is one."""
    if count < 2:  # noqa: PLR2004 - nothing to slide between
        return Markup("")
    told = words.short_moment(moment)
    slider = element(
        "input",
        type="range",
        min=0,
        max=count - 1,
        value=place,
        id="time",
        data_act="time",
        dir="ltr",
        aria_label=words("Image of the series"),
        aria_valuetext=f"{told} UTC",
        style="flex:1",
    )
    return element(
        "section",
        element("h2", words("Over time")),
        element(
            "div",
            button(words("Pause") if playing else words("Play"), "play", id="play"),
            slider,
            element("span", f"{told} UTC · {place + 1}/{count}", dir="ltr"),
            class_="row",
        ),
        class_="box",
    )


def layer_line(
    layer: Layer, folder: Path, words: Words, *, visible: bool, opacity: float
) -> Markup:
    """Return a layer with its switch, its opacity and what it looks like."""
    scale = None
    if not layer.legend and layer.id in onscreen.raster_names(folder):
        scale = onscreen.scale(folder, layer.id)
    return element(
        "li",
        element(
            "div",
            element(
                "label",
                element(
                    "input",
                    type="checkbox",
                    checked=visible,
                    id=f"see_{layer.id}",
                    data_act="see",
                    data_arg=layer.id,
                    data_layer=layer.id,
                    data_look="visible",
                ),
                swatch(layer.legend[0]) if len(layer.legend) == 1 else None,
                layer.title,
            ),
            element(
                "label",
                element("span", words("Opacity"), class_="opacity"),
                element(
                    "input",
                    type="range",
                    min=0,
                    max=100,
                    value=round(opacity * 100),
                    id=f"opacity_{layer.id}",
                    data_act="opacity",
                    data_arg=layer.id,
                    data_layer=layer.id,
                    data_look="opacity",
                    dir="ltr",
                    style="width:90px",
                    aria_label=f"{words('Opacity')}: {layer.title}",
                ),
            ),
            class_="row",
        ),
        ramp(scale, words) if scale else legend(layer.legend if len(layer.legend) > 1 else ()),
    )


def files(folder: Path, routes: Routes, words: Words) -> Markup:
    """Return ways to take a product along, and to share what is seen."""
    lang = words.language

    def link(name: str, text: str, **more: object) -> Markup:
        if routes.files:
            where = f"{routes.files}{folder.name}/{name}"
            return element("a", text, href=where, download=name, **more)
        return element("a", text, href=f"#{name}", data_act="file", data_arg=name, **more)

    first = [
        link(name, text, class_="button")
        for stem, text in (
            ("sheet", words("Map as PDF")),
            ("brief", words("Brief as PDF")),
        )
        for name in [_in_language(folder, stem, lang)]
        if name
    ]
    others = [element("li", link(p.name, p.name)) for p in sorted(folder.iterdir())
              if p.is_file()]  # fmt: skip
    return joined(
        element("p", first, class_="row"),
        element(
            "details",
            element("summary", words("All files of the package")),
            element("ul", others, class_="files", dir="ltr"),
            id="all_files",
        ),
        element("h3", words("Share what you see")),
        element("div", data_region="share"),
        element("p", element("span", data_region="link")),
    )


def area_form(package: Package, unit: str, words: Words) -> Markup:
    """Return the ways to choose an area."""
    units = [element("option", words("Choose a district"), value="")]
    units += [
        element("option", str(row["name"]), value=str(row["pcode"]),
                selected=row["pcode"] == unit)
        for row in package.facts.units
    ]  # fmt: skip
    limits = onscreen.extent_of(package.folder)
    box_ = element(
        "form",
        _field(
            words("West, south, east, north in degrees"),
            element("input", name="box", id="box", inputmode="text", dir="ltr",
                    placeholder=", ".join(f"{x:.2f}" for x in limits)),
        ),
        element("button", words("Count"), type="submit"),
        data_act="typed",
        class_="row",
    )  # fmt: skip
    mb = words.number(LARGEST_BYTES / 1e6)
    return joined(
        element("p", words("Draw on the map, or choose, type or bring an outline.")),
        _field(words("District"),
               element("select", units, id="unit", data_act="pick")),
        box_,
        _field(
            words("Outline from a file (GeoJSON, KML, GeoPackage; at most {mb} MB)", mb=mb),
            element("input", type="file", id="upload", data_act="upload",
                    accept=".geojson,.json,.kml,.gpkg"),
        ),
        element("div", data_region="area"),
    )  # fmt: skip


def _field(name: str, control: Markup) -> Markup:
    return element("label", element("span", name), control, class_="field")


def _in_language(folder: Path, stem: str, language: str) -> str:
    """Return the PDF of a language, or of the first there is."""
    there = sorted(p.name for p in folder.glob(f"{stem}.*.pdf"))
    return next((n for n in there if n == f"{stem}.{language}.pdf"), there[0] if there else "")
