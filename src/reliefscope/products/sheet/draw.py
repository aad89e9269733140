"""Draw the sheet: map, locator and code first, then the page around them."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import segno
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reliefscope.model.cube import State
from reliefscope.products.layers import Layers
from reliefscope.products.sheet import raster
from reliefscope.products.sheet.content import SheetContent, SheetFiles
from reliefscope.products.sheet.details import Part, mark_index, parts_to_detail
from reliefscope.products.sheet.document import describe
from reliefscope.products.sheet.document import remarks as told_notes
from reliefscope.products.sheet.graticule import letters
from reliefscope.products.sheet.layout import Layout, known_paper, plan_detail, plan_layout
from reliefscope.products.sheet.locator import draw_globe, draw_region
from reliefscope.products.sheet.map_frame import Drawn, draw_map
from reliefscope.products.sheet.setting import compiler, logo_name, setting
from reliefscope.products.sheet.styling import base_inks, class_inks
from reliefscope.products.sheet.text import fonts_folder
from reliefscope.words import Words

PPI = 200
_REGION_MM = {
    "wide": (56.0, 39.0),
    "tall": (80.0, 57.0),
    "portrait": (80.0, 39.0),
    "front": (60.0, 34.0),
}
_BACK_COLUMN_MM = (90.0, 68.0)
"""Width of the locator of a folded sheet, across and upright."""
"""Greatest and least height of the locator, as in the template."""
_PDF_STANDARDS: Any = ["a-2a", "ua-1"]
_SWATCH_DOTS = (50, 100)
_THUMBNAIL_SIDE, _INDEX_SIDE = 512, 900
_WHOLE: Part = (slice(None), slice(None))
_SWATCHES = {
    "event": State.EVENT,
    "reference": State.REFERENCE,
    "no_event": State.NO_EVENT,
    "excluded": State.EXCLUDED,
    "not_observed": State.NOT_OBSERVED,
}


def draw_sheet(content: SheetContent, folder: Path, *, paper: str | None = None) -> SheetFiles:
    """Draw the situation map sheet as PDF and as PNG of 200 dots per inch.

    Parameters
    ----------
    content : SheetContent
        What to show, in the language of its words.
    folder : Path
        Where ``sheet.<language>.pdf`` and ``sheet.<language>.png`` go.
    paper : str, optional
        A3, or A4 with text on the back; that of the policy by default. The page is upright where
        the area is larger on it.

    Returns
    -------
    SheetFiles
        The two files, the PDF tagged (PDF/UA-1) and fit for archives (PDF/A-2a).

    Raises
    ------
    InputError
        The paper is another one, or the office's template is at fault.
    """
    (files,) = draw_sheets(content, folder, [content.words], paper=paper)
    return files


def draw_sheets(
    content: SheetContent,
    folder: Path,
    spoken: Sequence[Words],
    *,
    paper: str | None = None,
) -> list[SheetFiles]:
    """Draw the sheet in several languages; the map is drawn once where directions read alike.

    A large area has further sheets, ``sheet.<language>.detail<n>.pdf``: see
    `reliefscope.products.sheet.details.parts_to_detail`. The rest is as in `draw_sheet`.
    """
    layers, paper = content.layers, known_paper(paper or content.policy.paper)
    remarks = layers.advisory.bit_count() + len(told_notes(content)) + bool(content.draft)
    whole = plan_layout(layers.grid, remarks, paper)
    parts = parts_to_detail(layers, whole)
    layouts = [whole, *(plan_detail(whole, layers.grid, part, remarks) for part in parts)]
    drawn: list[list[SheetFiles]] = [[] for _ in spoken]
    first = replace(content, words=spoken[0])
    with tempfile.TemporaryDirectory(prefix="sheets-") as shared:
        for number, layout in enumerate(layouts):
            with tempfile.TemporaryDirectory(prefix="sheet-") as temporary:
                press = prepare(first, layout, Path(temporary), parts, number, Path(shared))
                for told, words in zip(drawn, spoken, strict=True):
                    told.append(press.print(replace(content, words=words), folder))
    return [replace(first, details=tuple(rest)) for first, *rest in drawn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One sheet with its pictures drawn: what is left is to set the words of a language."""

    layout: Layout
    drawn: Drawn
    work: Path
    code: bool
    """Whether the link fits into a QR code."""
    detail: tuple[int, int]
    """Number of this detail sheet, 0 for the overview, and how many there are."""

    parts: tuple[Part, ...] = ()
    """Rows and columns of the detail sheets that the map frames."""

    def write(self, content: SheetContent) -> None:
        """Write what the template reads in the language of ``content``."""
        document = describe(content, self.layout, self.drawn, self.detail)
        document["qr"] = self.code
        text = json.dumps(document, ensure_ascii=False)
        (self.work / "data.json").write_text(text, encoding="utf-8")
        drawn = _map_file(content, self.work)
        if not drawn.is_file():
            draw_map(content, self.layout, drawn, self.parts)
        shutil.copyfile(drawn, self.work / "map.svg")

    def print(self, content: SheetContent, folder: Path) -> SheetFiles:
        """Set the page in the language of ``content``."""
        number, lang = self.detail[0], content.words.language
        name = f"sheet.{lang}.detail{number}" if number else f"sheet.{lang}"
        files = SheetFiles(pdf=folder / f"{name}.pdf", png=folder / f"{name}.png")
        self.write(content)
        with setting(content.policy):
            page = compiler(self.work / "template.typ", content.policy)
            moment = int(content.released.timestamp())
            page.compile(
                output=files.pdf, format="pdf", pdf_standards=_PDF_STANDARDS, timestamp=moment
            )
            pixels = page.compile(format="png", ppi=PPI)
        sides = [pixels] if isinstance(pixels, bytes) else list(pixels or ())
        _save(sides[0], files.png)
        if len(sides) > 1:
            files = replace(files, back=folder / f"{name}.back.png")
            _save(sides[1], folder / f"{name}.back.png")
        return files


