"""All products of an event in one file, with a page that opens from a stick with no network.

The file is the same to the last byte whenever it is made of the same packages.
"""

import hashlib
import html
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.products.catalog import fetch, find
from reliefscope.products.index import Entry
from reliefscope.products.staging import replaced
from reliefscope.products.store import Catalog
from reliefscope.products.summary import Summary, summarize
from reliefscope.words import Words, languages, mark, words_in

PAGE, SUMS = "index.html", "SHA256SUMS"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Times in the file: the earliest that the format knows."""
_MODE = 0o644 << 16
_BLOCK = 1 << 20
_PACKED = frozenset({".tif", ".png", ".pdf", ".gpkg", ".parquet", ".xlsx"})
"""Stored as they are: they are packed already, or must be read in place."""
_MOST_BYTES, _MOST_FILES = 50_000_000_000, 100_000
_OFFERED = (
    ("brief.{lang}.html", mark("Brief")),
    ("sheet.{lang}.pdf", mark("Map sheet")),
    ("swipe.html", mark("Before and after")),
    ("statistics.csv", mark("Statistics")),
    ("vectors.gpkg", mark("Vectors")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What was put into a file."""

    path: Path
    products: int
    size: int
    """Bytes."""


def bundle_event(catalog: Catalog, event: str, path: Path) -> Bundle:
    """Write all packages of an event, and a page that leads to them, into one zip.

    Parameters
    ----------
    catalog : Path or S3Catalog
        Where the event is published.
    event : str
        Its id.
    path : Path
        The zip; replaced in one step.

    Raises
    ------
    NothingFoundError
        The catalog holds no product of the event.
    """
    entries = [e for e in find(catalog, event=event) if not e.folder.name.startswith(".")]
    if not entries:
        raise NothingFoundError(
            f"the catalog {catalog} holds no product of event {event!r}; "
            f"`reliefscope catalog list` shows what there is"
        )
    files = [
        (f"{entry.product_id}/{file.name}", file)
        for entry in sorted(entries, key=lambda e: e.product_id)
        for file in sorted(p for p in fetch(catalog, entry).iterdir() if p.is_file())
    ]
    with replaced(path) as part, zipfile.ZipFile(part, "w") as archive:
        sums = [_add(archive, name, file.open("rb")) for name, file in files]
        sums.append(_add(archive, PAGE, io.BytesIO(index_page(entries).encode())))
        _add(archive, SUMS, io.BytesIO("".join(sums).encode()))
    return Bundle(path=path, products=len(entries), size=path.stat().st_size)


def _add(archive: zipfile.ZipFile, name: str, content: IO[bytes]) -> str:
    """Add a file without the time and the owner of this machine; return its line of sums."""
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = 3, _MODE
    packed = PurePosixPath(name).suffix in _PACKED
    info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    digest = hashlib.sha256()
    with content, archive.open(info, "w", force_zip64=True) as target:
        while block := content.read(_BLOCK):
            digest.update(block)
            target.write(block)
    return f"{digest.hexdigest()}  {name}\n"


@contextmanager
def unpacked(path: Path) -> Iterator[list[Path]]:
    """Yield the folders of the packages in a bundle, unpacked for the ``with`` block.

    Raises
    ------
    InputError
        It is no bundle.
    IntegrityError
        A file is damaged, missing, not listed, or would be written outside.
    """
    with tempfile.TemporaryDirectory(prefix="reliefscope-") as scratch:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(scratch), path)
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError(f"{path} is no bundle that can be opened: {error}") from error
        yield sorted(p.parent for p in Path(scratch).glob("*/item.json"))


