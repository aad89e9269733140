"""The catalog's own files say what the folders say: never more, never less."""

import datetime as dt
import json
import threading

import pyarrow.parquet as pq
import pystac
import pytest
from stac_geoparquet.arrow import stac_table_to_items

from reliefscope.cli import main
from reliefscope.errors import PublishError
from reliefscope.products.catalog import find, prunable, publish
from reliefscope.products.index import TABLE, rebuild, remove
from tests.products.scene import RELEASED, make_context, make_product

pytestmark = pytest.mark.usefixtures("light_package")  # what is in a package does not matter here


def listed(catalog):
    rows = {i["id"]: i for i in stac_table_to_items(pq.read_table(catalog / TABLE))}
    for row in rows.values():  # older readers give None for what an Item lacks and others have
        row["assets"] = {n: a for n, a in row["assets"].items() if a is not None}
    return rows


def two_versions(catalog):
    """Return a first product and its correction."""
    first = publish(make_product(), catalog, released=RELEASED)
    other = make_product(parameters={"mmu": 20.0})
    return first, publish(other, catalog, released=RELEASED, context=make_context())


@pytest.mark.filterwarnings("ignore:The item .* is deprecated")
def test_table_holds_every_item(tmp_path):
    """Valid Items, with links that lead from the table to the files."""
    packages = two_versions(tmp_path)
    rows = listed(tmp_path)
    assert set(rows) == {p.product_id for p in packages}
    for package in packages:
        row = rows[package.product_id]
        assert (tmp_path / row["assets"]["state"]["href"]).samefile(package.folder / "state.tif")
        (link,) = row["links"]
        assert (tmp_path / link["href"]).samefile(package.item)
        pystac.Item.from_dict(row)
    assert rows[packages[0].product_id]["properties"]["deprecated"] is True


def test_publishers_at_the_same_time_lose_nothing(tmp_path):
    """Eight threads publish eight events; table, collection and folders agree."""
    errors = []

    def work(number):
        product = make_product()
        event = product.event.__class__(
            id=f"EV{number}",
            title="t",
            hazard=product.event.hazard,
            area=product.event.area,
            onset=product.event.onset,
        )
        try:
            publish(make_product(event=event), tmp_path, released=RELEASED)
        except Exception as error:  # noqa: BLE001 - any is a failure of the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(find(tmp_path)) == 8
    assert set(listed(tmp_path)) == {e.product_id for e in find(tmp_path)}


@pytest.mark.filterwarnings("ignore:The item .* is deprecated")
def test_rebuild_mends_what_was_lost(tmp_path):
    """Lists that were deleted or are stale are made from the folders."""
    two_versions(tmp_path)
    before = listed(tmp_path)
    for path in (tmp_path / TABLE, tmp_path / "catalog.json", tmp_path / "flood/collection.json"):
        path.unlink()
    assert rebuild(tmp_path) == 2
    assert listed(tmp_path) == before
    opened = pystac.Catalog.from_file(str(tmp_path / "catalog.json"))
    assert {i.id for i in opened.get_items(recursive=True)} == set(before)


def test_prune_takes_what_is_replaced(tmp_path):
    """The version before goes; the latest stays, and no link leads to nothing."""
    old, new = two_versions(tmp_path)
    assert [e.product_id for e in prunable(tmp_path)] == [old.product_id]
    remove(tmp_path, prunable(tmp_path))
    assert [e.product_id for e in find(tmp_path)] == [new.product_id]
    assert set(listed(tmp_path)) == {new.product_id}
    links = json.loads(new.item.read_text())["links"]
    assert not any("predecessor" in link["rel"] for link in links)


def test_prune_by_age_may_empty_the_catalog(tmp_path):
    """All that is older goes, and a hazard without products has no collection."""
    two_versions(tmp_path)
    later = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    remove(tmp_path, prunable(tmp_path, before=later))
    assert find(tmp_path) == []
    assert not (tmp_path / TABLE).exists()
    assert not (tmp_path / "flood" / "collection.json").exists()
    assert json.loads((tmp_path / "catalog.json").read_text())["links"]


def test_disk_that_fills_up_while_the_table_is_written(tmp_path, monkeypatch):
    """The package is published, the error says what to do, the old table stays whole."""
    publish(make_product(), tmp_path, released=RELEASED)
    before = listed(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("reliefscope.products.index.to_parquet", full)
        with pytest.raises(PublishError, match="free disk space"):
            publish(make_product(parameters={"mmu": 20.0}), tmp_path, released=RELEASED)
    assert listed(tmp_path) == before
    assert rebuild(tmp_path) == 2
    assert len(listed(tmp_path)) == 2


def test_commands_of_the_catalog(tmp_path, capsys):
    """List, rebuild and prune; nothing is removed unless that is said."""
    _, new = two_versions(tmp_path)
    where = ["--catalog", str(tmp_path)]
    assert main(["catalog", "list", "--json", *where]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [r["superseded"] for r in rows] == [True, False]
    assert main(["catalog", "rebuild", *where]) == 0
    assert main(["catalog", "prune", *where]) == 0
    assert len(find(tmp_path)) == 2
    assert main(["catalog", "prune", "--yes", *where]) == 0
    assert [e.product_id for e in find(tmp_path)] == [new.product_id]
    assert main(["catalog", "list", "--hazard", "fire", *where]) == 3
    assert main(["catalog", "prune", "--before", "soon", *where]) == 2
