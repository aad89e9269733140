"""Lineage without secrets."""

import dataclasses
import json

import pytest

from reliefscope.products.provenance import context_digest, record, safe_href, scrub, software
from reliefscope.products.qa import Gate
from tests.products.scene import GRID, make_context, make_product

HEAD = {"product_id": "X_v1", "fingerprint": "f", "released": "2024-09-16T12:30:00+00:00"}


@pytest.mark.parametrize(
    ("href", "safe"),
    [
        ("https://a.example/b/c.tif", "https://a.example/b/c.tif"),
        ("https://a.example/b.tif?sig=SECRET&se=1#x", "https://a.example/b.tif"),
        ("https://me:SECRET@a.example:8443/b.tif", "https://a.example:8443/b.tif"),
        ("/vsicurl/https://me:SECRET@a.example/b.tif?t=SECRET", "https://a.example/b.tif"),
        ("s3://bucket/key/b.tif", "s3://bucket/key/b.tif"),
        ("/home/me/SECRET/b.tif", "b.tif"),
        ("file:///home/me/SECRET/b.tif", "b.tif"),
        ("b.tif?SECRET", "b.tif"),
    ],
)
def test_links_lose_their_secrets(href, safe):
    """Signed queries, users, passwords and folders of this machine do not travel."""
    assert safe_href(href) == safe


def test_secrets_in_text_are_removed():
    """A warning that quotes a signed link keeps the link and loses the signature."""
    text = scrub("could not read https://a.example/b.tif?sig=SECRET, used s3://u:SECRET@c/d")
    assert text == "could not read https://a.example/b.tif used s3://c/d"


def test_a_record_says_what_was_read_and_how():
    """Granules with checksums, times and orbit; parameters; versions; checks."""
    gates = [Gate(name="x", passed=False, value=0.4, limit=">= 0.5")]
    got = record(make_product(), make_context(), HEAD, gates, {"step": 1.23456})
    (granule,) = got["granules"]["after"]
    assert granule["id"] == "S1A_20240915"
    assert granule["acquired"] == "2024-09-15T05:12:00+00:00"
    assert granule["relative_orbit"] == 44
    assert granule["assets"]["vv"]["checksum"] == "1220" + "ab" * 32
    assert granule["assets"]["vv"]["href"] == "https://data.example/s1/vv.tif"
    assert got["parameters"] == {"mmu": 10.0}
    assert got["code"]["reliefscope"] == "0.1.0"
    assert got["timings_s"] == {"step": 1.235}
    assert got["qa"] == [
        {"name": "x", "passed": False, "value": 0.4, "limit": ">= 0.5", "message": ""}
    ]


def test_no_secret_is_in_the_record():
    """Neither token nor password of any input, note or source."""
    product = make_product(notes=("retried https://x.example/y?key=SECRETTOKEN",))
    context = make_context(population_source="P, https://p.example/?key=SECRETTOKEN")
    text = json.dumps(record(product, context, HEAD, [], {}))
    assert "SECRETTOKEN" not in text
    assert "hunter2" not in text


def test_versions_of_what_takes_part_are_named():
    """Among them the C libraries behind the wheels."""
    assert {"numpy", "rasterio", "gdal", "proj", "geos", "python"} <= set(software())


def test_other_reference_data_have_another_digest():
    """One more inhabitant, another outline or source: a new digest; the same data: the same."""
    same = context_digest(make_context(), GRID)
    assert context_digest(make_context(), GRID) == same
    more = make_context().population.copy()
    more[0, 0] += 1
    fewer = make_context().admin.iloc[:1]
    others = [
        make_context(population=more),
        make_context(population=None),
        make_context(admin=fewer),
        make_context(population_source="other"),
        dataclasses.replace(make_context(), places=None),
    ]
    digests = {context_digest(c, GRID) for c in others}
    assert len(digests | {same}) == 1 + len(others)
