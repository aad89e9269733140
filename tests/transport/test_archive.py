import contextlib
import io
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reliefscope.errors import IntegrityError
from reliefscope.transport.archive import unpack


def _zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _tar(path, members, links=()):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


@pytest.mark.parametrize("make", [_zip, _tar])
def test_files_come_out_as_they_went_in(tmp_path, make):
    """Folders are made; the second time the folder is there already."""
    members = {"a/b.txt": b"one", "c.txt": b"two"}
    archive = make(tmp_path / "x.archive", members)
    folder = unpack(archive, tmp_path / "out")
    assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.txt")} == members
    assert unpack(archive, tmp_path / "out") == folder


@pytest.mark.parametrize("make", [_zip, _tar])
@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil", "a/b/../../../evil"]
)
def test_no_member_leaves_the_folder(tmp_path, make, name):
    """Refused as a whole: nothing is written anywhere."""
    archive = make(tmp_path / "x.archive", {"good": b"1", name: b"2"})
    with pytest.raises(IntegrityError, match="leads out of its folder"):
        unpack(archive, tmp_path / "in" / "out")
    assert list((tmp_path / "in").iterdir()) == []


@given(st.text(min_size=1, max_size=30))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_member_is_called_it_stays_inside_or_is_refused(tmp_path_factory, name):
    """Any name at all."""
    tmp = tmp_path_factory.mktemp("any")
    try:
        archive = _zip(tmp / "x.zip", {name: b"1"})
    except (ValueError, IndexError):  # no archive can be made with such a name
        return
    with contextlib.suppress(IntegrityError, OSError):
        unpack(archive, tmp / "in" / "out")
    outside = [p for p in tmp.rglob("*") if p.is_file() and (tmp / "in") not in p.parents]
    assert outside == [tmp / "x.zip"]


def test_links_are_left_out(tmp_path):
    """A link to the outside is not made, so nothing can be written through it."""
    archive = _tar(tmp_path / "x.tgz", {"good": b"1"}, links=[("way", "/etc")])
    folder = unpack(archive, tmp_path / "out")
    assert [p.name for p in folder.iterdir()] == ["good"]


def test_bombs_do_not_go_off(tmp_path):
    """A hundred megabytes of zeros in a tenth of one, and a thousand members: both refused."""
    archive = _zip(tmp_path / "x.zip", {"zeros": bytes(100_000_000)})
    assert archive.stat().st_size < 200_000
    with pytest.raises(IntegrityError, match="unpacks to more than"):
        unpack(archive, tmp_path / "out", cap_bytes=1_000_000)
    many = _zip(tmp_path / "y.zip", {str(n): b"" for n in range(1000)})
    with pytest.raises(IntegrityError, match="more than 10 members"):
        unpack(many, tmp_path / "out", cap_members=10)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [0, 10, 60])
def test_a_torn_archive_is_an_integrity_error(tmp_path, size):
    """Cut short, or no archive at all."""
    archive = _zip(tmp_path / "x.zip", {"a": b"content" * 100})
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(IntegrityError, match="not a whole archive"):
        unpack(archive, tmp_path / "out")
