"""Values out of XML that nobody vouches for: each is checked, and what is missing is named."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from numpy.typing import NDArray

from reliefscope.errors import IntegrityError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 8_000_000
"""Real metadata files of these products have at most some two million bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One element of a metadata file, read with checks."""

    element: "Element"
    place: str
    """Which file it is from."""

    def has(self, path: str) -> bool:
        """Say whether there is an element at ``path``."""
        return self.element.find(path) is not None

    def find(self, path: str) -> "Node":
        """Return the first element at ``path``.

        Raises
        ------
        IntegrityError
            There is none.
        """
        found = self.element.find(path)
        if found is None:
            raise IntegrityError(
                f"{self.place} has no {_plain(path)}; the product is incomplete or of an unknown "
                f"format: fetch it again"
            )
        return Node(element=found, place=self.place)

    def all(self, path: str) -> "list[Node]":
        """Return every element at ``path``; none is no error."""
        return [Node(element=e, place=self.place) for e in self.element.findall(path)]

    def some(self, path: str, least: int = 1) -> "list[Node]":
        """Return every element at ``path``.

        Raises
        ------
        IntegrityError
            There are fewer than ``least``.
        """
        found = self.all(path)
        if len(found) < least:
            raise IntegrityError(
                f"{self.place} has {len(found)} {_plain(path)}; at least {least} are needed: "
                f"fetch the product again"
            )
        return found

    def attribute(self, name: str) -> str:
        """Return an attribute, empty where it is missing."""
        return self.element.get(name, "").strip()

    def text(self, path: str = ".") -> str:
        """Return the text at ``path``, stripped.

        Raises
        ------
        IntegrityError
            There is no such element, or it is empty.
        """
        text = (self.find(path).element.text or "").strip()
        if not text:
            raise self._malformed(path, text, "not be empty")
        return text

    def number(self, path: str = ".") -> float:
        """Return the finite number at ``path``.

        Raises
        ------
        IntegrityError
            It is missing, or not a finite number.
        """
        text = self.text(path)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._malformed(path, text, "be a finite number")
        return value

    def whole(self, path: str = ".") -> int:
        """Return the whole number at ``path``.

        Raises
        ------
        IntegrityError
            It is missing, or not a whole number.
        """
        value = self.number(path)
        if value != int(value):
            raise self._malformed(path, str(value), "be a whole number")
        return int(value)

    def positive(self, path: str = ".") -> float:
        """Return the number above 0 at ``path``.

        Raises
        ------
        IntegrityError
            It is missing, or not above 0.
        """
        value = self.number(path)
        if value <= 0:
            raise self._malformed(path, str(value), "be above 0")
        return value

    def numbers(self, path: str = ".") -> NDArray[np.float64]:
        """Return the finite numbers at ``path``, blanks between them.

        Raises
        ------
        IntegrityError
            They are missing, or one is not a finite number.
        """
        text = self.text(path)
        try:
            values = np.array(text.split(), dtype=np.float64)
        except ValueError:
            values = np.array([np.nan])
        if not np.isfinite(values).all():
            raise self._malformed(path, text, "be finite numbers")
        return values

    def moment(self, path: str = ".") -> dt.datetime:
        """Return the time at ``path`` as UTC, which products state with a Z or nothing.

        Raises
        ------
        IntegrityError
            It is missing, or not a time.
        """
        text = self.text(path)
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError as error:
            raise self._malformed(path, text, "be a time") from error
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

    def instant(self, path: str = ".") -> np.datetime64:
        """Return the time at ``path`` as UTC to the nanosecond.

        Raises
        ------
        IntegrityError
            It is missing, or not a time.
        """
        return np.datetime64(self.moment(path).replace(tzinfo=None), "ns")

    def _malformed(self, path: str, text: str, wanted: str) -> IntegrityError:
        name = self.element.tag if path == "." else path
        return IntegrityError(
            f"{self.place}: {_plain(name)} is {text[:40]!r} and must {wanted}; "
            f"fetch the product again"
        )


def parse(content: bytes, place: str) -> Node:
    """Return the root of a metadata file.

    Parameters
    ----------
    content : bytes
        The file.
    place : str
        What messages call it.

    Raises
    ------
    IntegrityError
        It is larger than any real one, is not XML, or declares a document type or entities.
    """
    if len(content) > MAX_BYTES:
        raise too_large(place)
    try:
        root = ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise IntegrityError(
            f"{place} declares a document type or entities, which no SAFE product does; "
            f"it is not opened"
        ) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise IntegrityError(f"{place} is not XML: {error}; fetch the product again") from error
    return Node(element=root, place=place)


def too_large(place: str) -> IntegrityError:
    """Return the error for a metadata file beyond `MAX_BYTES`."""
    return IntegrityError(
        f"{place} is larger than {MAX_BYTES / 1e6:.0f} MB, far beyond any real metadata file; "
        f"it is not opened"
    )


def _plain(path: str) -> str:
    """Return a path as people write it."""
    return path.removeprefix(".//").replace("{*}", "")
