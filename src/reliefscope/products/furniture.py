"""Quality gates of what people read: the sheet has all its furniture, in every language."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image
from pypdf import PdfReader

from reliefscope.products.facts import Facts
from reliefscope.products.qa import Gate
from reliefscope.products.sheet import SheetContent, SheetFiles, wording
from reliefscope.products.sheet.layout import PAPERS
from reliefscope.words import Words

_POINTS_PER_MM = 72 / 25.4
_HEADINGS = (
    "legend", "scale", "location", "consequences", "worst", "images", "method", "limits", "closing",
)  # fmt: skip
"""Parts of a sheet that have a heading."""
_TOLERANCE_MM = 0.5


def check_furniture(files: SheetFiles, content: SheetContent, words: Words) -> Gate:
    """Check that a sheet has every part that belongs on it, and can be read by machines.

    Parameters
    ----------
    files : SheetFiles
        The sheet as it was written.
    content : SheetContent
        What it should show.
    words : Words
        Its language.

    Returns
    -------
    Gate
        Page size, tags, language, headings, texts, marks, and a QR code that leads to the item.
    """
    reader = PdfReader(files.pdf)
    problems = [*_structure(reader, words), *_texts(reader, content, words)]
    read = _codes(files.png) + (_codes(files.back) if files.back is not None else [])
    if content.item_href not in read:
        problems.append(f"QR code says {read or 'nothing'}")
    return Gate(
        name=f"sheet furniture ({words.language})",
        passed=not problems,
        message="; ".join(problems),
        limit="page size, tags, language, headings, texts, marks, code",
    )


def check_languages(facts: Facts, spoken: Sequence[Words]) -> Gate:
    """Check that every fact can be told in every language, and that its number is in the text."""
    missing = []
    for words in spoken:
        for key, fact in facts.items():
            text = facts.text(key, words)
            number = isinstance(fact.value, int | float)
            if not text.strip() or (number and not any(c.isdigit() for c in text)):
                missing.append(f"{key} ({words.language})")
    return Gate(
        name="facts complete in all languages",
        passed=not missing,
        value=", ".join(w.language for w in spoken),
        message=", ".join(missing),
    )


def _structure(reader: PdfReader, words: Words) -> Iterator[str]:
    """Yield what a machine misses: size, tags, language, headings, descriptions of pictures."""
    for page in reader.pages:
        size = sorted(float(x) / _POINTS_PER_MM for x in page.mediabox[2:])
        if not any(_near(size, paper) for paper in PAPERS.values()):
            yield f"page of {size[0]:.0f} x {size[1]:.0f} mm"
    root: Any = reader.trailer["/Root"]
    if not root.get("/MarkInfo", {}).get("/Marked") or "/StructTreeRoot" not in root:
        yield "not tagged"
        return
    if not str(root.get("/Lang", "")).startswith(words.language):
        yield f"language {root.get('/Lang', 'not stated')}"
    kinds = list(_elements(root["/StructTreeRoot"]))
    headings = sum(kind == "/H2" for kind, _ in kinds)
    if headings < len(_HEADINGS):
        yield f"{headings} headings of {len(_HEADINGS)}"
    silent = sum(kind == "/Figure" and not said for kind, said in kinds)
    if silent:
        yield f"{silent} pictures without description"


def _near(size: Sequence[float], paper: tuple[float, float]) -> bool:
    return all(abs(a - b) < _TOLERANCE_MM for a, b in zip(size, paper, strict=True))


def _elements(element: Any) -> Iterator[tuple[str, bool]]:  # noqa: ANN401 - a PDF object
    """Yield kind of each element of the structure, and whether it is described."""
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        inner = kid.get_object()
        if isinstance(inner, dict):
            yield str(inner.get("/S", "")), bool(inner.get("/Alt"))
            yield from _elements(inner)


def _texts(reader: PdfReader, content: SheetContent, words: Words) -> Iterator[str]:
    """Yield texts that are not there.

    Letters that are written from right to left come out of a PDF in no fixed order: of such
    languages only what has other letters is looked for; their headings are counted.
    """
    squeezed = _squeezed(" ".join(page.extract_text() for page in reader.pages))
    wanted = [content.product_id, "WGS 84", *map(str, content.product.event.ids.values())]
    if not words.rtl:
        policy = content.policy
        wanted += [words(wording.FIXED[name]).upper() for name in _HEADINGS]
        wanted += [policy.told("producer", words), policy.told("disclaimer", words)[:60]]
        wanted += [words("Released {moment}", moment=words.moment(content.released))]
        wanted += [words(wording.EXERCISE_LINE)] * content.product.exercise
        wanted += [words(wording.DRAFT_LINE)] * bool(content.draft)
    else:
        wanted += ["EXERCISE"] * content.product.exercise + ["DRAFT"] * bool(content.draft)
    yield from (f"no {text!r}" for text in wanted if _squeezed(text) not in squeezed)


def _squeezed(text: str) -> str:
    return "".join(c for c in text if not c.isspace() and c != "\N{ZERO WIDTH SPACE}").upper()


def _codes(path: Path) -> list[str]:
    """Return what the QR codes of a picture say."""
    with Image.open(path) as image:
        return [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]
