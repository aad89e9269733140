"""Drought, heat, rain and water for a country or district: now, over time, and on the map."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any

import panel as pn
from markupsafe import Markup

from reliefscope.errors import InputError
from reliefscope.model.cube import VARIABLES
from reliefscope.model.event import Hazard
from reliefscope.products import onscreen
from reliefscope.products.sheet import wording
from reliefscope.products.telling import as_text
from reliefscope.views import store, telling
from reliefscope.views.map import Layer, map_words
from reliefscope.views.markup import element, joined
from reliefscope.views.page import Page
from reliefscope.views.parts import box, frame, legend, line_chart, ramp, table
from reliefscope.views.state import as_query, from_query
from reliefscope.views.store import Card, Routes
from reliefscope.views.wording import fact_name
from reliefscope.words import Words, words_in

SLOW = (Hazard.DROUGHT, Hazard.HEAT)
"""Disasters that come slowly, and are told against the years 1991 to 2020."""
_ASIDE = frozenset({"state", "likelihood", "exclusion", "people", *onscreen.PHOTOGRAPHS})
_NOW = ("event_area_km2", "exposed_population", "population_cannot_tell", "observed_fraction",
        "image_acquired")  # fmt: skip
_YEAR_S = 365.25 * 86_400


class Climate(pn.viewable.Viewer):
    """Products of slow disasters by place: the state now, the series, the maps.

    Parameters
    ----------
    catalog : Path
        Folder of the catalog.
    query : str
        Query of a share link.
    routes : Routes
        Where a server hands out tiles; without it pictures go through the session.
    """

    def __init__(self, catalog: Path, *, query: str = "", routes: Routes | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # untyped in Panel
        self._routes = routes or Routes()
        self.state, _ = from_query(query)
        self._cards = [c for c in store.cards(catalog) if c.hazard in SLOW]
        self._layer = ""
        if self._cards and self._card() is None:
            self.state = replace(self.state, product=self._cards[0].entry.product_id, unit="")
        self.page = Page(self._act)
        self._dress()

    def __panel__(self) -> pn.viewable.Viewable:
        """Return the page."""
        return self.page

    @property
    def _words(self) -> Words:
        return words_in(self.state.lang)

    def _card(self) -> Card | None:
        found = [c for c in self._cards if c.entry.product_id == self.state.product]
        return found[0] if found else None

    def _dress(self) -> None:
        words = self._words
        self.page.param.update(
            layout=str(self._layout()),
            dress={
                "lang": self.state.lang,
                "dir": "rtl" if words.rtl else "ltr",
                "theme": self.state.theme,
                "title": words("ReliefScope climate"),
            },
            theme=self.state.theme,
            words=map_words(words),
        )
        self._show(fresh=True)

    def _layout(self) -> Markup:
        words = self._words
        side = joined(
            element(
                "section",
                element("h2", words("Country or district")),
                element("div", data_region="places"),
                class_="box",
            ),
            element("div", data_region="list"),
        )
        if not self._cards:
            main: Markup = element(
                "section",
                element("h1", words("No products yet")),
                element("p", words("Publish one, then reload this page:")),
                element("pre", "reliefscope exercise drought", tabindex="0"),
                class_="box",
            )
            return frame(words, "climate", side="", main=main, theme=self.state.theme)
        figure = element(
            "figure",
            element("div", element("div", data_region="choice"), class_="tools"),
            element("div", data_map=True),
            element("figcaption", words("The table of districts below tells the same as this map."),
                    class_="fine"),
            class_="mapbox",
        )  # fmt: skip
        main = joined(
            element("div", data_region="head"),
            element("div", figure, box(words("Now"), region="now"), class_="first"),
            box(words("Over time"), region="series"),
            element(
                "div",
                box(words("By class"), region="classes"),
                box(words("Most affected districts"), region="worst"),
                class_="pair",
            ),
        )
        return frame(words, "climate", side=side, main=main, theme=self.state.theme)

    def _show(self, *, fresh: bool = False) -> None:
        card, words = self._card(), self._words
        if card is None:
            return
        folder = card.entry.folder
        package, told = store.package(folder), store.record(folder)
        row = _unit(card, self.state.unit)
        self.page.fill(
            marks=telling.marks(told, None, words),
            head=telling.head(told, card.hazard, words),
            list=telling.event_list(self._cards, self.state.product, words),
            places=self._places(package.facts.units),
            now=self._now(card, row),
            series=self._series(card),
            classes=self._classes(card),
            worst=telling.worst(package.facts, self.state.unit, words),
        )
        self._show_map(card, fresh=fresh)
        if pn.state.location is not None:
            pn.state.location.search = f"?{as_query(self.state)}"

    def _places(self, units: Sequence[Mapping[str, Any]]) -> Markup:
        words = self._words
        options = [element("option", words("Whole area"), value="")]
        options += [
            element("option", str(r["name"]), value=str(r["pcode"]),
                    selected=r["pcode"] == self.state.unit)
            for r in units
        ]  # fmt: skip
        return element(
            "label",
            element("span", words("District")),
            element("select", options, id="unit", data_act="pick"),
            class_="field",
        )

    def _now(self, card: Card, row: Mapping[str, Any] | None) -> Markup:
        words, facts = self._words, store.package(card.entry.folder).facts
        weather = store.of_weather(card.entry.folder)
        if row is None:
            rows = [(fact_name(k, card.hazard, words, weather=weather), as_text(facts[k], words))
                    for k in _NOW if k in facts and facts[k].value is not None]  # fmt: skip
            name = card.place
        else:
            name = str(row["name"])
            columns = {"event_area_km2": "event_km2", "exposed_population": "exposed",
                       "population_cannot_tell": "cannot_tell"}  # fmt: skip
            rows = [
                (
                    fact_name(k, card.hazard, words, weather=weather),
                    as_text(replace(facts[k], value=row[c], low=None, high=None), words),
                )
                for k, c in columns.items()
                if k in facts and row.get(c) is not None
            ]
        rows.append(
            (
                words("Share of it affected"),
                words("{number} %", number=words.number(100 * _share(card, row))),
            )
        )
        lines = [
            element("div", element("dt", n), element("dd", element("bdi", t), class_="plain"))
            for n, t in rows
        ]
        return joined(
            element("h3", element("bdi", name)),
            element("dl", lines, class_="big"),
            element("p", words("Compared with the years 1991 to 2020, where they were at hand."),
                    class_="fine"),
        )  # fmt: skip

    def _series(self, card: Card) -> Markup:
        """Return the share affected in every product of the same place and method."""
        words = self._words
        same = [c for c in reversed(self._cards)
                if (c.place, c.indicator) == (card.place, card.indicator)]  # fmt: skip
        points = [(c.entry.datetime, 100 * _share(c, _unit(c, self.state.unit))) for c in same]
        title = words("Share affected, percent")
        rows = [(f"{m:%Y-%m-%d}", words.number(v, 1)) for m, v in points]
        told = table(title, [words("Date"), words("Share affected, percent")], rows)
        if len(points) < 2:  # noqa: PLR2004 - a line has two ends
            return joined(
                element("p", words("One product so far: the series grows with each one.")), told
            )
        change = points[-1][1] - points[0][1]
        trend = words(
            "From {first} to {last} the share changed by {change} points.",
            first=f"{points[0][0]:%Y-%m-%d}",
            last=f"{points[-1][0]:%Y-%m-%d}",
            change=words.number(change, 1),
        )
        years = [(m.timestamp() / _YEAR_S, v) for m, v in points]
        ticks = {m.timestamp() / _YEAR_S: f"{m:%Y-%m-%d}" for m, _ in (points[0], points[-1])}
        return joined(line_chart(title, years, ticks, "%"), element("p", trend), told)

    def _classes(self, card: Card) -> Markup:
        words, facts = self._words, store.package(card.entry.folder).facts
        keys = [k for k, f in facts.items()
                if k.startswith("event_") and k.endswith("_area_km2") and k != "event_area_km2"
                and f.layer not in {"", "state.tif"}]  # fmt: skip
        if not keys:
            return element("p", words("This product tells no classes."))
        rows = [
            (
                _class_name(
                    facts[k].layer, k.removeprefix("event_").removesuffix("_area_km2"), words
                ),
                as_text(facts[k], words),
            )
            for k in keys
        ]
        return table(words("Area by class"), [words("Class"), words("Area")], rows)

    def _show_map(self, card: Card, *, fresh: bool) -> None:
        words, folder = self._words, card.entry.folder
        found = {x.id: x for x in store.layers(folder, card.hazard, words, self._routes)}
        measures = [n for n in onscreen.raster_names(folder) if n not in _ASIDE]
        if self._layer not in measures:
            self._layer = measures[0] if measures else ""
        shown: list[Layer] = [x for x in found.values() if x.vectors and x.visible]
        shown += [found[n] for n in ("excluded", "not_observed") if n in found]
        if self._layer:
            chosen = store.with_picture(found[self._layer], folder)
            shown.append(replace(chosen, visible=True))
        elif "event" in found:
            shown.append(replace(found["event"], side=""))
        self.page.layers = [x.as_json() for x in shown]
        if fresh:
            self.page.fit = list(onscreen.extent_of(folder))
        options = [
            element("option", found[n].title, value=n, selected=n == self._layer) for n in measures
        ]
        scale = onscreen.scale(folder, self._layer) if self._layer else None
        self.page.fill(
            choice=joined(
                element(
                    "label",
                    element("span", words("Map")),
                    element("select", options, id="look", data_act="look"),
                    class_="field",
                ),
                ramp(scale, words)
                if scale
                else legend(store.class_keys(folder, self._layer or "state", words)),
            )
        )

    # ---- what people do ------------------------------------------------------------------------

    def _act(self, act: str, message: Mapping[str, Any]) -> None:
        handler = getattr(self, f"_on_{act}", None)
        if handler is not None:
            arg = message.get("arg", "")
            self.page.say("")
            handler(arg if isinstance(arg, str) else "", message)

    def _on_language(self, _arg: str, message: Mapping[str, Any]) -> None:
        lang = words_in(str(message.get("value"))).language
        self.state = replace(self.state, lang=lang)
        self._dress()

    def _on_theme(self, _arg: str, _message: Mapping[str, Any]) -> None:
        dark = self.state.theme == "dark"
        self.state = replace(self.state, theme="light" if dark else "dark")
        self._dress()

    def _on_choose(self, arg: str, _message: Mapping[str, Any]) -> None:
        if arg not in {c.entry.product_id for c in self._cards}:
            raise InputError(
                self._words("There is no such product here; choose one from the list.")
            )
        self.state = replace(self.state, product=arg, unit="")
        self._show(fresh=True)

    def _on_pick(self, _arg: str, message: Mapping[str, Any]) -> None:
        self._on_unit(str(message.get("value", "")), message)

    def _on_unit(self, arg: str, _message: Mapping[str, Any]) -> None:
        card = self._card()
        if card is None:
            return
        if arg and _unit(card, arg) is None:
            raise InputError(self._words("There is no such district here; choose one of the list."))
        self.state = replace(self.state, unit=arg)
        self._show()

    def _on_look(self, _arg: str, message: Mapping[str, Any]) -> None:
        card = self._card()
        if card is not None:
            self._layer = str(message.get("value"))
            self._show_map(card, fresh=False)


def _class_name(layer: str, name: str, words: Words) -> str:
    """Return a class of a grading in words."""
    row = VARIABLES.get(layer.removesuffix(".tif"))
    flags = None if row is None else row.flags
    if flags is None or not issubclass(flags, IntEnum) or name.upper() not in flags.__members__:
        return name.replace("_", " ")
    return words(wording.class_name(flags[name.upper()]))


def _unit(card: Card, code: str) -> Mapping[str, Any] | None:
    units = store.package(card.entry.folder).facts.units
    return next((r for r in units if code and r["pcode"] == code), None)


def _share(card: Card, row: Mapping[str, Any] | None) -> float:
    """Return the share of what was told of a place that is affected [0-1]."""
    facts = store.package(card.entry.folder).facts
    if row is not None:
        whole = float(row["area_km2"]) - float(row["excluded_km2"]) - float(row["not_observed_km2"])
        return float(row["event_km2"]) / whole if whole > 0 else 0.0
    names = ("area_km2", "excluded_area_km2", "not_observed_area_km2", "event_area_km2")
    area, excluded, unseen, event = (float(facts[n].value or 0) for n in names)  # type: ignore[arg-type]
    told = area - excluded - unseen
    return event / told if told > 0 else 0.0
