"""What the schemas of STAC's extensions demand of an Item, checked without a network.

The schemas themselves are kept by others and are fetched by no test: their demands are written
down here in our own words, field by field.
"""

import re

import pytest

from reliefscope.products.stac import EXTENSIONS, build_item, item_document
from tests.products.scene import RELEASED, make_granule, make_product
from tests.products.test_facts import facts_of


def number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(value, *sizes):
    return isinstance(value, list) and len(value) in sizes and all(map(number, value))


def classes(value):
    return (
        isinstance(value, list)
        and value
        and all(
            isinstance(c["value"], int)
            and re.fullmatch(r"[A-Za-z0-9_-]+", c["name"])
            and re.fullmatch(r"[0-9A-F]{6}", c.get("color_hint", "000000"))
            for c in value
        )
    )


def bits(value):
    return all(b["offset"] >= 0 and b["length"] >= 1 and classes(b["classes"]) for b in value)


DEMANDS = {
    "proj:code": lambda v: v is None or re.fullmatch(r"[A-Z]+:\d+", v),
    "proj:wkt2": lambda v: v is None or isinstance(v, str),
    "proj:shape": lambda v: numbers(v, 2) and all(isinstance(n, int) for n in v),
    "proj:transform": lambda v: numbers(v, 6, 9),
    "proj:bbox": lambda v: numbers(v, 4, 6),
    "file:size": lambda v: isinstance(v, int) and v >= 0,
    "file:checksum": lambda v: re.fullmatch(r"[a-f0-9]+", v),
    "processing:lineage": lambda v: isinstance(v, str),
    "processing:level": lambda v: isinstance(v, str),
    "processing:software": lambda v: all(isinstance(x, str) for x in v.values()),
    "raster:spatial_resolution": number,
    "sat:relative_orbit": lambda v: isinstance(v, int) and v >= 1,
    "sat:orbit_state": lambda v: v in {"ascending", "descending", "geostationary"},
    "classification:classes": classes,
    "classification:bitfields": bits,
}
"""Every field that an extension allows here, and what it must be; no other field may have the
prefix of an extension."""


def faults(document):
    """Return what the extensions' schemas would complain of."""
    found, used = [], {"version"}
    for place in (document["properties"], *document["assets"].values()):
        for name, value in place.items():
            prefix = name.partition(":")[0]
            if ":" not in name or prefix == "reliefscope":
                continue
            used.add(prefix)
            if name not in DEMANDS or not DEMANDS[name](value):
                found.append(name)
    if not isinstance(document["properties"]["version"], str):
        found.append("version")
    stated = set(document["stac_extensions"])
    return found + sorted(stated ^ {EXTENSIONS[p] for p in used})


def document_of(product, tmp_path, *names):
    for name in ("state.tif", "likelihood.tif", "exclusion.tif", "facts.json", *names):
        (tmp_path / name).write_bytes(b"x")
    head = {"product_id": "X_v1", "fingerprint": "f", "released": RELEASED.isoformat()}
    return item_document(build_item(product, facts_of(), tmp_path, head, 1))


@pytest.mark.parametrize(
    "granule",
    [
        {"orbit_state": "Ascending"},
        {"relative_orbit": None},
        {"relative_orbit": None, "platform": "", "instrument": ""},
    ],
)
def test_items_meet_the_demands_of_their_extensions(tmp_path, granule):
    """With an orbit or without one: a schema is named only where its fields are there, because
    that of satellites demands one."""
    product = make_product(granules={"after": (make_granule(**granule),)})
    document = document_of(
        product, tmp_path, "depth_m.tif", "depth_band.tif", "a.parquet", "s.xlsx"
    )
    assert faults(document) == []
    assert (EXTENSIONS["sat"] in document["stac_extensions"]) is ("orbit_state" in granule)


def test_codes_and_bits_are_explained(tmp_path):
    """Classes with colours for state and depth, bits for the reasons of exclusion."""
    assets = document_of(make_product(), tmp_path, "depth_band.tif")["assets"]
    assert {c["value"] for c in assets["state"]["classification:classes"]} == {0, 1, 2, 3, 255}
    urban = [b for b in assets["exclusion"]["classification:bitfields"] if b["name"] == "urban"]
    assert [b["offset"] for b in urban] == [2]
    assert all("color_hint" in c for c in assets["state"]["classification:classes"])
    assert len(assets["depth_band"]["classification:classes"]) >= 5


def test_the_demands_can_fail(tmp_path):
    """A field nobody knows, a shape of floats, a schema too many: each is a fault."""
    document = document_of(make_product(), tmp_path)
    document["assets"]["state"]["proj:shape"] = [1.5, 2]
    document["properties"]["sat:colour"] = "red"
    document["stac_extensions"].append("https://example.org/none/schema.json")
    assert set(faults(document)) >= {"proj:shape", "sat:colour"}
    assert "https://example.org/none/schema.json" in faults(document)
