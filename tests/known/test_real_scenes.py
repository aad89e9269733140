"""Real Sentinel-1 scenes through real servers, by the command a person would type."""

import json

import numpy as np
import pystac
import pytest
import rasterio

from reliefscope.cli import main
from reliefscope.model.cube import State
from reliefscope.products.catalog import find, open_package
from reliefscope.products.validate import validate
from tests.real_radar import served_chips, taken
from tests.scenes import lonlat_bounds

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def chips(shared_data):
    """Hand-labelled chips of Sen1Floods11."""
    return shared_data / "flood" / "sen1floods11"


@pytest.fixture(scope="module")
def api(chips, tmp_path_factory):
    """The chips behind a STAC API and a server of byte ranges."""
    with served_chips(chips, tmp_path_factory.mktemp("api")) as url:
        yield url


def _event_file(folder, chips, api, chip):
    country = chip.split("_")[0]
    path = folder / f"{country}.toml"
    path.write_text(
        f"""
[event]
id = "{country}"
title = "Flood in {country}"
hazard = "flood"
onset = {taken(chips, country):%Y-%m-%d}T00:00:00Z
[area]
bbox = {list(lonlat_bounds(chips / f"{chip}_S1Hand.tif"))}
name = "{country}"
[map]
resolution = 10
[sources.radar]
type = "stac"
url = "{api}"
collections = ["sen1floods11"]
assets = {{ vv = "data", vh = "data" }}
""",
        encoding="utf-8",
    )
    return path


def test_real_flood_is_fetched_mapped_and_published(chips, api, tmp_path):
    """Spain, 17 September 2019: the published map agrees with the hand label."""
    event = _event_file(tmp_path, chips, api, "Spain_7370579")
    assert main(["map", str(event), "--catalog", str(tmp_path / "catalog")]) == 0
    (entry,) = find(tmp_path / "catalog")
    label = chips / "Spain_7370579_LabelHand.tif"
    water = (State.EVENT, State.REFERENCE)
    agreement = validate(
        entry.folder / "state.tif", label, event_classes=water, reference_classes=(1,)
    )
    assert agreement.counts.iou >= 0.6
    assert agreement.compared_fraction > 0.9
    assert not entry.exercise
    provenance = json.loads((entry.folder / "provenance.json").read_text(encoding="utf-8"))
    assert "Spain_7370579_S1Hand" in json.dumps(provenance)
    assert pystac.Item.from_file(str(entry.item)).properties["reliefscope:exercise"] is False


def test_land_without_water_is_not_declared_flooded(chips, api, tmp_path):
    """Ghana_53713 holds no water at all: less than 2 % of it is mapped."""
    event = _event_file(tmp_path, chips, api, "Ghana_53713")
    assert main(["map", str(event), "--catalog", str(tmp_path / "catalog")]) == 0
    facts = open_package(find(tmp_path / "catalog")[0].folder).facts
    assert facts["event_area_km2"].value < 0.02 * facts["area_km2"].value


def test_scene_without_a_single_pixel_is_insufficient(chips, api, tmp_path, capsys):
    """Paraguay_34417 is all nodata: exit 4, the fraction is said, nothing is published."""
    event = _event_file(tmp_path, chips, api, "Paraguay_34417")
    assert main(["map", str(event), "--catalog", str(tmp_path / "catalog")]) == 4
    assert "InsufficientDataError" in capsys.readouterr().err
    assert find(tmp_path / "catalog") == []


def test_terrain_and_reference_water_from_files(shared_data, tmp_path):
    """A scene with terrain model and months of water: known water is reference, not event."""
    folder = shared_data / "flood" / "s1_dem_jrc"
    west, south, east, north = lonlat_bounds(folder / "ayt12_vv.tif")
    event = tmp_path / "ayt12.toml"
    files = {"vv": "vv", "vh": "vh", "nasadem": "elevation", "jrc_seasonality": "water_seasonality"}
    listed = "".join(
        f"""
[[sources.local.files]]
path = "ayt12_{name}.tif"
variable = "{variable}"
"""
        + ('acquired = 2021-01-02T00:00:00Z\nunits = "dB"\n' if variable in {"vv", "vh"} else "")
        for name, variable in files.items()
    )
    event.write_text(
        f"""
[event]
id = "AYT12"
hazard = "flood"
onset = 2021-01-01T00:00:00Z
[area]
bbox = [{west}, {south}, {east}, {north}]
[map]
resolution = 10
[sources.local]
type = "files"
folder = "{folder}"
{listed}""",
        encoding="utf-8",
    )
    assert main(["map", str(event), "--catalog", str(tmp_path / "catalog")]) == 0
    (entry,) = find(tmp_path / "catalog")
    with rasterio.open(entry.folder / "state.tif") as raster:
        state = raster.read(1)
    with rasterio.open(folder / "ayt12_jrc_seasonality.tif") as raster:
        has_permanent = bool((raster.read(1) >= 10).any())
    assert has_permanent == bool((state == State.REFERENCE).any())
    assert np.isin(state, [int(s) for s in State]).all()
