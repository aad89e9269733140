"""Draw the sheet: map, locator and code first, then the page around them."""

import json
import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import segno
import typst
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from reliefscope.errors import InputError
from reliefscope.model.cube import State
from reliefscope.products.pictures import class_colours
from reliefscope.products.sheet import raster
from reliefscope.products.sheet.content import SheetContent, SheetFiles
from reliefscope.products.sheet.document import describe
from reliefscope.products.sheet.layout import Layout, plan_layout
from reliefscope.products.sheet.locator import draw_globe, draw_region
from reliefscope.products.sheet.map_frame import draw_map
from reliefscope.products.sheet.text import fonts_folder

PPI = 200
_REGION_MM = {"wide": (56.0, 39.0), "tall": (80.0, 57.0)}
"""Greatest and least height of the locator, as in the template."""
_PDF_STANDARDS: Any = ["a-2a", "ua-1"]
_SWATCH_DOTS = (50, 100)
_THUMBNAIL_SIDE = 512
_SWATCHES = {
    "event": State.EVENT,
    "reference": State.REFERENCE,
    "no_event": State.NO_EVENT,
    "excluded": State.EXCLUDED,
    "not_observed": State.NOT_OBSERVED,
}


def draw_sheet(content: SheetContent, folder: Path, *, paper: str = "A3") -> SheetFiles:
    """Draw the situation map sheet as PDF and as PNG of 200 dots per inch.

    Parameters
    ----------
    content : SheetContent
        What to show.
    folder : Path
        Where ``sheet.<language>.pdf`` and ``sheet.<language>.png`` go.
    paper : str
        Size of the sheet; A3 only, landscape.

    Returns
    -------
    SheetFiles
        The two files, the PDF tagged (PDF/UA-1) and fit for archives (PDF/A-2a).

    Raises
    ------
    InputError
        The paper is another one.
    """
    if paper != "A3":
        raise InputError(f"no sheet on {paper!r}; give paper='A3'")
    lang = content.words.language
    files = SheetFiles(pdf=folder / f"sheet.{lang}.pdf", png=folder / f"sheet.{lang}.png")
    with tempfile.TemporaryDirectory(prefix="sheet-") as temporary:
        work = Path(temporary)
        _prepare(content, work)
        page = typst.Compiler(
            input=work / "template.typ",
            root=work,
            font_paths=[fonts_folder()],
            ignore_system_fonts=True,
        )
        moment = int(content.released.timestamp())
        page.compile(output=files.pdf, format="pdf", pdf_standards=_PDF_STANDARDS, timestamp=moment)
        pixels = page.compile(format="png", ppi=PPI)
    assert isinstance(pixels, bytes), "the template must fill one page"  # noqa: S101 - our bug
    with Image.open(BytesIO(pixels)) as image:
        raster.slimmed(image).save(files.png, dpi=(PPI, PPI), compress_level=6)
    return files


def draw_thumbnail(content: SheetContent, path: Path) -> Path:
    """Draw the map's pixels without marginalia as PNG, 512 pixels on the longer side at most."""
    rows, columns = content.layers.state.shape
    shrink = _THUMBNAIL_SIDE / max(rows, columns)
    shape = max(round(rows * shrink), 1), max(round(columns * shrink), 1)
    entries, grey = _dots(content, shape, fine=True)
    image = raster.flattened(entries, grey, tuple(class_inks(content).values()))
    words = ["EXERCISE"] * content.product.exercise + ["DRAFT"] * bool(content.draft)
    if words:
        _stamp(image, " - ".join(words))
    image.save(path, optimize=True)
    return path


def _stamp(image: Image.Image, text: str) -> None:
    font = ImageFont.truetype(str(fonts_folder() / "NotoSans-Bold.ttf"), 22)
    pen = ImageDraw.Draw(image)
    width = pen.textlength(text, font=font)
    pen.rectangle((0, 0, width + 16, 34), fill=(178, 24, 74))
    pen.text((8, 2), text, font=font, fill="white")


def _prepare(content: SheetContent, work: Path) -> None:
    """Write everything the template reads into ``work``."""
    remarks = content.layers.advisory.bit_count() + len(content.product.notes) + bool(content.draft)
    layout = plan_layout(content.layers.grid, remarks)
    _draw_pixels(content, layout, work)
    drawn = draw_map(content, layout, work / "map.svg")
    area = content.product.event.area
    draw_globe(area, work / "globe.svg")
    height, band = _REGION_MM[layout.kind]
    draw_region(area, (layout.side_mm, height), band, work / "region.svg")
    document = describe(content, layout, drawn)
    document["qr"] = _draw_code(content.item_href, work / "qr.svg")
    (work / "data.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("template.typ"), work / "template.typ")


def class_inks(content: SheetContent) -> dict[int, raster.Ink]:
    """Return the colour of each class of the event; empty where it has none."""
    grading = content.layers.grading
    if grading is None:
        return {}
    colours = class_colours(grading.flags)
    return {
        int(m): raster.Ink(*ImageColor.getrgb(colours[m])[:3])
        for m in grading.flags
        if f"event_{m.name.lower()}_area_km2" in content.facts
    }


def _dots(
    content: SheetContent, shape: tuple[int, int], *, fine: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return palette entries and grey background of the printed dots."""
    layers = content.layers
    shown = np.where(layers.inside, layers.state, np.uint8(raster.OUTSIDE))
    printed, classes, members = raster.printed_state(shown, shape), None, list(class_inks(content))
    if layers.grading is not None and members:
        event = shown == State.EVENT
        classes = raster.printed_classes(layers.grading.codes, event, members, shape)
    entries = raster.inked(printed, fine=fine, classes=classes, members=members)
    return entries, raster.printed_grey(layers.background, shape)


def _draw_pixels(content: SheetContent, layout: Layout, work: Path) -> None:
    _, _, width, height = layout.grid_mm
    shape = round(height * raster.DOTS_PER_MM), round(width * raster.DOTS_PER_MM)
    entries, grey = _dots(content, (max(shape[0], 1), max(shape[1], 1)))
    Image.fromarray(grey).save(work / "ground.jpg", quality=raster.JPEG_QUALITY)
    inks = class_inks(content)
    raster.overlay_image(entries, tuple(inks.values())).save(work / "overlay.png")
    ramp = np.tile(np.linspace(188, 240, _SWATCH_DOTS[1]).astype(np.uint8), (_SWATCH_DOTS[0], 1))
    for name, state in _SWATCHES.items():
        patch = raster.inked(np.full(_SWATCH_DOTS, state, dtype=np.uint8))
        raster.flattened(patch, ramp).save(work / f"swatch_{name}.png")
    for place, code in enumerate(inks, start=len(raster.PALETTE)):
        patch = np.full(_SWATCH_DOTS, place, dtype=np.uint8)
        image = raster.flattened(patch, ramp, tuple(inks.values()))
        image.save(work / f"swatch_class_{code}.png")


def _draw_code(href: str, path: Path) -> bool:
    """Draw the QR code of a link; say whether it fits into one."""
    try:
        code = segno.make_qr(href, error="m")
    except segno.DataOverflowError:
        return False
    code.save(str(path), kind="svg", border=2, unit="mm", light="white")
    return True
