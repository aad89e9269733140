"""Markup that is the same for all who look at a product: made once, and shared by their pages."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from markupsafe import Markup

from reliefscope.errors import ReliefscopeError
from reliefscope.model.event import Hazard
from reliefscope.products import onscreen
from reliefscope.views import sections, store, telling
from reliefscope.views.map import Layer
from reliefscope.views.markup import element, joined
from reliefscope.views.state import State
from reliefscope.views.store import Card, Routes
from reliefscope.words import SOURCE, Words, words_in

_KEPT = 512
Seen = tuple[tuple[str, tuple[bool, float]], ...]
"""Visible and opacity of the layers that somebody changed, sorted by name."""


@lru_cache(maxsize=_KEPT)
def frame(text: str, hazard: str, since: str, theme: str, words: Words, *, empty: bool) -> str:
    """Return the frame of the briefing."""
    state = State(text=text, hazard=hazard, since=since, theme=theme)
    return str(sections.layout(state, words, empty=empty))


@lru_cache(maxsize=_KEPT)
def layers(folder: Path, hazard: Hazard, words: Words, routes: Routes) -> Mapping[str, Layer]:
    """Return all that a map of a package can show, by name."""
    return MappingProxyType({x.id: x for x in store.layers(folder, hazard, words, routes)})


@lru_cache(maxsize=_KEPT)
def product(
    folder: Path, hazard: Hazard, fact: str, unit: str, words: Words, routes: Routes
) -> Mapping[str, Markup]:
    """Return the regions that say what a product is; ``fact`` and ``unit`` are those chosen."""
    told, package = store.record(folder), store.package(folder)
    return MappingProxyType(
        {
            "head": telling.head(told, hazard, words),
            "facts": telling.facts(
                package.facts, hazard, fact, words, weather=store.of_weather(folder)
            ),
            "worst": telling.worst(package.facts, unit, words),
            "files": sections.files(folder, routes, words),
            "area_form": sections.area_form(package, unit, words),
        }
    )


@lru_cache(maxsize=_KEPT)
def changed(folder: Path, before: Path | None, words: Words) -> Markup:
    """Return what has changed since the product before it."""
    last = store.package(before) if before else None
    return telling.changed(store.package(folder), last, words)


@lru_cache(maxsize=_KEPT)
def layer_list(folder: Path, hazard: Hazard, seen: Seen, words: Words, routes: Routes) -> Markup:
    """Return the list of layers, each with its switch and what it looks like."""
    lines, by_name = [], dict(seen)
    for layer in layers(folder, hazard, words, routes).values():
        visible, opacity = by_name.get(layer.id, (layer.visible, layer.opacity))
        lines.append(sections.layer_line(layer, folder, words, visible=visible, opacity=opacity))
    unseen = element("p", words("White or plain ground: seen, and nothing was found."),
                     class_="fine")  # fmt: skip
    return joined(element("ul", lines, class_="layers"), unseen)


def event_list(found: Sequence[Card], chosen: str, words: Words) -> Markup:
    """Return the products as cards of plain words, or what to do where there is none."""
    return _event_list(_Cards(found), chosen, words)


class _Cards(tuple[Card, ...]):
    """Cards that are equal where they are the same objects, whatever they hold."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(tuple(map(id, self)))

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, _Cards) and len(self) == len(other)
        return same and all(a is b for a, b in zip(self, other, strict=True))  # type: ignore[call-overload]


@lru_cache(maxsize=64)
def _event_list(found: _Cards, chosen: str, words: Words) -> Markup:
    return telling.event_list(found, chosen, words)


def warm(catalog: Path, routes: Routes) -> None:
    """Make what the first visitor of a catalog will see; nothing where it cannot be made."""
    words = words_in(SOURCE)
    for card in store.cards(catalog)[:1]:
        folder, hazard = card.entry.folder, card.hazard
        with contextlib.suppress(ReliefscopeError, OSError):
            product(folder, hazard, "", "", words, routes)
            layer_list(folder, hazard, (), words, routes)
            for layer in layers(folder, hazard, words, routes).values():
                if layer.visible and layer.image:
                    onscreen.layer_picture(folder, layer.id)
