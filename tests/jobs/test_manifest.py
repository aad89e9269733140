"""Manifests: what they may say, and what products they ask for."""

import datetime as dt
import json
import tomllib

import jsonschema
import numpy as np
import pytest

from reliefscope.errors import InputError
from reliefscope.jobs.manifest import TEMPLATE, Manifest, Resolver, read_manifest, rows, schema
from reliefscope.settings import Settings
from tests.scenes import write_raster

NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
EVENT = 'event = { id = "E1", hazard = "flood", onset = 2024-03-01T00:00:00Z }'
AREAS = 'areas = [{ bbox = [9, 44, 10, 45], name = "West" }, { bbox = [10, 44, 11, 45] }]'


def write(folder, text):
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


def asked(folder, text):
    return list(rows(read_manifest(write(folder, text)), ("en",)))


def test_rows_are_events_times_areas_times_indicators(tmp_path):
    """Two areas and two indicators of one event: four products, numbered by area."""
    found = asked(
        tmp_path, f'[[events]]\n{EVENT}\n{AREAS}\nindicators = ["flood_sar", "flood_optical"]'
    )
    assert [(r.aoi, r.area, r.indicator) for r in found] == [
        (1, "West", "flood_sar"),
        (1, "West", "flood_optical"),
        (2, "(10.0, 44.0, 11.0, 45.0)", "flood_sar"),
        (2, "(10.0, 44.0, 11.0, 45.0)", "flood_optical"),
    ]


def test_an_event_speaks_over_the_defaults(tmp_path):
    """Languages and resolution of the defaults, the resolution of one event its own."""
    text = f"""
[defaults]
languages = ["fr", "ar"]
resolution = 30
[[events]]
{EVENT}
{AREAS}
[[events]]
{EVENT}
{AREAS}
resolution = 50
"""
    path = write(tmp_path, text)
    found = list(rows(read_manifest(path), ("en",)))
    assert {r.languages for r in found} == {("fr", "ar")}
    resolver = Resolver(settings=Settings(cache=tmp_path), base=tmp_path, now=NOW)
    made = [resolver.request(r) for r in found]
    assert [m.resolution for m in made] == [30, 30, 50, 50]
    assert [m.aoi for m in made] == [1, 2, 1, 2]
    assert made[0].event.area.name == "West"
    assert {m.indicator for m in made} == {"flood_sar"}


def test_sources_of_the_defaults_serve_event_files_that_name_none(tmp_path):
    """Paths of the manifest start at its own folder, those of the event file at its own."""
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "e.toml").write_text(
        '[event]\nid = "E2"\nhazard = "flood"\nonset = 2024-03-01T00:00:00Z\n'
        "[area]\nbbox = [9, 44, 10, 45]\n"
    )
    text = """
[defaults.sources.mine]
type = "files"
folder = "scenes"
units = { vv = "1" }
[[events]]
file = "events/e.toml"
"""
    write_raster(tmp_path / "scenes" / "20240302T000000_vv.tif", np.ones((8, 8), "float32"))
    (row,) = asked(tmp_path, text)
    resolver = Resolver(settings=Settings(cache=tmp_path), base=tmp_path, now=NOW)
    request = resolver.request(row)
    assert request.event.id == "E2"
    assert request.sources["mine"].folder == tmp_path / "scenes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "events"),
        ("[[events]]\nid = 'x'\nfile = 'y'", "give one of file, id, exercise, event"),
        ("[[events]]\nid = 'x'\nindicator = 'flood_sar'", "line 3.*Extra inputs"),
        ("[[events]]\nid = 'x'\nindicators = ['floood']", "unknown indicators"),
        ("[[events]]\nid = 'x'\nlanguages = ['xx']", "no language 'xx'"),
        ("[[events]]\nid = 'x'\nresolution = 0", "greater than 0"),
        ("[[events]]\nid = 'x", "not valid TOML"),
    ],
)
def test_a_slip_is_named_with_its_key(tmp_path, text, message):
    """Unknown keys, two ways at once, unknown names, bad numbers, bad TOML."""
    with pytest.raises(InputError, match=message):
        read_manifest(write(tmp_path, text))


def test_an_event_written_out_needs_a_place(tmp_path):
    """Without areas there is nowhere to map."""
    (row,) = asked(tmp_path, f"[[events]]\n{EVENT}")
    with pytest.raises(InputError, match="needs areas"):
        Resolver(settings=Settings(cache=tmp_path), base=tmp_path, now=NOW).request(row)


def test_the_template_is_a_manifest_under_its_own_schema():
    """What is printed to start from is read again, and the published schema agrees."""
    document = json.loads(json.dumps(tomllib.loads(TEMPLATE), default=str))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema())
    assert len(Manifest.model_validate(tomllib.loads(TEMPLATE)).events) == 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "evnts": []}, schema())
