"""The offset of Sentinel-2, on every recorded item of every catalogue."""

import collections
import datetime as dt
import json
import warnings

import numpy as np
import pystac
import pytest
import rasterio

from reliefscope.errors import ProvenanceWarning
from reliefscope.sources._offsets import raw_sentinel2_scaling, stated_scaling
from reliefscope.sources._profiles import PROFILES
from reliefscope.sources._stac import as_granule
from reliefscope.transport.client import Transport

NEW = dt.datetime(2023, 5, 1, tzinfo=dt.UTC)
OLD = dt.datetime(2020, 5, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("properties", "acquired", "offset", "doubtful"),
    [
        ({"s2:processing_baseline": "03.01"}, OLD, 0.0, False),
        ({"s2:processing_baseline": "04.00"}, NEW, -0.1, False),
        ({"s2:processing_baseline": "05.00"}, OLD, -0.1, False),
        ({"processing:version": "05.11"}, NEW, -0.1, False),
        ({}, NEW, -0.1, True),
        ({}, OLD, 0.0, True),
        ({}, None, 0.0, True),
    ],
)
def test_the_baseline_decides_and_not_the_date(properties, acquired, offset, doubtful):
    """A reprocessed scene of 2020 carries the offset; without a baseline it is assumed, aloud.

    Peer defect: no scale and no offset at all (odc-stac), so that dNBR shifts between baselines.
    """
    found = raw_sentinel2_scaling(properties, acquired, scale=0.0001)
    assert (found.scale, found.offset) == (0.0001, offset)
    assert bool(found.doubt) == doubtful


@pytest.mark.parametrize(("applied", "offset"), [(True, 0.0), (False, -0.1), (None, -0.1)])
def test_an_offset_taken_off_already_is_not_taken_off_twice(applied, offset):
    """Earth Search leaves it in the metadata of pixels it has corrected, and says so.

    Peer defect: whatever the catalogue says is applied (stackstac).
    """
    properties = {} if applied is None else {"earthsearch:boa_offset_applied": applied}
    band = {"scale": 0.0001, "offset": -0.1}
    assert stated_scaling(properties, band, scale=1, offset=0).offset == offset


def _items(node):
    if isinstance(node, dict):
        assets = node.get("assets")
        if node.get("type") == "Feature" and isinstance(assets, dict) and "properties" in node:
            yield node
            return
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _items(part)


@pytest.mark.realdata
def test_all_recorded_items_of_both_kinds(shared_data):
    """Every item of Sentinel-2 L2A that a service answered: the offset still to be applied."""
    wanted = {
        ("planetary-computer", "sentinel-2-l2a"): lambda p: -0.1 * (_baseline(p) >= "04.00"),
        ("earth-search", "sentinel-2-l2a"): lambda _: 0.0,  # old, or taken off by the provider
        ("earth-search", "sentinel-2-c1-l2a"): lambda _: -0.1,
    }
    seen = collections.Counter()
    files = [*shared_data.glob("responses/**/*.json"), *shared_data.glob("scenes/**/*.json")]
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        for raw in _items(content):
            text = json.dumps(raw)
            provider = "planetary-computer" if "blob.core.windows.net" in text else "earth-search"
            rule = wanted.get((provider, raw.get("collection")))
            if rule is None:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # old extensions
                item = pystac.Item.from_dict(raw)
            item.set_self_href("https://example.org/item.json")
            granule = as_granule(
                item, profile=PROFILES[provider], home="https://example.org", transport=Transport()
            )
            for name in ("blue", "red", "swir22"):
                if name in granule.assets:
                    asset = granule.assets[name]
                    assert (asset.scale, asset.offset) == (0.0001, rule(raw["properties"])), file
                    seen[(provider, raw["collection"], asset.offset)] += 1
            if "scl" in granule.assets:
                assert (granule.assets["scl"].scale, granule.assets["scl"].offset) == (1.0, 0.0)
    assert {key[2] for key in seen} == {0.0, -0.1}
    assert seen[("planetary-computer", "sentinel-2-l2a", -0.1)] >= 12
    assert seen[("planetary-computer", "sentinel-2-l2a", 0.0)] >= 90
    assert sum(seen.values()) >= 150


def _baseline(properties):
    return properties["s2:processing_baseline"]


@pytest.mark.realdata
def test_surface_temperature_of_landsat(shared_data):
    """A real scene: stored numbers become 0.00341802 x DN + 149 K of land and cloud."""
    folder = shared_data / "scenes" / "landsat_c2l2_017036"
    (item_file,) = folder.glob("*_ST_stac.json")
    item = pystac.Item.from_file(str(item_file))
    granule = as_granule(
        item, profile=PROFILES["usgs"], home="https://landsatlook.usgs.gov", transport=Transport()
    )
    asset = granule.assets["lst"]
    assert (asset.scale, asset.offset, asset.units) == (0.00341802, 149.0, "K")
    assert granule.relative_orbit == 17
    (st_file,) = folder.glob("*ST_B10.TIF")
    with rasterio.open(st_file) as raster:
        stored = raster.read(1)
    kelvin = stored[stored > 0] * asset.scale + asset.offset
    assert 260 < np.percentile(kelvin, 99) < 330  # clouds over most of it, land between them


def test_an_item_without_a_baseline_warns():
    """The assumption reaches the person who searches."""
    item = pystac.Item(
        id="S2", geometry=None, bbox=[0, 0, 1, 1], datetime=NEW, properties={},
        collection="sentinel-2-l2a",
        assets={"B04": pystac.Asset("https://x.blob.core.windows.net/a/B04.tif")},
    )  # fmt: skip
    with pytest.warns(ProvenanceWarning, match="names no processing baseline"):
        granule = as_granule(
            item,
            profile=PROFILES["planetary-computer"],
            home="https://example.org",
            transport=Transport(),
        )
    assert granule.assets["red"].offset == -0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        item.properties["s2:processing_baseline"] = "02.14"
        assert (
            as_granule(
                item,
                profile=PROFILES["planetary-computer"],
                home="https://example.org",
                transport=Transport(),
            )
            .assets["red"]
            .offset
            == 0.0
        )