def _map_file(content: SheetContent, work: Path) -> Path:
    """Return where the map goes: one for all languages that write directions alike."""
    return work / f"map.{'-'.join(letters(content.words))}.svg"


def _save(pixels: bytes, path: Path) -> None:
    with Image.open(BytesIO(pixels)) as image:
        raster.slimmed(image).save(path, dpi=(PPI, PPI), compress_level=4)


def draw_thumbnail(content: SheetContent, path: Path) -> Path:
    """Draw the map's pixels without marginalia as PNG, 512 pixels on the longer side at most."""
    image = _small(content, _THUMBNAIL_SIDE)
    words = ["EXERCISE"] * content.product.exercise + ["DRAFT"] * bool(content.draft)
    if words:
        _stamp(image, " - ".join(words))
    image.save(path, optimize=True)
    return path


def _small(content: SheetContent, side: int) -> Image.Image:
    """Return the map's pixels with at most ``side`` dots a side."""
    rows, columns = content.layers.state.shape
    shrink = side / max(rows, columns)
    shape = max(round(rows * shrink), 1), max(round(columns * shrink), 1)
    entries, grey = _dots(content, shape, fine=True)
    inks = tuple(class_inks(content).values())
    return raster.flattened(entries, grey, inks, base_inks(content))


def _stamp(image: Image.Image, text: str) -> None:
    font = ImageFont.truetype(str(fonts_folder() / "NotoSans-Bold.ttf"), 22)
    pen = ImageDraw.Draw(image)
    width = pen.textlength(text, font=font)
    pen.rectangle((0, 0, width + 16, 34), fill=(178, 24, 74))
    pen.text((8, 2), text, font=font, fill="white")


