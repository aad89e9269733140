"""A SAFE product on disk: a folder, or the zip file it came in."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import hexdigits
from typing import Self, TypeVar

import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from reliefscope.errors import InputError, IntegrityError
from reliefscope.model.area import Area
from reliefscope.sources._safe import markup
from reliefscope.sources._safe.markup import Node

_SUFFIX = ".SAFE"
_MANIFEST = "manifest.safe"
_SIGNS = frozenset({_MANIFEST, "MTD_MSIL1C.xml", "MTD_MSIL2A.xml"})
_VSIZIP = "/vsizip/{"
_T = TypeVar("_T")
_HALF_TURN, _FULL_TURN = 180.0, 360.0
_CORNERS = 3
# how a multihash begins: the code of the function and the length of the digest
_MULTIHASH = {"MD5": "d50110", "SHA3-256": "1620", "SHA-256": "1220"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the manifest says of one file."""

    kind: str
    """Which schema it follows: ``s1Level1NoiseSchema`` ..."""
    size: int | None
    """Bytes."""
    checksum: str | None
    """Multihash, hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One product and its files, named as in its manifest."""

    path: Path
    """The product's folder, or the zip file."""
    inside: str = ""
    """Folder of the product within the zip file; empty for a folder."""

    @classmethod
    def find(cls, path: Path) -> Self:
        """Return the one product that ``path`` is or holds.

        Raises
        ------
        InputError
            There is nothing at ``path``.
        IntegrityError
            It is not a SAFE product, or several.
        """
        if path.is_dir():
            folders = [p for p in (path, *sorted(path.glob(f"*{_SUFFIX}"))) if _is_product(p)]
            return cls(path=_only(folders, path).resolve())
        if not path.is_file():
            raise InputError(f"{path} does not exist; give a SAFE folder or its zip file")
        with _unzipped(path) as archive:
            tops = {n.partition("/")[0] for n in archive.namelist() if _sign_within(n)}
        return cls(path=path.resolve(), inside=_only(sorted(tops), path))

    @classmethod
    def at(cls, root: str) -> Self:
        """Return the product whose `root` is given."""
        if not root.startswith(_VSIZIP):
            return cls(path=Path(root))
        archive, _, inside = root.removeprefix(_VSIZIP).rpartition("}/")
        return cls(path=Path(archive), inside=inside)

    @property
    def name(self) -> str:
        """Name of the product, without ``.SAFE``."""
        return (self.inside or self.path.name).removesuffix(_SUFFIX)

    @property
    def root(self) -> str:
        """The product's folder as GDAL opens it."""
        return f"{_VSIZIP}{self.path}}}/{self.inside}" if self.inside else str(self.path)

    def href(self, member: str) -> str:
        """Return a file as GDAL opens it.

        Raises
        ------
        IntegrityError
            The file lies outside the product.
        """
        return f"{self.root}/{self._within(member)}"

    def size(self, member: str) -> int | None:
        """Return the bytes of a file, None where it is missing.

        Raises
        ------
        IntegrityError
            The file lies outside the product, or the zip file is broken.
        """
        name = self._within(member)
        if not self.inside:
            path = self.path / name
            return path.stat().st_size if path.is_file() else None
        with _unzipped(self.path) as archive:
            try:
                return archive.getinfo(f"{self.inside}/{name}").file_size
            except KeyError:
                return None

    def xml(self, member: str) -> Node:
        """Return the root of a metadata file.

        Raises
        ------
        IntegrityError
            The file is missing, too large, or not harmless XML.
        """
        size = self.size(member)
        place = f"{member} of {self.name}"
        if size is None:
            raise self.missing([member])
        if size > markup.MAX_BYTES:
            raise markup.too_large(place)
        name = self._within(member)
        if not self.inside:
            return markup.parse((self.path / name).read_bytes(), place)
        with _unzipped(self.path) as archive, archive.open(f"{self.inside}/{name}") as file:
            # what the archive says of a member's size need not be true
            return markup.parse(file.read(markup.MAX_BYTES + 1), place)

    def manifest(self) -> Mapping[str, Promise]:
        """Return what the manifest says of each file, by name.

        Raises
        ------
        IntegrityError
            There is no manifest, or it is malformed.
        """
        root = self.xml(_MANIFEST)
        return {
            node.find(".//{*}fileLocation").attribute("href").removeprefix("./"): _promise(node)
            for node in root.all("./dataObjectSection/dataObject")
        }

    def check(self, members: list[str], promised: Mapping[str, Promise]) -> None:
        """Make sure that files are there, and images whole.

        Raises
        ------
        IntegrityError
            Files are missing, or images shorter than the manifest promises.
        """
        sizes = {member: self.size(member) for member in members}
        if absent := [member for member, size in sizes.items() if size is None]:
            raise self.missing(absent)
        for member, size in sizes.items():
            # metadata cut short are no XML; images would only look dark at the end
            image = member in promised and not member.endswith(".xml")
            want = promised[member].size if image else None
            if want is not None and (size or 0) < want:
                raise IntegrityError(
                    f"{member} of {self.name} has {size} bytes of the {want} that the manifest "
                    f"promises; fetch the product again"
                )

    def missing(self, members: list[str]) -> IntegrityError:
        """Return the error that names missing files."""
        return IntegrityError(
            f"{self.name} is incomplete: it lacks {', '.join(members)}; fetch the product again"
        )

    def _within(self, member: str) -> str:
        """Return the name of a file, sure to lie within the product."""
        pure = PurePosixPath(member)
        climbs = pure.is_absolute() or ".." in pure.parts or any(c in member for c in "\\:\0")
        name = str(pure)
        if not climbs and not self.inside:
            climbs = not (self.path / name).resolve().is_relative_to(self.path.resolve())
        if climbs or name == ".":
            raise IntegrityError(
                f"{self.name} points to {member!r}, outside its own folder; it is not opened"
            )
        return name


