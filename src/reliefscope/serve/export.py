"""A briefing as one HTML file that opens from a disk and asks nobody for anything."""

import base64
import datetime as dt
import json
from io import BytesIO
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from reliefscope.errors import InputError
from reliefscope.model.event import Hazard
from reliefscope.products import onscreen, tiles
from reliefscope.products.index import entry_of, items
from reliefscope.products.sheet.tables import ranged
from reliefscope.serve import lite, pages
from reliefscope.serve.shelf import Shown
from reliefscope.views import store
from reliefscope.views.map import BUNDLE, Layer, map_words
from reliefscope.views.store import Routes
from reliefscope.words import Words

_WIDTH = 704
_PICTURE_BYTES = 200_000
_SIDE = 1024


def export_page(shown: Shown, words: Words, now: dt.datetime) -> str:
    """Return the briefing of a product as one HTML document.

    Parameters
    ----------
    shown : Shown
        The product.
    words : Words
        The reader's language.
    now : datetime
        When it is made.
    """
    told = lite.briefing(shown, words, now)
    picture = tiles.slim(shown.entry.folder / "thumbnail.png", _PICTURE_BYTES)
    likelihood = ""
    if "likelihood.tif" in shown.assets and ranged(shown.facts):
        path = shown.assets["likelihood.tif"].path
        likelihood = _data(tiles.picture(path, "likelihood", _SIDE))
    told["picture_height"] = height_of(picture)
    layers = _layers(shown, words)
    state = {
        "layers": [layer.as_json() for layer in layers],
        "fit": list(onscreen.extent_of(shown.entry.folder)),
        "swipe": 0.5,
        "words": map_words(words),
    }
    script = BUNDLE.read_text(encoding="utf-8")
    return pages.render(
        "export.html", words, p=told, picture=_data(picture), likelihood=likelihood,
        style_hash=pages.style_hash(), root="", here="", others={}, user="",
        layers=layers, script=Markup(script), script_hash=pages.hash_of(script),  # noqa: S704 - our own

        map_state=Markup(json.dumps(state).replace("<", "\\u003c")),  # noqa: S704 - no markup is left
    )  # fmt: skip


def _layers(shown: Shown, words: Words) -> tuple[Layer, ...]:
    """Return what the map shows at first, with all that it needs in it."""
    folder, hazard = shown.entry.folder, Hazard(shown.entry.hazard)
    found = store.layers(folder, hazard, words, Routes())
    return tuple(store.with_picture(layer, folder) for layer in found if layer.visible)


def height_of(picture: bytes) -> int:
    """Return how high a picture stands when it is as wide as the page."""
    with Image.open(BytesIO(picture)) as image:
        return round(_WIDTH * image.height / image.width)


def shown_in(folder: Path) -> Shown:
    """Return the package in a folder.

    Raises
    ------
    InputError
        There is none.
    """
    for path, document in items(folder.resolve().parent):
        if path.parent == folder.resolve():
            return Shown(entry_of(path, document))
    raise InputError(f"{folder} is no package: it has no item.json")


def _data(picture: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