def prepare(
    content: SheetContent,
    layout: Layout,
    work: Path,
    parts: Sequence[Part] = (),
    number: int = 0,
    shared: Path | None = None,
) -> Press:
    """Draw the pictures that the template reads into ``work``; only the map has words in it.

    Parameters
    ----------
    content : SheetContent
        What to show.
    layout : Layout
        Of this sheet.
    work : Path
        An empty folder.
    parts : sequence
        Rows and columns of each detail sheet.
    number : int
        Of this detail sheet; 0 for the overview.
    shared : Path, optional
        Where pictures are kept that the other sheets of the product have too.
    """
    shared = shared or work
    _draw_pixels(content, layout, work)
    shown = () if number else tuple(parts)
    drawn = draw_map(content, layout, _map_file(content, work), shown)
    area = content.product.event.area
    _once(shared / "globe.svg", work / "globe.svg", lambda path: draw_globe(area, path))
    height, band = _REGION_MM[layout.kind]
    width = layout.side_mm if layout.kind != "front" else _BACK_COLUMN_MM[layout.upright]
    words = content.words
    _once(
        shared / f"region-{words.language}-{width:g}-{height:g}-{band:g}.svg",
        work / "region.svg",
        lambda path: draw_region(area, (width, height), band, path, words),
    )
    if number:
        small = work / "small.png"
        _once(shared / "index.png", small, lambda path: _small(content, _INDEX_SIDE).save(path))
        with Image.open(small) as image:
            mark_index(image, content.layers.state.shape, parts, number, work / "index.png")
    policy = content.policy
    if policy.logo is not None:
        shutil.copyfile(policy.logo, work / logo_name(policy))
    own = policy.template or Path(__file__).with_name("template.typ")
    shutil.copyfile(own, work / "template.typ")
    code = _draw_code(content.item_href, work / "qr.svg")
    detail = number, len(parts)
    return Press(layout=layout, drawn=drawn, work=work, code=code, detail=detail, parts=shown)


def _once(kept: Path, target: Path, draw: Callable[[Path], object]) -> None:
    """Draw a picture the first time that a sheet has it."""
    if not kept.is_file():
        draw(kept)
    if kept != target:
        shutil.copyfile(kept, target)


def _dots(
    content: SheetContent,
    shape: tuple[int, int],
    *,
    fine: bool = False,
    part: Part = _WHOLE,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return palette entries and grey background of the printed dots."""
    layers = content.layers
    shown = np.where(layers.inside[part], layers.state[part], np.uint8(raster.OUTSIDE))
    printed, classes, members = raster.printed_state(shown, shape), None, list(class_inks(content))
    if layers.grading is not None and members:
        event = shown == State.EVENT
        classes = raster.printed_classes(layers.grading.codes[part], event, members, shape)
    entries = raster.inked(printed, fine=fine, classes=classes, members=members)
    return entries, raster.printed_grey(_ground(layers, part), shape)


def _ground(layers: Layers, part: Part) -> NDArray[np.float32] | None:
    """Return the background of a part; it may be coarser than the pixels."""
    if layers.background is None:
        return None
    ratios = [b / s for b, s in zip(layers.background.shape, layers.state.shape, strict=True)]
    rows, columns = (
        p
        if p.stop is None
        else slice(int(p.start * r), max(math.ceil(p.stop * r), int(p.start * r) + 1))
        for p, r in zip(part, ratios, strict=True)
    )
    return layers.background[rows, columns]


def _draw_pixels(content: SheetContent, layout: Layout, work: Path) -> None:
    _, _, width, height = layout.grid_mm
    shape = round(height * raster.DOTS_PER_MM), round(width * raster.DOTS_PER_MM)
    dots = max(shape[0], 1), max(shape[1], 1)
    entries, grey = _dots(content, dots, part=layout.part or _WHOLE)
    Image.fromarray(grey).save(work / "ground.jpg", quality=raster.JPEG_QUALITY)
    inks, base = class_inks(content), base_inks(content)
    raster.overlay_image(entries, tuple(inks.values()), base).save(work / "overlay.png")
    ends = (188, 240) if content.layers.background is not None else (raster.PAPER_GREY,) * 2
    ramp = np.tile(np.linspace(*ends, _SWATCH_DOTS[1]).astype(np.uint8), (_SWATCH_DOTS[0], 1))
    for name, state in _SWATCHES.items():
        patch = raster.inked(np.full(_SWATCH_DOTS, state, dtype=np.uint8))
        raster.flattened(patch, ramp, palette=base).save(work / f"swatch_{name}.png")
    for place, code in enumerate(inks, start=len(raster.PALETTE)):
        patch = np.full(_SWATCH_DOTS, place, dtype=np.uint8)
        image = raster.flattened(patch, ramp, tuple(inks.values()), base)
        image.save(work / f"swatch_class_{code}.png")


def _draw_code(href: str, path: Path) -> bool:
    """Draw the QR code of a link; say whether it fits into one."""
    try:
        code = segno.make_qr(href, error="m")
    except segno.DataOverflowError:
        return False
    code.save(str(path), kind="svg", border=2, unit="mm", light="white")
    return True