def outline(corners: Sequence[tuple[float, float]], place: str) -> BaseGeometry:
    """Return the polygon through longitudes and latitudes, split at the antimeridian.

    Parameters
    ----------
    corners : sequence of (float, float)
        Longitude and latitude [degrees].
    place : str
        What messages call their origin.

    Raises
    ------
    IntegrityError
        They are no polygon on the globe.
    """
    wrong = f"{place} has no valid footprint"
    if len(corners) < _CORNERS or not all(math.isfinite(v) for pair in corners for v in pair):
        raise IntegrityError(f"{wrong}: {len(corners)} corners; fetch the product again")
    try:
        lons = [lon for lon, _ in corners]
        if max(lons) - min(lons) > _HALF_TURN:  # no scene is so wide
            corners = [(lon + _FULL_TURN if lon < 0 else lon, lat) for lon, lat in corners]
        return Area.from_geometry(shapely.Polygon(corners), name="footprint").geometry
    except (InputError, ShapelyError) as error:
        raise IntegrityError(f"{wrong}: {error}; fetch the product again") from error


def _is_product(folder: Path) -> bool:
    return any((folder / sign).is_file() for sign in _SIGNS)


def _sign_within(name: str) -> bool:
    top, _, rest = name.partition("/")
    return top.endswith(_SUFFIX) and rest in _SIGNS


def _only(found: list[_T], path: Path) -> _T:
    if len(found) != 1:
        raise IntegrityError(
            f"{path} holds {len(found)} SAFE products; give one folder with {_MANIFEST} in it, or "
            f"the zip file of one product"
        )
    return found[0]


def _promise(node: Node) -> Promise:
    streams = node.all(".//{*}byteStream")
    size = streams[0].attribute("size") if streams else ""
    sums = node.all(".//{*}checksum")
    start = _MULTIHASH.get(sums[0].attribute("checksumName").upper()) if sums else None
    digest = (sums[0].element.text or "").strip().lower() if sums else ""
    return Promise(
        kind=node.attribute("repID"),
        size=int(size) if size.isdecimal() else None,
        checksum=start + digest if start and set(digest) <= set(hexdigits) else None,
    )


@contextmanager
def _unzipped(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise IntegrityError(
            f"{path} is not a whole zip file without password: {error}; fetch it again"
        ) from error
