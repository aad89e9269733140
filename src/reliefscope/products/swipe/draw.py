"""The page with the divider: pictures, outline and words in one file."""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from reliefscope.model.cube import State
from reliefscope.products.looks import View
from reliefscope.products.provenance import scrub
from reliefscope.products.sheet import raster, wording
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.policy import COLOURS
from reliefscope.products.sheet.styling import base_inks, class_inks
from reliefscope.products.sheet.text import printable
from reliefscope.words import Words, mark

MOST_BYTES = 3_000_000
MOST_SIDE = 1400
"""Longest side of a picture [pixels]."""
_QUALITIES = (85, 75, 60, 40)
_FIXED = {
    "before": mark("Before"),
    "after": mark("After"),
    "map": mark("Map"),
    "divider": mark("Divider between the left and the right picture"),
    "how": mark("Drag the divider, or use the arrow keys."),
    "outline": mark("Show outline and hatches"),
    "legend": mark("Legend"),
    "outline_of": mark("Outline:"),
    "language": mark("Language"),
    "never": wording.NEVER,
    "excluded": wording.EXCLUDED_NAME,
    "unseen": wording.NOT_OBSERVED_NAME,
    "images": mark("Images and data used"),
}
_NAMES = {"en": "English", "fr": "Français", "es": "Español", "ar": "العربية"}
_EDGE, _CASING, _LINE = raster.Ink(255, 221, 0), raster.Ink(20, 20, 20), raster.Ink(255, 255, 255)
_SHADE = raster.Ink(90, 90, 95, 110)


def draw_swipe(
    content: SheetContent, folder: Path, spoken: Sequence[Words], shown: Sequence[View]
) -> Path | None:
    """Write ``swipe.html`` into ``folder``: all languages in one file, the pictures only once.

    Parameters
    ----------
    content : SheetContent
        What is shown.
    folder : Path
        Where the file goes.
    spoken : sequence of Words
        Languages that a reader may choose from; the first one is shown first.
    shown : sequence of View
        The images, as `reliefscope.products.looks.views` returned them.

    Returns
    -------
    Path or None
        None where the product rests on no image.

    Notes
    -----
    With images before and after the divider stands between them; with one image, between it and
    the map. The page has its scripts within, allowed by their checksum alone, asks for nothing,
    and shows its pictures one below the other where scripts do not run.
    """
    if not shown:
        return None
    seen = [view.at_most(MOST_SIDE) for view in shown]
    shape = seen[-1].seen.shape
    stated = np.where(content.layers.inside, content.layers.state, np.uint8(raster.OUTSIDE))
    state = raster.printed_state(stated, shape)
    pictures = [_picture(v) for v in seen]
    sides = [v.role for v in seen]
    if len(seen) == 1:
        pictures.append(_map(content, pictures[0], state))
        sides.append("map")
    texts = {w.language: _texts(content, w, seen, sides) for w in spoken}
    path = folder / "swipe.html"
    outline, ratio = _outline(state), shape[1] / shape[0]
    for quality in _QUALITIES:
        coded = [_jpeg(p, quality) for p in pictures]
        page = _page(content, spoken, texts, coded, outline, ratio)
        if len(page) < MOST_BYTES:
            break
    path.write_bytes(page)
    return path


def _picture(view: View) -> Image.Image:
    return Image.fromarray(view.pixels).convert("RGB")


def _map(content: SheetContent, ground: Image.Image, state: NDArray[np.uint8]) -> Image.Image:
    """Return the map over its image in pale grey."""
    inks, classes = class_inks(content), None
    if content.layers.grading is not None and inks:
        event = content.layers.state == State.EVENT
        codes = content.layers.grading.codes
        classes = raster.printed_classes(codes, event, list(inks), state.shape)
    entries = raster.inked(state, fine=True, classes=classes, members=list(inks))
    grey = np.asarray(ground.convert("L"), np.float32)
    pale = (raster.DARKEST_GREY + grey / 255 * 82).astype(np.uint8)
    return raster.flattened(entries, pale, tuple(inks.values()), base_inks(content))


