"""Damaged files: set aside with evidence, the next best pass mapped, the product says so."""

import datetime as dt
import json

import numpy as np
import pytest
import rasterio.shutil

from reliefscope.errors import FallbackWarning, IntegrityError
from reliefscope.jobs.attention import attention
from reliefscope.jobs.doctor import examine_machine
from reliefscope.jobs.event_file import read_event_file
from reliefscope.jobs.quarantine import Quarantine
from reliefscope.jobs.situation import carry_out
from reliefscope.settings import Settings
from tests.products.conftest import draw_bare
from tests.scenes import WHEN, lonlat_bounds, write_raster

# `pytest.warns` says again what it was not asked for: a library's own, here
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
NOW = dt.datetime(2024, 3, 9, tzinfo=dt.UTC)
SIZE = 96
LATER = WHEN + dt.timedelta(days=1)


@pytest.fixture
def event(tmp_path, monkeypatch):
    """A lake seen twice; the first image is damaged in its middle, behind a good header."""
    draw_bare(monkeypatch)
    noise = np.random.default_rng(1).gamma(4.4, 1 / 4.4, (2, SIZE, SIZE))
    lake = np.hypot(*(np.indices((SIZE, SIZE)) - SIZE / 2)) < 25
    scene = (noise * np.where(lake, 0.004, 0.1)).astype("float32")
    for moment in (WHEN, LATER):
        for band, pixels in zip(("vv", "vh"), scene, strict=True):
            path = tmp_path / "scenes" / f"{moment:%Y%m%dT%H%M%S}_{band}.tif"
            write_raster(path, pixels)
    west, south, east, north = lonlat_bounds(path)
    file = tmp_path / "event.toml"
    file.write_text(
        f"""
[event]
id = "LAKE"
hazard = "flood"
onset = {WHEN - dt.timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}
[area]
bbox = [{west}, {south}, {east}, {north}]
[map]
resolution = 10
[sources.mine]
type = "files"
folder = "scenes"
units = {{ vv = "1", vh = "1" }}
"""
    )
    return file


def first(event):
    return event.parent / "scenes" / f"{WHEN:%Y%m%dT%H%M%S}_vv.tif"


def spoil(event):
    """Overwrite pixels in the middle of the first file; its header stays as it is."""
    bad = first(event)
    packed = bad.with_suffix(".packed")
    rasterio.shutil.copy(bad, packed, driver="GTiff", compress="deflate")
    packed.replace(bad)
    content = bytearray(bad.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xff" * 2000
    bad.write_bytes(content)
    return bad


def ask(event):
    return read_event_file(event, Settings(cache=event.parent / "cache"))


def acquired(made):
    return dt.datetime.fromisoformat(made.facts["image_acquired"].value)


def test_the_next_best_pass_is_mapped_and_said(event):
    """Nonsense in place of packed pixels: set aside with its bytes; the later pass is used."""
    bad = spoil(event)
    with pytest.warns(FallbackWarning, match="damaged and set aside"):
        made = carry_out(ask(event), event.parent / "catalog", released=NOW)
    assert acquired(made) == LATER
    notes = json.loads((made.folder / "provenance.json").read_text())["notes"]
    assert any("set aside" in note for note in notes)
    quarantine = Quarantine(cache=event.parent / "cache")
    (evidence,) = quarantine.listed()
    assert bad.name in evidence.href
    assert "not a raster" in evidence.message
    assert (quarantine.folder / evidence.kept).read_bytes() == bad.read_bytes()[:65_536]
    assert evidence.seen == NOW.isoformat()
    found = {f.name: f for f in examine_machine(Settings(cache=event.parent / "cache"))}
    assert not found["damaged files"].well
    assert evidence.granule in found["damaged files"].detail


def test_a_broken_header_is_set_aside_too(event):
    """A file in the folder that is no raster at all: the second pass is mapped, and it is said."""
    first(event).write_bytes(b"no raster" * 100)
    with pytest.warns(FallbackWarning, match="damaged and set aside"):
        made = carry_out(ask(event), event.parent / "catalog", released=NOW)
    assert acquired(made) == LATER
    (evidence,) = Quarantine(cache=event.parent / "cache").listed()
    assert evidence.href.endswith(first(event).name)
    assert "is not a raster" in evidence.message
    assert any("damaged and set aside" in note for note in attention(made))


def test_what_was_set_aside_is_not_tried_again_until_its_record_is_removed(event):
    """Mended, it stays aside; without the record, the mended first pass is mapped."""
    good = first(event).read_bytes()
    bad = spoil(event)
    with pytest.warns(FallbackWarning):
        carry_out(ask(event), event.parent / "catalog", released=NOW)
    bad.write_bytes(good)
    with pytest.warns(FallbackWarning):
        again = carry_out(ask(event), event.parent / "catalog", released=NOW)
    assert not again.created
    for record in Quarantine(cache=event.parent / "cache").folder.glob("*.json"):
        record.unlink()
    mended = carry_out(ask(event), event.parent / "catalog", released=NOW)
    assert mended.created
    assert acquired(mended) == WHEN


def test_an_error_about_no_file_of_ours_stands(event, monkeypatch):
    """What no granule is to blame for is an error, and nothing is set aside."""

    def broken(*_, **__):
        raise IntegrityError("a table of a service is not one")

    monkeypatch.setattr("reliefscope.jobs.situation.run", broken)
    with pytest.raises(IntegrityError, match="a table"):
        carry_out(ask(event), event.parent / "catalog", released=NOW)
    assert Quarantine(cache=event.parent / "cache").listed() == []


def test_a_line_that_was_bad_once_damages_nothing(event, monkeypatch):
    """The first error about a file is taken for the line's; read well again, it is used."""
    from reliefscope.jobs import situation  # noqa: PLC0415 - the subject

    calls = []
    real = situation.run

    def shaky(*args, **kwargs):
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError("garbled", href=str(first(event)))
        return real(*args, **kwargs)

    monkeypatch.setattr(situation, "run", shaky)
    made = carry_out(ask(event), event.parent / "catalog", released=NOW)
    assert acquired(made) == WHEN
    assert Quarantine(cache=event.parent / "cache").listed() == []
