"""Archives from outside: no member leaves its folder, and no bomb goes off."""

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from reliefscope.errors import IntegrityError

MAX_BYTES = 50_000_000_000
MAX_MEMBERS = 100_000
_CHUNK = 1 << 20

_Member = tuple[str, IO[bytes]]


def unpack(
    archive: Path, folder: Path, *, cap_bytes: int = MAX_BYTES, cap_members: int = MAX_MEMBERS
) -> Path:
    """Return ``folder`` with the files of a zip or tar archive: all of them, or it is not made.

    Links are left out: an archive of data needs none.

    Raises
    ------
    IntegrityError
        A member leads out of the folder, the archive is damaged, or it is larger than the caps:
        counted on the bytes that come out, not on what its headers say.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", dir=folder.parent))
    try:
        _write(archive, draft, cap_bytes, cap_members)
        draft.rename(folder)
    except FileExistsError:
        pass  # another process was faster
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as e:
        raise IntegrityError(f"{archive.name} is not a whole archive; fetch it again") from e
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _write(archive: Path, draft: Path, cap_bytes: int, cap_members: int) -> None:
    written = 0
    for count, (name, source) in enumerate(_members(archive)):
        if count >= cap_members:
            raise IntegrityError(f"{archive.name} has more than {cap_members:,} members")
        target = draft / _inside(archive, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as file:
            while block := source.read(_CHUNK):
                written += len(block)
                if written > cap_bytes:
                    raise IntegrityError(
                        f"{archive.name} unpacks to more than {cap_bytes:,} bytes; it is refused"
                    )
                file.write(block)


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16):
                    yield info.filename, opened.open(info)
        return
    with tarfile.open(archive) as packed:
        for member in packed:
            source = packed.extractfile(member) if member.isfile() else None
            if source is not None:
                yield member.name, source


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name or not path.parts:
        raise IntegrityError(f"{archive.name} holds {name[:80]!r}, which leads out of its folder")
    return path