def _unpack(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    members = archive.infolist()
    names = [m.filename for m in members]
    if SUMS not in names:
        raise InputError(f"{path} is no bundle: it has no {SUMS}")
    if len(names) > _MOST_FILES or sum(m.file_size for m in members) > _MOST_BYTES:
        raise IntegrityError(f"{path} is larger than any bundle; it is not opened")
    listed = dict(
        line.split("  ", 1)[::-1] for line in archive.read(SUMS).decode().splitlines() if line
    )
    if sorted([*listed, SUMS]) != sorted(names):
        raise IntegrityError(f"{path}: its files are not those that it lists; fetch it again")
    for name, wanted in listed.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith(("/", "\\")) or ":" in name or "\\" in name:
            raise IntegrityError(f"{path} holds {name!r}, which leads outside; it is not opened")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
        with target.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                raise IntegrityError(f"{path}: {name} is damaged; fetch the bundle again")


def index_page(entries: Sequence[Entry]) -> str:
    """Return the page of a bundle: every language one after the other, no script."""
    names = languages()
    jump = " ".join(
        f'<a href="#{name}" lang="{name}">{html.escape(_own_name(words_in(name)))}</a>'
        for name in names
    )
    latest = sorted(entries, key=lambda e: (e.datetime, e.product_id), reverse=True)
    body = "".join(_section(latest, words_in(name)) for name in names)
    title = html.escape(summarize(latest[0].folder).headline)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style></head>\n<body>\n"
        f"<nav>{jump}</nav>\n{body}</body></html>\n"
    )


def _section(entries: Sequence[Entry], words: Words) -> str:
    """Return the part of one language."""
    side = "rtl" if words.rtl else "ltr"
    told = [summarize(entry.folder, words) for entry in entries]
    cards = "".join(_card(e, s, words) for e, s in zip(entries, told, strict=True))
    note = words('"Not observed" and "cannot tell" never mean that nothing happened there.')
    return (
        f'<section id="{words.language}" lang="{words.language}" dir="{side}">\n'
        f"<h1>{html.escape(told[0].title)}</h1>\n<p>{html.escape(note)}</p>\n{cards}</section>\n"
    )


def _card(entry: Entry, summary: Summary, words: Words) -> str:
    folder = entry.product_id
    marks = "".join(f'<strong class="mark">{m}</strong> ' for m in summary.marks)
    rows = "".join(
        f"<dt>{html.escape(label)}</dt><dd><bdi>{html.escape(text)}</bdi></dd>"
        for label, text in summary.lines
    )
    links = " ".join(
        f'<a href="{html.escape(folder)}/{file}">{html.escape(words(name))}</a>'
        for pattern, name in _OFFERED
        if (file := _best(entry.folder, pattern, words.language))
    )
    picture = (
        f'<img src="{html.escape(folder)}/thumbnail.png" alt="{html.escape(summary.kind)}">'
        if (entry.folder / "thumbnail.png").is_file()
        else ""
    )
    return (
        f"<article>{picture}<div><h2>{marks}{html.escape(summary.kind)}</h2>\n"
        f"<dl>{rows}</dl>\n<p>{links}</p>\n<p><code>{html.escape(folder)}</code></p></div>"
        f"</article>\n"
    )


def _best(folder: Path, pattern: str, language: str) -> str:
    """Return the file in the language, or else in English, or in any other; empty without one."""
    wanted = [pattern.format(lang=language), pattern.format(lang="en")]
    wanted += sorted(p.name for p in folder.glob(pattern.format(lang="*")))
    return next((name for name in wanted if (folder / name).is_file()), "")


def _own_name(words: Words) -> str:
    return str(words.locale.get_display_name(words.locale) or words.language)


_STYLE = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 0 1rem 3rem; color: #1b2530; background: #fff;
 font: 1rem/1.5 "Noto Sans", "Noto Sans Arabic", "Segoe UI", Roboto, Arial, sans-serif; }
nav { display: flex; gap: 1.2rem; padding: .8rem 0; border-bottom: 1px solid #c5ced6; }
a { color: #14304d; }
h1 { font-size: 1.5rem; line-height: 1.2; color: #14304d; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .4rem; color: #14304d; }
section { padding-top: 1rem; border-bottom: 4px solid #14304d; }
article { display: flex; flex-wrap: wrap; gap: 1rem; padding: 1rem 0;
 border-top: 1px solid #c5ced6; }
article img { width: 18rem; max-width: 100%; align-self: flex-start; border: 1px solid #c5ced6; }
article div { flex: 1 1 18rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; margin: 0; }
dt { color: #46535f; }
dd { margin: 0; font-weight: 600; }
p a { margin-inline-end: .8rem; }
code { direction: ltr; unicode-bidi: isolate; color: #46535f; font-size: .8rem;
 overflow-wrap: anywhere; }
.mark { background: #a3123f; color: #fff; padding: .1rem .5rem; }
"""