def _outline(state: NDArray[np.uint8]) -> str:
    """Return the outline of the event and the hatches as a transparent PNG, for a data link."""
    row, column = np.ogrid[: state.shape[0], : state.shape[1]]
    entries = np.zeros(state.shape, np.uint8)
    for code, lines in (
        (State.EXCLUDED, (row + column) % 9 == 0),
        (State.NOT_OBSERVED, ((row + column) % 9 == 0) | ((row - column) % 9 == 0)),
    ):
        there = state == code
        entries[there] = 4
        entries[there & lines] = 3
    event = state == State.EVENT
    edge = event & ~ndimage.binary_erosion(event, border_value=1)
    entries[ndimage.binary_dilation(edge) & ~event] = 2
    entries[edge] = 1
    image = Image.fromarray(entries)
    inks = (raster.Ink(0, 0, 0, 0), _EDGE, _CASING, _LINE, _SHADE)
    image.putpalette([v for ink in inks for v in ink[:3]])
    image.info["transparency"] = bytes(ink.alpha for ink in inks)
    out = BytesIO()
    image.save(out, format="PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _jpeg(image: Image.Image, quality: int) -> str:
    out = BytesIO()
    image.save(out, format="JPEG", quality=quality, optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def _texts(
    content: SheetContent, words: Words, seen: Sequence[View], sides: Sequence[str]
) -> dict[str, Any]:
    """Return all that the page says in one language."""
    product, fixed = content.product, {k: words(v) for k, v in _FIXED.items()}
    labels = [
        f"{fixed[s]}: {_when(v, words)}" if v is not None else fixed[s]
        for s, v in zip(sides, [*seen, None][: len(sides)], strict=True)
    ]
    marks = [words(wording.EXERCISE_LINE)] * product.exercise
    marks += [words(wording.DRAFT_LINE)] * bool(content.draft)
    licences = {printable(g.licence, 110) for v in seen for g in v.granules if g.licence}
    sensors = {printable(g.platform, 40) for v in seen for g in v.granules if g.platform}
    return {
        **fixed,
        "dir": "rtl" if words.rtl else "ltr",
        "title": printable(product.event.title, 140),
        "kind": words(wording.EVENT_NAMES[product.event.hazard][2]),
        "marks": marks,
        "left": labels[0],
        "right": labels[1],
        "event": words(wording.EVENT_NAMES[product.event.hazard][0]),
        "colours": words(seen[-1].kind),
        "facts": [
            (words(label), content.facts.text(key, words))
            for key, label in (
                ("event_area_km2", wording.EVENT_NAMES[product.event.hazard][0]),
                ("observed_fraction", mark("Share of the area observed")),
            )
            if key in content.facts
        ],
        "credits": scrub("; ".join([*sorted(sensors), *sorted(licences)])),
        "producer": content.policy.told("producer", words),
        "disclaimer": content.policy.told("disclaimer", words),
        "released": words("Released {moment}", moment=words.moment(content.released)),
    }


def _when(view: View, words: Words) -> str:
    """Return the day of an image, or the first and the last of several."""
    days = sorted({f"{g.acquired:%Y-%m-%d}" for g in view.granules if g.acquired is not None})
    if not days:
        return words(wording.NOT_AVAILABLE)
    if len(days) == 1:
        return days[0]
    return words(
        "{first} to {last}", first=words.set_apart(days[0]), last=words.set_apart(days[-1])
    )


def _page(
    content: SheetContent,
    spoken: Sequence[Words],
    texts: dict[str, dict[str, Any]],
    pictures: Sequence[str],
    outline: str,
    ratio: float,
) -> bytes:
    """Return the page; its script and style are allowed by their checksums."""
    folder = files("reliefscope.products.swipe")
    style = "".join(f"--{k}:{content.policy.colour(k)};" for k in COLOURS)
    style += f"--ratio:{ratio:.5f};"
    css = f":root{{{style}}}\n" + (folder / "page.css").read_text(encoding="utf-8")
    # "<" is written so that no text can end the script.
    told = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    script = (folder / "page.js").read_text(encoding="utf-8").replace("TEXTS", told)
    first = spoken[0].language
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string((folder / "page.html").read_text(encoding="utf-8")).render(
        t=texts[first],
        lang=first,
        languages=[(w.language, _NAMES.get(w.language, w.language)) for w in spoken],
        css=css,
        script=script,
        css_hash=_checksum(css),
        script_hash=_checksum(script),
        pictures=pictures,
        outline=outline,
        product=content.product_id,
    )
    return page.encode()


def _checksum(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
