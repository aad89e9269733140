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
from PIL import Image

from reliefscope.products.brief.rules import Brief, compose
from reliefscope.products.facts import Facts
from reliefscope.products.sheet.content import SheetContent
from reliefscope.products.sheet.draw import draw_thumbnail
from reliefscope.products.sheet.setting import compiler, logo_name, style_of
from reliefscope.words import mark

_PDF_STANDARDS: Any = ["a-2a", "ua-1"]
_MEDIA = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
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
        "producer": content.policy.told("producer", words),
        "contact": content.policy.told("contact", words),
        "disclaimer": content.policy.told("disclaimer", words),
        "style": style_of(content.policy),
    }
    with tempfile.TemporaryDirectory(prefix="brief-") as temporary:
        work = Path(temporary)
        draw_thumbnail(content, work / "map.png")
        if content.policy.logo is not None:
            shutil.copyfile(content.policy.logo, work / logo_name(content.policy))
        logo = _linked(content.policy.logo)
        out.html.write_text(_html(page, work / "map.png", logo), encoding="utf-8")
        _pdf(page, work, out.pdf, content)
    return out


def _linked(logo: Path | None) -> str:
    """Return a logo as a data link; empty without one."""
    if logo is None:
        return ""
    return (
        f"data:{_MEDIA[logo.suffix.lower()]};base64,{base64.b64encode(logo.read_bytes()).decode()}"
    )


def _html(page: dict[str, Any], picture: Path, logo: str) -> str:
    source = (files("reliefscope.products.brief") / "page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    slim = BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").save(slim, format="JPEG", quality=80, optimize=True)
    return environment.from_string(source).render(
        **page, logo=logo, picture=base64.b64encode(slim.getvalue()).decode()
    )


def _pdf(page: dict[str, Any], work: Path, path: Path, content: SheetContent) -> None:
    (work / "data.json").write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("page.typ"), work / "page.typ")
    compiler(work / "page.typ", content.policy).compile(
        output=path,
        format="pdf",
        pdf_standards=_PDF_STANDARDS,
        timestamp=int(content.released.timestamp()),
    )


__all__ = ["Brief", "BriefFiles", "draw_brief"]
