"""A folder that is kept like a catalog in an object store, so that it can be served."""

import pytest

from reliefscope.products.catalog import find, publish
from reliefscope.products.mirror import Mirror
from reliefscope.products.store import catalog_at, store_of
from tests.products.conftest import LIGHT
from tests.products.scene import RELEASED, make_context, make_product
from tests.products.test_bucket import BUCKET, settings_of
from tests.servers import object_store


@pytest.mark.usefixtures("light_package")
def test_a_served_folder_follows_the_store(tmp_path):
    """A product that is published appears whole, is not fetched twice, and goes when removed."""
    with object_store(BUCKET) as server:
        there = catalog_at(f"s3://{BUCKET}/a", settings_of(server, tmp_path / "publisher"))
        here = catalog_at(f"s3://{BUCKET}/a", settings_of(server, tmp_path / "server"))
        mirror = Mirror(here, tmp_path / "served")
        assert mirror.update() == 0
        package = publish(make_product(), there, context=make_context(), released=RELEASED)
        assert mirror.update() == 1
        (entry,) = find(mirror.folder)
        assert entry.product_id == package.product_id
        assert {p.name for p in entry.folder.iterdir()} == set(LIGHT)
        for name in LIGHT[:-1]:  # the Item's links are those of its folder
            assert (entry.folder / name).read_bytes() == (package.folder / name).read_bytes()
        before = [p.stat().st_mtime_ns for p in sorted(mirror.folder.rglob("*.*"))]
        assert mirror.update() == 1
        assert [p.stat().st_mtime_ns for p in sorted(mirror.folder.rglob("*.*"))] == before
        store_of(there).remove(find(there))
        assert mirror.update() == 0
        assert find(mirror.folder) == []
