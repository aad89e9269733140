"""What a file turns out to be: looked at before it is trusted."""

import json
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from reliefscope.errors import IntegrityError

DRIVERS: Mapping[bytes, str] = {
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\0\0\0\x0cjP": "JP2OpenJPEG",
    b"\xffO\xffQ": "JP2OpenJPEG",
    b"\x89PNG": "PNG",
    b"\x89HDF": "HDF5",
    b"CDF": "netCDF",
    b"GRIB": "GRIB",
}
"""Formats that hold pixels and lead nowhere else, by their first bytes: a virtual one may point to
any file or host."""

_MARKUP = (b"<!doctype html", b"<html", b"<?xml", b"<error", b"{", b"[")
_PAGE = re.compile(rb"<!doctype html|<html[ >]", re.IGNORECASE)
_TEXT_BYTES = 4096
_BLOCK, _OVERLAP = 1 << 20, 16
_MAX_JSON = 500_000_000
_MAX_NESTING = 400
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP: Mapping[int, int] = {**dict.fromkeys(b"[{", 1), **dict.fromkeys(b"]}", -1)}


def parse_json(content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return parsed JSON.

    Raises
    ------
    ValueError
        It is not JSON, or nested deeper than any answer of a service: a parser that runs out of
        stack takes down whatever else is running at that moment.
    """
    if too_deep(content):
        raise ValueError(f"nested more than {_MAX_NESTING} deep")
    return json.loads(content)


def too_deep(content: bytes) -> bool:
    """Return whether JSON is nested deeper than any answer of a service."""
    if content.count(b"[") + content.count(b"{") <= _MAX_NESTING:
        return False
    brackets = _STRING.sub(b"", content).translate(None, _NO_BRACKET)
    return any(depth > _MAX_NESTING for depth in accumulate(_STEP[b] for b in brackets))


class Content(StrEnum):
    """What a file must turn out to be."""

    ANY = "any"
    RASTER = "raster"
    ZIP = "zip"
    JSON = "json"
    TABLE = "table"
    """Text with columns: CSV."""


def check_content(path: Path, content: Content, *, thorough: bool) -> None:
    """Raise unless the file is what it must be.

    Parameters
    ----------
    path : Path
        A whole file.
    content : Content
        What was promised.
    thorough : bool
        Whether to read all of it, where no checksum vouches for the middle.

    Raises
    ------
    IntegrityError
        It is something else: often an error page of a proxy or of the service.
    """
    look = _CHECKS.get(content)
    if look is not None:
        look(path, thorough)


def _no_page_inside(path: Path) -> None:
    """Raise if a web page was spliced into the file: a proxy that answered in the middle of it."""
    tail = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if _PAGE.search(tail + block):
                raise IntegrityError(
                    f"{path.name} holds a web page in its middle: a proxy answered in place of the "
                    f"service; it is not kept"
                )
            tail = block[-_OVERLAP:]


def _raster(path: Path, thorough: bool) -> None:  # noqa: FBT001 - as the table calls it
    start = _no_page(path)
    if thorough:
        _no_page_inside(path)
    driver = next((d for magic, d in DRIVERS.items() if start.startswith(magic)), None)
    if driver is None:
        raise IntegrityError(
            f"{path.name} is none of {sorted(set(DRIVERS.values()))}; it is not kept"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver=driver) as raster:
                if raster.count == 0:  # a container of several: its header is all there is
                    return
                windows = [w for _, w in raster.block_windows(1)]
                for window in windows if thorough else windows[-1:]:
                    raster.read(window=window)
    except RasterioError as error:
        raise IntegrityError(
            f"{path.name} is not a whole raster: {type(error).__name__}; it is not kept"
        ) from error


def _zip(path: Path, thorough: bool) -> None:  # noqa: FBT001 - as the table calls it
    _no_page(path)
    if thorough:
        _no_page_inside(path)
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip() if thorough else None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise IntegrityError(f"{path.name} is not a whole zip archive; it is not kept") from error
    if bad is not None:
        raise IntegrityError(f"{path.name} holds a damaged member; it is not kept")


def _json(path: Path, thorough: bool) -> None:  # noqa: FBT001 - as the table calls it
    del thorough
    try:
        if path.stat().st_size > _MAX_JSON:
            raise IntegrityError(f"{path.name} is too long for JSON; it is not kept")
        parse_json(path.read_bytes())
    except ValueError as error:
        raise IntegrityError(f"{path.name} is not whole JSON; it is not kept") from error


def _table(path: Path, thorough: bool) -> None:  # noqa: FBT001 - as the table calls it
    del thorough
    start = _no_page(path)
    first = start.split(b"\n", 1)[0]
    if b"\0" in start or not any(mark in first for mark in (b",", b";", b"\t")):
        raise IntegrityError(f"{path.name} has no columns in its first line; it is not kept")


def _no_page(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(_TEXT_BYTES)
    if start.lstrip().lower().startswith(_MARKUP):
        raise IntegrityError(
            f"{path.name} turned out to be a page of text: the service or a proxy answered with "
            f"a message in place of the file; it is not kept"
        )
    return start


_CHECKS: Mapping[Content, Callable[[Path, bool], None]] = {
    Content.RASTER: _raster,
    Content.ZIP: _zip,
    Content.JSON: _json,
    Content.TABLE: _table,
}
