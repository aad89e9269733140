"""The briefing: which disasters, where, how many people, how sure, how old, what next."""

import base64
import binascii
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import panel as pn
from markupsafe import Markup
from shapely.geometry import shape

from reliefscope.errors import InputError, ReliefscopeError
from reliefscope.products import onscreen
from reliefscope.products.catalog import Package
from reliefscope.products.facts import Facts
from reliefscope.products.lineage import explain
from reliefscope.products.telling import as_text
from reliefscope.views import away, sections, shared, store, telling
from reliefscope.views.areas import as_csv, unit_facts
from reliefscope.views.map import Layer, map_words
from reliefscope.views.markup import element, joined
from reliefscope.views.page import Page
from reliefscope.views.parts import button
from reliefscope.views.state import State, as_query, corners, from_query
from reliefscope.views.store import Card, Routes, ZoneFacts
from reliefscope.views.upload import LARGEST_BYTES, area_of
from reliefscope.views.wording import FACTS, fact_name
from reliefscope.words import Words, words_in

_LARGEST_FILE = 60_000_000


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Briefing(pn.viewable.Viewer):
    """Products of a catalog on one page, with map, numbers, origin of the numbers, and files.

    Parameters
    ----------
    catalog : Path
        Folder of the catalog.
    query : str
        Query of a share link.
    routes : Routes
        Where a server hands out tiles and files; without it they go through the session.
    zone : callable, optional
        Counts the numbers of a drawn area.
    clock : callable
        Returns the present moment, for the age of images.
    """

    def __init__(
        self,
        catalog: Path,
        *,
        query: str = "",
        routes: Routes | None = None,
        zone: ZoneFacts | None = None,
        clock: Callable[[], dt.datetime] = _now,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # untyped in Panel
        self._catalog, self._routes, self._zone = catalog, routes or Routes(), zone
        self._clock = clock
        self.state, refused = from_query(query)
        self._layers: Mapping[str, Layer] = {}
        self._area: tuple[str, Facts] | None = None
        self._loaded: set[str] = set()
        self.page = Page(self._act)
        self._cards = store.cards(catalog)
        if not self.state.product and self._cards:
            first = (self._matching() or self._cards)[0]
            self.state = replace(self.state, product=first.entry.product_id)
        self._dress()
        self.page.param.watch(self._moved, ["view", "swipe", "drawn", "clicked", "mode"])
        if refused:
            self.page.say(
                self._words(
                    "Parts of this link were not understood and left out: {names}.",
                    names=", ".join(refused),
                )
            )

    def __panel__(self) -> pn.viewable.Viewable:
        """Return the page."""
        return self.page

    @property
    def _words(self) -> Words:
        return words_in(self.state.lang)

    # ---- what is shown -------------------------------------------------------------------------

    def _dress(self) -> None:
        """Show everything anew: at first, and in another language."""
        words, state = self._words, self.state
        self._layers = {}
        self.page.param.update(
            layout=shared.frame(
                state.text, state.hazard, state.since, state.theme, words, empty=not self._cards
            ),
            dress={
                "lang": state.lang,
                "dir": "rtl" if words.rtl else "ltr",
                "theme": state.theme,
                "title": words("ReliefScope briefing"),
            },
            theme=state.theme,
            words=map_words(words),
        )
        self._show_list()
        self._show_product(fresh=True)

    def _matching(self) -> list[Card]:
        """Return the cards that the search finds."""
        state = self.state
        wanted = state.text.casefold().split()
        return [
            c
            for c in self._cards
            if (not state.hazard or str(c.hazard) == state.hazard)
            and (not state.since or c.entry.datetime.date().isoformat() >= state.since)
            and all(w in f"{c.title} {c.place} {c.entry.product_id}".casefold() for w in wanted)
        ]

    def _show_list(self) -> None:
        if self._cards:
            found = self._matching()
            self.page.fill(list=shared.event_list(found, self.state.product, self._words))

    def _card(self) -> Card | None:
        found = [c for c in self._cards if c.entry.product_id == self.state.product]
        return found[0] if found else None

    def _show_product(self, *, fresh: bool) -> None:
        """Show the chosen product, or why it cannot be shown."""
        card, words = self._card(), self._words
        if card is None:
            if self._cards:
                self.page.say(words("There is no such product here; choose one from the list."))
            return
        folder, state = card.entry.folder, self.state
        try:
            told, package = store.record(folder), store.package(folder)
            self._layers = shared.layers(folder, card.hazard, words, self._routes)
        except (ReliefscopeError, OSError) as error:
            self.page.fill(head=element("h1", words("This product cannot be shown")))
            self.page.say(str(error))
            return
        self.page.fill(
            marks=telling.marks(told, store.age(card.entry.datetime, self._clock()), words),
            changed=shared.changed(folder, self._before(card), words),
            caption=Markup("{}").format(
                words("The table of districts below tells the same as this map.")
            ),
            time=self._time(card),
            **shared.product(folder, card.hazard, state.fact, state.unit, words, self._routes),
        )
        self._show_chain()
        self._show_layers()
        if fresh:
            at = self.state.view
            self.page.param.update(
                fit=list(onscreen.extent_of(folder)),
                view={} if at is None else dict(zip(("lon", "lat", "zoom"), at, strict=True)),
                swipe=self.state.swipe,
                drawn=self.state.geometry,
            )
            self._count_area(package)
        self._share()

    def _series(self, card: Card) -> list[Card]:
        """Return the products of the same event and method, oldest image first."""
        return [c for c in reversed(self._cards) if c.series == card.series]

    def _before(self, card: Card) -> Path | None:
        series = self._series(card)
        place = series.index(card)
        return series[place - 1].entry.folder if place else None

    def _time(self, card: Card) -> Markup:
        series = self._series(card)
        return sections.over_time(
            card.entry.datetime, series.index(card), len(series), self._words,
            playing=self.page.playing,
        )  # fmt: skip

    def _show_chain(self) -> None:
        card, key = self._card(), self.state.fact
        if card is None:
            return
        package = store.package(card.entry.folder)
        if not key or key not in package.facts:
            self.page.fill(chain=telling.no_chain(self._words))
            return
        weather = store.of_weather(card.entry.folder)
        name = fact_name(key, card.hazard, self._words, weather=weather)
        told = telling.chain(explain(package, key), self._words)
        self.page.fill(chain=joined(element("h3", name), told))

    def _show_layers(self) -> None:
        """Send the layers that are wanted to the map, and list them all with their legend."""
        card = self._card()
        if card is None:
            return
        folder, sent = card.entry.folder, []
        for layer in self._layers.values():
            visible, opacity = self.state.layers.get(layer.id, (layer.visible, layer.opacity))
            if visible or layer.id in self._loaded:
                self._loaded.add(layer.id)
                shown = replace(store.with_picture(layer, folder), visible=visible, opacity=opacity)
                sent.append(shown.as_json())
        self.page.layers = sent
        self._list_layers()

    def _list_layers(self) -> None:
        """List all layers with what they look like."""
        card = self._card()
        if card is not None:
            seen = tuple(sorted(self.state.layers.items()))
            self.page.fill(
                layers=shared.layer_list(
                    card.entry.folder, card.hazard, seen, self._words, self._routes
                )
            )

    def _share(self) -> None:
        """Put the full state into the address, and into the box for copying."""
        query, words = as_query(self.state), self._words
        location, address = pn.state.location, f"?{query}"
        if location is not None:
            if location.search != address:
                location.search = address
            host = f"{location.protocol}//{location.hostname}{_port(location.port)}"
            address = f"{host}{location.pathname}?{query}"
        self.page.fill(
            share=element(
                "div",
                element("input", id="link", readonly=True, value=address, dir="ltr",
                        aria_label=words("Link to what you see")),
                button(words("Copy link"), "copy", "link", id="copy"),
                class_="share",
            )
        )  # fmt: skip

    # ---- what people do ------------------------------------------------------------------------

    def _act(self, act: str, message: Mapping[str, Any]) -> None:
        handler = getattr(self, f"_on_{act}", None)
        if handler is None:
            return
        arg = message.get("arg", "")
        self.page.say("")
        handler(arg if isinstance(arg, str) else "", message)

    def _set(self, **changes: Any) -> None:  # noqa: ANN401 - fields of State
        self.state = replace(self.state, **changes)

    def _on_language(self, _arg: str, message: Mapping[str, Any]) -> None:
        lang = str(message.get("value"))
        words_in(lang)
        self._set(lang=lang)
        self._dress()
        if self._area is not None:
            self._show_area(*self._area)

    def _on_theme(self, _arg: str, _message: Mapping[str, Any]) -> None:
        self._set(theme="light" if self.state.theme == "dark" else "dark")
        self._dress()

    def _on_search(self, _arg: str, message: Mapping[str, Any]) -> None:
        values = message.get("values")
        if not isinstance(values, dict):
            return
        wanted = {k: str(values.get(k, "")) for k in ("text", "hazard", "since")}
        asked = "&".join(f"{k}={v}" for k, v in wanted.items() if k != "text" and v)
        read, refused = from_query(asked)
        self._set(hazard=read.hazard, since=read.since,
                  text="".join(c for c in wanted["text"] if c.isprintable())[:80])  # fmt: skip
        self._show_list()
        count = len(self._matching())
        found = self._words.several("{count} product found.", "{count} products found.", count)
        self.page.say(", ".join(refused) or found)
        self._share()

    def _on_choose(self, arg: str, _message: Mapping[str, Any]) -> None:
        if arg not in {c.entry.product_id for c in self._cards}:
            raise InputError(
                self._words("There is no such product here; choose one from the list.")
            )
        self._area = None
        self._loaded = set()
        self._set(product=arg, view=None, area=(), unit="", fact="")
        self._show_list()
        self._show_product(fresh=True)

    def _on_time(self, _arg: str, message: Mapping[str, Any]) -> None:
        card = self._card()
        if card is not None:
            series = self._series(card)
            place = min(max(int(str(message.get("value", 0))), 0), len(series) - 1)
            self._set(product=series[place].entry.product_id)
            self._loaded = set()
            self._show_list()
            self._show_product(fresh=False)

    def _on_step(self, _arg: str, _message: Mapping[str, Any]) -> None:
        card = self._card()
        if card is not None:
            series = self._series(card)
            self._on_time("", {"value": (series.index(card) + 1) % len(series)})

    def _on_play(self, _arg: str, _message: Mapping[str, Any]) -> None:
        self.page.playing = not self.page.playing
        card = self._card()
        if card is not None:
            self.page.fill(time=self._time(card))

    def _on_explain(self, arg: str, _message: Mapping[str, Any]) -> None:
        self._set(fact="" if arg == self.state.fact else arg)
        card = self._card()
        if card is not None:
            package = store.package(card.entry.folder)
            self.page.fill(
                facts=telling.facts(
                    package.facts,
                    card.hazard,
                    self.state.fact,
                    self._words,
                    weather=store.of_weather(card.entry.folder),
                )
            )
            self._show_chain()
            if self.state.fact:
                self.page.say(self._words("The origin of the number is shown under the map."))
            self._share()

    def _on_see(self, arg: str, message: Mapping[str, Any]) -> None:
        if arg in self._layers:
            layer = self._layers[arg]
            _, opacity = self.state.layers.get(arg, (layer.visible, layer.opacity))
            self._set(layers={**self.state.layers, arg: (bool(message.get("value")), opacity)})
            self._show_layers()
            self._share()

    def _on_opacity(self, arg: str, message: Mapping[str, Any]) -> None:
        if arg in self._layers:
            layer = self._layers[arg]
            visible, _ = self.state.layers.get(arg, (layer.visible, layer.opacity))
            percent = min(max(int(str(message.get("value"))), 0), 100)
            self._set(layers={**self.state.layers, arg: (visible, percent / 100)})
            self._list_layers()
            self._share()

    def _on_mode(self, arg: str, _message: Mapping[str, Any]) -> None:
        if arg in {"box", "polygon"}:
            self.page.mode = arg
            self.page.say(
                self._words("Draw on the map; Escape stops. By keyboard, type the coordinates.")
            )

    def _on_clear(self, _arg: str, _message: Mapping[str, Any]) -> None:
        self._area = None
        self._set(area=(), unit="")
        self.page.param.update(mode="", drawn={})
        self.page.fill(area=Markup(""))
        card = self._card()
        if card is not None:
            stated = store.package(card.entry.folder).facts
            self.page.fill(worst=telling.worst(stated, "", self._words))
        self._share()

    def _on_whole(self, _arg: str, _message: Mapping[str, Any]) -> None:
        fit = list(self.page.fit)
        self.page.fit = []
        self.page.fit = fit

    def _on_copy(self, _arg: str, _message: Mapping[str, Any]) -> None:
        self.page.say(self._words("The link is copied: it opens what you see now."))

    def _on_too_large(self, arg: str, _message: Mapping[str, Any]) -> None:
        mb = self._words.number(LARGEST_BYTES / 1e6)
        self.page.say(
            self._words("{name} is too large: at most {mb} MB are read.", name=arg[:60], mb=mb)
        )

    def _on_upload(self, arg: str, message: Mapping[str, Any]) -> None:
        try:
            content = base64.b64decode(str(message.get("content", "")), validate=True)
        except binascii.Error as error:
            raise InputError("the file did not arrive whole; choose it again") from error
        self._take_area(area_of(arg, content))

    def _on_typed(self, _arg: str, message: Mapping[str, Any]) -> None:
        values = message.get("values")
        text = str(values.get("box", "")) if isinstance(values, dict) else ""
        try:
            west, south, east, north = (float(x) for x in text.replace(";", ",").split(","))
        except ValueError as error:
            raise InputError(
                self._words("Type four numbers in degrees: west, south, east, north.")
            ) from error
        ring = [[west, south], [east, south], [east, north], [west, north]]
        self._take_area({"coordinates": [ring]})

    def _on_pick(self, _arg: str, message: Mapping[str, Any]) -> None:
        self._on_unit(str(message.get("value", "")), message)

    def _on_unit(self, arg: str, _message: Mapping[str, Any]) -> None:
        card = self._card()
        if card is None or not arg:
            return
        package = store.package(card.entry.folder)
        row = next((r for r in package.facts.units if r["pcode"] == arg), None)
        if row is None:
            raise InputError(self._words("There is no such district here; choose one of the list."))
        self._set(unit=arg, area=())
        self.page.param.update(drawn={}, mode="")
        self.page.fill(worst=telling.worst(package.facts, arg, self._words))
        self._show_area(str(row["name"]), unit_facts(package.facts, row))
        self._share()

    def _on_csv(self, _arg: str, _message: Mapping[str, Any]) -> None:
        if self._area is not None:
            name, numbers = self._area
            self.page.hand_over("area.csv", as_csv(name, numbers).encode("utf-8-sig"), "text/csv")

    def _on_file(self, arg: str, _message: Mapping[str, Any]) -> None:
        """Hand over a file of the package, which is looked up among those that are there."""
        card = self._card()
        there = {} if card is None else {p.name: p for p in card.entry.folder.iterdir()}
        if arg not in there or not there[arg].is_file():
            raise InputError(self._words("There is no such file in this package."))
        if there[arg].stat().st_size > _LARGEST_FILE:
            raise InputError(
                self._words("{name} is too large to pass on here; take it from the catalog.",
                            name=arg)
            )  # fmt: skip
        self.page.hand_over(arg, there[arg].read_bytes())

    # ---- areas ---------------------------------------------------------------------------------

    def _moved(self, *events: Any) -> None:  # noqa: ANN401 - of param
        """Take over what happened on the map itself."""
        for event in events:
            if event.name == "view" and event.new:
                self._set(view=tuple(float(event.new[k]) for k in ("lon", "lat", "zoom")))
            elif event.name == "swipe" and event.new >= 0:
                self._set(swipe=round(float(event.new), 2))
            elif event.name == "drawn" and event.new:
                found = corners(event.new)
                if found != self.state.area:
                    self._take_area(event.new)
                    return
            elif event.name == "clicked":
                self._clicked(event.new)
        self._share()

    def _clicked(self, what: Mapping[str, Any]) -> None:
        properties = what.get("properties") or {}
        if what.get("layer") == "administrativeA" and isinstance(properties, dict):
            self._on_unit(str(properties.get("pcode", "")), {})
        elif properties.get("name"):
            told = " · ".join(str(v)[:80] for k, v in properties.items() if k in _TOLD and v)
            self.page.say(told)

    def _take_area(self, geometry: Mapping[str, Any]) -> None:
        """Make ``geometry`` the chosen area, and count it."""
        card = self._card()
        if card is None:
            return
        try:
            self._set(area=corners(geometry), unit="")
        except InputError as error:
            self.page.say(str(error))
            return
        self.page.drawn = self.state.geometry
        package = store.package(card.entry.folder)
        self.page.fill(worst=telling.worst(package.facts, "", self._words))
        self._count_area(package)
        self._share()

    def _count_area(self, package: Package) -> None:
        words = self._words
        if self.state.unit:
            self._on_unit(self.state.unit, {})
            return
        if not self.state.area:
            return
        if self._zone is None:
            self.page.say(words("Numbers of drawn areas cannot be counted here."))
            return
        asked, geometry, zone = self.state, shape(self.state.geometry), self._zone
        if away.run(
            lambda: zone(package.folder, geometry), lambda told: self._counted(asked, told)
        ):
            self.page.say(words("Counting the area."))

    def _counted(self, asked: State, told: Facts | ReliefscopeError) -> None:
        """Show the numbers of an area, unless something else was chosen meanwhile."""
        if (self.state.area, self.state.product) != (asked.area, asked.product):
            return
        if isinstance(told, ReliefscopeError):
            self._area = None
            self.page.fill(area=element("p", str(told)))
            self.page.say(str(told))
        else:
            self._show_area(self._words("Drawn area"), told)

    def _show_area(self, name: str, numbers: Facts) -> None:
        card, words = self._card(), self._words
        if card is None:
            return
        self._area = (name, numbers)
        weather = store.of_weather(card.entry.folder)
        rows = [
            (fact_name(key, card.hazard, words, weather=weather), as_text(numbers[key], words))
            for key in FACTS
            if key in numbers and numbers[key].value is not None
        ]
        self.page.fill(area=telling.area_numbers(name, rows, words))
        self.page.say(words("Numbers of {name} are shown.", name=name))


_TOLD = frozenset({"name", "kind", "class", "status", "population"})


def _port(port: object) -> str:
    return f":{port}" if port else ""
