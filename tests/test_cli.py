"""The command as a person types it: what it prints, and its exit codes."""

import numpy as np
import pytest

from reliefscope import cli
from reliefscope.cli import EXIT_CODES, main
from reliefscope.errors import (
    CubeError,
    InsufficientDataError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.feeds.exercise import HAZARDS
from reliefscope.products.catalog import find
from reliefscope.products.facts import Facts
from tests.scenes import WHEN, lonlat_bounds, write_raster

SIZE = 256


@pytest.fixture(scope="module")
def scene():
    """A dark lake in bright, speckled land, in linear power."""
    noise = np.random.default_rng(1).gamma(4.4, 1 / 4.4, (2, SIZE, SIZE))
    mean = np.where(np.hypot(*(np.indices((SIZE, SIZE)) - SIZE / 2)) < 50, 0.004, 0.1)
    return (noise * mean).astype("float32")


def _write(folder, scene, *, units="1", hazard="flood", extra="", area=None):
    stamp = f"{WHEN:%Y%m%dT%H%M%S}"
    for name, values in zip(("vv", "vh"), scene, strict=True):
        path = write_raster(folder / "scenes" / f"{stamp}_{name}.tif", values)
    west, south, east, north = area or lonlat_bounds(path)
    event = folder / "event.toml"
    event.write_text(
        f"""
[event]
id = "LAKE"
title = "A [bold]lake[/bold] # and $more"
hazard = "{hazard}"
onset = 2024-03-01T00:00:00Z
[area]
bbox = [{west}, {south}, {east}, {north}]
[map]
resolution = 10
[sources.mine]
type = "files"
folder = "scenes"
units = {{ vv = "{units}", vh = "{units}" }}
{extra}
""",
        encoding="utf-8",
    )
    return event


def _map(event, tmp_path):
    return main(["map", str(event), "--catalog", str(tmp_path / "catalog")])


def test_map_publishes_once_and_says_where(tmp_path, scene, capsys):
    """The lake is 0.785 km2 of water; the same command again changes nothing."""
    event = _write(tmp_path, scene)
    assert _map(event, tmp_path) == 0
    said = capsys.readouterr().out
    (entry,) = find(tmp_path / "catalog")
    assert str(entry.folder / "sheet.en.pdf") in said
    assert not entry.exercise
    facts = Facts.from_json(entry.facts.read_text(encoding="utf-8"))
    assert facts["event_area_km2"].value == pytest.approx(np.pi * 0.5**2, rel=0.1)
    stamps = {p: p.stat().st_mtime_ns for p in entry.folder.iterdir()}
    assert _map(event, tmp_path) == 0
    assert "already published, nothing to do" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in entry.folder.iterdir()} == stamps
    assert len(find(tmp_path / "catalog")) == 1


def test_plan_explains_and_writes_nothing(tmp_path, scene, capsys):
    """Grid, memory, granules and reasons; no catalog appears."""
    assert main(["plan", str(_write(tmp_path, scene))]) == 0
    said = capsys.readouterr().out
    assert "EPSG:32632" in said
    assert "earliest of 1" in said
    assert "nothing found" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["event.toml", "scenes"]


def test_exit_codes_are_documented_ones():
    """Each kind of error has the code that the README lists."""
    codes = {
        CubeError: 2,
        NothingFoundError: 3,
        InsufficientDataError: 4,
        IntegrityError: 5,
        UnavailableError: 5,
    }
    for kind, code in codes.items():
        assert next(c for k, c in EXIT_CODES.items() if issubclass(kind, k)) == code


def test_unseen_scene_is_insufficient_data(tmp_path, scene, capsys):
    """All nodata: exit 4, the observed fraction is said, and nothing is published."""
    assert _map(_write(tmp_path, scene * np.nan), tmp_path) == 4
    assert "InsufficientDataError" in capsys.readouterr().err
    assert find(tmp_path / "catalog") == []


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"units": "dB"}, 2, "linear"),
        ({"units": ""}, 2, "never guessed"),
        ({"area": (100, 10, 101, 11)}, 3, "no vv or vh after"),
        ({"hazard": "volcano"}, 2, "no indicator for volcano"),
        ({"extra": "[context]\npopulation = 'none.tif'"}, 2, "does not exist"),
    ],
)
def test_bad_input_gets_a_sentence_and_nothing_is_published(
    tmp_path, scene, capsys, change, code, message
):
    """Linear power called decibels, unknown units, another place, another hazard, a lost file."""
    assert _map(_write(tmp_path, scene, **change), tmp_path) == code
    said = " ".join(capsys.readouterr().err.split())
    assert message in said
    assert "Traceback" not in said
    assert find(tmp_path / "catalog") == []


def test_decibels_called_linear_power_are_refused(tmp_path, scene, capsys):
    """Power is never negative."""
    assert _map(_write(tmp_path, 10 * np.log10(scene)), tmp_path) == 2
    assert "CubeError" in capsys.readouterr().err


def test_raster_without_crs_is_refused(tmp_path, scene, capsys):
    """A scene that lies nowhere is named with what to do."""
    event = _write(tmp_path, scene)
    write_raster(tmp_path / "scenes" / f"{WHEN:%Y%m%dT%H%M%S}_vv.tif", scene[0], epsg=None)
    assert _map(event, tmp_path) == 2
    assert "has no CRS" in capsys.readouterr().err


def test_unknown_command_is_usage(capsys):
    """argparse explains and exits with 2."""
    with pytest.raises(SystemExit) as stop:
        main(["mop"])
    assert stop.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_the_command_offers_every_exercise_there_is():
    """The choices are written out so that help needs no import; they are those of the feed."""
    assert sorted(cli._EXERCISES) == sorted(map(str, HAZARDS))
