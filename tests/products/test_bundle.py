"""A bundle: one file with all products of an event, checked on the other side."""

import re
import shutil
import time
import zipfile

import pytest

from reliefscope.cli import main
from reliefscope.errors import InputError, IntegrityError, NothingFoundError
from reliefscope.products.bundle import bundle_event, unpacked
from reliefscope.products.catalog import publish
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED, make_context, make_product

NAMES = ("EMSR771_AOI01_DEL_MONIT01_r1_v1", "EMSR771_AOI01_DEL_PRODUCT_r1_v1")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Two products of one event."""
    folder = tmp_path_factory.mktemp("bundled")
    with pytest.MonkeyPatch.context() as patch:
        draw_bare(patch)
        publish(make_product(), folder, context=make_context(), released=RELEASED,
                languages=("en", "ar"))  # fmt: skip
        later = make_product(parameters={"n": 2.0})
        publish(later, folder, context=make_context(), released=RELEASED, monitoring=1)
    return folder


@pytest.fixture(scope="module")
def bundle(catalog, tmp_path_factory):
    path = tmp_path_factory.mktemp("stick") / "event.zip"
    made = bundle_event(catalog, "EMSR771", path)
    assert (made.products, made.size) == (2, path.stat().st_size)
    return path


def test_all_files_of_all_products_are_in_it(catalog, bundle):
    """Byte for byte, each in the folder of its product."""
    with zipfile.ZipFile(bundle) as archive:
        for name in NAMES:
            for path in (catalog / "flood" / "EMSR771" / name).iterdir():
                assert archive.read(f"{name}/{path.name}") == path.read_bytes()


def test_it_is_the_same_to_the_last_byte(catalog, bundle, tmp_path):
    """Made again later, of files copied elsewhere with other times: the same bytes."""
    time.sleep(2.1)  # the format counts in steps of two seconds
    shutil.copytree(catalog, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*"):
        path.touch()
    bundle_event(tmp_path / "copy", "EMSR771", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_its_page_needs_nothing_else(bundle, tmp_path):
    """Four languages, no script, no address outside; every link and picture is in the bundle."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "://" not in page
    assert re.findall(r'<section id="(\w\w)" lang="\1" dir="(\w+)"', page) == [
        ("en", "ltr"),
        ("ar", "rtl"),
        ("es", "ltr"),
        ("fr", "ltr"),
    ]
    targets = set(re.findall(r'(?:href|src)="([^"#]+)"', page))
    assert all((tmp_path / target).is_file() for target in targets)
    assert f"{NAMES[1]}/brief.ar.html" in targets
    assert f"{NAMES[1]}/thumbnail.png" in targets


def test_verify_checks_it_on_the_other_side(bundle, capsys):
    """Every package in it is verified as if it were published here."""
    assert main(["verify", str(bundle)]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in NAMES)


def _changed(source, target, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            name, content = change(info.filename, old.read(info))
            if name:
                new.writestr(name, content)


@pytest.mark.parametrize(
    "change",
    [
        lambda n, c: (n, c[:-1] + bytes([c[-1] ^ 1]) if n.endswith("state.tif") else c),
        lambda n, c: (None if n.endswith("facts.json") else n, c),
        lambda n, c: (n.replace("statistics.csv", "more.csv"), c),
    ],
    ids=["a flipped bit", "a missing file", "another name"],
)
def test_a_damaged_bundle_is_told(bundle, tmp_path, change):
    """Whatever happened to it on the way: it is not as it was sent."""
    _changed(bundle, tmp_path / "bad.zip", change)
    with pytest.raises(IntegrityError), unpacked(tmp_path / "bad.zip"):
        pass


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt", "a/../../outside.txt", "C:x"])
def test_nothing_is_written_outside(tmp_path, name):
    """A name that leads elsewhere is refused, though it is listed with its sum."""
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, b"")
        archive.writestr("SHA256SUMS", f"{digest}  {name}\n")
    with pytest.raises(IntegrityError, match="leads outside"), unpacked(tmp_path / "evil.zip"):
        pass


def test_what_is_no_bundle_is_named(tmp_path, catalog):
    """A zip of something else, and an event that is not there."""
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", b"")
    with pytest.raises(InputError, match="no bundle"), unpacked(tmp_path / "other.zip"):
        pass
    with pytest.raises(NothingFoundError, match="catalog list"):
        bundle_event(catalog, "NONE", tmp_path / "none.zip")
    assert not (tmp_path / "none.zip").exists()
