"""What an office states on its products, and how they look: one TOML file."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from reliefscope.errors import InputError
from reliefscope.products.sheet.layout import known_paper
from reliefscope.products.sheet.text import FONT_FAMILIES, fonts_folder
from reliefscope.words import Words, languages

COLOURS: Mapping[str, str] = {
    "text": "#1b2530",
    "muted": "#52606c",
    "rule": "#c5ced6",
    "main": "#14304d",
    "tint": "#eff3f7",
    "alarm": "#a3123f",
}
"""Colours of an office, by name: text, secondary text, lines, title block and headings, boxes,
warnings. Classes on the map keep theirs: they are tested for all kinds of sight."""
_PATHS = ("template", "logo", "fonts")
_TRANSLATED = ("disclaimer", "terms", "contact", "producer")
_LOGOS = (".svg", ".png", ".jpg", ".jpeg")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the producing office states on each sheet, brief and swipe, and how they look."""

    producer: str
    disclaimer: str
    contact: str = ""
    terms: str = ""
    catalog_url: str = ""
    """Public address of the catalog, for the QR code; without one it holds the path within."""
    paper: str = "A3"
    """Of the sheets: A3, or A4 with text on the back."""
    template: Path | None = None
    """A Typst file in place of the sheet's own; see TEMPLATE.md beside that."""
    logo: Path | None = None
    """SVG, PNG or JPEG for the title block."""
    fonts: Path | None = None
    """Folder of further fonts."""
    font: str = ""
    """Family that is tried first."""
    colours: Mapping[str, str] = field(default_factory=dict)
    """Any of `COLOURS`."""
    languages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The office's own texts in other languages, by language and key."""

    def told(self, key: str, words: Words) -> str:
        """Return a text such as ``disclaimer`` in the reader's language."""
        own = self.languages.get(words.language, {}).get(key)
        return own if own is not None else words(str(getattr(self, key)))

    def colour(self, name: str) -> str:
        """Return one of `COLOURS` as this office has it."""
        return self.colours.get(name, COLOURS[name])

    @property
    def families(self) -> tuple[str, ...]:
        """Font families in the order in which they are tried."""
        return (self.font, *FONT_FAMILIES) if self.font else FONT_FAMILIES

    @property
    def font_folders(self) -> list[Path]:
        """Where fonts are looked for."""
        return [fonts_folder(), *([self.fonts] if self.fonts else [])]

    @property
    def digest(self) -> str:
        """SHA-256 of all that the policy says, with the contents of the files that it names."""
        told = {k: None if isinstance(v, Path) else v for k, v in asdict(self).items()}
        found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for path in (self.template, self.logo, self.fonts):
            for file in sorted(path.glob("*")) if path and path.is_dir() else [path]:
                found.update(b"|" + (file.read_bytes() if file and file.is_file() else b""))
        return found.hexdigest()


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file, or the ``policy.toml`` of a folder; the one shipped here by default.

    Files that it names are looked for beside it.

    Raises
    ------
    InputError
        The file is not TOML, lacks ``producer`` or ``disclaimer``, has keys or values that mean
        nothing, or names a file that is not there.
    """
    source = path or files("reliefscope.products.sheet") / "policy.toml"
    if isinstance(source, Path) and source.is_dir():
        source /= "policy.toml"
    try:
        table = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{source}: {error}; see the policy.toml shipped for an example") from None
    _check(table, str(source))
    if "paper" in table:
        table["paper"] = known_paper(table["paper"])
    for name in _PATHS:
        if table.get(name):
            table[name] = _beside(Path(str(source)), name, table[name])
        else:
            table.pop(name, None)
    return Policy(**table)


def _check(table: Mapping[str, Any], source: str) -> None:
    """Refuse what a policy cannot have."""
    known = {f.name for f in fields(Policy)}
    tables = {"colours": set(COLOURS), "languages": set(languages())}
    texts = known - set(tables)
    wrong = [k for k, v in table.items() if k not in known or (k in texts and not _is_text(v))]
    missing = [k for k in ("producer", "disclaimer") if not table.get(k)]
    if wrong or missing:
        raise InputError(
            f"{source}: unknown or not text: {wrong}, missing: {missing}; "
            f"the keys are {sorted(texts)}, all text, and the tables {sorted(tables)}"
        )
    for name, keys in tables.items():
        given = table.get(name, {})
        if not isinstance(given, dict) or not set(given) <= keys:
            raise InputError(f"{source}: [{name}] is {given!r}; its keys are {sorted(keys)}")
    faulty = {k: v for k, v in table.get("colours", {}).items() if not _is_colour(v)}
    if faulty:
        raise InputError(f"{source}: colours {faulty}; write each as '#14304d'")
    for language, told in table.get("languages", {}).items():
        texts_given = isinstance(told, dict) and all(map(_is_text, told.values()))
        if not texts_given or not set(told) <= set(_TRANSLATED):
            raise InputError(
                f"{source}: [languages.{language}] is {told!r}; its keys are "
                f"{sorted(_TRANSLATED)}, all text"
            )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_colour(value: object) -> bool:
    return isinstance(value, str) and _COLOUR.fullmatch(value) is not None


def _beside(source: Path, name: str, given: str) -> Path:
    """Return the file or folder of a policy, which must be there."""
    found = source.parent / given
    if not (found.is_dir() if name == "fonts" else found.is_file()):
        kind = "folder" if name == "fonts" else "file"
        raise InputError(f"{source}: {name} = {given!r}, but there is no {kind} {found}")
    if name == "logo" and found.suffix.lower() not in _LOGOS:
        raise InputError(f"{source}: logo = {given!r}; give one of {', '.join(_LOGOS)}")
    return found
