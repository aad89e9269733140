"""The catalog as others read it."""

import hashlib
import json
from pathlib import Path

import pystac
import pytest
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension

from reliefscope.model.event import Event, Hazard
from reliefscope.products.catalog import publish
from reliefscope.products.stac import overall_bbox, schema_errors
from tests.products.scene import ONSET, RELEASED, make_context, make_granule, make_product

pytestmark = pytest.mark.usefixtures("plain_sheet")


@pytest.fixture
def catalog(tmp_path):
    publish(make_product(), tmp_path / "c", context=make_context(), released=RELEASED)
    return tmp_path / "c"


def everything(catalog):
    root = pystac.Catalog.from_file(str(catalog / "catalog.json"))
    return [root, *root.get_collections(), *root.get_items(recursive=True)]


def test_pystac_finds_everything_from_the_root(catalog):
    """Root, one collection per hazard, the item: by links alone, and all fit the core schemas."""
    found = everything(catalog)
    assert [o.id for o in found] == ["reliefscope", "flood", "EMSR771_AOI01_DEL_PRODUCT_r1_v1"]
    for path in catalog.rglob("*.json"):
        document = json.loads(path.read_text())
        if "stac_version" in document:
            assert schema_errors(document) == ""


def test_every_link_is_relative_and_leads_somewhere(catalog):
    """The catalog can be moved or copied to a stick; only links to the inputs leave it."""
    for path in catalog.rglob("*.json"):
        document = json.loads(path.read_text())
        for link in document.get("links", []):
            if link["rel"] == "derived_from":
                assert link["href"] == "https://api.example/collections/s1/items/a"
                continue
            assert not link["href"].startswith(("/", "http", "file"))
            assert (path.parent / link["href"]).is_file(), link


def test_every_file_is_an_asset_with_its_size_and_checksum(catalog):
    """What the item says of a file is true of the file."""
    item = everything(catalog)[-1]
    folder = Path(item.get_self_href()).parent
    assets = {Path(a.href).name: a for a in item.assets.values()}
    assert sorted([*assets, "item.json"]) == sorted(p.name for p in folder.iterdir())
    for name, asset in assets.items():
        content = (folder / name).read_bytes()
        extension = FileExtension.ext(asset)
        assert extension.size == len(content)
        assert extension.checksum == "1220" + hashlib.sha256(content).hexdigest()


def test_rasters_say_where_they_lie(catalog):
    """Projection, shape, transform and classes are in the item."""
    state = everything(catalog)[-1].assets["state"]
    projection = ProjectionExtension.ext(state)
    assert projection.code == "EPSG:32633"
    assert projection.shape == [48, 64]
    assert projection.transform[:6] == [100.0, 0.0, 500_000.0, 0.0, -100.0, 5_000_000.0]
    classes = {c["value"]: c["name"] for c in state.extra_fields["classification:classes"]}
    assert classes == {
        0: "no_event",
        1: "event",
        2: "reference",
        3: "excluded",
        255: "not_observed",
    }


def test_the_item_says_what_matters(catalog):
    """Time of the image, headline numbers, lineage, versions, exercise or not."""
    item = everything(catalog)[-1]
    assert item.datetime.isoformat() == "2024-09-15T05:12:00+00:00"
    properties = item.properties
    assert properties["reliefscope:exercise"] is False
    assert properties["reliefscope:facts"]["exposed_population"] == 4800
    assert properties["processing:software"]["reliefscope"] == "0.1.0"
    assert len(properties["reliefscope:fingerprint"]) == 64
    assert properties["version"] == "1"


def test_the_collection_reaches_over_its_items(catalog):
    """Extents grow with what is published."""
    late = make_granule(acquired=ONSET.replace(year=2025))
    other = Event(
        id="OTHER", title="t", hazard=Hazard.FLOOD, area=make_product().event.area, onset=ONSET
    )
    publish(make_product(event=other, granules={"after": (late,)}), catalog, released=RELEASED)
    collection = everything(catalog)[1]
    start, end = collection.extent.temporal.intervals[0]
    assert (start.year, end.year) == (2024, 2025)
    west, south, east, north = collection.extent.spatial.bboxes[0]
    assert (west, east) == pytest.approx((15.0, 15.0814), abs=1e-3)
    assert (south, north) == pytest.approx((45.1102, 45.1535), abs=1e-3)


def test_several_images_make_an_interval(tmp_path):
    """From the first to the last acquisition; the item's time is the last."""
    early = make_granule(id="first", acquired=ONSET.replace(hour=7))
    product = make_product(granules={"after": (make_granule(), early)})
    publish(product, tmp_path, released=RELEASED)
    properties = everything(tmp_path)[-1].properties
    assert properties["start_datetime"].startswith("2024-09-14T07:00")
    assert properties["datetime"] == properties["end_datetime"]


@pytest.mark.parametrize(
    ("boxes", "want"),
    [
        ([[1, 2, 3, 4], [0, 3, 2, 9]], [0, 2, 3, 9]),
        ([[179, -17, -179, -16]], [179, -17, -179, -16]),
        ([[179, -17, -179, -16], [170, -20, 172, -18]], [170, -20, -179, -16]),
        ([[179, -17, -179, -16], [-176, -20, -175, -18]], [179, -20, -175, -16]),
        ([[179, -17, -179, -16], [-5, 40, 15, 45]], [-5, -17, -179, 45]),
        ([[-180, -90, 180, 90], [3, 4, 5, 6]], [-180, -90, 180, 90]),
        ([[-170, 0, -150, 1], [150, 0, 170, 1]], [150, 0, -150, 1]),
    ],
)
def test_boxes_across_the_antimeridian(boxes, want):
    """West beyond east means across 180 degrees, as in RFC 7946."""
    assert overall_bbox(boxes) == want


def test_a_broken_item_is_recognised(catalog):
    """The schema check is one: without geometry, or with a box of three numbers, it complains."""
    path = next(catalog.rglob("item.json"))
    document = json.loads(path.read_text())
    assert schema_errors({**document, "bbox": [1, 2, 3]}) != ""
    assert schema_errors({k: v for k, v in document.items() if k != "properties"}) != ""
