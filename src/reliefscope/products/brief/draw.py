"""The brief as one HTML file that needs nothing else, and as PDF."""

import base64
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import typst
from PIL import Image

from reliefscope.products.brief.rules import Brief, compose
from reliefscope.products.facts import Facts
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.draw import draw_thumbnail
from reliefscope.products.sheet.text import fonts_folder
from reliefscope.words import mark

_PDF_STANDARDS: Any = ["a-2a", "ua-1"]
_FIXED = {
    "map_alt": mark("Map of the event; its numbers stand in the text"),
    "traces": mark("Where each number comes from"),
    "fact": mark("Fact"),
    "layer": mark("Counted on"),
    "value": mark("Exact value"),
    "reading": mark(
        "Each number leads to its fact in the package, where its method and its images stand."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefFiles:
    """The two faces of one brief."""

    html: Path
    pdf: Path


def draw_brief(content: SheetContent, folder: Path, previous: Facts | None = None) -> BriefFiles:
    """Write ``brief.<language>.html`` and ``brief.<language>.pdf`` into ``folder``.

    Parameters
    ----------
    content : SheetContent
        What is told, in the language of its words.
    folder : Path
        Where the files go.
    previous : Facts, optional
        Of the product before this one.
    """
    brief, words = compose(content, previous), content.words
    lang = words.language
    out = BriefFiles(html=folder / f"brief.{lang}.html", pdf=folder / f"brief.{lang}.pdf")
    page = {
        **asdict(brief),
        "lang": lang,
        "dir": "rtl" if words.rtl else "ltr",
        "t": {k: words(v) for k, v in _FIXED.items()},
        "numbers": {key: i for i, (key, *_) in enumerate(brief.sources, start=1)},
        "producer": content.policy.producer,
        "contact": content.policy.contact,
        "disclaimer": words(content.policy.disclaimer),
    }
    with tempfile.TemporaryDirectory(prefix="brief-") as temporary:
        work = Path(temporary)
        draw_thumbnail(content, work / "map.png")
        out.html.write_text(_html(page, work / "map.png"), encoding="utf-8")
        _pdf(page, work, out.pdf, int(content.released.timestamp()))
    return out


def _html(page: dict[str, Any], picture: Path) -> str:
    source = (files("reliefscope.products.brief") / "page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    slim = BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").save(slim, format="JPEG", quality=80, optimize=True)
    return environment.from_string(source).render(
        **page, picture=base64.b64encode(slim.getvalue()).decode()
    )


def _pdf(page: dict[str, Any], work: Path, path: Path, moment: int) -> None:
    (work / "data.json").write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("page.typ"), work / "page.typ")
    compiler = typst.Compiler(
        input=work / "page.typ",
        root=work,
        font_paths=[fonts_folder()],
        ignore_system_fonts=True,
    )
    compiler.compile(output=path, format="pdf", pdf_standards=_PDF_STANDARDS, timestamp=moment)


__all__ = ["Brief", "BriefFiles", "draw_brief"]
